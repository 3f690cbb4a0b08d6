"""From an image to a network's input and back: scaling, resizing, padding and their inverse."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from typing import Any, Final, Literal

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.nn import functional as F

from segstudio.core.errors import SegstudioError
from segstudio.core.formatting import counted
from segstudio.core.prediction import OTHER_CHANNELS, channels_text

Scaling = Literal["unit", "percentile", "none", "standard"]
SCALINGS: Final = ("unit", "percentile", "none", "standard")
Resample = Literal["bilinear", "bicubic"]
RESAMPLES: Final = ("bilinear", "bicubic")
Channels = Literal["rgb", "bgr", "grey"] | tuple[int, ...]
CHANNELS: Final = {"rgb": 3, "bgr": 3, "grey": 1}
"""The orders of an image's colours, and how many channels each has."""
_MOST_CHANNELS: Final = 1024
_LUMA: Final = (19595, 38470, 7471)
"""Red, green and blue of grey in 1/65536: 0.299, 0.587, 0.114 (ITU-R BT.601), as in Pillow."""
PERCENTILES = (1.0, 99.8)
LONGEST_RATIO = 8
"""An image is enlarged to a shorter side only until its longer side is this many times that side:
a strip of 1 x 200 pixels would else become 512 x 102,400."""
_MOST = {"short_side": 8192, "max_side": 32768, "divisor": 1024}
_MOST_FACTOR = 16.0
BRIGHT_GROUND, BRIGHT_PART = 64.0, 0.45
"""On a bright ground the low end is at most this part of the high end (and never put below 64):
stained tissue without cells must not be stretched until its ground looks like something."""


@dataclass(frozen=True)
class Geometry:
    """The sizes an image had on its way to the network, as (height, width)."""

    source_hw: tuple[int, int]
    resized_hw: tuple[int, int]
    padded_hw: tuple[int, int]


@dataclass(frozen=True)
class Preprocess:
    """How a model wants its images.

    Attributes:
        scaling: "unit" divides by 255, of stored values by the largest that their type holds
            (floats stay); "none" leaves them; "percentile" maps the image's own
            1 % and 99.8 % percentiles to 0 and 1 and clips, see `percentile_range` for almost
            flat images; "standard" subtracts the image's own mean and divides by its own standard
            deviation. The image's own numbers are over all pixels and channels together.
        mean: subtracted per channel, after the scaling; as many values as the network has
            channels, in its order. Values that are all alike stand for any number of channels.
        std: divided by per channel, in the same way.
        channels: "rgb", "bgr", or "grey": one channel, the luma of ITU-R BT.601; or the numbers
            of stored channels, from 1, in the order in which the network gets them.
        size: resize to this (height, width), whatever the image's proportions.
        short_side: resize so that the shorter side has this many pixels; long strips are
            enlarged less, see `LONGEST_RATIO`.
        max_side: with ``short_side``, the longer side's limit.
        factor: enlarge (or shrink) by this factor instead.
        divisor: pad right and bottom to multiples of this.
        resample: how images are resized, "bilinear" or "bicubic", with antialiasing.
    """

    scaling: Scaling = "unit"
    mean: tuple[float, ...] = (0.0, 0.0, 0.0)
    std: tuple[float, ...] = (1.0, 1.0, 1.0)
    short_side: int | None = None
    max_side: int | None = None
    factor: float | None = None
    divisor: int = 1
    channels: Channels = "rgb"
    size: tuple[int, int] | None = None
    resample: Resample = "bilinear"

    def __post_init__(self) -> None:
        if self.scaling not in SCALINGS:
            raise ValueError(f"scaling is {self.scaling!r}; it can be {_any_of(SCALINGS)}")
        if self.resample not in RESAMPLES:
            raise ValueError(f"resample is {self.resample!r}; it can be {_any_of(RESAMPLES)}")
        _check_channels(self.channels)
        self._check_sizes()
        for name in ("mean", "std"):
            object.__setattr__(self, name, self._for_each_channel(name))
        if not (np.isfinite(self.mean).all() and np.isfinite(self.std).all() and all(self.std)):
            raise ValueError(f"mean is {self.mean} and std {self.std}; nothing can be divided by 0")

    @property
    def count(self) -> int:
        """How many channels the network's input has."""
        return len(self.channels) if isinstance(self.channels, tuple) else CHANNELS[self.channels]

    def _check_sizes(self) -> None:
        if sum(v is not None for v in (self.short_side, self.factor, self.size)) > 1:
            raise ValueError("short_side, factor and size exclude each other")
        for name, most in _MOST.items():
            value = getattr(self, name)
            if value is not None and not (isinstance(value, int) and 1 <= value <= most):
                raise ValueError(f"{name} is {value}; it can be 1 to {most}")
        if self.factor is not None and not 0 < self.factor <= _MOST_FACTOR:
            raise ValueError(f"factor is {self.factor}; it can be up to {_MOST_FACTOR:g}")
        most = _MOST["short_side"]
        if self.size is not None and not (
            len(self.size) == 2 and all(isinstance(v, int) and 1 <= v <= most for v in self.size)
        ):
            raise ValueError(f"size is {self.size}; it is a height and a width of 1 to {most}")

    def _for_each_channel(self, name: str) -> tuple[float, ...]:
        values = tuple(getattr(self, name))
        if len(values) == self.count:
            return values
        if len(set(values)) != 1:
            raise ValueError(
                f"{name} has {len(values)} values, but {channels_text(self.channels)} has "
                f"{counted(self.count, 'channel')}"
            )
        return values[:1] * self.count

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return {k: list(v) if isinstance(v, tuple) else v for k, v in asdict(self).items()}

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Preprocess:
        """Make one from ``to_dict``'s values.

        Raises:
            ValueError: for an unknown key or a wrong value.
        """
        unknown = set(data) - set(cls.__dataclass_fields__)
        if unknown:
            raise ValueError(f"unknown preprocessing settings: {', '.join(sorted(unknown))}")
        values: dict[str, Any] = {
            key: tuple(value) if isinstance(value, list) else value for key, value in data.items()
        }
        return cls(**values)

    def resized_hw(self, height: int, width: int) -> tuple[int, int]:
        """Return the (height, width) that an image of this size is resized to."""
        if self.size is not None:
            return self.size
        if self.factor is not None:
            return max(1, round(height * self.factor)), max(1, round(width * self.factor))
        if self.short_side is None:
            return height, width
        short, long = min(height, width), max(height, width)
        new_short, new_long = self.short_side, int(self.short_side * long / short)
        longest = longest_enlarged(self.short_side, long)
        if self.max_side is not None:
            longest = min(longest, self.max_side)
        if new_long > longest:
            new_short, new_long = int(longest * new_short / new_long), longest
        new_short = max(1, new_short)
        return (new_short, new_long) if height <= width else (new_long, new_short)

    def scaled(self, scale: float) -> Preprocess:
        """The same with an input `scale` times as large."""
        if scale == 1:
            return self
        if self.size is not None:
            height, width = (max(1, round(side * scale)) for side in self.size)
            return replace(self, size=(height, width))
        if self.short_side is None:
            return replace(self, factor=(self.factor or 1.0) * scale)
        longest = None if self.max_side is None else max(1, round(self.max_side * scale))
        return replace(self, short_side=max(1, round(self.short_side * scale)), max_side=longest)

    def prepare(
        self, image: npt.NDArray[Any], value_range: tuple[float, float] | None = None
    ) -> tuple[Tensor, Geometry]:
        """Return the network's input and the sizes needed to go back.

        Args:
            image: uint8 RGB (H, W, 3), or stored values (H, W, C) where channels have numbers.
            value_range: `value_range` of the whole image, if this is a tile of it: with its own
                the same grey would mean different things in neighbouring tiles.

        Returns:
            A float32 tensor (1, C, h, w) and its geometry.

        Raises:
            SegstudioError: if the image has not all the channels.
        """
        height, width = image.shape[:2]
        resized_hw = self.resized_hw(height, width)
        image = self.in_channels(image)
        low, high = value_range or self._range_of(image)
        is_bytes = image.dtype == np.uint8
        values = image if is_bytes else image.astype(np.float32)
        pixels = (
            torch.from_numpy(np.require(values, requirements=["C", "W"]))
            .permute(2, 0, 1)[None]
            .float()
        )
        if self.scaling in ("unit", "none"):
            x = resize(pixels, resized_hw, self.resample)
            if is_bytes:  # whole levels, as torchvision's presets give; bicubic ones overshoot
                x = x.round().clamp_(0, 255)
            x = x / (high - low)
        elif self.scaling == "percentile":
            x = resize(((pixels - low) / (high - low)).clamp_(0, 1), resized_hw, self.resample)
        else:
            x = resize((pixels - low) / (high - low), resized_hw, self.resample)
        x = pad_to_multiple(self.normalised(x), self.divisor).contiguous()
        return x, Geometry((height, width), resized_hw, (x.shape[-2], x.shape[-1]))

    def value_range(self, image: npt.NDArray[Any]) -> tuple[float, float]:
        """What becomes 0 and 1 of an image's values, as `prepare` takes it; high > low always."""
        return self._range_of(self.in_channels(image))

    def in_channels(self, image: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """The network's channels (H, W, C) of an image, uint8 RGB or stored values.

        Raises:
            SegstudioError: if the image has not all of them.
        """
        if isinstance(self.channels, tuple):
            return _stored_channels(image, self.channels)
        if self.channels == "bgr":
            return image[..., ::-1]
        if self.channels == "grey":
            red, green, blue = (image[..., i].astype(np.uint32) * _LUMA[i] for i in range(3))
            grey: npt.NDArray[np.uint8] = ((red + green + blue + 0x8000) >> 16).astype(np.uint8)
            return grey[..., None]
        return image

    def from_rgb(self, x: Tensor) -> Tensor:
        """The same of float RGB (..., 3, h, w): (..., C, h, w)."""
        if isinstance(self.channels, tuple):
            return x[..., [number - 1 for number in self.channels], :, :]
        if self.channels == "bgr":
            return x.flip(-3)
        if self.channels == "grey":
            weights = torch.tensor(_LUMA, device=x.device).view(3, 1, 1) / 65536
            return (x * weights).sum(-3, keepdim=True)
        return x

    def normalised(self, x: Tensor) -> Tensor:
        """(..., C, h, w) after the scaling, with mean and standard deviation applied."""
        mean, std = (torch.tensor(v, device=x.device).view(-1, 1, 1) for v in (self.mean, self.std))
        return (x - mean) / std

    def _range_of(self, image: npt.NDArray[Any]) -> tuple[float, float]:
        if image.dtype != np.uint8:
            return _stored_range(image, self.scaling)
        if self.scaling == "percentile":
            return percentile_range(image)
        if self.scaling == "standard":
            counts = np.bincount(image.reshape(-1), minlength=256)
            levels = np.arange(256)
            mean = float((counts * levels).sum() / counts.sum())
            spread = float((counts * (levels - mean) ** 2).sum() / counts.sum()) ** 0.5
            return mean, mean + (spread or 1.0)
        return 0.0, 255.0 if self.scaling == "unit" else 1.0


def _check_channels(channels: Channels) -> None:
    if isinstance(channels, tuple):
        whole = all(type(n) is int and 1 <= n <= _MOST_CHANNELS for n in channels)
        if not whole or not 1 <= len(channels) <= _MOST_CHANNELS:
            raise ValueError(f"channels is {list(channels)}; channels have numbers from 1 on")
    elif channels not in CHANNELS:
        raise ValueError(
            f"channels is {channels!r}; it can be {_any_of(CHANNELS)}, or numbers from 1 on"
        )


def _stored_channels(image: npt.NDArray[Any], channels: tuple[int, ...]) -> npt.NDArray[Any]:
    """Channels by their numbers; what is no number becomes 0, as it is shown black."""
    there = image.shape[2]
    if max(channels) > there:
        raise SegstudioError(
            f"The image has {counted(there, 'channel')}, but the model reads "
            f"{channels_text(channels)}.",
            OTHER_CHANNELS,
        )
    found = image[..., [number - 1 for number in channels]]
    if found.dtype.kind == "f":
        found = np.where(np.isfinite(found), found, np.zeros((), found.dtype))
    return found


def _stored_range(values: npt.NDArray[Any], scaling: Scaling) -> tuple[float, float]:
    """As `Preprocess.value_range`, of values that are no bytes."""
    if scaling == "percentile":
        low, high = map(float, np.percentile(values, PERCENTILES))
        return low, high if high > low else low + 1.0
    if scaling == "standard":
        mean, spread = float(values.mean(dtype=np.float64)), float(values.std(dtype=np.float64))
        return mean, mean + (spread or 1.0)
    is_whole = values.dtype.kind in "iu"
    return 0.0, float(np.iinfo(values.dtype).max) if scaling == "unit" and is_whole else 1.0


def _any_of(words: Iterable[str]) -> str:
    *others, last = (repr(word) for word in words)
    return f"{', '.join(others)} or {last}"


def longest_enlarged(short_side: int, long: int) -> int:
    """Pixels that the longer side may have after enlarging to a shorter side; `LONGEST_RATIO`.

    Args:
        short_side: What the shorter side should become.
        long: The longer side before; images are not made smaller by this rule.
    """
    return max(long, LONGEST_RATIO * short_side)


def percentile_range(image: npt.NDArray[np.uint8]) -> tuple[float, float]:
    """Return the image's 1 % and 99.8 % percentiles over all channels; high > low always.

    Where the lower one exceeds both `BRIGHT_GROUND` and `BRIGHT_PART` times the higher one, it is
    reduced to the larger of the two.
    """
    counts = np.bincount(image.reshape(-1), minlength=256)
    low, high = _percentiles(counts, PERCENTILES)
    low = min(low, max(BRIGHT_GROUND, BRIGHT_PART * high))
    return low, max(high, low + 1.0)


def _percentiles(
    counts: npt.NDArray[np.int64], percents: tuple[float, float]
) -> tuple[float, float]:
    """Return percentiles (linear interpolation, as NumPy's) from a histogram of 256 counts."""
    ends = np.cumsum(counts)
    positions = np.array(percents) / 100 * (ends[-1] - 1)
    below = np.searchsorted(ends, np.floor(positions), side="right")
    above = np.searchsorted(ends, np.ceil(positions), side="right")
    values = below + (above - below) * (positions - np.floor(positions))
    return float(values[0]), float(values[1])


def resize(x: Tensor, size_hw: tuple[int, int], how: Resample = "bilinear") -> Tensor:
    """Resize float32 (N, C, H, W) with antialiasing."""
    if tuple(x.shape[-2:]) == size_hw:
        return x
    return F.interpolate(x, size=size_hw, mode=how, align_corners=False, antialias=True)


def pad_to_multiple(x: Tensor, divisor: int) -> Tensor:
    """Pad (N, C, H, W) right and bottom to multiples by reflection, by the edge where too small."""
    height, width = x.shape[-2:]
    bottom, right = -height % divisor, -width % divisor
    if not bottom and not right:
        return x
    mode = "reflect" if bottom < height and right < width else "replicate"
    return F.pad(x, (0, right, 0, bottom), mode=mode)


def restore(logits: Tensor, geometry: Geometry) -> Tensor:
    """Bring logits back to the image's resolution.

    Args:
        logits: (1, C, h, w) at the padded size.
        geometry: from ``Preprocess.prepare``.

    Returns:
        Logits (1, C, H, W): padding cut off, resampled bilinearly.
    """
    height, width = geometry.resized_hw
    logits = logits[..., :height, :width]
    if geometry.resized_hw == geometry.source_hw:
        return logits
    return F.interpolate(logits, size=geometry.source_hw, mode="bilinear", align_corners=False)
