"""The catalogue and the lineage as files that need no server."""

import json
from html.parser import HTMLParser
from pathlib import Path
from types import SimpleNamespace
from urllib.parse import unquote

import pytest

from assetkit.errors import InvalidArgument
from assetkit.web.export import export_project

HOME = Path(__file__).parents[1]


class Read(HTMLParser):
    """The elements and the text of a file."""

    def __init__(self, text):
        super().__init__()
        self.elements, self.text = [], ""
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))

    def handle_data(self, data):
        self.text += data


@pytest.fixture(scope="module")
def exported(desk, workspace, tmp_path_factory):
    """The files of the project, by name."""
    folder = tmp_path_factory.mktemp("site") / "out"
    done = export_project(desk.definitions, workspace, folder, title="shop", home=HOME)
    return SimpleNamespace(folder=folder, done=done)


def test_every_link_leads_to_a_file_of_the_export(exported):
    """No page asks a server, ours or another: all addresses are names of files beside it."""
    files = {one.name for one in exported.folder.iterdir()}
    assert len(files) == exported.done.files == 8

    for page in exported.folder.glob("*.html"):
        for tag, attributes in Read(page.read_text(encoding="utf-8")).elements:
            assert tag not in {"script", "img", "form", "iframe"}
            for name in ("href", "src"):
                target = unquote(attributes.get(name, "").partition("#")[0])
                assert target in {"", "data:,"} or target in files, (page.name, target)


def test_a_page_of_an_asset_tells_its_columns_its_code_and_how_it_stands(exported):
    """What users wrote is text; rows and messages of errors are not told at all."""
    said = (exported.folder / "asset.orders.html").read_text(encoding="utf-8")
    page = Read(said)

    assert "4 of 31 partitions there, 1 failed." in page.text
    assert "Orders of one day, <script>alert(1)</script> included." in page.text
    assert "def orders(context)" in page.text
    assert "web/conftest.py:" in page.text
    assert str(HOME) not in said
    assert "<img" not in said
    assert page.text.count("<img src=x onerror=alert(1)>'\"&") >= 2
    assert "ValueError" not in page.text.replace("raise ValueError(HOSTILE)", "")


def test_the_catalogue_is_data_too(exported):
    """The same as JSON, for programs."""
    said = json.loads((exported.folder / "catalogue.json").read_text(encoding="utf-8"))

    assert said["schema"] == "assetkit.ui.export/1"
    orders = next(one for one in said["assets"] if one["asset"] == "orders")
    assert orders["columns"][0][0] == "name"
    assert sorted(orders["downstream"]) == ["by_region", "valid_orders"]
    assert (orders["state"], orders["group"]) == ("failed", "raw")


def test_a_later_export_leaves_nothing_of_the_earlier(desk, workspace, tmp_path):
    """Pages of assets that are gone go; a folder with other things in it is not touched."""
    site, home = tmp_path / "site", tmp_path / "home"
    export_project(desk.definitions, workspace, site, title="shop", home=HOME)
    (site / "asset.gone.html").write_text("old")
    export_project(desk.definitions, workspace, site, title="shop", home=HOME)
    assert not (site / "asset.gone.html").exists()

    home.mkdir()
    (home / "thesis.html").write_text("mine")
    with pytest.raises(InvalidArgument, match="Name a new or an empty folder"):
        export_project(desk.definitions, workspace, home, title="shop", home=HOME)
    assert [one.name for one in home.iterdir()] == ["thesis.html"]
