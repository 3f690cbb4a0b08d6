"""What is taken away from an evaluation: from the folder to the file."""

from __future__ import annotations

import csv
import hashlib
import json
import re
import shlex
from dataclasses import replace

import pytest
from fakes import BLOBS, BRIGHT, FakeEngine, make_folder, square, write_mask
from pages import outline

from segstudio.core.class_rules import ClassRule
from segstudio.core.prediction import ModelSpec, Variant, WeightsFile
from segstudio.core.schema import LabelSchema
from segstudio.storage.schema_file import write_schema

# Both squares are 10 x 10 of 600 pixels, two columns apart: 80 pixels in both, 20 only in each.
NUCLEUS, GROUND = 80 / 120, 480 / 520
MEAN = (NUCLEUS + GROUND) / 2


@pytest.fixture
def evaluated(desk, tmp_path):
    """Three images with ground truth, evaluated with both models."""
    desk.open(make_folder(tmp_path / "my nuclei", 3))
    desk.evaluating.start(("bright", "blobs"))
    desk.settle()
    return desk


def text_of(path):
    return path.read_text(encoding="utf-8")


def json_of(desk, path, *runs):
    desk.evaluation_report.save_json(path, runs or None)
    desk.settle()
    return json.loads(text_of(path))


def facts_of(data, run):
    return next(m["facts"] for m in data["models"] if m["id"] == run)


def test_the_report_shows_the_folder_and_its_models(evaluated, tmp_path):
    path = tmp_path / "out.html"
    job = evaluated.evaluation_report.save_html(path)
    assert job.lane == "transfer"
    evaluated.settle()
    text = text_of(path)
    found = outline(text)
    assert found.texts("h1") == ["Evaluation of my nuclei"]
    assert found.external == []
    assert {"models", "differences", "worst", "making"} <= set(found.anchors)
    # photo, annotation, two answers and two differences of each image
    assert found.tags.count("img") == 3 * 6
    assert f"{MEAN:.3f}" in text
    assert "cannot be read" not in text
    notice = evaluated.notices.recent[-1]
    assert notice.message == f"The report is in {path}."
    assert notice.action[0] == "Open"


def test_the_csv_has_the_scores_of_the_table(evaluated, tmp_path):
    path = tmp_path / "out.csv"
    evaluated.evaluation_report.save_csv(path)
    evaluated.settle()
    with path.open(newline="", encoding="utf-8") as file:
        lines = list(csv.DictReader(file))
    assert [(line["image"], line["model"]) for line in lines[:3]] == [
        ("a0.png", "bright"), ("a0.png", "blobs"), ("a1.png", "bright"),
    ]  # fmt: skip
    assert float(lines[0]["mean_iou"]) == pytest.approx(MEAN, abs=1e-6)
    object_column = list(lines[0])[-1]  # the last class
    assert float(lines[0][object_column]) == pytest.approx(NUCLEUS, abs=1e-6)
    assert float(lines[0]["pixel_accuracy"]) == pytest.approx(560 / 600, abs=1e-6)
    assert lines[0]["disagreement"] != ""
    assert evaluated.messages[-1] == f"The scores of the images are in {path}."


def test_the_json_can_be_of_some_of_the_models(evaluated, tmp_path):
    data = json_of(evaluated, tmp_path / "out.json", "bright")
    assert [m["id"] for m in data["models"]] == ["bright"]
    assert data["models"][0]["mean_iou"] == pytest.approx(MEAN)
    assert data["models"][0]["confusion"] == [[1440, 60], [60, 240]]
    assert data["all_one_class"][0]["pixel_accuracy"] == pytest.approx(500 / 600)
    assert data["differences"] == []
    assert evaluated.messages[-1] == f"The figures are in {tmp_path / 'out.json'}."


def test_without_an_evaluation_the_user_is_told(desk, tmp_path):
    for _ in range(2):
        assert desk.evaluation_report.save_html(tmp_path / "out.html") is None
        assert desk.notices.recent[-1].level == "warning"
        desk.open(make_folder(tmp_path / "nuclei", 1, truth=False))
        desk.evaluating.start(("bright",))
        desk.settle()
    assert not (tmp_path / "out.html").exists()


def test_images_without_ground_truth_and_of_one_model_only_are_left_out(new_desk, tmp_path):
    desk = new_desk()
    folder = make_folder(tmp_path / "nuclei", 4)
    (folder / "masks" / "a3.png").unlink()
    desk.open(folder)
    desk.evaluating.start(("bright", "blobs"))
    desk.settle()
    rows = desk.evaluating.table._runs["blobs"]
    del rows.rows[0]  # as if its turn had not come yet
    rows.evaluated[0] = False
    data = json_of(desk, tmp_path / "out.json")
    assert [row["name"] for row in data["per_image"]] == ["a1.png", "a2.png"]
    assert data["models"][0]["confusion"][1][1] == 160
    different, missing = data["left_out"]
    assert "2 images that all have in common; 1 other is left out" in different
    assert missing == "1 image has no ground truth."


def test_figures_are_those_of_the_unsaved_annotation(evaluated, tmp_path):
    evaluated.session.set_view(active_class=1, brush_size=2)
    evaluated.editing.begin_stroke(6, 6)
    evaluated.editing.extend_stroke(6, 14)
    evaluated.editing.end_stroke()
    evaluated.clock.advance(0.6)
    evaluated.settle()
    wanted = evaluated.evaluating.table.value(0, "bright", "mean_iou")
    assert wanted > MEAN
    data = json_of(evaluated, tmp_path / "out.json")
    assert data["per_image"][0]["models"]["bright"]["mean_iou"] == wanted


def test_a_report_can_be_stopped(evaluated, tmp_path):
    job = evaluated.evaluation_report.save_html(tmp_path / "out.html")
    job.cancel()
    evaluated.settle()
    assert not (tmp_path / "out.html").exists()


def test_a_file_that_cannot_be_written_is_an_error(evaluated, tmp_path):
    evaluated.evaluation_report.save_csv(tmp_path / "nowhere" / "out.csv")
    evaluated.settle()
    assert evaluated.notices.recent[-1].level == "error"
    assert "out.csv was not saved" in evaluated.messages[-1]


def test_an_image_that_went_away_is_said(evaluated, tmp_path):
    (tmp_path / "my nuclei" / "a1.png").unlink()
    evaluated.evaluation_report.save_html(tmp_path / "out.html")
    evaluated.settle()
    text = text_of(tmp_path / "out.html")
    assert text.count("cannot be read any more") == 1
    assert outline(text).tags.count("img") == 2 * 6


def test_the_name_that_is_suggested_is_one_of_a_file(desk, tmp_path):
    assert desk.evaluation_report.default_name("csv") == "evaluation.csv"
    desk.open(make_folder(tmp_path / "my nuclei: 3", 1))
    assert desk.evaluation_report.default_name("html") == "my-nuclei--3-evaluation.html"


# -- how it was made -------------------------------------------------------------------------


def test_weights_are_told_with_their_digest(new_desk, tmp_path):
    weights = tmp_path / "mine.pt"
    weights.write_bytes(b"numbers")
    own = replace(BRIGHT, id="mine", weights=WeightsFile(str(weights)), embedded=False)
    desk = new_desk(FakeEngine(own))
    desk.open(make_folder(tmp_path / "nuclei", 1))
    desk.evaluating.start(("mine",))
    desk.settle()
    data = json_of(desk, tmp_path / "out.json")
    digest = hashlib.sha256(b"numbers").hexdigest()
    assert facts_of(data, "mine")["Weights"] == f"mine.pt, 7 B, SHA-256 {digest}"
    assert facts_of(data, "mine")["Ran on"] == "cpu"
    assert shlex.split(data["command"]) == [
        "segstudio", "compare", str(tmp_path / "nuclei"), "--models", str(weights),
        "--report", "report.html",
    ]  # fmt: skip


def test_options_that_the_line_cannot_repeat_leave_it_out(evaluated, tmp_path):
    assert "--models bright,blobs" in json_of(evaluated, tmp_path / "a.json")["command"]
    evaluated.segmenting.set_options(score_threshold=0.7)
    evaluated.settle()
    evaluated.evaluating.start(("bright", "blobs"))
    evaluated.settle()
    data = json_of(evaluated, tmp_path / "b.json")
    assert data["command"] == ""
    assert facts_of(data, "blobs")["Run with"] == "score threshold 0.7, mask threshold 0.5"
    assert facts_of(data, "bright")["Run with"] == "the usual options"


def test_figures_on_a_models_own_pixels_are_marked(evaluated, tmp_path):
    evaluated.editing.use_prediction("bright")
    evaluated.clock.advance(1.2)
    evaluated.settle()
    assert evaluated.session.state(0).taken == {"bright"}
    evaluated.clock.advance(1.2)  # the figures follow
    evaluated.settle()
    data = json_of(evaluated, tmp_path / "a.json")
    number = len(data["per_image"])
    note = (
        f"“Bright” is partly measured on its own pixels, on 1 of {number} images: its figures there "
        "say little."
    )
    assert data["notes"] == [note]
    assert {m["id"]: m["images_started_from_model"] for m in data["models"]} == {
        "bright": 1, "blobs": 0,
    }  # fmt: skip
    assert [
        (row["name"], run)
        for row in data["per_image"]
        for run, scores in row["models"].items()
        if scores["started_from_model"]
    ] == [("a0.png", "bright")]
    evaluated.evaluation_report.save_csv(tmp_path / "a.csv")
    evaluated.settle()
    with (tmp_path / "a.csv").open(newline="", encoding="utf-8") as file:
        lines = list(csv.DictReader(file))
    assert [(x["image"], x["model"]) for x in lines if x["started_from_model"] == "yes"] == [
        ("a0.png", "bright")
    ]
    assert {x["started_from_model"] for x in lines} == {"yes", ""}
    evaluated.evaluation_report.save_html(tmp_path / "a.html")
    evaluated.settle()
    assert note in text_of(tmp_path / "a.html")
    evaluated.evaluating.set_options(originals=True)
    evaluated.settle()
    data = json_of(evaluated, tmp_path / "b.json")
    assert data["notes"] == []
    assert {m["images_started_from_model"] for m in data["models"]} == {0}


def test_figures_against_the_originals_say_so(evaluated, tmp_path):
    assert (
        "annotations saved" in json_of(evaluated, tmp_path / "a.json")["settings"]["Held against"]
    )
    evaluated.evaluating.set_options(originals=True)
    evaluated.settle()
    data = json_of(evaluated, tmp_path / "b.json")
    assert "originals" in data["settings"]["Held against"]
    assert data["command"] == ""


def test_a_named_run_says_what_it_is(new_desk, tmp_path):
    base = replace(BLOBS, licence="CC0", weights=WeightsFile(str(tmp_path / "own.pt")))
    flipped = replace(
        base,
        id="flipped",
        title="Flipped",
        made_of=Variant(base, {"flips": True, "scales": (1, 2)}),
    )
    desk = new_desk(FakeEngine(base, flipped))
    desk.open(make_folder(tmp_path / "nuclei", 1))
    desk.evaluating.start(("flipped",))
    desk.settle()
    data = json_of(desk, tmp_path / "out.json")
    facts = facts_of(data, "flipped")
    assert "--models flipped" in data["command"]
    assert facts["Made of"] == "Blobs run in another way"
    assert facts["Licence of the weights"] == "CC0"
    assert facts["Run with"].startswith(
        "averaged over mirror images True, averaged over input sizes (1, 2)"
    )


def test_the_class_mapping_is_told(new_desk, tmp_path):
    street = ModelSpec(
        "street", "Street", "fake", "semantic",
        LabelSchema.from_names(("background", "car", "truck")), "",
        weights=WeightsFile("street"), embedded=True,
    )  # fmt: skip
    folder = make_folder(tmp_path / "nuclei", 2)
    schema = LabelSchema.from_names(("background", "vehicle"))
    rule = ClassRule.of(street.schema.names, {0: 0, 1: 1}, "ignored")
    write_schema(folder, schema.with_rule(rule))
    for i in range(2):
        write_mask(folder / "masks" / f"a{i}.png", square())
    desk = new_desk(FakeEngine(street))
    desk.open(folder)
    desk.evaluating.start(("street",))
    desk.settle()
    [model] = json_of(desk, tmp_path / "out.json")["models"]
    assert model["class_mapping"] == [
        ["background", "background"], ["car", "vehicle"], ["truck", "left out, counts nowhere"],
    ]  # fmt: skip
    assert "truck; they count nowhere" in model["notes"][0]
    desk.evaluation_report.save_html(tmp_path / "out.html")
    desk.settle()
    making = text_of(tmp_path / "out.html").split('id="making"')[1]
    assert re.search(r"<td>truck</td><td>left out, counts nowhere</td>", making)
