"""A plan as text: what would run, why, and how to make it so.

Rule 1: one row per asset that has something to do; what is up to date is only counted.
Rule 2: the totals stand last, where a terminal leaves the eye.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from textwrap import wrap

from assetkit.display.glyphs import glyph, to_ascii
from assetkit.display.quantities import count_text, moment_text, rough_duration_text
from assetkit.display.texttable import Column, text_table
from assetkit.planning.model import AssetSummary, PlanSummary

SHOWN_ASSETS = 40
"""How many assets a plan shows unless more are asked for."""

_WORDS = {
    "missing": "never built",
    "gone": "file gone or changed by hand",
    "partial": "built without all of its input",
    "code": "code changed",
    "config": "configuration changed",
    "schema": "schema changed",
    "definition": "definition changed",
    "forced": "forced",
}
_LEGEND = (("+", "build"), ("~", "rebuild"), ("?", "only if an input changes"))
_COLUMNS = (
    Column(),
    Column(title="asset"),
    Column(title="steps", right=True),
    Column(title="partitions", wraps=True),
    Column(title="why", wraps=True),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanHeading:
    """What stands around the rows: which plan, of when, what must be said, how to apply it."""

    plan_id: str
    now: datetime
    notes: tuple[str, ...] = ()
    apply: str = ""


def plan_text(
    summary: PlanSummary,
    *,
    heading: PlanHeading | None = None,
    width: int | None = 80,
    ascii: bool = False,
    limit: int | None = SHOWN_ASSETS,
) -> str:
    """Write a plan for a terminal of *width* columns; None: neither wrap nor cut anything.

    *limit* is how many assets are shown (None: all).
    """
    lines = [_first_line(summary, heading)] if heading and _busy(summary) else []
    if heading:
        lines += [f"note: {note}" for note in heading.notes]
    lines += _table_lines(summary, width, limit)
    totals = totals_text(summary, heading.now if heading else None)
    lines += wrap(totals, width) if width else [totals]
    if heading and heading.apply and summary.run + summary.maybe:
        lines.append(f"Run exactly this:  {heading.apply}")
    text = "\n".join(lines)
    return to_ascii(text) if ascii else text


def verb_of(line: AssetSummary) -> str:
    """Return what would happen to an asset, in one word of the vocabulary of marks."""
    if line.run:
        return "build" if {cause for cause, _ in line.causes} <= {"missing", "gone"} else "rebuild"
    if line.maybe:
        return "maybe"
    if line.blocked:
        return "blocked"
    if line.quarantined:
        return "quarantined"
    return "running" if line.running else "keep"


def cause_words(cause: str, *, maybe: bool = False) -> str:
    """Return a cause in words.

    >>> cause_words("input flights"), cause_words("upstream flights", maybe=True)
    ('flights changed', 'if flights changes')
    """
    kind, _, upstream = cause.partition(" ")
    if not upstream:
        return _WORDS.get(kind, kind)
    if kind == "input":
        return f"{upstream} changed"
    if kind == "with":
        return f"made with {upstream}"
    return f"if {upstream} changes" if maybe else f"{upstream} in this plan"


def why_text(line: AssetSummary) -> str:
    """Return the causes of an asset's steps in words, with counts where they differ."""
    steps = line.run + line.maybe
    words = [
        cause_words(cause, maybe=not line.run) + (f" ({count:,})" if count != steps else "")
        for cause, count in line.causes
    ]
    if line.run and line.maybe:
        words.append(f"{line.maybe:,} only if an input changes")
    return ", ".join(words)


def totals_text(summary: PlanSummary, now: datetime | None = None) -> str:
    """Return the one sentence that says what the plan amounts to."""
    as_of = f" (as of {moment_text(now)})" if now else ""
    held = sum(line.quarantined for line in summary.assets)
    running = sum(line.running for line in summary.assets)
    if not _busy(summary):
        count = len(summary.assets)
        verb = "is" if count == 1 else "are"
        return f"Nothing to build: {count_text(count, 'asset')} {verb} up to date{as_of}."
    steps = summary.run + summary.maybe
    parts = [f"{summary.run:,} to build"]
    if summary.maybe:
        parts.append(f"up to {summary.maybe:,} more")
    for count, word in (
        (summary.blocked, "blocked"),
        (held, "held after failures"),
        (running, "running elsewhere"),
        (summary.fresh, "up to date"),
    ):
        if count:
            parts.append(f"{count:,} {word}")
    text = ", ".join(parts)
    if not steps:
        return f"Nothing to build: {text.removeprefix('0 to build, ')}."
    return f"{text}.{f' About {rough_duration_text(summary.seconds)}.' if summary.seconds else ''}"


def _busy(summary: PlanSummary) -> bool:
    return any(verb_of(line) != "keep" for line in summary.assets)


def _first_line(summary: PlanSummary, heading: PlanHeading) -> str:
    selected = count_text(len(summary.assets), "asset")
    return f"Plan {heading.plan_id}  as of {moment_text(heading.now)}  {selected}"


def _table_lines(summary: PlanSummary, width: int | None, limit: int | None) -> list[str]:
    busy = [line for line in summary.assets if verb_of(line) != "keep"]
    if not busy:
        return []
    shown = busy if limit is None else busy[:limit]
    rows = [row for line in shown for row in _rows(line)]
    lines = ["", *text_table(_columns_for(rows), rows, width=width, indent=" ")]
    if len(busy) > len(shown):
        lines.append(f"    … {len(busy) - len(shown):,} more assets (-v, --json)")
    idle = [line.asset for line in summary.assets if verb_of(line) == "keep"]
    if idle:
        lines += _idle_lines(idle, width)
    used = {row[0] for row in rows}
    legend = [f"{mark} {word}" for mark, word in _LEGEND if mark in used]
    return [*lines, "", *([" " + "   ".join(legend)] if legend else [])]


def _columns_for(rows: Sequence[Sequence[str]]) -> Sequence[Column]:
    """Leave out the title of the partitions where no row has any."""
    if any(row[3] for row in rows):
        return _COLUMNS
    return [Column() if column.title == "partitions" else column for column in _COLUMNS]


def _rows(line: AssetSummary) -> Iterator[tuple[str, str, str, str, str]]:
    """Yield an asset's row of steps to run, and one for each way in which others cannot."""
    name = line.asset
    if steps := line.run + line.maybe:
        ranges, why = (_kept(text) for text in (line.partitions, why_text(line)))
        yield glyph(verb_of(line)), name, f"{steps:,}", ranges, why
    for state, count, words in (
        ("blocked", line.blocked, "an input is missing and cannot be made"),
        ("quarantined", line.quarantined, "held: failed before in just this way"),
        ("running", line.running, "another run is at it"),
    ):
        if count:
            yield glyph(state), name, f"{count:,}", "", words


def _kept(text: str) -> str:
    """Keep counts in brackets on the line of what they count."""
    return text.replace(" (", "\xa0(")


def _idle_lines(idle: Sequence[str], width: int | None) -> list[str]:
    """Say which assets are up to date, by name as far as one line goes."""
    verb = "asset is" if len(idle) == 1 else "assets are"
    lead = f"    {len(idle):,} {verb} up to date: "
    names = list(idle)
    room = (width or 10_000) - len(lead)
    while names and len(", ".join(names)) + (len(idle) > len(names)) * 12 > room:
        names.pop()
    if not names:
        return [lead.rstrip(": ")]
    more = len(idle) - len(names)
    return [lead + ", ".join(names) + (f" and {more:,} more" if more else "")]
