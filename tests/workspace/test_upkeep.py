"""The catalog is held against the files, made again from them, and cleared up."""

import json
import os
import time
from datetime import timedelta
from pathlib import Path

import pandas as pd
import pytest

from assetkit import StaticPartitions, Workspace, asset, materialize, plan
from assetkit.catalog.liveness import this_process
from assetkit.cli import main
from assetkit.errors import CatalogCorrupt, CatalogError, DataMissing, InvalidArgument
from assetkit.io import ParquetIOManager
from assetkit.records import RunRecord

REGIONS = StaticPartitions(["us", "eu/west", "..x"])

ZSTD = b"\x28\xb5\x2f\xfd"
"""What compressed values begin with."""


def part(workspace, asset_key, folder=""):
    """Return the file of a partition, by its folder."""
    return Path(workspace.root) / "data" / asset_key / folder / "part.parquet"


@pytest.fixture
def versions(tmp_path):
    """Return a workspace with three versions of one partition, and the asset that made them."""
    number = [0]

    @asset(partitions=REGIONS)
    def prices(context) -> pd.DataFrame:
        return pd.DataFrame({"price": [number[0]]})

    with Workspace(
        tmp_path / "versions", io_managers={"parquet": ParquetIOManager(keep=2)}
    ) as workspace:
        for number[0] in (1, 2, 3):
            materialize(prices, partitions="us", force=True, workspace=workspace, progress="none")
        yield workspace, prices


def test_what_agrees_has_no_differences(shop):
    """A workspace that nobody touched is found whole, also when all data is hashed."""
    assert shop.verify(deep=True).empty


def cut(file):
    file.write_bytes(file.read_bytes()[:-9])


def overwrite(file):
    file.write_text("by hand")


def swap(file):
    file.write_bytes(file.parent.parent.joinpath("partition=2026-01-01/part.parquet").read_bytes())


@pytest.mark.parametrize(
    ("harm", "problem"),
    [
        pytest.param(Path.unlink, "gone", id="deleted"),
        pytest.param(cut, "damaged", id="truncated"),
        pytest.param(overwrite, "damaged", id="overwritten"),
        pytest.param(swap, "belongs to orders@2026-01-01", id="another-partition"),
    ],
)
def test_each_difference_is_named_with_its_remedy(shop, harm, problem):
    """What happened to a file is said, and the command that mends it."""
    harm(part(shop, "orders", "partition=2026-01-02"))
    found = shop.verify()

    assert found[["asset", "partition"]].values.tolist() == [["orders", "2026-01-02"]]
    assert problem in found.problem[0]
    assert found.remedy[0] == "assetkit materialize orders@2026-01-02"


def test_changed_content_is_found_by_hashing(shop):
    """A file whose record and size are as they were, and whose values are not."""
    file = part(shop, "orders", "partition=2026-01-02")
    content = bytearray(file.read_bytes())
    content[content.find(ZSTD) + 18] ^= 0xFF  # in a value, past what leads to it
    file.write_bytes(content)

    found = shop.verify(deep=True)
    assert found[["asset", "partition"]].values.tolist() == [["orders", "2026-01-02"]]


def test_files_of_nobody_are_listed(shop):
    """A file in an asset's folder that assetkit did not write is said, and left alone."""
    foreign = Path(shop.root) / "data" / "orders" / "copy.parquet"
    foreign.write_text("x")
    found = shop.verify()

    assert len(found) == 1
    assert str(foreign) in found.problem[0]
    assert foreign.exists()


def test_the_catalog_is_made_again_from_the_files(shop, assets):
    """After the catalog is noise, the files are enough: the plan right after is empty."""
    before = shop.status()[["asset", "slots", "rows"]]
    shop.close()
    Path(shop.root, "catalog.duckdb").write_bytes(b"noise" * 999)
    with pytest.raises(CatalogCorrupt, match="assetkit catalog rebuild"):
        plan(assets["total"], workspace=shop)

    assert shop.rebuild_catalog() == 11
    assert len(plan(assets["total"], workspace=shop)) == 0
    assert shop.status()[["asset", "slots", "rows"]].equals(before)
    assert shop.verify(deep=True).empty
    assert materialize(assets["total"], workspace=shop, progress="none").materialized == []


def test_keys_that_no_folder_can_have_survive_a_rebuild(tmp_path):
    """Keys with slashes and dots come back from their encoded folders."""

    @asset(partitions=REGIONS)
    def prices(context) -> pd.DataFrame:
        return pd.DataFrame({"price": [1]})

    workspace = Workspace(tmp_path / "keys")
    materialize(prices, workspace=workspace, progress="none")

    assert workspace.rebuild_catalog() == 3
    assert len(plan(prices, workspace=workspace)) == 0


def test_results_without_files_are_taken_from_the_old_catalog(tmp_path):
    """A result of None has no file; a catalog that can still be read knows of it."""

    @asset
    def nothing() -> None:
        return None

    workspace = Workspace(tmp_path / "none")
    materialize(nothing, workspace=workspace, progress="none")
    workspace.rebuild_catalog()

    assert len(plan(nothing, workspace=workspace)) == 0


def test_no_catalog_is_made_again_while_a_run_is_under_way(shop):
    """What a run is about to write down must not be written into a file set aside."""
    now = shop.core.now()
    with shop.catalog.guard("r1"):
        shop.catalog.start_run(
            RunRecord(run_id="r1", owner=this_process(), started_at=now, targets=(), steps=1)
        )
        with pytest.raises(CatalogError, match="Run r1 of process"):
            shop.rebuild_catalog()
    assert shop.rebuild_catalog() == 11


def test_rolling_back_publishes_a_kept_version(versions):
    """The version before comes back, is what readers see, and is in the history."""
    workspace, _ = versions
    workspace.rollback("prices", "us")

    assert workspace.load("prices", "us").price.tolist() == [2]
    assert workspace.verify(deep=True).empty
    history = workspace.history("prices", "us")
    assert history.data_version[0] == history.data_version[2]
    assert workspace.runs().origin[0] == "rollback"


def test_rolling_back_to_a_version_or_a_run(versions):
    """A version is named by its digits or its run; what was replaced can be had again."""
    workspace, prices = versions
    history = workspace.history("prices", "us")
    workspace.rollback(prices, "us", to=history.run_id[2])
    first = workspace.load("prices", "us").price.tolist()
    workspace.rollback(prices, "us", to=history.data_version[0][:8])

    assert (first, workspace.load("prices", "us").price.tolist()) == ([1], [3])


def test_what_was_not_kept_cannot_come_back(shop, versions):
    """Without kept versions, or with an unknown one, the error says what to do."""
    workspace, _ = versions
    with pytest.raises(DataMissing, match="no earlier version"):
        shop.rollback("total")
    with pytest.raises(DataMissing, match="no version 'abcdef123'"):
        workspace.rollback("prices", "us", to="abcdef123")
    with pytest.raises(InvalidArgument, match="5 partitions"):
        shop.rollback("orders")


def test_vacuum_removes_leavings_and_no_data(shop):
    """Files of dead runs go when asked for; data and what lives stays."""
    private = Path(shop.root) / ".assetkit"
    dead = private / "staging" / "20200101-000000-abcdef"
    dead.mkdir(parents=True)
    (dead / "x.tmp").write_text("half")
    data = sorted(Path(shop.root, "data").rglob("*"))
    listed = shop.vacuum()

    assert listed.path.tolist() == [str(dead)]
    assert (dead / "x.tmp").exists()
    shop.vacuum(dry_run=False)
    assert not dead.is_dir()
    assert sorted(Path(shop.root, "data").rglob("*")) == data
    assert shop.vacuum().empty


def test_vacuum_keeps_what_the_io_manager_keeps(versions, tmp_path):
    """Kept versions stay however old; those beyond go once they are old enough."""
    workspace, _ = versions
    assert files_in(workspace.vacuum(older_than=timedelta(0))) == []
    fewer = Workspace(workspace.root, io_managers={"parquet": ParquetIOManager(keep=1)})

    assert fewer.vacuum().empty
    assert files_in(fewer.vacuum(older_than=timedelta(seconds=-60))) == ["replaced long ago"]


def files_in(found):
    """Return why files may go; the history of runs is told of, too."""
    return [reason for reason in found.reason if not reason.startswith("history from before")]


def test_old_history_goes_with_the_rest(versions):
    """What was replaced is forgotten, what is published is not."""
    workspace, prices = versions
    before = workspace.status()
    assert len(workspace.history("prices")) == 3
    long = {"older_than": timedelta(seconds=-60)}

    assert "2 results" in workspace.vacuum(**long).reason.iloc[-1]
    assert len(workspace.history("prices")) == 3
    workspace.vacuum(dry_run=False, **long)

    assert workspace.status().equals(before)
    assert len(workspace.history("prices")) == len(workspace.runs()) == 1
    assert len(plan(prices, partitions="us", workspace=workspace)) == 0


def test_old_logs_are_history(shop):
    """Logs go by the age of their run's folder."""
    folder = Path(shop.root) / ".assetkit" / "logs" / "20200101-000000-abcdef"
    folder.mkdir(parents=True)
    (folder / "1-orders.log").write_text("said")
    past = time.time() - 40 * 86400
    os.utime(folder, (past, past))

    assert shop.vacuum().reason.tolist() == ["logs of an old run"]
    assert shop.vacuum(older_than=timedelta(days=50)).empty


def call(capsys, *arguments):
    """Call the command line; return its exit code and what it printed."""
    with pytest.raises(SystemExit) as end:
        main(list(arguments))
    return end.value.code, capsys.readouterr().out


def test_the_command_line_does_all_three(shop, capsys):
    """`catalog verify` tells by its exit code; `rebuild` and `vacuum` say what they did."""
    root = ("--workspace", shop.root)
    assert call(capsys, *root, "catalog", "verify")[0] == 0
    part(shop, "orders", "partition=2026-01-02").unlink()
    code, out = call(capsys, *root, "catalog", "verify", "--json")
    assert (code, json.loads(out)["differences"][0]["asset"]) == (1, "orders")
    assert "10 partitions" in call(capsys, *root, "catalog", "rebuild", "--yes")[1]
    assert "Nothing to clear up" in call(capsys, *root, "catalog", "vacuum")[1]
