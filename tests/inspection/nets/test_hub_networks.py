"""Networks of transformers under the inspector: their stages, skips and gradients."""

import os

import pytest
import torch
from inspection_networks import image
from torch import nn

from segstudio.core.features import EdgeCut, Role
from segstudio.inspection.nets.ablation import cutting
from segstudio.inspection.nets.attribution import gradients
from segstudio.inspection.nets.running import run
from segstudio.inspection.nets.targets import LogitTarget
from segstudio.inspection.nets.tracing import trace
from segstudio.models.families.huggingface import SemanticNet

os.environ["HF_HUB_OFFLINE"] = "1"
FOUR = ["stage1", "stage2", "stage3", "stage4"]


def beit(tf):
    return tf.BeitForSemanticSegmentation(
        tf.BeitConfig(
            hidden_size=32, num_hidden_layers=4, num_attention_heads=2, intermediate_size=32,
            image_size=64, patch_size=16, out_indices=[1, 2, 3, 4], auxiliary_channels=16,
            use_relative_position_bias=True, num_labels=3,
        )
    )  # fmt: skip


def dpt(tf):
    return tf.DPTForSemanticSegmentation(
        tf.DPTConfig(
            hidden_size=32, num_hidden_layers=4, num_attention_heads=2, intermediate_size=32,
            image_size=64, patch_size=16, backbone_out_indices=[0, 1, 2, 3],
            neck_hidden_sizes=[8, 16, 16, 32], fusion_hidden_size=16, num_labels=3,
        )
    )  # fmt: skip


def upernet(tf):
    swin = tf.SwinConfig(
        embed_dim=8, depths=[1, 1, 1, 1], num_heads=[1, 1, 1, 1], window_size=4, image_size=64,
        out_features=FOUR,
    )  # fmt: skip
    return tf.UperNetForSemanticSegmentation(
        tf.UperNetConfig(
            backbone_config=swin, hidden_size=16, auxiliary_channels=16, auxiliary_in_channels=32,
            num_labels=3,
        )
    )  # fmt: skip


def mobilevit(tf):
    return tf.MobileViTForSemanticSegmentation(
        tf.MobileViTConfig(
            image_size=64, hidden_sizes=[16, 16, 16], num_attention_heads=2,
            neck_hidden_sizes=[8, 8, 16, 16, 16, 16, 64], num_labels=3,
        )
    )  # fmt: skip


def made(build):
    import transformers

    torch.manual_seed(0)
    return SemanticNet(build(transformers), shifted=False).eval()


def short(name):
    return name.removeprefix("inner.")


def of_role(found, *roles):
    return [short(x.id) for x in found.of_role(*roles)]


def test_dpt_s_blocks_are_its_encoder_though_it_runs_on_squares_only():
    found = trace(made(dpt), image(64, 64), keep=())
    blocks = [f"dpt.encoder.layer.{n}" for n in range(4)]
    assert of_role(found, Role.ENCODER, Role.BOTTLENECK) == blocks
    # 4 x 4 patches of 16 pixels; the class token is no place
    assert {x.shape for x in found.of_role(Role.ENCODER)} == {(32, 4, 4)}
    assert [short(s.source) for s in found.skips] == [blocks[2], blocks[1], blocks[0]]


def test_pyramid_pooling_in_a_head_is_context_and_the_head_is_the_head():
    found = trace(made(upernet), image(128, 192), keep=())
    pooled = [f"decode_head.psp_modules.{n}" for n in range(4)]
    assert of_role(found, Role.CONTEXT) == [*pooled, "decode_head.bottleneck"]
    assert {short(x.group) for x in found.layers if x.group} == {"decode_head.bottleneck"}
    assert of_role(found, Role.HEAD) == ["decode_head.classifier"]
    scales = [x.branch_texts[0].replace("\u00d7", "x") for x in found.layers if x.group]
    assert scales == [f"pooled to {n}x{n}" for n in (1, 2, 3, 6)]


def test_beit_s_pyramid_has_its_levels_and_gradients_go_through_what_it_keeps():
    model, pixels = made(beit), image(64, 64)
    found = trace(model, pixels, keep=())
    assert of_role(found, Role.HEAD) == ["decode_head.classifier"]
    assert of_role(found, Role.CONTEXT)[-1] == "decode_head.psp_bottleneck"
    # transformers counts the patches' embedding as the first of the four, so the last block is unused
    assert [(short(s.source), short(s.target)) for s in found.skips][:3] == [
        ("beit.layers.1", "decode_head.fpn_convs.2"),
        ("beit.layers.0", "decode_head.fpn_convs.1"),
        ("input", "decode_head.fpn_convs.0"),
    ]
    grown = gradients(model, pixels, found, LogitTarget(2, pixel=(20, 30)))
    assert all(grown.gradients[x.id].any() for x in found.layers if x.role is Role.ENCODER)


def test_mobilevit_s_blocks_are_whole_and_its_branches_dilated():
    found = trace(made(mobilevit), image(128, 192), keep=())
    assert found.skips == ()
    assert of_role(found, Role.BOTTLENECK) == ["mobilevit.encoder.layer.4"]
    told = [x.branch_texts[0].replace("\u00d7", "x") for x in found.layers if x.group]
    assert told == ["1x1", "3x3 rate 6", "3x3 rate 12", "3x3 rate 18", "pooled to 1x1"]


@pytest.mark.parametrize("build", [dpt, upernet, beit])
def test_a_skip_can_be_cut(build):
    model = made(build)
    pixels = image(64, 64)
    found = trace(model, pixels, keep=())
    with torch.inference_mode():
        whole = run(model, pixels[None])
        with cutting(model, [EdgeCut(found.skips[0])]) as knife:
            cut = run(model, pixels[None])
    knife.verify()
    assert (whole - cut).abs().max() > 0


class Keeping(nn.Module):
    """Makes a tensor in its first pass and keeps it, as position tables are kept."""

    def __init__(self):
        super().__init__()
        self.first, self.head = nn.Conv2d(3, 4, 3, padding=1), nn.Conv2d(4, 2, 1)
        self.kept = None

    def forward(self, x):
        if self.kept is None:
            self.kept = torch.linspace(0, 1, x.shape[-1])
        return self.head(torch.relu(self.first(x)) * self.kept)


def test_what_a_network_kept_of_a_pass_without_gradients_does_not_stop_them():
    torch.manual_seed(0)
    model, pixels = Keeping().eval(), image(8, 12)
    with torch.inference_mode():
        model(pixels[None])
    grown = gradients(model, pixels, trace(model, pixels, keep=()), LogitTarget(1, pixel=(3, 5)))
    model.kept = torch.linspace(0, 1, 12)
    x = pixels[None].clone().requires_grad_()
    model(x)[0, 1, 3, 5].backward()
    assert x.grad.any()
    assert torch.allclose(torch.from_numpy(grown.image), x.grad[0], atol=1e-6)
