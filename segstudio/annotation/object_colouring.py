"""Which colour each object of the open image is drawn in, kept in step with every edit."""

from __future__ import annotations

import weakref
from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

from segstudio.annotation.known_objects import KnownObjects
from segstudio.annotation.stepping import AT_ONCE_PIXELS
from segstudio.core.geometry import Rect
from segstudio.core.labels import InstanceIds, LabelMap, Patch
from segstudio.core.object_index import boxes_of
from segstudio.core.object_tones import Tones, plain_tones, retoned, told_apart
from segstudio.jobs import JobRunner
from segstudio.session.session import Change, Session, What

_Told = tuple[npt.NDArray[np.int64], Tones]
_AT_ONCE = 300
"""So many objects are told apart at once; more in a job."""
_FEW = 64
"""So many objects are looked at one by one after an edit; of more, all are."""


class ObjectTones:
    """Near objects of a map have different tones, see `core.object_tones`.

    The tones of the annotation follow its patches: only objects that are painted on may get
    another one, and none does without need.

    Attributes:
        recoloured: Where objects got another tone since the image was opened, in order.
    """

    def __init__(self, session: Session, jobs: JobRunner | None, known: KnownObjects) -> None:
        """Args:
        session: What is open.
        jobs: Tells many objects apart in the background; without it they are at once.
        known: The objects of the open image.
        """
        self._session, self._jobs, self._known = session, jobs, known
        self.recoloured: list[Rect] = []
        self._of: LabelMap | None = None
        self._tones: Tones = plain_tones().copy()
        self._settled = False
        self._meanwhile: set[int] | None = None
        self._still: dict[int, tuple[weakref.ref[InstanceIds], Tones]] = {}
        session.follow(What.LABELS, self._on_labels)
        session.follow(What.OBJECTS, self._on_objects)
        session.follow(What.DOCUMENT, self._on_document)

    def of(self, ids: InstanceIds) -> Tones:
        """The tones of a map, by object id: of the open annotation, or of one that stays as it is.

        Those of many objects come later, and OBJECTS is said then; until then they are by number.
        """
        document = self._session.document
        if document is not None and _is_of(document.annotation, ids):
            if self._of is not document.annotation:
                self._of, self._tones = document.annotation, plain_tones().copy()
                self._settled, self._meanwhile = False, None
            if not self._settled:
                self._settle()
            return self._tones
        return self._of_still(ids)

    def of_object(self, object_id: int) -> int:
        """The tone of an object of the open annotation; 0 if it has no objects."""
        document = self._session.document
        ids = None if document is None else document.annotation.instances
        return 0 if ids is None else int(self.of(ids)[object_id])

    # -- inside --------------------------------------------------------------------------------

    def _on_document(self, _change: Change) -> None:
        document = self._session.document
        if document is None or document.annotation is not self._of:
            self._of = None
        self.recoloured = []
        self._still = {key: kept for key, kept in self._still.items() if kept[0]() is not None}

    def _settle(self) -> None:
        """Tell all objects of the annotation apart."""
        document = self._session.document
        index = None if document is None else self._known.of(document)
        if document is None or index is None or self._meanwhile is not None:
            return
        numbers, boxes = index.boxes()
        before, annotation = self._tones[numbers], self._of
        self._settled = True

        def done(tones: Tones) -> None:
            if self._of is not annotation:
                return
            touched, self._meanwhile = self._meanwhile or (), None
            differ = tones != before
            self._tones[numbers] = tones
            self._recolour(int(number) for number in numbers[differ])
            self._retone(sorted(touched))

        def done_later(tones: Tones) -> None:
            done(tones)
            self._say()

        if self._jobs is None or len(numbers) <= _AT_ONCE:
            done(told_apart(boxes, before))
            return
        self._meanwhile = set()
        self._jobs.submit(
            "Colours of objects",
            "scores",
            lambda _job: told_apart(boxes, before),
            done_later,
            visible=False,
        )

    def _of_still(self, ids: InstanceIds) -> Tones:
        owner = _owner(ids)
        kept = self._still.get(id(owner))
        if kept is not None and kept[0]() is owner:
            return kept[1]
        tones = plain_tones().copy()
        self._still[id(owner)] = (weakref.ref(owner), tones)
        if self._jobs is None or ids.size <= AT_ONCE_PIXELS // 4:
            numbers, boxes = boxes_of(ids)
            if self._jobs is None or len(numbers) <= _AT_ONCE:
                tones[numbers] = told_apart(boxes, tones[numbers])
                return tones

        def work() -> _Told:
            numbers, boxes = boxes_of(ids)
            return numbers, told_apart(boxes, plain_tones()[numbers])

        def done(found: _Told) -> None:
            tones[found[0]] = found[1]
            self.recoloured.append(Rect.of_shape((ids.shape[0], ids.shape[1])))
            self._say()

        self._jobs.submit("Colours of objects", "scores", lambda _job: work(), done, visible=False)
        return tones

    def _say(self) -> None:
        self._session.notify(What.OBJECTS, by=self)

    def _on_objects(self, _change: Change) -> None:
        """The objects of a large annotation may be known now."""
        if self._of is not None and not self._settled:
            self._settle()

    def _on_labels(self, change: Change) -> None:
        document = self._session.document
        if document is None or change.document is not document or self._of is None:
            return
        if document.annotation is not self._of or not change.patches:
            self._settled = False
            return
        touched = _touched(change.patches)
        if self._meanwhile is not None:
            self._meanwhile |= touched
        elif len(touched) > _FEW or self._known.of(document) is None:
            self._settled = False
            self._settle()
        else:
            self._retone(sorted(touched))

    def _retone(self, touched: Iterable[int]) -> None:
        document = self._session.document
        index = None if document is None else self._known.of(document)
        if index is None:
            self._settled = False
        else:
            self._recolour(retoned(self._tones, index, list(touched)))

    def _recolour(self, numbers: Iterable[int]) -> None:
        document = self._session.document
        index = None if document is None else self._known.of(document)
        if document is None:
            return
        for count, number in enumerate(numbers):
            if index is None or count >= _FEW:
                self.recoloured.append(Rect.of_shape(document.shape_hw))
                return
            info = index.info(number)
            if info is not None:
                self.recoloured.append(info.rect)


def _owner(ids: InstanceIds) -> InstanceIds:
    """What a view of all of an array is of: a label map gives out a new view each time."""
    base = ids.base
    whole = isinstance(base, np.ndarray) and base.shape == ids.shape
    return base if isinstance(base, np.ndarray) and whole else ids


def _is_of(label_map: LabelMap, ids: InstanceIds) -> bool:
    own = label_map.instances
    return own is not None and _owner(own) is _owner(ids)


def _touched(patches: Iterable[Patch]) -> set[int]:
    """The objects that got pixels by patches."""
    found: set[int] = set()
    for patch in patches:
        before, after = patch.instances_before, patch.instances_after
        if before is not None and after is not None:
            new = after[before != after]
            found.update(np.flatnonzero(np.bincount(new)).tolist() if new.size else ())
    return found - {0}
