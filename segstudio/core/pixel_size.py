"""How large a pixel is in reality: areas and lengths in units, and the length of a scale bar."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

UNITS: Final[Mapping[str, float]] = {
    "nm": 0.001, "\N{MICRO SIGN}m": 1.0, "mm": 1e3, "cm": 1e4, "m": 1e6,
}  # fmt: skip
"""Micrometres in each unit that can be typed."""
MICRON: Final = "\N{MICRO SIGN}m"
WIDEST: Final = 1e12
"""No pixel is wider, in micrometres."""
_MOST_DIGITS: Final = 6
_FROM: Final = ((1e4, "m"), (10.0, "mm"), (0.0, MICRON))
"""From which size of a pixel on, in micrometres, which unit is told."""
_TOLD_FROM: Final = ((1e6, "m"), (1e3, "mm"), (0.01, MICRON))
_TIMES: Final = " \N{MULTIPLICATION SIGN} "
_ROUND: Final = (5, 2, 1)
_BAR_UNITS: Final = ((1e9, "km"), (1e6, "m"), (1e3, "mm"), (1.0, MICRON), (1e-3, "nm"))


@dataclass(frozen=True)
class PixelSize:
    """The size of a pixel in micrometres.

    Attributes:
        across: Its width.
        down: Its height.
    """

    across: float
    down: float

    @classmethod
    def known(cls, across: object, down: object) -> PixelSize | None:
        """A size of two numbers; None if one of them is none, or no size of a pixel."""
        numbers = [n for n in (across, down) if isinstance(n, (int, float)) and 0 < n < WIDEST]
        return cls(float(numbers[0]), float(numbers[1])) if len(numbers) == 2 else None

    @property
    def unit(self) -> str:
        """The unit in which lengths in the image are told: of areas its square."""
        side = math.sqrt(self.across * self.down)
        return next(unit for least, unit in _FROM if side >= least)

    @property
    def area_unit(self) -> str:
        """The unit of areas."""
        return f"{self.unit}\N{SUPERSCRIPT TWO}"

    @property
    def area(self) -> float:
        """Of a pixel, in `area_unit`."""
        return self.across * self.down / UNITS[self.unit] ** 2

    def area_text(self, pixels: float) -> str:
        """An area without its unit, so precise that one pixel more shows."""
        digits = min(_MOST_DIGITS, max(0, math.ceil(-math.log10(self.area))))
        return f"{pixels * self.area:,.{digits}f}"

    def size_text(self) -> str:
        """The size of a pixel for people: "0.5 µm", "0.5 x 0.25 µm"."""
        largest = max(self.across, self.down)
        unit = next((u for least, u in _TOLD_FROM if largest >= least), "nm")
        sides = [f"{side / UNITS[unit]:.4g}" for side in (self.across, self.down)]
        return f"{_TIMES.join(dict.fromkeys(sides))} {unit}"

    def turned(self) -> PixelSize:
        """Of an image that is turned by a quarter."""
        return PixelSize(self.down, self.across)


@dataclass(frozen=True)
class PixelSizes:
    """What the user said of the pixels of a folder's images.

    Attributes:
        folder: Of all images of which nothing else is said; None: what their files say.
        images: Of single images, by `ImageRef.name`.
    """

    folder: PixelSize | None = None
    images: Mapping[str, PixelSize] = field(default_factory=dict)

    def of(self, name: str, in_file: PixelSize | None) -> PixelSize | None:
        """The size that counts for an image: what was said of it, of the folder, in its file."""
        return self.images.get(name) or self.folder or in_file


NOTHING_SAID: Final = PixelSizes()


@dataclass(frozen=True)
class ScaleBar:
    """A bar of a round length.

    Attributes:
        length: In the pixels that `scale_bar` was asked in.
        text: The length with its unit.
    """

    length: float
    text: str


def scale_bar(microns: float, most: float) -> ScaleBar:
    """The longest bar of 1, 2 or 5 times a power of ten that has room.

    Args:
        microns: How many micrometres wide a pixel of the screen is.
        most: How many such pixels the bar may be long.
    """
    room = microns * most
    power = 10.0 ** math.floor(math.log10(room))
    length = next(step * power for step in _ROUND if step * power <= room * (1 + 1e-9))
    size, unit = next((s, u) for s, u in _BAR_UNITS if length >= s * (1 - 1e-9) or u == "nm")
    return ScaleBar(length / microns, f"{length / size:.4g} {unit}")
