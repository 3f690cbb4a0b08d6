"""The objects of the open image: choosing them, and making, parting, joining, changing them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import cv2
import numpy as np

from segstudio.annotation.editing import Editing, Made
from segstudio.annotation.limits import say_locked
from segstudio.annotation.object_colouring import ObjectTones
from segstudio.annotation.patching import difference_patch
from segstudio.annotation.stepping import AT_ONCE_PIXELS
from segstudio.core.formatting import counted
from segstudio.core.geometry import Rect
from segstudio.core.labels import InstanceIds, LabelMap, Mask, Patch
from segstudio.core.merging import side_by_side
from segstudio.core.object_cuts import (
    Cut,
    Pieces,
    class_without_number,
    crossed_by,
    cut_between,
    cut_patches,
    cuts_by_line,
    numbered_regions,
    region_seeds,
)
from segstudio.core.object_edits import changed_objects, changed_region, renumbered
from segstudio.core.object_index import ObjectIndex, ObjectInfo
from segstudio.core.regions import is_unnumbered, region_around
from segstudio.folder.schema_keeper import SchemaKeeper
from segstudio.jobs import JobRunner
from segstudio.notices import Notices
from segstudio.session.document import Document
from segstudio.session.session import Change, Selection, Session, What

PixelXY = tuple[int, int]
Region = tuple[Rect, Mask]
"""A rectangle of the image, and which pixels of it (h, w) bool."""
_FEW = 64
"""So many objects are changed at once; more in a job."""
_AT_ONCE_WINDOW = 1024
_NEEDS_OBJECTS = "Make objects of the regions"


class Objects:
    """What can be done with the objects of the open image's annotation.

    An object is what has a number of its own; where a class has none, a connected region of it
    takes the place of an object: it can be chosen, deleted and given another class. Every verb that
    changes something is one edit, which touches the objects' rectangles only. What is chosen is
    `Session.selection`.

    Attributes:
        merge_first: The object with which the next one that is clicked on is merged; 0 for none.
        tones: Which colour each of them is drawn in.
    """

    def __init__(
        self,
        session: Session,
        jobs: JobRunner,
        notices: Notices,
        editing: Editing,
        schema_keeper: SchemaKeeper,
    ) -> None:
        self._session, self._jobs, self._notices = session, jobs, notices
        self._editing, self._schema_keeper = editing, schema_keeper
        self._region_of: dict[PixelXY, Region] = {}
        self._regions_at: tuple[LabelMap | None, int] = (None, -1)
        self.merge_first = 0
        self._taken: object = None
        self.tones = ObjectTones(session, jobs, editing.known)
        session.follow(What.DOCUMENT | What.PROJECT, self._on_document)
        session.follow(What.LABELS | What.OBJECTS, self._on_labels)

    # -- looking -------------------------------------------------------------------------------

    @property
    def index(self) -> ObjectIndex | None:
        """All objects of the open image; None if there is none, or while a large one is looked at."""
        document = self._session.document
        return None if document is None else self._editing.known.of(document)

    def info(self, object_id: int) -> ObjectInfo | None:
        """Class, area and place of an object; None if there is none of this number."""
        index = self.index
        return None if index is None else index.info(object_id)

    def at(self, x: int, y: int) -> int:
        """The number of the object at a pixel; 0 if there is none."""
        document = self._session.document
        if document is None or not Rect.of_shape(document.shape_hw).contains(x, y):
            return 0
        ids = document.annotation.instances
        return 0 if ids is None else int(ids[y, x])

    def mask_of(self, object_id: int) -> Region:
        """The smallest rectangle around an object, and its pixels there; empty if there is none."""
        document, index = self._session.document, self.index
        ids = None if document is None else document.annotation.instances
        if index is None or ids is None:
            return Rect(0, 0, 0, 0), np.zeros((0, 0), np.bool_)
        return index.mask_of(object_id, ids)

    def region_at(self, pixel: PixelXY) -> Region | None:
        """The connected region around a pixel of a class without numbers.

        None for background, for an object, and while a very large one is looked for, after which
        OBJECTS is said.
        """
        document = self._session.document
        if document is None or not is_unnumbered(document.annotation, pixel):
            return None
        annotation = document.annotation
        now = (annotation, annotation.revision)
        if self._regions_at != now:
            self._region_of, self._regions_at = {}, now
        for found in self._region_of.values():
            if _holds(found, pixel):
                return found
        region = region_around(annotation.labels, annotation.instances, pixel, _AT_ONCE_WINDOW)
        if region is None:
            self._look_for_region(annotation, pixel)
        else:
            self._region_of[pixel] = region
        return region

    @property
    def stroking(self) -> bool:
        """Whether a stroke is being drawn."""
        return self._editing.stroking

    @property
    def next_free(self) -> int:
        """The number that the next new object gets; 0 if all are taken or no image is open."""
        document = self._session.document
        numbers = [] if document is None else self._editing.objects.free(document)
        return numbers[0] if numbers else 0

    @property
    def selected(self) -> tuple[ObjectInfo, ...]:
        """The chosen objects, in the order in which they were chosen."""
        found = (self.info(object_id) for object_id in self._session.selection.objects)
        return tuple(info for info in found if info is not None)

    # -- choosing ------------------------------------------------------------------------------

    def select(self, object_ids: Iterable[int], *, add: bool = False) -> None:
        """Choose objects by number, in this order; with `add` besides those that are chosen."""
        before = self._session.selection if add else Selection()
        chosen = tuple(dict.fromkeys((*before.objects, *object_ids)))
        self._session.select(Selection(chosen, before.regions))

    def select_at(self, x: int, y: int, *, add: bool = False) -> bool:
        """Choose the object or region at a pixel; with `add` it comes to those that are chosen.

        One that is chosen already is left out by `add`. On free ground nothing is chosen any more.

        Returns:
            Whether there is something at the pixel.
        """
        document, before = self._session.document, self._session.selection
        object_id, pixel = self.at(x, y), (x, y)
        if document is None:
            return False
        if object_id:
            if add and object_id in before.objects:
                rest = tuple(i for i in before.objects if i != object_id)
                self._session.select(Selection(rest, before.regions))
            else:
                self.select((object_id,), add=add)
            return True
        if not is_unnumbered(document.annotation, pixel):
            if not add:
                self.clear_selection()
            return False
        same = [seed for seed in before.regions if self.same_region(seed, pixel)]
        if add:
            others = tuple(seed for seed in before.regions if seed not in same)
            regions = others if same else (*others, pixel)
            self._session.select(Selection(before.objects, regions))
        else:
            self._session.select(Selection((), (same[0] if same else pixel,)))
        return True

    def select_box(self, rect: Rect, *, add: bool = False) -> None:
        """Choose every object of which a pixel lies in a rectangle; without numbers every region."""
        document, index = self._session.document, self.index
        if document is None:
            return
        annotation, rect = document.annotation, rect.clip(document.shape_hw)
        if rect.is_empty or index is None:
            if not add:
                self.clear_selection()
            return
        ids = annotation.instances
        if ids is not None and len(index):
            self.select(index.touching(rect, ids), add=add)
            return
        before = self._session.selection if add else Selection()
        seeds: list[PixelXY] = []
        for pixel in region_seeds(annotation, rect):
            known = (*before.regions, *seeds)
            if not any(self.same_region(seed, pixel) for seed in known):
                seeds.append(pixel)
        self._session.select(Selection(before.objects, (*before.regions, *seeds)))

    def select_all(self) -> None:
        """Choose every object of the image."""
        self.select(() if self.index is None else self.index.ids)

    def clear_selection(self) -> None:
        """Choose nothing."""
        self._session.select(Selection())

    # -- parting -------------------------------------------------------------------------------

    def cuts_of_line(self, points: Sequence[tuple[float, float]]) -> tuple[Cut, ...]:
        """What a line would part: of the chosen objects, or of all where none of them is crossed.

        Args:
            points: Its corners (x, y) in the image.
        """
        document, index = self._session.document, self.index
        ids = None if document is None else document.annotation.instances
        if document is None or index is None or ids is None or len(points) < 2:
            return ()
        return cuts_by_line(index, ids, self._crossed(ids, points), points)

    def pixels_under(self, points: Sequence[tuple[float, float]]) -> int:
        """How many pixels the rectangles of the objects have that a line would part."""
        document, index = self._session.document, self.index
        ids = None if document is None else document.annotation.instances
        if index is None or ids is None or len(points) < 2:
            return 0
        infos = (index.info(object_id) for object_id in self._crossed(ids, points))
        return sum(info.rect.height * info.rect.width for info in infos if info is not None)

    def split_by_line(self, points: Sequence[tuple[float, float]]) -> None:
        """Part objects along a line that goes through them from edge to edge.

        If it parts none, the reason is said. Very large objects are looked at in a job.
        """
        if self._needs_objects("Splitting"):
            return

        def done(cuts: tuple[Cut, ...]) -> None:
            if cuts:
                self.split(cuts)
            elif not self._needs_objects("Splitting", points):
                self._say("The line parts no object.", "Draw it through one, from edge to edge.")

        if self.pixels_under(points) <= AT_ONCE_PIXELS:
            done(self.cuts_of_line(points))
            return
        document, index = self._session.document, self.index
        ids = None if document is None else document.annotation.instances
        if index is not None and ids is not None:
            crossed = self._crossed(ids, points)
            self._jobs.submit(
                "Splitting", "cuts", lambda _job: cuts_by_line(index, ids, crossed, points), done
            )

    def _crossed(self, ids: InstanceIds, points: Sequence[tuple[float, float]]) -> list[int]:
        crossed = crossed_by(ids, points)
        selected = frozenset(self._session.selection.objects)
        return [i for i in crossed if i in selected] or crossed

    def find_cut(
        self,
        first: PixelXY,
        second: PixelXY,
        then: Callable[[Cut | None], object],
        *,
        by_photo: bool = False,
    ) -> None:
        """Find where an object is to be parted between two of its pixels, in a job.

        Args:
            first: A pixel (x, y) of the object.
            second: Another one of it.
            then: Called with the cut; None if the pixels are not two of one object. Only the
                answer to the latest question is given.
            by_photo: Whether it is parted where the photo is darkest, not at its waist.
        """
        document, object_id = self._session.document, self.at(*first)
        if document is None or not object_id or self.at(*second) != object_id:
            then(None)
            return
        rect, mask = self.mask_of(object_id)
        grey = cv2.cvtColor(document.shown[rect.slices], cv2.COLOR_RGB2GRAY) if by_photo else None
        annotation, revision = document.annotation, document.annotation.revision

        def done(pieces: Pieces) -> None:
            same = document is self._session.document and document.annotation is annotation
            if same and annotation.revision == revision:
                then(Cut(object_id, rect, pieces))

        self._jobs.submit(
            "Looking for the waist",
            "cuts",
            lambda _job: cut_between(mask, rect, first, second, np.asarray(grey, np.uint8) if by_photo else None),
            done,
            key="cut between points",
            visible=False,
        )  # fmt: skip

    def split_between(self, first: PixelXY, second: PixelXY, *, by_photo: bool = False) -> None:
        """Part an object between two of its pixels, at its waist or where the photo is darkest."""
        if self._needs_objects("Splitting", (first, first)):
            return

        def found(cut: Cut | None) -> None:
            if cut is None or not cut.is_cut:
                self._say("Nothing was split.", "Click two places of one object.")
            else:
                self.split((cut,))

        self.find_cut(first, second, found, by_photo=by_photo)

    def split(self, cuts: Sequence[Cut]) -> None:
        """Part objects as shown: the first piece keeps the number, the others get free ones."""
        if self._is_locked([cut.object_id for cut in cuts]):
            return
        new: list[int] = []

        def make(document: Document) -> Made:
            new.clear()
            annotation = document.annotation
            ids = annotation.instances
            if ids is None:
                return None
            wanted = sum(cut.new_pieces for cut in cuts)
            numbers = self._editing.objects.free(document, wanted)
            is_so = all(cut.is_of(ids) for cut in cuts)  # else it was painted on since
            if len(numbers) < wanted or not is_so:
                return None
            new.extend(numbers)
            return cut_patches(annotation, cuts, numbers)

        def done(changed: bool) -> None:
            if changed:
                self.select((*(cut.object_id for cut in cuts), *new))

        pixels = sum(cut.pieces.size for cut in cuts)
        self._editing.change("Split", make, pixels=pixels, then=done)

    # -- changing ------------------------------------------------------------------------------

    def merge(self, object_ids: Sequence[int] = ()) -> None:
        """Make one object of several, of the first one's class and number.

        Args:
            object_ids: Which; the chosen ones if none are named.
        """
        chosen, self.merge_first = self._named(object_ids), 0
        if len(chosen) < 2:
            if not self._needs_objects("Merging"):
                self._say("Merging needs two objects.", "Choose them with Shift+click.")
            return

        def make(document: Document) -> Made:
            infos = self._infos(document, chosen)
            first = next(iter(infos), None)
            if first is None:
                return None
            return changed_objects(
                document.annotation, infos[1:], class_id=first.class_id, new_id=first.id
            )

        self._change("Merge", make, chosen[1:], then=lambda: self.select(chosen[:1]))

    def begin_merge(self, object_id: int) -> None:
        """Choose an object to be merged with the next one; 0: none, and nothing is chosen."""
        self.merge_first = object_id if self.info(object_id) is not None else 0
        self.select((self.merge_first,) if self.merge_first else ())

    def say_where_to_merge(self, pixel: PixelXY) -> None:
        """Say why nothing is merged at a pixel without an object."""
        if not self._needs_objects("Merging", (pixel, pixel)):
            self._say("There is no object to merge.", "Click two objects, or drag over several.")

    def delete(self, object_ids: Sequence[int] = ()) -> None:
        """Make objects and regions background: those named, else what is chosen."""
        chosen, regions = self._named(object_ids), self._chosen_regions(object_ids)

        def make(document: Document) -> Made:
            infos = self._infos(document, chosen)
            patches = changed_objects(document.annotation, infos, class_id=0, new_id=0)
            return self._with_regions(document, patches, regions, 0)

        count = len(chosen) + len(regions)
        title = "Delete" if count == 1 else f"Delete {counted(count, 'object')}"
        self._change(title, make, chosen, regions, then=self.clear_selection)

    def change_class(self, class_id: int, object_ids: Sequence[int] = ()) -> None:
        """Give objects and regions another class: those named, else what is chosen.

        In a class of regions they are no objects any more.
        """
        chosen, regions = self._named(object_ids), self._chosen_regions(object_ids)
        document = self._session.document
        if document is None:
            return
        of_objects = self._editing.objects.is_of_objects(document, class_id)
        new_id = None if of_objects else 0

        def make(document: Document) -> Made:
            infos = self._infos(document, chosen)
            patches = changed_objects(document.annotation, infos, class_id=class_id, new_id=new_id)
            return self._with_regions(document, patches, regions, class_id)

        title = f"Change class: {self._session.schema.name_of(class_id)}"
        self._change(title, make, chosen, regions)

    def renumber(self) -> None:
        """Number the objects 1, 2, 3, ... in the order of their numbers."""
        ignored, numbers = self._session.schema.ignore_index, dict[int, int]()

        def make(document: Document) -> Made:
            annotation = document.annotation
            ids = annotation.instances
            if ids is None:
                return None
            numbers.clear()
            infos = ObjectIndex.of(annotation).all()
            # numbers of what counts nowhere are no objects' and stay
            left = frozenset(info.id for info in infos if info.class_id == ignored)
            free = (n for n in range(1, len(infos) + len(left) + 1) if n not in left)
            numbers.update(
                (info.id, number)
                for info, number in zip((i for i in infos if i.id not in left), free, strict=False)
            )
            return difference_patch(annotation, annotation.labels, renumbered(ids, numbers))

        chosen = self._session.selection.objects

        def done(changed: bool) -> None:
            if changed:
                self.select(numbers.get(object_id, object_id) for object_id in chosen)

        self._editing.change("Renumber objects", make, then=done)

    def from_regions(self, class_ids: Iterable[int] = ()) -> None:
        """Make an object of each connected region that has no number; its class is of objects then.

        Args:
            class_ids: The classes; the classes of objects if none are named, and where there are
                none either, all but the background and what counts nowhere.
        """
        document, schema = self._session.document, self._session.schema
        if document is None:
            return
        present = self.classes_of_objects
        classes = frozenset(class_ids) or present or frozenset(schema.scored_ids) - {0}
        new, missing = 0, False

        def make(document: Document) -> Made:
            nonlocal new, missing
            annotation = document.annotation
            wanted, new = numbered_regions(annotation, classes)
            free = self._editing.objects.free(document, new)
            missing = len(free) < new
            if missing or not new:
                return None
            ids = np.array([0, *free], np.uint16)[wanted]
            if annotation.instances is not None:
                ids = np.where(wanted > 0, ids, annotation.instances)
            return difference_patch(annotation, annotation.labels, np.ascontiguousarray(ids))

        def done(changed: bool) -> None:
            if missing:
                self._say(f"There are not enough numbers for {new:,} regions: remove specks first.")
            elif not changed:
                self._say("There is no region without a number.")
            else:
                self._say(f"{counted(new, 'region')} became {counted(new, 'object')}.")

        self._set_classes(present | classes)
        self._editing.change("Make objects of regions", make, then=done)

    def set_of_objects(self, class_ids: Iterable[int], *, on: bool) -> None:
        """Say of classes that they are single objects, or regions.

        What is there already stays as it is: numbers are not taken away, and regions become objects
        when the user says so.
        """
        document = self._session.document
        present, chosen = self.classes_of_objects, frozenset(class_ids)
        self._set_classes(present | chosen if on else present - chosen)
        if on and document is not None and not self._session.read_only:
            self._offer_numbers(document, chosen - present)

    @property
    def classes_of_objects(self) -> frozenset[int]:
        """The classes that are single objects."""
        document = self._session.document
        keeps_ids = document is not None and document.annotation.instances is not None
        return self._session.schema.object_ids(keeps_ids=keeps_ids)

    # -- inside --------------------------------------------------------------------------------

    def _set_classes(self, wanted: frozenset[int]) -> None:
        if self._session.read_only:
            return
        document = self._session.document
        keeps_ids = document is not None and document.annotation.instances is not None
        self._schema_keeper.set(self._session.schema.with_objects(wanted, keeps_ids=keeps_ids))

    def _change(
        self,
        title: str,
        make: Callable[[Document], Made],
        object_ids: Sequence[int],
        regions: Sequence[PixelXY] = (),
        then: Callable[[], object] = lambda: None,
    ) -> None:
        """Make one edit of some objects and regions; nothing if there are none."""
        if not object_ids and not regions:
            self._say("No object is selected.", "Click one with the tool Select.")
            return
        if self._is_locked(object_ids, regions):
            return
        pixels: int | None = None
        if self.index is not None and len(object_ids) + len(regions) <= _FEW:
            infos = (self.info(object_id) for object_id in object_ids)
            pixels = sum(info.rect.height * info.rect.width for info in infos if info is not None)
            for seed in regions:
                found = self.region_at(seed)
                pixels = None if found is None or pixels is None else pixels + found[1].size

        def done(changed: bool) -> None:
            if changed:
                then()

        self._editing.change(title, make, pixels=pixels, then=done)

    def _is_locked(self, object_ids: Sequence[int], regions: Sequence[PixelXY] = ()) -> bool:
        """Whether one of them is of a locked class, which is said."""
        document, infos = self._session.document, map(self.info, object_ids)
        classes = {info.class_id for info in infos if info is not None}
        if document is not None:
            classes |= {int(document.annotation.labels[y, x]) for x, y in regions}
        locked = classes & self._session.view.locked_classes
        return say_locked(self._notices, self._session, locked)

    def _named(self, object_ids: Sequence[int]) -> tuple[int, ...]:
        """The objects that are named, or else are chosen, of those that are there."""
        index, named = self.index, object_ids or self._session.selection.objects
        return tuple(i for i in named if index is None or i in index)

    def _infos(self, document: Document, object_ids: Sequence[int]) -> tuple[ObjectInfo, ...]:
        """What is known of objects now, where a patch is made."""
        index = self._editing.known.of(document)
        if index is None:  # a large map that is still looked at: this is a job
            index = ObjectIndex.of(document.annotation)
        found = (index.info(object_id) for object_id in object_ids)
        return tuple(info for info in found if info is not None)

    def _chosen_regions(self, object_ids: Sequence[int]) -> tuple[PixelXY, ...]:
        return () if object_ids else self._session.selection.regions

    def _with_regions(
        self,
        document: Document,
        patches: tuple[Patch, ...],
        regions: Sequence[PixelXY],
        class_id: int,
    ) -> Made:
        annotation, found = document.annotation, list(patches)
        for seed in regions:
            if not is_unnumbered(annotation, seed):
                continue
            where = region_around(annotation.labels, annotation.instances, seed)
            patch = None if where is None else changed_region(annotation, where, class_id)
            if patch is not None:
                found.append(patch)
        return side_by_side(annotation, found)

    def same_region(self, seed: PixelXY, pixel: PixelXY) -> bool:
        """Whether two pixels lie in the same region without a number."""
        found = self.region_at(seed)
        return seed == pixel or (found is not None and _holds(found, pixel))

    def _look_for_region(self, annotation: LabelMap, pixel: PixelXY) -> None:
        revision = annotation.revision

        def done(found: Region | None) -> None:
            if found is not None and self._regions_at == (annotation, revision):
                self._region_of[pixel] = found
                self._session.notify(What.OBJECTS)

        self._jobs.submit(
            "Looking for the region",
            "edits",
            lambda _job: region_around(annotation.labels, annotation.instances, pixel),
            done,
            key="region",
            visible=False,
        )

    def _needs_objects(self, what: str, points: Sequence[tuple[float, float]] = ()) -> bool:
        """Say that something needs objects, if the image, or what a line crosses, has none.

        Returns:
            Whether that is so.
        """
        document, index = self._session.document, self.index
        if document is None or index is None:
            return False
        why = f"{document.ref.title} tells none apart"
        classes: tuple[int, ...] = ()
        if len(index):
            class_id = class_without_number(document.annotation, points)
            if not class_id:
                return False
            name = self._session.schema.name_of(class_id)
            why, classes = f"this region of {name} in {document.ref.title} is none yet", (class_id,)
        self._notices.info(
            f"{what} needs objects, and {why}.",
            action=(_NEEDS_OBJECTS, lambda: self.from_regions(classes)),
            scope="image",
        )
        return True

    def _offer_numbers(self, document: Document, class_ids: frozenset[int]) -> None:
        """Where regions of classes have no numbers, offer to make objects of them."""
        annotation = document.annotation

        def has_regions() -> bool:
            found = np.isin(annotation.labels, list(class_ids))
            if annotation.instances is not None:
                found &= annotation.instances == 0
            return bool(found.any())

        def done(found: bool) -> None:
            if found and document is self._session.document:
                name = self._session.schema.name_of(min(class_ids))
                which = f"The regions of {name}" if len(class_ids) == 1 else "Regions"
                self._notices.info(
                    f"{which} in {document.ref.title} are no objects yet.",
                    action=(_NEEDS_OBJECTS, lambda: self.from_regions(class_ids)),
                    scope="image",
                )

        if class_ids:
            self._jobs.submit(
                "Looking for regions", "scores", lambda _job: has_regions(), done, visible=False
            )

    def _say(self, message: str, hint: str = "") -> None:
        self._notices.info(message, hint, scope="image")

    # -- following -----------------------------------------------------------------------------

    def _on_document(self, _change: Change) -> None:
        self._region_of, self._regions_at = {}, (None, -1)
        self.merge_first = 0
        self.clear_selection()

    def _on_labels(self, change: Change) -> None:
        """What is not there any more is not chosen any more."""
        selection, document = self._session.selection, self._session.document
        if document is None or change.document is not document:
            return
        self._follow_taken(document)
        if not selection:
            return
        index = self.index
        if index is not None and self.merge_first not in index:
            self.merge_first = 0
        kept = selection.objects
        if index is not None:
            kept = tuple(i for i in kept if i in index)
        seeds = tuple(
            seed for seed in selection.regions if is_unnumbered(document.annotation, seed)
        )
        self._session.select(Selection(kept, seeds))

    def _follow_taken(self, document: Document) -> None:
        """What was taken from a model that finds objects makes their classes ones of objects."""
        step, index = document.history.next_undo(), self.index
        edit = None if step is None else step.packed
        source = None if edit is None else edit.source
        if edit is self._taken or source is None or not source.run or index is None:
            return
        self._taken = edit  # once: the user may say otherwise afterwards
        found = index.classes() & set(self._session.schema.scored_ids)
        if not found <= self.classes_of_objects:
            self._set_classes(self.classes_of_objects | found)


def _holds(region: Region, pixel: PixelXY) -> bool:
    rect, mask = region
    x, y = pixel
    return rect.contains(x, y) and bool(mask[y - rect.top, x - rect.left])
