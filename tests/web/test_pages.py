"""Every address: its page, its JSON, and that nothing of users or data becomes markup."""

import hashlib
import re
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

import assetkit.web

STATIC = Path(assetkit.web.__file__).parent / "static"
TEMPLATES = STATIC.parent / "templates"
VENDORED = {
    "htmx.min.js": "a0abb04f2f45a1f89d1d4844023245537e5e6014c87b144553e0607b4cc32130",  # 4.0.1
}
ADDRESSES = [
    "/",
    "/lineage",
    "/lineage?select=orders&depth=1&collapse=raw",
    "/lineage?select=%3Cimg%20src%3Dx%20onerror%3Dalert(1)%3E",
    "/lineage?overlay=durations&select=orders",
    "/assets/orders",
    "/assets/orders?p=2026-01-03",
    "/assets/orders?p=%3Cimg%20src%3Dx%20onerror%3Dalert(1)%3E",
    "/assets/valid_orders",
    "/assets/reports%2Ftotals",
    "/assets/by_region?across=region&down=date",
    "/runs",
    "/runs?status=failed&since=24h",
    "/backfill",
    "/backfill?select=orders&partitions=2026-01-01..2026-01-10&newest=1&size=2&only=missing",
    "/plan",
    "/plan?select=reports/totals",
    "/plan?select=reports/totals&without=reports/totals",
    "/plan?select=orders&partitions=2026-01-03&force=1&upstream=0",
]


@pytest.mark.parametrize("address", [*ADDRESSES, "/runs/RUN?step=orders%402026-01-02"])
def test_what_users_and_data_bring_in_stays_text(page, see, run_id, address):
    """No element and no attribute comes from a name, a message, a cell or an address.

    Nor is there anything that the policy for pages forbids: inline scripts and styles.
    """
    said = page.get(address.replace("RUN", run_id))
    seen = see(said)

    assert said.status_code == 200
    assert (seen.count("h1"), seen.count("main"), seen.count("nav") >= 1) == (1, 1, True)
    assert (seen.count("img"), seen.count("style")) == (0, 0)
    for tag, attributes in seen.elements:
        assert not [name for name in attributes if name == "style" or re.match(r"on[a-z]+$", name)]
        assert tag != "script" or attributes["src"].startswith("/static/")
    assert all(not link.lower().startswith(("javascript:", "data:")) for link in seen.links())


@pytest.mark.parametrize("address", [*ADDRESSES[::3], "/runs/RUN"])
def test_each_page_has_a_json_twin(page, see, run_id, address):
    """The page links to it; it has a schema with a version."""
    links = see(page.get(address.replace("RUN", run_id))).links()

    twin = next(link for link in links if ".json" in link)
    assert re.fullmatch(r"assetkit\.ui\.[a-z]+/1", page.get(twin).json()["schema"])


def test_hostile_text_is_shown_as_it_is(page, see, run_id):
    """Errors, owners, column names, cells, metadata and logs: to be read, not to be run."""
    asset = see(page.get("/assets/orders?p=2026-01-02")).text
    run = see(page.get(f"/runs/{run_id}?step=orders%402026-01-02")).text

    assert asset.count("<img src=x onerror=alert(1)>'\"&") >= 4
    assert "<script>alert(1)</script>" in asset
    assert "reading <img src=x" in run
    assert "ValueError: <img src=x" in run


@pytest.mark.parametrize(
    ("address", "status", "words"),
    [
        ("/assets/oders", 404, "orders"),
        ("/runs/nothing", 404, "There is no run"),
        ("/plan/12ab", 404, "Plan again"),
        ("/nothing", 404, "There is no page"),
        ("/plan?select=nobody", 404, "nobody"),
        ("/plan?select=orders&partitions=2027-01-01", 404, "2027-01-01"),
        ("/runs?since=soon", 400, "soon"),
    ],
)
def test_what_is_not_there_is_told(page, see, address, status, words):
    """An error is a page like any other, and an object in JSON."""
    said = page.get(address)

    assert said.status_code == status
    assert words in see(said).text
    path, _, query = address.partition("?")
    assert words in page.get(f"{path}.json?{query}").json()["message"]


def test_a_plan_that_cannot_be_made_is_asked_for_otherwise(page, see):
    """Where the mistake is told stands the question as it was asked, to be mended."""
    seen = see(page.get("/plan?select=nobody&partitions=latest:7&upstream=0"))

    fields = {one.get("name"): one.get("value") for tag, one in seen.elements if tag == "input"}
    assert (fields["partitions"], seen.count("option")) == ("latest:7", 2)
    assert ("option", {"value": "0", "selected": None}) in seen.elements
    assert "Ask otherwise" not in see(page.get("/assets/nobody")).text


def test_links_lead_to_pages(page, see):
    """Whatever the pages link to answers."""
    found = {link for address in ADDRESSES[:10:2] for link in see(page.get(address)).links()}
    inside = {link.partition("#")[0].partition("?")[0] for link in found if link.startswith("/")}

    assert len(inside) > 8
    assert {link: page.get(link).status_code for link in inside} == dict.fromkeys(inside, 200)


def test_a_failed_run_leads_to_a_plan_of_what_is_left(page, see, run_id):
    """A retry is looked at before it runs, like any plan."""
    said = page.post(f"/runs/{run_id}/retry")

    assert said.status_code == 200
    assert said.url.path.startswith("/plan/")
    assert "2 to build" in see(said).text or "1 to build" in see(said).text


def test_a_run_that_is_over_is_not_cancelled(page, run_id):
    """Asking does no harm."""
    said = page.post(f"/runs/{run_id}/cancel", headers={"accept": "application/json"})

    assert said.json() == {"asked": False}


def test_an_asset_is_held_and_released(page, see):
    """What a person says of an asset shows on its page, and is taken back there."""
    held = see(page.post("/assets/by_region/hold", data={"reason": "<b>wait</b>"}))
    assert "automation leaves it alone: <b>wait</b>" in held.text

    released = see(page.post("/assets/by_region/release"))
    assert "leaves it alone" not in released.text


def test_a_decision_is_about_a_step_that_waits(page, run_id):
    """Steps that need no approval cannot be approved."""
    for form in ({"step": "orders", "status": "approved"}, {"step": "orders", "status": "maybe"}):
        assert page.post(f"/runs/{run_id}/decide", data=form).status_code == 400


def test_vendored_files_are_what_they_were_and_have_a_licence():
    """A change of a file of others is deliberate; its licence is beside it."""
    for name, digest in VENDORED.items():
        assert hashlib.sha256((STATIC / name).read_bytes()).hexdigest() == digest
    assert "Zero-Clause BSD" in (STATIC / "licences" / "htmx.txt").read_text(encoding="utf-8")


def test_the_page_is_small_and_names_no_other_host():
    """All files together are under 150 KB, and none is fetched from elsewhere."""
    files = [file for file in STATIC.rglob("*") if file.is_file()]
    assert sum(file.stat().st_size for file in files) < 150_000

    own = [file for file in (*files, *TEMPLATES.iterdir()) if file.name not in VENDORED]
    for file in own:
        text = file.read_text(encoding="utf-8").replace("http://www.w3.org/2000/svg", "")
        assert not re.search(r"https?://", text), file.name


def test_the_lineage_is_a_picture_to_keep(page):
    """A file of its own: well-formed, with its colours in it, and nothing to follow or to run."""
    said = page.get("/lineage.svg?select=orders&depth=1")

    root = ET.fromstring(said.content)
    tags = {one.tag.rpartition("}")[2] for one in root.iter()}
    assert root.tag == "{http://www.w3.org/2000/svg}svg"
    assert {"rect", "text", "path", "style"} <= tags
    assert not tags & {"a", "script", "image", "foreignObject"}
    assert said.headers["content-disposition"] == 'attachment; filename="lineage.svg"'
    assert "valid_orders" in said.text
    assert "reports/totals" not in said.text


def test_an_asset_that_is_not_there_leads_to_those_like_it(page, see):
    """Of an old name, for instance: the answer is 404, with links to the nearest names."""
    said = page.get("/assets/valid_order")

    assert said.status_code == 404
    assert "/assets/valid_orders" in see(said).links()
    assert page.get("/assets/valid_order.json").json()["near"][0] == "valid_orders"
