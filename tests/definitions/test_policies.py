"""Policies check what they are given, and do the arithmetic of retries."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assetkit.definitions.durations import seconds_of
from assetkit.definitions.inputs import AssetIn
from assetkit.definitions.outputs import Output
from assetkit.definitions.policies import (
    AutoMaterializePolicy,
    BackfillPolicy,
    FreshnessPolicy,
    RetryPolicy,
)
from assetkit.errors import InvalidArgument, InvalidName


@pytest.mark.parametrize(
    ("given_as", "seconds"),
    [
        (90, 90.0),
        (0.5, 0.5),
        (timedelta(minutes=2), 120.0),
        ("90s", 90.0),
        ("2h", 7200.0),
        ("1d 6h", 108000.0),
        ("1 day, 6 hours", 108000.0),
        ("1.5 min", 90.0),
        ("250ms", 0.25),
        ("1W", 604800.0),
    ],
)
def test_durations_are_read_as_seconds(given_as, seconds):
    """Numbers, timedeltas and text mean the same length of time."""
    assert seconds_of(given_as, owner="x", argument="y") == seconds


@pytest.mark.parametrize(
    "wrong", ["", "2", "h", "2 parsecs", "-2h", -1, 0, True, float("nan"), float("inf"), None, [1]]
)
def test_what_is_no_duration_is_refused(wrong):
    """The error shows what was given and what a duration looks like."""
    with pytest.raises(InvalidArgument, match="'1d 6h'"):
        seconds_of(wrong, owner="x", argument="y")


@given(st.integers(1, 10**6), st.sampled_from(["s", "min", "h", "d"]))
def test_terms_add_up(number, unit):
    """A duration of two terms is the sum of both."""
    one = seconds_of(f"{number}{unit}", owner="x", argument="y")

    assert seconds_of(f"{number}{unit} {number}{unit}", owner="x", argument="y") == 2 * one


@pytest.mark.parametrize(
    ("policy", "delays"),
    [
        (RetryPolicy(3, "10s"), (10, 10, 10)),
        (RetryPolicy(3, 10, "linear"), (10, 20, 30)),
        (RetryPolicy(4, 10, "exponential", max_delay=60), (10, 20, 40, 60)),
        (RetryPolicy(delay=["1min", "5min", "30min"]), (60, 300, 1800)),
        (RetryPolicy(4, delay=["1min", "5min"]), (60, 300, 300, 300)),
        (RetryPolicy(), (0,)),
        (RetryPolicy(0), ()),
    ],
)
def test_delays_grow_as_said(policy, delays):
    """Each retry has its delay, by list or by backoff, up to the longest one."""
    assert policy.delays == delays


def test_a_far_retry_has_a_delay_too():
    """Doubling a thousand times ends at the longest delay instead of overflowing."""
    assert RetryPolicy(5000, 1, "exponential", max_delay="1h").delay_before(5000) == 3600.0


@given(st.floats(0, 1), st.floats(0, 1))
def test_jitter_stays_within_its_share(jitter, random):
    """A delay with jitter is never further from the plain one than that share of it."""
    delay = RetryPolicy(1, 100, jitter=jitter).delay_before(2, random)

    assert 100 * (1 - jitter) - 1e-9 <= delay <= 100 * (1 + jitter) + 1e-9


def test_only_the_errors_named_are_retried():
    """Other errors, and attempts beyond the last, are not tried again."""
    policy = RetryPolicy(2, retry_on=[OSError])

    assert policy.retries(FileNotFoundError(), 2)
    assert not policy.retries(ValueError(), 1)
    assert not policy.retries(OSError(), 3)


@pytest.mark.parametrize(
    ("make", "argument"),
    [
        (lambda: RetryPolicy(-1), "max_retries"),
        (lambda: RetryPolicy(1.5), "max_retries"),
        (lambda: RetryPolicy(2, delay=["1s", "2s", "3s"]), "delay"),
        (lambda: RetryPolicy(delay=[]), "delay"),
        (lambda: RetryPolicy(2, delay=["1s"], backoff="linear"), "backoff"),
        (lambda: RetryPolicy(2, backoff="slow"), "backoff"),
        (lambda: RetryPolicy(2, jitter=2), "jitter"),
        (lambda: RetryPolicy(2, retry_on=KeyboardInterrupt), "retry_on"),
        (lambda: RetryPolicy(2, retry_on="OSError"), "retry_on"),
        (lambda: BackfillPolicy.batched(0), "size"),
        (lambda: BackfillPolicy(True), "size"),
        (lambda: FreshnessPolicy("8h", warn_lag="9h"), "warn_lag"),
        (lambda: FreshnessPolicy(None), "max_lag"),
        (lambda: FreshnessPolicy("8h", cron="every day"), "cron"),
        (lambda: FreshnessPolicy("8h", timezone="Europe/Brelin"), "Did you mean Europe/Berlin"),
        (lambda: AutoMaterializePolicy("sometimes"), "on"),
        (lambda: AutoMaterializePolicy(max_partitions=0), "max_partitions"),
        (lambda: AutoMaterializePolicy(every="1h", cron="0 6 * * *"), "not both"),
        (lambda: AutoMaterializePolicy(when="always"), "when"),
        (lambda: AutoMaterializePolicy(on_code_change="never"), "on_code_change"),
        (lambda: AssetIn(columns="amount"), "columns"),
        (lambda: AssetIn(columns=["a", "a"]), "columns"),
        (lambda: AssetIn(need=0), "need"),
        (lambda: AssetIn(need="some"), "need"),
        (lambda: AssetIn(grace=-1), "grace"),
        (lambda: AssetIn(partitions="latest"), "partitions"),
        (lambda: Output(1, data_time=datetime(2026, 1, 1)), "data_time"),  # noqa: DTZ001
        (lambda: Output(1, data_version=3), "data_version"),
        (lambda: Output(1, metadata=[1]), "metadata"),
    ],
)
def test_a_wrong_policy_is_told_where_it_is_made(make, argument):
    """The error names the argument, what is allowed, and the line of the user's code."""
    with pytest.raises(InvalidArgument, match=argument) as refused:
        make()

    assert f"{__file__}:" in str(refused.value)


def test_a_wrong_key_is_no_input():
    """An input's key is a name as an asset's is."""
    with pytest.raises(InvalidName, match="sales orders"):
        AssetIn("sales orders")


def test_shorthands_say_the_same():
    """Each shorthand is the policy written out."""
    assert AutoMaterializePolicy.eager() == AutoMaterializePolicy("change")
    assert AutoMaterializePolicy.lazy() == AutoMaterializePolicy("freshness")
    assert AutoMaterializePolicy.on_missing() == AutoMaterializePolicy("missing")
    assert AutoMaterializePolicy.on_cron("0 6 * * *", timezone="Europe/Berlin") == (
        AutoMaterializePolicy("change", cron="0 6 * * *", timezone="Europe/Berlin")
    )


def test_policies_are_values():
    """The same policy written in two ways is equal, and can be a key."""
    assert FreshnessPolicy("8h", warn_lag="60min") == FreshnessPolicy(28800, warn_lag=3600)
    assert len({RetryPolicy(2, "1min"), RetryPolicy(2, 60)}) == 1


def test_a_data_time_is_kept_in_utc():
    """Whatever zone a data time was given in, it is kept as the same moment in UTC."""
    there = datetime(2026, 1, 31, 12, tzinfo=timezone(timedelta(hours=2)))

    assert Output(1, data_time=there).data_time == datetime(2026, 1, 31, 10, tzinfo=UTC)
    assert Output(1, data_time=there).data_time.tzinfo is UTC
