"""Plans in files: saved, reviewed, and applied later just as they were, or refused.

A file holds what was asked and what came of it, not the plan's own data: when
it is applied, the same question is asked again, and the answer must be the same.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from assetkit.errors import PlanError, PlanOutdated
from assetkit.planning.data import PlanData
from assetkit.planning.request import Request
from assetkit.records import AssetKey

SCHEMA = "assetkit.planfile/1"


@dataclass(frozen=True, slots=True, kw_only=True)
class SavedPlan:
    """A plan read from a file: what was asked, and what was planned then.

    ``bases`` are texts that change when an asset's fingerprint does; ``slots``
    lists by asset how many slots were to run. ``text`` is the plan as it was
    shown. ``definitions`` and ``workspace`` are where it is to be applied
    (None: found as for any call).
    """

    plan_id: str
    now: datetime
    request: Request
    config: Mapping[AssetKey, Any]
    bases: Mapping[AssetKey, str]
    slots: Mapping[AssetKey, int]
    text: str
    definitions: Any = field(default=None, compare=False)
    workspace: Any = field(default=None, compare=False)

    def __str__(self) -> str:
        return self.text

    def __len__(self) -> int:
        return sum(self.slots.values())

    def __bool__(self) -> bool:
        return True

    def check(self, now: PlanData) -> None:
        """Raise `PlanOutdated`, with the differences, unless *now* is the same plan."""
        if now.plan_id == self.plan_id:
            return
        differences = [*self._definitions_moved(now), *self._slots_moved(now)]
        listed = "".join(f"\n  {line}" for line in differences[:10])
        raise PlanOutdated(
            f"Plan {self.plan_id} no longer fits: the definitions or the catalog changed since "
            f"{self.now:%Y-%m-%d %H:%M} UTC.{listed}\n"
            f"Make a new plan, look at it, and materialize that."
        )

    def _definitions_moved(self, now: PlanData) -> list[str]:
        then = self.bases
        return [
            f"{key}: its code, configuration or definition changed"
            for key, basis in _bases(now).items()
            if key in then and then[key] != basis
        ]

    def _slots_moved(self, now: PlanData) -> list[str]:
        slots = _slots(now)
        return [
            f"{key}: {self.slots.get(key, 0):,} to run then, {slots.get(key, 0):,} now"
            for key in dict.fromkeys((*self.slots, *slots))
            if self.slots.get(key, 0) != slots.get(key, 0)
        ]


def save_plan(plan: PlanData, text: str, path: str | os.PathLike[str]) -> None:
    """Write a plan into a file, replacing it in one step.

    Raises:
        PlanError: its partitions were selected by something that JSON cannot hold.
    """
    request = plan.request
    content = {
        "schema": SCHEMA,
        "id": plan.plan_id,
        "as_of": plan.now.isoformat(),
        "targets": list(request.targets),
        "partitions": request.partitions,
        "whole": sorted(request.whole),
        "upstream": request.upstream,
        "forced": sorted(request.forced),
        "config": plan.config,
        "bases": _bases(plan),
        "slots": _slots(plan),
        "text": text,
    }
    try:
        written = json.dumps(content, indent=1)
    except TypeError as error:
        raise PlanError(
            f"The plan cannot be saved: {error}. Select partitions by text, and leave secrets to "
            f"resources."
        ) from error
    target = Path(path)
    staged = target.with_name(f"{target.name}.{os.getpid()}.tmp")
    try:
        staged.write_text(written, encoding="utf-8")
        staged.replace(target)
    except OSError as error:
        with suppress(OSError):
            staged.unlink()
        raise PlanError(
            f"The plan cannot be written to {str(target)!r}: {error.strerror or error}. "
            f"Give another file, in a folder that exists and can be written."
        ) from error


def load_plan(path: str | os.PathLike[str], definitions: Any, workspace: Any) -> SavedPlan:
    """Read a plan file.

    Raises:
        PlanError: there is no such file, or it is no plan, or one of a newer assetkit.
    """
    try:
        content = json.loads(Path(path).read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise PlanError(
            f"There is no plan file {str(path)!r}. Save one with: assetkit plan --out FILE"
        ) from None
    except (OSError, ValueError) as error:
        raise PlanError(f"{str(path)!r} cannot be read as a plan: {error}") from error
    if not isinstance(content, dict) or content.get("schema") != SCHEMA:
        found = content.get("schema") if isinstance(content, dict) else None
        raise PlanError(
            f"{str(path)!r} is no plan that this assetkit reads: its schema is {found!r}, not "
            f"{SCHEMA!r}. Save it again with: assetkit plan --out FILE"
        )
    return SavedPlan(
        plan_id=content["id"],
        now=datetime.fromisoformat(content["as_of"]),
        request=Request(
            targets=tuple(content["targets"]),
            partitions=content["partitions"],
            whole=frozenset(content.get("whole", ())),
            upstream=content["upstream"],
            forced=frozenset(content["forced"]),
        ),
        config=content["config"],
        bases=content["bases"],
        slots=content["slots"],
        text=content["text"],
        definitions=definitions,
        workspace=workspace,
    )


def _bases(plan: PlanData) -> dict[AssetKey, str]:
    return {part.asset: repr(plan.bases[part.asset]) for part in plan.assets}


def _slots(plan: PlanData) -> dict[AssetKey, int]:
    counts = {part.asset: int(part.run.sum()) for part in plan.assets}
    return {key: count for key, count in counts.items() if count}
