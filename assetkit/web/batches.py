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

_GOES_ON = (0, 1)


def run_batches(commands: Sequence[Sequence[str]]) -> int:
    """Run command lines of assetkit in turn; return the exit code of the last that ran."""
    code = 0
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
        if code not in _GOES_ON or _was_cancelled(last):
            break
    return code


def _was_cancelled(line: str) -> bool:
    try:
        return bool(json.loads(line).get("status") == "cancelled")
    except ValueError:
        return False


if __name__ == "__main__":
    sys.exit(run_batches(json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))))
