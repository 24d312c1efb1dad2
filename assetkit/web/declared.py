"""What an asset declares, in words: only what is not as it is anyway."""

from __future__ import annotations

import dataclasses
from typing import Any

from assetkit.display.quantities import duration_text

_DURATIONS = ("max_lag", "warn_lag", "every", "delay", "max_delay")


def policy_text(policy: Any) -> str:
    """Return what a policy says, without what goes without saying.

    >>> from assetkit.definitions.policies import FreshnessPolicy, RetryPolicy
    >>> policy_text(FreshnessPolicy("4h")), policy_text(RetryPolicy(2, delay=["10s", "1min"]))
    ('max_lag 4 h', 'max_retries 2, delay 10 s, 1 min')
    """
    said = [
        f"{one.name} {_value_text(one.name, value)}"
        for one in dataclasses.fields(policy)
        if (value := getattr(policy, one.name)) and value != one.default
    ]
    return ", ".join(said) or "as usual"


def _value_text(name: str, value: Any) -> str:
    if isinstance(value, tuple | list):
        return ", ".join(_value_text(name, one) for one in value)
    if name in _DURATIONS and isinstance(value, int | float):
        return duration_text(value)
    return str(getattr(value, "__name__", value))
