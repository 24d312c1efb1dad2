"""The plan: what would run, in what order, and why."""

from __future__ import annotations

import os
from collections.abc import Sequence
from functools import cached_property
from importlib import import_module
from typing import TYPE_CHECKING, Any

import numpy as np

from assetkit.planning.data import PlanData
from assetkit.planning.decisions import decisions_text, nothing_text
from assetkit.planning.explain import explain
from assetkit.planning.model import PlanSummary, Step
from assetkit.planning.planfile import SavedPlan, load_plan, save_plan
from assetkit.planning.steps import Steps
from assetkit.planning.summary import summarize
from assetkit.planning.text import PlanHeading, plan_text
from assetkit.records import AssetKey, PartitionKey

if TYPE_CHECKING:
    import pandas as pd


class Plan(PlanData):
    """What would run, in what order, and why; made by `plan`, run by `materialize`.

    ``len(plan)`` is the number of steps to run, ``str(plan)`` what the command
    line shows. A plan is a value: looking at it changes nothing.
    """

    @cached_property
    def steps(self) -> Sequence[Step]:
        """The slots to build, upstreams first, each with its verdict and causes."""
        return Steps(self.assets, self.universes)

    def __len__(self) -> int:
        return sum(int(np.count_nonzero(part.run)) for part in self.assets)

    def __bool__(self) -> bool:
        return True

    def summary(self) -> PlanSummary:
        """Count per asset what runs and why, with expectations from history."""
        return summarize(self.assets, self.universes, self.snapshot)

    def explain(self, asset: AssetKey, partition: PartitionKey | None = None) -> str:
        """Say in words why an asset, or one partition of it, runs or does not.

        Raises:
            UnknownAsset: the plan does not look at that asset.
            UnknownPartition: the asset has no such partition.
        """
        return explain(self, getattr(asset, "key", asset), partition)

    def to_pandas(self) -> pd.DataFrame:
        """Return the steps as a frame: asset, partition, verdict, causes, maybe."""
        import pandas as pd  # noqa: PLC0415  pandas takes longer to load than most plans to make

        rows = [
            (step.asset, step.partition, str(step.verdict), ", ".join(step.causes), step.maybe)
            for step in self.steps
        ]
        return pd.DataFrame(rows, columns=["asset", "partition", "verdict", "causes", "maybe"])

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the plan into a file, for review; `load` reads it, `materialize` applies it.

        Raises `PlanError` where its selection of partitions is no text.
        """
        save_plan(self, str(self), path)

    @staticmethod
    def load(
        path: str | os.PathLike[str], *, definitions: Any = None, workspace: Any = None
    ) -> SavedPlan:
        """Read a saved plan, to look at (``str``) or to apply with `materialize`.

        It is refused then where definitions or catalog have moved since.
        Raises `PlanError` where the file is missing or is no plan.
        """
        return load_plan(path, definitions, workspace)

    def __str__(self) -> str:
        if self.decisions and not len(self):
            return f"{nothing_text(self.now)}\n\n{decisions_text(self.decisions)}"
        text = plan_text(self.summary(), heading=self.heading())
        return "\n\n".join(filter(None, (text, decisions_text(self.decisions))))

    def heading(self) -> PlanHeading:
        """Return what stands around the rows of a plan: its id, its time and its notes."""
        return PlanHeading(plan_id=self.plan_id, now=self.now, notes=self.notes)

    def __repr__(self) -> str:
        return f"<Plan {self.plan_id}: {len(self)} steps>"

    def _repr_html_(self) -> str:
        html: str = import_module("assetkit.planning.html").plan_html(self)
        return html

    def _repr_mimebundle_(self, **_: Any) -> dict[str, str]:
        return {"text/plain": str(self), "text/html": self._repr_html_()}
