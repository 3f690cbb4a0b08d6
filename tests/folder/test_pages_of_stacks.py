"""Every page of a stack has its own mask, history, predictions, scores and marks."""

from __future__ import annotations

import shutil
import threading
import time
from dataclasses import replace

import numpy as np
import pytest
import tifffile
from fakes import BRIGHT
from PIL import Image as pil
from saving import undo_button
from strokes import labels_of, stroke

from segstudio.annotation.exporting import ExportPlan, Replaced
from segstudio.storage import digests
from segstudio.storage.image_ref import PAGE_STEP, ImageRef
from segstudio.storage.masks import annotation_files

HEIGHT, WIDTH = 20, 30


def make_stack(path, pages=3):
    """Page p has the left p + 1 columns bright."""
    stored = np.zeros((pages, HEIGHT, WIDTH), np.uint8)
    for page in range(pages):
        stored[page, :, : page + 1] = 200
    path.parent.mkdir(parents=True, exist_ok=True)
    tifffile.imwrite(path, stored, photometric="minisblack")


@pytest.fixture
def stack(desk, tmp_path):
    """A desk with a stack of three pages and another image, and a brush of one pixel."""
    desk.root = tmp_path / "nuclei"
    make_stack(desk.root / "stack.tif")
    pil.new("RGB", (WIDTH, HEIGHT)).save(desk.root / "z.png")
    desk.open(desk.root)
    desk.session.set_view(active_class=1, brush_size=1)
    return desk


def go(desk, page):
    desk.browsing.select_page(page)
    desk.settle()


def saved(desk):
    return {
        p.name: np.argwhere(np.array(pil.open(p))).tolist()
        for p in sorted((desk.root / "masks").glob("*.png"))
    }


def test_each_page_is_read_when_it_is_asked_for(stack):
    assert [ref.name for ref in stack.session.project.images] == ["stack.tif", "z.png"]
    for page in (1, 2, 0):
        go(stack, page)
        assert stack.document.ref == ImageRef("stack.tif", str(stack.root), page)
        assert (stack.document.pixels[0, :, 0] > 0).sum() == page + 1
        assert stack.session.index == page * PAGE_STEP
        assert stack.browsing.cursor == 0
    stack.browsing.step_page(-1)
    stack.settle()
    assert stack.document.ref.page == 0  # there is none before the first
    go(stack, 99)
    assert stack.document.ref.page == 2
    stack.browsing.step(1)
    stack.settle()
    assert stack.document.ref.name == "z.png"


def test_strokes_go_to_the_page_that_is_shown_and_stay_there(stack):
    stroke(stack, (3, 4))
    go(stack, 2)
    assert not labels_of(stack).any()
    stroke(stack, (5, 6))
    stroke(stack, (7, 8))
    go(stack, 1)
    assert not labels_of(stack).any()
    assert not stack.document.history.can_undo
    assert saved(stack) == {"stack.png": [[4, 3]], "stack_p0003.png": [[6, 5], [8, 7]]}
    go(stack, 2)
    stack.editing.undo()
    stack.settle()
    assert np.argwhere(labels_of(stack)).tolist() == [[6, 5]]
    go(stack, 0)
    assert np.argwhere(labels_of(stack)).tolist() == [[4, 3]]


def test_they_are_found_again(stack, new_desk):
    go(stack, 1)
    stroke(stack, (5, 6))
    stack.browsing.toggle_reviewed()
    go(stack, 0)
    stack.close()
    again = new_desk()
    again.open(stack.root)
    assert not labels_of(again).any()
    assert not again.session.state(0).reviewed
    go(again, 1)
    assert np.argwhere(labels_of(again)).tolist() == [[6, 5]]
    state = again.session.state(again.session.index)
    assert (state.edited, state.reviewed) == (True, True)


def test_a_killed_program_loses_no_page(stack, new_desk, tmp_path):
    stroke(stack, (3, 4))
    stack.settle()
    go(stack, 1)
    stroke(stack, (5, 6))
    stroke(stack, (6, 6))
    # not saved yet: what a killed program leaves behind is what lies on the disk now
    shutil.copytree(stack.preferences.home, tmp_path / "left behind")
    again = new_desk(home=tmp_path / "left behind")
    items = again.recovering.pending()
    assert [(item.image.name, item.page, item.title) for item in items] == [
        ("stack.tif", 1, "stack.tif · page 2")
    ]
    again.recovering.restore(items[0])
    again.settle()
    assert again.document.ref.page == 1
    assert np.argwhere(labels_of(again)).tolist() == [[6, 5], [6, 6]]


def test_predictions_and_scores_are_the_pages(stack):
    for page, column in ((0, 0), (2, 2)):
        go(stack, page)
        stroke(stack, (column, 0), (column, HEIGHT - 1))
        stack.segmenting.run_current()
        stack.settle()
        predicted = stack.document.predictions[BRIGHT.id].labels
        assert (predicted[0] > 0).sum() == page + 1
    # page 1: the only bright column is painted. page 3: one of three
    last = stack.scoring.of_image().iou.tolist()
    assert last[1] == pytest.approx(1 / 3)
    go(stack, 0)
    assert stack.scoring.of_image().iou.tolist()[1] == pytest.approx(1.0)
    go(stack, 1)
    assert stack.document.predictions == {}
    assert stack.scoring.of_image() is None
    lines = stack.scoring.csv().splitlines()
    named = {line.split('"')[1] if '"' in line else line.split(",")[1] for line in lines[1:]}
    assert named >= {"stack.tif", "stack.tif · page 3"}


def test_predictions_of_a_page_are_kept_on_disk(stack, new_desk):
    go(stack, 1)
    stack.segmenting.run_current()
    stack.settle()
    home = stack.preferences.home
    stack.close()
    again = new_desk(home=home)
    again.open(stack.root)
    assert again.document.ref.page == 1, "where the folder was left"
    go(again, 0)
    assert again.document.predictions == {}
    go(again, 1)
    assert (again.document.predictions[BRIGHT.id].labels[0] > 0).sum() == 2


def test_the_folder_read_again_keeps_the_page(stack):
    go(stack, 2)
    stroke(stack, (5, 6))
    make_stack(stack.root / "a.tif")  # comes before the open one
    stack.browsing.rescan()
    stack.settle()
    assert stack.session.index == 1 + 2 * PAGE_STEP
    assert np.argwhere(labels_of(stack)).tolist() == [[6, 5]]


def test_export_of_this_image_is_of_the_page(stack, tmp_path):
    go(stack, 1)
    stroke(stack, (5, 6))
    plan = ExportPlan("current", "annotation", frozenset({"index"}), tmp_path / "out")
    stack.exporting.export(plan, lambda _report: None)
    stack.settle()
    files = [p.name for p in (tmp_path / "out").rglob("*.png")]
    assert files == ["stack_p0002.png"]


def test_a_page_never_takes_the_mask_of_an_image_called_like_it(tmp_path):
    root = tmp_path / "nuclei"
    make_stack(root / "stack.tif")
    pil.new("RGB", (WIDTH, HEIGHT)).save(root / "stack_p0002.png")
    page = annotation_files(root, ImageRef("stack.tif", str(root), 1)).mask
    image = annotation_files(root, ImageRef("stack_p0002.png", str(root))).mask
    assert page.name == "stack.tif_p0002.png"
    assert image.name == "stack_p0002.png"


def with_truth(root, pages):
    """Page p of the mask has p + 1 pixels painted in its first row."""
    masks = np.zeros((pages, HEIGHT, WIDTH), np.uint8)
    for page in range(pages):
        masks[page, 0, : page + 1] = 255
    (root / "masks").mkdir(parents=True)
    tifffile.imwrite(root / "masks" / "stack.tif", masks, photometric="minisblack")


def test_the_ground_truth_of_a_stack_is_read_page_by_page(desk, tmp_path):
    make_stack(tmp_path / "nuclei" / "stack.tif")
    with_truth(tmp_path / "nuclei", 3)
    before = (tmp_path / "nuclei" / "masks" / "stack.tif").read_bytes()
    desk.root = tmp_path / "nuclei"
    desk.open(desk.root)
    desk.session.set_view(active_class=1, brush_size=1)
    assert desk.document.notes == ()
    assert [labels_of(desk).sum() for page in range(3) if go(desk, page) is None] == [1, 2, 3]
    # a stroke on a later page leaves the file of all pages alone
    go(desk, 1)
    stroke(desk, (5, 6))
    go(desk, 0)
    assert (tmp_path / "nuclei" / "masks" / "stack.tif").read_bytes() == before
    assert saved(desk) == {"stack_p0002.png": [[0, 0], [0, 1], [6, 5]]}
    # the first page goes where it was read from; the other pages of that file stay
    stroke(desk, (7, 8))
    go(desk, 1)
    written = tifffile.imread(tmp_path / "nuclei" / "masks" / "stack.tif")
    assert np.argwhere(written[0]).tolist() == [[0, 0], [8, 7]]
    assert [int((page > 0).sum()) for page in written[1:]] == [2, 3]
    assert np.argwhere(labels_of(desk)).tolist() == [[0, 0], [0, 1], [6, 5]]
    go(desk, 2)
    assert labels_of(desk).sum() == 3
    # taken back: nothing is left of it
    go(desk, 1)
    desk.editing.undo()
    go(desk, 0)
    assert saved(desk) == {}
    go(desk, 1)
    assert np.argwhere(labels_of(desk)).tolist() == [[0, 0], [0, 1]]


def test_pages_of_a_stack_with_truth_are_found_again(desk, tmp_path, new_desk):
    root = tmp_path / "nuclei"
    make_stack(root / "stack.tif")
    with_truth(root, 3)
    desk.root = root
    desk.open(root)
    desk.session.set_view(active_class=1, brush_size=1)
    for page in range(3):
        go(desk, page)
        stroke(desk, (10 + page, 9))
    go(desk, 0)
    desk.close()
    again = new_desk()
    again.open(root)
    for page in range(3):
        go(again, page)
        row = [[0, x] for x in range(page + 1)]
        assert np.argwhere(labels_of(again)).tolist() == [*row, [9, 10 + page]]
        assert again.document.truth.labels.sum() == page + 1


@pytest.mark.parametrize(
    ("in_mask", "note"),
    [
        (1, "The mask stack.tif has one page: it is that of page 1 of 3 only."),
        (2, "The mask stack.tif has 2 pages, but stack.tif has 3."),
    ],
)
def test_a_mask_of_fewer_pages_is_said(desk, tmp_path, in_mask, note):
    make_stack(tmp_path / "nuclei" / "stack.tif")
    with_truth(tmp_path / "nuclei", in_mask)
    desk.open(tmp_path / "nuclei")
    assert desk.document.notes == (note,)
    desk.browsing.select_page(2)
    desk.settle()
    assert desk.document.truth is None
    assert not labels_of(desk).any()


def test_a_large_stack_is_shown_before_all_of_it_is_read(new_desk, tmp_path, monkeypatch):
    """Its content is hashed for the store of predictions; the pages do not wait for that."""
    make_stack(tmp_path / "nuclei" / "stack.tif", pages=4)
    monkeypatch.setattr(digests, "_A_MOMENT_BYTES", 10)
    may_hash = threading.Event()
    computed = digests._computed

    def slowly(path, check):
        while not may_hash.wait(0.01):
            check()
        return computed(path, check)

    monkeypatch.setattr(digests, "_computed", slowly)
    desk = new_desk()
    desk.browsing.open_path(tmp_path / "nuclei")
    for page in (0, 2):
        deadline = time.monotonic() + 20
        desk.browsing.select_page(page)
        while desk.document is None or desk.document.ref.page != page:
            assert time.monotonic() < deadline
            desk.clock.wait_posted(0.02)
            desk.clock.run_posted()
    assert not may_hash.is_set()
    may_hash.set()
    desk.settle()
    desk.segmenting.run_current()
    desk.settle()
    assert (desk.document.predictions[BRIGHT.id].labels[0] > 0).sum() == 3


def test_the_pages_of_a_stack_are_not_those_of_the_next_folders_first_image(stack, tmp_path):
    assert stack.browsing.pages == 3
    other = tmp_path / "other"
    other.mkdir()
    (other / "broken.png").write_bytes(b"no image")
    stack.open(other)
    assert stack.session.unreadable is not None
    assert stack.browsing.pages == 1


TRUTH_COLUMNS = (1, 4, 9)
"""Of the object on each page; the model finds 1, 2 and 3 of them."""
PAGES = [page * PAGE_STEP for page in range(3)]
TITLES = [f"stack.tif · page {page}/3" for page in (1, 2, 3)]
IOU = [1.0, 2 / 4, 3 / 9]


@pytest.fixture
def measured(desk, tmp_path):
    """A folder with a stack of three pages, each with its own ground truth, and a plain image."""
    desk.root = tmp_path / "nuclei"
    make_stack(desk.root / "stack.tif")
    masks = np.zeros((3, HEIGHT, WIDTH), np.uint8)
    for mask, columns in zip(masks, TRUTH_COLUMNS, strict=True):
        mask[:, :columns] = 255
    (desk.root / "masks").mkdir()
    tifffile.imwrite(desk.root / "masks" / "stack.tif", masks, photometric="minisblack")
    pil.new("RGB", (WIDTH, HEIGHT)).save(desk.root / "z.png")
    desk.open(desk.root)
    return desk


def test_a_run_on_all_images_does_every_page(measured, new_desk):
    measured.segmenting.run_all()
    measured.settle()
    assert measured.engine.runs == [BRIGHT.id] * 4
    counts = measured.session.counts
    assert [int(counts[place, BRIGHT.id].counts[1].sum()) // HEIGHT for place in PAGES] == [1, 4, 9]
    # 1 + 2 + 3 columns are right, of 1 + 4 + 9
    assert measured.scoring.of_folder().summed.iou[1] == pytest.approx(6 / 14)
    go(measured, 2)
    assert (measured.document.predictions[BRIGHT.id].labels[0] > 0).sum() == 3
    measured.segmenting.run_all()
    measured.settle()
    assert measured.engine.runs == [BRIGHT.id] * 4  # the rest is on disk
    home = measured.preferences.home
    measured.close()
    again = new_desk(home=home)
    again.open(measured.root)
    again.segmenting.show(BRIGHT.id)
    again.settle()
    assert again.scoring.of_folder(BRIGHT.id).summed.iou[1] == pytest.approx(6 / 14)


def test_a_run_on_the_open_image_is_of_its_page_alone(measured):
    measured.segmenting.run_current()
    measured.settle()
    assert measured.engine.runs == [BRIGHT.id]


def evaluated_again(measured, new_desk):
    """A desk of the next day, on which the folder was evaluated once more."""
    home = measured.preferences.home
    measured.close()
    again = new_desk(home=home)
    again.open(measured.root)
    again.evaluating.start([BRIGHT.id])
    again.settle()
    return again


def test_an_evaluation_measures_every_page(measured, new_desk):
    measured.evaluating.start([BRIGHT.id])
    measured.settle()
    table = measured.evaluating.table
    assert table.indices(BRIGHT.id, scored=True).tolist() == PAGES
    assert table.indices(BRIGHT.id).tolist() == [0, 1, *PAGES[1:]]
    assert [table.names[place] for place in (0, 1, *PAGES[1:])] == [TITLES[0], "z.png", *TITLES[1:]]
    assert table.class_iou(BRIGHT.id)[[0, 2, 3], 1] == pytest.approx(IOU)
    assert [table.image(place, BRIGHT.id).name for place in PAGES] == TITLES
    assert table.figure(BRIGHT.id, "mean_iou_foreground") == pytest.approx(6 / 14)
    evaluation = measured.session.evaluation
    assert (evaluation.total, evaluation.done) == (4, {BRIGHT.id: 4})
    again = evaluated_again(measured, new_desk)
    assert again.engine.runs == []
    assert again.evaluating.table.class_iou(BRIGHT.id)[[0, 2, 3], 1] == pytest.approx(IOU)


def test_figures_follow_a_correction_of_a_later_page(measured):
    measured.evaluating.start([BRIGHT.id])
    measured.settle()
    go(measured, 2)
    measured.session.set_view(active_class=0, brush_size=1)
    for column in range(3, 9):  # what is left are the three columns that the model finds
        stroke(measured, (column, 0), (column, HEIGHT - 1))
    measured.settle()
    measured.clock.advance(1.0)
    measured.settle()
    found = measured.evaluating.table.class_iou(BRIGHT.id)[[0, 2, 3], 1]
    assert found == pytest.approx([1.0, 0.5, 1.0])


def test_the_queue_goes_from_page_to_page(measured):
    measured.evaluating.start([BRIGHT.id])
    measured.settle()
    assert measured.session.queue.images == (PAGES[2], PAGES[1], PAGES[0])
    assert measured.session.queue.values == pytest.approx(IOU[::-1])
    measured.browsing.select(1)  # it has no ground truth, and does not wait
    measured.settle()
    for place, shown in ((PAGES[2], 2), (PAGES[1], 1)):
        measured.work_queue.step(1)
        measured.settle()
        assert measured.session.index == place
        assert measured.document.ref.page == shown
    measured.work_queue.done()
    measured.settle()
    assert measured.document.ref.page == 0
    assert measured.session.queue.images == (PAGES[2], PAGES[0])
    assert measured.session.queue.finished == (PAGES[1],)
    assert measured.work_queue.title(PAGES[1]) == TITLES[1]
    measured.open(measured.root / "masks")  # another folder: no figures
    assert measured.work_queue.title(PAGES[1]) == ""


def test_a_corrected_page_stays_out_of_the_queue(measured, new_desk):
    measured.evaluating.start([BRIGHT.id])
    measured.settle()
    go(measured, 1)
    measured.session.set_view(active_class=1, brush_size=1)
    stroke(measured, (20, 6))
    measured.settle()
    assert measured.session.queue.images == (PAGES[2], PAGES[0])
    again = evaluated_again(measured, new_desk)
    assert again.session.queue.images == (PAGES[2], PAGES[0])


def painted_pages(desk, class_id):
    """Class 1 on pages 1 and 3; the other class on three pixels of page 3 and one of z.png."""
    stroke(desk, (3, 4), (4, 4))
    go(desk, 2)
    stroke(desk, (7, 8))
    desk.session.set_view(active_class=class_id)
    stroke(desk, (5, 6), (6, 6), (7, 6))
    desk.browsing.select(1)
    desk.settle()
    stroke(desk, (1, 2))


def use_of(desk, class_id):
    found = []
    desk.studio.class_removal.count(class_id, found.append)
    desk.settle()
    return found[0]


def maps_on_disk(desk):
    desk.studio.autosave.save_all()
    desk.settle()
    return {p.name: np.array(pil.open(p)) for p in sorted((desk.root / "masks").glob("*.png"))}


@pytest.mark.parametrize("in_memory", [True, False])
def test_a_class_is_removed_on_every_page_and_comes_back(stack, in_memory):
    new = stack.studio.schema_keeper.add_class("nucleus")
    painted_pages(stack, new)
    before = maps_on_disk(stack)
    assert {name: int((m == new).sum()) for name, m in before.items()} == {
        "stack.png": 0,
        "stack_p0003.png": 3,
        "z.png": 1,
    }
    documents = stack.studio.class_removal._documents
    for document in list(documents):
        if not in_memory and document is not stack.document:
            documents.drop(document.ref)
    use = use_of(stack, new)
    assert (use.pixels, [ref.title for ref in use.images]) == (4, ["stack.tif · page 3", "z.png"])
    stack.studio.class_removal.remove(use, into=1)
    stack.settle()
    after = maps_on_disk(stack)
    assert after.keys() == before.keys()
    assert all(np.unique(m).tolist() == [0, 1] for m in after.values())
    assert int((after["stack_p0003.png"] == 1).sum()) == 4
    undo_button(stack)
    back = maps_on_disk(stack)
    assert all(np.array_equal(back[name], m) for name, m in before.items())
    assert stack.session.schema.name_of(new) == "nucleus"


@pytest.fixture
def one_mask(desk, tmp_path):
    """A stack whose mask has all pages: on page p class 2 on p + 1 pixels, class 1 on one."""
    desk.root = tmp_path / "nuclei"
    make_stack(desk.root / "stack.tif")
    masks = np.zeros((3, HEIGHT, WIDTH), np.uint8)
    for page, mask in enumerate(masks):
        mask[0, : page + 1], mask[5, 5] = 2, 1
    (desk.root / "masks").mkdir()
    desk.masks, desk.mask = masks, desk.root / "masks" / "stack.tif"
    tifffile.imwrite(desk.mask, masks, photometric="minisblack")
    desk.open(desk.root)
    return desk


def test_a_class_of_a_mask_with_all_pages_is_removed_and_comes_back(one_mask):
    desk, masks, path = one_mask, one_mask.masks, one_mask.mask
    before = path.read_bytes()
    use = use_of(desk, 2)
    assert (use.pixels, [ref.page for ref in use.images]) == (1 + 2 + 3, [0, 1, 2])
    desk.studio.class_removal.remove(use, into=1)
    desk.settle()
    for page in range(3):
        go(desk, page)
        assert np.bincount(labels_of(desk).ravel())[1:].tolist() == [page + 2]
    undo_button(desk)
    for page in range(3):
        go(desk, page)
        assert np.array_equal(labels_of(desk), masks[page])
    desk.studio.autosave.save_all()
    desk.settle()
    assert path.read_bytes() == before
    assert saved(desk) == {}


def test_undo_on_a_later_page_brings_the_class_back_on_all(stack):
    new = stack.studio.schema_keeper.add_class("nucleus")
    painted_pages(stack, new)
    before = maps_on_disk(stack)
    stack.browsing.select(0)
    stack.settle()
    go(stack, 2)
    stack.studio.class_removal.remove(use_of(stack, new))
    stack.settle()
    assert {int(m.max()) for m in maps_on_disk(stack).values()} == {1, 0}
    stack.editing.undo()
    stack.settle()
    back = maps_on_disk(stack)
    assert back.keys() == before.keys()
    assert all(np.array_equal(back[name], m) for name, m in before.items())


@pytest.mark.parametrize("elsewhere", [False, True])
def test_a_class_removed_of_a_mask_with_all_pages_stays_removed(one_mask, new_desk, elsewhere):
    desk = one_mask
    desk.session.saving = replace(desk.session.saving, elsewhere=elsewhere)
    desk.studio.class_removal.remove(use_of(desk, 2), into=1)
    desk.settle()
    desk.close()
    again = new_desk()
    again.open(desk.root)
    for page in range(3):
        go(again, page)
        assert np.bincount(labels_of(again).ravel())[1:].tolist() == [page + 2]


def test_a_stack_whose_pages_cannot_be_counted_is_named(stack):
    (stack.root / "stack.tif").write_bytes(b"II*\0broken")
    assert use_of(stack, 1).unread == ("stack.tif",)


def export(desk, images, folder, what="annotation"):
    """The names of the files, the pixels of class 1 in them, the report, and what would be replaced."""
    plan, found = ExportPlan(images, what, frozenset({"index"}), folder), []
    desk.exporting.count_replaced(plan, found.append, found.append)
    desk.settle()
    desk.exporting.export(plan, found.append)
    desk.settle()
    replaced, report = found
    painted = {p.name: int((np.array(pil.open(p)) == 1).sum()) for p in report.files}
    return painted, report, replaced


@pytest.mark.parametrize("images", ["all", [0, 1]])
def test_every_page_is_exported(measured, tmp_path, images):
    go(measured, 2)
    measured.session.set_view(active_class=1, brush_size=1)
    stroke(measured, (20, 6))  # not saved yet
    out = tmp_path / "out"
    painted, report, replaced = export(measured, images, out)
    columns = {"stack.png": 1, "stack_p0002.png": 4, "stack_p0003.png": 9}
    wanted = {name: number * HEIGHT for name, number in columns.items()}
    wanted["stack_p0003.png"] += 1
    assert (painted, replaced, report.images) == (wanted, Replaced(0, 0), 3)
    assert [name for name, _ in report.skipped] == ["z.png"]
    (out / "stack_p0002.png").unlink()
    assert export(measured, images, out)[2] == Replaced(files=2, lists=1)


def test_predictions_of_every_page_are_exported(measured, tmp_path):
    measured.segmenting.run_all()
    measured.settle()
    painted, _, _ = export(measured, "all", tmp_path / "out", BRIGHT.id)
    assert list(painted) == ["stack.png", "stack_p0002.png", "stack_p0003.png", "z.png"]
    assert list(painted.values()) == [HEIGHT, 2 * HEIGHT, 3 * HEIGHT, 0]


def test_a_page_gives_way_to_an_image_called_like_it(measured, tmp_path):
    """The files are called as `segstudio predict` calls them."""
    pil.new("RGB", (WIDTH, HEIGHT)).save(measured.root / "stack_p0002.png")
    measured.browsing.rescan()
    measured.settle()
    measured.segmenting.run_all()
    measured.settle()
    painted, _, _ = export(measured, "all", tmp_path / "out", BRIGHT.id)
    assert painted["stack_p0002.png"] == 0
    assert painted["stack.tif_p0002.png"] == 2 * HEIGHT
