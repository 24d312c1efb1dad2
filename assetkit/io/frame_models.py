"""Hold a frame to a pandera schema or model, which brings its package with it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from importlib import import_module
from typing import Any

from assetkit.io.misfits import SHOWN, Misfit


def frame_type(schema: Any) -> Any:
    """Return the type of frame that a pandera schema validates."""
    classes = schema.__mro__ if isinstance(schema, type) else type(schema).__mro__
    if any(".polars" in one.__module__ for one in classes):
        return import_module("polars").DataFrame
    return import_module("pandas").DataFrame


def find_misfits(schema: Any, load: Callable[[Any], Any]) -> list[Misfit]:
    """Return what of a frame does not fit a pandera schema; *load* loads it as a type.

    All is gathered (``lazy``), not only the first. What the schema converts
    (``coerce``) is judged after conversion, but stored as the function returned it.
    """
    frame = load(frame_type(schema))
    try:
        schema.validate(frame, lazy=True)
    except Exception as error:
        cases = getattr(error, "failure_cases", None)
        if cases is None:
            raise
        return _misfits(_records(cases))
    return []


def _records(cases: Any) -> Iterable[Mapping[str, Any]]:
    found: Iterable[Mapping[str, Any]] = (
        cases.to_dicts() if hasattr(cases, "to_dicts") else cases.to_dict("records")
    )
    return found


def _misfits(cases: Iterable[Mapping[str, Any]]) -> list[Misfit]:
    """Return one misfit per column and check, with its first rows."""
    rows: dict[tuple[str, str], list[tuple[int | None, Any]]] = {}
    for case in cases:
        column, check = case.get("column"), str(case.get("check"))
        value, index = case.get("failure_case"), case.get("index")
        if check in {"column_in_dataframe", "column_in_schema"}:
            # The case of such a check is the column's name.
            column, value = value, None
        found = rows.setdefault((str(column or "frame"), check), [])
        if value is not None and len(found) < SHOWN:
            found.append((_row_number(index), value))
    return [Misfit(column, _problem(check), tuple(rows[column, check])) for column, check in rows]


def _problem(check: str) -> str:
    known = {
        "column_in_dataframe": "is missing",
        "column_in_schema": "is not in the schema",
        "not_nullable": "must not be missing",
        "field_uniqueness": "must be unique",
    }
    return known.get(check, f"fails {check}")


def _row_number(index: Any) -> int | None:
    # Outside of rows pandera leaves the index out: None, or NaN in a column of numbers.
    return int(index) if isinstance(index, int | float) and index == index else None  # noqa: PLR0124
