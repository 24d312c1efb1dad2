"""The partitions definitions that users declare."""

from __future__ import annotations

from assetkit.definitions.cron import CronPartitions
from assetkit.definitions.dynamic import DynamicPartitions
from assetkit.definitions.multi import MultiPartitions
from assetkit.definitions.periods import (
    DailyPartitions,
    HourlyPartitions,
    MonthlyPartitions,
    WeeklyPartitions,
)
from assetkit.definitions.scheme import PartitionsDefinition
from assetkit.definitions.static import StaticPartitions

__all__ = [
    "CronPartitions",
    "DailyPartitions",
    "DynamicPartitions",
    "HourlyPartitions",
    "MonthlyPartitions",
    "MultiPartitions",
    "PartitionsDefinition",
    "StaticPartitions",
    "WeeklyPartitions",
]
