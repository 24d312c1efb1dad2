"""Where the nodes of a layered graph go, left to right: a pure function of names and edges.

Rule 1: each node stands right of what it needs; long edges pass each layer
between by a dummy node, so that they have a lane of their own.
Rule 2: within a layer, nodes are ordered by the mean place of their neighbours
(barycentre sweeps); the sweep with the fewest crossings wins, the first of equals.
Rule 3: then heights: each node as near to the mean height of its neighbours as
order and distance allow (a monotone regression, so the best there is for a layer).
Rule 4: the same input gives the same picture; ties keep the order of the input.
Rule 5: what was drawn before keeps its order, unless another has far fewer crossings.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

_SWEEPS = 8
_MANY = 2_000
_HEIGHT_PASSES = 4
_SWAP_ROUNDS = 4
_SWAPPED_UP_TO = 600
_FAR_FEWER = 0.7
"""So much of its crossings another order may have, to be preferred to the one before."""
_LANE = 0.45
"""The height that a passing edge needs, in rows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """The places found. A place is (layer, row); rows are fractional and begin at 0.

    ``routes`` has for each edge, in the order given, its places from source
    to target (two, or more where it passes layers between).
    """

    places: Mapping[str, tuple[int, float]]
    routes: Sequence[Sequence[tuple[int, float]]]
    layers: int
    rows: float

    def columns(
        self, widths: Mapping[str, float], *, start: float, gap: float
    ) -> tuple[list[float], list[float]]:
        """Return left edge and width of each layer's column, as wide as its widest node."""
        widest = [0.0] * self.layers
        for name, width in widths.items():
            layer, _ = self.places[name]
            widest[layer] = max(widest[layer], width)
        lefts, at = [], float(start)
        for width in widest:
            lefts.append(at)
            at += width + gap
        return lefts, widest


@dataclass(slots=True)
class _Layers:
    """Vertices (numbers; those from ``real`` on are dummies) in layers, with their neighbours."""

    real: int
    order: list[list[int]]
    left: list[list[int]] = field(default_factory=list)
    right: list[list[int]] = field(default_factory=list)


def layered_layout(
    names: Sequence[str],
    edges: Sequence[tuple[str, str]],
    *,
    before: Mapping[str, float] | None = None,
) -> Layout:
    """Place nodes in layers. Edges from a node to itself are ignored (their route is empty).

    Edges that close a circle are drawn backwards; unknown ends raise `KeyError`.
    *before*: how far down nodes stood in an earlier picture, by name, in any unit; new
    ones find a place between them.
    """
    number = {name: i for i, name in enumerate(names)}
    pairs = [(number[a], number[b]) for a, b in edges]
    layer = _layer_numbers(len(names), pairs)
    layers, chains = _with_dummies(layer, pairs)
    wishes = {number[name]: down for name, down in (before or {}).items() if name in number}
    if wishes:
        _keep_order(layers, wishes)
    else:
        _reduce_crossings(layers)
    heights = _heights(layers)
    place = {v: (i, heights[v]) for i, row in enumerate(layers.order) for v in row}
    return Layout(
        places={name: place[i] for name, i in number.items()},
        routes=[[place[v] for v in chain] for chain in chains],
        layers=len(layers.order),
        rows=max(heights, default=0.0),
    )


def _layer_numbers(count: int, pairs: Iterable[tuple[int, int]]) -> list[int]:
    """Number layers by the longest path; nodes without a need move next to who needs them."""
    after: list[list[int]] = [[] for _ in range(count)]
    waits = [0] * count
    for a, b in set(pairs):
        if a != b:
            after[a].append(b)
            waits[b] += 1
    rooted = [wait == 0 for wait in waits]
    layer = [0] * count
    done = [False] * count
    # After the roots, what is not done yet lies on or behind a circle: begin anywhere in it.
    for start in [*(v for v in range(count) if rooted[v]), *range(count)]:
        ready = [] if done[start] else [start]
        while ready:
            vertex = ready.pop()
            done[vertex] = True
            for target in after[vertex]:
                if done[target]:
                    continue
                layer[target] = max(layer[target], layer[vertex] + 1)
                waits[target] -= 1
                if not waits[target]:
                    ready.append(target)
    for vertex in range(count):
        if rooted[vertex] and after[vertex]:
            layer[vertex] = max(0, min(layer[target] for target in after[vertex]) - 1)
    return layer


def _with_dummies(
    layer: list[int], pairs: Sequence[tuple[int, int]]
) -> tuple[_Layers, list[list[int]]]:
    """Fill the layers, a dummy for each layer that an edge passes; return the edges' chains."""
    count = len(layer)
    found = _Layers(real=count, order=[[] for _ in range(max(layer, default=-1) + 1)])
    for vertex, at in enumerate(layer):
        found.order[at].append(vertex)
    found.left = [[] for _ in range(count)]
    found.right = [[] for _ in range(count)]
    lanes: dict[tuple[int, int], int] = {}
    joined: set[tuple[int, int]] = set()
    chains: list[list[int]] = []
    for a, b in pairs:
        if a == b or layer[a] == layer[b]:
            chains.append([] if a == b else [a, b])
            continue
        start, end = (a, b) if layer[a] < layer[b] else (b, a)
        chain = [start]
        for at in range(layer[start] + 1, layer[end]):
            # Edges of one source share their way as far as they go together.
            lane = lanes.get((start, at))
            if lane is None:
                lane = lanes[start, at] = len(found.left)
                found.left.append([])
                found.right.append([])
                found.order[at].append(lane)
            chain.append(lane)
        chain.append(end)
        for one, next_one in pairwise(chain):
            if (one, next_one) not in joined:
                joined.add((one, next_one))
                found.right[one].append(next_one)
                found.left[next_one].append(one)
        chains.append(chain if start == a else chain[::-1])
    return found, chains


def _keep_order(layers: _Layers, wishes: Mapping[int, float]) -> None:
    """Order each layer as it was before; what is new goes where its neighbours are."""
    down = dict(wishes)
    for row in (*layers.order, *layers.order[::-1]):
        for vertex in row:
            around = [down[n] for n in (*layers.left[vertex], *layers.right[vertex]) if n in down]
            if vertex not in down and around:
                down[vertex] = sum(around) / len(around)
    lowest = max(down.values()) + 1.0
    for row in layers.order:
        row.sort(key=lambda vertex: down.get(vertex, lowest))
    kept = [list(row) for row in layers.order]
    crossings = _crossings(layers, _places(layers))
    _reduce_crossings(layers)
    if _crossings(layers, _places(layers)) >= _FAR_FEWER * crossings:
        layers.order = kept


def _places(layers: _Layers) -> list[int]:
    place = [0] * len(layers.left)
    for row in layers.order:
        for i, vertex in enumerate(row):
            place[vertex] = i
    return place


def _reduce_crossings(layers: _Layers) -> None:
    """Order each layer by its neighbours, to and fro; keep the order with the fewest crossings."""
    place = _places(layers)
    best, fewest = [list(row) for row in layers.order], _crossings(layers, place)
    futile = 0
    for sweep in range(_SWEEPS if len(place) < _MANY else _SWEEPS // 2):
        if fewest == 0 or futile == 2:
            break
        forward = sweep % 2 == 0
        around = layers.left if forward else layers.right
        for row in layers.order[1:] if forward else layers.order[-2::-1]:
            _sort_by_neighbours(row, around, place)
        crossings = _crossings(layers, place)
        futile += 1
        if crossings < fewest:
            futile = 0 if crossings < 0.97 * fewest else futile
            best, fewest = [list(row) for row in layers.order], crossings
    layers.order = best
    if fewest and len(place) <= _SWAPPED_UP_TO:
        _swap_neighbours(layers)


def _swap_neighbours(layers: _Layers) -> None:
    """Swap vertices that stand next to each other where that undoes crossings, a few times over."""
    place = _places(layers)
    for _ in range(_SWAP_ROUNDS):
        swapped = False
        for row in layers.order:
            for i in range(len(row) - 1):
                upper, lower = row[i], row[i + 1]
                if _gain(layers, place, upper, lower) > 0:
                    row[i], row[i + 1] = lower, upper
                    place[lower], place[upper] = i, i + 1
                    swapped = True
        if not swapped:
            return


def _gain(layers: _Layers, place: list[int], upper: int, lower: int) -> int:
    """Return how many crossings between two vertices' edges there are more than if they swapped."""
    gain = 0
    for around in (layers.left, layers.right):
        for a in around[upper]:
            for b in around[lower]:
                gain += (place[a] > place[b]) - (place[a] < place[b])
    return gain


def _sort_by_neighbours(row: list[int], around: list[list[int]], place: list[int]) -> None:
    weight = {
        v: sum([place[n] for n in around[v]]) / len(around[v]) if around[v] else place[v]
        for v in row
    }
    row.sort(key=weight.__getitem__)
    for i, vertex in enumerate(row):
        place[vertex] = i


def _crossings(layers: _Layers, place: list[int]) -> int:
    """Count crossings between neighbouring layers: pairs of edges whose ends are in other order."""
    total = 0
    for row in layers.order[:-1]:
        ends: list[int] = []
        for vertex in row:
            for target in sorted([place[n] for n in layers.right[vertex]]):
                if not ends or target >= ends[-1]:
                    ends.append(target)
                    continue
                at = bisect_right(ends, target)
                total += len(ends) - at
                ends.insert(at, target)
    return total


def _heights(layers: _Layers) -> list[float]:
    """Find heights, layer by layer, to and fro; rows lie at least 1 apart, passing edges less."""
    size = [1.0 if v < layers.real else _LANE for v in range(len(layers.left))]
    heights = [0.0] * len(size)
    for row in layers.order:
        offsets = _offsets(row, size)
        for vertex, offset in zip(row, offsets, strict=True):
            heights[vertex] = offset
    for number in range(_HEIGHT_PASSES if len(size) < _MANY else _HEIGHT_PASSES // 2):
        rows = layers.order if number % 2 == 0 else layers.order[::-1]
        around = layers.left if number % 2 == 0 else layers.right
        for row in rows:
            wish = [
                sum([heights[n] for n in around[v]]) / len(around[v]) if around[v] else heights[v]
                for v in row
            ]
            offsets = _offsets(row, size)
            settled = _monotone([w - o for w, o in zip(wish, offsets, strict=True)])
            for vertex, base, offset in zip(row, settled, offsets, strict=True):
                heights[vertex] = base + offset
    lowest = min(heights, default=0.0)
    return [height - lowest for height in heights]


def _offsets(row: Sequence[int], size: Sequence[float]) -> list[float]:
    """Return how far below the first each vertex must be at least."""
    offsets, at = [], 0.0
    for i, vertex in enumerate(row):
        if i:
            at += (size[row[i - 1]] + size[vertex]) / 2
        offsets.append(at)
    return offsets


def _monotone(values: Sequence[float]) -> list[float]:
    """Return the nearest (least squares) values that never fall.

    >>> _monotone([1.0, 3.0, 2.0, 5.0])
    [1.0, 2.5, 2.5, 5.0]
    """
    blocks: list[tuple[float, int]] = []
    for value in values:
        total, count = value, 1
        while blocks and blocks[-1][0] * count > total * blocks[-1][1]:
            more, members = blocks.pop()
            total, count = total + more, count + members
        blocks.append((total, count))
    return [total / count for total, count in blocks for _ in range(count)]


def curve(
    route: Sequence[tuple[int, float]],
    lefts: Sequence[float],
    widths: Sequence[float],
    middle: Callable[[float], float],
    *,
    down: bool = False,
) -> str:
    """Return an edge as the path of an SVG picture.

    *lefts* and *widths* are those of the columns, *middle* says how far down a row is.
    It curves between columns, and goes straight through those that the edge passes.
    *down*: layers lie beneath one another, so that all of this is meant the other way round.

    >>> curve([(0, 0), (1, 1)], [0, 60], [20, 20], lambda row: row * 10)
    'M20 0C40 0 40 10 60 10'
    >>> curve([(0, 0), (1, 1)], [0, 60], [20, 20], lambda row: row * 10, down=True)
    'M0 20C0 40 10 40 10 60'
    """

    def at_point(x: float, y: float) -> str:
        return f"{y:.0f} {x:.0f}" if down else f"{x:.0f} {y:.0f}"

    layer, row = route[0]
    x, y = lefts[layer] + widths[layer], middle(row)
    path = [f"M{at_point(x, y)}"]
    for at, (next_layer, next_row) in enumerate(route[1:], start=2):
        to_x, to_y = lefts[next_layer], middle(next_row)
        bend = abs(to_x - x) / 2
        bends = (at_point(x + bend, y), at_point(to_x - bend, to_y), at_point(to_x, to_y))
        path.append(f"C{' '.join(bends)}")
        x, y = to_x, to_y
        if at < len(route):
            x += widths[next_layer]
            path.append(f"{'V' if down else 'H'}{x:.0f}")
    return "".join(path)
