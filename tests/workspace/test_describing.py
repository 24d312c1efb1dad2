"""A closer look at what is published: columns, some rows, metadata of all kinds."""

import json

import pandas as pd
import pytest

from assetkit import (
    Output,
    StaticPartitions,
    Workspace,
    asset,
    checks,
    external_asset,
    materialize,
)
from assetkit.errors import DataMissing, UnknownAsset
from assetkit.io import DuckDBIOManager
from assetkit.metadata import Image, Markdown, Number, PathTo, Table, Url

PNG = b"\x89PNG\r\n\x1a\n"


@pytest.fixture
def workspace():
    """Give a workspace of its own to each test."""
    with Workspace.temporary() as made:
        yield made


def described(workspace, **arguments):
    """Return the description of an asset of two partitions."""

    @asset(partitions=StaticPartitions(["a", "b"]), **arguments)
    def table(context):
        rows = pd.DataFrame({"n": [1, 2, None], "s": ["x", "<b>", "z"]})
        return Output(
            rows if context.partition_key == "b" else rows[:1],
            metadata={
                "score": Number(0.9, unit="%"),
                "link": Url("https://example.org/?a=1&b=2"),
                "note": Markdown("# <script>"),
                "file": PathTo("models/a.bin"),
                "matrix": Table([{"p": 1, "q": 2}]),
                "plot": Image(PNG),
                "plain": {"a": [1, 2]},
            },
        )

    materialize(table, workspace=workspace, progress="none")
    return workspace.describe(table)


def test_the_newest_partition_is_looked_at(workspace):
    """Totals of all partitions; columns, rows and metadata of one."""
    found = described(workspace, checks=[checks.not_null("n")])

    assert (found.partition, found.slots, found.rows, found.slot_rows) == ("b", 2, 4, 3)
    assert [(one.name, one.nulls, one.minimum, one.maximum) for one in found.columns] == [
        ("n", 1, 1.0, 2.0),
        ("s", 0, "<b>", "z"),
    ]
    assert [row["n"] for row in found.preview] == [1.0, 2.0, None]
    assert [(one["check"], one["passed"]) for one in found.checks] == [("not_null(n)", False)]
    assert workspace.describe("table", "a").slot_rows == 1


def test_every_kind_of_metadata_is_told(workspace):
    """Text says each value; the notebook view has links, tables and pictures, and no script."""
    found = described(workspace)
    text, html = str(found), found._repr_html_()

    assert "score: 0.9 %" in text
    assert "    p  q\n    1  2" in text
    assert "plain: a: 1, 2" in text
    assert 'href="https://example.org/?a=1&amp;b=2"' in html
    assert '<img src="data:image/png;base64,' in html
    assert "<script" not in html
    assert "<b>" not in html
    assert json.loads(json.dumps(found.json["metadata"])) == found.metadata


@pytest.mark.parametrize("io_manager", [DuckDBIOManager(), "memory"])
def test_tables_of_other_stores_are_looked_at_too(workspace, io_manager):
    """Where there is no Parquet file, a small table is read for it."""
    found = described(workspace, io_manager=io_manager)

    assert [row["s"] for row in found.preview] == ["x", "<b>", "z"]
    assert [one.name for one in found.columns] == ["n", "s"]


def test_what_is_no_table_is_told_without_rows(workspace):
    """An object and a result of None have their facts and metadata alone."""

    @asset(io_manager="pickle")
    def model():
        return Output(object, metadata={"accuracy": 0.5})

    @asset
    def effect():
        return None

    materialize([model, effect], workspace=workspace, progress="none")

    assert workspace.describe(model).columns == ()
    assert workspace.describe(model).metadata == {"accuracy": 0.5}
    assert workspace.describe("effect").preview == []
    assert "some rows" not in str(workspace.describe("effect"))


def test_what_is_not_there_is_said(workspace):
    """Nothing materialized, and a name that is none."""
    with pytest.raises(UnknownAsset, match="No asset 'table'"):
        workspace.describe("table")
    described(workspace)
    workspace.delete("table")
    with pytest.raises(DataMissing, match="assetkit materialize table"):
        workspace.describe("table")


def test_outside_data_is_described(workspace, tmp_path):
    """What others made is looked at where it lies."""
    pd.DataFrame({"n": [1, 2]}).to_parquet(tmp_path / "in.parquet")
    outside = external_asset("outside", path=str(tmp_path / "in.parquet"))

    @asset
    def after(outside: pd.DataFrame):
        return outside

    materialize(after, workspace=workspace, progress="none")

    assert "outside" in str(workspace.describe(outside))
