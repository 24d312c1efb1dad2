"""Publish what a branch has made in its base: one slot after another, each at once or not at all.

Rule 1: it is a run of the base like any other: leased, published and written down.
Rule 2: a slot leaves the branch once the base has it; broken off, it goes on where it was.
Rule 3: what the base made itself since is not replaced, unless that is asked for.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
from pyarrow import Table

from assetkit.catalog.base import Claim, Commit
from assetkit.catalog.liveness import this_process
from assetkit.definitions.asset import AssetDef
from assetkit.definitions.keys import split_key_text
from assetkit.errors import BaseMoved, InvalidArgument, PlanError, StorageError
from assetkit.execution.provenance import provenance_of
from assetkit.execution.runner import new_run_id
from assetkit.io.sweep import staging
from assetkit.records import (
    AssetKey,
    AssetRow,
    CheckOutcome,
    Materialization,
    Outcome,
    RunRecord,
    RunStatus,
    is_nothing,
    slot_name,
)
from assetkit.workspace.branching import members_of
from assetkit.workspace.core import Core
from assetkit.workspace.data import (
    Known,
    find_known,
    manager_of,
    own_assets,
    select_published,
    source_of,
)
from assetkit.workspace.locate import is_url
from assetkit.workspace.running import BASE_SEQ
from assetkit.workspace.situation import dynamic_names, layout_of, translation, universe_of
from assetkit.workspace.upkeep import target_of

_NAMED = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """What a branch has made of one asset. ``handle`` is the asset, or its key alone."""

    known: Known
    handle: Any
    slots: tuple[Materialization, ...]

    @property
    def definition(self) -> AssetDef | None:
        """The asset's definition; None where only its key is known."""
        found: AssetDef | None = getattr(self.handle, "definition", None)
        return found


def base_of(core: Core) -> Core:
    """Return the base of a branch; raise `PlanError` where there is none."""
    if core.base is None:
        raise PlanError(
            f"The workspace {core.root} is no branch: it has no base to compare with, or to "
            f"publish in. Make a branch with Workspace(root, base=...), or --base."
        )
    return core.base


def made_here(core: Core, assets: Any, partitions: Any) -> list[Made]:
    """Return what a branch has made itself of some assets (None: of all), upstreams first.

    What others make is only observed, and so not listed.
    """
    if assets is None:
        handles = list(own_assets(core))
    else:
        handles = list(assets) if isinstance(assets, list | tuple) else [assets]
    found = {}
    for handle in handles:
        known = find_known(core, handle)
        if known.definition.get("kind") != "external":
            found[known.key] = Made(
                known=known, handle=handle, slots=_slots_of(core, known, partitions)
            )
    return [found[key] for key in _upstreams_first(found) if found[key].slots]


def _slots_of(core: Core, known: Known, partitions: Any) -> tuple[Materialization, ...]:
    ordinals, texts = core.catalog.slot_keys(known.key)
    if not len(ordinals):
        return ()
    places = select_published(known, texts, partitions)
    chosen = np.sort(ordinals[places])
    return tuple(core.catalog.published(known.key, chosen[chosen >= 0]))


def _upstreams_first(made: Mapping[AssetKey, Made]) -> list[AssetKey]:
    order: dict[AssetKey, None] = {}

    def visit(key: AssetKey, path: frozenset[AssetKey]) -> None:
        for upstream in made[key].known.upstreams:
            if upstream in made and upstream not in path:
                visit(upstream, path | {upstream})
        order[key] = None

    for key in made:
        visit(key, frozenset([key]))
    return list(order)


def promote(core: Core, assets: Any, partitions: Any, *, overwrite: bool) -> int:
    """Publish a branch's own slots in its base; return how many. See `Workspace.promote`."""
    base = base_of(core)
    made = made_here(core, assets, partitions)
    if not made:
        return 0
    if not overwrite:
        _refuse_moved(core, base, made)
    numbers = {one.known.key: _settle(core, base, one) for one in made}
    run_id = new_run_id(base.now())
    record = RunRecord(
        run_id=run_id,
        owner=this_process(),
        started_at=base.now(),
        targets=tuple(numbers),
        steps=sum(len(one.slots) for one in made),
        origin="promote",
        tags={"branch": core.root},
    )
    base.announce()
    with staging(base.place, run_id), base.catalog.guard(run_id):
        base.catalog.start_run(record)
        status = RunStatus.FAILED
        try:
            _publish_all(core, base, made, numbers, run_id)
            status = RunStatus.SUCCESS
        finally:
            base.catalog.finish_run(run_id, status, base.now())
    return record.steps


def moved_in_base(core: Core, base: Core, one: Made) -> set[str | None]:
    """Return the partitions whose content in the base changed after the branch made its own."""
    key = one.known.key
    snapshot = base.catalog.snapshot([key], detail=[key])
    columns = snapshot.slots.get(key)
    if columns is None or not len(columns):
        return set()
    ordinals, texts = base.catalog.slot_keys(key)
    places = {text: int(ordinal) for text, ordinal in zip(texts, ordinals, strict=True)}
    changed = dict(zip(columns.ordinal.tolist(), columns.ver_seq.tolist(), strict=True))
    there = {made.partition: made for made in base.catalog.published(key)}
    known = _known_seqs(core, one)
    moved = set()
    for made in one.slots:
        theirs = there.get(made.partition)
        if theirs is None or theirs.data_version == made.data_version:
            continue
        seq = known.get(made.run_id)
        if seq is None:  # not made by a run: adopted, or brought back
            is_newer = theirs.materialized_at > made.materialized_at
        else:
            is_newer = changed[places[made.partition]] > seq
        if is_newer:
            moved.add(made.partition)
    return moved


def _known_seqs(core: Core, one: Made) -> dict[str, int]:
    """Return up to what each run in the branch knew the base, by run."""
    found = {}
    for run_id in dict.fromkeys(made.run_id for made in one.slots):
        for tags in core.catalog.runs(run_id=run_id).column("tags").to_pylist():
            said = json.loads(str(tags or "{}"))
            if BASE_SEQ in said:
                found[run_id] = int(said[BASE_SEQ])
    return found


def _refuse_moved(core: Core, base: Core, made: Sequence[Made]) -> None:
    moved = [
        slot_name(one.known.key, partition)
        for one in made
        for partition in sorted(moved_in_base(core, base, one), key=str)
    ]
    if not moved:
        return
    more = f" and {len(moved) - _NAMED:,} more" if len(moved) > _NAMED else ""
    raise BaseMoved(
        f"The base {base.root} has other data by now of {', '.join(moved[:_NAMED])}{more}, made "
        f"after this branch made its own. Nothing was published. Look at workspace.diff(), then "
        f"delete the branch's own, make it again, or promote(overwrite=True)."
    )


def _settle(core: Core, base: Core, one: Made) -> dict[str | None, int]:
    """Let the base know the asset as the branch does; return each slot's ordinal there."""
    key = one.known.key
    own = {row.asset: row for row in core.catalog.asset_rows()}[key]
    there = {row.asset: row for row in base.catalog.asset_rows()}.get(key)
    texts = [made.partition for made in one.slots]
    definition = one.definition
    if definition is None:
        if "dynamic" in own.layout or (there is not None and there.layout != own.layout):
            raise InvalidArgument(
                f"The partitions of {key!r} are numbered otherwise in {base.root}, and only the "
                f"definition can tell which is which. Give the asset itself: promote({key})."
            )
        base.catalog.describe([_described(own, there)])
        return {made.partition: made.ordinal for made in one.slots}
    _add_members(base, definition, texts)
    universe = universe_of(definition, core.now(), members_of(base))
    row = replace(_described(own, there), layout=layout_of(definition))
    if there is not None and there.layout != row.layout:
        old, _ = base.catalog.slot_keys(key)
        new = translation(key, universe, base.catalog)(old)
        base.catalog.rebase(row, dict(zip(old.tolist(), new.tolist(), strict=True)))
    base.catalog.describe([row])
    return dict(zip(texts, universe.ordinals_of_texts(texts).tolist(), strict=True))


def _described(own: AssetRow, there: AssetRow | None) -> AssetRow:
    """Return the branch's words on an asset, with the code versions that the base remembers."""
    if there is None:
        return own
    said, before = json.loads(own.definition), json.loads(there.definition)
    said["codes"] = {**before.get("codes", {}), **said.get("codes", {})}
    return replace(own, definition=json.dumps(said))


def _add_members(base: Core, definition: AssetDef, texts: Sequence[str | None]) -> None:
    """Add the keys of dynamic partitions that only the branch knows."""
    for name in dynamic_names(definition.partitions):
        keys = [one for text in texts for one in _keys_of(definition.partitions, name, text)]
        base.catalog.change_partitions(name, add=list(dict.fromkeys(keys)))


def _keys_of(partitions: Any, name: str, text: str | None) -> Iterator[str]:
    by_dimension = getattr(partitions, "by_dimension", None)
    if by_dimension is None:
        yield text or ""
        return
    for part, dimension in zip(split_key_text(text), partitions.dimensions, strict=True):
        if getattr(by_dimension[dimension], "name", None) == name:
            yield part


def _publish_all(
    core: Core,
    base: Core,
    made: Sequence[Made],
    numbers: Mapping[AssetKey, Mapping[str | None, int]],
    run_id: str,
) -> None:
    claims = [
        Claim(asset=key, ordinals=np.array(sorted(ordinals.values()), dtype=np.int64))
        for key, ordinals in numbers.items()
    ]
    grant = base.catalog.claim(run_id, claims)
    if grant.busy:
        lease = grant.busy[0]
        raise StorageError(
            f"{lease.asset} is being built in {base.root} by {lease.owner}, run {lease.run_id}. "
            f"Nothing was published. Wait for it, then promote."
        )
    for number, one in enumerate(made, 1):
        ordinals = numbers[one.known.key]
        published = tuple(
            _publish(core, base, one, replace(slot, ordinal=ordinals[slot.partition]), run_id)
            for slot in one.slots
        )
        base.catalog.commit(
            Commit(
                commit_id=f"{run_id}-{number}",
                run_id=run_id,
                fence=grant.fence,
                materializations=published,
                read_seqs=(0,) * len(published),  # of another catalog: digests decide
                checks=tuple(_checks(core, one, ordinals, run_id)),
            )
        )
        _leave(core, one)


def _checks(
    core: Core, one: Made, ordinals: Mapping[str | None, int], run_id: str
) -> Iterator[CheckOutcome]:
    """Yield what checks found in a branch's slots, as the base is to know it."""
    names = {field.name for field in fields(CheckOutcome)}
    for row in core.catalog.checks(one.known.key).to_pylist():
        if row["partition"] in ordinals:
            said = {name: value for name, value in row.items() if name in names}
            said |= {"ordinal": ordinals[row["partition"]], "run_id": run_id}
            yield CheckOutcome(**{**said, "metadata": json.loads(str(row["metadata"] or "{}"))})


def _publish(
    core: Core, base: Core, one: Made, slot: Materialization, run_id: str
) -> Materialization:
    """Publish one slot in the base, and return what is to be written down there."""
    if is_nothing(slot.data_version):
        return replace(slot, run_id=run_id, outcome=Outcome.MATERIALIZED)
    source = source_of(core, one.known, slot)
    target = replace(
        target_of(replace(source, place=base.place, location=None)),
        run_id=run_id,
        provenance=provenance_of(slot),
    )
    own, theirs = manager_of(core, one.known, one.handle), manager_of(base, one.known, one.handle)
    alike = type(own) is type(theirs) and hasattr(theirs, "take_over")
    if alike and not is_url(base.root):
        written = theirs.take_over(source, target)
    else:
        written = theirs.write(
            own.read((source,), None if slot.rows is None else Table, None), target
        )
        written = theirs.publish(written, target) if hasattr(theirs, "publish") else written
    return replace(
        slot,
        run_id=run_id,
        outcome=Outcome.UNCHANGED if getattr(written, "unchanged", False) else Outcome.MATERIALIZED,
        location=getattr(written, "location", None),
        signature=getattr(written, "signature", None),
        bytes=getattr(written, "bytes", None) or slot.bytes,
    )


def _leave(core: Core, one: Made) -> None:
    """Take from the branch what its base has now."""
    manager = manager_of(core, one.known, one.handle)
    for slot in one.slots:
        if not is_nothing(slot.data_version):
            manager.delete(target_of(source_of(core, one.known, slot)))
    ordinals = np.array([slot.ordinal for slot in one.slots], dtype=np.int64)
    core.catalog.delete_slots(one.known.key, ordinals, core.now())
