"""U-Nets as tutorials and papers' code write them, each with names and habits of its own."""

from collections import OrderedDict
from itertools import pairwise

import torch
from torch import nn
from torch.nn import functional as F


def randomised(network, seed=0):
    """Weights large enough to matter at every depth, statistics that are not 0 and 1."""
    torch.manual_seed(seed)
    for module in network.modules():
        if isinstance(module, nn.Conv2d | nn.ConvTranspose2d):
            nn.init.kaiming_normal_(module.weight)
            if module.bias is not None:
                nn.init.uniform_(module.bias, -0.3, 0.3)
        elif isinstance(module, nn.BatchNorm2d | nn.GroupNorm | nn.InstanceNorm2d):
            if module.weight is None:
                continue
            nn.init.uniform_(module.weight, 0.5, 1.5)
            nn.init.uniform_(module.bias, -0.3, 0.3)
            if isinstance(module, nn.BatchNorm2d):
                nn.init.uniform_(module.running_mean, -0.5, 0.5)
                nn.init.uniform_(module.running_var, 0.5, 2.0)
        elif isinstance(module, nn.PReLU):
            nn.init.uniform_(module.weight, 0.05, 0.4)
    return network.eval()


def conv_block(inputs, outputs, *, bias=True, norm=nn.BatchNorm2d, act=nn.ReLU, middle=None):
    """Two convolutions in a Sequential."""
    parts = []
    for a, b in ((inputs, middle or outputs), (middle or outputs, outputs)):
        parts.append(nn.Conv2d(a, b, 3, padding=1, bias=bias))
        if norm is not None:
            parts.append(norm(b))
        parts.append(act())
    return nn.Sequential(*parts)


class EncDec(nn.Module):
    """enc1 ... bottleneck, upconv3 / dec3 ... out; what was upsampled comes first."""

    def __init__(self, inputs=3, classes=2, widths=(4, 8, 16), bias=True, norm=nn.BatchNorm2d,
                 act=nn.ReLU, kernel=2, bottom=0):  # fmt: skip
        super().__init__()
        before = inputs
        for n, width in enumerate(widths, 1):
            setattr(self, f"enc{n}", conv_block(before, width, bias=bias, norm=norm, act=act))
            before = width
        bottom = bottom or 2 * before
        self.bottleneck = conv_block(before, bottom, bias=bias, norm=norm, act=act)
        before = bottom
        extra = {2: {}, 3: {"padding": 1, "output_padding": 1}, 4: {"padding": 1}}[kernel]
        for n, width in reversed(list(enumerate(widths, 1))):
            setattr(self, f"upconv{n}", nn.ConvTranspose2d(before, width, kernel, 2, **extra))
            setattr(self, f"dec{n}", conv_block(2 * width, width, bias=bias, norm=norm, act=act))
            before = width
        self.out = nn.Conv2d(before, classes, 1)
        self.levels = len(widths)

    def forward(self, x):
        skips = []
        for n in range(1, self.levels + 1):
            x = getattr(self, f"enc{n}")(x)
            skips.append(x)
            x = F.max_pool2d(x, 2)
        x = self.bottleneck(x)
        for n in range(self.levels, 0, -1):
            x = torch.cat([getattr(self, f"upconv{n}")(x), skips.pop()], 1)
            x = getattr(self, f"dec{n}")(x)
        return self.out(x)


class NamedParts(nn.Module):
    """Each layer of a block has a name of its own: encoder1.enc1conv1, enc1norm1, ..."""

    def __init__(self, inputs=3, classes=1, width=4, levels=4):
        super().__init__()
        self.levels = levels
        self.pool = nn.MaxPool2d(2, 2)
        before = inputs
        for n in range(1, levels + 1):
            setattr(self, f"encoder{n}", self._part(before, width * 2 ** (n - 1), f"enc{n}"))
            before = width * 2 ** (n - 1)
        self.bottleneck = self._part(before, 2 * before, "bottleneck")
        for n in range(levels, 0, -1):
            own = width * 2 ** (n - 1)
            setattr(self, f"upconv{n}", nn.ConvTranspose2d(2 * own, own, 2, 2))
            setattr(self, f"decoder{n}", self._part(2 * own, own, f"dec{n}"))
        self.conv = nn.Conv2d(width, classes, 1)

    def _part(self, inputs, outputs, name):
        layers = OrderedDict()
        for n, source in ((1, inputs), (2, outputs)):
            layers[f"{name}conv{n}"] = nn.Conv2d(source, outputs, 3, padding=1, bias=False)
            layers[f"{name}norm{n}"] = nn.BatchNorm2d(outputs)
            layers[f"{name}relu{n}"] = nn.ReLU()
        return nn.Sequential(layers)

    def forward(self, x):
        skips = []
        for n in range(1, self.levels + 1):
            x = getattr(self, f"encoder{n}")(x)
            skips.append(x)
            x = self.pool(x)
        x = self.bottleneck(x)
        for n in range(self.levels, 0, -1):
            x = torch.cat((getattr(self, f"upconv{n}")(x), skips.pop()), dim=1)
            x = getattr(self, f"decoder{n}")(x)
        return self.conv(x)


class DoubleConv(nn.Module):
    """A block with its Sequential under "conv"."""

    def __init__(self, inputs, outputs):
        super().__init__()
        self.conv = conv_block(inputs, outputs, bias=False)

    def forward(self, x):
        return self.conv(x)


class Lists(nn.Module):
    """Lists ups and downs, of which ups is written first; the skip comes first."""

    def __init__(self, inputs=3, classes=1, widths=(4, 8, 16)):
        super().__init__()
        self.ups = nn.ModuleList()
        self.downs = nn.ModuleList()
        before = inputs
        for width in widths:
            self.downs.append(DoubleConv(before, width))
            before = width
        for width in reversed(widths):
            self.ups.append(nn.ConvTranspose2d(2 * width, width, 2, 2))
            self.ups.append(DoubleConv(2 * width, width))
        self.bottleneck = DoubleConv(widths[-1], 2 * widths[-1])
        self.final_conv = nn.Conv2d(widths[0], classes, 1)

    def forward(self, x):
        skips = []
        for down in self.downs:
            x = down(x)
            skips.append(x)
            x = F.max_pool2d(x, 2)
        x = self.bottleneck(x)
        for n in range(0, len(self.ups), 2):
            x = torch.cat((skips.pop(), self.ups[n](x)), dim=1)
            x = self.ups[n + 1](x)
        return self.final_conv(x)


class Upsampled(nn.Module):
    """dconv_down1 ..., a bilinear upsampling without weights, dconv_up3 ..., conv_last; no norm."""

    def __init__(self, inputs=3, classes=6, widths=(4, 8, 12, 20), **how):
        super().__init__()
        self.how = how or {"mode": "bilinear", "align_corners": True}
        self.count = len(widths)
        before = inputs
        for n, width in enumerate(widths, 1):
            setattr(self, f"dconv_down{n}", conv_block(before, width, norm=None))
            before = width
        for n in range(len(widths) - 1, 0, -1):
            block = conv_block(before + widths[n - 1], widths[n - 1], norm=None)
            setattr(self, f"dconv_up{n}", block)
            before = widths[n - 1]
        self.conv_last = nn.Conv2d(before, classes, 1)

    def forward(self, x):
        skips = []
        for n in range(1, self.count):
            skips.append(getattr(self, f"dconv_down{n}")(x))
            x = F.max_pool2d(skips[-1], 2)
        x = getattr(self, f"dconv_down{self.count}")(x)
        for n in range(self.count - 1, 0, -1):
            x = torch.cat([F.interpolate(x, scale_factor=2, **self.how), skips.pop()], 1)
            x = getattr(self, f"dconv_up{n}")(x)
        return self.conv_last(x)


class Flat(nn.Module):
    """Every convolution beside the others: e11, e12, e21 ..., upconv1, d11, d12 ..., outconv."""

    def __init__(self, inputs=3, classes=3, width=4):
        super().__init__()
        before = inputs
        for n in range(1, 5):
            own = width * 2 ** (n - 1)
            setattr(self, f"e{n}1", nn.Conv2d(before, own, 3, padding=1))
            setattr(self, f"e{n}2", nn.Conv2d(own, own, 3, padding=1))
            before = own
        for n in range(1, 4):
            own = before // 2
            setattr(self, f"upconv{n}", nn.ConvTranspose2d(before, own, 2, 2))
            setattr(self, f"d{n}1", nn.Conv2d(before, own, 3, padding=1))
            setattr(self, f"d{n}2", nn.Conv2d(own, own, 3, padding=1))
            before = own
        self.outconv = nn.Conv2d(before, classes, 1)

    def forward(self, x):
        skips = []
        for n in range(1, 5):
            x = F.relu(getattr(self, f"e{n}2")(F.relu(getattr(self, f"e{n}1")(x))))
            if n < 4:
                skips.append(x)
                x = F.max_pool2d(x, 2)
        for n in range(1, 4):
            x = torch.cat([getattr(self, f"upconv{n}")(x), skips.pop()], 1)
            x = F.relu(getattr(self, f"d{n}2")(F.relu(getattr(self, f"d{n}1")(x))))
        return self.outconv(x)


class ConvNorm(nn.Module):
    """A convolution with its norm and activation as a module."""

    def __init__(self, inputs, outputs, norm, act):
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, 3, padding=1, bias=False)
        self.bn = norm(outputs)
        self.act = act

    def forward(self, x):
        return self.act(self.bn(self.conv(x)))


class TwoConvNorms(nn.Module):
    def __init__(self, inputs, outputs, norm, act):
        super().__init__()
        self.first = ConvNorm(inputs, outputs, norm, act)
        self.second = ConvNorm(outputs, outputs, norm, act)

    def forward(self, x):
        return self.second(self.first(x))


class UpConv(nn.Module):
    """Upsampling and a convolution, in a Sequential in which the upsampling has no tensors."""

    def __init__(self, inputs, outputs, norm, act):
        super().__init__()
        self.up = nn.Sequential(
            nn.Upsample(scale_factor=2),
            nn.Conv2d(inputs, outputs, 3, padding=1),
            norm(outputs),
            act,
        )

    def forward(self, x):
        return self.up(x)


class Stages(nn.Module):
    """encoder.0, encoder.1 ..., ups.0, decoder.0 ... of modules in modules; nearest upsampling."""

    def __init__(self, inputs=3, classes=4, widths=(4, 8, 16), norm=nn.BatchNorm2d, act=None):
        super().__init__()
        act = act or nn.ReLU()
        before, self.encoder = inputs, nn.ModuleList()
        for width in widths:
            self.encoder.append(TwoConvNorms(before, width, norm, act))
            before = width
        self.ups, self.decoder = nn.ModuleList(), nn.ModuleList()
        for width in reversed(widths[:-1]):
            self.ups.append(UpConv(before, width, norm, act))
            self.decoder.append(TwoConvNorms(2 * width, width, norm, act))
            before = width
        self.head = nn.Conv2d(before, classes, 1)

    def forward(self, x):
        skips = []
        for n, stage in enumerate(self.encoder):
            x = stage(F.avg_pool2d(x, 2) if n else x)
            skips.append(x)
        skips.pop()
        for up, stage in zip(self.ups, self.decoder, strict=True):
            x = stage(torch.cat([skips.pop(), up(x)], 1))
        return self.head(x)


class Shuffled(nn.Module):
    """Channels become size: a 1 x 1 convolution and PixelShuffle before each block."""

    def __init__(self, inputs=3, classes=2, widths=(4, 8, 16)):
        super().__init__()
        self.inc = conv_block(inputs, widths[0])
        for n, (a, b) in enumerate(pairwise(widths), 1):
            setattr(self, f"down{n}", conv_block(a, b))
        for n, (a, b) in enumerate(pairwise(reversed(widths)), 1):
            setattr(self, f"up{n}", nn.Sequential(nn.Conv2d(a, 4 * b, 1), nn.PixelShuffle(2)))
            setattr(self, f"conv{n}", conv_block(2 * b, b))
        self.outc = nn.Conv2d(widths[0], classes, 1)
        self.count = len(widths)

    def forward(self, x):
        skips = [self.inc(x)]
        for n in range(1, self.count):
            skips.append(getattr(self, f"down{n}")(F.max_pool2d(skips[-1], 2)))
        x = skips.pop()
        for n in range(1, self.count):
            x = getattr(self, f"conv{n}")(torch.cat([skips.pop(), getattr(self, f"up{n}")(x)], 1))
        return self.outc(x)


class NoSkips(nn.Module):
    """An encoder and a decoder with nothing between them."""

    def __init__(self, inputs=3, classes=2, widths=(4, 6, 10), transposed=True):
        super().__init__()
        self.encoder, self.decoder, self.rise = nn.ModuleList(), nn.ModuleList(), nn.ModuleList()
        before = inputs
        for width in widths:
            self.encoder.append(conv_block(before, width))
            before = width
        for width in widths[-2::-1]:
            if transposed:
                self.rise.append(nn.ConvTranspose2d(before, before, 2, 2))
            self.decoder.append(conv_block(before, width))
            before = width
        self.last = nn.Conv2d(before, classes, 1)

    def forward(self, x):
        for n, block in enumerate(self.encoder):
            x = block(F.max_pool2d(x, 2) if n else x)
        for n, block in enumerate(self.decoder):
            x = self.rise[n](x) if len(self.rise) else F.interpolate(x, scale_factor=2)
            x = block(x)
        return self.last(x)


class Residual(nn.Module):
    """Two convolutions and a 1 x 1 convolution around them, added before the last activation."""

    def __init__(self, inputs, outputs):
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(outputs)
        self.shortcut = nn.Sequential(nn.Conv2d(inputs, outputs, 1), nn.BatchNorm2d(outputs))

    def forward(self, x):
        y = self.bn2(self.conv2(F.relu(self.bn1(self.conv1(x)))))
        return F.relu(y + self.shortcut(x))


class Residuals(nn.Module):
    """A U-Net of residual blocks whose size is halved by 2 x 2 convolutions with stride 2."""

    def __init__(self, inputs=3, classes=2, widths=(4, 8, 16)):
        super().__init__()
        self.stem = Residual(inputs, widths[0])
        self.down, self.enc = nn.ModuleList(), nn.ModuleList()
        for a, b in pairwise(widths):
            self.down.append(nn.Conv2d(a, a, 2, 2))
            self.enc.append(Residual(a, b))
        self.up, self.dec = nn.ModuleList(), nn.ModuleList()
        for a, b in pairwise(reversed(widths)):
            self.up.append(nn.ConvTranspose2d(a, b, 2, 2))
            self.dec.append(Residual(2 * b, b))
        self.head = nn.Conv2d(widths[0], classes, 1)

    def forward(self, x):
        skips = [self.stem(x)]
        for down, block in zip(self.down, self.enc, strict=True):
            skips.append(block(F.relu(down(skips[-1]))))
        x = skips.pop()
        for up, block in zip(self.up, self.dec, strict=True):
            x = block(torch.cat([up(x), skips.pop()], 1))
        return self.head(x)


class JoinedBlocks(nn.Module):
    """down_convs.0.conv1, conv2; up_convs.0.upconv, conv1, conv2; conv_final; widths that double."""

    class Down(nn.Module):
        def __init__(self, inputs, outputs):
            super().__init__()
            self.conv1 = nn.Conv2d(inputs, outputs, 3, padding=1)
            self.conv2 = nn.Conv2d(outputs, outputs, 3, padding=1)

        def forward(self, x):
            return F.relu(self.conv2(F.relu(self.conv1(x))))

    class Up(nn.Module):
        def __init__(self, inputs, outputs):
            super().__init__()
            self.upconv = nn.ConvTranspose2d(inputs, outputs, 2, 2)
            self.conv1 = nn.Conv2d(2 * outputs, outputs, 3, padding=1)
            self.conv2 = nn.Conv2d(outputs, outputs, 3, padding=1)

        def forward(self, skip, x):
            x = torch.cat((self.upconv(x), skip), 1)
            return F.relu(self.conv2(F.relu(self.conv1(x))))

    def __init__(self, inputs=3, classes=2, width=4, depth=4):
        super().__init__()
        widths = [width * 2**n for n in range(depth)]
        self.down_convs = nn.ModuleList(
            JoinedBlocks.Down(a, b) for a, b in zip([inputs, *widths], widths, strict=False)
        )
        self.up_convs = nn.ModuleList(JoinedBlocks.Up(a, b) for a, b in pairwise(reversed(widths)))
        self.conv_final = nn.Conv2d(width, classes, 1)

    def forward(self, x):
        skips = []
        for n, block in enumerate(self.down_convs):
            x = block(F.max_pool2d(x, 2) if n else x)
            skips.append(x)
        skips.pop()
        for block in self.up_convs:
            x = block(skips.pop(), x)
        return self.conv_final(x)


class OneConvALevel(nn.Module):
    """conv1 ... conv3, then up-convolutions and conv4 ...: one convolution a level, PReLU."""

    def __init__(self, inputs=3, classes=2, widths=(5, 7, 11)):
        super().__init__()
        a, b, c = widths
        self.conv1 = nn.Conv2d(inputs, a, 3, padding=1)
        self.prelu1 = nn.PReLU(a)
        self.conv2 = nn.Conv2d(a, b, 3, padding=1)
        self.prelu2 = nn.PReLU(b)
        self.conv3 = nn.Conv2d(b, c, 3, padding=1)
        self.prelu3 = nn.PReLU()
        self.up4 = nn.ConvTranspose2d(c, b, 2, 2)
        self.conv4 = nn.Conv2d(2 * b, b, 3, padding=1)
        self.prelu4 = nn.PReLU(b)
        self.up5 = nn.ConvTranspose2d(b, a, 2, 2)
        self.conv5 = nn.Conv2d(2 * a, a, 3, padding=1)
        self.prelu5 = nn.PReLU(a)
        self.conv6 = nn.Conv2d(a, classes, 1)

    def forward(self, x):
        one = self.prelu1(self.conv1(x))
        two = self.prelu2(self.conv2(F.max_pool2d(one, 2)))
        x = self.prelu3(self.conv3(F.max_pool2d(two, 2)))
        x = self.prelu4(self.conv4(torch.cat([two, self.up4(x)], 1)))
        x = self.prelu5(self.conv5(torch.cat([one, self.up5(x)], 1)))
        return self.conv6(x)


class Tutorial(nn.Module):
    """Other habits: ReLU before the norm, average pooling or strides, 1 x 1 before upsampling."""

    def __init__(self, inputs=3, classes=2, width=4, strided=False, enlarge_first=True):
        super().__init__()
        a, b, c = width, 2 * width, 4 * width
        self.strided, self.enlarge_first = strided, enlarge_first
        self.down_1 = self._block(inputs, a, 1)
        self.down_2 = self._block(a, b, 2 if strided else 1)
        self.middle = self._block(b, c, 2 if strided else 1)
        self.up_2 = nn.Conv2d(c, b, 1)
        self.dec_2 = self._block(2 * b, b, 1)
        self.up_1 = nn.Conv2d(b, a, 1)
        self.dec_1 = self._block(2 * a, a, 1)
        self.classify = nn.Conv2d(a, classes, 3, padding=1, padding_mode="reflect")

    def _block(self, inputs, outputs, stride):
        return nn.Sequential(
            nn.Conv2d(inputs, outputs, 3, stride, padding=1, padding_mode="reflect"),
            nn.ReLU(), nn.BatchNorm2d(outputs), nn.Dropout2d(0.1),
            nn.Conv2d(outputs, outputs, 3, padding=1, padding_mode="reflect"),
            nn.ReLU(), nn.BatchNorm2d(outputs),
        )  # fmt: skip

    def _enlarged(self, conv, x):
        if self.enlarge_first:
            return F.relu(conv(F.interpolate(x, scale_factor=2, mode="nearest")))
        return F.interpolate(F.relu(conv(x)), scale_factor=2, mode="bilinear")

    def _smaller(self, x):
        return x if self.strided else F.max_pool2d(x, 2)

    def forward(self, x):
        one = self.down_1(x)
        two = self.down_2(self._smaller(one))
        x = self.middle(self._smaller(two))
        x = self.dec_2(torch.cat([two, self._enlarged(self.up_2, x)], 1))
        x = self.dec_1(torch.cat([one, self._enlarged(self.up_1, x)], 1))
        return self.classify(x)


class Halved(nn.Module):
    """The lowest level has as many channels as the one above, and blocks narrow in the middle."""

    def __init__(self, inputs=3, classes=3, width=4):
        super().__init__()
        a, b, c = width, 2 * width, 4 * width
        self.first = DoubleConv(inputs, a)
        self.contract1 = DoubleConv(a, b)
        self.contract2 = DoubleConv(b, c)
        self.contract3 = DoubleConv(c, c)
        self.expand1 = conv_block(2 * c, b, middle=c)
        self.expand2 = conv_block(2 * b, a, middle=b)
        self.expand3 = conv_block(2 * a, a)
        self.final = nn.Conv2d(a, classes, 1)

    def forward(self, x):
        skips = [self.first(x)]
        for down in (self.contract1, self.contract2, self.contract3):
            skips.append(down(F.max_pool2d(skips[-1], 2)))
        x = skips.pop()
        for up in (self.expand1, self.expand2, self.expand3):
            larger = F.interpolate(x, scale_factor=2, mode="bilinear", align_corners=True)
            x = up(torch.cat([skips.pop(), larger], 1))
        return self.final(x)


class Wrapped(nn.Module):
    """A network as an attribute of another."""

    def __init__(self, network):
        super().__init__()
        self.my_unet = network

    def forward(self, x):
        return self.my_unet(x)
