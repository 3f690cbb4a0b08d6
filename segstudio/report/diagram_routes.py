"""The lines of a network's diagram: at right angles, around the nodes, beside each other."""

from __future__ import annotations

import functools
import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from segstudio.report.diagram_parts import Box, Point

Side = Literal["left", "right", "top", "bottom"]
_OUT: Final[tuple[Side, ...]] = ("right", "top", "bottom")
_IN: Final[tuple[Side, ...]] = ("left", "top", "bottom")
_FLAT = frozenset(("left", "right"))
_CLEAR: Final = 5.0
"""How far lines stay from nodes that are not theirs."""
_BACK: Final = 200.0
_REMEMBERED: Final = 64
"""So many layouts: some models, folded in some ways."""
_SAME: Final = 0.01
_BEND, _CROSSING, _SHARED, _THROUGH = 60.0, 40.0, 30.0, 10000.0


@dataclass(frozen=True, slots=True)
class Wish:
    """A line that is wanted.

    Attributes:
        source: Key of a box.
        target: Key of a box.
        bundle: Lines of the same bundle may lie on each other; "" for none.
        sides: Where it leaves the source and enters the target; None: where it fits best.
    """

    source: str
    target: str
    bundle: str = ""
    sides: tuple[Side, Side] | None = None


@dataclass(frozen=True, slots=True)
class Lanes:
    """Where lines may run freely: x of vertical ones, y of horizontal ones."""

    xs: tuple[float, ...]
    ys: tuple[float, ...]


def route(
    wishes: Sequence[Wish], boxes: Mapping[str, Box], lanes: Lanes
) -> tuple[tuple[Point, ...], ...]:
    """Lines for all wishes, in order: corners from the source's border to the target's.

    Short lines choose first. Of all lines with up to four corners the one that bends, crosses
    and overlaps least is taken; none runs through a node if there is a way around. What was
    found is remembered, for it is the same for every image of a size.
    """
    return _found(tuple(wishes), tuple(boxes.items()), lanes)


@functools.lru_cache(_REMEMBERED)
def _found(
    wishes: tuple[Wish, ...], placed: tuple[tuple[str, Box], ...], lanes: Lanes
) -> tuple[tuple[Point, ...], ...]:
    boxes = dict(placed)
    router = _Router(boxes, lanes)
    order = sorted(
        range(len(wishes)),
        key=lambda i: (_distance(boxes[wishes[i].source], boxes[wishes[i].target]), i),
    )
    found: dict[int, list[Point]] = {}
    for index in order:
        found[index] = router.best(wishes[index])
    return tuple(tuple(found[index]) for index in range(len(wishes)))


def _distance(a: Box, b: Box) -> float:
    return abs(a.centre[0] - b.centre[0]) + abs(a.centre[1] - b.centre[1])


def _gap(a: Box, b: Box) -> float:
    """The least length of a line between two boxes."""
    across = max(a.left - b.right, b.left - a.right, 0.0)
    return across + max(a.top - b.bottom, b.top - a.bottom, 0.0)


class _Router:
    """Chooses one line after the other, and remembers those that lie already."""

    def __init__(self, boxes: Mapping[str, Box], lanes: Lanes) -> None:
        self._boxes, self._lanes = boxes, lanes
        self._wide = {
            key: Box(
                box.left - _CLEAR, box.top - _CLEAR, box.width + 2 * _CLEAR, box.height + 2 * _CLEAR
            )
            for key, box in boxes.items()
        }
        self._laid: list[tuple[bool, float, float, float, str]] = []

    def best(self, wish: Wish) -> list[Point]:
        """The cheapest line; it is remembered."""
        best, lowest = [], float("inf")
        source, target = self._boxes[wish.source], self._boxes[wish.target]
        shortest = _gap(source, target)
        for corners in range(5):
            if lowest < corners * _BEND + shortest:
                break
            ways = [
                (penalty + corners * _BEND + _length(points), points)
                for penalty, points in self._ways(wish, corners)
            ]
            # the best first: the others need no closer look once they can't be better
            for least, points in sorted(ways):
                if least >= lowest:
                    break
                cost = least + self._trouble(wish, points, lowest - least)
                if cost < lowest:
                    best, lowest = points, cost
        self._laid += [(*_part(a, b), wish.bundle) for a, b in itertools.pairwise(best)]
        return best

    def _ways(self, wish: Wish, corners: int) -> Iterator[tuple[float, list[Point]]]:
        source, target = self._boxes[wish.source], self._boxes[wish.target]
        pairs = (wish.sides,) if wish.sides else itertools.product(_OUT, _IN)
        for out, into in pairs:
            flat_out, flat_in = out in _FLAT, into in _FLAT
            if (flat_out == flat_in) == bool(corners % 2):
                continue
            penalty = _out_cost(out, source, target) + _in_cost(into, source, target)
            start, end = _port(source, out), _port(target, into)
            for points in self._between(start, end, flat_out, corners):
                if _leaves(points, out) and _enters(points, into):
                    yield penalty, points

    def _between(self, start: Point, end: Point, flat: bool, corners: int) -> Iterator[list[Point]]:
        """All lines with so many corners whose middle parts run in the lanes."""
        if corners == 0:
            index = 1 if flat else 0
            if abs(start[index] - end[index]) < _SAME:
                yield [start, end]
            return
        if corners == 1:
            yield [start, (end[0], start[1]) if flat else (start[0], end[1]), end]
            return
        free = self._lanes.xs if flat else self._lanes.ys
        for lane in _near(free, start[0 if flat else 1], end[0 if flat else 1], corners):
            turn = (lane, start[1]) if flat else (start[0], lane)
            for rest in self._between(turn, end, not flat, corners - 1):
                yield [start, *rest]

    def _trouble(self, wish: Wish, points: list[Point], limit: float) -> float:
        """What a line costs for running through nodes, and over and along other lines."""
        cost = 0.0
        own = {wish.source, wish.target}
        for start, end in itertools.pairwise(points):
            for key, box in self._wide.items():
                if key not in own and box.hits(start, end):
                    cost += _THROUGH
            if cost > limit:
                return cost
            cost += self._meetings(start, end, wish.bundle)
        for key in own:
            inner = self._boxes[key]
            cost += _THROUGH * sum(inner.hits(a, b) for a, b in itertools.pairwise(points))
        return cost

    def _meetings(self, start: Point, end: Point, bundle: str) -> float:
        """What a straight part costs for crossing lines and lying on them."""
        flat, lane, low, high = _part(start, end)
        cost = 0.0
        for other_flat, other_lane, other_low, other_high, other in self._laid:
            if flat != other_flat:
                if low < other_lane < high and other_low < lane < other_high:
                    cost += _CROSSING
            elif abs(lane - other_lane) < _SAME and not (bundle and bundle == other):
                cost += _SHARED * (min(high, other_high) - max(low, other_low) > 1)
        return cost


def _part(start: Point, end: Point) -> tuple[bool, float, float, float]:
    """Whether a straight part is horizontal, its lane, and its lower and upper end."""
    if abs(start[1] - end[1]) < _SAME:
        return True, start[1], min(start[0], end[0]), max(start[0], end[0])
    return False, start[0], min(start[1], end[1]), max(start[1], end[1])


def _port(box: Box, side: Side) -> Point:
    x, y = box.centre
    return {"left": (box.left, y), "right": (box.right, y), "top": (x, box.top),
            "bottom": (x, box.bottom)}[side]  # fmt: skip


def _out_cost(side: Side, source: Box, target: Box) -> float:
    """How unnatural it is to leave by a side: things flow right, and up or down to the target."""
    below, above = target.top >= source.bottom, target.bottom <= source.top
    costs = {
        "right": 12.0 if below else 0.0,
        "bottom": 0.0 if below else 90.0,
        "top": 6.0 if above else 70.0,
        "left": _BACK,
    }
    return costs[side]


def _in_cost(side: Side, source: Box, target: Box) -> float:
    below, above = target.top >= source.bottom, target.bottom <= source.top
    costs = {
        "left": 4.0 if above else 0.0,
        "top": 0.0 if below else 50.0,
        "bottom": 0.0 if above else 70.0,
        "right": _BACK,
    }
    return costs[side]


def _leaves(points: list[Point], side: Side) -> bool:
    return _goes(points[0], points[1], side)


def _enters(points: list[Point], side: Side) -> bool:
    return _goes(points[-1], points[-2], side)


def _goes(border: Point, outside: Point, side: Side) -> bool:
    """Whether a point lies on the outer side of a border, some way off."""
    dx, dy = outside[0] - border[0], outside[1] - border[1]
    ahead = {"left": -dx, "right": dx, "top": -dy, "bottom": dy}[side]
    return ahead > 4


def _near(lanes: tuple[float, ...], a: float, b: float, corners: int) -> Iterable[float]:
    """Lanes between two places and the next ones beyond; fewer where there are many corners."""
    low, high = min(a, b), max(a, b)
    between = [lane for lane in lanes if low <= lane <= high]
    beyond = 2 if corners == 2 else 1
    before = [lane for lane in lanes if lane < low][-beyond:]
    after = [lane for lane in lanes if lane > high][:beyond]
    if corners > 2 and len(between) > 2:
        between = [between[0], between[-1]]
    return (*between, *before, *after)


def _length(points: Sequence[Point]) -> float:
    return sum(abs(a[0] - b[0]) + abs(a[1] - b[1]) for a, b in itertools.pairwise(points))


def carried(
    lines: Iterable[Sequence[Point]],
    before: tuple[Mapping[str, Box], Lanes],
    after: tuple[Mapping[str, Box], Lanes],
) -> tuple[tuple[Point, ...], ...] | None:
    """The same lines after boxes and lanes were moved without changing their order.

    Returns:
        None if there are more or fewer lanes now.
    """
    if [len(before[1].xs), len(before[1].ys)] != [len(after[1].xs), len(after[1].ys)]:
        return None
    xs = dict(zip(map(_key, before[1].xs), after[1].xs, strict=True))
    ys = dict(zip(map(_key, before[1].ys), after[1].ys, strict=True))
    for name, old in before[0].items():
        new = after[0][name]
        for old_x, new_x in zip(_across(old), _across(new), strict=True):
            xs[_key(old_x)] = new_x
        for old_y, new_y in zip(_down(old), _down(new), strict=True):
            ys[_key(old_y)] = new_y
    return tuple(tuple((xs[_key(x)], ys[_key(y)]) for x, y in line) for line in lines)


def _key(value: float) -> float:
    return round(value, 2)


def _across(box: Box) -> tuple[float, float, float]:
    return box.left, box.centre[0], box.right


def _down(box: Box) -> tuple[float, float, float]:
    return box.top, box.centre[1], box.bottom
