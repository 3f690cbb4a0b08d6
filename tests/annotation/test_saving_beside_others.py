"""Two windows or programs on one folder: neither overwrites what the other saved."""

from __future__ import annotations

import json

import numpy as np
import pytest
from fakes import make_folder
from PIL import Image as pil
from saving import answer, errors, journals, later, saved_mask, told
from strokes import stroke

from segstudio.core.schema import LabelSchema
from segstudio.storage.mask_pattern import ChosenMasks


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
    assert f"was {'removed' if how == 'removed' else 'changed'}" in painted.messages[-1]
    answer(painted, "Take theirs" if how != "removed" else "Keep mine")
    assert not painted.document.dirty
    expected = 600 if how != "removed" else 2
    assert painted.document.annotation.labels.sum() == expected
    assert saved_mask(painted).sum() == expected


@pytest.mark.parametrize("choice", ["Keep mine", "Take theirs"])
def test_ground_truth_that_was_removed_is_not_said_to_be_kept(desk, tmp_path, choice) -> None:
    root = make_folder(tmp_path / "set")
    desk.open(root)
    mask = root / "masks" / desk.document.ref.name
    desk.session.set_view(active_class=1, brush_size=1)
    mask.unlink()
    stroke(desk, (25, 3))
    later(desk)
    question = desk.notices.recent[-1]
    assert f"{mask} was removed" in question.message
    assert "the other version is kept" not in question.hint
    assert "stays removed" in question.hint
    mine = desk.document.annotation.labels.copy()
    answer(desk, choice)
    assert not desk.document.dirty
    assert mask.exists() == (choice == "Keep mine")
    if choice == "Keep mine":
        assert np.array_equal(np.array(pil.open(mask)), mine)
        assert "removed" in desk.notices.recent[-1].message
        assert desk.notices.recent[-1].hint == ""  # there is no mask that was left as it is
    else:
        assert not desk.document.annotation.labels.any()


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
