"""A program that dies at every fault point; see test_kills.py. Prints a line of JSON for each.

Arguments: a folder, and the seed of the random kills (none: the named points).
"""

import json
import os
import random
import shutil
import signal
import sys
import time
from pathlib import Path

from assetkit.faultpoints import POINTS
from tests.faults.shop import (
    EDITION,
    acknowledged_in,
    broken_build,
    build,
    ended,
    fork,
    state,
)

TIMES = {"catalog.begun": 2, "catalog.committing": 2, "catalog.committed": 2, "write.opened": 3}
CHECKPOINTS = {"catalog.copied", "catalog.checkpointed"}
"""Places that only every twelfth write comes to: for them a build is forced again and again."""

RANDOM_KILLS = 12


def look(root: Path, report: Path) -> dict[str, object]:
    """Return what a child process finds in a workspace; this one must not start an engine."""
    assert ended(fork(lambda: report.write_text(json.dumps(state(root))))) == 0
    found: dict[str, object] = json.loads(report.read_text())
    return found


def go_on(root: Path, report: Path, **wishes: object) -> dict[str, object]:
    """Look at a workspace, build what is due, and look again; in a child process."""

    def act() -> None:
        after = state(root)
        build(root, **wishes)
        report.write_text(json.dumps({"after": after, "end": state(root)}))

    assert ended(fork(act)) == 0
    found: dict[str, object] = json.loads(report.read_text())
    return found


def acknowledged(root: Path) -> dict[str, str]:
    """Return the newest acknowledged version of each slot."""
    file = acknowledged_in(root)
    return dict(line.split("=") for line in file.read_text().split()) if file.exists() else {}


def die_at(point: str, folder: Path, *, edition: int) -> dict[str, object]:
    """Die at a point of a first build or of a rebuild, look, and go on."""
    root = folder / f"{point}-{edition}"
    if edition > 1:
        shutil.copytree(folder / "undisturbed-1", root)
    rounds = 8 if point in CHECKPOINTS else 1
    wish = f"{point}:{TIMES.get(point, 1)}"
    wishes = {"edition": edition, "force": edition > 1}
    code = broken_build(root, wish, rounds=rounds, **wishes)
    line = {"point": point, "code": code, "promised": acknowledged(root)}
    return line | go_on(root, folder / "report", **wishes)


def die_sometime(number: int, folder: Path, chance: random.Random) -> dict[str, object]:
    """Kill a build at a random moment, look, and go on."""
    root = folder / f"random-{number}"
    child = fork(lambda: build(root))
    time.sleep(chance.uniform(0.0, 0.6))
    os.kill(child, signal.SIGKILL)
    code, promised = ended(child), acknowledged(root)
    line = {"point": f"random-{number}", "code": code, "promised": promised}
    return line | go_on(root, folder / "report")


def undisturbed(folder: Path, edition: int) -> dict[str, object]:
    """Return the end of a build that nothing disturbs."""
    root = folder / f"undisturbed-{edition}"
    if edition > 1:
        assert ended(fork(lambda: build(root))) == 0
    assert ended(fork(lambda: build(root, edition=edition, force=edition > 1))) == 0
    return look(root, folder / "report") | {"point": "none"}


if __name__ == "__main__":
    folder = Path(sys.argv[1])
    os.environ[EDITION] = "1"
    if len(sys.argv) > 2:
        chance = random.Random(int(sys.argv[2]))
        print(json.dumps(undisturbed(folder, 1)), flush=True)  # noqa: T201
        for number in range(RANDOM_KILLS):
            print(json.dumps(die_sometime(number, folder, chance)), flush=True)  # noqa: T201
    else:
        for edition in (1, 2):
            print(json.dumps(undisturbed(folder, edition)), flush=True)  # noqa: T201
            for point in POINTS:
                print(json.dumps(die_at(point, folder, edition=edition)), flush=True)  # noqa: T201
