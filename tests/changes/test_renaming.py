"""Assets and partitions get other names: their data goes along, whatever keeps it."""

import json
from pathlib import Path

import pandas as pd
import pytest

from assetkit import (
    AssetIn,
    DailyPartitions,
    DynamicPartitions,
    MultiPartitions,
    StaticPartitions,
    Workspace,
    asset,
    materialize,
    plan,
)
from assetkit.errors import CatalogError, InvalidArgument, InvalidName, UnknownPartition
from assetkit.io import (
    DuckDBIOManager,
    JSONIOManager,
    MemoryIOManager,
    ParquetIOManager,
    PickleIOManager,
)


class Lines:
    """A manager of a user's own, with no more than the three methods."""

    def write(self, value, target):
        target.path.mkdir(parents=True, exist_ok=True)
        (target.path / "lines.json").write_text(value.to_json())

    def read(self, sources, load_as, columns):
        files = [Path(one.place.data) / one.folder / "lines.json" for one in sources]
        frames = [pd.DataFrame(json.loads(file.read_text())) for file in files]
        return pd.concat(frames, ignore_index=True)

    def delete(self, target):
        (target.path / "lines.json").unlink(missing_ok=True)


MANAGERS = [ParquetIOManager, PickleIOManager, JSONIOManager, DuckDBIOManager, MemoryIOManager]


@pytest.fixture
def workspace():
    with Workspace.temporary() as made:
        yield made


def rows(manager, key):
    """Return a value that the manager keeps."""
    value = [{"key": key}]
    return value if isinstance(manager, JSONIOManager) else pd.DataFrame(value)


def pair(manager, keys, name="sales"):
    """Return an asset by key, and one that reads it key by key."""
    regions = StaticPartitions(keys)

    @asset(name=name, partitions=regions, io_manager=manager, code_version="1")
    def sales(context):
        return rows(manager, context.partition_key)

    @asset(partitions=regions, ins={"read": AssetIn(name)}, io_manager=manager, code_version="1")
    def copied(read):
        return read

    return sales, copied


def steps(made):
    return [(step.asset, step.partition) for step in made.steps]


@pytest.mark.parametrize("kind", [*MANAGERS, Lines])
def test_a_renamed_asset_takes_its_data_along(workspace, kind):
    """Nothing is made again after a rename, neither the asset nor what reads it."""
    manager = kind()
    sales, copied = pair(manager, ["us", "mx"])
    materialize(copied, workspace=workspace)

    assert workspace.rename(sales, "shop/sales") == 2

    sales, copied = pair(manager, ["us", "mx"], name="shop/sales")
    assert steps(plan(copied, workspace=workspace)) == []
    assert "mx" in str(workspace.load(sales, "mx"))
    assert steps(plan(pair(manager, ["us"])[0], workspace=workspace)) == [("sales", "us")]


@pytest.mark.parametrize("kind", [*MANAGERS, Lines])
def test_a_renamed_key_takes_its_data_along(workspace, kind):
    """The old key's data is the new one's; what reads it sees another key, and is made again."""
    manager = kind()
    _, copied = pair(manager, ["us", "mx", "eu"])
    materialize(copied, workspace=workspace)
    sales, copied = pair(manager, ["us", "mexico", "eu"])

    assert workspace.rename(sales, "mexico", partition="mx") == 1

    assert steps(plan(copied, workspace=workspace)) == [("copied", "mexico")]
    assert "mx" in str(workspace.load(sales, "mexico"))
    assert workspace.rename(copied, "mexico", partition="mx") == 1
    made = plan(copied, workspace=workspace)
    assert [(step.asset, step.partition, step.causes) for step in made.steps] == [
        ("copied", "mexico", ("input sales",))
    ]
    assert made.snapshot.orphans == {}
    materialize(copied, workspace=workspace)
    assert steps(plan(copied, workspace=workspace)) == []


def test_code_or_workspace_may_be_renamed_first(workspace):
    """A renamed slot waits as an orphan until the definition has its key; history goes along."""
    before, _ = pair("parquet", ["us", "mx"])
    materialize(before, workspace=workspace)

    assert workspace.rename("sales@mx", "sales@mexico") == 1

    made = plan(before, workspace=workspace)
    assert steps(made) == [("sales", "mx")]
    assert made.snapshot.orphans == {"sales": ("mexico",)}
    after, _ = pair("parquet", ["us", "mexico"])
    assert steps(plan(after, workspace=workspace)) == []
    assert workspace.history("sales", "mexico").partition.tolist() == ["mexico"]
    assert workspace.verify().empty
    workspace.rebuild_catalog()
    assert steps(plan(after, workspace=workspace)) == []
    assert len(materialize(after, force=True, workspace=workspace).unchanged) == 1


def test_a_dynamic_key_is_renamed(workspace):
    """Add the new key, rename, remove the old one: nothing is made again."""

    @asset(partitions=DynamicPartitions("shops"), code_version="1")
    def tills(context) -> pd.DataFrame:
        return pd.DataFrame({"shop": [context.partition_key]})

    workspace.add_partitions("shops", ["acme", "globex"])
    materialize(tills, workspace=workspace)
    workspace.add_partitions("shops", ["acme inc"])
    workspace.rename("tills@acme", "tills@acme inc")
    workspace.remove_partitions("shops", ["acme"])

    made = plan(tills, workspace=workspace)
    assert (steps(made), made.snapshot.orphans) == ([], {})


def test_a_key_of_one_dimension_is_renamed_wherever_it_is(workspace):
    """``region=mx`` means the key in all days; the others stay."""

    def sales_in(regions):
        days = DailyPartitions("2026-01-01", end="2026-01-04")
        both = MultiPartitions(date=days, region=StaticPartitions(regions))

        @asset(partitions=both, code_version="1")
        def sales(context) -> pd.DataFrame:
            return pd.DataFrame({"n": [1]})

        return sales

    materialize(sales_in(["us", "mx|1"]), workspace=workspace)

    assert workspace.rename("sales@region=mx|1", "sales@region=mexico") == 3

    made = plan(sales_in(["us", "mexico"]), workspace=workspace)
    assert (steps(made), made.snapshot.orphans) == ([], {})
    assert workspace.rename("sales@2026-01-01|us", "sales@2026-01-01|usa") == 1


def test_what_cannot_be_renamed_is_refused(workspace):
    """Each refusal says why, and nothing has moved."""
    sales, _ = pair("parquet", ["us", "mx"])
    materialize(sales, workspace=workspace)

    for arguments, error, said in (
        (("sales@mx", "sales@us"), CatalogError, "sales@us is published already"),
        (("sales@mexiko", "sales@x"), UnknownPartition, "Nothing of 'sales' is published"),
        (("sales@mx", "mexico"), InvalidArgument, "Write sales@mexico"),
        (("sales@mx", "other@mexico"), InvalidArgument, "A partition stays in its asset"),
        (("sales@mx", "sales@.."), InvalidName, "cannot be a partition key"),
        (("sales@partition=mx", "sales@region=x"), InvalidArgument, "write partition=x"),
        (("sales@partition=mxx", "sales@partition=x"), UnknownPartition, "Did you mean mx"),
        ((sales, ("a", "b"), "mx"), InvalidArgument, "whose dimensions are partition"),
    ):
        with pytest.raises(error, match=said):
            workspace.rename(*arguments)
    assert steps(plan(sales, workspace=workspace)) == []
