"""Synthetic membranes with exact masks: what the lesson networks are trained on.

Cells with thin membranes, as in electron micrographs. Each of the four classes asks for something
that a network can have or lack: the membrane is 2 or 3 pixels wide (fine places), the cytoplasm
looks just like the ground outside, only its membrane tells that it is inside (a wide view), and the
granules are rare, the faint ones among them much like the specks that are none (a loss). Masks are
exact by construction, before any blur.

`python -m tools.lesson_samples resources/lessons` makes the embedded samples again.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import cv2
import numpy as np
import numpy.typing as npt

from segstudio.core.labels import Image, Labels
from segstudio.core.schema import ClassSpec, LabelSchema, distinct_color

GROUND, MEMBRANE, CYTOPLASM, GRANULE = range(4)
MEMBRANE_SCHEMA = LabelSchema(
    (
        ClassSpec(GROUND, "ground", (0, 0, 0)),
        ClassSpec(MEMBRANE, "membrane", distinct_color(1)),
        ClassSpec(CYTOPLASM, "cytoplasm", distinct_color(2)),
        ClassSpec(GRANULE, "granule", distinct_color(3)),
    )
)
SIDE: Final = 256
"""Halved four times it is 16."""
HELD_OUT_SEED: Final = 1_000_000
"""Seeds from here on are never trained on: the samples and the measured images."""

_GREY: Final = 0.62
_LEAST_GAP: Final = 5
_GRANULE_DEPTH: Final = (0.14, 0.5)
"""How much darker granules are; those below the specks' upper end could be specks."""
_SPECK_DEPTH: Final = (0.14, 0.28)
_SPECKS_PER_GRANULE: Final = 0.7


@dataclass(frozen=True)
class TissueOptions:
    """What a synthetic piece of tissue looks like.

    Attributes:
        side: Height and width in pixels.
        radii: Of the cells in pixels, the smallest and the largest.
        tries: How often a cell is placed where it may not fit: how dense they lie.
        granules: Expected number of granules in a cell of radius 25; it goes with the area.
        depth: How much darker than the ground membranes are, at the least and at the most.
        noise: Standard deviation of the read-out noise, 0..1.
    """

    side: int = SIDE
    radii: tuple[float, float] = (9.0, 46.0)
    tries: int = 60
    granules: float = 1.2
    depth: tuple[float, float] = (0.16, 0.4)
    noise: float = 0.04


@dataclass(frozen=True)
class Tissue:
    """A synthetic image and its truth.

    Attributes:
        pixels: (side, side) uint8 grey.
        classes: (side, side) uint8 class ids of `MEMBRANE_SCHEMA`.
    """

    pixels: npt.NDArray[np.uint8]
    classes: Labels

    @property
    def rgb(self) -> Image:
        """(side, side, 3) uint8, the grey in all channels."""
        return np.repeat(self.pixels[..., None], 3, axis=2)


def make_tissue(options: TissueOptions, seed: int) -> Tissue:
    """One piece of tissue; the same options and seed give the same piece."""
    rng = np.random.default_rng(seed)
    shape = (options.side, options.side)
    classes = np.zeros(shape, np.uint8)
    dark = np.zeros(shape, np.float32)
    taken = np.zeros(shape, np.uint8)
    for radius in _radii(options, rng):
        cell = _cell(options.side, radius, rng)
        reach = cv2.dilate(cell, np.ones((2 * _LEAST_GAP + 1,) * 2, np.uint8))
        if cell.any() and not taken[reach > 0].any():
            taken[cell > 0] = 1
            _add_cell(classes, dark, cell, options, rng)
    _add_spots(classes, dark, options, rng)
    return Tissue(_photograph(dark, options, rng), classes)


def _radii(options: TissueOptions, rng: np.random.Generator) -> npt.NDArray[np.float64]:
    """Large cells first, or there would be no room for them."""
    low, high = options.radii
    radii = np.exp(rng.uniform(np.log(low), np.log(high), options.tries))
    return np.sort(radii)[::-1]


def _cell(side: int, radius: float, rng: np.random.Generator) -> npt.NDArray[np.uint8]:
    """(side, side) of 0 and 1: a round shape with a wavy outline, somewhere."""
    angles = np.linspace(0, 2 * np.pi, 96, endpoint=False)
    outline = np.ones_like(angles)
    for wave in (2, 3, 5):
        outline += rng.normal(0, 0.07) * np.cos(wave * angles + rng.uniform(0, 2 * np.pi))
    centre = rng.uniform(-0.3 * radius, side + 0.3 * radius, 2)
    points = centre + radius * (outline * np.stack([np.cos(angles), np.sin(angles)])).T
    filled = np.zeros((side, side), np.uint8)
    cv2.fillPoly(filled, [np.round(points).astype(np.int32)], 1)
    return filled


def _add_cell(
    classes: Labels,
    dark: npt.NDArray[np.float32],
    cell: npt.NDArray[np.uint8],
    options: TissueOptions,
    rng: np.random.Generator,
) -> None:
    """Write a cell's classes, and how much darker than the ground it is.

    Within the membrane the cytoplasm is a little brighter: it tells which side is inside, to those
    who see the membrane.
    """
    width = rng.uniform(2.0, 3.2)
    framed = cv2.copyMakeBorder(cell, 8, 8, 8, 8, cv2.BORDER_REPLICATE)
    depth = cv2.distanceTransform(framed, cv2.DIST_L2, 5)[8:-8, 8:-8]
    inside, membrane = depth > width, (depth > 0) & (depth <= width)
    classes[inside], classes[membrane] = CYTOPLASM, MEMBRANE
    along = cv2.resize(
        rng.uniform(*options.depth, (6, 6)).astype(np.float32),
        cell.shape,
        interpolation=cv2.INTER_CUBIC,
    )
    dark[membrane] = along[membrane]
    rim = inside & (depth <= width + 3)
    dark[rim] = -0.07


def _add_spots(
    classes: Labels, dark: npt.NDArray[np.float32], options: TissueOptions, rng: np.random.Generator
) -> None:
    """Granules in the cytoplasm, and specks, which are none, everywhere but on membranes."""
    room = {
        place: cv2.erode((classes == place).astype(np.uint8), np.ones((9, 9), np.uint8))
        for place in (CYTOPLASM, GROUND)
    }
    unit = np.pi * 25**2
    for place, is_granule, per_unit in (
        (CYTOPLASM, True, options.granules),
        (CYTOPLASM, False, options.granules * _SPECKS_PER_GRANULE),
        (GROUND, False, options.granules * _SPECKS_PER_GRANULE),
    ):
        for _ in range(rng.poisson(per_unit * np.count_nonzero(room[place]) / unit)):
            free = np.flatnonzero(room[place])
            if not len(free):
                break
            row, col = divmod(int(free[rng.integers(len(free))]), options.side)
            spot = np.zeros(classes.shape, np.uint8)
            axes = (int(rng.integers(2, 4)), int(rng.integers(2, 4)))
            cv2.ellipse(spot, (col, row), axes, float(rng.uniform(0, 180)), 0, 360, 1, -1)
            dark[spot > 0] = rng.uniform(*(_GRANULE_DEPTH if is_granule else _SPECK_DEPTH))
            if is_granule:
                classes[spot > 0] = GRANULE
            around = slice(max(0, row - 8), row + 9), slice(max(0, col - 8), col + 9)
            room[place][around] = 0


def _photograph(
    dark: npt.NDArray[np.float32], options: TissueOptions, rng: np.random.Generator
) -> npt.NDArray[np.uint8]:
    """Blur, texture, uneven light and noise."""
    grain = cv2.GaussianBlur(rng.normal(0, 1, dark.shape).astype(np.float32), (0, 0), 2.0)
    texture = grain * (0.035 / max(float(grain.std()), 1e-6))
    light = cv2.resize(
        rng.uniform(0.9, 1.1, (3, 3)).astype(np.float32), dark.shape, interpolation=cv2.INTER_CUBIC
    )
    scene = (_GREY - cv2.GaussianBlur(dark, (0, 0), 0.6) + texture) * light
    noisy = scene + rng.normal(0, options.noise, dark.shape)
    grey: npt.NDArray[np.uint8] = np.round(np.clip(noisy, 0, 1) * 255).astype(np.uint8)
    return grey


SAMPLES: tuple[tuple[str, TissueOptions], ...] = (
    ("membranes-01", TissueOptions()),
    ("membranes-02-large", TissueOptions(radii=(30.0, 50.0))),
    ("membranes-03-small", TissueOptions(radii=(8.0, 18.0), tries=160)),
    ("membranes-04-granules", TissueOptions(granules=3.0)),
    ("membranes-05-faint", TissueOptions(depth=(0.1, 0.22))),
    ("membranes-06-noisy", TissueOptions(noise=0.08)),
)


def write_samples(folder: Path) -> list[Path]:
    """Write the embedded samples: images, `masks/` of class ids and the schema.

    Returns:
        The image files, in order.
    """
    (folder / "masks").mkdir(parents=True, exist_ok=True)
    written = []
    for seed, (name, options) in enumerate(SAMPLES, start=HELD_OUT_SEED):
        tissue = make_tissue(options, seed)
        path = folder / f"{name}.png"
        for target, array in (
            (path, tissue.pixels),
            (folder / "masks" / path.name, tissue.classes),
        ):
            ok, data = cv2.imencode(".png", array, [cv2.IMWRITE_PNG_COMPRESSION, 9])
            if not ok:
                raise OSError(f"{target} could not be encoded")
            target.write_bytes(data.tobytes())
        written.append(path)
    schema = json.dumps(MEMBRANE_SCHEMA.to_json(), indent=2) + "\n"
    (folder / "segstudio.json").write_text(schema, encoding="utf-8")
    return written


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Make the samples of the lesson networks.")
    parser.add_argument("folder", type=Path, help="where to write, e.g. resources/lessons")
    write_samples(parser.parse_args().folder)
