"""Many keys at once: hashes in NumPy, to check 10 million keys and find one among them.

Rule 1: beyond 100,000 keys nothing keeps an object per key; a table is two columns.
Rule 2: a hash depends on the text alone, so it is the same in every process.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from assetkit.columns import Flags, Ints, Words
from assetkit.definitions.keys import LONGEST_KEY, check_key
from assetkit.errors import InvalidName

_BLOCK = 1 << 13  # what fits into the processor's cache
_LOWER = np.array([ord(chr(code).lower()) for code in range(128)], dtype=np.uint8)
_MIX = np.uint64(0x9E3779B97F4A7C15)


class KeyDict:
    """Finds the positions of texts in a short sequence of unique texts: fast, 100 bytes each."""

    __slots__ = ("_places",)

    def __init__(self, keys: Sequence[str]) -> None:
        self._places = {key: place for place, key in enumerate(keys)}

    def find(self, text: str) -> int:
        """Return the position of a text, -1 where it is not there."""
        return self._places.get(text, -1)

    def find_all(self, texts: Sequence[str | None]) -> Ints:
        """Return the position of each text, -1 where it is not there (or None)."""
        found = [-1 if text is None else self._places.get(text, -1) for text in texts]
        return np.array(found, dtype=np.int64)


class KeyTable:
    """Finds the positions of texts in a long sequence of unique texts: 16 bytes each."""

    __slots__ = ("_hashes", "_keys", "_order")

    def __init__(self, keys: Sequence[str], hashes: Words) -> None:
        self._keys = keys
        self._order: Ints = np.argsort(hashes)
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
    blocks = (texts[start : start + _BLOCK] for start in range(0, len(texts), _BLOCK))
    hashes = [_hashes(_characters(block)) for block in blocks]
    return np.concatenate(hashes) if hashes else np.empty(0, dtype=np.uint64)


def check_keys(keys: Sequence[str], *, owner: str) -> Words:
    """Refuse keys that cannot be, or that share a folder; return their hashes.

    Raises `InvalidName` that names *owner* and the keys.
    """
    hashes, folded_hashes = [], []
    for start in range(0, len(keys), _BLOCK):
        block = keys[start : start + _BLOCK]
        if set(map(type, block)) != {str}:
            for key in block:
                check_key(key, owner=owner)
        characters = _characters(block)
        for row in np.flatnonzero(_suspects(characters)).tolist():
            check_key(block[row], owner=owner)
        hashes.append(_hashes(characters))
        same = _folded(characters, block)
        folded_hashes.append(hashes[-1] if same is characters else _hashes(same))
    if not hashes:
        return np.empty(0, dtype=np.uint64)
    _refuse_twins(keys, np.concatenate(folded_hashes), owner)
    return np.concatenate(hashes)


class Characters(NamedTuple):
    """The characters of many texts, one after another, and where each text begins."""

    codes: NDArray[np.uint8] | NDArray[np.uint32]
    starts: Ints
    lengths: Ints


def _characters(block: Sequence[str]) -> Characters:
    lengths = np.fromiter(map(len, block), dtype=np.int64, count=len(block))
    text = "".join(block)
    codes: NDArray[np.uint8] | NDArray[np.uint32]
    if text.isascii():
        codes = np.frombuffer(text.encode("ascii"), dtype=np.uint8)
    else:
        codes = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), dtype=np.uint32)
    return Characters(codes, np.cumsum(lengths) - lengths, lengths)


def _hashes(characters: Characters) -> Words:
    """Hash each text: the sum of its characters, each times a number of its place, then mixed."""
    codes, starts, lengths = characters
    places = np.arange(len(codes), dtype=np.int64) - np.repeat(starts, lengths)
    words = lengths.astype(np.uint64)
    with np.errstate(over="ignore"):
        terms = _weights(int(lengths.max(initial=0)))[places] * codes
        if len(terms):
            some = lengths > 0
            words[some] += np.add.reduceat(terms, starts[some])
        words = (words ^ (words >> np.uint64(32))) * _MIX
    return words ^ (words >> np.uint64(29))


@lru_cache(maxsize=256)
def _weights(width: int) -> Words:
    """Return one odd number per place, spread over 64 bits (splitmix64)."""
    with np.errstate(over="ignore"):
        words = np.arange(1, width + 1, dtype=np.uint64) * _MIX
        words = (words ^ (words >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        words = (words ^ (words >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return (words ^ (words >> np.uint64(31))) | np.uint64(1)


def _folded(characters: Characters, block: Sequence[str]) -> Characters:
    """Return what a file system that ignores case and normalises Unicode sees of each text."""
    if characters.codes.dtype != np.uint8:
        return _characters([folded(one) for one in block])
    lower = _LOWER[characters.codes]
    return characters if (lower == characters.codes).all() else characters._replace(codes=lower)


def folded(text: str) -> str:
    """Return what a file system that ignores case and normalises Unicode sees."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFD", text).casefold())


def _suspects(characters: Characters) -> Flags:
    """Return which texts may be no keys: a few, which are then looked at one by one."""
    codes, starts, lengths = characters
    widest = 3 if codes.dtype == np.uint8 else 12  # bytes that a character may need, encoded
    suspect: Flags = (lengths * widest > LONGEST_KEY) | (lengths <= 2)
    first = codes[np.minimum(starts, max(len(codes) - 1, 0))] if len(codes) else codes
    if len(first):
        suspect |= first == ord("_")
    if codes.dtype != np.uint8:
        surrogate = (codes >= 0xD800) & (codes < 0xE000)
        suspect |= np.isin(np.arange(len(lengths)), _texts_of(np.flatnonzero(surrogate), starts))
    return suspect


def _texts_of(places: Ints, starts: Ints) -> Ints:
    """Return the texts that characters belong to."""
    return np.searchsorted(starts, places, "right") - 1


def _refuse_twins(keys: Sequence[str], hashes: Words, owner: str) -> None:
    ordered = np.sort(hashes)
    if not (ordered[1:] == ordered[:-1]).any():
        return
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
