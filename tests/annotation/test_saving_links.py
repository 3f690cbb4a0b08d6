"""Masks and lists of classes that are links out of the folder: asked for, once."""

from __future__ import annotations

import numpy as np
import pytest
from fakes import make_folder, write_mask
from PIL import Image as pil
from saving import answer, errors, later, saved_mask
from strokes import stroke


def test_a_mask_that_links_out_of_the_folder_is_asked_for(desk, tmp_path) -> None:
    root = make_folder(tmp_path / "set", truth=False)
    mine = tmp_path / "mine.png"
    write_mask(mine, np.zeros((20, 30), np.uint8))
    content = mine.read_bytes()
    mask = root / "masks" / "a0.png"
    mask.parent.mkdir()
    mask.symlink_to(mine)
    desk.open(root)
    desk.session.set_view(active_class=1, brush_size=1)
    stroke(desk, (3, 3))
    later(desk)
    painted = desk
    assert painted.document.dirty
    notice = painted.notices.recent[-1]
    assert (notice.level, notice.stays) == ("error", True)
    assert str(mine) in notice.message
    title, act = notice.action
    assert title == "Replace the link"
    act()
    painted.settle()
    assert not painted.document.dirty
    assert mine.read_bytes() == content
    assert not mask.is_symlink()
    assert np.array(pil.open(mask)).sum() == 1
    stroke(painted, (4, 4))
    later(painted)
    assert np.array(pil.open(mask)).sum() == 2


def test_a_question_is_asked_again_for_what_is_painted_after_saving_elsewhere(
    desk, tmp_path
) -> None:
    root = make_folder(tmp_path / "set")
    write_mask(tmp_path / "theirs.png", np.zeros((20, 30), np.uint8))
    (root / "masks" / "a0.png").unlink()
    (root / "masks" / "a0.png").symlink_to(tmp_path / "theirs.png")
    desk.open(root)
    desk.session.set_view(active_class=1, brush_size=1)
    stroke(desk, (3, 3))
    later(desk, 2)
    desk.autosave.choose_folder = lambda: tmp_path / "rescue"
    answer(desk, "Save elsewhere…")
    later(desk, 60)
    assert len(errors(desk)) == 1
    assert not [entry for entry in desk.notices.shown if entry.notice.level == "error"]
    stroke(desk, (7, 7))
    later(desk, 2)
    assert len(errors(desk)) == 2
    answer(desk, "Replace the link")
    assert not desk.document.dirty
    assert np.array(pil.open(root / "masks" / "a0.png"))[7, 7] == 1


def test_a_linked_folder_of_masks_is_agreed_to_once(new_desk, tmp_path) -> None:
    root = make_folder(tmp_path / "set", truth=False)
    for store in ("store", "other"):
        (tmp_path / store).mkdir()
    (root / "masks").symlink_to(tmp_path / "store")
    first = new_desk()
    first.open(root)
    first.session.set_view(active_class=1, brush_size=1)
    stroke(first, (3, 3))
    later(first)
    assert first.document.dirty
    assert list((tmp_path / "store").iterdir()) == []
    answer(first, "Save there")
    assert not first.document.dirty
    assert np.array(pil.open(tmp_path / "store" / "a0.png")).sum() == 1
    first.close()

    second = new_desk()  # the next day
    second.open(root)
    second.session.set_view(active_class=1, brush_size=1)
    stroke(second, (4, 4))
    later(second)
    assert not second.document.dirty
    second.schema_keeper.add_class("other")
    later(second)
    assert "other" in (tmp_path / "store" / "segstudio.json").read_text()
    assert not [n for n in second.notices.recent if n.level == "error"]
    second.close()

    (root / "masks").unlink()  # it leads somewhere else: that was not agreed to
    (root / "masks").symlink_to(tmp_path / "other")
    third = new_desk()
    third.open(root)
    third.session.set_view(active_class=1, brush_size=1)
    stroke(third, (4, 4))
    later(third)
    assert third.document.dirty
    assert list((tmp_path / "other").iterdir()) == []


@pytest.fixture
def linked_classes(painted, tmp_path):
    """A desk whose list of classes is a link to a file outside of the folder."""
    later(painted)
    classes, outside = painted.root / "masks" / "segstudio.json", tmp_path / "shared.json"
    classes.rename(outside)
    classes.symlink_to(outside)
    painted.schema_keeper.add_class("other")
    later(painted)
    return painted, classes, outside, outside.read_bytes()


def test_a_list_of_classes_that_links_out_of_the_folder_is_asked_for(linked_classes) -> None:
    desk, classes, outside, content = linked_classes
    (shown,) = desk.notices.shown
    assert (shown.notice.level, shown.notice.stays) == ("error", True)
    assert f"{classes} is a link to {outside}" in shown.message
    later(desk, 30)
    assert len(desk.notices.shown) == 1
    assert classes.is_symlink()
    assert outside.read_bytes() == content
    answer(desk, "Replace the link")
    assert not classes.is_symlink()
    assert "other" in classes.read_text()
    assert outside.read_bytes() == content
    assert desk.notices.shown == []


@pytest.mark.parametrize("answered", ["painted", "classes"])
def test_a_link_is_asked_about_once_whatever_is_to_be_saved(linked_classes, answered) -> None:
    desk, classes, outside, content = linked_classes
    desk.session.set_view(active_class=2)
    stroke(desk, (4, 4))
    later(desk)
    assert desk.document.dirty
    (shown,) = desk.notices.shown
    title, act = shown.notice.action
    assert title == "Replace the link"
    if answered == "painted":
        act()
    else:  # in a file manager
        classes.unlink()
        classes.write_bytes(content)
    later(desk, 60)
    assert not desk.document.dirty
    assert saved_mask(desk)[4, 4] == 2
    assert "other" in classes.read_text()
    assert outside.read_bytes() == content
    assert desk.notices.shown == []


def test_images_in_one_linked_folder_are_asked_about_once(desk, tmp_path) -> None:
    root = make_folder(tmp_path / "set", truth=False)
    (tmp_path / "store").mkdir()
    (root / "masks").symlink_to(tmp_path / "store")
    desk.open(root)
    desk.session.set_view(active_class=1, brush_size=1)
    stroke(desk, (3, 3))
    desk.browsing.step(1)
    desk.settle()
    stroke(desk, (5, 5))
    later(desk)
    (shown,) = desk.notices.shown
    assert "store" in shown.message
    assert list((tmp_path / "store").iterdir()) == []
    answer(desk, "Save there")
    for name in ("a0.png", "a1.png"):
        assert np.array(pil.open(tmp_path / "store" / name)).sum() == 1
    assert desk.notices.shown == []
