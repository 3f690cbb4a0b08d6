"""What masks mean in the window: decided from all of them, asked where they do not tell."""

from __future__ import annotations

import threading

import numpy as np
import pytest
from fakes import make_folder, square, wait_for, write_mask, write_photo
from PIL import Image as pil

from segstudio.core.errors import SegstudioError
from segstudio.folder.files import FolderFiles
from segstudio.storage import mask_evidence, truth
from segstudio.storage.truth import ReadAs, TruthIndex

MANY = 60
LATE = 33
"""Not among the masks that are looked at first."""


def rare(root):
    """Photos with a bright square of 100 pixels; only one mask is not black, and it is 255."""
    for i in range(MANY):
        write_photo(root / f"a{i:02}.png", square())
        late = square(left=10) * 255  # half of the photo's square
        write_mask(root / "masks" / f"a{i:02}.png", late if i == LATE else square() * 0)
    return root


@pytest.fixture(autouse=True)
def long_list(monkeypatch):
    """The folders here count as long: only some of their masks are looked at first."""
    monkeypatch.setattr(truth, "_NOT_LONG", MANY - 1)


@pytest.fixture
def gate(monkeypatch):
    """The look at all masks waits until it is set."""
    opened = threading.Event()
    settled = TruthIndex.settled

    def held_back(index, images, report=lambda _done, _total: None, kept=None):
        while not opened.wait(0.005):
            report(0, 0)
        return settled(index, images, report, kept)

    monkeypatch.setattr(TruthIndex, "settled", held_back)
    yield opened
    opened.set()


def show(desk, index):
    desk.browsing.select(index)
    wait_for(desk.clock, lambda: desk.session.index == index)


def open_held(desk, root):
    desk.browsing.open_path(root)
    wait_for(desk.clock, lambda: desk.document is not None)
    wait_for(desk.clock, lambda: not [j for j in desk.jobs.jobs() if j.lane == "files"])


def test_a_look_at_all_masks_decides_and_what_is_open_is_read_again(desk, tmp_path, gate):
    open_held(desk, rare(tmp_path / "nuclei"))
    assert desk.session.project.truth.kind == "index"
    show(desk, LATE)
    assert not desk.document.annotation.labels.any()  # 255 alone: it is not known what that is
    gate.set()
    desk.settle()
    assert desk.session.project.truth.kind == "binary"
    assert desk.session.index == LATE
    assert np.array_equal(desk.document.truth.labels, square(left=10))
    assert np.array_equal(desk.document.annotation.labels, square(left=10))
    assert not desk.document.dirty
    (said,) = [m for m in desk.messages if m.startswith("The masks are now read as")]
    assert said == (
        "The masks are now read as black and white. "
        f"The first look had not come to a{LATE}.png (black and white)."
    )


def test_a_late_mask_that_turns_255_into_ignored_is_named(desk, tmp_path, gate):
    root = rare(tmp_path / "nuclei")
    for i in range(MANY):
        write_mask(root / "masks" / f"a{i:02}.png", square() * 255)
    odd = square() * 255
    odd[0, :3] = 7
    write_mask(root / "masks" / f"a{LATE}.png", odd)
    open_held(desk, root)
    assert desk.session.project.truth.kind == "binary"
    gate.set()
    desk.settle()
    (said,) = [m for m in desk.messages if m.startswith("The masks are now read as")]
    assert said == (
        "The masks are now read as class ids (255 counts nowhere). "
        f"The first look had not come to a{LATE}.png (255 beside 7)."
    )
    (void,) = [n for n in desk.notices.recent if "of some masks is read as ignored" in n.message]
    assert void.message.endswith(f" 255 counts nowhere, as a{LATE}.png holds it beside 7.")
    assert (desk.document.annotation.labels[square() > 0] == 255).all()
    name, answer = void.action
    assert name == "255 is the object"
    answer()
    desk.settle()
    assert desk.session.project.truth.kind == "binary"
    assert np.array_equal(desk.document.annotation.labels, square())


def test_black_that_becomes_the_object_is_said(desk, tmp_path):
    root = make_folder(tmp_path / "nuclei", count=2, truth=False)
    for name in ("a0", "a1"):
        write_mask(root / "masks" / f"{name}.png", square() * 255)
    desk.open(root)
    desk.browsing.masks.read_as(ReadAs("binary", "object"))
    desk.settle()
    assert "The masks are now read as black and white (black is the object)." in desk.messages


def test_what_was_edited_before_is_named_and_stays(desk, tmp_path, gate):
    open_held(desk, rare(tmp_path / "nuclei"))
    desk.session.set_view(active_class=1, brush_size=1)
    desk.editing.begin_stroke(2, 2)
    desk.editing.end_stroke()
    wait_for(desk.clock, lambda: desk.session.state(0).edited)
    gate.set()
    desk.settle()
    assert desk.document.annotation.labels.sum() == 1
    (said,) = [m for m in desk.messages if m.startswith("The masks are now read as")]
    assert said.endswith("What was edited before stays as it is: a00.png.")


def test_nothing_is_counted_before_all_masks_were_looked_at(desk, tmp_path, gate):
    """In the late image 50 pixels are in both, 50 only in each; the others have 100 too many."""
    open_held(desk, rare(tmp_path / "nuclei"))
    desk.segmenting.run_all()
    runs = lambda: [j for j in desk.jobs.jobs() if j.lane in ("model", "scores")]  # noqa: E731
    wait_for(desk.clock, lambda: len(desk.engine.runs) == MANY and not runs())
    held = {index for index, _run in desk.session.counts}
    assert held <= {0, 1, 2}  # the open image and those read ahead
    gate.set()
    desk.settle()
    assert len(desk.session.counts) == MANY
    folder = desk.scoring.of_folder("bright")
    assert folder.images == MANY
    assert folder.summed.iou[1] == pytest.approx(50 / (100 * MANY + 50))


def test_an_evaluation_waits_for_the_masks(desk, tmp_path, gate):
    open_held(desk, rare(tmp_path / "nuclei"))
    desk.evaluating.start(("bright",))
    waiting = lambda: [j for j in desk.jobs.jobs() if "masks" in j.progress.text]  # noqa: E731
    wait_for(desk.clock, waiting)
    assert not len(desk.evaluating.table.indices("bright"))
    gate.set()
    desk.settle()
    table = desk.evaluating.table
    assert len(table.indices("bright")) == MANY
    assert table.schema.ids == (0, 1)
    assert desk.scoring.of_folder("bright").summed.iou[1] == pytest.approx(50 / (100 * MANY + 50))


def test_the_same_look_is_quick_the_next_time(desk, new_desk, tmp_path, monkeypatch):
    root = rare(tmp_path / "nuclei")
    desk.open(root)
    desk.close()
    read = []
    before = mask_evidence.read_mask_file

    def noted(path, *page):
        read.append(path.name)
        return before(path, *page)

    monkeypatch.setattr(mask_evidence, "read_mask_file", noted)
    again = new_desk()
    again.open(root)
    assert again.session.project.truth.kind == "binary"
    assert f"a{LATE}.png" not in read


def numbers(root, count=3):
    """Masks in which each number is one region: classes or objects."""
    for i in range(count):
        write_photo(root / f"a{i}.png", square())
        mask = np.zeros((20, 30), np.uint8)
        for k in range(2 + i):
            mask[2:8, k * 6 : k * 6 + 5] = k + 1
        write_mask(root / "masks" / f"a{i}.png", mask)
    return root


def notice_about(desk, words):
    (found,) = [n for n in desk.notices.recent if words in n.message]
    return found


def test_classes_or_objects_is_asked_once_and_the_answer_kept(desk, new_desk, tmp_path):
    root = numbers(tmp_path / "nuclei")
    desk.open(root)
    question = notice_about(desk, "each could be an object")
    assert [text for text, _ in question.actions] == ["They are classes", "They are objects"]
    assert question.stays
    assert desk.document.truth.instances is None
    question.second[1]()
    desk.settle()
    assert desk.session.project.truth.kind == "instances"
    assert desk.document.truth.instances.max() == 2
    assert desk.document.annotation.instances.max() == 2
    assert desk.session.schema.name_of(1) == "object"
    desk.close()
    again = new_desk()
    again.open(root)
    assert again.document.truth.instances.max() == 2
    assert not [n for n in again.notices.recent if "could be an object" in n.message]


def test_a_question_that_was_not_answered_is_not_asked_again(desk, new_desk, tmp_path):
    root = numbers(tmp_path / "nuclei")
    desk.open(root)
    notice_about(desk, "each could be an object")
    desk.close()
    again = new_desk()
    again.open(root)
    assert not [n for n in again.notices.recent if "could be an object" in n.message]


def test_how_masks_are_read_can_be_changed_at_any_time(desk, tmp_path):
    root = numbers(tmp_path / "nuclei")
    desk.open(root)
    for kind, ids in (("binary", {0, 1}), ("index", {0, 1, 2}), ("instances", {0, 1})):
        desk.browsing.masks.read_as(ReadAs(kind))
        desk.settle()
        assert desk.session.project.truth.kind == kind
        assert set(np.unique(desk.document.annotation.labels)) == ids
        assert (desk.document.annotation.instances is not None) == (kind == "instances")
    desk.browsing.masks.read_as(ReadAs())
    desk.settle()
    assert desk.session.project.truth.kind == "index"


def test_numbers_without_a_class_are_added_by_a_button_and_asked_about_once(
    desk, new_desk, tmp_path
):
    """Masks of 0, 1, 3 and 6 while the folder's list has two classes, as after a wrong choice."""
    root = tmp_path / "short"
    mask = square() * 0
    for at, number in enumerate((1, 3, 6, 1, 3, 6)):
        mask[1 + 3 * at : 3 + 3 * at, 10:20] = number
    write_photo(root / "a.png", square())
    write_mask(root / "masks" / "a.png", mask)
    desk.open(root)
    assert desk.session.schema.ids == (0, 1, 3, 6)
    desk.browsing.masks.read_as(ReadAs(kind="binary"))
    desk.settle()
    desk.studio.schema_keeper.rename_class(1, "cell")  # the list is the user's from here on
    desk.settle()
    assert desk.session.schema.ids == (0, 1)
    desk.browsing.masks.read_as(ReadAs(kind="index"))
    desk.settle()
    asked = notice_about(desk, "no classes of this folder")
    assert asked.message == "The masks hold 3 and 6, which are no classes of this folder."
    words, act = asked.action
    assert words == "Add 2 classes"
    act()
    desk.settle()
    assert desk.session.schema.ids == (0, 1, 3, 6)
    assert desk.session.schema.get(1).name == "cell"
    assert not any("no classes of this" in entry.message for entry in desk.notices.shown)
    desk.studio.schema_keeper.remove_class(3)
    desk.settle()
    desk.close()
    again = new_desk()
    again.open(root)
    assert not any("no class" in n.message for n in again.notices.recent), "said once"


def test_two_codings_of_one_object_are_asked_about_and_the_answer_kept(desk, new_desk, tmp_path):
    root = tmp_path / "set"
    for i, (ground, shape) in enumerate(((0, 1), (1, 2))):
        write_photo(root / f"a{i}.png", square())
        write_mask(root / "masks" / f"a{i}.png", np.where(square() > 0, shape, ground))
    desk.open(root)
    question = notice_about(desk, "Each number is read as one class")
    assert question.message.endswith("all masks: a0.png holds 0 and 1, a1.png holds 1 and 2.")
    assert [text for text, _ in question.actions] == ["They are classes", "It is one object"]
    question.second[1]()
    desk.settle()
    show(desk, 1)
    assert np.array_equal(desk.document.truth.labels, square())
    desk.close()
    again = new_desk()
    again.open(root)
    show(again, 1)
    assert np.array_equal(again.document.truth.labels, square())


def test_numbers_that_can_be_class_and_object_are_not_read_before_it_is_said(
    desk, new_desk, tmp_path
):
    root = tmp_path / "set"
    write_photo(root / "a.png", square())
    (root / "masks").mkdir()
    codes = square().astype(np.uint16) * 2001
    codes[:3] = 1002
    codes[17:] = 1001
    pil.fromarray(codes).save(root / "masks" / "a.png")
    desk.open(root)
    told = [n for n in desk.notices.recent if "could be objects, or class x 1000" in n.message]
    (question,) = told  # what is said of the image does not cover the buttons
    assert question.message.endswith("or class x 1000 + object: a.png.")
    desk.close()
    desk = new_desk()
    desk.open(root)
    (question,) = [n for n in desk.notices.recent if n.actions]  # as long as nothing was said
    assert desk.document.truth is None
    words = ["They are class x 1000 + object", "They are objects"]
    assert [text for text, _ in question.actions] == words
    question.actions[0][1]()
    desk.settle()
    assert set(np.unique(desk.document.truth.labels)) == {0, 1, 2}
    assert desk.document.truth.instances.max() == 3


@pytest.mark.parametrize(
    ("values", "kinds"),
    [
        ((1, 255), ["255 is ignored", "It is one object"]),
        (None, ["It is a class", "It is one object"]),
    ],
)
def test_what_may_be_one_object_is_read_so_by_a_button(desk, tmp_path, values, kinds):
    """Of two numbers without 0 the higher one; of a published colour alone what is not black."""
    root = tmp_path / "set"
    write_photo(root / "a.png", square())
    mask = square()[..., None] * np.array([128, 0, 0], np.uint8)
    if values is not None:
        mask = np.where(square() > 0, *np.uint8(values[::-1]))
    (root / "masks").mkdir()
    pil.fromarray(mask).save(root / "masks" / "a.png")
    desk.open(root)
    (question,) = [n for n in desk.notices.recent if n.actions]
    assert [text for text, _ in question.actions] == kinds
    question.second[1]()
    desk.settle()
    assert np.array_equal(desk.document.truth.labels, square())
    assert desk.session.schema.name_of(1) == "object"


def test_what_class_0_is_is_asked_where_it_is_no_majority(desk, new_desk, tmp_path):
    root = tmp_path / "nuclei"
    for i in range(2):
        write_photo(root / f"a{i}.png", square())
        mask = 1 + square()
        mask[:3] = 0
        write_mask(root / "masks" / f"a{i}.png", mask)
    desk.open(root)
    question = notice_about(desk, "Class 0 is on 15% of the pixels")  # 90 of 600
    assert desk.session.schema.background_id == 0
    assert [text for text, _ in question.actions] == ["It is background", "It is a class"]
    question.second[1]()
    desk.settle()
    assert desk.session.schema.name_of(0) == "class 0"
    assert desk.session.schema.background_id is None
    desk.close()
    again = new_desk()
    again.open(root)
    assert again.session.schema.name_of(0) == "class 0"
    assert not [n for n in again.notices.recent if "Class 0" in n.message]


def test_a_mask_that_is_ignored_as_a_whole_is_said_when_it_is_shown(desk, tmp_path):
    root = make_folder(tmp_path / "nuclei", count=2, truth=False)
    mixed = square()
    mixed[:2] = 255
    mixed[15:] = 2
    write_mask(root / "masks" / "a0.png", mixed)
    write_mask(root / "masks" / "a1.png", square() * 255)
    desk.open(root)
    ignored = [n for n in desk.notices.recent if "ignored" in n.message]
    assert [(n.scope, n.message) for n in ignored] == [
        (
            "folder",
            (
                "Every labelled pixel of some masks is read as ignored: a1.png. "
                "255 counts nowhere, as a0.png holds it beside 1."
            ),
        )
    ]
    show(desk, 1)
    said = notice_about(desk, "of the mask is read as ignored")
    assert str(root / "masks" / "a1.png") in said.message
    assert said.scope == "image"


def test_masks_of_another_kind_are_named_for_the_folder_and_for_the_image(desk, tmp_path):
    root = numbers(tmp_path / "nuclei", count=4)
    write_mask(root / "masks" / "a3.png", square() * 255)
    desk.open(root)
    said = notice_about(desk, "Some masks hold something else and are not used: a3.png (")
    show(desk, 3)
    assert desk.document.truth is None
    said = notice_about(desk, "255 alone")
    assert said.image == root / "a3.png"
    question = notice_about(desk, "Some masks hold something else")
    assert [text for text, _ in question.actions] == ["255 counts nowhere", "255 is a class"]
    question.actions[0][1]()
    desk.settle()
    assert np.array_equal(desk.document.truth.labels, square() * 255)
    assert desk.session.project.truth.coding.ignored == (255,)
    notice_about(desk, "of some masks is read as ignored: a3.png")
    desk.browsing.masks.read_as(ReadAs("index"))
    desk.settle()
    assert set(np.unique(desk.document.annotation.labels)) == {0, 255}
    assert 255 in desk.session.schema.ids
    assert not [o for o in desk.notices.shown if "255 alone" in o.notice.message]


def test_after_a_look_that_changes_nothing_the_last_word_counts(desk, tmp_path, gate):
    """Nothing is read again, and what is said later goes by all masks."""
    root = tmp_path / "nuclei"
    for i in range(MANY):
        write_photo(root / f"a{i:02}.png", square())
        mask = 1 + square()
        mask[:3] = 0
        write_mask(root / "masks" / f"a{i:02}.png", mask)
    open_held(desk, root)
    document, project = desk.document, desk.session.project
    assert not desk.browsing.masks.index.final
    gate.set()
    desk.settle()
    assert desk.document is document
    assert desk.session.project is project
    assert desk.browsing.masks.index.final
    assert [d.about for d in desk.browsing.masks.index.doubts] == ["zero"]
    desk.browsing.masks.read_as(ReadAs(zero="class"))
    desk.settle()
    assert desk.session.project.truth.final
    assert desk.session.schema.name_of(0) == "class 0"


def test_nobody_waits_for_a_look_that_was_stopped_before_it_began(desk, tmp_path):
    busy = threading.Event()
    desk.studio.jobs.submit("Something else", "masks", lambda _job: busy.wait(30))
    open_held(desk, rare(tmp_path / "nuclei"))
    masks = desk.exporting._folder.files.masks
    (look,) = (job for job in desk.studio.jobs.jobs() if job.title == "Looking at the masks")
    look.cancel()
    busy.set()
    desk.settle()
    with pytest.raises(SegstudioError, match="not looked at to the end"):
        masks.wait(lambda: pytest.fail("it is waited for ever"))


def test_an_image_that_is_read_when_masks_are_decided_is_read_again_with_their_classes(
    desk, tmp_path, gate, monkeypatch
):
    open_held(desk, rare(tmp_path / "nuclei"))
    found_first, going = desk.session.schema, threading.Event()
    loads, load = [], FolderFiles.load_document

    def held_back(files, ref, schema, *rest):
        loads.append((ref.name, schema))
        assert going.wait(30)
        return load(files, ref, schema, *rest)

    monkeypatch.setattr(FolderFiles, "load_document", held_back)
    desk.browsing.select(LATE)
    wait_for(desk.clock, lambda: bool(loads))
    gate.set()
    wait_for(desk.clock, lambda: desk.session.schema != found_first)
    going.set()
    desk.settle()
    late = f"a{LATE}.png"
    assert [schema for name, schema in loads if name == late] == [found_first, desk.session.schema]
    assert desk.document.ref.name == late
    assert desk.document.annotation.labels.sum() == 100


def test_a_colour_that_turns_up_late_leaves_the_others_their_numbers(desk, tmp_path, gate):
    """Else what was painted in the meantime would be saved in another class's colour."""
    root, red, blue = tmp_path / "colours", (200, 0, 0), (0, 0, 200)
    (root / "masks").mkdir(parents=True)
    for i in range(MANY):
        write_photo(root / f"a{i:02}.png", square())
        mask = np.zeros((*square().shape, 3), np.uint8)
        mask[2:6, 2:6] = blue if i == LATE else red
        pil.fromarray(mask).save(root / "masks" / f"a{i:02}.png")
    open_held(desk, root)
    assert desk.session.schema.get(1).color == red
    desk.session.set_view(active_class=1, brush_size=1)
    desk.editing.begin_stroke(0.5, 0.5)
    desk.editing.end_stroke()
    gate.set()
    desk.settle()
    colors = [spec.color for spec in desk.session.schema.classes]
    assert colors == [(0, 0, 0), red, blue]
    desk.editing.begin_stroke(1.5, 0.5)
    desk.editing.end_stroke()
    desk.clock.advance(2.0)
    desk.settle()
    saved = np.array(pil.open(root / "masks" / "a00.png").convert("RGB"))
    assert [tuple(p) for p in saved[0, :3].tolist()] == [red, red, (0, 0, 0)]
    show(desk, LATE)
    desk.settle()
    assert int(desk.document.truth.labels[3, 3]) == 2


@pytest.mark.parametrize("white", [False, True])
def test_a_late_change_is_told_where_a_mask_is_read_otherwise_by_it(desk, tmp_path, gate, white):
    """Once an image has over 253 objects, one of black and white alone holds object 255."""
    root = tmp_path / "objects"
    (root / "instances").mkdir(parents=True)
    for i in range(MANY):
        write_photo(root / f"a{i:02}.png", square())
        ids = np.zeros(square().shape, np.uint16)
        ids[2, 2:6] = (1, 2, 3, 400 if i == LATE else 4)
        if white and i == LATE + 1:
            ids[:] = square() * 255
        pil.fromarray(ids).save(root / "instances" / f"a{i:02}.png")
    open_held(desk, root)
    before = desk.session.project.truth
    gate.set()
    desk.settle()
    found = desk.session.project.truth
    assert found.coding != before.coding
    assert found.in_words == before.in_words
    told = [n.message for n in desk.notices.recent if "are now read as" in n.message]
    assert bool(told) is white
