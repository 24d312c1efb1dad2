"""Typed metadata: one form in JSON, and nothing that a view could stumble over."""

import json

import pandas as pd
import pyarrow as pa
import pytest

from assetkit.definitions.metadata import Image, Markdown, Number, PathTo, Table, Text, Url
from assetkit.errors import InvalidArgument

PNG = b"\x89PNG\r\n\x1a\n"
ROWS = [{"a": 1, "b": None}, {"a": 2, "b": "x"}]


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (Number(0.5), {"kind": "number", "value": 0.5}),
        (Number(3, unit="rows"), {"kind": "number", "value": 3, "unit": "rows"}),
        (Text("a < b"), {"kind": "text", "value": "a < b"}),
        (Markdown("# A"), {"kind": "markdown", "value": "# A"}),
        (Url("https://a.b/c"), {"kind": "url", "value": "https://a.b/c"}),
        (PathTo("a/b"), {"kind": "path", "value": "a/b"}),
        (Table(ROWS), {"kind": "table", "value": ROWS}),
        (Table(pa.Table.from_pylist(ROWS)), {"kind": "table", "value": ROWS}),
        (
            Table(pd.DataFrame({"a": [1.5, None]})),
            {"kind": "table", "value": [{"a": 1.5}, {"a": None}]},
        ),
        (Image(PNG), {"kind": "image", "value": "data:image/png;base64,iVBORw0KGgo="}),
    ],
    ids=lambda value: type(value).__name__,
)
def test_kinds_are_json(value, expected):
    """`{"kind": ..., "value": ...}`, as strict JSON."""
    assert value.json == expected
    assert json.loads(json.dumps(value.json, allow_nan=False)) == expected


def test_tables_are_small():
    """A hundred rows are kept."""
    assert len(Table([{"a": n} for n in range(1000)]).json["value"]) == 100


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: Number(float("nan")), "a finite number"),
        (lambda: Number(True), "a finite number"),
        (lambda: Url("javascript:alert(1)"), "a URL that begins with http"),
        (lambda: Url("no scheme"), "a URL that begins with http"),
        (lambda: Table([1, 2]).json, "a list of dicts"),
        (lambda: Image(b"<svg onload='x'>"), "a PNG, JPEG or GIF"),
        (lambda: Image(PNG + b"0" * (1 << 20)), "at most 1 MB"),
    ],
)
def test_what_could_do_harm_is_refused(make, said):
    """Scripts, and what is too large for a page."""
    with pytest.raises(InvalidArgument, match=said):
        make()
