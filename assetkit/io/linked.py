"""Files of others that become slots as they are: by another name, without a copy.

Rule 1: the file is never written to: what replaces the slot replaces its name.
Rule 2: its record lies beside it, and holds for the file with that size and time only.
"""

from __future__ import annotations

import errno
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from assetkit.errors import OutputError
from assetkit.io import schemas
from assetkit.io.content import ContentHasher
from assetkit.io.declared import conformed
from assetkit.io.frames import to_batches

_ACROSS = frozenset({errno.EXDEV, errno.EPERM, errno.EMLINK, errno.ENOTSUP})


@dataclass(frozen=True, slots=True)
class FileOfOthers:
    """The value of a slot that is to be somebody's Parquet file, just as it lies there."""

    path: Path


@dataclass(frozen=True, slots=True)
class Read:
    """What was found in a file: its schema, and what its record says of its content."""

    rows: int
    schema: str
    record: dict[str, Any]


def give_name(path: Path, staged: Path) -> None:
    """Give a file another name: a hard link, or from another file system a symbolic one."""
    path = path.resolve()
    try:
        os.link(path, staged)
    except OSError as error:
        if error.errno not in _ACROSS:
            raise
        staged.symlink_to(path)


def read_file(path: Path, declared: Any, *, where: str) -> Read:
    """Read a file once, to hash it, and to see that it can be a slot as it is.

    Raises:
        OutputError: it is no Parquet, or would have to be changed to fit *declared*.
    """
    try:
        with pq.ParquetFile(path) as file:
            table = to_batches(_batches(file), where=where)
            schema = table.schema
            if declared is not None:
                table = conformed(table, declared, where=where)
                if not table.schema.equals(schema):
                    raise OutputError(
                        f"{where} has other types than its asset declares, so it cannot stay as it "
                        f"is. Adopt it with a copy."
                    )
            hasher, rows = ContentHasher(schema), 0
            for batch in table.batches:
                hasher.update(batch)
                rows += batch.num_rows
    except pa.ArrowException as error:
        raise OutputError(f"{where} is no Parquet file: {error}. Adopt it with a copy.") from error
    version = hasher.digest()
    record = {
        "data_version": version,
        "content": version,
        "rows": rows,
        "nan": hasher.with_nan(),
        "schema": schemas.schema_text(schema),
    }
    return Read(rows, str(record["schema"]), record)


def _batches(file: pq.ParquetFile) -> pa.RecordBatchReader:
    return pa.RecordBatchReader.from_batches(file.schema_arrow, file.iter_batches(1 << 17))
