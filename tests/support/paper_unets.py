"""U-Nets that papers brought, with the names and shapes of their well-known implementations."""

from itertools import pairwise

import torch
from field_unets import AttentionBlock, NamedConv, monai_conv
from torch import nn
from torch.nn import functional as F

# -- residual units with the normalisation first ------------------------------------------------


class NormRelu(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.bn = nn.BatchNorm2d(channels)
        self.relu = nn.ReLU()

    def forward(self, x):
        return self.relu(self.bn(x))


class NormFirst(nn.Module):
    """b1, c1, b2, c2 and a 1 x 1 convolution s around them; nothing follows the sum."""

    def __init__(self, inputs, outputs, stride=1):
        super().__init__()
        self.b1, self.b2 = NormRelu(inputs), NormRelu(outputs)
        self.c1 = nn.Conv2d(inputs, outputs, 3, stride, 1)
        self.c2 = nn.Conv2d(outputs, outputs, 3, 1, 1)
        self.s = nn.Conv2d(inputs, outputs, 1, stride)

    def forward(self, x):
        return self.c2(self.b2(self.c1(self.b1(x)))) + self.s(x)


class NormFirstUp(nn.Module):
    def __init__(self, inputs, outputs):
        super().__init__()
        self.upsample = nn.Upsample(scale_factor=2, mode="bilinear", align_corners=True)
        self.r = NormFirst(inputs + outputs, outputs)

    def forward(self, x, skip):
        return self.r(torch.cat([self.upsample(x), skip], 1))


class TutorialResUNet(nn.Module):
    """c11, br1, c12, c13, r2, r3, r4, d1, d2, d3, output: strides, skips from the sums."""

    def __init__(self, inputs=3, classes=1, widths=(4, 8, 12, 16)):
        super().__init__()
        a, b, c, d = widths
        self.c11 = nn.Conv2d(inputs, a, 3, padding=1)
        self.br1 = NormRelu(a)
        self.c12 = nn.Conv2d(a, a, 3, padding=1)
        self.c13 = nn.Conv2d(inputs, a, 1)
        self.r2, self.r3, self.r4 = NormFirst(a, b, 2), NormFirst(b, c, 2), NormFirst(c, d, 2)
        self.d1, self.d2, self.d3 = NormFirstUp(d, c), NormFirstUp(c, b), NormFirstUp(b, a)
        self.output = nn.Conv2d(a, classes, 1)

    def forward(self, x):
        one = self.c12(self.br1(self.c11(x))) + self.c13(x)
        two = self.r2(one)
        three = self.r3(two)
        return self.output(self.d3(self.d2(self.d1(self.r4(three), three), two), one))


class WideShortcut(nn.Module):
    """conv_block with its norm first, and a normalised 3 x 3 convolution around it."""

    def __init__(self, inputs, outputs, stride):
        super().__init__()
        self.conv_block = nn.Sequential(
            nn.BatchNorm2d(inputs), nn.ReLU(), nn.Conv2d(inputs, outputs, 3, stride, 1),
            nn.BatchNorm2d(outputs), nn.ReLU(), nn.Conv2d(outputs, outputs, 3, padding=1),
        )  # fmt: skip
        self.conv_skip = nn.Sequential(
            nn.Conv2d(inputs, outputs, 3, stride, 1), nn.BatchNorm2d(outputs)
        )

    def forward(self, x):
        return self.conv_block(x) + self.conv_skip(x)


class Rise(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.upsample = nn.ConvTranspose2d(channels, channels, 2, 2)

    def forward(self, x):
        return self.upsample(x)


class DeepResUNet(nn.Module):
    """input_layer, input_skip, residual_conv_1 ..., bridge, upsample_1, up_residual_conv1 ..."""

    def __init__(self, inputs=3, classes=1, widths=(4, 8, 12, 16)):
        super().__init__()
        a, b, c, d = widths
        self.input_layer = nn.Sequential(
            nn.Conv2d(inputs, a, 3, padding=1), nn.BatchNorm2d(a), nn.ReLU(),
            nn.Conv2d(a, a, 3, padding=1),
        )  # fmt: skip
        self.input_skip = nn.Sequential(nn.Conv2d(inputs, a, 3, padding=1))
        self.residual_conv_1, self.residual_conv_2 = WideShortcut(a, b, 2), WideShortcut(b, c, 2)
        self.bridge = WideShortcut(c, d, 2)
        self.upsample_1, self.up_residual_conv1 = Rise(d), WideShortcut(d + c, c, 1)
        self.upsample_2, self.up_residual_conv2 = Rise(c), WideShortcut(c + b, b, 1)
        self.upsample_3, self.up_residual_conv3 = Rise(b), WideShortcut(b + a, a, 1)
        self.output_layer = nn.Sequential(nn.Conv2d(a, classes, 1))

    def forward(self, x):
        one = self.input_layer(x) + self.input_skip(x)
        two = self.residual_conv_1(one)
        three = self.residual_conv_2(two)
        x = self.upsample_1(self.bridge(three))
        x = self.upsample_2(self.up_residual_conv1(torch.cat([x, three], 1)))
        x = self.upsample_3(self.up_residual_conv2(torch.cat([x, two], 1)))
        return self.output_layer(self.up_residual_conv3(torch.cat([x, one], 1)))


# -- MONAI's attention U-Net -------------------------------------------------------------------


class MonaiConvBlock(nn.Module):
    def __init__(self, inputs, outputs, kernel, stride=1):
        super().__init__()
        how = {"norm": "batch", "act": "relu", "kernel": kernel}
        self.conv = nn.Sequential(
            monai_conv(inputs, outputs, stride, **how), monai_conv(outputs, outputs, **how)
        )

    def forward(self, x):
        return self.conv(x)


class MonaiUpConv(nn.Module):
    def __init__(self, inputs, outputs):
        super().__init__()
        self.up = monai_conv(inputs, outputs, 2, up=True, norm="batch", act="relu")

    def forward(self, x):
        return self.up(x)


class MonaiGate(nn.Module):
    def __init__(self, channels, inner):
        super().__init__()

        def alone(a, b):
            return monai_conv(a, b, alone=True, kernel=1)

        self.W_g = nn.Sequential(alone(channels, inner), nn.BatchNorm2d(inner))
        self.W_x = nn.Sequential(alone(channels, inner), nn.BatchNorm2d(inner))
        self.psi = nn.Sequential(alone(inner, 1), nn.BatchNorm2d(1), nn.Sigmoid())

    def forward(self, g, x):
        return x * self.psi(F.relu(self.W_g(g) + self.W_x(x)))


class MonaiAttentionLayer(nn.Module):
    def __init__(self, channels, below, submodule):
        super().__init__()
        self.attention = MonaiGate(channels, channels // 2)
        self.upconv = MonaiUpConv(below, channels)
        self.merge = monai_conv(2 * channels, channels)
        self.submodule = submodule

    def forward(self, x):
        below = self.upconv(self.submodule(x))
        return self.merge(torch.cat((self.attention(below, x), below), 1))


class MonaiAttentionUNet(nn.Module):
    """monai.networks.nets.AttentionUnet."""

    def __init__(self, inputs=1, classes=2, widths=(4, 8, 12), kernel=3):
        super().__init__()
        self.kernel = kernel
        head = MonaiConvBlock(inputs, widths[0], kernel)
        last = monai_conv(widths[0], classes, alone=True, kernel=1)
        self.model = nn.Sequential(head, self._level(widths), last)

    def _level(self, widths):
        own, below = widths[:2]
        inner = MonaiConvBlock(own, below, self.kernel, 2)
        if len(widths) > 2:
            inner = nn.Sequential(inner, self._level(widths[1:]))
        return MonaiAttentionLayer(own, below, inner)

    def forward(self, x):
        return self.model(x)


# -- recurrent convolutions --------------------------------------------------------------------


class Recurrent(nn.Module):
    def __init__(self, channels, times):
        super().__init__()
        self.times = times
        self.conv = nn.Sequential(
            nn.Conv2d(channels, channels, 3, padding=1), nn.BatchNorm2d(channels), nn.ReLU()
        )

    def forward(self, x):
        found = self.conv(x)
        for _ in range(self.times):
            found = self.conv(x + found)
        return found


class RecurrentBlock(nn.Module):
    def __init__(self, inputs, outputs, times):
        super().__init__()
        self.RCNN = nn.Sequential(Recurrent(outputs, times), Recurrent(outputs, times))
        self.Conv_1x1 = nn.Conv2d(inputs, outputs, 1)

    def forward(self, x):
        x = self.Conv_1x1(x)
        return x + self.RCNN(x)


class RecurrentUNet(nn.Module):
    """R2U-Net and, with gates, R2AttU-Net: RRCNN1 ..., Up5, Att5, Up_RRCNN5 ..., Conv_1x1."""

    def __init__(self, inputs=3, classes=1, widths=(4, 8, 12, 16), times=2, gated=False):
        super().__init__()
        self.count, self.gated = len(widths), gated
        for n, (a, b) in enumerate(pairwise((inputs, *widths)), 1):
            setattr(self, f"RRCNN{n}", RecurrentBlock(a, b, times))
        for n in range(self.count, 1, -1):
            below, own = widths[n - 1], widths[n - 2]
            up = (nn.Upsample(scale_factor=2), nn.Conv2d(below, own, 3, padding=1),
                  nn.BatchNorm2d(own), nn.ReLU())  # fmt: skip
            setattr(self, f"Up{n}", NamedConv("up", *up))
            if gated:
                setattr(self, f"Att{n}", AttentionBlock(own, own, own // 2))
            setattr(self, f"Up_RRCNN{n}", RecurrentBlock(2 * own, own, times))
        self.Conv_1x1 = nn.Conv2d(widths[0], classes, 1)

    def forward(self, x):
        skips = []
        for n in range(1, self.count + 1):
            x = getattr(self, f"RRCNN{n}")(F.max_pool2d(x, 2) if n > 1 else x)
            skips.append(x)
        skips.pop()
        for n in range(self.count, 1, -1):
            x, skip = getattr(self, f"Up{n}")(x), skips.pop()
            if self.gated:
                skip = getattr(self, f"Att{n}")(x, skip)
            x = getattr(self, f"Up_RRCNN{n}")(torch.cat((skip, x), 1))
        return self.Conv_1x1(x)


# -- U-Net++ -----------------------------------------------------------------------------------


class TwoConvs(nn.Module):
    def __init__(self, inputs, outputs):
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(inputs, outputs, 3, padding=1), nn.BatchNorm2d(outputs)
        self.conv2, self.bn2 = nn.Conv2d(outputs, outputs, 3, padding=1), nn.BatchNorm2d(outputs)

    def forward(self, x):
        return F.relu(self.bn2(self.conv2(F.relu(self.bn1(self.conv1(x))))))


class NestedUNet(nn.Module):
    """conv0_0 ... conv0_4 and final, or final1 ... final4 where all are trained."""

    def __init__(self, inputs=3, classes=1, widths=(4, 6, 8, 10, 12), deep=False, nested=True,
                 up="bilinear"):  # fmt: skip
        super().__init__()
        self.deep, self.nested, self.levels = deep, nested, len(widths)
        self.how = {"mode": "nearest"}
        if up == "bilinear":
            self.how = {"mode": "bilinear", "align_corners": True}
        for j in range(self.levels):
            for i in range(self.levels - j):
                if j == 0:
                    a = widths[i - 1] if i else inputs
                elif nested:
                    a = j * widths[i] + widths[i + 1]
                elif i + j != self.levels - 1:
                    continue
                else:
                    a = widths[i] + widths[i + 1]
                setattr(self, f"conv{i}_{j}", TwoConvs(a, widths[i]))
        for name in [f"final{n}" for n in range(1, self.levels)] if deep else ["final"]:
            setattr(self, name, nn.Conv2d(widths[0], classes, 1))

    def _up(self, x):
        return F.interpolate(x, scale_factor=2, **self.how)

    def forward(self, x):
        at = {}
        for i in range(self.levels):
            at[i, 0] = x = getattr(self, f"conv{i}_0")(F.max_pool2d(x, 2) if i else x)
        for j in range(1, self.levels):
            for i in range(self.levels - j):
                if not hasattr(self, f"conv{i}_{j}"):
                    continue
                beside = [at[i, n] for n in range(j) if (i, n) in at]
                whole = torch.cat([*beside, self._up(at[i + 1, j - 1])], 1)
                at[i, j] = getattr(self, f"conv{i}_{j}")(whole)
        last = at[0, self.levels - 1]
        return getattr(self, f"final{self.levels - 1}")(last) if self.deep else self.final(last)


# -- U^2-Net -----------------------------------------------------------------------------------


class Rebn(nn.Module):
    def __init__(self, inputs, outputs, rate=1):
        super().__init__()
        self.conv_s1 = nn.Conv2d(inputs, outputs, 3, padding=rate, dilation=rate)
        self.bn_s1 = nn.BatchNorm2d(outputs)

    def forward(self, x):
        return F.relu(self.bn_s1(self.conv_s1(x)))


def _twice(x):
    return F.interpolate(x, scale_factor=2, mode="bilinear")


class Rsu(nn.Module):
    """A U-Net of so many levels as a block; `flat` widens the kernels instead of halving."""

    def __init__(self, levels, inputs, middle, outputs, flat=False):
        super().__init__()
        self.levels, self.flat = levels, flat
        self.rebnconvin = Rebn(inputs, outputs)
        for n in range(1, levels + 1):
            rate = 2 ** (n - 1) if flat else 1 + (n == levels)
            setattr(self, f"rebnconv{n}", Rebn(outputs if n == 1 else middle, middle, rate))
        for n in range(levels - 1, 0, -1):
            rate = 2 ** (n - 1) if flat else 1
            own = Rebn(2 * middle, outputs if n == 1 else middle, rate)
            setattr(self, f"rebnconv{n}d", own)

    def forward(self, x):
        first = x = self.rebnconvin(x)
        kept = []
        for n in range(1, self.levels + 1):
            if not self.flat and 1 < n < self.levels:
                x = F.max_pool2d(x, 2, 2, ceil_mode=True)
            x = getattr(self, f"rebnconv{n}")(x)
            kept.append(x)
        kept.pop()
        for n in range(self.levels - 1, 0, -1):
            if not self.flat and n < self.levels - 1:
                x = _twice(x)
            x = getattr(self, f"rebnconv{n}d")(torch.cat((x, kept.pop()), 1))
        return x + first


class U2Net(nn.Module):
    """stage1 ... stage6, stage5d ... stage1d, side1 ... side6, outconv."""

    def __init__(self, inputs=3, classes=1, middle=(2, 2, 2, 3, 3), widths=(4, 5, 6, 7, 7)):
        super().__init__()
        before = inputs
        for n, (m, w) in enumerate(zip(middle, widths, strict=True), 1):
            setattr(self, f"stage{n}", self._rsu(n, before, m, w))
            before = w
        self.stage6 = self._rsu(6, before, middle[4], widths[4])
        below = widths[4]
        for n in range(5, 0, -1):
            own = widths[max(n - 2, 0)] if n < 5 else widths[4]
            setattr(self, f"stage{n}d", self._rsu(n, below + widths[n - 1], middle[n - 1], own))
            setattr(self, f"side{n}", nn.Conv2d(own, classes, 3, padding=1))
            below = own
        self.side6 = nn.Conv2d(widths[4], classes, 3, padding=1)
        self.outconv = nn.Conv2d(6 * classes, classes, 1)

    @staticmethod
    def _rsu(n, inputs, middle, outputs):
        return Rsu(max(8 - n, 4), inputs, middle, outputs, flat=n > 4)

    def forward(self, x):
        kept = []
        for n in range(1, 7):
            x = getattr(self, f"stage{n}")(F.max_pool2d(x, 2, 2, ceil_mode=True) if n > 1 else x)
            kept.append(x)
        sides = [self.side6(kept.pop())]
        for n in range(5, 0, -1):
            x = getattr(self, f"stage{n}d")(torch.cat((_twice(x), kept.pop()), 1))
            sides.insert(0, getattr(self, f"side{n}")(x))
        whole = [
            F.interpolate(side, scale_factor=2**n, mode="bilinear") if n else side
            for n, side in enumerate(sides)
        ]
        return self.outconv(torch.cat(whole, 1))


# -- on an encoder of another network ----------------------------------------------------------


class VggUp(nn.Module):
    def __init__(self, inputs, outputs, act):
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, padding=1)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, padding=1)
        self.act = act

    def forward(self, skip, x):
        x = F.interpolate(x, scale_factor=2, mode="bilinear", align_corners=True)
        return self.act(self.conv2(self.act(self.conv1(torch.cat([skip, x], 1)))))


class VggUNet(nn.Module):
    """vgg.features.0 ..., up_concat4 ... up_concat1, final; three convolutions on low levels."""

    def __init__(self, inputs=3, classes=21, widths=(4, 6, 8, 10, 10), act=F.relu):
        super().__init__()
        layers, before = [], inputs
        for n, width in enumerate(widths):
            for _ in range(2 if n < 2 else 3):
                layers += [nn.Conv2d(before, width, 3, padding=1), nn.ReLU()]
                before = width
            layers.append(nn.MaxPool2d(2, 2))
        self.vgg = nn.Module()
        self.vgg.features = nn.Sequential(*layers)
        for n in range(4, 0, -1):
            setattr(self, f"up_concat{n}", VggUp(before + widths[n - 1], widths[n - 1], act))
            before = widths[n - 1]
        self.final = nn.Conv2d(before, classes, 1)

    def forward(self, x):
        parts = self.vgg.features
        cuts = (0, 4, 9, 16, 23, 30)
        kept = []
        for start, stop in pairwise(cuts):
            x = parts[start:stop](x)
            kept.append(x)
        kept.pop()
        for n in range(4, 0, -1):
            x = getattr(self, f"up_concat{n}")(kept.pop(), x)
        return self.final(x)
