"""How much a run asks of DuckDB: a statement takes about a millisecond, whatever it does."""

import pytest

from assetkit.catalog.duckdb import DuckDBCatalog
from assetkit.catalog.engine import attached, release
from assetkit.records import AssetRow, RunStatus
from tests.catalog.records import after, claim, commit, ended, made, run


@pytest.fixture
def statements():
    """Return what lists the statements about the catalog since it was last asked."""
    release()
    with attached(":memory:") as connection:
        connection.execute("CALL enable_logging('QueryLog')")

    def since_asked():
        with attached(":memory:") as connection:
            found = [row[0] for row in connection.execute("SELECT message FROM duckdb_logs")]
            connection.execute("CALL truncate_duckdb_logs()")
        return [text for text in found if "known" in text and "':memory:'" not in text][1:]

    yield since_asked
    release()


def build(catalog, run_id, seconds, described=()):
    """Begin a run of two slots and end it; yield in between."""
    fence = catalog.begin(run(run_id), described, [claim("a", 0, 1)]).fence
    yield
    at = after(seconds)
    last = commit(
        *(made(ordinal=n, version=seconds, run_id=run_id, materialized_at=at) for n in range(2)),
        commit_id=f"{run_id}-1",
        run_id=run_id,
        fence=fence,
        steps=tuple(ended(ordinal=n, run_id=run_id, at=seconds) for n in range(2)),
    )
    catalog.finish_run(run_id, RunStatus.SUCCESS, at, "", last)


def test_statements_of_a_run(tmp_path, statements):
    """A run that replaces slots begins with nine statements and ends with thirteen."""
    catalog = DuckDBCatalog(tmp_path / "catalog.duckdb")
    list(build(catalog, "r1", 1, [AssetRow(asset="a", layout="", universe="", universe_seq=0)]))
    again = build(catalog, "r2", 2)
    catalog.snapshot(["a"], detail=["a"])
    statements()
    next(again)
    begun = statements()
    list(again)
    finished = statements()
    assert len(begun) <= 9, begun
    assert len(finished) <= 13, finished
    assert [text.split()[0] for text in begun + finished].count("ATTACH") == 2
    [run_again] = catalog.runs(run_id="r2").to_pylist()
    assert run_again["status"] == "success"
