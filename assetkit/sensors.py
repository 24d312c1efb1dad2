"""Ready sensors: for files that others drop somewhere, and for assets of another workspace."""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from assetkit.definitions.durations import seconds_of
from assetkit.definitions.jobs import target_text
from assetkit.definitions.names import caller, invalid
from assetkit.definitions.sensors import (
    RunRequest,
    Sensor,
    SensorContext,
    SkipReason,
    sensor,
)
from assetkit.display.quantities import count_text
from assetkit.errors import InvalidArgument
from assetkit.io.listing import Listed, list_files
from assetkit.workspace import Workspace

__all__ = ["file_sensor", "workspace_sensor"]

_NAMED = 3


def file_sensor(  # noqa: PLR0913  one argument per thing a user may say
    target: Any,
    path: str | os.PathLike[str],
    *,
    partitions: str | Callable[[str], Any] | None = None,
    settle: Any = "5s",
    interval: Any = "30s",
    each: bool = False,
    name: str | None = None,
) -> Sensor:
    r"""Return a sensor that runs *target* when files are new, or changed, and complete.

    *path*: a folder or glob, here or at any fsspec URL. A file counts as complete
    once its size and time have not changed from one look to the next, for at least
    *settle*; so half-written ones are left alone. *partitions* tells which
    partition a file is for: a regular expression with one group, or a function of
    the path; files that it does not fit are left aside. All files of one look make
    one run, or one *each*.

    >>> arrivals = file_sensor("orders", "inbox/*.csv", partitions=r"(\d{4}-\d\d-\d\d)")
    >>> arrivals.name
    'files_of_orders'
    """
    owner = f"file_sensor ({caller()})"
    seconds = seconds_of(settle, owner=owner, argument="settle", zero=True)
    watcher = _Files(
        path=os.fspath(path), key_of=_key_reader(partitions, owner), settle=seconds, each=each
    )

    def look(context: SensorContext) -> Any:
        return watcher.look(context)

    return sensor(target, interval, name=name or f"files_of_{_word(target)}")(look)


def workspace_sensor(
    target: Any,
    workspace: Workspace | str | os.PathLike[str],
    asset: str,
    *,
    partitions: bool = False,
    interval: Any = "30s",
    name: str | None = None,
) -> Sensor:
    """Return a sensor that runs *target* when *asset* of another workspace has changed there.

    *partitions*: the run is for the partitions of *target* that have the keys of
    those that changed; otherwise it is for the target as a whole. What is deleted
    there is no news.
    """
    if not str(asset):
        raise invalid(f"workspace_sensor ({caller()})", "asset", asset, "the name of an asset")

    def look(context: SensorContext) -> Any:
        place = workspace if isinstance(workspace, Workspace) else Workspace(workspace)
        return _changes(place, asset, context, by_partition=partitions)

    named = name or f"{_word(asset)}_of_another_workspace"
    return sensor(target, interval, name=named)(look)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Files:
    path: str
    key_of: Callable[[str], Any] | None
    settle: float
    each: bool

    def look(self, context: SensorContext) -> Iterable[RunRequest | SkipReason]:
        """Compare what is there with what was there; ask for runs of what is complete."""
        known = json.loads(context.cursor) if context.cursor else {}
        sent: dict[str, str] = known.get("sent", {})
        seen: dict[str, list[Any]] = known.get("seen", {})
        now = context.now.timestamp()
        there = {one.path: _mark(one) for one in self._wanted()}
        waiting, complete = {}, {}
        for path, mark in there.items():
            if sent.get(path) == mark:
                continue
            before, since = seen.get(path, (None, now))
            if before == mark and now - since >= self.settle:
                complete[path] = mark
            else:
                waiting[path] = [mark, since if before == mark else now]
        kept = {path: mark for path, mark in sent.items() if path in there}
        context.cursor = json.dumps({"sent": kept | complete, "seen": waiting})
        yield from self._requests(complete)
        if not complete:
            yield SkipReason(_why_not(waiting, there, self.path))

    def _wanted(self) -> Iterator[Listed]:
        for one in list_files(self.path):
            if self.key_of is None or self.key_of(one.path) is not None:
                yield one

    def _requests(self, complete: Mapping[str, str]) -> Iterator[RunRequest]:
        groups = [{path: mark} for path, mark in complete.items()] if self.each else [complete]
        for group in groups:
            if group:
                yield RunRequest(_run_key(group), partitions=self._keys(group))

    def _keys(self, paths: Iterable[str]) -> Any:
        if self.key_of is None:
            return None
        return list(dict.fromkeys(self.key_of(path) for path in paths))


def _mark(file: Listed) -> str:
    return f"{file.size}-{file.mark}"


def _run_key(files: Mapping[str, str]) -> str:
    """Return a key that is the same for the same versions of the same files."""
    text = json.dumps(sorted(files.items()))
    names = ", ".join(path.rpartition("/")[2] for path in sorted(files)[:_NAMED])
    more = f" and {len(files) - _NAMED:,} more" if len(files) > _NAMED else ""
    return f"{names}{more} {hashlib.sha256(text.encode()).hexdigest()[:16]}"[-1000:]


def _why_not(waiting: Mapping[str, Any], there: Mapping[str, str], path: str) -> str:
    if waiting:
        return f"{count_text(len(waiting), 'file')} may still grow"
    return (
        f"{count_text(len(there), 'file')} at {path}, none new" if there else f"no file at {path}"
    )


def _key_reader(
    partitions: str | Callable[[str], Any] | None, owner: str
) -> Callable[[str], Any] | None:
    if partitions is None or callable(partitions):
        return partitions
    try:
        pattern = re.compile(partitions)
    except (re.error, TypeError) as error:
        allowed = "a regular expression with one group, or a function of the path"
        raise invalid(owner, "partitions", partitions, allowed) from error
    if pattern.groups != 1:
        raise InvalidArgument(
            f"{owner}: partitions={partitions!r} has {count_text(pattern.groups, 'group')}; put "
            f"one pair of parentheses around what is the key."
        )

    def key_of(path: str) -> str | None:
        found = pattern.search(path)
        return found[1] if found else None

    return key_of


def _changes(
    place: Workspace, asset: str, context: SensorContext, *, by_partition: bool
) -> RunRequest | SkipReason:
    columns = place.catalog.snapshot([asset]).slots.get(asset)
    if columns is None or not len(columns):
        return SkipReason(f"{asset} is not built in {place.root}")
    newest = int(columns.ver_seq.max())
    last = int(context.cursor) if context.cursor else 0
    context.cursor = str(newest)
    if newest == last:
        return SkipReason(f"{asset} has not changed in {place.root}")
    # A catalog that was made again counts from the start.
    changed = columns.ordinal[columns.ver_seq > (last if last < newest else 0)]
    keys: Any = None
    if by_partition:
        ordinals, texts = place.catalog.slot_keys(asset)
        keys = [texts[place] for place in np.flatnonzero(np.isin(ordinals, changed)).tolist()]
    return RunRequest(f"{asset} {newest}", partitions=keys)


def _word(target: Any) -> str:
    return re.sub(r"\W+", "_", target_text(target)).strip("_") or "target"
