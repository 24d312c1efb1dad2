"""Asset-centric data materialization: declare assets, and only what changed is made again.

Names are loaded when they are first used, so that ``import assetkit`` stays light.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from assetkit.api import materialize as materialize
    from assetkit.api import plan as plan
    from assetkit.approvals import approve as approve
    from assetkit.approvals import reject as reject
    from assetkit.backfills import BackfillResult as BackfillResult
    from assetkit.backfills import backfill as backfill
    from assetkit.backfills import resume as resume
    from assetkit.checks.result import CheckResult as CheckResult
    from assetkit.daemon.daemon import Daemon as Daemon
    from assetkit.daemon.watching import watch as watch
    from assetkit.definitions.checks import asset_check as asset_check
    from assetkit.definitions.decorator import asset as asset
    from assetkit.definitions.external import external_asset as external_asset
    from assetkit.definitions.handles import Asset as Asset
    from assetkit.definitions.handles import MultiAsset as MultiAsset
    from assetkit.definitions.inputs import AssetIn as AssetIn
    from assetkit.definitions.jobs import job as job
    from assetkit.definitions.multiasset import AssetOut as AssetOut
    from assetkit.definitions.multiasset import multi_asset as multi_asset
    from assetkit.definitions.outputs import Output as Output
    from assetkit.definitions.partitions import CronPartitions as CronPartitions
    from assetkit.definitions.partitions import DailyPartitions as DailyPartitions
    from assetkit.definitions.partitions import DynamicPartitions as DynamicPartitions
    from assetkit.definitions.partitions import HourlyPartitions as HourlyPartitions
    from assetkit.definitions.partitions import MonthlyPartitions as MonthlyPartitions
    from assetkit.definitions.partitions import MultiPartitions as MultiPartitions
    from assetkit.definitions.partitions import StaticPartitions as StaticPartitions
    from assetkit.definitions.partitions import WeeklyPartitions as WeeklyPartitions
    from assetkit.definitions.policies import AutoMaterializePolicy as AutoMaterializePolicy
    from assetkit.definitions.policies import BackfillPolicy as BackfillPolicy
    from assetkit.definitions.policies import FreshnessPolicy as FreshnessPolicy
    from assetkit.definitions.policies import RetryPolicy as RetryPolicy
    from assetkit.definitions.resources import Config as Config
    from assetkit.definitions.resources import Resource as Resource
    from assetkit.definitions.resources import SecretStr as SecretStr
    from assetkit.definitions.resources import env as env
    from assetkit.definitions.schedules import schedule as schedule
    from assetkit.definitions.sensors import RunRequest as RunRequest
    from assetkit.definitions.sensors import SensorContext as SensorContext
    from assetkit.definitions.sensors import SkipReason as SkipReason
    from assetkit.definitions.sensors import sensor as sensor
    from assetkit.definitions.sqlasset import sql_asset as sql_asset
    from assetkit.definitions.sqlasset import sql_assets as sql_assets
    from assetkit.errors import AssetkitError as AssetkitError
    from assetkit.errors import MaterializationError as MaterializationError
    from assetkit.execution.alerts import Alert as Alert
    from assetkit.execution.alerts import Alerts as Alerts
    from assetkit.execution.context import AssetContext as AssetContext
    from assetkit.execution.context import build_context as build_context
    from assetkit.execution.hooks import HookEvent as HookEvent
    from assetkit.execution.hooks import Hooks as Hooks
    from assetkit.execution.result import RunResult as RunResult
    from assetkit.executors.local import InProcessExecutor as InProcessExecutor
    from assetkit.executors.local import ThreadExecutor as ThreadExecutor
    from assetkit.executors.processes import ProcessExecutor as ProcessExecutor
    from assetkit.io.base import IOManager as IOManager
    from assetkit.io.parquet import ParquetIOManager as ParquetIOManager
    from assetkit.planning.candidates import AutomationContext as AutomationContext
    from assetkit.planning.plan import Plan as Plan
    from assetkit.project import Definitions as Definitions
    from assetkit.workspace.facade import Workspace as Workspace

__version__ = "0.1.0"

_NAMES = {
    "api": ("materialize", "plan"),
    "approvals": ("approve", "reject"),
    "backfills": ("BackfillResult", "backfill", "resume"),
    "checks.result": ("CheckResult",),
    "daemon.daemon": ("Daemon",),
    "daemon.watching": ("watch",),
    "definitions.checks": ("asset_check",),
    "definitions.decorator": ("asset",),
    "definitions.external": ("external_asset",),
    "definitions.handles": ("Asset", "MultiAsset"),
    "definitions.inputs": ("AssetIn",),
    "definitions.jobs": ("job",),
    "definitions.multiasset": ("AssetOut", "multi_asset"),
    "definitions.outputs": ("Output",),
    "definitions.partitions": (
        "CronPartitions",
        "DailyPartitions",
        "DynamicPartitions",
        "HourlyPartitions",
        "MonthlyPartitions",
        "MultiPartitions",
        "StaticPartitions",
        "WeeklyPartitions",
    ),
    "definitions.policies": (
        "AutoMaterializePolicy",
        "BackfillPolicy",
        "FreshnessPolicy",
        "RetryPolicy",
    ),
    "definitions.resources": ("Config", "Resource", "SecretStr", "env"),
    "definitions.schedules": ("schedule",),
    "definitions.sensors": ("RunRequest", "SensorContext", "SkipReason", "sensor"),
    "definitions.sqlasset": ("sql_asset", "sql_assets"),
    "errors": ("AssetkitError", "MaterializationError"),
    "execution.alerts": ("Alert", "Alerts"),
    "execution.context": ("AssetContext", "build_context"),
    "execution.hooks": ("HookEvent", "Hooks"),
    "execution.result": ("RunResult",),
    "executors.local": ("InProcessExecutor", "ThreadExecutor"),
    "executors.processes": ("ProcessExecutor",),
    "io.base": ("IOManager",),
    "io.parquet": ("ParquetIOManager",),
    "planning.candidates": ("AutomationContext",),
    "planning.plan": ("Plan",),
    "project": ("Definitions",),
    "workspace.facade": ("Workspace",),
}
_HOMES = {name: module for module, names in _NAMES.items() for name in names}

__all__ = sorted(_HOMES)  # noqa: PLE0605  sorted() of a dict of text keys is a list of text


def __getattr__(name: str) -> Any:
    """Load a public name on first use."""
    if name not in _HOMES:
        raise AttributeError(f"module 'assetkit' has no attribute {name!r}")
    value = getattr(import_module(f"assetkit.{_HOMES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted((*_HOMES, "__version__"))
