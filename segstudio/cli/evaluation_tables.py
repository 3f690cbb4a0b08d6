"""The report of `segstudio evaluate` as tables for people."""

from __future__ import annotations

import math
from typing import Any, Final

from segstudio.app.evaluation_report.wording import count
from segstudio.cli.mask_pairs import MISSING_TEXTS
from segstudio.cli.options import Missing
from segstudio.cli.output import print_table, say, score
from segstudio.storage.truth_coding import KIND_NAMES

_COLUMNS: Final = (
    "iou", "dice", "precision", "recall", "boundary_iou", "hausdorff_95", "ap", "pq",
)  # fmt: skip
_NAMED: Final = 20
_FOREGROUND_COLUMNS: Final = (
    ("mean_iou_foreground", "fg iou"),
    ("mean_dice_foreground", "fg dice"),
)
_HEADERS: Final = {"boundary_iou": "boundary iou", "hausdorff_95": "hausdorff 95"}


def print_report(report: dict[str, Any], *, per_image: bool) -> None:
    """Print what `evaluation_report.report_of` returned."""
    _print_classes(report)
    _print_means(report)
    _print_objects(report["objects"])
    _print_further(report)
    if report["without_ground_truth"]:
        lacking = count(len(report["without_ground_truth"]), "prediction has", "predictions have")
        say(f"{lacking} no ground truth")
    if report["without_prediction"]:
        _print_missing(report)
    if report["predicted_ignored_pixels"]:
        pixels = count(report["predicted_ignored_pixels"], "pixel")
        say(
            f"{pixels} predicted as {report['ignore_index']}, the ignored id, where the ground "
            "truth counts: of no class, so what is there is missed"
        )
    if report["ground_truth"]["objects"] is not None:
        say(f"objects of the ground truth: {report['ground_truth']['objects']}")
    kinds = [KIND_NAMES[report[f"{side}_values"]] for side in ("ground_truth", "prediction")]
    say(f"values of the ground truth are read as {kinds[0]}, of the predictions as {kinds[1]}")
    if report["ground_truth_values"] == "instances":
        say("each value of the ground truth is an object; for values of classes give --schema")
    for note in report["notes"]:
        say(f"note: {note}")
    if "bootstrap" in report:
        _print_difference(report["bootstrap"], leads=_has_foreground(report))
    rows = report["per_image"] if per_image else report["worst"]
    say("\nall images" if per_image else "\nworst images")
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
    masks = count(report["ground_truth_masks"], "ground truth mask")
    verb = "has" if len(names) == 1 else "have"
    named = ", ".join(names[:_NAMED]) + ", ..." * (len(names) > _NAMED)
    say(f"{len(names)} of {masks} {verb} no prediction: {named}")
    say(f"  {MISSING_TEXTS[Missing(report['missing'])]}")


def _print_classes(report: dict[str, Any]) -> None:
    classes = report["classes"]
    names = [n for n in _COLUMNS if any(n in c for c in classes)]
    print_table(
        ("class", "name", *(_HEADERS.get(n, n) for n in names), "pixels"),
        [
            (str(c["id"]), c["name"], *(_cell(n, c[n]) for n in names), f"{c['pixels']:,}")
            for c in classes
        ],
    )


def _cell(name: str, value: float) -> str:
    return _pixels(value) if name == "hausdorff_95" else score(value)


def _pixels(value: float) -> str:
    return "-" if math.isnan(value) else f"{value:.2f}"


def _print_means(report: dict[str, Any]) -> None:
    of = f"{report['scored_classes']} of {len(report['classes'])} classes"
    say()
    leads = _has_foreground(report)
    if leads:
        say(
            f"foreground: mean IoU {score(report['mean_iou_foreground'])}, "
            f"mean Dice {score(report['mean_dice_foreground'])} "
            f"({count(len(report['foreground']), 'class', 'classes')} without background)"
        )
    say(f"mean IoU {score(report['mean_iou'])}, mean Dice {score(report['mean_dice'])} ({of})")
    say(
        f"pixel accuracy {score(report['pixel_accuracy'])} "
        f"(all of the largest class: {score(report['majority_accuracy'])}), "
        f"frequency-weighted IoU {score(report['frequency_weighted_iou'])}"
    )
    baseline = report["all_background"]
    zero = next((c["name"] for c in report["classes"] if c["id"] == 0), "background")
    say(
        f"all {zero} would score: "
        + f"foreground mean IoU {score(baseline['mean_iou_foreground'])}, " * leads
        + f"mean IoU {score(baseline['mean_iou'])}, "
        f"pixel accuracy {score(baseline['pixel_accuracy'])}"
    )
    if "mean_boundary_iou" in report:
        ahead = f" (foreground {score(report['mean_boundary_iou_foreground'])})" * leads
        say(f"mean boundary IoU {score(report['mean_boundary_iou'])}{ahead}")
    if "mean_hausdorff_95" in report:
        alone = int(sum(c["hausdorff_one_sided"] for c in report["classes"]))
        all_of_them = int(sum(c["hausdorff_images"] for c in report["classes"]))
        note = f"; one map lacks the class in {alone} of {all_of_them}, there it is the diagonal"
        say(
            f"mean 95th percentile Hausdorff {_pixels(report['mean_hausdorff_95'])} px"
            + f" (foreground {_pixels(report['mean_hausdorff_95_foreground'])} px)" * leads
            + note * bool(alone)
        )
    say(
        f"mean over {count(report['images'], 'image')}: IoU {score(report['image_mean_iou'])}, "
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
    say(
        f"objects at IoU {objects['iou_threshold']}: {objects['found']} found, "
        f"{objects['missed']} missed, {objects['invented']} invented; "
        f"F1 {score(objects['f1'])}, mean IoU of those found {score(objects['mean_iou_of_found'])}"
    )


def _print_further(report: dict[str, Any]) -> None:
    """Average precision and panoptic quality, where they were asked for."""
    if "instances" in report:
        _print_instances(report["instances"])
    if "panoptic" in report:
        _print_panoptic(report["panoptic"], leads=_has_foreground(report))
    parts = [report.get(name) or {} for name in ("instances", "panoptic")]
    regions = max(part.get("regions_as_objects", 0) for part in parts)
    if regions:
        say(
            f"connected regions stand for the predicted objects in {regions} of "
            f"{count(report['images'], 'image')}"
        )


def _print_instances(found: dict[str, Any] | None) -> None:
    if found is None:
        say("average precision: the ground truth does not tell objects apart")
        return
    box = found["box"]
    say(
        f"average precision of masks: {score(found['ap'])} at 0.50:0.95, "
        f"{score(found['ap_50'])} at 0.50, {score(found['ap_75'])} at 0.75; "
        f"of boxes: {score(box['ap'])}, {score(box['ap_50'])}, {score(box['ap_75'])}"
    )
    if found["from"] != "masks":
        say(f"  from {count(found['detections'], 'detection')} in {found['from']}")
    elif found["lost"]:
        say(f"  {found['lost']}")
    if not found["scored"]:
        say("  the predicted objects have no scores, so all of them count alike")


def _print_panoptic(found: dict[str, Any], *, leads: bool) -> None:
    if leads:
        say(
            f"panoptic quality of the foreground {score(found['pq_foreground'])} "
            f"(SQ {score(found['sq_foreground'])}, RQ {score(found['rq_foreground'])})"
        )
    say(
        "of all classes, background included: " * leads
        + f"panoptic quality {score(found['pq'])} (SQ {score(found['sq'])}, RQ {score(found['rq'])}); "
        + f"things {score(found['things']['pq'])}, stuff {score(found['stuff']['pq'])}"
    )


def _print_difference(found: dict[str, Any], *, leads: bool) -> None:
    say(
        f"\n{found['second']} minus {found['first']}, IoU on {count(found['images'], 'image')}, "
        f"{found['level']:.0%} interval of {found['resamples']} resamples"
    )
    if found["without_prediction"]:
        masks = count(
            len(found["without_prediction"]), "ground truth mask has", "ground truth masks have"
        )
        say(f"{masks} no prediction in {found['first']}")
    if found["caution"]:
        say(found["caution"])
    rows = [("foreground", found["mean_iou_foreground"])] * leads
    rows += [("mean", found["mean_iou"]), *((c["name"], c) for c in found["classes"])]
    print_table(
        ("class", "difference", "from", "to", "better in"),
        [
            (
                name,
                *(_signed(row[key]) for key in ("difference", "low", "high")),
                "-" if math.isnan(row["low"]) else f"{row['share_above_zero']:.1%}",
            )
            for name, row in rows
        ],
    )


def _signed(value: float) -> str:
    return "-" if math.isnan(value) else f"{value:+.4f}"
