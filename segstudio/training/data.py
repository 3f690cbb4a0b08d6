"""Training images in memory, and transforms that move image and target together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

UInt8 = npt.NDArray[np.uint8]
Float32 = npt.NDArray[np.float32]
Target = npt.NDArray[np.uint8] | npt.NDArray[np.uint16]


@dataclass(frozen=True)
class Sample:
    """One training image.

    Attributes:
        name: the file's stem.
        image: uint8 RGB (H, W, 3).
        target: class ids, uint8 (H, W), or instance ids, uint16 (H, W).
        scale: output pixels per image pixel before augmentation.
    """

    name: str
    image: UInt8
    target: Target
    scale: float = 1.0


@dataclass(frozen=True)
class TrainingAugmentation:
    """Ranges and probabilities of the random changes.

    Attributes:
        scale: log-uniform range of the additional zoom.
        rotation: largest small rotation in degrees; quarter turns and flips come on top.
        colour: strength of gamma, brightness and contrast, 0 to 1.
        mix: probability of grey or of mixed channels.
        invert: probability of the negative.
        blur: probability of a Gaussian blur or of noise (each).
        shade: probability of uneven illumination.
    """

    scale: tuple[float, float] = (0.6, 1.6)
    rotation: float = 20.0
    colour: float = 1.0
    mix: float = 0.3
    invert: float = 0.1
    blur: float = 0.25
    shade: float = 0.2


def input_geometry(
    rng: np.random.Generator,
    shape_hw: tuple[int, int],
    size: int,
    scale: float,
    augmentation: TrainingAugmentation,
) -> Float32:
    """Draw the affine map from an image to a square crop.

    Args:
        rng: source of chance.
        shape_hw: the image's height and width.
        size: the crop's side in pixels.
        scale: crop pixels per image pixel before augmentation.
        augmentation: ranges of zoom and rotation; flips and quarter turns unless it has neither.

    Returns:
        A 2 x 3 matrix that maps image (x, y) to crop (x, y), both with pixel centres at integers.
    """
    low, high = augmentation.scale
    zoom = scale * float(np.exp(rng.uniform(np.log(low), np.log(high))))
    angle = np.deg2rad(rng.uniform(-augmentation.rotation, augmentation.rotation))
    linear = zoom * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    if augmentation.rotation > 0:
        linear = _dihedral(rng) @ linear
    half = size / zoom / 2
    centre = [_centre(rng, extent, half) for extent in (shape_hw[1], shape_hw[0])]
    offset = (size - 1) / 2 - linear @ np.array(centre)
    return np.concatenate([linear, offset[:, None]], axis=1).astype(np.float32)


def _centre(rng: np.random.Generator, extent: int, half: float) -> float:
    """Draw the crop's centre on one axis so that the crop lies inside the image if it can."""
    low, high = half - 0.5, extent - half - 0.5
    return float(rng.uniform(low, high)) if low < high else (extent - 1) / 2


def _dihedral(rng: np.random.Generator) -> npt.NDArray[np.float64]:
    """Draw one of the eight symmetries of the square, as a 2 x 2 matrix."""
    turn = np.linalg.matrix_power(np.array([[0.0, -1.0], [1.0, 0.0]]), int(rng.integers(4)))
    flip = np.diag([1.0 if rng.random() < 0.5 else -1.0, 1.0])
    result: npt.NDArray[np.float64] = turn @ flip
    return result


def warp(image: UInt8, target: Target, matrix: Float32, size: int) -> tuple[UInt8, Target]:
    """Apply one affine map to image (bilinear) and target (nearest); outside is reflected."""
    border = cv2.BORDER_REFLECT_101
    shape = (size, size)
    out = cv2.warpAffine(image, matrix, shape, flags=cv2.INTER_LINEAR, borderMode=border)
    ids: Target = cv2.warpAffine(  # type: ignore[assignment]  # it keeps the integer type
        target, matrix, shape, flags=cv2.INTER_NEAREST, borderMode=border
    )
    return np.asarray(out, np.uint8), ids


def jitter(rng: np.random.Generator, image: Float32, augmentation: TrainingAugmentation) -> Float32:
    """Change colours, contrast and sharpness of float32 RGB (H, W, 3) in 0..1; stays in 0..1."""
    if rng.random() < augmentation.mix:
        image = _mix_channels(rng, image)
    if rng.random() < augmentation.invert:
        image = 1 - image
    if augmentation.colour > 0:
        image = _change_tone(rng, image, augmentation.colour)
    if rng.random() < augmentation.shade:
        image = _shade(rng, image)
    if rng.random() < augmentation.blur:
        blurred = cv2.GaussianBlur(image, (0, 0), float(rng.uniform(0.4, 1.5)))
        image = np.asarray(blurred, np.float32)
    if rng.random() < augmentation.blur:
        noise = rng.standard_normal(image.shape, dtype=np.float32)
        image = image + noise * np.float32(rng.uniform(0.01, 0.06))
    clipped: Float32 = np.clip(image, 0, 1, dtype=np.float32)
    return clipped


def _mix_channels(rng: np.random.Generator, image: Float32) -> Float32:
    """Return grey, or each channel as a random average of the three."""
    if rng.random() < 0.5:
        weights = np.tile(rng.dirichlet([2, 2, 2]), (3, 1))
    else:
        weights = rng.dirichlet([0.7, 0.7, 0.7], size=3)
    # weights that sum to a little more than 1 would take saturated pixels below 0 when inverted,
    # and a gamma of those is no number
    mixed: Float32 = np.clip(image @ weights.T.astype(np.float32), 0, 1)
    return mixed


def _change_tone(rng: np.random.Generator, image: Float32, strength: float) -> Float32:
    """Apply a random gamma, contrast about the mean, and brightness."""
    gamma = float(np.exp(rng.uniform(-0.5, 0.5) * strength))
    contrast = np.float32(np.exp(rng.uniform(-0.4, 0.4) * strength))
    shift = rng.uniform(-0.12, 0.12) + rng.uniform(-0.04, 0.04, 3)
    image = np.asarray(cv2.pow(image, gamma), np.float32)
    mean = image.mean(dtype=np.float32)
    toned: Float32 = (image - mean) * contrast + mean + (shift * strength).astype(np.float32)
    return toned


def _shade(rng: np.random.Generator, image: Float32) -> Float32:
    """Multiply by a smooth random field around 1."""
    field = rng.uniform(0.6, 1.2, (3, 3)).astype(np.float32)
    large = cv2.resize(field, image.shape[1::-1], interpolation=cv2.INTER_CUBIC)
    return image * np.asarray(large, np.float32)[..., None]


class CropSampler:
    """Draws augmented square crops from samples, larger images more often."""

    def __init__(
        self,
        samples: Sequence[Sample],
        size: int,
        augmentation: TrainingAugmentation,
        seed: int,
        emphasis: Sequence[float] | None = None,
    ) -> None:
        """Keep the samples.

        The chance of an image goes with the root of its area, times its `emphasis` (one factor a
        sample), by which rare kinds of images are seen more often.
        """
        self.samples = list(samples)
        self.size = size
        self.augmentation = augmentation
        self.rng = np.random.default_rng(seed)
        roots = np.sqrt([s.scale**2 * s.target.size for s in self.samples])
        if emphasis is not None:
            roots = roots * np.asarray(emphasis)
        self.chances = roots / roots.sum()

    def draw(self) -> tuple[Float32, Target]:
        """Return an image, float32 (size, size, 3) in 0..1, and its target (size, size)."""
        sample = self.samples[int(self.rng.choice(len(self.samples), p=self.chances))]
        shape = sample.target.shape
        matrix = input_geometry(
            self.rng, (shape[0], shape[1]), self.size, sample.scale, self.augmentation
        )
        image, target = warp(sample.image, sample.target, matrix, self.size)
        pixels = image.astype(np.float32) / np.float32(255)
        return jitter(self.rng, pixels, self.augmentation), target
