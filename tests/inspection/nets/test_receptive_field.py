"""Theoretical receptive fields against the support of gradients, which knows no formulas."""

import pytest
from inspection_networks import image, network
from torch import nn

from segstudio.core.features import ReceptiveField
from segstudio.inspection.nets.tracing import trace
from segstudio.models.families.unet import UNet


def support(model, picture, module, row, col):
    """Return (top, left, bottom, right) of the pixels that one position depends on."""
    taken = {}
    handle = model.get_submodule(module).register_forward_hook(
        lambda _m, _i, output: taken.__setitem__("map", output)
    )
    x = picture[None].clone().requires_grad_()
    model(x)
    handle.remove()
    taken["map"][0, :, row, col].sum().backward()
    seen = (x.grad[0].abs().sum(0) > 0).nonzero()
    (top, left), (bottom, right) = seen.min(0).values.tolist(), seen.max(0).values.tolist()
    return top, left, bottom + 1, right + 1


def positive(model):
    """Give a network positive weights, so that no dependence cancels, and no dead units."""
    for module in model.modules():
        if isinstance(module, nn.Conv2d | nn.ConvTranspose2d):
            nn.init.uniform_(module.weight, 0.1, 0.2)
        elif isinstance(module, nn.MaxPool2d):
            module.forward = lambda x: nn.functional.avg_pool2d(x, 2)
    return model.double().eval()


@pytest.mark.parametrize("upsampling", ["transposed", "bilinear", "pixel_shuffle"])
def test_unet_against_gradients(upsampling):
    model = positive(UNet(3, 2, 2, 2, upsampling))
    picture = image(96, 128).double()
    found = trace(model, picture, keep=())
    for name in ("inc", "down1", "down2", "up1", "up2"):
        field = found.layer(name).receptive_field
        stride = found.layer(name).stride
        sizes = []
        for row in range(48 // stride, 48 // stride + 4):  # one period, in the middle
            top, left, bottom, right = support(model, picture, name, row, row + 4)
            sizes.append((bottom - top, right - left))
            outer = field.rect(row, row + 4)
            assert outer[0] - 2 <= top
            assert bottom <= outer[2] + 2
        assert max(sizes) == field.size
        # with aligned corners (bilinear) neighbouring fields lie a little closer
        near = 0.05 if upsampling == "bilinear" else 1e-9
        assert field.jump == pytest.approx((stride, stride), rel=near)


def test_exact_places_without_upsampling():
    model = positive(
        nn.Sequential(
            nn.Conv2d(3, 4, (3, 5), padding=(1, 2)),
            nn.Conv2d(4, 4, 3, stride=2, padding=1),
            nn.AvgPool2d(3, 2),
            nn.Conv2d(4, 4, 3, padding=2, dilation=2),
            nn.Conv2d(4, 2, 4, stride=2, padding=1),
        )
    )
    picture = image(160, 224).double()
    found = trace(model, picture, keep=())
    field = found.layers[-1].receptive_field
    # rows: 3, then 2 x 1, 2 x 2, 4 x 4 and 3 x 4 more: 5, 9, 25, 37; columns two more
    assert field.size == (37, 39)
    assert field.jump == (8.0, 8.0)
    for row, col in ((8, 12), (9, 13)):
        assert field.rect(row, col) == support(model, picture, "4", row, col)


def test_dilated_stages_and_global_context():
    found = trace(network("smp.DeepLabV3"), image(64, 96), keep=())
    field = found.layer("encoder.layer2").receptive_field
    # ResNet-18: stem 7, pool 11, layer1 4 x 2 x 4 more: 43, layer2 2*4 then 3 x 2 x 8 more: 99
    assert field.size == (99, 99)
    assert not field.is_global
    assert found.layer("encoder.layer4").receptive_field.size[0] > 99
    pooled = found.layer("decoder.aspp.convs.4").receptive_field
    assert pooled.is_global
    assert found.layer("decoder.aspp").receptive_field.is_global
    one = found.layer("decoder.aspp.convs.0").receptive_field
    assert one.size == found.layer("encoder.layer4").receptive_field.size


def test_attention_has_the_whole_image():
    found = trace(network("smp.Segformer"), image(64, 96), keep=())
    field = found.layer("encoder.norm4").receptive_field
    assert field.is_global
    assert not field.has_local
    assert field.size == (64, 96)


def test_rect_and_position():
    field = ReceptiveField((5, 5), (0.5, 0.5), (1.0, 1.0))
    assert field.rect(10, 20) == (8.0, 18.0, 13.0, 23.0)
    found = trace(network("unet-transposed"), image(64, 96), keep=())
    assert found.position("down4", 40, 70) == (2, 4)
    assert found.position("inc", 40.5, 70.5) == (40, 70)
    assert found.position("inc", 63.9, 95.9) == (63, 95)
    assert found.position("inc", 64.0, 0) is None


def test_pooled_gates_leave_the_local_field():
    found = trace(network("deeplab-embedded"), image(64, 96), keep=())
    before = found.layer("backbone.3").receptive_field
    gated = found.layer("backbone.6").receptive_field  # its blocks have squeeze and excitation
    assert not before.is_global
    # stem 3, block 1: 3 x 3 at stride 2, block 2: 3 x 3 at stride 2, block 3: 3 x 3 at stride 4
    assert before.size == (3 + 2 * 2 + 2 * 2 + 2 * 4,) * 2
    assert gated.is_global
    assert gated.has_local
    # blocks 4 to 6: 5 x 5 kernels, the first at stride 4, the others at stride 8
    assert gated.size == (before.size[0] + 4 * 4 + 4 * 8 * 2,) * 2
