"""The report of an evaluation: its figures are right, its text is safe, its size is bounded."""

from __future__ import annotations

import csv
import json
import os
import re
import xml.etree.ElementTree as ET
from datetime import UTC, datetime

import numpy as np
import pytest
from pages import outline

from segstudio.core.candidate import Candidate
from segstudio.core.errors import CancelledError
from segstudio.core.labels import LabelMap
from segstudio.core.schema import ClassSpec, LabelSchema
from segstudio.evaluation.report.data_files import summary, write_csv, write_json
from segstudio.evaluation.report.findings import find
from segstudio.evaluation.report.image_sections import LISTED, list_section, spread_section
from segstudio.evaluation.report.material import (
    EvaluatedRun,
    EvaluationMaterial,
    ShownImage,
)
from segstudio.evaluation.report.model_sections import models_section
from segstudio.evaluation.report.report_document import compose, write_html
from segstudio.evaluation.report.wording import calibration_text, caution, verdict
from segstudio.evaluation.report.worst_section import PARTED, WORST, worst_section
from segstudio.metrics.bootstrap import Interval, PairedDifference, paired_difference
from segstudio.metrics.boundary import BOUNDARY
from segstudio.metrics.image_figures import MEASURES, figures_of
from segstudio.metrics.measure import Where
from segstudio.metrics.panoptic import PANOPTIC

NASTY = "<img src=x onerror=alert('1')>"
SCHEMA = LabelSchema.from_names(("background", "cell", "dust"))
NOW = datetime(2026, 2, 3, 4, 5, tzinfo=UTC)


def ignore(done, total, text):
    """Nobody is told."""


def maps(*rows):
    return np.array(rows, np.uint8)


# Of 8 pixels 2 are cells. "good" finds both and invents one, "poor" finds none.
TRUTH = maps([0, 0, 0, 0], [0, 0, 1, 1])
GOOD = maps([0, 0, 0, 0], [0, 1, 1, 1])
POOR = maps([0, 0, 0, 0], [0, 0, 0, 0])


def material_of(answers, *, wanted=(), truth=TRUTH, names=None, ids=("good", "poor"), **fields):
    """Runs with a list of answers (labels or `Candidate`) for the same truth."""
    count = len(next(iter(answers.values())))
    images = names or [f"i{n}.png" for n in range(count)]
    reference = LabelMap(truth, fields.pop("objects", None))
    schema = fields.pop("schema", SCHEMA)
    figures = {
        run: [
            figures_of(
                reference, one if isinstance(one, Candidate) else Candidate(one), schema, wanted
            )
            for one in answers[run]
        ]
        for run in ids
    }
    titles = fields.pop("titles", {})
    facts = fields.pop("facts", {})
    runs = tuple(
        EvaluatedRun.of(run, titles.get(run, run), figures[run], schema.scored_ids, facts)
        for run in ids
    )

    def labels(answer):
        return answer.labels if isinstance(answer, Candidate) else answer

    def show(place):
        photo = np.full((*truth.shape, 3), 90, np.uint8)
        return ShownImage(truth, {run: labels(answers[run][place]) for run in ids}, photo)

    def paired(first, second):
        pairs = [[f.pairs for f in figures[run]] for run in (first, second)]
        return paired_difference(*pairs, schema.scored_ids, resamples=200)

    given = {"title": "cells", "show": show, **fields}
    return EvaluationMaterial(schema=schema, images=images, runs=runs, paired=paired, **given)


def html_of(material):
    return compose(material, find(material, ignore), ignore, NOW)


def rows_of(markup):
    """Rows of the first table in some markup: texts of the cells."""
    root = ET.fromstring(re.search(r"<table.*?</table>", markup, re.DOTALL).group(0))
    return [["".join(cell.itertext()) for cell in row] for row in root.iter("tr")]


# -- words -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("interval", "wanted"),
    [
        (Interval(0.021, 0.012, 0.03, 1.0), "better by 0.021 (95 %: 0.012 to 0.030)"),
        (Interval(-0.5, -0.75, -0.25, 0.0), "worse by 0.500 (95 %: \u22120.750 to \u22120.250)"),
        (Interval(0.01, -0.002, 0.03, 0.9), "no difference shown (95 %: \u22120.002 to +0.030)"),
        (Interval(0.0, 0.0, 0.0, 0.0), "no difference shown (95 %: 0.000 to 0.000)"),
        (
            Interval(*[float("nan")] * 4),
            "cannot be compared: one of them has no value",
        ),
        (
            Interval(0.029, *[float("nan")] * 3),
            "+0.029, but one image cannot show a difference",
        ),
    ],
)
def test_an_interval_says_whether_there_is_a_difference(interval, wanted):
    assert verdict(interval, 0.95) == wanted


def test_few_images_are_a_warning():
    zero = Interval(0.0, 0.0, 0.0, 0.0)
    assert "only 1 image to" in caution(PairedDifference(1, 10, 0.95, 0, zero, {}))
    assert "only 19 images to" in caution(PairedDifference(19, 10, 0.95, 0, zero, {}))
    assert caution(PairedDifference(20, 10, 0.95, 0, zero, {})) == ""


def test_confidence_is_held_against_accuracy():
    assert calibration_text(0.9, 0.95) == "promises too much: 5.0 points surer than right"
    assert calibration_text(0.9, 0.85) == "promises too little: 5.0 points less sure than right"
    assert calibration_text(0.9, 0.902) == "as sure as it is right, on the whole"
    assert calibration_text(float("nan"), 0.9) == "not known"


# -- what is compared ------------------------------------------------------------------------


def test_runs_are_ranked_and_told_apart():
    material = material_of(
        {"poor": [POOR], "good": [GOOD]}, ids=("poor", "good"), titles={"poor": "U", "good": "U"}
    )
    assert [run.id for run in material.ranked] == ["good", "poor"]
    assert dict(material.titles) == {"poor": "U (poor)", "good": "U (good)"}
    assert [(a.id, b.id) for a, b in material.pairs()] == [("poor", "good")]


def test_runs_on_other_images_are_refused():
    one, two = (material_of({"good": [GOOD] * n}, ids=("good",)) for n in (1, 2))
    with pytest.raises(ValueError, match="other images"):
        EvaluationMaterial("t", SCHEMA, ["a"], (*one.runs, *two.runs), one.paired, one.show)
    with pytest.raises(ValueError, match="no run"):
        EvaluationMaterial("t", SCHEMA, [], (), one.paired, one.show)


def test_what_one_class_everywhere_would_score_is_known():
    material = material_of({"good": [GOOD]}, ids=("good",))
    [(class_id, metrics)] = material.baselines
    assert class_id == 0
    assert metrics.pixel_accuracy == 6 / 8
    assert metrics.mean_iou == pytest.approx((6 / 8 + 0) / 2)
    cells = maps([1, 1, 1, 0])
    mostly_cells = material_of({"good": [cells]}, ids=("good",), truth=cells)
    assert [class_id for class_id, _ in mostly_cells.baselines] == [0, 1]


# -- the page --------------------------------------------------------------------------------


def test_the_models_table_has_the_figures_the_best_and_the_baseline():
    material = material_of({"poor": [POOR] * 2, "good": [GOOD] * 2}, wanted=[BOUNDARY])
    markup = models_section(material, find(material, ignore)).body
    rows = {row[0]: row[1:] for row in rows_of(markup)}
    assert rows["figure"] == ["good", "poor", "Everything background", "what it tells"]
    # good: background 5 of 6, cell 2 of 3; poor and everything background: 6 of 8, 0
    assert rows["mean IoU"][:3] == ["0.750", "0.375", "0.375"]
    assert rows["pixel accuracy"][:3] == ["0.875", "0.750", "0.750"]
    # Dice 10/11 and 4/5, against 12/14 and 0
    assert rows["mean Dice"][:3] == ["0.855", "0.429", "0.429"]
    assert "boundary IoU" in rows
    assert not {"AP 0.50", "PQ", "Hausdorff 95, px", "calibration error"} & rows.keys()
    root = ET.fromstring(re.search(r"<table.*?</table>", markup, re.DOTALL).group(0))
    assert {b.text for b in root.iter("b")} >= {"0.750", "0.875"}
    assert "0.375" not in {b.text for b in root.iter("b")}
    assert "Everything background would score a mean IoU of 0.375" in markup
    assert "better by 0.375" in markup


def test_lower_is_better_for_distances_and_times():
    answers = {
        "good": [Candidate(GOOD, seconds=2.0)],
        "poor": [Candidate(POOR, seconds=0.5)],
    }
    markup = models_section(material := material_of(answers), find(material, ignore)).body
    root = ET.fromstring(re.search(r"<table.*?</table>", markup, re.DOTALL).group(0))
    best = {row[0].text: row.findall("td/b") for row in root.iterfind("tbody/tr")}
    assert [b.text for b in best["seconds per image \u2193"]] == ["0.50"]
    assert "is the fastest: 4.0 times as fast as " in markup


def test_a_model_that_is_best_with_objects_is_named():
    truth = maps([1, 1, 0, 1, 1, 0, 1, 1], [0] * 8)
    objects = np.array([[1, 1, 0, 2, 2, 0, 3, 3], [0] * 8], np.uint16)
    two = np.where(objects == 3, 0, objects).astype(np.uint16)
    answers = {
        # all pixels right, as one object; two of three objects, each for itself
        "good": [Candidate(truth, truth.astype(np.uint16))],
        "poor": [Candidate((two > 0).astype(np.uint8), two)],
    }
    cell = ClassSpec(1, "cell", (9, 9, 9), thing=True)
    schema = LabelSchema((SCHEMA.classes[0], cell))
    material = material_of(answers, truth=truth, objects=objects, wanted=[PANOPTIC], schema=schema)
    assert material.ranked[0].id == "good"
    # PQ of poor: cells 2 / 2.5, background 10 / 12; of good: 0 and 1
    words = models_section(material, find(material, ignore)).body
    assert "<b>poor</b> is best at telling objects apart: PQ 0.817." in words
    without = models_section(one := material_of({"good": [GOOD]}, ids=("good",)), find(one, ignore))
    assert "telling objects apart" not in without.body


def test_every_section_is_there_and_nothing_comes_from_elsewhere():
    confidence = np.full(TRUTH.shape, 204, np.uint8)
    ids = np.array([[0, 0, 0, 0], [0, 0, 1, 1]], np.uint16)
    scores = np.array([0.8], np.float32)

    def answer(labels):
        objects = (labels > 0).astype(np.uint16)
        return Candidate(labels, objects, scores=scores, confidence=confidence, seconds=1.0)

    material = material_of(
        {"good": [answer(GOOD)] * 3, "poor": [answer(POOR)] * 3},
        wanted=MEASURES, objects=ids, command="segstudio compare 'a b'",
        settings={"Held against": "the ground truth"}, facts={"Weights": "w.pt, SHA-256 abc"},
        left_out=("2 images have no ground truth.",),
    )  # fmt: skip
    text = html_of(material)
    found = outline(text)
    assert found.anchors == [
        "models", "differences", "classes", "confusion", "images", "sizes", "scores",
        "calibration", "worst", "list", "making",
    ]  # fmt: skip
    assert found.external == []
    assert found.tags.count("script") == 0
    for said in (
        "segstudio compare &#x27;a b&#x27;", "SHA-256 abc", "the ground truth",
        "2 images have no ground truth.", "segstudio 0.", "2026-02-03",
    ):  # fmt: skip
        assert said in text
    # photo, annotation, two answers, two differences of three images
    assert found.tags.count("img") == 3 * 6


def test_one_model_without_extras_is_a_shorter_report():
    found = outline(html_of(material_of({"good": [GOOD]}, ids=("good",))))
    assert found.anchors == [
        "models", "classes", "confusion", "images", "worst", "list", "making",
    ]  # fmt: skip


def test_no_name_becomes_markup():
    schema = LabelSchema.from_names(("background", NASTY))
    figures = [figures_of(LabelMap(TRUTH), Candidate(GOOD), schema, MEASURES)]
    runs = tuple(
        EvaluatedRun.of(run, NASTY, figures, schema.scored_ids, {NASTY: NASTY}) for run in "ab"
    )
    material = EvaluationMaterial(
        NASTY, schema, [NASTY], runs,
        lambda _a, _b: paired_difference(*[[figures[0].pairs]] * 2, schema.scored_ids),
        lambda _place: None, {NASTY: NASTY}, NASTY, (NASTY,),
    )  # fmt: skip
    text = html_of(material)
    assert NASTY not in text
    assert outline(text).tags.count("img") == 0
    assert "cannot be read any more" in text


def test_the_confusion_is_in_shares_of_the_annotation():
    text = html_of(material_of({"good": [GOOD]}, ids=("good",)))
    section = text[text.index('id="confusion"') :]
    assert rows_of(section) == [
        ["annotated", "background", "cell"],
        ["background", "83.3 %", "16.7 %"],
        ["cell", "", "100.0 %"],
    ]
    assert 'title="background taken for cell: 1 pixels"' in section


def test_the_list_of_images_is_cut_and_says_so():
    number = LISTED + 20
    answers = [GOOD] * number
    answers[7] = POOR
    section = list_section(material_of({"good": answers}, ids=("good",))).body
    rows = rows_of(section)
    assert len(rows) == 1 + LISTED
    assert rows[1] == ["i7.png", "0.375", "0.429"]
    assert f"cut at {LISTED} of {number} images" in section


@pytest.mark.slow
def test_only_some_points_of_many_images_are_drawn():
    number = 1700
    body = spread_section(material_of({"good": [GOOD] * number, "poor": [POOR] * number})).body
    assert body.count("<circle") == 1500
    assert "1,500 of 1,700 images are drawn" in body
    assert "good is better on 1,700 images (above the line), poor on 0." in body


def test_pictures_are_of_the_worst_images_then_of_those_where_models_part():
    number = WORST + PARTED + 5
    good, poor = [TRUTH] * number, [TRUTH] * number
    good[3] = poor[3] = POOR
    poor[5] = GOOD  # the only one where they part, and the second worst
    shown = []
    material = material_of({"good": good, "poor": poor})

    def show(place):
        shown.append(place)
        return material_show(place)

    material_show, told = material.show, []
    material = EvaluationMaterial(**{**vars(material), "show": show})
    worst_section(material, lambda *progress: told.append(progress))
    assert shown[:2] == [3, 5]
    assert len(shown) == WORST
    assert told[-1][:2] == (WORST, WORST)


def test_large_images_are_drawn_small():
    truth = np.zeros((1500, 3000), np.uint8)
    truth[100:900, 200:1500] = 1
    material = material_of({"good": [truth]}, ids=("good",), truth=truth)
    body = worst_section(material, ignore).body
    widths = [int(w) for w in re.findall(r'<img [^>]*width="(\d+)"', body)]
    assert widths == [320] * 4
    assert len(body) < 100_000


# -- files -----------------------------------------------------------------------------------


@pytest.mark.parametrize("measure", [m for m in MEASURES if m.choice], ids=lambda m: m.key)
def test_what_is_counted_is_in_the_report_and_in_the_files(tmp_path, measure):
    answers = {"good": [GOOD] * 2, "poor": [POOR] * 2}

    def told(wanted):
        material = material_of(answers, wanted=wanted)
        path = tmp_path / str(len(wanted))
        write_csv(path, material, ignore)
        columns = path.read_text(encoding="utf-8").splitlines()[0].split(",")
        summed = summary(material, find(material, ignore), NOW)["models"][0]
        figures = {row[0].removesuffix(" ↓") for row in rows_of(html_of(material))}
        return {*columns, *summed, *summed["classes"][0], *figures}

    names = {f.key for f in measure.at(Where.IMAGES)} | {f.json for f in measure.at(Where.CLASSES)}
    names |= {f.total for f in measure.at(Where.FOLDER)}
    names |= {f.label for f in measure.at(Where.FOLDER) if not f.of_foreground}
    assert names <= told([measure])
    assert not names & told([])


def test_the_csv_has_a_line_for_every_image_and_model(tmp_path):
    names = ["a,b.png", 'say "hi".png']
    material = material_of({"good": [GOOD, TRUTH], "poor": [POOR, POOR]}, names=names)
    write_csv(tmp_path / "scores.csv", material, ignore)
    with (tmp_path / "scores.csv").open(newline="", encoding="utf-8") as file:
        lines = list(csv.DictReader(file))
    assert [(line["image"], line["model"]) for line in lines] == [
        (name, run) for name in names for run in ("good", "poor")
    ]
    first, _, third, _ = lines
    assert float(first["mean_iou"]) == 0.75
    assert float(first["iou cell"]) == pytest.approx(2 / 3, abs=1e-6)
    assert first["iou dust"] == ""
    assert float(third["pixel_accuracy"]) == 1


@pytest.mark.parametrize("write", [write_html, write_csv, write_json])
def test_a_name_that_is_not_utf8_is_written_as_text(tmp_path, write):
    name = os.fsdecode(b"caf\xe9.png")
    material = material_of({"good": [GOOD], "poor": [POOR]}, names=[name])
    write(tmp_path / "report", material, ignore)
    text = (tmp_path / "report").read_text(encoding="utf-8")
    assert (r"caf\udce9.png" if write is write_json else r"caf\xe9.png") in text
    if write is write_json:
        assert json.loads(text)["per_image"][0]["name"] == name


def test_the_json_has_everything_and_no_nan(tmp_path):
    material = material_of({"good": [GOOD] * 300, "poor": [POOR] * 300}, command="again")
    write_json(tmp_path / "all.json", material, ignore)
    text = (tmp_path / "all.json").read_text(encoding="utf-8")
    data = json.loads(text, parse_constant=lambda name: pytest.fail(f"{name} is no JSON"))
    assert [m["id"] for m in data["models"]] == ["good", "poor"]
    good = data["models"][0]
    assert good["mean_iou"] == 0.75
    assert good["seconds_per_image"] is None
    assert [c["name"] for c in good["classes"]] == ["background", "cell", "dust"]
    assert good["classes"][1]["iou"] == pytest.approx(2 / 3)
    assert good["classes"][2]["iou"] is None
    assert good["confusion"][0][:2] == [300 * 5, 300]
    [difference] = data["differences"]
    assert (difference["first"], difference["second"]) == ("poor", "good")
    assert difference["mean_iou"]["difference"] == pytest.approx(0.375)
    assert difference["mean_iou"]["clear"] is True
    assert data["all_background"]["pixel_accuracy"] == 0.75
    assert [b["id"] for b in data["all_one_class"]] == [0]
    assert len(data["per_image"]) == 300
    row = data["per_image"][299]
    assert row["name"] == "i299.png"
    assert row["models"]["poor"]["iou"] == {"0": 0.75, "1": 0.0, "2": None}
    assert data["command"] == "again"


@pytest.mark.parametrize("write", [write_html, write_csv, write_json])
def test_a_stopped_report_leaves_what_was_there(tmp_path, write):
    path = tmp_path / "out"
    path.write_text("before")

    def stop(done, total, text):
        raise CancelledError

    with pytest.raises(CancelledError):
        write(path, material_of({"good": [GOOD], "poor": [POOR]}), stop)
    assert path.read_text() == "before"
    assert list(tmp_path.iterdir()) == [path]


def test_no_cell_of_the_csv_is_a_formula(tmp_path):
    names = ("=1+1", "@cell")
    schema = LabelSchema.from_names(("background", names[1]))
    figures = [figures_of(LabelMap(TRUTH), Candidate(GOOD), schema)]
    run = EvaluatedRun.of("-run+1", "A", figures, schema.scored_ids)
    material = EvaluationMaterial(
        "set", schema, [names[0]], (run,),
        lambda _a, _b: paired_difference(*[[figures[0].pairs]] * 2, schema.scored_ids),
        lambda _place: None,
    )  # fmt: skip
    write_csv(tmp_path / "f.csv", material, lambda *_: None)
    head, line = csv.reader((tmp_path / "f.csv").read_text().splitlines())
    assert line[:2] == ["'=1+1", "'-run+1"]
    assert not any(cell.startswith(("=", "+", "-", "@")) for cell in (*head, *line))
    assert float(line[head.index("mean_iou")]) > 0
