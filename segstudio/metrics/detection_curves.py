"""Average precision of detections, and precision and recall against the score threshold."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from segstudio.metrics.class_sums import Numbers
from segstudio.metrics.confusion import mean_of
from segstudio.metrics.detections import THRESHOLDS, DetectionMatches, Kind
from segstudio.metrics.measure import EVERYWHERE, Figure, Measure, MeasuredImage, Needs, Where

_RECALLS = np.linspace(0, 1, 101)
_SCORES = np.linspace(0, 1, 101)
_Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class AveragePrecision:
    """Average precision of classes as COCO defines it.

    Attributes:
        class_ids: The classes, K of them.
        table: (K, 10) for the IoU thresholds 0.50, 0.55, ... 0.95; NaN for a class that has no
            object in the ground truth.
    """

    class_ids: tuple[int, ...]
    table: Numbers

    @property
    def by_class(self) -> Numbers:
        """(K,) mean over the thresholds."""
        means: Numbers = self.table.mean(axis=1)
        return means

    @property
    def ap(self) -> float:
        """Mean over thresholds and classes: AP at 0.50:0.95."""
        return mean_of(self.by_class)

    def at(self, iou: float) -> float:
        """Mean over classes at one of the thresholds, 0.5 or 0.75 say."""
        return mean_of(self.table[:, THRESHOLDS.index(iou)])


@dataclass(frozen=True, eq=False)
class ScoreCurve:
    """Precision and recall of the detections that reach a score.

    Attributes:
        thresholds: (101,) scores 0, 0.01, ... 1.
        precision: (101,) TP / (TP + FP); NaN where no detection is left.
        recall: (101,) TP / objects; NaN if there are none.
        f1: (101,) 2 TP / (2 TP + FP + FN); NaN if there is nothing on either side.
    """

    thresholds: Numbers
    precision: Numbers
    recall: Numbers
    f1: Numbers

    @property
    def best(self) -> float:
        """The score threshold with the highest F1; NaN if none has one."""
        if np.isnan(self.f1).all():
            return float("nan")
        return float(self.thresholds[int(np.nanargmax(self.f1))])


def average_precision(
    matches: DetectionMatches, class_ids: Sequence[int], kind: Kind = "mask"
) -> AveragePrecision:
    """The mean of the precision at 101 recalls from 0 to 1, for each class and IoU threshold.

    The precision at a recall is the best one at that or any higher recall; 0 where the recall is
    not reached. Detections without scores are one group: there is one point only.

    Args:
        matches: The matched detections of all images.
        class_ids: The classes, K of them.
        kind: Overlap of masks or of boxes.
    """
    table = np.full((len(class_ids), len(THRESHOLDS)), np.nan)
    objects = matches.objects.column("objects", class_ids)
    for row, class_id, number in zip(table, class_ids, objects.tolist(), strict=True):
        if number:
            mine = np.flatnonzero(matches.classes == class_id)
            # Equal scores stay in order of the images, as in pycocotools.
            mine = mine[np.argsort(-matches.scores[mine], kind="stable")]
            hits, left_out = matches.hits[kind][mine], matches.left_out[kind][mine]
            for step in range(len(THRESHOLDS)):
                hit = _bit(hits, step)[~_bit(left_out, step)]
                row[step] = _precision_over_recall(hit, int(number), ranked=matches.scored)
    return AveragePrecision(tuple(class_ids), table)


def score_curve(
    matches: DetectionMatches,
    class_ids: Sequence[int] | None = None,
    iou: float = 0.5,
    kind: Kind = "mask",
) -> ScoreCurve:
    """Precision, recall and F1 against the score threshold, from the summed counts.

    The matching is COCO's: detections below the threshold come last, so leaving them out does not
    change how those above it are matched.

    Args:
        matches: The matched detections of all images.
        class_ids: Count these classes together; all if None.
        iou: One of `detections.THRESHOLDS`.
        kind: Overlap of masks or of boxes.
    """
    step = THRESHOLDS.index(iou)
    ids = matches.objects.ids.tolist() if class_ids is None else list(class_ids)
    objects = float(matches.objects.column("objects", ids).sum())
    used = ~_bit(matches.left_out[kind], step)
    if class_ids is not None:
        used &= np.isin(matches.classes, ids)
    hit = _bit(matches.hits[kind], step)[used]
    # A score that is written as 0.7 reaches a threshold of 0.7, although float32 lies below it.
    scores = matches.scores[used]
    levels = _SCORES.astype(np.float32)
    found = len(scores) - np.searchsorted(np.sort(scores), levels, "left")
    right = int(hit.sum()) - np.searchsorted(np.sort(scores[hit]), levels, "left")
    return ScoreCurve(
        _SCORES,
        _share(right, found),
        _share(right, np.full(len(levels), objects)),
        _share(2 * right, found + objects),
    )


def _precision_over_recall(hits: _Bools, objects: int, *, ranked: bool) -> float:
    """Mean precision at 101 recalls of detections (n,) in order of falling score."""
    if not hits.size:
        return 0.0
    found = np.cumsum(hits)
    precision = found / np.arange(1, len(hits) + 1)
    if not ranked:
        found, precision = found[-1:], precision[-1:]
    highest = np.maximum.accumulate(precision[::-1])[::-1]
    at = np.searchsorted(found / objects, _RECALLS, side="left")
    return float(np.append(highest, 0.0)[at].mean())


def _bit(flags: npt.NDArray[np.uint16], step: int) -> _Bools:
    found: _Bools = (flags >> np.uint16(step)) & np.uint16(1) > 0
    return found


def _share(part: npt.NDArray[np.integer], whole: npt.NDArray[np.number]) -> Numbers:
    shares: Numbers = np.divide(
        part, whole, out=np.full(len(part), np.nan), where=np.asarray(whole) > 0
    )
    return shares


def _of_image(sample: MeasuredImage) -> DetectionMatches | None:
    said = sample.candidate
    if sample.truth_ids is None:
        return None
    if said.found is not None:
        return DetectionMatches.of_found(sample.maps, said.found)
    if said.instances is None:
        return DetectionMatches.of_segments(sample.maps, said.scores)
    return DetectionMatches.of_instances(sample.maps, said.instances, said.mask_threshold)


def _details(matches: DetectionMatches, found: AveragePrecision) -> dict[str, Any]:
    boxes = average_precision(matches, found.class_ids, "box")
    return {
        "objects": int(matches.objects.values.sum()),
        "detections": len(matches),
        "scored": matches.scored,
        "box": {f.total: f.over_all(boxes) for f in DETECTIONS.figures if f.over_all is not None},
    }


def _lines(report: Mapping[str, Any], _leads: bool) -> list[str]:
    found = report[DETECTIONS.section]
    if found is None:
        return ["average precision: the ground truth does not tell objects apart"]
    ap, ap_50, ap_75 = (f.plain(found[f.total]) for f in DETECTIONS.figures)
    boxes = ", ".join(f.plain(found["box"][f.total]) for f in DETECTIONS.figures)
    masks = f"{ap} at 0.50:0.95, {ap_50} at 0.50, {ap_75} at 0.75"
    lines = [f"average precision of masks: {masks}; of boxes: {boxes}"]
    if found["from"] != "masks":
        noun = "detection" if found["detections"] == 1 else "detections"
        lines.append(f"  from {found['detections']:,} {noun} in {found['from']}")
    elif found["lost"]:
        lines.append(f"  {found['lost']}")
    if not found["scored"]:
        lines.append("  the predicted objects have no scores, so all of them count alike")
    return lines


def _at(iou: float, meaning: str, where: Where) -> Figure[AveragePrecision]:
    """Average precision at one of the thresholds."""
    place, hundredths = THRESHOLDS.index(iou), round(100 * iou)
    return Figure(
        f"ap{hundredths}",
        f"AP{hundredths}",
        meaning,
        by_class=lambda found: found.table[:, place],
        over_all=lambda found: found.at(iou),
        where=where,
        name=f"Average precision at IoU {iou:.2f}",
        label=f"AP {iou:.2f}",
        json=f"ap_{hundredths}",
        total=f"ap_{hundredths}",
    )


DETECTIONS = Measure(
    "detections",
    (
        Figure(
            "ap", "AP",
            "Objects found and ranked by score, mean of ten overlaps: COCO's main figure.",
            by_class=lambda found: found.by_class, over_all=lambda found: found.ap,
            where=Where.CLASSES | Where.FOLDER, name="Average precision at IoU 0.50:0.95",
            label="AP 0.50:0.95", total="ap",
        ),
        _at(0.5, "Objects found and ranked by score, where half an overlap is enough.", EVERYWHERE),
        _at(
            0.75, "Objects found and ranked by score, where the overlap has to be good.",
            Where.CLASSES | Where.FOLDER,
        ),
    ),
    DetectionMatches, _of_image, average_precision, Needs.OBJECTS,
    over_images="Detections of all images are ranked together.", option="instances",
    help="Tell the average precision of objects.", section="instances", details=_details,
    lines=_lines,
)  # fmt: skip
