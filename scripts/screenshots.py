"""Take the pictures of the page that are in docs/images, of the project in demo_shop.py.

python scripts/screenshots.py [FOLDER]

It needs the extra ``ui``, Playwright for Python, and a Chromium of the system.
"""

import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import sync_playwright

SCRIPTS = Path(__file__).parent
IMAGES = SCRIPTS.parent / "docs" / "images"
SIZE = {"width": 1100, "height": 640}
PAGES = {
    "board": "/",
    "lineage": "/lineage?overlay=plan",
    "asset": "/assets/receipts",
    "columns": "/assets/takings_by_kind#made-of",
    "metadata": "/assets/receipts?p=2026-03-13#data",
    "run": "/runs/RUN",
    "plan": "/plan?select=%2Breport",
    "backfill": "/backfill?select=receipts&newest=1&size=14",
}


def assetkit(*words: str, folder: Path) -> None:
    """Run a command line in the demo; that a step fails there is meant."""
    command = [sys.executable, "-m", "assetkit", "-m", "shop", *words]
    subprocess.run(command, cwd=folder, stdout=subprocess.DEVNULL, check=False)


@contextmanager
def served(folder: Path) -> Iterator[str]:
    """Yield the address of the page of the demo."""
    command = [sys.executable, "-m", "assetkit", "-m", "shop", "ui", "--port", "0"]
    with subprocess.Popen(
        [*command, "--no-open"], cwd=folder, stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            yield (process.stdout.readline() if process.stdout else "").split()[-1]
        finally:
            process.terminate()


def take(address: str, images: Path) -> None:
    """Write a picture of each page."""
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    base = address.partition("/?")[0]
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        tab = browser.new_page(viewport=SIZE, color_scheme="light", reduced_motion="reduce")
        tab.goto(address)
        failed = tab.request.get(f"{base}/runs.json?status=failed").json()["runs"][0]["run_id"]
        for name, path in PAGES.items():
            tab.goto(base + path.replace("RUN", failed))
            tab.get_by_text("live", exact=True).wait_for()
            tab.screenshot(path=images / f"{name}.png")
        browser.close()


def main(images: Path) -> None:
    """Build the demo in a folder of its own, and take its pictures."""
    images.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        shutil.copyfile(SCRIPTS / "demo_shop.py", folder / "shop.py")
        march = "2026-01-01..2026-03-31"
        assetkit("materialize", "-s", "sales", "--partitions", march, "--yes", folder=folder)
        assetkit(
            "materialize", "-s", "takings_by_kind@2026-03-01..2026-03-13", "--yes", folder=folder
        )
        with served(folder) as address:
            take(address, images)


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else IMAGES)
