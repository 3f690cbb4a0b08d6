"""DeepLabV3+ on MobileNetV2, with names, shapes and borders of the widely used PyTorch code."""

import torch
from torch import nn
from torch.nn import functional as F


def conv_bn(a, b, kernel, stride=1, dilation=1, groups=1):
    conv = nn.Conv2d(a, b, kernel, stride, 0, dilation, groups, bias=False)
    return nn.Sequential(conv, nn.BatchNorm2d(b), nn.ReLU6())


class Inverted(nn.Module):
    def __init__(self, a, b, stride, dilation, ratio):
        super().__init__()
        self.dilation, self.add = dilation, stride == 1 and a == b
        layers = [conv_bn(a, a * ratio, 1)] if ratio != 1 else []
        layers += [
            conv_bn(a * ratio, a * ratio, 3, stride, dilation, a * ratio),
            nn.Conv2d(a * ratio, b, 1, bias=False),
            nn.BatchNorm2d(b),
        ]
        self.conv = nn.Sequential(*layers)

    def forward(self, x):
        d = self.dilation
        y = self.conv(F.pad(x, (d, d, d, d)))
        return x + y if self.add else y


STRIDE_16 = [  # inputs, outputs, stride, dilation, expansion
    (32, 16, 1, 1, 1), (16, 24, 2, 1, 6), (24, 24, 1, 1, 6), (24, 32, 2, 1, 6), (32, 32, 1, 1, 6),
    (32, 32, 1, 1, 6), (32, 64, 2, 1, 6), (64, 64, 1, 1, 6), (64, 64, 1, 1, 6), (64, 64, 1, 1, 6),
    (64, 96, 1, 1, 6), (96, 96, 1, 1, 6), (96, 96, 1, 1, 6), (96, 160, 1, 1, 6), (160, 160, 1, 2, 6),
    (160, 160, 1, 2, 6), (160, 320, 1, 2, 6),
]  # fmt: skip
STRIDE_8 = [
    *STRIDE_16[:6], (32, 64, 1, 1, 6), *[(64, 64, 1, 2, 6)] * 3, (64, 96, 1, 2, 6),
    *[(96, 96, 1, 2, 6)] * 2, (96, 160, 1, 2, 6), *[(160, 160, 1, 4, 6)] * 2, (160, 320, 1, 4, 6),
]  # fmt: skip


class Pooled(nn.Sequential):
    def forward(self, x):
        return F.interpolate(super().forward(x), x.shape[-2:], mode="bilinear", align_corners=False)


def relu_block(a, b, kernel, rate=1):
    pad = rate * (kernel // 2)
    conv = nn.Conv2d(a, b, kernel, padding=pad, dilation=rate, bias=False)
    return [conv, nn.BatchNorm2d(b), nn.ReLU()]


class Aspp(nn.Module):
    def __init__(self, channels, rates):
        super().__init__()
        branches = [nn.Sequential(*relu_block(channels, 256, 1))]
        branches += [nn.Sequential(*relu_block(channels, 256, 3, rate)) for rate in rates]
        pooled = Pooled(nn.AdaptiveAvgPool2d(1), *relu_block(channels, 256, 1))
        self.convs = nn.ModuleList([*branches, pooled])
        self.project = nn.Sequential(*relu_block(5 * 256, 256, 1), nn.Dropout(0.1))

    def forward(self, x):
        return self.project(torch.cat([branch(x) for branch in self.convs], 1))


class FieldDeepLabPlus(nn.Module):
    """backbone.low_level_features, backbone.high_level_features, classifier.project, aspp ..."""

    def __init__(self, classes=4, stride=16, plus=True):
        super().__init__()
        rows, rates = (STRIDE_16, (6, 12, 18)) if stride == 16 else (STRIDE_8, (12, 24, 36))
        features = nn.Sequential(conv_bn(3, 32, 3, 2), *(Inverted(*row) for row in rows))
        self.backbone, self.classifier = nn.Module(), nn.Module()
        self.backbone.low_level_features = features[:4]
        self.backbone.high_level_features = features[4:]
        self.plus = plus
        if not plus:
            self.classifier.classifier = nn.Sequential(
                Aspp(320, rates), *relu_block(256, 256, 3), nn.Conv2d(256, classes, 1)
            )
            return
        self.classifier.project = nn.Sequential(*relu_block(24, 48, 1))
        self.classifier.aspp = Aspp(320, rates)
        self.classifier.classifier = nn.Sequential(
            *relu_block(304, 256, 3), nn.Conv2d(256, classes, 1)
        )

    def forward(self, x):
        low = self.backbone.low_level_features(x)
        y = self.backbone.high_level_features(low)
        if self.plus:
            y = self.classifier.aspp(y)
            low = self.classifier.project(low)
            y = F.interpolate(y, low.shape[-2:], mode="bilinear", align_corners=False)
            y = torch.cat([low, y], 1)
        y = self.classifier.classifier(y)
        return F.interpolate(y, x.shape[-2:], mode="bilinear", align_corners=False)
