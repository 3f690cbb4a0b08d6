"""The window's work on files with names that are no UTF-8, as old cameras and zip files leave."""

from __future__ import annotations

import json
import logging
import os
import unicodedata

import numpy as np
import pytest
from PIL import Image
from strokes import stroke

from segstudio.annotation.exporting import ExportPlan
from segstudio.core.labels import LabelMap
from segstudio.core.schema import LabelSchema
from segstudio.storage.masks import read_annotation
from segstudio.storage.project import open_project
from segstudio.storage.recovery import save_recovery

pytestmark = pytest.mark.skipif(os.name == "nt", reason="names are UTF-16 there")


@pytest.fixture
def folder(tmp_path):
    """A folder whose own name is no UTF-8 either."""
    path = tmp_path / os.fsdecode(b"nuclei Gr\xfc\xdfe")
    path.mkdir()
    for raw in (b"caf\xe9.png", b"gr\xfcn_2.png"):
        with (path / os.fsdecode(raw)).open("wb") as file:
            Image.fromarray(np.full((20, 30), 60, np.uint8)).save(file, "PNG")
    return path


def test_painted_saved_reviewed_run_and_found_again(new_desk, folder, caplog):
    desk = new_desk()
    with caplog.at_level(logging.WARNING):
        desk.open(folder)
        assert [r.filename for r in desk.session.project.images] == [
            os.fsdecode(b"caf\xe9.png"),
            os.fsdecode(b"gr\xfcn_2.png"),
        ]
        desk.session.set_view(active_class=1, brush_size=1)
        stroke(desk, (3, 4))
        desk.browsing.toggle_reviewed()
        desk.clock.advance(2)
        desk.settle()
        desk.segmenting.run_all()
        desk.settle()
    assert caplog.records == []
    assert not desk.document.dirty
    assert os.listdir(os.fsencode(folder / "masks"))[:2]  # noqa: PTH208
    saved = read_annotation(folder, desk.session.project.images[0])
    assert saved.labels[4, 3] == 1
    assert int(saved.labels.sum()) == 1
    home = desk.preferences.home
    assert desk.close()
    again = new_desk(home=home)
    assert list(again.studio.settings.recent) == [str(folder)]
    again.open(folder)
    assert again.document.annotation.labels[4, 3] == 1
    assert again.session.state(0).reviewed
    assert not again.session.state(1).reviewed


def test_tables_and_exports_of_such_names(desk, folder, tmp_path):
    desk.open(folder)
    desk.session.set_view(active_class=1, brush_size=1)
    stroke(desk, (3, 4))
    desk.clock.advance(2)
    desk.settle()
    desk.segmenting.run_all()
    desk.settle()
    desk.session.set_view(run="bright")
    desk.scoring.save_csv(tmp_path / "scores.csv")
    reports = []
    plan = ExportPlan("all", "annotation", frozenset({"index"}), tmp_path / "out")
    desk.exporting.export(plan, reports.append)
    desk.evaluating.start(["bright"])
    desk.settle()
    desk.evaluation_report.save_csv(tmp_path / "images.csv")
    desk.evaluation_report.save_json(tmp_path / "all.json")
    desk.settle()

    for name in ("scores.csv", "images.csv"):
        text = (tmp_path / name).read_text(encoding="utf-8")
        assert r"caf\xe9.png" in text, name
        assert "udc" not in text, name
    data = json.loads((tmp_path / "all.json").read_text(encoding="utf-8"))
    assert all((folder / row["name"]).exists() for row in data["per_image"])
    assert data["per_image"]
    assert reports[0].images == 1
    assert (tmp_path / "out" / os.fsdecode(b"caf\xe9.png")).exists()
    assert r"gr\xfcn_2.png" in reports[0].skipped[0][0]
    assert not any("\udce9" in text for text in desk.messages)
    (folder / os.fsdecode(b"x\xff.png")).write_bytes(b"x")
    desk.browsing.rescan()
    desk.settle()
    desk.browsing.select(2)
    desk.settle()
    said = desk.session.unreadable.message
    assert r"x\xff.png" in said
    assert r"Gr\xfc\xdfe" in said


def test_recovery_of_any_name(tmp_path, folder):
    schema = LabelSchema.from_names(("background", "cell"))
    labels = LabelMap(np.eye(4, dtype=np.uint8))
    image = open_project(folder).images[0].path
    target = save_recovery(tmp_path / "recovery", image, labels, schema)
    assert (target / f"{image.stem}.png").exists()
    (tmp_path / "recovery2").mkdir()
    long = tmp_path / ("细胞核" * 27 + ".png")
    first = save_recovery(tmp_path / "recovery2", long, labels, schema)
    second = save_recovery(tmp_path / "recovery2", long, labels, schema)
    assert first != second
    assert (second / f"{long.stem}.png").exists()


def test_an_annotation_beside_a_mask_in_another_normal_form_leaves_it_the_truth(desk, tmp_path):
    name = unicodedata.normalize("NFD", "Zellkörper.png")
    mask = np.zeros((20, 30), np.uint8)
    mask[5:9, 5:9] = 1
    for path, pixels in (
        (tmp_path / "images" / name, np.full((20, 30), 60, np.uint8)),
        (tmp_path / "masks" / unicodedata.normalize("NFC", name), mask),
    ):
        path.parent.mkdir()
        Image.fromarray(pixels).save(path)
    desk.open(tmp_path)
    assert np.array_equal(desk.document.truth.labels, mask)
    desk.session.set_view(active_class=1, brush_size=1)
    stroke(desk, (0, 0))
    desk.clock.advance(2)
    desk.settle()
    desk.open(tmp_path)
    assert desk.document.annotation.labels[0, 0] == 1
    assert np.array_equal(desk.document.truth.labels, mask)


def test_strokes_on_a_folder_of_objects_leave_the_objects_as_they_are(desk, tmp_path):
    Image.fromarray(np.full((20, 30), 60, np.uint8)).save(
        folder_of(tmp_path / "a/images") / "a.png"
    )
    before = {}
    for number in range(3):
        one = np.zeros((20, 30), np.uint8)
        one[6 * number : 6 * number + 4, 4:9] = 255
        path = folder_of(tmp_path / "a/masks") / f"{number}.png"
        Image.fromarray(one).save(path)
        before[path] = path.read_bytes()
    for opened in (tmp_path, tmp_path / "a"):
        desk.open(opened)
        assert int(desk.document.truth.instances.max()) == 3
        desk.session.set_view(active_class=1, brush_size=1)
        stroke(desk, (20, 0 if opened == tmp_path else 1))
        desk.clock.advance(2)
        desk.settle()
        assert not desk.document.dirty
        assert {path: path.read_bytes() for path in before} == before
        desk.open(opened)
        assert int(desk.document.truth.instances.max()) == 3
        assert desk.document.annotation.labels[0 if opened == tmp_path else 1, 20] == 1


def folder_of(path):
    path.mkdir(parents=True, exist_ok=True)
    return path
