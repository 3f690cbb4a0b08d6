"""How bright the photo is shown: brightness, contrast, gamma, and what suits an image by itself.

Only what is seen follows; models, thumbnails and exports get the image as it is.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from segstudio.core.labels import Image

WIDEST, NARROWEST = 4.0, 1 / 255
"""Of the window of values that is spread over black to white, as shares of all values."""
GAMMAS = (0.1, 10.0)
_SAMPLED = 1 << 16
_LEFT_OUT = 1000
"""One value in so many may lie outside an automatic window, at each end."""
_DARK = 64
_BRIGHTER = 200
"""An image is dark if no more than one pixel in so many has a channel of `_DARK` or above."""


@dataclass(frozen=True)
class ToneCurve:
    """A window of values and a gamma.

    Attributes:
        low: What is black, as a share of the values from 0 to 255; may lie outside 0..1.
        high: What is white.
        gamma: Above 1 the middle becomes brighter, below darker.
    """

    low: float = 0.0
    high: float = 1.0
    gamma: float = 1.0

    @classmethod
    def around(cls, level: float, width: float, gamma: float = 1.0) -> ToneCurve:
        """By the middle of the window and its width, both held where something is still seen."""
        width = min(max(width, NARROWEST), WIDEST)
        level = min(max(level, -width / 2), 1 + width / 2)
        return cls(level - width / 2, level + width / 2, gamma)

    @property
    def level(self) -> float:
        """The middle of the window."""
        return (self.low + self.high) / 2

    @property
    def width(self) -> float:
        """How much of the values the window takes."""
        return self.high - self.low

    @property
    def brightness(self) -> float:
        """-1 to 1; 0 as it is."""
        return 1 - 2 * self.level

    @property
    def contrast(self) -> float:
        """Tenfold for each 1; 0 as it is."""
        return -math.log10(max(self.width, NARROWEST))

    def with_brightness(self, brightness: float) -> ToneCurve:
        """With the middle of the window elsewhere."""
        return self.around((1 - brightness) / 2, self.width, self.gamma)

    def with_contrast(self, contrast: float) -> ToneCurve:
        """With another width around the same middle."""
        return self.around(self.level, 10**-contrast, self.gamma)

    def with_gamma(self, gamma: float) -> ToneCurve:
        """With another gamma, held to a tenth to tenfold."""
        return replace(self, gamma=min(max(gamma, GAMMAS[0]), GAMMAS[1]))

    def table(self, *, inverted: bool = False) -> npt.NDArray[np.uint8]:
        """(256,) uint8: what each value is shown as."""
        shares = np.arange(256, dtype=np.float64) / 255
        seen = np.clip((shares - self.low) / max(self.width, NARROWEST), 0.0, 1.0)
        values = np.rint(255 * seen ** (1 / self.gamma))
        return np.asarray(255 - values if inverted else values).astype(np.uint8)


PLAIN = ToneCurve()
"""The image as it is."""


@dataclass(frozen=True)
class Contrast:
    """What the user chose for a folder.

    Attributes:
        tones: Shown unless they are found for each image.
        automatic: Whether they are found for each image; None: for dark images only.
        inverted: Whether white becomes black.
    """

    tones: ToneCurve = PLAIN
    automatic: bool | None = None
    inverted: bool = False


AS_FOUND = Contrast()
"""Nothing was chosen."""


@dataclass(frozen=True)
class ImageTones:
    """What suits one image.

    Attributes:
        tones: From its darkest to its brightest values but for a thousandth at each end.
        is_dark: Whether nearly all of it lies in the lowest quarter.
    """

    tones: ToneCurve
    is_dark: bool

    @classmethod
    def of(cls, shown: Image) -> ImageTones:
        """Found from at most 65,536 pixels of an image (H, W, 3) uint8, spread evenly."""
        height, width = shown.shape[:2]
        step = max(1, math.isqrt(max(0, height * width - 1) // _SAMPLED) + 1)
        some = shown[::step, ::step].reshape(-1, 3)
        if not len(some):
            return cls(PLAIN, False)
        # counts, since this is asked for on the GUI's thread when an image is shown
        upto = np.cumsum(np.bincount(some.reshape(-1), minlength=256))
        left_out = some.size // _LEFT_OUT
        low = int(np.searchsorted(upto, left_out, "right"))
        high = int(np.searchsorted(upto, some.size - left_out, "left"))
        tones = ToneCurve(low / 255, high / 255) if high > low else PLAIN
        bright = np.count_nonzero(some.max(axis=1) >= _DARK)
        is_dark = bool(bright <= len(some) // _BRIGHTER) and tones != PLAIN
        return cls(tones, is_dark)


def tones_for(image: ImageTones, chosen: Contrast) -> tuple[ToneCurve, bool]:
    """The tones in which an image is shown, and whether they were found for it."""
    found = image.is_dark if chosen.automatic is None else chosen.automatic
    return (image.tones, True) if found else (chosen.tones, False)
