"""Raw values, channels and the 8 bits that are shown, of TIFFs made here bit by bit."""

from __future__ import annotations

import contextlib
import struct
import tracemalloc

import numpy as np
import pytest
import tifffile
from PIL import Image, ImageCms

from segstudio.core.errors import CancelledError, SegstudioError
from segstudio.core.geometry import Rect
from segstudio.storage.decode import page_count, read_image
from segstudio.storage.picture import COMPOSITE, eight_bit, range_of
from segstudio.storage.thumbnail_cache import read_thumbnail
from segstudio.storage.tiff import tiff_pages


def plain_tiff(path, wh, bits, data, photometric=1, *, samples=1, order="<", more=()):
    """A TIFF of one strip, written by hand: no library has a say in it."""
    tags = [
        (256, 3, wh[0]), (257, 3, wh[1]), (258, 3, bits), (259, 3, 1), (262, 3, photometric),
        (273, 4, 8), (277, 3, samples), (278, 3, wh[1]), (279, 4, len(data)), *more,
    ]  # fmt: skip
    pad = b"\0" * (len(data) % 2)
    ifd = struct.pack(f"{order}H", len(tags))
    for tag, kind, value in sorted(tags):
        body = struct.pack(f"{order}HH", value, 0) if kind == 3 else struct.pack(f"{order}I", value)
        ifd += struct.pack(f"{order}HHI", tag, kind, 1) + body
    mark = b"II*\0" if order == "<" else b"MM\0*"
    head = mark + struct.pack(f"{order}I", 8 + len(data) + len(pad))
    path.write_bytes(head + data + pad + ifd + struct.pack(f"{order}I", 0))
    return path


@pytest.mark.parametrize(("photometric", "shown"), [(1, [0, 17, 238, 255]), (0, [255, 238, 17, 0])])
def test_4_bits_fill_the_range(tmp_path, photometric, shown):
    path = plain_tiff(tmp_path / "a.tif", (4, 1), 4, bytes([0x01, 0xEF]), photometric)
    image = read_image(path)
    assert image.pixels[0, :, 1].tolist() == shown
    assert image.picture.raw[0, :, 0].tolist() == [0, 1, 14, 15]
    assert image.picture.bits == 4


@pytest.mark.parametrize(("photometric", "shown"), [(1, [0, 85, 170, 255]), (0, [255, 170, 85, 0])])
def test_2_bits_fill_the_range(tmp_path, photometric, shown):
    path = plain_tiff(tmp_path / "a.tif", (4, 1), 2, bytes([0b00011011]), photometric)
    assert read_image(path).pixels[0, :, 0].tolist() == shown
    assert read_thumbnail(path, 64)[0, :, 0].tolist() == shown


@pytest.mark.parametrize(("photometric", "shown"), [(1, [0, 255, 255, 0]), (0, [255, 0, 0, 255])])
def test_1_bit(tmp_path, photometric, shown):
    path = plain_tiff(tmp_path / "a.tif", (4, 1), 1, bytes([0b01100000]), photometric)
    assert read_image(path).pixels[0, :, 0].tolist() == shown


def test_12_bits_packed(tmp_path):
    # 0x001, 0xFFF, 0x800, 0x001 in 6 bytes
    path = plain_tiff(tmp_path / "a.tif", (4, 1), 12, bytes.fromhex("001fff800001"))
    image = read_image(path)
    assert image.picture.raw[0, :, 0].tolist() == [1, 4095, 2048, 1]
    assert image.pixels[0, :, 0].tolist() == [0, 255, 128, 0]  # (2048 - 1) / 4094 * 255 = 127.5


def test_big_endian_and_its_raw_values(tmp_path):
    data = struct.pack(">4H", 100, 200, 300, 612)
    path = plain_tiff(tmp_path / "a.tif", (2, 2), 16, data, order=">")
    picture = read_image(path).picture
    assert picture.raw.dtype == np.dtype(np.uint16)
    assert picture.raw.dtype.isnative
    assert picture.values_at(1, 0) == (200,)
    assert picture.read(Rect(1, 0, 2, 2))[..., 0].tolist() == [[300, 612]]


@pytest.mark.parametrize("dtype", [np.int8, np.int16, np.int32, np.float16, np.float32, np.float64])
def test_signed_numbers_and_floats_use_their_own_range(tmp_path, dtype):
    stored = np.array([[-100, 0], [50, 100]], dtype)
    tifffile.imwrite(tmp_path / "a.tif", stored)
    image = read_image(tmp_path / "a.tif")
    assert image.pixels[..., 0].tolist() == [[0, 128], [191, 255]]  # (v + 100) / 200 * 255
    assert image.picture.raw.dtype == dtype
    assert image.picture.values_at(0, 0) == (-100,)


def test_one_hot_pixel_does_not_make_the_rest_dark(tmp_path):
    # 12-bit values in 16 bits: a ramp 0..999, each four times, and one hot pixel
    stored = np.repeat(np.arange(1000, dtype=np.uint16), 4).reshape(40, 100)
    stored[3, 7] = 4095
    tifffile.imwrite(tmp_path / "a.tif", stored)
    image = read_image(tmp_path / "a.tif")
    # 4 of the 4000 values may lie outside at each end: 0 (four times) and, at the upper end, the
    # hot one and three of the four 999
    assert image.picture.ranges == ((1.0, 999.0),)
    assert image.pixels[3, 7].tolist() == [255] * 3
    assert int(image.pixels[20, 0, 0]) == round((500 - 1) / 998 * 255)
    floats = stored.astype(np.float32)
    assert range_of(floats) == (1.0, 999.0)


def test_nearly_all_the_same_goes_from_the_smallest_to_the_largest():
    values = np.full(10_000, 7, np.uint16)
    values[:3] = (5, 9, 4000)
    assert range_of(values) == range_of(values.astype(np.float64)) == (5.0, 4000.0)


def test_extremes_of_doubles_do_not_overflow():
    values = np.array([-1.7e308, 0.0, 1.7e308])
    assert eight_bit(values, *range_of(values)).tolist() == [0, 128, 255]


def test_cielab_is_shown_in_its_colours(tmp_path):
    # L* a* b* of white, black, mid grey and the red of sRGB under D50 (Lindbloom's calculator:
    # 54.29, 80.80, 69.89); in files L is scaled to 255, a and b are two's complement
    stored = np.array([[[255, 0, 0], [0, 0, 0], [136, 0, 0], [138, 81, 70]]], np.uint8)
    path = plain_tiff(tmp_path / "a.tif", (4, 1), 8, stored.tobytes(), 8, samples=3, more=())
    shown = read_image(path).pixels[0].astype(int)
    assert shown[0].tolist() == [255, 255, 255]
    assert shown[1].tolist() == [0, 0, 0]
    assert np.abs(shown[2] - 127).max() <= 1  # L* 53.3 is sRGB 127
    assert np.abs(shown[3] - (255, 0, 0)).max() <= 4


def test_cielab_agrees_with_little_cms(tmp_path):
    rng = np.random.default_rng(5)
    rgb = Image.fromarray(rng.integers(80, 180, (8, 8, 3), np.uint8))
    lab_profile, srgb = ImageCms.createProfile("LAB"), ImageCms.createProfile("sRGB")
    lab = ImageCms.applyTransform(rgb, ImageCms.buildTransform(srgb, lab_profile, "RGB", "LAB"))
    back = ImageCms.applyTransform(lab, ImageCms.buildTransform(lab_profile, srgb, "LAB", "RGB"))
    stored = np.asarray(lab)  # PIL keeps a and b as two's complement, as TIFF 6.0
    path = plain_tiff(tmp_path / "cie.tif", (8, 8), 8, stored.tobytes(), 8, samples=3)
    assert np.abs(read_image(path).pixels.astype(int) - np.asarray(back)).max() <= 3
    icc = stored.copy()
    icc[..., 1:] ^= 0x80  # with 128 in the middle
    path = plain_tiff(tmp_path / "icc.tif", (8, 8), 8, icc.tobytes(), 9, samples=3)
    assert np.abs(read_image(path).pixels.astype(int) - np.asarray(back)).max() <= 3


def test_ycbcr_by_blocks(tmp_path):
    # 4 x 2 pixels in two blocks of 2 x 2: Y Y Y Y Cb Cr
    data = bytes([76, 76, 76, 76, 85, 255]) + bytes([0, 255, 128, 64, 128, 128])
    tags = [(530, 3, 2)]  # one value only: written over below
    path = plain_tiff(tmp_path / "a.tif", (4, 2), 8, data, 6, samples=3, more=tags)
    content = path.read_bytes()
    found = content.replace(
        struct.pack("<HHIHH", 530, 3, 1, 2, 0), struct.pack("<HHIHH", 530, 3, 2, 2, 2)
    )
    path.write_bytes(found)
    shown = read_image(path).pixels
    # red is Y 76.2, Cb 85.0, Cr 255.5 by ITU-R BT.601
    assert np.abs(shown[:, :2].astype(int) - (254, 0, 0)).max() <= 2
    assert shown[0, 2:, 0].tolist() == [0, 255]
    assert shown[1, 2:, 0].tolist() == [128, 64]


def test_ycbcr_as_jpeg_in_tiff(tmp_path):
    color = np.full((16, 16, 3), (200, 40, 90), np.uint8)
    tifffile.imwrite(
        tmp_path / "a.tif", color, photometric="rgb", compression="jpeg",
        compressionargs={"level": 95}, subsampling=(2, 2),
    )  # fmt: skip
    shown = read_image(tmp_path / "a.tif").pixels.astype(int)
    assert np.abs(shown - (200, 40, 90)).max() <= 4


def test_cmyk_and_palette(tmp_path):
    ink = np.array([[[0, 255, 255, 0], [0, 0, 0, 51], [255, 0, 0, 0]]], np.uint8)
    tifffile.imwrite(tmp_path / "cmyk.tif", ink, photometric="separated")
    expected = [[255, 0, 0], [204, 204, 204], [0, 255, 255]]
    assert read_image(tmp_path / "cmyk.tif").pixels[0].tolist() == expected
    tifffile.imwrite(tmp_path / "deep.tif", ink.astype(np.uint16) * 257, photometric="separated")
    assert read_image(tmp_path / "deep.tif").pixels[0].tolist() == expected
    colormap = np.zeros((3, 256), np.uint16)
    colormap[:, 5] = (0, 65535, 256)
    tifffile.imwrite(
        tmp_path / "p.tif", np.array([[5, 0]], np.uint8), photometric="palette",
        colormap=colormap, bitspersample=4,
    )  # fmt: skip
    assert read_image(tmp_path / "p.tif").pixels[0].tolist() == [[0, 255, 1], [0, 0, 0]]


@pytest.mark.parametrize("tile", [None, (16, 16)])
@pytest.mark.parametrize("planar", ["contig", "separate"])
@pytest.mark.parametrize("compression", [None, "deflate", "lzw"])
def test_tiles_planes_and_compressions(tmp_path, tile, planar, compression):
    photo = np.random.default_rng(2).integers(0, 256, (40, 50, 3), np.uint8)
    stored = np.moveaxis(photo, 2, 0) if planar == "separate" else photo
    tifffile.imwrite(
        tmp_path / "a.tif", np.ascontiguousarray(stored), photometric="rgb", planarconfig=planar,
        tile=tile, compression=compression,
    )  # fmt: skip
    assert np.array_equal(read_image(tmp_path / "a.tif").pixels, photo)


def test_the_fourth_sample_is_transparency_or_a_channel(tmp_path):
    stored = np.random.default_rng(2).integers(0, 200, (6, 7, 4), np.uint8)
    for kind, channels, noted in (
        ("unassalpha", 3, True), ("assocalpha", 3, True), ("unspecified", 4, False),
    ):  # fmt: skip
        path = tmp_path / f"{kind}.tif"
        tifffile.imwrite(path, stored, photometric="rgb", extrasamples=[kind])
        image = read_image(path)
        assert np.array_equal(image.pixels, stored[..., :3])
        assert image.picture.raw.shape[2] == channels
        assert bool(image.notes) is noted
        assert image.picture.has_choice is (channels == 4)
    alone = image.picture.shown(3)
    assert np.array_equal(alone, np.repeat(stored[..., 3:], 3, axis=2))
    assert image.picture.names == ("Red", "Green", "Blue", "Channel 4")


@pytest.mark.parametrize("kind", ["imagej", "ome"])
def test_channels_belong_to_one_page(tmp_path, kind):
    stored = np.zeros((3, 2, 4, 5), np.uint8)  # three planes of two channels
    for z in range(3):
        stored[z, 0] = 10 * (z + 1)
        stored[z, 1] = 100 + z
    path = tmp_path / ("a.ome.tif" if kind == "ome" else "a.tif")
    metadata = {"axes": "ZCYX"}
    if kind == "ome":
        metadata["Channel"] = {"Name": ["DAPI", "GFP"]}
    tifffile.imwrite(path, stored, metadata=metadata, **{kind: True})
    assert page_count(path) == 3
    image = read_image(path, 1)
    picture = image.picture
    assert picture.pages == 3
    assert picture.values_at(2, 3) == (20, 101)
    assert picture.has_choice
    assert picture.names == (("DAPI", "GFP") if kind == "ome" else ("Channel 1", "Channel 2"))
    assert image.pixels[0, 0].tolist() == [101, 20, 101]  # the first green, the second magenta
    assert picture.shown(0)[0, 0].tolist() == [20] * 3
    assert picture.shown(1)[0, 0].tolist() == [101] * 3
    assert np.array_equal(picture.shown(COMPOSITE), image.pixels)


def test_each_channel_has_its_own_range(tmp_path):
    stored = np.zeros((2, 1, 2), np.uint16)
    stored[0] = [[0, 1000]]
    stored[1] = [[50, 10]]
    tifffile.imwrite(tmp_path / "a.tif", stored, imagej=True, metadata={"axes": "CYX"})
    picture = read_image(tmp_path / "a.tif").picture
    assert picture.ranges == ((0.0, 1000.0), (10.0, 50.0))
    assert picture.shown(0)[0, :, 0].tolist() == [0, 255]
    assert picture.shown(1)[0, :, 0].tolist() == [255, 0]
    assert picture.shown()[0].tolist() == [[255, 0, 255], [0, 255, 0]]


def test_sums_of_channels_stop_at_white(tmp_path):
    stored = np.full((4, 5, 6), 200, np.uint8)  # red, green, blue, grey
    tifffile.imwrite(tmp_path / "a.tif", stored, imagej=True, metadata={"axes": "CYX"})
    assert read_image(tmp_path / "a.tif").pixels[0, 0].tolist() == [255, 255, 255]


def test_many_bands_show_the_first_three_and_each(tmp_path):
    stored = np.arange(2 * 2 * 12, dtype=np.uint8).reshape(2, 2, 12)
    tifffile.imwrite(tmp_path / "a.tif", stored, photometric="minisblack", planarconfig="contig")
    image = read_image(tmp_path / "a.tif")
    assert np.array_equal(image.pixels, stored[..., :3])
    assert image.picture.shown(11)[1, 1].tolist() == [47] * 3


def test_smaller_copies_and_masks_are_no_pages(tmp_path):
    with tifffile.TiffWriter(tmp_path / "a.tif") as tiff:
        tiff.write(np.full((8, 8), 1, np.uint8), metadata=None)
        tiff.write(np.full((4, 4), 2, np.uint8), metadata=None, subfiletype=1)
        tiff.write(np.full((5, 9, 3), 3, np.uint8), metadata=None, photometric="rgb")
    assert page_count(tmp_path / "a.tif") == 2
    second = read_image(tmp_path / "a.tif", 1)
    assert second.pixels.shape == (5, 9, 3)
    assert second.pixels.max() == second.pixels.min() == 3


def test_a_large_stack_of_imagej_has_one_header_for_all_planes(tmp_path):
    stored = np.arange(5, dtype=np.uint16)[:, None, None] * np.ones((1, 3, 4), np.uint16)
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, stored, imagej=True, metadata={"axes": "ZYX"})
    content = bytearray(path.read_bytes())
    with tifffile.TiffFile(path) as tiff:
        first = tiff.pages[0]
        after = first.offset + 2 + 12 * len(first.tags)
    order = ">" if content[:2] == b"MM" else "<"
    struct.pack_into(f"{order}I", content, after, 0)  # no further header
    path.write_bytes(content)
    assert page_count(path) == 5
    assert read_image(path, 3).picture.values_at(1, 1) == (3,)


def test_12_bit_jpeg_2000_keeps_its_values(tmp_path):
    import imagecodecs

    stored = np.zeros((8, 9, 3), np.uint16)
    stored[0, 0], stored[2, 2] = 4095, (1000, 2000, 3000)
    path = tmp_path / "a.jp2"
    path.write_bytes(imagecodecs.jpeg2k_encode(stored, level=0, bitspersample=12))
    image = read_image(path)
    assert image.picture.values_at(2, 2) == (1000, 2000, 3000)
    assert image.pixels[2, 2].tolist() == [62, 125, 187]  # / 4095 * 255


@pytest.mark.parametrize("name", ["a.avif", "a.gif", "a.jp2", "a.ppm"])
def test_the_other_kinds(tmp_path, name):
    photo = np.full((16, 16, 3), (200, 40, 90), np.uint8)
    options = {"quality": 100} if name == "a.avif" else {}
    Image.fromarray(photo).save(tmp_path / name, **options)
    image = read_image(tmp_path / name)
    assert np.abs(image.pixels.astype(int) - photo).max() <= 3
    assert image.picture.has_choice is False
    assert page_count(tmp_path / name) == 1


def test_a_small_file_that_speaks_of_gigabytes_is_refused_at_once(tmp_path):
    path = tmp_path / "a.tif"
    # 20000 x 20000 doubles in three colours: 9.6 GB
    more = [(339, 3, 3)]
    plain_tiff(path, (20000, 20000), 64, b"\0" * 8, 2, samples=3, more=more)
    for read in (read_image, lambda p: read_thumbnail(p, 64)):
        with pytest.raises(SegstudioError, match=r"9.6 GB in all; segstudio opens up to 2.1 GB"):
            read(path)
    # under the limit, but more than 8 bytes can hold
    plain_tiff(path, (20000, 20000), 8, b"\0" * 8)
    with pytest.raises(SegstudioError, match="holds only 8 bytes of them"):
        read_image(path)


def test_reading_is_given_up_when_it_is_cancelled(tmp_path):
    noise = np.random.default_rng(1).integers(0, 256, (600, 600, 3), np.uint8)
    Image.fromarray(noise).save(tmp_path / "a.png")
    tifffile.imwrite(tmp_path / "a.tif", noise, compression="deflate", rowsperstrip=8)
    for name in ("a.png", "a.tif"):
        calls = 0

        def check():
            nonlocal calls
            calls += 1
            if calls > 6:
                raise CancelledError

        with pytest.raises(CancelledError):
            read_image(tmp_path / name, check=check)
        assert calls == 7  # not one strip more


@pytest.mark.parametrize("kind", ["ome", "shaped", "imagej"])
def test_pages_of_compressed_stacks(tmp_path, kind):
    stored = np.arange(3 * 2, dtype=np.uint16).reshape(3, 2, 1, 1) * np.ones((16, 16), np.uint16)
    options = {kind: True} if kind != "shaped" else {}
    path = tmp_path / ("a.ome.tif" if kind == "ome" else "a.tif")
    tifffile.imwrite(path, stored, compression="deflate", metadata={"axes": "ZCYX"}, **options)
    assert page_count(path) == 3
    assert [read_image(path, page).picture.values_at(3, 3) for page in range(3)] == [
        (0, 1), (2, 3), (4, 5)
    ]  # fmt: skip


def test_damaged_files_are_told_and_never_an_error_of_ours(tmp_path):
    """Bytes of every kind, changed at random places of the header."""
    rng = np.random.default_rng(3)
    stored = rng.integers(0, 4096, (2, 2, 12, 14)).astype(np.uint16)
    seeds = [tmp_path / name for name in ("a.ome.tif", "b.tif", "c.jp2", "d.gif", "e.png")]
    tifffile.imwrite(seeds[0], stored, ome=True, metadata={"axes": "ZCYX"}, compression="lzw")
    tifffile.imwrite(seeds[1], stored[0, 0], metadata=None)
    frames = [Image.fromarray(plane.astype(np.uint8)) for plane in stored[0]]
    for path in seeds[2:]:
        frames[0].save(
            path,
            **({"save_all": True, "append_images": frames[1:]} if path.suffix == ".gif" else {}),
        )
    for seed in seeds:
        content = seed.read_bytes()
        for _ in range(25):
            damaged = bytearray(content)
            for _ in range(rng.integers(1, 6)):
                damaged[rng.integers(0, min(400, len(damaged)))] = rng.integers(0, 256)
            path = tmp_path / f"damaged{seed.suffix}"
            path.write_bytes(damaged)
            for read in (read_image, lambda p: read_image(p, 1), page_count):
                with contextlib.suppress(SegstudioError):
                    read(path)


def test_a_header_of_a_thousand_million_pages_costs_no_memory(tmp_path):
    path = tmp_path / "cells.tif"
    said = '{"shape": [1000000000, 32, 32]}'
    tifffile.imwrite(path, np.full((32, 32), 7, np.uint8), description=said, metadata=None)
    tracemalloc.start()
    try:
        assert tiff_pages(path) == 1
        assert tracemalloc.get_traced_memory()[1] < 20 << 20
    finally:
        tracemalloc.stop()


def test_a_stack_that_is_cut_off_has_the_pages_that_begin_in_the_file(tmp_path):
    """Of eight pages the fifth is there to its middle."""
    path = tmp_path / "cells.tif"
    planes = np.arange(8, dtype=np.uint8).repeat(32 * 32).reshape(8, 32, 32)
    tifffile.imwrite(path, planes, photometric="minisblack", truncate=True)
    assert tiff_pages(path) == 8
    with tifffile.TiffFile(path) as tiff:
        begins = tiff.series[0].dataoffset
    path.write_bytes(path.read_bytes()[: begins + 4 * 32 * 32 + 500])
    assert tiff_pages(path) == 5
    assert read_image(path, 3).picture.raw.max() == 3
    with pytest.raises(SegstudioError, match=r"cells\.tif"):
        read_image(path, 4)
