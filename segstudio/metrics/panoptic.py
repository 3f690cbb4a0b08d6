"""Panoptic quality: how many segments are found, and how well, in one number.

Kirillov et al., "Panoptic Segmentation" (CVPR 2019), as panopticapi counts: two segments of the
same class match if their IoU is above 0.5, which at most one pair can be. PQ is the sum of the IoU
of the pairs over TP + FP / 2 + FN / 2, and the product of segmentation quality (mean IoU of the
pairs) and recognition quality (F1 of the matching). What a prediction says of ignored pixels is
left out of unions, and a segment that lies there with more than half of its pixels is no error.
Nor is one on pixels of its class whose objects the ground truth does not tell apart (a crowd), and
these are no segment that could be missed.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from segstudio.metrics.class_sums import ClassSums, Numbers
from segstudio.metrics.confusion import mean_of, ratios
from segstudio.metrics.measure import Figure, Measure, Where
from segstudio.metrics.segments import Keys, Pixels, SegmentMaps, class_of, is_object, summed

IOU_ABOVE = 0.5
_ALL_IDS = 256


@dataclass(frozen=True, eq=False)
class PanopticQuality:
    """PQ, SQ and RQ of classes; NaN for a class without a segment on either side.

    Attributes:
        class_ids: The classes, K of them.
        pq: (K,) panoptic quality.
        sq: (K,) segmentation quality; 0 where nothing was found.
        rq: (K,) recognition quality.
    """

    class_ids: tuple[int, ...]
    pq: Numbers
    sq: Numbers
    rq: Numbers

    def mean(self, class_ids: Collection[int] | None = None) -> tuple[float, float, float]:
        """Mean PQ, SQ and RQ over the classes that have a value; NaN if none has.

        Args:
            class_ids: Mean over these only (the things, say), or over all.
        """
        used = np.array([class_ids is None or i in class_ids for i in self.class_ids], np.bool_)
        return mean_of(self.pq[used]), mean_of(self.sq[used]), mean_of(self.rq[used])


class PanopticSums(ClassSums):
    """Matched and unmatched segments by class.

    The columns: matched pairs `tp`, predicted segments without partner `fp`, segments of the
    ground truth without partner `fn`, the sum of the pairs' `iou`, and how many of all these
    segments are single `objects`.
    """

    columns = ("tp", "fp", "fn", "iou", "objects")

    @classmethod
    def of(cls, maps: SegmentMaps) -> PanopticSums:
        """Match the segments of an image."""
        first, second, pixels = maps.overlaps
        void = class_of(first) == maps.ignored_class
        unsaid = class_of(second) == maps.ignored_class
        crowd = maps.is_crowd(first)
        agree = class_of(first) == class_of(second)
        truths, truth_areas = summed(first[~void & ~crowd], pixels[~void & ~crowd])
        found, found_areas = summed(second[~unsaid], pixels[~unsaid])
        in_void = _pixels_of(found, second, pixels, void & ~unsaid)
        excused = in_void + _pixels_of(found, second, pixels, crowd & agree)

        same = agree & ~void & ~crowd
        a, b = np.searchsorted(truths, first[same]), np.searchsorted(found, second[same])
        ious = pixels[same] / (truth_areas[a] + found_areas[b] - in_void[b] - pixels[same])
        good = ious > IOU_ABOVE
        a, b = a[good], b[good]
        missed = np.delete(truths, a)
        invented = np.delete(found, np.union1d(b, np.flatnonzero(excused > found_areas / 2)))

        table = np.zeros((_ALL_IDS, len(cls.columns)))
        table[:, 0] = _by_class(truths[a])
        table[:, 1] = _by_class(invented)
        table[:, 2] = _by_class(missed)
        table[:, 3] = np.bincount(class_of(truths[a]), ious[good], _ALL_IDS)
        table[:, 4] = sum(_by_class(k[is_object(k)]) for k in (truths[a], invented, missed))
        ids = np.flatnonzero(table[:, :3].any(axis=1))
        return cls(ids, table[ids])

    def quality(self, class_ids: Sequence[int]) -> PanopticQuality:
        """PQ, SQ and RQ of these classes."""
        tp, fp, fn, iou = (self.column(name, class_ids) for name in ("tp", "fp", "fn", "iou"))
        sq = np.divide(iou, tp, out=np.zeros(len(tp)), where=tp > 0)
        sq[tp + fp + fn == 0] = np.nan
        whole = tp + (fp + fn) / 2
        return PanopticQuality(tuple(class_ids), ratios(iou, whole), sq, ratios(tp, whole))

    @property
    def things(self) -> frozenset[int]:
        """Ids of the classes of which single objects were counted."""
        return frozenset(self.ids[self.values[:, self.columns.index("objects")] > 0].tolist())


def _pixels_of(
    keys: Keys, second: Keys, pixels: Pixels, chosen: npt.NDArray[np.bool_]
) -> npt.NDArray[np.float64]:
    """(n,) how many pixels of the chosen pairs each of the keys has; all of them are among keys."""
    sums: npt.NDArray[np.float64] = np.zeros(len(keys))
    np.add.at(sums, np.searchsorted(keys, second[chosen]), pixels[chosen])
    return sums


def _by_class(keys: npt.NDArray[np.uint32]) -> npt.NDArray[np.int64]:
    return np.bincount(class_of(keys), minlength=_ALL_IDS)


def _details(sums: PanopticSums, quality: PanopticQuality) -> dict[str, Any]:
    sides = {"things": sums.things, "stuff": set(quality.class_ids) - sums.things}
    names = [figure.total for figure in PANOPTIC.figures]
    return {n: dict(zip(names, quality.mean(ids), strict=True)) for n, ids in sides.items()}


def _lines(report: Mapping[str, Any], leads: bool) -> list[str]:
    found = report[PANOPTIC.section]
    pq, sq, rq = (f.plain(found[f.total]) for f in PANOPTIC.figures)
    ahead = [f.plain(found[f.foreground().total]) for f in PANOPTIC.figures]
    main = PANOPTIC.figures[0]
    things, stuff = (main.plain(found[side][main.total]) for side in ("things", "stuff"))
    lines = [f"panoptic quality of the foreground {ahead[0]} (SQ {ahead[1]}, RQ {ahead[2]})"]
    return lines * leads + [
        "of all classes, background included: " * leads
        + f"panoptic quality {pq} (SQ {sq}, RQ {rq}); things {things}, stuff {stuff}"
    ]


PANOPTIC = Measure(
    "panoptic",
    (
        Figure(
            "pq", "PQ", "Segments found, and how well: SQ x RQ for each class.",
            by_class=lambda quality: quality.pq, name="Panoptic quality", leads_foreground=True,
            total="pq",
        ),
        Figure(
            "sq", "SQ", "How well the segments that were found fit: the mean of their IoU.",
            by_class=lambda quality: quality.sq, where=Where.CLASSES | Where.FOLDER,
            name="Segmentation quality", total="sq",
        ),
        Figure(
            "rq", "RQ", "How many segments were found and how few invented: F1 at IoU 0.5.",
            by_class=lambda quality: quality.rq, where=Where.CLASSES | Where.FOLDER,
            name="Recognition quality", total="rq",
        ),
    ),
    PanopticSums, lambda s: PanopticSums.of(s.maps), PanopticSums.quality, option="panoptic",
    help="Tell the panoptic quality, PQ, SQ and RQ.", section="panoptic", details=_details,
    lines=_lines,
)  # fmt: skip
