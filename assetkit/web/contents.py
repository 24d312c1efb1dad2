"""What is in one partition of an asset: its columns, some rows, what was noted, its checks."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from assetkit.catalog.arrays import rows_of
from assetkit.display.values import cell, value_text
from assetkit.errors import DataMissing, PlanError
from assetkit.io.statistics import ColumnStatistics
from assetkit.records import AssetKey, slot_name
from assetkit.web.desk import Desk

_LISTED = 50
_ROWS = 20
_LINKS = ("http://", "https://", "mailto:")
_PICTURES = ("data:image/png;base64,", "data:image/jpeg;base64,", "data:image/gif;base64,")


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownValue:
    """One value of metadata. ``kind`` says how to show ``text``; ``names`` and ``rows`` are
    those of a table.

    A link is only called ``url``, and a picture ``image``, where it is safe to follow or show.
    """

    name: str
    kind: str
    text: str
    names: Sequence[str] = ()
    rows: Sequence[Sequence[str]] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownColumn:
    """One column of the newest partition, or of the one looked at.

    ``missing`` is the share of values that are missing, 0 to 1; None: not known.
    """

    name: str
    type: str
    nulls: str
    missing: float | None
    least: str
    most: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownCheck:
    """What a check found at the last look in ``slot``, and what it noted.

    ``counts`` says of how many partitions it did not pass, where there are several.
    """

    name: str
    passed: bool
    severity: str
    words: str
    slot: str
    counts: str
    metadata: Sequence[ShownValue]


@dataclass(frozen=True, slots=True, kw_only=True)
class Data:
    """A closer look at one partition (the newest, or the one asked for).

    ``sampled`` says what rows of how many ``preview`` has.
    """

    slot: str
    facts: Sequence[tuple[str, str]]
    columns: Sequence[ShownColumn]
    preview_names: Sequence[str]
    preview: Sequence[Sequence[str]]
    sampled: str
    metadata: Sequence[ShownValue]


def data_of(desk: Desk, key: AssetKey, partition: str | None) -> Data | None:
    """Return what is in a partition, None: in the newest; None where nothing is there."""
    try:
        found = desk.workspace.describe(key, partition, rows=_ROWS)
    except (DataMissing, PlanError):
        return None
    names = list(found.preview[0]) if found.preview else []
    return Data(
        slot=slot_name(key, found.partition),
        facts=[(name, told) for name, told in found.facts() if told],
        columns=[_column(one, found.slot_rows) for one in found.columns],
        preview_names=names,
        preview=[[cell(row[name]) for name in names] for row in found.preview],
        sampled=_sampled(len(found.preview), found.slot_rows),
        metadata=shown_values(found.metadata),
    )


def _sampled(shown: int, rows: int | None) -> str:
    if rows is None or shown >= rows:
        return "All rows."
    return f"{shown:,} of {rows:,} rows, from places spread over the data."


def _column(one: ColumnStatistics, rows: int | None) -> ShownColumn:
    return ShownColumn(
        name=one.name,
        type=one.type,
        nulls="" if one.nulls is None else f"{one.nulls:,}",
        missing=one.nulls / rows if one.nulls is not None and rows else None,
        least=cell(one.minimum),
        most=cell(one.maximum),
    )


def shown_values(metadata: Mapping[str, Any]) -> list[ShownValue]:
    """Return values of metadata as pages show them, each by its kind.

    >>> shown_values({"seen": {"kind": "url", "value": "javascript:alert(1)"}})[0].kind
    'path'
    """
    return [_shown(name, value) for name, value in metadata.items()]


def _shown(name: str, value: Any) -> ShownValue:
    kind, inner = "", value
    if isinstance(value, Mapping) and isinstance(value.get("kind"), str) and "value" in value:
        kind, inner = value["kind"], value["value"]
    if kind == "url" and str(inner).startswith(_LINKS):
        return ShownValue(name=name, kind="url", text=str(inner))
    if kind == "image" and str(inner).startswith(_PICTURES):
        return ShownValue(name=name, kind="image", text=str(inner))
    if kind in ("path", "url"):
        return ShownValue(name=name, kind="path", text=str(inner))
    if kind == "markdown":
        return ShownValue(name=name, kind="markdown", text=str(inner))
    if kind == "table" and isinstance(inner, list) and inner:
        names = list(dict.fromkeys(str(one) for row in inner for one in row))
        rows = [[cell(row.get(one)) for one in names] for row in inner]
        return ShownValue(name=name, kind="table", text=value_text(value), names=names, rows=rows)
    number = isinstance(inner, int | float) and not isinstance(inner, bool)
    return ShownValue(name=name, kind="number" if number else "text", text=value_text(value))


def checks_of(desk: Desk, key: AssetKey, partition: str | None) -> list[ShownCheck]:
    """Return what checks found at their last look, those that did not pass first.

    Each check once: of all partitions, the worst of the newest is told.
    """
    rows: list[dict[str, Any]] = rows_of(desk.core.catalog.checks(key))
    by_check: dict[str, list[dict[str, Any]]] = {}
    for row in rows:
        if partition is None or row["partition"] == partition:
            by_check.setdefault(row["check"], []).append(row)
    found = [_check(key, mine) for mine in by_check.values()]
    return sorted(found, key=lambda one: (one.passed, one.name))[:_LISTED]


def _check(key: AssetKey, rows: Sequence[dict[str, Any]]) -> ShownCheck:
    bad = [row for row in rows if not row["passed"]]
    worst = max(bad or rows, key=lambda row: (row["severity"] == "error", row["partition"] or ""))
    return ShownCheck(
        name=worst["check"],
        passed=not bad,
        severity=worst["severity"],
        words=(worst["description"] or "").partition("\n")[0],
        slot=slot_name(key, worst["partition"]),
        counts=f"{len(bad):,} of {len(rows):,} failed" if len(rows) > 1 and bad else "",
        metadata=shown_values(json.loads(worst["metadata"] or "{}")),
    )
