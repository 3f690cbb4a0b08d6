"""How data sets of the field are laid out and named: images found, masks not listed as images."""

from __future__ import annotations

import json
import os
import unicodedata
from pathlib import Path

import numpy as np
import pytest
from image_files import save_image

from segstudio.storage.mask_files import read_mask_file
from segstudio.storage.masks import write_annotation
from segstudio.storage.project import open_project
from segstudio.storage.scan import scan
from segstudio.storage.truth import TruthIndex, read_truth

RNG = np.random.default_rng(0)
PHOTO = RNG.integers(0, 256, (12, 16, 3), np.uint8)
MASK = np.zeros((12, 16), np.uint8)
MASK[2:8, 3:9] = 1


def photos(folder, *names):
    for name in names:
        save_image(folder / name, PHOTO)


def masks(folder, *names):
    for name in names:
        save_image(folder / name, MASK)


def pairs(folder):
    """What is listed, with the file of its ground truth."""
    project = open_project(folder)
    found = {}
    for ref in project.images:
        path = None if project.truth is None else project.truth.path_of(ref)
        found[ref.name] = None if path is None else os.path.relpath(path, folder)
    return found


@pytest.mark.parametrize(
    "mask",
    [
        "x_mask.png", "x_masks.png", "x-mask.png", "x_label.png", "x_labels.png", "x-labels.tif",
        "x_L.png", "x_gt.png", "x_seg.png", "x_cp_masks.png", "x_cp_masks.tif", "x_Mask.png",
        "x_MASK.PNG", "x-Segmentation.bmp", "x_gtFine_labelIds.png", "x_predicted_masks.png",
        "x_color_mask.png", "x.mask.png", "x annotation.png", "x_ground_truth.png",
        "mask_x.png", "gt_x.png", "x_instances.png", "X_mask.png", "x_lbl.png", "x_anno.bmp",
        "x_1stHO.png", "x.png_mask.png", "x.png.mask.png", "x.PNG_L.png",
    ],
)  # fmt: skip
def test_endings_beside_the_image(tmp_path, mask):
    photos(tmp_path, "x.png", "other.png")
    masks(tmp_path, mask)
    assert pairs(tmp_path) == {"other.png": None, "x.png": mask}


@pytest.mark.parametrize(
    "image", ["x_img.png", "x_image.tif", "x_raw.png", "x_sat.jpg", "img_x.png"]
)
def test_endings_of_the_image(tmp_path, image):
    photos(tmp_path, image)
    masks(tmp_path, "x_masks.png")
    assert pairs(tmp_path) == {image: "x_masks.png"}


@pytest.mark.parametrize(
    "names",
    [
        ["x_seg.png"], ["x_mask.png", "y.png"], ["a_mask_mask.png"], ["x_l.png", "x.png"],
        ["x_L.png", "x_R.png", "x.png"], ["mask.png", "label.png"], ["masked.png", "mask.jpg"],
        ["unmask.png", "un.png"], ["benign (2)_mask.png", "benign (1).png"], ["gt.png"],
        ["IMG_0000.png", "IMG_0001.png"], ["100% mask#2.png", "100%.png"],
    ],
)  # fmt: skip
def test_photos_that_are_only_called_like_masks_are_listed(tmp_path, names):
    photos(tmp_path, *names)
    assert sorted(scan(tmp_path).names) == sorted(names)


def test_masks_of_masks_and_several_of_one_image(tmp_path):
    photos(tmp_path, "a.png", "benign (1).png", "1.jpg")
    masks(
        tmp_path, "a_mask.png", "a_mask_mask.png", "benign (1)_mask.png", "benign (1)_mask_1.png",
        "1_seg.png", "1_parts_1.png", "1_parts_2.png",
    )  # fmt: skip
    assert pairs(tmp_path) == {
        "1.jpg": "1_seg.png",
        "a.png": "a_mask.png",
        "benign (1).png": "benign (1)_mask.png",
    }


@pytest.mark.parametrize(
    ("images", "truth"),
    [
        ("imagesTr/case_0000.png", "labelsTr/case.png"),
        ("imagesTr/case_0003.png", "labelsTr/case.png"),
        ("train_images/a.png", "train_masks/a.png"),
        ("images_prepped/a.png", "annotations_prepped/a.png"),
        ("train/images/a.png", "train/masks/a.png"),
        ("images/train/a.png", "labels/train/a.png"),
        ("images/a.png", "Masks/a.png"),
        ("images/a.png", "GroundTruth/a.png"),
        ("images/a.png", "Ground Truth/a_gt.png"),
        ("raw/a.png", "my_manual_annotation/a.png"),
        ("images/a.jpg", "masks/a.jpg.png"),
        ("images/a.jpg", "masks/a.jpg_mask.png"),
        ("raw/a.png", "handLabels/a.png"),
        ("photos/a.jpg", "GT/a.png"),
        ("training/image_2/0_1.png", "training/instance/0_1.png"),
        ("images/21_training.tif", "1st_manual/21_manual1.gif"),
        ("images/image_0001.png", "masks/gt_0001.png"),
        ("leftImg8bit/val/b/b_1_leftImg8bit.png", "gtFine/val/b/b_1_gtFine_labelIds.png"),
    ],
)
def test_folders_of_masks(tmp_path, images, truth):
    photos(tmp_path, images)
    masks(tmp_path, truth)
    found = scan(tmp_path)
    assert [found.images_root / name for name in found.names] == [tmp_path / images]
    assert list(pairs(tmp_path).values()) == [truth]
    # the same where the folder of the images is opened
    assert list(pairs((tmp_path / images).parent).values()) == [
        os.path.relpath(tmp_path / truth, (tmp_path / images).parent)
    ]


def test_the_retinas_field_of_view_is_not_their_truth(tmp_path):
    photos(tmp_path, "images/21_training.tif")
    masks(tmp_path, "mask/21_training_mask.gif", "1st_manual/21_manual1.gif")
    assert pairs(tmp_path) == {"21_training.tif": "1st_manual/21_manual1.gif"}


def test_a_folder_whose_name_says_nothing_is_told_by_its_content(tmp_path):
    for i in range(6):
        photos(tmp_path, f"a/{i}.png")
    for i in range(4):
        masks(tmp_path, f"b/{i}.png")
    masks(tmp_path, "b/elsewhere.png", "b/else.png")
    found = scan(tmp_path)
    assert found.names == [f"a/{i}.png" for i in range(6)]
    assert found.notes[-1] == (
        "b/ is taken for masks of a/: 4 of its 6 files have the name of an image there."
    )
    truths = list(pairs(tmp_path).values())
    assert truths == ["b/0.png", "b/1.png", "b/2.png", "b/3.png", None, None]


def test_masks_with_the_whole_names_of_their_images(tmp_path):
    photos(tmp_path, "a/1.jpg", "a/2.jpg", "one/3.jpg", "one/4.jpg", "one/alone.png")
    masks(tmp_path, "b/1.jpg.png", "b/2.jpg.png", "one/3.jpg.png", "one/4.jpg.png")
    assert sorted(scan(tmp_path).names) == [
        "a/1.jpg", "a/2.jpg", "one/3.jpg", "one/4.jpg", "one/alone.png",
    ]  # fmt: skip
    truths = {image: mask for image, mask in pairs(tmp_path).items() if mask is not None}
    assert truths == {
        "a/1.jpg": "b/1.jpg.png", "a/2.jpg": "b/2.jpg.png", "one/3.jpg": "one/3.jpg.png",
        "one/4.jpg": "one/4.jpg.png",
    }  # fmt: skip


def test_the_second_observers_masks_are_no_truth(tmp_path):
    photos(tmp_path, "Image_01L.jpg", "Image_02R.jpg")
    masks(tmp_path, "Image_01L_1stHO.png", "Image_01L_2ndHO.png", "Image_02R_2ndHO.png")
    assert pairs(tmp_path) == {"Image_01L.jpg": "Image_01L_1stHO.png", "Image_02R.jpg": None}


def test_photos_of_the_same_names_in_two_folders_are_photos(tmp_path):
    photos(tmp_path, "left/1.png", "left/2.png", "right/1.png", "right/2.png", "label_photos/1.png")
    assert len(scan(tmp_path).names) == 5
    masks(tmp_path / "other", "a/1.png", "b/x.png", "b/y.png", "b/1.png")
    assert len(scan(tmp_path / "other").names) == 4  # flat both


def test_masks_of_the_same_name_but_for_the_ending(tmp_path):
    photos(tmp_path, "1.jpg", "2.jpg", "3.jpg", "extra.png", "IMG_4.JPG")
    masks(tmp_path, "1.png", "2.png", "img_4.png")
    found = scan(tmp_path)
    assert sorted(found.names) == ["1.jpg", "2.jpg", "3.jpg", "IMG_4.JPG", "extra.png"]
    assert found.notes == (
        "3 files like 1.png are taken for masks of the images of the same names beside them.",
    )
    assert pairs(tmp_path) == {
        "1.jpg": "1.png", "2.jpg": "2.png", "3.jpg": None, "IMG_4.JPG": "img_4.png",
        "extra.png": None,
    }  # fmt: skip


def test_a_photo_kept_in_two_forms_is_two_photos(tmp_path):
    photos(tmp_path, "1.jpg", "1.png", "1.tif", "2.jpg", "2.png")
    assert len(scan(tmp_path).names) == 5
    # and flat drawings are no masks of flat drawings
    masks(tmp_path / "flat", "1.bmp", "1.png", "1.gif")
    assert len(scan(tmp_path / "flat").names) == 3


def test_another_data_set_beside_is_not_this_ones_truth(tmp_path):
    photos(tmp_path, "cells/1.png")
    masks(tmp_path, "old_mask_test/1.png")
    assert pairs(tmp_path / "cells") == {"1.png": None}


@pytest.mark.parametrize(("image_form", "mask_form"), [("NFD", "NFC"), ("NFC", "NFD")])
def test_normal_forms(tmp_path, image_form, mask_form):
    name = "Zellkörper-é"
    photos(tmp_path, f"images/{unicodedata.normalize(image_form, name)}.png")
    masks(tmp_path, f"masks/{unicodedata.normalize(mask_form, name)}_mask.png")
    assert all(pairs(tmp_path).values())


def test_case_counts_only_where_it_must(tmp_path):
    photos(
        tmp_path, "images/IMG_1.JPG", "images/IMG_2.JPG", "images/img_2.png", "images/B.png",
        "images/c.png", "images/Maße.png", "images/İ1.png", "images/d.jpeg", "images/d.jpg.png",
    )  # fmt: skip
    masks(
        tmp_path, "masks/img_1.png", "masks/img_2.png", "masks/b.png", "masks/B_Mask.png",
        "masks/C.png", "masks/c_MASK.png", "masks/Masse.png", "masks/i1.png", "masks/d.jpg.png",
        "masks/d.png",
    )  # fmt: skip
    assert pairs(tmp_path) == {
        "IMG_1.JPG": "masks/img_1.png",
        "IMG_2.JPG": None,  # masks/img_2.png is img_2.png's own
        "img_2.png": "masks/img_2.png",
        "B.png": "masks/B_Mask.png",  # exact first
        "c.png": "masks/c_MASK.png",
        "Maße.png": None,
        "İ1.png": None,
        "d.jpeg": "masks/d.png",
        "d.jpg.png": "masks/d.jpg.png",
    }
    photos(tmp_path / "two", "images/Q.png")
    masks(tmp_path / "two", "masks/q.png", "masks/q_mask.png", "masks/Q_mask_2.png")
    assert pairs(tmp_path / "two") == {"Q.png": None}  # two could be meant


def test_the_whole_name_comes_first(tmp_path):
    names = ("a.bmp", "a.png", "a.tif")
    photos(tmp_path / "images", *names)
    masks(tmp_path / "masks", *names)
    assert pairs(tmp_path) == {name: f"masks/{name}" for name in names}


@pytest.mark.parametrize(
    "name", ["50 % done#2", "line\nbreak", "trailing.", "a&b<i>", "-o", "x;y", "'q'", "名前 1"]
)
def test_odd_names(tmp_path, name):
    photos(tmp_path, f"images/{name}.png")
    masks(tmp_path, f"masks/{name}_mask.png", f"masks/._{name}.png")
    assert pairs(tmp_path) == {f"{name}.png": f"masks/{name}_mask.png"}


def test_objects_of_one_image_one_a_file(tmp_path):
    for name in ("0a1b", "7f3e"):
        photos(tmp_path, f"{name}/images/{name}.png")
        for number, rows in enumerate((slice(0, 3), slice(5, 9), slice(10, 12))):
            one = np.zeros((12, 16), np.uint8)
            one[rows, 2 * number : 2 * number + 4] = 255
            save_image(tmp_path / name / "masks" / f"{'cab'[number]}{name}.png", one)
    expected = np.zeros((12, 16), np.uint16)
    expected[5:9, 2:6], expected[10:12, 4:8], expected[0:3, 0:4] = 1, 2, 3  # by name: a, b, c
    project = open_project(tmp_path)
    assert [r.name for r in project.images] == ["0a1b/images/0a1b.png", "7f3e/images/7f3e.png"]
    for folder in (tmp_path, tmp_path / "7f3e", tmp_path / "7f3e" / "images"):
        project = open_project(folder)
        ref = project.images[len(project.images) - 1]
        truth = read_truth(ref, project.truth, None, (12, 16))
        assert np.array_equal(truth.instances, expected)
        assert np.array_equal(truth.labels, expected > 0)
    # An annotation that is saved there is not one of the objects.
    project = open_project(tmp_path / "7f3e")
    ref = project.images[0]
    write_annotation(project.root, ref, np.ones((12, 16), np.uint8), None, project.truth.schema)
    again = open_project(tmp_path / "7f3e")
    assert np.array_equal(read_truth(ref, again.truth, None, (12, 16)).instances, expected)


def test_objects_of_different_sizes_name_the_file(tmp_path):
    photos(tmp_path, "a/images/a.png")
    save_image(tmp_path / "a" / "masks" / "1.png", MASK)
    save_image(tmp_path / "a" / "masks" / "2.png", MASK[:5])
    with pytest.raises(Exception, match=r"2\.png is 16 x 5 pixels"):
        read_mask_file(tmp_path / "a" / "masks")


@pytest.mark.parametrize("key", ["mask_file_name", "label", "segmentation"])
def test_metadata_of_hugging_face(tmp_path, key):
    photos(tmp_path, "train/1.png", "train/2.png")
    masks(tmp_path, "train/a.png", "train/sub/b.png")
    lines = [
        {"file_name": "1.png", key: "a.png", "text": "a cell"},
        {"file_name": "2.png", key: "sub/b.png"},
        {"file_name": "../../secret.png", key: "/etc/x.png"},
    ]
    text = "\n".join(map(json.dumps, lines)) + '\nno json\n[1]\n{"a":' + "[" * 5000 + "\n"
    (tmp_path / "train" / "metadata.jsonl").write_text(text)
    for folder in (tmp_path, tmp_path / "train"):
        names = {ref.name.rpartition("/")[2] for ref in open_project(folder).images}
        assert names == {"1.png", "2.png"}
        assert sorted(Path(p).name for p in pairs(folder).values()) == ["a.png", "b.png"]


def test_photos_and_masks_in_one_folder_chosen_by_hand(tmp_path):
    photos(tmp_path, "x.png")
    masks(tmp_path, "x_mask.png")
    project = open_project(tmp_path)
    index = TruthIndex.at(tmp_path, project.images)
    assert index.path_of(project.images[0]) == tmp_path / "x_mask.png"


@pytest.mark.parametrize(
    ("folder", "images", "truths"),
    [
        ("ade20k2017_dataset/dataset", 2, 2), ("cityscapes_dataset/dataset", 4, 4),
        ("coco_dataset/coco_instances", 2, 0), ("coco_dataset/coco_roboflow", 2, 0),
        ("common_semantic_segmentation_dataset/dataset", 2, 2),
        ("common_semantic_segmentation_dataset/non_standard_dataset", 2, 2),
        ("cvat_dataset/for_images/export_task", 2, 0), ("kaggle_dataset/image_mask", 2, 2),
        ("kitti_dataset/kitti_segmentation", 2, 2), ("mots_dataset", 3, 3),
        ("segment_anything_dataset", 2, 0), ("voc_dataset/voc_dataset1", 2, 1),
    ],
)  # fmt: skip
def test_data_sets_as_other_programs_write_them(data_folder, folder, images, truths):
    found = pairs(data_folder / "interop" / folder)
    assert len(found) == images
    assert sum(path is not None for path in found.values()) == truths


def test_no_mask_is_looked_into_where_segstudio_wrote_none(tmp_path, monkeypatch):
    photos(tmp_path / "images", "a.png")
    masks(tmp_path / "masks", "a.png")
    project = open_project(tmp_path)
    monkeypatch.setattr(Path, "open", lambda *_args, **_named: pytest.fail("a file was opened"))
    assert project.truth.path_of(project.images[0]) == tmp_path / "masks" / "a.png"
