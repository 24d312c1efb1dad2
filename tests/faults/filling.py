"""A program whose disk is full from a fault point on; see test_full_disks.py. Prints JSON lines.

Arguments: a small disk, which is filled while the process stands at the point, and a folder
elsewhere.
"""

import contextlib
import json
import os
import shutil
import signal
import sys
from pathlib import Path

from assetkit import faultpoints
from assetkit.errors import AssetkitError
from assetkit.faultpoints import POINTS
from tests.faults.dying import CHECKPOINTS, TIMES, acknowledged, go_on, undisturbed
from tests.faults.shop import EDITION, NOTES, build, ended, fork

NOTES_IN = Path(sys.argv[2])


def attempt(root: Path, wish: str, rounds: int) -> None:
    """Build, and note how that ended: in assetkit's own words, or with an error of others."""
    faultpoints.arm(wish)
    words = "done"
    try:
        for number in range(rounds):
            build(root, force=number > 0)
    except AssetkitError as error:
        words = f"told: {error}"
    except BaseException as error:  # noqa: BLE001  it is what the test is about
        words = f"foreign: {type(error).__name__}: {error}"
    faultpoints.arm("")
    (NOTES_IN / "ended").write_text(words)


def fill(disk: Path) -> Path:
    """Leave no room on a disk; return the file to remove."""
    filler = disk / "filler"
    with filler.open("wb", buffering=0) as file, contextlib.suppress(OSError):
        while file.write(b"x" * 4096):
            pass
    return filler


def full_at(point: str, disk: Path) -> dict[str, object]:
    """Let the disk be full from a point on; then make room, look, and go on."""
    root = disk / point
    rounds = 8 if point in CHECKPOINTS else 1
    child = fork(lambda: attempt(root, f"{point}:{TIMES.get(point, 1)}:stop", rounds))
    os.waitpid(child, os.WUNTRACED)
    filler = fill(disk)
    os.kill(child, signal.SIGCONT)
    code = ended(child)
    filler.unlink()
    words = (NOTES_IN / "ended").read_text()
    line = {"point": point, "code": code, "words": words, "promised": acknowledged(root)}
    line |= go_on(root, NOTES_IN / "report")
    shutil.rmtree(root)
    return line


if __name__ == "__main__":
    folder = Path(sys.argv[1])
    os.environ[EDITION] = "1"
    os.environ[NOTES] = str(NOTES_IN)
    print(json.dumps(undisturbed(folder, 1)), flush=True)  # noqa: T201
    for point in POINTS:
        print(json.dumps(full_at(point, folder)), flush=True)  # noqa: T201
