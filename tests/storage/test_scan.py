from __future__ import annotations

import natsort
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from segstudio.core.errors import SegstudioError
from segstudio.core.schema import LabelSchema
from segstudio.storage.formats.mask_format import write_verified
from segstudio.storage.formats.png import color_image, overlay_image
from segstudio.storage.natural_order import natural_order
from segstudio.storage.project import open_project
from segstudio.storage.scan import scan


def touch(folder, *names):
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()


@pytest.mark.parametrize(
    "wanted",
    [
        ["a2f9.png", "a2f10.png", "a10f1.png", "af2.png"],
        ["3e8b0c1.png", "3e10b2a.png", "8a5edab.png", "08a6000.png", "a3ff.png", "ab01.png"],
        ["a.png", "a1.png", "a02.png", "a10.png", "ab.png"],
        ["a1.png", "B1.png", "b2.png", "C.png"],
        ["Well_A2_s1_w1.tif", "Well_A2_s10_w1.tif", "Well_A10_s2_w1.tif", "Well_B1_s1_w1.tif"],
        ["img_t9_z2_c1.tif", "img_t9_z10_c0.tif", "img_t010_z1_c0.tif"],
        ["007.png", "07.png", "7.png", "8.png"],
        ["ä9.png", "Ä10.png", "b1.png"],
    ],
)
def test_names_stand_as_in_file_managers(wanted):
    assert natural_order(wanted[::-1]) == wanted
    assert natural_order(sorted(wanted)) == wanted


@given(st.lists(st.text("abA 019_-.", min_size=1, max_size=8), max_size=12))
def test_the_order_does_not_depend_on_the_order_found(names):
    assert natural_order(names) == natural_order(names[::-1])


@given(st.lists(st.integers(0, 10**6), max_size=12), st.booleans())
def test_the_order_of_numbered_names_is_natsorts(numbers, padded):
    names = [f"frame {n:07d}b.png" if padded and n % 2 else f"frame {n}b.png" for n in numbers]
    assert natural_order(names) == natsort.natsorted(sorted(names))


def test_names_beyond_ascii():
    names = ["Bild 10 ä.png", "Bild 9 ä.png", "画像2.png", "画像10.png"]
    assert natural_order(names[::-1]) == [
        "Bild 9 ä.png",
        "Bild 10 ä.png",
        "画像2.png",
        "画像10.png",
    ]


def test_lists_images_only_and_in_natural_order(tmp_path):
    touch(
        tmp_path, "b10.png", "b9.JPG", "b1.tiff", "a.bmp", "c.webp", ".hidden.png", "notes.txt",
        "x.json", "b2.jpeg", "sub/d.png", "archive.png.zip",
    )  # fmt: skip
    assert scan(tmp_path).names == ["a.bmp", "b1.tiff", "b2.jpeg", "b9.JPG", "b10.png", "c.webp"]


def test_masks_beside_their_image_are_not_images(tmp_path):
    touch(tmp_path, "x.jpg", "x_mask.png", "y_mask.png", "city_gtFine_labelIds.png", "city.png")
    assert scan(tmp_path).names == ["city.png", "x.jpg", "y_mask.png"]


def test_a_missing_folder_is_named(tmp_path):
    with pytest.raises(SegstudioError, match="no folder"):
        scan(tmp_path / "gone")


def test_images_folder_inside(tmp_path):
    touch(tmp_path, "images/2.png", "images/10.png", "instances/2.png", "readme.txt")
    found = scan(tmp_path)
    assert (found.home, found.images_root) == (tmp_path, tmp_path / "images")
    assert found.names == ["2.png", "10.png"]
    assert found.notes == ()


def test_sub_folders_without_folders_of_masks(tmp_path):
    touch(tmp_path, "val/1.jpg", "train/2.jpg", "trainannot/2.png", "valannot/1.png", ".x/3.jpg")
    found = scan(tmp_path)
    assert found.images_root == tmp_path
    assert found.names == ["train/2.jpg", "val/1.jpg"]


def test_the_home_is_the_same_whichever_folder_is_opened(tmp_path):
    touch(tmp_path, "images/train/1.png", "masks/train/1.png")
    whole, part = scan(tmp_path), scan(tmp_path / "images" / "train")
    assert whole.home == part.home == tmp_path
    assert whole.images_root == part.images_root == tmp_path / "images"
    assert whole.names == part.names == ["train/1.png"]
    touch(tmp_path / "plain", "images/1.png")
    alone = scan(tmp_path / "plain" / "images")
    assert alone.home == alone.images_root == tmp_path / "plain" / "images"


def test_a_loop_of_links_ends(tmp_path):
    touch(tmp_path, "train/1.png")
    (tmp_path / "train" / "again").symlink_to(tmp_path)
    assert scan(tmp_path).names == ["train/1.png"]


def test_a_link_to_a_folder_elsewhere_is_followed(tmp_path):
    touch(tmp_path / "set", "val/1.png")
    touch(tmp_path / "elsewhere", "2.png")
    (tmp_path / "set" / "train").symlink_to(tmp_path / "elsewhere")
    assert scan(tmp_path / "set").names == ["train/2.png", "val/1.png"]


def test_folders_too_far_down_are_told(tmp_path):
    touch(tmp_path, "a/1.png", "b/c/d/e/2.png", "b/c/d/e/f/3.png", "b/c/d/e/masks/2.png")
    touch(tmp_path, "b/c/d/e/empty/notes.txt")
    found = scan(tmp_path)
    assert found.names == ["a/1.png", "b/c/d/e/2.png"]
    assert found.notes[-1] == (
        "Sub-folders more than 4 levels down are not looked into, such as b/c/d/e/f; open the "
        "folder above it to see its images."
    )
    assert scan(tmp_path / "b").names == ["c/d/e/2.png", "c/d/e/f/3.png"]
    assert len(scan(tmp_path / "b").notes) == 1


def test_what_was_exported_into_the_folder_is_not_taken_for_images(tmp_path):
    touch(tmp_path, "train/a.jpg", "val/b.png", "export/color/notes.txt")
    schema = LabelSchema.from_names(("background", "cell"))
    labels = np.eye(4, dtype=np.uint8)
    overlay = overlay_image("a", np.zeros((4, 4, 3), "u1"))
    write_verified(tmp_path / "export" / "color" / "train", color_image("a", labels, schema))
    write_verified(tmp_path / "export" / "overlay" / "train", overlay)
    assert scan(tmp_path).names == ["train/a.jpg", "val/b.png"]
    # asked for itself, it is a folder of pictures like any other
    assert scan(tmp_path / "export" / "overlay" / "train").names == ["a.png"]


def test_kinds_that_can_be_read_are_listed(tmp_path):
    names = ["a.gif", "b.avif", "c.jp2", "d.J2K", "e.ppm", "f.pgm"]
    touch(tmp_path, *names)
    found = scan(tmp_path)
    assert (found.names, found.passed_over) == (names, "")


def test_kinds_that_cannot_be_read_are_counted_and_named(tmp_path):
    touch(tmp_path, "x.png", "1.heic", "2.HEIC", "3.heif", "scan.dcm", "v.nii.gz", "._4.heic")
    assert scan(tmp_path).passed_over.startswith(
        "1 DICOM file, 3 HEIC files and 1 NIfTI file are passed over: segstudio reads PNG, JPEG"
    )
    touch(tmp_path / "deep", "images/x.png", "images/a/1.heic", "readme.txt")
    assert scan(tmp_path / "deep").passed_over.startswith("1 HEIC file is passed over: ")


def test_a_folder_of_nothing_else_says_what_it_holds(tmp_path):
    touch(tmp_path, "1.heic", "2.heic")
    with pytest.raises(SegstudioError, match="no images") as caught:
        open_project(tmp_path)
    assert caught.value.hint.startswith("2 HEIC files are passed over")
