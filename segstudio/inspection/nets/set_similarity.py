"""Similarity of two networks' stages over a set of images that need not be held together."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from segstudio.core.errors import SegstudioError

Rows = NDArray[np.float64]

_ROUNDING: Final = 1e-6
"""Features that vary by no more than this part of their size are taken to be constant."""


class SetSimilarity:
    """Linear CKA of all pairs of stages, image after image.

    The CKA over minibatches of Nguyen, Raghu and Kornblith (2021),
    https://arxiv.org/abs/2010.15327, with each image's positions as one batch: the unbiased HSIC
    (Song et al. 2012, https://jmlr.org/papers/v13/song12a.html) of each image is summed, so what is
    kept is one number a pair, whatever the number of images. Being unbiased it does not find
    unrelated features alike only because they have more channels than there are positions, as the
    plain estimate does; of unrelated features it scatters about 0, so it can be slightly negative.

    Attributes:
        images: How many were added.
    """

    def __init__(self, first: int, second: int) -> None:
        """Take the numbers of stages of the two networks."""
        self.images = 0
        self._cross = np.zeros((first, second))
        self._own = np.zeros(first), np.zeros(second)

    def add(self, first: Sequence[Rows], second: Sequence[Rows]) -> None:
        """Add an image.

        Args:
            first: (positions, C) of each stage of the one network; see
                `inspection.stage_similarity.on_common_grid`.
            second: Of the other network, for the same positions.

        Raises:
            SegstudioError: if there are fewer than 4 positions.
        """
        left, right = _centred_grams(first), _centred_grams(second)
        self._cross += left @ right.T
        for own, grams in zip(self._own, (left, right), strict=True):
            own += (grams * grams).sum(axis=1)
        self.images += 1

    def matrix(self) -> NDArray[np.float64]:
        """The CKA (stages of the first, stages of the second).

        1 means equal up to rotation and scale, 0 unrelated; NaN where a stage varies in no image.
        """
        norms = np.sqrt(np.outer(*self._own))
        known = norms > 0
        found = np.full(norms.shape, np.nan)
        found[known] = self._cross[known] / norms[known]
        return found


def _centred_grams(stages: Sequence[Rows]) -> NDArray[np.float64]:
    """The U-centred Gram matrices (stages, positions^2) of features (positions, C).

    The product of two of them is, up to a factor that CKA divides out, the unbiased HSIC.
    """
    count = len(stages[0])
    if count < 4:
        raise SegstudioError("fewer than 4 positions are too few to compare stages by")
    found = np.empty((len(stages), count * count))
    for number, features in enumerate(stages):
        centred = features - features.mean(axis=0)
        if np.abs(centred).max() <= _ROUNDING * np.abs(features).max():
            centred[:] = 0
        gram = centred @ centred.T
        np.fill_diagonal(gram, 0)
        rows = gram.sum(axis=1) / (count - 2)
        gram += rows.sum() / (count - 1) - rows[:, None] - rows[None]
        np.fill_diagonal(gram, 0)
        found[number] = gram.ravel()
    return found
