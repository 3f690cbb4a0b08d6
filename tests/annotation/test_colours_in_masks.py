"""Masks whose colours are classes: another colour on the screen changes nothing in the files."""

from __future__ import annotations

import numpy as np
from fakes import write_photo
from PIL import Image as pil

RED, BLUE = (200, 10, 10), (10, 10, 200)


def colour_folder(root):
    mask = np.zeros((20, 30, 3), np.uint8)
    mask[2:6, 3:9] = RED
    mask[10:12, 4:7] = BLUE
    for number in range(2):
        write_photo(root / f"a{number}.png", (mask[..., 0] > 0).astype(np.uint8))
        (root / "masks").mkdir(exist_ok=True)
        pil.fromarray(mask).save(root / "masks" / f"a{number}.png")
    return root


def by_colour(desk, color):
    return next(c.id for c in desk.session.schema.classes if c.color_in_masks == color)


def test_a_class_that_is_recoloured_is_still_found_in_the_masks(new_desk, tmp_path):
    root = colour_folder(tmp_path / "set")
    desk = new_desk()
    desk.open(root)
    red, blue = by_colour(desk, RED), by_colour(desk, BLUE)
    before = desk.document.annotation.labels.copy()
    desk.studio.schema_keeper.recolor_class(red, (0, 255, 0))
    desk.studio.schema_keeper.recolor_class(
        blue, RED
    )  # which is still the other one's in the files
    desk.studio.schema_keeper.rename_class(red, "wall")
    desk.session.set_view(active_class=red, brush_size=1)
    desk.editing.begin_stroke(0, 0)
    desk.editing.end_stroke()
    desk.settle()
    desk.close()
    saved = np.array(pil.open(root / "masks" / "a0.png").convert("RGB"))
    assert tuple(saved[0, 0]) == RED  # in the colour of the files, not of the screen
    assert tuple(saved[10, 4]) == BLUE
    again = new_desk()
    again.open(root)
    again.settle()
    assert again.messages == [] or not any("no class" in m for m in again.messages)
    spec = again.session.schema.get(red)
    assert (spec.name, spec.color, spec.mask_color) == ("wall", (0, 255, 0), RED)
    wanted = before.copy()
    wanted[0, 0] = red
    assert np.array_equal(again.document.annotation.labels, wanted)
    again.browsing.select(1)
    again.settle()
    assert np.array_equal(again.document.truth.labels, before)
