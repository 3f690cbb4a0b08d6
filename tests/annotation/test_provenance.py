"""Who wrote each pixel: kept with every edit, undone with it, saved with the mask."""

from __future__ import annotations

import json

import numpy as np
import pytest
from fakes import make_folder, write_mask
from PIL import Image as pil
from saving import later
from strokes import dab, labels_of, stroke

from segstudio.annotation.region_operations import OPERATIONS, Target
from segstudio.annotation.tidying import TidyRequest
from segstudio.core.provenance import IMPORT, PERSON, ModelWriter, WriterTable
from segstudio.storage.formats.png import encode_index_png

GROW = TidyRequest(next(o for o in OPERATIONS if o.name == "grow"), Target(), 1)


@pytest.fixture
def kept(desk, tmp_path):
    """Three images of 30 x 20 with ground truth in columns 7..16 of rows 5..14; the switch is on.

    The model "bright" finds columns 5..14 of these rows in the first.
    """
    desk.root = make_folder(tmp_path / "set")
    desk.open(desk.root)
    desk.session.set_view(active_class=1, brush_size=1, provenance=True)
    desk.settle()
    return desk


def predict(desk):
    desk.session.model = desk.session.model.__class__("bright")
    desk.segmenting.run_current()
    desk.settle()
    (run,) = desk.document.predictions
    return run


def writers(desk):
    return np.array(desk.document.annotation.writers)


def on_disk(desk, name="a0.png"):
    return np.array(pil.open(desk.root / "provenance" / name))


def counts(array):
    return {int(n): int(c) for n, c in zip(*np.unique(array, return_counts=True), strict=True)}


def let_go(desk):
    """Close and open the folder, so that all is read again."""
    for document in list(desk.studio._documents):
        desk.studio._documents.drop(document.ref)
    desk.open(desk.root)


def test_a_brush_a_model_and_the_ground_truth_are_told_apart(kept):
    assert counts(writers(kept)) == {0: 500, IMPORT: 100}
    dab(kept, 2, 3)
    stroke(kept, (12, 9), erase=True)
    assert writers(kept)[3, 2] == writers(kept)[9, 12] == PERSON
    kept.editing.take_difference(predict(kept), 5, 6)  # columns 5 and 6, which the truth has not
    model = kept.studio._folder.files.writers.table.known("bright")
    assert counts(writers(kept)) == {0: 479, PERSON: 2, IMPORT: 99, model: 20}
    assert (writers(kept)[5:15, 5:7] == model).all()
    kept.editing.use_truth()
    # all that differed is of the import again: the dab, what was erased, what was taken
    assert counts(writers(kept)) == {0: 479, IMPORT: 121}


def test_using_a_prediction_signs_what_it_changes_and_nothing_else(kept):
    kept.editing.use_prediction(predict(kept))
    # columns 5 and 6 become the class, 15 and 16 background; 7..14 stay the import's
    expected = np.zeros((20, 30), int)
    expected[5:15, 7:15] = IMPORT
    expected[5:15, 5:7] = expected[5:15, 15:17] = 3
    assert np.array_equal(writers(kept), expected)
    kept.editing.undo()
    assert counts(writers(kept)) == {0: 500, IMPORT: 100}
    kept.editing.redo()
    assert np.array_equal(writers(kept), expected)


def test_a_stroke_that_is_given_up_leaves_no_trace(kept):
    before = writers(kept)
    kept.editing.begin_stroke(1, 1)
    kept.editing.extend_stroke(20, 12)
    assert (writers(kept) == PERSON).any()
    kept.editing.abort_stroke()
    assert np.array_equal(writers(kept), before)


def test_it_is_saved_with_the_mask_and_read_again(kept, new_desk, tmp_path):
    dab(kept, 2, 3)
    kept.editing.take_difference(predict(kept), 5, 6)
    later(kept)
    saved = on_disk(kept)
    with pil.open(kept.root / "provenance" / "a0.png") as file:
        assert file.mode == "P"
    assert counts(saved) == {0: 479, PERSON: 1, IMPORT: 100, 3: 20}
    assert (saved[5:15, 5:7] == 3).all()
    table = json.loads((kept.root / "provenance" / "writers.json").read_text())["writers"]
    assert table == [
        {"number": 0, "kind": "unknown"},
        {"number": 1, "kind": "person"},
        {"number": 2, "kind": "import"},
        {"number": 3, "kind": "model", "id": "bright", "name": "Bright"},
    ]
    assert not (kept.root / "provenance" / "a1.png").exists()
    kept.close()
    other = new_desk(home=tmp_path / "elsewhere")  # another user: the folder brings it along
    other.open(kept.root)
    assert other.session.view.provenance
    assert np.array_equal(writers(other), saved)
    assert [ref.name for ref in other.session.project.images] == ["a0.png", "a1.png", "a2.png"]


def test_numbers_of_a_map_are_those_of_its_own_table(kept):
    """A file of another program run, in which other models came first."""
    dab(kept, 2, 3)
    later(kept)
    theirs = WriterTable([ModelWriter("other", "Other"), ModelWriter("bright", "Bright")])
    content = np.zeros((20, 30), np.uint8)
    content[0, 0], content[0, 1] = 3, 4
    path = kept.root / "provenance" / "a0.png"
    source = "a0.png"
    path.write_bytes(
        encode_index_png(content, source=source, texts={"Writers": json.dumps(theirs.to_json())})
    )
    kept.studio._folder.files.writers.number_of(ModelWriter("bright", "Bright"))
    let_go(kept)
    table = kept.studio._folder.files.writers.table
    assert table.name_of(int(writers(kept)[0, 0])) == "Other"
    assert writers(kept)[0, 1] == table.known("bright") == 3


def test_what_is_as_the_ground_truth_again_leaves_no_map_behind(kept):
    dab(kept, 2, 3)
    later(kept)
    assert (kept.root / "provenance" / "a0.png").exists()
    kept.editing.undo()
    later(kept)
    assert not (kept.root / "provenance" / "a0.png").exists()
    assert not kept.document.dirty


def test_off_it_costs_nothing_and_writes_nothing(desk, tmp_path):
    desk.root = make_folder(tmp_path / "set")
    desk.open(desk.root)
    desk.session.set_view(active_class=1, brush_size=1)
    dab(desk, 2, 3)
    assert desk.document.annotation.writers is None
    step = desk.document.history.next_undo()
    assert all(patch.writers_before is None for patch in step.unpack().patches)
    later(desk)
    assert not (desk.root / "provenance").exists()


def test_switched_off_what_was_kept_stays_and_is_read_when_it_is_switched_on(kept):
    dab(kept, 2, 3)
    kept.provenance.toggle()
    kept.settle()
    assert kept.document.annotation.writers is None
    saved = on_disk(kept)
    assert counts(saved) == {0: 499, PERSON: 1, IMPORT: 100}
    dab(kept, 4, 3)
    later(kept)
    assert np.array_equal(on_disk(kept), saved)
    kept.provenance.toggle()
    kept.settle()
    assert np.array_equal(writers(kept), saved)
    told = [m for m in kept.messages if "was changed without provenance/a0.png" in m]
    assert len(told) == 1
    kept.editing.undo()  # the dab of which nobody kept whose it was
    assert writers(kept)[3, 4] == 0
    assert labels_of(kept)[3, 4] == 0


def test_the_choice_is_remembered_for_the_folder(kept, new_desk):
    kept.clock.advance(2)
    kept.settle()
    kept.close()
    other = new_desk()
    other.open(kept.root)
    assert other.session.view.provenance
    assert other.document.annotation.writers is not None


def test_read_only_it_is_not_switched(kept):
    kept.session.read_only = "Another window has this folder."
    kept.provenance.toggle()
    assert kept.session.view.provenance
    assert "Another window has this folder." in kept.messages


@pytest.mark.parametrize("kind", ["size", "broken", "colours"])
def test_a_map_that_cannot_be_used_is_told_once_and_kept(kept, kind):
    dab(kept, 2, 3)
    later(kept)
    path = kept.root / "provenance" / "a0.png"
    if kind == "size":
        write_mask(path, np.zeros((3, 4)))
    elif kind == "broken":
        path.write_bytes(path.read_bytes()[:60])
    else:
        pil.new("RGB", (30, 20)).save(path)
    content = path.read_bytes()
    let_go(kept)
    told = [m for m in kept.messages if "provenance/a0.png" in m]
    assert len(told) == 1
    assert "Who wrote the pixels of a0.png is not known." in told[0]
    dab(kept, 4, 3)
    later(kept)
    assert counts(on_disk(kept))[PERSON] == 1
    kept_as = [p for p in (kept.root / "provenance").rglob("*") if p.is_file()]
    assert content in [p.read_bytes() for p in kept_as]
    assert len([m for m in kept.messages if "provenance/a0.png" in m]) == 1


def test_a_damaged_table_is_made_anew_and_maps_tell_their_models_themselves(kept):
    kept.editing.take_difference(predict(kept), 5, 6)
    later(kept)
    table = kept.root / "provenance" / "writers.json"
    table.write_text("{")
    let_go(kept)
    assert counts(writers(kept))[3] == 20
    dab(kept, 2, 3)
    later(kept)
    assert json.loads(table.read_text())["writers"][3]["id"] == "bright"
    assert (kept.root / "provenance" / "writers.damaged").read_text() == "{"


def test_strokes_that_a_crash_left_come_back_with_their_writers(kept, new_desk):
    run = predict(kept)
    (kept.root / "provenance").write_text("a file where the folder should be")
    dab(kept, 2, 3)
    kept.editing.take_difference(run, 5, 6)
    wanted = writers(kept)
    kept.clock.advance(2)  # the switch is remembered; saving fails
    kept.settle()
    assert kept.document.dirty
    kept.studio._journal.close()  # as if it had been killed
    (kept.root / "provenance").unlink()
    other = new_desk()
    (item,) = other.recovering.pending()
    other.recovering.restore(item)
    other.settle()
    assert other.session.view.provenance
    assert np.array_equal(writers(other), wanted)
    table = other.studio._folder.files.writers.table
    assert table.name_of(int(wanted[6, 5])) == "Bright"


def test_an_operation_on_many_images_signs_files_and_its_undo_takes_that_back(kept):
    kept.editing.take_difference(predict(kept), 5, 6)
    before = writers(kept)
    documents = kept.studio._documents
    for document in list(documents):
        if document is not kept.document:
            documents.drop(document.ref)
    kept.tidying.apply_to(GROW, kept.session.project.images)
    kept.settle()
    # columns 7..16 of rows 5..14 grow by a cross: 2 x 10 above and below, 2 x 10 left and right
    assert counts(on_disk(kept, "a2.png")) == {0: 460, PERSON: 40, IMPORT: 100}
    grown = writers(kept)
    assert counts(grown)[PERSON] == 44
    assert (grown[before > 0] == before[before > 0]).all()
    notice = [n for n in kept.studio.notices.recent if n.action is not None][-1]
    notice.action[1]()
    kept.settle()
    assert np.array_equal(writers(kept), before)
    assert not (kept.root / "provenance" / "a2.png").exists()


def test_a_map_that_cannot_be_saved_is_saved_later_and_nobody_is_asked(kept):
    (kept.root / "provenance").write_text("a file where the folder should be")
    dab(kept, 2, 3)
    later(kept)
    assert kept.document.dirty
    failed = [n for n in kept.studio.notices.recent if n.level == "error"]
    assert len(failed) == 1
    assert "provenance" in failed[0].message
    (kept.root / "provenance").unlink()
    kept.clock.advance(6)
    kept.settle()
    assert not kept.document.dirty
    assert counts(on_disk(kept))[PERSON] == 1
    assert not [n for n in kept.studio.notices.recent if n.level == "warning"]


def test_an_image_that_is_read_while_it_is_switched_on_gets_its_map(desk, tmp_path):
    desk.root = make_folder(tmp_path / "set")
    desk.studio.browsing.open_path(desk.root)
    desk.jobs.wait_idle()  # the folder is listed
    desk.clock.run_posted()  # its first image is being read
    desk.session.set_view(provenance=True)
    desk.settle()
    for number in range(3):
        desk.browsing.select(number)
        desk.settle()
        assert counts(writers(desk)) == {0: 500, IMPORT: 100}


def test_a_map_counts_as_memory_of_its_image(kept):
    held = kept.document.nbytes
    kept.provenance.toggle()
    kept.settle()
    assert held - kept.document.nbytes == 600
