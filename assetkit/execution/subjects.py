"""The data that checks and schemas look at: staged, published, or still in memory.

Loaded by name, where an asset has checks or a schema: it brings Arrow with it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq

from assetkit.errors import AssetkitError, InputError, OutputError
from assetkit.io.base import Place, Source, Target, Written
from assetkit.io.duckdb_scan import with_nan
from assetkit.io.frames import to_batches
from assetkit.io.schemas import schema_text
from assetkit.io.values import load_values
from assetkit.records import AssetKey, slot_name

_BATCH_ROWS = 1 << 16
_PARQUET = b"PAR1"


class Data(Protocol):
    """One slot's data."""

    def load(self, load_as: Any) -> Any:
        """Return the data as an annotation asks for it."""
        ...

    def table(self) -> Any:
        """Return the path of a Parquet file, or an Arrow table."""
        ...


class StoredData:
    """Data that an IO manager can read, be it published or only staged."""

    def __init__(self, manager: Any, source: Source) -> None:
        self._manager, self._source = manager, source

    def load(self, load_as: Any) -> Any:
        """Read the data as an input would be."""
        return self._manager.read((self._source,), load_as, None)

    def table(self) -> Any:
        """Return the Parquet file itself where it is one: engines read what they need of it."""
        path = _file_of(self._manager, self._source)
        if path is not None and _is_parquet(path):
            return path
        found = self.load(pa.Table)
        if not isinstance(found, pa.Table):
            raise InputError(f"a {type(found).__name__} is none")
        return found


class ValueData:
    """A value that is not stored yet, since its IO manager has no staging."""

    def __init__(self, value: Any, source: Source) -> None:
        if isinstance(value, Iterator):
            name = slot_name(source.asset, source.partition_key)
            raise OutputError(
                f"{name} came as an iterator, and its IO manager stores nothing aside, so it "
                "cannot be checked before it is stored. Return a table, or use an IO manager "
                "with staging, such as 'parquet'."
            )
        self._value, self._source = value, source

    def load(self, load_as: Any) -> Any:
        """Convert the value."""
        return load_values([self._value], [self._source], load_as, None)

    def table(self) -> Any:
        """Return the value as an Arrow table."""
        return to_batches(self._value).table()


@dataclass(frozen=True, slots=True)
class Parent:
    """Where another asset's data is, for foreign keys."""

    asset: AssetKey
    manager: Any
    dimensions: tuple[str, ...]

    def column(self, column: str, place: Place) -> Any:
        """Return one column of all partitions, as a dataset or table.

        Raises:
            InputError: there is nothing, or it cannot be listed.
        """
        if not hasattr(self.manager, "find_all"):
            raise InputError(f"the IO manager of {self.asset} cannot list what it has")
        found = self.manager.find_all(place, self.asset, self.dimensions)
        sources = tuple(one.source for one in found)
        if not sources:
            raise InputError(f"{self.asset} has no data yet")
        load_as = ds.Dataset if hasattr(self.manager, "publish") else pa.Table
        return self.manager.read(sources, load_as, (column,))


def staged_data(manager: Any, target: Target, value: Any, written: Written | None) -> Data:
    """Return what was written aside, or the value where the manager wrote nothing yet."""
    source = source_of(target)
    staged = None if written is None else written.staged
    if staged is None or not (staged.exists() or _holds(manager, staged)):
        return ValueData(value, source)
    return StoredData(manager, source_of(target, location=str(staged)))


def _holds(manager: Any, staged: Path) -> bool:
    """Return whether a manager keeps what it staged elsewhere than in a file."""
    return bool(hasattr(manager, "holds") and manager.holds(staged))


def source_of(target: Target, location: str | None = None) -> Source:
    """Return the slot of a target, to be read; staged data has a location of its own."""
    return Source(
        asset=target.asset,
        partition_key=target.partition_key,
        dimensions=target.dimensions,
        place=target.place,
        folder=target.folder,
        location=location,
    )


def schema_of(table: Any) -> pa.Schema:
    """Return the schema of what `Data.table` returned."""
    return pq.read_schema(table) if isinstance(table, Path) else table.schema


def text_of(table: Any) -> str:
    """Return the schema as the catalog keeps it."""
    return schema_text(schema_of(table))


def with_nan_of(table: Any) -> frozenset[str] | None:
    """Return which columns have NaN somewhere; None where only reading them could tell."""
    return with_nan(table) if isinstance(table, Path) else None


def batches_of(table: Any, columns: Sequence[str]) -> Iterable[pa.RecordBatch]:
    """Return some columns in batches; a file is read piece by piece."""
    if isinstance(table, Path):
        return _of_file(table, columns)
    batches: Sequence[pa.RecordBatch] = table.select(list(columns)).to_batches(_BATCH_ROWS)
    return batches


def published_schema(manager: Any, target: Target) -> str | None:
    """Return the schema of the slot as it is published, else of another one of the asset.

    None where nothing is published, or nothing is known of it.
    """
    if not hasattr(manager, "find"):
        return None
    try:
        stored = manager.find(source_of(target))
        record = None if stored is None else stored.record
        if record is None:
            record = _record_elsewhere(manager, target)
    except AssetkitError:
        return None
    return None if record is None else record.get("schema")


def _record_elsewhere(manager: Any, target: Target) -> Mapping[str, Any] | None:
    names = [name for name, _ in target.dimensions]
    if hasattr(manager, "any_record"):
        one: Mapping[str, Any] | None = manager.any_record(target.place, target.asset)
        return one
    if not hasattr(manager, "path_of"):
        found = manager.find_all(target.place, target.asset, names)
        return next((one.record for one in found if one.record is not None), None)
    # One file will do; a list of all would make n partitions cost n * n.
    folder = Path(target.place.data) / target.asset
    pattern = "/".join([*(f"{name}=*" for name in names), manager.path_of(target).name])
    first = next(folder.glob(pattern), None)
    record: Mapping[str, Any] | None = None if first is None else manager.read_record(first)
    return record


def _of_file(path: Path, columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
    with pq.ParquetFile(path) as file:
        yield from file.iter_batches(batch_size=_BATCH_ROWS, columns=list(columns))


def _file_of(manager: Any, source: Source) -> Path | None:
    if source.location is not None and Path(source.location).is_absolute():
        return Path(source.location)
    if "://" in source.place.data:
        return None
    return manager.path_of(source) if hasattr(manager, "path_of") else None


def _is_parquet(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            return file.read(4) == _PARQUET
    except OSError:
        return False
