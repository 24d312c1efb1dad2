"""Play some hours of the story in seconds: with a clock that jumps to where something is to do.

python play.py --from 2026-03-01T00 --hours 4 [--broken 2026-03-01T02]

Prints a line of JSON for each turn in which something happened.
"""

import argparse
import json
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

from assetkit import Daemon, Workspace
from assetkit.daemon.shift import Turn

HERE = Path(__file__).parent
HOUR = timedelta(hours=1)
STEP = timedelta(minutes=5)


def play(first: datetime, hours: int, broken: str | None) -> None:
    """Let each hour end, its file arrive two minutes later, and the daemon do its turns."""
    daemon = Daemon("shop_reports", Workspace(HERE / ".assetkit"), folder=HERE)
    for hour in (first + HOUR * number for number in range(hours)):
        key = f"{hour:%Y-%m-%dT%H}"
        flags = ["--broken"] if key == broken else []
        now = hour + HOUR + timedelta(minutes=2)
        command = [sys.executable, HERE / "generate.py", "--hour", key, *flags]
        subprocess.run(command, check=True)  # noqa: S603  the program beside this one
        while now < hour + 2 * HOUR:
            turn = daemon.tick(now)
            say(turn)
            now = max(turn.wake_at or now + STEP, now + timedelta(seconds=1))


def say(turn: Turn) -> None:
    """Print what happened in a turn."""
    if not turn.ticks or turn.evaluation is None:
        return
    [promise] = turn.evaluation.statuses
    line = {
        "at": f"{turn.now:%H:%M}",
        "sales": str(promise.status),
        "ticks": [[one.source, str(one.status), one.message] for one in turn.ticks],
    }
    sys.stdout.write(f"{json.dumps(line)}\n")
    sys.stdout.flush()


def main() -> None:
    """Do what is asked for."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--from", dest="first", type=datetime.fromisoformat, required=True)
    parser.add_argument("--hours", type=int, default=4)
    parser.add_argument("--broken")
    given = parser.parse_args()
    play(given.first.replace(tzinfo=UTC), given.hours, given.broken)


if __name__ == "__main__":
    main()
