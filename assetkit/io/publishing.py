"""Put staged files in place: each in one step, and durably; many of them at once.

Rule 1: a file is durable before it gets its name, and its name before `publish` returns.
Rule 2: what keeps one file back keeps back no other.
Rule 3: what a call has staged is made durable together: a journal that is told of many
files writes once, one that is told of each writes, and makes all others wait, each time.
"""

from __future__ import annotations

import contextlib
import os
from abc import abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import groupby
from operator import attrgetter
from pathlib import Path
from typing import Any, ClassVar

from assetkit.errors import DataChanged, StorageError
from assetkit.faultpoints import reach
from assetkit.io import disk
from assetkit.io.attests import Attests, about_file
from assetkit.io.base import Source, Target, Written
from assetkit.io.refusals import refused
from assetkit.io.threads import in_threads
from assetkit.records import FileSignature

_SYNCING = 4
"""How many files are synced at a time; more find the journal busy."""


@dataclass(slots=True)
class _Move:
    """A staged file on its way to its place. ``error`` is what keeps it back.

    ``folders`` have new entries, inmost first.
    """

    written: Written
    target: Target
    staged: Path
    final: Path
    lock: str
    durable: bool = False
    unchanged: bool = False
    folders: list[Path] = field(default_factory=list)
    error: OSError | None = None


class Publishing(Attests):
    """Publishes one file per slot. ``filename`` is its name in the slot's folder."""

    filename: ClassVar[str]
    keep: int

    @abstractmethod
    def path_of(self, slot: Source | Target) -> Path:
        """Return where a slot's file lies, or will lie."""

    @abstractmethod
    def read_record(self, path: Path) -> Mapping[str, Any] | None:
        """Return a file's own record, None where another hand wrote it."""

    @abstractmethod
    def companions(self, path: Path) -> Sequence[Path]:
        """Return the files that belong to *path*, in the order in which they follow it."""

    @abstractmethod
    def kept_versions(self, slot: Source | Target) -> list[Path]:
        """Return the replaced files of a slot that were kept, oldest first."""

    @property
    def publishes_together(self) -> bool:
        """True where `publish_all` does what `publish` does: not where a subclass has its own."""
        return type(self).publish is Publishing.publish

    def publish(self, written: Written, target: Target) -> Written:
        """Put a staged file in place, atomically and durably.

        Where the same content is there already the file is left alone, and only
        a new provenance is noted beside it.

        Raises:
            StorageError: where the file system refuses; what was there stays.
        """
        (done,) = self.publish_all([(written, target)])
        if isinstance(done, StorageError):
            raise done from done.__cause__
        return done

    def publish_all(
        self, pairs: Sequence[tuple[Written, Target]]
    ) -> Sequence[Written | StorageError]:
        """Publish several slots of one run as `publish` does one.

        What kept a slot back is in its place: an error that was not raised.
        """
        entries = [self._entry(*pair) for pair in pairs]
        moves = [entry for entry in entries if isinstance(entry, _Move)]
        try:
            _make_durable([move for move in moves if _is_news(move)])
            for together in _by_lock(moves):
                self._put_all(together)
            _sync_folders(moves)
        finally:
            for move in moves:
                self.discard(move.written)
        return [self._published(one) if isinstance(one, _Move) else one for one in entries]

    def discard(self, written: Written) -> None:
        """Drop staged data; what is published stays."""
        if written.staged is None:
            return
        for path in (written.staged, *self.companions(written.staged)):
            # Whoever took over from this run may have removed the whole folder.
            with contextlib.suppress(FileNotFoundError, NotADirectoryError):
                os.unlink(path)  # noqa: PTH108  of many files, methods of a path take longer

    def _entry(self, written: Written, target: Target) -> _Move | Written | StorageError:
        """Return a staged file's move; what is not staged is published already."""
        if written.staged is None:
            return written
        try:
            final = self.path_of(target)
        except StorageError as error:
            return error
        return _Move(written, target, written.staged, final, disk.lock_of(final))

    def _put_all(self, together: Sequence[_Move]) -> None:
        """Put files in place that share a lock."""
        target = together[0].target
        try:
            with disk.publish_lock(target.place.private, together[0].final, target.run_id):
                for move in together:
                    with _kept_back(move):
                        self._put(move)
        except OSError as error:  # the lock's own
            for move in together:
                move.error = error

    def _put(self, move: _Move) -> None:
        """Put the file in place, or leave the one with the same content alone.

        The record of a file without one is noted aside, before anyone sees the file.
        """
        reach("publish.locked")
        staged, final, target = move.staged, move.final, move.target
        record = move.written.record
        is_there, old = self._record_at(final)
        new = {} if old is None else record or self.read_record(staged) or {}
        if old is not None and same_content(old, new):
            move.unchanged = True
            if lasting(old) != lasting(new):
                self._attest(target, old, new)
            else:
                self._forget_attest(target)
            return
        if is_there:
            self._keep_version(final, target)
        if not move.durable:
            disk.sync_file(staged)
            reach("publish.synced")
        followers = zip(self.companions(staged), self.companions(final), strict=True)
        if record is not None:
            self._attest(target, about_file(staged), record)
        move.folders = disk.place(staged, final, is_new=not is_there)
        for follower, place in followers:
            move.folders += disk.place(follower, place)
        if is_there and record is None:
            self._forget_attest(target)

    def _published(self, move: _Move) -> Written | StorageError:
        if move.error is not None:
            refusal = refused(move.error, "publish", move.target, move.final)
            refusal.__cause__ = move.error
            return refusal
        signature = disk.signature_of(move.final)
        return self._in_place(move.written, move.target, signature, unchanged=move.unchanged)

    def _in_place(
        self, written: Written, target: Target, signature: FileSignature | None, *, unchanged: bool
    ) -> Written:
        """Return what was written as it is, now that it is published."""
        return replace(
            written,
            staged=None,
            unchanged=unchanged,
            signature=signature,
            bytes=signature.size if signature else written.bytes,
            location=f"{target.folder}/{self.filename}",
        )

    def _record_there(self, final: Path) -> Mapping[str, Any] | None:
        return self._record_at(final)[1]

    def _record_at(self, final: Path) -> tuple[bool, Mapping[str, Any] | None]:
        """Return whether a file is there, and its own record."""
        try:
            return True, self.read_record(final)
        except FileNotFoundError:
            return False, None
        except DataChanged:
            return True, None

    def _keep_version(self, final: Path, target: Target) -> None:
        """Hard-link the file that is about to go, and forget the oldest beyond ``keep``."""
        if self.keep <= 0:
            return
        self._link_version(final, target)
        for path in self.kept_versions(target)[: -self.keep]:
            for each in (path, *self.companions(path)):
                each.unlink(missing_ok=True)

    def _link_version(self, final: Path, target: Target) -> None:
        folder = target.place.private / "versions" / target.folder
        folder.mkdir(parents=True, exist_ok=True)
        found = final.stat()
        # The name says which file it is: linked again after a crash, it is there already.
        link = folder / f"{found.st_mtime_ns:020d}-{found.st_ino:x}{final.suffix}"
        files = (final, *self.companions(final))
        for source, kept in zip(files, (link, *self.companions(link)), strict=True):
            with contextlib.suppress(FileNotFoundError, FileExistsError):
                os.link(source, kept)


def _is_news(move: _Move) -> bool:
    """Return whether the file will be put in place, as far as is known without its lock.

    What turns out to be there already need not reach the disk.
    """
    return move.target.published is None or move.written.data_version != move.target.published


def _make_durable(moves: Sequence[_Move]) -> None:
    threads = _SYNCING if len(moves) > _SYNCING else 1
    in_threads(threads, partial(map, _sync), moves)


def _sync(move: _Move) -> None:
    with _kept_back(move):
        disk.sync_file(move.staged)
        move.durable = True
        reach("publish.synced")


def _by_lock(moves: Sequence[_Move]) -> Iterator[Sequence[_Move]]:
    """Yield all that is not kept back, those together that share a lock."""
    waiting, lock = [move for move in moves if move.error is None], attrgetter("lock")
    for _, together in groupby(sorted(waiting, key=lock), key=lock):
        yield list(together)


def _sync_folders(moves: Sequence[_Move]) -> None:
    synced: set[Path] = set()
    for move in moves:
        with _kept_back(move):
            for folder in move.folders:
                if folder not in synced:
                    disk.sync_folder(folder)
                    synced.add(folder)
            if not move.unchanged and move.error is None:
                reach("publish.durable")


@contextlib.contextmanager
def _kept_back(move: _Move) -> Iterator[None]:
    """Note what the file system refuses."""
    try:
        yield
    except OSError as error:
        move.error = error


_OF_ONE_RUN = frozenset({"run_id", "attempt", "materialized_at", "data_time"})


def same_content(old: Mapping[str, Any], new: Mapping[str, Any]) -> bool:
    """Return whether two records are of the same content, in the same form."""
    keys = ("data_version", "content", "form")
    return all(old.get(key) == new.get(key) is not None for key in keys)


def lasting(record: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return a record without what tells one run from the next."""
    return {key: value for key, value in record.items() if key not in _OF_ONE_RUN}
