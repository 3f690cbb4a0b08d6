"""Changing the annotation: strokes, polygons, fills, whole maps, undo and redo."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence

import numpy as np

from segstudio.annotation.edit_queue import EditQueue, WantedEdit
from segstudio.annotation.known_objects import KnownObjects
from segstudio.annotation.limits import NOTHING_LEFT, Way, limits_of, without_locked
from segstudio.annotation.patching import (
    PackedAll,
    applied,
    difference_at,
    difference_patch,
    known_classes,
    lost_to_nothing,
    numbers_are_used_up,
    packed_all,
    ready_for,
    replacement_text,
    replacing,
    signed,
    taken_patch,
)
from segstudio.annotation.stepping import AT_ONCE_PIXELS, Stepping
from segstudio.annotation.stroke_objects import PointXY, Stroke, StrokeObjects, StrokeTarget
from segstudio.core.geometry import Rect
from segstudio.core.history import Edit, Source
from segstudio.core.labels import LabelMap, Mask, Patch
from segstudio.core.merging import in_bands, merged
from segstudio.core.prediction import Prediction
from segstudio.core.provenance import IMPORT, PERSON, written
from segstudio.core.regions import filled_region
from segstudio.core.shapes import polygon_mask
from segstudio.jobs import Job, JobRunner
from segstudio.notices import Notices
from segstudio.runs.score_sides import run_title
from segstudio.session.document import Document
from segstudio.session.session import SchemaOrigin, Selection, Session, What

_REPLACED = "replaced"
"""What the notice of a replaced annotation is about: the next one takes its place."""
Made = Patch | Sequence[Patch] | None
"""What an edit changes, the patches in order; nothing if nothing changes."""


class Editing:
    """Everything that changes the open image's annotation.

    Every change is a patch that is applied and announced as LABELS at once; what makes up one
    user action becomes one `Edit` of the image's history.

    Attributes:
        known: The objects of the open image.
        objects: Which object what is painted becomes.
        writer_of: Number of the one who writes pixels of a source, where that is kept.
    """

    def __init__(
        self, session: Session, jobs: JobRunner | None = None, notices: Notices | None = None
    ) -> None:
        """Args:
        session: What is open.
        jobs: Makes changes of large maps in the background; without it they are made at once.
        notices: Where to say that such a change was not done.
        """
        self._session = session
        self._notices = notices
        self._queue = EditQueue(session, jobs, self._say)
        self._stepping = Stepping(session, jobs, notices, self._apply)
        self._stroke: Stroke | None = None
        self.known = KnownObjects(session, jobs)
        self.objects = StrokeObjects(session, self.known)
        self.writer_of: Callable[[Source | None], int] = lambda _source: PERSON

    # -- strokes ---------------------------------------------------------------------------

    @property
    def stroking(self) -> bool:
        """Whether a stroke is being drawn."""
        return self._stroke is not None

    def begin_stroke(self, x: float, y: float, erase: bool = False, pressure: float = 1.0) -> None:
        """Put the brush down at image point (x, y); does nothing if no image is open.

        Args:
            x: Column; pixel x covers [x, x + 1).
            y: Row.
            erase: Paint background.
            pressure: How hard the pen is pressed, 0..1.
        """
        self.end_stroke()
        document = self._editable()
        if document is None:
            return
        class_id = 0 if erase else self._session.view.active_class
        aimed = self.objects.at(document, (x, y), class_id)
        target = self.objects.numbered(document, aimed)
        if target is None:
            self._say(numbers_are_used_up(document))
            return
        title = "Eraser" if erase else f"Brush: {self._session.schema.name_of(target.class_id)}"
        limits = limits_of(self._session, document, (x, y))
        self._stroke = Stroke.begun(document, title, (x, y), self._session.view, target, limits)
        document.history.begin(self._stroke.recorder)
        self._stamp((x, y), pressure)

    def target_at(self, x: float, y: float, erase: bool = False) -> StrokeTarget | None:
        """What a stroke would make that begins at (x, y); None if nothing can be painted there."""
        document = self._session.document
        inside = document is not None and Rect.of_shape(document.shape_hw).contains(int(x), int(y))
        if document is None or self._session.read_only or not inside:
            return None
        class_id = 0 if erase else self._session.view.active_class
        return self.objects.at(document, (x, y), class_id)

    def extend_stroke(self, x: float, y: float, pressure: float = 1.0) -> None:
        """Draw on to (x, y) in a straight line; does nothing without a stroke."""
        if self._stroke is not None:
            self._stamp((x, y), pressure)

    def end_stroke(self) -> None:
        """Lift the brush: the stroke becomes one undoable edit."""
        self._stepping.settle()
        self._lift()

    def _lift(self) -> None:
        stroke, self._stroke = self._stroke, None
        if stroke is None:
            return
        if stroke.takes_objects and stroke.target.class_id == 0:
            self._part(stroke)
        if stroke.document.history.push(stroke.recorder):
            self._session.notify(What.HISTORY)
            self._select_painted(stroke.document, stroke.target)

    def _part(self, stroke: Stroke) -> None:
        """Make objects of the pieces of what the stroke cut, within the same edit."""
        erased = [patch.inverse() for patch in stroke.recorder.taken_back().unpack().patches]
        pieces = self.objects.parted(stroke.document, erased[::-1])
        pieces = written(stroke.document.annotation, pieces, PERSON)
        for patch in pieces:
            stroke.recorder.add(patch)
        if pieces:
            self._apply(stroke.document, pieces)

    def _select_painted(self, document: Document, target: StrokeTarget) -> None:
        """What was painted is the selected object, so that the next stroke can go on with it."""
        if target.object_id and document is self._session.document:
            self._session.select(Selection((target.object_id,)))

    def abort_stroke(self) -> None:
        """Take the stroke back as if it had never begun."""
        stroke, self._stroke = self._stroke, None
        if stroke is not None:
            stroke.document.history.give_up(stroke.recorder)
        if stroke is not None and not stroke.recorder.is_empty:
            self._stepping.take_back(stroke.document, stroke.recorder.taken_back())

    def _stamp(self, point_xy: PointXY, pressure: float) -> None:
        stroke = self._stroke
        assert stroke is not None
        rect, mask = stroke.reach(point_xy, pressure)
        if rect.is_empty:
            return
        painted = self.objects.painted_patch(stroke.document, (rect, mask), stroke.target)
        patch = signed(stroke.document.annotation, painted)
        if patch is not None:
            ids = patch.instances_before
            stroke.takes_objects |= ids is not None and bool(ids[patch.before != patch.after].any())
            self._ready_for(stroke.document, patch)
            stroke.recorder.add(*(parts := in_bands(patch)))
            self._apply(stroke.document, parts)

    # -- shapes and regions ------------------------------------------------------------------

    def fill_at(self, x: float, y: float) -> None:
        """Give the region under (x, y) the active class.

        The region is what is connected to the point with the same class, of an object only that
        object, or with "contiguous" off that class everywhere. What lies in the outline of an
        object becomes a part of it.
        """
        self.end_stroke()
        document = self._editable()
        point = (int(np.floor(x)), int(np.floor(y)))
        if document is None or not Rect.of_shape(document.shape_hw).contains(*point):
            return
        class_id, contiguous = self._session.view.active_class, self._session.view.fill_contiguous

        def where() -> tuple[Rect, Mask]:
            return filled_region(document.annotation, point, contiguous=contiguous)

        def target(found: tuple[Rect, Mask]) -> StrokeTarget:
            return self.objects.of_fill(document, point, found, class_id)

        title = f"Fill: {self._session.schema.name_of(class_id)}"
        self._paint(document, title, where, target, middle=(x, y))

    def paint_polygon(
        self, points: Iterable[PointXY], erase: bool = False, title: str = "Polygon"
    ) -> None:
        """Fill a polygon given by its corners (x, y) with the active class, or with background.

        It belongs to the object on which its first corner lies, or to a new one, as a stroke does.
        """
        self.end_stroke()
        document = self._editable()
        corners = np.asarray(list(points), np.float64).reshape(-1, 2)
        if document is None or len(corners) < 3:
            return
        class_id = 0 if erase else self._session.view.active_class
        first_xy = (float(corners[0, 0]), float(corners[0, 1]))
        target = self.objects.at(document, first_xy, class_id)
        width, height = np.minimum(np.ptp(corners, axis=0), document.shape_hw[::-1])
        self._paint(
            document,
            f"{title}: {self._session.schema.name_of(target.class_id)}",
            lambda: polygon_mask(corners, document.shape_hw),
            lambda _found: target,
            pixels=int(width * height),
        )

    def paint_mask(self, rect: Rect, mask: Mask, title: str, erase: bool = False) -> None:
        """Give the pixels of a mask the active class, as one object where that has objects.

        Args:
            rect: Where; inside the image.
            mask: (h, w) bool of the rectangle's shape: which pixels.
            title: What the edit is called, before the class.
            erase: Paint background.
        """
        if not rect.is_empty:
            self.paint_region(lambda: (rect, mask), title, erase, rect.height * rect.width)

    def paint_region(
        self,
        find: Callable[[], tuple[Rect, Mask]],
        title: str,
        erase: bool = False,
        pixels: int | None = None,
        then: Callable[[bool], None] | None = None,
    ) -> None:
        """As `paint_mask`, with pixels that are found when they are painted.

        Args:
            find: Gives rectangle and mask; runs in a job where it looks at many pixels.
            title: What the edit is called, before the class.
            erase: Paint background.
            pixels: How many it looks at, at most; None for the whole image.
            then: Called at the end with whether something changed.
        """
        self._paint_thing(find, title, erase, then, pixels=pixels)

    def paint_found(
        self,
        find: Callable[[Job | None], tuple[Rect, Mask]],
        title: str,
        erase: bool = False,
        then: Callable[[bool], None] | None = None,
    ) -> None:
        """As `paint_region`, with pixels that are found in the photo, in a job however few."""
        self._paint_thing(find, title, erase, then, looks_at_photo=True)

    def _paint_thing(
        self,
        find: Callable[..., tuple[Rect, Mask]],
        title: str,
        erase: bool,
        then: Callable[[bool], None] | None,
        *,
        pixels: int | None = None,
        looks_at_photo: bool = False,
    ) -> None:
        """Paint what is found as one thing, with the class that is in hand now."""
        self.end_stroke()
        document = self._editable()
        if document is None:
            return
        target = self.objects.of_mask(document, 0 if erase else self._session.view.active_class)
        self._paint(
            document,
            f"{title}: {self._session.schema.name_of(target.class_id)}",
            find,
            lambda _found: target,
            pixels=pixels,
            then=then,
            looks_at_photo=looks_at_photo,
        )

    def _paint(
        self,
        document: Document,
        title: str,
        where: Callable[..., tuple[Rect, Mask]],
        target_of: Callable[[tuple[Rect, Mask]], StrokeTarget],
        pixels: int | None = None,
        then: Callable[[bool], None] | None = None,
        middle: PointXY | None = None,
        *,
        looks_at_photo: bool = False,
    ) -> None:
        """Paint what the limits leave of the pixels that `where` finds, and select its object."""
        target: StrokeTarget | None = None
        why_not = ""
        limits = limits_of(self._session, document, middle)
        way: Way | None = None if middle is None else (middle, middle)

        def make(job: Job | None = None) -> Made:
            nonlocal target, why_not
            rect, mask = where(job) if looks_at_photo else where()
            if rect.is_empty:
                return None
            target = self.objects.numbered(document, target_of((rect, mask)))
            if target is None:
                why_not = numbers_are_used_up(document)
                return None
            left = limits.within(rect, mask, erase=target.class_id == 0, way=way)
            why_not = "" if left.any() or not mask.any() else NOTHING_LEFT
            return self.objects.painted(document, (rect, left), target)

        def done(changed: bool) -> None:
            if why_not:
                self._say(why_not)
            elif changed and target is not None:
                self._select_painted(document, target)
            if then is not None:
                then(changed)

        self._perform(
            document, title, make, pixels=pixels, then=done, looks_at_photo=looks_at_photo
        )

    def change_by(
        self,
        title: str,
        make: Callable[[LabelMap], Made],
        pixels: int | None = None,
        then: Callable[[bool], None] | None = None,
    ) -> None:
        """Commit what the limits leave of what a function makes of the annotation, as one edit.

        Args:
            title: What the edit is called.
            make: Gives the patch or None; runs in a job if large, again if painted on meanwhile.
            pixels: How many pixels it looks at, at most; None for the whole image.
            then: Called at the end with whether something changed.
        """
        self.end_stroke()
        document = self._editable()
        if document is not None:
            self._perform_limited(document, title, lambda: make(document.annotation), pixels, then)

    # -- whole maps --------------------------------------------------------------------------

    def use_prediction(self, run: str = "") -> None:
        """Make a prediction of the open image its annotation; says so where it is not there.

        Args:
            run: Key of the prediction; that of the view clicked on last if not named.
        """
        self.end_stroke()
        document = self._editable()
        run = run or self._session.view.scored_run
        if document is None:
            return
        if run not in document.predictions:
            self._say(f"{run_title(self._session, run)} has not run on {document.ref.title}.")
            return
        prediction, schema = document.predictions[run], self._session.schema
        if prediction.own is not None:
            self._tell_foreign(prediction)
            return
        title = f"Use as annotation: {prediction.title}"
        locked = self._session.view.locked_classes

        def wanted() -> LabelMap:
            return replacing(document.annotation, prediction, schema, locked)

        what = f"{prediction.title}'s prediction"
        self._replace(document, wanted, title, prediction.title, what, run)

    def take_region(self, run: str, rect: Rect, mask: Mask) -> None:
        """Make what a run says of some pixels of the open image its annotation there.

        Args:
            run: Key of the prediction; nothing is done if there is none.
            rect: Where; inside the image.
            mask: (h, w) bool of the rectangle's shape: which pixels.
        """
        self._take(run, lambda _document, _said: (rect, mask), rect.height * rect.width)

    def take_difference(self, run: str, x: int, y: int) -> None:
        """Take what a run says of the connected pixels around (x, y) that it calls differently."""
        self._take(run, lambda document, said: difference_at(document, said, (x, y)))

    def _take(
        self,
        run: str,
        where: Callable[[Document, Prediction], tuple[Rect, Mask]],
        pixels: int | None = None,
    ) -> None:
        self.end_stroke()
        document, schema = self._editable(), self._session.schema
        said = None if document is None else document.predictions.get(run)
        if document is None or said is None:
            return
        if said.own is not None:
            self._tell_foreign(said)
            return

        def make() -> Patch | None:
            return taken_patch(document, said, where(document, said), schema)

        title, source = f"Take from {said.title}", Source(run)
        self._perform_limited(document, title, make, pixels, source=source)

    def use_truth(self, title: str = "Use ground truth") -> None:
        """Make the ground truth of the open image, as it was loaded, its annotation."""
        document = self._editable()
        if document is not None and document.truth is not None:
            self.restore(document, document.truth, title, "the ground truth")

    def restore(self, document: Document, wanted: LabelMap, title: str, what: str) -> None:
        """Make a version of the ground truth the annotation of the open image.

        Args:
            document: The image; nothing is done if it is not open.
            wanted: The version.
            title: What the edit is called.
            what: What the version is called in a sentence.
        """
        self.end_stroke()
        if document is self._editable():
            self._replace(document, lambda: wanted, title, "ground truth", what, imported=True)

    def clear(self) -> None:
        """Make everything background but what is locked."""
        self.end_stroke()
        document, view = self._editable(), self._session.view
        if document is not None:

            def wanted() -> LabelMap:
                blank = LabelMap.empty(document.shape_hw)
                return without_locked(view, document.annotation, blank)

            self._replace(document, wanted, "Clear", document.origin, "background")

    def _replace(
        self,
        document: Document,
        wanted: Callable[[], LabelMap],
        title: str,
        origin: str,
        what: str,
        run: str = "",
        *,
        imported: bool = False,
    ) -> None:
        """Replace the annotation, and say so if something was there.

        Args:
            document: Whose annotation it is.
            wanted: Makes what comes instead, perhaps in a job.
            title: What the edit is called.
            origin: What the document's origin becomes.
            what: What comes instead, in a sentence.
            run: The prediction that it comes from, if it does.
            imported: Whether another program wrote it.
        """
        told, kept, schema = "", "", self._session.schema
        declared = self._session.schema_origin is SchemaOrigin.DECLARED

        def make() -> Patch | None:
            nonlocal told, kept
            annotation, new = document.annotation, wanted()
            lost = ""
            if declared:  # a file with others could not be read again
                new, lost = known_classes(new, schema)
            # all of it for nothing is a slip: who wants that clears the annotation
            kept = lost_to_nothing(annotation, new, schema, document.ref.title) if run else ""
            if kept:
                return None
            told = f"{replacement_text(annotation, new, what)} {lost}".strip()
            return difference_patch(annotation, new.labels, new.instances)

        def done(changed: bool) -> None:
            if kept:
                hint = "Edit > Clear annotation removes them."
                self._tell(f"{origin} finds {kept}", hint)
                return
            document.origin = origin
            if changed and told and self._notices is not None:
                self._tell_replaced(document, told, title)

        source = Source(run, whole=True, imported=imported)
        self._perform(document, title, make, then=done, source=source)

    def _tell_foreign(self, prediction: Prediction) -> None:
        """Say that a prediction has nothing that could be annotated here."""
        self._tell(
            f"{prediction.title}'s prediction was not used: none of its classes is one of the folder's.",
            "Say what they count as in Evaluation > Class mapping.",
        )

    def _tell(self, message: str, hint: str) -> None:
        if self._notices is not None:
            self._notices.info(message, hint, scope="image")

    def _tell_replaced(self, document: Document, told: str, title: str) -> None:
        """Say what an edit of the whole map replaced, and offer to take it back."""
        assert self._notices is not None
        annotation, revision = document.annotation, document.annotation.revision

        def take_back() -> None:
            same = document is self._session.document and document.annotation is annotation
            if same and annotation.revision == revision:
                self.undo()
            else:
                self._say(f"{title} was not undone: {document.ref.name} was edited since.")

        self._notices.settle(_REPLACED)
        self._notices.info(told, action=("Undo", take_back), scope="image", about=_REPLACED)

    def _perform(
        self,
        document: Document,
        title: str,
        make: Callable[..., Made],
        pixels: int | None = None,
        then: Callable[[bool], None] | None = None,
        source: Source | None = None,
        *,
        looks_at_photo: bool = False,
    ) -> None:
        """Commit the patches that `make` gives, after what was asked for before.

        Args:
            document: Whose annotation is changed.
            title: What the edit is called.
            make: Makes the patches, in a job where they have many pixels; nothing if nothing
                changes.
            pixels: How many pixels they have at most; None for the whole image.
            then: Called at the end with whether something changed.
            source: Where the pixels come from, if not from a hand.
            looks_at_photo: Whether `make` gets the job, and takes long however few they are.
        """
        size = document.annotation.labels.size if pixels is None else pixels
        writer = self.writer_of(source)

        def work(job: Job | None) -> PackedAll:
            made = make(job) if looks_at_photo else make()
            return packed_all(title, made, source, document.annotation, writer)

        def done(made: PackedAll) -> None:
            self._finish(document, made, then)

        is_large = size > AT_ONCE_PIXELS
        self._queue.add(WantedEdit(document, title, work, done, is_large, looks_at_photo))

    def _perform_limited(
        self,
        document: Document,
        title: str,
        make: Callable[[], Made],
        pixels: int | None = None,
        then: Callable[[bool], None] | None = None,
        source: Source | None = None,
    ) -> None:
        """As `_perform`, but for what the limits forbid; says so where they leave nothing."""
        limits, is_limited = limits_of(self._session, document), False

        def limited() -> Made:
            nonlocal is_limited
            made = make()
            patches = () if made is None else (made,) if isinstance(made, Patch) else made
            left = [part for p in patches if (part := limits.restricted(p)) is not None]
            is_limited = bool(patches) and not left
            return left

        def done(changed: bool) -> None:
            if is_limited:
                self._say(NOTHING_LEFT)
            if then is not None:
                then(changed)

        self._perform(document, title, limited, pixels, done, source)

    def _editable(self) -> Document | None:
        """The open image if it may be edited; if not, the reason is said."""
        if self._session.read_only:
            self._say(self._session.read_only)
            return None
        return self._session.document

    def _say(self, message: str) -> None:
        if self._notices is not None:
            self._notices.info(message)

    def _finish(
        self, document: Document, made: PackedAll, then: Callable[[bool], None] | None
    ) -> None:
        recorder, patches = made
        if patches:
            for patch in patches:
                self._ready_for(document, patch)
            document.history.push(recorder)
            self._apply(document, patches, What.HISTORY)
        if then is not None:
            then(bool(patches))

    def _ready_for(self, document: Document, patch: Patch) -> None:
        """Let the annotation keep ids of objects if a patch brings the first."""
        if ready_for(document, patch):
            self.known.begin(document)

    def change(
        self,
        title: str,
        make: Callable[[Document], Made],
        *,
        pixels: int | None = None,
        then: Callable[[bool], None] | None = None,
        source: Source | None = None,
    ) -> None:
        """Make an edit of the open image of patches that are made elsewhere.

        Args:
            title: What the edit is called.
            make: Makes the patches, perhaps in a job, and again if it was painted on meanwhile.
            pixels: How many pixels they have at most; None for the whole image.
            then: Called at the end with whether something changed.
            source: Where the pixels come from, if not from a hand.
        """
        self.end_stroke()
        document = self._editable()
        if document is not None:
            self._perform(document, title, lambda: make(document), pixels, then, source)

    # -- undo --------------------------------------------------------------------------------

    def undo(self) -> None:
        """Take back the last edit; a stroke that is being drawn is taken back instead."""
        if self.stroking:
            self.abort_stroke()
            return
        if self._queue.give_up_last():
            return
        if self._editable() is not None:
            if self._notices is not None:
                self._notices.settle(_REPLACED)  # or it would offer to undo what is undone
            self._stepping.go(undo=True)

    def redo(self) -> None:
        """Bring back what was undone last."""
        self._lift()
        if self._editable() is not None:
            self._stepping.go(undo=False)

    def become(self, document: Document, wanted: LabelMap, title: str) -> None:
        """Make an annotation equal to a map that was read, as one undoable action.

        Where the map does not say who wrote it, another program did.
        """
        instances = None if wanted.instances is None else np.array(wanted.instances)
        patch = difference_patch(document.annotation, wanted.labels, instances, wanted.writers)
        if wanted.writers is None:
            patch = signed(document.annotation, patch, IMPORT)
        if patch is not None:
            self.end_stroke()
            self._ready_for(document, patch)
            document.history.push(Edit(title, (patch,)))
            self._apply(document, (patch,), What.HISTORY)

    # -- picking -----------------------------------------------------------------------------

    def pick_class(self, x: float, y: float) -> None:
        """Make the class under (x, y) the active one."""
        document = self._session.document
        column, row = int(np.floor(x)), int(np.floor(y))
        if document is None or not Rect.of_shape(document.shape_hw).contains(column, row):
            return
        view = self._session.view
        picked = int(document.annotation.labels[row, column])
        if picked != view.active_class:
            self._session.set_view(active_class=picked, previous_class=view.active_class)

    # -- inside ------------------------------------------------------------------------------

    def _apply(
        self, document: Document, patches: tuple[Patch, ...], also: What | None = None
    ) -> None:
        patches = applied(document.annotation, merged(document.annotation, patches))
        self.known.follow(document, patches)
        document.edited_at = time.time()
        what = What.LABELS if also is None else What.LABELS | also
        self._session.notify(what, document=document, patches=patches)
