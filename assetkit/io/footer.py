"""The record that a Parquet file carries of itself: JSON in its footer.

The footer ends the file, and the record ends the footer's texts, so that it is
found without parsing the rest; a file that does not look so is parsed.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

KEY = b"assetkit"
_MAGIC = b"PAR1"
# A Thrift key-value pair in compact form: the key's length and text, then the
# header of the value's field; the value's length follows.
_PAIR = bytes([len(KEY)]) + KEY + b"\x18"
_TAIL = 16 << 10
_CANONICAL = json.JSONEncoder(sort_keys=True, separators=(",", ":"), default=str)


class NotParquet(Exception):
    """A file that has no readable footer."""


def encode(record: Mapping[str, Any]) -> str:
    """Return a record as canonical JSON."""
    return _CANONICAL.encode(record)


def read_record(path: str | os.PathLike[str]) -> dict[str, Any] | None:
    """Return the record in a file's footer, None where another hand wrote the file.

    Raises:
        FileNotFoundError: where nothing is.
        NotParquet: for a file that is torn, or something else.
    """
    handle = os.open(path, os.O_RDONLY)
    try:
        return record_of(handle)
    finally:
        os.close(handle)


def record_of(handle: int) -> dict[str, Any] | None:
    """Return the record in the footer of an open file (a descriptor), as `read_record` does."""
    size = os.fstat(handle).st_size
    tail = os.pread(handle, _TAIL, max(0, size - _TAIL))
    if size < 12 or tail[-4:] != _MAGIC:
        raise NotParquet
    length = int.from_bytes(tail[-8:-4], "little") + 8
    if length > size:
        raise NotParquet
    if length > len(tail):
        tail = os.pread(handle, length, size - length)
    return _scan(tail[-length:]) or _parse(handle)


def length_in(tail: bytes) -> int:
    """Return how many bytes of a file's end are its footer, by its last bytes.

    Raises:
        NotParquet: for the end of another file.
    """
    if len(tail) < 12 or tail[-4:] != _MAGIC:
        raise NotParquet
    return int.from_bytes(tail[-8:-4], "little") + 8


def record_in(tail: bytes) -> dict[str, Any] | None:
    """Return the record in the last bytes of a file, among them the whole footer."""
    length = length_in(tail)
    if length > len(tail):
        raise NotParquet
    found = _scan(tail[-length:])
    if found is not None:
        return found
    try:
        metadata = pq.read_metadata(pa.BufferReader(_MAGIC + tail[-length:])).metadata or {}
    except (pa.ArrowException, OSError) as error:
        raise NotParquet from error
    return _record(metadata.get(KEY, b""))


def _scan(footer: bytes) -> dict[str, Any] | None:
    start = footer.rfind(_PAIR)
    if start < 0:
        return None
    position, length, shift = start + len(_PAIR), 0, 0
    while True:
        byte = footer[position]
        length |= (byte & 0x7F) << shift
        position, shift = position + 1, shift + 7
        if byte < 0x80:
            break
    return _record(footer[position : position + length])


def _parse(handle: int) -> dict[str, Any] | None:
    try:
        with pa.PythonFile(os.fdopen(os.dup(handle), "rb"), mode="r") as file:
            metadata = pq.read_metadata(file).metadata or {}
    except (pa.ArrowException, OSError) as error:
        raise NotParquet from error
    return _record(metadata.get(KEY, b""))


def _record(text: bytes) -> dict[str, Any] | None:
    try:
        found = json.loads(text)
    except ValueError:
        return None
    return found if isinstance(found, dict) else None
