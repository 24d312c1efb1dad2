"""A program that dies at every step of publishing, one child for each; see test_crashes.py.

Arguments: the root of the place, and ``publish`` or ``delete``. Prints a line
of JSON for each child: the step at which it died, and what is there then.
"""

import contextlib
import json
import os
import sys
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from assetkit.io.base import Place
from assetkit.io.content import content_version
from assetkit.io.footer import read_record
from assetkit.io.parquet import ParquetIOManager
from assetkit.io.sweep import sweep_staging
from tests.storage.places import make_place, source, store, target

STEPS = {"open", "os.rename", "os.mkdir", "os.remove", "os.rmdir", "os.link", "fcntl.flock"}
OLD, NEW = (pd.DataFrame({"n": numbers}) for numbers in ([1, 2, 3], [4, 5]))


class Death:
    """Ends the process at the n-th step."""

    def __init__(self, at: int, root: str) -> None:
        self.left, self.root = at, root

    def watch(self) -> None:
        """Count the steps from now on."""
        sys.addaudithook(self._hook)
        real = os.fsync

        def sync(handle: int) -> None:
            self._step()
            real(handle)
            self._step()

        os.fsync = sync

    def _hook(self, event: str, arguments: tuple[object, ...]) -> None:
        if event not in STEPS:
            return
        if event == "open" and self.root not in str(arguments[0]):
            return
        self._step()

    def _step(self) -> None:
        self.left -= 1
        if self.left < 0:
            os._exit(9)


def act(place: Place, what: str) -> None:
    manager = ParquetIOManager(keep=1)
    if what == "delete":
        manager.delete(target(place, "d1"))
    else:
        store(manager, NEW, target(place, "d1", run_id="run-2"))


def found(place: Place) -> str:
    """Return which version lies there, after a check that it is whole."""
    path = Path(place.data) / "flights/date=d1/part.parquet"
    if not path.exists():
        return "nothing"
    table = pq.ParquetFile(path).read()
    record = read_record(path)
    assert record is not None
    assert record["data_version"] == content_version(table)
    return {3: "old", 2: "new"}[table.num_rows]


def report(root: str, what: str, step: int) -> bool:
    """Die at a step, look, recover and run again; tell whether there was such a step."""
    folder = Path(root) / f"{what}-{step}"
    place = make_place(folder)
    store(ParquetIOManager(), OLD, target(place, "d1"))
    child = os.fork()
    if not child:
        with contextlib.suppress(BaseException):
            Death(step, root).watch()
            act(place, what)
            os._exit(0)
        os._exit(1)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    seen = found(place)
    listed = sorted(path.name for path in Path(place.data).rglob("*") if path.is_file())
    sweep_staging(place, lambda run: False)
    left = [path.name for path in (place.private / "staging").glob("*")]
    act(place, what)
    again = found(place)
    value = None
    if again != "nothing":
        value = len(ParquetIOManager().read([source(place, "d1")], pa.Table, None))
    line = {"step": step, "code": code, "seen": seen, "listed": listed, "left": left}
    print(json.dumps(line | {"again": again, "rows": value}), flush=True)  # noqa: T201
    return code == 9


if __name__ == "__main__":
    step = 0
    while report(sys.argv[1], sys.argv[2], step):
        step += 1
