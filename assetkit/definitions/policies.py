"""What an author may say about how an asset is run, kept fresh and retried.

All are frozen and check their arguments when made. Durations are given as
seconds, as a `timedelta`, or as text such as ``"90s"``, ``"2h"``, ``"1d 6h"``,
and kept as seconds.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

from assetkit.definitions.crontab import check_cron, check_timezone
from assetkit.definitions.durations import seconds_of
from assetkit.definitions.names import caller, invalid

_GIVEN_BY_DELAYS: Any = None
_FULL_JITTER = 0.5
_MOST_DOUBLINGS = 62

BACKOFFS = ("constant", "linear", "exponential")
MODES = ("change", "missing", "freshness", "never")
CODE_CHANGES = ("ignore", "warn", "run")


@dataclass(frozen=True, slots=True)
class FreshnessPolicy:
    """Promise that an asset reflects data no older than *max_lag*.

    With *cron*, the promise is checked at its ticks (in *timezone*) only;
    without, at any time. From *warn_lag* on the status is ``warning``.
    All lags are seconds once the policy is made.

    >>> FreshnessPolicy("8h", warn_lag="6h").max_lag
    28800.0
    """

    max_lag: Any
    warn_lag: Any = field(default=None, kw_only=True)
    cron: str | None = field(default=None, kw_only=True)
    timezone: str = field(default="UTC", kw_only=True)

    def __post_init__(self) -> None:
        owner = _owner(self)
        _set(self, "max_lag", seconds_of(self.max_lag, owner=owner, argument="max_lag"))
        if self.warn_lag is not None:
            _set(self, "warn_lag", seconds_of(self.warn_lag, owner=owner, argument="warn_lag"))
            if self.warn_lag >= self.max_lag:
                raise invalid(owner, "warn_lag", self.warn_lag, "less than max_lag")
        check_cron(self.cron, owner=owner)
        check_timezone(self.timezone, owner=owner)


@dataclass(frozen=True, slots=True)
class AutoMaterializePolicy:
    """Say when an asset may run by itself.

    *on*: ``"change"`` (missing or stale), ``"missing"``, ``"freshness"`` (as
    late as the promises downstream allow) or ``"never"``. At most one build per
    *every* (seconds once made), or at or after each tick of *cron*.
    *partitions* is what automation may touch; more than *max_partitions* at
    once wait for a person; *when* decides the rest.
    """

    on: str = "change"
    cron: str | None = field(default=None, kw_only=True)
    every: Any = field(default=None, kw_only=True)
    timezone: str = field(default="UTC", kw_only=True)
    partitions: Any = field(default=None, kw_only=True)
    on_code_change: str = field(default="ignore", kw_only=True)
    max_partitions: int = field(default=50, kw_only=True)
    when: Callable[..., bool] | None = field(default=None, kw_only=True)

    def __post_init__(self) -> None:
        owner = _owner(self)
        _check_choice(self.on, MODES, owner=owner, argument="on")
        _check_choice(self.on_code_change, CODE_CHANGES, owner=owner, argument="on_code_change")
        _check_count(self.max_partitions, 1, owner=owner, argument="max_partitions")
        if self.every is not None:
            _set(self, "every", seconds_of(self.every, owner=owner, argument="every"))
            if self.cron is not None:
                raise invalid(owner, "every", self.every, "either every= or cron=, not both")
        if self.when is not None and not callable(self.when):
            raise invalid(owner, "when", self.when, "a function")
        if not isinstance(self.partitions, str | Sequence | dict | None):
            raise invalid(owner, "partitions", self.partitions, "a selection, as 'latest:7'")
        check_cron(self.cron, owner=owner)
        check_timezone(self.timezone, owner=owner)

    @classmethod
    def eager(cls, **options: Any) -> AutoMaterializePolicy:
        """Run as soon as something is missing or stale."""
        return cls("change", **options)

    @classmethod
    def lazy(cls, **options: Any) -> AutoMaterializePolicy:
        """Run as late as the promises of freshness downstream allow."""
        return cls("freshness", **options)

    @classmethod
    def on_cron(cls, cron: str, **options: Any) -> AutoMaterializePolicy:
        """Run what is missing or stale at each tick of *cron*."""
        return cls("change", cron=cron, **options)

    @classmethod
    def on_missing(cls, **options: Any) -> AutoMaterializePolicy:
        """Run what is missing; leave what is stale."""
        return cls("missing", **options)


@dataclass(frozen=True, slots=True)
class BackfillPolicy:
    """How many partitions one call of the function gets: 1, up to ``size``, or all (None)."""

    size: int | None = 1

    def __post_init__(self) -> None:
        if self.size is not None:
            _check_count(self.size, 1, owner=_owner(self), argument="size")

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
    """Say how often and when a failed attempt is tried again.

    *delay* is the time before the first retry, or a list with the time before
    each (the last counts for all that follow; without *max_retries*, there are
    as many retries as delays). *backoff* makes it grow: ``"constant"``,
    ``"linear"`` or ``"exponential"`` (doubling), up to *max_delay*. *jitter*
    shifts each delay by up to that share of it, at random; True is 0.5.
    Only errors of the types in *retry_on* are tried again.

    >>> RetryPolicy(4, delay="10s", backoff="exponential", max_delay="1min").delays
    (10.0, 20.0, 40.0, 60.0)
    """

    max_retries: int = _GIVEN_BY_DELAYS
    delay: Any = 0
    backoff: str = "constant"
    jitter: Any = None
    max_delay: Any = None
    retry_on: tuple[type[BaseException], ...] = (Exception,)

    def __post_init__(self) -> None:
        owner = _owner(self)
        _set(self, "delay", _delay_seconds(self.delay, owner=owner))
        delays = len(self.delay) if isinstance(self.delay, tuple) else 1
        if self.max_retries is _GIVEN_BY_DELAYS:
            _set(self, "max_retries", delays)
        _check_count(self.max_retries, 0, owner=owner, argument="max_retries")
        if delays > 1 and self.max_retries < delays:
            raise invalid(owner, "delay", self.delay, f"up to {self.max_retries} (max_retries)")
        _check_choice(self.backoff, BACKOFFS, owner=owner, argument="backoff")
        if isinstance(self.delay, tuple) and self.backoff != "constant":
            raise invalid(owner, "backoff", self.backoff, "'constant' where delay is a list")
        _set(self, "jitter", _jitter_share(self.jitter, owner=owner))
        if self.max_delay is not None:
            _set(self, "max_delay", seconds_of(self.max_delay, owner=owner, argument="max_delay"))
        _set(self, "retry_on", _error_types(self.retry_on, owner=owner))

    @property
    def delays(self) -> tuple[float, ...]:
        """The seconds before each retry, without jitter."""
        return tuple(self.delay_before(attempt) for attempt in range(2, self.max_retries + 2))

    def delay_before(self, attempt: int, random: float = 0.5) -> float:
        """Return the seconds to wait before an attempt; the first retry is attempt 2.

        *random*, from 0 to 1, decides where within the jitter; 0.5 is its middle.
        """
        retry = max(attempt - 1, 1)
        seconds = self._base_delay(retry)
        if self.max_delay is not None:
            seconds = min(seconds, self.max_delay)
        return float(seconds * (1 + self.jitter * (2 * random - 1)))

    def retries(self, error: BaseException, attempt: int) -> bool:
        """Return whether *error* of an attempt (the first is 1) is to be tried again."""
        return attempt <= self.max_retries and isinstance(error, self.retry_on)

    def _base_delay(self, retry: int) -> float:
        if isinstance(self.delay, tuple):
            return float(self.delay[min(retry, len(self.delay)) - 1])
        if self.backoff == "linear":
            return float(self.delay * retry)
        if self.backoff == "exponential":
            return float(self.delay * 2.0 ** min(retry - 1, _MOST_DOUBLINGS))
        return float(self.delay)


def _owner(policy: object) -> str:
    return f"{type(policy).__name__} ({caller()})"


def _set(policy: object, name: str, value: Any) -> None:
    object.__setattr__(policy, name, value)


def _check_choice(value: object, choices: Sequence[str], *, owner: str, argument: str) -> None:
    if value not in choices:
        raise invalid(owner, argument, value, ", ".join(map(repr, choices)))


def _check_count(value: object, least: int, *, owner: str, argument: str) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or value < least:
        raise invalid(owner, argument, value, f"a whole number of at least {least}")


def _delay_seconds(delay: object, *, owner: str) -> float | tuple[float, ...]:
    if not isinstance(delay, list | tuple):
        return seconds_of(delay, owner=owner, argument="delay", zero=True)
    if not delay:
        raise invalid(owner, "delay", delay, "a list of at least one duration")
    return tuple(seconds_of(part, owner=owner, argument="delay", zero=True) for part in delay)


def _jitter_share(jitter: object, *, owner: str) -> float:
    if jitter is None or isinstance(jitter, bool):
        return _FULL_JITTER if jitter else 0.0
    if isinstance(jitter, int | float) and 0 <= jitter <= 1:
        return float(jitter)
    raise invalid(owner, "jitter", jitter, "True, False, or a share of the delay from 0 to 1")


def _error_types(types: object, *, owner: str) -> tuple[type[BaseException], ...]:
    listed = tuple(types) if isinstance(types, list | tuple | set) else (types,)
    if not listed or not all(
        isinstance(one, type) and issubclass(one, Exception) for one in listed
    ):
        raise invalid(
            owner, "retry_on", types, "exception classes, such as (OSError, TimeoutError)"
        )
    return cast("tuple[type[BaseException], ...]", listed)
