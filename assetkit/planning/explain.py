"""Say why a slot is what it is, in words, down to the change at the root of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from difflib import unified_diff
from textwrap import dedent

import numpy as np

from assetkit.columns import NO_TIME, Ints
from assetkit.definitions.codeversion import CodeVersion
from assetkit.display.quantities import moment_text
from assetkit.display.ranges import range_text
from assetkit.errors import UnknownAsset, did_you_mean
from assetkit.graph.graph import Edge
from assetkit.planning.data import PlanData
from assetkit.planning.model import VERDICTS, AssetPlan, Cause
from assetkit.planning.orphans import orphan_note
from assetkit.planning.scope import fan_of
from assetkit.planning.steps import causes_of
from assetkit.records import AssetKey, PartitionKey, Verdict, partition_text, slot_name

_DEPTH = 12
_NAMED = 3
_DIFF_LINES = 12


def explain(plan: PlanData, asset: AssetKey, partition: PartitionKey | None = None) -> str:
    """Return why a slot runs or not: its causes, theirs, and so on, one line each.

    Without a partition, an asset's slots are explained by groups that have the same causes.
    """
    part = _part(plan, asset)
    teller = _Teller(plan)
    if partition is not None or not plan.universes[asset].dimensions:
        position = plan.universes[asset].position(partition)
        return "\n".join(teller.tell(part, position))
    lines = [line for group in _groups(part) for line in teller.tell_group(part, group)]
    orphans = plan.snapshot.orphans.get(asset)
    return "\n".join([*lines, orphan_note(asset, orphans)] if orphans else lines)


def _part(plan: PlanData, asset: AssetKey) -> AssetPlan:
    for part in plan.assets:
        if part.asset == asset:
            return part
    known = [part.asset for part in plan.assets]
    raise UnknownAsset(f"This plan has no asset {asset!r}. {did_you_mean(asset, known)}")


def _groups(part: AssetPlan) -> Iterator[Ints]:
    """Yield places of slots with the same verdict and causes, those that run first."""
    key = np.stack([~part.run, part.verdict, part.causes.astype(np.int64)], axis=1)
    _kinds, of = np.unique(key, axis=0, return_inverse=True)
    for kind in range(len(_kinds)):
        yield np.flatnonzero(of.reshape(-1) == kind).astype(np.int64)


@dataclass(frozen=True, slots=True)
class _Teller:
    plan: PlanData

    def tell_group(self, part: AssetPlan, places: Ints) -> Iterator[str]:
        universe = self.plan.universes[part.asset]
        positions = part.positions[places]
        if len(places) > 1:
            ranges = range_text(positions, lambda p: partition_text(universe.key(p)))
            yield f"{part.asset}: {len(places):,} partitions alike: {ranges}; for example"
        yield from self.tell(part, int(positions[-1]))

    def tell(self, part: AssetPlan, position: int, depth: int = 0) -> Iterator[str]:
        """Yield the lines for one slot, and indented beneath it those for what it waits for."""
        indent = "  " * depth
        place = int(np.searchsorted(part.positions, position))
        if place >= len(part.positions) or part.positions[place] != position:
            yield f"{indent}{self._name(part.asset, position)} is not part of this plan"
            return
        yield indent + self._headline(part, place)
        if depth >= _DEPTH:
            yield f"{indent}  ..."
            return
        for cause in causes_of(part, place):
            yield f"{indent}  {self._cause_line(part, place, cause)}"
            if cause.kind == "code" and not depth:
                yield from (f"    {line}" for line in self._code_diff(part, place))
            if cause.kind == "upstream" and cause.upstream != part.asset:
                yield from self._upstream(part, position, cause, depth)
        if VERDICTS[part.verdict[place]] is Verdict.BLOCKED:
            yield from self._lacking(part, position, depth)

    def _name(self, asset: AssetKey, position: int) -> str:
        return slot_name(asset, self.plan.universes[asset].key(position))

    def _headline(self, part: AssetPlan, place: int) -> str:
        verdict = VERDICTS[part.verdict[place]]
        name = self._name(part.asset, int(part.positions[place]))
        made = self._made(part.asset, int(part.positions[place]))
        if verdict is Verdict.MISSING:
            gone = self._is_gone(part.asset, int(part.positions[place]))
            why = "its file is gone or was changed by another hand" if gone else "never built"
            return f"{name} is missing: {why}" + ("" if part.run[place] else "; it cannot run here")
        if verdict is Verdict.FRESH:
            return f"{name} is fresh: nothing changed since it was built{made}"
        if verdict is Verdict.BLOCKED:
            return f"{name} is blocked: a needed input is missing and is not made by this plan"
        if verdict is Verdict.RUNNING:
            return f"{name} is being built by another run"
        if verdict is Verdict.QUARANTINED:
            return f"{name} is quarantined: it failed as often as it may, and nothing changed since"
        if verdict is Verdict.PARTIAL and not part.run[place]:
            return (
                f"{name} is partial: it was made without all of its input{made}, and is made again "
                f"when the rest arrives"
            )
        doubt = "may run" if part.maybe[place] else "runs"
        return f"{name} is {verdict} and {doubt} (last built{made})"

    def _made(self, asset: AssetKey, position: int) -> str:
        columns = self.plan.snapshot.columns(asset)
        row = self._row(asset, position)
        if row is None or columns.materialized_at[row] == NO_TIME:
            return ""
        moment = datetime.fromtimestamp(int(columns.materialized_at[row]) / 1e6, UTC)
        return f" {moment_text(moment)}"

    def _row(self, asset: AssetKey, position: int) -> int | None:
        columns = self.plan.snapshot.columns(asset)
        ordinal = self.plan.universes[asset].ordinals(np.array([position], dtype=np.int64))[0]
        row = int(np.searchsorted(columns.ordinal, ordinal))
        found = row < len(columns) and columns.ordinal[row] == ordinal
        return row if found else None

    def _is_gone(self, asset: AssetKey, position: int) -> bool:
        gone = self.plan.snapshot.gone.get(asset)
        if gone is None:
            return False
        ordinal = self.plan.universes[asset].ordinals(np.array([position], dtype=np.int64))
        return bool(np.isin(ordinal, gone)[0])

    def _cause_line(self, part: AssetPlan, place: int, cause: Cause) -> str:
        position = int(part.positions[place])
        if cause.kind == "code":
            return f"code: {self._code_words(part.asset, position)}"
        if cause.kind == "input" and cause.upstream is not None:
            return (
                f"input {cause.upstream}: {self._input_words(part.asset, position, cause.upstream)}"
            )
        if cause.kind == "upstream" and cause.upstream is not None:
            return f"upstream {cause.upstream}: about to run" + (
                "; this runs only if its content changes" if part.maybe[place] else ""
            )
        if cause.kind == "with":
            return f"{cause}: one call of its function makes both"
        return f"{cause.kind}: {_WORDS[cause.kind]}"

    def _code_words(self, asset: AssetKey, position: int) -> str:
        row = self._row(asset, position)
        now = self.plan.code.get(asset)
        if row is None or now is None:
            return "the code changed"
        then = self.plan.snapshot.bases[int(self.plan.snapshot.columns(asset).basis[row])].code
        return code_words(now, self.plan.snapshot.code_parts.get(asset, {}).get(then))

    def _code_diff(self, part: AssetPlan, place: int) -> Iterator[str]:
        """Yield what changed in the code, line by line, where the old text is kept."""
        row = self._row(part.asset, int(part.positions[place]))
        now = self.plan.code.get(part.asset)
        if row is None or now is None:
            return
        snapshot = self.plan.snapshot
        code = snapshot.bases[int(snapshot.columns(part.asset).basis[row])].code
        then = snapshot.code_parts.get(part.asset, {}).get(code)
        yield from diff_lines(now, then or {}, snapshot.sources)

    def _input_words(self, asset: AssetKey, position: int, upstream: AssetKey) -> str:
        """Name the upstream slots whose content changed after this slot was built."""
        row = self._row(asset, position)
        columns = self.plan.snapshot.columns(upstream)
        universe = self.plan.universes[upstream]
        if row is None:
            return "changed"
        read = int(self.plan.snapshot.columns(asset).read_seq[row])
        changed = columns.ver_seq > read
        if len(columns.depth) and (changed & (columns.depth == 0)).any():
            changed &= columns.depth == 0  # of what a base lends, only the digest is known
        newer = np.isin(
            universe.ordinals(self._feeding(asset, position, upstream)), columns.ordinal[changed]
        )
        positions = self._feeding(asset, position, upstream)[newer]
        if not len(positions):
            return "other partitions feed it now than when it was built"
        if not universe.dimensions:
            return f"changed{self._made(upstream, 0)}"
        named = range_text(positions, lambda p: partition_text(universe.key(p)), limit=_NAMED)
        return f"changed since: {named},{self._made(upstream, int(positions[-1]))}"

    def _feeding(self, asset: AssetKey, position: int, upstream: AssetKey) -> Ints:
        at = np.array([position], dtype=np.int64)
        slots = [
            fan_of(edge, at, self.plan.universes).slots_of(0)
            for edge in self.plan.graph.edges[asset]
            if edge.upstream == upstream
        ]
        return np.unique(np.concatenate(slots)) if slots else at[:0]

    def _upstream(self, part: AssetPlan, position: int, cause: Cause, depth: int) -> Iterator[str]:
        """Go on with the first upstream slot that runs; the others are only counted."""
        above = next((p for p in self.plan.assets if p.asset == cause.upstream), None)
        if above is None:
            return
        feeding = self._feeding(part.asset, position, above.asset)
        running = feeding[np.isin(feeding, above.positions[above.run])]
        if not len(running):
            return
        yield from self.tell(above, int(running[0]), depth + 2)
        if len(running) > 1:
            yield "  " * (depth + 2) + f"and {len(running) - 1:,} more of {above.asset}"

    def _lacking(self, part: AssetPlan, position: int, depth: int) -> Iterator[str]:
        for edge in self.plan.graph.edges[part.asset]:
            missing = self._missing_of(edge, position)
            if missing:
                yield "  " * (depth + 1) + f"input {edge.upstream}: {missing}"

    def _missing_of(self, edge: Edge, position: int) -> str:
        universe = self.plan.universes[edge.upstream]
        fan = fan_of(edge, np.array([position], dtype=np.int64), self.plan.universes)
        if fan.late is not None and bool(fan.late[0]):
            return "a partition that it needs has not ended yet"
        feeding = fan.slots_of(0)
        built = np.isin(
            universe.ordinals(feeding), self.plan.snapshot.columns(edge.upstream).ordinal
        )
        above = next((p for p in self.plan.assets if p.asset == edge.upstream), None)
        runs = np.isin(feeding, above.positions[above.run]) if above else np.zeros(len(built), bool)
        lacking = feeding[~built & ~runs]
        if not len(lacking):
            return ""
        if not universe.dimensions:
            return "never built"
        return "missing " + range_text(lacking, lambda p: partition_text(universe.key(p)))


_WORDS = {
    "forced": "asked for, whatever its state",
    "config": "its configuration changed",
    "definition": "its definition changed (partitions, inputs, mappings or IO manager)",
    "schema": "its schema changed",
}


def diff_lines(
    now: CodeVersion, then: Mapping[str, str], sources: Mapping[str, str]
) -> Iterator[str]:
    """Yield the changed lines of functions and queries, old ones after ``-``, new ones after ``+``.

    *then* maps names to hashes, *sources* hashes to texts; what is not kept is left out.
    """
    shown = 0
    for name, part in now.parts.items():
        old = sources.get(then.get(name, ""))
        if old is None or not part.text or then.get(name) == part.hash or shown == _NAMED:
            continue
        shown += 1
        lines = list(unified_diff(_lines(old), _lines(part.text), n=1, lineterm=""))[2:]
        told = [line for line in lines if not line.startswith("@@")]
        yield from told[:_DIFF_LINES]
        if len(told) > _DIFF_LINES:
            yield f"... {len(told) - _DIFF_LINES:,} more lines of {name}"


def _lines(text: str) -> list[str]:
    return dedent(text).strip("\n").splitlines()


def code_words(now: CodeVersion, then: Mapping[str, str] | None) -> str:
    """Say which functions and constants changed between a recorded code version and today's.

    *then* maps names to hashes, None where they were not recorded.
    """
    if then is None:
        return "the code changed"
    changed = [
        f"{name} changed ({part.source})"
        for name, part in now.parts.items()
        if name in then and then[name] != part.hash
    ]
    added = [
        f"{name} is new ({part.source})" for name, part in now.parts.items() if name not in then
    ]
    removed = [f"{name} is no longer used" for name in then if name not in now.parts]
    return ", ".join((*changed, *added, *removed)[:_NAMED]) or "the code changed"
