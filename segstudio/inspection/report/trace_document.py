"""The report of one image's way through a network: one HTML file that needs nothing else."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from segstudio.core.prediction import ModelSpec
from segstudio.core.progress import Report
from segstudio.core.text import utf8
from segstudio.inspection.report.drawing import diagram_for_page
from segstudio.inspection.report.mask_sections import (
    image_section,
    key_figures,
    making_section,
)
from segstudio.inspection.report.skip_sections import SECTIONS, skips_section
from segstudio.inspection.report.stage_sections import sheets_section, table_section, why_sections
from segstudio.inspection.report.trace_findings import TraceFindings, find
from segstudio.inspection.report.trace_material import TraceMaterial
from segstudio.report.page import Section, page, part_of, section
from segstudio.session.inspection import MapPicture, StageLook
from segstudio.storage.atomic import write_atomically

if TYPE_CHECKING:
    from segstudio.inspection.nets.traced_model import TracedModel


def write_report(
    path: Path,
    traced_model: TracedModel,
    material: TraceMaterial,
    check: Callable[[], None],
    report: Report,
) -> None:
    """Work out everything about a trace and write it as one HTML file.

    Args:
        path: The file; replaced as a whole.
        traced_model: The network with its image, which was traced.
        material: The trace.
        check: Called before every module of the network; what it raises stops the work.
        report: Told (steps done, steps in all, what happens now); may raise to stop.

    Raises:
        SegstudioError: if the network fails on the image, or the file cannot be written.
    """
    found = find(traced_model, material, check, part_of(report, 0, 70))
    text = compose(material, found, traced_model.spec, part_of(report, 70, 100), datetime.now(UTC))
    write_atomically(path, utf8(text), durable=False)


def compose(
    material: TraceMaterial, found: TraceFindings, spec: ModelSpec, report: Report, now: datetime
) -> str:
    """Return the report as HTML.

    Args:
        material: The trace.
        found: What was found about it.
        spec: The model.
        report: Told (steps done, steps in all, what happens now); may raise to stop.
        now: When, for the report's end.
    """
    device = material.prediction.device
    sections = [
        image_section(material, found),
        _diagram_section(material, part_of(report, 0, 20)),
        table_section(material, found),
        skips_section(material, found),
        *why_sections(material, found),
        sheets_section(material, found, part_of(report, 20, 100)),
        making_section(material, found, spec, device, now),
    ]
    subtitle = f"seen by {material.trace.model}, one forward pass on {device}"
    figures = key_figures(material, found)
    return page(f"Inside {material.title}", [material.image], subtitle, sections, figures)


def _diagram_section(material: TraceMaterial, report: Report) -> Section:
    """The network's diagram."""
    plain = replace(material, picture=MapPicture.MEAN, look=StageLook())
    diagram = diagram_for_page(plain, report)
    return section(SECTIONS, "network", "The network", diagram=diagram)
