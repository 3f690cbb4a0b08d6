"""Encoder, context, decoder and skips of every network, each written down by hand."""

import pytest
from inspection_networks import NETWORKS, image, network, traced
from slow_cases import few

from segstudio.core.features import EdgeKind, Role
from segstudio.inspection.nets.tracing import trace

RESNET = ["encoder.relu", "encoder.layer1", "encoder.layer2", "encoder.layer3", "encoder.layer4"]
MOBILENET = ["backbone.1", "backbone.3", "backbone.6", "backbone.12", "backbone.16"]


def rungs(*names):
    return [f"encoder.{name}" for name in names]


def cat(*pairs):
    return [(source, target, "concatenation") for source, target in pairs]


def unet_like(encoder, blocks):
    """Skips from the finer stages of an encoder, coarse first, to the decoder's blocks."""
    return cat(*zip(encoder[-2::-1], blocks, strict=False))


FLAT = ["inc", "down1", "down2", "down3", "down4"]
BLOCKS = [f"decoder.blocks.{i}" for i in range(5)]
ASPP = [f"decoder.aspp.convs.{i}" for i in range(5)]
PYRAMID = ["decoder.p5", "decoder.p4", "decoder.p3", "decoder.p2"]
FPN_LATERALS = [
    ("encoder.layer3", "decoder.p4", "lateral"),
    ("encoder.layer2", "decoder.p3", "lateral"),
    ("encoder.layer1", "decoder.p2", "lateral"),
]
LATERAL = [f"decoder.fpn_lateral_blocks.{i}" for i in range(3)]
LAYER = {i: f"encoder.layer{i}" for i in range(1, 5)} | {0: "encoder.relu"}


def plus_plus():
    """U-Net++: node (d, l) reads the one below it, every node of its level, and the encoder."""
    node = "decoder.blocks.x_{}_{}".format
    edges = cat(*((LAYER[3 - i], node(i, i)) for i in range(4)))
    for distance in range(1, 4):
        for depth in range(4 - distance):
            level = depth + distance
            dense = [node(d, level) for d in range(depth + 1, level + 1)]
            edges += cat(*((source, node(depth, level)) for source in [*dense, LAYER[3 - level]]))
    return edges


# name: (encoder with the bottleneck last, context and pyramid, decoder, skips)
EXPECTED = {
    "unet-transposed": (FLAT, [], ["up1", "up2", "up3", "up4"],
                        cat(("down3", "up1"), ("down2", "up2"), ("down1", "up3"), ("inc", "up4"))),
    "unet-bilinear": (FLAT, [], ["up1", "up2", "up3", "up4"],
                      cat(("down3", "up1"), ("down2", "up2"), ("down1", "up3"), ("inc", "up4"))),
    "unet-shuffle-2": (FLAT[:3], [], ["up1", "up2"], cat(("down1", "up1"), ("inc", "up2"))),
    "unet-depth-6": ([*FLAT, "down5", "down6"], [], [f"up{i}" for i in range(1, 7)],
                     cat(("down5", "up1"), ("down4", "up2"), ("down3", "up3"), ("down2", "up4"),
                         ("down1", "up5"), ("inc", "up6"))),
    "unet-no-skips": (FLAT[:4], [], ["up1", "up2", "up3"], []),
    "own": (["encoder.0", "encoder.1", "encoder.2", "bottleneck"], [],
            ["decoder.0", "decoder.1", "decoder.2"],
            cat(("encoder.2", "decoder.0"), ("encoder.1", "decoder.1"), ("encoder.0", "decoder.2"))),
    "attention": (["enc1", "enc2", "mid"], [], ["dec2", "dec1"],
                  cat(("enc2", "dec2"), ("enc1", "dec1"))),
    "smp.Unet": (RESNET, [], BLOCKS, unet_like(RESNET, BLOCKS)),
    "smp.Unet-timm": (rungs("model.act1", *(f"model.blocks.{i}" for i in (0, 1, 3, 5))), [], BLOCKS,
                      unet_like(rungs("model.act1", *(f"model.blocks.{i}" for i in (0, 1, 3, 5))),
                                BLOCKS)),
    "smp.UnetPlusPlus": (RESNET, [], None, plus_plus()),
    "smp.MAnet": (RESNET, ["decoder.center"], BLOCKS, unet_like(RESNET, BLOCKS)),
    "smp.Linknet": (RESNET, [], BLOCKS,
                    [(s, t, "addition") for s, t, _ in unet_like(RESNET, BLOCKS)]),
    "smp.FPN": (RESNET, PYRAMID, ["decoder.merge"],
                [*FPN_LATERALS, *((p, "decoder.merge", "pyramid") for p in PYRAMID[1:])]),
    "smp.PSPNet": (RESNET[:3], [*(f"decoder.psp.blocks.{i}" for i in range(4)), "decoder.psp"],
                   [], []),
    "smp.PAN": (RESNET, ["decoder.fpa"], ["decoder.gau3", "decoder.gau2", "decoder.gau1"],
                [(f"encoder.layer{i}", f"decoder.gau{i}", "lateral") for i in (3, 2, 1)]),
    "smp.DeepLabV3": (RESNET, [*ASPP, "decoder.aspp"], [], []),
    "smp.DeepLabV3Plus": (RESNET, [*(f"decoder.aspp.0.convs.{i}" for i in range(5)),
                                   "decoder.aspp"],
                          ["decoder.block2"], cat(("encoder.layer1", "decoder.block2"))),
    "smp.UPerNet": (RESNET, [*(f"decoder.psp.blocks.{i}" for i in range(4)), "decoder.psp",
                             *LATERAL],
                    ["decoder.fusion_block"],
                    [*((LAYER[3 - i], LATERAL[i], "lateral") for i in range(3)),
                     *((LATERAL[i], "decoder.fusion_block", "pyramid") for i in (2, 1, 0))]),
    "smp.Segformer": (rungs("norm1", "norm2", "norm3", "norm4"),
                      [f"decoder.mlp_stage.{i}" for i in range(4)], ["decoder.fuse_stage"],
                      [("decoder.mlp_stage.1", "decoder.fuse_stage", "pyramid"),
                       ("decoder.mlp_stage.2", "decoder.fuse_stage", "pyramid"),
                       ("decoder.mlp_stage.3", "decoder.fuse_stage", "concatenation")]),
    "smp.DPT": (rungs(*(f"model.blocks.{i}" for i in (2, 5, 8, 11))), [],
                ["decoder.fusion_blocks.0",
                 *(f"decoder.fusion_blocks.{i}.residual_conv_block2" for i in (1, 2, 3)),
                 "decoder.fusion_blocks.3.project"],
                [(f"encoder.model.blocks.{s}", f"decoder.fusion_blocks.{t}.residual_conv_block2",
                  "lateral") for s, t in ((8, 1), (5, 2), (2, 3))]),
    "tv.fcn": (["backbone.relu", *(f"backbone.layer{i}" for i in range(1, 5))], [], [], []),
    "tv.deeplabv3": (MOBILENET, [*(f"classifier.0.convs.{i}" for i in range(5)), "classifier.0"],
                     [], []),
    # torchvision takes the low features in the middle of stride 8, where the stage goes on
    "tv.lraspp": (["backbone.1", "backbone.3", "backbone.4", "backbone.6", "backbone.12",
                   "backbone.16"],
                  ["classifier.cbr"], [], [("backbone.4", "classifier", "lateral")]),
    "tv.maskrcnn": (["backbone.body.relu", *(f"backbone.body.layer{i}" for i in range(1, 5))],
                    [*(f"backbone.fpn.layer_blocks.{i}" for i in (3, 2, 1, 0)),
                     "backbone.fpn.extra_blocks (max_pool2d)"], [],
                    [(f"backbone.body.layer{i + 1}", f"backbone.fpn.layer_blocks.{i}", "lateral")
                     for i in (2, 1, 0)]),
    "deeplab-embedded": (["backbone.1", "backbone.3", "backbone.6", "backbone.12", "backbone.16"],
                         [*(f"classifier.0.convs.{i}" for i in range(5)), "classifier.0"], [], []),
    "maskrcnn-embedded": (["backbone.body.relu", *(f"backbone.body.layer{i}" for i in (1, 2, 3))],
                          [*(f"backbone.fpn.layer_blocks.{i}" for i in (2, 1, 0)),
                           "backbone.fpn.extra_blocks (max_pool2d)"], [],
                          [("backbone.body.layer2", "backbone.fpn.layer_blocks.1", "lateral"),
                           ("backbone.body.layer1", "backbone.fpn.layer_blocks.0", "lateral")]),
}  # fmt: skip


QUICK = {
    "unet-transposed", "unet-bilinear", "unet-shuffle-2", "unet-depth-6", "unet-no-skips", "own",
    "attention", "smp.FPN", "smp.Linknet", "smp.UnetPlusPlus", "tv.lraspp", "deeplab-embedded",
    "maskrcnn-embedded",
}  # fmt: skip


def test_every_network_has_an_expectation():
    assert EXPECTED.keys() == NETWORKS.keys()


@pytest.mark.parametrize("name", few(NETWORKS, QUICK))
def test_stages_and_skips(name):
    encoder, neck, decoder, skips = EXPECTED[name]
    found = traced(name)
    assert [layer.id for layer in found.of_role(Role.ENCODER, Role.BOTTLENECK)] == encoder
    assert [layer.id for layer in found.of_role(Role.BOTTLENECK)] == encoder[-1:]
    assert [layer.id for layer in found.of_role(Role.CONTEXT, Role.PYRAMID)] == neck
    if decoder is not None:
        assert [layer.id for layer in found.of_role(Role.DECODER)] == decoder
    edges = [(edge.source, edge.target, str(edge.kind)) for edge in found.skips]
    assert sorted(edges) == sorted((s, t, str(EdgeKind(kind))) for s, t, kind in skips)
    assert found.layers[0].role is Role.INPUT
    assert found.of_role(Role.HEAD)
    assert len({layer.id for layer in found.layers}) == len(found.layers)
    assert len({edge.id for edge in found.skips}) == len(found.skips)


def test_branches_know_their_join():
    found = traced("smp.DeepLabV3")
    branches = [layer for layer in found.layers if layer.group]
    assert [layer.id for layer in branches] == ASPP
    assert {layer.group for layer in branches} == {"decoder.aspp"}
    assert set(ASPP) <= set(found.layer("decoder.aspp").inputs)


def test_instance_model_has_proposals_and_heads():
    found = trace(network("maskrcnn-embedded"), image(96, 128), keep=())
    proposals = [layer.id for layer in found.of_role(Role.PROPOSALS)]
    assert proposals == ["rpn.head.cls_logits", "rpn.head.bbox_pred"]
    assert [layer.id for layer in found.of_role(Role.HEAD)] == ["roi_heads.box_head"]
    masks = found.of_role(Role.MASK_HEAD)
    assert [layer.id for layer in masks] == ["roi_heads.mask_head", "roi_heads.mask_predictor"]
    assert masks[0].shape == (64, 14, 14)
    assert masks[1].shape == (2, 28, 28)
    assert masks[0].regions is not None
    assert found.output_shape is None
    assert found.input_scale == (1.0, 1.0)


def test_a_resizing_model_reports_its_scale():
    found = trace(network("tv.maskrcnn"), image(48, 64), keep=())
    assert found.input_scale == (2.0, 2.0)
    body = found.layer("backbone.body.layer1")
    assert body.stride == 4
    assert body.receptive_field.jump == (2.0, 2.0)  # pixels of the image, not of the resized one


def test_carried_shapes_and_names():
    found = traced("smp.DeepLabV3Plus")
    (edge,) = found.skips
    assert edge.via == "decoder.block1"
    assert edge.shape == (48, 32, 48)
    found = traced("smp.Segformer")
    assert [edge.via for edge in found.skips] == [f"decoder.mlp_stage.{i}" for i in (1, 2, 3)]


def test_expected_shapes():
    found = traced("smp.Unet")
    shapes = {layer.id: layer.shape for layer in found.layers}
    assert [shapes[name] for name in RESNET] == [
        (64, 64, 96), (64, 32, 48), (128, 16, 24), (256, 8, 12), (512, 4, 6)
    ]  # fmt: skip
    assert [found.layer(name).stride for name in RESNET] == [2, 4, 8, 16, 32]
