from __future__ import annotations

import os

import numpy as np
import pytest
from image_files import save_image
from PIL import Image

from segstudio.core.errors import SegstudioError
from segstudio.storage import thumbnail_cache
from segstudio.storage.thumbnail_cache import ThumbnailCache, read_thumbnail


def halves(height, width):
    pixels = np.zeros((height, width, 3), np.uint8)
    pixels[:, width // 2 :] = 240
    return pixels


@pytest.mark.parametrize("name", ["a.jpg", "a.png", "a.tif", "a.webp"])
def test_fits_the_square_and_keeps_the_shape(tmp_path, name):
    small = read_thumbnail(save_image(tmp_path / name, halves(300, 900)), 96)
    assert small.shape == (32, 96, 3)
    assert small.dtype == np.uint8
    assert small[:, :44].max() < 20
    assert small[:, 52:].min() > 220


def test_is_upright(tmp_path):
    exif = Image.Exif()
    exif[274] = 6
    path = save_image(tmp_path / "a.jpg", halves(300, 900), exif=exif)
    small = read_thumbnail(path, 96)
    assert small.shape == (96, 32, 3)
    assert small[:44].max() < 20  # the stored left half is on top now
    assert small[52:].min() > 220


def test_a_small_image_is_not_enlarged_and_16_bit_is_scaled(tmp_path):
    path = save_image(tmp_path / "a.png", np.array([[1000, 3000]], np.uint16))
    assert read_thumbnail(path, 64)[..., 0].tolist() == [[0, 255]]


def test_the_cache_answers_without_reading_the_image(tmp_path, monkeypatch):
    path = save_image(tmp_path / "a.png", halves(40, 80))
    cache = ThumbnailCache(tmp_path / "cache")
    first = cache.get(path, 20)
    monkeypatch.setattr(thumbnail_cache, "read_thumbnail", lambda *_: pytest.fail("was read again"))
    again = ThumbnailCache(tmp_path / "cache").get(path, 20)
    assert again.shape == first.shape == (10, 20, 3)
    assert np.abs(again.astype(int) - first).max() < 30  # kept as JPEG


def test_a_changed_image_gets_a_new_thumbnail(tmp_path):
    path = save_image(tmp_path / "a.png", halves(40, 80))
    cache = ThumbnailCache(tmp_path / "cache")
    cache.get(path, 20)
    save_image(path, np.full((40, 80, 3), 90, np.uint8))
    os.utime(path, ns=(1, 1))
    assert np.abs(cache.get(path, 20).astype(int) - 90).max() <= 2


def test_the_cache_is_bounded(tmp_path):
    folder = tmp_path / "cache"
    cache = ThumbnailCache(folder, max_bytes=20_000)
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)
    for i in range(40):
        cache.get(save_image(tmp_path / f"{i}.png", noise), 64)
    total = sum(p.stat().st_size for p in folder.rglob("*.jpg"))
    assert 0 < total <= 21_000


def test_a_damaged_entry_is_made_again_and_an_unwritable_cache_is_no_error(tmp_path):
    path = save_image(tmp_path / "a.png", halves(40, 80))
    cache = ThumbnailCache(tmp_path / "cache")
    cache.get(path, 20)
    entry = next((tmp_path / "cache").rglob("*.jpg"))
    entry.write_bytes(b"torn")
    assert cache.get(path, 20).shape == (10, 20, 3)
    (tmp_path / "file").write_bytes(b"")
    assert ThumbnailCache(tmp_path / "file").get(path, 20).shape == (10, 20, 3)


def test_a_broken_image_is_an_error_that_names_it(tmp_path):
    path = tmp_path / "a.jpg"
    path.write_bytes(b"\xff\xd8\xff\xe0 not much of a JPEG")
    with pytest.raises(SegstudioError, match=r"a\.jpg"):
        ThumbnailCache(tmp_path / "cache").get(path, 20)


def test_of_a_very_large_image_there_is_a_grey_field(tmp_path, monkeypatch):
    monkeypatch.setattr(thumbnail_cache, "_MAX_PIXELS", 1000)
    path = save_image(tmp_path / "a.png", halves(20, 60))
    assert read_thumbnail(path, 30).tolist() == [[[128] * 3] * 30] * 10
    # a JPEG is decoded small at once
    path = save_image(tmp_path / "a.jpg", halves(20, 60))
    assert read_thumbnail(path, 30)[5, 25].min() > 200
