"""Programs of several processes at one workspace; see test_processes.py.

Arguments: a folder, and what to do. Prints one line of JSON.
"""

import json
import os
import signal
import sys
import time
from datetime import timedelta
from pathlib import Path

from assetkit import faultpoints
from tests.faults.dying import look
from tests.faults.shop import BUILT, EDITION, build, ended, files, fork, open_shop

CROWD = 4
LATER = timedelta(minutes=2)


def crowd(root: Path) -> dict[str, object]:
    """Let several processes bring the same workspace up to date at once."""
    built = root.with_name("built")
    os.environ[BUILT] = str(built)
    gate, opened = os.pipe()

    def act() -> None:
        os.read(gate, 1)
        build(root)

    children = [fork(act) for _ in range(CROWD)]
    os.write(opened, b"x" * CROWD)
    codes = [ended(child) for child in children]
    return {"codes": codes, "built": sorted(built.read_text().split())}


def stopped(root: Path, wish: str) -> dict[str, object]:
    """Stop an owner past its lease, let another build, then let the first go on."""

    def sleep() -> None:
        faultpoints.arm(wish)
        build(root, edition=1)

    first = fork(sleep)
    os.waitpid(first, os.WUNTRACED)
    second = ended(fork(lambda: build(root, edition=2, ahead=LATER)))
    between = look(root, root.with_name("report"))
    os.kill(first, signal.SIGCONT)
    late = ended(first)
    end = look(root, root.with_name("report"))
    return {"second": second, "late": late, "between": between, "end": end}


def readers(root: Path) -> dict[str, object]:
    """Read an asset's folder in a loop, as any program would, while it is rebuilt."""
    assert ended(fork(lambda: build(root))) == 0

    def rebuild() -> None:
        for edition in (2, 3, 4):
            build(root, edition=edition, force=True)

    def read() -> None:
        rounds = 0
        while not root.with_name("done").exists() or rounds < 2:
            found = files(root)
            assert len([one for one in found if one.startswith("orders/")]) == 4, found
            assert len(found) == 9, found
            rounds += 1
        root.with_name("rounds").write_text(str(rounds))

    writer, reader = fork(rebuild), fork(read)
    wrote = ended(writer)
    root.with_name("done").touch()
    return {
        "wrote": wrote,
        "read": ended(reader),
        "rounds": int(root.with_name("rounds").read_text()),
    }


def vacuumed(root: Path) -> dict[str, object]:
    """Vacuum again and again beside a build."""

    def clean() -> None:
        while not root.with_name("done").exists():
            open_shop(root).vacuum(dry_run=False, older_than=timedelta(0))
            time.sleep(0.01)

    cleaner = fork(clean)
    built = ended(fork(lambda: build(root)))
    again = ended(fork(lambda: build(root, edition=2, force=True)))
    root.with_name("done").touch()
    end = look(root, root.with_name("report"))
    return {"built": built, "again": again, "cleaner": ended(cleaner), "end": end}


if __name__ == "__main__":
    os.environ[EDITION] = "1"
    root, what = Path(sys.argv[1]) / "shop", sys.argv[2]
    actions = {"crowd": crowd, "readers": readers, "vacuum": vacuumed}
    found = actions[what](root) if what in actions else stopped(root, what)
    print(json.dumps(found))  # noqa: T201
