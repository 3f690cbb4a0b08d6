"""The report of `segstudio evaluate` as tables for people."""

from __future__ import annotations

from math import isfinite
from typing import Any, Final

from segstudio.cli.compare_tables import print_difference
from segstudio.cli.output import print_line, print_table, score
from segstudio.core.formatting import counted
from segstudio.evaluation.mask_pairs import MISSING_TEXTS
from segstudio.metrics.image_figures import MEASURES, PIXELS
from segstudio.metrics.measure import Where
from segstudio.storage.truth_kinds import KINDS

_NAMED: Final = 20
_FOREGROUND_COLUMNS: Final = (
    ("mean_iou_foreground", "fg iou"),
    ("mean_dice_foreground", "fg dice"),
)


def print_report(report: dict[str, Any], *, per_image: bool) -> None:
    """Print what `evaluation_report.report_of` returned."""
    _print_classes(report)
    _print_means(report)
    _print_objects(report["objects"])
    _print_further(report)
    if report["without_ground_truth"]:
        lacking = counted(len(report["without_ground_truth"]), "prediction has", "predictions have")
        print_line(f"{lacking} no ground truth")
    if report["without_prediction"]:
        _print_missing(report)
    if report["predicted_ignored_pixels"]:
        pixels = counted(report["predicted_ignored_pixels"], "pixel")
        print_line(
            f"{pixels} predicted as {report['ignore_index']}, the ignored id, where the ground "
            "truth counts: of no class, so what is there is missed"
        )
    print_line(f"ground truth: {report['ground_truth']['masks']}")
    if report["ground_truth"]["objects"] is not None:
        print_line(f"objects of the ground truth: {report['ground_truth']['objects']}")
    print_line(
        f"values of the ground truth are read as {report['ground_truth_reading']}, "
        f"of the predictions as {report['prediction_reading']}"
    )
    if report["ground_truth_reading"] == KINDS["instances"].name:
        print_line(
            "each value of the ground truth is an object; for values of classes give --schema"
        )
    for note in report["notes"]:
        print_line(f"note: {note}")
    if "bootstrap" in report:
        _print_difference(report["bootstrap"], leads=_has_foreground(report))
    rows = report["per_image"] if per_image else report["worst"]
    print_line("\nall images" if per_image else "\nworst images")
    columns = (
        *(_FOREGROUND_COLUMNS if _has_foreground(report) else ()),
        ("mean_iou", "mean iou"),
        ("mean_dice", "mean dice"),
        ("pixel_accuracy", "accuracy"),
    )
    print_table(
        ("image", *(header for _, header in columns)),
        [(r["name"], *(score(r[name]) for name, _ in columns)) for r in rows],
    )


def _has_foreground(report: dict[str, Any]) -> bool:
    """Whether the foreground is less than all classes, so that it leads."""
    return 0 < len(report["foreground"]) < len(report["classes"])


def _print_missing(report: dict[str, Any]) -> None:
    names = report["without_prediction"]
    masks = counted(report["ground_truth_masks"], "ground truth mask")
    verb = "has" if len(names) == 1 else "have"
    named = ", ".join(names[:_NAMED]) + ", ..." * (len(names) > _NAMED)
    print_line(f"{len(names)} of {masks} {verb} no prediction: {named}")
    print_line(f"  {MISSING_TEXTS[report['missing']]}")


def _print_classes(report: dict[str, Any]) -> None:
    """The classes' figures: IoU and the like, and the main ones of what was asked for."""
    classes = report["classes"]
    figures = [
        f
        for m in MEASURES
        for f in (m.at(Where.CLASSES) if m is PIXELS else m.main)
        if any(f.json in c for c in classes)
    ]
    print_table(
        ("class", "name", *(f.json.replace("_", " ") for f in figures), "pixels"),
        [
            (str(c["id"]), c["name"], *(f.plain(c[f.json]) for f in figures), f"{c['pixels']:,}")
            for c in classes
        ],
    )


def _print_means(report: dict[str, Any]) -> None:
    of = f"{report['scored_classes']} of {len(report['classes'])} classes"
    print_line()
    leads = _has_foreground(report)
    if leads:
        ids = report["foreground"]
        scored = sum(c["id"] in ids and isfinite(c["iou"]) for c in report["classes"])
        part = f"{scored} of " if scored < len(ids) else ""
        print_line(
            f"foreground: mean IoU {score(report['mean_iou_foreground'])}, "
            f"mean Dice {score(report['mean_dice_foreground'])} "
            f"({part}{counted(len(ids), 'class', 'classes')} without background)"
        )
    print_line(
        f"mean IoU {score(report['mean_iou'])}, mean Dice {score(report['mean_dice'])} ({of})"
    )
    print_line(
        f"pixel accuracy {score(report['pixel_accuracy'])} "
        f"(all of the largest class: {score(report['majority_accuracy'])}), "
        f"frequency-weighted IoU {score(report['frequency_weighted_iou'])}"
    )
    baseline = report["all_background"]
    zero = next((c["name"] for c in report["classes"] if c["id"] == 0), "background")
    print_line(
        f"all {zero} would score: "
        + f"foreground mean IoU {score(baseline['mean_iou_foreground'])}, " * leads
        + f"mean IoU {score(baseline['mean_iou'])}, "
        f"pixel accuracy {score(baseline['pixel_accuracy'])}"
    )
    _print_measures(report, in_sections=False)
    print_line(
        f"mean over {counted(report['images'], 'image')}: IoU {score(report['image_mean_iou'])}, "
        f"Dice {score(report['image_mean_dice'])}"
        + (
            f"; foreground: IoU {score(report['image_mean_iou_foreground'])}, "
            f"Dice {score(report['image_mean_dice_foreground'])}"
        )
        * leads
    )


def _print_objects(objects: dict[str, Any] | None) -> None:
    if objects is None:
        return
    print_line(
        f"objects at IoU {objects['iou_threshold']}: {objects['found']} found, "
        f"{objects['missed']} missed, {objects['invented']} invented; "
        f"F1 {score(objects['f1'])}, mean IoU of those found {score(objects['mean_iou_of_found'])}"
    )


def _print_measures(report: dict[str, Any], *, in_sections: bool) -> None:
    """What was asked for besides IoU, Dice and accuracy."""
    for measure in MEASURES:
        name = measure.section or (measure.figures[0].total if measure.figures else "")
        if measure is not PIXELS and bool(measure.section) == in_sections and name in report:
            for line in measure.summary(report, _has_foreground(report)):
                print_line(line)


def _print_further(report: dict[str, Any]) -> None:
    """Figures of objects, where they were asked for."""
    _print_measures(report, in_sections=True)
    parts = [report.get(m.section) or {} for m in MEASURES if m.section]
    regions = max(part.get("regions_as_objects", 0) for part in parts)
    if regions:
        print_line(
            f"connected regions stand for the predicted objects in {regions} of "
            f"{counted(report['images'], 'image')}"
        )


def _print_difference(found: dict[str, Any], *, leads: bool) -> None:
    lacking, notes = found["without_prediction"], []
    if lacking:
        masks = counted(len(lacking), "ground truth mask has", "ground truth masks have")
        notes = [f"{masks} no prediction in {found['first']}"]
    print_difference(
        found, "better in", lambda row: f"{row['share_above_zero']:.1%}", leads=leads, notes=notes
    )
