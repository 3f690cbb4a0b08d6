"""U²-Net, large and small: a U-Net whose blocks are U-Nets, for one object against its background."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Final

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from segstudio.models.families import Found, Shapes, input_channels

_LEVELS: Final = 6
_FLAT: Final = 5
"""From this stage on kernels are widened and maps stay as large as they are."""
_LARGE: Final = 128
"""Channels within the lowest blocks of the large one; it has 256, the small one 16."""
_SIDE: Final = 320
"""Of the square to which the published code resizes images."""
_NOTE: Final = (
    "Dilation rates, ways to enlarge and the square of 320 pixels are those of the published code."
)


class U2Net(nn.Module):
    """U²-Net by the shapes of its tensors; answers with the side outputs joined, as logits."""

    def __init__(self, tensors: Mapping[str, Sequence[int]]) -> None:
        """Build the network.

        Raises:
            KeyError: if tensors are missing.
        """
        super().__init__()
        shapes = {name: tuple(shape) for name, shape in tensors.items()}
        names = [*(f"stage{n}" for n in range(1, _LEVELS + 1)),
                 *(f"stage{n}d" for n in range(_LEVELS - 1, 0, -1))]  # fmt: skip
        for name in names:
            setattr(self, name, _Rsu(shapes, name, flat=int(name[5]) >= _FLAT))
        for n in range(1, _LEVELS + 1):
            setattr(self, f"side{n}", _conv(shapes, f"side{n}"))
        self.outconv = _conv(shapes, "outconv")
        self.in_channels = shapes["stage1.rebnconvin.conv_s1.weight"][1]

    def forward(self, x: Tensor) -> Tensor:
        """Return logits (N, num_classes, H, W) for images (N, in_channels, H, W)."""
        kept: list[Tensor] = []
        for n in range(1, _LEVELS + 1):
            x = self.get_submodule(f"stage{n}")(_halved(x) if n > 1 else x)
            kept.append(x)
        full = kept[0].shape[-2:]
        sides = {_LEVELS: self.get_submodule(f"side{_LEVELS}")(kept.pop())}
        for n in range(_LEVELS - 1, 0, -1):
            skip = kept.pop()
            x = self.get_submodule(f"stage{n}d")(torch.cat((_as_large(x, skip), skip), 1))
            sides[n] = self.get_submodule(f"side{n}")(x)
        maps = [
            side if side.shape[-2:] == full
            else F.interpolate(side, size=full, mode="bilinear", align_corners=False)
            for _, side in sorted(sides.items())
        ]  # fmt: skip
        out: Tensor = self.outconv(torch.cat(maps, 1))
        return out


class _Rsu(nn.Module):
    """A block: a small U-Net, and its first map added to what it gives."""

    def __init__(self, shapes: Shapes, at: str, *, flat: bool) -> None:
        super().__init__()
        found = [re.fullmatch(rf"{at}\.rebnconv(\d)\.conv_s1\.weight", name) for name in shapes]
        self._depth = max((int(match[1]) for match in found if match), default=0)
        if self._depth < 2:
            raise KeyError(at)
        self._flat = flat
        self.rebnconvin = _Rebn(shapes, f"{at}.rebnconvin", 1)
        for n in range(1, self._depth + 1):
            rate = 2 ** (n - 1) if flat else 1 + (n == self._depth)
            setattr(self, f"rebnconv{n}", _Rebn(shapes, f"{at}.rebnconv{n}", rate))
        for n in range(self._depth - 1, 0, -1):
            rate = 2 ** (n - 1) if flat else 1
            setattr(self, f"rebnconv{n}d", _Rebn(shapes, f"{at}.rebnconv{n}d", rate))

    def forward(self, x: Tensor) -> Tensor:
        first = x = self.rebnconvin(x)
        kept: list[Tensor] = []
        for n in range(1, self._depth + 1):
            if not self._flat and 1 < n < self._depth:
                x = _halved(x)
            x = self.get_submodule(f"rebnconv{n}")(x)
            kept.append(x)
        kept.pop()
        for n in range(self._depth - 1, 0, -1):
            skip = kept.pop()
            joined = torch.cat((_as_large(x, skip), skip), 1)
            x = self.get_submodule(f"rebnconv{n}d")(joined)
        out: Tensor = x + first
        return out


class _Rebn(nn.Module):
    def __init__(self, shapes: Shapes, at: str, rate: int) -> None:
        super().__init__()
        outputs, inputs, side, _ = shapes[f"{at}.conv_s1.weight"]
        bias = f"{at}.conv_s1.bias" in shapes
        padding = rate * (side // 2)
        self.conv_s1 = nn.Conv2d(inputs, outputs, side, padding=padding, dilation=rate, bias=bias)
        self.bn_s1 = nn.BatchNorm2d(outputs)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = F.relu(self.bn_s1(self.conv_s1(x)))
        return out


def _conv(shapes: Shapes, at: str) -> nn.Conv2d:
    outputs, inputs, side, _ = shapes[f"{at}.weight"]
    return nn.Conv2d(inputs, outputs, side, padding=side // 2, bias=f"{at}.bias" in shapes)


def _halved(x: Tensor) -> Tensor:
    return F.max_pool2d(x, 2, 2, ceil_mode=True)


def _as_large(x: Tensor, like: Tensor) -> Tensor:
    """The map at another's size; halving may have rounded up."""
    if x.shape[-2:] == like.shape[-2:]:
        return x
    return F.interpolate(x, size=like.shape[-2:], mode="bilinear", align_corners=False)


def recognise_u2net(shapes: Shapes, _where: str) -> Found | None:
    """Tell a U²-Net from the names and shapes of its state dict; None if it is another network."""
    tensors = {name: list(shape) for name, shape in shapes.items()}
    try:
        with torch.device("meta"):
            built = U2Net(tensors)
            if {k: list(v.shape) for k, v in built.state_dict().items()} != tensors:
                return None
            built(torch.empty(1, built.in_channels, 64, 64))
    except (KeyError, ValueError, RuntimeError):
        return None
    usual = {"mean": [0.485, 0.456, 0.406], "std": [0.229, 0.224, 0.225]}
    small = shapes["stage5.rebnconv1.conv_s1.weight"][0] < _LARGE
    return Found(
        "U²-Net, small" if small else "U²-Net",
        {"tensors": tensors},
        {"scaling": "unit", "size": [_SIDE, _SIDE], **(usual if built.in_channels == 3 else {}),
         **input_channels(built.in_channels)},
        shapes["outconv.weight"][0],
        note=_NOTE,
    )  # fmt: skip
