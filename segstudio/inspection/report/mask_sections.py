"""The report's sections about the image: what was said of it, how right it is, how it was made."""

from __future__ import annotations

from datetime import datetime
from typing import Final

import numpy as np
from markupsafe import Markup

from segstudio.core.difference import DIFFERENCE_COLORS, DIFFERENCE_NAMES, difference
from segstudio.core.formatting import ratio_text, short_text
from segstudio.core.labels import InstanceIds, Labels
from segstudio.core.prediction import ModelSpec
from segstudio.core.render import difference_table, overlay_rgb
from segstudio.core.schema import Color, LabelSchema
from segstudio.inspection.report.skip_sections import INSTEAD, SECTIONS
from segstudio.inspection.report.trace_findings import TraceFindings
from segstudio.inspection.report.trace_material import TraceMaterial
from segstudio.metrics.cut_costs import MaskScores
from segstudio.report.page import Section, section
from segstudio.report.pictures import blended, picture
from segstudio.report.software import settings_text, versions_text
from segstudio.report.tables import Cell, Table

LONGEST: Final = 640
_LEGEND_CLASSES: Final = 24
_OUTPUTS: Final = {"instance": "objects", "panoptic": "objects over classes"}


def key_figures(material: TraceMaterial, found: TraceFindings) -> list[tuple[str, str]]:
    """(value, what it is) for the top of the report."""
    trace = material.trace
    height, width = trace.input_size
    figures: list[tuple[str, str]] = []
    if found.scores is not None:
        names = (f"{found.scores.leads} {what}" for what in ("IoU", "Dice", "boundary IoU"))
        figures += zip(map(ratio_text, found.scores.leading), names, strict=True)
    return [
        *figures,
        (short_text(trace.parameters), "parameters"),
        (short_text(trace.macs), "multiply-adds"),
        (f"{trace.seconds:.2f} s", "traced pass"),
        (f"{width} x {height}", "network's input, pixels"),
        (str(len(trace.skips)), "skip" if len(trace.skips) == 1 else "skips"),
    ]


def image_section(material: TraceMaterial, found: TraceFindings) -> Section:
    """Photo, prediction, annotation and difference, with the scores of each class."""
    said, photo, window = material.prediction, material.window, material.input_geometry.window
    prediction = _overlay(material, said.labels, said.schema, "The prediction", said.instance_ids)
    pictures = [
        (picture(photo, "The photo", longest=LONGEST), "Photo"),
        (prediction, f"Prediction of {material.title}"),
    ]
    wrong = []
    reference = material.window_reference
    if reference is not None:
        codes = difference(
            reference,
            material.mapped(said.labels),
            material.schema.ignore_index,
            nothing=material.schema.elsewhere_id,
        )
        mixed = blended(photo, codes, difference_table())
        truth = _overlay(material, reference, material.schema, "The annotation")
        pictures.append((truth, "Annotation"))
        pictures.append((picture(mixed, "Where both differ", longest=LONGEST), "Difference"))
        used = [c for c in DIFFERENCE_COLORS if (codes == c).any()]
        wrong = [(DIFFERENCE_COLORS[c], DIFFERENCE_NAMES[c]) for c in used]
    part = ""
    if window.shape_hw != material.input_geometry.photo_hw:
        part = f"{window.width} x {window.height} pixels at {window.left}, {window.top}"
    return section(
        SECTIONS,
        "image",
        "The image",
        pictures=pictures,
        width=250 if len(pictures) > 2 else 420,
        classes=_classes_in(said.labels, said.schema),
        difference=wrong,
        scores=None if found.scores is None else scores_table(found.scores, material.schema),
        part=part,
    )


def scores_table(scores: MaskScores, schema: LabelSchema) -> Table:
    """Scores of each class and their means."""
    metrics = scores.metrics
    rows: list[list[str | Cell]] = []
    for i, class_id in enumerate(metrics.class_ids):
        if metrics.truth_pixels[i] == 0 and metrics.predicted_pixels[i] == 0:
            continue
        iou = float(metrics.iou[i])
        figures = metrics.dice, metrics.precision, metrics.recall, scores.boundary_iou
        pixels = metrics.truth_pixels, metrics.predicted_pixels
        rows.append(
            [
                Cell(schema.name_of(class_id), color=_color(schema, class_id)),
                Cell(ratio_text(iou), iou),
                *(ratio_text(float(values[i])) for values in figures),
                *(f"{int(values[i]):,}" for values in pixels),
            ]
        )
    classes = len(rows)
    if scores.foreground is not None:
        lead, dice, boundary = map(ratio_text, scores.leading)
        rows.append(["foreground", lead, dice, "", "", boundary, "", ""])
    rows.append(
        [
            "mean", ratio_text(metrics.mean_iou), ratio_text(metrics.mean_dice), "", "",
            ratio_text(scores.mean_boundary_iou), f"{metrics.total:,}", "",
        ]
    )  # fmt: skip
    headers = (
        "class", "IoU", "Dice", "precision", "recall", "boundary IoU", "annotated pixels",
        "predicted pixels",
    )  # fmt: skip
    missing = len(metrics.class_ids) - classes
    caption = "Scores against the annotation."
    if missing:
        caption += f" {missing} classes are in neither map and count in no mean."
    return Table(headers, rows, range(1, 8), caption, range(classes, len(rows)))


def making_section(
    material: TraceMaterial, found: TraceFindings, spec: ModelSpec, device: str, now: datetime
) -> Section:
    """Versions, settings, and what could not be found."""
    input_geometry = material.input_geometry
    entered = _size(input_geometry.padded_hw)
    if input_geometry.padded_hw != input_geometry.resized_hw:
        shown = _size(input_geometry.resized_hw)
        entered += f", of which {shown} show the image and the rest is padding"
    facts = {
        "Model": Cell(spec.id, look="code"),
        "Name": f"{spec.title} ({material.trace.model})",
        "Weights": spec.weights.filename if spec.weights is not None else "none",
        "Licence of the weights": spec.licence or "not stated",
        "About the model": spec.description or "no description",
        "Preprocessing": settings_text(spec.preprocess),
        "Output": spec.output.text if not spec.finds_objects else _OUTPUTS[spec.task],
        "Network options": settings_text(spec.options),
        "Device": device,
        "Image": f"{material.image}, {_size(input_geometry.photo_hw)} pixels",
        "Network input": entered,
        "Activations": "kept as float16; pictures leave the input's padding out",
        "Cuts": f"a cut skip carries {INSTEAD[material.how]}; the model itself is not changed",
        "Software": versions_text(),
        "Made": now.astimezone().strftime("%Y-%m-%d %H:%M %Z"),
    }
    return section(
        SECTIONS,
        "making",
        "How this was made",
        facts=facts,
        notes=[*material.trace.notes, *material.prediction.notes],
        problems=found.problems,
    )


def _overlay(
    material: TraceMaterial,
    labels: Labels,
    schema: LabelSchema,
    alt: str,
    instances: InstanceIds | None = None,
) -> Markup:
    shown = overlay_rgb(material.window, labels, schema, instances=instances)
    return picture(shown, alt, longest=LONGEST)


def _classes_in(labels: Labels, schema: LabelSchema) -> list[tuple[Color, str]]:
    """Colours and names of the classes in a map, the most frequent first."""
    counts = np.bincount(labels.reshape(-1), minlength=256)
    present = [int(i) for i in np.argsort(-counts, kind="stable") if counts[i] and i != 0]
    return [(_color(schema, i), schema.name_of(i)) for i in present[:_LEGEND_CLASSES]]


def _color(schema: LabelSchema, class_id: int) -> Color:
    r, g, b = schema.palette()[class_id].tolist()
    return r, g, b


def _size(shape_hw: tuple[int, int]) -> str:
    return f"{shape_hw[1]} x {shape_hw[0]}"
