from __future__ import annotations

import os

import numpy as np
import pytest
from image_files import save_image
from slow_cases import few

from segstudio.core.errors import SegstudioError
from segstudio.storage.decode import read_image
from segstudio.storage.project import open_project
from segstudio.storage.thumbnail_cache import read_thumbnail
from segstudio.storage.truth import read_truth


def test_a_file_opens_its_folder_at_that_image(tmp_path):
    for name in ("b.png", "a.png", "c.png"):
        save_image(tmp_path / name, np.zeros((2, 2, 3), np.uint8))
    project = open_project(tmp_path / "b.png")
    assert project.root == tmp_path
    assert project.name == tmp_path.name
    assert project.start == 1
    assert project.images[project.start].filename == "b.png"
    assert project.index_of(tmp_path / "c.png") == 2
    assert project.index_of(tmp_path / "d.png") is None


def test_what_cannot_be_opened_says_so(tmp_path):
    with pytest.raises(SegstudioError, match="no images"):
        open_project(tmp_path)
    with pytest.raises(SegstudioError, match="no folder"):
        open_project(tmp_path / "gone")
    (tmp_path / "notes.txt").write_text("x")
    with pytest.raises(SegstudioError, match="not an image"):
        open_project(tmp_path / "notes.txt")
    (tmp_path / "a.png").touch()
    (tmp_path / "segstudio.json").write_text('{"classes": [')
    with pytest.raises(SegstudioError, match=r"segstudio\.json is damaged"):
        open_project(tmp_path)


def test_each_folder_has_its_own_place_for_marks(tmp_path):
    folders = []
    for name in ("one", "two"):
        save_image(tmp_path / name / "a.png", np.zeros((2, 2, 3), np.uint8))
        folders.append(open_project(tmp_path / name, tmp_path / "home").data_folder)
    assert folders[0] != folders[1]
    assert all((tmp_path / "home") in folder.parents for folder in folders)


def test_of_many_images_none_is_asked_for_by_itself(tmp_path, monkeypatch):
    """Names come from the list of the folder: 100,000 files would take seconds one by one."""
    images, masks = tmp_path / "images", tmp_path / "masks"
    images.mkdir()
    masks.mkdir()
    for i in range(1000):
        (images / f"frame {i}.png").touch()
    save_image(masks / "frame 7.png", np.zeros((2, 2), np.uint8))
    asked = []
    for name in ("stat", "lstat", "open"):
        call = getattr(os, name)
        monkeypatch.setattr(
            os, name, lambda *a, call=call, **named: (asked.append(a[0]), call(*a, **named))[1]
        )
    project = open_project(tmp_path)
    monkeypatch.undo()
    assert len(project.images) == 1000
    assert project.images[10].name == "frame 10.png"
    assert 0 < len(asked) < 100


def test_a_folder_of_images_alone_is_listed_once(tmp_path, monkeypatch):
    """A list of 100,000 names takes a tenth of a second."""
    for i in range(20):
        (tmp_path / f"image {i}.png").touch()
    listed = []
    scandir = os.scandir
    monkeypatch.setattr(os, "scandir", lambda path: (listed.append(str(path)), scandir(path))[1])
    project = open_project(tmp_path)
    monkeypatch.undo()
    assert len(project.images) == 20
    assert listed.count(str(tmp_path)) == 1


def test_endings_count_whatever_small_letters_a_name_has(tmp_path):
    """The Turkish \u0130 becomes two characters in small letters."""
    for name in ("\u0130zmir.PNG", "b.Tif", "c.txt"):
        (tmp_path / name).touch()
    assert sorted(open_project(tmp_path).images.names) == ["b.Tif", "\u0130zmir.PNG"]


@pytest.mark.parametrize(
    ("folder", "count", "kind", "classes"),
    few(
        [
            ("membrane", 24, "index", 2),
            ("pedestrians", 130, "instances", 2),
            ("nuclei", 537, "instances", 2),
            ("nuclei/images", 537, "instances", 2),
            ("camvid", 468, "index", 12),
            ("camvid/val", 101, "index", 12),
        ],
        2,
    ),
)
def test_real_folders(data_folder, folder, count, kind, classes):
    project = open_project(data_folder / folder)
    assert len(project.images) == count
    assert project.truth.kind == kind
    assert len(project.truth.schema.classes) == classes
    assert all(project.truth.has(ref) for ref in project.images)
    for ref in project.images[:: max(1, count // 5)]:
        pixels = read_image(ref.path).pixels
        truth = read_truth(ref, project.truth, None, pixels.shape[:2])
        assert truth.shape_hw == pixels.shape[:2]
        assert (truth.instances is not None) == (kind == "instances")
        assert max(read_thumbnail(ref.path, 96).shape[:2]) == 96


@pytest.mark.parametrize(
    ("root", "images", "masks", "told", "untold"),
    [
        ("nuclei", ("a.png", "b.png"), "masks", {"nuclei"}, set()),
        ("NucleiStudy/train", ("a.png", "b.png"), "masks", {"nuclei", "study"}, {"train"}),
        ("nuclei/roads", ("a.png", "b.png"), "masks", {"roads"}, {"nuclei"}),
        ("pictures", ("nuclei-01.png", "nuclei_2_dim.png"), "masks", {"nuclei"}, {"dim"}),
        ("pictures", ("nuclei-01.png", "street.png"), "masks", set(), {"nuclei", "street"}),
        ("pictures", ("DAPI_1.png", "DAPI_2.png"), "masks", {"dapi"}, set()),
        ("pictures", ("FudanPed01.png", "FudanPed02.png"), "masks", {"fudan", "ped"}, {"nuclei"}),
    ],
)
def test_words_in_names_may_say_what_images_show(tmp_path, root, images, masks, told, untold):
    folder = tmp_path / root
    (folder / masks).mkdir(parents=True)
    for name in images:
        save_image(folder / name, np.zeros((2, 2, 3), np.uint8))
        save_image(folder / masks / name, np.array([[0, 255], [0, 0]], np.uint8))
    words = open_project(folder).words
    assert told <= words
    assert not untold & words
