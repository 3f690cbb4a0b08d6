from __future__ import annotations

import json

import numpy as np
import pytest
from PIL import Image

from segstudio.core.errors import SegstudioError
from segstudio.core.schema import ClassSpec, LabelSchema
from segstudio.storage.formats import png
from segstudio.storage.formats.mask_format import verify, write_classes, write_verified
from segstudio.storage.mask_files import exports

SCHEMA = LabelSchema(
    (
        ClassSpec(0, "background", (0, 0, 0)),
        ClassSpec(1, "cell: left", (200, 10, 20)),
        ClassSpec(5, "cell? left", (0, 0, 255)),
        ClassSpec(7, "véhicule", (0, 90, 0)),
    )
)
LABELS = np.array([[0, 1, 5, 7], [7, 5, 1, 255]], np.uint8)
IDS = np.array([[0, 1, 70, 65535], [3, 3, 3, 3]], np.uint16)


def test_index_and_palette(tmp_path):
    for image, mode in (
        (png.index_image("bild ä", LABELS), "L"),
        (png.palette_image("bild ä", LABELS, SCHEMA), "P"),
    ):
        path = write_verified(tmp_path, image)
        assert path.name == "bild ä.png"
        with Image.open(path) as saved:
            assert saved.mode == mode
            assert np.array_equal(np.asarray(saved), LABELS)
            if mode == "P":
                assert saved.getpalette()[15:18] == [0, 0, 255]


def test_color_overlay_and_instances(tmp_path):
    with Image.open(write_verified(tmp_path, png.color_image("c", LABELS, SCHEMA))) as saved:
        pixels = np.asarray(saved)
    assert pixels[0].tolist() == [[0, 0, 0], [200, 10, 20], [0, 0, 255], [0, 90, 0]]
    overlay = np.random.default_rng(0).integers(0, 256, (5, 6, 3), np.uint8)
    with Image.open(write_verified(tmp_path, png.overlay_image("o", overlay))) as saved:
        assert np.array_equal(np.asarray(saved), overlay)
    with Image.open(write_verified(tmp_path, png.instance_image("i", IDS))) as saved:
        assert np.array_equal(np.asarray(saved), IDS)


def test_two_classes_of_one_colour_cannot_be_told_apart():
    same = SCHEMA.with_class(ClassSpec(7, "tree", (200, 10, 20)))
    with pytest.raises(SegstudioError, match="cell: left and tree have the same colour"):
        png.color_image("c", LABELS, same)
    png.color_image("c", np.minimum(LABELS, 5), SCHEMA)


def test_binary_per_class(tmp_path):
    images = png.binary_images("a", LABELS, SCHEMA)
    names = [image.name for image in images]
    assert names == ["a_cell-left_1.png", "a_cell-left_5.png", "a_véhicule.png"]
    for image, class_id in zip(images, (1, 5, 7), strict=True):
        with Image.open(write_verified(tmp_path, image)) as saved:
            assert np.array_equal(np.asarray(saved), (class_id == LABELS) * np.uint8(255))


def test_a_difference_is_found_and_the_file_removed(tmp_path, monkeypatch):
    wrong = LABELS.copy()
    wrong[1, 2] = 0
    encode = png.encode_index_png
    monkeypatch.setattr(png, "encode_index_png", lambda *_given: encode(wrong))
    with pytest.raises(SegstudioError, match="reading it gives other pixels"):
        write_verified(tmp_path, png.index_image("a", LABELS))
    assert list(tmp_path.iterdir()) == []


def test_verify_compares_palette_size_and_depth(tmp_path):
    path = write_verified(tmp_path, png.palette_image("a", LABELS, SCHEMA))
    other = SCHEMA.with_class(ClassSpec(7, "tree", (1, 2, 3)))
    for image in (
        png.palette_image("a", LABELS, other),
        png.index_image("a", LABELS[:, :3]),
        png.instance_image("a", LABELS.astype(np.uint16)),
    ):
        with pytest.raises(SegstudioError):
            verify(path, image)


def test_the_sidecar_says_what_values_mean(tmp_path):
    for form in exports().values():
        data = json.loads(write_classes(tmp_path, SCHEMA, form).read_text(encoding="utf-8"))
        assert data["values"]
        assert LabelSchema.from_json(data) == SCHEMA


def test_an_unwritable_folder_is_an_error(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(SegstudioError, match="is a file, not a folder"):
        write_verified(tmp_path / "file", png.index_image("a", LABELS))
