"""What each ready check finds, on a Parquet file and on a table in memory."""

import datetime as dt
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from assetkit import checks
from assetkit.checks.engine import Subject, run_checks
from assetkit.errors import InvalidArgument

DAY = dt.date(2026, 1, 31)
TABLE = pa.table(
    {
        "id": [1, 2, 2, None],
        "dep delay": [1.0, float("nan"), 30.0, None],
        "carrier": ["AA", "UA", "xx", None],
        "day": [DAY, DAY, dt.date(1999, 1, 1), None],
    }
)


@pytest.fixture(params=["file", "memory"])
def subject(request, tmp_path):
    """Return the table as a Parquet file with a name that is awkward in SQL, or in memory."""
    if request.param == "memory":
        return Subject(table=TABLE)
    path = tmp_path / "it's [a] *file*.tmp"
    pq.write_table(TABLE, path)
    return Subject(table=path)


@pytest.mark.parametrize(
    ("check", "failing"),
    [
        (checks.row_count(4, 4), 0),
        (checks.not_null("id"), 1),
        (checks.not_null("dep delay"), 2),
        (checks.not_null(["id", "dep delay"]), 2),
        (checks.unique("id"), 2),
        (checks.unique(["id", "carrier"]), 0),
        (checks.accepted_values("carrier", ["AA", "UA"]), 1),
        (checks.accepted_values("carrier", {"AA", "UA", "xx", None}), 0),
        (checks.in_range("dep delay", 0, 20), 2),
        (checks.in_range("dep delay", lo=2), 1),
        (checks.in_range("day", lo=dt.date(2000, 1, 1)), 1),
        (checks.sql('select * from this where "dep delay" > 20'), 2),
        (checks.sql('select * from this where isnan("dep delay") -- none'), 1),
        (checks.sql("select * from this where false;"), 0),
    ],
    ids=lambda value: getattr(value, "name", None),
)
def test_failing_rows_are_counted(check, failing, subject):
    """Missing values pass all but not_null, where NaN counts as missing."""
    (result,) = run_checks([check], subject)

    assert result.passed == (failing == 0)
    assert result.metadata.get("failing", 0) == failing
    assert bool(result.description) == (failing > 0)


def test_the_first_offending_rows_are_kept(subject):
    """With the column of the check first; NaN is found, too."""
    (late,) = run_checks([checks.in_range("dep delay", 0, 20)], subject)

    assert late.description == "2 of 4 rows have a value of dep delay outside of lo=0, hi=20"
    assert late.metadata["rows"] == 4
    assert late.metadata["sample"] == [
        {"dep delay": "nan", "id": 2, "carrier": "UA", "day": "2026-01-31"},
        {"dep delay": 30.0, "id": 2, "carrier": "xx", "day": "1999-01-01"},
    ]


def test_samples_are_short(tmp_path):
    """Five rows, and of a long text the beginning."""
    table = pa.table({"text": ["x" * 1000] * 100})

    (result,) = run_checks([checks.accepted_values("text", ["y"])], Subject(table=table))

    assert result.metadata["failing"] == 100
    assert [len(row["text"]) for row in result.metadata["sample"]] == [200] * 5


@pytest.mark.parametrize(
    ("limits", "description"),
    [
        ({"min": 5}, "There are 4 rows, fewer than 5"),
        ({"max": 3}, "There are 4 rows, more than 3"),
        ({"min": 4}, ""),
    ],
)
def test_rows_are_counted(limits, description, subject):
    """Both limits are included."""
    (result,) = run_checks([checks.row_count(**limits)], subject)

    assert (result.passed, result.description) == (not description, description)
    assert result.metadata == {"rows": 4}


def test_values_that_occur_twice_are_shown(subject):
    """With how often they do."""
    (result,) = run_checks([checks.unique("id")], subject)

    assert result.description == "2 rows share one value of id"
    assert result.metadata["sample"] == [{"id": 2, "rows": 2}]


@pytest.mark.parametrize(
    ("query", "passed"),
    [
        ("select count(*) = 4 from this", True),
        ("select count(*) > 4 from this", False),
        ("select null::boolean", False),
        ("select max(id) < 10 as small from flights", True),
    ],
)
def test_a_query_may_say_true_or_false(query, passed, tmp_path):
    """One column of truth values is the verdict; the asset has its own name, too."""
    (result,) = run_checks([checks.sql(query)], Subject(table=TABLE, names=("flights",)))

    assert result.passed == passed


def test_sql_knows_the_table_and_nothing_of_ours(subject):
    """What is no table is told with those that are, also where Python has a variable of it."""
    (result,) = run_checks([checks.sql("from self")], subject)

    assert not result.passed
    assert "self does not exist! The tables here: this." in result.description


def test_foreign_keys(subject):
    """A value that the other asset does not have fails; a missing one is no value."""
    keys = checks.foreign_key("carrier", "carriers", "code")
    found = Subject(
        table=subject.table, parent=lambda check: pa.table({"code": ["AA", "UA", None]})
    )

    # Not alone: what was asked before is over when another table is named.
    *_, result = run_checks([checks.row_count(1), checks.unique("id"), keys], found)

    assert keys.name == "foreign_key(carrier, carriers.code)"
    assert result.metadata["failing"] == 1
    assert result.metadata["sample"][0]["carrier"] == "xx"


@pytest.mark.parametrize(
    ("published", "description"),
    [
        (None, ""),
        ('[["n","int64"],["s","string"]]', ""),
        ('[["s","string"],["n","int64"]]', ""),
        (
            '[["n","int32"],["old","string"]]',
            "Column 'old' is gone; column 's' is new; column 'n' was int32 and is int64",
        ),
    ],
)
def test_schema_changes(published, description):
    """Names and types count, their order does not; nothing published is no change."""
    subject = Subject(
        table=TABLE, schema='[["n","int64"],["s","string"]]', published=lambda: published
    )

    (result,) = run_checks([checks.no_schema_change()], subject)

    assert (result.passed, result.description) == (not description, description)


@pytest.mark.parametrize(
    ("check", "said"),
    [
        (checks.not_null("carier"), "There is no column 'carier'. Did you mean carrier?"),
        (checks.in_range("carrier", 0, 5), "It could not be run: Binder Error: Cannot compare"),
        (checks.accepted_values("id", ["a"]), "It could not be run: Conversion Error"),
        (checks.sql("selec 1"), "It could not be run: Parser Error"),
        (checks.sql("create table t (i int)"), "It could not be run: Parser Error"),
        (checks.foreign_key("id", "nowhere"), "It could not be run"),
    ],
    ids=lambda value: getattr(value, "name", None),
)
def test_what_cannot_be_run_has_failed(check, said, subject):
    """It says why, and the other checks of the pass still have their results."""
    bad, good = run_checks([check, checks.not_null("id")], subject)

    assert not bad.passed
    assert bad.description.startswith(said)
    assert good.metadata["failing"] == 1


def test_names_cannot_leave_their_quotes(subject):
    """A column's name is a name, whatever is in it."""
    (result,) = run_checks([checks.not_null('id" is null or true --')], subject)

    assert result.description.startswith("There is no column")


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (checks.row_count, "no limit is given"),
        (lambda: checks.row_count(5, 1), "min=5 is above max=1"),
        (lambda: checks.row_count("5"), "no number of rows"),
        (lambda: checks.not_null([]), "no list of columns"),
        (lambda: checks.unique(3), "no list of columns"),
        (lambda: checks.accepted_values("a", "xyz"), "no list of values"),
        (lambda: checks.accepted_values("a", [None]), "list of values is empty"),
        (lambda: checks.in_range("a"), "no limit is given"),
        (lambda: checks.foreign_key("a", 3), "is no asset"),
        (lambda: checks.sql("  "), "query is empty"),
        (lambda: checks.not_null("a", severity="bad"), "severity='bad'. Allowed: 'error' or"),
        (lambda: checks.not_null("a", blocking="yes"), "blocking='yes'. Allowed: True or False"),
    ],
)
def test_wrong_arguments_are_told_where_they_are_written(make, said):
    """Not in the middle of a run."""
    with pytest.raises(InvalidArgument, match=said):
        make()


def test_results_are_true_or_false():
    """NumPy's truth values are; a missing one is neither."""
    assert checks.CheckResult(pa.scalar(True).as_py()).passed is True
    with pytest.raises(Exception, match=r"passed or it did not"):
        checks.CheckResult(__import__("pandas").NA)


def test_importing_checks_is_light():
    """The engine is loaded when a check runs."""
    import subprocess
    import sys

    program = "import sys, assetkit.checks as c; c.not_null('a'); print('duckdb' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True)

    assert done.stdout.strip() == b"False"
    assert Path(checks.__file__).exists()
