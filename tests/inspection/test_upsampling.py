"""The checkerboard of each model's decoder stages on the open image."""

from __future__ import annotations

import numpy as np
import pytest
import torchvision  # noqa: F401 - not within the time that jobs are waited for
from inspecting_desk import inspecting_desk, rest
from tiny_networks import SHUFFLE, UNET

from segstudio.inspection.checkerboards import MeasuredStages


@pytest.fixture
def desk(tmp_path, tiny_engine):
    """A studio with tiny networks; the inspector is open, and someone looks at the measure."""
    with inspecting_desk(tmp_path, tiny_engine) as made:
        made[0].upsampling.watch(True)
        rest(*made)
        yield made


def nyquist_share(features):
    """By Parseval: what alternating sums along rows, columns and both hold of the energy."""
    at = total = 0.0
    for channel in features.astype(np.float64):
        height, width = (size - size % 2 for size in channel.shape)
        plane = channel[:height, :width] - channel[:height, :width].mean()
        down, across = (-1.0) ** np.arange(height), (-1.0) ** np.arange(width)
        rows, cols = plane @ across, down @ plane
        at += height * (rows**2).sum() + width * (cols**2).sum() - (down @ plane @ across) ** 2
        total += height * width * (plane**2).sum()
    return at / total if total else 0.0


def test_the_traced_model_is_measured_where_there_are_no_lessons(desk):
    studio, _clock = desk
    state = studio.upsampling.state
    (result,) = state.results
    assert (result.model, state.document) == (UNET, studio.session.document)
    assert [(s.stage, s.stride) for s in result.stages] == [("up1", 2), ("up2", 1)]
    assert state.strides == (2, 1)
    assert state.shown_stride == 1
    assert not state.running


def test_the_measure_leaves_the_inputs_padding_out(desk):
    studio, _clock = desk
    (result,) = studio.upsampling.state.results
    up2 = result.at(1)
    assert up2.mean.shape == (20, 30)  # the input is padded to 20 x 32
    features = studio.session.inspection.traced.trace.activation("up2")[:, :20, :30]
    assert up2.share == pytest.approx(nyquist_share(features), rel=1e-9)
    worst = max(range(len(features)), key=lambda c: nyquist_share(features[c : c + 1]))
    assert up2.channel == worst
    np.testing.assert_array_equal(up2.strongest, features[worst])
    np.testing.assert_allclose(up2.mean, features.astype(np.float64).mean(axis=0), atol=2e-3)


def test_models_are_compared_in_the_order_of_the_list(desk):
    studio, clock = desk
    studio.upsampling.choose_models([SHUFFLE, UNET])
    rest(studio, clock)
    assert [result.model for result in studio.upsampling.state.results] == [UNET, SHUFFLE]
    studio.upsampling.choose_models([])
    rest(studio, clock)
    assert [result.model for result in studio.upsampling.state.results] == [UNET]


def test_right_after_the_upsampling_it_is_what_the_join_gets_from_below(desk):
    studio, clock = desk
    studio.upsampling.measure_at(MeasuredStages.UPSAMPLED)
    rest(studio, clock)
    (result,) = studio.upsampling.state.results
    joins = []
    traced = studio.session.inspection.traced
    edge = next(edge for edge in traced.trace.skips if edge.target == "up2")
    studio.inspecting.submit(
        "Joining",
        lambda traced_model, *_: traced_model.skip_merge(edge).sources[edge.deep],
        joins.append,
        key="j",
    )
    rest(studio, clock)
    assert result.at(1).share == pytest.approx(nyquist_share(joins[0][:, :20, :30]), rel=1e-9)


def test_it_follows_the_image_only_while_someone_looks(desk):
    studio, clock = desk
    studio.browsing.select(1)
    rest(studio, clock)
    assert studio.upsampling.state.document is studio.session.document
    studio.upsampling.watch(False)
    studio.browsing.select(2)
    rest(studio, clock)
    assert studio.upsampling.state.document is not studio.session.document
    studio.upsampling.watch(True)
    rest(studio, clock)
    assert studio.upsampling.state.document is studio.session.document


def test_cancelled_measurements_can_be_done_again(desk):
    studio, clock = desk
    before = studio.upsampling.state.results
    studio.upsampling.choose_models([SHUFFLE])
    studio.upsampling.cancel()
    rest(studio, clock)
    assert studio.upsampling.state.results is before
    assert not studio.upsampling.state.running
    studio.upsampling.measure()
    rest(studio, clock)
    assert [result.model for result in studio.upsampling.state.results] == [SHUFFLE]


def test_closing_the_panel_takes_the_results_away(desk):
    studio, clock = desk
    studio.inspecting.close()
    rest(studio, clock)
    assert studio.upsampling.state.results == ()


def test_a_row_is_chosen_and_a_stage_of_the_traced_model_opened(desk):
    studio, _clock = desk
    studio.upsampling.look_at(2)
    assert studio.upsampling.state.shown_stride == 2
    studio.inspecting.open_stage("inc")
    studio.upsampling.open_stage(SHUFFLE, "up1")
    assert studio.session.inspection.stage == "inc"
    studio.upsampling.open_stage(UNET, "up1")
    assert studio.session.inspection.stage == "up1"
