"""The report's sections about where a class comes from: Grad-CAM, and the logit lens."""

from __future__ import annotations

from typing import Final

import cv2
import numpy as np

from segstudio.core.colour_maps import MAGMA, colour_table, levels_of
from segstudio.core.formatting import ratio_text
from segstudio.core.labels import Image
from segstudio.core.render import overlay_rgb
from segstudio.inspection.report.findings import Explanation, Findings, FloatArray, LensFigures
from segstudio.inspection.report.material import Material
from segstudio.report.charts import Bar, bar_chart
from segstudio.report.markup import Markup, element, joined
from segstudio.report.page import Section, note, paragraph
from segstudio.report.pictures import Captioned, blended, figure, fitted, gallery, picture

_LONGEST: Final = 320
_CELL_PX: Final = 200
_COVER: Final = 0.85


def why_sections(material: Material, found: Findings) -> list[Section]:
    """Grad-CAM at every stage, and what the head says from each stage that it can read."""
    sections = []
    if found.explanation is not None or "explanation" in found.problems:
        sections.append(_cam_section(material, found))
    if found.lens:
        sections.append(_lens_section(material, found))
    return sections


def _cam_section(material: Material, found: Findings) -> Section:
    name = material.class_names.get(material.class_id, str(material.class_id))
    title = f"Why {name}"
    explanation = found.explanation
    if explanation is None:
        return Section("why", title, note(found.problems["explanation"]))
    text = paragraph(
        f"Seg-Grad-CAM of {name} over {explanation.over}: where each stage holds evidence for the "
        "class. Each picture goes from nothing (the photo) to its own highest value (yellow). "
        "After Vinogradova, Dibrov and Myers (2020), arXiv:2002.11434.",
        hint=True,
    )
    return Section("why", title, joined((text, gallery(_cams(material, explanation), _CELL_PX))))


def _cams(material: Material, explanation: Explanation) -> list[Captioned]:
    photo = fitted(material.window, _LONGEST)
    plain = np.asarray(cv2.cvtColor(photo, cv2.COLOR_RGB2GRAY), np.uint8)
    grey = np.repeat(plain[..., None], 3, axis=2)
    pictures = []
    for stage, cam in explanation.cams.items():
        layer = material.trace.layer(stage)
        highest = float(cam.max())
        image = _heated(grey, material.placement.on_photo(cam, layer), highest)
        caption = joined(
            (
                element("b", element("code", stage)),
                f" {layer.role.value}, {layer.shape[1]} x {layer.shape[2]}",
                "" if highest > 0 else ": nothing speaks for the class",
            )
        )
        pictures.append(Captioned(picture(image, f"Grad-CAM at {stage}"), caption))
    return pictures


def _heated(grey: Image, values: FloatArray, highest: float) -> Image:
    """Values (h, w) of the window over a smaller grey photo; low ones are transparent."""
    height, width = grey.shape[:2]
    small = np.asarray(
        cv2.resize(values, (width, height), interpolation=cv2.INTER_AREA), np.float32
    )
    levels = levels_of(small, 0.0, highest if highest > 0 else 1.0)
    table = np.empty((256, 4), np.uint8)
    table[:, :3] = colour_table(MAGMA)
    table[:, 3] = np.rint(np.linspace(0, 1, 256) ** 0.6 * _COVER * 255)
    return blended(grey, levels, table)


def _lens_section(material: Material, found: Findings) -> Section:
    text = paragraph(
        "What the head would say if it read an earlier stage that has as many channels as the one "
        "it was trained on: how the mask forms on the way up.",
        hint=True,
    )
    shown = gallery([_lens(material, one) for one in found.lens], _CELL_PX)
    return Section("lens", "Logit lens", joined((text, shown, _lens_chart(found))))


def _lens(material: Material, one: LensFigures) -> Captioned:
    image = overlay_rgb(material.window, one.labels, material.prediction.schema)
    scored = "" if one.scores is None else f", mean IoU {ratio_text(one.scores.metrics.mean_iou)}"
    caption = joined((element("b", element("code", one.stage)), scored))
    return Captioned(picture(image, f"Read from {one.stage}", longest=_LONGEST), caption)


def _lens_chart(found: Findings) -> Markup:
    scored = [one for one in found.lens if one.scores is not None]
    if len(scored) < 2:
        return Markup()
    bars = [
        Bar.of(one.stage, one.scores.metrics.mean_iou, ratio_text(one.scores.metrics.mean_iou))
        for one in scored
        if one.scores is not None
    ]
    return figure(bar_chart(bars, title="Mean IoU of the head read from each stage", highest=1.0))
