"""How many more images? A learning curve of few points, carried on, with its uncertainty.

A network is trained on a quarter, a half and all of the images, each part within the next, and scored
on the same images, which it has not seen. The score of n images is taken to be a - b n^-c (a power
law, as Hestness et al. 2017, https://arxiv.org/abs/1712.00409, found it for many tasks), with a at most
1 and b not below 0. Three points do not tell three numbers once there is noise, and two tell none of c,
so c is held near 1/2: its logarithm has a normal prior about that of 1/2 with a deviation of 1/2,
against residuals of which a score may be off by chance of the training (`RUN_NOISE`).

The uncertainty is that of 2000 resamples, in each of which the scored images are drawn with
replacement, the same ones for all points, every mean is moved by the chance of the training, and the
centre of the prior is drawn from the prior itself, so that what the points do not tell stays open.
What is told is the value of all images, between the 2.5th and the 97.5th percentile of the resamples.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np
import numpy.typing as npt

Float64 = npt.NDArray[np.float64]

RESAMPLES: Final = 2000
RUN_NOISE: Final = 0.005
"""How far the mean score of a training is off by its seed, as a standard deviation."""
_USUAL: Final = 0.5
_SPREAD: Final = 0.5
_EXPONENTS: Final = np.exp(np.linspace(np.log(0.1), np.log(2.0), 61))
_FARTHEST: Final = 10
"""A curve is not carried on beyond this many times the images that there are."""


@dataclass(frozen=True)
class Estimate:
    """A value with the interval in which it lies with 95 %."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class StoppingLine:
    """Up to how many images it pays to go on.

    Attributes:
        images: Of these on, a step gains less than it is worth; None if that is too far to tell.
        sentence: For people.
    """

    images: int | None
    sentence: str


@dataclass(frozen=True)
class LearningCurve:
    """Scores by the number of images.

    Attributes:
        sizes: Images of each training, rising.
        means: Mean score of each.
    """

    sizes: tuple[int, ...]
    means: tuple[float, ...]
    _fits: Float64 = field(repr=False, compare=False)

    @classmethod
    def of(
        cls,
        sizes: Sequence[int],
        scores: npt.ArrayLike,
        run_noise: float = RUN_NOISE,
        seed: int = 0,
    ) -> LearningCurve:
        """Fit a curve.

        Args:
            sizes: Number of images of each training, rising, at least two.
            scores: (trainings, scored images), 0..1; NaN where an image has no score.
            run_noise: See the module.
            seed: Of the resamples.

        Raises:
            ValueError: if there are fewer than two trainings, or a training has no score.
        """
        values = np.asarray(scores, float)
        if len(sizes) < 2 or any(a >= b for a, b in itertools.pairwise(sizes)):
            raise ValueError(f"a learning curve needs two or more rising sizes, not {list(sizes)}")
        if values.ndim != 2 or len(values) != len(sizes):
            raise ValueError(f"there are {len(sizes)} sizes, but scores of {values.shape}")
        values = values[:, ~np.isnan(values).any(axis=0)]  # the same images for all points
        if not values.shape[1]:
            raise ValueError("no image has a score in all trainings")
        rng = np.random.default_rng(seed)
        drawn = rng.integers(values.shape[1], size=(RESAMPLES, values.shape[1]))
        means = values[:, drawn].mean(axis=2).T + rng.normal(0, run_noise, (RESAMPLES, len(sizes)))
        all_means = np.vstack([values.mean(axis=1), means])
        centres = np.log(_USUAL) + np.append(0, rng.normal(0, _SPREAD, RESAMPLES))
        fits = _fitted(np.asarray(sizes, float), all_means, centres, max(run_noise, 1e-4))
        return cls(tuple(sizes), tuple(all_means[0].tolist()), fits)

    def at(self, images: int) -> Estimate:
        """The expected score of a training on so many images."""
        return self._estimate(self._values(images))

    def gain(self, more: int) -> Estimate:
        """How much higher the score is expected to be with so many more images."""
        last = self.sizes[-1]
        return self._estimate(self._values(last + more) - self._values(last))

    def sentence(self, more: int = 10) -> str:
        """What so many more images bring, as "10 more images: about +0.02 [0.00, +0.04]"."""
        gain = self.gain(more)
        return (
            f"{more} more {_images(more)}: about {_signed(gain.value)} "
            f"[{_signed(gain.low)}, {_signed(gain.high)}]"
        )

    def stopping(self, step: int = 10, worth: float = 0.01) -> StoppingLine:
        """From how many images on a further step is expected to gain less than it is worth."""
        last = self.sizes[-1]
        counts = np.arange(last, _FARTHEST * last + 1)
        _, b, c = self._fits[0]
        gains = b * (counts**-c - (counts + step) ** -c)
        small = np.flatnonzero(gains < worth)
        what = f"{step} more {_images(step)}"
        if not len(small):
            said = f"At {counts[-1]} images {what} would still bring about {gains[-1]:.3f}: go on."
            return StoppingLine(None, said)
        images = int(counts[small[0]])
        if images == last:
            said = f"{self.sentence(step)}, below {worth:g}: more of the same kind hardly pays."
        else:
            said = f"From about {images} images on, {what} bring less than {worth:g}."
        return StoppingLine(images, said)

    def _values(self, images: int) -> Float64:
        """The score by each fit; the first is that of all scored images."""
        a, b, c = self._fits.T
        values: Float64 = a - b * float(images) ** -c
        return values

    @staticmethod
    def _estimate(values: Float64) -> Estimate:
        low, high = np.percentile(values[1:], (2.5, 97.5))
        return Estimate(float(values[0]), float(low), float(high))


def _fitted(sizes: Float64, means: Float64, centres: Float64, noise: float) -> Float64:
    """(R, 3) a, b and c for means (R, K), each with its own centre (R,) of the prior of log c."""
    best = np.full(len(means), np.inf)
    fits = np.zeros((len(means), 3))
    for exponent in _EXPONENTS:
        a, b = _straight(sizes**-exponent, means)
        errors = means - (a[:, None] - b[:, None] * sizes**-exponent)
        cost = (errors**2).sum(1) / noise**2 + ((np.log(exponent) - centres) / _SPREAD) ** 2
        better = cost < best
        best[better] = cost[better]
        fits[better] = np.stack([a, b, np.full_like(a, exponent)], 1)[better]
    return fits


def _straight(x: Float64, means: Float64) -> tuple[Float64, Float64]:
    """The least squares a and b of means (R, K) = a - b x, with a at most 1 and b at least 0."""
    away = x - x.mean()
    b = np.maximum(0, -(means @ away) / (away @ away))
    a = means.mean(1) + b * x.mean()
    bounded = np.maximum(0, (1 - means) @ x / (x @ x))
    return np.minimum(a, 1), np.where(a > 1, bounded, b)


def nested_parts(names: Sequence[str], seed: int = 0) -> list[list[str]]:
    """A quarter, a half and all of the images by chance, each part within the next.

    Parts of fewer than two images are left out, all images never.
    """
    order = np.random.default_rng(seed).permutation(len(names))
    counts = sorted({math.ceil(len(names) / 4), math.ceil(len(names) / 2)} - {0, 1, len(names)})
    return [sorted(names[i] for i in order[:count]) for count in (*counts, len(names))]


def _images(count: int) -> str:
    return "image" if count == 1 else "images"


def _signed(value: float) -> str:
    text = f"{value:+.2f}"
    return text[1:] if float(text) == 0 else text
