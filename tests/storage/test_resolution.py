"""The size of pixels in files that tifffile writes."""

from __future__ import annotations

import numpy as np
import pytest
import tifffile

from segstudio.core.pixel_size import PixelSize
from segstudio.storage.decode import read_image

GREY = np.zeros((4, 6), np.uint16)


def size_of(path, **options) -> PixelSize | None:
    tifffile.imwrite(path, options.pop("data", GREY), **options)
    return read_image(path).picture.pixel_size


def near(across: float, down: float | None = None) -> PixelSize:
    down = across if down is None else down
    return PixelSize(pytest.approx(across, rel=1e-5), pytest.approx(down, rel=1e-5))


@pytest.mark.parametrize(
    ("density", "unit", "size"),
    [
        ((10_000, 20_000), "CENTIMETER", near(1, 0.5)),
        ((15_384.615, 15_384.615), "CENTIMETER", near(0.65)),
        ((25_400, 25_400), "INCH", near(1)),
        ((2, 4), "MILLIMETER", near(500, 250)),
        ((4, 4), "MICROMETER", near(0.25)),
        ((1, 1), "NONE", None),
        ((0, 0), "CENTIMETER", None),
        ((300, 300), "INCH", None),
        ((72, 72), "INCH", None),
        ((118.11, 118.11), "CENTIMETER", None),  # 300 dots per inch
    ],
)
def test_the_tags_of_the_format(tmp_path, density, unit, size):
    found = size_of(tmp_path / "a.tif", resolution=density, resolutionunit=unit)
    assert found == size


@pytest.mark.parametrize(
    ("density", "unit", "size"),
    [
        ((2, 2), "um", near(0.5)),
        ((2, 4), "micron", near(0.5, 0.25)),
        ((6.25, 6.25), "\\u00B5m", near(0.16)),
        ((0.5, 0.5), "mm", near(2000)),
        ((0.25, 0.25), "nm", near(0.004)),
        ((300, 300), "um", near(1 / 300)),
        ((72, 72), "inch", None),
        ((1, 1), "pixel", None),
    ],
)
def test_what_imagej_says(tmp_path, density, unit, size):
    found = size_of(
        tmp_path / "a.tif", imagej=True, resolution=density, metadata={"unit": unit, "axes": "YX"}
    )
    assert found == size


def test_imagej_without_a_unit_says_nothing(tmp_path):
    assert size_of(tmp_path / "a.tif", imagej=True) is None


@pytest.mark.parametrize(
    ("metadata", "size"),
    [
        ({"PhysicalSizeX": 0.5, "PhysicalSizeY": 0.25}, near(0.5, 0.25)),
        (
            {"PhysicalSizeX": 65, "PhysicalSizeXUnit": "nm", "PhysicalSizeY": 0.065,
             "PhysicalSizeYUnit": "\N{MICRO SIGN}m"},
            near(0.065),
        ),
        ({"PhysicalSizeX": 1.5, "PhysicalSizeXUnit": "mm", "PhysicalSizeY": 1.5,
          "PhysicalSizeYUnit": "mm"}, near(1500)),
        ({"PhysicalSizeX": 1, "PhysicalSizeXUnit": "reference frame", "PhysicalSizeY": 1,
          "PhysicalSizeYUnit": "reference frame"}, None),
        ({}, None),
        ({"PhysicalSizeX": 0.5}, None),
    ],
)  # fmt: skip
def test_what_ome_says(tmp_path, metadata, size):
    data = np.zeros((2, 4, 6), np.uint16)
    found = size_of(tmp_path / "a.ome.tif", data=data, metadata={"axes": "CYX", **metadata})
    assert found == size


def test_a_turned_image_has_turned_pixels(tmp_path):
    extra = [(274, "H", 1, 6, True)]
    found = size_of(
        tmp_path / "a.tif", resolution=(10_000, 20_000), resolutionunit=3, extratags=extra
    )
    assert found == near(0.5, 1)


def test_other_kinds_of_files_tell_none(tmp_path):
    from PIL import Image

    Image.fromarray(GREY.astype(np.uint8)).save(tmp_path / "a.png", dpi=(25_400, 25_400))
    assert read_image(tmp_path / "a.png").picture.pixel_size is None
