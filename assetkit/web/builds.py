"""What became of an asset build by build: a list, and plots of it over time."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from assetkit.display.quantities import bytes_text, duration_text
from assetkit.display.values import number_text
from assetkit.web.plots import Plot, plot_of

_PLOTTED = 100
_LISTED = 50
_NOTED = 6
"""Numbers of the metadata that are plotted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Build:
    """One result of the history."""

    at: datetime
    partition: str
    outcome: str
    run_id: str
    rows: str
    bytes: str
    took: str
    version: str


def builds_of(history: Sequence[Mapping[str, Any]]) -> list[Build]:
    """Return the newest results of a history, newest first."""
    return [_build(row) for row in history[:_LISTED]]


def _build(row: Mapping[str, Any]) -> Build:
    return Build(
        at=row["materialized_at"],
        partition=row["partition"] or "",
        outcome=row["outcome"],
        run_id=row["run_id"] or "",
        rows="" if row["rows"] is None else f"{row['rows']:,}",
        bytes="" if row["bytes"] is None else bytes_text(row["bytes"]),
        took="" if row["duration"] is None else duration_text(row["duration"]),
        version=(row["data_version"] or "")[:8],
    )


def plots_of(history: Sequence[Mapping[str, Any]]) -> list[Plot]:
    """Return plots of the newest builds of a history: rows, durations, ages, noted numbers."""
    rows = [row for row in history if row["outcome"] != "deleted"][:_PLOTTED][::-1]
    return [plot for plot in (*_measured(rows), *_noted(rows)) if plot is not None]


def _measured(rows: Sequence[Mapping[str, Any]]) -> Iterator[Plot | None]:
    def values(name: str) -> list[tuple[datetime, float, str]]:
        return [
            (row["materialized_at"], float(row[name]), row["partition"] or "")
            for row in rows
            if row[name] is not None
        ]

    yield plot_of("rows", values("rows"), lambda value: f"{value:,.0f}")
    yield plot_of("duration", values("duration"), duration_text)
    ages = [
        (
            row["materialized_at"],
            max(0.0, (row["materialized_at"] - row["data_time"]).total_seconds()),
            row["partition"] or "",
        )
        for row in rows
        if row["data_time"] is not None
    ]
    yield plot_of("age of the data when built", ages, duration_text)


def _noted(rows: Sequence[Mapping[str, Any]]) -> Iterator[Plot | None]:
    """Yield a plot for each number in the metadata, in the order in which they came up."""
    found: dict[str, list[tuple[datetime, float, str]]] = {}
    for row in rows:
        for name, noted in json.loads(row["metadata"] or "{}").items():
            is_number = isinstance(noted, Mapping) and noted.get("kind") == "number"
            value = noted["value"] if is_number else noted
            if isinstance(value, int | float) and not isinstance(value, bool):
                told = (row["materialized_at"], float(value), row["partition"] or "")
                found.setdefault(name, []).append(told)
    for name, values in list(found.items())[:_NOTED]:
        yield plot_of(name, values, number_text)
