"""Markdown of users as HTML that is safe: their HTML is text, their pictures are links."""

from __future__ import annotations

from markdown_it import MarkdownIt
from markupsafe import Markup

_READER = MarkdownIt("commonmark", {"html": False}).enable("table").disable("image")
_DEEPER = 3
"""The page itself has the headings above."""


def markdown_html(text: str) -> Markup:
    r"""Return Markdown as HTML; links go only where that is harmless.

    >>> print(markdown_html("# So\n<b>*much*</b>"))
    <h4>So</h4>
    <p>&lt;b&gt;<em>much</em>&lt;/b&gt;</p>
    <BLANKLINE>
    """
    tokens = _READER.parse(text)
    for token in tokens:
        if token.type in ("heading_open", "heading_close"):
            token.tag = f"h{min(6, int(token.tag[1:]) + _DEEPER)}"
        for inner in token.children or ():
            if inner.type == "link_open":
                inner.attrs["rel"] = "noopener noreferrer"
        # Styles are not allowed in pages, not even harmless ones.
        if "style" in token.attrs:
            token.attrs["class"] = "n" if "right" in str(token.attrs.pop("style")) else ""
    # What it writes has been escaped by it.
    return Markup(_READER.renderer.render(tokens, _READER.options, {}))  # noqa: S704
