"""Pictures inside a report: PNG or JPEG as data."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence

import cv2
import numpy as np
import numpy.typing as npt
from markupsafe import Markup

from segstudio.core.labels import Image
from segstudio.core.text import as_html
from segstudio.storage.formats.png import encode_rgb_png

_NEAREST_BELOW = 200
_QUALITY = 88
_FULL_COLOR = (cv2.IMWRITE_JPEG_SAMPLING_FACTOR, cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444)


def picture(pixels: Image, alt: str, *, longest: int | None = None) -> Markup:
    """An image (H, W, 3) uint8 RGB as an inline PNG, its longer side at most `longest` pixels.

    Small images are shown without smoothing, so that their pixels are seen.
    """
    shown = fitted(pixels, longest) if longest is not None else pixels
    return _image(encode_rgb_png(shown, ""), shown.shape, alt)


def photograph(pixels: Image, alt: str, *, longest: int | None = None) -> Markup:
    """An image (H, W, 3) uint8 RGB as an inline JPEG: a fifth of a PNG where there are many.

    The colours of masks over a photo stay sharp: they are not stored at half the resolution.
    """
    shown = fitted(pixels, longest) if longest is not None else pixels
    settings = [cv2.IMWRITE_JPEG_QUALITY, _QUALITY, *_FULL_COLOR]
    done, data = cv2.imencode(".jpg", cv2.cvtColor(shown, cv2.COLOR_RGB2BGR), settings)
    if not done:
        raise ValueError(f"an image of {shown.shape} cannot be encoded")
    return _image(data.tobytes(), shown.shape, alt, "jpeg")


def indexed_picture(
    levels: npt.NDArray[np.uint8],
    palette: npt.NDArray[np.uint8],
    alt: str,
    *,
    transparent: int | None = None,
) -> Markup:
    """Levels (H, W) uint8 with colours (256, 3) uint8 as an inline PNG; smaller than RGB.

    Args:
        levels: (H, W) uint8.
        palette: (256, 3) uint8 RGB.
        alt: What it shows, for readers who can't see it.
        transparent: The level through which the page is seen.
    """
    from PIL import Image as pil

    image = pil.fromarray(np.ascontiguousarray(levels))
    image.putpalette(np.ascontiguousarray(palette).tobytes())
    buffer = io.BytesIO()
    image.save(buffer, "PNG", compress_level=6, transparency=transparent)
    return _image(buffer.getvalue(), levels.shape, alt)


def fitted(pixels: Image, longest: int) -> Image:
    """The image (H, W, 3) with its longer side at most `longest` pixels, made smaller by area."""
    height, width = pixels.shape[:2]
    scale = longest / max(height, width)
    if scale >= 1:
        return pixels
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    smaller: Image = np.asarray(cv2.resize(pixels, size, interpolation=cv2.INTER_AREA), np.uint8)
    return smaller


def blended(pixels: Image, codes: npt.NDArray[np.uint8], table: npt.NDArray[np.uint8]) -> Image:
    """An image (h, w, 3) with the colours of codes (h, w) over it, by a table (256, 4) RGBA."""
    colors = table[codes].astype(np.float32)
    alpha = colors[..., 3:] / 255
    mixed = pixels * (1 - alpha) + colors[..., :3] * alpha
    return np.asarray(np.rint(mixed), np.uint8)


def _image(encoded: bytes, shape: Sequence[int], alt: str, kind: str = "png") -> Markup:
    data = base64.b64encode(encoded).decode("ascii")
    height, width = shape[:2]
    crisp = ' class="crisp"' if max(height, width) < _NEAREST_BELOW else ""
    source = f'src="data:image/{kind};base64,{data}"'
    return Markup(f'<img {source} width="{width}" height="{height}" alt="{as_html(alt)}"{crisp}>')
