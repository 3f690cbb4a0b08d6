"""The report's section about how it was made, so that it can be made again."""

from __future__ import annotations

from datetime import datetime

from segstudio.evaluation.report.material import EvaluatedRun, Material
from segstudio.evaluation.report.wording import count
from segstudio.report.markup import Markup, element, joined
from segstudio.report.page import Section, bullets, definitions, folded, paragraph
from segstudio.report.software import versions_text
from segstudio.report.tables import table


def making_section(material: Material, now: datetime) -> Section:
    """Settings, models with their weights and classes, versions, and the line to repeat it.

    Args:
        material: What was compared.
        now: When.
    """
    facts: dict[str, object] = {
        "Folder": material.title,
        "Images": count(len(material.images), "image"),
        "Classes": _classes(material),
        **material.settings,
        "Software": versions_text(),
        "Made": now.astimezone().strftime("%Y-%m-%d %H:%M %Z"),
    }
    parts: list[Markup] = []
    if material.command:
        parts.append(
            joined(
                (
                    paragraph("This line evaluates the same again:"),
                    element("pre", element("code", material.command)),
                )
            )
        )
    parts += [definitions(facts), *(_run(material, run) for run in material.runs)]
    return Section("making", "How this was made", joined(parts))


def _classes(material: Material) -> str:
    names = ", ".join(f"{i} {material.name_of(i)}" for i in material.class_ids)
    ignored = material.schema.ignore_index
    return names if ignored is None else f"{names}; {ignored} counts nowhere"


def _run(material: Material, run: EvaluatedRun) -> Markup:
    body: list[Markup] = [definitions({"Id": element("code", run.id), **run.facts})]
    if run.mapping:
        body.append(
            table(
                ("the model's class", "is held against"),
                run.mapping,
                caption="Its classes and the folder's.",
            )
        )
    if run.notes:
        body.append(bullets(run.notes))
    return folded(material.titles[run.id], "", *body, opened=True)
