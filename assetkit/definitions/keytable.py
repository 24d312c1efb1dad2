"""Many keys at once: hashes in NumPy, to check 10 million keys and find one among them.

Rule 1: nothing here keeps an object per key; a table is two columns of numbers.
Rule 2: a hash depends on the text alone, so it is the same in every process.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from assetkit.columns import Ints, Words
from assetkit.definitions.keys import LONGEST_KEY, check_key
from assetkit.errors import InvalidName

_BLOCK = 1 << 16
_BASIS = np.uint64(0xCBF29CE484222325)
_PRIME = np.uint64(0x100000001B3)


class KeyTable:
    """Finds the positions of texts in a sequence of unique texts."""

    __slots__ = ("_hashes", "_keys", "_order")

    def __init__(self, keys: Sequence[str], hashes: Words | None = None) -> None:
        hashes = text_hashes(keys) if hashes is None else hashes
        self._keys = keys
        self._order: Ints = np.argsort(hashes, kind="stable").astype(np.int64)
        self._hashes = hashes[self._order]

    def find(self, text: str) -> int:
        """Return the position of a text, -1 where it is not there."""
        return int(self.find_all([text])[0])

    def find_all(self, texts: Sequence[str | None]) -> Ints:
        """Return the position of each text, -1 where it is not there (or None)."""
        hashes = text_hashes([text or "" for text in texts])
        rows = np.searchsorted(self._hashes, hashes)
        found = np.full(len(texts), -1, dtype=np.int64)
        for place in np.flatnonzero(rows < len(self._hashes)).tolist():
            row = int(rows[place])
            while row < len(self._hashes) and self._hashes[row] == hashes[place]:
                if self._keys[self._order[row]] == texts[place]:
                    found[place] = self._order[row]
                    break
                row += 1
        return found


def text_hashes(texts: Sequence[str]) -> Words:
    """Return a 64-bit hash of each text."""
    hashes = [_hashes(codes) for _, codes in _blocks(texts)]
    return np.concatenate(hashes) if hashes else np.empty(0, dtype=np.uint64)


def check_keys(keys: Sequence[str], *, owner: str) -> Words:
    """Refuse keys that cannot be, or that share a folder; return their hashes.

    Raises `InvalidName` that names *owner* and the keys.
    """
    hashes, folded = [], []
    for block, codes in _blocks(keys, owner=owner):
        _check_block(block, codes, owner)
        hashes.append(_hashes(codes))
        folded.append(_folded_hashes(block, codes))
    if not hashes:
        return np.empty(0, dtype=np.uint64)
    _refuse_twins(keys, np.concatenate(folded), owner)
    return np.concatenate(hashes)


def _blocks(
    texts: Sequence[str], *, owner: str | None = None
) -> Iterator[tuple[Sequence[str], NDArray[np.uint32]]]:
    """Yield blocks of texts with their characters as a matrix, padded with zeros."""
    for start in range(0, len(texts), _BLOCK):
        block = texts[start : start + _BLOCK]
        if owner is not None and not all(isinstance(text, str) for text in block):
            for text in block:
                check_key(text, owner=owner)
        array = np.array(block, dtype=np.str_)
        width = max(array.dtype.itemsize // 4, 1)
        yield block, array.astype(f"U{width}").view(np.uint32).reshape(len(block), width)


def _hashes(codes: NDArray[np.uint32]) -> Words:
    """Hash each row of characters (FNV-1a, then mixed); padding does not count."""
    words = np.full(len(codes), _BASIS, dtype=np.uint64)
    with np.errstate(over="ignore"):
        for column in codes.T:
            words = np.where(column == 0, words, (words ^ column) * _PRIME)
        words = (words ^ (words >> np.uint64(32))) * np.uint64(0x9E3779B97F4A7C15)
    return words ^ (words >> np.uint64(29))


def _folded_hashes(block: Sequence[str], codes: NDArray[np.uint32]) -> Words:
    """Hash what a file system that ignores case and normalises Unicode sees."""
    if int(codes.max(initial=0)) < 128:
        upper = (codes >= 65) & (codes <= 90)
        return _hashes(np.where(upper, codes + 32, codes).astype(np.uint32))
    return text_hashes([folded(text) for text in block])


def folded(text: str) -> str:
    """Return what a file system that ignores case and normalises Unicode sees."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFD", text).casefold())


def _check_block(block: Sequence[str], codes: NDArray[np.uint32], owner: str) -> None:
    """Check the rare keys that may not do one by one."""
    lengths = (codes != 0).sum(axis=1)
    suspect = lengths * 12 > LONGEST_KEY
    suspect |= lengths <= 2
    suspect |= (codes[:, 0] == ord("_")) | (codes == 0x7F).any(axis=1)
    suspect |= (codes >= 0xD800).any(axis=1)
    for row in np.flatnonzero(suspect).tolist():
        check_key(block[row], owner=owner)


def _refuse_twins(keys: Sequence[str], hashes: Words, owner: str) -> None:
    order = np.argsort(hashes, kind="stable")
    ordered = hashes[order]
    for row in np.flatnonzero(ordered[1:] == ordered[:-1]).tolist():
        first, second = keys[int(order[row])], keys[int(order[row + 1])]
        if first == second:
            raise InvalidName(f"{owner}: the key {first!r} is there twice.")
        if folded(first) == folded(second):
            raise InvalidName(
                f"{owner}: the keys {first!r} and {second!r} differ only in case or in how "
                "Unicode writes them; on some file systems they would share a folder."
            )
