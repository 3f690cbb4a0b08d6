"""Grad-CAM on real tiny networks: its geometry on the photo, against slow independent ways."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from explained import HEIGHT, WIDTH, asked, explained, network_of, photo_of, rest, studios
from torch.nn import functional as F

from segstudio.core.geometry import Rect
from segstudio.inspection.nets import traced_model
from segstudio.inspection.nets.traced_model import TracedModel
from segstudio.session.inspection import Over


@pytest.fixture
def open_studio(tmp_path, tiny_specs):
    yield from studios(tmp_path, tiny_specs)


def slow_cam(network, x, stage, pixels):
    """Seg-Grad-CAM by hooks of its own; `pixels` is a mask of the network's input."""
    kept = []

    def keep(_module, _args, result):
        result.retain_grad()
        kept.append(result)

    handle = network.get_submodule(stage).register_forward_hook(keep)
    try:
        with torch.enable_grad():
            logits = network(x.clone().requires_grad_())[0, 1]
            sum(logits[row, col] for row, col in zip(*np.nonzero(pixels), strict=True)).backward()
    finally:
        handle.remove()
        network.zero_grad(set_to_none=True)
    (features,) = kept
    weights = features.grad[0].mean((1, 2))
    return torch.relu((weights[:, None, None] * features[0]).sum(0)).detach().numpy()


def placed(cam, scale, start, stride):
    """A stage's map under the middle of every photo pixel, one by one."""
    found = np.zeros((HEIGHT, WIDTH))
    for y in range(HEIGHT):
        for x in range(WIDTH):
            v = np.clip(((y + 0.5) * scale - start) / stride, 0, cam.shape[0] - 1)
            u = np.clip(((x + 0.5) * scale - start) / stride, 0, cam.shape[1] - 1)
            top, left = int(v), int(u)
            bottom, right = min(top + 1, cam.shape[0] - 1), min(left + 1, cam.shape[1] - 1)
            above = cam[top, left] * (1 - (u - left)) + cam[top, right] * (u - left)
            below = cam[bottom, left] * (1 - (u - left)) + cam[bottom, right] * (u - left)
            found[y, x] = above * (1 - (v - top)) + below * (v - top)
    return found


def assert_over_photo(heat, values):
    """A heat's levels are its values within one step."""
    shown = heat.levels.astype(float) / 255 * heat.high
    assert heat.levels.max() == 255
    np.testing.assert_allclose(shown, values, atol=heat.high / 250)


def test_grad_cam_of_a_region_lies_where_a_slow_one_lies_with_padding(open_studio):
    studio, clock = open_studio(divisor=16)
    studio.inspecting.choose_rectangle(Rect(3, 5, 9, 14))
    cam = explained(studio, clock, "down1", "rectangle")
    pixels = np.zeros((32, 32), bool)
    pixels[3:9, 5:14] = True
    x = F.pad(photo_of(studio) / 255, (0, 2, 0, 12), mode="reflect")
    expected = slow_cam(network_of(studio), x, "down1", pixels)
    np.testing.assert_allclose(cam.values, expected, rtol=1e-4, atol=1e-9)
    # down1 halves the size: its first position lies in the middle of two pixels
    values = placed(expected, 1, 1.0, 2.0)
    assert_over_photo(cam.heat, values * (cam.heat.high / values.max()))


@pytest.mark.slow
def test_grad_cam_of_a_pixel_lies_where_a_slow_one_lies_on_a_doubled_image(open_studio):
    studio, clock = open_studio(factor=2.0)
    studio.inspecting.pin((7, 9))
    cam = explained(studio, clock, "down2", "pixel")
    x = F.interpolate(photo_of(studio), scale_factor=2, mode="bilinear").round() / 255
    pixels = np.zeros((2 * HEIGHT, 2 * WIDTH), bool)
    pixels[19, 15] = True
    expected = slow_cam(network_of(studio), x, "down2", pixels)
    np.testing.assert_allclose(cam.values, expected, rtol=1e-3, atol=1e-9)
    values = placed(expected, 2, 2.0, 4.0)
    assert_over_photo(cam.heat, values * (cam.heat.high / values.max()))


def test_grad_cam_of_a_part_of_the_photo_leaves_the_rest_alone(open_studio, monkeypatch):
    monkeypatch.setattr(traced_model, "INPUT_LIMIT", 12 * 18)
    studio, clock = open_studio()
    cam = explained(studio, clock, "up2", "all")
    window = studio.session.inspection.traced.input_geometry.window
    outside = cam.heat.levels.copy()
    outside[window.slices] = 0
    assert cam.heat.levels.shape == (HEIGHT, WIDTH)
    assert not outside.any()
    assert cam.heat.levels.any()


def test_influence_is_the_directional_derivative_of_scaling_a_channel(open_studio):
    """Gradient x activation summed is what the score gains when the channel grows, per 100 %."""
    studio, clock = open_studio()
    found = []
    assert studio.explaining.influence("up2", found.append, over="all")
    rest(studio, clock)
    network, x = network_of(studio), photo_of(studio) / 255
    x = F.pad(x, (0, 2, 0, 0), mode="reflect")
    step = 1e-3
    for channel in range(4):

        def scores(by, channel=channel):
            def scale(_module, _args, result):
                changed = result.clone()
                changed[:, channel] *= 1 + by
                return changed

            handle = network.up2.register_forward_hook(scale)
            try:
                with torch.inference_mode():
                    return network(x)[0, 1, :, :WIDTH].double().sum()
            finally:
                handle.remove()

        slope = float(scores(step) - scores(-step)) / (2 * step)
        assert found[0][channel] == pytest.approx(slope, rel=0.02, abs=0.02)


def test_another_stage_needs_no_other_backward_pass(open_studio, monkeypatch):
    passes = []
    real = TracedModel.gradients

    def counted(self, *args, **options):
        passes.append(1)
        return real(self, *args, **options)

    monkeypatch.setattr(TracedModel, "gradients", counted)
    studio, clock = open_studio()
    studio.inspecting.pin((7, 9))
    for stage in ("inc", "down1", "down2", "up1"):
        explained(studio, clock, stage, "pixel")
    asked(studio, clock, studio.explaining.effective_field)
    assert len(asked(studio, clock, studio.explaining.cam_pictures, 16)) == 7
    assert len(passes) == 1
    studio.inspecting.pin((8, 9))
    explained(studio, clock, "up1", "pixel")
    assert len(passes) == 2


def test_what_is_missing_is_said(open_studio):
    studio, clock = open_studio()
    for over, text in (
        ("pixel", "Click a pixel"),
        ("region", "Click a pixel"),
        ("rectangle", "Draw a rectangle"),
    ):
        with pytest.raises(Exception, match=text):
            explained(studio, clock, "up1", over)
    with pytest.raises(Exception, match="Click a pixel"):
        asked(studio, clock, studio.explaining.effective_field)


def test_regions_are_what_is_connected_under_the_pin(open_studio):
    studio, clock = open_studio()
    traced = studio.session.inspection.traced
    asked_for = {}

    def remember(self, found, class_id, *, region=None, **_):
        asked_for["region"] = region
        raise RuntimeError

    for over, labels in (
        (Over.REGION, traced.prediction.labels),
        (Over.ANNOTATED, traced.document.annotation.labels),
    ):
        rows, columns = np.nonzero(labels == 1)
        studio.inspecting.pin((int(columns[0]), int(rows[0])))
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(TracedModel, "gradients", remember)
            with pytest.raises(RuntimeError):
                explained(studio, clock, "up1", over)
        region = asked_for["region"]
        assert region.shape == (HEIGHT, WIDTH)
        assert set(np.unique(labels[region])) == {1}
        assert region[rows[0], columns[0]]
        # closed: no neighbour outside of it has the class
        grown = np.zeros_like(region)
        grown[1:] |= region[:-1]
        grown[:-1] |= region[1:]
        grown[:, 1:] |= region[:, :-1]
        grown[:, :-1] |= region[:, 1:]
        assert not (labels[grown & ~region] == 1).any()
