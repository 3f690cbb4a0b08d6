"""Joint transforms: an image and its mask, turned, scaled and cut alike.

Geometry (flips, turns, scale, elastic, crop) is one map from the crop to the image, so that an image
is interpolated once: bilinear, and its mask by nearest neighbour, since the mean of two ids is a third
class. What lies outside the image has the ignored id, never a class. The photometric part changes
the image alone. Both parts are transforms of `torchvision.transforms.v2` on `tv_tensors`; all chance
comes from one generator, whose state can be saved.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, Final

import cv2
import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torchvision import tv_tensors
from torchvision.transforms import v2

from segstudio.core.errors import SegstudioError
from segstudio.training.losses import IGNORE_INDEX

Stored = npt.NDArray[Any]
UInt8 = npt.NDArray[np.uint8]
Float32 = npt.NDArray[np.float32]
Float64 = npt.NDArray[np.float64]

_KNOTS: Final = 48
"""Crop pixels between two knots of the elastic field: far enough apart that nothing is folded."""
_TRIES: Final = 3


@dataclass(frozen=True)
class Augmentation:
    """Ranges and chances of the random changes.

    Attributes:
        upright: Images have an above and a below: mirrored left to right only, hardly turned.
        flips: Whether to mirror, and to turn by quarters where images are not upright.
        rotation: Largest turn in degrees besides; a third of it where images are upright.
        scale: Log-uniform range of the zoom.
        elastic: Chance of an elastic distortion.
        elastic_pixels: How far it moves knots, as a standard deviation in pixels of the crop.
        brightness: Largest shift, in spreads of the crop: 4 standard deviations of its values, so
            that what is dark and faint stays visible.
        contrast: Largest logarithm of the factor.
        gamma: Largest logarithm of the exponent.
        hue: Largest turn of the hue, 1 all around; of colour images only.
        saturation: Largest logarithm of the factor; of colour images only.
        blur: Chance of a Gaussian blur.
        noise: Chance of noise, of up to 0.06 of the same spread.
        shade: Chance of uneven light.
        rare: Ids of classes that are rare.
        rare_chance: Chance that a crop lies about a pixel of a rare class, if there is one.
    """

    upright: bool = False
    flips: bool = True
    rotation: float = 15.0
    scale: tuple[float, float] = (0.6, 1.6)
    elastic: float = 0.1
    elastic_pixels: float = 4.0
    brightness: float = 0.1
    contrast: float = 0.25
    gamma: float = 0.3
    hue: float = 0.02
    saturation: float = 0.25
    blur: float = 0.1
    noise: float = 0.1
    shade: float = 0.1
    rare: tuple[int, ...] = ()
    rare_chance: float = 0.33

    @classmethod
    def none(cls) -> Augmentation:
        """Crops only: nothing is mirrored, turned, scaled or coloured."""
        off = {f.name: 0.0 for f in fields(cls) if f.default.__class__ is float}
        return cls(**{**off, "flips": False, "scale": (1.0, 1.0)})  # type: ignore[arg-type]

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return {**asdict(self), "scale": list(self.scale), "rare": list(self.rare)}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Augmentation:
        """The inverse of `to_json`; what is missing is as usual.

        Raises:
            SegstudioError: if there is an entry that no augmentation has, or a value of no use.
        """
        known = {f.name for f in fields(cls)}
        for name in data:
            if name not in known:
                raise SegstudioError(
                    f"'{name}' is no augmentation.", f"There are {', '.join(sorted(known))}."
                )
        pairs = {name: tuple(data[name]) for name in ("scale", "rare") if name in data}
        made = cls(**{**data, **pairs})
        if len(made.scale) != 2 or not 0 < made.scale[0] <= made.scale[1]:
            raise SegstudioError(
                f"The scale {list(made.scale)} of the augmentation is no range.",
                "Give the smallest and the largest factor, as [0.6, 1.6].",
            )
        return made


@dataclass(frozen=True)
class CropGeometry:
    """From where in the image each pixel of a crop comes.

    Attributes:
        size: Height and width of the crop.
        matrix: (2, 3), crop (x, y, 1) to image (x, y), pixel centres at whole numbers.
        bend: Further shift in crop pixels (2, height, width), x first; None if there is none.
    """

    size: tuple[int, int]
    matrix: Float64
    bend: Float32 | None = None

    def places(self) -> tuple[Float32, Float32]:
        """X and y in the image of all pixels of the crop, (height, width) each."""
        height, width = self.size
        x, y = (
            np.arange(width, dtype=np.float32)[None],
            np.arange(height, dtype=np.float32)[:, None],
        )
        if self.bend is not None:
            x, y = x + self.bend[0], y + self.bend[1]
        (a, b, c), (d, e, f) = self.matrix.astype(np.float32)
        return a * x + (b * y + c), d * x + (e * y + f)

    def shifted(self, left: int, top: int) -> CropGeometry:
        """The same for the part of the image that begins there."""
        matrix = self.matrix.copy()
        matrix[:, 2] -= (left, top)
        return CropGeometry(self.size, matrix, self.bend)

    @property
    def shrinks(self) -> int:
        """How many image pixels in a row become one of the crop's, rounded down, at least 1."""
        step = math.sqrt(abs(float(np.linalg.det(self.matrix[:, :2]))))
        return max(1, int(step + 1e-6))

    def window(self, height: int, width: int) -> tuple[slice, slice]:
        """Rows and columns of an image that the crop needs; at least one of each."""
        corners = np.array(self.size[::-1]) - 1
        spread = 0.0 if self.bend is None else float(np.abs(self.bend).max())
        middle = self.matrix[:, :2] @ (corners / 2) + self.matrix[:, 2]
        reach = np.abs(self.matrix[:, :2]) @ (corners / 2 + spread) + self.shrinks + 1
        (left, top), (right, bottom) = middle - reach, middle + reach
        return _span(top, bottom, height), _span(left, right, width)


def _span(first: float, last: float, extent: int) -> slice:
    low = min(max(0, math.floor(first)), extent - 1)
    return slice(low, max(low + 1, min(extent, math.ceil(last) + 1)))


class Warp(v2.Transform):  # type: ignore[misc]
    """Cuts an image, bilinear, and its mask, by nearest neighbour, along one geometry.

    Outside the image there is its mirror image, and in the mask the ignored id. An image that shrinks
    to less than half is averaged first, so that fine patterns do not turn into coarse ones.
    """

    def __init__(self, geometry: CropGeometry, ignore_index: int = IGNORE_INDEX) -> None:
        super().__init__()
        self._geometry = geometry
        self._places = geometry.places()
        self._ignored = ignore_index

    def transform(self, inpt: Any, _params: dict[str, Any]) -> Any:
        """Called by torchvision for each image (C, H, W) and mask, uint8 (H, W)."""
        if isinstance(inpt, tv_tensors.Mask):
            return _wrapped(self._nearest(np.asarray(inpt.numpy(), np.uint8)), inpt)
        pixels = inpt.as_subclass(Tensor).permute(1, 2, 0).numpy()
        # OpenCV takes a twentieth of the time of grid_sample, and four channels at most
        parts = [self._bilinear(pixels[..., i : i + 4]) for i in range(0, pixels.shape[2], 4)]
        return _wrapped(np.concatenate(parts, 2) if len(parts) > 1 else parts[0], inpt)

    def _nearest(self, mask: UInt8) -> Stored:
        x, y = self._places
        return cv2.remap(
            mask, x, y, cv2.INTER_NEAREST, None, cv2.BORDER_CONSTANT, (self._ignored,) * 4
        )

    def _bilinear(self, image: Stored) -> Stored:
        x, y = self._places
        fold = min(self._geometry.shrinks, *image.shape[:2])
        if fold > 1:
            height, width = (max(1, side // fold) for side in image.shape[:2])
            image = cv2.resize(
                image[: height * fold, : width * fold], (width, height), None, 0, 0, cv2.INTER_AREA
            )
            x, y = ((place + 0.5) / fold - 0.5 for place in (x, y))
        found = cv2.remap(
            np.ascontiguousarray(image), x, y, cv2.INTER_LINEAR, None, cv2.BORDER_REFLECT
        )
        return found if found.ndim == 3 else found[..., None]


def _wrapped(pixels: Stored, like: Any) -> Any:
    """A mask (H, W), or an image (H, W, C) as (C, H, W)."""
    tensor = torch.from_numpy(pixels)
    return tv_tensors.wrap(tensor.permute(2, 0, 1) if pixels.ndim == 3 else tensor, like=like)


@dataclass(frozen=True)
class Look:
    """Drawn changes of an image's values.

    Attributes:
        tone: Exponent, factor about the mean, and shift in spreads (4 standard deviations).
        colour: (3, 3), red, green and blue to those of the new image; None if they stay.
        light: (3, 3), a coarse map of factors; None if it is even.
        blur: Standard deviation in pixels; 0 for none.
        noise: Standard deviation in spreads, and the seed; 0 for none.
    """

    tone: tuple[float, float, float] = (1.0, 1.0, 0.0)
    colour: Float64 | None = None
    light: Float32 | None = None
    blur: float = 0.0
    noise: tuple[float, int] = (0.0, 0)


class Recolour(v2.Transform):  # type: ignore[misc]
    """Changes the values of an image (C, H, W), bytes or 0..1, to others in 0..1; no mask's."""

    _transformed_types = (tv_tensors.Image,)

    def __init__(self, look: Look) -> None:
        super().__init__()
        self._look = look

    def transform(self, inpt: Any, _params: dict[str, Any]) -> Any:
        """Called by torchvision for images alone."""
        look = self._look
        image = self._bent(inpt.as_subclass(Tensor).permute(1, 2, 0).numpy())
        steps = [max(1, side // 64) for side in image.shape[:2]]
        some = image[:: steps[0], :: steps[1]]
        mean, spread = float(some.mean()), 4 * float(some.std())
        image = self._toned(image, mean, spread)
        if look.light is not None:
            large = cv2.resize(look.light, image.shape[1::-1], interpolation=cv2.INTER_CUBIC)
            image *= np.asarray(large)[..., None]
        strength, seed = look.noise
        if strength:
            noise = np.random.default_rng(seed).standard_normal(image.shape, np.float32)
            image += np.float32(strength * spread) * noise
        found = torch.from_numpy(image).permute(2, 0, 1).contiguous()
        if look.blur:
            radius = max(1, math.ceil(2 * look.blur))
            found = v2.functional.gaussian_blur(found, [2 * radius + 1] * 2, [look.blur] * 2)
        return tv_tensors.wrap(found.clamp_(0, 1), like=inpt)

    def _bent(self, image: Stored) -> Float32:
        """The image (H, W, C) in 0..1 after the exponent."""
        exponent = self._look.tone[0]
        if image.dtype == np.uint8:
            table = ((np.arange(256) / 255) ** exponent).astype(np.float32)
            return np.asarray(cv2.LUT(image, table), np.float32).reshape(image.shape)
        powered = image if exponent == 1 else image.clip(0, 1) ** np.float32(exponent)
        return np.asarray(powered, np.float32)

    def _toned(self, image: Float32, mean: float, spread: float) -> Float32:
        """Colour, contrast about the mean, and brightness, in an array of its own."""
        _, factor, shift = self._look.tone
        offset = mean * (1 - factor) + shift * spread
        if self._look.colour is None or image.shape[2] != 3:
            return image * np.float32(factor) + np.float32(offset)
        matrix = np.column_stack([self._look.colour * factor, np.full(3, offset)])
        return np.asarray(cv2.transform(image, matrix), np.float32)


@dataclass(frozen=True)
class BlurredMask:
    """What bilinear interpolation would do to the mask of a crop.

    Attributes:
        ids: Interpolated and rounded, uint8 (height, width).
        invented: Where that is an id that none of the four pixels between which it lies has.
    """

    ids: UInt8
    invented: npt.NDArray[np.bool_]

    @property
    def pixels(self) -> int:
        """How many pixels got a class that is not there."""
        return int(self.invented.sum())


@dataclass(frozen=True)
class PreviewedCrop:
    """A crop as training sees it.

    Attributes:
        image: uint8 (height, width, C).
        mask: uint8 (height, width).
        blurred: The mask if it were interpolated like the image.
    """

    image: UInt8
    mask: UInt8
    blurred: BlurredMask


class JointTransforms:
    """Draws augmented crops of images with their masks."""

    def __init__(
        self,
        settings: Augmentation,
        size: int | tuple[int, int],
        seed: int,
        ignore_index: int = IGNORE_INDEX,
    ) -> None:
        """Keep what is drawn from.

        Args:
            settings: Ranges and chances.
            size: Side of the crop, or height and width.
            seed: Of all chance.
            ignore_index: The id of pixels that count nowhere.
        """
        self.settings = settings
        self.size = (size, size) if isinstance(size, int) else size
        self.ignore_index = ignore_index
        self._rng = np.random.default_rng(seed)

    def state(self) -> str:
        """What the next crops depend on."""
        return json.dumps(self._rng.bit_generator.state)

    def set_state(self, state: str) -> None:
        """Go on from what `state` returned."""
        self._rng.bit_generator.state = json.loads(state)

    def __call__(self, image: Stored, mask: Stored, scale: float = 1.0) -> tuple[Tensor, Tensor]:
        """Return an augmented crop.

        A crop in which no pixel counts teaches nothing: where some do, one of them is looked for.

        Args:
            image: (H, W, C); bytes become 0..1, other numbers stay in their range.
            mask: Class ids (H, W).
            scale: Crop pixels per image pixel before augmentation.

        Returns:
            The image, float32 (C, height, width), and the mask, int64 (height, width).
        """
        geometry, ids = self.place(mask, scale)
        return self._pixels(image, geometry, self._look(image)), ids

    def place(self, mask: Stored, scale: float = 1.0) -> tuple[CropGeometry, Tensor]:
        """Draw where a crop lies, and cut its mask."""
        geometry = self._geometry(mask, scale, self._rare_pixel(mask))
        ids = self._ids(mask, geometry)
        for _ in range(_TRIES):
            if bool((ids != self.ignore_index).any()):
                break
            geometry = self._geometry(mask, scale, self._pixel_of(mask != self.ignore_index))
            ids = self._ids(mask, geometry)
        return geometry, ids

    def preview(
        self, image: UInt8, mask: UInt8, scale: float = 1.0, count: int = 10
    ) -> Iterator[PreviewedCrop]:
        """Yield crops as training would draw them next, for display."""
        for _ in range(count):
            geometry, ids = self.place(mask, scale)
            pixels = self._pixels(image, geometry, self._look(image))
            shown = (pixels.permute(1, 2, 0) * 255).round().to(torch.uint8).numpy()
            blurred = interpolated_mask(mask, geometry, self.ignore_index)
            yield PreviewedCrop(shown, ids.to(torch.uint8).numpy(), blurred)

    def _ids(self, mask: Stored, geometry: CropGeometry) -> Tensor:
        rows, columns = geometry.window(*mask.shape)
        part = torch.from_numpy(np.ascontiguousarray(mask[rows, columns], np.uint8))
        warp = Warp(geometry.shifted(columns.start, rows.start), self.ignore_index)
        ids: Tensor = warp(tv_tensors.Mask(part)).as_subclass(Tensor)
        return ids.long()

    def _pixels(self, image: Stored, geometry: CropGeometry, look: Look) -> Tensor:
        rows, columns = geometry.window(image.shape[0], image.shape[1])
        part = np.ascontiguousarray(image[rows, columns])
        low, high = 0.0, 1.0
        if part.dtype != np.uint8:
            low, high = _range(part)
            part = (part.astype(np.float32) - np.float32(low)) / np.float32(high - low)
        change = v2.Compose([Warp(geometry.shifted(columns.start, rows.start)), Recolour(look)])
        found = change(tv_tensors.Image(torch.from_numpy(part).permute(2, 0, 1)))
        pixels: Tensor = found.as_subclass(Tensor)
        return pixels if part.dtype == np.uint8 else pixels * (high - low) + low

    def _rare_pixel(self, mask: Stored) -> tuple[float, float] | None:
        if not self.settings.rare or self._rng.random() >= self.settings.rare_chance:
            return None
        for rare in self._rng.permutation(self.settings.rare):
            if rare != self.ignore_index and (pixel := self._pixel_of(mask == rare)):
                return pixel
        return None

    def _pixel_of(self, wanted: npt.NDArray[np.bool_]) -> tuple[float, float] | None:
        """X and y of a pixel, each alike; None if there is none."""
        found = np.flatnonzero(wanted)
        if not len(found):
            return None
        row, column = divmod(int(found[self._rng.integers(len(found))]), wanted.shape[1])
        return float(column), float(row)

    def _geometry(
        self, mask: Stored, scale: float, about: tuple[float, float] | None
    ) -> CropGeometry:
        """Draw a geometry, about a pixel (x, y) if there is one."""
        settings, rng = self.settings, self._rng
        low, high = settings.scale
        zoom = scale * float(np.exp(rng.uniform(np.log(low), np.log(high))))
        most = settings.rotation / 3 if settings.upright else settings.rotation
        angle = np.deg2rad(rng.uniform(-most, most))
        turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
        linear = turn @ self._symmetry() / zoom
        spans = np.array(self.size[::-1]) / zoom
        extents = np.array(mask.shape[::-1], float)
        if about is None:
            centre = rng.uniform(*_room(extents, spans))
        else:  # anywhere in the middle half of the crop: what is rare is not always at its centre
            centre = np.clip(about + rng.uniform(-0.25, 0.25, 2) * spans, *_room(extents, spans))
        offset = centre - linear @ ((np.array(self.size[::-1]) - 1) / 2)
        if np.array_equal(linear, linear.round()):  # pixels are taken as they are, not between two
            offset = np.floor(offset + 0.5)
        matrix = np.concatenate([linear, offset[:, None]], axis=1)
        return CropGeometry(self.size, matrix, self._bend())

    def _symmetry(self) -> Float64:
        """Draw one of the symmetries of the square that are allowed."""
        if not self.settings.flips:
            return np.eye(2)
        flip = np.diag([1.0 if self._rng.random() < 0.5 else -1.0, 1.0])
        if self.settings.upright:
            return flip
        turn = np.linalg.matrix_power(np.array([[0.0, -1.0], [1.0, 0.0]]), self._rng.integers(4))
        turned: Float64 = turn @ flip
        return turned

    def _bend(self) -> Float32 | None:
        if self._rng.random() >= self.settings.elastic:
            return None
        knots = [max(2, side // _KNOTS + 1) for side in self.size]
        field = self._rng.normal(0, self.settings.elastic_pixels, (*knots, 2))
        large = cv2.resize(field.astype(np.float32), self.size[::-1], interpolation=cv2.INTER_CUBIC)
        return np.ascontiguousarray(np.asarray(large, np.float32).transpose(2, 0, 1))

    def _look(self, image: Stored) -> Look:
        settings, rng = self.settings, self._rng

        def within(most: float) -> float:
            return float(rng.uniform(-most, most))

        tone = (
            math.exp(within(settings.gamma)),
            math.exp(within(settings.contrast)),
            within(settings.brightness),
        )
        turn, saturation = within(settings.hue), math.exp(within(settings.saturation))
        colour = None
        if image.shape[2] == 3 and (turn or saturation != 1):
            colour = _colour_matrix(turn, saturation)
        light = None
        if rng.random() < settings.shade:
            light = rng.uniform(0.6, 1.2, (3, 3)).astype(np.float32)
        blur = float(rng.uniform(0.4, 1.5)) if rng.random() < settings.blur else 0.0
        noise = (0.0, 0)
        if rng.random() < settings.noise:
            noise = (float(rng.uniform(0.01, 0.06)), int(rng.integers(2**62)))
        return Look(tone, colour, light, blur, noise)


def _room(extents: Float64, spans: Float64) -> tuple[Float64, Float64]:
    """Between which centres (x, y) a crop lies in the image, or the image in the crop."""
    ends = (spans / 2 - 0.5, extents - spans / 2 - 0.5)
    return np.minimum(*ends), np.maximum(*ends)


def _range(values: Stored) -> tuple[float, float]:
    low, high = float(values.min()), float(values.max())
    return low, high if high > low else low + 1


def _colour_matrix(turn: float, saturation: float) -> Float64:
    """Red, green and blue to others of the same brightness, turned in hue, of other saturation."""
    to_yiq = np.array([[0.299, 0.587, 0.114], [0.596, -0.274, -0.322], [0.211, -0.523, 0.312]])
    cos, sin = (saturation * f(2 * math.pi * turn) for f in (math.cos, math.sin))
    change = np.array([[1, 0, 0], [0, cos, -sin], [0, sin, cos]])
    matrix: Float64 = np.linalg.inv(to_yiq) @ change @ to_yiq
    return matrix


def interpolated_mask(
    mask: UInt8, geometry: CropGeometry, ignore_index: int = IGNORE_INDEX
) -> BlurredMask:
    """Cut a mask along a geometry as if ids were brightness; outside is the ignored id."""
    height, width = mask.shape
    x, y = geometry.places()
    outside = (x < -0.5) | (y < -0.5) | (x >= width - 0.5) | (y >= height - 0.5)
    x, y = x.clip(0, width - 1), y.clip(0, height - 1)
    left, top = np.floor(x).astype(int), np.floor(y).astype(int)
    right, bottom = np.minimum(left + 1, width - 1), np.minimum(top + 1, height - 1)
    across, down = x - left, y - top
    four = [mask[r, c] for r in (top, bottom) for c in (left, right)]
    upper = four[0] * (1 - across) + four[1] * across
    lower = four[2] * (1 - across) + four[3] * across
    wrong = np.floor(upper * (1 - down) + lower * down + 0.5).astype(np.uint8)
    wrong[outside] = ignore_index
    invented = np.logical_and.reduce([wrong != each for each in four]) & ~outside
    return BlurredMask(wrong, invented)
