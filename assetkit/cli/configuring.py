"""The option ``--config``: fields one by one, or files."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import click

_HELP = (
    "Configuration as asset.field=value (JSON, or text), or a TOML or JSON file. Repeatable: "
    "later ones count."
)


def config_option(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add ``--config``."""
    return click.option("--config", multiple=True, metavar="A.F=V|FILE", help=_HELP)(function)


def config_of(texts: Sequence[str]) -> dict[str, Any]:
    """Read fields such as ``asset.field=value`` and files, in order; no JSON is text.

    >>> config_of(("report.limit=5", "report.title=All", "report.by.region=[1]"))
    {'report': {'limit': 5, 'title': 'All', 'by': {'region': [1]}}}
    """
    from assetkit.workspace.configuring import over, read_config

    config: dict[str, Any] = {}
    for text in texts:
        if "=" not in text and not text.endswith((".toml", ".json")):
            raise click.UsageError(
                f"--config {text!r}: write it as asset.field=value, or name a .toml or .json file."
            )
        said = _field(text) if "=" in text else read_config(Path(text))
        config = over(config, said)
    return config


def _field(text: str) -> dict[str, Any]:
    path, _, value = text.partition("=")
    names = path.split(".")
    if len(names) < 2 or not all(names):
        raise click.UsageError(f"--config {text!r}: write it as asset.field=value.")
    try:
        said: Any = json.loads(value)
    except ValueError:
        said = value
    for name in reversed(names):
        said = {name: said}
    return dict(said)
