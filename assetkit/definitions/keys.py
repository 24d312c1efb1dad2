"""What a partition key may be, and how it is written in folder names.

Rule 1: a key is any text that can be a folder name once it is percent-encoded.
Rule 2: two keys of one definition never share a folder, also where a file
system ignores case or normalises Unicode.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from urllib.parse import quote, unquote

from assetkit.errors import InvalidName
from assetkit.records import AssetKey

LONGEST_KEY = 200
"""The most bytes that a key may have in a folder name, percent-encoded."""

_NO_KEYS = frozenset({"", ".", "..", "__HIVE_DEFAULT_PARTITION__"})
_PLAIN = re.compile(r"[A-Za-z0-9_-](?:[A-Za-z0-9_.-]*[A-Za-z0-9_-])?\Z")
_RESERVED = re.compile(r"(?:con|prn|aux|nul|com[0-9]|lpt[0-9])(?:\.|\Z)", re.IGNORECASE)
_SEPARATOR = re.compile(r"\|")


def path_part(dimension: str, key: str) -> str:
    """Return the name of the folder level of one dimension's key.

    All but ASCII letters, digits, ``_``, ``.`` and ``-`` is percent-encoded, and
    so are a dot at the end and the first letter of a name that Windows reserves.

    >>> path_part("region", "a/b c")
    'region=a%2Fb%20c'
    """
    return f"{dimension}={encoded_key(key)}"


def read_path_part(part: str) -> tuple[str, str]:
    """Return (dimension, key) of a folder name that `path_part` made.

    >>> read_path_part("region=a%2Fb%20c")
    ('region', 'a/b c')
    """
    dimension, _, key = part.partition("=")
    return dimension, unquote(key)


def slot_folder(asset: AssetKey, parts: Iterable[tuple[str, str]]) -> str:
    """Return where a slot's data lies below the data folder.

    >>> slot_folder("sales/orders", [("date", "2026-01-31"), ("region", "us")])
    'sales/orders/date=2026-01-31/region=us'
    """
    return "/".join([asset, *(path_part(dimension, key) for dimension, key in parts)])


def encoded_key(key: str) -> str:
    """Return a key as it stands in a folder name."""
    if _PLAIN.match(key) and not _RESERVED.match(key):
        return key
    text = quote(key, safe="").replace("~", "%7E")
    if text.endswith("."):
        text = f"{text[:-1]}%2E"
    return f"%{ord(text[0]):02X}{text[1:]}" if _RESERVED.match(text) else text


def split_key_text(text: str | None) -> tuple[str, ...]:
    """Return the parts of a key's text: one per dimension, none without partitions.

    >>> split_key_text("2026-01-31|us")
    ('2026-01-31', 'us')
    """
    if text is None:
        return ()
    if "|" not in text:
        return (text,)
    parts = _SEPARATOR.split(text)
    return tuple(part.replace("%7C", "|").replace("%25", "%") for part in parts)


def check_key(key: object, *, owner: str) -> str:
    """Return a key that is one. Raises `InvalidName` that names *owner* and what may be."""
    if not isinstance(key, str):
        raise InvalidName(f"{owner}: {key!r} is no partition key: a key is a text.")
    if key in _NO_KEYS:
        raise InvalidName(
            f"{owner}: {key!r} cannot be a partition key: it is no folder name of its own."
        )
    try:
        size = len(encoded_key(key))
    except UnicodeEncodeError:
        raise InvalidName(f"{owner}: {key!r} has characters that cannot be written.") from None
    if size > LONGEST_KEY:
        raise InvalidName(
            f"{owner}: the partition key {key[:40]!r}... has {size} bytes in a folder name; "
            f"at most {LONGEST_KEY} are possible. Use a shorter key, such as a code or a hash."
        )
    return key
