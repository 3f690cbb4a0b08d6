"""The size of a pixel as TIFFs tell it: by OME, by ImageJ, or by the tags of the format."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Any, Final

from segstudio.core.pixel_size import PixelSize

_ACROSS, _DOWN, _UNIT = 282, 283, 296
_PER_UNIT: Final[Mapping[int, float]] = {2: 25_400.0, 3: 10_000.0, 4: 1_000.0, 5: 1.0}
"""Micrometres in the units of the tag: inch, centimetre, and those that tifffile writes."""
_MICRONS: Final[Mapping[str, float]] = {
    "nm": 0.001, "nanometer": 0.001, "nanometre": 0.001,
    "um": 1.0, "micron": 1.0, "microns": 1.0, "micrometer": 1.0, "micrometre": 1.0,
    "mm": 1e3, "millimeter": 1e3, "millimetre": 1e3,
    "cm": 1e4, "centimeter": 1e4, "centimetre": 1e4,
    "m": 1e6, "meter": 1e6, "metre": 1e6, "km": 1e9,
    "in": 25_400.0, "inch": 25_400.0, "inches": 25_400.0,
    "\N{ANGSTROM SIGN}": 1e-4, "angstrom": 1e-4, "pm": 1e-6,
}  # fmt: skip
_PRINTED: Final = (
    72, 75, 90, 96, 100, 120, 144, 150, 180, 200, 220, 240, 250, 300, 350, 360, 400, 600, 720, 800,
    1200, 2400,
)  # fmt: skip
"""Dots per inch that programs write into any photo: they tell how large it is printed."""
_NEAR: Final = 0.003
_PIXELS: Final = re.compile(r"<(?:\w+:)?Pixels\b[^>]*>")
_MICRO: Final = re.compile("\N{MICRO SIGN}|\N{GREEK SMALL LETTER MU}|\\\\u00[bB]5")


def pixel_size_of(tiff: Any, page: Any) -> PixelSize | None:
    """The size of a page's pixels; None where the file tells none.

    What only says how large a photo is printed (300 dots per inch and the like) is none.

    Args:
        tiff: A `tifffile.TiffFile`.
        page: A `tifffile.TiffPage` of it.
    """
    if tiff.is_ome:
        return _of_ome(tiff.ome_metadata or "")
    densities = _density(page, _ACROSS), _density(page, _DOWN)
    unit = _unit_of_imagej(tiff) if tiff.is_imagej else ""
    of_imagej = _microns(unit)
    microns = of_imagej or _PER_UNIT.get(int(page.tags.valueof(_UNIT) or 0))
    if microns is None or not all(densities) or unit == "pixel":
        return None
    across, down = (microns / density for density in densities)
    is_length = of_imagej is not None and of_imagej != _MICRONS["inch"]
    if not is_length and _is_printed(25_400.0 / across):
        return None
    return PixelSize.known(across, down)


def _of_ome(text: str) -> PixelSize | None:
    """Of the first image in a description by OME."""
    found = _PIXELS.search(text)
    if found is None:
        return None
    sides = []
    for axis in "XY":
        size = re.search(rf'\bPhysicalSize{axis}="([^"]*)"', found[0])
        unit = re.search(rf'\bPhysicalSize{axis}Unit="([^"]*)"', found[0])
        microns = _microns("um" if unit is None else unit[1])
        if size is None or microns is None:
            return None
        sides.append(_number(size[1]) * microns)
    return PixelSize.known(*sides)


def _unit_of_imagej(tiff: Any) -> str:
    found = (tiff.imagej_metadata or {}).get("unit", "")
    return found if isinstance(found, str) else ""


def _microns(unit: str) -> float | None:
    """Micrometres in a unit, by its name; None if it is no unit of length."""
    plain = _MICRO.sub("u", unit.strip())
    return _MICRONS.get(plain) or _MICRONS.get(plain.casefold())


def _density(page: Any, tag: int) -> float:
    """Pixels in a unit; 0 if it is not told."""
    value = page.tags.valueof(tag)
    if value is None:
        return 0.0
    top, bottom = value if isinstance(value, tuple) and len(value) == 2 else (value, 1)
    return float(top) / float(bottom) if bottom else 0.0


def _is_printed(per_inch: float) -> bool:
    return any(math.isclose(per_inch, dots, rel_tol=_NEAR) for dots in _PRINTED)


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return math.nan
