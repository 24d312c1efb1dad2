"""What may be laid over the lineage: what would run, whose code changed, what takes long."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from assetkit.display.quantities import count_text, duration_text
from assetkit.graph.graph import AssetGraph
from assetkit.planning.model import AssetSummary
from assetkit.planning.text import verb_of, why_text
from assetkit.records import AssetKey
from assetkit.web.desk import Standing

OVERLAYS: Final = ("state", "plan", "code", "durations", "owner")
"""The names that an address may say; ``state`` lays nothing over."""
MOST_HEAT: Final = 4
_LONGEST: Final = 16
_CODE = frozenset({"code", "config", "definition", "schema"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Overlay:
    """A number for each asset that has one, the words for a number, and what it is about.

    ``by_size``: how large a number is counts; otherwise only that it is there.
    """

    legend: str
    amounts: Mapping[AssetKey, float]
    notes: Mapping[AssetKey, str]
    words: Callable[[float], str]
    by_size: bool = False

    def of(self, keys: Collection[AssetKey]) -> tuple[int, str, str]:
        """Return the heat (0 to 4), the badge and the note of assets drawn as one box.

        >>> told = Overlay(legend="", amounts={"a": 2.0, "b": 1.0}, notes={"a": "new"}, words=str)
        >>> told.of(["a"]), told.of(["a", "b"]), told.of(["c"])
        ((3, '2.0', 'new'), (3, '3.0', ''), (0, '', ''))
        """
        amount = sum(self.amounts.get(key, 0.0) for key in keys)
        if not amount:
            return 0, "", ""
        note = self.notes.get(next(iter(keys)), "") if len(keys) == 1 else ""
        if not self.by_size:
            return MOST_HEAT - 1, self.words(amount), note
        most = max(self.amounts.values())
        # Durations span from milliseconds to hours: a quarter of the scale for each factor of ten.
        heat = MOST_HEAT + math.floor(math.log10(min(1.0, amount / most)) + 1e-9)
        return max(1, heat), self.words(amount), note


@dataclass(frozen=True, slots=True, kw_only=True)
class Owners:
    """Who owns each asset that has an owner."""

    legend: str
    names: Mapping[AssetKey, Sequence[str]]

    def of(self, keys: Collection[AssetKey]) -> tuple[int, str, str]:
        """Return no heat, and the owners of assets drawn as one box as badge and as note.

        >>> Owners(legend="", names={"a": ["ann", "bo"], "b": ["ann"]}).of(["a", "b", "c"])
        (0, 'ann +1', 'of ann, bo')
        """
        names = list(dict.fromkeys(one for key in keys for one in self.names.get(key, ())))
        if not names:
            return 0, "", ""
        more = f" +{len(names) - 1}" if len(names) > 1 else ""
        return 0, f"{names[0][:_LONGEST]}{more}", f"of {', '.join(names)}"


def overlay_of(graph: AssetGraph, standing: Standing | None, name: str) -> Overlay | Owners | None:
    """Return what *name* lays over the lineage; None for ``state``, and where nothing is known."""
    if name == "owner":
        names = {key: asset.owners for key, asset in graph.assets.items()}
        return Owners(legend="Beside each asset: who owns it.", names=names)
    if standing is None:
        return None
    if name == "plan":
        return _planned(standing.lines)
    if name == "code":
        return _changed(standing.lines)
    if name == "durations":
        return _durations(standing)
    return None


def _planned(lines: Mapping[AssetKey, AssetSummary]) -> Overlay:
    busy = {key: line for key, line in lines.items() if line.run + line.maybe}
    return Overlay(
        legend="Marked: what a plan of everything would run, with the number of steps.",
        amounts={key: float(line.run + line.maybe) for key, line in busy.items()},
        notes={key: f"{verb_of(line)}: {why_text(line)}" for key, line in busy.items()},
        words=lambda amount: f"+{amount:,.0f}",
    )


def _changed(lines: Mapping[AssetKey, AssetSummary]) -> Overlay:
    counts = {key: _slots_with_other_code(line) for key, line in lines.items()}
    return Overlay(
        legend="Marked: whose code, configuration or definition has changed since it was built.",
        amounts={key: float(count) for key, count in counts.items() if count},
        notes={key: why_text(lines[key]) for key, count in counts.items() if count},
        words=lambda amount: f"~{amount:,.0f}",
    )


def _slots_with_other_code(line: AssetSummary) -> int:
    return max((count for cause, count in line.causes if _kind(cause) in _CODE), default=0)


def _kind(cause: str) -> str:
    return str(getattr(cause, "kind", cause))


def _durations(standing: Standing) -> Overlay:
    known = standing.plan.snapshot.estimates
    return Overlay(
        legend="The darker, the longer a step takes; each shade less is a tenth of it.",
        amounts={key: one.seconds for key, one in known.items() if one.seconds > 0},
        notes={
            key: f"a step takes {duration_text(one.seconds)}, of {count_text(one.count, 'step')}"
            for key, one in known.items()
        },
        words=duration_text,
        by_size=True,
    )
