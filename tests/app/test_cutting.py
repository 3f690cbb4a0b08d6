"""Cuts through the application, against networks rebuilt without what is cut."""

from __future__ import annotations

import csv
import io
import weakref

import cv2
import numpy as np
import pytest
import torch
from fakes import make_folder, settle, square, write_mask
from safetensors.torch import load_file
from tiny_networks import SHUFFLE, UNET

import segstudio.inspection.subject  # noqa: F401 - takes seconds, and no test shall wait for it
from segstudio.app.clock import ManualClock
from segstudio.app.studio import Studio
from segstudio.core.errors import SegstudioError
from segstudio.core.features import CutHow
from segstudio.core.geometry import Rect
from segstudio.models.preprocess import Preprocess
from segstudio.models.unet import UNet
from segstudio.session.inspection import ClassMapOverPhoto, Picture
from segstudio.session.session import What


@pytest.fixture
def desk(tmp_path, tiny_engine):
    """A studio with tiny networks, an open folder of three images, and a trace."""
    clock = ManualClock()
    studio = Studio(clock, tmp_path / "home", tiny_engine)
    folder = make_folder(tmp_path / "images")
    noise = np.random.default_rng(0).integers(0, 256, (20, 30, 3), np.uint8)
    for number in range(3):  # three times the same, and no even areas where classes nearly tie
        cv2.imwrite(str(folder / f"a{number}.png"), noise)
    studio.browsing.open_path(folder)
    rest(studio, clock)
    studio.inspecting.open()
    rest(studio, clock)
    yield studio, clock
    studio.close()
    clock.run_posted()


def rest(studio, clock):
    for _ in range(3):
        settle(studio, clock)
        clock.advance(0.3)
    settle(studio, clock)


# -- networks written by hand ------------------------------------------------------------------


def network_and_input(studio):
    spec = studio.session.models[UNET]
    model = UNet(**dict(spec.options)).eval()
    model.load_state_dict(load_file(spec.weights.filename))
    pixels = studio.session.document.pixels
    return model, Preprocess.from_dict(dict(spec.preprocess)).prepare(pixels)[0]


def labels_by_hand(studio, edit_one=None, edit_two=None, edit_skip_one=None, edit_skip_two=None):
    """The tiny U-Net's forward pass with features edited: of `inc`, of `down1`, of their skips."""
    model, x = network_and_input(studio)
    same = lambda features: features  # noqa: E731
    with torch.inference_mode():
        one = (edit_one or same)(model.inc(x))
        two = (edit_two or same)(model.down1(one))
        deep = model.down2(two)
        up1 = model.up1.conv(torch.cat([(edit_skip_two or same)(two), model.up1.up(deep)], 1))
        up2 = model.up2.conv(torch.cat([(edit_skip_one or same)(one), model.up2.up(up1)], 1))
        logits = model.outc(up2)
    height, width = studio.session.document.shape_hw
    return logits[0, :, :height, :width].argmax(0).numpy()


def iou_and_dice(truth, labels, class_id):
    both = np.sum((truth == class_id) & (labels == class_id))
    sizes = np.sum(truth == class_id) + np.sum(labels == class_id)
    return both / (sizes - both), 2 * both / sizes


def outline(region):
    """Pixels with another value, or the image's end, among their eight neighbours."""
    framed = np.pad(region, 1)
    inner = np.ones_like(region)
    for dy in range(3):
        for dx in range(3):
            inner &= framed[dy : dy + region.shape[0], dx : dx + region.shape[1]]
    return region & ~inner


def cut_labels(studio):
    return studio.session.inspection.cut_result.cut.labels


# -- cuts --------------------------------------------------------------------------------------


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
    studio.cutting.show_on_photo(True)
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
    studio.cutting.show_on_photo(True)
    assert studio.session.inspection.over_photo.caption == "Tiny Unet without inc → up2"
    studio.inspecting.clear_photo()
    assert not studio.cutting.follows_on_photo
    studio.cutting.cut_skip("down1")
    rest(studio, clock)
    assert studio.session.inspection.over_photo is None


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
    clock = ManualClock()
    studio = Studio(clock, tmp_path / "home", tiny_engine)
    studio.browsing.open_path(make_folder(tmp_path / "images", truth=False))
    rest(studio, clock)
    studio.inspecting.open()
    rest(studio, clock)
    studio.cutting.cut_skip("inc")
    studio.cutting.ablating.ablate_all()
    rest(studio, clock)
    inspection = studio.session.inspection
    assert inspection.cut_result.before is inspection.cut_result.after is None
    assert inspection.cut_result.changed_share > 0
    assert [np.isnan(row.mean_iou_drop) for row in inspection.ablation.rows] == [True] * 3
    assert inspection.ablation.csv().splitlines()[1].endswith(",,,,,,,,,,")
    studio.close()


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


# -- each skip alone ---------------------------------------------------------------------------


def test_the_table_of_a_folder_sums_the_pixels_of_its_images(desk):
    studio, clock = desk
    files = [ref.path for ref in studio.session.project.images]
    write_mask(files[1].parent / "masks" / "a1.png", square(left=2, size=14))
    truths = [cv2.imread(str(f.parent / "masks" / f.name), -1) for f in files]
    whole = labels_by_hand(studio)  # the three photos are the same
    cuts = [
        labels_by_hand(studio, edit_skip_two=torch.zeros_like),
        labels_by_hand(studio, edit_skip_one=torch.zeros_like),
        labels_by_hand(studio, edit_skip_one=torch.zeros_like, edit_skip_two=torch.zeros_like),
    ]
    studio.cutting.ablating.ablate_all("folder")
    assert studio.cutting.ablating.running
    rest(studio, clock)
    found = studio.session.inspection.ablation
    assert (found.images, found.total, found.scored, found.running) == (3, 3, 3, False)
    assert [row.name for row in found.rows] == ["down1 -> up1", "inc -> up2", "all"]
    for row, cut in zip(found.rows, cuts, strict=True):
        assert row.changed_share == pytest.approx(np.mean(whole != cut))
        truth = np.concatenate(truths)
        for class_id in (0, 1):
            before, _ = iou_and_dice(truth, np.concatenate([whole] * 3), class_id)
            after, dice = iou_and_dice(truth, np.concatenate([cut] * 3), class_id)
            assert row.iou_drop[class_id] == pytest.approx(before - after)
            assert row.after.metrics.dice[class_id] == pytest.approx(dice)
            a = np.concatenate([outline(t == class_id) for t in truths])
            b = np.concatenate([outline(cut == class_id)] * 3)
            assert row.after.boundary_iou[class_id] == pytest.approx(np.sum(a & b) / np.sum(a | b))
    lines = list(csv.DictReader(io.StringIO(found.csv())))
    assert len(lines) == 3 * 3
    assert float(lines[0]["iou_drop"]) == pytest.approx(found.rows[0].iou_drop[0], abs=1e-6)


def test_one_image_is_held_at_a_time_and_a_broken_one_is_left_out(desk, tiny_engine):
    studio, clock = desk
    studio.session.project.images[1].path.write_bytes(b"no image")
    alive, made = [], []
    subject = tiny_engine.subject

    def counted(*arguments):
        alive.append(sum(ref() is not None for ref in made))
        found = subject(*arguments)
        made.append(weakref.ref(found))
        return found

    tiny_engine.subject = counted
    studio.cutting.ablating.ablate_all("folder", CutHow.MEAN)
    rest(studio, clock)
    found = studio.session.inspection.ablation
    assert (found.images, found.how) == (2, CutHow.MEAN)
    assert [name for name, _ in found.left_out] == ["a1.png"]
    assert alive == [0, 0]


def test_the_table_is_filled_bit_by_bit_and_stops_when_asked(desk):
    studio, clock = desk
    seen = []

    def note(change):
        table = studio.session.inspection.ablation
        if change.what & What.CUTS and table is not None and table.rows:
            seen.append((table.images, len(table.rows), table.running))
            studio.cutting.ablating.stop()

    studio.cutting.ablating._slice_s = 0.0
    studio.session.changed.connect(note)
    studio.cutting.ablating.ablate_all("folder")
    rest(studio, clock)
    found = studio.session.inspection.ablation
    assert seen[0] == (1, 3, True)
    assert (found.images, found.running) == (1, False)


def test_a_table_of_an_image_goes_with_it_and_one_of_a_set_stays(desk):
    studio, clock = desk
    studio.cutting.ablating.ablate_all("image")
    rest(studio, clock)
    assert studio.session.inspection.ablation.where == "a0.png"
    studio.browsing.select(1)
    rest(studio, clock)
    assert studio.session.inspection.ablation is None
    studio.cutting.ablating.ablate_all([0, 2])
    rest(studio, clock)
    studio.browsing.select(2)
    rest(studio, clock)
    assert studio.session.inspection.ablation.where == "2 images"
    studio.cutting.show_run(studio.session.inspection.ablation.rows[0].cuts)
    rest(studio, clock)
    assert [c.cut.edge.id for c in studio.cutting.cuts] == ["down1 -> up1"]
    studio.segmenting.choose(SHUFFLE)
    rest(studio, clock)
    assert studio.session.inspection.ablation is None


# -- one skip ----------------------------------------------------------------------------------


def test_a_skip_is_shown_with_what_comes_from_below_and_what_becomes(desk):
    studio, clock = desk
    studio.inspecting.choose_picture(Picture.CHANNEL, 2)
    found, problems = [], []
    assert studio.cutting.joins.look("inc -> up2", 30, found.append, problems.append)
    rest(studio, clock)
    (view,) = found
    model, x = network_and_input(studio)
    with torch.inference_mode():
        one = model.inc(x)
        two = model.down1(one)
        below = model.up2.up(model.up1(model.down2(two), two))
        first = model.up2.conv.double_conv[0]
        parts = [first(torch.cat([one, below * 0], 1)), first(torch.cat([one * 0, below], 1))]
        energy = [float((part - (0 if first.bias is None else first.bias[:, None, None])).square()
                        .sum()) for part in parts]  # fmt: skip
    assert [(p.kind.value, p.name, p.shape) for p in view.parts] == [
        ("skip", "inc", (4, 20, 32)),
        ("from below", "up1", (4, 20, 32)),
        ("joined", "up2", (8, 20, 32)),
        ("after", "up2", (4, 20, 32)),
    ]
    assert [p.share for p in view.sources] == pytest.approx(
        [e / sum(energy) for e in energy], rel=1e-3
    )
    assert view.response == "up2.conv.double_conv.0"
    for part, features in zip(view.parts, (one, below), strict=False):
        seen = features[0, 2, :, :30]  # the padding is no part of the photo
        assert part.picture.shape == (20, 30, 3)
        assert part.low == pytest.approx(float(seen.min()), rel=1e-2, abs=1e-3)
        assert part.high == pytest.approx(float(seen.max()), rel=1e-2, abs=1e-3)
        assert part.rms == pytest.approx(float(features.square().mean().sqrt()), rel=1e-2)
    assert problems == []
    assert not studio.cutting.joins.look("no such", 30, found.append, problems.append)
