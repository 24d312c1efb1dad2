"""What came of a run, for people: as text and as a notebook view."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from assetkit.display.glyphs import glyph, to_ascii
from assetkit.display.html import Html, details, element, html_table, joined, tone_mark, view
from assetkit.display.quantities import bytes_text, count_text, duration_text
from assetkit.display.texttable import Column, text_table
from assetkit.execution.tracebacks import place_in
from assetkit.records import AssetKey, CheckOutcome, FailedAttempt, Outcome, PartitionKey, slot_name

Slots = Sequence[tuple[AssetKey, PartitionKey | None]]

_SHOWN_FAILURES: Final = 10
_SHOWN_BLOCKED: Final = 3
_SHOWN_ASSETS: Final = 200
_LONGEST_TRACEBACK: Final = 4_000


@dataclass(frozen=True, slots=True, kw_only=True)
class RunReport:
    """A run in what people ask of it. ``rows``, ``bytes`` and ``seconds`` are sums per asset.

    ``lacking`` says of assets that wait for inputs which no step makes what is missing;
    ``checks`` are those that did not pass, and held nothing back.
    """

    run_id: str
    duration: float
    outcomes: Mapping[Outcome, Slots]
    lacking: Sequence[str] = ()
    failures: Sequence[FailedAttempt] = ()
    rows: Mapping[AssetKey, int] = field(default_factory=dict)
    bytes: Mapping[AssetKey, int] = field(default_factory=dict)
    seconds: Mapping[AssetKey, float] = field(default_factory=dict)
    checks: Sequence[CheckOutcome] = ()

    def slots(self, outcome: Outcome) -> Slots:
        """Return the slots that ended so."""
        return self.outcomes.get(outcome, ())


def report_line(report: RunReport) -> str:
    """Return a run in one sentence.

    >>> report_line(RunReport(run_id="r1", duration=2.0, outcomes={}))
    'Nothing to do: everything asked for is up to date.'
    """
    words = ", ".join(f"{count:,} {outcome}" for outcome, count in _ended(report).items())
    if not words:
        return "Nothing to do: everything asked for is up to date."
    if report.lacking and set(_ended(report)) == {Outcome.BLOCKED} and not report.failures:
        return f"Nothing ran: {words}."
    return f"Run {report.run_id}: {words} in {duration_text(report.duration)}."


def _ended(report: RunReport) -> dict[Outcome, int]:
    counts = {outcome: len(report.slots(outcome)) for outcome in Outcome}
    return {outcome: count for outcome, count in counts.items() if count}


def report_text(report: RunReport, *, width: int | None = 80, ascii: bool = False) -> str:
    """Write a run as text: a row per asset, each failure with the way to its log, the sentence."""
    columns = (
        Column(),
        Column(title="asset"),
        *(Column(title=title, right=True) for title in ("rows", "size", "time")),
        Column(title="outcome", wraps=True),
    )
    rows = [
        (glyph(line.worst, ascii=ascii), line.asset, line.rows, line.size, line.time, line.words)
        for line in _lines(report)
    ]
    lines = text_table(columns, rows[:_SHOWN_ASSETS], width=width, indent=" ") if rows else []
    if len(rows) > _SHOWN_ASSETS:
        lines.append(f"    … {len(rows) - _SHOWN_ASSETS:,} more assets")
    told = [
        *failure_lines(report),
        *check_lines(report.checks),
        *report.lacking[:_SHOWN_BLOCKED],
    ]
    text = "\n".join([*lines, *([""] if lines else []), *told, report_line(report)])
    return to_ascii(text) if ascii else text


def failure_lines(report: RunReport) -> Iterator[str]:
    """Yield for each failure what happened, and where to look; then what it held up."""
    for failure in report.failures[:_SHOWN_FAILURES]:
        slot = slot_name(failure.asset, failure.partition)
        tries = f" after {failure.attempt} attempts" if failure.attempt > 1 else ""
        yield f"{glyph('failed')} {slot} failed{tries}, {duration_text(failure.duration)}"
        said = f"{failure.error_type}: {failure.message}".rstrip(": ")
        yield from (f"    {line}".rstrip() for line in said.splitlines())
        if place := place_in(failure.traceback):
            yield f"      {place}"
        yield f"    assetkit logs {failure.run_id} {slot}"
    if len(report.failures) > _SHOWN_FAILURES:
        yield f"  … {len(report.failures) - _SHOWN_FAILURES:,} more: assetkit logs {report.run_id}"
    if report.failures and (blocked := report.slots(Outcome.BLOCKED)):
        names = [slot_name(*slot) for slot in blocked[:_SHOWN_BLOCKED]]
        more = len(blocked) - len(names)
        yield f"  Blocks: {', '.join(names)}{f' and {more:,} more' if more else ''}"


def check_lines(checks: Sequence[CheckOutcome]) -> Iterator[str]:
    """Yield a line for each check that did not pass: where, what it found, how grave that is."""
    for one in checks[:_SHOWN_FAILURES]:
        mark = "failed" if one.severity == "error" else "warning"
        yield f"{glyph(mark)} {check_text(one)}"
    if len(checks) > _SHOWN_FAILURES:
        yield f"  … {len(checks) - _SHOWN_FAILURES:,} more checks did not pass"


def check_text(found: CheckOutcome) -> str:
    """Return what one check found, in one line.

    >>> from datetime import UTC, datetime
    >>> found = CheckOutcome(
    ...     asset="a",
    ...     partition=None,
    ...     ordinal=0,
    ...     run_id="r",
    ...     check="not_null(x)",
    ...     passed=False,
    ...     checked_at=datetime(2026, 1, 1, tzinfo=UTC),
    ...     severity="warn",
    ... )
    >>> check_text(found)
    'a: check not_null(x) did not pass (warn)'
    """
    slot = slot_name(found.asset, found.partition)
    state = "passed" if found.passed else f"did not pass ({found.severity})"
    text = f"{slot}: check {found.check} {state}"
    return f"{text}: {found.description.splitlines()[0]}" if found.description else text


def unmet_text(checks: Sequence[CheckOutcome]) -> str:
    """Return in one line which checks did not pass; empty where all did."""
    unmet = [one for one in checks if not one.passed]
    return "; ".join(check_text(one).partition(": ")[2] for one in unmet)


def report_html(report: RunReport) -> Html:
    """Return the notebook view of a run."""
    lines = list(_lines(report))
    rows = [
        (
            joined([tone_mark(line.worst, glyph(line.worst)), element("span", line.asset)]),
            line.words,
            line.rows,
            line.size,
            line.time,
        )
        for line in lines[:_SHOWN_ASSETS]
    ]
    state = "failed" if report.failures or report.slots(Outcome.FAILED) else "success"
    head = element(
        "p", tone_mark(state, glyph(state)), report_line(report), class_="head", role="status"
    )
    titles = ("asset", "outcome", "rows", "size", "time")
    table = [html_table(titles, rows, right=(2, 3, 4))] if rows else []
    more = len(lines) - len(rows)
    rest = [element("p", f"… {more:,} more assets", class_="dim")] if more else []
    lacking = [element("pre", text) for text in report.lacking[:_SHOWN_BLOCKED]]
    checks = [element("p", line) for line in check_lines(report.checks)]
    return view(head, *_failures_html(report), *checks, *table, *rest, *lacking)


def _failures_html(report: RunReport) -> Iterator[Html]:
    for number, failure in enumerate(report.failures[:_SHOWN_FAILURES]):
        slot = slot_name(failure.asset, failure.partition)
        text = f"{slot}: {failure.error_type}: {failure.message}".rstrip(": ")
        summary = joined([tone_mark("failed", glyph("failed")), text])
        trace = failure.traceback[-_LONGEST_TRACEBACK:]
        yield details(
            summary,
            element("pre", trace),
            element("p", element("code", f"assetkit logs {failure.run_id} {slot}")),
            opened=number == 0,
        )
    if len(report.failures) > _SHOWN_FAILURES:
        more = len(report.failures) - _SHOWN_FAILURES
        yield element("p", f"… {count_text(more, 'more failure')}", class_="dim")


@dataclass(frozen=True, slots=True)
class _Line:
    asset: AssetKey
    worst: str
    words: str
    rows: str
    size: str
    time: str


_BY_GRAVITY: Final = (
    Outcome.FAILED,
    Outcome.BLOCKED,
    Outcome.CANCELLED,
    Outcome.MATERIALIZED,
    Outcome.UNCHANGED,
    Outcome.SKIPPED,
)


def _lines(report: RunReport) -> Iterator[_Line]:
    """Yield a line per asset, in the order in which they first come up."""
    counts: dict[AssetKey, Counter[Outcome]] = {}
    for outcome, slots in report.outcomes.items():
        for asset, _ in slots:
            counts.setdefault(asset, Counter())[outcome] += 1
    for asset, by_outcome in counts.items():
        present = [outcome for outcome in _BY_GRAVITY if by_outcome[outcome]]
        rows, size, time = (m.get(asset) for m in (report.rows, report.bytes, report.seconds))
        yield _Line(
            asset,
            present[0],
            ", ".join(f"{by_outcome[outcome]:,} {outcome}" for outcome in present),
            "" if rows is None else f"{rows:,}",
            "" if size is None else bytes_text(size),
            "" if time is None else duration_text(time),
        )
