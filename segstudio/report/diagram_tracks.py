"""Lines that would lie on each other are laid beside each other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from segstudio.report.diagram_parts import Point

Lane = Sequence[float]

_SPACING = 8.0


@dataclass(frozen=True, slots=True)
class _Part:
    """A straight part of a line: which line, from which corner on, along which lane.

    `before` and `after` say where the line goes at the part's lower and upper end: -1 to smaller
    coordinates, 1 to larger ones, 0 where it ends there.
    """

    line: int
    corner: int
    flat: bool
    lane: float
    low: float
    high: float
    before: int
    after: int
    bundle: str


def spread(
    lines: Sequence[Sequence[Point]], bundles: Sequence[str], room_xy: Point
) -> tuple[tuple[Point, ...], ...]:
    """Move parts of lines that lie on each other apart; those of one bundle stay together.

    They are ordered by the side to which they turn off, so that they don't cross without need.

    Args:
        lines: Corners of each line; neighbours differ in one coordinate.
        bundles: Of each line; "" for none.
        room_xy: How far apart the outermost of those that share a lane may come, of vertical and
            of horizontal ones.
    """
    moved = [[list(point) for point in line] for line in lines]
    parts = [p for i, line in enumerate(lines) for p in _parts(i, line, bundles[i])]
    lanes: dict[tuple[bool, float], list[_Part]] = {}
    for part in parts:
        lanes.setdefault((part.flat, part.lane), []).append(part)
    for (flat, _lane), together in lanes.items():
        for cluster in _clusters(together):
            for part, shift in _shifts(cluster, room_xy[flat]):
                axis = 1 if flat else 0
                moved[part.line][part.corner][axis] += shift
                moved[part.line][part.corner + 1][axis] += shift
    return tuple(tuple((x, y) for x, y in line) for line in moved)


def crowding(
    lines: Sequence[Sequence[Point]], bundles: Sequence[str], lanes_xy: tuple[Lane, Lane]
) -> Point:
    """Room that vertical lines need in their most crowded lane, and horizontal ones in theirs.

    Args:
        lines: Corners of each line.
        bundles: Of each line.
        lanes_xy: The lanes that count: x of the vertical ones, y of the horizontal ones.
    """
    needed = [0.0, 0.0]
    lanes: dict[tuple[bool, float], list[_Part]] = {}
    for index, line in enumerate(lines):
        for part in _parts(index, line, bundles[index]):
            lanes.setdefault((part.flat, part.lane), []).append(part)
    for (flat, lane), together in lanes.items():
        if any(abs(lane - free) < 0.02 for free in lanes_xy[flat]):
            most = max(len(_tracks(cluster)) for cluster in _clusters(together))
            needed[flat] = max(needed[flat], _SPACING * (most - 1))
    return needed[0], needed[1]


def _parts(index: int, line: Sequence[Point], bundle: str) -> list[_Part]:
    found = []
    for corner in range(len(line) - 1):
        start, end = line[corner], line[corner + 1]
        flat = abs(start[1] - end[1]) < 0.01
        way, across = (0, 1) if flat else (1, 0)
        turns = [
            _sign(line[corner - 1][across] - start[across]) if corner else 0,
            _sign(line[corner + 2][across] - end[across]) if corner + 2 < len(line) else 0,
        ]
        if start[way] > end[way]:
            turns.reverse()
        low, high = sorted((start[way], end[way]))
        lane = round(start[across], 2)
        found.append(_Part(index, corner, flat, lane, low, high, turns[0], turns[1], bundle))
    return found


def _sign(value: float) -> int:
    return (value > 0) - (value < 0)


def _clusters(parts: list[_Part]) -> list[list[_Part]]:
    """Parts of one lane that overlap, directly or through others."""
    clusters: list[list[_Part]] = []
    end = float("-inf")
    for part in sorted(parts, key=lambda p: (p.low, p.high)):
        if part.low >= end - 1:
            clusters.append([])
            end = float("-inf")
        clusters[-1].append(part)
        end = max(end, part.high)
    return clusters


def _shifts(cluster: list[_Part], room: float) -> list[tuple[_Part, float]]:
    """How far each part moves sideways."""
    tracks = _tracks(cluster)
    if len(tracks) < 2:
        return []
    spacing = min(_SPACING, room / (len(tracks) - 1))
    middle = (len(tracks) - 1) / 2
    return [(p, (i - middle) * spacing) for i, track in enumerate(tracks) for p in track]


def _tracks(cluster: list[_Part]) -> list[list[_Part]]:
    """What lies on each track, in their order."""
    tracks: dict[object, list[_Part]] = {}
    for part in sorted(cluster, key=_order):
        tracks.setdefault(part.bundle or (part.line, part.corner), []).append(part)
    return list(tracks.values())


def _order(part: _Part) -> tuple[float, ...]:
    """Sorts parts of a lane: those that turn to smaller coordinates first.

    Of those that turn the same way, the one that turns off first stays outside; where a line
    comes from one side and leaves to the other, the first to come is the last to cross over.
    """
    side = part.before + part.after
    if side < 0:
        return side, part.high - part.low, part.low
    if side > 0:
        return side, part.low - part.high, part.low
    if part.before < 0:
        return 0, -part.low, -part.high
    return 0, part.low, part.high
