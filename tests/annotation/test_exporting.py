from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from fakes import BLOBS, FakeEngine, make_folder, square, wait_for, write_mask, write_photo
from PIL import Image as pil

from segstudio.annotation.exporting import ExportPlan
from segstudio.annotation.ui.export_dialog import report_text
from segstudio.core.prediction import Variant


def export(desk, folder, what="annotation", how=("index",), images="all"):
    reports = []
    desk.exporting.export(ExportPlan(images, what, frozenset(how), folder), reports.append)
    desk.settle()
    (report,) = reports
    return report


@pytest.fixture
def opened(desk, tmp_path):
    desk.open(make_folder(tmp_path / "set"))
    return desk


def pixels(path) -> np.ndarray:
    return np.array(pil.open(path))


def test_index_of_all_images(opened, tmp_path):
    out = tmp_path / "out"
    report = export(opened, out)
    assert sorted(p.name for p in report.files) == ["a0.png", "a1.png", "a2.png"]
    assert report.verified == report.images == 3
    assert report.skipped == []
    assert report.pixels_by_class == {0: 1500, 1: 300}
    assert not report.cancelled
    for path in report.files:
        assert np.array_equal(pixels(path), square(left=7))
    classes = json.loads((out / "classes.json").read_text())
    assert [c["id"] for c in classes["classes"]] == [0, 1]


def test_unsaved_strokes_are_exported(opened, tmp_path):
    opened.session.set_view(active_class=1, brush_size=1)
    opened.editing.begin_stroke(0, 0)
    opened.editing.end_stroke()
    report = export(opened, tmp_path / "out", images="current")
    assert [p.name for p in report.files] == ["a0.png"]
    assert pixels(report.files[0])[0, 0] == 1
    truth = export(opened, tmp_path / "truth", what="truth", images="current")
    assert pixels(truth.files[0])[0, 0] == 0


@pytest.mark.parametrize("where", ["images", "masks", "annotations", "link"])
def test_nothing_is_exported_between_what_is_read(desk, tmp_path, where):
    root = tmp_path / "set"
    for number in range(2):
        write_photo(root / "images" / f"a{number}.jpg", square())
        write_mask(root / "masks" / f"a{number}.png", square())
    (root / "link").symlink_to("masks")
    before = {path: path.read_bytes() for path in root.rglob("*.*")}
    desk.open(root)
    report = export(desk, root / where, how=("color",))
    assert report.files == []
    assert [str(root / where) in why for _, why in report.skipped] == [True, True]
    assert {path: path.read_bytes() for path in root.rglob("*.*")} == before


def test_all_forms_get_folders_of_their_own(opened, tmp_path):
    out = tmp_path / "out"
    how = ("index", "palette", "color", "overlay", "binary", "instances")
    report = export(opened, out, how=how, images=[1])
    color = opened.session.schema.get(1).color
    assert pixels(out / "index" / "a1.png")[5, 7] == 1
    palette = pil.open(out / "palette" / "a1.png")
    assert palette.mode == "P"
    assert np.array(palette)[5, 7] == 1
    assert tuple(np.array(palette.convert("RGB"))[5, 7]) == color
    assert tuple(pixels(out / "color" / "a1.png")[5, 7]) == color
    assert pixels(out / "overlay" / "a1.png").shape == (20, 30, 3)
    (binary,) = (out / "binary").glob("*.png")
    assert set(np.unique(pixels(binary))) == {0, 255}
    assert report.skipped == [("a1.png", "it has no instance ids")]
    assert report.verified == 5


def test_predictions_and_what_has_none(opened, tmp_path):
    opened.segmenting.choose("blobs")
    opened.segmenting.run_on([0, 2])
    opened.settle()
    report = export(opened, tmp_path / "out", what="blobs", how=("instances",))
    assert sorted(p.name for p in report.files) == ["a0.png", "a2.png"]
    assert pixels(report.files[0]).dtype == np.uint16 or pixels(report.files[0]).max() == 1
    assert report.skipped == [("a1.png", "it was not predicted by this model")]


def test_nothing_to_export_is_said(desk, tmp_path):
    desk.open(make_folder(tmp_path / "set", truth=False))
    report = export(desk, tmp_path / "out")
    assert report.files == []
    assert [why for _, why in report.skipped] == ["it has no annotation and no ground truth"] * 3
    assert not (tmp_path / "out" / "classes.json").exists()


def test_equal_stems_do_not_overwrite_each_other(desk, tmp_path):
    root = tmp_path / "set"
    write_photo(root / "a.png", square())
    write_photo(root / "a.bmp", square(size=4))
    write_photo(root / "b.png", square())
    desk.open(root)
    desk.segmenting.run_all()
    desk.settle()
    report = export(desk, tmp_path / "out", what="bright")
    assert sorted(p.name for p in report.files) == ["a.bmp.png", "a.png.png", "b.png"]
    assert pixels(tmp_path / "out" / "a.bmp.png").sum() == 16


def test_a_folder_that_cannot_be_written_is_in_the_report(opened, tmp_path):
    blocked = tmp_path / "blocked"
    blocked.write_text("a file")
    report = export(opened, blocked)
    assert report.files == []
    assert len(report.skipped) == 3
    assert "blocked" in report.skipped[0][1]


def test_cancel_keeps_what_is_written_and_says_so(opened, tmp_path, monkeypatch):
    reports = []
    written = []

    from segstudio.annotation import exporting

    real = exporting.write_verified

    def slow(folder, image, root):
        written.append(image.name)
        for job in opened.jobs.jobs():
            job.cancel()
        return real(folder, image, root)

    monkeypatch.setattr(exporting, "write_verified", slow)
    plan = ExportPlan("all", "annotation", frozenset({"index"}), tmp_path / "out")
    opened.exporting.export(plan, reports.append)
    wait_for(opened.clock, lambda: reports)
    assert reports[0].cancelled
    assert [p.name for p in reports[0].files] == written == ["a0.png"]


@pytest.mark.parametrize("inside", [True, False])
def test_links_among_the_targets_are_not_written_through(opened, tmp_path, inside):
    mine = tmp_path / "mine.png"
    mine.write_text("not a mask")
    out = (opened.session.project.root if inside else tmp_path) / "out"
    out.mkdir()
    (out / "a1.png").symlink_to(mine)
    report = export(opened, out)
    assert sorted(p.name for p in report.files) == ["a0.png", "a2.png"]
    assert mine.read_text() == "not a mask"
    ((name, why),) = report.skipped
    assert name == "a1.png (index)"
    assert str(mine) in why


def test_a_named_run_is_exported_with_its_own_thresholds(new_desk, tmp_path):
    own = Variant(BLOBS, {"score_threshold": 0.95})  # the blob has 0.9
    desk = new_desk(FakeEngine(BLOBS, replace(BLOBS, id="sure", title="Sure", made_of=own)))
    desk.open(make_folder(tmp_path / "set"))
    for run in ("blobs", "sure"):
        desk.segmenting.choose(run)
        desk.segmenting.run_all()
        desk.settle()
    assert export(desk, tmp_path / "all", what="blobs").pixels_by_class[1] > 300
    assert export(desk, tmp_path / "sure", what="sure").pixels_by_class == {0: 1800}


def test_objects_and_classes_as_coco_panoptic(opened, tmp_path):
    """The masks lie in a folder of their own, since the file that explains them lies beside it."""
    opened.segmenting.choose("blobs")
    opened.segmenting.run_on([0])
    opened.settle()
    found = opened.document.predictions["blobs"]
    report = export(opened, tmp_path / "out", what="blobs", how=("panoptic",), images="current")
    assert [p.relative_to(tmp_path / "out").as_posix() for p in report.files] == ["panoptic/a0.png"]
    lists = {p.relative_to(tmp_path / "out").as_posix() for p in report.lists}
    assert lists == {"panoptic.json", "panoptic/classes.json"}
    told = json.loads((tmp_path / "out" / "panoptic.json").read_text())
    (annotation,) = told["annotations"]
    segments = {s["id"]: s["area"] for s in annotation["segments_info"] if s["category_id"]}
    red, green, blue = pixels(report.files[0]).astype(int).transpose(2, 0, 1)
    ids = red + 256 * green + 65536 * blue
    numbers = np.unique(found.instance_ids[found.instance_ids > 0])
    assert len(segments) == len(numbers) > 0
    assert sorted(segments.values()) == sorted((found.instance_ids == n).sum() for n in numbers)
    assert all((ids == number).sum() == area for number, area in segments.items())
    plan = ExportPlan("current", "blobs", frozenset({"panoptic"}), tmp_path / "out")
    text = report_text(report, plan, opened.session.schema)
    assert "COCO panoptic: It has no place for scores" in text
    again = export(opened, tmp_path / "out", how=("panoptic",))
    assert [why for _, why in again.skipped] == ["it has no instance ids"] * 3


def test_states_and_notes_are_written_for_other_programs(desk, tmp_path):
    root = make_folder(tmp_path / "set")
    write_photo(root / "new.png", square())
    desk.open(root)
    desk.browsing.toggle_reviewed()
    desk.browsing.select(1)
    desk.settle()
    desk.browsing.toggle_flagged()
    desk.folder_states.set_note(1, "=blurred, at the left")
    out, reports = tmp_path / "out", []
    plan = ExportPlan("all", "truth", frozenset(), out, frozenset({"states.csv", "states.json"}))
    desk.exporting.export(plan, reports.append)
    desk.settle()
    assert [path.name for path in reports[0].states] == ["states.csv", "states.json"]
    assert reports[0].files == reports[0].skipped == []
    assert (out / "states.csv").read_text() == (
        "image,page,state,note\n"
        "a0.png,1,done,\n"
        'a1.png,1,flagged,"\'=blurred, at the left"\n'
        "a2.png,1,in work,\n"
        "new.png,1,unlabelled,\n"
    )
    rows = json.loads((out / "states.json").read_text())["images"]
    assert rows[1] == {
        "image": "a1.png", "page": 1, "state": "flagged", "note": "=blurred, at the left",
    }  # fmt: skip
    assert len(rows) == 4
    # not where it would lie between the images
    desk.exporting.export(replace(plan, folder=root), reports.append)
    desk.settle()
    assert reports[1].states == []
    assert [name for name, _ in reports[1].skipped] == ["states.csv", "states.json"]
