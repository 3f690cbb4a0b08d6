"""U-Nets as the libraries and papers' code of the field write them, with their names."""

import torch
from torch import nn
from torch.nn import functional as F

# -- nnU-Net (dynamic_network_architectures) ---------------------------------------------------


class ConvDropoutNormReLU(nn.Module):
    def __init__(self, inputs, outputs, kernel, stride, bias=True, act=True):
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, kernel, stride, [(k - 1) // 2 for k in kernel],
                              bias=bias)  # fmt: skip
        self.norm = nn.InstanceNorm2d(outputs, affine=True)
        self.all_modules = nn.Sequential(self.conv, self.norm)
        if act:
            self.nonlin = nn.LeakyReLU(0.01, inplace=True)
            self.all_modules.append(self.nonlin)

    def forward(self, x):
        return self.all_modules(x)


class StackedConvBlocks(nn.Module):
    def __init__(self, count, inputs, outputs, kernel, stride):
        super().__init__()
        first = ConvDropoutNormReLU(inputs, outputs, kernel, stride)
        others = (ConvDropoutNormReLU(outputs, outputs, kernel, 1) for _ in range(count - 1))
        self.convs = nn.Sequential(first, *others)

    def forward(self, x):
        return self.convs(x)


class BasicBlockD(nn.Module):
    def __init__(self, inputs, outputs, kernel, stride):
        super().__init__()
        self.conv1 = ConvDropoutNormReLU(inputs, outputs, kernel, stride)
        self.conv2 = ConvDropoutNormReLU(outputs, outputs, kernel, 1, act=False)
        self.nonlin2 = nn.LeakyReLU(0.01)
        around = [nn.AvgPool2d(stride, stride)] if stride != (1, 1) else []
        if inputs != outputs:
            around.append(ConvDropoutNormReLU(inputs, outputs, (1, 1), 1, bias=False, act=False))
        self.skip = nn.Sequential(*around) if around else lambda x: x

    def forward(self, x):
        return self.nonlin2(self.conv2(self.conv1(x)) + self.skip(x))


class NnUNetEncoder(nn.Module):
    def __init__(self, inputs, widths, kernels, strides, residual):
        super().__init__()
        if residual:
            self.stem = StackedConvBlocks(1, inputs, widths[0], kernels[0], 1)
            inputs = widths[0]
        stages = []
        for width, kernel, stride in zip(widths, kernels, strides, strict=True):
            if residual:
                stage = nn.Module()
                stage.blocks = nn.Sequential(
                    BasicBlockD(inputs, width, kernel, stride),
                    BasicBlockD(width, width, kernel, (1, 1)),
                )
                stage.forward = stage.blocks.forward
                stages.append(stage)
            else:
                stages.append(nn.Sequential(StackedConvBlocks(2, inputs, width, kernel, stride)))
            inputs = width
        self.stages = nn.Sequential(*stages)

    def forward(self, x):
        if hasattr(self, "stem"):
            x = self.stem(x)
        found = []
        for stage in self.stages:
            x = stage(x)
            found.append(x)
        return found


class NnUNetDecoder(nn.Module):
    def __init__(self, encoder, classes, widths, kernels, strides):
        super().__init__()
        self.encoder = encoder
        self.stages, self.transpconvs = nn.ModuleList(), nn.ModuleList()
        self.seg_layers = nn.ModuleList()
        for n in range(len(widths) - 1, 0, -1):
            below, own = widths[n], widths[n - 1]
            self.transpconvs.append(nn.ConvTranspose2d(below, own, strides[n], strides[n]))
            self.stages.append(StackedConvBlocks(2, 2 * own, own, kernels[n - 1], 1))
            self.seg_layers.append(nn.Conv2d(own, classes, 1))

    def forward(self, skips):
        x = skips[-1]
        for n in range(len(self.stages)):
            x = self.stages[n](torch.cat((self.transpconvs[n](x), skips[-(n + 2)]), 1))
        return self.seg_layers[-1](x)


class NnUNetReference(nn.Module):
    """PlainConvUNet, or ResidualEncoderUNet, with heads of deep supervision that rest."""

    def __init__(self, inputs=1, classes=3, widths=(4, 8, 12, 12), residual=False,
                 strides=((1, 1), (2, 2), (2, 2), (2, 1))):  # fmt: skip
        super().__init__()
        kernels = [(3, 3)] * (len(widths) - 1) + [(3, 1)]
        self.encoder = NnUNetEncoder(inputs, widths, kernels, strides, residual)
        self.decoder = NnUNetDecoder(self.encoder, classes, widths, kernels, strides)

    def forward(self, x):
        return self.decoder(self.encoder(x))


# -- MONAI -------------------------------------------------------------------------------------


def monai_conv(inputs, outputs, stride=1, *, up=False, alone=False, norm="instance", act="prelu",
               kernel=3):  # fmt: skip
    made = nn.Sequential()
    conv = (
        nn.ConvTranspose2d(inputs, outputs, kernel, stride, 1, 1)
        if up
        else nn.Conv2d(inputs, outputs, kernel, stride, (kernel - 1) // 2)
    )
    made.add_module("conv", conv)
    if not alone:
        adn = nn.Sequential()
        norms = {"instance": lambda c: nn.InstanceNorm2d(c), "batch": nn.BatchNorm2d,
                 "affine": lambda c: nn.InstanceNorm2d(c, affine=True)}  # fmt: skip
        if norm:
            adn.add_module("N", norms[norm](outputs))
        adn.add_module("D", nn.Dropout(0.1))
        acts = {"prelu": nn.PReLU, "leaky": lambda: nn.LeakyReLU(0.1), "relu": nn.ReLU}
        adn.add_module("A", acts[act]())
        made.add_module("adn", adn)
    return made


class ResidualUnit(nn.Module):
    def __init__(self, inputs, outputs, stride, subunits, last_alone=False, **how):
        super().__init__()
        self.conv = nn.Sequential()
        before = inputs
        for n in range(subunits):
            alone = last_alone and n == subunits - 1
            unit = monai_conv(before, outputs, stride if n == 0 else 1, alone=alone, **how)
            self.conv.add_module(f"unit{n}", unit)
            before = outputs
        self.residual = nn.Identity()
        if stride != 1:
            self.residual = nn.Conv2d(inputs, outputs, 3, stride, 1)
        elif inputs != outputs:
            self.residual = nn.Conv2d(inputs, outputs, 1)

    def forward(self, x):
        return self.conv(x) + self.residual(x)


class SkipConnection(nn.Module):
    def __init__(self, submodule):
        super().__init__()
        self.submodule = submodule

    def forward(self, x):
        return torch.cat([x, self.submodule(x)], 1)


class MonaiUNetReference(nn.Module):
    """monai.networks.nets.UNet."""

    def __init__(self, inputs=1, classes=2, widths=(4, 8, 16), units=2, **how):
        super().__init__()
        self.units, self.how = units, how
        self.model = self._block(inputs, classes, widths, top=True)

    def _down(self, a, b, stride):
        if self.units:
            return ResidualUnit(a, b, stride, self.units, **self.how)
        return monai_conv(a, b, stride, **self.how)

    def _up(self, a, b, top):
        conv = monai_conv(a, b, 2, up=True, alone=top and not self.units, **self.how)
        if not self.units:
            return conv
        return nn.Sequential(conv, ResidualUnit(b, b, 1, 1, last_alone=top, **self.how))

    def _block(self, inputs, outputs, widths, top=False):
        own = widths[0]
        if len(widths) > 2:
            inner, width = self._block(own, own, widths[1:]), 2 * own
        else:
            inner, width = self._down(own, widths[1], 1), own + widths[1]
        down = self._down(inputs, own, 2)
        return nn.Sequential(down, SkipConnection(inner), self._up(width, outputs, top))

    def forward(self, x):
        return self.model(x)


class MonaiTwoConv(nn.Sequential):
    def __init__(self, inputs, outputs):
        super().__init__()
        how = {"norm": "affine", "act": "leaky"}
        self.add_module("conv_0", monai_conv(inputs, outputs, **how))
        self.add_module("conv_1", monai_conv(outputs, outputs, **how))


class MonaiDown(nn.Sequential):
    def __init__(self, inputs, outputs):
        super().__init__()
        self.add_module("max_pooling", nn.MaxPool2d(2))
        self.add_module("convs", MonaiTwoConv(inputs, outputs))


class MonaiUpCat(nn.Module):
    def __init__(self, inputs, skip, outputs, halves=True):
        super().__init__()
        between = inputs // 2 if halves else inputs
        self.upsample = nn.Sequential()
        self.upsample.add_module("deconv", nn.ConvTranspose2d(inputs, between, 2, 2))
        self.convs = MonaiTwoConv(skip + between, outputs)

    def forward(self, x, skip):
        return self.convs(torch.cat([skip, self.upsample(x)], 1))


class MonaiBasicUNet(nn.Module):
    """monai.networks.nets.BasicUNet."""

    def __init__(self, inputs=1, classes=2, f=(4, 4, 8, 16, 32, 4)):
        super().__init__()
        self.conv_0 = MonaiTwoConv(inputs, f[0])
        for n in range(1, 5):
            setattr(self, f"down_{n}", MonaiDown(f[n - 1], f[n]))
        self.upcat_4 = MonaiUpCat(f[4], f[3], f[3])
        self.upcat_3 = MonaiUpCat(f[3], f[2], f[2])
        self.upcat_2 = MonaiUpCat(f[2], f[1], f[1])
        self.upcat_1 = MonaiUpCat(f[1], f[0], f[5], halves=False)
        self.final_conv = nn.Conv2d(f[5], classes, 1)

    def forward(self, x):
        x0 = self.conv_0(x)
        x1 = self.down_1(x0)
        x2 = self.down_2(x1)
        x3 = self.down_3(x2)
        x = self.upcat_4(self.down_4(x3), x3)
        x = self.upcat_3(x, x2)
        x = self.upcat_2(x, x1)
        return self.final_conv(self.upcat_1(x, x0))


# -- attention gates ---------------------------------------------------------------------------


def double(inputs, outputs, bias=True):
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, 3, padding=1, bias=bias), nn.BatchNorm2d(outputs), nn.ReLU(),
        nn.Conv2d(outputs, outputs, 3, padding=1, bias=bias), nn.BatchNorm2d(outputs), nn.ReLU(),
    )  # fmt: skip


class NamedConv(nn.Module):
    def __init__(self, name, *layers):
        super().__init__()
        self.name = name
        setattr(self, name, nn.Sequential(*layers))

    def forward(self, x):
        return getattr(self, self.name)(x)


class AttentionBlock(nn.Module):
    def __init__(self, above, skip, inner):
        super().__init__()
        self.W_g = nn.Sequential(nn.Conv2d(above, inner, 1), nn.BatchNorm2d(inner))
        self.W_x = nn.Sequential(nn.Conv2d(skip, inner, 1), nn.BatchNorm2d(inner))
        self.psi = nn.Sequential(nn.Conv2d(inner, 1, 1), nn.BatchNorm2d(1), nn.Sigmoid())

    def forward(self, g, x):
        return x * self.psi(F.relu(self.W_g(g) + self.W_x(x)))


class AttentionUNet(nn.Module):
    """Conv1 ... Conv5, Up5, Att5, Up_conv5 ..., Conv_1x1: the usual code of Attention U-Net."""

    def __init__(self, inputs=3, classes=1, widths=(4, 8, 16, 32)):
        super().__init__()
        before, self.count = inputs, len(widths)
        for n, width in enumerate(widths, 1):
            setattr(self, f"Conv{n}", NamedConv("conv", *double(before, width)))
            before = width
        for n in range(self.count, 1, -1):
            own = widths[n - 2]
            up = (nn.Upsample(scale_factor=2), nn.Conv2d(before, own, 3, padding=1),
                  nn.BatchNorm2d(own), nn.ReLU())  # fmt: skip
            setattr(self, f"Up{n}", NamedConv("up", *up))
            setattr(self, f"Att{n}", AttentionBlock(own, own, max(1, own // 2)))
            setattr(self, f"Up_conv{n}", NamedConv("conv", *double(2 * own, own)))
            before = own
        self.Conv_1x1 = nn.Conv2d(before, classes, 1)

    def forward(self, x):
        skips = []
        for n in range(1, self.count + 1):
            x = getattr(self, f"Conv{n}")(F.max_pool2d(x, 2) if n > 1 else x)
            skips.append(x)
        skips.pop()
        for n in range(self.count, 1, -1):
            x = getattr(self, f"Up{n}")(x)
            skip = getattr(self, f"Att{n}")(x, skips.pop())
            x = getattr(self, f"Up_conv{n}")(torch.cat((skip, x), 1))
        return self.Conv_1x1(x)


class GateOfAll(nn.Module):
    """A gate of each channel: Wg, Ws, output."""

    def __init__(self, above, skip, out):
        super().__init__()
        self.Wg = nn.Sequential(nn.Conv2d(above, out, 1), nn.BatchNorm2d(out))
        self.Ws = nn.Sequential(nn.Conv2d(skip, out, 1), nn.BatchNorm2d(out))
        self.relu = nn.ReLU()
        self.output = nn.Sequential(nn.Conv2d(out, out, 1), nn.Sigmoid())

    def forward(self, g, s):
        return self.output(self.relu(self.Wg(g) + self.Ws(s))) * s


class GatedTutorial(nn.Module):
    """e1 ..., b1, d1.ag, d1.c1 ..., output: maps are made larger without weights."""

    class Decoder(nn.Module):
        def __init__(self, above, skip, out):
            super().__init__()
            self.ag = GateOfAll(above, skip, out)
            self.c1 = NamedConv("conv", *double(above + out, out))

        def forward(self, x, s):
            x = F.interpolate(x, scale_factor=2, mode="bilinear", align_corners=True)
            return self.c1(torch.cat([x, self.ag(x, s)], 1))

    def __init__(self, inputs=3, classes=2):
        super().__init__()
        self.e1 = NamedConv("conv", *double(inputs, 4))
        self.e2 = NamedConv("conv", *double(4, 8))
        self.b1 = NamedConv("conv", *double(8, 16))
        self.d1 = self.Decoder(16, 8, 8)
        self.d2 = self.Decoder(8, 4, 4)
        self.output = nn.Conv2d(4, classes, 1)

    def forward(self, x):
        one = self.e1(x)
        two = self.e2(F.max_pool2d(one, 2))
        x = self.b1(F.max_pool2d(two, 2))
        return self.output(self.d2(self.d1(x, two), one))


# -- other habits ------------------------------------------------------------------------------


class Summed(nn.Module):
    """Skips are added to what was made larger."""

    def __init__(self, inputs=3, classes=2, widths=(4, 8, 16)):
        super().__init__()
        a, b, c = widths
        self.enc1, self.enc2, self.enc3 = double(inputs, a), double(a, b), double(b, c)
        self.up2, self.dec2 = nn.ConvTranspose2d(c, b, 2, 2), double(b, b)
        self.up1, self.dec1 = nn.ConvTranspose2d(b, a, 2, 2), double(a, a)
        self.out = nn.Conv2d(a, classes, 1)

    def forward(self, x):
        one = self.enc1(x)
        two = self.enc2(F.max_pool2d(one, 2))
        x = self.enc3(F.max_pool2d(two, 2))
        x = self.dec2(self.up2(x) + two)
        return self.out(self.dec1(self.up1(x) + one))


class IdentityBlock(nn.Module):
    """A residual block with a 1 x 1 convolution around it only where channels change."""

    def __init__(self, inputs, outputs):
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(outputs)
        self.shortcut = nn.Sequential()
        if inputs != outputs:
            self.shortcut = nn.Sequential(nn.Conv2d(inputs, outputs, 1), nn.BatchNorm2d(outputs))

    def forward(self, x):
        y = self.bn2(self.conv2(F.relu(self.bn1(self.conv1(x)))))
        return F.relu(y + self.shortcut(x))


class IdentityUNet(nn.Module):
    """Residual blocks of which some keep the number of channels."""

    def __init__(self, inputs=3, classes=2):
        super().__init__()
        self.enc1, self.enc2 = IdentityBlock(inputs, 4), IdentityBlock(4, 8)
        self.bottleneck = IdentityBlock(8, 8)
        self.up2, self.dec2 = nn.ConvTranspose2d(8, 8, 2, 2), IdentityBlock(16, 8)
        self.up1, self.dec1 = nn.ConvTranspose2d(8, 4, 2, 2), IdentityBlock(8, 4)
        self.out = nn.Conv2d(4, classes, 1)

    def forward(self, x):
        one = self.enc1(x)
        two = self.enc2(F.max_pool2d(one, 2))
        x = self.bottleneck(F.max_pool2d(two, 2))
        x = self.dec2(torch.cat([self.up2(x), two], 1))
        return self.out(self.dec1(torch.cat([self.up1(x), one], 1)))


class Separable(nn.Module):
    def __init__(self, inputs, outputs, between):
        super().__init__()
        self.depthwise = nn.Conv2d(inputs, inputs, 3, padding=1, groups=inputs, bias=False)
        self.middle = nn.Sequential(nn.BatchNorm2d(inputs), nn.ReLU()) if between else None
        self.pointwise = nn.Conv2d(inputs, outputs, 1)
        self.bn = nn.BatchNorm2d(outputs)

    def forward(self, x):
        x = self.depthwise(x)
        if self.middle is not None:
            x = self.middle(x)
        return F.relu(self.bn(self.pointwise(x)))


class SeparableUNet(nn.Module):
    """Depthwise and pointwise convolutions."""

    def __init__(self, inputs=3, classes=2, widths=(4, 8, 16), between=False):
        super().__init__()

        def two(a, b):
            return nn.Sequential(Separable(a, b, between), Separable(b, b, between))

        a, b, c = widths
        self.enc1, self.enc2, self.bottleneck = two(inputs, a), two(a, b), two(b, c)
        self.up2, self.dec2 = nn.ConvTranspose2d(c, b, 2, 2), two(2 * b, b)
        self.up1, self.dec1 = nn.ConvTranspose2d(b, a, 2, 2), two(2 * a, a)
        self.out = nn.Conv2d(a, classes, 1)

    def forward(self, x):
        one = self.enc1(x)
        two = self.enc2(F.max_pool2d(one, 2))
        x = self.bottleneck(F.max_pool2d(two, 2))
        x = self.dec2(torch.cat([self.up2(x), two], 1))
        return self.out(self.dec1(torch.cat([self.up1(x), one], 1)))


class Unpadded(nn.Module):
    """As in 2015: no padding, skips are cropped, the answer is smaller than the image."""

    def __init__(self, inputs=1, classes=2, widths=(4, 8, 16)):
        super().__init__()
        before = inputs
        for n, width in enumerate(widths, 1):
            setattr(self, f"enc{n}", self._two(before, width))
            before = width
        for n in range(len(widths) - 1, 0, -1):
            setattr(self, f"up{n}", nn.ConvTranspose2d(before, widths[n - 1], 2, 2))
            setattr(self, f"dec{n}", self._two(2 * widths[n - 1], widths[n - 1]))
            before = widths[n - 1]
        self.out = nn.Conv2d(before, classes, 1)
        self.levels = len(widths)

    def _two(self, a, b):
        return nn.Sequential(nn.Conv2d(a, b, 3), nn.ReLU(), nn.Conv2d(b, b, 3), nn.ReLU())

    def forward(self, x):
        skips = []
        for n in range(1, self.levels + 1):
            x = getattr(self, f"enc{n}")(F.max_pool2d(x, 2) if n > 1 else x)
            skips.append(x)
        skips.pop()
        for n in range(self.levels - 1, 0, -1):
            x = getattr(self, f"up{n}")(x)
            skip = skips.pop()
            top, left = ((s - o) // 2 for s, o in zip(skip.shape[2:], x.shape[2:], strict=True))
            skip = skip[:, :, top : top + x.shape[2], left : left + x.shape[3]]
            x = getattr(self, f"dec{n}")(torch.cat([skip, x], 1))
        return self.out(x)
