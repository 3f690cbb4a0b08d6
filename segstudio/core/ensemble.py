"""Several models as one: the majority of their votes, or the mean of their probabilities."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from segstudio.core.class_sums import require_same_shape
from segstudio.core.disagreement import agreement
from segstudio.core.labels import Labels

_TOP = 255


class EnsembleMaps(NamedTuple):
    """What an ensemble says.

    Attributes:
        labels: (H, W) uint8 class ids.
        confidence: (H, W) uint8: 0..255 for a probability or a share of the votes of 0..1.
    """

    labels: Labels
    confidence: npt.NDArray[np.uint8]


def majority_vote(
    maps: Sequence[Labels], confidences: Sequence[npt.NDArray[np.uint8]] = ()
) -> EnsembleMaps:
    """The class with the most votes at every pixel.

    Of classes with equally many votes the one whose voters are more confident in sum wins, then
    the one that an earlier map voted for. The confidence is the share of the votes.

    Args:
        maps: N label maps (H, W) uint8, at least one.
        confidences: N confidences (H, W) uint8, or none.

    Raises:
        ValueError: if there is no map, or another number of confidences.
        SegstudioError: if the shapes differ.
    """
    if not maps or len(confidences) not in (0, len(maps)):
        raise ValueError(f"{len(maps)} label maps and {len(confidences)} confidences")
    votes = agreement(maps)
    labels, most = maps[0].copy(), votes[0].copy()
    rank = _rank(maps, votes, confidences, 0)
    for i in range(1, len(maps)):
        challenger = _rank(maps, votes, confidences, i)
        better = challenger > rank
        np.copyto(rank, challenger, where=better)
        np.copyto(labels, maps[i], where=better)
        np.copyto(most, votes[i], where=better)
    shares = np.rint(np.arange(256) * (_TOP / len(maps))).clip(0, _TOP).astype(np.uint8)
    return EnsembleMaps(labels, shares[most])


class ProbabilityMean:
    """The mean of class probabilities, model by model, so that two need be in memory at most."""

    def __init__(self) -> None:
        self._sum: npt.NDArray[np.float32] | None = None
        self._weight = 0.0

    def add(self, probabilities: npt.NDArray[np.floating], weight: float = 1.0) -> None:
        """Take in a model's probabilities (C, H, W), with a weight above 0.

        Raises:
            ValueError: if the shape differs from that of the models before, or the weight is not
                above 0.
        """
        if weight <= 0:
            raise ValueError(f"a weight of {weight}")
        if self._sum is None:
            self._sum = np.zeros(probabilities.shape, np.float32)
        if self._sum.shape != probabilities.shape:
            raise ValueError(
                f"probabilities of {probabilities.shape} after some of {self._sum.shape}"
            )
        self._sum += probabilities * np.float32(weight)
        self._weight += weight

    def result(self) -> EnsembleMaps:
        """The class with the highest mean probability (of equals the first), and that mean.

        Raises:
            ValueError: if nothing was taken in.
        """
        if self._sum is None:
            raise ValueError("no probabilities")
        labels = self._sum.argmax(axis=0).astype(np.uint8)
        best = self._sum.max(axis=0) / np.float32(self._weight)
        return EnsembleMaps(labels, np.rint(best * _TOP).clip(0, _TOP).astype(np.uint8))


def _rank(
    maps: Sequence[Labels],
    votes: Sequence[npt.NDArray[np.uint8]],
    confidences: Sequence[npt.NDArray[np.uint8]],
    index: int,
) -> npt.NDArray[np.uint32]:
    """(H, W) uint32: the votes for the class of one map, then the confidence of the voters."""
    rank = votes[index].astype(np.uint32) * np.uint32(1 << 16)
    for labels, confidence in zip(maps, confidences, strict=False):
        require_same_shape(labels, confidence)
        rank += confidence * (labels == maps[index])
    return rank
