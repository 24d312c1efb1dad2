"""Object columns of pandas frames: one kind of value each, and back again unchanged.

Arrow guesses the type of Python objects, and some guesses change values without
a word (dates beside datetimes lose the time of day, str beside bytes become bytes).

Rule 1: a column holds one kind of value and at most one kind of missing value.
Rule 2: what is not plain text, bytes or numbers must come back equal, or is refused.
Rule 3: the kinds are written down with the table (`Cells`), so that reading can
give back the objects that went in.
"""

from __future__ import annotations

import datetime as dt
import decimal
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

Objects = NDArray[np.object_]

_MISSING: dict[str, Any] = {"None": None, "NaN": float("nan"), "NA": pd.NA, "NaT": pd.NaT}
_NAMES = {type(None): "None", type(pd.NA): "NA", type(pd.NaT): "NaT"}
_FLOATS = (float, np.float64)
_KINDS: dict[type, str] = {
    str: "str",
    bytes: "bytes",
    bool: "bool",
    int: "int",
    float: "float",
    decimal.Decimal: "Decimal",
    dt.date: "date",
    dt.datetime: "datetime",
    dt.time: "time",
    dt.timedelta: "timedelta",
    uuid.UUID: "UUID",
    list: "list",
    tuple: "tuple",
    dict: "dict",
    np.ndarray: "ndarray",
}
_EXACT = frozenset({"str", "bytes", "bool", "int", "float", ""})


@dataclass(frozen=True, slots=True)
class Cells:
    """What an object column holds: the kind of its values and of its missing ones ('': none)."""

    kind: str
    missing: str


class UnfitColumn(Exception):
    """An object column that cannot be kept; says why and what to do, ``{c}`` being the column."""


def to_arrow(values: Objects) -> tuple[Any, Cells]:
    """Convert an object column.

    Raises:
        UnfitColumn: where the values would not come back as they are.
    """
    cells, gaps = _cells_of(values)
    if not cells.kind:
        return pa.nulls(len(values)), cells
    try:
        array = pa.array(values, mask=gaps, from_pandas=False)
    except (pa.ArrowException, ValueError, TypeError, OverflowError) as error:
        raise UnfitColumn(f"{_first_line(error)} {_FIXES.get(cells.kind, _FIX)}") from error
    if cells.kind not in _EXACT:
        _refuse_changes(values, gaps, array, cells)
    return array, cells


def from_arrow(column: Any, cells: Cells) -> Objects:
    """Give back the objects that `to_arrow` was given."""
    if cells.kind in {"str", "bytes", "ndarray"}:
        values: Objects = column.to_numpy(zero_copy_only=False).astype(object, copy=False)
    else:
        plain: list[Any] = column.to_pylist()
        if cells.kind == "tuple":
            plain = [None if value is None else tuple(value) for value in plain]
        values = np.empty(len(plain), dtype=object)
        values[:] = plain
    if cells.missing not in {"", "None"} and column.null_count:
        gaps = column.combine_chunks().is_null().to_numpy(zero_copy_only=False)
        values = values.copy()
        values[gaps] = _MISSING[cells.missing]
    return values


def _cells_of(values: Objects) -> tuple[Cells, NDArray[np.bool_] | None]:
    """Return what a column holds, and where its values are missing (None: nowhere)."""
    types = set(map(type, values))
    missing = {_NAMES[type_] for type_ in types if type_ in _NAMES}
    kinds = {type_ for type_ in types if type_ not in _NAMES}
    if _has_nan_gaps(values, kinds, missing):
        kinds -= set(_FLOATS)
        missing.add("NaN")
    if len(missing) > 1:
        raise UnfitColumn(
            f"it marks missing values in several ways ({_listed(missing)}). "
            f"Use one: df[{{c}}] = df[{{c}}].where(df[{{c}}].notna(), None)"
        )
    if len(kinds) > 1:
        raise UnfitColumn(f"it mixes {_listed(k.__name__ for k in kinds)}. {_FIX}")
    for type_ in kinds - _KINDS.keys():
        raise UnfitColumn(f"it holds objects of type {type_.__name__}. {_fix_for(type_)}")
    kind = next((_KINDS[type_] for type_ in kinds), "")
    cells = Cells(kind, next(iter(missing), ""))
    if not missing:
        return cells, None
    if cells.missing == "None":
        return cells, np.fromiter((value is None for value in values), np.bool_, len(values))
    return cells, np.asarray(pd.isna(values), dtype=np.bool_)


def _has_nan_gaps(values: Objects, kinds: set[type], missing: set[str]) -> bool:
    """Tell whether NaN stands for what is missing: among other values, or alone."""
    if not kinds & set(_FLOATS):
        return False
    if not all(value != value for value in values if isinstance(value, float)):  # noqa: PLR0124
        return False
    return bool(kinds - set(_FLOATS)) or not missing - {"None"}


def _refuse_changes(
    values: Objects, gaps: NDArray[np.bool_] | None, array: Any, cells: Cells
) -> None:
    if cells.kind in {"datetime", "time"}:
        zones = {str(value.tzinfo) for value in values if isinstance(value, dt.datetime | dt.time)}
        if len(zones) > 1:
            raise UnfitColumn(
                f"it mixes time zones ({_listed(zones)}). "
                "Use one: df[{c}] = pd.to_datetime(df[{c}], utc=True)"
            )
    column = pa.chunked_array([array])
    back = from_arrow(column, Cells(cells.kind, "None" if cells.missing else ""))
    for row, (before, after) in enumerate(zip(values, back, strict=True)):
        if gaps is not None and gaps[row]:
            continue
        if not _same(before, after):
            raise UnfitColumn(
                f"row {row} would come back changed: {_short(before)} as {_short(after)}. "
                f"{_FIXES.get(cells.kind, _FIX)}"
            )


def _same(before: Any, after: Any) -> bool:
    """Tell whether two values are equal, and of the same types all the way down."""
    if type(before) is not type(after):
        return False
    if isinstance(before, np.ndarray):
        return before.dtype == after.dtype and _same(before.tolist(), after.tolist())
    if isinstance(before, list | tuple):
        return len(before) == len(after) and all(map(_same, before, after))
    if isinstance(before, dict):
        return before.keys() == after.keys() and all(_same(before[k], after[k]) for k in before)
    if isinstance(before, float) and before != before:  # noqa: PLR0124
        return bool(after != after)  # noqa: PLR0124
    return bool(before == after)


_FIX = "Make it one type, e.g. df[{c}] = df[{c}].astype(str)"
_FIXES = {
    "int": "Integers must fit into 64 bits: df[{c}] = df[{c}].astype(str)",
    "str": "Text must be valid Unicode.",
    "list": "Keep it as text: df[{c}] = df[{c}].map(json.dumps)",
    "tuple": "Keep it as text: df[{c}] = df[{c}].map(json.dumps)",
    "dict": "Give all dicts the same keys and types, or: df[{c}] = df[{c}].map(json.dumps)",
    "ndarray": "Cells may be one-dimensional arrays of numbers of one type.",
    "time": "Parquet keeps no zone for a time of day; leave it out.",
}


def _fix_for(type_: type) -> str:
    fixes: Sequence[tuple[tuple[type, ...], str]] = (
        ((pd.Timestamp, pd.Timedelta, np.generic), "Use df[{c}] = df[{c}].infer_objects()"),
        ((set, frozenset), "Use lists: df[{c}] = df[{c}].map(sorted)"),
        ((complex,), "Keep real and imaginary parts in two columns."),
    )
    for types, fix in fixes:
        if issubclass(type_, types):
            return fix
    return "Keep it as text: df[{c}] = df[{c}].astype(str); or use io_manager='pickle'"


def _listed(names: Any) -> str:
    return " and ".join(sorted(names))


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def _first_line(error: BaseException) -> str:
    lines = str(error).splitlines() or [type(error).__name__]
    return lines[0].rstrip(".") + "."
