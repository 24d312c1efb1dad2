"""A project with one failure in it, its page, and a browser's view of that."""

import json
import re
import shutil
import signal
import subprocess
import sys
import urllib.error
import urllib.parse
import urllib.request
from contextlib import contextmanager
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path

import pandas as pd
import pytest
from starlette.testclient import TestClient

import assetkit as ak
from assetkit import DailyPartitions, FreshnessPolicy, MultiPartitions, StaticPartitions, Workspace
from assetkit.checks import row_count
from assetkit.project import Definitions, load_project
from assetkit.web.app import guarded
from assetkit.web.desk import Desk
from assetkit.web.reader import answer
from assetkit.web.reading import Refusal
from assetkit.web.source import Source
from assetkit.workspace import holds

HOSTILE = "<img src=x onerror=alert(1)>'\"&"
PORT = 4747
DAYS = DailyPartitions("2026-01-01", end="2026-02-01")


@ak.asset(partitions=DAYS, group="raw", owners=[HOSTILE], tags={"note": HOSTILE})
def orders(context) -> pd.DataFrame:
    """Orders of one day, <script>alert(1)</script> included."""
    context.add_metadata({"said": HOSTILE})
    context.log.info("reading %s", HOSTILE)
    if context.partition_key == "2026-01-03":
        raise ValueError(HOSTILE)
    return pd.DataFrame({"name": [HOSTILE], HOSTILE: [1]})


@ak.asset(partitions=DAYS, checks=[row_count(5, 9)])
def valid_orders(orders: pd.DataFrame) -> pd.DataFrame:
    """Orders that count."""
    return orders


@ak.asset(freshness=FreshnessPolicy(max_lag="8h"), name="reports/totals")
def totals(valid_orders: pd.DataFrame) -> pd.DataFrame:
    """All of it."""
    return valid_orders


@ak.asset(partitions=MultiPartitions(date=DAYS, region=StaticPartitions(["de", "fr"])))
def by_region(orders: pd.DataFrame) -> pd.DataFrame:
    """By region."""
    return orders


PROJECT = Definitions(assets=[orders, valid_orders, totals, by_region])


class DirectReaders:
    """What `Readers` is, without a process: answers cross as JSON all the same."""

    problem = ""

    def __init__(self, desk):
        self.desk = desk
        self.source = Source(
            module="shop", folder=".", root=desk.core.root, base=None, catalog="catalog.duckdb"
        )

    def ask(self, name, **arguments):
        asked = json.loads(json.dumps({"id": 1, "ask": name, "arguments": arguments}))
        said = json.loads(json.dumps(answer(self.desk, asked)))
        if "error" in said:
            raise Refusal(**said["error"])
        return said["page"]

    def follow(self):
        return False

    def rest(self, unused):
        pass

    def stop(self):
        pass


@pytest.fixture(scope="module")
def workspace(tmp_path_factory):
    """A workspace in which five days were built, one of which failed."""
    with Workspace(tmp_path_factory.mktemp("shop") / "workspace") as workspace:
        workspace.core.place.private.mkdir(parents=True)
        ak.materialize(
            [orders, valid_orders],
            partitions="2026-01-01..2026-01-05",
            workspace=workspace,
            raise_on_error=False,
            progress="none",
        )
        yield workspace


@pytest.fixture(scope="module")
def desk(workspace):
    """The project in that workspace."""
    return Desk(workspace, PROJECT)


@pytest.fixture
def readers_of():
    """Return what answers for the page from a desk, in this process."""
    return DirectReaders


@pytest.fixture
def run_id(workspace):
    """The one run of it."""
    return workspace.catalog.runs().to_pylist()[-1]["run_id"]


@pytest.fixture
def open_page(desk):
    """Return what opens the page, as a browser that knows the token."""

    def make(*, read_only=False, readers=None, cookie=True, base_url=f"http://127.0.0.1:{PORT}"):
        app = guarded(
            readers or DirectReaders(desk),
            token="secret",
            port=PORT,
            read_only=read_only,
            hosts=frozenset({f"127.0.0.1:{PORT}"}),
        )
        client = TestClient(app, base_url=base_url, raise_server_exceptions=True)
        client.headers["sec-fetch-site"] = "same-origin"
        if cookie:
            client.get("/?token=secret", follow_redirects=False)
        return client

    return make


@pytest.fixture
def page(open_page):
    """The page, for one that knows the token."""
    return open_page()


@dataclass
class Seen(HTMLParser):
    """What a browser makes of a page: its elements, and its text."""

    elements: list = field(default_factory=list)
    text: str = ""

    def __post_init__(self):
        super().__init__()

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))

    def handle_data(self, data):
        self.text += data

    def count(self, tag):
        return sum(name == tag for name, _ in self.elements)

    def links(self):
        return [a["href"] for tag, a in self.elements if tag == "a" and "href" in a]


@pytest.fixture
def see():
    """Return what reads a response as a browser does."""

    def read(response):
        assert response.headers["content-type"].startswith("text/html")
        seen = Seen()
        seen.feed(response.text)
        seen.text = re.sub(r"\s+", " ", seen.text)
        return seen

    return read


class Server:
    """A running page, and who asks it as a script does."""

    def __init__(self, process):
        self.process = process
        line = process.stdout.readline()
        assert "?token=" in line, line + process.stderr.read()
        self.address = line.split()[-1]
        self.base, _, self.token = self.address.partition("/?token=")

    def open(self, path, *, post=False, accept="application/json", form=None, headers=None):
        headers = {"authorization": f"Bearer {self.token}"} if headers is None else headers
        data = urllib.parse.urlencode(form or {}).encode() if post else None
        request = urllib.request.Request(
            self.base + path, headers={"accept": accept, **headers}, data=data
        )
        return urllib.request.urlopen(request, timeout=300)

    def refusal(self, path, **asked):
        """Return the status with which a POST is refused."""
        with pytest.raises(urllib.error.HTTPError) as refused:
            self.open(path, post=True, **asked)
        with refused.value as said:
            return said.code

    def text(self, path):
        with self.open(path, accept="text/html") as said:
            return said.read().decode()

    def get(self, path):
        with self.open(path) as said:
            return json.load(said)

    def changes(self):
        """Yield the version after each change, as a browser hears of it."""
        with self.open("/live") as stream:
            for line in stream:
                if line.startswith(b"data: "):
                    yield json.loads(line[6:])["version"]


@contextmanager
def serving(folder, module, *options):
    """Yield the page of a project in a folder, as people start it."""
    process = subprocess.Popen(
        [sys.executable, "-m", "assetkit", "-m", module, "ui", "--port", "0", "--no-open",
         *options],
        cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        yield Server(process)
    finally:
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=60)


@pytest.fixture(scope="session")
def serve():
    """Return what starts a page of its own, as a context."""
    return serving


@pytest.fixture(scope="session")
def hostile_folder(tmp_path_factory):
    """The project in hostile.py, of which some was built, and some failed."""
    folder = tmp_path_factory.mktemp("hostile")
    shutil.copyfile(Path(__file__).parent / "hostile.py", folder / "hostile.py")
    project = load_project("hostile", folder)
    with Workspace(folder / ".assetkit" / "hostile") as workspace:
        for targets in ("orders@2026-01-01..2026-01-05", "regions", "shaky"):
            ak.materialize(
                project,
                select=targets,
                workspace=workspace,
                raise_on_error=False,
                run_tags={"note": "<img src=x onerror=alert(8)>"},
                progress="none",
            )
        holds.hold(workspace.core, ["regions"], "<img src=x onerror=alert(9)>")
    return folder


@pytest.fixture(scope="session")
def served(hostile_folder):
    """The page of that project: one for all tests."""
    workspace = str(hostile_folder / ".assetkit" / "hostile")
    with serving(hostile_folder, "hostile", "--workspace", workspace) as server:
        yield server


@pytest.fixture(scope="module")
def browser():
    """A browser for the tests of a file; they are skipped where there is none.

    As long as it is there, this thread has an event loop that runs, and others can run none.
    """
    playwright = pytest.importorskip("playwright.sync_api")
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    if chromium is None:
        pytest.skip("no Chromium is installed")
    with playwright.sync_playwright() as driver:
        found = driver.chromium.launch(
            executable_path=chromium,
            # All tabs in one process: starting one takes longer than what most tests do in it.
            args=["--no-sandbox", "--disable-gpu", "--renderer-process-limit=1"],
        )
        yield found
        found.close()


class Visitor:
    """Somebody with a browser, who knows the token; ``complaints`` are what it says of pages."""

    def __init__(self, browser, served, **options):
        self.context = browser.new_context(**options)
        self.context.set_default_timeout(120_000)
        self.complaints = []
        self.context.on("console", lambda message: self.complaints.append(message.text))
        self.context.on("weberror", lambda error: self.complaints.append(str(error.error)))
        self.context.on("dialog", self._dismiss)
        self.base = served.base
        self.context.new_page().goto(served.address)

    def _dismiss(self, dialog):
        self.complaints.append(f"dialog: {dialog.message}")
        dialog.dismiss()

    def open(self, path="/"):
        """Return a new tab at an address."""
        tab = self.context.new_page()
        tab.goto(self.base + path)
        return tab

    def close_tabs(self):
        for tab in self.context.pages:
            tab.close()


@pytest.fixture(scope="module")
def visitor(browser, served):
    """One visitor for all tests of a file that do not need another."""
    found = Visitor(browser, served)
    yield found
    found.context.close()


@pytest.fixture
def visit(visitor):
    """Return what opens tabs; what a page complains about fails the test."""
    visitor.close_tabs()
    visitor.complaints.clear()
    yield visitor.open
    visitor.close_tabs()
    assert visitor.complaints == []


@pytest.fixture(scope="module")
def visitor_of(browser, served):
    """Return what makes another visitor, with options of a browser."""
    return lambda **options: Visitor(browser, served, **options)
