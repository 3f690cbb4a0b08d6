"""What the network inspector shows: the traced network, what is looked at, and what is cut."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from segstudio.core.features import Cut, FeatureTrace
from segstudio.core.geometry import Rect
from segstudio.core.input_geometry import InputGeometry
from segstudio.core.labels import Labels
from segstudio.core.prediction import Prediction
from segstudio.metrics.cut_costs import Ablation, MaskScores
from segstudio.session.document import Document


class MapPicture(StrEnum):
    """What of a stage's channels its picture shows."""

    MEAN = "mean"
    MAXIMUM = "maximum"
    COMPONENTS = "components"
    """The first three principal components as red, green and blue."""
    CHANNEL = "channel"


class ColourMap(StrEnum):
    """How values become colours."""

    VIRIDIS = "viridis"
    MAGMA = "magma"
    GREY = "grey"
    DIVERGING = "diverging"
    """Blue below zero, red above, white at zero."""


class ValueRange(StrEnum):
    """Which values get the ends of the colour map."""

    CHANNEL = "each channel"
    STAGE = "whole stage"
    FIXED = "fixed"


class Over(StrEnum):
    """Over which pixels a class's score is explained."""

    PIXEL = "pixel"
    """The pinned pixel."""
    REGION = "region"
    """The predicted region (or object) that the pinned pixel lies in."""
    ANNOTATED = "annotated"
    """The annotated region (or object) that the pinned pixel lies in."""
    RECTANGLE = "rectangle"
    """A rectangle drawn on the photo."""
    CLASS = "class"
    """Wherever the network says the class."""
    ALL = "all"


class Overlay(StrEnum):
    """What is kept over the photo while stage, channel, class, pixel, cuts and image change."""

    NOTHING = "nothing"
    CHANNEL = "channel"
    """The one in focus."""
    CUTS = "mask with cuts"
    CAM = "Grad-CAM"
    FIELD = "effective field"
    """Of the pinned pixel's class score."""
    STAGE_FIELD = "effective field of the stage"
    """Of the opened stage's position under the pinned pixel."""
    LOGIT_LENS = "logit lens"
    PROPOSALS = "proposals"
    ATTENTION = "attention"
    """Of the pinned pixel's token."""


@dataclass(frozen=True)
class StageLook:
    """How activations are shown.

    Attributes:
        colours: The colour map.
        value_range: Which values get its ends.
        fixed: Those values where the range is fixed.
    """

    colours: ColourMap = ColourMap.VIRIDIS
    value_range: ValueRange = ValueRange.CHANNEL
    fixed: tuple[float, float] = (0.0, 1.0)


@dataclass(frozen=True, eq=False)
class TracedNetwork:
    """A network that was traced on an image.

    Attributes:
        model: Id of the model.
        title: Its name for people.
        document: The image, and what belongs to it.
        trace: What the forward pass showed.
        input_geometry: Where the network's input lies on the photo.
        prediction: What the network says of the window, (h, w) of `input_geometry.window`.
        class_names: Names of the model's classes by id.
    """

    model: str
    title: str
    document: Document
    trace: FeatureTrace
    input_geometry: InputGeometry
    prediction: Prediction
    class_names: Mapping[int, str]


@dataclass(frozen=True)
class ListedCut:
    """A cut in the list of cuts.

    Attributes:
        cut: What is cut and how.
        enabled: Whether it counts now.
    """

    cut: Cut
    enabled: bool = True


@dataclass(frozen=True, eq=False)
class CutResult:
    """What the network says with the enabled cuts, beside what it says without.

    Attributes:
        cuts: The cuts that were applied together.
        whole: Prediction without cuts, of the window, in the model's classes.
        cut: Prediction with them, likewise.
        before: Scores of `whole`, in the folder's classes, against the annotation's window; None
            without a reference.
        after: Scores of `cut`, likewise.
    """

    cuts: tuple[Cut, ...]
    whole: Prediction
    cut: Prediction
    before: MaskScores | None
    after: MaskScores | None

    @property
    def changed_share(self) -> float:
        """Share of the window's pixels whose class changed, 0..1."""
        return float(np.count_nonzero(self.whole.labels != self.cut.labels) / self.cut.labels.size)


@dataclass(frozen=True, eq=False)
class OverPhotoHeat:
    """Values over the photo: a channel, Grad-CAM, an effective receptive field.

    Attributes:
        levels: (H, W) uint8 of the photo's size; 0 is `low`, 255 is `high`.
        colours: The colour map.
        caption: What it is, for people.
        low: Value of level 0.
        high: Value of level 255.
        opacity: How strongly it covers the photo, 0..1.
        fades: Low levels are transparent, as fits values that grow from nothing (Grad-CAM);
            else all levels cover alike.
    """

    levels: NDArray[np.uint8] = field(repr=False)
    colours: ColourMap
    caption: str
    low: float
    high: float
    opacity: float = 0.6
    fades: bool = False


@dataclass(frozen=True, eq=False)
class ClassMapOverPhoto:
    """A class map over the photo that is no prediction of a run: a logit lens, a cut network.

    Attributes:
        labels: (H, W) uint8 class ids of the photo's size.
        caption: What it is, for people.
    """

    labels: Labels = field(repr=False)
    caption: str


@dataclass(frozen=True, eq=False)
class BoxesOverPhoto:
    """Boxes over the photo: proposals.

    Attributes:
        boxes: (N, 4) float32 left, top, right, bottom in pixels of the photo, the best first.
        scores: (N,) float32, 0..1, which give the colours.
        colours: The colour map.
        caption: What it is, for people.
        marked: Which of them stands out, or None.
    """

    boxes: NDArray[np.float32] = field(repr=False)
    scores: NDArray[np.float32] = field(repr=False)
    colours: ColourMap
    caption: str
    marked: int | None = None


OverPhoto = OverPhotoHeat | ClassMapOverPhoto | BoxesOverPhoto


@dataclass(frozen=True)
class Inspection:
    """The state of the network inspector. Replaced as a whole, never changed.

    Attributes:
        active: The panel is open: traces follow the image and the model.
        traced: The network as traced, or None.
        second: Another network beside it, or None.
        waiting: What is being done ("Tracing U-Net"), "" if nothing.
        problem: Why there is no trace, "" if there is one or it is under way.
        stage: Id of the opened stage, "" if none.
        channel: The channel in focus of the opened stage, or None.
        skip: Id of the opened skip edge, "" if none.
        class_id: The model's class that is asked about.
        picture: What the nodes' pictures show.
        picture_channel: Which channel where `picture` is CHANNEL.
        look: How activations are shown.
        point: Image pixel (x, y) that was pinned by a click, or None.
        over: Over which pixels the class is explained.
        rectangle: Drawn on the photo, in its pixels; or None.
        overlay: What shall lie over the photo.
        overlay_note: What came of it, "" if nothing is to be said.
        over_photo: What lies there, or None.
        cuts: All cuts.
        cut_result: What the enabled cuts do, or None.
        cut_problem: Why the enabled cuts give no result, "" if they do or it is under way.
        ablation: What cutting each skip costs, or None.
        attention_block: Id of the block whose attention is looked at, "" for the usual one.
        attention_head: Which of its heads; None: the mean of all.
        proposals_before: Whether proposals are looked at before overlapping ones are suppressed.
        proposals_shown: How many of them.
        proposal: Which of those shown stands out, or None.
    """

    active: bool = False
    traced: TracedNetwork | None = None
    second: TracedNetwork | None = None
    waiting: str = ""
    problem: str = ""
    stage: str = ""
    channel: int | None = None
    skip: str = ""
    class_id: int = 1
    picture: MapPicture = MapPicture.MEAN
    picture_channel: int = 0
    look: StageLook = field(default_factory=StageLook)
    point: tuple[int, int] | None = None
    over: Over = Over.PIXEL
    rectangle: Rect | None = None
    overlay: Overlay = Overlay.NOTHING
    overlay_note: str = ""
    over_photo: OverPhoto | None = None
    cuts: tuple[ListedCut, ...] = ()
    cut_result: CutResult | None = None
    cut_problem: str = ""
    ablation: Ablation | None = None
    attention_block: str = ""
    attention_head: int | None = None
    proposals_before: bool = False
    proposals_shown: int = 50
    proposal: int | None = None
