"""Removing a class and merging it: counted, done in all images, taken back, ids as they were."""

from __future__ import annotations

import threading

import numpy as np
import pytest
from fakes import wait_for, write_mask, write_photo
from PIL import Image as pil
from saving import undo_button

from segstudio.core.schema import LabelSchema, class_keys


def masks_on(number: int) -> np.ndarray:
    """Class 1 on 12 pixels, class 2 on 6 + number, class 5 on one."""
    mask = np.zeros((20, 30), np.uint8)
    mask[2:5, 3:7] = 1
    mask[10:12, 4:7] = 2
    mask[15, 0:number] = 2
    mask[19, 29] = 5
    return mask


@pytest.fixture
def opened(desk, tmp_path):
    root = tmp_path / "set"
    for number in range(3):
        write_photo(root / f"a{number}.png", masks_on(number))
        write_mask(root / "masks" / f"a{number}.png", masks_on(number))
    desk.open(root)
    return desk


def uses(desk, class_id):
    found = []
    desk.studio.class_removal.count(class_id, found.append)
    desk.settle()
    (use,) = found
    return use


def remove(desk, class_id, into=0):
    desk.studio.class_removal.remove(uses(desk, class_id), into)
    desk.settle()


def on_disk(desk, number):
    desk.studio.autosave.save_all()
    desk.settle()
    return np.array(pil.open(desk.session.project.root / "masks" / f"a{number}.png"))


def forget_all_but_the_open_one(desk):
    """As where there is no room for them."""
    documents = desk.studio.class_removal._documents
    for document in list(documents):
        if document is not desk.document:
            documents.drop(document.ref)


def test_it_is_told_where_a_class_is_used(opened):
    use = uses(opened, 2)
    assert (use.pixels, len(use.images), use.unread) == (6 + 7 + 8, 3, ())
    opened.session.set_view(active_class=2, brush_size=1)
    opened.editing.begin_stroke(0, 0)  # not saved yet
    opened.editing.end_stroke()
    assert uses(opened, 2).pixels == 22
    assert uses(opened, 5).pixels == 3


@pytest.mark.parametrize("into", [0, 1])
def test_its_pixels_become_another_class_in_every_image(opened, into):
    remove(opened, 2, into)
    assert opened.session.schema.ids == (0, 1, 5)  # the others keep their numbers
    for number in range(3):
        wanted = masks_on(number)
        wanted[wanted == 2] = into
        assert np.array_equal(on_disk(opened, number), wanted), number
    assert "21 pixels became" in opened.messages[-1]


@pytest.mark.parametrize(
    ("active", "removed", "into", "then"),
    [(1, 1, 0, 2), (1, 1, 5, 5), (2, 2, 0, 1), (5, 5, 0, 2), (5, 1, 0, 5), (0, 1, 0, 0)],
)
def test_the_brush_goes_on_with_a_class_that_is_left(opened, active, removed, into, then):
    opened.session.set_view(active_class=active)
    remove(opened, removed, into)
    assert opened.session.view.active_class == then


def test_the_notices_button_brings_everything_back(opened):
    before = opened.session.schema
    remove(opened, 2, 1)
    # painted since, where class 2 was in an image on the disk: that stays
    opened.browsing.select(2)
    opened.settle()
    opened.session.set_view(active_class=5, brush_size=1)
    opened.editing.begin_stroke(4, 10)
    opened.editing.end_stroke()
    undo_button(opened)
    assert opened.session.schema.get(2) == before.get(2)
    for number in range(3):
        wanted = masks_on(number)
        if number == 2:
            wanted[10, 4] = 5
        assert np.array_equal(on_disk(opened, number), wanted), number


def test_the_offer_to_undo_waits_while_masks_are_changed(opened):
    """No image in memory has the class, so no other undo brings it back."""
    remove(opened, 2, 1)
    (offer,) = [o.notice for o in opened.studio.notices.shown if o.notice.action is not None]
    assert (offer.message, offer.stays) == ("class 2 was removed. 21 pixels became class 1.", True)
    new = opened.studio.schema_keeper.add_class("x")
    remove(opened, new)
    (offer,) = [o.notice for o in opened.studio.notices.shown if o.notice.action is not None]
    assert (offer.message, offer.stays) == ("x was removed.", False)


def test_undo_in_one_image_brings_the_class_back_in_all(opened):
    before = opened.session.schema
    forget_all_but_the_open_one(opened)
    remove(opened, 2, 1)
    assert opened.session.schema.get(2) is None
    opened.editing.undo()
    opened.settle()
    assert opened.session.schema == before
    for number in range(3):
        assert np.array_equal(on_disk(opened, number), masks_on(number)), number
    assert not opened.document.history.can_redo  # that would be the removal in this image alone
    assert opened.document.history.nbytes == 0
    assert "class 2 was removed." not in [e.message[:20] for e in opened.studio.notices.shown]


def test_a_class_without_pixels_goes_and_comes_back(opened):
    new = opened.studio.schema_keeper.add_class("x")
    opened.session.set_view(active_class=new)
    remove(opened, new)
    assert opened.session.schema.get(new) is None
    assert opened.session.view.active_class in opened.session.schema.ids
    assert opened.messages[-1] == "x was removed."
    undo_button(opened)
    assert opened.session.schema.name_of(new) == "x"


def test_objects_of_a_removed_class_go_with_it_and_come_back(desk, tmp_path):
    root = tmp_path / "set"
    for number in range(2):
        write_photo(root / f"a{number}.png", masks_on(0))
        write_mask(root / "masks" / f"a{number}.png", masks_on(0))
        ids = (masks_on(0) > 0).astype(np.uint16) * 7
        write_mask(root / "instances" / f"a{number}.png", ids)
    desk.open(root)
    assert desk.document.annotation.instances is not None
    remove(desk, 2, 0)

    def ids(number):
        desk.studio.autosave.save_all()
        desk.settle()
        return np.array(pil.open(root / "instances" / f"a{number}.png"))

    gone = np.where(masks_on(0) == 2, 0, (masks_on(0) > 0) * 7)
    assert np.array_equal(ids(0), gone)
    assert np.array_equal(ids(1), gone)
    undo_button(desk)
    assert np.array_equal(ids(0), (masks_on(0) > 0) * 7)
    assert np.array_equal(ids(1), (masks_on(0) > 0) * 7)


def test_a_class_stays_where_an_image_cannot_be_written(opened, monkeypatch):
    from segstudio.core.errors import SegstudioError
    from segstudio.storage.annotations import Annotations

    write = Annotations.write

    def fail(self, ref, *arguments, **named):
        if ref.name == "a2.png":
            raise SegstudioError("The disk is full.", "Free some space.")
        return write(self, ref, *arguments, **named)

    monkeypatch.setattr(Annotations, "write", fail)
    use = uses(opened, 2)
    opened.studio.class_removal.remove(use, 1)
    opened.settle()
    assert opened.session.schema.get(2) is not None
    assert "class 2 stays: 1 image could not be written. The disk is full." in opened.messages
    assert np.array_equal(on_disk(opened, 2), masks_on(2))


def test_a_removal_that_is_stopped_says_how_far_it_came_and_can_be_taken_back(opened, monkeypatch):
    from segstudio.storage.annotations import Annotations

    use, write = uses(opened, 2), Annotations.write

    def stop(self, ref, *arguments, **named):
        saved = write(self, ref, *arguments, **named)
        for job in opened.studio.jobs.jobs():
            # the user presses its cross in the status bar; the open image is saved before it
            if job.lane == "save" and ref != opened.document.ref:
                job.cancel()
        return saved

    # three images, none of them in memory but the one that is open
    forget_all_but_the_open_one(opened)
    monkeypatch.setattr(Annotations, "write", stop)
    opened.studio.class_removal.remove(use, 1)
    opened.settle()
    monkeypatch.undo()
    assert opened.session.schema.get(2) is not None
    notice = opened.studio.notices.recent[-1]
    assert notice.message == "class 2 stays: it was stopped."
    assert notice.hint == "2 of 3 images were changed."
    undo_button(opened)
    for number in range(3):
        assert np.array_equal(on_disk(opened, number), masks_on(number)), number


def test_pages_of_a_stack_are_told_as_pages(desk, tmp_path, monkeypatch):
    from segstudio.core.errors import SegstudioError
    from segstudio.storage.annotations import Annotations

    root, write = tmp_path / "set", Annotations.write
    pages = [pil.fromarray(masks_on(number)) for number in range(3)]
    for folder in (root, root / "masks"):
        folder.mkdir()
        pages[0].save(folder / "stack.tif", save_all=True, append_images=pages[1:])
    write_photo(root / "z.png", masks_on(0))
    write_mask(root / "masks" / "z.png", masks_on(0))
    desk.open(root)
    use = uses(desk, 2)
    assert [(ref.name, ref.page) for ref in use.images] == [
        ("stack.tif", 0), ("stack.tif", 1), ("stack.tif", 2), ("z.png", 0),
    ]  # fmt: skip

    def fail(self, ref, *arguments, **named):
        if ref.page == 2:
            raise SegstudioError("The disk is full.", "Free some space.")
        return write(self, ref, *arguments, **named)

    forget_all_but_the_open_one(desk)
    monkeypatch.setattr(Annotations, "write", fail)
    desk.studio.class_removal.remove(use, 1)
    desk.settle()
    notice = next(n for n in desk.studio.notices.recent if n.message.startswith("class 2 stays"))
    assert notice.message == "class 2 stays: 1 page could not be written. The disk is full."
    assert notice.hint == "3 of 4 pages of 2 images were changed. Free some space."


def test_an_image_that_was_let_go_since_is_brought_back_too(opened):
    remove(opened, 2, 1)
    opened.studio.autosave.save_all()
    opened.settle()
    opened.browsing.select(2)
    opened.settle()
    forget_all_but_the_open_one(opened)
    undo_button(opened)
    for number in range(3):
        assert np.array_equal(on_disk(opened, number), masks_on(number)), number


def test_an_image_that_was_painted_on_since_is_brought_back_where_nothing_was_painted(opened):
    remove(opened, 2, 1)
    opened.session.set_view(active_class=5, brush_size=1)
    opened.editing.begin_stroke(5, 11)  # in the open image, where class 2 was
    opened.editing.end_stroke()
    undo_button(opened)
    wanted = masks_on(0)
    wanted[11, 5] = 5
    assert np.array_equal(opened.document.annotation.labels, wanted)


def test_a_new_class_under_the_number_of_a_removed_one_is_let_alone(opened):
    remove(opened, 2, 1)
    opened.studio.schema_keeper.add_numbered([2])
    opened.studio.schema_keeper.rename_class(2, "truck")
    opened.session.set_view(active_class=2)
    opened.editing.paint_polygon([(0, 0), (4, 0), (4, 4), (0, 4)])
    opened.settle()
    assert opened.session.schema.name_of(2) == "truck"
    undo_button(opened)
    assert opened.session.schema.name_of(2) == "truck"
    assert opened.messages[-1] == "class 2 was not brought back: truck has its number now."


def test_keys_are_the_ids_where_these_are_digits():
    assert class_keys(LabelSchema.from_ids([0, 1, 2, 3])) == {0: 0, 1: 1, 2: 2, 3: 3}
    # without class 2, key 2 does not paint class 3
    assert class_keys(LabelSchema.from_ids([0, 1, 3])) == {0: 0, 1: 1, 3: 3}
    assert class_keys(LabelSchema.from_ids([0, 7, 24, 26])) == {0: 0, 7: 7, 24: 1, 26: 2}
    assert len(class_keys(LabelSchema.from_ids(range(40)))) == 19


def test_what_was_counted_in_another_folder_is_told_nobody(opened, tmp_path):
    write_photo(tmp_path / "other" / "b.png", masks_on(0))
    busy, told = threading.Event(), []
    opened.studio.jobs.submit("Something else", "transfer", lambda _job: busy.wait(30))
    opened.studio.class_removal.count(2, told.append)
    opened.browsing.open_path(tmp_path / "other")
    wait_for(opened.clock, lambda: opened.session.project.name == "other")
    busy.set()
    opened.settle()
    assert told == []


def states_of(desk) -> list[tuple[bool, bool]]:
    """(annotated, edited) of each image: the marks in the list."""
    count = len(desk.session.project.images)
    return [(s.annotated, s.edited) for s in map(desk.session.state, range(count))]


@pytest.mark.parametrize("in_memory", [True, False])
@pytest.mark.parametrize("by_button", [True, False])
def test_marks_of_edited_images_go_when_a_removal_is_undone(
    opened, new_desk, tmp_path, in_memory, by_button
):
    opened.browsing.select(1)
    opened.settle()
    opened.session.set_view(active_class=5, brush_size=1)
    opened.editing.begin_stroke(0, 0)  # this image is edited, whatever becomes of the class
    opened.editing.end_stroke()
    opened.autosave.save_all()
    opened.settle()
    before = states_of(opened)
    assert before == [(False, False), (True, True), (False, False)]
    opened.browsing.select(0)
    opened.settle()
    if not in_memory:
        forget_all_but_the_open_one(opened)
    remove(opened, 2, 1)
    opened.autosave.save_all()
    opened.settle()
    assert states_of(opened) == [(True, True)] * 3
    undo_button(opened) if by_button else opened.editing.undo()
    opened.settle()
    opened.autosave.save_all()
    opened.settle()
    assert states_of(opened) == before
    root = opened.session.project.root
    opened.close()
    again = new_desk(home=tmp_path / "another")
    again.open(root)
    assert states_of(again) == before  # as who has not seen what was done finds them


@pytest.mark.parametrize("autosave", [True, False])
def test_images_in_memory_are_saved_with_the_others(opened, autosave):
    opened.studio.preferences.update(autosave=autosave)
    opened.browsing.select(1)
    opened.settle()
    assert len(opened.studio.class_removal._documents) > 1
    remove(opened, 2, 1)
    assert opened.studio.autosave.unsaved() == []
    for number in range(3):
        path = opened.session.project.root / "masks" / f"a{number}.png"
        assert not np.any(np.array(pil.open(path)) == 2), number
    undo_button(opened)
    assert opened.studio.autosave.unsaved() == []
    path = opened.session.project.root / "masks" / "a2.png"
    assert np.array_equal(np.array(pil.open(path)), masks_on(2))


def test_what_other_programs_wrote_may_have_classes_that_are_gone(opened, new_desk):
    root = opened.session.project.root
    remove(opened, 2, 1)
    assert opened.close()
    again = new_desk()
    again.open(root)
    again.browsing.select(1)
    again.settle()
    assert again.messages == []
    assert again.session.schema.ids == (0, 1, 5)
    wanted = masks_on(1)
    assert np.array_equal(again.document.truth.labels, wanted)
    wanted[wanted == 2] = 1
    assert np.array_equal(again.document.annotation.labels, wanted)
    assert again.session.state(2).annotated


def test_ground_truth_that_is_taken_back_brings_no_class_that_is_gone(opened):
    remove(opened, 2, 1)
    opened.editing.use_truth()
    opened.settle()
    wanted = masks_on(0)
    assert "6 pixels of 2" in opened.messages[-1]
    wanted[wanted == 2] = 0
    assert np.array_equal(on_disk(opened, 0), wanted)
