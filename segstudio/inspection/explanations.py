"""What explains a class: which pixels are asked about, and what the gradients say, as values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from segstudio.core.errors import SegstudioError
from segstudio.core.geometry import Rect
from segstudio.core.labels import Mask
from segstudio.core.placement import Placement
from segstudio.core.prediction import Prediction
from segstudio.core.regions import region_at
from segstudio.metrics.confusion import Metrics
from segstudio.session.inspection import ColourMap, Heat, Over, Traced

if TYPE_CHECKING:
    from segstudio.inspection.nets.attribution import Gradients

FloatArray = NDArray[np.float32]
PixelXY = tuple[int, int]


@dataclass(frozen=True)
class Target:
    """A class over some of the photo's pixels.

    Attributes:
        class_id: The model's class.
        over: Over which pixels.
        point: The pinned pixel (x, y), where `over` asks for one.
        rectangle: In the photo's pixels, where `over` asks for one.
        revision: Of the annotation, where `over` asks for it.
    """

    class_id: int
    over: Over
    point: PixelXY | None = None
    rectangle: Rect | None = None
    revision: int = 0


@dataclass(frozen=True, eq=False)
class Attribution:
    """What one backward pass said of all stages.

    Attributes:
        target: What was asked.
        score: The sum of the class's scores over the target's pixels.
        cams: Seg-Grad-CAM (h, w) by stage, non-negative.
        influences: Gradient x activation (C,) by stage, summed over the positions.
        image: (h, w) of the window: the magnitude of the image's gradient.
    """

    target: Target
    score: float
    cams: Mapping[str, FloatArray] = field(repr=False)
    influences: Mapping[str, FloatArray] = field(repr=False)
    image: FloatArray = field(repr=False)


@dataclass(frozen=True, eq=False)
class Cam:
    """Seg-Grad-CAM of one stage.

    Attributes:
        stage: Id of the stage.
        attribution: What it was made from.
        values: (h, w) float32 of the stage, non-negative, not scaled.
        heat: The same over the photo.
    """

    stage: str
    attribution: Attribution
    values: FloatArray = field(repr=False)
    heat: Heat


@dataclass(frozen=True, eq=False)
class Field:
    """An effective receptive field.

    Attributes:
        stage: Of whose position, "" for the class score of the pinned pixel.
        point: The photo's pixel (x, y) that it belongs to.
        values: (h, w) float32 of the window: magnitude of the image's gradient.
        side_half: Side in photo pixels of the square around the pixel that holds half of it.
        side_most: Side of the square that holds 95 % of it.
        theoretical: (height, width) of the theoretical field in photo pixels, or None where the
            stage has no place on the photo.
        is_global: Some path reads the whole image.
        heat: The same over the photo, on a square-root scale.
    """

    stage: str
    point: PixelXY
    values: FloatArray = field(repr=False)
    side_half: int
    side_most: int
    theoretical: tuple[float, float] | None
    is_global: bool
    heat: Heat


@dataclass(frozen=True, eq=False)
class LensView:
    """What the head says from a stage.

    Attributes:
        stage: Id of the stage.
        prediction: Of the window, in the model's classes.
        agreement: Share of the window's pixels on which the network itself says the same, 0..1.
        metrics: Against the annotation's window, in the folder's classes; None without one.
    """

    stage: str
    prediction: Prediction
    agreement: float
    metrics: Metrics | None


@dataclass(frozen=True)
class LensRow:
    """One stage in the table of the logit lens.

    Attributes:
        stage: Id of the stage.
        channels: How many it has.
        view: What the head says from it; None where the head reads another number of channels.
    """

    stage: str
    channels: int
    view: LensView | None


def reduced(found: Gradients, target: Target, placement: Placement) -> Attribution:
    """Keep of the gradients what is shown; the rest is as large as all activations together."""
    stages = found.activations
    return Attribution(
        target,
        found.score,
        {stage: found.grad_cam(stage) for stage in stages},
        {stage: found.influence(stage) for stage in stages},
        placement.of_input(found.effective_field(), smooth=False),
    )


def target_mask(traced: Traced, target: Target) -> Mask | None:
    """The photo's pixels (H, W) bool that a target asks about; None for a pixel, or for all.

    Raises:
        SegstudioError: if there are none, or what `over` needs is missing.
    """
    if target.over in (Over.PIXEL, Over.ALL):
        if target.over is Over.PIXEL:
            _pinned(target)
        return None
    if target.over is Over.RECTANGLE:
        mask = _rectangle(traced, target)
    elif target.over is Over.CLASS:
        mask = _pasted(traced, traced.prediction.labels == target.class_id)
    elif target.over is Over.ANNOTATED:
        mask = _annotated(traced, target)
    else:
        mask = _predicted(traced, target)
    if not mask.any():
        raise _nothing_there(traced, target)
    return mask


def heat_over(
    traced: Traced,
    values: FloatArray,
    colours: ColourMap,
    caption: str,
    opacity: float,
    *,
    root: bool = False,
) -> Heat:
    """Non-negative values (h, w) of the window over the photo; what is zero is transparent.

    Args:
        traced: What the values belong to.
        values: (h, w) float32 of the window.
        colours: The colour map.
        caption: For people.
        opacity: 0..1.
        root: Show the square root of the share of the maximum, for values with a long tail.
    """
    high = float(values.max(initial=0.0))
    share = values / high if high > 0 else np.zeros_like(values)
    if root:
        share = np.sqrt(share)
    levels = np.rint(share * 255).astype(np.uint8)
    return Heat(
        traced.placement.paste(levels), colours, caption, 0.0, high, opacity=opacity, fades=True
    )


def side_of_share(values: FloatArray, centre: tuple[int, int], share: float) -> int:
    """Side of the smallest square around a position that holds a share of the values' sum.

    Args:
        values: (h, w), non-negative.
        centre: (row, col).
        share: 0..1.

    Returns:
        An odd number of positions; the square may leave the map. 0 if all values are zero.
    """
    rows = np.abs(np.arange(values.shape[0]) - centre[0])
    cols = np.abs(np.arange(values.shape[1]) - centre[1])
    distance = np.maximum(rows[:, None], cols[None, :])
    sums = np.bincount(distance.ravel(), weights=values.ravel().astype(np.float64)).cumsum()
    if sums[-1] <= 0:
        return 0
    return 2 * int(np.searchsorted(sums, share * sums[-1] * (1 - 1e-9))) + 1


def over_text(traced: Traced, target: Target) -> str:
    """Over which pixels a target asks, for people."""
    if target.over is Over.RECTANGLE and target.rectangle is not None:
        return f"a rectangle of {target.rectangle.width} x {target.rectangle.height}"
    x, y = target.point or (0, 0)
    return {
        Over.PIXEL: f"pixel {x}, {y}",
        Over.REGION: f"the predicted region at {x}, {y}",
        Over.ANNOTATED: f"the annotated region at {x}, {y}",
        Over.CLASS: f"all that {traced.title} calls {class_name(traced, target.class_id)}",
    }.get(target.over, "the whole image")


def class_name(traced: Traced, class_id: int) -> str:
    """A class of the model, for people."""
    return traced.class_names.get(class_id, f"class {class_id}")


def _pinned(target: Target) -> PixelXY:
    if target.point is None:
        raise SegstudioError("Click a pixel of the photo first.")
    return target.point


def _rectangle(traced: Traced, target: Target) -> Mask:
    if target.rectangle is None:
        raise SegstudioError("Draw a rectangle first: Shift+drag on the photo with the hand.")
    mask = np.zeros(traced.placement.photo_hw, np.bool_)
    mask[target.rectangle.intersect(traced.placement.window).slices] = True
    return mask


def _annotated(traced: Traced, target: Target) -> Mask:
    point = _pinned(target)
    document = traced.document
    if not document.has_reference:
        raise SegstudioError("There is no annotation on this image.")
    annotation = document.annotation
    return _region(annotation.labels, annotation.instances, point)


def _predicted(traced: Traced, target: Target) -> Mask:
    x, y = _pinned(target)
    window = traced.placement.window
    if not window.contains(x, y):
        raise SegstudioError("The pixel lies outside the part that is inspected.")
    prediction = traced.prediction
    point = (x - window.left, y - window.top)
    return _pasted(traced, _region(prediction.labels, prediction.instance_ids, point))


def _region(labels: NDArray[np.uint8], ids: NDArray[np.uint16] | None, point: PixelXY) -> Mask:
    """The object at a point where objects are told apart, else the connected region."""
    if ids is not None and ids[point[1], point[0]]:
        same: Mask = ids == ids[point[1], point[0]]
        return same
    mask = np.zeros(labels.shape, np.bool_)
    rect, part = region_at(labels, point, contiguous=True)
    mask[rect.slices] = part
    return mask


def _pasted(traced: Traced, mask: Mask) -> Mask:
    return traced.placement.paste(mask.view(np.uint8)).view(np.bool_)


def _nothing_there(traced: Traced, target: Target) -> SegstudioError:
    if target.over is Over.CLASS:
        name = class_name(traced, target.class_id)
        return SegstudioError(
            f"{traced.title} sees no {name} here.", "Ask about another class or the whole image."
        )
    return SegstudioError("None of the pixels lies in the part that is inspected.")
