"""Templates, and the addresses that they link to."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache
from importlib import import_module
from urllib.parse import quote, urlencode

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

_BETWEEN = re.compile(r"(?<=\.\.)|(?<=, )|(?<=,)(?=\S)")
_UNBROKEN = 26
"""Characters of a key that is kept on one line."""


@cache
def templates(asset_link: Callable[[str], str], group_link: Callable[[str], str]) -> Environment:
    """Return the templates, which escape all they are given; the links are those of assets
    and groups. The same for the same links: compiling those of a page takes longer than filling
    them.
    """
    made = Environment(
        loader=PackageLoader("assetkit.web"),
        autoescape=True,
        auto_reload=False,  # those of another version may want what this one does not know
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
        "unbroken": unbroken,
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


def unbroken(text: str) -> Markup:
    """Return a selection of partitions that is broken between keys, not at the dashes in them.

    >>> unbroken("2026-01..2026-02")
    Markup('<span class="nb">2026-01..</span><wbr><span class="nb">2026-02</span>')
    """
    pieces = _BETWEEN.split(text)
    return Markup("<wbr>").join(
        Markup('<span class="nb">{}</span>').format(one) if len(one) < _UNBROKEN and "-" in one
        else escape(one)
        for one in pieces
    )  # fmt: skip


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
