"""How one object becomes several: by a line, by two points, by what was erased, by its regions.

Pieces are what is connected by edges of pixels, not by corners: a line one pixel thin parts them.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from segstudio.core.brush import segment_mask
from segstudio.core.geometry import Rect
from segstudio.core.labels import InstanceIds, LabelMap, Mask, Patch
from segstudio.core.merging import side_by_side
from segstudio.core.object_index import ObjectIndex

LEAST_PIECE = 4
"""A piece of fewer pixels is no object of its own: it stays with the one it was cut from."""
_NOTCH, _LONGEST = 0.25, 0.6
"""How deep a notch is at least, and how long a way across at most, for what it cuts off."""
_LEAST_OUTLINE, _MOST_ENDS, _TRIED = 6, 240, 40
"""Pixels of outline that are cut off at least; points of the outline, and ways across, looked at."""
_WAIST = 0.85
"""Where a way between two lobes is narrower than this share of the smaller one, it is a waist."""
Pieces = npt.NDArray[np.int32]
"""(h, w): 0 outside of an object, 1 where its largest piece lies, which keeps its number, 2 and so
on by falling size."""
PointXY = tuple[float, float]


@dataclass(frozen=True)
class Cut:
    """How an object would be parted.

    Attributes:
        object_id: Which.
        rect: Where it lies.
        pieces: (h, w): 1 for the piece that keeps the number, 2 and so on for the others.
    """

    object_id: int
    rect: Rect
    pieces: Pieces

    @property
    def new_pieces(self) -> int:
        """How many pieces need a number of their own."""
        return max(0, int(self.pieces.max(initial=0)) - 1)

    def is_of(self, ids: InstanceIds) -> bool:
        """Whether the object has still the pixels that it had."""
        return np.array_equal(ids[self.rect.slices] == self.object_id, self.pieces > 0)

    @property
    def is_cut(self) -> bool:
        """Whether there is more than one piece."""
        return self.new_pieces > 0


def cuts_by_line(
    index: ObjectIndex, ids: InstanceIds, object_ids: Iterable[int], points: Sequence[PointXY]
) -> tuple[Cut, ...]:
    """What a line parts of some objects.

    Args:
        index: The objects of the map.
        ids: (H, W) uint16: its ids.
        object_ids: Which of them may be parted.
        points: The line's corners (x, y) in the image.
    """
    cuts = []
    for object_id in object_ids:
        rect, mask = index.mask_of(object_id, ids)
        cut = Cut(object_id, rect, cut_by_line(mask, rect, points))
        if cut.is_cut:
            cuts.append(cut)
    return tuple(cuts)


def cut_patches(
    annotation: LabelMap, cuts: Iterable[Cut], numbers: Sequence[int]
) -> tuple[Patch, ...]:
    """The patches that part objects of a map, with free numbers for the new pieces."""
    patches: list[Patch] = []
    given, ids = 0, annotation.instances
    if ids is None:
        return ()
    for cut in cuts:
        own = numbers[given : given + cut.new_pieces]
        given += cut.new_pieces
        patch = cut_patch(annotation.labels, ids, cut.rect, cut.pieces, own)
        if patch is not None:
            patches.append(patch)
    return side_by_side(annotation, patches)


def cut_by_line(mask: Mask, rect: Rect, points: Iterable[PointXY]) -> Pieces:
    """What a line makes of an object.

    The pixels under the line go to the piece beside them, those between two to the larger one;
    what was apart before stays one object.

    Args:
        mask: (h, w) bool: the object's pixels.
        rect: Where they lie in the image.
        points: The line's corners (x, y) in the image.

    Returns:
        The pieces; one if the line does not go through from edge to edge.
    """
    line = _line(rect, list(points)) & mask
    pieces = fallen_apart(mask & ~line, mask) if line.any() else mask.astype(np.int32)
    return grown(pieces, mask) if pieces.max(initial=0) > 1 else mask.astype(np.int32)


def cut_between(
    mask: Mask,
    rect: Rect,
    first_xy: tuple[int, int],
    second_xy: tuple[int, int],
    brightness: npt.NDArray[np.uint8] | None = None,
) -> Pieces:
    """An object parted between two of its pixels, where it is narrowest.

    That is the shortest straight way across from a notch in its outline, for what it cuts off.
    Without one each pixel is led to the middle of the lobe in which it lies, and both lobes are
    flooded from there (a watershed over the distance to the object's edge). Where there is no waist
    between the two, each gets what is nearer to it.

    Args:
        mask: (h, w) bool: the object's pixels.
        rect: Where they lie in the image.
        first_xy: A pixel of the object, (x, y) in the image.
        second_xy: Another one.
        brightness: If given, (h, w) of the photo there: the halves meet where it is darkest.

    Returns:
        Two pieces; one if a point lies outside of the object or both are the same.
    """
    places = [(y - rect.top, x - rect.left) for x, y in (first_xy, second_xy)]
    inside = Rect.of_shape((mask.shape[0], mask.shape[1]))
    if places[0] == places[1] or not all(inside.contains(x, y) and mask[y, x] for y, x in places):
        return mask.astype(np.int32)
    halves = _at_notch(mask, places) if brightness is None else None
    if halves is None:
        halves = _at_waist(mask, places, brightness)
    if halves is None:
        halves = _flooded(np.zeros(mask.shape, np.float32), mask, places)
    # parts that no seed reaches stay with the first
    halves[mask & (halves == 0)] = 1
    if np.count_nonzero(halves == 2) > np.count_nonzero(halves == 1):
        halves = np.where(halves == 0, 0, 3 - halves).astype(np.int32)
    return halves


def _at_waist(
    mask: Mask, places: Sequence[tuple[int, int]], brightness: npt.NDArray[np.uint8] | None
) -> Pieces | None:
    """The halves that meet at the waist between two places (row, column); None without a waist."""
    if brightness is None:
        padded = np.pad(mask, 1).astype(np.uint8)
        distance = cv2.distanceTransform(padded, cv2.DIST_L2, cv2.DIST_MASK_PRECISE)[1:-1, 1:-1]
        smooth, least = cv2.GaussianBlur(distance, (0, 0), 0.7), _WAIST
    else:
        smooth, least = cv2.GaussianBlur(brightness.astype(np.float32), (0, 0), 1.5), 1.0
    height: npt.NDArray[np.float32] = np.where(mask, smooth, 0).astype(np.float32)
    tops = [_climbed(height, place) for place in places]
    if tops[0] == tops[1]:
        return None
    halves = _flooded(-height, mask, tops)
    parted = [halves[place] for place in places] == [1, 2]
    lower = min(float(height[top]) for top in tops)
    return halves if parted and _pass(height, halves) < least * lower else None


def _at_notch(mask: Mask, places: Sequence[tuple[int, int]]) -> Pieces | None:
    """The halves on both sides of the shortest way across between two places (row, column).

    It begins or ends in a notch of the outline and cuts off much for its length; None if there is
    no such way.
    """
    outline = _outline_around(mask, places)
    if len(outline) < _LEAST_OUTLINE:
        return None
    depth, step = _notches(outline), -(-len(outline) // _MOST_ENDS)
    points, depth = outline[::step], depth[::step]
    number = np.arange(len(points))
    around = np.abs(number[:, None] - number[None])
    around = np.minimum(around, len(points) - around) * step
    length = np.linalg.norm(points[:, None] - points[None], axis=2)
    sides = [
        np.sign(_cross(points[None] - points[:, None], np.array(p) - points[:, None]))
        for p in places
    ]
    possible = (sides[0] * sides[1] < 0) | (length == 0)
    possible &= (around >= _LEAST_OUTLINE) & (np.maximum(depth[:, None], depth[None]) >= _NOTCH)
    possible &= length <= _LONGEST * around
    notched = depth[:, None] + depth[None]
    cost = np.where(possible, (length + 1) / np.maximum(around, 1) * (1 - 0.4 * notched), np.inf)
    whole = Rect.of_shape((mask.shape[0], mask.shape[1]))
    for flat in np.argsort(cost, axis=None, kind="stable")[: 2 * _TRIED : 2]:
        one, other = np.unravel_index(int(flat), cost.shape)
        if not np.isfinite(cost[one, other]):
            return None
        line = [(float(x) + 0.5, float(y) + 0.5) for y, x in (points[one], points[other])]
        halves = cut_by_line(mask, whole, line)
        if halves.max() == 2 and halves[places[0]] != halves[places[1]]:
            return halves
    return None


def _outline_around(mask: Mask, places: Sequence[tuple[int, int]]) -> npt.NDArray[np.float64]:
    """The pixels (row, column), in order, of the outer edge of the part with two places."""
    lines = cv2.findContours(mask.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)[0]
    for line in lines:
        inside = (cv2.pointPolygonTest(line, (float(x), float(y)), False) for y, x in places)
        if all(found >= 0 for found in inside):
            return np.asarray(line[:, 0, ::-1], np.float64)
    return np.zeros((0, 2))


def _notches(outline: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """How deep a notch each point of an outline is in: 0 for none, 1 for a right angle or more."""
    reach = max(2, min(8, len(outline) // 12))
    before = np.roll(outline, reach, axis=0) - outline
    after = np.roll(outline, -reach, axis=0) - outline
    angle = np.arctan2(_cross(before, after), (before * after).sum(axis=1))
    # the sign of the outline's area says on which side its inside is
    turning = np.sign(_cross(outline, np.roll(outline, -1, axis=0)).sum()) or 1.0
    inner = np.mod(-turning * angle, 2 * np.pi)
    depth: npt.NDArray[np.float64] = np.clip((inner - np.pi) / (np.pi / 2), 0.0, 1.0)
    return depth


def _cross(one: npt.NDArray[np.float64], other: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    return one[..., 0] * other[..., 1] - one[..., 1] * other[..., 0]


def _climbed(height: npt.NDArray[np.float32], place: tuple[int, int]) -> tuple[int, int]:
    """The top to which the steepest way up from a place (row, column) leads."""
    while True:
        top, left = max(0, place[0] - 1), max(0, place[1] - 1)
        around = height[top : place[0] + 2, left : place[1] + 2]
        row, column = np.unravel_index(int(around.argmax()), around.shape)
        if around[row, column] <= height[place]:
            return place
        place = (top + int(row), left + int(column))


def _pass(height: npt.NDArray[np.float32], halves: Pieces) -> float:
    """The highest place at which two halves touch; 0 if they do not."""
    found = 0.0
    for one, other in (((slice(1, None), slice(None)), (slice(None, -1), slice(None))),
                       ((slice(None), slice(1, None)), (slice(None), slice(None, -1)))):  # fmt: skip
        touch = (halves[one] != halves[other]) & (halves[one] > 0) & (halves[other] > 0)
        lower = np.minimum(height[one], height[other])[touch]
        found = max(found, float(lower.max(initial=0.0)))
    return found


def _flooded(
    depth: npt.NDArray[np.float32], mask: Mask, places: Sequence[tuple[int, int]]
) -> Pieces:
    """What is flooded first from each of some places (row, column), numbered from 1."""
    from skimage.segmentation import watershed  # takes seconds to import

    seeds = np.zeros(mask.shape, np.int32)
    for number, place in enumerate(places, 1):
        seeds[place] = number
    flood: Callable[..., npt.ArrayLike] = watershed
    return np.array(flood(depth, seeds, mask=mask), np.int32)


def fallen_apart(now: Mask, before: Mask) -> Pieces:
    """The pieces into which an object has fallen of which a part was taken away.

    What was apart before stays one object. Pieces smaller than `LEAST_PIECE` stay with it.

    Args:
        now: (h, w) bool: what is left of the object.
        before: (h, w) bool: what it was.
    """
    whole_count, whole = _connected(before)
    count, parts = _connected(now)
    if count <= 1:
        return now.astype(np.int32)
    areas = np.bincount(parts.reshape(-1), minlength=count + 1)
    origin = np.zeros(count + 1, np.int32)
    origin[parts[now]] = whole[now]
    kept = int(areas[1:].argmax()) + 1
    table = np.ones(count + 1, np.int32)
    table[0] = 0
    new: list[int] = []
    for number in range(1, whole_count + 1):
        of_it = np.flatnonzero(origin == number)
        of_it = of_it[of_it > 0]
        if of_it.size < 2:
            continue
        stays = kept if kept in of_it else int(of_it[areas[of_it].argmax()])
        new += [int(p) for p in of_it if p != stays and areas[p] >= LEAST_PIECE]
    for number, part in enumerate(sorted(new, key=lambda p: -int(areas[p])), 2):
        table[part] = number
    return np.asarray(table[parts], np.int32)


def regions_of(mask: Mask) -> Pieces:
    """The connected regions of a mask, also by corners, numbered in reading order."""
    return np.asarray(cv2.connectedComponents(mask.view(np.uint8), connectivity=8)[1], np.int32)


def region_seeds(annotation: LabelMap, rect: Rect) -> list[tuple[int, int]]:
    """A pixel of each connected region in a rectangle."""
    labels = annotation.labels[rect.slices]
    seeds = []
    for class_id in np.unique(labels):
        if class_id == 0:
            continue
        regions = regions_of(labels == class_id)
        _, first = np.unique(regions, return_index=True)
        for place in first[1:] if regions.reshape(-1)[first[0]] == 0 else first:
            y, x = divmod(int(place), rect.width)
            seeds.append((x + rect.left, y + rect.top))
    return sorted(seeds, key=lambda xy: (xy[1], xy[0]))


def crossed_by(ids: InstanceIds, points: Sequence[tuple[float, float]]) -> list[int]:
    """The objects under a line, in the order in which it comes to them."""
    found: dict[int, None] = {}
    for pixels in _under(ids.shape, points):
        for object_id in ids[pixels].tolist():
            if object_id:
                found[object_id] = None
    return list(found)


def class_without_number(label_map: LabelMap, points: Sequence[tuple[float, float]]) -> int:
    """The class of the first pixel under a line that has one but no number; 0 if there is none."""
    labels, ids = label_map.labels, label_map.instances
    for pixels in _under(label_map.shape_hw, points):
        found = labels[pixels] if ids is None else np.where(ids[pixels] == 0, labels[pixels], 0)
        if found.any():
            return int(found[found > 0][0])
    return 0


def _under(
    shape_hw: tuple[int, ...], points: Sequence[tuple[float, float]]
) -> Iterator[tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]]:
    """Rows and columns of the pixels under each piece of a line."""
    height, width = shape_hw
    for (x0, y0), (x1, y1) in itertools.pairwise(points):
        steps = int(2 * max(abs(x1 - x0), abs(y1 - y0))) + 2
        columns = np.floor(np.linspace(x0, x1, steps)).astype(np.intp)
        rows = np.floor(np.linspace(y0, y1, steps)).astype(np.intp)
        inside = (columns >= 0) & (columns < width) & (rows >= 0) & (rows < height)
        yield rows[inside], columns[inside]


def numbered_regions(annotation: LabelMap, class_ids: Iterable[int]) -> tuple[Pieces, int]:
    """The connected regions of classes that have no number, numbered from 1, and how many."""
    free = np.ones(annotation.shape_hw, np.bool_)
    if annotation.instances is not None:
        free = annotation.instances == 0
    numbers, count = np.zeros(annotation.shape_hw, np.int32), 0
    for class_id in sorted(class_ids):
        regions = regions_of((annotation.labels == class_id) & free)
        found = int(regions.max(initial=0))
        if found:
            numbers = np.where(regions > 0, regions + count, numbers)
            count += found
    return numbers.astype(np.int32), count


def cut_patch(
    labels: npt.NDArray[np.uint8],
    ids: InstanceIds,
    rect: Rect,
    pieces: Pieces,
    new_ids: Iterable[int],
) -> Patch | None:
    """The patch that gives the second piece and those after it numbers of their own.

    It covers the pixels that change and no others.

    Args:
        labels: (H, W) uint8: the map's classes.
        ids: (H, W) uint16: its ids.
        rect: Where the pieces lie.
        pieces: (h, w) of the rectangle's shape.
        new_ids: One number for each piece after the first.
    """
    moved = pieces > 1
    rows, columns = np.flatnonzero(moved.any(axis=1)), np.flatnonzero(moved.any(axis=0))
    if not rows.size:
        return None
    top, left = rect.top + int(rows[0]), rect.left + int(columns[0])
    inner = Rect(top, left, rect.top + int(rows[-1]) + 1, rect.left + int(columns[-1]) + 1)
    part = pieces[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    table = np.array([0, 0, *new_ids], np.uint16)
    before = ids[inner.slices]
    after = np.where(part > 1, table[part], before)
    classes = labels[inner.slices]
    return Patch(inner, classes.copy(), classes.copy(), before.copy(), after)


def _line(rect: Rect, points: list[PointXY]) -> Mask:
    """The pixels of a rectangle that a line goes through, one thin."""
    mask = np.zeros(rect.shape_hw, np.bool_)
    shape = (rect.bottom, rect.right)
    for start, end in itertools.pairwise(points):
        where, along = segment_mask(start, end, 1, shape)
        common = where.intersect(rect)
        if common.is_empty:
            continue
        top, left = common.top - rect.top, common.left - rect.left
        there = along[
            common.top - where.top : common.bottom - where.top,
            common.left - where.left : common.right - where.left,
        ]
        mask[top : top + common.height, left : left + common.width] |= there
    return mask


def _connected(mask: Mask) -> tuple[int, Pieces]:
    """How many parts a mask has, and the number of each pixel's, from 1."""
    count, parts = cv2.connectedComponents(mask.view(np.uint8), connectivity=4)
    return count - 1, np.asarray(parts, np.int32)


def grown(pieces: Pieces, mask: Mask) -> Pieces:
    """Pixels of a mask that belong to no piece yet given to the pieces beside them, the first first.

    What is connected to no piece stays 0.
    """
    pieces = pieces.copy()
    count = int(pieces.max())
    while True:
        free = mask & (pieces == 0)
        if not free.any():
            return pieces
        reached = False
        for number in range(1, count + 1):
            near = cv2.dilate((pieces == number).view(np.uint8), _CROSS) > 0
            taken = free & near & (pieces == 0)
            reached |= bool(taken.any())
            pieces[taken] = number
        if not reached:
            return pieces


_CROSS = cv2.getStructuringElement(cv2.MORPH_CROSS, (3, 3))
