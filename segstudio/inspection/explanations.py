"""What explains a class at a pixel: as values, and how they are computed, away from the session."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import cv2
import numpy as np
from numpy.typing import NDArray

from segstudio.core.class_mapping import adapt, is_scored
from segstudio.core.colour_maps import colour_table
from segstudio.core.errors import SegstudioError
from segstudio.core.features import FeatureMap, Role
from segstudio.core.geometry import Rect
from segstudio.core.labels import Image, Labels, Mask
from segstudio.core.prediction import Prediction
from segstudio.core.regions import region_at
from segstudio.core.schema import LabelSchema
from segstudio.jobs import Job
from segstudio.metrics.confusion import Metrics
from segstudio.metrics.tally import count, metrics_of
from segstudio.session.inspection import ColourMap, Over, OverPhotoHeat, TracedNetwork

if TYPE_CHECKING:
    from segstudio.inspection.nets.traced_model import TracedModel

FloatArray = NDArray[np.float32]
PixelXY = tuple[int, int]
_STRONGEST = 5
"""How many channels of a stage are told of a pixel."""
_EXACT_BYTES = 96 * 1024 * 1024
"""Logits beyond this are kept as float16: off by less than 0.1 %."""
_OPACITY = 0.7


# -- values ----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class ClassValue:
    """One class at one pixel.

    Attributes:
        id: The model's class.
        name: For people.
        logit: None for models that find instances.
        probability: Softmax over the classes; for instances the highest score x mask probability
            of the class's detections, for the background one minus the highest of all.
    """

    id: int
    name: str
    logit: float | None
    probability: float


@dataclass(frozen=True)
class ChannelValue:
    """One channel at one position."""

    channel: int
    value: float


@dataclass(frozen=True)
class PixelValues:
    """What is known of a pixel.

    Attributes:
        pixel: (x, y) of the photo.
        classes: By falling probability; empty while they are not computed, or outside the window.
        stage: Id of the opened stage, "" if none.
        position: (row, col) of the stage's map, or None where it has no place there.
        channels: The stage's strongest at this position, by falling magnitude.
        field: (top, left, bottom, right) on the photo of the position's theoretical receptive
            field; None without a position. May leave the photo.
        complete: Whether nothing is still being computed.
    """

    pixel: tuple[int, int]
    classes: tuple[ClassValue, ...] = ()
    stage: str = ""
    position: tuple[int, int] | None = None
    channels: tuple[ChannelValue, ...] = ()
    field: tuple[float, float, float, float] | None = None
    complete: bool = True


@dataclass(frozen=True, eq=False)
class ScoreMaps:
    """A network's scores for every pixel of the window.

    Attributes:
        ids: (K,) the classes.
        scores: (K, h, w) float16 or float32: logits, or probabilities for instances.
        are_logits: Which of the two.
    """

    ids: tuple[int, ...]
    scores: NDArray[np.float32] | NDArray[np.float16] = field(repr=False)
    are_logits: bool

    def at(self, traced: TracedNetwork, row: int, col: int) -> tuple[ClassValue, ...]:
        """The classes at a position of the window, by falling probability."""
        values = self.scores[:, row, col].astype(np.float64)
        probabilities = _softmax(values) if self.are_logits else values
        found = [
            ClassValue(
                class_id,
                class_name(traced, class_id),
                float(value) if self.are_logits else None,
                float(probability),
            )
            for class_id, value, probability in zip(self.ids, values, probabilities, strict=True)
        ]
        return tuple(sorted(found, key=lambda entry: -entry.probability))


@dataclass(frozen=True)
class ExplainedClass:
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

    target: ExplainedClass
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
    heat: OverPhotoHeat


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
    heat: OverPhotoHeat


@dataclass(frozen=True, eq=False)
class LogitLensView:
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
class LogitLensRow:
    """One stage in the table of the logit lens.

    Attributes:
        stage: Id of the stage.
        channels: How many it has.
        view: What the head says from it; None where the head reads another number of channels.
    """

    stage: str
    channels: int
    view: LogitLensView | None


# -- under the pointer -----------------------------------------------------------------------------


def score_maps(traced_model: TracedModel, traced: TracedNetwork, job: Job) -> ScoreMaps:
    """Compute a network's scores on its image: one forward pass."""
    logits = traced_model.logits(job.check)
    if logits is None:
        return instance_maps(traced.prediction)
    kept = logits if logits.nbytes <= _EXACT_BYTES else logits.astype(np.float16)
    return ScoreMaps(tuple(range(len(logits))), kept, are_logits=True)


def _softmax(logits: NDArray[np.float64]) -> NDArray[np.float64]:
    """Probabilities (K,) of logits (K,)."""
    grown = np.exp(logits - logits.max())
    shares: NDArray[np.float64] = grown / grown.sum()
    return shares


def stage_values(traced: TracedNetwork, stage: str, pixel_xy: PixelXY) -> PixelValues:
    """What a stage ("": none) says under a pixel; not complete if its activations were not kept."""
    if not stage:
        return PixelValues(pixel_xy)
    trace = traced.trace
    position = traced.input_geometry.position(trace, stage, pixel_xy)
    if position is None:
        return PixelValues(pixel_xy, stage=stage)
    field_ = traced.input_geometry.field(trace.layer(stage), *position)
    if stage not in trace.activations.kept:
        return PixelValues(pixel_xy, (), stage, position, (), field_, complete=False)
    channels = _strongest(trace.activation(stage), *position)
    return PixelValues(pixel_xy, (), stage, position, channels, field_)


def _strongest(activations: FeatureMap, row: int, col: int) -> tuple[ChannelValue, ...]:
    """The channels (C, h, w) of the largest magnitude at a position."""
    vector = activations[:, row, col].astype(np.float32)
    order = np.argsort(-np.abs(vector), kind="stable")[:_STRONGEST]
    return tuple(ChannelValue(int(index), float(vector[index])) for index in order)


def instance_maps(prediction: Prediction) -> ScoreMaps:
    """Of each class the highest score x mask probability; of class 0 one minus the highest."""
    found = prediction.instances
    ids = () if found is None else tuple(sorted({int(c) for c in found.classes}))
    scores = np.zeros((len(ids), *prediction.shape_hw), np.float16)
    if found is not None:
        for index in range(len(found)):
            rect, soft = found.soft_mask(index, prediction.shape_hw)
            part = scores[ids.index(int(found.classes[index]))][rect.slices]
            np.maximum(part, (soft * found.scores[index]).astype(np.float16), out=part)
    if 0 not in ids:
        background = 1 - scores.max(axis=0, keepdims=True, initial=0)
        ids, scores = (0, *ids), np.concatenate((background, scores))
    return ScoreMaps(ids, scores, are_logits=False)


# -- what a target asks about ----------------------------------------------------------------------


def target_mask(traced: TracedNetwork, target: ExplainedClass) -> Mask | None:
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
    traced: TracedNetwork,
    values: FloatArray,
    colours: ColourMap,
    caption: str,
    opacity: float,
    *,
    root: bool = False,
) -> OverPhotoHeat:
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
    return OverPhotoHeat(
        traced.input_geometry.paste(levels),
        colours,
        caption,
        0.0,
        high,
        opacity=opacity,
        fades=True,
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


def over_text(traced: TracedNetwork, target: ExplainedClass) -> str:
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


def class_name(traced: TracedNetwork, class_id: int) -> str:
    """A class of the model, for people."""
    return traced.class_names.get(class_id, f"class {class_id}")


def error_text(error: Exception) -> str:
    """An error as sentences: those of the engine begin small and end without a full stop."""
    parts = (error.message, error.hint) if isinstance(error, SegstudioError) else (str(error),)
    texts = (part[:1].upper() + part[1:].rstrip(".") + "." for part in parts if part)
    return " ".join(texts)


def field_text(found: Field) -> str:
    """How large an effective field is, beside the theoretical one."""
    if not found.side_half:
        return "The image has no influence on it: the gradient is zero."
    half, most = found.side_half, found.side_most
    text = f"Half of the gradient lies within {half} x {half} px, 95 % within {most} x {most} px."
    if found.theoretical is not None:
        height, width = (round(side) for side in found.theoretical)
        text += f" The theoretical field is {height} x {width} px (height x width)"
        text += ", and a global path sees the whole image." if found.is_global else "."
    return text


def _pinned(target: ExplainedClass) -> PixelXY:
    if target.point is None:
        raise SegstudioError("Click a pixel of the photo first.")
    return target.point


def _rectangle(traced: TracedNetwork, target: ExplainedClass) -> Mask:
    if target.rectangle is None:
        raise SegstudioError("Draw a rectangle first: Shift+drag on the photo with the hand.")
    mask = np.zeros(traced.input_geometry.photo_hw, np.bool_)
    mask[target.rectangle.intersect(traced.input_geometry.window).slices] = True
    return mask


def _annotated(traced: TracedNetwork, target: ExplainedClass) -> Mask:
    point = _pinned(target)
    document = traced.document
    if not document.has_reference:
        raise SegstudioError("There is no annotation on this image.")
    annotation = document.annotation
    return _region(annotation.labels, annotation.instances, point)


def _predicted(traced: TracedNetwork, target: ExplainedClass) -> Mask:
    x, y = _pinned(target)
    window = traced.input_geometry.window
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


def _pasted(traced: TracedNetwork, mask: Mask) -> Mask:
    return traced.input_geometry.paste(mask.view(np.uint8)).view(np.bool_)


def _nothing_there(traced: TracedNetwork, target: ExplainedClass) -> SegstudioError:
    if target.over is Over.CLASS:
        name = class_name(traced, target.class_id)
        return SegstudioError(
            f"{traced.title} sees no {name} here.", "Ask about another class or the whole image."
        )
    return SegstudioError("None of the pixels lies in the part that is inspected.")


# -- what the gradients say, and the head ----------------------------------------------------------


def attribution(
    traced_model: TracedModel, traced: TracedNetwork, target: ExplainedClass, job: Job
) -> Attribution:
    """Follow the gradients of a target to all stages.

    Raises:
        SegstudioError: if there is nothing to ask about, or the network has no gradients.
    """
    region = target_mask(traced, target)
    pixel = target.point if target.over is Over.PIXEL else None
    found = traced_model.gradients(
        traced.trace, target.class_id, pixel_xy=pixel, region=region, check=job.check
    )
    # the rest of the gradients is as large as all activations together
    return Attribution(
        target,
        found.score,
        {stage: found.grad_cam(stage) for stage in found.activations},
        {stage: found.influence(stage) for stage in found.activations},
        traced.input_geometry.of_input(found.effective_field(), smooth=False),
    )


def cam(traced: TracedNetwork, found: Attribution, stage_id: str, colours: ColourMap) -> Cam:
    """Grad-CAM of a stage over the photo; every value lies in its receptive field's middle."""
    layer = traced.trace.layer(stage_id)
    values = found.cams[stage_id]
    name = class_name(traced, found.target.class_id)
    caption = f"Grad-CAM of {name} at {stage_id}, over {over_text(traced, found.target)}"
    shown = traced.input_geometry.on_photo(values, layer)
    return Cam(stage_id, found, values, heat_over(traced, shown, colours, caption, _OPACITY))


def cam_pictures(
    traced: TracedNetwork, found: Attribution, px: int, colours: ColourMap
) -> dict[str, Image]:
    """Grad-CAM of every stage over a photo whose longer side has `px` pixels: uint8 RGB."""
    input_geometry = traced.input_geometry
    window = input_geometry.window
    scale = min(1.0, px / max(window.height, window.width))
    size = (max(1, round(window.height * scale)), max(1, round(window.width * scale)))
    small = replace(input_geometry, photo_hw=size, window=Rect.of_shape(size))
    pixels = np.ascontiguousarray(traced.document.pixels[window.slices])
    photo = cv2.resize(pixels, size[::-1], interpolation=cv2.INTER_AREA).astype(np.float32)
    table = colour_table(colours.value).astype(np.float32)
    pictures = {}
    for stage, values in found.cams.items():
        shown = small.on_photo(values, traced.trace.layer(stage))
        share = shown / max(float(values.max()), 1e-30)
        weight = (_OPACITY * np.minimum(2 * share, 1.0))[..., None]
        heat = table[np.rint(np.clip(share, 0, 1) * 255).astype(np.uint8)]
        pictures[stage] = np.rint(photo * (1 - weight) + heat * weight).astype(np.uint8)
    return pictures


def pixel_field(traced: TracedNetwork, found: Attribution, colours: ColourMap) -> Field:
    """The effective field of a class score at one pixel, for which `found` was computed."""
    point = found.target.point or (0, 0)
    name = class_name(traced, found.target.class_id)
    caption = f"Effective receptive field of {name} at {point[0]}, {point[1]}"
    last = traced.trace.layers[-1].id
    return _field(traced, "", last, point, found.image, caption, colours)


def stage_field(
    traced_model: TracedModel,
    traced: TracedNetwork,
    stage_id: str,
    point: PixelXY,
    channel: int | None,
    colours: ColourMap,
    job: Job,
) -> Field:
    """The effective field of a stage's position under a pixel; of one channel, or all.

    Raises:
        SegstudioError: if the stage has no place there, or no gradient leads to the image.
    """
    position = traced.input_geometry.position(traced.trace, stage_id, point)
    if position is None:
        raise SegstudioError(f"{stage_id} has no place at this pixel.")
    values = traced_model.stage_field(
        traced.trace, stage_id, position, channel=channel, check=job.check
    )
    which = stage_id if channel is None else f"{stage_id}, channel {channel},"
    caption = f"Effective receptive field of {which} at {point[0]}, {point[1]}"
    return _field(traced, stage_id, stage_id, point, values, caption, colours)


def _field(
    traced: TracedNetwork,
    stage: str,
    theoretical_of: str,
    point: PixelXY,
    values: FloatArray,
    caption: str,
    colours: ColourMap,
) -> Field:
    input_geometry = traced.input_geometry
    window = input_geometry.window
    layer = traced.trace.layer(theoretical_of)
    field = input_geometry.field(layer, 0, 0)
    size = None if field is None else (field[2] - field[0], field[3] - field[1])
    centre = (point[1] - window.top, point[0] - window.left)
    return Field(
        stage,
        point,
        values,
        side_of_share(values, centre, 0.5),
        side_of_share(values, centre, 0.95),
        size,
        layer.receptive_field is not None and layer.receptive_field.is_global,
        heat_over(traced, values, colours, caption, _OPACITY, root=True),
    )


def logit_lens(
    traced_model: TracedModel,
    traced: TracedNetwork,
    stage_id: str,
    reference: Labels | None,
    schema: LabelSchema,
) -> LogitLensView:
    """What the head says from a stage, against the annotation's window (h, w) if there is one.

    Raises:
        SegstudioError: if the head expects another number of channels.
    """
    said = traced_model.logit_lens(traced.trace, stage_id)
    same = np.count_nonzero(said.labels == traced.prediction.labels)
    metrics = None
    if reference is not None and is_scored(said.schema, schema):
        metrics = metrics_of(count(reference, adapt(said, schema).labels, schema), schema)
    return LogitLensView(stage_id, said, float(same / said.labels.size), metrics)


def logit_lens_table(
    traced_model: TracedModel,
    traced: TracedNetwork,
    reference: Labels | None,
    schema: LabelSchema,
    job: Job,
) -> tuple[LogitLensRow, ...]:
    """What the head says from each stage between the encoder and itself, and from others it can
    read; the stages that it cannot read are there without a view.
    """
    readable = traced_model.logit_lens_stages(traced.trace)
    between = (Role.BOTTLENECK, Role.CONTEXT, Role.PYRAMID, Role.DECODER)
    rows = []
    for layer in traced.trace.layers:
        job.check()
        if layer.id in readable:
            view = logit_lens(traced_model, traced, layer.id, reference, schema)
            rows.append(LogitLensRow(layer.id, layer.shape[0], view))
        elif layer.role in between:
            rows.append(LogitLensRow(layer.id, layer.shape[0], None))
    return tuple(rows)
