"""What users subclass: `Resource` for connections and clients, `Config` for settings.

The one module of `definitions` that loads pydantic; it is loaded when one of
these names is first used.
"""

from __future__ import annotations

import os
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError

from assetkit.definitions.config import check_config, problems_of
from assetkit.definitions.names import caller
from assetkit.errors import ConfigError

__all__ = ["Config", "Resource", "SecretStr", "check_config", "env"]

_NO_DEFAULT: Any = object()


class Resource(BaseModel):
    """Something that functions use and assetkit opens and closes: a database, a client.

    Fields are checked by pydantic; give secrets the type ``SecretStr``. Define
    ``setup()`` and ``teardown()``, or make it a context manager; there is one
    instance per run and worker. What ``setup`` keeps may be any attribute.

    >>> class Database(Resource):
    ...     dsn: str
    >>> Database(dsn="duckdb://").dsn
    'duckdb://'
    """

    model_config = ConfigDict(extra="forbid", arbitrary_types_allowed=True)

    def __init__(self, **values: Any) -> None:
        """Take the fields' values. Raises `ConfigError` where they do not do."""
        try:
            super().__init__(**values)
        except ValidationError as wrong:
            kind = type(self)
            made = f"The resource {kind.__name__} ({caller()}) cannot be made:"
            # What nobody gave here is from the environment, where secrets are.
            unseen = kind.model_fields.keys() - values.keys()
            told = problems_of(kind, wrong, hidden=unseen)
            raise ConfigError("\n".join([made, *told])) from None

    def __setattr__(self, name: str, value: Any) -> None:
        """Check fields; let ``setup`` keep what it opened under any other name."""
        known = type(self)
        if name.startswith("_") or name in known.model_fields or hasattr(known, name):
            super().__setattr__(name, value)
        else:
            object.__setattr__(self, name, value)


class Config(BaseModel):
    """Settings of an asset's function, given as ``config={"asset": {"field": value}}``.

    Part of the fingerprint: another value makes the asset stale.

    >>> class Limits(Config):
    ...     rows: int = 10
    >>> Limits(rows="5").rows
    5
    """

    model_config = ConfigDict(extra="forbid", frozen=True)


def env(variable: str, default: Any = _NO_DEFAULT) -> Any:
    """Take a field's value from an environment variable, when the resource is made.

    Without a *default*, a variable that is not set is an error that names it. The value of
    a text is masked in logs and errors, as that of a ``SecretStr`` is.

    >>> class Database(Resource):
    ...     user: str = env("DATABASE_USER_OF_A_DOCTEST", "guest")
    >>> Database().user
    'guest'
    """

    def read() -> Any:
        value = os.environ.get(variable, default)
        if value is _NO_DEFAULT:
            raise ConfigError(
                f"The environment variable {variable} is not set. Set it, "
                f"or give the field a default: env({variable!r}, ...)."
            )
        return value

    read.environment_variable = variable  # type: ignore[attr-defined]  # its value may be secret
    return Field(default_factory=read, validate_default=True)
