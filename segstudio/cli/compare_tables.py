"""The report of `segstudio compare` as tables for people."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Final

from segstudio.cli.output import print_line, print_table, score, signed
from segstudio.core.formatting import counted
from segstudio.evaluation.report.wording import stacks_text
from segstudio.metrics.image_figures import MEASURES
from segstudio.metrics.measure import AnyFigure, AnyMeasure, Where

_FOREGROUND: Final = (("mean_iou_foreground", "fg iou"), ("mean_dice_foreground", "fg dice"))
_COLUMNS: Final = (
    ("mean_iou", "mean iou"),
    ("mean_dice", "mean dice"),
    ("pixel_accuracy", "accuracy"),
    ("frequency_weighted_iou", "fw iou"),
)


def print_report(report: dict[str, Any]) -> None:
    """Print what `compare_report.report_of` returned."""
    models = report["models"]
    scored = counted(report["scored_images"], "image")
    print_line(f"{scored} with ground truth, of {report['images']:,}")
    print_line(f"held against {report['held_against']}")
    if report["stack_pages"]:
        print_line(stacks_text(report["stack_pages"]))
    if report["ground_truth_reading"] is not None:
        print_line(f"values of the masks are read as {report['ground_truth_reading']}")
    for note in report["notes"]:
        print_line(f"note: {note}")
    print_line()
    leads = report["ranked_by"] == "mean_iou_foreground"
    _print_models(models, report["all_background"], leads=leads)
    if leads:
        print_line("fg: of the foreground, the classes but background")
    _print_classes(models)
    for difference in report["differences"]:
        if "resamples" in difference:
            verdict = partial(_verdict, found=difference)
            print_difference(difference, "", verdict, leads=leads)
    _print_disagreement(report["disagreement"], models, report["ranked_by"])


def _print_models(
    models: list[dict[str, Any]], background: dict[str, float] | None, *, leads: bool
) -> None:
    """Figures by column; those of the foreground first if it `leads`."""
    shown = (*(_FOREGROUND if leads else ()), *_COLUMNS)
    further = [
        (measure, figure)
        for measure in MEASURES
        if measure.option
        for figure in measure.at(Where.FOLDER)
        if any(figure.total in _section(m, measure) for m in models)
        and (leads or not figure.of_foreground)
    ]
    headers = ["model", *(header for _, header in shown), *(_header(f) for _, f in further)]
    rows = []
    for model in models:
        cells = [score(model[name]) for name, _ in shown]
        cells += [f.plain(_section(model, m).get(f.total, math.nan)) for m, f in further]
        rows.append([model["id"], *cells, score(model["seconds_per_image"], 3)])
    if background is not None:
        cells = [score(background.get(name, math.nan)) for name, _ in shown]
        rows.append(["(all background)", *cells, *["-"] * len(further), "-"])
    print_table([*headers, "s/image"], rows)
    for measure in MEASURES:
        if measure.section and all(m.get(measure.section, "") is None for m in models):
            for line in measure.summary(models[0], leads):
                print_line(line)


def _section(model: dict[str, Any], measure: AnyMeasure) -> dict[str, Any]:
    """Where the figures of a measure are in the report of a model."""
    return (model.get(measure.section) or {}) if measure.section else model


def _header(figure: AnyFigure) -> str:
    return "fg " * figure.of_foreground + figure.json.replace("_", " ")


def _print_classes(models: list[dict[str, Any]]) -> None:
    """IoU of each class and model, and what it is apart from the best model's."""
    first = {c["id"]: c["iou"] for c in models[0]["classes"]}
    names = {c["id"]: c["name"] for c in models[0]["classes"]}
    if not names:
        return
    print_line("\nIoU by class" + (", and apart from the first model" if len(models) > 1 else ""))
    rows = []
    for class_id, name in names.items():
        cells = []
        for model in models:
            iou = next((c["iou"] for c in model["classes"] if c["id"] == class_id), math.nan)
            away = "" if model is models[0] else f" ({signed(iou - first[class_id])})"
            cells.append(score(iou) + away)
        rows.append([str(class_id), name, *cells])
    print_table(["class", "name", *(m["id"] for m in models)], rows)


def print_difference(
    found: dict[str, Any],
    last: str,
    told: Callable[[dict[str, Any]], str],
    *,
    leads: bool,
    notes: Sequence[str] = (),
) -> None:
    """Print how two models, or folders of masks, differ.

    Args:
        found: What `class_figures.difference_row` returned, and what is compared.
        last: Header of the last column.
        told: What stands there of each class whose interval is known.
        leads: Whether the foreground comes first.
        notes: Lines before the table.
    """
    print_line(
        f"\n{found['second']} minus {found['first']}, IoU on {counted(found['images'], 'image')}, "
        f"{found['level']:.0%} interval of {found['resamples']} resamples"
    )
    for note in (*notes, *([found["caution"]] if found["caution"] else [])):
        print_line(note)
    rows = [("foreground", found["mean_iou_foreground"])] * leads
    rows += [("mean", found["mean_iou"]), *((c["name"], c) for c in found["classes"])]
    print_table(
        ("class", "difference", "from", "to", last),
        [
            (
                name,
                *(signed(row[key]) for key in ("difference", "low", "high")),
                "-" if math.isnan(row["low"]) else told(row),
            )
            for name, row in rows
        ],
    )


def _verdict(row: dict[str, Any], found: dict[str, Any]) -> str:
    if not row["clear"]:
        return "no difference shown"
    return f"{found['second'] if row['difference'] > 0 else found['first']} is better"


def _print_disagreement(
    found: dict[str, Any] | None, models: list[dict[str, Any]], lead: str
) -> None:
    if found is None:
        return
    print_line(f"\nmean vote entropy {score(found['mean_vote_entropy'])}")
    if not found["images"]:
        print_line("the models agree on every pixel")
        return
    print_line("images on which the models differ most")
    header = "fg iou" if lead == "mean_iou_foreground" else "iou"
    print_table(
        ["image", "vote entropy", *(f"{header} {m['id']}" for m in models)],
        [
            [i["name"], score(i["vote_entropy"]), *(score(i[lead][m["id"]]) for m in models)]
            for i in found["images"]
        ],
    )
