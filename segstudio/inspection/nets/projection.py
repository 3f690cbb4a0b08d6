"""A stage's picture in colour: its first three principal components."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from segstudio.core.features import FeatureMap


def principal_components(features: FeatureMap, count: int = 3) -> NDArray[np.float32]:
    """Return the first principal components (count, h, w) of a stage's positions (C, h, w).

    Each component's sign is such that its largest loading is positive, so that the picture does
    not flip from image to image. Components beyond the data's rank are zero.
    """
    channels, height, width = features.shape
    data = features.reshape(channels, -1).astype(np.float64)
    data -= data.mean(axis=1, keepdims=True)
    if channels <= data.shape[1]:
        _, vectors = np.linalg.eigh(data @ data.T)
        axes = vectors[:, ::-1][:, :count]
    else:  # fewer positions than channels: the smaller matrix has the same components
        values, vectors = np.linalg.eigh(data.T @ data)
        order = np.argsort(values)[::-1][:count]
        scale = np.sqrt(np.maximum(values[order], 0))
        axes = data @ vectors[:, order] / np.where(scale > 0, scale, 1)
    largest = np.take_along_axis(axes, np.abs(axes).argmax(axis=0)[None], axis=0)
    axes = axes * np.where(largest < 0, -1, 1)
    components = np.zeros((count, height * width), np.float32)
    components[: axes.shape[1]] = axes.T @ data
    return components.reshape(count, height, width)


def rgb_of_components(
    components: NDArray[np.float32], percentiles: tuple[float, float] = (1.0, 99.0)
) -> NDArray[np.uint8]:
    """Return (h, w, 3) uint8 with each component scaled between two of its percentiles."""
    low, high = np.percentile(components.reshape(3, -1), percentiles, axis=1)
    span = np.where(high > low, high - low, 1)
    scaled = (components - low[:, None, None]) / span[:, None, None]
    picture: NDArray[np.uint8] = (np.clip(scaled, 0, 1) * 255 + 0.5).astype(np.uint8)
    return np.ascontiguousarray(picture.transpose(1, 2, 0))


def pca_rgb(features: FeatureMap) -> NDArray[np.uint8]:
    """Return a stage's first three principal components as a colour picture (h, w, 3) uint8."""
    return rgb_of_components(principal_components(features))
