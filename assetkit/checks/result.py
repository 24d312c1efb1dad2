"""What a check says of a table."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from assetkit.errors import OutputError


@dataclass(frozen=True, slots=True)
class CheckResult:
    """Whether a check passed, and what it found.

    *metadata* is kept with the result; *description* says in a sentence what is wrong.

    >>> CheckResult(2 > 1, metadata={"rows": 2}).passed
    True
    """

    passed: bool
    metadata: Mapping[str, Any] = field(default_factory=dict, kw_only=True)
    description: str = field(default="", kw_only=True)

    def __post_init__(self) -> None:
        # NumPy's truth values are no bools, and pd.NA has none.
        try:
            object.__setattr__(self, "passed", bool(self.passed))
        except (TypeError, ValueError) as error:
            raise OutputError(
                f"A check passed or it did not, but {self.passed!r} is neither: {error}. "
                "Reduce it, e.g. with .all(), or decide what a missing value means."
            ) from error


def result_of(returned: Any, *, check: str) -> CheckResult:
    """Return what a check's function returned as a result.

    Raises:
        OutputError: it is neither a truth value nor a `CheckResult`.
    """
    if isinstance(returned, CheckResult):
        return returned
    if isinstance(returned, bool) or type(returned).__name__ in {"bool", "bool_", "BooleanScalar"}:
        plain = returned.as_py() if hasattr(returned, "as_py") else returned
        return CheckResult(plain)
    shape = getattr(returned, "shape", None)
    hint = " Reduce it, e.g. with .all()." if shape else ""
    raise OutputError(
        f"The check {check} returned {_shown(returned)}, but a check returns True, False or a "
        f"CheckResult.{hint}"
    )


def _shown(value: object) -> str:
    if value is None:
        return "nothing (None)"
    text = " ".join(repr(value).split())
    return f"a {type(value).__name__}: " + (text if len(text) <= 60 else f"{text[:57]}...")
