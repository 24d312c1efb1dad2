"""The web page of 1,000 assets and 10,000 partitions: until it shows, and what it takes.

Seconds are of the processor where that is said, as the wall clock of a busy machine says little.
Frames are measured where Playwright and a Chromium (named by CHROMIUM, else /usr/bin/chromium) are.
"""

from __future__ import annotations

import itertools
import json
import os
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

import psutil
from measure import Figure, show

import assetkit as ak
from assetkit.project import load_project
from assetkit.workspace import holds

PROJECT = """
from assetkit import DailyPartitions, asset

def numbered(number):
    upstream = [f"a{number - 1:04}"] if number % 10 else []

    @asset(name=f"a{number:04}", group=f"g{number % 25}", io_manager="pickle", deps=upstream)
    def made():
        return number

    return made

assets = [numbered(number) for number in range(1000)]

@asset(partitions=DailyPartitions("1999-01-01", end="2026-06-01"), io_manager="pickle")
def long(context):
    return context.partition_key
"""
ASSETKIT = (sys.executable, "-m", "assetkit", "-m", "many", "--workspace", "made")
ENGINES = "import duckdb, pyarrow, numpy; engine = duckdb.connect()"
FLOOR = f"""
import psutil
{ENGINES}
print(psutil.Process().memory_info().rss)
"""
CHROMIUM = Path(os.environ.get("CHROMIUM", "/usr/bin/chromium"))
DRAWN = "/lineage?select=a00*+or+a01*+or+a02*+or+a03*&depth=0"
FRAMES = """async (how) => {
  const region = document.getElementById("graph"), box = region.getBoundingClientRect();
  const place = { clientX: box.left + box.width / 2, clientY: box.top + box.height / 2 };
  const turn = (deltaY) => region.dispatchEvent(new WheelEvent(
    "wheel", { deltaY, ctrlKey: true, bubbles: true, cancelable: true, ...place }));
  const frame = () => new Promise(requestAnimationFrame), times = [];
  await frame();
  let last = await frame();
  for (let number = 0; number < 80; number++) {
    const way = number % 40 < 20 ? 1 : -1;
    if (how === "zoom") turn(-20 * way); else region.scrollBy(24 * way, 12 * way);
    const now = await frame();
    times.push(now - last);
    last = now;
  }
  return times;
}"""


class Page:
    """A page that is served, and its processes: the one that answers, and the one that reads."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        line = process.stdout.readline() if process.stdout else ""
        self.base, _, self.token = line.split()[-1].partition("/?token=")
        self.server = psutil.Process(process.pid)

    @property
    def reader(self) -> psutil.Process:
        """The process that has loaded the project."""
        return self.server.children()[0]

    def get(self, path: str, *, post: bool = False, json_: bool = False) -> bytes:
        """Return what an address answers."""
        headers = {"authorization": f"Bearer {self.token}"}
        headers |= {"accept": "application/json"} if json_ else {}
        request = urllib.request.Request(
            self.base + path, headers=headers, data=b"" if post else None
        )
        with urllib.request.urlopen(request) as answer:
            body: bytes = answer.read()
        return body

    def changes(self) -> Iterator[bytes]:
        """Yield a line for each change, as a browser hears of it."""
        headers = {"authorization": f"Bearer {self.token}"}
        with urllib.request.urlopen(
            urllib.request.Request(self.base + "/live", headers=headers)
        ) as stream:
            for line in stream:
                if line.startswith(b"data: "):
                    yield line

    def cpu(self) -> float:
        """Return the processor seconds that both have taken so far."""
        both = (self.server.cpu_times(), self.reader.cpu_times())
        return sum(one.user + one.system for one in both)

    def costs(self, call: Callable[[], object]) -> tuple[float, float]:
        """Return the seconds of a call, by the clock and by the processor."""
        begun, used = time.perf_counter(), self.cpu()
        call()
        return time.perf_counter() - begun, self.cpu() - used


@contextmanager
def served(folder: Path) -> Iterator[tuple[Page, float]]:
    """Yield the page of the project, and the seconds until its first answer."""
    begun = time.perf_counter()
    process = subprocess.Popen(
        [*ASSETKIT, "ui", "--port", "0", "--no-open"],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    try:
        page = Page(process)
        page.get("/version")
        answered = time.perf_counter() - begun
        yield page, answered
    finally:
        process.terminate()
        process.wait()


def seconds_of(code: str, folder: Path) -> float:
    """Return the seconds of a fresh interpreter that runs *code*."""
    begun = time.perf_counter()
    subprocess.run([sys.executable, "-c", code], cwd=folder, check=True, capture_output=True)
    return time.perf_counter() - begun


def starting(page: Page, answered: float, folder: Path) -> Iterator[Figure]:
    """Measure what it takes until something shows, and while nothing happens."""
    engines = seconds_of(f"{ENGINES}; import many", folder)
    yield Figure(
        what="assetkit ui until its first byte",
        value=answered,
        unit="s",
        beside=seconds_of("import click, starlette.routing, jinja2, uvicorn", folder),
        peer="importing what serves",
        aim="< 1 s",
        met=answered < 1,
    )
    wall, _ = page.costs(lambda: page.get("/"))
    yield Figure(
        what="... until its first board", value=answered + wall, unit="s", beside=engines,
        peer="importing engines, project",
    )  # fmt: skip
    _, idle = page.costs(lambda: time.sleep(5))
    yield Figure(
        what="processor, idle, share of a core", value=100 * idle / 5, unit="%", aim="< 2 %",
        met=idle / 5 < 0.02,
    )  # fmt: skip


def pages(page: Page, one_plan: float, change: Callable[[], object]) -> Iterator[Figure]:
    """Measure pages, again and after a change of the catalog, beside one plan of all assets."""
    for what, path in (
        ("board of 1,000 assets", "/"),
        ("lineage, focus ± 2 of 1,000", "/lineage?select=a0505&depth=2"),
        ("asset of 10,000 partitions", "/assets/long"),
    ):
        page.get(path)
        again = min(page.costs(lambda: page.get(path))[1] for _ in range(3))
        changed = []
        for _ in range(3):
            change()
            changed.append(page.costs(lambda: page.get(path)))
        wall, cpu = min(changed, key=lambda one: one[1])
        yield Figure(what=f"{what}, again (processor)", value=again, unit="s")
        yield Figure(
            what="... after a change (processor)", value=cpu, unit="s", beside=one_plan,
            peer="a plan of all", aim="< 0.5 s", met=cpu < 0.5,
        )  # fmt: skip
        yield Figure(what="... by the clock", value=wall, unit="s")


def memory(page: Page) -> Iterator[Figure]:
    """Measure the memory of both processes, once all pages were looked at."""
    floor = subprocess.run(
        [sys.executable, "-c", FLOOR], capture_output=True, text=True, check=True
    )
    both = [one.memory_full_info() for one in (page.server, page.reader)]
    serves, reads = (one.rss / 1e6 for one in both)
    yield Figure(
        what="memory of what serves", value=serves, unit="MB", aim="< 100 MB", met=serves < 100
    )
    yield Figure(
        what="memory of what reads, while somebody looks", value=reads, unit="MB",
        beside=int(floor.stdout) / 1e6, peer="the engines alone",
    )  # fmt: skip
    yield Figure(
        what="... of both, with the pages of libraries", value=serves + reads, unit="MB",
        aim="< 100 MB", met=serves + reads < 100,
    )  # fmt: skip
    own = sum(one.uss for one in both) / 1e6
    yield Figure(what="... of both, what is theirs alone", value=own, unit="MB")


def launching(page: Page, folder: Path) -> Iterator[Figure]:
    """Measure a launch, beside the same run from a terminal."""
    made = json.loads(page.get("/plan?select=a0000&force=1", json_=True))
    begun = time.perf_counter()
    page.get(f"/plan/{made['plan_id']}/launch", post=True, json_=True)
    shown = time.perf_counter() - begun
    for _ in page.changes():
        if json.loads(page.get("/runs.json"))["runs"][0]["status"] == "success":
            break
    over = time.perf_counter() - begun
    alone = time.perf_counter()
    subprocess.run(
        [*ASSETKIT, "materialize", "-s", "a0000", "--no-upstream", "--force", "--yes"],
        cwd=folder, check=True, capture_output=True,
    )  # fmt: skip
    alone = time.perf_counter() - alone
    yield Figure(what="a launch until its run has an address", value=shown, unit="s")
    yield Figure(
        what="... until it is seen to have ended", value=over, unit="s", beside=alone,
        peer="the same in a terminal",
    )  # fmt: skip


def seeing(page: Page, change: Callable[[], object]) -> Figure:
    """Measure how long a change takes to be told."""
    stream = page.changes()
    seconds = []
    for _ in range(5):
        time.sleep(0.3)
        begun = time.perf_counter()
        change()
        next(stream)
        seconds.append(time.perf_counter() - begun)
    worst = max(seconds)
    return Figure(
        what="a change until browsers hear of it, worst of 5", value=worst, unit="s",
        aim="< 1.5 s", met=worst < 1.5,
    )  # fmt: skip


def frames(page: Page) -> Iterator[Figure]:
    """Measure what a browser takes for a frame while 400 assets are moved and zoomed."""
    if find_spec("playwright") is None or not CHROMIUM.exists():
        return
    with import_module("playwright.sync_api").sync_playwright() as driver:
        browser = driver.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"]
        )
        tab = browser.new_page(viewport={"width": 1280, "height": 800})
        tab.goto(f"{page.base}/?token={page.token}")
        tab.goto(page.base + DRAWN)
        for how, title in (("pan", "moving 400 assets about"), ("zoom", "zooming them")):
            times = sorted(tab.evaluate(FRAMES, how))
            usual, most = times[len(times) // 2], times[int(0.95 * len(times))]
            yield Figure(
                what=f"{title}, a frame", value=usual, unit="ms", aim="< 33 ms", met=usual < 33
            )
            yield Figure(what="... the slowest of twenty", value=most, unit="ms")
        browser.close()


def figures() -> Iterator[Figure]:
    """Measure."""
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        (folder / "many.py").write_text(PROJECT, encoding="utf-8")
        project = load_project("many", folder)
        with ak.Workspace(folder / "made") as workspace:
            ak.materialize(project, select="a*", workspace=workspace, progress="none")
            ak.materialize(project, select="long", workspace=workspace, progress="none")
            used = time.process_time()
            ak.plan(project, workspace=workspace)
            one_plan = time.process_time() - used

            def change() -> None:
                ak.materialize(
                    project, select="a0000", force=True, upstream=False, workspace=workspace,
                    progress="none",
                )  # fmt: skip

            with served(folder) as (page, answered):
                yield from starting(page, answered, folder)
                yield from pages(page, one_plan, change)
                yield from memory(page)
                turns = itertools.cycle((holds.hold, holds.release))
                yield seeing(page, lambda: next(turns)(workspace.core, ["a0000"]))
                yield from launching(page, folder)
                yield from frames(page)


if __name__ == "__main__":
    show(figures())
