"""Secrets of resources, and texts without them.

A secret is a value of a resource or configuration that is a ``SecretStr`` or ``SecretBytes``,
or came from `env`. This process learns the secrets of a resource just before it is set up;
from then on they are masked in whatever is written down of a step: log, error, metadata.
"""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import Any
from urllib.parse import quote, quote_plus

from assetkit.errors import StepError

MASK = "*****"

_SHORTEST = 4
"""Characters; what is shorter would be found in any text."""

_DEEPEST = 5


class _Known:
    """The secrets that this process has learnt, and the pattern that finds them."""

    def __init__(self) -> None:
        self.values: frozenset[str] = frozenset()
        self.pattern: re.Pattern[str] | None = None
        self.lock = threading.Lock()

    def add(self, values: frozenset[str]) -> None:
        with self.lock:
            if values <= self.values:
                return
            self.values |= values
            forms = {form for value in self.values for form in _forms(value)}
            longest_first = sorted(forms, key=len, reverse=True)
            self.pattern = re.compile("|".join(map(re.escape, longest_first)))


_known = _Known()


def learn_secrets(resource: Any) -> None:
    """Mask the secrets of a resource from now on, in this process."""
    found = frozenset(value for value in _secrets_in(resource, 0) if len(value) >= _SHORTEST)
    if found:
        _known.add(found)


def mask(text: str) -> str:
    """Return a text without the secrets that are known here.

    >>> mask("nothing to hide")
    'nothing to hide'
    """
    return text if _known.pattern is None else _known.pattern.sub(MASK, text)


def mask_value(value: Any) -> Any:
    """Return a JSON value without secrets in its texts."""
    if _known.pattern is None:
        return value
    if isinstance(value, str):
        return mask(value)
    if isinstance(value, Mapping):
        return {mask(str(key)): mask_value(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [mask_value(one) for one in value]
    return value


def mask_error(error: BaseException) -> BaseException:
    """Take the secrets out of an error and its causes; return it, or one that stands for it."""
    if _known.pattern is None:
        return error
    seen: set[int] = set()
    waiting: list[BaseException | None] = [error]
    while waiting:
        link = waiting.pop()
        if link is None or id(link) in seen:
            continue
        seen.add(id(link))
        _clean(link)
        waiting += [_replaced(link, "__cause__"), _replaced(link, "__context__")]
        waiting += list(getattr(link, "exceptions", ()))
    return _stand_in(error)


def _clean(error: BaseException) -> None:
    """Mask the texts that an error holds, where it lets us."""
    with suppress(Exception):
        error.args = tuple(mask_value(one) if _is_text(one) else one for one in error.args)
    for name in ("strerror", "filename", "filename2", "msg", "text", "reason", "__notes__"):
        _mask_attribute(error, name)
    for name in list(getattr(error, "__dict__", ())):
        _mask_attribute(error, name)


def _mask_attribute(error: BaseException, name: str) -> None:
    value = getattr(error, name, None)
    if _is_text(value) or isinstance(value, list | dict):
        masked = mask_value(value)
        if masked != value:
            with suppress(Exception):
                setattr(error, name, masked)


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _replaced(error: BaseException, name: str) -> BaseException | None:
    """Put what stands for a cause in its place, and return it."""
    before: BaseException | None = getattr(error, name)
    if before is None:
        return None
    _clean(before)
    after = _stand_in(before)
    if after is not before:
        setattr(error, name, after)
    return after


def _stand_in(error: BaseException) -> BaseException:
    """Return an error, or one of its text where it keeps its secrets to itself until it is told."""
    try:
        text = str(error)
    except Exception:  # a `__str__` of the user's
        return error
    if mask(text) == text:
        return error
    other = StepError(f"{type(error).__name__}: {mask(text)}")
    other.__cause__, other.__context__ = error.__cause__, error.__context__
    return other.with_traceback(error.__traceback__)


def _forms(value: str) -> Iterator[str]:
    """Yield how a secret may be written: as it is, quoted as Python or JSON, in a URL."""
    yield from {
        value,
        repr(value)[1:-1],
        json.dumps(value)[1:-1],
        quote(value, safe=""),
        quote_plus(value),
    }


def _secrets_in(value: Any, depth: int) -> Iterator[str]:
    if depth > _DEEPEST:
        return
    if callable(reveal := getattr(value, "get_secret_value", None)):
        found = reveal()
        yield found.decode(errors="replace") if isinstance(found, bytes) else str(found)
        return
    if isinstance(value, Mapping):
        inner = list(value.values())
    elif isinstance(value, list | tuple | set | frozenset):
        inner = list(value)
    elif hasattr(value, "__dict__") and not isinstance(value, type):
        yield from _from_environment(value)
        inner = list(vars(value).values()) if depth == 0 or _has_fields(value) else []
    else:
        return
    for one in inner:
        yield from _secrets_in(one, depth + 1)


def _has_fields(value: Any) -> bool:
    return hasattr(type(value), "model_fields")


def _from_environment(resource: Any) -> Iterator[str]:
    """Yield the texts of fields that are declared with `env`."""
    fields: Mapping[str, Any] = getattr(type(resource), "model_fields", {})
    for name, field in fields.items():
        value = getattr(resource, name, None)
        if hasattr(field.default_factory, "environment_variable") and isinstance(value, str):
            yield value
