"""What an author may say about how an asset is run, kept fresh and retried.

All are frozen and check their arguments when made. Durations are given as
seconds, as a `timedelta`, or as text such as ``"90s"``, ``"2h"``, ``"1d 6h"``,
and kept as seconds.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class FreshnessPolicy:
    """What is promised of an asset's data (api.md 6)."""

    max_lag: Any
    warn_lag: Any = field(default=None, kw_only=True)
    cron: str | None = field(default=None, kw_only=True)
    timezone: str = field(default="UTC", kw_only=True)


@dataclass(frozen=True, slots=True)
class AutoMaterializePolicy:
    """When an asset may run by itself (api.md 6)."""

    on: str = "change"
    cron: str | None = field(default=None, kw_only=True)
    every: Any = field(default=None, kw_only=True)
    timezone: str = field(default="UTC", kw_only=True)
    partitions: Any = field(default=None, kw_only=True)
    on_code_change: str = field(default="ignore", kw_only=True)
    max_partitions: int = field(default=50, kw_only=True)
    when: Callable[..., bool] | None = field(default=None, kw_only=True)


@dataclass(frozen=True, slots=True)
class BackfillPolicy:
    """How many partitions one call of the function gets: 1, up to ``size``, or all (None)."""

    size: int | None = 1

    @classmethod
    def per_partition(cls) -> BackfillPolicy:
        """One call per partition."""
        return cls(1)

    @classmethod
    def batched(cls, n: int) -> BackfillPolicy:
        """Calls of up to *n* partitions."""
        return cls(n)

    @classmethod
    def single_run(cls) -> BackfillPolicy:
        """One call for all partitions asked for."""
        return cls(None)


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How often and when a failed attempt is tried again (api.md 2)."""

    max_retries: int = 1
    delay: Any = 0
    backoff: str = "constant"
    jitter: Any = None
    max_delay: Any = None
    retry_on: tuple[type[BaseException], ...] = (Exception,)
