"""Run a plan in a workspace."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from assetkit.definitions.config import require_config
from assetkit.errors import InvalidArgument
from assetkit.execution.environment import Environment, RunOptions
from assetkit.execution.hooks import Hooks, with_hooks
from assetkit.execution.pools import EVERY
from assetkit.execution.progress import choose_progress
from assetkit.execution.result import RunResult
from assetkit.execution.runner import run_plan
from assetkit.planning.plan import Plan
from assetkit.records import AssetRow
from assetkit.workspace.branching import lending_places, refuse_shared
from assetkit.workspace.core import Core, checked_executor
from assetkit.workspace.recording import rebased
from assetkit.workspace.superseded import redefined, remove_old

BASE_SEQ = "base_seq"
"""The tag of a run in a branch: the sequence number of the base that it was planned on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunWishes:
    """How a caller wants a run to go; None: as the workspace has it.

    ``max_concurrency`` is how many calls may be under way at once; ``run_id`` the run's
    id (None: a new one).
    """

    resources: Any = None
    executor: Any = None
    tags: Mapping[str, str] = field(default_factory=dict)
    on_failure: Literal["continue", "stop"] = "continue"
    raise_on_error: bool = True
    progress: Any = None
    origin: str = "python"
    max_concurrency: int | None = None
    run_id: str | None = None
    hooks: tuple[Hooks, ...] = ()

    def __post_init__(self) -> None:
        if self.on_failure not in ("continue", "stop"):
            raise InvalidArgument(
                f"on_failure={self.on_failure!r} means nothing. It is 'continue' (run all that "
                f"does not depend on what failed) or 'stop' (start nothing more)."
            )
        checked_executor(self.executor)
        for name, given in (("resources", self.resources), ("run_tags", self.tags)):
            if given is not None and not isinstance(given, Mapping):
                raise InvalidArgument(
                    f"{name}={given!r} does not do. Allowed: a dict with text keys."
                )
        most = self.max_concurrency
        if most is not None and (type(most) is not int or most < 1):
            raise InvalidArgument(
                f"max_concurrency={most!r} leaves no room for any step. Give a whole number, "
                f"1 or more."
            )


def run_in(core: Core, plan: Plan, wishes: RunWishes) -> RunResult:
    """Run a plan, and return what came of it.

    A plan with nothing to do leaves no trace, not even a run; but where slots have other
    ordinals by today's definitions, the catalog learns them.
    """
    refuse_shared(core, plan)
    for part in plan.assets:
        if part.run.any():
            require_config(plan.graph.assets[part.asset], plan.config.get(part.asset))
    definitions: Sequence[AssetRow] = ()
    if len(plan) or plan.snapshot.moved:
        core.announce()
        definitions = rebased(core, plan)
    if definitions and not len(plan):
        core.catalog.describe(definitions)
    environment = Environment(
        catalog=core.catalog,
        place=core.place,
        bases=lending_places(core),
        io_managers=core.io_managers,
        executor=wishes.executor or core.executor,
        resources={**core.resources, **(wishes.resources or {})},
        pools=core.pools,
        clock=core.now,
        max_concurrency=_most(wishes.max_concurrency, core.pools.get(EVERY)),
        progress=with_hooks(
            choose_progress(wishes.progress, os.environ), wishes.hooks, core.catalog.automation
        ),
    )
    options = RunOptions(
        run_id=wishes.run_id,
        on_failure=wishes.on_failure,
        raise_on_error=wishes.raise_on_error,
        origin=wishes.origin,
        tags=_tags(plan, wishes),
        definitions=definitions,
    )
    before = redefined(core, plan)
    try:
        return run_plan(plan, environment, options)
    finally:
        if before:
            remove_old(core, before)


def _tags(plan: Plan, wishes: RunWishes) -> Mapping[str, str]:
    """Return a run's tags; that of a branch says up to what it knew its base."""
    seq = plan.snapshot.base_seq
    return wishes.tags if seq is None else {**wishes.tags, BASE_SEQ: str(seq)}


def _most(*limits: int | None) -> int | None:
    return min((one for one in limits if one is not None), default=None)
