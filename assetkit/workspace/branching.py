"""Branches: a workspace over another one, its base; what it has not made itself, it reads there.

Rule 1: the base is only read, but by `promote`.
Rule 2: sequence numbers of two catalogs cannot be compared, so what the base lends counts as
always new to look at: digests decide.
Rule 3: what is lent is seen under today's definitions; slots meet by the text of their keys.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np

from assetkit.columns import SlotColumns
from assetkit.definitions.scheme import DynamicKeys
from assetkit.errors import InvalidArgument, PlanError, WorkspaceError
from assetkit.io.base import Place
from assetkit.planning.plan import Plan
from assetkit.planning.planner import Situation
from assetkit.planning.state import CatalogState
from assetkit.workspace.core import Core
from assetkit.workspace.locate import Rooms, is_url, lay_out, remembered_base
from assetkit.workspace.situation import JUST_NOW, Definitions, read_situation

_NEVER = 0
"""Stands for the sequence number that a slot of another catalog was read at."""


def find_base(base: Any, rooms: Rooms, core_of: Callable[[Any], Core]) -> Core | None:
    """Return the parts of the base that is given, else of the one that is remembered.

    *core_of* opens the workspace at a path or URL. A base that is the workspace itself,
    as a project's settings may say, is none.

    Raises:
        InvalidArgument: it is no workspace, or lies on another kind of storage.
        WorkspaceError: nothing is there.
    """
    base = remembered_base(rooms.place) if base is None else base
    if base is None:
        return None
    core = getattr(base, "core", None)
    if not isinstance(core, Core):
        if not isinstance(base, str | PathLike):
            raise InvalidArgument(
                f"base={base!r} does not do. Allowed: a Workspace, or the path or URL of one."
            )
        if lay_out(base, Path.cwd()).root == rooms.root:
            return None
        core = core_of(base)
        if not is_url(core.root) and not Path(core.root).exists():
            raise WorkspaceError(
                f"There is no workspace {core.root} to make a branch of: everything would have to "
                f"be made again. Name another base; a Workspace may be given before it has data."
            )
    if rooms.root in {one.root for one in (core, *bases_of(core))}:
        raise InvalidArgument(f"The workspace {rooms.root} cannot be a branch of itself.")
    if is_url(rooms.root) != is_url(core.root):
        raise InvalidArgument(
            f"The workspace {rooms.root} cannot be a branch of {core.root}: one lies on this "
            f"machine, the other one does not. Put the branch beside its base."
        )
    return core


def bases_of(core: Core) -> list[Core]:
    """Return the bases of a workspace, the nearest first; none where it is no branch."""
    found: list[Core] = []
    while core.base is not None:
        core = core.base
        found.append(core)
    return found


def lending_places(core: Core) -> tuple[Place, ...]:
    """Return where the bases keep data; nothing is written there, not even the pins of a read."""
    return tuple(replace(one.place, private=core.place.private) for one in bases_of(core))


def members_of(core: Core) -> DynamicKeys:
    """Return the dynamic partitions of a workspace; a branch's own set replaces its base's."""
    members: dict[str, tuple[tuple[int, str], ...]] = {}
    for one in (*reversed(bases_of(core)), core):
        members |= one.catalog.snapshot([]).dynamic
    return members


def take_over_members(core: Core, name: str) -> list[str]:
    """Give a branch a set of dynamic partitions of its own, equal to its base's, to be changed.

    Returns its keys; none where it is there already.
    """
    if core.base is None or name in core.catalog.snapshot([]).dynamic:
        return []
    members = dict(members_of(core.base).get(name, ()))
    if not members:
        return []
    # An ordinal belongs to its key for ever; those that the base removed are left out again.
    keys = [members.get(ordinal, f"removed-{ordinal}") for ordinal in range(max(members) + 1)]
    core.catalog.change_partitions(name, add=keys)
    core.catalog.change_partitions(
        name, remove=[one for one in keys if one not in members.values()]
    )
    return list(members.values())


def with_base(core: Core, situation: Situation, definitions: Definitions) -> Situation:
    """Return a situation with what the workspace's base lends; the same where it has none."""
    if core.base is None:
        return situation
    below = read_situation(
        definitions,
        core.base.catalog,
        situation.now,
        detail=frozenset(situation.graph.assets),
        members=members_of(core),
    )
    below = with_base(core.base, below, definitions)
    return replace(situation, state=_merged(situation, below.state))


def _merged(situation: Situation, below: CatalogState) -> CatalogState:
    own = situation.state
    numbers = {number: -1 - place for place, number in enumerate(sorted(below.bases))}
    slots = dict(own.slots)
    for key, asset in situation.graph.assets.items():
        if asset.outside is None:  # what others make, a branch observes itself
            slots[key] = own.columns(key).over(_lent(below.columns(key), numbers))
    return replace(
        own,
        slots=slots,
        bases={**own.bases, **{numbers[one]: basis for one, basis in below.bases.items()}},
        estimates={**below.estimates, **own.estimates},
        code_parts=_code_parts(below, own),
        base_seq=below.seq,
    )


def _lent(columns: SlotColumns, numbers: Mapping[int, int]) -> SlotColumns:
    """Return a base's columns as a branch sees them."""
    size = len(columns)
    if not size:
        return columns
    ids, places = np.unique(columns.basis, return_inverse=True)
    return replace(
        columns,
        ver_seq=np.full(size, JUST_NOW, dtype=np.int64),
        read_seq=np.full(size, _NEVER, dtype=np.int64),
        basis=np.array([numbers[int(one)] for one in ids], dtype=np.int64)[places],
        depth=columns.depth + 1 if len(columns.depth) else np.ones(size, dtype=np.int64),
    )


def _code_parts(below: CatalogState, own: CatalogState) -> dict[str, Any]:
    return {
        key: {**below.code_parts.get(key, {}), **own.code_parts.get(key, {})}
        for key in {**below.code_parts, **own.code_parts}
    }


def refuse_shared(core: Core, plan: Plan) -> None:
    """Refuse to run in a branch what would write where the base keeps its data."""
    if core.base is None:
        return
    for part in plan.assets:
        asset = plan.graph.assets[part.asset]
        if not part.run.any():
            continue
        where = getattr(core.io_manager_of(asset), "where", None)
        if where is not None and where(core.place) == where(core.base.place):
            raise PlanError(
                f"Asset {asset.key!r} ({asset.source}) is kept in {where(core.place)}, whatever "
                f"the workspace, so this branch would change its base. Nothing ran. Give the "
                f"branch a place of its own: Workspace(base=..., io_managers={{...}})."
            )
