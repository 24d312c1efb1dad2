"""Dynamic partitions are safe from several processes, and outlive their catalog."""

import subprocess
import textwrap
from pathlib import Path

import pandas as pd
import pytest

from assetkit import (
    DynamicPartitions,
    StaticPartitions,
    Workspace,
    asset,
    backfill,
    materialize,
    plan,
    resume,
)
from assetkit.workspace.journal import journal_of
from tests import warm

CHANGING = textwrap.dedent(
    """
    import sys
    from assetkit import Workspace

    who = sys.argv[1]
    workspace = Workspace("lake")
    sys.stdin.readline()
    for number in range(8):
        workspace.add_partitions("shops", [f"{who}-{number}", f"shared-{number}"])
        workspace.remove_partitions("shops", [f"{who}-{number - 1}", "from the start"])
    """
)


@pytest.fixture
def workspace(tmp_path):
    return Workspace(tmp_path / "lake")


def keys(workspace):
    return [key for _, key in workspace.catalog.snapshot([]).dynamic.get("shops", ())]


def test_processes_change_one_set_at_once(tmp_path, workspace):
    """No addition and no removal is lost, no key is there twice, and numbers stay with keys."""
    workspace.add_partitions("shops", ["from the start", "kept"])
    (tmp_path / "changing.py").write_text(CHANGING)
    processes = [
        warm.Process(
            ["changing.py", who],
            cwd=tmp_path,
            stdin=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        for who in ("ann", "bob", "cid")
    ]
    for process in processes:
        process.stdin.write("go\n")
        process.stdin.flush()
    errors = [process.communicate(timeout=120)[1] for process in processes]

    assert [process.returncode for process in processes] == [0, 0, 0], errors
    shared = [f"shared-{number}" for number in range(8)]
    assert sorted(keys(workspace)) == sorted(["kept", "ann-7", "bob-7", "cid-7", *shared])
    known = workspace.catalog.export()["partitions"].to_pylist()
    assert sorted(row["ordinal"] for row in known) == list(range(2 + 8 + 3 * 8))
    before = keys(workspace)
    lose_catalog(workspace)
    workspace.rebuild_catalog()
    assert keys(workspace) == before


def lose_catalog(workspace):
    """Put noise in the place of the catalog, and of its copy."""
    workspace.close()
    for file in Path(workspace.root).rglob("catalog*.duckdb*"):
        file.write_bytes(b"noise")


@asset(partitions=DynamicPartitions("shops"), code_version="1")
def tills(context) -> pd.DataFrame:
    return pd.DataFrame({"shop": [context.partition_key]})


def test_a_lost_catalog_loses_no_keys(workspace):
    """They are in a journal of their own; a torn or foreign line in it spoils no other."""
    workspace.add_partitions("shops", ["acme", "globex", "hooli"])
    materialize(tills, workspace=workspace)
    workspace.remove_partitions("shops", ["globex"])
    with journal_of(workspace.core.place.private).open("a") as journal:
        journal.write('5\n{"name": "shops", "add": ["tor')
    workspace.add_partitions("shops", ["initech"])
    lose_catalog(workspace)

    workspace.rebuild_catalog()

    made = plan(tills, workspace=workspace)
    assert [step.partition for step in made.steps] == ["initech"]
    assert made.snapshot.orphans == {"tills": ("globex",)}
    assert workspace.remove_partitions("shops", ["acme", "globex"]) == ["acme"]


def test_a_rebuilt_catalog_keeps_backfills_and_numbers(workspace):
    """Where the old one can be read, a backfill goes on by its id, about the same slots."""
    broken = {"b"}

    @asset(partitions=DynamicPartitions("shops"), code_version="1")
    def stock(context) -> pd.DataFrame:
        if context.partition_key in broken:
            raise ValueError("no file")
        return pd.DataFrame({"shop": [context.partition_key]})

    workspace.add_partitions("shops", ["gone", "a", "b"])
    workspace.remove_partitions("shops", ["gone"])
    first = backfill(stock, workspace=workspace, raise_on_error=False)
    workspace.add_partitions("shops", ["c"])
    broken.clear()

    workspace.rebuild_catalog()

    assert workspace.backfills().backfill_id.tolist() == [first.backfill_id]
    second = resume(first.backfill_id, stock, workspace=workspace)
    assert second.materialized == [("stock", "b")]
    assert workspace.backfills().status.tolist() == ["success"]


def test_what_no_file_knows_is_lost_with_the_catalog(workspace):
    """Then the records of backfills are gone, and nothing else that matters."""

    @asset(partitions=StaticPartitions(["a", "b"]), code_version="1")
    def stock(context) -> pd.DataFrame:
        return pd.DataFrame({"shop": [context.partition_key]})

    backfill(stock, workspace=workspace)
    lose_catalog(workspace)

    assert workspace.rebuild_catalog() == 2
    assert workspace.backfills().empty
    assert len(plan(stock, workspace=workspace)) == 0
