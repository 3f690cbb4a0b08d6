from __future__ import annotations

import struct
import zlib

import cv2
import numpy as np
import pytest
import tifffile
from image_files import save_image
from PIL import Image

from segstudio.core.errors import SegstudioError
from segstudio.storage.decode import ALPHA_NOTE, page_count, read_image
from segstudio.storage.mask_files import read_mask_file

# EXIF orientation -> what the viewer must do to the stored pixels, by the EXIF standard's words:
# 6 is "the camera was turned so that the stored top row is the right side".
UPRIGHT = {
    1: lambda a: a,
    2: np.fliplr,
    3: lambda a: np.rot90(a, 2),
    4: np.flipud,
    5: lambda a: np.swapaxes(a, 0, 1),
    6: lambda a: np.rot90(a, -1),
    7: lambda a: np.rot90(np.swapaxes(a, 0, 1), 2),
    8: lambda a: np.rot90(a, 1),
}


@pytest.mark.parametrize("name", ["a.png", "a.bmp", "a.tif", "a.webp", "bild äöü 日本.png"])
def test_lossless_formats_are_exact(tmp_path, photo, name):
    options = {"lossless": True, "exact": True} if name.endswith("webp") else {}
    image = read_image(save_image(tmp_path / name, photo, **options))
    assert np.array_equal(image.pixels, photo)
    assert image.pixels.dtype == np.uint8
    assert image.pixels.flags.c_contiguous
    assert (image.picture.bits, image.orientation, image.notes) == (8, 1, ())


def test_jpeg_is_near(tmp_path):
    ramp = np.repeat(np.arange(0, 256, 4, dtype=np.uint8)[None, :, None], 48, 0).repeat(3, 2)
    image = read_image(save_image(tmp_path / "a.jpg", ramp, quality=95))
    assert np.abs(image.pixels.astype(int) - ramp).max() <= 6


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("suffix", [".png", ".tif", ".jpg"])
def test_orientation_is_applied(tmp_path, photo, orientation, suffix):
    exif = Image.Exif()
    exif[274] = orientation
    path = tmp_path / f"a{suffix}"
    if suffix == ".tif":
        tifffile.imwrite(path, photo, photometric="rgb", extratags=[(274, 3, 1, orientation, True)])
    else:
        options = {"quality": 100, "subsampling": 0} if suffix == ".jpg" else {}
        save_image(path, photo, exif=exif, **options)
    image = read_image(path)
    expected = UPRIGHT[orientation](photo)
    assert image.pixels.shape == expected.shape
    tolerance = 8 if suffix == ".jpg" else 0
    assert np.abs(image.pixels.astype(int) - expected).max() <= tolerance
    assert image.orientation == orientation


@pytest.mark.parametrize("suffix", [".png", ".tif"])
def test_16_bit_grey_uses_its_own_range(tmp_path, suffix):
    stored = np.array([[100, 200, 300], [1124, 612, 100]], np.uint16)
    path = tmp_path / f"a{suffix}"
    if suffix == ".png":
        save_image(path, stored)
    else:
        tifffile.imwrite(path, stored)
    image = read_image(path)
    # (v - 100) * 255 / 1024, rounded by hand: 0, 24.9, 49.8 / 255, 127.5, 0
    assert image.pixels[..., 0].tolist() == [[0, 25, 50], [255, 128, 0]]
    assert (image.pixels == image.pixels[..., :1]).all()
    assert image.picture.bits == 16


def test_16_bit_colour_png_keeps_its_channels(tmp_path):
    stored = np.zeros((2, 2, 3), np.uint16)
    stored[0, 0] = (1000, 0, 0)
    stored[0, 1] = (0, 500, 0)
    stored[1, 1] = (0, 0, 200)
    path = tmp_path / "ä.png"
    path.write_bytes(cv2.imencode(".png", stored[..., ::-1])[1].tobytes())
    image = read_image(path)
    assert image.picture.bits == 16
    assert image.pixels[0, 0].tolist() == [255, 0, 0]
    assert image.pixels[0, 1].tolist() == [0, 128, 0]
    assert image.pixels[1, 1].tolist() == [0, 0, 51]


def test_constant_16_bit_is_black(tmp_path):
    image = read_image(save_image(tmp_path / "a.png", np.full((2, 3), 4000, np.uint16)))
    assert not image.pixels.any()


def test_float_tiff_with_nan_and_infinity(tmp_path):
    stored = np.array([[np.nan, -1.0, 0.0], [1.0, np.inf, -np.inf]], np.float32)
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, stored)
    image = read_image(path)
    assert image.pixels[..., 0].tolist() == [[0, 0, 128], [255, 255, 0]]
    assert image.picture.bits == 32


def test_every_page_of_a_tiff_can_be_read(tmp_path):
    pages = np.stack([np.full((4, 5), v, np.uint8) for v in (10, 20, 30)])
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, pages, photometric="minisblack")
    for page, value in enumerate((10, 20, 30)):
        image = read_image(path, page)
        assert image.pixels.shape == (4, 5, 3)
        assert (image.pixels == value).all()
        assert (image.picture.page, image.picture.pages) == (page, 3)
    assert page_count(path) == 3
    with pytest.raises(SegstudioError, match=r"a\.tif has no page 4: it has 3"):
        read_image(path, 3)


def test_planar_palette_and_inverted_tiff(tmp_path, photo):
    planar = tmp_path / "planar.tif"
    tifffile.imwrite(planar, np.moveaxis(photo, 2, 0), photometric="rgb", planarconfig="separate")
    assert np.array_equal(read_image(planar).pixels, photo)
    inverted = tmp_path / "inverted.tif"
    tifffile.imwrite(inverted, np.array([[0, 255, 5]], np.uint8), photometric="miniswhite")
    assert read_image(inverted).pixels[0, :, 0].tolist() == [255, 0, 250]
    colormap = np.zeros((3, 256), np.uint16)
    colormap[:, 7] = (65535, 0, 256 * 128)
    table = tmp_path / "palette.tif"
    tifffile.imwrite(table, np.array([[7, 0]], np.uint8), photometric="palette", colormap=colormap)
    assert read_image(table).pixels.tolist() == [[[255, 0, 128], [0, 0, 0]]]


@pytest.mark.parametrize("name", ["a.webp", "a.gif", "a.png"])
def test_every_frame_of_an_animation_can_be_read(tmp_path, name):
    frames = [Image.new("RGB", (5, 4), color) for color in ((200, 0, 0), (0, 200, 0))]
    path = tmp_path / name
    options = {"lossless": True} if name.endswith("webp") else {}
    frames[0].save(path, save_all=True, append_images=frames[1:], **options)
    assert page_count(path) == 2
    assert read_image(path).pixels[0, 0].tolist() == [200, 0, 0]
    second = read_image(path, 1)
    assert second.pixels[0, 0].tolist() == [0, 200, 0]
    assert (second.picture.page, second.picture.pages) == (1, 2)
    with pytest.raises(SegstudioError, match="no page 3: it has 2"):
        read_image(path, 2)


@pytest.mark.parametrize(("alpha", "notes"), [(255, ()), (7, (ALPHA_NOTE,))])
def test_alpha_is_dropped_and_said_where_it_matters(tmp_path, photo, alpha, notes):
    rgba = np.dstack([photo, np.full(photo.shape[:2], alpha, np.uint8)])
    for name in ("a.png", "a.tif"):
        image = read_image(save_image(tmp_path / name, rgba))
        assert np.array_equal(image.pixels, photo)
        assert image.notes == notes


def test_one_bit_palette_grey_and_cmyk(tmp_path):
    Image.fromarray(np.array([[True, False]])).save(tmp_path / "bit.png")
    bit = read_image(tmp_path / "bit.png")
    assert bit.pixels[0, :, 0].tolist() == [255, 0]
    assert bit.picture.bits == 1

    palette = Image.fromarray(np.array([[3, 1]], np.uint8))
    palette.putpalette([0, 0, 0, 10, 20, 30, 0, 0, 0, 250, 5, 6] + [0] * 756)
    palette.save(tmp_path / "p.png")
    assert read_image(tmp_path / "p.png").pixels.tolist() == [[[250, 5, 6], [10, 20, 30]]]

    Image.new("CMYK", (16, 16), (0, 255, 255, 0)).save(tmp_path / "c.jpg", quality=100)
    red = read_image(tmp_path / "c.jpg").pixels[8, 8].astype(int)
    assert np.abs(red - (255, 0, 0)).max() <= 4


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".bmp", ".webp", ".tif"])
def test_a_truncated_file_is_an_error_that_names_it(tmp_path, suffix):
    pixels = np.random.default_rng(1).integers(0, 256, (64, 64, 3), np.uint8)
    path = save_image(tmp_path / f"cut{suffix}", pixels)
    data = path.read_bytes()
    for keep in (len(data) // 2, 20, 3):
        path.write_bytes(data[:keep])
        with pytest.raises(SegstudioError) as caught:
            read_image(path)
        assert str(path) in caught.value.message


def test_a_truncated_16_bit_colour_png_is_an_error(tmp_path):
    stored = np.random.default_rng(1).integers(0, 65536, (64, 64, 3), np.uint16)
    path = tmp_path / "cut.png"
    path.write_bytes(cv2.imencode(".png", stored)[1].tobytes()[:9000])
    with pytest.raises(SegstudioError, match="cut off"):
        read_image(path)


@pytest.mark.parametrize("name", ["a.png", "a.jpg", "a.tif"])
def test_empty_missing_and_foreign_files(tmp_path, name):
    path = tmp_path / name
    with pytest.raises(SegstudioError, match="not there any more"):
        read_image(path)
    path.write_bytes(b"")
    with pytest.raises(SegstudioError, match="is empty"):
        read_image(path)
    path.write_bytes(b"404 not found, but long enough to be looked at")
    with pytest.raises(SegstudioError, match="cannot be read"):
        read_image(path)


@pytest.mark.parametrize(
    ("begin", "kind", "hint"),
    [
        (b"\0\0\0\x24ftypheic\0\0\0\0mif1heic", "a HEIC image", "segstudio reads PNG"),
        (b"\xff\x0a\xfa\x1f", "a JPEG XL image", "segstudio reads PNG"),
        (b"%PDF-1.7", "a PDF document", "segstudio reads PNG"),
        (
            b"version https://git-lfs.github.com/spec/v1\noid",
            "a pointer of Git LFS",
            "git lfs pull",
        ),
        (b"<!DOCTYPE html>", "a web page", "download it again"),
        (b"\0" * 128 + b"DICM", "a DICOM file", "segstudio reads PNG"),
    ],
)
def test_what_is_only_called_an_image_says_what_it_is(tmp_path, begin, kind, hint):
    path = tmp_path / "IMG_1.jpg"
    path.write_bytes(begin + b"\0" * 200)
    for read in (read_image, page_count, read_mask_file):
        with pytest.raises(SegstudioError, match=rf"IMG_1\.jpg is {kind}, .*{hint}"):
            read(path)


def test_a_link_to_nothing_says_where_it_leads(tmp_path):
    path = tmp_path / "1.png"
    path.symlink_to("gone/1.png")
    with pytest.raises(
        SegstudioError, match=r"1\.png is a link to gone/1\.png, which is not there"
    ):
        read_image(path)


def test_a_wrong_extension_does_not_matter(tmp_path, photo):
    source = save_image(tmp_path / "a.png", photo)
    renamed = source.rename(tmp_path / "a.tif")
    assert np.array_equal(read_image(renamed).pixels, photo)


def test_a_huge_header_is_refused_before_decoding(tmp_path):
    def chunk(kind, body):
        data = kind + body
        return struct.pack(">I", len(body)) + data + struct.pack(">I", zlib.crc32(data))

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", 100_000, 100_000, 8, 2, 0, 0, 0))
    path = tmp_path / "bomb.png"
    body = chunk(b"IDAT", zlib.compress(b"\0" * 100)) + chunk(b"IEND", b"")
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + header + body)
    with pytest.raises(SegstudioError, match="100000 x 100000 pixels by its header"):
        read_image(path)


def test_a_tiff_of_no_width_is_refused_by_name(tmp_path):
    """tifffile divides by it, where the file says its shape once more in words."""
    path = tmp_path / "strips.tif"
    tifffile.imwrite(path, np.zeros((4, 6), np.uint8))
    data = bytearray(path.read_bytes())
    at = data.index(struct.pack("<HH", 256, 4))  # the entry ImageWidth
    data[at + 8 : at + 12] = b"\0\0\0\0"
    path.write_bytes(data)
    with pytest.raises(SegstudioError, match=r"strips\.tif"):
        read_image(path)
