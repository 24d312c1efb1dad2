"""Graphs as pictures, and HTML that is safe whatever the names are."""

from html.parser import HTMLParser
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assetkit.display.graphtext import dot_text, mermaid_text, tree_lines
from assetkit.display.html import STYLE, Html, details, element, html_table, view
from assetkit.display.picture import Arrow, Node, graph_svg, standalone_svg

HOSTILE = '"><script>alert(1)</script>&amp;\\"]'


OURS = {"div", "style", "p", "details", "summary", "table", "thead", "tbody", "tr", "th", "td"}
OURS |= {"svg", "title", "g", "rect", "text"}


class Tags(HTMLParser):
    """Collects the tags of a fragment, and whether each was closed."""

    def __init__(self, text):
        super().__init__()
        self.opened, self.stack = [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.opened.append(tag)
        self.stack.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.opened.append(tag)

    def handle_endtag(self, tag):
        assert self.stack.pop() == tag


def graph(count):
    """Return a graph in which each node needs one or two before it."""
    names = [f"asset_{i}" for i in range(count)]
    nodes = [Node(name=name, tone="build", mark="+", badge="3") for name in names]
    arrows = [
        Arrow(source=names[i // step], target=names[i]) for i in range(1, count) for step in (2, 3)
    ]
    return nodes, arrows


@given(st.text(max_size=30))
def test_text_cannot_become_markup(text):
    """Whatever a name is, it adds no element to a view."""
    node = Node(name=text, tone=text, mark=text, badge=text, note=text)
    picture = graph_svg([node], [], title=text)
    fragment = view(
        element("p", text, title=text), details(text, text), html_table((text,), [(text,)]), picture
    )

    tags = Tags(fragment)
    assert tags.stack == []
    assert set(tags.opened) <= OURS


def test_hostile_names_are_text():
    """A script in a name is shown, not run."""
    picture = graph_svg([Node(name=HOSTILE, note=HOSTILE)], [], title=HOSTILE)

    assert "<script" not in picture
    assert "script" in picture


def test_views_need_nothing_from_outside():
    """A view has no script, no link and no address in it."""
    text = view(graph_svg(*graph(5), title="five"))

    assert not {"script", "link", "img", "iframe"} & set(Tags(text).opened)
    assert "url(" not in text
    assert "http" not in text.replace("http://www.w3.org/2000/svg", "")


def test_a_thousand_nodes_stay_small():
    """A picture takes some 400 bytes per node with its edges."""
    nodes, arrows = graph(1_000)

    assert len(graph_svg(nodes, arrows, title="large")) < 700_000


def test_a_saved_picture_is_a_whole_file():
    """The SVG file is valid XML and carries its style."""
    text = standalone_svg(graph_svg(*graph(4), title="four"), STYLE)
    root = ET.fromstring(text)

    assert root.tag.endswith("svg")
    assert any(child.tag.endswith("style") for child in root)


def test_html_is_escaped_once():
    """Text is escaped, HTML is not escaped again."""
    assert element("b", element("i", "&")) == "<b><i>&amp;</i></b>"
    assert element("b", Html("<hr>")) == "<b><hr></b>"


@pytest.mark.parametrize("ascii", [False, True])
def test_trees_open_what_was_shown_only_once(ascii):
    """A diamond's lower part is not printed twice."""
    nodes = [Node(name=name) for name in "uvwxy"]
    arrows = [Arrow(source=s, target=t) for s, t in ("uv", "uw", "vx", "wx", "xy")]
    lines = tree_lines(nodes, arrows, ascii=ascii)

    assert sum(line.endswith("y") for line in lines) == 1
    assert sum("(above)" in line for line in lines) == 1
    assert all(line.isascii() for line in lines) == ascii


def test_names_are_quoted_in_graph_languages():
    """Quotes and brackets in a name end neither a Mermaid label nor a dot string."""
    node = Node(name=HOSTILE)

    label = mermaid_text([node], []).splitlines()[1]
    assert label.count('"') == 2
    assert "<" not in label
    assert dot_text([node], []).count('\\"') == 2
