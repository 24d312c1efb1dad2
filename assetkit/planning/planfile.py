"""Plans in files: saved, reviewed, and applied later just as they were, or refused.

A file holds what was asked and what came of it, not the plan's own data: when
it is applied, the same question is asked again, and the answer must be the same.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from assetkit.definitions.config import kept_config
from assetkit.errors import PlanError, PlanOutdated
from assetkit.planning.data import PlanData
from assetkit.planning.outline import Outline, outline_of
from assetkit.planning.request import Request
from assetkit.records import AssetKey

SCHEMA = "assetkit.planfile/1"
_KEY = "assetkit.key"
_LISTED = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class SavedPlan:
    """A plan read from a file: what was asked, and what was planned then.

    ``outline`` is what it came down to, ``text`` the plan as it was shown.
    ``definitions`` and ``workspace`` are where it is to be applied (None: found
    as for any call).
    """

    plan_id: str
    now: datetime
    request: Request
    config: Mapping[AssetKey, Any]
    outline: Outline
    text: str
    definitions: Any = field(default=None, compare=False)
    workspace: Any = field(default=None, compare=False)

    def __str__(self) -> str:
        return self.text

    def __len__(self) -> int:
        return self.outline.count()

    def __bool__(self) -> bool:
        return True

    def check(self, now: PlanData) -> None:
        """Raise `PlanOutdated`, with the differences, unless *now* is the same plan."""
        if now.plan_id != self.plan_id:
            raise outdated(self.plan_id, self.now, self.outline, now)


def outdated(plan_id: str, made: datetime, outline: Outline, now: PlanData) -> PlanOutdated:
    """Return the error for a plan that is another one by now: it says what is different."""
    differences = outline.differences(now)
    listed = "".join(f"\n  {line}" for line in differences[:_LISTED])
    more = len(differences) - _LISTED
    listed += f"\n  and {more:,} more" if more > 0 else ""
    return PlanOutdated(
        f"Plan {plan_id} no longer fits: the definitions or the catalog changed since "
        f"{made:%Y-%m-%d %H:%M} UTC.{listed}\n"
        f"Nothing ran. Make a new plan, look at it, and materialize that."
    )


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
        "partitions": _as_json(request.partitions),
        "pinned": request.slots,
        "whole": sorted(request.whole),
        "upstream": request.upstream,
        "forced": sorted(request.forced),
        "config": kept_config(plan.graph.assets, plan.config),
        "outline": asdict(outline_of(plan)),
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
            partitions=_from_json(content["partitions"]),
            slots=content["pinned"],
            whole=frozenset(content.get("whole", ())),
            upstream=content["upstream"],
            forced=frozenset(content["forced"]),
        ),
        config=content["config"],
        outline=Outline(**content["outline"]),
        text=content["text"],
        definitions=definitions,
        workspace=workspace,
    )


def _as_json(value: Any) -> Any:
    """Return a selection of partitions as JSON values; a key of several dimensions is no list."""
    if isinstance(value, tuple):
        return {_KEY: list(value)}
    if isinstance(value, list):
        return [_as_json(one) for one in value]
    if isinstance(value, Mapping):
        return {name: _as_json(one) for name, one in value.items()}
    return value


def _from_json(value: Any) -> Any:
    if isinstance(value, list):
        return [_from_json(one) for one in value]
    if isinstance(value, dict):
        if value.keys() == {_KEY}:
            return tuple(value[_KEY])
        return {name: _from_json(one) for name, one in value.items()}
    return value
