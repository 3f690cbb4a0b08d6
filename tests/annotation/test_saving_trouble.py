"""Saving that fails and works again later: said once, taken back, and made up for."""

from __future__ import annotations

import json

import numpy as np
import pytest
from fakes import make_folder, write_mask
from PIL import Image as pil
from strokes import stroke

from segstudio.core.errors import SegstudioError
from segstudio.core.schema import LabelSchema
from segstudio.folder import schema_keeper
from segstudio.storage.mask_pattern import ChosenMasks


@pytest.fixture
def blocked(desk, tmp_path):
    """A desk with a stroke on the first image; a file stands where the masks' folder belongs."""
    desk.root = make_folder(tmp_path / "set", truth=False)
    (desk.root / "masks").write_text("in the way")
    desk.open(desk.root)
    desk.session.set_view(active_class=1, brush_size=1)
    stroke(desk, (3, 3))
    desk.clock.advance(1.1)
    desk.settle()
    return desk


def free(desk) -> None:
    (desk.root / "masks").unlink()


def told(desk) -> list[str]:
    """What the messages that are to be read are about."""
    return [entry.notice.about for entry in desk.notices.shown]


def errors(desk) -> list[str]:
    return [n.about for n in desk.notices.recent if n.level == "error"]


def test_it_is_said_once_until_it_is_asked_for_by_hand(blocked) -> None:
    stroke(blocked, (4, 4))
    blocked.clock.advance(1.1)
    blocked.settle()
    assert errors(blocked) == ["saving"]

    blocked.autosave.save_now()
    blocked.settle()

    assert errors(blocked) == ["saving", "saving"]


def test_images_that_were_left_unsaved_are_saved_once_it_works(blocked) -> None:
    first = blocked.document
    blocked.browsing.step(1)
    blocked.settle()
    assert first.dirty
    free(blocked)

    stroke(blocked, (5, 5))
    blocked.autosave.save_now()
    blocked.settle()

    assert not first.dirty
    assert np.array(pil.open(blocked.root / "masks" / "a0.png")).sum() == 1
    assert np.array(pil.open(blocked.root / "masks" / "a1.png")).sum() == 1


def test_without_saving_by_itself_they_wait_for_the_user(blocked) -> None:
    blocked.preferences.update(autosave=False)
    blocked.autosave.ask_unsaved = lambda _document: "save"
    first = blocked.document
    blocked.browsing.step(1)
    blocked.settle()
    free(blocked)

    stroke(blocked, (5, 5))
    blocked.autosave.save_now()
    blocked.settle()

    assert first.dirty
    assert "saving" not in told(blocked)


def test_a_journal_that_is_written_again_takes_the_message_back(desk, tmp_path, monkeypatch):
    desk.open(make_folder(tmp_path / "set", truth=False))
    desk.session.set_view(active_class=1, brush_size=1)

    def full(*_args) -> None:
        raise SegstudioError("The journal was not saved: the disk is full.")

    with monkeypatch.context() as patched:
        patched.setattr(desk.studio._journal, "append", full)
        stroke(desk, (3, 3))
        stroke(desk, (4, 4))
    assert errors(desk) == ["journal"]
    assert "journal" in told(desk)

    stroke(desk, (5, 5))

    assert "journal" not in told(desk)


@pytest.fixture
def painted(desk, tmp_path):
    """A desk with a stroke on the first image that is not saved yet."""
    desk.root = make_folder(tmp_path / "set", truth=False)
    desk.open(desk.root)
    desk.session.set_view(active_class=1, brush_size=1)
    stroke(desk, (3, 3))
    return desk


def later(desk, seconds=1.1) -> None:
    desk.clock.advance(seconds)
    desk.settle()


def journals(desk):
    return list(desk.preferences.folders.data.rglob("*.journal"))


@pytest.mark.parametrize("left", ["nothing", "an empty mount point"])
def test_a_folder_that_vanished_is_not_made_anew(painted, tmp_path, left) -> None:
    painted.root.rename(tmp_path / "moved")
    if left != "nothing":
        painted.root.mkdir()
    later(painted)
    assert list(painted.root.rglob("*")) == []
    assert painted.document.dirty
    assert errors(painted) == ["saving"]
    assert str(painted.root) in painted.messages[-1]
    assert journals(painted)
    # The classes are not saved to a ghost either.
    painted.schema_keeper.add_class("other")
    later(painted)
    assert list(painted.root.rglob("*")) == []


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


def answer(desk, title) -> None:
    """Press a button of the latest message that has one of this name."""
    buttons = [a for n in desk.notices.recent for a in n.actions if a[0] == title]
    buttons[-1][1]()
    desk.settle()


def test_it_is_tried_again_by_itself(blocked) -> None:
    later(blocked, 5)  # still in the way
    assert blocked.document.dirty
    assert errors(blocked) == ["saving"]
    free(blocked)
    later(blocked, 10)
    assert not blocked.document.dirty
    assert "saving" not in told(blocked)
    assert np.array(pil.open(blocked.root / "masks" / "a0.png")).sum() == 1
    assert not journals(blocked)


def test_what_cannot_be_saved_is_saved_elsewhere(blocked, tmp_path) -> None:
    blocked.browsing.step(1)
    blocked.settle()
    stroke(blocked, (6, 6))
    blocked.autosave.choose_folder = lambda: tmp_path / "rescue"
    answer(blocked, "Save elsewhere…")
    masks = tmp_path / "rescue" / "masks"
    assert sorted(p.name for p in masks.iterdir()) == ["a0.png", "a1.png", "segstudio.json"]
    assert np.array(pil.open(masks / "a0.png"))[3, 3] == 1
    assert np.array(pil.open(masks / "a1.png"))[6, 6] == 1
    # Still unsaved where they belong, but nothing is at risk until the next stroke.
    assert len(blocked.autosave.unsaved()) == 2
    assert blocked.autosave.at_risk() == []
    stroke(blocked, (7, 7))
    assert [d.ref.name for d in blocked.autosave.at_risk()] == ["a1.png"]
    # What was saved there before is not replaced.
    blocked.autosave.save_elsewhere(tmp_path / "rescue")
    blocked.settle()
    assert np.array(pil.open(masks / "a1.png"))[7, 7] == 0
    later_copy = tmp_path / "rescue" / "annotations-2" / "masks" / "a1.png"
    assert np.array(pil.open(later_copy))[7, 7] == 1
    free(blocked)
    later(blocked, 60)
    assert blocked.autosave.unsaved() == []


def test_what_is_painted_after_saving_elsewhere_is_said_not_to_be_saved(blocked, tmp_path) -> None:
    blocked.autosave.choose_folder = lambda: tmp_path / "rescue"
    answer(blocked, "Save elsewhere…")
    later(blocked, 60)  # saving is tried again: nothing new to say
    assert (errors(blocked), told(blocked).count("saving")) == (["saving"], 0)
    stroke(blocked, (7, 7))
    later(blocked, 2)
    assert (errors(blocked), told(blocked).count("saving")) == (["saving"] * 2, 1)


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


def full(*_args) -> None:
    raise OSError(28, "No space left on device")


def test_on_a_full_disk_what_is_said_is_true_and_nothing_is_lost(painted, monkeypatch) -> None:
    """Images and the user's home on one full disk: neither mask nor journal can be written."""
    with monkeypatch.context() as patched:
        patched.setattr("segstudio.storage.atomic.os.fsync", full)
        patched.setattr("segstudio.storage.journal.os.write", full)
        stroke(painted, (5, 5))
        later(painted)
        assert painted.document.dirty
        assert not painted.autosave.is_kept(painted.document)
        said = next(n for n in painted.notices.recent if n.about == "saving")
        assert "in memory only" in said.hint
        (why, lost) = painted.autosave.last_words()
        assert "disk is full" in why
        assert "are lost" in lost
    later(painted, 60)
    assert painted.autosave.is_kept(painted.document)
    assert not painted.document.dirty
    assert np.array(pil.open(painted.root / "masks" / "a0.png")).sum() == 2


def test_a_journal_with_room_is_said_to_keep_the_strokes(blocked) -> None:
    assert blocked.autosave.is_kept(blocked.document)
    (why, kept) = blocked.autosave.last_words()
    assert str(blocked.root / "masks") in why
    assert "offered at the next start" in kept
    (said,) = (n for n in blocked.notices.recent if n.about == "saving")
    assert "kept in the journal" in said.hint


def test_waiting_for_saves(painted) -> None:
    ended = []
    painted.autosave.when_saved(lambda: ended.append("at once"))
    assert ended == ["at once"]
    painted.autosave.save_all()
    painted.autosave.when_saved(lambda: ended.append(painted.document.dirty))
    assert ended == ["at once"]
    painted.settle()
    assert ended == ["at once", False]


@pytest.fixture
def overtaken(painted, new_desk, tmp_path):
    """Two windows on one image: the second has painted (9, 9) and saved, the first (3, 3)."""
    other = new_desk(home=tmp_path / "home of another")
    other.open(painted.root)
    other.session.set_view(active_class=1, brush_size=1)
    stroke(other, (9, 9))
    other.autosave.save_now()
    other.settle()
    assert not other.document.dirty
    later(painted)
    return painted


def saved_mask(desk):
    return np.array(pil.open(desk.root / "masks" / "a0.png"))


def undo_all(desk) -> None:
    desk.editing.undo()
    desk.settle()


def test_the_last_writer_does_not_win_in_silence(overtaken) -> None:
    assert saved_mask(overtaken)[9, 9] == 1
    assert saved_mask(overtaken)[3, 3] == 0
    assert overtaken.document.dirty
    notice = overtaken.notices.recent[-1]
    assert notice.stays
    assert [title for title, _ in notice.actions] == ["Keep mine", "Take theirs"]
    # Nothing is written until it is answered, and it is asked once.
    stroke(overtaken, (4, 4))
    later(overtaken, 120)
    assert saved_mask(overtaken).sum() == 1
    assert len([n for n in overtaken.notices.recent if n.actions]) == 1
    assert journals(overtaken)


def test_keeping_mine_keeps_theirs_beside_it(overtaken) -> None:
    answer(overtaken, "Keep mine")
    assert not overtaken.document.dirty
    assert saved_mask(overtaken)[3, 3] == 1
    assert saved_mask(overtaken)[9, 9] == 0
    (kept,) = (overtaken.root / "masks" / ".originals" / "conflicts").iterdir()
    assert np.array(pil.open(kept))[9, 9] == 1
    assert str(kept) in overtaken.messages[-1]
    stroke(overtaken, (5, 5))  # and from now on it is as ever
    later(overtaken)
    assert saved_mask(overtaken)[5, 5] == 1


def test_taking_theirs_keeps_mine(overtaken, tmp_path) -> None:
    answer(overtaken, "Take theirs")
    assert not overtaken.document.dirty
    assert overtaken.document.annotation.labels[9, 9] == 1
    assert overtaken.document.annotation.labels[3, 3] == 0
    assert not journals(overtaken)
    (copy,) = (tmp_path / "home" / "data" / "recovery").rglob("a0.png")
    assert np.array(pil.open(copy))[3, 3] == 1
    overtaken.editing.undo()
    overtaken.settle()
    assert overtaken.document.annotation.labels[3, 3] == 1
    later(overtaken)
    assert saved_mask(overtaken)[3, 3] == 1


def test_asking_by_hand_asks_again(overtaken) -> None:
    overtaken.autosave.save_now()
    overtaken.settle()
    assert len([n for n in overtaken.notices.recent if n.actions]) == 2
    assert saved_mask(overtaken)[3, 3] == 0


@pytest.mark.parametrize("how", ["written by another program", "removed", "touched"])
def test_a_mask_that_another_program_changed(painted, how) -> None:
    later(painted)
    mask = painted.root / "masks" / "a0.png"
    if how == "removed":
        mask.unlink()
    elif how == "touched":
        mask.write_bytes(mask.read_bytes())
    else:
        pil.fromarray(np.full((20, 30), 1, np.uint8)).save(mask)
    stroke(painted, (8, 8))
    later(painted)
    if how == "touched":
        assert not painted.document.dirty
        return
    assert painted.document.dirty
    assert "was removed" if how == "removed" else "was changed" in painted.messages[-1]
    answer(painted, "Take theirs" if how != "removed" else "Keep mine")
    assert not painted.document.dirty
    expected = 600 if how != "removed" else 2
    assert painted.document.annotation.labels.sum() == expected
    assert saved_mask(painted).sum() == expected


def test_images_of_a_folder_that_is_left_are_not_forgotten(overtaken, tmp_path) -> None:
    first = overtaken.document
    overtaken.open(make_folder(tmp_path / "second"))
    assert [d.ref.name for d in overtaken.autosave.unsaved()] == ["a0.png"]
    answer(overtaken, "Keep mine")
    assert not first.dirty
    assert saved_mask(overtaken)[3, 3] == 1


def test_a_truth_chosen_by_hand_that_another_program_changed(desk, tmp_path) -> None:
    root = make_folder(tmp_path / "set", truth=False)
    (tmp_path / "truth").mkdir()
    mask = tmp_path / "truth" / "a0.png"
    pil.fromarray(np.eye(20, 30, dtype=np.uint8)).save(mask)
    pil.fromarray(np.eye(20, 30, dtype=np.uint8)).save(mask.with_name("a1.png"))
    desk.open(root)
    desk.browsing.choose_masks(ChosenMasks(tmp_path / "truth"))
    desk.settle()
    desk.session.set_view(active_class=1, brush_size=1)
    stroke(desk, (25, 3))
    pil.fromarray(np.full((20, 30), 1, np.uint8)).save(mask)
    theirs = mask.read_bytes()
    later(desk)
    assert desk.document.dirty
    assert mask.read_bytes() == theirs
    answer(desk, "Keep mine")
    assert not desk.document.dirty
    (kept,) = (mask.parent / ".originals" / "conflicts").iterdir()
    assert kept.read_bytes() == theirs


def test_an_untouched_image_follows_what_another_window_saved(painted, new_desk, tmp_path) -> None:
    later(painted)
    other = new_desk(home=tmp_path / "home of another")
    other.open(painted.root)
    stroke(painted, (9, 9))
    later(painted)
    other.browsing.rescan()
    other.settle()
    assert other.document.annotation.labels[9, 9] == 1
    other.session.set_view(active_class=1, brush_size=1)
    stroke(other, (12, 12))
    later(other)
    assert not other.document.dirty
    assert saved_mask(painted).sum() == 3


def test_a_second_window_on_a_folder_is_told_and_can_be_read_only(painted, new_desk) -> None:
    other = new_desk()
    other.open(painted.root)
    other.session.set_view(active_class=1, brush_size=1)
    assert "open in another window" in other.messages[-1]
    assert not any("another window" in m for m in painted.messages)
    stroke(other, (9, 9))  # it may edit until it is told not to
    assert other.document.dirty
    other.editing.undo()
    answer(other, "Make this window read-only")
    before = other.document.annotation.revision
    stroke(other, (9, 9))
    other.editing.fill_at(2, 2)
    other.editing.paint_polygon([(0, 0), (9, 0), (9, 9)])
    other.editing.clear()
    other.editing.restore(other.document, other.document.annotation.copy(), "Restore", "it")
    other.editing.undo()
    other.editing.redo()
    other.schema_keeper.add_class("other")
    other.settle()
    assert other.document.annotation.revision == before
    assert "other" not in [spec.name for spec in other.session.schema.classes]
    assert "read-only" in other.messages[-1]
    answer(other, "Edit here")
    stroke(other, (9, 9))
    assert other.document.annotation.labels[9, 9] == 1


def test_a_window_that_is_closed_or_has_left_holds_no_folder(painted, new_desk, tmp_path) -> None:
    root = painted.root
    painted.open(make_folder(tmp_path / "another"))
    second = new_desk()
    second.open(root)
    assert not any("another window" in m for m in second.messages)
    second.browsing.rescan()
    second.open(root)
    assert not any("another window" in m for m in second.messages)
    second.close()
    third = new_desk()
    third.open(root)
    assert not any("another window" in m for m in third.messages)


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


def test_a_question_goes_when_what_it_is_about_is_as_it_was(overtaken, tmp_path) -> None:
    assert overtaken.document.dirty
    stroke(overtaken, (5, 5))
    later(overtaken)
    assert [about for about in told(overtaken) if "a0.png" in about]
    mask = overtaken.root / "masks" / "a0.png"
    mask.unlink()  # as it was before the other window saved it
    later(overtaken, 60)
    assert not overtaken.document.dirty
    assert saved_mask(overtaken).sum() == 2
    assert not [about for about in told(overtaken) if "a0.png" in about]


def test_classes_that_could_not_be_saved_are_saved_when_the_folder_is_back(painted, tmp_path):
    later(painted)
    painted.root.rename(tmp_path / "moved")
    painted.schema_keeper.add_class("late")
    later(painted)
    assert not painted.root.exists()
    (tmp_path / "moved").rename(painted.root)
    later(painted, 11)
    assert "late" in (painted.root / "masks" / "segstudio.json").read_text()
    assert errors(painted) == ["saving the classes"]


def test_classes_that_cannot_be_saved_are_told_for_each_folder(desk, tmp_path, monkeypatch):
    def fail(*_arguments):
        raise SegstudioError("The disk is full.", "Free some space.")

    monkeypatch.setattr(schema_keeper, "write_schema", fail)
    for name in ("one", "two"):
        desk.open(make_folder(tmp_path / name))
        desk.schema_keeper.rename_class(1, "cell")
        desk.clock.advance(1.1)
        desk.settle()
    assert desk.messages.count("The disk is full.") == 2


def test_ground_truth_that_is_read_only_is_not_replaced(desk, tmp_path) -> None:
    root = make_folder(tmp_path / "set")
    mask = root / "masks" / "a0.png"
    before = mask.read_bytes()
    mask.chmod(0o444)
    desk.open(root)
    desk.session.set_view(active_class=1, brush_size=1)
    stroke(desk, (0, 0))
    later(desk)
    stroke(desk, (1, 0))
    later(desk, 70)
    assert mask.read_bytes() == before
    assert sorted(p.name for p in mask.parent.iterdir()) == ["a0.png", "a1.png", "a2.png"]
    assert desk.document.dirty
    assert journals(desk)
    (said,) = (n for n in desk.notices.recent if n.about == "saving")  # once
    assert str(mask) in said.message
    assert "read-only" in said.message
    assert "kept in the journal" in said.hint

    answer(desk, "Save to annotations/")

    assert not desk.document.dirty
    assert mask.read_bytes() == before
    corrected = np.array(pil.open(root / "annotations" / "a0.png"))
    assert (corrected[0, :2] == 1).all()
    assert not journals(desk)
    assert "saving" not in told(desk)


def test_two_files_of_one_image_are_replaced_both_or_none(desk, tmp_path) -> None:
    """Of class ids and instance ids the second is read-only."""
    root = make_folder(tmp_path / "set", truth=False)
    ids = np.zeros((20, 30), np.uint16)
    ids[4:9, 4:9] = 300
    for folder, pixels in (("masks", np.uint8(ids > 0)), ("instances", ids)):
        (root / folder).mkdir()
        for number in range(3):
            pil.fromarray(pixels).save(root / folder / f"a{number}.png")
    files = [root / folder / "a0.png" for folder in ("masks", "instances")]
    before = [path.read_bytes() for path in files]
    files[1].chmod(0o444)
    desk.open(root)
    assert desk.document.truth.instances is not None
    desk.session.set_view(active_class=1, brush_size=1)
    stroke(desk, (20, 15))
    later(desk)
    assert desk.document.dirty
    assert [path.read_bytes() for path in files] == before
    files[1].chmod(0o644)
    later(desk, 70)
    assert not desk.document.dirty
    assert np.array(pil.open(files[0]))[15, 20] == 1


@pytest.fixture
def two_windows(new_desk, tmp_path):
    """Two windows on a folder whose classes are background and cell."""
    root = make_folder(tmp_path / "set", truth=False)
    (root / "masks").mkdir()
    (root / "masks" / "segstudio.json").write_text(
        json.dumps(LabelSchema.from_names(("background", "cell")).to_json())
    )
    desks = [new_desk(home=tmp_path / f"home {number}") for number in range(2)]
    for desk in desks:
        desk.root = root
        desk.open(root)
        desk.session.set_view(active_class=1, brush_size=1)
    return desks


def class_names(desk) -> dict[int, str]:
    return dict(desk.session.schema.names)


def saved_names(desk) -> dict[int, str]:
    data = json.loads((desk.root / "masks" / "segstudio.json").read_text())
    return {entry["id"]: entry["name"] for entry in data["classes"]}


def test_classes_that_two_windows_add_are_both_kept(two_windows) -> None:
    first, second = two_windows
    first.schema_keeper.rename_class(1, "nucleus")
    later(first)
    second.schema_keeper.recolor_class(0, (1, 2, 3))
    second.schema_keeper.add_class("debris")
    later(second)
    expected = {0: "background", 1: "nucleus", 2: "debris"}
    assert saved_names(second) == class_names(second) == expected
    assert "was taken over" in second.messages[-1]

    stroke(first, (0, 0))  # its classes are older than the file's now
    later(first)
    later(first)
    assert not first.document.dirty
    assert saved_names(first) == class_names(first) == expected
    assert first.session.schema.get(0).color == (1, 2, 3)
    assert not [n for desk in two_windows for n in desk.notices.recent if n.actions and n.stays]


@pytest.mark.parametrize(
    ("choice", "name", "other"),
    [("Keep mine", "lymphocyte", "nucleus"), ("Take theirs", "nucleus", "lymphocyte")],
)
def test_a_class_that_two_windows_name_is_asked_about(two_windows, choice, name, other) -> None:
    first, second = two_windows
    first.schema_keeper.rename_class(1, "nucleus")
    later(first)
    second.schema_keeper.rename_class(1, "lymphocyte")
    second.schema_keeper.add_class("debris")
    later(second)
    notice = second.notices.recent[-1]
    assert notice.stays
    assert "“lymphocyte” here and “nucleus” there" in notice.message
    stroke(second, (0, 0))  # masks are saved meanwhile, and it is asked once
    later(second, 60)
    assert not second.document.dirty
    assert saved_names(second) == {0: "background", 1: "nucleus"}
    assert len([n for n in second.notices.recent if n.stays and n.actions]) == 1

    answer(second, choice)

    expected = {0: "background", 1: name, 2: "debris"}
    assert saved_names(second) == class_names(second) == expected
    kept = (second.root / "masks" / ".originals" / "conflicts").glob("segstudio.*.json")
    assert any(other in path.read_text() for path in kept)
    second.schema_keeper.rename_class(2, "dust")  # and from now on it is as ever
    later(second)
    assert saved_names(second) == {**expected, 2: "dust"}


def test_a_window_that_knows_old_classes_leaves_the_new_ones(two_windows) -> None:
    """Strokes alone write no classes over those that another window has changed."""
    first, second = two_windows
    first.schema_keeper.rename_class(1, "nucleus")
    first.schema_keeper.rename_class(1, "cell nucleus")
    later(first)
    stroke(second, (0, 0))
    later(second)
    later(second)
    assert saved_names(second) == class_names(second) == {0: "background", 1: "cell nucleus"}
    second.browsing.rescan()
    second.settle()
    first.schema_keeper.rename_class(1, "core")
    later(first)
    second.schema_keeper.add_class("debris")
    later(second)
    assert saved_names(second) == {0: "background", 1: "core", 2: "debris"}


def test_a_list_of_classes_that_was_damaged_meanwhile_is_left(two_windows) -> None:
    first, _ = two_windows
    path = first.root / "masks" / "segstudio.json"
    path.write_text('{"classes": [')
    stroke(first, (0, 0))
    first.schema_keeper.rename_class(1, "nucleus")
    later(first)
    later(first)
    assert path.read_text() == '{"classes": ['
    assert not first.document.dirty
    assert errors(first) == ["saving the classes"]
    path.unlink()
    later(first, 11)
    assert saved_names(first) == {0: "background", 1: "nucleus"}
