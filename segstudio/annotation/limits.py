"""Which pixels painting may change: the one rule that all tools ask, and what is said of it."""

from __future__ import annotations

import math
from collections.abc import Collection
from dataclasses import dataclass, replace
from typing import Any, Final

import cv2
import numpy as np
import numpy.typing as npt

from segstudio.core.brush import segment_mask
from segstudio.core.geometry import Rect
from segstudio.core.labels import Image, LabelMap, Mask, Patch
from segstudio.core.mask_preview import MaskPreview
from segstudio.notices import Notices
from segstudio.session.document import Document
from segstudio.session.session import Session, ViewState
from segstudio.storage.picture import COMPOSITE

Way = tuple[tuple[float, float], tuple[float, float]]
"""Two points (x, y) of the image, between which the middle of a brush moved."""
NOTHING_LEFT: Final = "The limits of painting leave nothing to change there."
_LEVELS: Final = 256


@dataclass(frozen=True, eq=False)
class _Classes:
    """Which classes may be painted over.

    Attributes:
        painting: (256,) bool: by something.
        erasing: (256,) bool: by background.
    """

    painting: npt.NDArray[np.bool_]
    erasing: npt.NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class _Photo:
    """What is asked of the photo.

    Attributes:
        values: (H, W) stored values, or (H, W, 3) uint8 of which the brightness counts.
        lowest: The lowest that is painted.
        highest: The highest.
    """

    values: npt.NDArray[Any]
    lowest: float
    highest: float

    def allowed(self, rect: Rect, step: int) -> Mask:
        part: npt.NDArray[Any] = self.values[rect.slices][::step, ::step]
        if part.ndim == 3:
            part = cv2.cvtColor(np.ascontiguousarray(part), cv2.COLOR_RGB2GRAY)
        lowest, highest = self.lowest, self.highest
        if part.dtype.kind in "iu":  # compared as whole numbers, which is several times faster
            least, most = np.iinfo(part.dtype).min, np.iinfo(part.dtype).max
            if highest < least or lowest > most:
                return np.zeros(part.shape, np.bool_)
            lowest, highest = max(math.ceil(lowest), least), min(math.floor(highest), most)
        found: Mask = (part >= lowest) & (part <= highest)
        return found


@dataclass(frozen=True, eq=False)
class _Snap:
    """What is connected to the middle of the brush, and looks like the place where it began.

    Attributes:
        pixels: (H, W, 3) uint8: the photo as it is shown.
        color: (3,) of the place where the stroke began.
        tolerance: By how much each channel may differ.
    """

    pixels: Image
    color: npt.NDArray[np.uint8]
    tolerance: int

    def allowed(self, rect: Rect, mask: Mask, way: Way) -> Mask:
        middle = self.color.astype(np.int32)
        low = np.maximum(middle - self.tolerance, 0).tolist()
        high = np.minimum(middle + self.tolerance, _LEVELS - 1).tolist()
        part = np.ascontiguousarray(self.pixels[rect.slices])
        alike = np.asarray(cv2.inRange(part, tuple(low), tuple(high)), np.uint8)
        alike &= mask.view(np.uint8)
        line, on_line = segment_mask(*way, 1, self.pixels.shape[:2])
        common = line.intersect(rect)
        if common.is_empty:
            return np.zeros(mask.shape, np.bool_)
        numbers = cv2.connectedComponents(alike, connectivity=4)[1]
        begun = numbers[common.within(rect)][on_line[common.within(line)]]
        kept = np.unique(begun[begun > 0])
        if len(kept) == 1:
            return np.asarray(numbers == kept[0])
        return np.isin(numbers, kept)


@dataclass(frozen=True, eq=False)
class Limits:
    """What of one image may be painted over, as it was decided when an edit began.

    A pixel is painted if every limit that is on allows it. The classes are asked when the pixels
    are painted, so that a stroke goes by what it has painted itself.
    """

    annotation: LabelMap
    _classes: _Classes | None = None
    _photo: _Photo | None = None
    _unsure: tuple[npt.NDArray[np.uint8], int] | None = None
    _snap: _Snap | None = None

    @property
    def apply(self) -> bool:
        """Whether there is any."""
        parts = (self._classes, self._photo, self._unsure, self._snap)
        return any(part is not None for part in parts)

    def allowed(self, rect: Rect, *, erase: bool, step: int = 1) -> Mask | None:
        """Which pixels of a rectangle may be changed: (h, w) bool; None for all.

        Args:
            rect: Where; inside the image.
            erase: Whether they would become background.
            step: Of so many rows and columns one is asked about.
        """
        found: Mask | None = None
        if self._classes is not None:
            table = self._classes.erasing if erase else self._classes.painting
            labels = np.ascontiguousarray(self.annotation.labels[rect.slices][::step, ::step])
            found = cv2.LUT(labels, table.view(np.uint8)).view(np.bool_)
        if self._photo is not None:
            found = _both(found, self._photo.allowed(rect, step))
        if self._unsure is not None:
            confidence, below = self._unsure
            found = _both(found, confidence[rect.slices][::step, ::step] < below)
        return found

    def within(self, rect: Rect, mask: Mask, *, erase: bool, way: Way | None = None) -> Mask:
        """The pixels of a mask that may be painted.

        Args:
            rect: Where it lies; inside the image.
            mask: (h, w) bool of the rectangle's shape.
            erase: Whether they would become background.
            way: Where the middle of the brush went; None for what is no stroke.
        """
        if rect.is_empty:
            return mask
        if self._snap is not None and way is not None:
            mask = mask & self._snap.allowed(rect, mask, way)
        allowed = self.allowed(rect, erase=erase)
        return mask if allowed is None else mask & allowed

    def restricted(self, patch: Patch) -> Patch | None:
        """The part of a patch that may be done; None if nothing is left of it.

        An object that would get another class gets it as a whole or not at all.
        """
        painted = self.allowed(patch.rect, erase=False)
        erased = self.allowed(patch.rect, erase=True)
        if painted is None or erased is None:
            return patch
        allowed = np.where(patch.after == 0, erased, painted)
        ids, before = patch.instances_after, patch.instances_before
        if ids is not None and before is not None:
            turned = (patch.after != patch.before) & (ids == before) & (ids > 0)
            torn = np.unique(ids[turned & ~allowed])
            allowed &= ~(turned & np.isin(ids, torn))
        after = np.where(allowed, patch.after, patch.before)
        changes: Mask = after != patch.before
        if ids is not None and before is not None:
            ids = np.where(allowed, ids, before)
            changes |= ids != before
        return replace(patch, after=after, instances_after=ids) if changes.any() else None

    def previewed(self, preview: MaskPreview, *, erase: bool = False) -> MaskPreview:
        """Pixels that would be painted, of which those are drawn that will be."""
        rect, step = preview.rect, preview.step
        allowed = None if rect.is_empty else self.allowed(rect, erase=erase, step=step)
        return preview if allowed is None else preview.drawn_within(allowed)


def limits_of(
    session: Session, document: Document, centre: tuple[float, float] | None = None
) -> Limits:
    """The limits that are on now.

    Args:
        session: What is open.
        document: The image.
        centre: The point (x, y) at which a stroke begins; None for what has none.
    """
    view = session.view
    return Limits(
        document.annotation,
        _classes_of(view),
        _photo_of(view, document),
        _unsure_of(view, document),
        None if centre is None else _snap_of(view, document, centre),
    )


def class_limits(view: ViewState, annotation: LabelMap) -> Limits:
    """The limits that can be told of an image that is not open: those of classes."""
    return Limits(annotation, _classes_of(view))


def locked_in(view: ViewState, patch: Patch) -> frozenset[int]:
    """The locked classes of which a patch would change pixels, or numbers that objects have."""
    if not view.locked_classes:
        return frozenset()
    changes: Mask = patch.after != patch.before
    ids, before = patch.instances_after, patch.instances_before
    if ids is not None and before is not None:
        changes |= (ids != before) & (before > 0)
    return view.locked_classes & frozenset(np.unique(patch.before[changes]).tolist())


def asks_photo(view: ViewState) -> bool:
    """Whether a limit is on that only the open image can tell."""
    return view.value_range is not None or view.below_confidence is not None


def _classes_of(view: ViewState) -> _Classes | None:
    over = _only_over(view)
    if over is None and not view.locked_classes:
        return None
    painting = np.full(_LEVELS, over is None)
    if over is not None:
        painting[list(over)] = True
    erasing = painting.copy()
    if view.only_unlabelled:
        # background is background already: what may be erased is what is painted
        erasing[view.active_class] = True
    for table in (painting, erasing):
        table[list(view.locked_classes)] = False
    return _Classes(painting, erasing)


def _only_over(view: ViewState) -> frozenset[int] | None:
    """The classes that alone are painted over; None for all."""
    if not view.only_unlabelled and view.only_class is None:
        return None
    chosen = frozenset() if view.only_class is None else frozenset((view.only_class,))
    return chosen | {0} if view.only_unlabelled else chosen


def _photo_of(view: ViewState, document: Document) -> _Photo | None:
    return None if view.value_range is None else _Photo(_values(document), *view.value_range)


def _values(document: Document) -> npt.NDArray[Any]:
    picture = document.picture
    if picture is None:
        return document.pixels
    if document.channel != COMPOSITE:
        return picture.raw[..., document.channel]
    return picture.raw[..., 0] if picture.raw.shape[2] == 1 else document.pixels


def _unsure_of(view: ViewState, document: Document) -> tuple[npt.NDArray[np.uint8], int] | None:
    shown = document.predictions.get(view.scored_run)
    if view.below_confidence is None or shown is None:
        return None
    return shown.confidence, math.ceil(view.below_confidence * (_LEVELS - 1) - 1e-9)


def _snap_of(view: ViewState, document: Document, centre: tuple[float, float]) -> _Snap | None:
    if view.snap_tolerance is None:
        return None
    height, width = document.shape_hw
    column = min(max(math.floor(centre[0]), 0), width - 1)
    row = min(max(math.floor(centre[1]), 0), height - 1)
    return _Snap(document.shown, document.shown[row, column], view.snap_tolerance)


def _both(one: Mask | None, other: Mask) -> Mask:
    return other if one is None else one & other


def without_locked(view: ViewState, annotation: LabelMap, wanted: LabelMap) -> LabelMap:
    """A map that is to replace an annotation, with the pixels of locked classes as they are."""
    kept: Mask = np.isin(annotation.labels, list(view.locked_classes))
    if not kept.any():
        return wanted
    ids, new = annotation.instances, wanted.instances
    labels = np.where(kept, annotation.labels, wanted.labels)
    if ids is None and new is None:
        return LabelMap(labels)
    nothing = np.zeros(annotation.shape_hw, np.uint16)
    return LabelMap(
        labels, np.where(kept, nothing if ids is None else ids, nothing if new is None else new)
    )


# -- words -----------------------------------------------------------------------------------------


def values_name(document: Document) -> str:
    """What the range of values is about, as the image is shown."""
    picture = document.picture
    if picture is None:
        return "brightness"
    if document.channel != COMPOSITE:
        return f"stored values of {picture.names[document.channel]}"
    return "stored values" if picture.raw.shape[2] == 1 else "brightness"


def whole_range(document: Document) -> tuple[float, float]:
    """Values between which most of an image lie, in which a range is chosen; found once."""
    picture = document.picture
    values = _values(document)
    if picture is None or values.dtype == np.uint8:
        return (0.0, float(_LEVELS - 1))
    return picture.ranges[max(document.channel, 0)]


def limit_words(session: Session) -> tuple[str, ...]:
    """Each limit that is on, in a few words."""
    view, schema, document = session.view, session.schema, session.document
    said = []
    over = _only_over(view)
    if over is not None:
        names = ["unlabelled" if i == 0 else schema.name_of(i) for i in sorted(over)]
        said.append(f"only over {' and '.join(names)}")
    if locked := sorted(view.locked_classes):
        names = [schema.name_of(i) for i in locked]
        few = ", ".join(names) if len(names) < 4 else f"{len(names)} locked classes"
        said.append(f"not over {few}")
    if view.value_range is not None:
        name = "values" if document is None else values_name(document)
        said.append(f"{name} {view.value_range[0]:g} to {view.value_range[1]:g}")
    if view.below_confidence is not None:
        shown = None if document is None else document.predictions.get(view.scored_run)
        of = "no model shown, so not limited" if shown is None else shown.title
        said.append(f"confidence below {100 * view.below_confidence:.0f} % ({of})")
    if view.snap_tolerance is not None:
        said.append(f"snap to edges ({view.snap_tolerance})")
    return tuple(said)


def say_locked(notices: Notices, session: Session, locked: Collection[int]) -> bool:
    """Say which class nothing was done to, and what helps; whether there is one."""
    if locked:
        name = session.schema.name_of(min(locked))
        notices.info(f"{name} is locked.", "Unlock it in the table of classes.", scope="image")
    return bool(locked)
