"""A stage's channels as one picture: cropped to the photo, in the colours that were chosen."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray

from segstudio.core.colour_maps import colour_table, levels_of
from segstudio.core.features import LayerInfo
from segstudio.core.labels import Image
from segstudio.inspection.feature_pictures import sampling_of
from segstudio.inspection.report.lettering import text_width, write
from segstudio.inspection.report.trace_material import TraceMaterial
from segstudio.session.inspection import StageLook, ValueRange

GAP: Final = 4
_HEADING_H: Final = 44
_NUMBER_H: Final = 14
_MARGIN: Final = 12
_AREA: Final = 4096 * 4096
_BLOCK: Final = 32
_PAPER: Final = (255, 255, 255)
_INK: Final = "#1f2328"
_QUIET: Final = "#5f6770"
_DEAD: Final = (200, 200, 200)


@dataclass(frozen=True, eq=False)
class Cells:
    """Channels of a stage as steps of a colour map.

    Attributes:
        channels: Which ones.
        levels: (n, h, w) uint8.
        low: (n,) value of level 0.
        high: (n,) value of level 255.
        dead: (n,) channels that say the same everywhere.
    """

    channels: tuple[int, ...]
    levels: NDArray[np.uint8] = field(repr=False)
    low: NDArray[np.float32]
    high: NDArray[np.float32]
    dead: NDArray[np.bool_]


def channel_cells(
    material: TraceMaterial,
    stage_id: str,
    px: int,
    channels: Sequence[int] | None = None,
    *,
    look: StageLook | None = None,
    check: Callable[[], None] | None = None,
) -> Cells:
    """Return a stage's channels with `px` pixels at their longer side, without the padding.

    Args:
        material: The trace.
        stage_id: The stage.
        px: Pixels of a cell's longer side.
        channels: Which ones; None: all.
        look: Colours and range; None: those of the material.
        check: Called now and then; what it raises stops the work.

    Raises:
        SegstudioError: for an unknown stage.
    """
    layer = material.trace.layer(stage_id)
    features = material.trace.activation(stage_id)
    chosen = tuple(range(len(features))) if channels is None else tuple(channels)
    work = material.work
    low, high = work.ends(material.traced, layer, chosen, look or material.look)
    sampling = sampling_of(material.input_geometry, layer, px)
    levels = np.empty((len(chosen), *sampling.shape_hw), np.uint8)
    for begin in range(0, len(chosen), _BLOCK):
        if check is not None:
            check()
        part = slice(begin, begin + _BLOCK)
        values = sampling.take(features[list(chosen[part])])
        levels[part] = levels_of(values, low[part, None, None], high[part, None, None])
    dead = work.facts(material.traced, layer).statistics.dead
    return Cells(chosen, levels, low, high, dead[list(chosen)])


def cell_px(channels: int) -> int:
    """Pixels of a cell's longer side so that a grid of so many cells stays a usable picture."""
    return int(min(160, max(48, math.sqrt(_AREA / channels) - GAP)))


def columns_of(cells: int, cell_hw: tuple[int, int]) -> int:
    """How many cells stand beside each other so that the grid is about as wide as high."""
    return min(cells, max(1, math.ceil(math.sqrt(cells * cell_hw[0] / cell_hw[1]))))


def stage_grid(
    material: TraceMaterial, stage_id: str, check: Callable[[], None] | None = None
) -> Image:
    """Return all channels of a stage with their numbers under a heading: (H, W, 3) uint8 RGB.

    Dead channels, which say the same everywhere, are grey.

    Raises:
        SegstudioError: for an unknown stage.
    """
    layer = material.trace.layer(stage_id)
    cells = channel_cells(material, stage_id, cell_px(layer.shape[0]), check=check)
    count, height, width = cells.levels.shape
    columns = columns_of(count, (height + _NUMBER_H, width))
    rows = math.ceil(count / columns)
    lines = _heading(material, layer, cells)
    needed = math.ceil(max(text_width(lines[0], 16), text_width(lines[1], 12)))
    full_w = max(columns * (width + GAP) - GAP, needed) + 2 * _MARGIN
    full_h = _HEADING_H + rows * (height + _NUMBER_H + GAP) + 2 * _MARGIN
    sheet = np.full((full_h, full_w, 3), _PAPER, np.uint8)
    table = colour_table(material.look.colours.value)
    places = []
    for number in range(count):
        row, column = divmod(number, columns)
        top = _MARGIN + _HEADING_H + row * (height + _NUMBER_H + GAP)
        left = _MARGIN + column * (width + GAP)
        dead = bool(cells.dead[number])
        sheet[top : top + height, left : left + width] = (
            _DEAD if dead else table[cells.levels[number]]
        )
        places.append((left, top + height, f"{cells.channels[number]}{' dead' if dead else ''}"))
    return _lettered(sheet, lines, places)


def tiled(cells: Cells, columns: int, gap: int = 3) -> tuple[NDArray[np.uint8], int, int]:
    """Return cells as one picture of levels 0..253 with 254 for dead cells and 255 between them.

    Two steps of the colour map give way to what is no value.

    Returns:
        (H, W) uint8, and the values of "dead" and "between".
    """
    count, height, width = cells.levels.shape
    rows = math.ceil(count / columns)
    shape = (rows * (height + gap) - gap, min(count, columns) * (width + gap) - gap)
    sheet = np.full(shape, 255, np.uint8)
    for number in range(count):
        row, column = divmod(number, columns)
        top, left = row * (height + gap), column * (width + gap)
        levels = np.minimum(cells.levels[number], 253)
        sheet[top : top + height, left : left + width] = 254 if cells.dead[number] else levels
    return sheet, 254, 255


def _heading(material: TraceMaterial, layer: LayerInfo, cells: Cells) -> tuple[str, str]:
    channels, height, width = layer.shape
    look = material.look
    if look.value_range is ValueRange.CHANNEL and height * width > 1:
        values = "each channel from its own lowest to its highest value"
    else:
        values = f"values from {float(cells.low[0]):.4g} to {float(cells.high[0]):.4g}"
    return (
        f"{layer.id}: {channels} x {height} x {width} ({layer.role.value})",
        f"{material.title} on {material.image}; {look.colours.value}, {values}",
    )


def _lettered(
    sheet: Image, lines: tuple[str, str], places: Sequence[tuple[int, int, str]]
) -> Image:
    from PIL import Image as pil
    from PIL import ImageDraw

    picture = pil.fromarray(sheet)
    pen = ImageDraw.Draw(picture)
    write(pen, (_MARGIN, _MARGIN - 4), lines[0], 16, _INK)
    write(pen, (_MARGIN, _MARGIN + 18), lines[1], 12, _QUIET)
    for left, top, text in places:
        write(pen, (left, top), text, 10, _QUIET)
    found: Image = np.asarray(picture, np.uint8)
    return found
