"""Who waits for whom: the compressed graph says the same as all pairs written out."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from assetkit.definitions.asset import Input
from assetkit.definitions.policies import BackfillPolicy
from assetkit.definitions.universe import Fan
from assetkit.execution import waiting
from assetkit.execution.waiting import build_waiting, number_steps


@dataclass(frozen=True)
class Drawn:
    """A mapping that gives each downstream position the range or the list drawn for it."""

    lo: tuple[int, ...]
    hi: tuple[int, ...]
    indices: tuple[int, ...] | None = None
    name: str = "drawn"

    def upstream_of(self, positions, downstream, upstream):
        indices = None if self.indices is None else np.array(self.indices, dtype=np.int64)
        lo, hi = np.array(self.lo, dtype=np.int64), np.array(self.hi, dtype=np.int64)
        return Fan(lo[positions], hi[positions], indices)


def expected(world, plan, steps):
    """Return all pairs (source, target, soft) by looking at every slot."""
    pairs = set()
    for asset, positions in steps.positions.items():
        size = world.assets[asset].backfill.size
        for edge in world.edges[asset]:
            planned = steps.positions.get(edge.upstream, np.empty(0)).tolist()
            fan = edge.mapping.upstream_of(positions, None, None)
            for row in range(len(positions)):
                call = row - row % (size or len(positions))
                for position in fan.slots_of(row).tolist():
                    if position not in planned:
                        continue
                    place = planned.index(position)
                    if edge.upstream == asset and place >= call:
                        continue
                    source = steps.first[edge.upstream] + place
                    soft = edge.input.need != "all"
                    pairs.add((source, steps.first[asset] + row, soft))
    return pairs


def written_out(graph):
    """Return all pairs (source, target, soft) of slots, through barriers."""
    pairs = set()
    for slot in range(graph.slots):
        todo, seen = [slot], set()
        while todo:
            node = todo.pop()
            for arc in graph.targets[graph.offsets[node] : graph.offsets[node + 1]].tolist():
                target, soft = (~arc, True) if arc < 0 else (arc, False)
                if target < graph.slots:
                    pairs.add((slot, target, soft))
                elif target not in seen:
                    seen.add(target)
                    todo.append(target)
    return pairs


@st.composite
def mappings(draw, downs, ups):
    """Draw ranges or lists of upstream positions for each downstream position."""
    if draw(st.booleans()):
        picks = [sorted(draw(st.sets(st.integers(0, ups - 1), max_size=4))) for _ in range(downs)]
        ends = np.cumsum([len(one) for one in picks]).tolist()
        starts = [end - len(one) for end, one in zip(ends, picks, strict=True)]
        flat = tuple(place for one in picks for place in one)
        return Drawn(tuple(starts), tuple(ends), flat)
    bounds = [
        sorted(draw(st.tuples(st.integers(0, ups), st.integers(0, ups)))) for _ in range(downs)
    ]
    return Drawn(tuple(low for low, _ in bounds), tuple(high for _, high in bounds))


@pytest.mark.parametrize("dense", [0, 8], ids=["trees", "ranges"])
@given(data=st.data())
def test_compressed_graph_has_just_the_pairs_of_the_mappings(new_world, dense, data):
    """Barriers and trees change how the graph is written, never what it says."""
    world = new_world(Path())
    ups, downs = data.draw(st.integers(1, 12)), data.draw(st.integers(1, 12))
    need = data.draw(st.sampled_from(["all", "any", "optional", 2]))
    size = data.draw(st.sampled_from([1, 2, 5, None]))
    letters = "abcdefghijklmnop"
    world.add("up", lambda: 1, letters=letters[:ups])
    world.add(
        "down",
        lambda up, down: 1,
        Input(parameter="up", upstream="up", mapping=data.draw(mappings(downs, ups)), need=need),
        Input(parameter="down", upstream="down", mapping=data.draw(mappings(downs, downs))),
        letters=letters[:downs],
        backfill=BackfillPolicy(size),
    )
    plan = world.plan(
        run={
            "up": sorted(data.draw(st.sets(st.integers(0, ups - 1)))),
            "down": sorted(data.draw(st.sets(st.integers(0, downs - 1)))),
        }
    )
    steps = number_steps(plan)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(waiting, "_DENSE", dense)
        graph = build_waiting(plan, steps)

    assert expected(world, plan, steps) == written_out(graph)


def test_long_overlapping_windows_take_few_arcs(world):
    """Each slot needs all before it, of its own asset and of another: no square of arcs."""
    count = 2_000
    keys = [chr(0x4E00 + place) for place in range(count)]
    lo, hi = (0,) * count, tuple(range(1, count + 1))
    world.add("up", lambda: 1, letters="".join(keys))
    world.add(
        "down",
        lambda up, down: 1,
        Input(parameter="up", upstream="up", mapping=Drawn(lo, hi)),
        Input(parameter="down", upstream="down", mapping=Drawn(lo, hi)),
        letters="".join(keys),
    )
    plan = world.plan()
    graph = build_waiting(plan, number_steps(plan))

    assert len(graph.targets) < 40 * count
    assert sources_of(graph, count + 1500) == set(range(1501)) | set(range(count, count + 1500))


def sources_of(graph, slot):
    """Return the slots that one slot waits for, found backwards."""
    sources = np.repeat(np.arange(len(graph.offsets) - 1), np.diff(graph.offsets))
    todo, seen = [slot], set()
    while todo:
        node = todo.pop()
        for source in sources[graph.targets == node].tolist():
            if source not in seen:
                seen.add(source)
                todo += [source] * (source >= graph.slots)
    return {one for one in seen if one < graph.slots}
