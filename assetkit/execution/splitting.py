"""Split what a function returned for several partitions into one value per partition.

Rule 1: a table is split by the columns called like the partition dimensions; a
mapping by its keys.
Rule 2: nothing is lost or made up: a key that was not asked for, no key, and a
partition without rows that was not named are errors. ``{key: an empty table}`` is
how a function says that a partition has no rows.
"""

from __future__ import annotations

import datetime as dt
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from importlib import import_module
from typing import Any

from assetkit.errors import OutputError
from assetkit.execution.task import SlotWork
from assetkit.records import AssetKey


def split(
    value: Any,
    slots: Sequence[SlotWork],
    *,
    asset: AssetKey,
    dimensions: Sequence[str],
    whole: Callable[[Any], Any] | None = None,
) -> dict[int, Any]:
    """Return the value of each slot, by step.

    *whole* converts a table at once to what will be stored of it (its ``table`` is
    Arrow's, its ``part`` some rows of it); None to keep tables of the type they have.

    Raises:
        OutputError: the value cannot be split, or does not fit the partitions asked for.
    """
    labels = _Labels(slots, asset)
    if isinstance(value, Mapping):
        found = {labels.step_of_key(key): part for key, part in value.items()}
    elif _is_table(value):
        found = dict(_split_table(value, labels, dimensions, whole))
    elif isinstance(value, Iterable) and not isinstance(value, str | bytes):
        found = _split_stream(value, labels, dimensions, whole)
    else:
        raise OutputError(
            f"Asset {asset!r} was called for {len(slots)} partitions and returned "
            f"{_type_name(value)}. Return a table with the column "
            f"{_quoted(dimensions)}, or a dict {{partition key: table}}."
        )
    labels.check_all_there(found)
    return found


def the_only(value: Any, slot: SlotWork, *, asset: AssetKey, dimensions: Sequence[str]) -> Any:
    """Return the value of a slot that is alone in its call, where there might have been several.

    A table without the dimensions' columns, and one without rows, is the slot's.

    Raises:
        OutputError: there are rows, or keys, of other partitions, or of none.
    """
    labels = _Labels([slot], asset)
    if isinstance(value, Mapping):
        found = {labels.step_of_key(key): part for key, part in value.items()}
        labels.check_all_there(found)
        return found[slot.step]
    if isinstance(value, Iterator):
        return _only_parts(value, labels, dimensions)
    return _only_part(value, labels, dimensions) if _is_table(value) else value


def _only_parts(stream: Any, labels: _Labels, dimensions: Sequence[str]) -> Iterator[Any]:
    """Return what a stream holds, each table looked at as it comes; a reader stays a reader."""
    parts = (_only_part(table, labels, dimensions) for table in stream)
    if not hasattr(stream, "read_next_batch"):
        return parts
    batches = (batch for part in parts for batch in part.to_batches())
    reader: Iterator[Any] = type(stream).from_batches(stream.schema, batches)
    return reader


def _only_part(table: Any, labels: _Labels, dimensions: Sequence[str]) -> Any:
    if not _is_table(table):
        return table
    if type(table).__name__ == "RecordBatch":
        table = _as_arrow(table)
    if not set(dimensions).issubset(_names(table)):
        return table
    parts = [part for _, part in _split_table(table, labels, dimensions, None)]
    return parts[0] if parts else table


def _names(table: Any) -> Iterable[Any]:
    """Return the names of a table's columns, without making one of what is yet to be computed."""
    names: Iterable[Any]
    if _library(table) == "pyarrow":
        names = table.schema.names
    else:
        is_lazy = hasattr(table, "collect_schema")
        names = table.collect_schema().names() if is_lazy else table.columns
    return names


class _Labels:
    """The partitions asked for, by what a function may call them."""

    def __init__(self, slots: Sequence[SlotWork], asset: AssetKey) -> None:
        self._asset = asset
        self._by_text = {slot.partition: slot for slot in slots}
        self._by_parts = {tuple(text for _, text in slot.parts): slot for slot in slots}
        timed = [(slot.window, slot) for slot in slots if slot.window is not None]
        self._timed = sorted(timed, key=lambda pair: pair[0].start)
        self._starts = [window.start for window, _ in self._timed]

    def step_of_key(self, key: Any) -> int:
        """Return the step of a mapping's key."""
        if isinstance(key, tuple):
            slot = self._by_parts.get(tuple(str(part) for part in key))
        else:
            slot = self._by_text.get(str(key)) or self._at_time(key)
        if slot is None:
            raise self._unknown(key)
        return slot.step

    def step_of_row(self, labels: Sequence[Any], dimensions: Sequence[str]) -> int:
        """Return the step of the rows with these values in the dimensions' columns."""
        for label, dimension in zip(labels, dimensions, strict=True):
            if label is None or label != label:  # noqa: PLR0124  NaN and NaT differ from themselves
                raise OutputError(
                    f"Asset {self._asset!r} returned rows whose {dimension!r} is null, so they "
                    "belong to no partition. Fill the column, or drop those rows."
                )
        texts = tuple(self._text(label, place) for place, label in enumerate(labels))
        slot = self._by_parts.get(texts)
        if slot is None:
            raise self._unknown(labels[0] if len(labels) == 1 else tuple(labels))
        return slot.step

    def check_all_there(self, found: Mapping[int, Any]) -> None:
        """Raise `OutputError` where a partition that was asked for is not there."""
        missing = [text for text, slot in self._by_text.items() if slot.step not in found]
        if not missing:
            return
        raise OutputError(
            f"Asset {self._asset!r} returned nothing for {_some(missing)}. Where a partition "
            "has no rows, say so: return a dict with an empty table for it."
        )

    def _text(self, label: Any, place: int) -> str:
        if isinstance(label, str):
            return label
        slot = self._at_time(label)
        return str(label) if slot is None else slot.parts[place][1]

    def _at_time(self, label: Any) -> SlotWork | None:
        """Return the slot whose window a date or time lies in."""
        if not self._timed or not isinstance(label, dt.date):
            return None
        zone = self._starts[0].tzinfo
        moment = label
        if not isinstance(moment, dt.datetime):
            moment = dt.datetime.combine(moment, dt.time(), tzinfo=zone)
        elif moment.tzinfo is None:
            moment = moment.replace(tzinfo=zone)
        place = bisect_right(self._starts, moment) - 1
        if place < 0:
            return None
        window, slot = self._timed[place]
        return slot if moment < window.end else None

    def _unknown(self, label: Any) -> OutputError:
        return OutputError(
            f"Asset {self._asset!r} returned the partition {label!r}, which it was not asked "
            f"for. This call is for {_some([text for text in self._by_text if text])}."
        )


def _split_stream(
    stream: Iterable[Any],
    labels: _Labels,
    dimensions: Sequence[str],
    whole: Callable[[Any], Any] | None,
) -> dict[int, Any]:
    """Split each table of a stream; what several of them hold for a slot stays a stream."""
    parts: dict[int, list[Any]] = {}
    for table in stream:
        for step, part in _split_table(table, labels, dimensions, whole):
            parts.setdefault(step, []).append(part)
    return {step: found[0] if len(found) == 1 else iter(found) for step, found in parts.items()}


_ARROW = frozenset({"pyarrow", "duckdb", "_duckdb"})


def _is_table(value: Any) -> bool:
    return _library(value) in _ARROW or _library(value) in {"pandas", "polars"}


def _library(value: Any) -> str:
    return type(value).__module__.partition(".")[0]


def _split_table(
    table: Any,
    labels: _Labels,
    dimensions: Sequence[str],
    whole: Callable[[Any], Any] | None,
) -> Iterator[tuple[int, Any]]:
    if whole is not None and not _has_periods(table, dimensions):
        return _split_whole(whole(table), labels, dimensions)
    if _library(table) == "pandas":
        return _split_pandas(table, labels, dimensions)
    if _library(table) == "polars":
        return _split_polars(table, labels, dimensions)
    return _split_arrow(_as_arrow(table), labels, dimensions)


def _has_periods(table: Any, dimensions: Sequence[str]) -> bool:
    """Return whether a frame's labels are pandas periods, which Arrow knows as numbers only."""
    if _library(table) != "pandas":
        return False
    return any(str(table.dtypes.get(one)).startswith("period") for one in dimensions)


def _split_whole(
    whole: Any, labels: _Labels, dimensions: Sequence[str]
) -> Iterator[tuple[int, Any]]:
    _check_columns(whole.table.column_names, dimensions, labels)
    whole.table, found = import_module("assetkit.execution.cutting").cut(whole.table, dimensions)
    for rows in found:
        yield labels.step_of_row(rows.label, dimensions), whole.part(rows.start, rows.count)


def _split_pandas(
    frame: Any, labels: _Labels, dimensions: Sequence[str]
) -> Iterator[tuple[int, Any]]:
    _check_columns(list(frame.columns), dimensions, labels)
    groups = frame.groupby(list(dimensions), dropna=False, sort=False, observed=True).indices
    # Row numbers of the whole say nothing of a part; an index of the user's own stays.
    numbered = type(frame.index).__name__ == "RangeIndex" and frame.index.name is None
    if any(rows[-1] - rows[0] + 1 != len(rows) for rows in groups.values()):
        # Rows are gathered once and then cut: a gathering per part copies text over and over.
        frame = frame.take([row for rows in groups.values() for row in rows])
    start = 0
    for label, rows in groups.items():
        values = label if isinstance(label, tuple) else (label,)
        part = frame.iloc[start : start + len(rows)]
        start += len(rows)
        step = labels.step_of_row([_plain(one) for one in values], dimensions)
        yield step, part.reset_index(drop=True) if numbered else part


def _split_polars(
    frame: Any, labels: _Labels, dimensions: Sequence[str]
) -> Iterator[tuple[int, Any]]:
    eager = frame.collect() if hasattr(frame, "collect") else frame
    _check_columns(list(eager.columns), dimensions, labels)
    for label, part in eager.partition_by(list(dimensions), as_dict=True).items():
        yield labels.step_of_row(label, dimensions), part


def _split_arrow(
    table: Any, labels: _Labels, dimensions: Sequence[str]
) -> Iterator[tuple[int, Any]]:
    _check_columns(table.column_names, dimensions, labels)
    table, found = import_module("assetkit.execution.cutting").cut(table, dimensions)
    for rows in found:
        yield labels.step_of_row(rows.label, dimensions), table.slice(rows.start, rows.count)


def _as_arrow(table: Any) -> Any:
    """Return any Arrow-like table (a reader, a batch, a DuckDB relation) as an Arrow table."""
    if type(table).__name__ == "RecordBatch":
        return import_module("pyarrow").Table.from_batches([table])
    if hasattr(table, "read_all"):
        return table.read_all()
    if hasattr(table, "to_arrow_table"):
        return table.to_arrow_table()
    if hasattr(table, "to_table"):
        return table.to_table()
    return table


def _check_columns(columns: Sequence[Any], dimensions: Sequence[str], labels: _Labels) -> None:
    missing = [dimension for dimension in dimensions if dimension not in columns]
    if missing:
        raise OutputError(
            f"Asset {labels._asset!r} returned a table for several partitions without the "  # noqa: SLF001
            f"column {_quoted(missing)}, so its rows belong to no partition. Add it (its values "
            "are partition keys), or return a dict {partition key: table}."
        )


def _plain(label: Any) -> Any:
    """Return a NumPy scalar as the Python value it is."""
    return label.item() if hasattr(label, "item") else label


def _quoted(names: Sequence[str]) -> str:
    return " and ".join(repr(name) for name in names)


def _some(texts: Sequence[Any]) -> str:
    shown = ", ".join(str(text) for text in texts[:5])
    return shown if len(texts) <= 5 else f"{shown} and {len(texts) - 5} more"


def _type_name(value: Any) -> str:
    return f"{type(value).__module__}.{type(value).__qualname__}".removeprefix("builtins.")
