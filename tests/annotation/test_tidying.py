"""Operations on regions: shown first, one edit here, in many images told, taken back, never twice."""

from __future__ import annotations

import numpy as np
import pytest
from fakes import write_mask, write_photo
from PIL import Image as pil

from segstudio.annotation.region_operations import OPERATIONS, Target
from segstudio.annotation.tidying import TidyRequest
from segstudio.folder.image_query import ImageContents
from segstudio.session.session import What

BY_NAME = {operation.name: operation for operation in OPERATIONS}
GROW = TidyRequest(BY_NAME["grow"], Target(), 1)
HOLES = TidyRequest(BY_NAME["fill_holes"], Target())


def mask_of(number: int) -> np.ndarray:
    """A frame of class 1 around a hole of 1 + number pixels; class 2 beside it."""
    mask = np.zeros((20, 30), np.uint8)
    mask[2:6, 3:12] = 1
    mask[3, 4 : 5 + number] = 0
    mask[10:14, 20:25] = 2
    return mask


@pytest.fixture
def opened(desk, tmp_path):
    root = tmp_path / "set"
    for number in range(4):
        write_photo(root / f"a{number}.png", mask_of(number))
        if number < 3:
            write_mask(root / "masks" / f"a{number}.png", mask_of(number))
    desk.open(root)
    return desk


def images(desk):
    return desk.session.project.images


def on_disk(desk, number):
    return np.array(pil.open(desk.session.project.root / "masks" / f"a{number}.png"))


def filled(number):
    mask = mask_of(number)
    mask[2:6, 3:12] = 1
    return mask


def grown(number):
    from scipy.ndimage import binary_dilation, generate_binary_structure

    mask, cross = mask_of(number), generate_binary_structure(2, 1)
    for class_id in (1, 2):
        mask[binary_dilation(mask_of(number) == class_id, cross) & (mask == 0)] = class_id
    return mask


def forget_all_but_the_open_one(desk):
    """As where there is no room for them."""
    documents = desk.studio.class_removal._documents
    for document in list(documents):
        if document is not desk.document:
            documents.drop(document.ref)


def undo_button(desk):
    notice = [n for n in desk.studio.notices.recent if n.action is not None][-1]
    notice.action[1]()
    desk.settle()


def test_the_preview_tells_what_would_change_and_changes_nothing(opened):
    found = []
    opened.studio.tidying.preview(HOLES, found.append)
    opened.studio.tidying.preview(GROW, found.append)
    opened.settle()
    (preview,) = found  # the later question alone is answered
    change = grown(0) != mask_of(0)
    assert (preview.changed, preview.added, preview.removed) == (change.sum(), change.sum(), 0)
    assert np.array_equal(preview.pixels.mask, change[preview.pixels.rect.slices])
    assert np.array_equal(opened.document.annotation.labels, mask_of(0))
    assert not opened.document.history.can_undo


def test_here_it_is_one_edit_of_its_rectangle(opened):
    opened.changes.clear()
    opened.studio.tidying.apply(HOLES)
    opened.settle()
    assert np.array_equal(opened.document.annotation.labels, filled(0))
    (change,) = [c for c in opened.changes if What.LABELS in c.what]
    (patch,) = change.patches
    assert (patch.rect.top, patch.rect.left, patch.rect.bottom, patch.rect.right) == (3, 4, 4, 5)
    opened.editing.undo()
    assert np.array_equal(opened.document.annotation.labels, mask_of(0))
    assert not opened.document.history.can_undo


@pytest.mark.parametrize("in_memory", [True, False])
def test_in_all_images_in_memory_or_not_and_told(opened, in_memory):
    if not in_memory:
        forget_all_but_the_open_one(opened)
    opened.studio.tidying.apply_to(HOLES, images(opened))
    opened.settle()
    for number in range(3):
        assert np.array_equal(on_disk(opened, number), filled(number)), number
    assert opened.messages[-1] == "Fill holes: all classes: 6 pixels in 3 of 4 images changed."
    assert np.array_equal(opened.document.annotation.labels, filled(0))
    assert opened.document.history.can_undo
    assert not (opened.session.project.root / "masks" / "a3.png").exists()
    assert all(opened.session.state(i).edited == (i < 3) for i in range(4))


@pytest.mark.parametrize("in_memory", [True, False])
def test_undo_brings_every_image_back_but_what_was_painted_since(opened, in_memory):
    if not in_memory:
        forget_all_but_the_open_one(opened)
    opened.studio.tidying.apply_to(GROW, images(opened))
    opened.settle()
    assert np.array_equal(on_disk(opened, 1), grown(1))
    opened.browsing.select(1)
    opened.settle()
    opened.session.set_view(active_class=2, brush_size=1)
    opened.editing.begin_stroke(3, 1)  # a pixel that was added
    opened.editing.end_stroke()
    undo_button(opened)
    opened.studio.autosave.save_all()
    opened.settle()
    for number in (0, 1, 2):
        wanted = mask_of(number)
        if number == 1:
            wanted[1, 3] = 2
        assert np.array_equal(on_disk(opened, number), wanted), number


def test_strokes_that_are_not_saved_are_kept_and_saved(opened):
    opened.session.set_view(active_class=1, brush_size=1)
    opened.editing.begin_stroke(0, 18)
    opened.editing.end_stroke()
    assert opened.document.dirty
    opened.studio.tidying.apply_to(HOLES, images(opened))
    opened.settle()
    wanted = filled(0)
    wanted[18, 0] = 1
    assert np.array_equal(on_disk(opened, 0), wanted)
    assert not opened.document.dirty


def test_an_image_that_is_opened_meanwhile_is_grown_once(opened, monkeypatch):
    from segstudio.annotation.many_images import Pass

    rewrite = Pass.rewrite

    def open_then_rewrite(change, ref, job):
        rewrite(change, ref, job)
        if ref.name == "a1.png":  # its file is new by now, and it is read with that
            opened.clock.post(lambda: opened.browsing.select(1))

    monkeypatch.setattr(Pass, "rewrite", open_then_rewrite)
    forget_all_but_the_open_one(opened)
    opened.studio.tidying.apply_to(GROW, images(opened))
    opened.settle()
    assert opened.session.index == 1
    assert np.array_equal(opened.document.annotation.labels, grown(1))
    assert np.array_equal(on_disk(opened, 1), grown(1))


def test_a_selection_of_images_leaves_the_others(opened):
    opened.studio.tidying.apply_to(HOLES, images(opened)[1:2])
    opened.settle()
    assert np.array_equal(on_disk(opened, 1), filled(1))
    assert np.array_equal(on_disk(opened, 2), mask_of(2))
    assert opened.messages[-1] == "Fill holes: all classes: 2 pixels in 1 of 1 image changed."


def test_a_mask_that_cannot_be_written_is_named_and_whole(opened, monkeypatch):
    from segstudio.core.errors import SegstudioError
    from segstudio.storage.annotations import Annotations

    write = Annotations.write

    def fails(self, ref, *args, **more):
        if ref.name == "a1.png":
            raise SegstudioError("a1.png: the disk is full.", "Free some space.")
        return write(self, ref, *args, **more)

    monkeypatch.setattr(Annotations, "write", fails)
    forget_all_but_the_open_one(opened)
    opened.studio.tidying.apply_to(HOLES, images(opened))
    opened.settle()
    assert np.array_equal(on_disk(opened, 1), mask_of(1))
    assert np.array_equal(on_disk(opened, 2), filled(2))
    assert opened.messages[-1] == (
        "Fill holes: all classes: 4 pixels in 2 of 4 images changed. "
        "1 image could not be written. a1.png: the disk is full."
    )
    undo_button(opened)
    for number in range(3):
        assert np.array_equal(on_disk(opened, number), mask_of(number)), number


def test_stopped_half_way_what_was_changed_is_told_and_taken_back(opened, monkeypatch):
    from segstudio.annotation.many_images import Pass

    rewrite = Pass.rewrite

    def rewrite_then_stop(change, ref, job):
        rewrite(change, ref, job)
        if ref.name == "a1.png":
            job.cancel()

    monkeypatch.setattr(Pass, "rewrite", rewrite_then_stop)
    forget_all_but_the_open_one(opened)
    opened.studio.tidying.apply_to(HOLES, images(opened))
    opened.settle()
    assert np.array_equal(on_disk(opened, 1), filled(1))
    assert np.array_equal(on_disk(opened, 2), mask_of(2))
    said = "Fill holes: all classes: 3 pixels in 2 of 4 images changed. It was stopped."
    assert opened.messages[-1] == said
    monkeypatch.setattr(Pass, "rewrite", rewrite)
    undo_button(opened)
    for number in range(3):
        assert np.array_equal(on_disk(opened, number), mask_of(number)), number


def test_a_mask_that_is_a_link_out_of_the_folder_is_not_followed(opened, tmp_path):
    masks, outside = opened.session.project.root / "masks", tmp_path / "outside.png"
    forget_all_but_the_open_one(opened)
    (masks / "a1.png").rename(outside)
    (masks / "a1.png").symlink_to(outside)
    before = outside.read_bytes()
    opened.studio.tidying.apply_to(HOLES, images(opened))
    opened.settle()
    assert outside.read_bytes() == before
    assert (masks / "a1.png").is_symlink()
    assert np.array_equal(on_disk(opened, 2), filled(2))
    assert "1 image could not be written. " in opened.messages[-1]
    assert "a1.png" in opened.messages[-1]


def test_in_a_folder_that_is_only_looked_at_nothing_is_done(opened):
    opened.studio.folder_claim.set_read_only(read_only=True)
    opened.studio.tidying.apply_to(HOLES, images(opened))
    opened.studio.tidying.apply(HOLES)
    opened.settle()
    assert np.array_equal(on_disk(opened, 1), mask_of(1))
    assert np.array_equal(opened.document.annotation.labels, mask_of(0))


def test_the_limits_hold_here_and_the_preview_shows_them(opened):
    opened.session.set_view(locked_classes=frozenset({1}))
    found = []
    opened.studio.tidying.preview(GROW, found.append)
    opened.settle()
    opened.session.set_view(only_class=2)  # nothing grows over class 2: there is background only
    opened.studio.tidying.apply(GROW)
    opened.settle()
    assert found[0].changed == (grown(0) != mask_of(0)).sum()
    assert np.array_equal(opened.document.annotation.labels, mask_of(0))
    assert "The limits of painting leave nothing to change there." in opened.messages
    opened.session.set_view(only_class=None, locked_classes=frozenset({0}))
    opened.studio.tidying.apply(GROW)
    opened.settle()
    assert np.array_equal(opened.document.annotation.labels, mask_of(0))


def test_locks_hold_in_images_that_are_not_open(opened):
    shrink = TidyRequest(BY_NAME["shrink"], Target(), 1)
    opened.session.set_view(locked_classes=frozenset({2}))
    opened.studio.tidying.apply_to(shrink, images(opened)[:2])
    opened.settle()
    for number in range(2):
        now = on_disk(opened, number)
        assert ((now == 2) == (mask_of(number) == 2)).all()
        assert (now == 1).sum() < (mask_of(number) == 1).sum()


def test_what_only_the_open_image_can_tell_limits_no_other_image(opened):
    opened.session.set_view(value_range=(0.0, 10.0))
    opened.studio.tidying.apply_to(GROW, images(opened)[:2])
    opened.settle()
    assert [np.array_equal(on_disk(opened, n), mask_of(n)) for n in range(2)] == [True, True]
    assert any("hold in the open image only" in message for message in opened.messages)


@pytest.mark.parametrize("in_memory", [True, False])
def test_what_images_hold_is_looked_at_again(opened, in_memory):
    contents = opened.studio.label_contents
    contents.want({0, 1, 2})
    opened.settle()
    assert {contents.known[i].objects for i in range(3)} == {2}
    if not in_memory:
        forget_all_but_the_open_one(opened)
    opened.studio.tidying.apply_to(HOLES, images(opened))  # now they are marked as edited
    opened.settle()
    specks = TidyRequest(BY_NAME["remove_specks"], Target(), 30)  # class 2 has 20 pixels
    opened.studio.tidying.apply_to(specks, images(opened))
    opened.settle()
    found = ImageContents(frozenset({0, 1}), 1)
    assert [contents.known[i] for i in range(3)] == [found] * 3
