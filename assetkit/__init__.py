"""Asset-centric data materialization: declare assets, and only what changed is made again.

Names are loaded when they are first used, so that ``import assetkit`` stays light.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from assetkit.api import backfill, materialize, plan
    from assetkit.definitions.asset import Asset
    from assetkit.definitions.decorator import asset
    from assetkit.definitions.inputs import AssetIn
    from assetkit.definitions.outputs import AssetOut, Output
    from assetkit.definitions.partitions import (
        CronPartitions,
        DailyPartitions,
        HourlyPartitions,
        MonthlyPartitions,
        StaticPartitions,
        WeeklyPartitions,
    )
    from assetkit.definitions.policies import (
        AutoMaterializePolicy,
        BackfillPolicy,
        FreshnessPolicy,
        RetryPolicy,
    )
    from assetkit.definitions.resources import Config, Resource, env
    from assetkit.errors import AssetkitError, MaterializationError
    from assetkit.execution.context import AssetContext, build_context
    from assetkit.execution.result import RunResult
    from assetkit.executors import InProcessExecutor, ProcessExecutor, ThreadExecutor
    from assetkit.io import IOManager, ParquetIOManager
    from assetkit.plan.plan import Plan
    from assetkit.project import Definitions
    from assetkit.workspace import Workspace

__version__ = "0.1.0"

_HOMES = {
    "Asset": "assetkit.definitions.asset",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'assetkit' has no attribute {name!r}")
    value = getattr(import_module(_HOMES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted((*_HOMES, "__version__"))
