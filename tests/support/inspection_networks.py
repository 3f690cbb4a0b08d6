"""Networks for the inspector's tests: small, random, and one of each kind."""

import functools

import torch
import torchvision
from torch import nn
from torch.nn import functional as F

from segstudio.inspection.nets.tracing import trace
from segstudio.models.torchvision_nets import deeplabv3, maskrcnn
from segstudio.models.unet import UNet


class OwnUNet(nn.Module):
    """A user's own U-Net: functional joins, a bottleneck beside a list of encoder blocks."""

    def __init__(self):
        super().__init__()
        self.encoder = nn.ModuleList([_block(3, 8), _block(8, 16), _block(16, 32)])
        self.bottleneck = _block(32, 64)
        self.decoder = nn.ModuleList([_block(96, 32), _block(48, 16), _block(24, 8)])
        self.head = nn.Conv2d(8, 2, 1)

    def forward(self, x):
        skips = []
        for block in self.encoder:
            x = block(x)
            skips.append(x)
            x = F.max_pool2d(x, 2)
        x = self.bottleneck(x)
        for block, skip in zip(self.decoder, reversed(skips), strict=True):
            x = F.interpolate(x, scale_factor=2.0)
            x = block(torch.cat((x, skip), dim=1))
        return self.head(x)


class AttentionUNet(nn.Module):
    """A user's U-Net with gated skips (Oktay et al. 2018), flat, one module a step."""

    def __init__(self):
        super().__init__()
        self.enc1, self.enc2, self.mid = _block(3, 8), _block(8, 16), _block(16, 32)
        self.pool = nn.MaxPool2d(2)
        self.up2, self.up1 = nn.ConvTranspose2d(32, 16, 2, 2), nn.ConvTranspose2d(16, 8, 2, 2)
        self.gate2, self.gate1 = Gate(16), Gate(8)
        self.dec2, self.dec1 = _block(32, 16), _block(16, 8)
        self.out = nn.Conv2d(8, 2, 1)

    def forward(self, x):
        one = self.enc1(x)
        two = self.enc2(self.pool(one))
        deep = self.mid(self.pool(two))
        deep = self.up2(deep)
        deep = self.dec2(torch.cat([self.gate2(two, deep), deep], 1))
        deep = self.up1(deep)
        deep = self.dec1(torch.cat([self.gate1(one, deep), deep], 1))
        return self.out(deep)


class Gate(nn.Module):
    """An attention gate: the skip times a one-channel map of skip and deep features."""

    def __init__(self, channels):
        super().__init__()
        self.a, self.b = nn.Conv2d(channels, 4, 1), nn.Conv2d(channels, 4, 1)
        self.psi = nn.Conv2d(4, 1, 1)

    def forward(self, skip, deep):
        return skip * torch.sigmoid(self.psi(F.relu(self.a(skip) + self.b(deep))))


def _block(inputs, outputs):
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, 3, padding=1, bias=False),
        nn.BatchNorm2d(outputs),
        nn.ReLU(inplace=True),
    )


def _smp(name, encoder="resnet18", **options):
    def build():
        import segmentation_models_pytorch as smp  # takes a second, so only where it is built

        return getattr(smp, name)(encoder_name=encoder, encoder_weights=None, classes=3, **options)

    return build


def _tv(name):
    def build():
        builder = getattr(torchvision.models.segmentation, name)
        return builder(weights=None, weights_backbone=None, num_classes=3)

    return build


_FEW = {"rpn_post_nms_top_n_test": 40, "box_detections_per_img": 5}
"""Random weights find objects everywhere."""
NETWORKS = {
    "unet-transposed": lambda: UNet(3, 2, 8, 4),
    "unet-bilinear": lambda: UNet(3, 2, 8, 4, "bilinear"),
    "unet-shuffle-2": lambda: UNet(3, 2, 8, 2, "pixel_shuffle"),
    "unet-depth-6": lambda: UNet(3, 2, 2, 6),
    "unet-no-skips": lambda: UNet(3, 2, 8, 3, skips=False),
    "own": OwnUNet,
    "attention": AttentionUNet,
    "smp.Unet": _smp("Unet"),
    "smp.Unet-timm": _smp("Unet", "tu-mobilenetv3_small_100"),
    "smp.UnetPlusPlus": _smp("UnetPlusPlus"),
    "smp.MAnet": _smp("MAnet"),
    "smp.Linknet": _smp("Linknet"),
    "smp.FPN": _smp("FPN"),
    "smp.PSPNet": _smp("PSPNet"),
    "smp.PAN": _smp("PAN"),
    "smp.DeepLabV3": _smp("DeepLabV3"),
    "smp.DeepLabV3Plus": _smp("DeepLabV3Plus"),
    "smp.UPerNet": _smp("UPerNet"),
    "smp.Segformer": _smp("Segformer", "mit_b0"),
    "smp.DPT": _smp("DPT", "tu-vit_tiny_patch16_224", dynamic_img_size=True),
    "tv.fcn": _tv("fcn_resnet50"),
    "tv.deeplabv3": _tv("deeplabv3_mobilenet_v3_large"),
    "tv.lraspp": _tv("lraspp_mobilenet_v3_large"),
    "tv.maskrcnn": lambda: maskrcnn("resnet50", 3, min_size=96, max_size=192, **_FEW),
    "deeplab-embedded": lambda: deeplabv3(
        num_classes=2, aspp_channels=64, reduced_tail=True, output_stride=8
    ),
    "maskrcnn-embedded": lambda: maskrcnn(
        "resnet18_small", 2, short_side=96, min_scale=1.0, **_FEW
    ),
}


@functools.cache
def network(name):
    """Return a network with random weights, in evaluation mode; one for all tests."""
    torch.manual_seed(0)
    return NETWORKS[name]().eval()


@functools.cache
def traced(name):
    """The trace of a network without activations; one for all tests, which only look at it."""
    # the pyramid attention of PAN needs more pixels
    return trace(network(name), image(*((192, 320) if name == "smp.PAN" else (128, 192))), keep=())


def unet(*args, **kwargs):
    """Return a random U-Net whose batch norms have statistics of their own."""
    torch.manual_seed(1)
    model = UNet(*args, **kwargs)
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.uniform_(module.running_mean, -0.2, 0.2)
            nn.init.uniform_(module.running_var, 0.5, 1.5)
    return model.eval()


def image(height=64, width=96, seed=0):
    """Return a random image (3, H, W)."""
    return torch.rand(3, height, width, generator=torch.Generator().manual_seed(seed))
