"""The 95th percentile of the Hausdorff distance: how far apart two outlines are, in pixels.

The outline of a region is its pixels that have one of the four neighbours outside; beyond the
border of the image everything is outside. From every pixel of one outline the distance to the
nearest pixel of the other is taken, centre to centre; the figure is the larger of the two 95th
percentiles, one for each direction (Huttenlocher et al. 1993; as MONAI and DeepMind's
surface-distance do it for images).

If one side has no pixel of the class, the distance is the diagonal of the image, the largest there
could be, so that a missed object makes the mean worse and not better.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from segstudio.core.labels import Labels, Mask
from segstudio.metrics.class_sums import ClassSums, Numbers, require_same_shape, without_ignored
from segstudio.metrics.confusion import ratios
from segstudio.metrics.measure import Figure, Measure, Unit

PERCENTILE = 95.0


def outlines(labels: npt.NDArray[np.generic]) -> Mask:
    """The pixels of a map that have one of four neighbours of another value or beyond the border.

    Args:
        labels: (H, W) class ids or bool.

    Returns:
        (H, W) bool: the outlines of all classes at once.
    """
    edges = np.zeros(labels.shape, np.bool_)
    edges[:1] = edges[-1:] = True
    edges[:, :1] = edges[:, -1:] = True
    differ = labels[1:] != labels[:-1]
    edges[1:] |= differ
    edges[:-1] |= differ
    differ = labels[:, 1:] != labels[:, :-1]
    edges[:, 1:] |= differ
    edges[:, :-1] |= differ
    return edges


def hausdorff(truth: Mask, prediction: Mask, percentile: float = PERCENTILE) -> float:
    """The larger of the two directed distances of the outlines at a percentile, in pixels.

    Args:
        truth: (H, W) bool.
        prediction: (H, W) bool, same shape.
        percentile: 0..100; 100 is the Hausdorff distance itself.

    Returns:
        NaN if both are empty, the diagonal of the image if one is.

    Raises:
        SegstudioError: if the shapes differ.
    """
    require_same_shape(truth, prediction)
    first, second = (np.flatnonzero(outlines(m) & m) for m in (truth, prediction))
    shape = (truth.shape[0], truth.shape[1])
    if not first.size and not second.size:
        return float("nan")
    return _distance(first, second, shape, percentile)


class HausdorffSums(ClassSums):
    """95th percentile Hausdorff distances of images, summed by class.

    The columns: `images` in which the class is in one of the maps, the sum of their `distance` in
    pixels, in how many of them the class is `one_sided` (the diagonal stands for the distance),
    and the sum of those diagonals, `penalty`.
    """

    columns = ("images", "distance", "one_sided", "penalty")

    @classmethod
    def of(cls, truth: Labels, prediction: Labels, ignore_index: int | None) -> HausdorffSums:
        """Measure an image; both regions are cut to the pixels that count.

        Args:
            truth: (H, W) uint8 class ids.
            prediction: (H, W) uint8 class ids, same shape.
            ignore_index: Class id of the truth that counts nowhere, or None.

        Raises:
            SegstudioError: if the shapes differ.
        """
        require_same_shape(truth, prediction)
        prediction = without_ignored(truth, prediction, ignore_index)
        wanted, found = _by_class(truth), _by_class(prediction)
        shape = (truth.shape[0], truth.shape[1])
        nothing = np.zeros(0, np.intp)
        rows: dict[int, tuple[float, ...]] = {}
        for class_id in (wanted.keys() | found.keys()) - {ignore_index}:
            sides = wanted.get(class_id, nothing), found.get(class_id, nothing)
            distance = _distance(*sides, shape, PERCENTILE)
            alone = not all(side.size for side in sides)
            rows[class_id] = (1, distance, float(alone), distance if alone else 0.0)
        return cls.of_rows(rows)

    def mean(self, class_ids: Sequence[int]) -> Numbers:
        """(K,) mean distance in pixels over images; NaN for a class that is in none."""
        return ratios(self.column("distance", class_ids), self.column("images", class_ids))


def _by_class(labels: Labels) -> dict[int, Places]:
    """The outline of each class that has pixels, and so an outline."""
    places = np.flatnonzero(outlines(labels))
    classes = labels.ravel()[places]
    places = places[np.argsort(classes, kind="stable")]
    numbers = np.bincount(classes)
    ends = np.cumsum(numbers)
    return {i: places[ends[i] - numbers[i] : ends[i]] for i in np.flatnonzero(numbers).tolist()}


def _distance(first: Places, second: Places, shape_hw: tuple[int, int], percentile: float) -> float:
    """The larger of the directed distances of two outlines; the diagonal if one has no pixel."""
    if not first.size or not second.size:
        return float(np.hypot(*shape_hw))
    width = shape_hw[1]
    rows, columns = np.divmod(np.concatenate([first, second]), width)
    # Outside the box around both regions there is no outline to be near to.
    top, left = rows.min(), columns.min()
    box = (int(rows.max() - top) + 1, int(columns.max() - left) + 1)
    inside = (rows - top) * box[1] + (columns - left)
    one, other = inside[: first.size], inside[first.size :]
    return max(_directed(a, b, box, percentile) for a, b in ((one, other), (other, one)))


def _directed(
    places: Places, others: Places, shape_hw: tuple[int, int], percentile: float
) -> float:
    """The percentile of the distances from each pixel of one outline to the other outline."""
    marked = np.zeros(shape_hw, np.bool_)
    marked.ravel()[others] = True
    # Between the two nearest ranks it is interpolated, as numpy.percentile does.
    rank = percentile / 100 * (len(places) - 1)
    low = int(rank)
    nearest = smallest_distances(places, marked, min(low + 2, len(places)))
    return float(nearest[low] + (rank - low) * (nearest[-1] - nearest[low]))


def _lines(report: Mapping[str, Any], leads: bool) -> list[str]:
    main = HAUSDORFF.figures[0]
    ahead = f" (foreground {main.plain(report[main.foreground().total])} px)" * leads
    images, alone = (
        int(sum(c[f"{HAUSDORFF.key}_{name}"] for c in report["classes"]))
        for name in HAUSDORFF.class_counts
    )
    note = f"; one map lacks the class in {alone} of {images}, there it is the diagonal"
    line = f"mean 95th percentile Hausdorff {main.plain(report[main.total])} px{ahead}"
    return [line + note * bool(alone)]


HAUSDORFF = Measure(
    "hausdorff",
    (
        Figure(
            "hausdorff95", "Hausdorff 95",
            "How far outlines lie apart but for the worst 5 %, in pixels.",
            by_class=lambda distances: distances, name="95th percentile Hausdorff distance",
            short="HD95", label="Hausdorff 95, px", unit=Unit.PIXELS, lower_is_better=True,
            json="hausdorff_95",
        ),
    ),
    HausdorffSums, lambda s: HausdorffSums.of(s.truth, s.candidate.labels, s.ignore_index),
    HausdorffSums.mean, over_images="Mean over images.", option="hausdorff",
    help="Tell how far apart outlines are: 95th percentile, px.", name="Hausdorff distances",
    choice="Measure Hausdorff distances (slower)",
    tip="How far outlines lie apart, in pixels. Counted again for every image.",
    class_counts=("images", "one_sided"), lines=_lines,
)  # fmt: skip


Places = npt.NDArray[np.intp]
"""(n,) pixels as positions in the flattened map."""
_Gaps = npt.NDArray[np.int32]
_Squares = npt.NDArray[np.int64]
# Looking at a column from a pixel takes about as long as a pixel of a distance transform.
_MOST_LOOKS_PER_PIXEL = 1.0
_LOOKS_AT_ONCE = 4096


def smallest_distances(places: Places, marked: Mask, count: int) -> npt.NDArray[np.float64]:
    """The smallest of the distances from some pixels to the marked pixels, centre to centre.

    Args:
        places: The pixels, n of them.
        marked: (H, W) bool, with at least one pixel.
        count: How many distances are wanted, 1 to n. Pixels that are farther away than these are
            not followed up.

    Returns:
        (count,) float64 in pixels, ascending.
    """
    found = _by_columns(places, _gaps(marked), count, _MOST_LOOKS_PER_PIXEL * marked.size)
    if found is None:
        clear = (~marked).view(np.uint8)
        far = cv2.distanceTransform(clear, cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
        # It is float32, but the squares are whole numbers.
        found = np.rint(np.square(far.ravel()[places], dtype=np.float64)).astype(np.int64)
    return np.sqrt(np.sort(found)[:count])


def _gaps(marked: Mask) -> _Gaps:
    """(H, W) rows to the nearest marked pixel of the column; H + W or more if it has none."""
    height, width = marked.shape
    clear = (~marked).view(np.uint8)
    gaps = np.empty(marked.shape, np.int32)
    above = np.full(width, height + width, np.int32)
    for row, is_clear in zip(gaps, clear, strict=True):
        np.add(above, 1, out=row)
        np.multiply(row, is_clear, out=row)
        above = row
    below = np.empty(width, np.int32)
    for y in range(height - 2, -1, -1):
        np.add(gaps[y + 1], 1, out=below)
        np.minimum(gaps[y], below, out=gaps[y])
    return gaps


def _by_columns(places: Places, gaps: _Gaps, count: int, most_looks: float) -> _Squares | None:
    """The squares of the distances of at least the `count` nearest places; None if too much work.

    After k columns to each side a distance of k + 1 or less is final, and all others are larger;
    after all columns every distance is.
    """
    flat, last = gaps.ravel(), gaps.shape[1] - 1
    columns = places % gaps.shape[1]
    starts = places - columns
    best = np.square(flat[places], dtype=np.int64)
    done: list[_Squares] = []
    found = looks = side = 0
    while True:
        open_ = (best > (side + 1) ** 2) & (side < last)
        done.append(best[~open_])
        found += done[-1].size
        if found >= count:
            return np.concatenate(done)
        starts, columns, best = starts[open_], columns[open_], best[open_]
        # With few places left it costs no more to look at many columns at once.
        steps = np.arange(side, min(side + 1 + _LOOKS_AT_ONCE // best.size, last)) + 1
        looks += best.size * steps.size
        if looks > most_looks:
            return None
        side += steps.size
        # Beyond the border the outermost column is looked at again, which changes nothing.
        right = flat.take(starts + np.minimum(columns + steps[:, None], last))
        left = flat.take(starts + np.maximum(columns - steps[:, None], 0))
        near = np.square(np.minimum(left, right), dtype=np.int64)
        near += np.square(steps)[:, None]
        np.minimum(best, near.min(axis=0), out=best)
