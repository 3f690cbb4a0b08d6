"""The figures of one image and one model, as few bytes: what a table of many thousand keeps."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from segstudio.core.provenance import OwnPixels
from segstudio.metrics.class_sums import ClassPairs
from segstudio.metrics.image_figures import ImageFigures, figures_at
from segstudio.metrics.measure import AnyMeasure, Where
from segstudio.storage.figures import packed, unpacked

METRICS: Final = tuple(figure.key for figure in figures_at(Where.IMAGES))
"""The figures of an image; NaN where there is nothing to measure against."""
_KEYS: Final = np.dtype("<u2")
_PIXELS: Final = np.dtype("<u4")


@dataclass(frozen=True, eq=False)
class Counted:
    """What one model's answer for one image gave.

    Attributes:
        figures: Counts against the reference, or None if there is none.
        seconds: How long the model took.
        uncertainty: Mean entropy of the classes' probabilities, 0..1.
        own: What was left out of the figures since the model wrote it; None where nobody knows.
    """

    figures: ImageFigures | None
    seconds: float
    uncertainty: float
    own: OwnPixels | None = None

    def packed(self) -> bytes:
        """As bytes for the disk."""
        return packed(
            {
                "figures": None if self.figures is None else self.figures.to_json(),
                "seconds": self.seconds,
                "uncertainty": self.uncertainty,
                **({} if self.own is None else {"own": [self.own.own, self.own.size]}),
            }
        )

    @classmethod
    def unpacked(cls, content: bytes) -> Counted | None:
        """The inverse of `packed`; None if the bytes are something else."""
        data = unpacked(content)
        try:
            return None if data is None else cls._of(data)
        except (KeyError, ValueError, TypeError, AttributeError):
            return None

    @classmethod
    def _of(cls, data: Mapping[str, Any]) -> Counted:
        figures, own = data["figures"], data.get("own")
        return cls(
            None if figures is None else ImageFigures.from_json(figures),
            float(data["seconds"]),
            float(data["uncertainty"]),
            None if own is None else OwnPixels(*map(int, own)),
        )


@dataclass(frozen=True, eq=False)
class ImageRow:
    """An image's line of a model's table.

    Attributes:
        scores: (len(METRICS),) float64.
        class_iou: (K,) float32 IoU of each class.
        keys: The entries of its confusion matrix that are not 0: 256 * truth + prediction.
        pixels: How many pixels each of them has.
        content: All figures, to be unpacked by `figures`.
        own: See `Counted.own`.
    """

    scores: npt.NDArray[np.float64]
    class_iou: npt.NDArray[np.float32]
    keys: bytes
    pixels: bytes
    content: bytes
    own: OwnPixels | None = None

    @classmethod
    def of(
        cls,
        counted: Counted,
        class_ids: Sequence[int],
        *,
        foreground_ids: Sequence[int] | None = None,
        disagreement: float = float("nan"),
        hidden: Collection[AnyMeasure] = (),
        content: bytes | None = None,
    ) -> ImageRow:
        """The line of what was counted.

        Args:
            counted: The figures.
            class_ids: The classes to score, K of them.
            foreground_ids: Those of them that are not background; None: all.
            disagreement: Mean vote entropy of the image.
            hidden: What is not shown although it may have been measured.
            content: `counted` as bytes, if that is known.
        """
        figures = counted.figures
        if figures is not None and any(figures.part(m) is not None for m in hidden):
            figures, content = figures.without(hidden), None
            counted = replace(counted, figures=figures)
        scores = {
            "seconds": counted.seconds,
            "uncertainty": counted.uncertainty,
            "disagreement": disagreement,
        }
        iou = np.full(len(class_ids), np.nan, np.float32)
        keys = pixels = b""
        if figures is not None:
            foreground = class_ids if foreground_ids is None else foreground_ids
            values = figures.values(class_ids, foreground)
            iou = values.by_class["iou"].astype(np.float32)
            scores |= values.means
            keys = figures.pairs.keys.astype(_KEYS).tobytes()
            pixels = figures.pairs.pixels.astype(_PIXELS).tobytes()
        return cls(
            np.array([scores.get(name, np.nan) for name in METRICS], np.float64),
            iou,
            keys,
            pixels,
            content or counted.packed(),
            counted.own,
        )

    @property
    def figures(self) -> ImageFigures | None:
        """All figures, or None if the image has nothing to measure against."""
        counted = Counted.unpacked(self.content)
        return None if counted is None else counted.figures


def pairs_of(keys: bytes, pixels: bytes) -> ClassPairs:
    """The confusion matrix's entries of an image, from a row's bytes."""
    return ClassPairs(
        np.frombuffer(keys, _KEYS).astype(np.int64),
        np.frombuffer(pixels, _PIXELS).astype(np.int64),
    )


def entries_of(
    keys: Sequence[bytes], pixels: Sequence[bytes]
) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """The entries of many images one after the other: number of the image, key, pixels."""
    rows = np.repeat(np.arange(len(keys)), [len(k) // _KEYS.itemsize for k in keys])
    return (
        rows,
        np.frombuffer(b"".join(keys), _KEYS).astype(np.int64),
        np.frombuffer(b"".join(pixels), _PIXELS).astype(np.int64),
    )
