"""pandas frames to Arrow and back, with nothing changed on the way.

Rule 1: a default index (0, 1, 2, ...) is not stored; any other one is, and comes back.
Rule 2: dtypes come back by pandas' own metadata in the schema; what that does not
know (object columns, the frequency of an index) stands beside it under our key.
Rule 3: what would come back changed is refused, with its column named.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from assetkit.errors import OutputError
from assetkit.io import objects
from assetkit.io.objects import Cells, UnfitColumn
from assetkit.io.pandas_metadata import OURS, index_fields

_FEW_ROWS = 1 << 16
"""Rows up to which handing columns to other threads takes longer than converting them."""


def to_arrow(frame: pd.DataFrame, *, where: str, offset: int = 0) -> pa.Table:
    """Convert a frame.

    *where* names the result for error messages. *offset* is the number of rows
    that went before, where a frame is one of several: an index that goes on
    counting from there is a default one.

    Raises:
        OutputError: for data that Parquet cannot keep as it is.
    """
    _check_labels(frame, where)
    index = frame.index
    kept = not _is_default(index, offset)
    levels = _levels(frame, where) if kept else []
    names, dtypes, arrays, cells = [], [], [], {}
    for name, values in (*frame.items(), *levels):
        array, found = _array_of(str(name), values, where)
        names.append(name)
        dtypes.append(values.dtype)
        arrays.append(array)
        if found is not None:
            cells[str(name)] = found
    if not kept and not frame.attrs and all(map(_is_simple, dtypes)):
        labels = frame.columns
        pandas = _simple_metadata(tuple(names), tuple(dtypes), labels.dtype)
    else:
        pandas = _full_metadata(frame, kept=kept, where=where)
    metadata = {b"pandas": pandas} | _notes(frame, kept=kept, cells=cells)
    fields = [pa.field(str(name), array.type) for name, array in zip(names, arrays, strict=True)]
    return pa.Table.from_arrays(arrays, schema=pa.schema(fields).with_metadata(metadata))


def to_pandas(table: pa.Table) -> pd.DataFrame:
    """Give back the frame that `to_arrow` was given; make one of any other table."""
    if not table.num_columns:
        return pd.DataFrame()
    ours = (table.schema.metadata or {}).get(OURS)
    noted: dict[str, Any] = {} if ours is None else json.loads(ours)
    if "categories" in noted and not table.num_rows:
        table = _with_categories(table, noted["categories"])
    frame: pd.DataFrame = table.to_pandas(use_threads=table.num_rows > _FEW_ROWS)
    cells = {name: Cells(*pair) for name, pair in noted.get("cells", {}).items()}
    for name in [name for name in frame.columns if name in cells]:
        frame[name] = pd.Series(
            objects.from_arrow(table.column(name), cells[name]), index=frame.index, dtype=object
        )
    if any(name in cells for name in index_fields(table.schema)):
        frame.index = _object_index(frame.index, table, cells)
    if "freq" in noted and isinstance(frame.index, pd.DatetimeIndex | pd.TimedeltaIndex):
        frame.index = _with_frequency(frame.index, noted["freq"])
    if "label" in noted:
        frame.columns.name = noted["label"]
    return frame


def _with_categories(table: pa.Table, categories: Mapping[str, list[str]]) -> pa.Table:
    for number, field in enumerate(table.schema):
        if field.name in categories:
            codes = pa.array([], pa.int32())
            names = pa.array(categories[field.name], pa.string())
            column = pa.DictionaryArray.from_arrays(codes, names, ordered=field.type.ordered)
            table = table.set_column(number, field.name, column)
    return table


def _check_labels(frame: pd.DataFrame, where: str) -> None:
    labels = frame.columns
    if isinstance(labels, pd.MultiIndex) or not all(type(label) is str for label in labels):
        odd = next(label for label in labels if type(label) is not str)
        raise OutputError(
            f"{where} has the column name {odd!r}, which is no string. "
            "Rename it: df.columns = [str(name) for name in df.columns]"
        )
    folded: dict[str, str] = {}
    for label in labels:
        if (other := folded.setdefault(label.casefold(), label)) != label or not labels.is_unique:
            twice = other if other != label else labels[labels.duplicated()][0]
            raise OutputError(
                f"{where} has two columns named {twice!r}"
                + (f" and {label!r}, which SQL cannot tell apart" if twice != label else "")
                + ". Rename one: df = df.rename(columns={...})"
            )
    if not isinstance(labels.name, str | int | None):
        raise OutputError(
            f"{where} has columns named {labels.name!r}, which is no string. "
            "Leave it out: df.columns.name = None"
        )
    if not len(labels) and len(frame):
        raise OutputError(
            f"{where} has {len(frame)} rows and no columns; Parquet keeps rows in columns. "
            "Add a column, or keep the index as one: df.reset_index()"
        )


def _is_default(index: pd.Index[Any], offset: int) -> bool:
    if not isinstance(index, pd.RangeIndex):
        # What is left of a default index where no row is left says nothing.
        return not len(index) and index.name is None and index.dtype == np.dtype("int64")
    start = index.start in {0, offset} or not len(index)
    return start and index.step == 1 and index.name is None


def _levels(frame: pd.DataFrame, where: str) -> list[tuple[str, Any]]:
    """Return the levels of an index as columns, named as pandas names them in Parquet."""
    levels = []
    for number, name in enumerate(frame.index.names):
        if name is not None and type(name) is not str:
            raise OutputError(
                f"{where} has an index named {name!r}, which is no string. "
                f"Rename it: df.index = df.index.rename({str(name)!r})"
            )
        field = f"__index_level_{number}__" if name is None or name in frame.columns else name
        levels.append((field, pd.Series(frame.index.get_level_values(number))))
    if len({field for field, _ in levels}) < len(levels):
        raise OutputError(
            f"{where} has two index levels of one name. Rename one: df.index.rename([...])"
        )
    return levels


def _array_of(name: str, values: pd.Series[Any], where: str) -> tuple[Any, Cells | None]:
    dtype = values.dtype
    if isinstance(dtype, np.dtype):
        if dtype.kind == "O":
            try:
                return objects.to_arrow(values.to_numpy())
            except UnfitColumn as reason:
                text = str(reason).replace("{c}", repr(name))
                raise OutputError(f"{where}: column {name!r} cannot be kept: {text}") from None
        if (array := _view(values.to_numpy())) is not None:
            return array, None
    try:
        found = pa.array(values.array, from_pandas=True)
    except (pa.ArrowException, ValueError, TypeError) as error:
        raise _unfit(name, dtype, where) from error
    return (found.combine_chunks() if isinstance(found, pa.ChunkedArray) else found), None


def _view(values: Any) -> Any:
    """Return plain numbers and times as Arrow without a copy; None where it takes one."""
    kind = values.dtype.kind
    if kind in "Mm":
        type_ = _time_type(values.dtype)
        if len(values) and values.view("i8").min() == np.iinfo("i8").min:
            return None  # NaT
    elif kind in "iu" or (kind == "f" and values.dtype.itemsize >= 4):
        if values.dtype.itemsize > 8 or (kind == "f" and len(values) and np.isnan(values.min())):
            return None
        type_ = pa.from_numpy_dtype(values.dtype)
    else:
        return None
    if not values.flags.c_contiguous or not values.dtype.isnative:
        return None
    return pa.Array.from_buffers(type_, len(values), [None, pa.py_buffer(values)])


@lru_cache(maxsize=16)
def _time_type(dtype: Any) -> Any:
    # pandas itself has no other units than those of Arrow.
    return pa.from_numpy_dtype(dtype)


def _unfit(name: str, dtype: Any, where: str) -> OutputError:
    fixes = {
        "complex": "Keep real and imaginary parts in two columns.",
        "Sparse": f"Use df[{name!r}] = df[{name!r}].sparse.to_dense()",
        "category": f"Use df[{name!r}] = df[{name!r}].cat.rename_categories(str)",
    }
    fix = next(
        (fix for start, fix in fixes.items() if str(dtype).startswith(start)),
        f"Convert it: df[{name!r}] = df[{name!r}].astype(...); or use io_manager='pickle'",
    )
    return OutputError(
        f"{where}: column {name!r} has the dtype {dtype}, which Parquet cannot keep. {fix}"
    )


def _notes(frame: pd.DataFrame, *, kept: bool, cells: Mapping[str, Cells]) -> dict[Any, Any]:
    """Return what pandas' own metadata does not say."""
    noted: dict[str, Any] = {}
    if cells:
        noted["cells"] = {name: [cell.kind, cell.missing] for name, cell in cells.items()}
    if frame.columns.name is not None:
        noted["label"] = frame.columns.name
    freq = getattr(frame.index, "freq", None) if kept else None
    if freq is not None and not isinstance(frame.index, pd.PeriodIndex):
        noted["freq"] = freq.freqstr
    if not len(frame) and (categories := _categories(frame)):
        # A file without rows has no dictionary that would tell them.
        noted["categories"] = categories
    return {OURS: json.dumps(noted).encode()} if noted else {}


def _categories(frame: pd.DataFrame) -> dict[str, list[str]]:
    columns = [*frame.items(), *_levels(frame, "")]
    return {
        str(name): list(values.dtype.categories)
        for name, values in columns
        if isinstance(values.dtype, pd.CategoricalDtype)
    }


def _is_simple(dtype: Any) -> bool:
    """Tell dtypes that come back by themselves and are cheap to tell apart."""
    return isinstance(dtype, np.dtype | pd.StringDtype | pd.DatetimeTZDtype)


@lru_cache(maxsize=1024)
def _simple_metadata(names: tuple[str, ...], dtypes: tuple[Any, ...], label_dtype: Any) -> bytes:
    columns = pd.Index(names, dtype=label_dtype)
    frame = pd.DataFrame({n: pd.Series(dtype=d) for n, d in enumerate(dtypes)})
    frame.columns = columns
    return _metadata_of(frame, kept=False)


def _metadata_of(frame: pd.DataFrame, *, kept: bool) -> bytes:
    schema = pa.Table.from_pandas(frame, preserve_index=kept, nthreads=1).schema
    found: bytes = schema.metadata[b"pandas"]
    return found


def _full_metadata(frame: pd.DataFrame, *, kept: bool, where: str) -> bytes:
    """Return pandas' metadata, after a look whether the dtypes come back."""
    if not _is_json(frame.attrs):
        raise OutputError(f"{where} has attrs that are no JSON. Leave them out: df.attrs = {{}}")
    empty = frame.iloc[:0]
    for name, values in [*empty.items(), *_levels(empty, where)]:
        if not _is_simple(values.dtype):
            _check_dtype(str(name), values, where)
    return _metadata_of(empty, kept=kept)


def _is_json(value: Any) -> bool:
    try:
        return bool(json.loads(json.dumps(value)) == value)
    except (TypeError, ValueError):
        return False


def _check_dtype(name: str, values: pd.Series[Any], where: str) -> None:
    """Refuse a dtype that does not come back from an empty column."""
    dtype = values.dtype
    if isinstance(dtype, pd.CategoricalDtype) and not _has_text_categories(dtype):
        raise _unfit(name, dtype, where)
    if isinstance(dtype, pd.SparseDtype):
        raise _unfit(name, dtype, where)
    try:
        table = pa.Table.from_pandas(values.reset_index(drop=True).to_frame("x"))
        back = table.to_pandas()["x"].dtype
    except (pa.ArrowException, ValueError, TypeError, KeyError) as error:
        raise _unfit(name, dtype, where) from error
    if not isinstance(dtype, pd.CategoricalDtype) and back != dtype:
        raise _unfit(name, dtype, where)


def _has_text_categories(dtype: pd.CategoricalDtype) -> bool:
    categories = dtype.categories
    return bool(len(categories)) and all(type(category) is str for category in categories)


def _object_index(index: pd.Index[Any], table: pa.Table, cells: Mapping[str, Cells]) -> Any:
    def levels() -> Iterator[Any]:
        for number, field in enumerate(index_fields(table.schema)):
            if field in cells:
                values = objects.from_arrow(table.column(field), cells[field])
                yield pd.Index(values, dtype=object)
            else:
                yield index.get_level_values(number)

    if isinstance(index, pd.MultiIndex):
        return pd.MultiIndex.from_arrays(list(levels()), names=index.names)
    return next(levels()).rename(index.name)


def _with_frequency(index: Any, freq: str) -> Any:
    try:
        return type(index)(index, freq=freq)
    except ValueError:
        # Only some rows were loaded, or the calendar behind the frequency is not known here.
        return index
