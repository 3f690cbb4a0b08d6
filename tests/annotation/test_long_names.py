"""Names as long as file systems allow: 255 bytes with the ending."""

import numpy as np
import pytest
import tifffile
from image_files import save_image
from PIL import Image

LONG = ["a" * 250, "细胞核图像显微" * 11 + "细胞核图像", "клетка" * 20]


def paint(desk):
    desk.session.set_view(active_class=1, brush_size=1)
    desk.editing.begin_stroke(20.5, 10.5)
    desk.editing.end_stroke()
    desk.settle()
    desk.clock.advance(10)
    desk.settle()


@pytest.mark.parametrize("has_truth", [False, True])
@pytest.mark.parametrize("name", LONG, ids=["latin", "chinese", "cyrillic"])
def test_an_image_with_a_long_name_is_opened_painted_and_saved(desk, tmp_path, name, has_truth):
    save_image(tmp_path / "set" / "images" / f"{name}.png", np.zeros((30, 40, 3), np.uint8))
    mask = tmp_path / "set" / "masks" / f"{name}.png"
    if has_truth:
        save_image(mask, np.eye(30, 40, dtype=np.uint8))
    desk.open(tmp_path / "set")
    paint(desk)
    assert desk.messages == []
    expected = np.eye(30, 40) if has_truth else np.zeros((30, 40))
    expected[10, 20] = 1
    assert np.array_equal(np.asarray(Image.open(mask)), expected)


def test_a_page_whose_masks_name_would_be_too_long_is_told(desk, tmp_path):
    path = tmp_path / "set" / "images" / f"{LONG[0]}.tif"
    path.parent.mkdir(parents=True)
    tifffile.imwrite(path, np.zeros((3, 30, 40), np.uint8), photometric="minisblack")
    desk.open(tmp_path / "set")
    desk.browsing.select_page(1)
    desk.settle()
    paint(desk)
    assert desk.document.dirty
    assert "_p0002.png was not saved: its name is too long for the drive." in desk.messages[-1]
