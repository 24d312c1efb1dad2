"""The command ``init``: a starter project that runs."""

from __future__ import annotations

import re
from importlib.resources import files
from pathlib import Path

import click

from assetkit.cli.options import Verb, json_option
from assetkit.cli.session import Session

_TEMPLATE = "template"


@click.command(cls=Verb, examples=("assetkit init", "assetkit init shop"))
@click.argument("folder", type=click.Path(path_type=Path), default=".")
@json_option
@click.pass_obj
def init(session: Session, folder: Path, *, as_json: bool) -> None:
    """Make a starter project in FOLDER (here, where none is given): four assets and a test.

    Files that are there already are never overwritten.
    """
    name = _module_name(folder.resolve().name)
    content = _files(name)
    taken = sorted(path for path in content if (folder / path).exists())
    if taken:
        raise click.UsageError(
            f"{', '.join(taken)} {'is' if len(taken) == 1 else 'are'} in {folder} already, and "
            f"nothing is overwritten. Choose another folder: assetkit init NAME"
        )
    for path, text in content.items():
        file = folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
    if as_json:
        session.out.json("init", {"folder": str(folder), "files": sorted(content)})
        return
    session.out.write(f"Made {', '.join(sorted(content))}.\n\nNext:")
    if folder != Path():
        session.out.write(f"  cd {folder}")
    for command, what in (
        ("assetkit plan", "what would run, and why"),
        ("assetkit materialize", "run it"),
        ("assetkit sql 'from by_region'", "look at a result"),
        ("python -m pytest", "test the assets as plain functions"),
    ):
        session.out.write(f"  {command:<32} # {what}")


def _files(name: str) -> dict[str, str]:
    """Return the starter project's files by path, with the project's name filled in."""
    root = files("assetkit.cli") / _TEMPLATE
    texts = {
        "pyproject.toml": "pyproject.toml.txt",
        f"{name}.py": "assets.py.txt",
        f"test_{name}.py": "test_assets.py.txt",
    }
    return {
        path: (root / source).read_text(encoding="utf-8").replace("PROJECT", name)
        for path, source in texts.items()
    }


def _module_name(folder: str) -> str:
    """Return a folder's name as that of a module.

    >>> _module_name("My shop!"), _module_name("2026")
    ('my_shop', 'project_2026')
    """
    name = re.sub(r"\W+", "_", folder.lower()).strip("_") or "project"
    return name if name.isidentifier() and not name[0].isdigit() else f"project_{name}"
