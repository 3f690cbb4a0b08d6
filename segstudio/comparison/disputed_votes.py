"""Who says what in the regions on which runs differ; arrays in, values out, no session."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from segstudio.core.labels import Labels, Mask
from segstudio.core.prediction import Prediction
from segstudio.metrics.votes import DisagreementRegion, find_disagreement
from segstudio.session.disputes import DisputedRegion, Disputes, RegionVote
from segstudio.session.document import Document

_SAME_SHARE = 0.95
"""Runs that are equal on so much of a region say the same of it."""
_TOP = 255


@dataclass(frozen=True, eq=False)
class Votes:
    """The pixels of the listed regions only, which are few.

    Attributes:
        numbers: (n,) numbers of the regions.
        places: (P,) positions of the pixels in the flattened image.
        ranks: (P,) position in `numbers` of each pixel's region.
        sizes: (n,) pixels of each region.
        said: Class ids (P,) uint8 of each run.
    """

    numbers: tuple[int, ...]
    places: npt.NDArray[np.int64]
    ranks: npt.NDArray[np.int64]
    sizes: npt.NDArray[np.int64]
    said: tuple[npt.NDArray[np.uint8], ...]

    def agreement_with(self, labels: Labels) -> Mapping[int, tuple[float, ...]]:
        """Share of each region's pixels on which each run says what (H, W) uint8 labels say."""
        there = labels.ravel()[self.places]
        shares = [self.shares(run == there) for run in self.said]
        return dict(zip(self.numbers, zip(*(s.tolist() for s in shares), strict=True), strict=True))

    def shares(self, chosen: npt.NDArray[np.bool_]) -> npt.NDArray[np.float64]:
        """(n,) share of each region's pixels that are chosen; `chosen` is (P,) bool."""
        counts = np.bincount(self.ranks[chosen], minlength=len(self.sizes))
        return counts / np.maximum(self.sizes, 1)


@dataclass(frozen=True, eq=False)
class FoundRegions:
    """What a comparison gives: what is shown, and what later questions need."""

    disputes: Disputes
    votes: Votes


def compare(
    document: Document,
    predictions: Sequence[Prediction],
    counted: Mask | None,
    min_pixels: int,
    check: Callable[[], None] = lambda: None,
) -> FoundRegions:
    """Find where predictions of one image differ, and who says what there.

    Args:
        document: Their image.
        predictions: Two or more, in the classes of the folder.
        counted: (H, W) bool: elsewhere nothing is told; None for everywhere.
        min_pixels: Smaller regions are not listed.
        check: Raises `CancelledError` if the work shall stop.
    """
    found = find_disagreement([p.labels for p in predictions], counted, min_pixels=min_pixels)
    check()
    votes = _votes(found.numbers, found.regions, predictions)
    check()
    answers = _answers(votes, tuple(p.run for p in predictions))
    regions = tuple(
        DisputedRegion(r.number, r.rect, r.pixels, r.mean_entropy, r.point_xy, said)
        for r, said in zip(found.regions, answers, strict=True)
    )
    disputes = Disputes(
        document,
        tuple(p.run for p in predictions),
        tuple(p.title for p in predictions),
        np.rint(found.entropy * _TOP).astype(np.uint8),
        found.numbers,
        regions,
        found.pixels,
        int(found.numbers.max(initial=0)) - len(regions),
        found.mean_entropy,
    )
    return FoundRegions(disputes, votes)


def _votes(
    numbers: npt.NDArray[np.int32],
    regions: Sequence[DisagreementRegion],
    predictions: Sequence[Prediction],
) -> Votes:
    listed = tuple(region.number for region in regions)
    rank_of = np.full(int(numbers.max(initial=0)) + 1, -1, np.int64)
    rank_of[list(listed)] = np.arange(len(listed))
    flat = numbers.ravel()
    places = np.flatnonzero(flat)
    ranks = rank_of[flat[places]]
    places, ranks = places[ranks >= 0], ranks[ranks >= 0]
    return Votes(
        listed,
        places,
        ranks,
        np.array([region.pixels for region in regions], np.int64),
        tuple(p.labels.ravel()[places] for p in predictions),
    )


def _answers(votes: Votes, runs: tuple[str, ...]) -> list[tuple[RegionVote, ...]]:
    """For each region who says what; the answer of most runs first."""
    same = {
        (i, j): votes.shares(votes.said[i] == votes.said[j]) >= _SAME_SHARE
        for j in range(len(runs))
        for i in range(j)
    }
    shares = [_class_shares(votes, said) for said in votes.said]
    found = []
    for rank in range(len(votes.numbers)):
        groups: list[list[int]] = []
        for run in range(len(runs)):
            group = next((g for g in groups if same[g[0], run][rank]), None)
            if group is None:
                groups.append([run])
            else:
                group.append(run)
        groups.sort(key=len, reverse=True)
        found.append(
            tuple(RegionVote(tuple(runs[i] for i in g), shares[g[0]][rank]) for g in groups)
        )
    return found


def _class_shares(votes: Votes, said: npt.NDArray[np.uint8]) -> list[tuple[tuple[int, float], ...]]:
    """For each region the classes that a run gives it, the largest share first."""
    classes = np.unique(said)
    counts = np.stack(
        [np.bincount(votes.ranks[said == c], minlength=len(votes.sizes)) for c in classes]
    ) if classes.size else np.zeros((0, 0), np.int64)  # fmt: skip
    result = []
    for rank, size in enumerate(votes.sizes.tolist()):
        column = counts[:, rank]
        order = np.argsort(-column, kind="stable")
        result.append(
            tuple((int(classes[i]), column[i] / size) for i in order.tolist() if column[i])
        )
    return result
