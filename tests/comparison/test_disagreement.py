"""Where predictions of the open image differ is found beside the session and follows it."""

from __future__ import annotations

import numpy as np
import pytest
from fakes import make_folder, square, write_mask
from strokes import undo_title

from segstudio.core.geometry import Rect
from segstudio.core.prediction import Prediction
from segstudio.core.schema import LabelSchema
from segstudio.session.session import What

SCHEMA = LabelSchema.from_names(("background", "nucleus"))
SHAPE = (20, 30)
LARGE = Rect(2, 2, 8, 8)
"""36 pixels that `a` and `b` call nucleus, `c` background."""
SMALL = Rect(12, 20, 16, 24)
"""16 pixels that `c` alone calls nucleus."""
TINY = Rect(0, 29, 1, 30)
"""A pixel that `a` alone calls nucleus."""


def labels_of(*rects: Rect) -> np.ndarray:
    labels = np.zeros(SHAPE, np.uint8)
    for rect in rects:
        labels[rect.slices] = 1
    return labels


MAPS = {"a": labels_of(LARGE, TINY), "b": labels_of(LARGE), "c": labels_of(SMALL)}


def prediction(run: str, labels: np.ndarray, **more) -> Prediction:
    return Prediction(
        run, f"Model {run.upper()}", SCHEMA, labels, np.full(SHAPE, 200, np.uint8), **more
    )


def predict(desk, **maps: np.ndarray) -> None:
    """Put predictions into the open image, as a run would."""
    for run, labels in maps.items():
        desk.document.predictions[run] = prediction(run, labels)
    desk.studio.session.notify(What.PREDICTIONS)
    rest(desk)


def rest(desk) -> None:
    for _ in range(2):
        desk.settle()
        desk.clock.advance(0.3)
    desk.settle()


@pytest.fixture
def blank(desk, tmp_path):
    """An open image without any reference."""
    desk.open(make_folder(tmp_path / "images", truth=False))
    return desk


@pytest.fixture
def three(blank):
    """Three models that differ in three regions."""
    predict(blank, **MAPS)
    return blank


def test_one_model_cannot_disagree(blank):
    predict(blank, a=MAPS["a"])
    assert blank.session.disagreement is None
    assert not blank.session.disagreeing.waiting


def test_regions_come_by_size_with_who_says_what(three):
    disputes = three.session.disagreement
    assert (disputes.runs, disputes.titles) == (("a", "b", "c"), ("Model A", "Model B", "Model C"))
    assert [(r.pixels, r.rect) for r in disputes.regions] == [(36, LARGE), (16, SMALL)]
    large, small = disputes.regions
    assert [(a.runs, a.classes) for a in large.answers] == [
        (("a", "b"), ((1, 1.0),)),
        (("c",), ((0, 1.0),)),
    ]
    assert [(a.runs, a.classes) for a in small.answers] == [
        (("a", "b"), ((0, 1.0),)),
        (("c",), ((1, 1.0),)),
    ]
    assert (disputes.pixels, disputes.unlisted) == (36 + 16 + 1, 1)


def test_the_map_is_the_entropy_of_the_votes(three):
    values = three.session.disagreement.values
    # two against one, by hand: -(2/3 log 2/3 + 1/3 log 1/3) / log 3 = 0.5794
    assert values.dtype == np.uint8
    assert set(np.unique(values).tolist()) == {0, round(255 * 0.5794)}
    assert np.count_nonzero(values) == 36 + 16 + 1


def test_smaller_regions_are_listed_on_request(three):
    three.studio.disagreement.set_min_pixels(1)
    rest(three)
    assert [r.pixels for r in three.session.disagreement.regions] == [36, 16, 1]
    assert three.session.disagreement.unlisted == 0


def test_an_answer_of_several_classes_tells_their_shares(blank):
    half = labels_of(Rect(2, 2, 8, 5))
    predict(blank, a=labels_of(LARGE), b=half)
    predict(blank, a=labels_of(LARGE), b=half, c=labels_of())
    (region,) = blank.session.disagreement.regions
    said = {answer.runs: answer.classes for answer in region.answers}
    assert said == {("a",): ((1, 1.0),), ("b",): ((0, 0.5), (1, 0.5)), ("c",): ((0, 1.0),)}


def test_a_model_that_is_left_out_has_no_vote(three):
    three.studio.disagreement.include("c", False)
    rest(three)
    assert three.session.disagreement.runs == ("a", "b")
    assert three.session.disagreement.pixels == 1
    three.studio.disagreement.include("b", False)
    rest(three)
    assert three.session.disagreement is None
    three.studio.disagreement.include("b", True)
    three.studio.disagreement.include("c", True)
    rest(three)
    assert three.session.disagreement.pixels == 53


def test_it_follows_predictions_and_images(three):
    predict(three, a=MAPS["c"], b=MAPS["c"])
    assert three.session.disagreement.pixels == 0
    three.studio.browsing.select(1)
    rest(three)
    assert three.session.disagreement is None
    three.studio.browsing.select(0)
    rest(three)
    assert three.session.disagreement.document is three.document


def test_what_the_ground_truth_ignores_is_not_disputed(desk, tmp_path):
    folder = make_folder(tmp_path / "images")
    truth = square(left=7)
    truth[LARGE.slices] = 255
    write_mask(folder / "masks" / "a0.png", truth)
    desk.open(folder)
    predict(desk, **MAPS)
    assert [r.rect for r in desk.session.disagreement.regions] == [SMALL]


def test_stepping_goes_round(three):
    large, small = three.session.disagreement.regions
    opened = []
    for by in (1, 1, 1, -1, -1):
        three.studio.disagreement.step(by)
        opened.append(three.session.disagreeing.opened)
    assert opened == [large.number, small.number, large.number, small.number, large.number]
    three.studio.disagreement.open(0)
    three.studio.disagreement.step(-1)
    assert three.session.disagreeing.opened == small.number


def test_an_opened_region_stays_open_as_long_as_it_is_there(three):
    three.studio.disagreement.open(three.session.disagreement.regions[1].number)
    predict(three, b=MAPS["a"])
    opened = three.session.disagreeing.opened
    assert three.session.disagreement.region(opened).rect == SMALL
    predict(three, c=labels_of())
    assert three.session.disagreeing.opened == 0


def test_taking_an_answer_is_one_edit_of_that_region_alone(three):
    before = three.document.annotation.labels.copy()
    three.studio.disagreement.take("a", three.session.disagreement.regions[0].number)
    assert np.array_equal(three.document.annotation.labels, labels_of(LARGE))
    assert undo_title(three.document.history) == "Take from Model A"
    three.studio.editing.undo()
    three.settle()
    assert np.array_equal(three.document.annotation.labels, before)
    three.studio.disagreement.take("a")  # no region is open
    assert not three.document.history.can_undo


def test_the_annotation_is_compared_with_every_model(three):
    large, small = (r.number for r in three.session.disagreement.regions)
    assert three.session.disagreeing.agreement == {}
    three.studio.disagreement.open(large)
    three.studio.disagreement.take("a")
    rest(three)
    # the annotation is the large square: as `a` and `b` say there, and in the small region too
    assert three.session.disagreeing.agreement == {large: (1, 1, 0), small: (1, 1, 0)}
    three.studio.disagreement.take("c", small)
    rest(three)
    assert three.session.disagreeing.agreement == {large: (1, 1, 0), small: (0, 0, 1)}


def test_a_click_takes_the_region_under_it(three):
    three.studio.disagreement.take_at(3, 3, "b")
    assert np.array_equal(three.document.annotation.labels, labels_of(LARGE))
    assert three.session.disagreeing.opened == three.session.disagreement.regions[0].number
    three.studio.disagreement.take_at(3, 3, "c")
    assert not three.document.annotation.labels.any()


def test_without_disagreement_a_click_takes_what_differs_from_the_annotation(blank):
    predict(blank, a=labels_of(LARGE, SMALL))
    blank.studio.disagreement.take_at(21, 13, "a")
    assert np.array_equal(blank.document.annotation.labels, labels_of(SMALL))
    blank.studio.disagreement.take_at(21, 13, "a")
    assert blank.messages[-1] == "Model A says here what the annotation says."
    blank.studio.disagreement.take_at(21, 13, "nobody")
    assert blank.messages[-1].startswith("Run a model first")


def test_objects_stay_objects(blank):
    ids = np.zeros(SHAPE, np.uint16)
    ids[LARGE.slices], ids[SMALL.slices] = 1, 2
    found = prediction("a", labels_of(LARGE, SMALL), instance_ids=ids)
    blank.document.predictions["a"] = found
    predict(blank, b=labels_of())
    blank.studio.editing.use_prediction("a")
    blank.studio.disagreement.take("b", blank.session.disagreement.regions[1].number)
    blank.studio.disagreement.take("a", blank.session.disagreement.regions[1].number)
    instances = blank.document.annotation.instances
    assert set(np.unique(instances[LARGE.slices])) == {1}
    assert len(np.unique(instances[SMALL.slices])) == 1
    assert instances[SMALL.slices].min() > 0


def test_a_named_run_that_was_removed_has_no_vote_until_it_is_asked_for(blank):
    session, removed = blank.studio.session, "a+with-mirrors-123456"
    predict(blank, a=MAPS["a"], b=MAPS["b"], **{removed: MAPS["c"]})
    assert session.disagreement.runs == ("a", "b")  # neither of which is a named run
    blank.studio.disagreement.include(removed, True)
    rest(blank)
    assert session.disagreement.runs == ("a", "b", removed)
    blank.studio.disagreement.include(removed, False)
    rest(blank)
    assert session.disagreement.runs == ("a", "b")


def test_a_named_run_votes_as_long_as_it_is_there_and_again_when_it_is_brought_back(blank):
    session, studio = blank.studio.session, blank.studio
    run = studio.named_runs.add_variant("Sharp", next(iter(session.models)), score_threshold=0.9)
    predict(blank, a=MAPS["a"], b=MAPS["b"], **{run: MAPS["c"]})
    assert set(session.disagreement.runs) == {"a", "b", run}
    bring_back = studio.named_runs.remove(run)
    rest(blank)
    assert session.disagreement.runs == ("a", "b")
    bring_back()
    rest(blank)
    assert set(session.disagreement.runs) == {"a", "b", run}
