"""The report of an evaluation as one HTML file that needs nothing else."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from segstudio.core.formatting import percent_text, ratio_text
from segstudio.core.text import utf8
from segstudio.evaluation.curve_charts import calibrations, reliability_chart
from segstudio.evaluation.report.class_sections import (
    SECTIONS,
    classes_section,
    confusion_section,
    looks_of,
    run_legend,
)
from segstudio.evaluation.report.findings import Findings, Report, find, part_of
from segstudio.evaluation.report.image_sections import list_section, spread_section
from segstudio.evaluation.report.material import Material
from segstudio.evaluation.report.model_sections import (
    differences_section,
    key_figures,
    models_section,
)
from segstudio.evaluation.report.object_sections import object_sections
from segstudio.evaluation.report.wording import calibration_text, count
from segstudio.evaluation.report.worst_section import worst_section
from segstudio.metrics.calibration import CALIBRATION
from segstudio.report.charts import chart_svg
from segstudio.report.page import Section, page, section
from segstudio.report.software import versions_text
from segstudio.report.tables import Cell, Table
from segstudio.storage.atomic import write_atomically

_CHART: Final = (560, 400)


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
        *_calibration_sections(material),
        worst_section(material, report),
        list_section(material),
        _making_section(material, now),
    ]
    names = [material.titles[run.id] for run in material.runs]
    subtitle = f"on {count(len(material.images), 'image')} with ground truth"
    title = f"Evaluation of {material.title}"
    return page(title, names, subtitle, sections, key_figures(material))


def _calibration_sections(material: Material) -> list[Section]:
    """Accuracy against confidence; nothing if no model tells its confidence."""
    found = calibrations(material, looks_of(material))
    if not found:
        return []
    rows: list[list[str | Cell]] = []
    for look, bins in found:
        pixels = int(bins.pixels.sum())
        right = int(bins.right.sum()) / pixels if pixels else float("nan")
        rows.append(
            [
                Cell(look.title, look="wrapped"),
                ratio_text(bins.ece),
                percent_text(right),
                percent_text(bins.mean_confidence),
                f"{bins.confident_errors:,}",
                Cell(calibration_text(right, bins.mean_confidence), look="prose"),
            ]
        )
    # the page has a list of the models already
    chart = chart_svg(replace(reliability_chart(found), legend=()), _CHART)
    headers = (
        "model", "calibration error", "right", "mean confidence", "sure and wrong, pixels",
        "in words",
    )  # fmt: skip
    title = "Is its confidence worth anything?"
    return [
        section(
            SECTIONS, CALIBRATION.key, title, legend=run_legend(material),
            chart=chart, table=Table(headers, rows, range(1, 5)),
        )
    ]  # fmt: skip


def _making_section(material: Material, now: datetime) -> Section:
    """Settings, models with their weights and classes, versions, and the line to repeat it."""
    names = ", ".join(f"{i} {material.name_of(i)}" for i in material.class_ids)
    ignored = material.schema.ignore_index
    facts: dict[str, object] = {
        "Folder": material.title,
        "Images": count(len(material.images), "image"),
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
    title = "How this was made"
    return section(SECTIONS, "making", title, command=material.command, facts=facts, runs=runs)
