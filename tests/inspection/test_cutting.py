"""Cuts through the application, against networks rebuilt without what is cut."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from cut_networks import (
    cut_labels,
    cutting_desk,
    iou_and_dice,
    labels_by_hand,
    network_and_input,
    outline,
)
from fakes import make_folder, square
from inspecting_desk import inspecting_desk, rest
from tiny_networks import SHUFFLE

import segstudio.inspection.nets.traced_model  # noqa: F401 - takes seconds, and no test shall wait for it
from segstudio.core.errors import SegstudioError
from segstudio.core.features import CutHow
from segstudio.core.geometry import Rect
from segstudio.models.families.unet import UNet
from segstudio.session.inspection import ClassMapOverPhoto, Overlay
from segstudio.session.session import What


@pytest.fixture
def desk(tmp_path, tiny_engine):
    yield from cutting_desk(tmp_path, tiny_engine)


@pytest.mark.parametrize("how", list(CutHow))
def test_a_cut_skip_is_the_network_without_what_it_carries(desk, how):
    studio, clock = desk

    def cut(features):
        if how is CutHow.ZERO:
            return torch.zeros_like(features)
        if how is CutHow.MEAN:
            return features.mean((2, 3), keepdim=True).expand_as(features)
        flat = features.flatten(2)
        generator = torch.Generator().manual_seed(0)
        return flat[:, :, torch.randperm(flat.shape[2], generator=generator)].view_as(features)

    studio.cutting.cut_skip("inc -> up2", how)
    assert studio.cutting.waiting
    rest(studio, clock)
    assert not studio.cutting.waiting
    np.testing.assert_array_equal(cut_labels(studio), labels_by_hand(studio, edit_skip_one=cut))
    result = studio.session.inspection.cut_result
    np.testing.assert_array_equal(result.whole.labels, labels_by_hand(studio))
    changed = np.mean(labels_by_hand(studio) != labels_by_hand(studio, edit_skip_one=cut))
    assert result.changed_share == pytest.approx(changed)
    assert changed > 0


def test_all_skips_cut_is_a_unet_built_without_them(desk):
    studio, clock = desk
    model, x = network_and_input(studio)
    bare = UNet(3, 2, 4, 2, "transposed", skips=False).eval()
    state = model.state_dict()
    for key in ("up1.conv.double_conv.0.weight", "up2.conv.double_conv.0.weight"):
        state[key] = state[key][:, state[key].shape[1] // 2 :]  # the skip's half goes
    bare.load_state_dict(state)
    studio.cutting.cut_all_skips()
    rest(studio, clock)
    with torch.inference_mode():
        expected = bare(x)[0, :, :20, :30].argmax(0).numpy()
    np.testing.assert_array_equal(cut_labels(studio), expected)


def test_the_scores_before_and_after_are_those_counted_by_hand(desk):
    studio, clock = desk
    studio.cutting.cut_skip("inc")
    rest(studio, clock)
    result = studio.session.inspection.cut_result
    truth = square(left=7)
    for scores, labels in ((result.before, result.whole.labels), (result.after, result.cut.labels)):
        for class_id in (0, 1):
            iou, dice = iou_and_dice(truth, labels, class_id)
            assert scores.metrics.iou[class_id] == pytest.approx(iou)
            assert scores.metrics.dice[class_id] == pytest.approx(dice)
            # 2 % of the diagonal of 20 x 30 pixels is less than one: the outline itself counts
            a, b = outline(truth == class_id), outline(labels == class_id)
            assert scores.boundary_iou[class_id] == pytest.approx(np.sum(a & b) / np.sum(a | b))


def test_channels_are_cut_for_all_that_reads_the_stage(desk):
    studio, clock = desk

    def without(features):
        edited = features.clone()
        edited[:, [1, 3]] = 0
        return edited

    studio.cutting.cut_channel("down1", (3, 1))
    rest(studio, clock)
    np.testing.assert_array_equal(cut_labels(studio), labels_by_hand(studio, edit_two=without))


def test_cuts_are_combined_toggled_chosen_alone_and_reset(desk):
    studio, clock = desk
    cutting = studio.cutting
    cutting.cut_skip("inc")
    cutting.cut_channel("inc", (0,))
    cutting.cut_skip("inc", CutHow.MEAN)  # the same skip: no second entry
    assert [(c.cut.how, c.enabled) for c in cutting.cuts] == [
        (CutHow.MEAN, True), (CutHow.ZERO, True),
    ]  # fmt: skip
    cutting.choose_how(0, CutHow.ZERO)
    rest(studio, clock)
    no_first = lambda f: torch.cat([f[:, :1] * 0, f[:, 1:]], 1)  # noqa: E731
    both = labels_by_hand(studio, edit_one=no_first, edit_skip_one=torch.zeros_like)
    np.testing.assert_array_equal(cut_labels(studio), both)
    cutting.toggle(0)
    rest(studio, clock)
    one = labels_by_hand(studio, edit_one=no_first)
    np.testing.assert_array_equal(cut_labels(studio), one)
    cutting.only_this(0)
    rest(studio, clock)
    other = labels_by_hand(studio, edit_skip_one=torch.zeros_like)
    np.testing.assert_array_equal(cut_labels(studio), other)
    cutting.remove(0)
    assert [c.enabled for c in cutting.cuts] == [False]
    assert studio.session.inspection.cut_result is None
    cutting.reset()
    assert cutting.cuts == ()


def test_a_shuffle_can_be_drawn_again(desk):
    studio, clock = desk

    def shuffled(seed):
        def cut(features):
            flat = features.flatten(2)
            generator = torch.Generator().manual_seed(seed)
            return flat[:, :, torch.randperm(flat.shape[2], generator=generator)].view_as(features)

        return labels_by_hand(studio, edit_skip_one=cut)

    studio.cutting.cut_skip("inc -> up2", CutHow.SHUFFLE)
    rest(studio, clock)
    np.testing.assert_array_equal(cut_labels(studio), shuffled(0))

    studio.cutting.shuffle_again(0)
    rest(studio, clock)

    np.testing.assert_array_equal(cut_labels(studio), shuffled(1))
    assert np.any(shuffled(0) != shuffled(1))


def test_a_cut_that_was_seen_before_is_there_at_once(desk):
    studio, clock = desk
    studio.cutting.cut_skip("inc")
    rest(studio, clock)
    seen = studio.session.inspection.cut_result
    studio.cutting.toggle(0)
    assert studio.session.inspection.cut_result is None
    studio.cutting.toggle(0)
    assert studio.session.inspection.cut_result is seen


def test_only_the_last_of_many_changes_is_shown(desk):
    studio, clock = desk
    shown = []
    studio.session.changed.connect(
        lambda change: shown.append(studio.session.inspection.cut_result)
        if change.what & What.CUTS else None
    )  # fmt: skip
    for how in (CutHow.SHUFFLE, CutHow.MEAN, CutHow.ZERO):
        studio.cutting.cut_skip("inc", how)
    rest(studio, clock)
    assert {r.cuts[0].how for r in shown if r is not None} == {CutHow.ZERO}


def test_cuts_follow_to_the_next_image_and_not_to_another_model(desk):
    studio, clock = desk
    studio.cutting.cut_skip("inc")
    studio.photo_overlay.show(Overlay.CUTS)
    rest(studio, clock)
    first = studio.session.inspection.cut_result
    studio.browsing.select(1)
    rest(studio, clock)
    result = studio.session.inspection.cut_result
    assert result is not first
    assert studio.session.inspection.traced.document is studio.session.document
    np.testing.assert_array_equal(
        result.cut.labels, labels_by_hand(studio, edit_skip_one=torch.zeros_like)
    )
    over = studio.session.inspection.over_photo
    assert isinstance(over, ClassMapOverPhoto)
    np.testing.assert_array_equal(over.labels, result.cut.labels)
    studio.segmenting.choose(SHUFFLE)
    rest(studio, clock)
    assert studio.cutting.cuts == ()
    assert studio.session.inspection.cut_result is None
    assert studio.session.inspection.over_photo is None


def test_what_the_user_lays_over_the_photo_instead_stays(desk):
    studio, clock = desk
    studio.cutting.cut_skip("inc")
    rest(studio, clock)
    studio.photo_overlay.show(Overlay.CUTS)
    rest(studio, clock)
    assert studio.session.inspection.over_photo.caption == "Tiny Unet without inc → up2"
    studio.photo_overlay.clear()
    assert studio.session.inspection.overlay is Overlay.NOTHING
    studio.cutting.cut_skip("down1")
    rest(studio, clock)
    assert studio.session.inspection.over_photo is None


def test_the_mask_leaves_the_photo_when_the_cuts_cannot_be_made(desk):
    studio, clock = desk
    studio.photo_overlay.show(Overlay.CUTS)
    studio.cutting.cut_skip("inc")
    rest(studio, clock)
    assert studio.session.inspection.over_photo is not None
    studio.cutting.cut_channel("inc", (99,))
    rest(studio, clock)
    assert studio.session.inspection.cut_problem
    assert studio.session.inspection.over_photo is None
    studio.cutting.remove(1)
    rest(studio, clock)
    assert studio.session.inspection.over_photo.caption == "Tiny Unet without inc → up2"


def test_painting_changes_the_scores_and_not_the_masks(desk):
    studio, clock = desk
    studio.cutting.cut_skip("inc")
    rest(studio, clock)
    before = studio.session.inspection.cut_result
    document = studio.session.document
    annotation = document.annotation
    patch = annotation.paint(Rect(0, 0, 20, 15), np.ones((20, 15), np.bool_), 1)
    annotation.apply(patch)
    studio.session.notify(What.LABELS, patches=(patch,))
    rest(studio, clock)
    after = studio.session.inspection.cut_result
    assert after.cut is before.cut
    iou, _ = iou_and_dice(np.array(document.annotation.labels), after.cut.labels, 1)
    assert after.after.metrics.iou[1] == pytest.approx(iou)


def test_without_an_annotation_the_masks_remain(tmp_path, tiny_engine):
    bare = make_folder(tmp_path / "images", truth=False)
    with inspecting_desk(tmp_path, tiny_engine, bare) as (studio, clock):
        studio.cutting.cut_skip("inc")
        studio.cutting.ablating.ablate_all()
        rest(studio, clock)
        inspection = studio.session.inspection
    assert inspection.cut_result.before is inspection.cut_result.after is None
    assert inspection.cut_result.changed_share > 0
    assert [np.isnan(row.lead_iou_drop) for row in inspection.ablation.rows] == [True] * 3
    assert inspection.ablation.csv().splitlines()[1].endswith(",,,,,,,,,,")


def test_what_cannot_be_cut_is_said(desk):
    studio, clock = desk
    with pytest.raises(SegstudioError, match="no single skip edge 'up9'"):
        studio.cutting.cut_skip("up9")
    studio.cutting.cut_channel("inc", (99,))
    rest(studio, clock)
    assert "no channel 99" in studio.session.inspection.cut_problem
    assert not studio.cutting.waiting
    studio.cutting.reset()
    assert studio.session.inspection.cut_problem == ""
