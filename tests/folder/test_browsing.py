from __future__ import annotations

import threading
from collections.abc import Iterator

import cv2
import numpy as np
import pytest
import tifffile
from fakes import make_folder, square, wait_for, write_mask, write_photo

from segstudio.folder.files import FolderFiles
from segstudio.session.session import SchemaOrigin, What, WorkState
from segstudio.storage.mask_pattern import ChosenMasks, MaskPattern
from segstudio.storage.schema_file import read_schema


def test_opening_announces_the_folder_and_shows_the_first_image(desk, tmp_path):
    root = make_folder(tmp_path / "nuclei", count=12)
    desk.changes.clear()
    desk.open(root)
    assert any(What.PROJECT in c.what for c in desk.changes)
    assert [ref.name for ref in desk.session.project.images][:3] == ["a0.png", "a1.png", "a2.png"]
    assert desk.session.project.images[10].name == "a10.png"
    assert desk.session.index == 0
    assert all(desk.session.state(i).has_truth for i in range(12))
    assert list(desk.studio.settings.recent) == [str(root)]


def test_an_image_opens_its_folder_at_that_image(desk, tmp_path):
    root = make_folder(tmp_path / "nuclei")
    desk.open(root / "a2.png")
    assert desk.session.index == 2
    assert desk.document.ref.name == "a2.png"


def test_a_folder_without_images_is_a_notice(desk, tmp_path):
    root = make_folder(tmp_path / "nuclei")
    desk.open(root)
    (tmp_path / "empty").mkdir()
    desk.open(tmp_path / "empty")
    assert desk.session.project.root == root
    assert desk.document.ref.name == "a0.png"
    assert desk.notices.recent[-1].level == "error"


def test_steps_stop_at_the_ends(desk, tmp_path):
    desk.open(make_folder(tmp_path / "nuclei"))
    desk.browsing.step(-1)
    desk.settle()
    assert desk.session.index == 0
    for _ in range(5):
        desk.browsing.step(1)
        desk.settle()
    assert desk.session.index == 2


def test_of_many_quick_steps_only_the_last_is_shown(desk, tmp_path):
    desk.open(make_folder(tmp_path / "nuclei", count=9))
    desk.changes.clear()
    for _ in range(6):
        desk.browsing.step(1)
    assert desk.session.loading == "a6.png"
    shown = []
    desk.session.changed.connect(lambda _change: shown.append(desk.session.index))
    desk.settle()
    assert desk.session.index == 6
    assert desk.session.loading == ""
    assert set(shown) <= {0, 1, 6}


def test_neighbours_are_there_before_they_are_asked_for(desk, tmp_path):
    desk.open(make_folder(tmp_path / "nuclei"))
    desk.browsing.step(1)
    # No job had to run: it was read ahead.
    assert desk.session.index == 1
    assert desk.document.ref.name == "a1.png"


def test_reviewed_marks_stay_and_are_skipped(desk, new_desk, tmp_path):
    root = make_folder(tmp_path / "nuclei", count=4)
    desk.open(root)
    desk.browsing.step(1)
    desk.settle()
    desk.browsing.toggle_reviewed()
    desk.browsing.select(0)
    desk.settle()
    desk.browsing.step_unreviewed(1)
    desk.settle()
    assert desk.session.index == 2
    desk.browsing.step_unreviewed(-1)
    desk.settle()
    assert desk.session.index == 0
    desk.close()
    again = new_desk()
    again.open(root)
    assert [i for i in range(4) if again.session.state(i).reviewed] == [1]


def test_a_mask_of_the_wrong_size_names_both_files_and_the_image_opens(desk, tmp_path):
    root = make_folder(tmp_path / "nuclei")
    write_mask(root / "masks" / "a0.png", square(shape=(10, 10), size=3))
    desk.open(root)
    assert desk.document.ref.name == "a0.png"
    assert desk.document.truth is None
    text = " ".join(f"{n.message} {n.hint}" for n in desk.notices.recent)
    assert str(root / "a0.png") in text
    assert str(root / "masks" / "a0.png") in text


def test_truth_chosen_by_hand(desk, tmp_path):
    root = make_folder(tmp_path / "nuclei", truth=False)
    desk.open(root)
    desk.segmenting.run_all()
    desk.settle()
    assert desk.scoring.of_folder("bright") is None
    for i in range(3):
        write_mask(tmp_path / "elsewhere" / f"a{i}.png", square(left=7))
    desk.browsing.choose_masks(ChosenMasks(tmp_path / "elsewhere"))
    desk.settle()
    assert np.array_equal(desk.document.annotation.labels, square(left=7))
    assert not desk.document.dirty
    assert desk.scoring.of_image().iou[1] == pytest.approx(80 / 120)
    assert desk.scoring.of_folder().images == 3
    desk.browsing.choose_masks(ChosenMasks(tmp_path / "nothing"))
    desk.settle()
    assert desk.notices.recent[-1].level == "error"


@pytest.fixture
def far(tmp_path):
    """Images without masks beside them, and masks of them in another place, of two namings."""
    make_folder(tmp_path / "set", truth=False)
    for i in range(3):
        write_mask(tmp_path / "far" / f"a{i}.png", square(left=7))
        write_mask(tmp_path / "far" / f"a{i}~2.png", square(left=9))
    return tmp_path / "set"


def truth_of(desk):
    return None if desk.document.truth is None else desk.document.truth.labels


@pytest.mark.parametrize("at_start", [False, True])
@pytest.mark.parametrize(("pattern", "left"), [(None, 7), ("{stem}~2.png", 9)])
def test_chosen_truth_is_used_again_after_a_restart(new_desk, far, pattern, left, at_start):
    masks = ChosenMasks(far.parent / "far", MaskPattern(pattern) if pattern else None)
    first = new_desk()
    if at_start:  # as with --gt and --pattern
        first.browsing.open_path(far, masks)
    else:
        first.open(far)
        assert truth_of(first) is None
        first.browsing.choose_masks(masks)
    first.settle()
    first.close()
    again = new_desk()
    again.open(far / "a1.png")  # also when it is opened at one of its images
    assert np.array_equal(truth_of(again), square(left=left))
    assert f"Ground truth is read from {masks}, as chosen before." in again.messages
    assert all(notice.level == "info" for notice in again.notices.recent)


def test_the_notice_of_chosen_truth_leads_back_to_what_lies_beside_the_images(new_desk, far):
    write_mask(far / "masks" / "a0.png", square(left=1))
    first = new_desk()
    first.browsing.open_path(far, ChosenMasks(far.parent / "far"))
    first.settle()
    assert np.array_equal(truth_of(first), square(left=7))
    first.close()
    again = new_desk()
    again.open(far)
    (notice,) = [n for n in again.notices.recent if n.action is not None]
    title, act = notice.action
    assert title == "Look beside the images"
    act()
    again.settle()
    assert np.array_equal(truth_of(again), square(left=1))
    assert again.messages[-1] == f"Ground truth is read from {far / 'masks'}."
    again.close()
    last = new_desk()
    last.open(far)
    assert np.array_equal(truth_of(last), square(left=1))
    assert not [message for message in last.messages if "chosen before" in message]


def test_looking_beside_the_images_may_find_nothing(desk, far):
    desk.browsing.open_path(far, ChosenMasks(far.parent / "far"))
    desk.settle()
    desk.browsing.choose_masks(ChosenMasks())
    desk.settle()
    assert truth_of(desk) is None
    assert desk.messages[-1] == "There is no ground truth beside the images."


def test_chosen_truth_that_is_gone_is_said_and_the_usual_is_looked_for(new_desk, far):
    write_mask(far / "masks" / "a0.png", square(left=1))
    first = new_desk()
    first.browsing.open_path(far, ChosenMasks(far.parent / "far"))
    first.settle()
    first.close()
    (far.parent / "far").rename(far.parent / "away")
    again = new_desk()
    again.open(far)
    assert np.array_equal(truth_of(again), square(left=1))
    (told,) = [n for n in again.notices.recent if n.level == "warning"]
    assert told.message.startswith("The ground truth chosen before cannot be used.")
    assert str(far.parent / "far") in told.message
    again.close()
    (far.parent / "away").rename(far.parent / "far")  # the drive is back
    last = new_desk()
    last.open(far)
    assert np.array_equal(truth_of(last), square(left=7))


def test_another_choice_ends_the_message_that_the_one_before_cannot_be_used(new_desk, far):
    first = new_desk()
    first.browsing.open_path(far, ChosenMasks(far.parent / "far"))
    first.settle()
    first.close()
    (far.parent / "far").rename(far.parent / "away")
    again = new_desk()
    again.open(far)
    assert "cannot be used" in again.notices.shown[0].message
    again.browsing.choose_masks(ChosenMasks(far.parent / "away"))
    again.settle()
    assert [entry.message for entry in again.notices.shown] == [
        f"Ground truth is read from {far.parent / 'away'}."
    ]


def test_what_is_asked_about_chosen_masks_is_read_before_where_they_lie(desk, tmp_path):
    desk.open(make_folder(tmp_path / "set", truth=False))
    numbers = square().astype(np.uint16)
    numbers[numbers > 0] = 1000
    numbers[0, :4] = 40000
    (tmp_path / "gold").mkdir()
    for i in range(3):
        cv2.imwrite(str(tmp_path / "gold" / f"a{i}.png"), numbers)
    desk.browsing.choose_masks(ChosenMasks(tmp_path / "gold"))
    desk.settle()
    asked, told = desk.notices.shown
    assert asked.notice.stays
    assert asked.message.startswith("The masks are not read")
    assert told.message == f"Ground truth is read from {tmp_path / 'gold'}."


def test_the_brush_has_a_class_once_it_is_known_what_the_masks_hold(desk, tmp_path):
    (tmp_path / "set" / "masks").mkdir(parents=True)
    for i in range(3):
        write_photo(tmp_path / "set" / f"a{i}.png", square())
        numbers = square().astype(np.uint32) * 70000
        numbers[0, :4] = 140000
        tifffile.imwrite(tmp_path / "set" / "masks" / f"a{i}.tif", numbers)
    desk.open(tmp_path / "set")
    assert desk.session.schema.ids == (0,)
    answers = dict(desk.notices.shown[0].notice.actions)
    answers["They are objects"]()
    desk.settle()
    assert desk.session.schema.ids == (0, 1)
    assert desk.session.view.active_class == 1
    desk.session.set_view(active_class=0)  # an eraser on purpose
    desk.browsing.rescan()
    desk.settle()
    assert desk.session.view.active_class == 0


def test_truth_given_at_the_start_wins_over_what_was_chosen_before_and_is_remembered(new_desk, far):
    first = new_desk()
    first.browsing.open_path(far, ChosenMasks(far.parent / "far"))
    first.settle()
    given = ChosenMasks(far.parent / "far", MaskPattern("{stem}~2.png"))
    first.browsing.open_path(far, given)
    first.settle()
    assert np.array_equal(truth_of(first), square(left=9))
    assert not [message for message in first.messages if "chosen before" in message]
    nothing = ChosenMasks(far.parent / "far", MaskPattern("{stem}~3.png"))
    first.browsing.open_path(far, nothing)  # no mask is called so: nothing to remember
    first.settle()
    assert truth_of(first) is None
    assert first.notices.recent[-1].level == "warning"
    first.open(far)
    assert np.array_equal(truth_of(first), square(left=9))


def test_a_damaged_file_of_chosen_truth_is_no_choice(new_desk, far):
    first = new_desk()
    first.browsing.open_path(far, ChosenMasks(far.parent / "far"))
    first.settle()
    kept = first.session.project.data_folder / "truth.json"
    first.close()
    for text in ('{"folder"', "[]", '{"masks": 3, "pattern": ["x"]}', '{"pattern": "no field"}'):
        kept.write_text(text)
        again = new_desk()
        again.open(far)
        assert truth_of(again) is None
        assert again.document is not None
        again.close()


def test_rescan_follows_moved_images_and_keeps_what_is_open(desk, tmp_path):
    root = make_folder(tmp_path / "nuclei", count=3)
    desk.open(root)
    desk.browsing.select(1)
    desk.settle()
    desk.session.set_view(active_class=1, brush_size=1)
    desk.editing.begin_stroke(0, 0)
    desk.editing.end_stroke()
    desk.segmenting.run_all()
    desk.settle()
    document = desk.document
    (root / "a0.png").unlink()
    write_photo(root / "b0.png", square())
    write_photo(root / "b1.png", square())
    desk.browsing.rescan()
    desk.settle()
    assert [r.name for r in desk.session.project.images] == [
        "a1.png",
        "a2.png",
        "b0.png",
        "b1.png",
    ]
    assert desk.document is document
    assert desk.session.index == 0
    assert desk.document.history.can_undo
    assert [desk.session.state(i).runs for i in range(4)] == [{"bright"}] * 2 + [set()] * 2
    assert desk.scoring.of_folder("bright").images == 2


def test_edited_classes_are_saved_and_read_again(desk, new_desk, tmp_path):
    root = make_folder(tmp_path / "nuclei")
    desk.open(root)
    assert desk.session.schema_origin is SchemaOrigin.FOUND
    desk.schema_keeper.rename_class(1, "cell")
    desk.schema_keeper.recolor_class(1, (1, 2, 3))
    assert desk.schema_keeper.add_class("debris") == 2
    desk.schema_keeper.set_ignore_index(7)
    desk.clock.advance(1.1)
    desk.settle()
    saved = read_schema(root / "masks" / "segstudio.json")
    assert [(c.id, c.name) for c in saved.classes] == [
        (0, "background"),
        (1, "cell"),
        (2, "debris"),
    ]
    assert saved.get(1).color == (1, 2, 3)
    desk.close()
    again = new_desk()
    again.open(root)
    assert again.session.schema == saved
    assert again.session.schema_origin is SchemaOrigin.DECLARED


def test_names_of_a_model_replace_made_up_ones_when_the_user_says_so(desk, tmp_path):
    desk.open(make_folder(tmp_path / "nuclei"))
    assert desk.session.schema.name_of(1) == "class 1"
    desk.segmenting.run_all()
    desk.settle()
    assert desk.session.schema.name_of(1) == "class 1"
    # pedestrians are not offered to be called nuclei: the user says so, unasked
    assert [n for n in desk.studio.notices.recent if n.action is not None] == []
    desk.schema_keeper.use_model_names()
    assert desk.session.schema.name_of(1) == "nucleus"
    assert desk.session.schema_origin is SchemaOrigin.DECLARED
    desk.schema_keeper.rename_class(1, "cell")
    desk.schema_keeper.use_model_names()  # it has a name by now, which stays
    desk.segmenting.run_current()
    desk.settle()
    assert desk.session.schema.name_of(1) == "cell"


def test_thumbnails_are_small_and_broken_images_have_none(desk, tmp_path):
    root = make_folder(tmp_path / "nuclei")
    (root / "a1.png").write_bytes(b"broken")
    desk.open(root)
    got = {}
    desk.browsing.thumbnail(0, 15, got.__setitem__)
    desk.browsing.thumbnail(1, 15, got.__setitem__)
    desk.browsing.thumbnail(99, 15, got.__setitem__)
    desk.settle()
    assert got[0].shape == (10, 15, 3)
    assert got[1] is None
    assert 99 not in got


def test_many_thumbnails_give_the_oldest_up(desk, tmp_path):
    desk.open(make_folder(tmp_path / "nuclei", count=1))
    got = []
    for px in range(16, 16 + 400):
        desk.browsing.thumbnail(0, px, lambda _index, picture: got.append(picture))
    desk.settle()
    assert len(got) == 400
    assert 256 <= sum(picture is not None for picture in got) <= 400


@pytest.fixture
def reading(monkeypatch) -> Iterator[threading.Event]:
    """Images are read only while this is set."""
    gate = threading.Event()
    gate.set()
    load = FolderFiles.load_document

    def held(*arguments):
        assert gate.wait(30)
        return load(*arguments)

    monkeypatch.setattr(FolderFiles, "load_document", held)
    yield gate
    gate.set()


def _told(desk) -> list[str | None]:
    """Names of the open images that the screen was told of, None for nothing open."""
    changes = [c for c in desk.changes if What.DOCUMENT in c.what]
    return [c.document and c.document.ref.name for c in changes]


def test_from_the_selection_on_nothing_reaches_the_image_that_was_left(desk, tmp_path, reading):
    root = make_folder(tmp_path / "nuclei", count=9)
    desk.open(root)
    desk.session.set_view(active_class=1, brush_size=5)
    desk.segmenting.run_current()
    desk.settle()
    left, ran = desk.document, len(desk.engine.runs)
    labels, states = left.annotation.labels.copy(), dict(desk.session.states)
    desk.editing.begin_stroke(2, 2)
    desk.editing.extend_stroke(4, 2)
    painted = left.annotation.labels.copy()
    assert (painted != labels).any()
    reading.clear()
    desk.browsing.select(8)
    assert (desk.document, desk.session.index, desk.session.loading) == (None, -1, "a8.png")
    desk.editing.extend_stroke(25, 15)  # the button is still down
    desk.editing.end_stroke()
    for verb in (
        lambda: desk.editing.begin_stroke(20, 10),
        lambda: desk.editing.extend_stroke(25, 15),
        lambda: desk.editing.end_stroke(),
        lambda: desk.editing.fill_at(1, 1),
        lambda: desk.editing.paint_polygon([(0, 0), (20, 0), (20, 15)]),
        lambda: desk.editing.use_prediction("bright"),
        lambda: desk.editing.take_difference("bright", 7, 7),
        lambda: desk.editing.use_truth(),
        lambda: desk.editing.clear(),
        lambda: desk.editing.undo(),
        lambda: desk.segmenting.run_current(),
        lambda: desk.segmenting.remove_prediction(),
        lambda: desk.browsing.toggle_reviewed(),
        lambda: desk.autosave.save_now(),
    ):
        verb()
        assert np.array_equal(left.annotation.labels, painted)
    assert list(left.predictions) == ["bright"]
    assert {i: s.reviewed for i, s in desk.session.states.items()} == {
        i: s.reviewed for i, s in states.items()
    }
    reading.set()
    wait_for(desk.clock, lambda: desk.document is not None)
    assert (desk.document.ref.name, desk.session.index) == ("a8.png", 8)
    assert desk.session.loading == ""
    desk.settle()
    assert len(desk.engine.runs) == ran
    desk.browsing.select(0)  # the stroke became one that can be undone
    desk.settle()
    assert np.array_equal(desk.document.annotation.labels, painted)
    assert not desk.document.dirty
    desk.editing.undo()
    assert np.array_equal(desk.document.annotation.labels, labels)


def test_all_images_can_be_run_while_one_is_read(desk, tmp_path, reading):
    desk.open(make_folder(tmp_path / "nuclei", count=9))
    reading.clear()
    desk.browsing.select(8)
    desk.segmenting.run_all()
    wait_for(desk.clock, lambda: len(desk.engine.runs) == 9)
    reading.set()
    desk.settle()
    assert desk.document.ref.name == "a8.png"


def test_the_screen_turns_grey_only_if_reading_takes_a_moment(desk, tmp_path, reading):
    desk.open(make_folder(tmp_path / "nuclei", count=9))
    desk.changes.clear()
    desk.browsing.select(8)
    desk.clock.advance(0.09)
    wait_for(desk.clock, lambda: desk.document is not None)
    assert None not in _told(desk)
    desk.clock.advance(1.0)
    assert None not in _told(desk)
    reading.clear()
    for index in (4, 3):  # a key that is held down asks for one after the other
        desk.browsing.select(index)
        desk.clock.advance(0.06)
    assert _told(desk)[-1] is None
    assert desk.session.loading == "a3.png"
    desk.browsing.select(2)  # grey already: what it waits for is said at once
    assert _told(desk)[-1] is None
    assert desk.session.loading == "a2.png"
    reading.set()
    wait_for(desk.clock, lambda: desk.document is not None)
    assert _told(desk)[-1] == "a2.png"


def test_who_goes_back_before_the_next_image_is_read_is_where_they_were(desk, tmp_path, reading):
    desk.open(make_folder(tmp_path / "nuclei", count=9))
    before = desk.document
    reading.clear()
    desk.browsing.select(8)
    desk.browsing.select(0)
    assert (desk.document, desk.session.index, desk.session.loading) == (before, 0, "")
    reading.set()
    desk.settle()
    desk.clock.advance(1.0)
    assert desk.document is before


def test_reading_the_folder_again_does_not_forget_which_image_is_waited_for(
    desk, tmp_path, reading
):
    root = make_folder(tmp_path / "nuclei", count=9)
    desk.open(root)
    reading.clear()
    desk.browsing.select(8)
    (root / "a3.png").unlink()
    desk.browsing.rescan()
    reading.set()
    desk.settle()
    assert (desk.document.ref.name, desk.session.index) == ("a8.png", 7)


def test_a_broken_image_says_so_in_its_place_and_nothing_is_open(desk, tmp_path):
    root = make_folder(tmp_path / "nuclei")
    (root / "a1.png").write_bytes((root / "a1.png").read_bytes()[:60])
    desk.open(root)
    desk.browsing.step(1)
    desk.settle()
    assert (desk.document, desk.session.index, desk.session.loading) == (None, -1, "")
    assert desk.browsing.cursor == 1
    assert desk.session.unreadable.name == "a1.png"
    assert "a1.png" in desk.session.unreadable.message
    desk.segmenting.run_current()
    desk.settle()
    assert desk.engine.runs == []
    desk.browsing.rescan()  # not mended yet: it stays selected
    desk.settle()
    assert (desk.browsing.cursor, desk.session.unreadable.name) == (1, "a1.png")
    desk.browsing.step(1)  # goes past the broken one
    desk.settle()
    assert desk.document.ref.name == "a2.png"
    assert desk.session.unreadable is None


def test_samples_open(desk):
    desk.browsing.open_samples()
    desk.settle()
    if desk.session.project is None:
        pytest.skip("the samples are not there")
    assert len(desk.session.project.images) >= 12
    assert desk.document is not None


def test_the_lessons_samples_open_in_a_folder_of_their_own(desk):
    desk.browsing.open_lessons()
    desk.settle()
    assert desk.session.project.name == "lessons"
    assert desk.document.pixels.shape == (256, 256, 3)
    assert [c.name for c in desk.session.schema.classes][1:] == ["membrane", "cytoplasm", "granule"]


def test_a_folder_that_opens_settles_what_was_said_of_one_that_did_not(desk, tmp_path):
    (tmp_path / "nothing").mkdir()
    desk.open(tmp_path / "nothing")
    said = desk.notices.recent[-1]
    assert "no images" in said.message
    assert said.about
    assert said in [entry.notice for entry in desk.notices.shown]
    desk.open(make_folder(tmp_path / "nuclei"))
    assert said not in [entry.notice for entry in desk.notices.shown]


def test_going_back_to_a_held_image_stops_the_reading_of_the_other(desk, tmp_path, monkeypatch):
    """A large image would be read to its end, and the next one would wait for it."""
    desk.open(make_folder(tmp_path / "nuclei", count=4))
    entered, given_up = threading.Event(), threading.Event()

    def endless(path, page, check):
        entered.set()
        try:
            while True:
                check()
        finally:
            given_up.set()

    monkeypatch.setattr("segstudio.folder.files.read_image", endless)
    desk.browsing.select(3)  # not read ahead
    assert entered.wait(20)
    desk.browsing.select(0)
    assert desk.document.ref.name == "a0.png"
    assert given_up.wait(20)
    monkeypatch.undo()
    desk.settle()


def test_an_image_whose_folder_did_not_open_is_not_asked_for_again_later(desk, tmp_path):
    root, gone = make_folder(tmp_path / "nuclei"), tmp_path / "gone"
    desk.browsing.open_image(gone / "stack.tif", lambda _document: None, page=2)
    desk.settle()
    failures = len(desk.messages)
    desk.open(root)
    assert desk.document.ref.name == "a0.png"
    assert not [m for m in desk.messages[failures:] if str(gone) in m]


def test_an_image_whose_reading_the_user_stopped_is_not_waited_for(desk, tmp_path, monkeypatch):
    desk.open(make_folder(tmp_path / "nuclei", 5))
    entered = threading.Event()

    def endless(_path, _page, check, *_args):
        entered.set()
        while True:
            check()

    monkeypatch.setattr("segstudio.folder.files.read_image", endless)
    desk.browsing.select(3)  # not read ahead
    assert entered.wait(20)
    (job,) = (job for job in desk.jobs.jobs() if job.title == "Reading a3.png")
    job.cancel()  # as the button in the status bar does
    desk.settle()
    assert desk.session.loading == ""
    assert desk.session.unreadable.message == "Reading a3.png was stopped."
    monkeypatch.undo()
    desk.browsing.select(3)
    desk.settle()
    assert desk.document.ref.name == "a3.png"


def test_who_waits_for_an_image_hears_that_opening_its_folder_was_stopped(desk, tmp_path):
    root, told = make_folder(tmp_path / "nuclei"), []
    gate = threading.Event()
    desk.jobs.submit("hold", "files", lambda _job: gate.wait(20))
    desk.browsing.open_image(
        root / "a1.png", lambda _document: told.append("shown"), instead=lambda: told.append("not")
    )
    (job,) = (job for job in desk.jobs.jobs() if job.title == "Opening a1.png")
    job.cancel()
    gate.set()
    desk.settle()
    assert told == ["not"]


def test_an_image_is_done_or_flagged_whichever_was_said_last(desk, new_desk, tmp_path):
    root = make_folder(tmp_path / "nuclei", count=3)
    desk.open(root)
    desk.browsing.toggle_reviewed()
    desk.browsing.toggle_flagged()
    assert desk.session.state(0).work is WorkState.FLAGGED
    desk.browsing.select(1)
    desk.settle()
    desk.browsing.toggle_flagged()
    desk.browsing.toggle_reviewed()
    assert desk.session.state(1).work is WorkState.DONE
    desk.browsing.select(2)
    desk.settle()
    desk.browsing.toggle_flagged()
    desk.browsing.toggle_flagged()
    desk.close()
    again = new_desk()
    again.open(root)
    assert [i for i in range(3) if again.session.state(i).flagged] == [0]
    assert [i for i in range(3) if again.session.state(i).reviewed] == [1]
    assert again.session.state(2).work is WorkState.IN_WORK


def test_old_marks_are_read_as_done(desk, new_desk, tmp_path):
    root = make_folder(tmp_path / "nuclei", count=2, truth=False)
    desk.open(root)
    kept = desk.session.project.data_folder
    desk.close()
    kept.mkdir(parents=True, exist_ok=True)
    (kept / "reviewed.json").write_text('{"folder": "x", "reviewed": ["a1.png"]}')
    again = new_desk()
    again.open(root)
    assert [again.session.state(i).work for i in range(2)] == [WorkState.UNLABELLED, WorkState.DONE]


def test_a_note_is_kept_with_the_user_and_found_again(desk, new_desk, tmp_path):
    root = make_folder(tmp_path / "nuclei", count=2)
    desk.open(root)
    before = sorted(root.rglob("*"))
    desk.folder_states.set_note(1, "  too dark,\nask Ann ")
    desk.folder_states.set_note(0, "wrong")
    desk.folder_states.set_note(0, "")
    assert desk.session.state(1).note == "too dark, ask Ann"
    desk.browsing.rescan()  # what was said is not forgotten, nor does what was taken back return
    desk.settle()
    assert [desk.session.state(i).note for i in range(2)] == ["", "too dark, ask Ann"]
    desk.close()
    assert sorted(root.rglob("*")) == before
    again = new_desk()
    again.open(root)
    assert [again.session.state(i).note for i in range(2)] == ["", "too dark, ask Ann"]
