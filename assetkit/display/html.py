"""HTML that is safe by construction: text is escaped unless it is already `Html`.

Rule 1: a view needs nothing from outside: no script, no file, no font.
Rule 2: it paints its own background, so that it reads well in a light and in a dark page.
Rule 3: colours only repeat what a mark and a word already say.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape
from typing import Final

_VOID: Final = frozenset({"img"})


class Html(str):
    """Text that is HTML already."""

    __slots__ = ()


def element(name: str, /, *children: str, **attributes: str | bool | None) -> Html:
    """Return one element; plain text in it is escaped, as are attributes.

    An attribute of None or False is left out, one of True stands alone; a
    trailing underscore is dropped (``class_``) and others become dashes.

    >>> element("p", "a < b", class_="note")
    '<p class="note">a &lt; b</p>'
    """
    words = [name]
    for key, value in attributes.items():
        if value is None or value is False:
            continue
        attribute = key.rstrip("_").replace("_", "-")
        words.append(attribute if value is True else f'{attribute}="{escape(str(value))}"')
    if name in _VOID:
        return Html(f"<{' '.join(words)}>")
    return Html(f"<{' '.join(words)}>{joined(children)}</{name}>")


def joined(children: Iterable[str]) -> Html:
    """Join pieces, escaping those that are plain text."""
    return Html("".join(c if isinstance(c, Html) else escape(c) for c in children))


def view(*children: str) -> Html:
    """Wrap a whole notebook view: its style, and its content under one class."""
    return element("div", element("style", Html(STYLE)), *children, class_="assetkit-view")


def tone_mark(state: str, mark: str) -> Html:
    """Return a mark in the colour of a state, hidden from screen readers: a word goes with it."""
    return element("span", mark, class_=f"mark t-{state}", aria_hidden="true")


def html_table(
    titles: Sequence[str], rows: Iterable[Sequence[str]], *, right: Sequence[int] = ()
) -> Html:
    """Return a table; the columns numbered in *right* hold numbers. Without titles: no head."""

    def cell(name: str, i: int, text: str) -> Html:
        scope = "col" if name == "th" else None
        return element(name, text, class_="n" if i in right else None, scope=scope)

    heads = [cell("th", i, title) for i, title in enumerate(titles)]
    head = element("thead", element("tr", *heads)) if titles else ""
    body = [element("tr", *(cell("td", i, text) for i, text in enumerate(row))) for row in rows]
    return element("table", Html(head), element("tbody", *body))


def details(summary: str, *children: str, opened: bool = False) -> Html:
    """Return a part that folds away."""
    return element("details", element("summary", summary), *children, open=opened)


STYLE: Final = (
    ".assetkit-view{color-scheme:light dark;"
    "--fg:light-dark(#1f2328,#e6edf3);--dim:light-dark(#59636e,#9198a1);"
    "--bg:light-dark(#fff,#161b22);--line:light-dark(#d1d9e0,#3d444d);"
    "--soft:light-dark(#f6f8fa,#21262d);"
    "--good:light-dark(#1a7f37,#4ac26b);--work:light-dark(#0969da,#58a6ff);"
    "--warn:light-dark(#9a6700,#d9a520);--bad:light-dark(#cf222e,#ff7b72);"
    "color:var(--jp-ui-font-color1,var(--fg));background:var(--jp-layout-color1,var(--bg));"
    "border:1px solid var(--jp-border-color2,var(--line));border-radius:6px;padding:10px 14px;"
    "font:13px/1.5 var(--jp-ui-font-family,system-ui,sans-serif);overflow-x:auto;max-width:100%}"
    '[data-jp-theme-light="true"] .assetkit-view,[data-theme="light"] .assetkit-view,'
    ".vscode-light .assetkit-view{color-scheme:light}"
    '[data-jp-theme-light="false"] .assetkit-view,[data-theme="dark"] .assetkit-view,'
    ".vscode-dark .assetkit-view,.dark .assetkit-view{color-scheme:dark}"
    ".assetkit-view p{margin:2px 0}"
    ".assetkit-view .head{font-weight:600;margin-bottom:4px}"
    ".assetkit-view .dim,.assetkit-view th{color:var(--jp-ui-font-color2,var(--dim))}"
    ".assetkit-view table{border-collapse:collapse;margin:6px 0;font-size:inherit;color:inherit}"
    ".assetkit-view th,.assetkit-view td{text-align:left;vertical-align:top;"
    "padding:2px 14px 2px 0;border:0;background:none;white-space:normal;max-width:none}"
    ".assetkit-view th{font-weight:500;border-bottom:1px solid var(--line)}"
    ".assetkit-view td.n,.assetkit-view th.n{text-align:right;font-variant-numeric:tabular-nums}"
    ".assetkit-view code,.assetkit-view pre,.assetkit-view .key{"
    "font:12px/1.5 ui-monospace,SFMono-Regular,Menlo,Consolas,monospace;background:none;"
    "color:inherit}"
    ".assetkit-view pre{white-space:pre-wrap;background:var(--soft);padding:6px 8px;margin:4px 0}"
    ".assetkit-view summary{cursor:pointer}"
    ".assetkit-view .mark{display:inline-block;width:1.2em;text-align:center;font-weight:600}"
    ".assetkit-view .bar{width:180px;height:8px;vertical-align:middle}"
    ".assetkit-view .t-fresh,.assetkit-view .t-materialized,.assetkit-view .t-success"
    "{color:var(--good)}"
    ".assetkit-view .t-build,.assetkit-view .t-rebuild,.assetkit-view .t-running"
    "{color:var(--work)}"
    ".assetkit-view .t-stale,.assetkit-view .t-partial,.assetkit-view .t-maybe,"
    ".assetkit-view .t-quarantined,.assetkit-view .t-held,.assetkit-view .t-warning"
    "{color:var(--warn)}"
    ".assetkit-view .t-failed,.assetkit-view .t-blocked,.assetkit-view .t-lost,"
    ".assetkit-view .t-overdue"
    "{color:var(--bad)}"
    ".assetkit-view .t-keep,.assetkit-view .t-skipped,.assetkit-view .t-unchanged,"
    ".assetkit-view .t-missing,.assetkit-view .t-cancelled{color:var(--dim)}"
    ".assetkit-view img{max-width:100%;height:auto}"
    ".assetkit-view svg{max-width:none;display:block;margin:6px 0}"
    ".assetkit-view svg text{font:12px ui-monospace,SFMono-Regular,Menlo,Consolas,monospace;"
    "fill:var(--jp-ui-font-color1,var(--fg));stroke:none}"
    ".assetkit-view svg .badge{font-weight:600;fill:currentColor}"
    ".assetkit-view svg rect{fill:var(--soft);stroke:currentColor;stroke-width:1.4}"
    ".assetkit-view svg .edge{fill:none;stroke:var(--dim);stroke-opacity:.55;stroke-width:1.2}"
    ".assetkit-view svg .dashed{stroke-dasharray:4 3}"
)
