"""Masks of several pages that a TIFF holds as the planes of one picture."""

import numpy as np
import pytest
import tifffile

from segstudio.core.errors import SegstudioError
from segstudio.storage.mask_files import mask_pages, native_mask, read_mask_file
from segstudio.storage.mask_forms import CannotHold


def label_pages(count: int, values=(1, 2, 3), dtype=np.uint8) -> np.ndarray:
    """Page n has its own values in its first n + 1 columns, else 0."""
    pages = np.zeros((count, 20, 30), dtype)
    for number in range(count):
        pages[number, :, : number + 1] = values[number % len(values)]
    return pages


def write(path, planes, photometric="rgb"):
    tifffile.imwrite(path, planes, photometric=photometric, planarconfig="separate")
    return path


def assert_read_as_pages(path, pages):
    assert mask_pages(path) == len(pages)
    for number, page in enumerate(pages):
        raw = read_mask_file(path, number)
        assert raw.alpha is None
        assert np.array_equal(raw.pixels, page)


@pytest.mark.parametrize("count", [3, 4])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_label_maps_that_tifffile_took_for_colours_are_pages(tmp_path, count, dtype):
    pages = label_pages(count, dtype=dtype)
    with pytest.warns(DeprecationWarning, match="photometric"):
        tifffile.imwrite(tmp_path / "a.tif", pages)
    with tifffile.TiffFile(tmp_path / "a.tif") as tiff:
        assert tiff.pages[0].shape == pages.shape  # one page of planes, as it is found in the wild
    assert_read_as_pages(tmp_path / "a.tif", pages)


def test_four_pages_of_which_none_can_be_opacity_are_pages(tmp_path):
    same = np.repeat(label_pages(1), 4, axis=0)
    assert_read_as_pages(write(tmp_path / "same.tif", same), same)
    white = label_pages(4, (255,))
    white[3] = 0
    white[3, 10:, 20:] = 255  # where the other pages are black
    assert_read_as_pages(write(tmp_path / "white.tif", white), white)
    white[3] = 0
    assert_read_as_pages(write(tmp_path / "empty.tif", white), white)


@pytest.mark.parametrize("count", [3, 4])
def test_ids_of_objects_in_16_bits_are_pages(tmp_path, count):
    ids = np.arange(count * 600, dtype=np.uint16).reshape(count, 20, 30)
    assert_read_as_pages(write(tmp_path / "a.tif", ids), ids)


@pytest.mark.parametrize("count", [2, 3, 4, 5])
def test_planes_that_are_said_to_be_grey_are_pages(tmp_path, count):
    pages = label_pages(count, (7, 200))
    assert_read_as_pages(write(tmp_path / "a.tif", pages, "minisblack"), pages)


@pytest.mark.parametrize("wide", [1, 257, 256])
def test_colours_stay_colours(tmp_path, wide):
    colors = np.zeros((3, 20, 30), np.uint8)
    colors[:, :, :10] = np.array([128, 64, 128])[:, None, None]
    colors[:, 5:9, 20:] = np.array([220, 20, 60])[:, None, None]
    stored = colors if wide == 1 else colors.astype(np.uint16) * wide
    path = write(tmp_path / "a.tif", stored)
    assert mask_pages(path) == 1
    assert np.array_equal(read_mask_file(path).pixels, np.moveaxis(colors, 0, 2))
    if wide == 1:
        opaque = np.concatenate([colors, np.full((1, 20, 30), 255, np.uint8)])
        cut_out = np.concatenate([colors, np.where(colors.any(axis=0), 255, 0)[None]])
        for name, planes in {"opaque": opaque, "cut_out": cut_out.astype(np.uint8)}.items():
            path = write(tmp_path / f"{name}.tif", planes)
            assert mask_pages(path) == 1
            raw = read_mask_file(path)
            assert np.array_equal(raw.pixels, np.moveaxis(colors, 0, 2))
            assert np.array_equal(raw.alpha, planes[3])


def test_a_grey_mask_in_three_equal_planes_has_one_page(tmp_path):
    planes = np.repeat(label_pages(1), 3, axis=0)
    path = write(tmp_path / "a.tif", planes)
    assert mask_pages(path) == 1
    assert np.array_equal(read_mask_file(path).pixels, np.moveaxis(planes, 0, 2))


def test_planes_that_may_be_both_are_refused(tmp_path):
    ids = (np.arange(2400) % 251).astype(np.uint8).reshape(4, 20, 30)
    path = write(tmp_path / "a.tif", ids)
    with pytest.raises(SegstudioError, match=r"a\.tif holds 4 planes .* pages or colours") as told:
        read_mask_file(path)
    assert "photometric='minisblack'" in told.value.hint


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("kind", ["white", "disjoint", "objects", "one of four", "white of four"])
def test_pages_in_black_and_white_may_be_red_green_and_blue_and_are_refused(tmp_path, kind, dtype):
    """tifffile takes three pages for a photo: a disc that grows from page to page has rings."""
    y, x = np.indices((40, 60))
    far = (y - 20) ** 2 + (x - 30) ** 2
    discs = [far < (5 * (n + 1)) ** 2 for n in range(4)]
    pages = np.stack([disc * 255 for disc in discs])
    if kind == "white":
        pages = pages[:3]
    elif kind == "disjoint":
        pages = np.stack([discs[0], discs[1] ^ discs[0], discs[2] ^ discs[1]]) * 255
    elif kind == "objects":
        pages = pages[:3] // 255 * np.where(x < 30, 90, 180)
    elif kind == "one of four":
        pages[:3] = 0
    top = np.iinfo(dtype).max // 255
    with pytest.warns(DeprecationWarning, match="photometric"):
        tifffile.imwrite(tmp_path / "a.tif", (pages * top).astype(dtype))
    for read in (read_mask_file, mask_pages):
        with pytest.raises(SegstudioError, match=r"a\.tif holds . planes") as told:
            read(tmp_path / "a.tif")
        assert "planarconfig='contig'" in told.value.hint
    for options in ({"photometric": "minisblack"}, {"photometric": "rgb"}):
        if options["photometric"] == "minisblack":
            write(tmp_path / "a.tif", pages.astype(np.uint8), "minisblack")
            assert mask_pages(tmp_path / "a.tif") == len(pages)
        else:
            pixels = np.moveaxis(pages[:3], 0, 2).astype(np.uint8)
            tifffile.imwrite(tmp_path / "a.tif", pixels, photometric="rgb")
            assert np.array_equal(read_mask_file(tmp_path / "a.tif").pixels, pixels)


def test_pages_of_yes_and_no_are_pages(tmp_path):
    pages = label_pages(3, (1,)).astype(bool)
    path = write(tmp_path / "a.tif", pages)
    assert mask_pages(path) == 3
    assert np.array_equal(read_mask_file(path, 2).pixels, pages[2])


def test_pure_colours_that_are_opaque_or_beside_others_stay_colours(tmp_path):
    colors = np.zeros((4, 20, 30), np.uint8)
    colors[0, :, :10] = colors[3] = 255
    colors[:3, 5:9, 20:] = np.array([220, 20, 60])[:, None, None]
    for count in (3, 4):
        path = write(tmp_path / "a.tif", colors[:count])
        assert np.array_equal(read_mask_file(path).pixels, np.moveaxis(colors[:3], 0, 2))


def test_planes_are_not_written_again_in_their_place(tmp_path):
    path = write(tmp_path / "a.tif", label_pages(3))
    with pytest.raises(CannotHold, match="its TIFF holds its planes apart"):
        native_mask(path.read_bytes())
