"""Which images, or tiles of large ones, to correct next. Imports no torch.

Two things make an image useful: the network is unsure of it, and nothing like it is known or chosen
yet. Unsure is measured by the mean entropy of its pixels, or, where several networks or several passes
with dropout answer, by how much they disagree. What is alike is told by distances of features, such
as `selection_features.bottleneck_features` takes them. Of the most unsure images (`SHORTLIST` times as
many as are wanted) a batch is chosen by k-center greedy: each further image is the one farthest from
all that are known or chosen (Sener & Savarese, ICLR 2018, https://arxiv.org/abs/1708.00489). The most
unsure ones alone are often all of one kind.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

Float32 = npt.NDArray[np.float32]
Mask = npt.NDArray[np.bool_]

SHORTLIST: Final = 4


def entropy(probabilities: npt.NDArray[Any]) -> Float32:
    """How unsure each pixel (H, W) is, 0..1, by probabilities (C, H, W): 1 if all are equal."""
    p = np.asarray(probabilities, np.float32)
    if len(p) < 2:
        return np.zeros(p.shape[1:], np.float32)
    bits = -(p * np.log(np.maximum(p, 1e-12))).sum(0) / np.log(len(p))
    unsure: Float32 = np.clip(bits, 0, 1).astype(np.float32)
    return unsure


def disagreement(answers: npt.NDArray[Any]) -> Float32:
    """How much answers (M, C, H, W) differ at each pixel (H, W), 0..1.

    Twice the variance of the probabilities over the answers, summed over the classes: 1 if two are
    certain of different classes, 0 if all are equal, however unsure.
    """
    p = np.asarray(answers, np.float32)
    apart: Float32 = np.clip(2 * p.var(axis=0).sum(axis=0), 0, 1).astype(np.float32)
    return apart


def image_score(unsure: npt.NDArray[Any], counted: Mask | None = None) -> float:
    """The mean over the pixels (H, W) that are to be looked at; 0 if there are none."""
    values = unsure if counted is None else unsure[counted]
    return float(values.mean(dtype=np.float64)) if values.size else 0.0


@dataclass(frozen=True)
class Pick:
    """An image that is worth correcting.

    Attributes:
        index: Of the image.
        unsure: Its score.
        distance: From all that were known or chosen before it; infinite if there were none.
    """

    index: int
    unsure: float
    distance: float


def k_center_greedy(
    features: npt.NDArray[Any],
    known: Collection[int],
    count: int,
    candidates: Collection[int] | None = None,
    scores: Sequence[float] | None = None,
) -> list[tuple[int, float]]:
    """Choose rows, each the farthest from all that are known or were chosen before.

    Args:
        features: (N, D).
        known: Rows that need not be chosen; they are centres from the start.
        count: How many to choose, if there are so many.
        candidates: Rows that may be chosen; all if None.
        scores: Of all rows: what decides between equally far ones, and the first if none is known.

    Returns:
        The rows in the order in which they were chosen, and their distance then.
    """
    points = np.asarray(features, np.float64)
    order = np.zeros(len(points)) if scores is None else np.asarray(scores, np.float64)
    left = set(range(len(points)) if candidates is None else candidates) - set(known)
    away = np.full(len(points), np.inf)
    for centre in known:
        away = np.minimum(away, _distances(points, centre))
    chosen: list[tuple[int, float]] = []
    while left and len(chosen) < count:
        best = max(sorted(left), key=lambda i: (away[i], order[i]))
        chosen.append((best, float(away[best])))
        left.discard(best)
        away = np.minimum(away, _distances(points, best))
    return chosen


def _distances(points: npt.NDArray[np.float64], centre: int) -> npt.NDArray[np.float64]:
    distances: npt.NDArray[np.float64] = np.sqrt(((points - points[centre]) ** 2).sum(axis=1))
    return distances


def next_images(
    scores: Sequence[float],
    features: npt.NDArray[Any] | None,
    known: Collection[int],
    count: int = 10,
) -> list[Pick]:
    """Choose a batch of images to correct.

    Args:
        scores: How unsure each image is.
        features: (N, D) of all images, known ones too; each column is brought to a deviation of 1.
            If None, the most unsure are chosen.
        known: Images that are done.
        count: How many.
    """
    ranked = sorted(set(range(len(scores))) - set(known), key=lambda i: (-scores[i], i))
    if features is None:
        return [Pick(i, float(scores[i]), float("inf")) for i in ranked[:count]]
    values = np.asarray(features, np.float64)
    deviation = values.std(axis=0)
    usable = deviation > 1e-9 * max(1.0, float(np.abs(values).max(initial=0)))
    even = values[:, usable] / deviation[usable]
    picks = k_center_greedy(even, sorted(known), count, ranked[: SHORTLIST * count], scores)
    return [Pick(i, float(scores[i]), distance) for i, distance in picks]


@dataclass(frozen=True)
class TilePick:
    """A tile that is worth correcting.

    Attributes:
        index: Of the image.
        rows: Of the tile.
        columns: Of the tile.
        unsure: Mean over its pixels that are not reviewed.
    """

    index: int
    rows: slice
    columns: slice
    unsure: float


def tiles_of(
    unsure: npt.NDArray[Any], size: int, reviewed: Mask | None = None, index: int = 0
) -> list[TilePick]:
    """Cut an image's map (H, W) into tiles with their scores.

    Tiles at the lower and right edge are moved inwards, so that all have the same size where the
    image is as large. The score of a tile is the sum over its pixels that are not reviewed, over
    all its pixels: a tile that is half done has half as much to tell. Tiles that are wholly reviewed
    are left out.
    """
    found = []
    for rows in _spans(unsure.shape[0], size):
        for columns in _spans(unsure.shape[1], size):
            values = np.asarray(unsure[rows, columns], np.float64)
            open_ = np.ones(values.shape, bool) if reviewed is None else ~reviewed[rows, columns]
            if open_.any():
                found.append(TilePick(index, rows, columns, float((values * open_).mean())))
    return found


def _spans(extent: int, size: int) -> list[slice]:
    size = min(size, extent)
    starts = [min(start, extent - size) for start in range(0, extent, size)]
    return [slice(start, start + size) for start in starts]


def next_tiles(tiles: Sequence[TilePick], count: int = 10, most: int = 3) -> list[TilePick]:
    """Choose the most unsure tiles that do not overlap, at most so many of one image."""
    chosen: list[TilePick] = []
    for tile in sorted(tiles, key=lambda t: (-t.unsure, t.index, t.rows.start, t.columns.start)):
        same = [other for other in chosen if other.index == tile.index]
        if len(same) < most and not any(_overlap(tile, other) for other in same):
            chosen.append(tile)
        if len(chosen) == count:
            break
    return chosen


def _overlap(a: TilePick, b: TilePick) -> bool:
    pairs = ((a.rows, b.rows), (a.columns, b.columns))
    return all(x.start < y.stop and y.start < x.stop for x, y in pairs)
