"""How explanations are computed: what runs in the background, away from the session."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import cv2
import numpy as np

from segstudio.core.class_mapping import adapt, is_scored
from segstudio.core.colour_maps import colour_table
from segstudio.core.errors import SegstudioError
from segstudio.core.features import Role
from segstudio.core.geometry import Rect
from segstudio.core.labels import Image, Labels
from segstudio.core.schema import LabelSchema
from segstudio.inspection.explanations import (
    Attribution,
    Cam,
    Field,
    FloatArray,
    LensRow,
    LensView,
    PixelXY,
    Target,
    class_name,
    heat_over,
    over_text,
    reduced,
    side_of_share,
    target_mask,
)
from segstudio.jobs import Job
from segstudio.metrics.tally import count, metrics_of
from segstudio.session.inspection import ColourMap, Over, Traced

if TYPE_CHECKING:
    from segstudio.inspection.nets.subject import Subject

_OPACITY = 0.7


def attribution(subject: Subject, traced: Traced, target: Target, job: Job) -> Attribution:
    """Follow the gradients of a target to all stages.

    Raises:
        SegstudioError: if there is nothing to ask about, or the network has no gradients.
    """
    region = target_mask(traced, target)
    pixel = target.point if target.over is Over.PIXEL else None
    found = subject.gradients(
        traced.trace, target.class_id, pixel_xy=pixel, region=region, check=job.check
    )
    return reduced(found, target, traced.placement)


def cam(traced: Traced, found: Attribution, stage_id: str, colours: ColourMap) -> Cam:
    """Grad-CAM of a stage over the photo; every value lies in its receptive field's middle."""
    layer = traced.trace.layer(stage_id)
    values = found.cams[stage_id]
    name = class_name(traced, found.target.class_id)
    caption = f"Grad-CAM of {name} at {stage_id}, over {over_text(traced, found.target)}"
    shown = traced.placement.on_photo(values, layer)
    return Cam(stage_id, found, values, heat_over(traced, shown, colours, caption, _OPACITY))


def cam_pictures(
    traced: Traced, found: Attribution, px: int, colours: ColourMap
) -> dict[str, Image]:
    """Grad-CAM of every stage over a photo whose longer side has `px` pixels: uint8 RGB."""
    placement = traced.placement
    window = placement.window
    scale = min(1.0, px / max(window.height, window.width))
    size = (max(1, round(window.height * scale)), max(1, round(window.width * scale)))
    small = replace(placement, photo_hw=size, window=Rect.of_shape(size))
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


def pixel_field(traced: Traced, found: Attribution, colours: ColourMap) -> Field:
    """The effective field of a class score at one pixel, for which `found` was computed."""
    point = found.target.point or (0, 0)
    name = class_name(traced, found.target.class_id)
    caption = f"Effective receptive field of {name} at {point[0]}, {point[1]}"
    last = traced.trace.layers[-1].id
    return _field(traced, "", last, point, found.image, caption, colours)


def stage_field(
    subject: Subject,
    traced: Traced,
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
    position = traced.placement.position(traced.trace, stage_id, point)
    if position is None:
        raise SegstudioError(f"{stage_id} has no place at this pixel.")
    values = subject.stage_field(traced.trace, stage_id, position, channel=channel, check=job.check)
    which = stage_id if channel is None else f"{stage_id}, channel {channel},"
    caption = f"Effective receptive field of {which} at {point[0]}, {point[1]}"
    return _field(traced, stage_id, stage_id, point, values, caption, colours)


def _field(
    traced: Traced,
    stage: str,
    theoretical_of: str,
    point: PixelXY,
    values: FloatArray,
    caption: str,
    colours: ColourMap,
) -> Field:
    placement = traced.placement
    window = placement.window
    layer = traced.trace.layer(theoretical_of)
    field = placement.field(layer, 0, 0)
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


def lens(
    subject: Subject,
    traced: Traced,
    stage_id: str,
    reference: Labels | None,
    schema: LabelSchema,
) -> LensView:
    """What the head says from a stage, against the annotation's window (h, w) if there is one.

    Raises:
        SegstudioError: if the head expects another number of channels.
    """
    said = subject.lens(traced.trace, stage_id)
    same = np.count_nonzero(said.labels == traced.prediction.labels)
    metrics = None
    if reference is not None and is_scored(said.schema, schema):
        metrics = metrics_of(count(reference, adapt(said, schema).labels, schema), schema)
    return LensView(stage_id, said, float(same / said.labels.size), metrics)


def lens_table(
    subject: Subject, traced: Traced, reference: Labels | None, schema: LabelSchema, job: Job
) -> tuple[LensRow, ...]:
    """What the head says from each stage between the encoder and itself, and from others it can
    read; the stages that it cannot read are there without a view.
    """
    readable = subject.lens_stages(traced.trace)
    between = (Role.BOTTLENECK, Role.CONTEXT, Role.PYRAMID, Role.DECODER)
    rows = []
    for layer in traced.trace.layers:
        job.check()
        if layer.id in readable:
            view = lens(subject, traced, layer.id, reference, schema)
            rows.append(LensRow(layer.id, layer.shape[0], view))
        elif layer.role in between:
            rows.append(LensRow(layer.id, layer.shape[0], None))
    return tuple(rows)
