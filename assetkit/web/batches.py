"""The process that runs the batches of a backfill, one after another.

Each batch is a command line of its own, as a person would type it: it is on record, and can be
cancelled and taken up again. What fails in one does not keep the next from running; that a
batch was cancelled does.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

_FAILED = 1
_GOES_ON = (0, _FAILED)


def run_batches(commands: Sequence[Sequence[str]], *, stop_after: int = 0) -> int:
    """Run command lines of assetkit in turn; return the exit code of the last that ran.

    The rest is left undone once *stop_after* of them have failed; 0: however many do.
    """
    code = failed = 0
    for words in commands:
        with subprocess.Popen(  # noqa: S603  our own command line
            [sys.executable, "-m", "assetkit", *words], stdout=subprocess.PIPE, text=True
        ) as process:
            last = ""
            for line in process.stdout or ():
                last = line
                sys.stdout.write(line)
                sys.stdout.flush()
        code = process.returncode
        failed += code == _FAILED
        if code not in _GOES_ON or _was_cancelled(last):
            break
        if failed == stop_after and code == _FAILED:
            sys.stderr.write(f"{failed} failed, so the batches after it were left undone.\n")
            break
    return code


def _was_cancelled(line: str) -> bool:
    try:
        return bool(json.loads(line).get("status") == "cancelled")
    except ValueError:
        return False


if __name__ == "__main__":
    asked = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    sys.exit(run_batches(asked["commands"], stop_after=asked["stop_after"]))
