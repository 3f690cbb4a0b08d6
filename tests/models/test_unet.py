import pytest
import torch

from segstudio.models.families.unet import UPSAMPLINGS, UNet


def parameters(model):
    return sum(p.numel() for p in model.parameters())


@pytest.mark.parametrize("upsampling", UPSAMPLINGS)
@pytest.mark.parametrize("depth", [1, 2, 4])
def test_output_has_the_size_of_the_input(upsampling, depth):
    model = UNet(base_channels=2, depth=depth, num_classes=3, upsampling=upsampling).eval()
    assert model(torch.rand(2, 3, 32, 48)).shape == (2, 3, 32, 48)


def test_parameters_by_hand_transposed():
    # inc 3->4->4: 27*4 + 8 + 36*4 + 8; down1 4->8->8: 36*8 + 16 + 72*8 + 16
    # up1.up 8->4, 2 x 2: 8*4*4 + 4; up1.conv 8->4->4: 72*4 + 8 + 36*4 + 8; outc: 4*2 + 2
    by_hand = (108 + 8 + 144 + 8) + (288 + 16 + 576 + 16) + 132 + (288 + 8 + 144 + 8) + 10
    assert parameters(UNet(base_channels=4, depth=1)) == by_hand


def test_parameters_by_hand_bilinear():
    # the level below keeps 4 channels, and the block after joining goes 8->4->4
    by_hand = (108 + 8 + 144 + 8) + 2 * (144 + 8) + (288 + 8 + 144 + 8) + 10
    assert parameters(UNet(base_channels=4, depth=1, upsampling="bilinear")) == by_hand


def test_bilinear_halves_the_widest_level():
    model = UNet(base_channels=16, depth=4, upsampling="bilinear")
    widths = [model.inc.double_conv[3].out_channels]
    for level in range(1, 5):
        down = model.get_submodule(f"down{level}")
        widths.append(down.maxpool_conv[1].double_conv[3].out_channels)
    assert widths == [16, 32, 64, 128, 128]


def test_tensor_names_are_the_common_ones():
    names = set(UNet(base_channels=2, depth=2).state_dict())
    assert {
        "inc.double_conv.0.weight",
        "inc.double_conv.1.running_mean",
        "down1.maxpool_conv.1.double_conv.3.weight",
        "up1.up.weight",
        "up1.up.bias",
        "up2.conv.double_conv.4.bias",
        "outc.conv.weight",
    } <= names
    assert "inc.double_conv.0.bias" not in names


def test_joins_skip_before_deep():
    up = UNet(base_channels=2, depth=1).up1
    joined = []
    up.conv.register_forward_pre_hook(lambda _, inputs: joined.append(inputs[0]))
    skip = torch.full((1, 2, 4, 4), 7.0)
    up(torch.rand(1, 4, 2, 2), skip)
    assert torch.equal(joined[0][:, :2], skip)
    assert joined[0].shape == (1, 4, 4, 4)


def test_skip_carries_detail_and_can_be_left_out():
    image = torch.rand(1, 3, 16, 16)
    other = UNet(base_channels=2, depth=2, skips=False).eval()
    assert other(image).shape == (1, 2, 16, 16)
    assert parameters(other) < parameters(UNet(base_channels=2, depth=2))


def test_wrong_size_names_the_size_to_pad_to():
    with pytest.raises(ValueError, match=r"30 x 33.*multiples of 8.*32 x 40"):
        UNet(base_channels=2, depth=3)(torch.rand(1, 3, 30, 33))


def test_wrong_options_are_refused():
    with pytest.raises(ValueError, match="nearest"):
        UNet(upsampling="nearest")
    with pytest.raises(ValueError, match="depth is 0"):
        UNet(depth=0)
