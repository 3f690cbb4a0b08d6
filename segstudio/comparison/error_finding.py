"""Finding the errors of an annotation: maps in, values out, no session."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace

import numpy as np

from segstudio.comparison.object_repairs import marks_of
from segstudio.core.geometry import Rect
from segstudio.core.labels import InstanceIds, LabelMap, Labels, Mask, Patch
from segstudio.metrics.object_errors import (
    ClassRegions,
    ObjectError,
    ObjectPairs,
    ObjectSide,
    differing_pixels,
    differing_regions,
    objects_of,
)
from segstudio.session.document import Document
from segstudio.session.error_state import AnnotationErrors, ErrorSides


@dataclass(frozen=True, eq=False)
class OtherSide:
    """What counts as right.

    Attributes:
        labels: (H, W) uint8 class ids.
        ids: (H, W) uint16, or None where objects are not told apart.
        void: (H, W): where it says nothing, or None.
    """

    labels: Labels
    ids: InstanceIds | None
    void: Mask | None = None


class ComparedAnnotation:
    """An annotation compared with another side, kept in step with its edits.

    It has a copy of the annotation, so that the user can paint on while a job counts.
    """

    def __init__(
        self,
        annotation: LabelMap,
        other: OtherSide,
        things: Collection[int],
        ignored: int | None,
        min_pixels: int,
    ) -> None:
        """Count all pixels.

        Args:
            annotation: The map that is judged; read once.
            other: What counts as right.
            things: The classes that have objects by what the folder says. None: objects are told
                apart only where nothing is painted yet and the other side has some.
            ignored: The class that counts nowhere, or None.
            min_pixels: Smaller regions of classes are left out.
        """
        copy = annotation.snapshot()
        if not things and other.ids is not None and not copy.labels.any():
            things = np.unique(other.labels[other.ids > 0]).tolist()
        self.things = frozenset(things) - {0, ignored}
        self._ignored, self._min_pixels, self._void = ignored, min_pixels, other.void
        no_objects = np.zeros(copy.shape_hw, np.uint16)
        if self.things:
            self.mine = objects_of(copy.labels, copy.instances, self.things, ignored)
            self.theirs = objects_of(other.labels, other.ids, self.things, ignored)
        else:
            self.mine = ObjectSide(copy.labels, no_objects)
            self.theirs = ObjectSide(other.labels, no_objects)
        self._keeps_ids = copy.instances is not None
        self._copy = LabelMap(copy.labels.copy(), self.mine.ids.copy())
        ids = self._copy.instances
        assert ids is not None
        self.mine = replace(self.mine, labels=self._copy.labels, ids=ids)
        self._pairs = ObjectPairs(self.mine, self.theirs, ignored, other.void)
        self._differs = np.zeros(copy.shape_hw, np.bool_)
        self._known_regions: ClassRegions | None = None
        self._differ_anew(Rect.of_shape(copy.shape_hw))
        self._ignores = np.zeros(256, np.bool_)
        self._ignores[[0] if ignored is None else [0, ignored]] = True

    def can_follow(self, patches: Iterable[Patch]) -> bool:
        """Whether patches can be followed; else all has to be counted anew."""
        if not self.things:
            return True
        return self._keeps_ids and all(patch.instances_after is not None for patch in patches)

    def follow(self, patches: Iterable[Patch]) -> None:
        """Know what the annotation holds after these patches, of which it may have some already."""
        held = self._copy.instances
        assert held is not None
        for patch in patches:
            cut = patch.rect.slices
            after = patch.instances_after
            if not self.things or after is None:
                ids = np.zeros(patch.rect.shape_hw, np.uint16)
            else:
                ids = np.where(self._ignores[patch.after], np.uint16(0), after)
            own = Patch(
                patch.rect, self._copy.labels[cut].copy(), patch.after, held[cut].copy(), ids
            )
            self._pairs.follow(own)
            self._copy.apply(own)
            self._differ_anew(patch.rect)

    def errors(
        self,
        document: Document,
        against: str,
        title: str,
        good_shape: float,
        settled: frozenset[str],
    ) -> AnnotationErrors:
        """What is wrong with the annotation now.

        Args:
            document: Whose annotation it is.
            against: Key of what counts as right.
            title: What that is called.
            good_shape: The IoU from which on the shape of an object is right.
            settled: What the user said to be right (`object_repairs.marks_of`).
        """
        objects = self._pairs.errors(good_shape)
        regions = self._regions()
        found = AnnotationErrors(
            mine=self.mine,
            theirs=self.theirs,
            regions=regions,
            things=self.things,
            document=document,
            against=against,
            title=title,
            errors=(*objects.errors, *regions.errors),
            settled=0,
            matched=objects.matched,
            kinds=objects.kinds,
        )
        return found if not settled else without_settled(found, settled)

    def count(self, good_shape: float, settled: frozenset[str]) -> int:
        """How many errors there are that are not settled; see `errors`."""
        regions = self._regions()
        sides = ErrorSides(self.mine, self.theirs, regions, self.things)
        errors = (*self._pairs.errors(good_shape).errors, *regions.errors)
        return sum(not is_settled(sides, error, settled) for error in errors)

    def _differ_anew(self, rect: Rect) -> None:
        """Regions are looked for anew only where pixels that differ come or go, or change."""
        now = differing_pixels(self.mine, self.theirs, rect, self._ignored, self._void)
        cut = rect.slices
        if now.any() or self._differs[cut].any():
            self._differs[cut] = now
            self._known_regions = None

    def _regions(self) -> ClassRegions:
        if self._known_regions is None:
            self._known_regions = differing_regions(
                self.mine, self.theirs, self._differs, self._min_pixels
            )
        return self._known_regions


def without_settled(found: AnnotationErrors, settled: frozenset[str]) -> AnnotationErrors:
    """Errors without those of which the user said that the annotation is right."""
    left = tuple(error for error in found.errors if not is_settled(found, error, settled))
    gone = len(found.errors) - len(left)
    return replace(found, errors=left, settled=found.settled + gone) if gone else found


def is_settled(found: ErrorSides, error: ObjectError, settled: frozenset[str]) -> bool:
    """Whether the user said of all that an error is about that the annotation is right."""
    return bool(settled) and settled.issuperset(marks_of(found, error))
