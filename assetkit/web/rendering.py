"""Templates, and the addresses that they link to."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from urllib.parse import quote, urlencode

from jinja2 import Environment, PackageLoader, StrictUndefined


def templates(asset_link: Callable[[str], str], group_link: Callable[[str], str]) -> Environment:
    """Return the templates, which escape all they are given; the links are those of assets
    and groups.
    """
    made = Environment(
        loader=PackageLoader("assetkit.web"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters |= {
        "asset_url": asset_link,
        "group_url": group_link,
        "run_url": run_url,
        "query": urlencode,
        "markdown": _markdown,
        "shorten": shorten,
    }
    return made


def _markdown(text: str) -> str:
    # Loaded with the first text that there is: most pages have none.
    html: str = import_module("assetkit.web.markdown").markdown_html(text)
    return html


def shorten(text: str, length: int = 18) -> str:
    """Return text that is not longer; its end tells more than its beginning.

    >>> shorten("customer_with_a_long_name_00040")
    'custo…g_name_00040'
    """
    if len(text) <= length:
        return text
    kept = length // 3 - 1
    return f"{text[:kept]}…{text[kept + 1 - length :]}"


def asset_url(key: str) -> str:
    """Return the address of an asset.

    >>> asset_url("sales/orders")
    '/assets/sales%2Forders'
    """
    return f"/assets/{quote(key, safe='')}"


def run_url(run_id: str) -> str:
    """Return the address of a run."""
    return f"/runs/{quote(run_id, safe='')}"


def group_url(group: str) -> str:
    """Return the address of the lineage of a group.

    >>> group_url("raw")
    '/lineage?select=group%3Araw'
    """
    return f"/lineage?{urlencode({'select': f'group:{group}'})}"
