"""Calibration: is a model right as often as it says?

Pixels are sorted by confidence into 15 bins of equal width, a confidence on an edge into the lower
one (Guo et al., "On Calibration of Modern Neural Networks", ICML 2017). A confidence of 0..255 has
bins of exactly 17 levels. The expected calibration error is the mean distance of accuracy and mean
confidence of the bins, weighted by their pixels.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from segstudio.core.labels import Labels
from segstudio.metrics.class_sums import Numbers, require_same_shape
from segstudio.metrics.confusion import ratio, ratios
from segstudio.metrics.measure import Figure, Measure, MeasuredImage, Needs, Unit, Where

BINS = 15
_LEVELS = 256
_TOP = 255
# cv2.calcHist counts in float32, which is exact up to 2^24.
_MOST_PIXELS = 1 << 24
_BIN_OF_LEVEL = np.maximum(np.arange(_LEVELS) - 1, 0) // (_TOP // BINS)
_Counts = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class CalibrationBins:
    """Pixels by confidence; images add up.

    Attributes:
        pixels: (15,) int64 counted pixels of each bin.
        right: (15,) int64 of them with the right class.
        levels: (15,) int64 sum of their confidences, 0..255 each.
    """

    pixels: _Counts
    right: _Counts
    levels: _Counts

    @classmethod
    def none(cls) -> CalibrationBins:
        """Nothing counted."""
        return cls(*np.zeros((3, BINS), np.int64))

    @classmethod
    def of(
        cls,
        truth: Labels,
        prediction: Labels,
        confidence: npt.NDArray[np.uint8],
        ignore_index: int | None,
    ) -> CalibrationBins:
        """Count an image.

        Args:
            truth: (H, W) uint8 class ids.
            prediction: (H, W) uint8 class ids.
            confidence: (H, W) uint8, 0..255 for a probability of 0..1 of the predicted class.
            ignore_index: Class id of the truth that counts nowhere, or None.

        Raises:
            SegstudioError: if the shapes differ.
        """
        require_same_shape(truth, prediction)
        require_same_shape(truth, confidence)
        if not truth.size:
            return cls.none()
        right = (truth == prediction).view(np.uint8)
        counted = None
        if ignore_index is not None:
            counted = (truth != ignore_index).view(np.uint8)
            right &= counted
        pixels, hits = _by_level(confidence, counted), _by_level(confidence, right)
        return cls(_binned(pixels), _binned(hits), _binned(pixels * np.arange(_LEVELS)))

    @classmethod
    def total(cls, parts: Iterable[CalibrationBins]) -> CalibrationBins:
        """The sum of any number of images."""
        tables = [np.stack([p.pixels, p.right, p.levels]) for p in parts]
        if not tables:
            return cls.none()
        sums = np.stack(tables).sum(axis=0)
        return cls(sums[0], sums[1], sums[2])

    def __add__(self, other: CalibrationBins) -> CalibrationBins:
        return self.total((self, other))

    @property
    def accuracy(self) -> Numbers:
        """(15,) share of right pixels; NaN for an empty bin."""
        return ratios(self.right.astype(np.float64), self.pixels.astype(np.float64))

    @property
    def confidence(self) -> Numbers:
        """(15,) mean confidence, 0..1; NaN for an empty bin."""
        return ratios(self.levels / _TOP, self.pixels.astype(np.float64))

    @property
    def ece(self) -> float:
        """Expected calibration error, 0..1; NaN if nothing was counted."""
        total = int(self.pixels.sum())
        gaps = np.abs(self.right - self.levels / _TOP)
        return ratio(float(gaps.sum()), total)

    @property
    def mean_confidence(self) -> float:
        """Over all counted pixels, 0..1; NaN if there is none."""
        total = int(self.pixels.sum())
        return ratio(int(self.levels.sum()) / _TOP, total)

    @property
    def confident_errors(self) -> int:
        """Wrong pixels of the last bin: the model is all but certain, the truth disagrees."""
        return int(self.pixels[-1] - self.right[-1])

    @property
    def suspected(self) -> float:
        """Share of the counted pixels that are confident errors; NaN if nothing was counted."""
        total = int(self.pixels.sum())
        return ratio(self.confident_errors, total)

    def to_json(self) -> dict[str, Any]:
        """A plain dictionary."""
        return {name: getattr(self, name).tolist() for name in ("pixels", "right", "levels")}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> CalibrationBins:
        """The inverse of `to_json`."""
        return cls(*(np.array(data[name], np.int64) for name in ("pixels", "right", "levels")))


def bin_edges() -> Numbers:
    """(16,) confidences between the bins, 0 to 1."""
    return np.linspace(0, 1, BINS + 1)


def _by_level(values: npt.NDArray[np.uint8], mask: npt.NDArray[np.uint8] | None) -> _Counts:
    """(256,) pixels of each level where the mask is 1."""
    rows = max(1, _MOST_PIXELS // max(1, values.shape[1]))
    counts = np.zeros(_LEVELS, np.int64)
    for top in range(0, len(values), rows):
        part = values[top : top + rows]
        used = None if mask is None else mask[top : top + rows]
        found = cv2.calcHist([part], [0], used, [_LEVELS], [0, _LEVELS])
        counts += np.asarray(found).ravel().astype(np.int64)
    return counts


def _binned(by_level: _Counts) -> _Counts:
    return np.bincount(_BIN_OF_LEVEL, by_level, BINS).astype(np.int64)


def _of_image(sample: MeasuredImage) -> CalibrationBins | None:
    said = sample.candidate
    if said.confidence is None:
        return None
    return CalibrationBins.of(sample.truth, said.labels, said.confidence, sample.ignore_index)


CALIBRATION = Measure(
    "calibration",
    (
        Figure(
            "ece", "Calibration error",
            "How far the model's confidence is from how often it is right.",
            over_all=lambda bins: bins.ece, where=Where.FOLDER, name="Expected calibration error",
            short="Calib. error", unit=Unit.PERCENT, lower_is_better=True, total="calibration_error",
        ),
        Figure(
            "suspicion", "Suspected annotation",
            "Share of pixels where a confident prediction contradicts the annotation: look "
            "whether the annotation is right.", over_all=lambda bins: bins.suspected,
            where=Where.IMAGES, name="Suspected annotation errors", unit=Unit.PERCENT,
            lower_is_better=True,
        ),
    ),
    CalibrationBins, _of_image, lambda bins, _ids: bins, Needs.CONFIDENCE,
)  # fmt: skip
