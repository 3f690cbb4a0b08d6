from __future__ import annotations

import errno
import json
import os

import numpy as np
import pytest
from image_files import save_image
from PIL import Image

from segstudio.core.errors import SegstudioError
from segstudio.core.labels import LabelMap
from segstudio.core.schema import LabelSchema
from segstudio.storage import atomic
from segstudio.storage.formats.png import encode_instance_png, instance_scores, png_texts
from segstudio.storage.image_ref import ImageRef
from segstudio.storage.mask_files import read_mask_file
from segstudio.storage.masks import (
    annotation_files,
    has_annotation,
    read_annotation,
    read_index_png,
    write_annotation,
)
from segstudio.storage.project import open_project
from segstudio.storage.recovery import save_recovery
from segstudio.storage.schema_file import read_schema, write_schema
from segstudio.storage.truth import read_truth

SCHEMA = LabelSchema.from_names(("background", "nucleus", "débris"))
LABELS = np.array([[0, 1, 2], [255, 1, 0]], np.uint8)
IDS = np.array([[0, 700, 2], [0, 700, 0]], np.uint16)


def image(path):
    return save_image(path, np.full((2, 3, 3), 90, np.uint8))


def test_saved_as_indexed_png_with_classes(tmp_path):
    image(tmp_path / "zelle äöü.png")
    ref = ImageRef("zelle äöü.png", str(tmp_path))
    files = write_annotation(tmp_path, ref, LABELS, IDS, SCHEMA)
    mask = tmp_path / "masks" / "zelle äöü.png"
    assert set(files) == {
        mask, tmp_path / "instances" / "zelle äöü.png", tmp_path / "masks" / "segstudio.json",
    }  # fmt: skip
    with Image.open(mask) as saved:  # PIL as the independent reader
        assert saved.mode == "P"
        assert np.array_equal(np.asarray(saved), LABELS)
        assert saved.getpalette()[3:6] == list(SCHEMA.get(1).color)
        assert saved.text["Software"] == "segstudio"
    with Image.open(tmp_path / "instances" / "zelle äöü.png") as saved:
        assert saved.mode == "I;16"
        assert np.array_equal(np.asarray(saved), IDS)
    assert read_schema(tmp_path / "masks" / "segstudio.json") == SCHEMA
    again = read_annotation(tmp_path, ref, (2, 3))
    assert np.array_equal(again.labels, LABELS)
    assert np.array_equal(again.instances, IDS)
    assert not [p for p in tmp_path.rglob("*") if p.name.endswith(".tmp")]


def test_an_annotation_is_not_ground_truth(tmp_path):
    for name in ("a.png", "b.png"):
        image(tmp_path / name)
    refs = open_project(tmp_path).images
    assert not has_annotation(tmp_path, refs[0])
    write_annotation(tmp_path, refs[0], LABELS, None, SCHEMA)
    project = open_project(tmp_path)
    assert project.truth is None
    assert project.schema == SCHEMA
    assert has_annotation(tmp_path, refs[0])
    assert read_annotation(tmp_path, refs[1], (2, 3)) is None


def test_foreign_masks_are_kept_and_stay_the_ground_truth(tmp_path):
    image(tmp_path / "images" / "a.png")
    image(tmp_path / "images" / "b.png")
    truth = np.array([[2, 2, 0], [0, 0, 1]], np.uint8)
    ids = truth.astype(np.uint16) * 9
    for name in ("a.png", "b.png"):
        save_image(tmp_path / "masks" / name, truth)
        save_image(tmp_path / "instances" / name, ids)
    original = (tmp_path / "masks" / "a.png").read_bytes()
    project = open_project(tmp_path)
    ref = project.images[0]
    assert read_annotation(project.root, ref) is None
    for labels in (LABELS, LABELS[::-1]):
        write_annotation(project.root, ref, labels, IDS, SCHEMA)
    kept = tmp_path / "masks" / ".originals" / "a.png"
    assert kept.read_bytes() == original
    again = open_project(tmp_path)
    assert len(again.images) == 2
    for ref in again.images:
        found = read_truth(ref, again.truth, None, (2, 3))
        assert np.array_equal(found.labels, truth)
        assert np.array_equal(found.instances, ids)
    assert again.truth.path_of(again.images[0]) == kept
    assert np.array_equal(read_annotation(again.root, again.images[0]).labels, LABELS[::-1])
    assert read_annotation(again.root, again.images[1]) is None


def test_a_differently_named_foreign_mask_stays_the_ground_truth(tmp_path):
    image(tmp_path / "a.png")
    foreign = save_image(tmp_path / "masks" / "a_mask.png", np.ones((2, 3), np.uint8))
    project = open_project(tmp_path)
    write_annotation(project.root, project.images[0], LABELS, None, SCHEMA)
    assert open_project(tmp_path).truth.path_of(project.images[0]) == foreign


def test_the_same_stem_with_two_extensions(tmp_path):
    for name in ("a.png", "a.jpg", "a.tif"):
        image(tmp_path / name)
    refs = {ref.name: ref for ref in open_project(tmp_path).images}
    wanted = {name: np.full((2, 3), i, np.uint8) for i, name in enumerate(refs)}
    for name in ("a.tif", "a.png", "a.jpg"):  # whichever is saved first
        write_annotation(tmp_path, refs[name], wanted[name], None, SCHEMA)
    names = {p.name for p in (tmp_path / "masks").glob("*.png")}
    assert names == {"a.png", "a.png.png", "a.tif.png"}
    for name, labels in wanted.items():
        assert np.array_equal(read_annotation(tmp_path, refs[name]).labels, labels)
    # An image of that stem that comes later does not take over what is saved.
    image(tmp_path / "a.bmp")
    late = ImageRef("a.bmp", str(tmp_path))
    assert read_annotation(tmp_path, late) is None
    assert np.array_equal(read_annotation(tmp_path, refs["a.jpg"]).labels, wanted["a.jpg"])
    assert annotation_files(tmp_path, late).mask.name == "a.bmp.png"


def test_an_annotation_is_found_from_either_folder(tmp_path):
    image(tmp_path / "train" / "a.png")
    image(tmp_path / "val" / "a.png")
    whole = open_project(tmp_path)
    write_annotation(whole.root, whole.images[0], LABELS, None, SCHEMA)
    part = open_project(tmp_path / "train")
    assert np.array_equal(read_annotation(part.root, part.images[0]).labels, LABELS)
    assert part.schema == SCHEMA
    assert not has_annotation(whole.root, whole.images[1])
    assert open_project(tmp_path).schema == SCHEMA


def test_images_in_a_folder_of_their_own(tmp_path):
    image(tmp_path / "images" / "train" / "a.png")
    project = open_project(tmp_path)
    ref = project.images[0]
    assert annotation_files(project.root, ref).mask == tmp_path / "masks" / "train" / "a.png"
    write_annotation(project.root, ref, LABELS, None, SCHEMA)
    again = open_project(tmp_path / "images" / "train")
    assert np.array_equal(read_annotation(again.root, again.images[0]).labels, LABELS)


def test_instance_ids_that_are_no_longer_kept_go(tmp_path):
    image(tmp_path / "a.png")
    ref = ImageRef("a.png", str(tmp_path))
    write_annotation(tmp_path, ref, LABELS, IDS, SCHEMA)
    write_annotation(tmp_path, ref, LABELS, None, SCHEMA)
    assert read_annotation(tmp_path, ref).instances is None


def test_another_size_names_both_files_and_changes_nothing(tmp_path):
    image(tmp_path / "a.png")
    ref = ImageRef("a.png", str(tmp_path))
    write_annotation(tmp_path, ref, LABELS, None, SCHEMA)
    with pytest.raises(SegstudioError, match="3 x 2") as caught:
        read_annotation(tmp_path, ref, (5, 7))
    assert str(ref.path) in caught.value.message
    assert str(tmp_path / "masks" / "a.png") in caught.value.message


def test_a_full_disk_leaves_the_last_good_annotation(tmp_path, monkeypatch):
    image(tmp_path / "a.png")
    ref = ImageRef("a.png", str(tmp_path))
    write_annotation(tmp_path, ref, LABELS, None, SCHEMA)

    def full(_handle):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(atomic.os, "fsync", full)
    with pytest.raises(SegstudioError, match="disk is full"):
        write_annotation(tmp_path, ref, LABELS[::-1], None, SCHEMA)
    monkeypatch.undo()
    assert np.array_equal(read_annotation(tmp_path, ref).labels, LABELS)
    assert not list((tmp_path / "masks").glob(".*.tmp"))


def test_masks_is_a_file(tmp_path):
    image(tmp_path / "a.png")
    (tmp_path / "masks").write_text("in the way")
    with pytest.raises(SegstudioError, match="masks is a file, not a folder"):
        write_annotation(tmp_path, ImageRef("a.png", str(tmp_path)), LABELS, None, SCHEMA)


def test_other_entries_of_the_class_list_are_kept(tmp_path):
    path = write_schema(tmp_path, SCHEMA)
    data = json.loads(path.read_text())
    path.write_text(json.dumps({**data, "licence": "CC0"}))
    write_schema(tmp_path, LabelSchema.from_names(("background",)))
    assert json.loads(path.read_text())["licence"] == "CC0"
    assert len(read_schema(path).classes) == 1


def test_index_masks_are_not_read_from_colours(tmp_path):
    with pytest.raises(SegstudioError, match="holds colours"):
        read_index_png(save_image(tmp_path / "c.png", np.zeros((2, 3, 3), np.uint8)))
    with pytest.raises(SegstudioError, match="up to 700"):
        read_index_png(save_image(tmp_path / "i.png", IDS))


def test_png_texts_of_other_files(tmp_path):
    assert png_texts(tmp_path / "gone.png") == {}
    (tmp_path / "a.png").write_bytes(b"\x89PNG\r\n\x1a\n\0\0")
    assert png_texts(tmp_path / "a.png") == {}


def test_recovery_writes_plain_files(tmp_path):
    for _ in range(2):
        folder = save_recovery(tmp_path, tmp_path / "a.jpg", LabelMap(LABELS, IDS), SCHEMA)
        assert np.array_equal(read_index_png(folder / "a.png"), LABELS)
        assert json.loads((folder / "segstudio.json").read_text())["image"].endswith("a.jpg")
    assert len(list(tmp_path.iterdir())) == 2


def test_instances_keep_their_scores(tmp_path):
    ids = np.arange(6, dtype=np.uint16).reshape(2, 3)
    scores = np.linspace(0.1, 1, 700, dtype=np.float32)
    path = tmp_path / "a.png"
    path.write_bytes(encode_instance_png(ids, "writer", scores=scores.tolist()))
    assert np.array_equal(instance_scores(path), scores)
    assert png_texts(path)["Software"] == "writer"
    assert np.array_equal(read_mask_file(path).pixels, ids)
    path.write_bytes(encode_instance_png(ids))
    assert instance_scores(path) is None
    assert instance_scores(tmp_path / "gone.png") is None
