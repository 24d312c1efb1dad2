"""What there is of an asset, for people: as text and as a notebook view."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from assetkit.display.glyphs import glyph
from assetkit.display.html import Html, details, element, html_table, view
from assetkit.display.quantities import bytes_text, count_text, moment_text
from assetkit.display.texttable import Column, text_table
from assetkit.display.values import cell, table_lines, value_html, value_text
from assetkit.io.statistics import ColumnStatistics
from assetkit.records import AssetKey, slot_name

_WIDE = 12  # columns of a preview that text shows


@dataclass(frozen=True, slots=True, kw_only=True)
class Description:
    """What is published of an asset, and a closer look at one partition of it.

    ``rows`` and ``bytes`` are of all partitions, None where unknown; ``columns``,
    ``preview`` (some rows), ``metadata`` and ``checks`` are of ``partition``. ``checks``
    are rows of `Workspace.checks`.
    """

    asset: AssetKey
    partition: str | None
    slots: int
    rows: int | None
    bytes: int | None
    materialized_at: datetime
    data_time: datetime | None
    run_id: str
    slot_rows: int | None = None
    slot_bytes: int | None = None
    columns: Sequence[ColumnStatistics] = ()
    preview: Sequence[Mapping[str, Any]] = ()
    metadata: Mapping[str, Any] = field(default_factory=dict)
    checks: Sequence[Mapping[str, Any]] = ()
    is_newest: bool = True

    def facts(self) -> Iterator[tuple[str, str]]:
        """Yield what is known, by name."""
        sizes = (self.rows, self.bytes)
        if self.partition is not None:
            yield (
                "published",
                f"{count_text(self.slots, 'partition')}, {_size(*sizes)}".rstrip(", "),
            )
            yield "newest" if self.is_newest else "partition", self.partition
            sizes = (self.slot_rows, self.slot_bytes)
        yield "holds", _size(*sizes)
        yield "built", f"{moment_text(self.materialized_at)}, run {self.run_id}"
        yield "data up to", moment_text(self.data_time) if self.data_time else ""

    @property
    def json(self) -> dict[str, Any]:
        """All of it as JSON values, limits and cells as text where JSON has no such type."""
        return {
            "asset": self.asset,
            "partition": self.partition,
            "partitions": self.slots,
            "rows": self.rows,
            "bytes": self.bytes,
            "materialized_at": self.materialized_at,
            "data_time": self.data_time,
            "run_id": self.run_id,
            "columns": [
                {
                    "name": one.name,
                    "type": one.type,
                    "nulls": one.nulls,
                    "minimum": _plain(one.minimum),
                    "maximum": _plain(one.maximum),
                }
                for one in self.columns
            ],
            "preview": [{name: _plain(one) for name, one in row.items()} for row in self.preview],
            "metadata": self.metadata,
            "checks": self.checks,
        }

    def text(self, *, width: int | None = None) -> str:
        """Return it as text that fits *width*; None: nothing is wrapped."""
        facts = [(name, told) for name, told in self.facts() if told]
        parts = [text_table((Column(), Column(wraps=True)), facts, width=width)]
        if self.metadata:
            parts.append(["metadata", *self._metadata_lines()])
        if self.checks:
            parts.append(["checks", *(f"  {line}" for line in self._check_lines())])
        if self.columns:
            titles = ("column", "type", "nulls", "least", "greatest")
            columns = [Column(title=one, right=one == "nulls") for one in titles]
            parts.append(text_table(columns, self._column_rows(), width=width))
        if self.preview:
            shown = [dict(list(row.items())[:_WIDE]) for row in self.preview]
            parts.append(["some rows", *(f"  {line}" for line in table_lines(shown))])
        return "\n\n".join("\n".join(part) for part in parts if part)

    def html(self) -> Html:
        """Return it as a notebook view."""
        facts = [(name, told) for name, told in self.facts() if told]
        said = [(name, value_html(value)) for name, value in self.metadata.items()]
        parts = [element("p", f"Asset {self.asset}", class_="head"), html_table((), facts)]
        if said:
            parts.append(html_table(("metadata", ""), said))
        parts += [element("p", line) for line in self._check_lines()]
        if self.columns:
            titles = ("column", "type", "nulls", "least", "greatest")
            parts.append(html_table(titles, self._column_rows(), right=(2,)))
        if self.preview:
            names = list(self.preview[0])
            rows = [[cell(row[name]) for name in names] for row in self.preview]
            parts.append(details("some rows", html_table(names, rows), opened=True))
        return view(*parts)

    def _metadata_lines(self) -> Iterator[str]:
        for name, value in self.metadata.items():
            lines = value_text(value).splitlines() or [""]
            if len(lines) == 1:
                yield f"  {name}: {lines[0]}"
            else:
                yield f"  {name}:"
                yield from (f"    {line}" for line in lines)

    def _check_lines(self) -> Iterator[str]:
        for one in self.checks:
            severe = "failed" if one["severity"] == "error" else "warning"
            mark = glyph("materialized" if one["passed"] else severe)
            found = str(one["description"]).partition("\n")[0]
            state = "passed" if one["passed"] else f"did not pass ({one['severity']})"
            told = f"{mark} {one['check']} {state}"
            yield f"{told}: {found}" if found and not one["passed"] else told

    def _column_rows(self) -> list[tuple[str, ...]]:
        return [
            (
                one.name,
                one.type,
                "" if one.nulls is None else f"{one.nulls:,}",
                cell(_plain(one.minimum))[:40],
                cell(_plain(one.maximum))[:40],
            )
            for one in self.columns
        ]

    def __str__(self) -> str:
        return f"{slot_name(self.asset, self.partition)}\n{self.text()}"

    def _repr_html_(self) -> str:
        return str(self.html())


def _size(rows: int | None, size: int | None) -> str:
    words = [] if rows is None else [count_text(rows, "row")]
    return ", ".join([*words, *([] if size is None else [bytes_text(size)])])


def _plain(value: Any) -> Any:
    """Return a cell as JSON can hold it."""
    if value is None or isinstance(value, str | bool | int):
        return value
    if isinstance(value, float):
        return value if value - value == 0 else str(value)
    if isinstance(value, list):
        return [_plain(one) for one in value]
    return str(value)
