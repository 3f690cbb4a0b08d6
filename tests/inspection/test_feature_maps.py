"""Pictures and figures of real (tiny) networks' stages."""

from __future__ import annotations

import numpy as np
import pytest
from inspecting_desk import inspecting_desk, rest

from segstudio.inspection.feature_maps import StageReference
from segstudio.inspection.stage_work import stage_facts
from segstudio.session.inspection import (
    ColourMap,
    MapPicture,
    Over,
    Overlay,
    OverPhotoHeat,
    StageLook,
    ValueRange,
)

GREY = StageLook(ColourMap.GREY)


@pytest.fixture
def desk(tmp_path, tiny_engine):
    """A studio whose panel is open on the first of three images (20 x 30, input 20 x 32)."""
    with inspecting_desk(tmp_path, tiny_engine) as made:
        yield made


def asked(desk, ask, *args, **named):
    """The answers to one question."""
    studio, clock = desk
    answers = []
    ask(studio.session.inspection.traced, *args, done=answers.append, **named)
    rest(studio, clock)
    return answers


def stretched(values, low, high):
    """Grey levels of values, by the formula."""
    return np.clip(np.floor((values - low) / (high - low) * 255 + 0.5), 0, 255)


def test_a_node_shows_the_mean_of_its_channels_without_padding(desk):
    studio, _ = desk
    (picture,) = asked(
        desk, studio.feature_maps.node_picture, "inc", MapPicture.MEAN, 0, GREY, 30, asker="a"
    )
    traced = studio.session.inspection.traced
    mean = traced.trace.activation("inc").astype(np.float64).mean(0)[:20, :30]
    assert picture.shape == (20, 30, 3)
    np.testing.assert_allclose(
        picture[..., 0], stretched(mean, mean.min(), mean.max()), atol=1
    )  # fmt: skip


def test_a_node_shows_the_maximum_or_one_channel(desk):
    studio, _ = desk
    ask = studio.feature_maps.node_picture
    inc = studio.session.inspection.traced.trace.activation("inc").astype(float)[:, :20, :30]
    (picture,) = asked(desk, ask, "inc", MapPicture.MAXIMUM, 0, GREY, 30)
    top = inc.max(0)
    np.testing.assert_allclose(picture[..., 1], stretched(top, top.min(), top.max()), atol=1)
    (picture,) = asked(desk, ask, "inc", MapPicture.CHANNEL, 99, GREY, 30)
    last = inc[3]
    np.testing.assert_allclose(picture[..., 1], stretched(last, last.min(), last.max()), atol=1)


def test_components_are_coloured_by_themselves(desk):
    studio, _ = desk
    ask = studio.feature_maps.node_picture
    (first,) = asked(desk, ask, "down1", MapPicture.COMPONENTS, 0, GREY, 60)
    (again,) = asked(desk, ask, "down1", MapPicture.COMPONENTS, 0, StageLook(ColourMap.MAGMA), 60)
    assert first.shape == (40, 60, 3)
    assert again is first
    assert (first[..., 0] != first[..., 1]).any()


def test_thumbnails_share_a_range_or_have_their_own(desk):
    studio, _ = desk
    ask = studio.feature_maps.thumbnails
    inc = studio.session.inspection.traced.trace.activation("inc").astype(float)[:, :20, :30]
    (own,) = asked(desk, ask, "inc", (0, 2), GREY, 30)
    assert set(own) == {0, 2}
    np.testing.assert_allclose(
        own[2][..., 0], stretched(inc[2], inc[2].min(), inc[2].max()), atol=1
    )
    (shared,) = asked(desk, ask, "inc", (2,), StageLook(ColourMap.GREY, ValueRange.STAGE), 30)
    np.testing.assert_allclose(shared[2][..., 0], stretched(inc[2], inc.min(), inc.max()), atol=1)
    fixed = StageLook(ColourMap.GREY, ValueRange.FIXED, (0.01, 0.05))
    (shared,) = asked(desk, ask, "inc", (2,), fixed, 30)
    np.testing.assert_allclose(shared[2][..., 0], stretched(inc[2], 0.01, 0.05), atol=1)


def test_known_thumbnails_come_at_once_and_the_rest_later(desk):
    studio, clock = desk
    asked(desk, studio.feature_maps.thumbnails, "inc", (0, 1), GREY, 30)
    answers = []
    traced = studio.session.inspection.traced
    studio.feature_maps.thumbnails(traced, "inc", (0, 1, 3), GREY, 30, answers.append)
    assert [set(answer) for answer in answers] == [{0, 1}]
    rest(studio, clock)
    assert [set(answer) for answer in answers] == [{0, 1}, {3}]


def test_figures_leave_the_padding_out(desk):
    studio, _ = desk
    (facts,) = asked(desk, studio.feature_maps.facts, "inc")
    seen = studio.session.inspection.traced.trace.activation("inc").astype(float)[:, :20, :30]
    np.testing.assert_allclose(facts.statistics.mean, seen.mean((1, 2)), rtol=1e-4, atol=1e-7)
    np.testing.assert_allclose(facts.variance, seen.var((1, 2)), rtol=1e-3, atol=1e-9)
    assert facts.mean == pytest.approx(seen.mean(), rel=1e-4)
    assert facts.std == pytest.approx(seen.std(), rel=1e-4)
    assert facts.sparsity == pytest.approx((seen == 0).mean())
    assert (facts.low, facts.high) == (seen.min(), seen.max())
    assert facts.histogram.sum() == seen.size
    counts, _edges = np.histogram(seen, len(facts.histogram), (seen.min(), seen.max()))
    assert abs(facts.histogram - counts).sum() <= 0.002 * seen.size


def test_a_channels_histogram_goes_from_its_lowest_to_its_highest(desk):
    studio, _ = desk
    (counts,) = asked(desk, studio.feature_maps.channel_histogram, "outc", 1)
    seen = studio.session.inspection.traced.trace.activation("outc").astype(float)[1, :20, :30]
    wanted, _edges = np.histogram(seen, len(counts), (seen.min(), seen.max()))
    assert counts.sum() == 600
    assert abs(counts - wanted).sum() <= 6


def test_the_head_agrees_with_the_prediction(desk):
    studio, _ = desk
    traced = studio.session.inspection.traced
    (found,) = asked(desk, studio.feature_maps.agreement, "outc", 1, StageReference.PREDICTION)
    logit = traced.trace.activation("outc").astype(float)[1, :20, :30]
    mask = traced.prediction.labels == 1
    strongest = logit >= np.sort(logit.ravel())[-mask.sum()]
    iou = (strongest & mask).sum() / (strongest | mask).sum()
    assert found[1] == pytest.approx(iou, abs=1e-6)
    assert found[1] > found[0]


def test_the_annotation_is_the_one_painted_now(desk):
    studio, _ = desk
    ask = studio.feature_maps.agreement
    traced = studio.session.inspection.traced
    logit = traced.trace.activation("outc").astype(float)[1, :20, :30]
    wanted = logit > np.quantile(logit, 0.8)
    labels = traced.document.annotation._labels
    labels[:] = 0
    (nothing,) = asked(desk, ask, "outc", 1, StageReference.ANNOTATION)
    assert np.isnan(nothing).all()
    labels[wanted] = 1
    (found,) = asked(desk, ask, "outc", 1, StageReference.ANNOTATION)
    assert found[1] > 0.95


def test_values_at_a_pixel_are_those_of_the_position_over_it(desk):
    studio, _ = desk
    traced = studio.session.inspection.traced
    down1 = traced.trace.activation("down1").astype(np.float32)
    # stride 2: photo pixel (x 9, y 5) lies in column 4, row 2
    found = studio.feature_maps.values_at(traced, "down1", (9, 5))
    np.testing.assert_array_equal(found, down1[:, 2, 4])
    assert studio.feature_maps.values_at(traced, "down1", (30, 5)) is None


def test_later_questions_of_the_same_asker_supersede_earlier_ones(desk):
    studio, clock = desk
    traced, answers = studio.session.inspection.traced, []
    for px in (20, 30, 40):
        studio.feature_maps.thumbnails(traced, "inc", (0,), GREY, px, answers.append, asker="me")
    studio.feature_maps.thumbnails(traced, "inc", (1,), GREY, 20, answers.append)
    rest(studio, clock)
    assert sorted((next(iter(a)), a[next(iter(a))].shape[1]) for a in answers) == [(0, 40), (1, 20)]


def test_questions_about_a_gone_trace_are_not_answered(desk):
    studio, clock = desk
    traced, answers = studio.session.inspection.traced, []
    studio.browsing.select(1)
    rest(studio, clock)
    studio.feature_maps.facts(traced, "inc", answers.append)
    rest(studio, clock)
    assert answers == []


def test_a_pooled_stage_has_no_dead_channels_and_one_range():
    features = np.zeros((3, 2, 4), np.float16) + np.array([0, 1, 4], np.float16)[:, None, None]
    facts = stage_facts(features)
    assert facts.pooled
    assert facts.dead == 0
    features[1, 0, 0] = 3
    facts = stage_facts(features)
    assert not facts.pooled
    assert facts.statistics.dead.tolist() == [True, False, True]


def test_a_stage_that_cannot_be_read_is_told(desk):
    studio, clock = desk
    traced, errors = studio.session.inspection.traced, []
    store = traced.trace.activations
    store._kept.clear()
    store.recompute_by(lambda names: {})
    studio.feature_maps.facts(traced, "inc", errors.append, failed=errors.append)
    rest(studio, clock)
    assert "did not run" in str(errors[0])


# -- a channel over the photo ------------------------------------------------------------------


def show_channel(studio, stage, channel):
    studio.inspecting.open_stage(stage, channel)
    studio.photo_overlay.show(Overlay.CHANNEL)


def over(studio) -> OverPhotoHeat | None:
    return studio.session.inspection.over_photo


def test_a_channel_lies_over_the_photo_with_its_range(desk):
    studio, clock = desk
    show_channel(studio, "inc", 2)
    rest(studio, clock)
    assert (studio.session.inspection.stage, studio.session.inspection.channel) == ("inc", 2)
    heat = over(studio)
    seen = studio.session.inspection.traced.trace.activation("inc").astype(float)[2, :20, :30]
    assert heat.levels.shape == (20, 30)
    assert (heat.low, heat.high) == (pytest.approx(seen.min()), pytest.approx(seen.max()))
    np.testing.assert_allclose(heat.levels, stretched(seen, seen.min(), seen.max()), atol=1)
    assert heat.caption == "inc, channel 2"


def test_the_channel_over_the_photo_follows_colours_focus_and_image(desk):
    studio, clock = desk
    show_channel(studio, "inc", 2)
    rest(studio, clock)
    studio.inspecting.choose_look(colours=ColourMap.DIVERGING)
    rest(studio, clock)
    assert over(studio).low == -over(studio).high
    studio.inspecting.open_stage("up2", 1)
    rest(studio, clock)
    assert over(studio).caption == "up2, channel 1"
    before = over(studio)
    studio.browsing.select(1)
    rest(studio, clock)
    assert over(studio).caption == "up2, channel 1"
    assert over(studio) is not before


def test_blending_changes_only_how_strongly_it_covers(desk):
    studio, clock = desk
    show_channel(studio, "inc", 2)
    rest(studio, clock)
    before = over(studio)
    studio.photo_overlay.blend(0.25)
    assert over(studio).opacity == 0.25
    assert over(studio).levels is before.levels
    show_channel(studio, "inc", 1)
    rest(studio, clock)
    assert over(studio).opacity == 0.25


def test_what_the_user_took_away_does_not_come_back(desk):
    studio, clock = desk
    show_channel(studio, "inc", 2)
    rest(studio, clock)
    studio.photo_overlay.clear()
    assert studio.photo_overlay.channel is None
    studio.inspecting.choose_look(colours=ColourMap.GREY)
    studio.browsing.select(1)
    rest(studio, clock)
    assert over(studio) is None


def test_hiding_a_channel_that_has_not_come_yet(desk):
    studio, clock = desk
    show_channel(studio, "inc", 2)
    studio.photo_overlay.clear()
    rest(studio, clock)
    assert over(studio) is None


def test_something_else_over_the_photo_stays_there(desk):
    studio, clock = desk
    show_channel(studio, "inc", 2)
    rest(studio, clock)
    studio.inspecting.choose_over(Over.ALL)
    studio.photo_overlay.show(Overlay.CAM)
    rest(studio, clock)
    assert over(studio).caption.startswith("Grad-CAM")
    studio.inspecting.choose_look(colours=ColourMap.GREY)
    rest(studio, clock)
    assert over(studio).caption.startswith("Grad-CAM")
