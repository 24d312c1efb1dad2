"""A plan as a notebook view: a picture of the graph, and a row to open for each asset.

Rule 1: at most 200 KB, since a saved notebook keeps it; large plans are shown by groups.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from assetkit.display.glyphs import glyph
from assetkit.display.html import Html, details, element, html_table, joined, tone_mark, view
from assetkit.display.picture import Node
from assetkit.display.quantities import bytes_text, count_text, duration_text, moment_text
from assetkit.graph.views import graph_picture
from assetkit.planning.data import PlanData
from assetkit.planning.explain import explain
from assetkit.planning.model import AssetSummary, PlanSummary
from assetkit.planning.summary import summarize
from assetkit.planning.text import totals_text, verb_of, why_text

_ROWS: Final = 150
_EXPLAINED: Final = 25
_EXPLANATION: Final = 2_000
_LONGEST_NAME: Final = 40
_BLOCK: Final = "display:inline-block"
_VERB_WORDS: Final = {
    "build": "build",
    "rebuild": "rebuild",
    "maybe": "only if an input changes",
    "blocked": "blocked",
    "quarantined": "held after failures",
    "running": "running elsewhere",
    "keep": "up to date",
}


def plan_html(plan: PlanData) -> str:
    """Return the notebook view of a plan."""
    summary = summarize(plan.assets, plan.universes, plan.snapshot)
    return view(
        element("p", f"Plan {plan.plan_id} · as of {moment_text(plan.now)}", class_="head"),
        element("p", totals_text(summary)),
        *(element("p", f"note: {note}", class_="t-held") for note in plan.notes),
        _picture(plan, summary),
        *_parts(plan, summary),
        *_decisions(plan),
        element(
            "p",
            element("code", "materialize(plan)"),
            " runs exactly this, ",
            element("code", "plan.explain(asset, partition)"),
            " says why.",
            class_="dim",
        ),
    )


def _decisions(plan: PlanData) -> Iterator[Html]:
    """Yield what automation decided, where it made the plan."""
    told = plan.decisions[:_ROWS]
    if told:
        rows = [(one.asset, one.outcome.replace("_", " "), one.reason) for one in told]
        title = count_text(len(plan.decisions), "decision of automation", "decisions of automation")
        yield details(title, html_table(("asset", "outcome", "why"), rows))


def _picture(plan: PlanData, summary: PlanSummary) -> Html:
    looks = {line.asset: _node(line) for line in summary.assets}
    return graph_picture(plan.graph, looks, looks=looks)


def _node(line: AssetSummary) -> Node:
    verb = verb_of(line)
    steps = line.run + line.maybe
    note = f"{line.asset}: {_VERB_WORDS[verb]}"
    if steps:
        note += f", {count_text(steps, 'step')}, {why_text(line)}"
    return Node(
        name=line.asset,
        tone=verb,
        mark=glyph(verb),
        badge=f"{steps:,}" if steps > 1 else "",
        note=note,
    )


def _parts(plan: PlanData, summary: PlanSummary) -> Iterator[Html]:
    """Yield the rows of the assets with something to do, then what is up to date, folded."""
    busy = [line for line in summary.assets if verb_of(line) != "keep"]
    width = min(_LONGEST_NAME, max((len(line.asset) for line in busy), default=0))
    for number, line in enumerate(busy[:_ROWS]):
        yield _row(plan, line, width, explained=number < _EXPLAINED)
    if len(busy) > _ROWS:
        more = f"… {len(busy) - _ROWS:,} more assets: plan.to_pandas() has all"
        yield element("p", more, class_="dim")
    idle = [line.asset for line in summary.assets if verb_of(line) == "keep"]
    if idle:
        names = ", ".join(idle[:_ROWS]) + (" …" if len(idle) > _ROWS else "")
        yield details(f"{count_text(len(idle), 'asset')} up to date", element("p", names))


def _row(plan: PlanData, line: AssetSummary, width: int, *, explained: bool) -> Html:
    verb = verb_of(line)
    steps = line.run + line.maybe
    total = steps + line.fresh + line.blocked + line.quarantined + line.running
    name = element("span", line.asset, class_="key", style=f"{_BLOCK};min-width:{width}ch")
    amount = f"{steps:,} of {total:,}" if total > 1 else ""
    why = why_text(line) if steps else ""
    words = " · ".join(filter(None, (_VERB_WORDS[verb], amount, why)))
    head = joined([tone_mark(verb, glyph(verb)), name, " ", _bar(line, total), f" {words}"])
    facts = [(name, value) for name, value in _facts(line) if value]
    body = [html_table((), facts)] if facts else []
    if explained:
        text = explain(plan, line.asset)
        cut = text[:_EXPLANATION] + ("\n…" if len(text) > _EXPLANATION else "")
        body.append(element("pre", cut))
    return details(head, *body)


def _facts(line: AssetSummary) -> Iterator[tuple[str, str]]:
    yield "partitions", line.partitions
    yield "expected", ", ".join(_expectations(line))
    yield "blocked", f"{line.blocked:,}" if line.blocked else ""
    yield "held after failures", f"{line.quarantined:,}" if line.quarantined else ""
    yield "running elsewhere", f"{line.running:,}" if line.running else ""


def _expectations(line: AssetSummary) -> Iterator[str]:
    if line.seconds is not None:
        yield duration_text(line.seconds)
    if line.rows:
        yield count_text(line.rows, "row")
    if line.bytes:
        yield bytes_text(line.bytes)


def _bar(line: AssetSummary, total: int) -> Html:
    """Draw what share of an asset's slots is up to date, to be built, and cannot be."""
    shares = (
        ("fresh", line.fresh),
        ("build", line.run + line.running),
        ("maybe", line.maybe + line.quarantined),
        ("failed", line.blocked),
    )
    pieces, at = [], 0.0
    for tone, count in shares:
        width = 180 * count / total
        if count:
            pieces.append(
                f'<rect class="t-{tone}" x="{at:.1f}" y="0" width="{width:.1f}" height="8" '
                f'style="fill:currentColor;stroke:none"/>'
            )
        at += width
    label = f"{line.run + line.maybe:,} of {total:,} to build"
    return Html(
        f'<svg class="bar" style="display:inline-block;margin:0" role="img" aria-label="{label}" '
        f'viewBox="0 0 180 8" preserveAspectRatio="none">{"".join(pieces)}</svg>'
    )
