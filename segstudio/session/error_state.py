"""What is wrong with the open image's annotation if a model or the ground truth is right."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property

from segstudio.core.labels import Mask
from segstudio.metrics.object_errors import (
    GOOD_SHAPE,
    ClassRegions,
    ErrorKey,
    ErrorKind,
    ObjectError,
    ObjectSide,
)
from segstudio.session.document import Document

SHOWN = ""
"""Against the prediction that is shown, whichever it is."""
TRUTH = ":truth"
"""Against the ground truth as it was loaded; no run is called so."""


@dataclass(frozen=True, eq=False)
class ErrorSides:
    """The two maps that errors are about.

    Attributes:
        mine: The annotation's objects.
        theirs: Those of the other side.
        regions: Where classes differ and neither side has an object.
        things: The classes that have objects.
    """

    mine: ObjectSide
    theirs: ObjectSide
    regions: ClassRegions
    things: frozenset[int]

    def masks_of(self, error: ObjectError, *, mine: bool) -> Iterator[Mask]:
        """(h, w) bool for each object of one side in the error's rectangle; of a region its own."""
        if error.kind is ErrorKind.REGION:
            yield self.regions.mask(error)
            return
        side, numbers = (self.mine, error.mine) if mine else (self.theirs, error.theirs)
        ids = side.ids[error.rect.slices]
        for number in numbers:
            yield ids == number


@dataclass(frozen=True, eq=False)
class AnnotationErrors(ErrorSides):
    """The errors of one image's annotation, as of a moment after its last edit.

    Attributes:
        document: The image.
        against: Key of the run that counts as right, or `TRUTH`.
        title: What that is called.
        errors: Those that are not settled, by kind, the largest first.
        settled: How many more there are of which the user said that the annotation is right.
        matched: How many objects are right.
        kinds: The kind of each object of the annotation that is not right, settled or not.
    """

    document: Document
    against: str
    title: str
    errors: tuple[ObjectError, ...]
    settled: int
    matched: int
    kinds: Mapping[int, ErrorKind]

    @cached_property
    def counts(self) -> Mapping[ErrorKind, int]:
        """How many there are of each kind, in the order of the kinds; of others none."""
        found = Counter(error.kind for error in self.errors)
        return {kind: found[kind] for kind in ErrorKind if found[kind]}

    @cached_property
    def words_of_objects(self) -> Mapping[int, str]:
        """What is wrong with objects of the annotation, in a word or two, by number."""
        return {
            number: text_of(error)
            for error in self.errors
            if not self.mine.from_regions
            for number in error.mine
        }

    def prepare(self) -> None:
        """Work out in a job what is asked for in any case: of thousands it takes long."""
        _ = self.counts, self.words_of_objects, self._by_key, self._places

    def listed(self, kind: ErrorKind | None) -> tuple[ObjectError, ...]:
        """The errors of one kind; all for None."""
        return self.errors if kind is None else self._by_kind.get(kind, ())

    def place(self, key: ErrorKey | None, kind: ErrorKind | None) -> int | None:
        """Which of the listed errors, from 0, is known by a key; None if none is."""
        error = self.error(key)
        if error is None or (kind is not None and error.kind is not kind):
            return None
        in_all, of_kind = self._places[error.key]
        return in_all if kind is None else of_kind

    def error(self, key: ErrorKey | None) -> ObjectError | None:
        """The error that is known by a key; None if it is not there any more."""
        return self._by_key.get(key) if key is not None else None

    @cached_property
    def _by_kind(self) -> Mapping[ErrorKind, tuple[ObjectError, ...]]:
        return {kind: tuple(e for e in self.errors if e.kind is kind) for kind in self.counts}

    @cached_property
    def _places(self) -> Mapping[ErrorKey, tuple[int, int]]:
        """Of each error its place among all, and among those of its kind."""
        of_kind = {e.key: i for same in self._by_kind.values() for i, e in enumerate(same)}
        return {error.key: (i, of_kind[error.key]) for i, error in enumerate(self.errors)}

    @cached_property
    def _by_key(self) -> Mapping[ErrorKey, ObjectError]:
        return {error.key: error for error in self.errors}


def text_of(error: ObjectError) -> str:
    """The kind of an error; of several objects in one, or one in several, with how many."""
    several = {ErrorKind.MERGED: error.theirs, ErrorKind.SPLIT: error.mine}.get(error.kind)
    return error.kind.value.capitalize() + (f" {len(several)}" if several else "")


@dataclass(frozen=True)
class ErrorsState:
    """What is looked at of it; what was chosen stays from image to image.

    Attributes:
        against: What counts as right: `SHOWN`, `TRUTH` or the key of a run.
        kind: The only kind that is listed; None for all.
        good_shape: The IoU from which on the shape of an object is right.
        min_pixels: Smaller regions of classes are not listed.
        in_front: Whether keys go from error to error, not along where models differ; None as long
            as nobody chose: then where there is one model only.
        opened: The error that is looked at, None for none.
        waiting: Whether they are being looked for.
        problem: Why there are none to be known; "" if there is no reason.
        of_images: How many errors images have, as far as that was counted, by position.
    """

    against: str = SHOWN
    kind: ErrorKind | None = None
    good_shape: float = GOOD_SHAPE
    min_pixels: int = 10
    in_front: bool | None = None
    opened: ErrorKey | None = None
    waiting: bool = False
    problem: str = ""
    of_images: Mapping[int, int] = field(default_factory=dict)
