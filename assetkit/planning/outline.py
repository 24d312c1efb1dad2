"""What a plan comes down to, so that two plans of one question can be told apart, in words."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass

import numpy as np

from assetkit.columns import Ints
from assetkit.display.ranges import range_text, runs_of
from assetkit.planning.data import PlanData
from assetkit.planning.explain import code_words
from assetkit.planning.model import AssetPlan
from assetkit.records import AssetKey, Basis, partition_text

_PARTS = {
    "code": "its code changed",
    "config": "its configuration changed",
    "definition": "its definition changed",
    "schema": "its schema changed",
    "inputs": "its inputs changed",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Outline:
    """What was to run, and by which definitions; JSON values, by asset.

    ``bases`` are the parts of the fingerprint, ``codes`` the hashes of the functions behind
    it, ``slots`` ranges of ordinals ``[first, end]`` without the end.
    """

    bases: Mapping[AssetKey, Mapping[str, str]]
    codes: Mapping[AssetKey, Mapping[str, str]]
    slots: Mapping[AssetKey, Sequence[Sequence[int]]]

    def count(self) -> int:
        """Return how many slots were to run."""
        return sum(end - first for ranges in self.slots.values() for first, end in ranges)

    def differences(self, now: PlanData) -> list[str]:
        """Return what is not as it was, a line each."""
        parts = {part.asset: part for part in now.assets}
        found = [
            f"{key}: it is no part of the plan any more" for key in self.bases if key not in parts
        ]
        for key in parts:
            found += self._moved_definition(key, now)
        for key, part in parts.items():
            found += self._moved_slots(key, part, now)
        return found

    def _moved_definition(self, key: AssetKey, now: PlanData) -> Iterator[str]:
        then, today = self.bases.get(key), _parts_of(now.bases[key])
        if then is None:
            yield f"{key}: it is new in the plan"
            return
        for name, words in _PARTS.items():
            if then.get(name) == today[name]:
                continue
            named = name == "code" and key in now.code
            yield f"{key}: {code_words(now.code[key], self.codes.get(key)) if named else words}"

    def _moved_slots(self, key: AssetKey, part: AssetPlan, now: PlanData) -> Iterator[str]:
        universe = now.universes[key]
        then = _spelled(self.slots.get(key, ()))
        today = universe.ordinals(part.positions[part.run])
        for words, ordinals in (
            ("does not run any more", np.setdiff1d(then, today)),
            ("runs now, too", np.setdiff1d(today, then)),
        ):
            if not len(ordinals):
                continue
            positions = universe.positions(ordinals)
            known = np.sort(positions[positions >= 0]).astype(np.int64)
            named = range_text(known, lambda place: partition_text(universe.key(place)))
            where = f"@{named}" if universe.dimensions and named else ""
            yield f"{key}{where} {words}"


def outline_of(plan: PlanData) -> Outline:
    """Return what a plan comes down to."""
    slots = {
        part.asset: [[lo, hi + 1] for lo, hi in runs_of(_running(part, plan))]
        for part in plan.assets
        if part.run.any()
    }
    return Outline(
        bases={part.asset: _parts_of(plan.bases[part.asset]) for part in plan.assets},
        codes={
            part.asset: {name: one.hash for name, one in plan.code[part.asset].parts.items()}
            for part in plan.assets
            if part.asset in plan.code
        },
        slots=slots,
    )


def _running(part: AssetPlan, plan: PlanData) -> Ints:
    found: Ints = np.sort(plan.universes[part.asset].ordinals(part.positions[part.run]))
    return found


def _parts_of(basis: Basis) -> dict[str, str]:
    said = asdict(basis)
    return {**said, "inputs": ", ".join(basis.inputs)}


def _spelled(ranges: Sequence[Sequence[int]]) -> Ints:
    spelled = [np.arange(first, end, dtype=np.int64) for first, end in ranges]
    return np.concatenate(spelled) if spelled else np.empty(0, dtype=np.int64)
