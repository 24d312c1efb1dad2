"""Remove what dead runs and dead processes left in the private folder; nothing else is touched."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

from assetkit.io.base import Place
from assetkit.io.pins import is_abandoned


def sweep_staging(place: Place, is_alive: Callable[[str], bool]) -> int:
    """Remove the staged files of runs that are not alive; return how many runs had any.

    *is_alive* is asked with a run's id. What is no folder of a run is left.
    """
    return _sweep(place.private / "staging", lambda folder: not is_alive(folder.name))


def sweep_pins(place: Place) -> int:
    """Remove the pins of processes that are gone; return how many processes that were."""
    return _sweep(place.private / "pins", is_abandoned)


def _sweep(folder: Path, is_dead: Callable[[Path], bool]) -> int:
    try:
        with os.scandir(folder) as entries:
            found = [Path(entry.path) for entry in entries if entry.is_dir(follow_symlinks=False)]
    except FileNotFoundError:
        return 0
    dead = [path for path in found if is_dead(path)]
    for path in dead:
        shutil.rmtree(path, ignore_errors=True)
    return len(dead)
