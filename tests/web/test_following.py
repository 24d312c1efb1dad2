"""What the page notices of files, from outside and without opening any."""

import os

import psutil
import pytest

from assetkit.web.marks import ProjectFiles
from assetkit.web.reading import Readers
from assetkit.web.server import source_of


@pytest.fixture
def project(tmp_path):
    """A project of two modules, with its workspace, an environment and data beside them."""
    for file in (
        "shop/raw.py",
        "shop/marts.py",
        "work/data/made.py",
        ".venv/lib/other.py",
        "env/pyvenv.cfg",
        "env/lib/other.py",
        "data/date=2026-01-01/part.py",
    ):
        path = tmp_path / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("pass")
    return tmp_path


def write(file):
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("changed = True")


@pytest.mark.parametrize(
    ("change", "is_seen"),
    [
        pytest.param(lambda root: write(root / "shop" / "raw.py"), True, id="a change"),
        pytest.param(lambda root: write(root / "shop" / "new" / "more.py"), True, id="a new one"),
        pytest.param(lambda root: (root / "shop" / "raw.py").unlink(), True, id="one that went"),
        pytest.param(lambda root: write(root / "shop" / "notes.txt"), False, id="another kind"),
        pytest.param(lambda root: write(root / ".venv" / "lib" / "other.py"), False, id="hidden"),
        pytest.param(lambda root: write(root / "env" / "lib" / "new.py"), False, id="environment"),
        pytest.param(lambda root: write(root / "work" / "more.py"), False, id="workspace"),
        pytest.param(lambda root: write(root / "data" / "date=1" / "x.py"), False, id="partitions"),
    ],
)
def test_changes_of_the_code_are_noticed(project, change, is_seen):
    """Python files of the project count, whatever happens to them; nothing else does."""
    files = ProjectFiles(project, but=project / "work")
    before = files.mark()
    assert files.mark() == before

    change(project)

    assert (files.mark() != before) == is_seen


def test_folders_are_listed_once(project, monkeypatch):
    """Looking again asks for times only: no folder is read that is as it was."""
    files = ProjectFiles(project)
    files.mark()
    listed, scandir = [], os.scandir
    monkeypatch.setattr(os, "scandir", lambda path: listed.append(path) or scandir(path))

    files.mark()
    assert listed == []

    write(project / "shop" / "late.py")
    files.mark()
    assert listed == [str(project / "shop")]


def test_a_project_that_nobody_looks_at_is_unloaded(tmp_path):
    """Its process ends, and comes back with the next question, which it answers as before."""
    (tmp_path / "plain.py").write_text(
        "from assetkit import asset\n\n@asset\ndef numbers():\n    return [1]\n"
    )
    source = source_of(module="plain", folder=tmp_path, root=str(tmp_path / "made"), base=None)
    readers, me = Readers(source), psutil.Process()
    before = readers.ask("runs")
    known = set(me.children())

    readers.rest(unused=3_600)
    assert set(me.children()) == known
    readers.rest(unused=0)
    assert not readers.follow()
    assert len(me.children()) == len(known) - 1

    assert readers.ask("runs") == before
    readers.stop()
