"""The inspector's traces follow the image and the model, and leave nothing behind."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from inspecting_desk import inspecting_desk, rest
from tiny_networks import SHUFFLE, UNET

from segstudio.clock import ManualClock
from segstudio.studio import Studio


@pytest.fixture
def desk(tmp_path, tiny_engine):
    """A studio with tiny networks and an open folder of three images."""
    with inspecting_desk(tmp_path, tiny_engine, is_open=False) as made:
        yield made


def test_a_trace_comes_when_the_panel_opens_and_goes_when_it_closes(desk):
    studio, clock = desk
    assert studio.session.inspection.traced is None
    studio.inspecting.open()
    rest(studio, clock)
    traced = studio.session.inspection.traced
    assert traced.model == UNET
    assert [layer.id for layer in traced.trace.layers] == [
        "input", "inc", "down1", "down2", "up1", "up2", "outc",
    ]  # fmt: skip
    assert traced.input_geometry.photo_hw == (20, 30)
    assert traced.input_geometry.padded_hw == (20, 32)
    assert studio.session.inspection.waiting == ""
    studio.inspecting.close()
    assert studio.session.inspection.traced is None


def test_the_trace_follows_the_image_and_the_model_and_keeps_what_is_looked_at(desk):
    studio, clock = desk
    studio.inspecting.open()
    rest(studio, clock)
    studio.inspecting.open_stage("up1", 3)
    studio.inspecting.pin((4, 5))
    studio.browsing.select(1)
    rest(studio, clock)
    inspection = studio.session.inspection
    assert inspection.traced.document is studio.session.document
    assert (inspection.stage, inspection.channel, inspection.point) == ("up1", 3, None)
    studio.segmenting.choose(SHUFFLE)
    rest(studio, clock)
    inspection = studio.session.inspection
    assert inspection.traced.model == SHUFFLE
    assert (inspection.stage, inspection.channel) == ("up1", 3)


def test_the_traced_prediction_is_the_models_own_answer(desk):
    studio, clock = desk
    studio.segmenting.run_current()
    studio.inspecting.open()
    rest(studio, clock)
    (run,) = studio.session.document.predictions.values()
    shown = studio.session.inspection.traced.prediction
    np.testing.assert_array_equal(shown.labels, run.labels)
    np.testing.assert_array_equal(shown.confidence, run.confidence)


def test_a_superseded_question_is_dropped(desk):
    studio, clock = desk
    studio.inspecting.open()
    rest(studio, clock)
    answers = []
    for number in range(3):
        studio.inspecting.submit(
            "Asking",
            lambda _traced_model, _traced, _job, n=number: n,
            answers.append,
            key="question",
        )
    rest(studio, clock)
    assert answers == [2]


def test_a_question_about_an_image_that_is_gone_is_dropped(desk):
    studio, clock = desk
    studio.inspecting.open()
    rest(studio, clock)
    answers = []
    studio.inspecting.submit("Asking", lambda *_: 1, answers.append, key="question")
    studio.inspecting.close()
    rest(studio, clock)
    assert answers == []
    assert studio.inspecting.submit("Asking", lambda *_: 1, answers.append, key="again") is None


def test_inspecting_leaves_the_network_as_it_was(desk):
    studio, clock = desk
    studio.inspecting.open()
    rest(studio, clock)

    def look(traced_model, traced, job):
        network = traced_model._network
        before = {name: value.clone() for name, value in network.state_dict().items()}
        hooks = sum(len(m._forward_hooks) + len(m._forward_pre_hooks) for m in network.modules())
        x = torch.rand(1, 3, 20, 32)
        with torch.inference_mode():
            answer = network(x)
        traced_model.trace()
        traced_model.gradients(traced.trace, 1)
        traced_model.skip_merge(traced.trace.skips[0])
        traced_model.logit_lens(traced.trace, "up2")
        after = network.state_dict()
        with torch.inference_mode():
            again = network(x)
        counted = sum(len(m._forward_hooks) + len(m._forward_pre_hooks) for m in network.modules())
        return (
            torch.equal(answer, again)
            and all(torch.equal(before[name], after[name]) for name in before)
            and counted == hooks
            and not network.training
            and all(p.grad is None for p in network.parameters())
        )

    answers = []
    studio.inspecting.submit("Looking", look, answers.append, key="look")
    rest(studio, clock)
    assert answers == [True]


def test_without_an_image_the_panel_is_told_why(tmp_path, tiny_engine):
    clock = ManualClock()
    studio = Studio(clock, tmp_path / "home", tiny_engine)
    studio.inspecting.open()
    rest(studio, clock)
    assert studio.session.inspection.problem == "Open an image to look inside a network."
    studio.close()
