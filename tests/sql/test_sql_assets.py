"""Assets that are queries: upstreams by name, values bound, the same write path as any."""

from datetime import UTC, datetime
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from assetkit import (
    AssetIn,
    DailyPartitions,
    MaterializationError,
    StaticPartitions,
    Workspace,
    asset,
    external_asset,
    materialize,
    plan,
    sql_asset,
    sql_assets,
)
from assetkit.definitions.codeversion import code_version
from assetkit.errors import DefinitionError, UnknownUpstream
from assetkit.executors import ProcessExecutor
from assetkit.mappings import all_partitions

DAYS = DailyPartitions("2026-01-01", end="2026-01-04", timezone="America/New_York")


@pytest.fixture
def workspace():
    """A workspace of its own."""
    with Workspace.temporary() as made:
        yield made


@asset(name="sales/orders", partitions=DAYS)
def orders(context) -> pd.DataFrame:
    start = context.partition_window.start
    hours = [start, start + pd.Timedelta(hours=5), start + pd.Timedelta(hours=30)]
    return pd.DataFrame({"customer": [1, 2, 1], "amount": [10, 20, 5], "ordered": hours})


@asset
def customers() -> pd.DataFrame:
    return pd.DataFrame({"customer": [1, 2], "name": ["Ann", "Bob"]})


def run(targets, workspace, **arguments):
    """Materialize in silence."""
    return materialize(targets, workspace=workspace, progress="none", **arguments)


def version(query):
    """Return the code version of a query."""
    return code_version(sql_asset("q", query).definition).value


def upstreams(query):
    """Return the keys of what a query reads."""
    return [one.upstream for one in sql_asset("q", query).definition.inputs]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("select * from a join b using (id)", ["a", "b"]),
        ("from a select x", ["a"]),
        ("select (select max(x) from b) from a", ["b", "a"]),
        ("select * from a where x in (select x from b)", ["a", "b"]),
        ("with c as (select * from a) select * from c", ["a"]),
        ("with a as (select * from a) select * from a", ["a"]),
        (
            "with recursive c as (select 1 i union all select i + 1 from c) select * from c, a",
            ["a"],
        ),
        ("with c as materialized (from a) select * from C", ["a"]),
        ("select a.x from b as a", ["b"]),
        ('select * from "sales/orders", sales.refunds', ["sales/orders", "sales/refunds"]),
        ("select * from read_csv('x.csv'), 'y.parquet', range(3)", []),
        ("select * from information_schema.tables", []),
        ("select 1 union all select x from a", ["a"]),
        ("select * from a -- join b", ["a"]),
    ],
)
def test_upstreams_are_the_tables_named(query, expected):
    """Common tables, aliases, functions and files are none."""
    assert upstreams(query) == expected


def test_query_over_assets(workspace):
    """Rows of two assets are joined in DuckDB and stored like any result."""
    by_name = sql_asset(
        "by_name",
        """
        select name, sum(amount) as total
        from sales.orders join customers using (customer)
        group by name order by name
        """,
    )

    result = run(by_name, workspace)

    assert result.load("by_name").to_dict("list") == {"name": ["Ann", "Bob"], "total": [45, 60]}
    assert result.load("by_name").total.dtype == "int64"
    assert len(plan(by_name, workspace=workspace)) == 0


def test_partition_is_bound_and_upstreams_are_pruned(workspace):
    """A partition sees its own slot of the upstream, and its key and window as values."""
    daily = sql_asset(
        "daily",
        """
        select {{ partition_key }} as day, count(*) as orders, sum(amount) as total
        from sales.orders
        where ordered >= {{ partition_start }} and ordered < {{partition_end}}
        """,
        partitions=DAYS,
    )

    run(daily, workspace, partitions="2026-01-02")
    frame = workspace.load(daily, partitions="2026-01-02")

    assert frame.to_dict("list") == {"day": ["2026-01-02"], "orders": [2], "total": [30]}


def test_value_with_quotes_stays_a_value(workspace):
    """A key that would be SQL if it were pasted is only a text."""
    keys = StaticPartitions(["x' or '1'='1", "plain"])
    echo = sql_asset("echo", "select {{ partition_key }} as key", partitions=keys)

    run(echo, workspace)

    assert sorted(workspace.load(echo).key) == ["plain", "x' or '1'='1"]


def test_dimension_is_a_column_where_there_may_be_several(workspace):
    """A query over all partitions can group by the partition."""
    counts = sql_asset("counts", "select partition, count(*) n from sales.orders group by 1")

    run([counts, orders], workspace)

    assert workspace.load(counts).partition.tolist() == ["2026-01-01", "2026-01-02", "2026-01-03"]


def test_many_partitions_are_one_table(workspace):
    """Partitions come in their order, each with its key; later columns and NaN are found."""
    keys = StaticPartitions([f"it's {number}" for number in range(12)])
    wide = {"from": 100}

    @asset(partitions=keys, code_version="1")
    def parts(context) -> pa.Table:
        number = int(context.partition_key.split()[1])
        table = pa.table({"n": [number, -number], "v": [float(number), float("nan")]})
        return table.append_column("w", [[1, 1]]) if number >= wide["from"] else table

    query = "select n, partition as key from parts where v > 5 and n < 0"
    everything = sql_asset("everything", "select n, partition as key from parts")
    run([parts, everything], workspace)

    frame = workspace.load(everything)
    assert frame.n.tolist() == [value for number in range(12) for value in (number, -number)]
    assert frame.key.tolist()[:4] == ["it's 0", "it's 0", "it's 1", "it's 1"]
    assert workspace.sql(query).n.tolist() == [-number for number in range(1, 12)]
    assert workspace.sql("select sum(n) n from parts where partition = 'it''s 7'").n[0] == 0

    wide["from"] = 6
    run(parts, workspace, force=True)
    assert workspace.sql("select count(w) n from parts").n[0] == 12
    assert workspace.sql(query).n.tolist() == [-number for number in range(1, 12)]


def test_inputs_can_say_more(workspace):
    """A table of the query may have a mapping and another key."""
    share = sql_asset(
        "share",
        "select count(*) as n from everything",
        partitions=DAYS,
        ins={"everything": AssetIn("sales/orders", partitions=all_partitions())},
    )

    run([share, orders], workspace)

    assert workspace.load(share, partitions="2026-01-01").n.tolist() == [9]


def test_grouped_rows_come_in_one_order(workspace):
    """The same rows are the same version, whatever thread found them first."""

    @asset
    def many() -> pa.Table:
        return pa.table({"k": [i * 7919 % 10_007 for i in range(50_000)]})

    grouped = sql_asset("grouped", "select k, count(*) n from many group by k")
    run([grouped, many], workspace)

    assert run([grouped, many], workspace, force=True).unchanged == [
        ("many", None),
        ("grouped", None),
    ]


def test_comments_and_layout_do_not_count():
    """The version changes with what the query says, and with nothing else."""
    query = version("select a, b from t where x = 'A  b'")

    assert version("-- new\nSELECT a,\n  b /* why */ FROM t\nWHERE x = 'A  b';") == query
    assert version("select a, b from t where x = 'A b'") != query
    assert version("select b, a from t where x = 'A  b'") != query


def test_unreadable_query_shows_the_place():
    """A parser's error has the line and a caret under the place."""
    with pytest.raises(DefinitionError) as caught:
        upstreams("select a\nfrom t wher x = 3")

    assert str(caught.value).endswith("line 2: from t wher x = 3\n                    ^")


def test_failing_query_shows_the_place(workspace):
    """What only DuckDB's binder finds fails the step, with the line and its caret."""
    broken = sql_asset("broken", "select\n  nope\nfrom customers")

    with pytest.raises(MaterializationError) as caught:
        run(broken, workspace)

    cause = str(caught.value.__cause__)
    assert "SQL asset 'broken' (" in cause
    assert "LINE 2:   nope\n          ^" in cause


@pytest.mark.parametrize(
    ("query", "place"),
    [
        ("select\n  foo(customer)\nfrom customers", "LINE 2:   foo(customer)\n          ^"),
        ("select\n  cast(name as int) as n\nfrom customers", "LINE "),
        ("select\n  error('no')\nfrom customers", "no\nThe query:\n  select\n    error('no')"),
    ],
)
def test_failing_query_is_shown(query, place, workspace):
    """A function that is not there, a value that does not fit, an error of the query's own."""
    with pytest.raises(MaterializationError) as caught:
        run(sql_asset("broken", query), workspace)

    assert place in str(caught.value.__cause__)


def test_error_in_the_middle_of_the_rows_leaves_nothing(workspace):
    """An error after the first rows fails the step; nothing is published."""
    broken = sql_asset(
        "broken",
        "select case when i = 900000 then error('boom') else i end x from range(1000000) t(i)",
    )

    with pytest.raises(MaterializationError, match="boom"):
        run(broken, workspace)

    assert "broken" not in set(workspace.status().asset[workspace.status().rows.notna()])


def test_unknown_table_names_the_nearest():
    """A misspelt table is refused before anything runs."""
    broken = sql_asset("broken", "select * from custmers")

    with pytest.raises(UnknownUpstream, match="customers"):
        plan(broken)


@pytest.mark.parametrize(
    ("query", "arguments", "message"),
    [
        ("select {{ partition }}", {"partitions": DAYS}, "no placeholder"),
        ("select '{{ partition_key }}'", {"partitions": DAYS}, "take the quotes away"),
        ("select {{ partition_key }}", {}, "no partitions"),
        ("select 1; select 2", {}, "found 2"),
        ("create table x (i int)", {}, "one SELECT"),
        ("select * from a", {"ins": {"b": AssetIn("c")}}, "does not name"),
    ],
)
def test_wrong_queries_are_refused(query, arguments, message):
    """What a query may not say is told when it is defined."""
    with pytest.raises(DefinitionError, match=message):
        code_version(sql_asset("q", query, **arguments).definition)


def test_window_of_static_partitions_is_refused(workspace):
    """A start is asked for where partitions are no windows of time."""
    q = sql_asset("q", "select {{ partition_start }}", partitions=StaticPartitions(["a"]))

    with pytest.raises(MaterializationError, match="no windows of time"):
        run(q, workspace)


def test_python_variables_are_no_tables(workspace):
    """A query sees assets, never what a program happens to call by that name."""
    local = pa.table({"x": [1]})

    with pytest.raises(UnknownUpstream):
        run(sql_asset("q", "select * from local"), workspace)

    assert local.num_rows == 1


def test_folder_of_queries(tmp_path, workspace):
    """Each file is an asset; its head says more, its folder is a prefix."""
    (tmp_path / "models" / "marts").mkdir(parents=True)
    (tmp_path / "models" / "named.sql").write_text(
        '-- ---\n-- description = "All of them."\n-- tags = {team = "core"}\n-- ---\n'
        "select name from customers order by name"
    )
    (tmp_path / "models" / "marts" / "top.sql").write_text("select min(name) as first from named")

    found = sql_assets(tmp_path / "models", group="marts")
    by_key = {one.key: one.definition for one in found}
    result = run([*found, customers], workspace)

    assert sorted(by_key) == ["marts/top", "named"]
    assert by_key["named"].description == "All of them."
    assert by_key["named"].tags == {"team": "core"}
    assert {one.group for one in by_key.values()} == {"marts"}
    assert by_key["named"].source.file == str(tmp_path / "models" / "named.sql")
    assert result.load("marts/top")["first"].tolist() == ["Ann"]


@pytest.mark.parametrize(
    ("head", "message"),
    [
        ("-- ---\n-- tags = \n-- ---\n", "cannot be read as TOML"),
        ("-- ---\n-- group = 'a'\n", "cannot be read as TOML"),
        ("-- ---\n-- grup = 'a'\n-- ---\n", "cannot say 'grup'.*group"),
    ],
)
def test_wrong_heads_name_the_file(head, message, tmp_path):
    """A mistake in a file's head is told with the file."""
    (tmp_path / "one.sql").write_text(f"{head}select 1")

    with pytest.raises(DefinitionError, match=rf"(?s)one\.sql.*{message}"):
        sql_assets(tmp_path)


def test_query_of_a_file(tmp_path):
    """A path gives the query, and is where the asset is said to be defined."""
    file = tmp_path / "q.sql"
    file.write_text("select * from customers")

    q = sql_asset("q", Path(file))

    assert q.definition.source.file == str(file)
    assert upstreams(file.read_text()) == ["customers"]


def test_worker_processes_run_queries(workspace):
    """A query and its values reach other processes."""
    echo = sql_asset("echo", "select {{ partition_start }} as at", partitions=DAYS)

    run(echo, workspace, executor=ProcessExecutor(1), partitions="2026-01-01")

    assert workspace.load(echo)["at"][0] == datetime(2026, 1, 1, 5, tzinfo=UTC)


def test_called_directly_it_runs_over_tables():
    """Without a workspace the query runs over the tables that it is given."""
    doubled = sql_asset("doubled", "select x * 2 as x from numbers")

    assert doubled(numbers=pa.table({"x": [1, 2]})).read_all().to_pydict() == {"x": [2, 4]}


COUNT_LARGE = "select count(*) as n from readings where v > 5000"


@pytest.fixture
def readings():
    """A table with NaN, which DuckDB counts as the largest number, in several row groups."""
    values = [float(n % 1000) for n in range(300_000)]
    values[5] = values[200_000] = float("nan")
    return pa.table({"v": values, "plain": [1.0] * len(values)})


def test_filters_find_rows_with_nan(workspace, readings):
    """DuckDB's reader would pass over NaN by the file's statistics; no query here does."""
    made = asset(name="readings")(lambda: readings)
    large = sql_asset("large", COUNT_LARGE)
    greatest = sql_asset("greatest", "select isnan(max(v)) as is_nan from readings")

    result = run([made, large, greatest], workspace)

    assert result.load("large").n.tolist() == [2]
    assert result.load("greatest").is_nan.tolist() == [True]
    assert workspace.sql(COUNT_LARGE).n.tolist() == [2]
    assert workspace.sql("select sum(plain) as n from readings where plain = 1").n[0] == 300_000


def test_filters_find_rows_with_nan_in_files_of_others(workspace, readings, tmp_path):
    """The same holds where no record of ours says which columns have NaN."""
    pq.write_table(readings, tmp_path / "readings.parquet", row_group_size=100_000)
    outside = external_asset("readings", path=tmp_path / "readings.parquet")

    result = run([outside, sql_asset("large", COUNT_LARGE)], workspace, select="large")

    assert result.load("large").n.tolist() == [2]
    assert workspace.sql(COUNT_LARGE).n.tolist() == [2]
