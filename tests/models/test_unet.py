import pytest
import torch

from segstudio.models.families.unet import UPSAMPLINGS, UNet, recognise_unet


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
    with pytest.raises(ValueError, match="dilation is 0"):
        UNet(dilation=0)
    with pytest.raises(ValueError, match="without skips"):
        UNet(bottom_channels=20)
    with pytest.raises(ValueError, match="even"):
        UNet(bottom_channels=21, skips=False)


def seen_from_the_middle(model, side=128):
    """The width in pixels of what the middle of the output depends on; no unit is off."""
    with torch.no_grad():
        for weights in model.parameters():
            weights.abs_()
    image = torch.ones(1, 3, side, side, dtype=torch.float64, requires_grad=True)
    model.double().eval()(image)[0, 0, side // 2, side // 2].backward()
    columns = image.grad.abs().sum((0, 1, 2)).nonzero()
    return int(columns.max() - columns.min()) + 1


def test_dilation_at_the_bottom_widens_the_view_and_costs_no_parameters():
    """By hand, with a stride of 4 at the bottom.

    5 pixels of `inc`, then 1 + 8 of `down1`, 2 + 16 of `down2`, 8 of `up1` and 4 of `up2` are 44;
    the two convolutions at the bottom add 16 of it, with a dilation of 4 four times as many. Of
    pixels that are alike, pooling looks at the first, which takes at most 3 away.
    """
    plain, wide = (UNet(base_channels=4, depth=2, dilation=d) for d in (1, 4))
    assert parameters(plain) == parameters(wide)
    narrow = seen_from_the_middle(plain)
    assert 44 - 3 <= narrow <= 44
    assert seen_from_the_middle(wide) == narrow + 3 * 16


def test_without_skips_the_bottom_may_be_wider():
    model = UNet(base_channels=2, depth=2, skips=False, bottom_channels=10)
    assert model.down2.maxpool_conv[1].double_conv[3].out_channels == 10
    assert model(torch.rand(1, 3, 8, 8)).shape == (1, 2, 8, 8)
    shapes = {name: tuple(tensor.shape) for name, tensor in model.state_dict().items()}
    options = recognise_unet(shapes, "a file").options
    assert options["bottom_channels"] == 10
    assert not options["skips"]
    UNet(**options).load_state_dict(model.state_dict())
