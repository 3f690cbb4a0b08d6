"""Fluorescence-like fields of nuclei with exact instance masks.

Made for the embedded samples and for tests: nuclei of irregular outline that touch and overlap,
out-of-focus blur, uneven light, and photon and read-out noise. Every mask is exact by construction
(a pixel belongs to the nucleus on top), before any blur is applied to the image.

`python -m tools.synthetic_samples resources/samples` makes the embedded samples again.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from segstudio.core.labels import InstanceIds
from segstudio.core.schema import ClassSpec, LabelSchema, distinct_color

NUCLEUS_SCHEMA = LabelSchema(
    (
        ClassSpec(0, "background", (0, 0, 0)),
        ClassSpec(1, "nucleus", distinct_color(1), thing=True),
    )
)


@dataclass(frozen=True)
class FieldOptions:
    """What a synthetic field looks like.

    Attributes:
        shape_hw: Size in pixels.
        count: How many nuclei are placed.
        diameter: Median diameter in pixels; single nuclei vary by about a quarter.
        clustering: 0 spreads them evenly, 1 puts most into clusters that touch and overlap.
        contrast: Brightness of the nuclei above the background, 0..1.
        blur: Standard deviation of the optical blur, pixels.
        shading: How much the light falls off over the field, 0..1.
        noise: Standard deviation of the read-out noise, 0..1; photon noise comes with the light.
        debris: Small bright specks that are no nuclei.
    """

    shape_hw: tuple[int, int] = (384, 384)
    count: int = 45
    diameter: float = 26.0
    clustering: float = 0.3
    contrast: float = 0.85
    blur: float = 1.2
    shading: float = 0.4
    noise: float = 0.015
    debris: int = 6


@dataclass(frozen=True)
class Field:
    """A synthetic image and its truth.

    Attributes:
        pixels: (H, W) uint8 grey.
        instances: (H, W) uint16, 0 background, 1..N one nucleus each.
    """

    pixels: npt.NDArray[np.uint8]
    instances: InstanceIds


def make_field(options: FieldOptions, seed: int) -> Field:
    """One field of nuclei; the same options and seed give the same field."""
    rng = np.random.default_rng(seed)
    height, width = options.shape_hw
    light = np.zeros((height, width), np.float32)
    ids = np.zeros((height, width), np.uint16)
    for number, (cx, cy) in enumerate(_centres(options, rng), start=1):
        _add_nucleus(light, ids, number, (cx, cy), options, rng)
    for _ in range(options.debris):
        point = (int(rng.uniform(0, width)), int(rng.uniform(0, height)))
        cv2.circle(light, point, int(rng.integers(1, 3)), float(rng.uniform(0.3, 1.0)), -1)
    image = _photograph(light, options, rng)
    return Field(image, _renumber(ids))


def _centres(options: FieldOptions, rng: np.random.Generator) -> npt.NDArray[np.float64]:
    height, width = options.shape_hw
    clusters = rng.uniform((0, 0), (width, height), (max(1, options.count // 8), 2))
    points: list[npt.NDArray[np.float64]] = []
    spacing = 0.72 * options.diameter
    for _ in range(options.count * 40):
        if len(points) == options.count:
            break
        if rng.random() < options.clustering:
            centre = clusters[rng.integers(len(clusters))]
            point = rng.normal(centre, 1.4 * options.diameter)
        else:
            point = rng.uniform((0, 0), (width, height))
        inside = 0 <= point[0] < width and 0 <= point[1] < height
        if inside and all(np.hypot(*(point - other)) > spacing for other in points):
            points.append(point)
    return np.array(points).reshape(-1, 2)


def _add_nucleus(
    light: npt.NDArray[np.float32],
    ids: InstanceIds,
    number: int,
    centre_xy: tuple[float, float],
    options: FieldOptions,
    rng: np.random.Generator,
) -> None:
    """Draw one nucleus: an ellipse with a wavy outline, brighter or dimmer, with texture."""
    radius = options.diameter / 2 * rng.lognormal(0.0, 0.2)
    stretch = rng.uniform(1.0, 1.5)
    turn = rng.uniform(0, np.pi)
    reach = int(radius * stretch * 1.3) + 2
    left, top = int(centre_xy[0]) - reach, int(centre_xy[1]) - reach
    y, x = np.mgrid[top : top + 2 * reach + 1, left : left + 2 * reach + 1]
    dx, dy = x + 0.5 - centre_xy[0], y + 0.5 - centre_xy[1]
    u = (dx * np.cos(turn) + dy * np.sin(turn)) / np.sqrt(stretch)
    v = (-dx * np.sin(turn) + dy * np.cos(turn)) * np.sqrt(stretch)
    angle, distance = np.arctan2(v, u), np.hypot(u, v)
    outline = np.ones_like(angle)
    for wave in (2, 3, 4):
        outline += rng.normal(0, 0.045) * np.cos(wave * angle + rng.uniform(0, 2 * np.pi))
    inside = distance <= radius * outline
    grain = cv2.GaussianBlur(rng.normal(0, 1, inside.shape), (0, 0), max(1.0, radius / 5))
    grain /= max(float(grain.std()), 1e-6)
    dome = 1 - 0.35 * np.clip(distance / (radius * outline), 0, 1) ** 2
    brightness = rng.uniform(0.45, 1.0) * (dome + 0.12 * grain)
    inside &= (x >= 0) & (y >= 0) & (x < light.shape[1]) & (y < light.shape[0])
    rows, columns = y[inside], x[inside]
    # Fluorescence adds up where nuclei overlap, less the little that the upper one hides.
    light[rows, columns] = 0.55 * light[rows, columns] + np.clip(brightness[inside], 0.1, None)
    ids[rows, columns] = number


def _photograph(
    light: npt.NDArray[np.float32], options: FieldOptions, rng: np.random.Generator
) -> npt.NDArray[np.uint8]:
    height, width = light.shape
    y, x = np.mgrid[0:height, 0:width]
    focus_x, focus_y = rng.uniform(0.2, 0.8) * width, rng.uniform(0.2, 0.8) * height
    fall = np.hypot(x - focus_x, y - focus_y) / np.hypot(height, width)
    shade = 1 - options.shading * fall**1.5 * 1.6
    sharp = cv2.GaussianBlur(light, (0, 0), options.blur)
    haze = cv2.GaussianBlur(light, (0, 0), options.diameter * 0.8)
    scene = (0.06 + options.contrast * (0.85 * sharp + 0.15 * haze)) * shade
    photons = 900.0
    exposed = rng.poisson(np.clip(scene, 0, None) * photons) / photons
    exposed = exposed + rng.normal(0, options.noise, scene.shape)
    image: npt.NDArray[np.uint8] = np.round(np.clip(exposed, 0, 1) * 255).astype(np.uint8)
    return image


def _renumber(ids: InstanceIds) -> InstanceIds:
    """Ids 1..N without gaps (a nucleus may be hidden completely by those above it)."""
    kept = np.unique(ids)
    table = np.zeros(int(ids.max()) + 1, np.uint16)
    table[kept[kept > 0]] = np.arange(1, np.count_nonzero(kept > 0) + 1)
    renumbered: InstanceIds = table[ids]
    return renumbered


SAMPLES: tuple[tuple[str, FieldOptions], ...] = (
    ("nuclei-01-even", FieldOptions()),
    ("nuclei-02-sparse", FieldOptions(count=18, diameter=34, clustering=0.1)),
    ("nuclei-03-dense", FieldOptions(count=110, diameter=22, clustering=0.2)),
    ("nuclei-04-clusters", FieldOptions(count=60, diameter=24, clustering=0.85)),
    ("nuclei-05-small", FieldOptions((320, 320), count=90, diameter=13, blur=0.9)),
    ("nuclei-06-large", FieldOptions((448, 448), count=16, diameter=64, clustering=0.4)),
    ("nuclei-07-dim", FieldOptions(contrast=0.14, noise=0.02)),
    ("nuclei-08-blurred", FieldOptions(blur=3.2, clustering=0.5)),
    ("nuclei-09-uneven", FieldOptions((384, 512), count=60, shading=0.95, clustering=0.4)),
    ("nuclei-10-noisy", FieldOptions(contrast=0.3, noise=0.07)),
    ("nuclei-11-debris", FieldOptions((384, 512), count=50, debris=60)),
    ("nuclei-12-crowded", FieldOptions((512, 512), count=150, diameter=28, clustering=0.7)),
)


def write_samples(folder: Path) -> list[Path]:
    """Write the embedded samples: images, 16-bit `instances/` and the schema.

    Returns:
        The image files, in order.
    """
    (folder / "instances").mkdir(parents=True, exist_ok=True)
    written = []
    for seed, (name, options) in enumerate(SAMPLES, start=1):
        field = make_field(options, seed)
        path = folder / f"{name}.png"
        for target, array in (
            (path, field.pixels),
            (folder / "instances" / path.name, field.instances),
        ):
            ok, data = cv2.imencode(".png", array, [cv2.IMWRITE_PNG_COMPRESSION, 9])
            if not ok:
                raise OSError(f"{target} could not be encoded")
            target.write_bytes(data.tobytes())
        written.append(path)
    schema = json.dumps(NUCLEUS_SCHEMA.to_json(), indent=2) + "\n"
    (folder / "segstudio.json").write_text(schema, encoding="utf-8")
    return written


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Make the embedded sample images.")
    parser.add_argument("folder", type=Path, help="where to write, e.g. resources/samples")
    write_samples(parser.parse_args().folder)
