"""Named runs are models like others: chosen, run, kept, forgotten."""

from __future__ import annotations

import shutil
from dataclasses import replace

import numpy as np
import pytest
from fakes import make_folder, settle
from tiny_networks import SHUFFLE, UNET

from segstudio.clock import ManualClock
from segstudio.core.errors import SegstudioError
from segstudio.core.prediction import Ensemble, Variant
from segstudio.runs.kept_weights import own_weights_file
from segstudio.runs.named_runs import described
from segstudio.studio import Studio


def start(tmp_path, engine):
    clock = ManualClock()
    studio = Studio(clock, tmp_path / "home", engine)
    studio.browsing.open_path(make_folder(tmp_path / "images"))
    settle(studio, clock)
    return studio, clock


@pytest.fixture
def desk(tmp_path, tiny_engine):
    studio, clock = start(tmp_path, tiny_engine)
    yield studio, clock
    studio.close()
    clock.run_posted()


def test_a_variant_is_run_with_its_own_options(desk):
    studio, clock = desk
    name = studio.named_runs.add_variant("With mirrors", UNET, flips=True)
    spec = studio.session.models[name]
    assert isinstance(spec.made_of, Variant)
    assert spec.title == "With mirrors"
    studio.segmenting.run_current()
    studio.segmenting.choose(name)
    studio.segmenting.run_current()
    settle(studio, clock)
    plain, mirrored = studio.session.document.predictions.values()
    assert mirrored.title == "With mirrors"
    # a mean of four differs somewhere from one answer
    assert not np.array_equal(plain.confidence, mirrored.confidence)


def test_an_ensemble_answers_with_the_mean_of_its_members(desk):
    studio, clock = desk
    name = studio.named_runs.add_ensemble("Both", [UNET, SHUFFLE])
    assert isinstance(studio.session.models[name].made_of, Ensemble)
    studio.segmenting.choose(name)
    studio.segmenting.run_current()
    settle(studio, clock)
    (answer,) = studio.session.document.predictions.values()
    pixels = studio.session.document.pixels
    options = studio.session.model.options

    def nothing(*_):
        return None

    engine = studio.segmenting._engine
    members = [
        engine.predictor(studio.session.models[key], "cpu", nothing).probabilities(
            pixels, options, nothing, nothing
        )
        for key in (UNET, SHUFFLE)
    ]
    np.testing.assert_array_equal(answer.labels, ((members[0] + members[1]) / 2).argmax(0))


def test_objects_over_classes_need_a_model_of_each_kind(desk):
    studio, _clock = desk
    with pytest.raises(SegstudioError, match="one that labels every pixel"):
        studio.named_runs.add_ensemble("Both", [UNET, SHUFFLE], "panoptic")


def test_named_runs_outlive_the_program(desk, tmp_path, tiny_engine):
    studio, clock = desk
    variant = studio.named_runs.add_variant("Small", UNET, input_scale=0.5, scales=(0.75, 1.25))
    both = studio.named_runs.add_ensemble("Both", [variant, SHUFFLE], "vote")
    settle(studio, clock)
    again, clock_again = start(tmp_path / "again", tiny_engine)
    assert variant not in again.session.models
    again.close()
    later = Studio(clock_again, tmp_path / "home", tiny_engine)
    settle(later, clock_again)
    assert later.session.models[variant].made_of.overrides["scales"] == (0.75, 1.25)
    assert later.session.models[both].made_of.method == "vote"
    assert {variant, both} <= later.session.model.available
    with pytest.raises(SegstudioError, match="part of Both"):
        later.named_runs.remove(variant)
    later.named_runs.remove(both)
    bring_back = later.named_runs.remove(variant)
    assert not {variant, both} & later.session.models.keys()
    bring_back()
    assert later.session.models[variant].made_of.overrides["input_scale"] == 0.5
    with pytest.raises(SegstudioError, match="Only named runs"):
        later.named_runs.remove(UNET)
    later.close()
    clock_again.run_posted()


def test_a_named_run_that_was_chosen_last_is_chosen_again(desk, tmp_path, tiny_engine):
    studio, clock = desk
    run = studio.named_runs.add_variant("Small", UNET, input_scale=0.5)
    studio.segmenting.choose(run)
    settle(studio, clock)
    studio.close()
    later = Studio(clock, tmp_path / "home", tiny_engine)
    settle(later, clock)
    assert later.session.model.chosen == run
    # what the user chooses from then on stays chosen
    later.segmenting.choose(UNET)
    later.named_runs.add_variant("Large", UNET, input_scale=2.0)
    assert later.session.model.chosen == UNET
    later.named_runs.remove(run)
    assert later.session.model.chosen == UNET
    later.close()
    clock.run_posted()


def test_a_run_of_a_file_of_the_users_own_outlives_the_program(desk, tmp_path, tiny_engine):
    studio, clock = desk
    weights = tmp_path / "mine.safetensors"
    shutil.copy(tiny_engine.specs()[UNET].weights.filename, weights)
    studio.own_weights.open(weights)
    settle(studio, clock)
    mine = studio.session.model.chosen
    assert studio.session.models[mine].own_file == str(weights)
    run = studio.named_runs.add_variant("Mine, mirrored", mine, flips=True)
    studio.close()
    own_weights_file(studio.preferences.folders).unlink()  # earlier versions had no such list
    later = Studio(clock, tmp_path / "home", tiny_engine)
    settle(later, clock)
    assert mine not in later.session.models
    assert later.session.models[run].made_of.base.weights.filename == str(weights)
    assert run in later.session.model.available
    later.browsing.open_path(tmp_path / "images")
    settle(later, clock)
    later.segmenting.choose(run)
    later.segmenting.run_current()
    settle(later, clock)
    (answer,) = later.session.document.predictions.values()
    assert answer.title == "Mine, mirrored"
    later.close()
    clock.run_posted()


def test_a_removed_run_leaves_its_model_chosen(desk):
    studio, _ = desk
    run = studio.named_runs.add_variant("Small", SHUFFLE, input_scale=0.5)
    studio.segmenting.choose(run)
    studio.named_runs.remove(run)
    assert studio.session.model.chosen == SHUFFLE


@pytest.mark.parametrize(
    ("title", "overrides", "message"),
    [
        ("  ", {}, "needs a name"),
        ("Tiny Unet", {}, "called Tiny Unet already"),
        ("A", {"score_threshold": 1.5}, "between 0 and 1"),
        ("A", {"scales": (9.0,)}, "between 0.1 and 4"),
        ("A", {"scales": ()}, "at least one size"),
        ("A", {"device": "cpu"}, "cannot set device"),
    ],
)
def test_what_makes_no_sense_is_refused(desk, title, overrides, message):
    studio, _ = desk
    with pytest.raises(SegstudioError, match=message):
        studio.named_runs.add_variant(title, UNET, **overrides)
    assert list(studio.session.models) == [UNET, SHUFFLE]


def test_an_ensemble_of_one_is_refused(desk):
    studio, _ = desk
    with pytest.raises(SegstudioError, match="two models"):
        studio.named_runs.add_ensemble("Alone", [UNET, UNET])


@pytest.mark.parametrize("method", ["mean", "vote"])
def test_models_of_colours_and_of_numbered_channels_do_not_answer_together(desk, method):
    studio, _ = desk
    session = studio.session
    numbered = replace(session.models[SHUFFLE], preprocess={"channels": [1, 2, 3]})
    session.models = {**session.models, SHUFFLE: numbered}
    with pytest.raises(SegstudioError, match=r"reads channels by number, .* reads colours"):
        studio.named_runs.add_ensemble("Both", [UNET, SHUFFLE], method)
    assert list(session.models) == [UNET, SHUFFLE]


def test_options_in_words():
    words = described({"flips": True, "scales": (0.5, 1.0), "input_scale": 2.0})
    assert words == "mirror images averaged, sizes 0.5 x, 1 x averaged, input 2 x"
    assert described({}) == "usual options"
