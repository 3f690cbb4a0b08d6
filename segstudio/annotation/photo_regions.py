"""Regions of a photo that tools find: what looks alike, superpixels, a foreground, edges."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Final

import cv2
import numpy as np
import numpy.typing as npt

from segstudio.core.geometry import Rect
from segstudio.core.labels import Image, Labels, Mask
from segstudio.core.mask_preview import MaskPreview

_NEAR_PX: Final = 512
"""So far around a point a region is looked for first: a small one is found at once there."""
_SMALL_PX: Final = 1 << 19
"""An image of more pixels is first looked at with fewer."""
_FILLED: Final = 1
_TILE_PX: Final = 512
"""A large image is cut into cells by tiles of this side, each when it is first looked at."""
_MOST_TILES: Final = 64
_WHOLE_PX: Final = 600_000
"""An image up to this size is cut into cells as a whole."""
_COMPACTNESS, _ROUNDS = 10.0, 5
_RIM_PX: Final = 6
"""So many pixels around the box at least are looked at as its ground."""
_CUT_PX: Final = 160_000
"""So many pixels a foreground is told from its surroundings by: more would take seconds."""
_WIRE_PX: Final = 640
"""Side of the window in which lines along edges are found."""
_CANNY_LOW, _CANNY_HIGH, _STEEPEST = 32, 100, 200


@dataclass(frozen=True, eq=False)
class ShownPhoto:
    """A photo as it is shown, and what is worked out of it once.

    Attributes:
        pixels: (H, W, 3) uint8 RGB.
        at_work: Held while cells are worked out: whoever wants the same ones waits for them.
    """

    pixels: Image
    at_work: threading.Lock = field(default_factory=threading.Lock, repr=False)

    @property
    def shape_hw(self) -> tuple[int, int]:
        """(H, W)."""
        return (self.pixels.shape[0], self.pixels.shape[1])

    @cached_property
    def step(self) -> int:
        """Of so many rows and columns one is looked at where an answer has to be quick."""
        height, width = self.shape_hw
        step = 1
        while (height // step) * (width // step) > _SMALL_PX:
            step += 1
        return step

    @cached_property
    def small(self) -> Image:
        """Every so manieth pixel."""
        return np.ascontiguousarray(self.pixels[:: self.step, :: self.step])

    @cached_property
    def tiles(self) -> dict[tuple[int, Rect], Superpixels]:
        """The cells that were worked out, by their size and the part of the image."""
        return {}


def like(
    photo: ShownPhoto, point_xy: tuple[int, int], tolerance: int, *, contiguous: bool
) -> MaskPreview:
    """The pixels that differ from one by so much at most, in each channel.

    Args:
        photo: The photo.
        point_xy: Pixel (x, y); must lie inside.
        tolerance: 0 to 255.
        contiguous: Whether only what is connected to the point by edges is meant.
    """
    if contiguous:
        near = _like_near(photo, point_xy, tolerance)
        if near is not None:
            return near
    return MaskPreview.of(*_alike(photo.pixels, point_xy, tolerance, contiguous=contiguous))


def roughly_like(
    photo: ShownPhoto, point_xy: tuple[int, int], tolerance: int, *, contiguous: bool
) -> MaskPreview:
    """As `like`, within a frame or two: of a large region with a part of the pixels alone."""
    if photo.step == 1:
        return like(photo, point_xy, tolerance, contiguous=contiguous)
    if contiguous:
        near = _like_near(photo, point_xy, tolerance)
        if near is not None:
            return near
    step = photo.step
    small = photo.small
    (x, y), (height, width) = point_xy, small.shape[:2]
    seed = min(x // step, width - 1), min(y // step, height - 1)
    color = photo.pixels[y, x]
    rect, mask = _alike(small, seed, tolerance, contiguous=contiguous, color=color)
    return MaskPreview.rough(rect, mask, step, photo.shape_hw)


def _like_near(photo: ShownPhoto, point_xy: tuple[int, int], tolerance: int) -> MaskPreview | None:
    """The whole region, if it ends within the surroundings of the point."""
    x, y = point_xy
    window = Rect(y, x, y + 1, x + 1).expand(_NEAR_PX).clip(photo.shape_hw)
    part = np.ascontiguousarray(photo.pixels[window.slices])
    seed = (x - window.left, y - window.top)
    rect, mask = _alike(part, seed, tolerance, contiguous=True)
    found = rect.shifted(window.top, window.left)
    height, width = photo.shape_hw
    goes_on = (
        found.top == window.top > 0
        or found.left == window.left > 0
        or found.bottom == window.bottom < height
        or found.right == window.right < width
    )
    return None if goes_on else MaskPreview.of(found, mask)


def _alike(
    pixels: Image,
    point_xy: tuple[int, int],
    tolerance: int,
    *,
    contiguous: bool,
    color: Image | None = None,
) -> tuple[Rect, Mask]:
    x, y = point_xy
    wanted = (pixels[y, x] if color is None else color).astype(np.int32)
    if contiguous and color is None:
        found = np.zeros((pixels.shape[0] + 2, pixels.shape[1] + 2), np.uint8)
        flags = 4 | cv2.FLOODFILL_FIXED_RANGE | cv2.FLOODFILL_MASK_ONLY | (_FILLED << 8)
        box = cv2.floodFill(pixels, found, (x, y), 0, (tolerance,) * 3, (tolerance,) * 3, flags)[3]
        left, top, width, height = box
        rect = Rect(top, left, top + height, left + width)
        return rect, found[1:-1, 1:-1][rect.slices].astype(np.bool_)
    low = tuple(np.maximum(wanted - tolerance, 0).tolist())
    high = tuple(np.minimum(wanted + tolerance, 255).tolist())
    alike = cv2.inRange(pixels, low, high)
    if contiguous:
        alike[y, x] = 255
        cv2.floodFill(alike, None, (x, y), _FILLED, flags=4)
        alike = (alike == _FILLED).view(np.uint8)
    left, top, width, height = cv2.boundingRect(alike)
    rect = Rect(top, left, top + height, left + width)
    return rect, alike[rect.slices] != 0


# -- superpixels -----------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class Superpixels:
    """Superpixels of a part of an image.

    Attributes:
        rect: The part.
        numbers: (h, w) int32: the cell of each pixel, from 1.
        boxes: Of cell n at n - 1 the rows and columns, in the part.
    """

    rect: Rect
    numbers: npt.NDArray[np.int32]
    boxes: tuple[tuple[slice, slice] | None, ...]

    def number_at(self, x: int, y: int) -> int:
        """The cell of an image pixel of the part."""
        return int(self.numbers[y - self.rect.top, x - self.rect.left])

    def mask(self, numbers: Sequence[int]) -> tuple[Rect, Mask]:
        """The pixels of cells: a rectangle of the image, and (h, w) bool."""
        boxes = [box for n in numbers if (box := self.boxes[n - 1]) is not None]
        rows, columns = ([box[axis] for box in boxes] for axis in (0, 1))
        inner = Rect(
            min(r.start for r in rows),
            min(c.start for c in columns),
            max(r.stop for r in rows),
            max(c.stop for c in columns),
        )
        mask = np.isin(self.numbers[inner.slices], list(numbers))
        return inner.shifted(self.rect.top, self.rect.left), mask


def tile_at(photo: ShownPhoto, x: int, y: int) -> Rect:
    """The part of an image whose cells are worked out together."""
    height, width = photo.shape_hw
    if height * width <= _WHOLE_PX:
        return Rect.of_shape(photo.shape_hw)
    top, left = y // _TILE_PX * _TILE_PX, x // _TILE_PX * _TILE_PX
    return Rect(top, left, top + _TILE_PX, left + _TILE_PX).clip(photo.shape_hw)


def cells_of(photo: ShownPhoto, tile: Rect, side: int) -> Superpixels:
    """The superpixels (SLIC) of a part of an image, about so many pixels wide; kept in the photo."""
    with photo.at_work:
        return photo.tiles.get((side, tile)) or _worked_out(photo, tile, side)


def _worked_out(photo: ShownPhoto, tile: Rect, side: int) -> Superpixels:
    from scipy.ndimage import find_objects
    from skimage.segmentation import slic

    part = photo.pixels[tile.slices]
    count = max(1, round(tile.height * tile.width / side**2))
    numbers = slic(
        part, n_segments=count, compactness=_COMPACTNESS, max_num_iter=_ROUNDS, start_label=1
    ).astype(np.int32)
    made = Superpixels(tile, numbers, tuple(find_objects(numbers)))
    if len(photo.tiles) >= _MOST_TILES:
        photo.tiles.pop(next(iter(photo.tiles)))
    photo.tiles[side, tile] = made
    return made


def cells_under(
    photo: ShownPhoto,
    pixels: Sequence[tuple[int, int]],
    side: int,
    parts: Sequence[tuple[Superpixels, Sequence[int]]] = (),
    check: Callable[[], None] = lambda: None,
) -> tuple[Rect, Mask]:
    """The pixels of the cells under pixels (x, y) of the image, and of those of `parts`.

    Args:
        photo: The photo.
        pixels: The pixels; inside.
        side: How wide a cell is, about.
        parts: Cells of parts of the image, by their numbers.
        check: Called between the parts of the image that are worked out; raises to stop.
    """
    found = {id(cells): (cells, dict.fromkeys(numbers)) for cells, numbers in parts}
    for x, y in pixels:
        check()
        cells = cells_of(photo, tile_at(photo, x, y), side)
        found.setdefault(id(cells), (cells, {}))[1][cells.number_at(x, y)] = None
    return cells_mask([(cells, list(numbers)) for cells, numbers in found.values()])


def cells_mask(parts: Sequence[tuple[Superpixels, Sequence[int]]]) -> tuple[Rect, Mask]:
    """The pixels of cells of several parts of an image."""
    found = [cells.mask(numbers) for cells, numbers in parts]
    rect = Rect(0, 0, 0, 0)
    for part, _ in found:
        rect = rect.union(part)
    mask = np.zeros(rect.shape_hw, np.bool_)
    for part, inside in found:
        mask[part.shifted(-rect.top, -rect.left).slices] |= inside
    return rect, mask


# -- foreground ------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Scribble:
    """A line drawn on what belongs to an object, or on what does not.

    Attributes:
        points: (x, y) in the image.
        belongs: Whether what is under it belongs to the object.
        width: In pixels of the image.
    """

    points: tuple[tuple[float, float], ...]
    belongs: bool
    width: float


def foreground(photo: ShownPhoto, box: Rect, scribbles: Sequence[Scribble] = ()) -> MaskPreview:
    """What stands out in a box from what is around it (GrabCut).

    Args:
        photo: The photo.
        box: Around the object; what lies outside of it is background.
        scribbles: Lines that say more, within the box and around it.
    """
    box = box.clip(photo.shape_hw)
    wide = box
    for scribble in scribbles:
        wide = wide.union(_bounds(scribble))
    # a narrow rim: farther off there may be others like it, which would make it background
    rim = max(_RIM_PX, max(box.height, box.width) // 8)
    around = _with_ground(wide, rim, photo.shape_hw)
    step = 1
    while (around.height // step) * (around.width // step) > _CUT_PX:
        step += 1
    pixels = np.ascontiguousarray(photo.pixels[around.slices][::step, ::step])
    marks = np.full(pixels.shape[:2], cv2.GC_BGD, np.uint8)
    inside = box.shifted(-around.top, -around.left)
    rows, columns = (slice(-(-s.start // step), -(-s.stop // step)) for s in inside.slices)
    marks[rows, columns] = cv2.GC_PR_FGD
    for scribble in scribbles:
        _draw(marks, scribble, around, step)
    is_object = marks & 1 == 1
    if is_object.any() and not is_object.all():
        cv2.setRNGSeed(0)  # the same box gives the same object
        before, after = np.zeros((1, 65)), np.zeros((1, 65))
        cv2.grabCut(pixels, marks, (0, 0, 1, 1), before, after, 3, cv2.GC_INIT_WITH_MASK)
        is_object = marks & 1 == 1
    if step > 1:
        size = (around.width, around.height)
        soft = cv2.resize(is_object.astype(np.float32), size, interpolation=cv2.INTER_LINEAR)
        is_object = soft > 0.5
    left, top, width, height = cv2.boundingRect(is_object.view(np.uint8))
    rect = Rect(top, left, top + height, left + width)
    return MaskPreview.of(rect.shifted(around.top, around.left), is_object[rect.slices].copy())


def _with_ground(rect: Rect, rim: int, shape_hw: tuple[int, int]) -> Rect:
    """The rectangle with the ground around it, but not where it nearly ends at the image's edge.

    An object that is cut off there goes on in such a strip, which would make it ground.
    """
    height, width = shape_hw
    rect, wide = rect.clip(shape_hw), rect.expand(rim).clip(shape_hw)
    return Rect(
        rect.top if rect.top < _RIM_PX else wide.top,
        rect.left if rect.left < _RIM_PX else wide.left,
        rect.bottom if height - rect.bottom < _RIM_PX else wide.bottom,
        rect.right if width - rect.right < _RIM_PX else wide.right,
    )


def _bounds(scribble: Scribble) -> Rect:
    x, y = zip(*scribble.points, strict=True)
    half = math.ceil(scribble.width / 2)
    ends = (math.floor(v) for v in (min(y), min(x), max(y) + 1, max(x) + 1))
    return Rect(*ends).expand(half)


def _draw(marks: Labels, scribble: Scribble, around: Rect, step: int) -> None:
    points = scribble.points if len(scribble.points) > 1 else scribble.points * 2
    line = np.array(points, np.float64) - (around.left, around.top)
    value = cv2.GC_FGD if scribble.belongs else cv2.GC_BGD
    width = max(1, round(scribble.width / step))
    pixels = np.floor(line / step).astype(np.int32).reshape(1, -1, 2)
    cv2.polylines(marks, [*pixels], isClosed=False, color=float(value), thickness=width)


# -- lines along edges -----------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class Wire:
    """Finds lines along the edges of a photo from one point to any other near it.

    Attributes:
        start: (x, y) in the image, where all of them begin.
        window: The part of the image in which they run.
        step: Of so many rows and columns one is looked at.
        scissors: OpenCV's, with the way to each pixel of the window.
    """

    start: tuple[float, float]
    window: Rect
    step: int
    scissors: cv2.segmentation.IntelligentScissorsMB

    def to(self, end: tuple[float, float]) -> list[tuple[float, float]]:
        """The points after the start up to an image point; straight on where the window ends."""
        window, step = self.window, self.step
        column = (min(max(end[0], window.left), window.right - 1) - window.left) / step
        row = (min(max(end[1], window.top), window.bottom - 1) - window.top) / step
        height, width = -(-window.height // step), -(-window.width // step)
        target = min(int(column), width - 1), min(int(row), height - 1)
        found = np.asarray(self.scissors.getContour(target), np.float64).reshape(-1, 2)
        line = (found[1:-1] + 0.5) * step + (window.left, window.top)
        return [*((float(x), float(y)) for x, y in line), end]


def wire_from(photo: ShownPhoto, start: tuple[float, float], scale: float) -> Wire:
    """Work out the lines along edges that begin at a point.

    Args:
        photo: The photo.
        start: (x, y) in the image.
        scale: Pixels of the screen for a pixel of the image: zoomed out, fewer are looked at.
    """
    step = max(1, int(1 / scale))
    (x, y), half = start, _WIRE_PX * step // 2
    height, width = photo.shape_hw
    column, row = min(max(int(x), 0), width - 1), min(max(int(y), 0), height - 1)
    window = Rect(row, column, row + 1, column + 1).expand(half).clip(photo.shape_hw)
    scissors = cv2.segmentation.IntelligentScissorsMB()
    scissors.setEdgeFeatureCannyParameters(_CANNY_LOW, _CANNY_HIGH)
    scissors.setGradientMagnitudeMaxLimit(_STEEPEST)
    scissors.applyImage(np.ascontiguousarray(photo.pixels[window.slices][::step, ::step]))
    scissors.buildMap(((column - window.left) // step, (row - window.top) // step))
    return Wire(start, window, step, scissors)
