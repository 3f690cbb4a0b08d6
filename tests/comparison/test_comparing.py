"""Views side by side: how many, what they show, models run for them, two layers in one view."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from fakes import BLOBS, BRIGHT, FakeEngine, make_folder, wait_for

from segstudio.core.prediction import Prediction
from segstudio.metrics.confusion import ConfusionMatrix
from segstudio.session.session import MAX_PANES, Layer, Pane, What

THIRD = replace(BRIGHT, id="third", title="Third")


@pytest.fixture
def open_desk(new_desk, tmp_path):
    """Three models, three images, the first one open; nothing has run."""
    desk = new_desk(FakeEngine(BRIGHT, BLOBS, THIRD))
    desk.open(make_folder(tmp_path / "set"))
    return desk


@pytest.fixture
def compared(open_desk):
    """All three models have run on the first image."""
    open_desk.comparing.run_side_by_side(["bright", "blobs", "third"])
    open_desk.settle()
    return open_desk


def runs(desk) -> list[str]:
    return [pane.run for pane in desk.session.view.all_panes]


def give_prediction(desk, run: str) -> None:
    """Put a prediction into the open image."""
    labels = np.zeros(desk.document.shape_hw, np.uint8)
    found = Prediction(run, f"Model {run}", desk.session.schema, labels, labels, seconds=0.25)
    desk.document.predictions[run] = found
    desk.session.notify(What.PREDICTIONS)


# -- models side by side -------------------------------------------------------------------------


def test_models_run_one_after_the_other_and_each_gets_a_view(open_desk):
    desk = open_desk
    desk.engine.gate.clear()
    desk.comparing.run_side_by_side(["blobs", "bright"])
    assert runs(desk) == ["blobs", "bright"]
    wait_for(desk.clock, desk.engine.entered.is_set)
    assert desk.engine.runs == ["blobs"]
    assert desk.comparing.is_running("bright")
    assert desk.comparing.is_running("blobs")
    assert not desk.comparing.is_running("third")
    desk.engine.gate.set()
    desk.settle()
    assert desk.engine.runs == ["blobs", "bright"]
    assert runs(desk) == ["blobs", "bright"]  # the last answer does not come into the first view
    assert set(desk.document.predictions) == {"blobs", "bright"}
    assert not desk.comparing.is_running("bright")


def test_what_has_run_is_shown_without_running_it_again_unless_asked_for(compared):
    desk = compared
    desk.comparing.run_side_by_side(["third", "bright"])
    desk.settle()
    assert runs(desk) == ["third", "bright"]
    assert len(desk.engine.runs) == 3
    desk.comparing.run_side_by_side(["third", "bright"], again=True)
    desk.settle()
    assert desk.engine.runs[3:] == ["third", "bright"]


def test_no_more_than_six_and_unknown_models_are_passed_over(open_desk):
    names = ["bright", "nowhere", *["blobs", "third"] * 4]
    open_desk.comparing.run_side_by_side(names)
    assert len(open_desk.session.view.all_panes) == MAX_PANES == 6
    assert runs(open_desk)[0] == "bright"
    open_desk.settle()


def test_the_chosen_model_goes_into_the_view_that_has_it(compared):
    compared.segmenting.choose("third")
    assert runs(compared)[0] == "third"  # choosing shows what is there in the first view
    compared.comparing.arrange(["bright", "blobs", "third"])
    compared.segmenting.run_current()
    compared.settle()
    assert runs(compared) == ["bright", "blobs", "third"]


def test_a_model_that_has_not_run_is_run_when_a_view_asks_for_it(open_desk):
    desk = open_desk
    assert ("third", "Third", False) in desk.comparing.choices()
    desk.comparing.set_layout(2)
    desk.comparing.choose(1, layer=Layer.PREDICTION, run="third")
    desk.settle()
    assert desk.engine.runs == ["third"]
    assert runs(desk)[1] == "third"
    assert ("third", "Third", True) in desk.comparing.choices()
    assert desk.comparing.title("third") == "Third"


# -- layout --------------------------------------------------------------------------------------


def test_the_layout_goes_through_one_two_and_four_views(compared):
    desk = compared
    desk.comparing.set_layout(1)
    counts = []
    for _ in range(4):
        desk.comparing.cycle_layout()
        counts.append(len(desk.session.view.all_panes))
    assert counts == [2, 4, 1, 2]
    desk.comparing.set_layout(99)
    assert len(desk.session.view.all_panes) == 6
    desk.comparing.set_layout(0)
    assert len(desk.session.view.all_panes) == 1


def test_views_that_were_closed_come_back_as_they_were(compared):
    desk = compared
    desk.comparing.set_layout(4)
    desk.comparing.choose(1, layer=Layer.ENTROPY)
    desk.comparing.choose(3, layer=Layer.DIFFERENCE, run="blobs")
    four = desk.session.view.panes
    for count in (2, 1, 2, 4):
        desk.comparing.set_layout(count)
        assert desk.session.view.panes == four[: count - 1]


def test_new_views_show_the_other_predictions_then_other_layers(compared):
    desk = compared
    desk.session.set_view(panes=(), layer=Layer.CONFIDENCE)
    desk.comparing.set_layout(6)
    panes = desk.session.view.panes
    assert {pane.run for pane in panes[:2]} == {"blobs", "third"}
    assert {pane.layer for pane in panes[:2]} == {Layer.CONFIDENCE}
    rest = [pane.layer for pane in panes[2:]]
    assert len(set(rest)) == 3
    assert Layer.NONE in rest


def test_views_opened_before_a_model_ran_take_its_answer(open_desk):
    desk = open_desk
    desk.comparing.set_layout(4)
    assert not any(runs(desk))
    desk.segmenting.choose("bright")
    desk.segmenting.run_current()
    desk.settle()
    assert runs(desk) == ["bright"] * 4


def test_a_model_that_runs_on_another_image_is_not_said_to_run_on_this_one(open_desk):
    desk = open_desk
    desk.engine.gate.clear()
    desk.comparing.run_side_by_side(["blobs", "bright"])
    wait_for(desk.clock, desk.engine.entered.is_set)
    desk.browsing.select(1)
    wait_for(desk.clock, lambda: desk.session.index == 1 and desk.document is not None)
    assert not desk.comparing.is_running("blobs")
    desk.comparing.choose(0, run="blobs")
    assert desk.comparing.is_running("blobs")
    desk.browsing.select(0)
    wait_for(desk.clock, lambda: desk.session.index == 0 and desk.document is not None)
    assert desk.comparing.is_running("blobs")
    desk.engine.gate.set()
    desk.settle()
    assert not desk.comparing.is_running("blobs")
    assert desk.engine.runs == ["blobs", "bright", "blobs"]


def test_views_keep_their_models_on_an_image_where_others_ran(compared):
    desk = compared
    desk.segmenting.choose("blobs")
    desk.segmenting.run_on([1])
    desk.comparing.choose(0, run="bright")
    desk.settle()
    desk.browsing.select(1)
    desk.settle()
    assert set(desk.document.predictions) == {"blobs"}
    assert runs(desk) == ["bright", "blobs", "third"]
    desk.comparing.set_layout(1)
    desk.browsing.select(2)
    desk.settle()
    desk.browsing.select(1)
    desk.settle()
    assert runs(desk) == ["blobs"]  # a single view shows what there is
    desk.browsing.select(0)
    desk.settle()
    assert runs(desk) == ["bright"]


@pytest.mark.parametrize("place", [0, 1])
def test_a_view_of_a_removed_run_takes_another_where_there_is_no_prediction_of_it(open_desk, place):
    desk = open_desk
    mirrored = desk.named_runs.add_variant("Mirrored", "bright", flips=True)
    models = ["blobs"]
    models.insert(place, mirrored)
    desk.comparing.run_side_by_side(models)
    desk.settle()
    desk.segmenting.choose("bright")
    desk.named_runs.remove(mirrored)
    desk.settle()
    assert runs(desk)[place].startswith(mirrored)  # what it said is still there
    assert desk.comparing.title(runs(desk)[place]) == "Mirrored"
    desk.browsing.select(1)
    desk.settle()
    assert runs(desk)[place] == "bright"
    assert runs(desk)[1 - place] == "blobs"


def test_the_next_layer_passes_over_what_cannot_be_shown(open_desk):
    desk = open_desk
    desk.session.set_view(layer=Layer.ANNOTATION, panes=(Pane(Layer.NONE),))
    desk.comparing.next_layer(0)
    assert desk.session.view.layer is Layer.NONE
    desk.comparing.next_layer(0)
    assert desk.session.view.layer is Layer.ANNOTATION
    give_prediction(desk, "one")
    assert Layer.MODELS not in desk.comparing.layers()
    assert Layer.ENTROPY in desk.comparing.layers()
    give_prediction(desk, "two")
    missing = {Layer.ORIGINAL, Layer.PROVENANCE}  # the annotation is it; nobody keeps who wrote it
    assert {*Layer} - {*desk.comparing.layers()} == missing
    desk.editing.clear()
    assert {*Layer} - {*desk.comparing.layers()} == {Layer.PROVENANCE}
    desk.session.set_view(provenance=True)
    desk.settle()
    assert desk.comparing.layers() == tuple(Layer)
    desk.comparing.next_layer(1)
    assert desk.session.view.panes[0].layer is Layer.ANNOTATION
    assert desk.session.view.layer is Layer.ANNOTATION


def test_a_layer_that_is_asked_for_is_seen(compared):
    compared.session.set_view(overlay_visible=False)
    compared.comparing.choose(1, layer=Layer.PREDICTION)
    assert compared.session.view.overlay_visible


# -- scores --------------------------------------------------------------------------------------


def counted(desk, run: str, hits: int, misses: int) -> None:
    """Class 0 is never wrong; of class 1 so many pixels are hit and missed."""
    counts = np.array([[50, 0], [misses, hits]], np.int64)
    desk.session.counts[desk.session.index, run] = ConfusionMatrix(counts, 0)


def test_the_best_view_is_marked_and_seconds_are_told(open_desk):
    desk = open_desk
    for run in ("one", "two", "none"):
        give_prediction(desk, run)
    desk.settle()
    counted(desk, "one", hits=30, misses=10)
    counted(desk, "two", hits=40, misses=0)
    desk.session.counts.pop((0, "none"), None)
    desk.comparing.arrange(["one", "two", "none"])
    one, two, none = desk.comparing.scores()
    # IoU of class 1 is 30/40; class 0 is background
    assert one.mean_iou == pytest.approx(30 / 40)
    assert two.mean_iou == pytest.approx(1.0)
    assert none.mean_iou is None
    assert [score.best for score in (one, two, none)] == [False, True, False]
    assert one.seconds == 0.25
    counted(desk, "one", hits=40, misses=0)
    assert not any(score.best for score in desk.comparing.scores())  # a draw has no best


def test_a_run_that_this_image_does_not_have_has_no_score(compared):
    compared.browsing.select(1)
    compared.settle()
    assert runs(compared)[1:] == ["blobs", "third"]
    assert all(score.seconds is None for score in compared.comparing.scores())


# -- two layers in one view ----------------------------------------------------------------------


def test_the_wipe_compares_with_another_model_and_goes_again(compared):
    desk = compared
    desk.session.set_view(layer=Layer.PREDICTION)
    desk.comparing.toggle_wipe(0)
    view = desk.session.view
    assert view.wiped == 0
    assert view.against == Pane(Layer.PREDICTION, "blobs")
    desk.comparing.compare_with(layer=Layer.NONE)
    assert desk.session.view.against == Pane(Layer.NONE, "blobs")
    desk.comparing.toggle_wipe(2)
    assert desk.session.view.wiped == 2
    desk.comparing.set_layout(2)
    assert desk.session.view.wiped == -1  # its view is gone
    desk.comparing.toggle_wipe(1)
    desk.comparing.toggle_wipe(1)
    assert desk.session.view.wiped == -1


def test_with_one_model_the_photo_or_the_annotation_is_compared_with(open_desk):
    desk = open_desk
    give_prediction(desk, "one")
    for layer, other in (
        (Layer.BOTH, Layer.NONE),
        (Layer.PREDICTION, Layer.ANNOTATION),
        (Layer.ANNOTATION, Layer.PREDICTION),
        (Layer.NONE, Layer.PREDICTION),
    ):
        desk.session.set_view(layer=layer, run="one", against=None, wiped=-1)
        desk.comparing.toggle_wipe(0)
        assert desk.session.view.against.layer is other


def test_blinking_lasts_and_swapping_stays(compared):
    desk = compared
    desk.session.set_view(layer=Layer.PREDICTION, against=Pane(Layer.ENTROPY, "third"))
    desk.comparing.blink(1)
    assert desk.session.view.of_pane(1).layer is Layer.ENTROPY
    assert desk.session.view.of_pane(1).run == "third"
    assert desk.session.view.of_pane(0).layer is Layer.PREDICTION
    desk.comparing.blink(None)
    assert desk.session.view.of_pane(1).run == "blobs"
    desk.comparing.swap(0)
    view = desk.session.view
    assert (view.layer, view.run) == (Layer.ENTROPY, "third")
    assert view.against == Pane(Layer.PREDICTION, "bright")
    desk.comparing.swap(0)
    assert (desk.session.view.layer, desk.session.view.run) == (Layer.PREDICTION, "bright")
