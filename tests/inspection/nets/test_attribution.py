"""Gradients at the stages against slow, independent ways to get the same numbers."""

import numpy as np
import pytest
import torch
from inspection_networks import image, network, unet

from segstudio.core.errors import SegstudioError
from segstudio.inspection.nets.attribution import gradients, stage_field
from segstudio.inspection.nets.targets import LogitTarget
from segstudio.inspection.nets.traced_model import logit_lens, logit_lens_stages
from segstudio.inspection.nets.tracing import trace


def slow_grad_cam(model, picture, class_id, region):
    """Seg-Grad-CAM at up1 of a U-Net of depth 2: finite differences, one activation at a time."""
    model = model.double()
    with torch.no_grad():
        one = model.inc(picture[None].double())
        two = model.down1(one)
        stage = model.up1(model.down2(two), two)

        def scores(features):
            logits = model.outc(model.up2(features, one.expand(len(features), -1, -1, -1)))
            return logits[:, class_id].numpy()[:, region].sum(1)

        _, channels, height, width = stage.shape
        step, slopes = 1e-6, np.zeros(channels)
        for channel in range(channels):
            # a copy of the stage for each of its places, moved there and nowhere else
            moves = torch.zeros(height * width, *stage.shape[1:], dtype=torch.float64)
            moves[:, channel].view(-1, height * width).fill_diagonal_(step)
            slope = (scores(stage + moves) - scores(stage - moves)) / (2 * step)
            slopes[channel] = slope.sum() / (height * width)
        cam = np.zeros((height, width))
        for y in range(height):
            for x in range(width):
                cam[y, x] = max(
                    0.0, sum(slopes[c] * float(stage[0, c, y, x]) for c in range(channels))
                )
    model.float()
    return cam


@pytest.mark.parametrize("everywhere", [False, True])
def test_seg_grad_cam_against_finite_differences(everywhere):
    model, picture = unet(3, 2, 4, 2), image(16, 20)
    with torch.no_grad():  # a class that gains from a feature
        model.outc.conv.weight.copy_(torch.eye(4)[:2].view(2, 4, 1, 1))
    region = np.zeros((16, 20), bool)
    region[4:9, 6:10] = True
    region |= everywhere
    found = trace(model, picture)
    result = gradients(model, picture, found, LogitTarget(0, None if everywhere else region))
    slow = slow_grad_cam(model, picture, 0, region)
    cam = result.grad_cam("up1")
    assert cam.shape == (8, 10)
    assert slow.max() > 0
    assert np.allclose(cam, slow, atol=1e-3 * slow.max())


def test_gradients_against_autograd_by_hand():
    model, picture = unet(3, 2, 4, 2), image(32, 48)
    found = trace(model, picture)
    result = gradients(model, picture, found, LogitTarget(0, pixel=(10, 20)))
    x = picture[None].clone().requires_grad_()
    one = model.inc(x)
    kept = one.clone()
    kept.retain_grad()
    two = model.down1(kept)
    logits = model.outc(model.up2(model.up1(model.down2(two), two), kept))
    logits[0, 0, 10, 20].backward()
    model.zero_grad(set_to_none=True)
    assert result.score == pytest.approx(float(logits[0, 0, 10, 20].detach()))
    assert np.allclose(result.image, x.grad[0].numpy(), atol=1e-7)
    assert np.allclose(result.gradients["inc"], kept.grad[0].numpy(), atol=1e-7)
    assert np.allclose(result.effective_field(), x.grad[0].abs().sum(0).numpy(), atol=1e-6)
    product = (kept.grad[0] * kept.detach()[0]).sum((1, 2)).numpy()
    assert np.allclose(result.influence("inc"), product, atol=1e-6)
    assert all(parameter.grad is None for parameter in model.parameters())
    seen = np.argwhere(result.effective_field() > 0)
    field = found.layer("outc").receptive_field.rect(10, 20)
    assert seen[:, 0].max() < field[2] + 8  # inside the theoretical field


def test_residual_networks_with_changes_in_place():
    model, picture = network("smp.Unet"), image(64, 96)
    found = trace(model, picture)
    result = gradients(model, picture, found, LogitTarget(2))
    hand = {}

    def keep(_module, _inputs, output):
        output.retain_grad()
        hand["map"] = output

    handle = model.encoder.layer2.register_forward_hook(keep)
    model(picture[None])[0, 2].sum().backward()
    handle.remove()
    model.zero_grad(set_to_none=True)
    assert np.allclose(
        result.gradients["encoder.layer2"], hand["map"].grad[0].numpy(), rtol=1e-3, atol=1e-4
    )


def test_stage_field_is_the_support_of_a_position():
    model, picture = unet(3, 2, 4, 2), image(64, 64)
    found = trace(model, picture)
    seen = np.argwhere(stage_field(model, picture, found.layer("down1"), (16, 16)) > 0)
    top, left, bottom, right = found.layer("down1").receptive_field.rect(16, 16)
    assert seen.min(0)[0] >= top
    assert seen.max(0)[0] < bottom
    assert (seen.min(0)[1], seen.max(0)[1] + 1) >= (left, left + 1)
    assert right - left == 14


def test_instances_have_a_score_map():
    model = network("maskrcnn-embedded")
    model.roi_heads.score_thresh = 0.0
    picture = image(96, 128)
    found = trace(model, picture)
    result = gradients(model, picture, found, LogitTarget(1))
    assert result.score > 0
    for name in ("backbone.body.layer1", "backbone.fpn.layer_blocks.0"):
        assert np.abs(result.gradients[name]).max() > 0
    assert result.effective_field().shape == (96, 128)
    assert result.effective_field().max() > 0


def test_wrong_targets_are_said():
    model, picture = unet(3, 2, 4, 1), image(32, 48)
    found = trace(model, picture)
    for target, message in (
        (LogitTarget(5), "no class 5 among 2"),
        (LogitTarget(0, pixel=(32, 0)), "outside"),
        (LogitTarget(0, np.ones((2, 2), bool)), "region is"),
        (LogitTarget(0, np.zeros((32, 48), bool)), "no pixel"),
    ):
        with pytest.raises(SegstudioError, match=message):
            gradients(model, picture, found, target)


def test_logit_lens():
    model, picture = unet(3, 2, 8, 3), image(64, 96)
    found = trace(model, picture)
    stages = logit_lens_stages(model, found)
    assert [stage.id for stage in stages] == ["inc", "up3"]
    with torch.inference_mode():
        logits = model(picture[None])[0].numpy()
    assert np.allclose(logit_lens(model, found, "up3"), logits, atol=2e-2)  # float16 features
    assert not np.allclose(logit_lens(model, found, "inc"), logits, atol=2e-2)
    with pytest.raises(SegstudioError, match="the head reads 8 channels, up1 has 32"):
        logit_lens(model, found, "up1")
    assert [
        s.id for s in logit_lens_stages(network("smp.Unet"), trace(network("smp.Unet"), picture))
    ] == ["decoder.blocks.4"]
