"""Saving that fails and works again later: said once, taken back, and made up for."""

from __future__ import annotations

import numpy as np
import pytest
from fakes import make_folder
from PIL import Image as pil
from saving import answer, errors, journals, later, told
from strokes import stroke

from segstudio.core.errors import SegstudioError
from segstudio.folder import schema_keeper


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
