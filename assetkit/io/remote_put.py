"""How the object of a slot is replaced: held to what was looked at, and known by its record."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from assetkit.errors import StorageError
from assetkit.faultpoints import reach
from assetkit.io.attests import BOUND
from assetkit.io.base import Target
from assetkit.io.object_store import Moved, ObjectStore
from assetkit.io.publishing import same_content
from assetkit.io.refusals import slot_of
from assetkit.io.remote_fetch import BEFORE, Fetcher, Record
from assetkit.io.sweep import is_barred
from assetkit.records import FileSignature

_TRIES: Final = 10
"""So often is an object put whose predecessor is gone, or left by a dead run."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Put:
    """Staged files on their way to their keys; the first is the slot's own; *new* is its record."""

    store: ObjectStore
    fetcher: Fetcher
    files: Mapping[str, Path]
    target: Target
    new: Record

    def replace(self) -> tuple[Record | None, FileSignature]:
        """Put the files in place; return the version that is there then.

        Where the same content is there, it is left alone, and its record is returned, too.

        Raises:
            StorageError: another run that lives published at the same time.
            FileNotFoundError: another run took over from this one.
            OSError: the store refuses.
        """
        old: Record | None = None
        seen: FileSignature | None = None
        # Where nothing is known to be there, the put's own condition is the look.
        looked = self.target.published is not None
        for _ in range(_TRIES):
            if looked:
                old, seen = self._there()
            if seen is not None and old is not None and same_content(old, self.new):
                return old, seen
            reach("store.looked")
            if is_barred(self.target.place, self.target.run_id):
                raise FileNotFoundError(self.target.run_id)
            put = self._attempt(seen, old, looked=looked)
            if put is not None:
                return None, put
            looked = True
        raise self._beaten(old)

    def _attempt(
        self, seen: FileSignature | None, old: Record | None, *, looked: bool
    ) -> FileSignature | None:
        """Put the files once; None where what came in between may be replaced."""
        try:
            put = self._put(seen, old)
        except (Moved, OSError) as error:
            other, found = self._there()
            if found is not None and self._is_this(other):
                return found  # only the answer was lost
            if isinstance(error, OSError):
                raise
            if looked and found is not None and not self._is_of_dead(other):
                raise self._beaten(other) from None
            return None
        # A store that cannot refuse says nothing of who else was at it: a look does.
        if not self.store.capabilities.cas:
            other, found = self._there()
            if found != put or not self._is_this(other):
                raise self._beaten(other)
        return put

    def _put(self, seen: FileSignature | None, old: Record | None) -> FileSignature:
        """Put the files; first what belongs to the slot's own, with the record from before."""
        (key, staged), *beside = self.files.items()
        for other, file in beside:
            record = {**json.loads(file.read_bytes()), BEFORE: old}
            content = json.dumps(record, sort_keys=True, default=str).encode()
            self.store.put(other, content, self.store.look(other))
        found = self.store.put(key, staged, seen)
        reach("store.put")
        return found

    def _there(self) -> tuple[Record | None, FileSignature | None]:
        return self.fetcher.there(self.store, next(iter(self.files)))

    def _is_this(self, record: Record | None) -> bool:
        """Tell whether an object is the very one that was to be put."""
        return record is not None and all(record.get(name) == self.new.get(name) for name in BOUND)

    def _is_of_dead(self, record: Record | None) -> bool:
        """Tell whether an object was made by a run that another one took over from."""
        return record is not None and is_barred(self.target.place, str(record.get("run_id")))

    def _beaten(self, other: Record | None) -> StorageError:
        run = f"run {other['run_id']}" if other and other.get("run_id") else "somebody else"
        return StorageError(
            f"{slot_of(self.target)} was not published: {run} published it at the same time, and "
            "that stays. Ask again: what the other made is reused where it is what is wanted."
        )
