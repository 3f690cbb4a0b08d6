"""The state of the window and the one signal that says what changed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from enum import Flag, StrEnum, auto
from functools import cached_property
from typing import Any, Final

from psygnal import Signal

from segstudio.core.channel_looks import AS_IN_FILES, ChannelLooks
from segstudio.core.labels import Patch
from segstudio.core.pixel_size import NOTHING_SAID, PixelSizes
from segstudio.core.prediction import ModelSpec, RunOptions
from segstudio.core.provenance import OwnPixels, WriterTable
from segstudio.core.schema import LabelSchema
from segstudio.core.tones import AS_FOUND, Contrast
from segstudio.metrics.class_sums import ConfusionMatrices
from segstudio.session.disputes import DisagreementState, Disputes
from segstudio.session.document import Document
from segstudio.session.error_state import AnnotationErrors, ErrorsState
from segstudio.session.evaluation_state import Evaluation
from segstudio.session.inspection import Inspection
from segstudio.session.queue_state import QueueState
from segstudio.storage.image_ref import PAGE_STEP
from segstudio.storage.picture import COMPOSITE
from segstudio.storage.project import Project
from segstudio.storage.states import LastPlace


class What(Flag):
    """What a `Change` is about; several may be combined."""

    PROJECT = auto()
    """Another folder, or its list of images grew."""
    DOCUMENT = auto()
    """Another image is open."""
    PHOTO = auto()
    """The open image is shown in other channels."""
    LABELS = auto()
    """The annotation changed; `Change.patches` says where (empty: everywhere)."""
    PREDICTIONS = auto()
    """A prediction of the open image came, went, or changed its thresholds."""
    SCORES = auto()
    """Scores of the open image or of the folder."""
    SCHEMA = auto()
    """Classes, colours, ignore index."""
    STATES = auto()
    """Marks of images in the list (`Change.images`; empty: all)."""
    VIEW = auto()
    """Tool, brush, active class, layers, opacity: anything of `ViewState`."""
    HISTORY = auto()
    """What can be undone or redone."""
    SAVED = auto()
    """The dirty mark, the time of saving, or where it is saved."""
    MODELS = auto()
    """The list of models, the chosen one, its options, whether it is loaded or on disk."""
    TRACE = auto()
    """The inspector's traced network, or why there is none."""
    PAIR = auto()
    """The network that the inspector compares with it, and how alike the two are."""
    INSPECTION = auto()
    """What the inspector looks at: stage, channel, skip, class, colours, pinned pixel."""
    OVER_PHOTO = auto()
    """What the inspector lays over the photo, and what shall lie there."""
    CUTS = auto()
    """The inspector's cuts and what they do."""
    EVALUATION = auto()
    """The evaluation of the folder: its progress or its figures."""
    DISAGREEMENT = auto()
    """Where the predictions of the open image differ, and what is chosen of it."""
    ERRORS = auto()
    """What is wrong with the annotation if another side is right, and what is chosen of it."""
    ERROR_COUNTS = auto()
    """How many errors the images of the folder have."""
    QUEUE = auto()
    """Which images wait for a person."""
    TRAINING = auto()
    """The trainings: how far they are, or which one is looked at."""
    OBJECTS = auto()
    """Which objects of the open image are selected, or they are known now."""


_INSPECTION_KINDS = {
    "active": What.TRACE,
    "traced": What.TRACE,
    "second": What.PAIR,
    "waiting": What.TRACE,
    "problem": What.TRACE,
    "overlay": What.OVER_PHOTO,
    "overlay_note": What.OVER_PHOTO,
    "over_photo": What.OVER_PHOTO,
    "cuts": What.CUTS,
    "cut_result": What.CUTS,
    "cut_problem": What.CUTS,
    "ablation": What.CUTS,
}
"""Which flag a field of `Inspection` is told with; INSPECTION for the others."""


@dataclass(frozen=True)
class Change:
    """What changed.

    Attributes:
        what: Flags.
        document: The image that it is about: for LABELS the one that was painted on. It need not
            be the open one any more when a listener hears of it. None for none.
        patches: For LABELS: the applied patches, in order; empty means everything.
        images: For STATES: indices into the project's images; empty means all.
        by: The service that announced it, where that also hears of such changes by others.
    """

    what: What
    document: Document | None = None
    patches: tuple[Patch, ...] = ()
    images: tuple[int, ...] = ()
    by: object = None

    @cached_property
    def bits(self) -> int:
        """The flags as a number: fifty listeners ask, and "&" of two flags takes ten times as long."""
        bits: int = self.what.value
        return bits


class Layer(StrEnum):
    """What lies over the photo."""

    ANNOTATION = "annotation"
    ORIGINAL = "original"
    """The ground truth as another program wrote it."""
    PROVENANCE = "provenance"
    """Who wrote each pixel of the annotation, where that is kept."""
    PREDICTION = "prediction"
    BOTH = "both"
    DIFFERENCE = "difference"
    CONFIDENCE = "confidence"
    ENTROPY = "entropy"
    MODELS = "models"
    """Where the predictions of two models differ."""
    DISAGREEMENT = "disagreement"
    """Where the predictions of all models differ."""
    NONE = "photo"


class OverlayStyle(StrEnum):
    """How label maps are drawn."""

    FILL = "fill"
    OUTLINE = "outline"
    BOTH = "both"


class Flavour(StrEnum):
    """How a prediction or an annotation that has objects is looked at."""

    SEMANTIC = "semantic"
    """By class."""
    INSTANCE = "instance"
    """By object: each in a colour of its own; what is no object in that of its class."""
    PANOPTIC = "panoptic"
    """By both: in the colours of classes, objects told apart by outlines and shades."""


class StrokeMakes(StrEnum):
    """Which object the pixels of a stroke, a fill or a polygon become, where a class has objects."""

    AUTOMATIC = "automatic"
    """That on which it begins; on free ground a new one."""
    NEW = "new"
    """Always a new one."""
    THIS = "this"
    """The selected one."""


MAX_PANES = 6
"""So many views lie side by side at most."""


@dataclass(frozen=True)
class Pane:
    """What one view of the canvas shows.

    Attributes:
        layer: What lies over the photo.
        run: Key of the prediction it is about; "" if there is none.
        second: For the difference of two models: key of the other prediction.
        flavour: How objects are looked at.
    """

    layer: Layer = Layer.BOTH
    run: str = ""
    second: str = ""
    flavour: Flavour = Flavour.INSTANCE


LIMITS_OF_A_FOLDER: Final[Mapping[str, Any]] = {
    "only_class": None,
    "locked_classes": frozenset(),
    "value_range": None,
    "below_confidence": None,
    "snap_tolerance": None,
}
"""Limits of painting that go with the folder; fields of `ViewState`, as they are while off."""
NO_LIMITS: Final[Mapping[str, Any]] = {"only_unlabelled": False, **LIMITS_OF_A_FOLDER}
"""All limits of painting while off."""


@dataclass(frozen=True)
class ViewState:
    """How things are shown and what the mouse does. Replaced as a whole, never changed."""

    tool: str = "pan"
    """Name of the tool in hand; the tools of the canvas have their own table."""
    brush_size: int = 12
    brush_square: bool = False
    brush_pressure: bool = False
    """Whether the brush is as much smaller as a pen is pressed less."""
    active_class: int = 1
    previous_class: int = 0
    only_unlabelled: bool = False
    """Whether nothing but background is painted over; see `annotation/limits.py`."""
    only_class: int | None = None
    """The class that alone is painted over, besides background where that is on."""
    locked_classes: frozenset[int] = frozenset()
    """Classes whose pixels are neither painted over nor erased."""
    value_range: tuple[float, float] | None = None
    """The stored values, lowest and highest, at which alone something is painted."""
    below_confidence: float | None = None
    """Painted is only where the shown model is less sure than this, 0..1."""
    snap_tolerance: int | None = None
    """By how much pixels that a stroke paints differ from its centre, 0..255; None for any."""
    fill_contiguous: bool = True
    stroke_makes: StrokeMakes = StrokeMakes.AUTOMATIC
    split_by_photo: bool = False
    layer: Layer = Layer.BOTH
    style: OverlayStyle = OverlayStyle.BOTH
    flavour: Flavour = Flavour.INSTANCE
    opacity: float = 0.45
    channel: int = COMPOSITE
    """Which channel of the image is shown alone, where it has several."""
    channels: ChannelLooks = AS_IN_FILES
    """How channels are shown together, where an image has several."""
    contrast: Contrast = AS_FOUND
    """How bright the photo is shown; nothing but the views follows it."""
    pixel_sizes: PixelSizes = NOTHING_SAID
    """What the user said of the size of pixels; see `Document.pixel_size`."""
    provenance: bool = False
    """Whether it is kept who writes which pixels of the folder's annotations."""
    scale_bar: bool = True
    overlay_visible: bool = True
    hidden_classes: frozenset[int] = frozenset()
    pixel_grid: bool = False
    navigator: bool = True
    """Whether the whole image is shown small while a part of it is out of sight."""
    object_ids: bool = False
    """Whether the numbers of objects stand on the picture."""
    object_boxes: bool = False
    object_scores: bool = False
    run: str = ""
    """Key of the prediction that is shown and scored; "" if there is none."""
    second: str = ""
    """Key of the prediction it is compared with, where the layer is the difference of two."""
    panes: tuple[Pane, ...] = ()
    """The views beside the first one; that one shows `layer`, `run`, `second` and `flavour`."""
    active_pane: int = 0
    """Number of the view that was clicked on last; 0 is the first."""
    against: Pane | None = None
    """What the wipe and blinking compare a view with."""
    wiped: int = -1
    """Number of the view that shows `against` right of a line; -1 for none."""
    wipe_at: float = 0.5
    """Where the line stands, as a share of the view's width."""
    blinking: int = -1
    """Number of the view that shows `against` for the moment; -1 for none."""
    take_score: float = 0.0
    """How sure a model is at least of what is taken from it, 0..1."""
    wand_tolerance: int = 24
    """By how much pixels that the magic wand takes differ, 0..255."""
    wand_contiguous: bool = True

    @property
    def all_panes(self) -> tuple[Pane, ...]:
        """What every view shows, the first one first."""
        return (Pane(self.layer, self.run, self.second, self.flavour), *self.panes)

    @property
    def scored_run(self) -> str:
        """Key of the prediction whose figures are shown: that of the view clicked on last."""
        panes = self.all_panes
        active = panes[self.active_pane] if self.active_pane < len(panes) else panes[0]
        return active.run or self.run

    @property
    def _is_one_view(self) -> bool:
        """Whether there is one view, and it shows one thing."""
        plain = self.wiped == self.blinking == -1 and self.wipe_at == 0.5
        return plain and not self.panes and self.active_pane == 0 and self.against is None

    def of_pane(self, number: int) -> ViewState:
        """What is shown in one view alone, as if it were the only one."""
        if self._is_one_view:
            return self  # asked for at every notice and by many commands: nothing is made anew
        if number not in self._of_panes:
            self._of_panes[number] = self._as_only_one(number)
        return self._of_panes[number]

    @cached_property
    def _of_panes(self) -> dict[int, ViewState]:
        """What was made for `of_pane`: each view asks several times a brush event."""
        return {}

    def _as_only_one(self, number: int) -> ViewState:
        panes = self.all_panes
        shown = panes[number] if number < len(panes) else panes[0]
        if self.blinking == number and self.against is not None:
            shown = self.against
        wiped = self.wiped == number and self.against is not None
        return replace(
            self,
            layer=shown.layer,
            run=shown.run,
            second=shown.second,
            flavour=shown.flavour,
            panes=(),
            active_pane=0,
            against=self.against if wiped else None,
            wiped=0 if wiped else -1,
            wipe_at=self.wipe_at if wiped else 0.5,
            blinking=-1,
        )


class SchemaOrigin(StrEnum):
    """Where the classes in force came from; decides what may replace them by itself."""

    DEFAULT = "default"
    """Nothing is known of the folder's classes: a model's may be adopted."""
    FOUND = "found"
    """Ids found in the ground truth, with made-up names: a model's names may be adopted."""
    MODEL = "model"
    """Adopted from a model."""
    DECLARED = "declared"
    """Read from `segstudio.json`, or edited: only the user changes them."""


class WorkState(StrEnum):
    """How far the work on an image is."""

    UNLABELLED = "unlabelled"
    """Nothing is there: no ground truth, nothing painted."""
    IN_WORK = "in work"
    """It has labels, and nobody said that they are as they should be."""
    DONE = "done"
    FLAGGED = "flagged"
    """Someone has to come back to it."""


@dataclass(frozen=True)
class ImageState:
    """Marks of one image in the list."""

    has_truth: bool = False
    annotated: bool = False
    edited: bool = False
    reviewed: bool = False
    """Whether a person said that it is done."""
    flagged: bool = False
    note: str = ""
    """What a person wrote of it, in one line."""
    runs: frozenset[str] = frozenset()
    taken: frozenset[str] = frozenset()
    """Keys of the predictions that the annotation has pixels of."""

    @property
    def work(self) -> WorkState:
        """How far the work on the image is."""
        if self.flagged:
            return WorkState.FLAGGED
        if self.reviewed:
            return WorkState.DONE
        return WorkState.IN_WORK if self.has_labels else WorkState.UNLABELLED

    @property
    def has_labels(self) -> bool:
        """Whether it has ground truth, or was painted on."""
        return self.has_truth or self.annotated or self.edited


_UNMARKED = ImageState()


@dataclass(frozen=True)
class ModelState:
    """The chosen model and how it is run."""

    chosen: str = ""
    options: RunOptions = field(default_factory=RunOptions)
    available: frozenset[str] = frozenset()
    """Ids of models whose weights are on disk."""


@dataclass(frozen=True)
class PromptState:
    """The network that answers points and boxes.

    Attributes:
        chosen: Id of the one that the user chose; "" for the first that is there.
        title: Name of the one that is asked; "" if none is there.
        progress: "absent" (no weights are there), "waiting" for the tool to be taken, "preparing"
            the open image, "ready", or "stopped" by an error or by the user.
        answers: How many objects may be meant by the last click; 0 where one is found or none.
        shown: Which of them is previewed, from the smallest on.
    """

    chosen: str = ""
    title: str = ""
    progress: str = "absent"
    answers: int = 0
    shown: int = 0


@dataclass(frozen=True)
class Selection:
    """What of the open image is selected.

    Attributes:
        objects: Numbers of objects, in the order in which they were chosen.
        regions: Where no numbers are kept: a pixel (x, y) of each connected region of a class.
    """

    objects: tuple[int, ...] = ()
    regions: tuple[tuple[int, int], ...] = ()

    def __bool__(self) -> bool:
        return bool(self.objects or self.regions)


@dataclass(frozen=True)
class Unreadable:
    """The selected image cannot be shown.

    Attributes:
        name: Which image.
        message: Why, in one sentence.
        hint: What to do about it; may be empty.
    """

    name: str
    message: str
    hint: str = ""


@dataclass(frozen=True)
class Saving:
    """Where corrections of the open folder's ground truth are saved.

    Attributes:
        elsewhere: Whether they go to `folder`, not into the ground truth's own files.
        folder: `annotations`, or another name if the ground truth lies in a folder called so.
        chosen: Whether the user has said so, now or at an earlier time.
        asked: Whether the user should be asked: ground truth was painted on.
    """

    elsewhere: bool = False
    folder: str = "annotations"
    chosen: bool = False
    asked: bool = False


class Session:
    """What is open. Read by panels, written by services only.

    Everything happens on one thread (the GUI's); results of jobs arrive there. A listener that
    causes another change is called again only after every listener has heard of the first.

    Attributes:
        project: The open folder, or None.
        index: Position of the open image in `project.images`, -1 if none; of a page after the
            first see `image_ref.PAGE_STEP`, as everywhere where images are known by position.
        document: The open image: always the one that is selected. None from the moment another
            one is selected until that is read (see `loading`), so that nothing can be done to an
            image that is not meant; the screen follows a little later.
        loading: Name of the image being read, "" if none.
        unreadable: What is wrong with the selected image; None if nothing is.
        read_only: Why nothing may be edited, for people; "" if it may.
        schema: The classes in force.
        schema_origin: Where they came from.
        view: How things are shown.
        models: All models known, by id, in order.
        model: The chosen model and its options.
        prompters: Networks that answer points and boxes, by id; they are no `models`.
        prompting: Which of them is asked, and how far it is.
        saving: Where corrections of its ground truth go.
        states: Marks by index; images without an entry have none.
        counts: Confusion matrix by (image index, run) of every scored image; rows are truth.
        own_pixels: What was left out of `counts` since the model wrote it, where that is known.
        inspection: What the network inspector shows.
        evaluation: The models that are compared on the folder, and how far that is.
        queue: Which images wait for a person.
        disagreement: Where the predictions of the open image differ; None while nothing can be
            compared.
        disagreeing: What is chosen and looked at of it.
        errors: What is wrong with the annotation if another side is right; None while that is not
            known, or nobody looks at it.
        correcting: What is chosen and looked at of it.
        selection: Which objects of the open image are selected.
        reopened: Where the folder was left, until its first image is shown.
        writers: Which number is which model where it is kept who writes pixels.
    """

    changed = Signal(Change, reemission="queued")

    def __init__(self) -> None:
        self.project: Project | None = None
        self.index = -1
        self.document: Document | None = None
        self.loading = ""
        self.unreadable: Unreadable | None = None
        self.read_only = ""
        self.schema = LabelSchema.from_names(("background", "object"))
        self.schema_origin = SchemaOrigin.DEFAULT
        self.view = ViewState()
        self.models: dict[str, ModelSpec] = {}
        self.model = ModelState()
        self.prompters: dict[str, ModelSpec] = {}
        self.prompting = PromptState()
        self.saving = Saving()
        self.states: dict[int, ImageState] = {}
        self.counts: ConfusionMatrices[tuple[int, str]] = ConfusionMatrices()
        self.own_pixels: dict[tuple[int, str], OwnPixels] = {}
        self.inspection = Inspection()
        self.queue = QueueState()
        self.evaluation = Evaluation()
        self.disagreement: Disputes | None = None
        self.disagreeing = DisagreementState()
        self.errors: AnnotationErrors | None = None
        self.correcting = ErrorsState()
        self.selection = Selection()
        self.reopened: LastPlace | None = None
        self.writers = WriterTable()

    def notify(self, what: What, **details: Any) -> None:
        """Emit `changed` with a `Change` of these flags and details; about the open image."""
        details.setdefault("document", self.document)
        self.changed.emit(Change(what, **details))

    def follow(self, what: What, listener: Callable[[Change], None]) -> None:
        """Let a service hear of changes of these kinds, but of none that is its own (`Change.by`).

        What has to be done after its own changes it does itself, so that the order can be read.

        Args:
            what: The kinds.
            listener: A method of the service, which lives as long as the session.
        """
        owner = getattr(listener, "__self__", None)
        kinds = what.value

        def told(change: Change) -> None:
            if change.bits & kinds and (change.by is None or change.by is not owner):
                listener(change)

        self.changed.connect(
            told, max_args=1
        )  # or its signature would be looked up, which takes long

    @property
    def selected_name(self) -> str:
        """Name of the selected image, whether it is open, being read or broken; "" if none."""
        if self.document is not None:
            return self.document.ref.title
        return self.loading or (self.unreadable.name if self.unreadable is not None else "")

    def index_of(self, document: Document | None) -> int | None:
        """Position of an image in the open folder; None if it is not of it."""
        if self.project is None or document is None:
            return None
        return self.project.index_of(document.ref.path, document.ref.page)

    @property
    def has_stacks(self) -> bool:
        """Whether one of the images is known to have several pages."""
        is_open = self.document is not None and self.document.pages > 1
        return is_open or max(self.states, default=0) >= PAGE_STEP

    def set_view(self, **values: Any) -> None:
        """Replace fields of `view`; says VIEW if anything differs, and SCORES if whose are shown."""
        view = replace(self.view, **values)
        if view != self.view:
            others = view.scored_run != self.view.scored_run
            self.view = view
            self.notify(What.VIEW | What.SCORES if others else What.VIEW)

    def set_pane(self, number: int, **values: Any) -> None:
        """Replace fields of what one view shows; says VIEW if anything differs.

        Raises:
            IndexError: if there is no such view.
        """
        if number == 0:
            self.set_view(**values)
            return
        panes = list(self.view.panes)
        panes[number - 1] = replace(panes[number - 1], **values)
        self.set_view(panes=tuple(panes))

    def set_inspection(self, **values: Any) -> None:
        """Replace fields of `inspection`; says which kind of them differs."""
        before, after = self.inspection, replace(self.inspection, **values)
        what = What(0)
        for name in values:
            if getattr(before, name) != getattr(after, name):
                what |= _INSPECTION_KINDS.get(name, What.INSPECTION)
        if what:
            self.inspection = after
            self.notify(what)

    def select(self, selection: Selection) -> None:
        """Select other objects; says OBJECTS if they differ."""
        if selection != self.selection:
            self.selection = selection
            self.notify(What.OBJECTS)

    def set_disagreeing(self, **values: Any) -> None:
        """Replace fields of `disagreeing`; says DISAGREEMENT if anything differs."""
        state = replace(self.disagreeing, **values)
        if state != self.disagreeing:
            self.disagreeing = state
            self.notify(What.DISAGREEMENT)

    @property
    def errors_in_front(self) -> bool:
        """Whether keys go from error to error of the annotation, not along where models differ."""
        chosen = self.correcting.in_front
        if chosen is not None:
            return chosen
        predictions = {} if self.document is None else self.document.predictions
        # what a model said by several routes is one answer
        return len({run.partition("@")[0] for run in predictions}) == 1

    def set_correcting(self, **values: Any) -> None:
        """Replace fields of `correcting`; says ERRORS or ERROR_COUNTS of what differs."""
        before, state = self.correcting, replace(self.correcting, **values)
        if state == before:
            return
        self.correcting = state
        what = What(0)
        if state.of_images is not before.of_images:
            what |= What.ERROR_COUNTS
        if state != replace(before, of_images=state.of_images):
            what |= What.ERRORS
        self.notify(what)

    def state(self, index: int) -> ImageState:
        """The marks of an image."""
        return self.states.get(index, _UNMARKED)

    def set_state(self, index: int, *, by: object = None, **values: Any) -> None:
        """Replace fields of an image's marks; says STATES if anything differs (`Change.by`)."""
        state = replace(self.state(index), **values)
        if state != self.state(index):
            self.states[index] = state
            self.notify(What.STATES, images=(index,), by=by)
