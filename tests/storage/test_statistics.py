"""What a Parquet file says of itself, and a look at its rows."""

import datetime as dt

import pyarrow as pa
import pyarrow.parquet as pq

from assetkit.io.footers import column_statistics, preview

DAY = dt.date(2026, 1, 31)


def test_columns_are_described_from_the_footer(tmp_path):
    """Rows, missing values, least and greatest, over all row groups."""
    table = pa.table(
        {
            "n": [3, None, 1, 7],
            "s": ["b", "a", None, None],
            "day": [None, None, DAY, DAY],
            "list": [[1], [], None, [2]],
            "nothing": pa.nulls(4, pa.int64()),
        }
    )
    path = tmp_path / "t.parquet"
    pq.write_table(table, path, row_group_size=2)

    found = column_statistics(path)

    assert (found.rows, found.bytes) == (4, path.stat().st_size)
    told = {one.name: (one.type, one.nulls, one.minimum, one.maximum) for one in found.columns}
    assert told == {
        "n": ("int64", 1, 1, 7),
        "s": ("string", 2, "a", "b"),
        "day": ("date32[day]", 2, DAY, DAY),
        "list": ("list<element: int64>", None, None, None),
        "nothing": ("int64", 4, None, None),
    }


def test_a_preview_looks_at_the_whole_file(tmp_path):
    """Rows of several row groups of a large file, the first of a small one."""
    path = tmp_path / "t.parquet"
    pq.write_table(pa.table({"n": list(range(1000))}), path, row_group_size=100)

    assert preview(path, 5)["n"].to_pylist() == [0, 200, 400, 600, 800]
    assert preview(path, 20)["n"].to_pylist()[:4] == [0, 1, 100, 101]

    pq.write_table(pa.table({"n": [1, 2, 3]}), path)
    assert preview(path)["n"].to_pylist() == [1, 2, 3]
    assert preview(path, 2)["n"].to_pylist() == [1, 2]
    pq.write_table(pa.table({"n": pa.array([], pa.int64())}), path)
    assert preview(path).schema.names == ["n"]
