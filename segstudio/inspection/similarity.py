"""Similarity of stages: linear centred kernel alignment (CKA)."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from segstudio.core.features import FeatureMap, FeatureTrace

Rows = NDArray[np.float64]


def linear_cka(first: Rows, second: Rows) -> float:
    """Return the linear CKA of two sets of features of the same positions.

    After Kornblith et al. (2019), https://arxiv.org/abs/1905.00414: the squared Frobenius norm of
    the cross-covariance over the product of the norms of the covariances. 1 means equal up to
    rotation and scale, 0 unrelated; NaN if one of them does not vary.

    Args:
        first: (positions, p).
        second: (positions, q), same positions.
    """
    x = first - first.mean(axis=0)
    y = second - second.mean(axis=0)
    if len(x) < max(x.shape[1], y.shape[1]):  # the positions' matrices are the smaller ones
        gram_x, gram_y = x @ x.T, y @ y.T
        cross = float((gram_x * gram_y).sum())
        norm = float(np.linalg.norm(gram_x) * np.linalg.norm(gram_y))
    else:
        cross = float(np.linalg.norm(y.T @ x) ** 2)
        norm = float(np.linalg.norm(x.T @ x) * np.linalg.norm(y.T @ y))
    return cross / norm if norm > 0 else float("nan")


def positions_of(features: FeatureMap, grid: tuple[int, int] = (16, 16)) -> Rows:
    """Return a stage's features (positions, C) on a common grid, averaged by area."""
    rows = [
        cv2.resize(channel.astype(np.float32), grid[::-1], interpolation=cv2.INTER_AREA).ravel()
        for channel in features
    ]
    return np.stack(rows, axis=1).astype(np.float64)


def cka_matrix(
    first: Sequence[FeatureTrace],
    second: Sequence[FeatureTrace],
    first_layers: Sequence[str],
    second_layers: Sequence[str],
    grid: tuple[int, int] = (16, 16),
) -> NDArray[np.float64]:
    """Return the CKA (stages of one, stages of the other) of two networks over a set of images.

    Args:
        first: traces of one network, one an image.
        second: traces of the other (or the same) network for the same images in the same order.
        first_layers: stages of the one.
        second_layers: stages of the other.
        grid: positions per image, vertical and horizontal.
    """
    left = [_stacked(first, layer, grid) for layer in first_layers]
    right = [_stacked(second, layer, grid) for layer in second_layers]
    return np.array([[linear_cka(x, y) for y in right] for x in left])


def _stacked(traces: Sequence[FeatureTrace], layer: str, grid: tuple[int, int]) -> Rows:
    return np.concatenate([positions_of(found.activation(layer), grid) for found in traces])
