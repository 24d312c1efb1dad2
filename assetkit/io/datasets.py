"""Arrow datasets over slots: loaded by name where one is asked for, as it brings pandas along."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from os import PathLike
from typing import Any

import pyarrow as pa
import pyarrow.dataset as ds
from pyarrow import fs


def of_table(table: pa.Table) -> Any:
    """Return a table as a dataset."""
    return ds.dataset(table)


def of_files(
    paths: Sequence[str | PathLike[str]],
    keys: Iterable[Sequence[tuple[str, str]]],
    schema: pa.Schema,
    system: Any = None,
) -> Any:
    """Return Parquet files as a dataset; *keys* are columns of text that a file has one value of.

    It is as if the columns stood in the file, which is not read where they rule it out.
    *system* is the `pyarrow.fs.FileSystem` that the paths are of; None: this machine's.
    """
    # Of a file at hand, Arrow would otherwise keep in memory what a scan has passed.
    format_ = ds.ParquetFileFormat(pre_buffer=system is not None)
    system = system or fs.LocalFileSystem()
    fragments = [
        format_.make_fragment(str(path), system, partition_expression=_expression(pairs))
        for path, pairs in zip(paths, keys, strict=True)
    ]
    return ds.FileSystemDataset(fragments, schema, format_, system)


def _expression(pairs: Iterable[tuple[str, str]]) -> Any:
    expression = ds.scalar(True)  # noqa: FBT003, Arrow's own
    for name, key in pairs:
        expression = expression & (ds.field(name) == ds.scalar(key))
    return expression
