"""Sensors that are there already: for files, and for assets of other workspaces."""

from datetime import UTC, datetime, timedelta
from itertools import count

import fsspec
import pandas as pd
import pytest

from assetkit import Daemon, DailyPartitions, Definitions, Output, Workspace, asset, materialize
from assetkit.catalog.memory import MemoryCatalog
from assetkit.errors import InvalidArgument
from assetkit.sensors import file_sensor, workspace_sensor

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
days = DailyPartitions("2026-01-01")
DAY = r"(\d{4}-\d\d-\d\d)"


BUILT = []


@asset(partitions=days)
def orders(context):
    BUILT.append(context.partition_key)


@pytest.fixture
def workspace():
    with Workspace.temporary(catalog=MemoryCatalog()) as place:
        yield place


class Turns:
    """Turns of a daemon, some seconds apart."""

    def __init__(self, sensor, workspace):
        self.project = Definitions(assets=[orders], sensors=[sensor])
        self.workspace, self.now = workspace, NOON

    def __call__(self):
        """Return what was built in the next turn, or why nothing was."""
        self.now += timedelta(seconds=30)
        BUILT.clear()
        turn = Daemon(self.project, self.workspace).tick(self.now)
        made = sorted(BUILT)
        return made or turn.sensors[0].message


def test_a_file_that_still_grows_is_waited_for(workspace, tmp_path):
    """Only what did not change from one look to the next is complete; a new version runs again."""
    inbox = tmp_path / "inbox"
    inbox.mkdir()
    turn = Turns(file_sensor(orders, inbox / "*.csv", partitions=DAY), workspace)

    assert turn() == f"no file at {inbox}/*.csv"
    file = inbox / "orders-2026-01-05.csv"
    file.write_text("a")
    (inbox / "orders-2026-01-06.csv").write_text("a")
    (inbox / "notes.csv").write_text("not for any day")
    assert turn() == "2 files may still grow"
    file.write_text("ab")
    assert turn() == ["2026-01-06"]
    assert turn() == ["2026-01-05"]
    assert turn() == f"2 files at {inbox}/*.csv, none new"
    file.write_text("corrected")
    turn()
    assert turn() == ["2026-01-05"]


def test_each_file_may_have_a_run_of_its_own(workspace, tmp_path):
    """Otherwise one run takes all that is complete at once."""
    for day in (5, 6):
        (tmp_path / f"2026-01-0{day}.csv").write_text("a")
    together = Turns(file_sensor(orders, tmp_path / "*.csv", partitions=DAY), workspace)
    together()
    assert together() == ["2026-01-05", "2026-01-06"]
    assert len(workspace.runs()) == 1

    apart = file_sensor(orders, tmp_path / "*.csv", partitions=DAY, each=True, name="apart")
    turns = Turns(apart, workspace)
    turns()
    turns()
    assert len(workspace.runs()) == 3


def test_files_at_a_url(workspace):
    """Any file system of fsspec does."""
    system = fsspec.filesystem("memory")
    system.pipe("/inbox/2026-01-07.csv", b"a")
    turn = Turns(
        file_sensor(orders, "memory://inbox/*.csv", partitions=lambda path: path[-14:-4]), workspace
    )

    turn()
    assert turn() == ["2026-01-07"]
    system.rm("/inbox", recursive=True)


@pytest.mark.parametrize("wrong", ["(", "no group", r"(\d)(\d)", 3])
def test_what_tells_the_partition_is_checked(wrong):
    """An expression that cannot be read, or has not one group, is refused."""
    with pytest.raises(InvalidArgument, match="partitions="):
        file_sensor("orders", "*.csv", partitions=wrong)


def test_changes_in_another_workspace(workspace):
    """What changed there is run here, by partition, once."""
    versions = count()
    source = asset(name="source", partitions=days)(
        lambda: Output(pd.DataFrame({"n": [1]}), data_version=str(next(versions)))
    )
    with Workspace.temporary() as other:
        turn = Turns(workspace_sensor(orders, other, "source", partitions=True), workspace)

        assert turn() == f"source is not built in {other.root}"
        for partition in ("2026-01-08", "2026-01-09"):
            materialize(source, partitions=partition, workspace=other, progress="none")
        assert turn() == ["2026-01-08", "2026-01-09"]
        assert turn() == f"source has not changed in {other.root}"
        materialize(source, partitions="2026-01-09", force=True, workspace=other, progress="none")
        assert turn() == ["2026-01-09"]
