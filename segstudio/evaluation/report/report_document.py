"""The report of an evaluation as one HTML file that needs nothing else."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from segstudio.core.formatting import counted
from segstudio.core.progress import Report
from segstudio.core.text import utf8
from segstudio.evaluation.report.class_sections import (
    SECTIONS,
    classes_section,
    confusion_section,
)
from segstudio.evaluation.report.curve_sections import curve_sections
from segstudio.evaluation.report.findings import EvaluationFindings, find
from segstudio.evaluation.report.image_sections import list_section, spread_section
from segstudio.evaluation.report.material import EvaluationMaterial
from segstudio.evaluation.report.model_sections import (
    differences_section,
    key_figures,
    models_section,
)
from segstudio.evaluation.report.worst_section import worst_section
from segstudio.report.page import Section, page, part_of, section
from segstudio.report.software import versions_text
from segstudio.report.tables import Cell, Table
from segstudio.storage.atomic import write_atomically


def write_html(path: Path, material: EvaluationMaterial, report: Report) -> None:
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


def compose(
    material: EvaluationMaterial, found: EvaluationFindings, report: Report, now: datetime
) -> str:
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
        *curve_sections(material),
        worst_section(material, report),
        list_section(material),
        _making_section(material, now),
    ]
    names = [material.titles[run.id] for run in material.runs]
    subtitle = f"on {counted(len(material.images), 'image')} with ground truth"
    title = f"Evaluation of {material.title}"
    return page(title, names, subtitle, sections, key_figures(material))


def _making_section(material: EvaluationMaterial, now: datetime) -> Section:
    """Settings, models with their weights and classes, versions, and the line to repeat it."""
    names = ", ".join(f"{i} {material.name_of(i)}" for i in material.class_ids)
    ignored = material.schema.ignore_index
    facts: dict[str, object] = {
        "Folder": material.title,
        "Images": counted(len(material.images), "image"),
        "Classes": names if ignored is None else f"{names}; {ignored} counts nowhere",
        **material.settings,
        "Software": versions_text(),
        "Made": now.astimezone().strftime("%Y-%m-%d %H:%M %Z"),
    }
    headers, caption = ("the model's class", "is held against"), "Its classes and the folder's."
    runs = [
        (
            material.titles[run.id],
            {"Id": Cell(run.id, look="code"), **run.facts},
            Table(headers, run.mapping, caption=caption) if run.mapping else None,
            run.notes,
        )
        for run in material.runs
    ]
    return section(
        SECTIONS, "making", "How this was made", command=material.command, facts=facts,
        doubts=material.doubts, runs=runs,
    )  # fmt: skip
