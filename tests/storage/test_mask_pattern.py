"""Masks that a person names: a folder, and how the names are made."""

from __future__ import annotations

import numpy as np
import pytest
from image_files import save_image

from segstudio.core.errors import SegstudioError
from segstudio.storage.mask_pattern import ChosenMasks, MaskPattern
from segstudio.storage.project import open_project, preview_of_masks
from segstudio.storage.scan import scan

PHOTO = np.random.default_rng(0).integers(0, 256, (6, 8, 3), np.uint8)
MASK = np.eye(6, 8, dtype=np.uint8)


@pytest.mark.parametrize(
    ("text", "mask"),
    [
        ("{stem}_L.png", "a.b_L.png"), ("{name}.tif", "a.b.jpg.tif"), ("gt/{stem}.png", "gt/a.b.png"),
        ("{stem}/{stem}+m.png", "a.b/a.b+m.png"), ("m_{stem}.png", "m_a.b.png"),
    ],
)  # fmt: skip
def test_names_are_made_and_read_back(text, mask):
    pattern = MaskPattern(text)
    assert pattern.name_for("a.b.jpg") == mask
    assert pattern.stem_in(mask) == "a.b"
    assert pattern.stem_in("other.gif") is None


def test_a_name_with_braces_is_a_name():
    assert MaskPattern("{stem}_{name}.png").name_for("{name}.png") == "{name}_{name}.png.png"


@pytest.mark.parametrize(
    "text", ["", "mask.png", "{stem}", "{x}.png", "{stem}_{.png", "../{stem}.png", "/m/{stem}.png"]
)
def test_what_is_no_pattern_is_refused(text):
    with pytest.raises(SegstudioError, match="pattern"):
        MaskPattern(text)


def test_masks_of_a_pattern_are_found_and_not_listed(tmp_path):
    for name in ("a.jpg", "B.jpg", "c.jpg"):
        save_image(tmp_path / name, PHOTO)
    for name in ("a__x.png", "b__X.png"):
        save_image(tmp_path / name, MASK)
    assert len(scan(tmp_path).names) == 5
    project = open_project(tmp_path, masks=ChosenMasks(pattern=MaskPattern("{stem}__x.png")))
    assert {r.name: project.truth.path_of(r) for r in project.images} == {
        "a.jpg": tmp_path / "a__x.png",
        "B.jpg": tmp_path / "b__X.png",
        "c.jpg": None,
    }


def test_the_same_stem_with_another_ending(tmp_path):
    for name in ("a.jpg", "b.jpg", "alone.png"):
        save_image(tmp_path / name, PHOTO)
    save_image(tmp_path / "a.png", MASK)
    project = open_project(tmp_path, masks=ChosenMasks(pattern=MaskPattern("{stem}.png")))
    assert {r.name: project.truth.path_of(r) for r in project.images} == {
        "a.jpg": tmp_path / "a.png",
        "alone.png": None,
        "b.jpg": None,
    }


def test_a_chosen_folder_is_not_listed(tmp_path):
    for part in ("train", "val"):
        save_image(tmp_path / part / "1.jpg", PHOTO)
        save_image(tmp_path / "strange" / part / "1-x.png", MASK)
    masks = ChosenMasks(tmp_path / "strange", MaskPattern("{stem}-x.png"))
    project = open_project(tmp_path, masks=masks)
    assert [r.name for r in project.images] == ["train/1.jpg", "val/1.jpg"]
    for ref in project.images:
        assert project.truth.path_of(ref) == tmp_path / "strange" / ref.folder / "1-x.png"


def test_masks_among_the_images_chosen_by_hand(tmp_path):
    save_image(tmp_path / "images" / "1.jpg", PHOTO)
    save_image(tmp_path / "images" / "1x.png", MASK)
    masks = ChosenMasks(tmp_path / "images", MaskPattern("{stem}x.png"))
    project = open_project(tmp_path, masks=masks)
    assert [r.name for r in project.images] == ["1.jpg"]
    assert project.truth.has(project.images[0])


def test_no_photo_is_its_own_mask_where_the_folder_of_the_photos_is_chosen(tmp_path):
    (tmp_path / "link").symlink_to(tmp_path / "images", target_is_directory=True)
    for name in ("1.png", "2.png"):
        save_image(tmp_path / "images" / name, PHOTO[..., 0])
    usual = open_project(tmp_path)
    for place in ("images", "images/../images", "link"):
        masks = ChosenMasks(tmp_path / place)
        project = open_project(tmp_path, masks=masks)
        assert project.truth is None
        assert project.unused.startswith("No mask in ")
        assert preview_of_masks(usual, masks) == (
            "No image has a mask there: an image is not its own mask; those beside their images "
            "end with _mask, _label or _gt, or are called as Names says."
        )
    save_image(tmp_path / "images" / "1_mask.png", MASK)
    project = open_project(tmp_path, masks=ChosenMasks(tmp_path / "images"))
    assert {r.name: project.truth.path_of(r) for r in project.images} == {
        "1.png": tmp_path / "images" / "1_mask.png",
        "2.png": None,
    }


def test_masks_called_as_their_photos_but_for_the_ending_are_found_where_both_lie(tmp_path):
    photo = np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)
    for number in (3, 4):
        save_image(tmp_path / f"{number}.jpg", photo)
        save_image(tmp_path / f"{number}.png", np.eye(64, dtype=np.uint8))
    usual = open_project(tmp_path)
    chosen = open_project(tmp_path, masks=ChosenMasks(tmp_path))
    for project in (usual, chosen):
        assert {r.name: project.truth.path_of(r) for r in project.images} == {
            "3.jpg": tmp_path / "3.png",
            "4.jpg": tmp_path / "4.png",
        }


def test_a_pattern_that_no_mask_has_is_a_note(tmp_path):
    save_image(tmp_path / "1.jpg", PHOTO)
    project = open_project(tmp_path, masks=ChosenMasks(pattern=MaskPattern("{stem}_L.png")))
    assert project.truth is None
    assert project.notes[-1] == (
        f"No mask in {tmp_path} is called as {{stem}}_L.png says. For 1.jpg, 1_L.png was looked for."
    )


def test_the_classes_beside_chosen_masks_are_used(tmp_path):
    save_image(tmp_path / "set" / "1.jpg", PHOTO)
    save_image(tmp_path / "gt" / "1.png", MASK)
    (tmp_path / "gt" / "segstudio.json").write_text(
        '{"classes": [{"id": 0, "name": "sky"}, {"id": 1, "name": "road"}]}'
    )
    project = open_project(tmp_path / "set", masks=ChosenMasks(tmp_path / "gt"))
    assert project.schema.names == ((0, "sky"), (1, "road"))
