"""Fifty million rows from a generator through two assets, in bounded memory.

Run: ``python benchmarks/streaming.py [rows]``
"""

from __future__ import annotations

import resource
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from measure import Figure, show

from assetkit import Workspace, asset, materialize

ROWS = int(sys.argv[1]) if len(sys.argv) > 1 else 50_000_000
BATCH = 128_000
SCHEMA = pa.schema({"id": pa.int64(), "value": pa.float64(), "kind": pa.int32()})


def batches() -> Iterator[pa.RecordBatch]:
    """Yield rows, a batch at a time."""
    rng = np.random.default_rng(1)
    for first in range(0, ROWS, BATCH):
        count = min(BATCH, ROWS - first)
        yield pa.record_batch(
            [
                pa.array(np.arange(first, first + count)),
                pa.array(rng.random(count)),
                pa.array(rng.integers(0, 100, count, dtype=np.int32)),
            ],
            schema=SCHEMA,
        )


def doubled(batch: pa.RecordBatch) -> pa.RecordBatch:
    """Return a batch with its values doubled."""
    return batch.set_column(1, "value", pa.array(batch["value"].to_numpy() * 2))


@asset(code_version="1")
def events() -> Iterator[pa.RecordBatch]:
    """Rows as they come."""
    yield from batches()


@asset(code_version="1")
def scaled(events: pa.RecordBatchReader) -> Iterator[pa.RecordBatch]:
    """What is made of them, batch by batch."""
    for batch in events:
        yield doubled(batch)


def plain(folder: Path) -> None:
    """Do the same with pyarrow alone: no hash, no sync, no record."""
    with pq.ParquetWriter(folder / "a.parquet", SCHEMA, compression="zstd") as writer:
        for batch in batches():
            writer.write_batch(batch)
    source = pq.ParquetFile(folder / "a.parquet")
    with pq.ParquetWriter(folder / "b.parquet", SCHEMA, compression="zstd") as writer:
        for batch in source.iter_batches(BATCH):
            writer.write_batch(doubled(batch))


def peak() -> float:
    """Return the most memory that this process ever had, in GB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6


def figures(root: Path) -> Iterator[Figure]:
    """Measure; memory first, as a peak never goes down."""
    before = peak()
    start = perf_counter()
    result: Any = materialize([events, scaled], workspace=Workspace(root / "w"), progress="none")
    seconds = perf_counter() - start
    assert result.success
    most = peak()
    yield Figure(
        what=f"{ROWS:,} rows through two assets: memory",
        value=most,
        unit="GB",
        beside=before,
        peer="before the first row",
        aim="< 1 GB",
        met=most < 1,
    )
    start = perf_counter()
    plain(root)
    floor = perf_counter() - start
    yield Figure(
        what="the same: time", value=seconds, unit="s", beside=floor, peer="pyarrow's own writer"
    )


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        show(figures(Path(folder)))
