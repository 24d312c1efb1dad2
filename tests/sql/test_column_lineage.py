"""Which columns the columns of a SQL asset are made of."""

import pandas as pd
import pyarrow as pa
import pytest

from assetkit import (
    AssetIn,
    StaticPartitions,
    Workspace,
    asset,
    materialize,
    sql_asset,
)
from assetkit.io.sql_lineage import column_lineage
from assetkit.io.sql_text import parse_query

SCHEMAS = {
    "a": pa.schema({"id": pa.int64(), "x": pa.float64(), "k": pa.string()}),
    "b": pa.schema({"id": pa.int64(), "y": pa.float64()}),
    "s.c": pa.schema({"id": pa.int64(), "z": pa.struct({"q": pa.int64()})}),
}


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("select * from b", {"id": "b.id", "y": "b.y"}),
        ("select id, x * 2 as d from a where k = '1'", {"id": "a.id", "d": "a.x"}),
        ("select x + y as s from a join b using (id)", {"s": "a.x b.y"}),
        ("select k, sum(x) t, count(*) n from a group by k", {"k": "a.k", "t": "a.x", "n": ""}),
        ("with c as (select x * 2 as d from a) select d as e from c", {"e": "a.x"}),
        ("select id from a union all select id from b", {"id": "a.id b.id"}),
        ("select id from a except select id from b", {"id": "a.id"}),
        ("select lag(x) over (partition by k order by id) l from a", {"l": "a.id a.k a.x"}),
        ("select z.q as q from s.c", {"q": "s.c.z"}),
        (
            "with recursive t as (select id, x from a union all select id + 1, x from t) from t",
            {"id": "a.id", "x": "a.x"},
        ),
        ("select id from a semi join b using (id)", {"id": "a.id"}),
        ("select * exclude (x), upper(k) u from a", {"id": "a.id", "k": "a.k", "u": "a.k"}),
        ("select {{ partition_key }} as p, i from a, range(3) r(i)", {"p": "", "i": ""}),
        ("select k, grouping(k) g from a group by rollup(k)", {"k": "a.k", "g": ""}),
    ],
)
def test_columns_of_a_query(query, expected):
    """Values count, not the filters and joins that decide which rows there are."""
    parsed = parse_query(query, owner="q")

    found = column_lineage(parsed, {name: SCHEMAS[name] for name in parsed.tables})

    assert found is not None
    said = {
        name: " ".join(sorted(".".join(one) for one in sources)) for name, sources in found.items()
    }
    assert said == expected


def test_unknown_columns_are_not_guessed():
    """Without the schema of a table, or with a wrong column, nothing is said."""
    parsed = parse_query("select nope from a", owner="q")

    assert column_lineage(parsed, SCHEMAS) is None
    assert column_lineage(parsed, {}) is None


def test_lineage_of_a_workspace_has_columns():
    """Each edge of a SQL asset says what its columns are made of in that upstream."""
    keys = StaticPartitions(["a", "b"])

    @asset(name="sales/orders", partitions=keys)
    def orders(context) -> pd.DataFrame:
        return pd.DataFrame({"customer": [1], "amount": [2]})

    @asset
    def customers() -> pd.DataFrame:
        return pd.DataFrame({"customer": [1], "name": ["Ann"]})

    revenue = sql_asset(
        "revenue",
        "select name, sum(amount) as revenue, max(partition) as upto "
        "from bought join customers using (customer) group by name",
        ins={"bought": AssetIn("sales/orders")},
    )

    @asset
    def report(revenue: pd.DataFrame) -> pd.DataFrame:
        return revenue

    with Workspace.temporary() as workspace:
        materialize([report, revenue, customers, orders], workspace=workspace, progress="none")
        found = workspace.lineage(report).set_index(["upstream", "downstream"])["columns"]

    assert found["revenue", "report"] is None
    assert found["customers", "revenue"] == {"name": ["name"]}
    assert found["sales/orders", "revenue"] == {"revenue": ["amount"], "upto": ["partition"]}
