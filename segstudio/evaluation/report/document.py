"""The report of an evaluation as one HTML file that needs nothing else."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from segstudio import __version__
from segstudio.core.text import utf8
from segstudio.evaluation.report.calibration_section import calibration_sections
from segstudio.evaluation.report.class_sections import classes_section, confusion_section
from segstudio.evaluation.report.findings import Findings, Report, find, part_of
from segstudio.evaluation.report.image_sections import list_section, spread_section
from segstudio.evaluation.report.making_section import making_section
from segstudio.evaluation.report.material import Material
from segstudio.evaluation.report.model_sections import (
    differences_section,
    key_figures,
    models_section,
)
from segstudio.evaluation.report.object_sections import object_sections
from segstudio.evaluation.report.wording import count
from segstudio.evaluation.report.worst_section import worst_section
from segstudio.report.markup import element, joined
from segstudio.report.page import page
from segstudio.storage.atomic import write_atomically


def write_html(path: Path, material: Material, report: Report) -> None:
    """Work out what is missing and write the report.

    Args:
        path: The file; replaced as a whole.
        material: What is compared.
        report: Told (steps done, steps in all, what happens now); may raise to stop.

    Raises:
        SegstudioError: if the file cannot be written.
    """
    found = find(material, part_of(report, 0, 40))
    text = compose(material, found, part_of(report, 40, 100), datetime.now(UTC))
    write_atomically(path, utf8(text), durable=False)


def compose(material: Material, found: Findings, report: Report, now: datetime) -> str:
    """Return the report as HTML.

    Args:
        material: What is compared.
        found: The differences between its models.
        report: Told of the progress of the pictures; may raise to stop.
        now: When, for the report's end.
    """
    sections = [models_section(material, found)]
    if found.compared:
        sections.append(differences_section(material, found))
    sections += [
        classes_section(material),
        confusion_section(material),
        spread_section(material),
        *object_sections(material),
        *calibration_sections(material),
        worst_section(material, report),
        list_section(material),
        making_section(material, now),
    ]
    names = [material.titles[run.id] for run in material.runs]
    subtitle = joined(
        (
            joined((element("b", name) for name in names), ", "),
            f" on {count(len(material.images), 'image')} with ground truth",
        )
    )
    return page(
        f"Evaluation of {material.title}",
        subtitle,
        sections,
        figures=key_figures(material),
        footer=f"Made with segstudio {__version__}.",
    )
