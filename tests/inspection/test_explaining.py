"""Explanations on real tiny networks: their geometry on the photo, against slow independent ways."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from explained import HEIGHT, WIDTH, asked, network_of, photo_of, rest, studios
from torch.nn import functional as F

from segstudio.inspection.explanations import side_of_share
from segstudio.inspection.nets import traced_model
from segstudio.models.families.unet import UNet
from segstudio.session.inspection import ClassMapOverPhoto, Over, Overlay, OverPhotoHeat


@pytest.fixture
def open_studio(tmp_path, tiny_specs):
    yield from studios(tmp_path, tiny_specs)


# -- under the pointer -----------------------------------------------------------------------------


def test_scores_at_a_pixel_are_those_of_a_forward_pass(open_studio):
    studio, clock = open_studio(divisor=16)
    with torch.inference_mode():
        padded = F.pad(photo_of(studio) / 255, (0, 2, 0, 12), mode="reflect")
        logits = network_of(studio)(padded)[0, :, :HEIGHT, :WIDTH]
        shares = logits.softmax(0)
    found = []
    studio.explaining.values_at((13, 7), found.append)
    rest(studio, clock)
    first, last = found
    assert first.classes == ()
    assert not first.complete
    assert last.complete
    by_id = {entry.id: entry for entry in last.classes}
    for class_id in (0, 1):
        assert by_id[class_id].logit == pytest.approx(float(logits[class_id, 7, 13]), abs=1e-5)
        assert by_id[class_id].probability == pytest.approx(
            float(shares[class_id, 7, 13]), abs=1e-5
        )
    assert by_id[1].name == "class 1"
    assert last.classes[0].probability >= last.classes[1].probability


def test_a_stage_tells_its_strongest_channels_and_its_field(open_studio):
    studio, clock = open_studio()
    studio.inspecting.open_stage("down2")
    found = []
    studio.explaining.values_at((13, 7), found.append)
    rest(studio, clock)
    values = found[-1]
    # stride 4: position (7, 13) // 4; the field of down2 is 5 + 4 * 2 + 4 * 4 + 1 + 2 = 32 wide
    assert values.position == (1, 3)
    vector = studio.session.inspection.traced.trace.activation("down2")[:, 1, 3]
    expected = sorted(range(len(vector)), key=lambda c: -abs(float(vector[c])))[:5]
    assert [entry.channel for entry in values.channels] == expected
    assert values.channels[0].value == float(vector[expected[0]])
    assert values.field == (6 - 16, 14 - 16, 6 + 16, 14 + 16)


def test_hovering_runs_the_network_once_per_trace(open_studio):
    studio, clock = open_studio()
    calls = []
    network_of(studio).register_forward_hook(lambda *_: calls.append(1))
    found = []
    for x in range(10):
        studio.explaining.values_at((x, 3), found.append)
    rest(studio, clock)
    assert len(calls) == 1
    assert [value.pixel for value in found] == [*((x, 3) for x in range(10)), (9, 3)]
    studio.explaining.values_at((20, 3), found.append)
    assert found[-1].complete
    assert len(calls) == 1


def test_outside_the_inspected_part_there_are_no_scores(open_studio, monkeypatch):
    monkeypatch.setattr(traced_model, "INPUT_LIMIT", 12 * 18)
    studio, clock = open_studio()
    window = studio.session.inspection.traced.input_geometry.window
    assert window.width < WIDTH
    found = []
    studio.explaining.values_at((0, 0), found.append)
    studio.explaining.values_at((window.left, window.top), found.append)
    rest(studio, clock)
    with torch.inference_mode():
        part = photo_of(studio)[..., window.top : window.bottom, window.left : window.right]
        high, wide = -part.shape[2] % 4, -part.shape[3] % 4
        logits = network_of(studio)(F.pad(part / 255, (0, wide, 0, high), mode="reflect"))
    assert found[0].classes == ()
    assert found[0].complete
    best = found[-1].classes[0]
    assert best.logit == pytest.approx(float(logits[0, best.id, 0, 0]), abs=1e-5)


def test_detections_score_their_class_and_the_background():
    from segstudio.core.instances import Instances
    from segstudio.core.prediction import Prediction
    from segstudio.core.schema import LabelSchema
    from segstudio.inspection.explanations import instance_maps

    instances = Instances(
        np.array([[2, 2, 8, 8], [2, 2, 8, 8]], np.float32),
        np.array([0.75, 0.5], np.float32),
        np.array([1, 1], np.uint8),
        np.ones((2, 28, 28), np.float16),
    )
    schema = LabelSchema.from_names(("background", "nucleus"))
    labels = np.zeros((10, 12), np.uint8)
    maps = instance_maps(Prediction("m", "M", schema, labels, labels, instances))
    assert maps.ids == (0, 1)
    np.testing.assert_array_equal(maps.scores[:, 5, 5], [0.25, 0.75])
    np.testing.assert_array_equal(maps.scores[:, 0, 11], [1, 0])


# -- effective fields ------------------------------------------------------------------------------


def test_the_effective_field_is_what_finite_differences_give(open_studio):
    studio, clock = open_studio(divisor=16)
    studio.inspecting.pin((13, 7))
    found = asked(studio, clock, studio.explaining.effective_field)
    network = network_of(studio)
    x = F.pad(photo_of(studio) / 255, (0, 2, 0, 12), mode="reflect").double()
    exact = UNet(3, 2, base_channels=4, depth=2, upsampling="transposed").eval().double()
    exact.load_state_dict(network.state_dict())
    step = 1e-5
    for y, column in ((7, 13), (6, 13), (7, 11), (4, 16), (0, 29)):
        total = 0.0
        for channel in range(3):
            shifted = x.repeat(2, 1, 1, 1)
            shifted[0, channel, y, column] += step
            shifted[1, channel, y, column] -= step
            with torch.inference_mode():
                up, down = exact(shifted)[:, 1, 7, 13]
            total += abs(float(up - down)) / (2 * step)
        assert found.values[y, column] == pytest.approx(total, rel=0.02, abs=1e-6)
    assert found.values.shape == (HEIGHT, WIDTH)
    assert found.heat.levels[7, 13] > 0


def test_a_stages_field_lies_within_its_theoretical_one(open_studio):
    studio, clock = open_studio()
    studio.inspecting.pin((13, 7))
    found = asked(studio, clock, studio.explaining.effective_field, stage_id="inc")
    outside = found.values.copy()
    outside[5:10, 11:16] = 0
    assert not outside.any()
    assert found.values.any()
    assert found.theoretical == (5, 5)
    assert found.side_half <= found.side_most <= 5


def test_the_square_that_holds_a_share():
    values = np.zeros((9, 11), np.float32)
    values[4, 5] = 5
    values[4, 7] = 3
    values[0, 5] = 2
    assert side_of_share(values, (4, 5), 0.5) == 1
    assert side_of_share(values, (4, 5), 0.8) == 5
    assert side_of_share(values, (4, 5), 0.81) == 9
    assert side_of_share(np.zeros_like(values), (4, 5), 0.5) == 0


# -- the logit lens --------------------------------------------------------------------------------


def test_the_lens_reads_a_stage_with_the_head_and_scores_it(open_studio):
    studio, clock = open_studio()
    rows = asked(studio, clock, studio.explaining.logit_lens_table)
    by_stage = {row.stage: row for row in rows}
    assert list(by_stage) == ["inc", "down2", "up1", "up2"]
    assert by_stage["up1"].view is None
    assert by_stage["up1"].channels == 8
    network, x = network_of(studio), F.pad(photo_of(studio) / 255, (0, 2, 0, 0), mode="reflect")
    with torch.inference_mode():
        stored = network.inc(x).half().float()
        said = network.outc(stored)[0, :, :, :WIDTH].argmax(0).numpy()
    view = by_stage["inc"].view
    np.testing.assert_array_equal(view.prediction.labels, said)
    traced = studio.session.inspection.traced
    assert view.agreement == pytest.approx(float((said == traced.prediction.labels).mean()))
    truth = traced.document.annotation.labels
    expected = ((said == 1) & (truth == 1)).sum() / ((said == 1) | (truth == 1)).sum()
    assert view.metrics.iou[1] == pytest.approx(float(expected))


# -- over the photo --------------------------------------------------------------------------------


def test_an_explanation_stays_over_the_photo_and_follows(open_studio):
    studio, clock = open_studio()
    overlay, session = studio.photo_overlay, studio.session
    studio.inspecting.open_stage("down2")
    overlay.show(Overlay.CAM)
    rest(studio, clock)
    assert session.inspection.over_photo is None
    assert "Click a pixel" in session.inspection.overlay_note
    studio.inspecting.pin((7, 9))
    rest(studio, clock)
    first = session.inspection.over_photo
    assert isinstance(first, OverPhotoHeat)
    assert "down2" in first.caption
    assert "7, 9" in first.caption
    studio.inspecting.open_stage("up1")
    rest(studio, clock)
    assert "up1" in session.inspection.over_photo.caption
    studio.inspecting.choose_over(Over.ALL)
    rest(studio, clock)
    assert "the whole image" in session.inspection.over_photo.caption
    studio.browsing.select(1)
    rest(studio, clock)
    assert session.inspection.traced.document is session.document
    assert "the whole image" in session.inspection.over_photo.caption


def test_what_replaces_an_explanation_ends_it(open_studio):
    studio, clock = open_studio()
    overlay, session = studio.photo_overlay, studio.session
    studio.inspecting.pin((7, 9))
    for end in (
        lambda: overlay.show(Overlay.NOTHING),
        overlay.clear,
        studio.inspecting.close,
    ):
        overlay.show(Overlay.FIELD)
        rest(studio, clock)
        assert isinstance(session.inspection.over_photo, OverPhotoHeat)
        assert "95 %" in session.inspection.overlay_note
        end()
        rest(studio, clock)
        assert session.inspection.over_photo is None
        assert session.inspection.overlay is Overlay.NOTHING
        assert session.inspection.overlay_note == ""
    studio.inspecting.open()
    rest(studio, clock)
    studio.inspecting.pin((7, 9))
    overlay.show(Overlay.FIELD)
    rest(studio, clock)
    studio.inspecting.open_stage("inc", 3)
    overlay.show(Overlay.CHANNEL)
    rest(studio, clock)
    assert session.inspection.overlay is Overlay.CHANNEL
    assert session.inspection.overlay_note == ""
    assert session.inspection.over_photo.caption == "inc, channel 3"


def test_only_what_was_asked_for_last_is_laid_over_the_photo(open_studio):
    studio, clock = open_studio()
    session, laid = studio.session, []
    session.changed.connect(lambda _change: laid.append(session.inspection.over_photo))
    studio.inspecting.pin((7, 9))
    studio.inspecting.open_stage("up2")
    for overlay in (Overlay.CAM, Overlay.FIELD, Overlay.CHANNEL, Overlay.LOGIT_LENS):
        studio.photo_overlay.show(overlay)
    rest(studio, clock)
    shown = session.inspection.over_photo
    assert isinstance(shown, ClassMapOverPhoto)
    assert {id(one) for one in laid if one is not None} == {id(shown)}
    # another stage is opened for its channel: what follows the stage gives way all the same
    studio.inspecting.open_stage("inc", 2)
    studio.photo_overlay.show(Overlay.CHANNEL)
    rest(studio, clock)
    assert session.inspection.over_photo.caption == "inc, channel 2"


def test_opacity_is_kept_for_what_comes(open_studio):
    studio, clock = open_studio()
    overlay, session = studio.photo_overlay, studio.session
    studio.inspecting.pin((7, 9))
    overlay.show(Overlay.CAM)
    rest(studio, clock)
    overlay.blend(0.25)
    rest(studio, clock)
    assert session.inspection.overlay is Overlay.CAM
    assert session.inspection.over_photo.opacity == 0.25
    studio.inspecting.open_stage("down1")
    rest(studio, clock)
    assert session.inspection.over_photo.opacity == 0.25


def test_the_lens_lies_over_the_photo_in_the_folders_classes(open_studio):
    studio, clock = open_studio()
    studio.inspecting.open_stage("up2")
    studio.photo_overlay.show(Overlay.LOGIT_LENS)
    rest(studio, clock)
    shown = studio.session.inspection.over_photo
    assert isinstance(shown, ClassMapOverPhoto)
    assert shown.labels.shape == (HEIGHT, WIDTH)
    assert "Agrees with the network on" in studio.session.inspection.overlay_note
    studio.inspecting.open_stage("up1")
    rest(studio, clock)
    assert studio.session.inspection.over_photo is None
    assert studio.session.inspection.overlay_note.startswith("The head reads 4 channels")
