"""Hold the columns of a slot to those of the others: ``on_schema_change="fail"``.

Rule 1: compared are names and types of slots that the same code made; other code may
make other columns.
Rule 2: slots that run at the same moment are not held to one another.
Rule 3: a column of nothing but nulls has no type yet, and fits any.
"""

from __future__ import annotations

import json

from assetkit.definitions.asset import AssetDef
from assetkit.errors import OutputError

_NO_TYPE = "null"


def hold_to_others(asset: AssetDef, slot: str, before: str, now: str) -> None:
    """Look whether a slot has the columns of the others; both as `schema_text` writes them.

    Raises:
        OutputError: naming each column that differs.
    """
    if found := differences(before, now):
        lines = "".join(f"\n  {line}" for line in found)
        raise OutputError(
            f"{slot} ({asset.source}) has other columns than what the same code made before, and "
            f'on_schema_change="fail":{lines}\n'
            'Where that is meant, say so: on_schema_change="evolve" (readers fill and widen), '
            "another code_version, or the new columns in schema=."
        )


def differences(before: str, now: str) -> list[str]:
    """Return in words how the columns *now* differ from those *before*.

    >>> differences('[["a","int64"],["b","null"]]', '[["b","string"],["a","double"],["c","bool"]]')
    ['a: is double, was int64', 'c: is new, of type bool']
    """
    old, new = dict(json.loads(before)), dict(json.loads(now))
    changed = [
        f"{name}: is {new[name]}, was {kind}"
        for name, kind in old.items()
        if name in new and new[name] != kind and _NO_TYPE not in (kind, new[name])
    ]
    gone = [f"{name}: is gone" for name in old if name not in new]
    added = [f"{name}: is new, of type {kind}" for name, kind in new.items() if name not in old]
    return [*changed, *gone, *added]


def typed(before: str | None, now: str) -> str:
    """Return what is known of the columns after another slot: those without a type get one.

    >>> typed('[["a","int64"],["b","null"]]', '[["a","int64"],["b","string"]]')
    '[["a", "int64"], ["b", "string"]]'
    """
    if before is None or f'"{_NO_TYPE}"' not in before:
        return before or now
    new = dict(json.loads(now))
    pairs = json.loads(before)
    return json.dumps([[n, new.get(n, kind) if kind == _NO_TYPE else kind] for n, kind in pairs])
