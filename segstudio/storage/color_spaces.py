"""Colours of files in other forms than RGB, as 8-bit RGB; strip by strip."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from segstudio.storage.picture import Check, unchecked

_Floats = npt.NDArray[np.float32]
_Rgb = npt.NDArray[np.uint8]
_BLOCK = 1 << 20

_D50 = np.array([0.96422, 1.0, 0.82521], np.float32)
"""The white of CIELAB in files (ICC, TIFF 6.0)."""
_D50_TO_SRGB = np.array(
    [
        [3.1338561, -1.6168667, -0.4906146],
        [-0.9787684, 1.9161415, 0.0334540],
        [0.0719453, -0.2289914, 1.4052427],
    ],
    np.float32,
)
"""XYZ under D50 to linear sRGB, adapted by Bradford's method (B. Lindbloom)."""
_LUMA = (0.299, 0.587, 0.114)
"""ITU-R BT.601, which TIFF 6.0 takes where nothing is said."""


def cmyk_to_rgb(values: npt.NDArray[Any], check: Check = unchecked) -> _Rgb:
    """(H, W, 4) CMYK of 8 or 16 bits, without an ink profile: (1 - ink) (1 - black)."""
    full = float(np.iinfo(values.dtype).max)

    def convert(strip: _Floats) -> _Floats:
        left = 1 - strip / full
        return np.asarray(left[..., :3] * left[..., 3:4], np.float32)

    return _by_strips(values, convert, check)


def lab_to_rgb(values: npt.NDArray[Any], *, signed: bool, check: Check = unchecked) -> _Rgb:
    """CIELAB as TIFFs hold it, as sRGB; colours that sRGB has not are held at its border.

    Args:
        values: (H, W, 3) of 8 or 16 bits. L fills the range of the type; a and b are -128 to 127,
            in 16 bits in steps of 1/256.
        signed: Whether a and b are two's complement (TIFF 6.0); else 0 is in the middle (ICC).
        check: Called between strips; raises to give up.
    """
    eight = values.dtype.itemsize == 1
    full = 255.0 if eight else 65535.0
    steps, whole = (1.0, 256.0) if eight else (256.0, 65536.0)

    def convert(strip: _Floats) -> _Floats:
        lightness = strip[..., 0] % whole * (100 / full)
        ab = strip[..., 1:] % whole
        ab = (np.where(ab >= whole / 2, ab - whole, ab) if signed else ab - whole / 2) / steps
        f_y = (lightness + 16) / 116
        f = np.stack([f_y + ab[..., 0] / 500, f_y, f_y - ab[..., 1] / 200], axis=-1)
        xyz = np.where(f > 6 / 29, f**3, (f - 4 / 29) * (3 * (6 / 29) ** 2)) * _D50
        linear = np.clip(xyz.astype(np.float32) @ _D50_TO_SRGB.T, 0, 1)
        curved = 1.055 * linear ** (1 / 2.4) - 0.055
        return np.asarray(np.where(linear <= 0.0031308, 12.92 * linear, curved), np.float32)

    return _by_strips(values, convert, check)


def ycbcr_to_rgb(
    values: npt.NDArray[Any], luma: Sequence[Any] | None = None, check: Check = unchecked
) -> _Rgb:
    """(H, W, 3) uint8 YCbCr of the full range as RGB.

    Args:
        values: Y, Cb, Cr.
        luma: The shares of red, green and blue in Y, as TIFF has them: three numbers, or three
            pairs of numerator and denominator; BT.601's if None.
        check: Called between strips; raises to give up.
    """
    red, green, blue = _shares(luma)

    def convert(strip: _Floats) -> _Floats:
        y, cb, cr = strip[..., 0], strip[..., 1] - 128, strip[..., 2] - 128
        r = y + cr * (2 - 2 * red)
        b = y + cb * (2 - 2 * blue)
        g = (y - red * r - blue * b) / green
        return np.asarray(np.stack([r, g, b], axis=-1) / 255, np.float32)

    return _by_strips(values, convert, check)


def _shares(luma: Sequence[Any] | None) -> tuple[float, float, float]:
    numbers = [] if luma is None else [float(n) for n in np.ravel(np.asarray(luma, np.float64))]
    if len(numbers) == 6:
        numbers = [n / d if d else 0.0 for n, d in zip(numbers[::2], numbers[1::2], strict=True)]
    if len(numbers) != 3 or numbers[1] <= 0:
        return _LUMA
    return (numbers[0], numbers[1], numbers[2])


def _by_strips(
    values: npt.NDArray[Any], convert: Callable[[_Floats], _Floats], check: Check
) -> _Rgb:
    """What `convert` gives for values as float32, 0..1, as 8 bits."""
    out = np.empty((*values.shape[:2], 3), np.uint8)
    rows = max(1, _BLOCK // max(1, values.shape[1]))
    for top in range(0, values.shape[0], rows):
        check()
        found = convert(values[top : top + rows].astype(np.float32))
        out[top : top + rows] = np.rint(np.clip(found, 0, 1) * 255)
    return out
