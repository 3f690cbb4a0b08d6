"""Label maps as colours: tables for the canvas, pictures for export."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np
import numpy.typing as npt

from segstudio.core.difference import DIFFERENCE_COLORS
from segstudio.core.labels import Image, InstanceIds, Labels
from segstudio.core.provenance import PERSON, writer_colors
from segstudio.core.schema import LabelSchema

ColorTable = npt.NDArray[np.uint8]
"""(256, 4) uint8: red, green, blue, alpha (not premultiplied) by value."""

# Rows blended at a time: temporaries stay in the cache however large the image is.
_STRIP_ROWS = 64
# From a little doubt to much: purple, orange, light yellow, which is seen on dark photos too.
_HEAT_COLORS = ((120, 28, 109), (237, 105, 37), (252, 255, 164))


def color_table(
    schema: LabelSchema,
    *,
    hidden: Collection[int] = frozenset(),
    opacity: float = 0.45,
    show_background: bool = False,
    show_ignored: bool = False,
) -> ColorTable:
    """Colours by class id.

    Ids outside the schema get a distinct colour of their own, so that nothing is lost to sight,
    but what a class mapping leaves out is not drawn.

    Args:
        schema: Gives the colours and the ignore index.
        hidden: Class ids that are not drawn.
        opacity: 0 (invisible) to 1.
        show_background: Whether the background is drawn; class 0 always is if it is none.
        show_ignored: Whether the ignore index is drawn.

    Returns:
        (256, 4) uint8 RGBA.
    """
    table = np.empty((256, 4), np.uint8)
    table[:, :3] = schema.palette()
    table[:, 3] = _alpha(opacity)
    transparent = set(hidden)
    if not show_background and schema.background_id is not None:
        transparent.add(schema.background_id)
    if not show_ignored and schema.ignore_index is not None:
        transparent.add(schema.ignore_index)
    if schema.leaves_out and schema.left_out_id is not None:
        transparent.add(schema.left_out_id)
    table[sorted(transparent), 3] = 0
    return table


def difference_table(opacity: float = 0.6) -> ColorTable:
    """Colours by the codes of `core.difference`: (256, 4) uint8 RGBA."""
    table = np.zeros((256, 4), np.uint8)
    for code, color in DIFFERENCE_COLORS.items():
        table[code] = (*color, _alpha(opacity))
    return table


def confidence_table(opacity: float = 0.6) -> ColorTable:
    """Colours by confidence 0..255: (256, 4) uint8 RGBA.

    Certain pixels are clear; from 0.5 down, where the class is a guess, the colour has its full
    opacity. As in heat maps the highest doubt is the lightest.
    """
    doubt = np.clip((255 - np.arange(256)) / 127.5, 0, 1)
    table = _between(_HEAT_COLORS, doubt)
    table[:, 3] = np.rint(doubt * _alpha(opacity))
    return table


def entropy_table(opacity: float = 0.6, highest: float = 1.0) -> ColorTable:
    """Colours by entropy 0..255 for 0..1: (256, 4) uint8 RGBA.

    Where there is no doubt it is clear; from half of the highest entropy on, the colour has its
    full opacity. As in heat maps the highest values are the lightest.

    Args:
        opacity: 0 (invisible) to 1.
        highest: The largest entropy that there can be, 0..1; colours run up to it.
    """
    doubt = np.minimum(np.arange(256) / (255 * highest), 1.0)
    table = _between(_HEAT_COLORS, doubt)
    table[:, 3] = np.rint(np.minimum(2 * doubt, 1) * _alpha(opacity))
    return table


def writers_table(opacity: float = 0.6) -> ColorTable:
    """Colours by who wrote a pixel: (256, 4) uint8 RGBA; what nobody is known to have is clear."""
    table = np.zeros((256, 4), np.uint8)
    table[:, :3] = writer_colors()
    table[PERSON:, 3] = _alpha(opacity)
    return table


def outline(labels: Labels, instances: InstanceIds | None = None) -> Labels:
    """The inner borders of the regions, one pixel wide.

    To renew a rectangle, pass it grown by one pixel and use what lies inside.

    Args:
        labels: (H, W) uint8 class ids.
        instances: (H, W) uint16; if given, touching instances of one class have borders too.

    Returns:
        (H, W) uint8: the class id where a pixel has a neighbour (above, below, left or right) of
        another class or instance, else 0. The edge of the array is no border.
    """
    border = np.zeros(labels.shape, np.uint8)
    for values in (labels,) if instances is None else (labels, instances):
        _mark_changes(border[:, :-1], border[:, 1:], values[:, :-1], values[:, 1:])
        _mark_changes(border[:-1], border[1:], values[:-1], values[1:])
    return np.multiply(border, labels, out=border)


def overlay_rgb(
    image: Image,
    labels: Labels,
    schema: LabelSchema,
    opacity: float = 0.45,
    style: str = "both",
    *,
    hidden: Collection[int] = frozenset(),
    instances: InstanceIds | None = None,
) -> Image:
    """The photo with a label map drawn over it, as the canvas shows it.

    Args:
        image: (H, W, 3) uint8 RGB.
        labels: (H, W) uint8 class ids.
        schema: Gives the colours.
        opacity: Of the fill, 0..1; outlines are opaque.
        style: "fill", "outline" or "both".
        hidden: Class ids that are not drawn.
        instances: (H, W) uint16; if given, touching instances are outlined apart.

    Returns:
        (H, W, 3) uint8 RGB.

    Raises:
        ValueError: if the style is unknown or the shapes differ.
    """
    if style not in ("fill", "outline", "both"):
        raise ValueError(f"unknown overlay style {style!r}")
    if image.shape[:2] != labels.shape:
        raise ValueError(f"an image of {image.shape[:2]} and labels of {labels.shape}")
    result = image.copy()
    if style != "outline":
        _blend(result, labels, color_table(schema, hidden=hidden, opacity=opacity))
    if style != "fill":
        lines = color_table(schema, hidden=hidden, opacity=1)
        lines[0, 3] = 0  # no border
        _blend(result, outline(labels, instances), lines)
    return result


def _between(
    colors: tuple[tuple[int, int, int], ...], places: npt.NDArray[np.float64]
) -> ColorTable:
    """Colours in between, opaque: `colors` lie at equal distances from place 0 to place 1."""
    stops = np.linspace(0, 1, len(colors))
    table = np.full((len(places), 4), 255, np.uint8)
    for channel in range(3):
        values = [color[channel] for color in colors]
        table[:, channel] = np.rint(np.interp(places, stops, values))
    return table


def _alpha(opacity: float) -> int:
    return round(min(max(opacity, 0.0), 1.0) * 255)


def _mark_changes(
    border_a: Labels,
    border_b: Labels,
    values_a: Labels | InstanceIds,
    values_b: Labels | InstanceIds,
) -> None:
    """Set both sides to 1 where two shifted views of an array differ."""
    differ = np.not_equal(values_a, values_b).view(np.uint8)
    border_a |= differ
    border_b |= differ


def _blend(image: Image, labels: Labels, table: ColorTable) -> None:
    """Draw the colours of `labels` over `image`, in place, rounded to the nearest."""
    alpha = table[:, 3:].astype(np.uint16)
    color = table[:, :3] * alpha + np.uint16(127)
    rest = np.uint16(255) - alpha
    for top in range(0, len(image), _STRIP_ROWS):
        part, ids = image[top : top + _STRIP_ROWS], labels[top : top + _STRIP_ROWS]
        part[:] = (part * rest[ids] + color[ids]) // np.uint16(255)
