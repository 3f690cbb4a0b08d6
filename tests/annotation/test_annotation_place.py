"""Which file is corrected, where corrections go instead, and what replaces an annotation."""

from __future__ import annotations

import json
import threading

import numpy as np
import pytest
from fakes import make_folder, square, wait_for, write_mask, write_photo
from PIL import Image as pil
from saving import later
from strokes import labels_of, stroke

from segstudio.core.errors import SegstudioError
from segstudio.session.session import Layer
from segstudio.storage.annotations import Annotations
from segstudio.storage.mask_pattern import ChosenMasks


def values(path) -> np.ndarray:
    with pil.open(path) as image:
        return np.array(image)


@pytest.fixture
def painted(desk, tmp_path):
    """A folder with ground truth, a pixel painted in its first image and saved."""
    desk.root = make_folder(tmp_path / "set")
    desk.mask = desk.root / "masks" / "a0.png"
    desk.before = desk.mask.read_bytes()
    desk.open(desk.root)
    desk.session.set_view(active_class=1, brush_size=1)
    stroke(desk, (2, 2))
    later(desk)
    return desk


def test_the_first_stroke_asks_and_says_which_file_is_corrected(desk, tmp_path):
    root = make_folder(tmp_path / "set")
    desk.open(root)
    assert not desk.session.saving.asked
    assert desk.document.place.files == (root / "masks" / "a0.png",)
    desk.session.set_view(active_class=1, brush_size=1)
    stroke(desk, (2, 2))
    assert desk.session.saving.asked
    later(desk)
    wanted = square(left=7)
    wanted[2, 2] = 1
    assert np.array_equal(values(root / "masks" / "a0.png"), wanted)
    # Kept as it is by the user, it is not asked again, in the next session neither.
    desk.place.keep_in_truth()
    desk.settle()
    stroke(desk, (3, 3))
    assert not desk.session.saving.asked
    desk.open(root)
    assert desk.session.saving.chosen
    assert not desk.session.saving.elsewhere


def jpeg_masks(root):
    """Ground truth in files that lose values when they are written."""
    for path in (root / "masks").glob("*.png"):
        pil.fromarray(values(path) * np.uint8(255)).save(path.with_suffix(".jpg"), quality=95)
        path.unlink()
    return root / "masks" / "a0.png"


def object_masks(root):
    """A folder an image, with one mask an object."""
    for path in (root / "masks").glob("*.png"):
        home = root / path.stem
        (home / "images").mkdir(parents=True)
        (root / path.name).rename(home / "images" / path.name)
        whole = values(path) * np.uint8(255)
        upper = whole.copy()
        upper[10:] = 0
        for number, part in enumerate((upper, whole - upper)):
            write_mask(home / "masks" / f"{number}.png", part)
        path.unlink()
    (root / "masks").rmdir()
    return root / "a0" / "images" / "masks" / "a0.png"


@pytest.mark.parametrize(
    ("make", "why"),
    [
        (jpeg_masks, "its format (JPEG or lossy WebP) changes values."),
        (object_masks, "each object has a file of its own."),
    ],
)
def test_a_form_that_cannot_hold_an_edit_is_not_said_to_be_corrected(desk, tmp_path, make, why):
    root = make_folder(tmp_path / "set")
    wanted = make(root)
    desk.open(root)
    assert desk.document.truth is not None
    before = desk.document.place
    desk.session.set_view(active_class=1, brush_size=1)
    stroke(desk, (2, 2))
    later(desk)
    assert desk.document.place.files[0] == wanted
    assert wanted.is_file()
    assert before.files[0] == wanted  # said before the stroke, by the bar and the tip of Save
    stroke(desk, (3, 3))
    later(desk)
    said = [m for m in desk.messages if m.startswith("Edits of")]
    assert len(said) == 1
    shown = wanted.relative_to(root).as_posix()
    assert f" are saved to {shown}: {why}" in said[0]


def test_without_ground_truth_nothing_is_asked(empty):
    stroke(empty, (2, 2))
    later(empty)
    assert not empty.session.saving.asked
    assert empty.document.place.files[0].name == "a0.png"


def test_annotations_instead_moves_what_was_saved(painted):
    painted.place.save_to_annotations()
    painted.settle()
    wanted = square(left=7)
    wanted[2, 2] = 1
    assert painted.mask.read_bytes() == painted.before
    copy = painted.root / "annotations" / "a0.png"
    assert np.array_equal(values(copy), wanted)
    assert painted.document.place.files == (copy,)
    stroke(painted, (4, 2))
    later(painted)
    wanted[2, 4] = 1
    assert np.array_equal(values(copy), wanted)
    assert painted.mask.read_bytes() == painted.before
    assert not painted.document.dirty
    assert "another program" not in " ".join(painted.messages)


def test_the_ground_truth_chosen_later_leaves_what_was_saved_elsewhere_and_says_so(painted):
    painted.place.save_to_annotations()
    painted.settle()
    before = painted.document.place.files
    painted.place.keep_in_truth()
    painted.settle()
    assert painted.document.place.files == before
    assert painted.messages[-1] == (
        "The corrections of a0.png stay in annotations/a0.png, where they were saved; those of "
        "other images go into the ground truth."
    )
    painted.browsing.select(1)
    painted.settle()
    told = len(painted.messages)
    painted.place.keep_in_truth()
    painted.settle()
    assert painted.document.place.files == (painted.root / "masks" / "a1.png",)
    assert len(painted.messages) == told


def test_annotations_instead_before_the_first_save(desk, tmp_path, new_desk):
    root = make_folder(tmp_path / "set")
    before = (root / "masks" / "a0.png").read_bytes()
    desk.open(root)
    desk.session.set_view(active_class=1, brush_size=1)
    stroke(desk, (2, 2))
    desk.place.save_to_annotations()
    later(desk)
    assert (root / "masks" / "a0.png").read_bytes() == before
    assert not (root / "masks" / ".originals").exists()
    assert values(root / "annotations" / "a0.png")[2, 2] == 1
    labels = labels_of(desk)
    desk.close()
    # Another user on another machine finds them too.
    again = new_desk(home=tmp_path / "other home")
    again.open(root)
    assert np.array_equal(labels_of(again), labels)
    assert again.session.saving.elsewhere
    assert again.document.origin == "saved"


def test_revert_puts_the_file_back_bit_for_bit_and_can_be_undone(painted):
    labels = labels_of(painted)
    painted.place.revert()
    later(painted)
    assert painted.mask.read_bytes() == painted.before
    assert not painted.session.state(0).edited
    painted.editing.undo()
    later(painted)
    assert painted.session.state(0).edited
    assert np.array_equal(labels_of(painted), labels)
    assert np.array_equal(values(painted.mask), labels)


def test_undo_of_the_only_stroke_puts_the_file_back(painted):
    painted.editing.undo()
    later(painted)
    assert painted.mask.read_bytes() == painted.before
    assert not painted.session.state(0).edited
    painted.editing.redo()
    later(painted)
    assert values(painted.mask)[2, 2] == 1


def test_versions_are_seen_as_a_layer_and_restored(painted):
    found = []
    painted.place.versions(found.extend)
    painted.settle()
    (version,) = found
    assert version.path.read_bytes() == painted.before
    painted.place.show_version(version)
    painted.settle()
    assert painted.session.view.layer is Layer.ORIGINAL
    assert np.array_equal(painted.document.older.labels, square(left=7))
    painted.place.restore(version)
    painted.settle()
    assert np.array_equal(labels_of(painted), square(left=7))
    painted.editing.undo()
    painted.settle()
    assert labels_of(painted)[2, 2] == 1


def test_truth_chosen_by_hand_is_corrected_where_it_lies(desk, tmp_path):
    root = make_folder(tmp_path / "set", truth=False)
    elsewhere = tmp_path / "by Ann"
    write_mask(elsewhere / "a0_mask.png", 255 * square(left=7))
    desk.open(root)
    desk.browsing.choose_masks(ChosenMasks(elsewhere))
    desk.settle()
    desk.session.set_view(active_class=1, brush_size=1)
    stroke(desk, (2, 2))
    assert desk.session.saving.asked
    later(desk)
    wanted = 255 * square(left=7)
    wanted[2, 2] = 255
    assert np.array_equal(values(elsewhere / "a0_mask.png"), wanted)
    assert not (root / "masks").exists()


def test_another_programs_version_is_asked_about_and_kept(painted):
    write_mask(painted.mask, square(left=12))
    theirs = painted.mask.read_bytes()
    stroke(painted, (3, 2))
    later(painted)
    assert painted.document.dirty
    assert painted.mask.read_bytes() == theirs
    notice = painted.notices.recent[-1]
    assert notice.action[0] == "Keep mine"
    notice.action[1]()
    painted.settle()
    assert not painted.document.dirty
    assert values(painted.mask)[2, 3] == 1
    found = []
    painted.place.versions(found.extend)
    painted.settle()
    assert [v.path.read_bytes() for v in found] == [painted.before, theirs]


# -- objects ---------------------------------------------------------------------------------------


@pytest.fixture
def nuclei(desk, tmp_path):
    """An image with two bright squares, whose ground truth has them as objects 7 and 300."""
    root = tmp_path / "set"
    bright = np.zeros((20, 30), np.uint8)
    bright[2:8, 2:8] = 1
    bright[10:16, 12:20] = 1
    bright[2:5, 20:25] = 1  # not in the ground truth
    write_photo(root / "images" / "a.png", bright)
    ids = np.zeros((20, 30), np.uint16)
    ids[3:8, 2:8], ids[10:16, 13:20] = 7, 300
    (root / "instances").mkdir()
    pil.fromarray(ids).save(root / "instances" / "a.png")
    desk.open(root)
    desk.path, desk.ids, desk.bright = root / "instances" / "a.png", ids, bright
    desk.segmenting.choose("bright")
    desk.segmenting.run_current()
    desk.settle()
    return desk


def test_a_prediction_without_objects_keeps_those_that_it_overlaps(nuclei):
    nuclei.editing.use_prediction()
    later(nuclei)
    wanted = np.zeros((20, 30), np.uint16)
    wanted[2:8, 2:8], wanted[10:16, 12:20], wanted[2:5, 20:25] = 7, 300, 301
    assert np.array_equal(values(nuclei.path), wanted)
    assert values(nuclei.path).dtype == np.uint16
    notice = nuclei.notices.recent[-1]
    assert notice.message == "2 objects were replaced by Bright's prediction (3 objects)."
    assert notice.action[0] == "Undo"
    notice.action[1]()
    later(nuclei)
    assert np.array_equal(values(nuclei.path), nuclei.ids)
    assert np.array_equal(nuclei.document.annotation.instances, nuclei.ids)


def test_undo_of_a_notice_does_not_take_back_something_else(nuclei):
    nuclei.editing.use_prediction()
    notice = nuclei.notices.recent[-1]
    nuclei.session.set_view(active_class=1, brush_size=1)
    stroke(nuclei, (28, 18))
    notice.action[1]()
    assert nuclei.document.annotation.labels[18, 28] == 1
    assert "was edited since" in nuclei.messages[-1]


def test_what_is_undone_by_ctrl_z_is_not_offered_to_be_undone(nuclei):
    nuclei.editing.use_prediction()
    assert [entry.notice.action[0] for entry in nuclei.notices.shown if entry.notice.action]
    nuclei.editing.undo()
    later(nuclei)
    assert np.array_equal(nuclei.document.annotation.instances, nuclei.ids)
    assert not [entry for entry in nuclei.notices.shown if "replaced" in entry.message]


def test_clearing_says_how_many_objects_it_removes(nuclei):
    nuclei.editing.clear()
    notice = nuclei.notices.recent[-1]
    assert notice.message == "2 objects were replaced by background."
    notice.action[1]()
    assert np.array_equal(nuclei.document.annotation.instances, nuclei.ids)


def test_taking_what_is_there_already_saves_nothing(nuclei):
    before, revision = nuclei.path.read_bytes(), nuclei.document.annotation.revision
    nuclei.editing.use_truth()
    later(nuclei)
    assert nuclei.document.annotation.revision == revision
    assert not nuclei.document.dirty
    assert not nuclei.document.history.can_undo
    assert nuclei.path.read_bytes() == before


def test_an_answer_without_objects_never_replaces_those_that_are_there(nuclei, tmp_path):
    write_photo(tmp_path / "set" / "images" / "dark.png", np.zeros((20, 30), np.uint8))
    path = tmp_path / "set" / "instances" / "dark.png"
    pil.fromarray(nuclei.ids).save(path)
    before = path.read_bytes()
    nuclei.browsing.rescan()
    nuclei.settle()
    nuclei.browsing.select(1)
    nuclei.settle()
    nuclei.segmenting.run_current()
    nuclei.settle()
    nuclei.editing.use_prediction()
    later(nuclei)
    assert path.read_bytes() == before
    assert np.array_equal(nuclei.document.annotation.instances, nuclei.ids)
    assert not nuclei.document.history.can_undo
    assert nuclei.document.origin == "ground truth"
    assert nuclei.messages[-1] == "Bright finds no object in dark.png, so its 2 objects stay."
    assert "Clear annotation" in nuclei.notices.recent[-1].hint


def test_an_answer_of_nothing_never_replaces_classes_that_are_there(desk, tmp_path):
    write_photo(tmp_path / "set" / "a0.png", np.zeros((20, 30), np.uint8))
    mask = np.zeros((20, 30), np.uint8)
    mask[2:5, 3:13] = 1
    mask[0, 0] = 255  # is ignored
    path = tmp_path / "set" / "masks" / "a0.png"
    write_mask(path, mask)
    schema = {"classes": [{"id": 0, "name": "background"}, {"id": 1, "name": "nucleus"}]}
    (path.parent / "segstudio.json").write_text(json.dumps({**schema, "ignore_index": 255}))
    before = path.read_bytes()
    desk.open(tmp_path / "set")
    desk.segmenting.run_current()
    desk.settle()
    desk.editing.use_prediction()
    later(desk)
    assert path.read_bytes() == before
    assert np.array_equal(desk.document.annotation.labels, mask)
    assert not desk.document.history.can_undo
    assert desk.messages[-1] == "Bright finds nothing in a0.png, so its 30 annotated pixels stay."
    desk.editing.clear()
    later(desk)
    desk.editing.use_prediction()  # nothing is there any more that could be lost
    later(desk)
    assert not desk.document.annotation.labels.any()


@pytest.mark.parametrize("how", ["all of it", "where they differ"])
def test_a_model_without_the_folders_classes_takes_nothing_away(desk, tmp_path, how):
    write_photo(tmp_path / "set" / "a0.png", square())
    path = tmp_path / "set" / "masks" / "a0.png"
    write_mask(path, square(left=3))
    schema = {"classes": [{"id": 0, "name": "background"}, {"id": 1, "name": "road"}]}
    (path.parent / "segstudio.json").write_text(json.dumps(schema))
    before = path.read_bytes()
    desk.open(tmp_path / "set")
    desk.segmenting.run_current()
    desk.settle()
    if how == "all of it":
        desk.editing.use_prediction()
    else:
        desk.editing.take_difference("bright", 4, 8)
    later(desk)
    assert path.read_bytes() == before
    assert np.array_equal(desk.document.annotation.labels, square(left=3))
    assert not desk.document.history.can_undo
    assert desk.document.origin == "ground truth"
    assert desk.messages[-1] == (
        "Bright's prediction was not used: none of its classes is one of the folder's."
    )


def test_an_empty_answer_over_nothing_is_no_edit(desk, tmp_path):
    write_photo(tmp_path / "set" / "a.png", np.zeros((20, 30), np.uint8))
    desk.open(tmp_path / "set")
    desk.segmenting.choose("blobs")
    desk.segmenting.run_current()
    desk.settle()
    desk.editing.use_prediction()
    later(desk)
    assert not desk.document.dirty
    assert not desk.document.history.can_undo
    assert not (tmp_path / "set" / "masks").exists()


def test_objects_of_a_model_come_and_go_with_undo(desk, tmp_path):
    root = make_folder(tmp_path / "set", count=1)
    before = (root / "masks" / "a0.png").read_bytes()
    desk.open(root)
    desk.segmenting.choose("blobs")
    desk.segmenting.run_current()
    desk.settle()
    desk.editing.use_prediction()
    later(desk)
    assert values(root / "instances" / "a0.png").max() == 1
    desk.editing.undo()
    later(desk)
    assert (root / "masks" / "a0.png").read_bytes() == before
    assert not (root / "instances" / "a0.png").exists()
    assert not desk.document.dirty


# -- what a killed program left behind -------------------------------------------------------------


def _instances(root) -> None:
    ids = square(left=7).astype(np.uint16) * 700
    (root / "instances").mkdir(parents=True)
    pil.fromarray(ids).save(root / "instances" / "a0.png")


def _white(root) -> None:
    write_mask(root / "masks" / "a0.png", 255 * square(left=7))


def _colours(root) -> None:
    colours = np.array([[0, 0, 0], [9, 200, 30]], np.uint8)[square(left=7)]
    (root / "masks").mkdir(parents=True)
    pil.fromarray(colours).save(root / "masks" / "a0.png")


def _tiff(root) -> None:
    (root / "masks").mkdir(parents=True)
    pil.fromarray(square(left=7)).save(root / "masks" / "a0.tif", compression="tiff_lzw")


@pytest.mark.parametrize("write", [_instances, _white, _colours, _tiff])
def test_strokes_of_a_killed_program_come_back_bit_for_bit(desk, new_desk, tmp_path, write):
    root = tmp_path / "set"
    write_photo(root / "images" / "a0.png", square())
    write(root)
    (path,) = (p for p in root.rglob("a0.*") if p.parent.name != "images")
    before = path.read_bytes()
    desk.open(root)
    desk.session.set_view(active_class=1, brush_size=1)
    stroke(desk, (2, 2), (4, 2))
    stroke(desk, (7, 5), erase=True)
    labels = labels_of(desk)
    ids = desk.document.annotation.instances
    ids = None if ids is None else np.array(ids)
    desk.studio._journal.close()  # as if it had been killed
    again = new_desk()
    (item,) = again.recovering.pending()
    again.recovering.restore(item)
    again.settle()
    later(again)
    assert np.array_equal(labels_of(again), labels)
    third = new_desk()
    third.open(root)
    found = third.document.annotation
    assert np.array_equal(found.labels, labels)
    assert (found.instances is None) == (ids is None)
    assert ids is None or np.array_equal(found.instances, ids)
    assert path.read_bytes() != before
    again.editing.undo()
    later(again)
    assert path.read_bytes() == before


def test_a_folder_read_again_is_still_known_to_have_corrections(painted):
    painted.browsing.rescan()
    painted.settle()
    assert painted.session.saving.asked
    painted.place.save_to_annotations()
    painted.settle()
    assert painted.mask.read_bytes() == painted.before
    assert values(painted.root / "annotations" / "a0.png")[2, 2] == 1


def test_corrections_that_cannot_be_moved_are_told_and_moved_the_next_time(painted, monkeypatch):
    painted.browsing.select(1)
    painted.settle()
    other = painted.root / "masks" / "a1.png"
    before = other.read_bytes()
    stroke(painted, (2, 2))
    later(painted)
    move = Annotations.move_to_corrections

    def fail(self, ref, *arguments):
        if ref.name == "a0.png":
            raise SegstudioError("The disk is full.", "Free some space.")
        return move(self, ref, *arguments)

    monkeypatch.setattr(Annotations, "move_to_corrections", fail)
    painted.place.save_to_annotations()
    painted.settle()
    assert other.read_bytes() == before
    assert painted.mask.read_bytes() != painted.before
    assert painted.messages[-1] == (
        "Corrections are saved to annotations/ from now on, but those of 1 image could not be "
        "moved there. The disk is full."
    )
    monkeypatch.undo()
    painted.place.save_to_annotations()
    painted.settle()
    assert painted.mask.read_bytes() == painted.before
    assert values(painted.root / "annotations" / "a0.png")[2, 2] == 1


def test_a_choice_is_not_undone_by_what_was_read_before_it(painted):
    busy = threading.Event()
    painted.studio.jobs.submit("Something else", "save", lambda _job: busy.wait(30))
    painted.browsing.rescan()
    wait_for(painted.clock, lambda: not [j for j in painted.jobs.jobs() if j.lane == "files"])
    painted.place.save_to_annotations()
    busy.set()
    painted.settle()
    assert painted.session.saving.elsewhere
    assert painted.session.saving.chosen
    assert painted.mask.read_bytes() == painted.before
