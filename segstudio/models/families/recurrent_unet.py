"""R2U-Net, and R2AttU-Net with gates: U-Nets whose convolutions read their own answer again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from segstudio.core.formatting import counted
from segstudio.core.prediction import Question
from segstudio.models.families import Found, Shapes, input_channels

_TIMES: Final = ("2", "1", "3", "4", "5")
_NOTE: Final = "Maps are made larger by repeating values, as the published code does."
_LASTS: Final = ("Conv_1x1", "Conv")
"""What the last convolution is called, and that around a block."""


class RecurrentUNet(nn.Module):
    """The usual code's U_Net with recurrent residual blocks, by the shapes of its tensors."""

    def __init__(self, tensors: Mapping[str, Sequence[int]], *, times: str = _TIMES[0]) -> None:
        """Build the network; `times` is how often each convolution reads its own answer.

        Raises:
            ValueError: for an unknown choice.
            KeyError: if tensors are missing.
        """
        super().__init__()
        if times not in _TIMES:
            raise ValueError(f"times is {times!r}; choose one of {', '.join(_TIMES)}")
        shapes = {name: tuple(shape) for name, shape in tensors.items()}
        self._last = next(name for name in _LASTS if f"{name}.weight" in shapes)
        self.levels = _levels(shapes)
        for n in range(1, self.levels + 1):
            setattr(self, f"RRCNN{n}", _Block(shapes, f"RRCNN{n}", self._last, int(times)))
        for n in range(self.levels, 1, -1):
            setattr(self, f"Up{n}", _Rising(shapes[f"Up{n}.up.1.weight"]))
            if f"Att{n}.psi.0.weight" in shapes:
                setattr(self, f"Att{n}", _AttentionGate(shapes, f"Att{n}"))
            setattr(self, f"Up_RRCNN{n}", _Block(shapes, f"Up_RRCNN{n}", self._last, int(times)))
        classes, width, *_ = shapes[f"{self._last}.weight"]
        setattr(self, self._last, nn.Conv2d(width, classes, 1))
        self.in_channels = shapes[f"RRCNN1.{self._last}.weight"][1]

    def forward(self, x: Tensor) -> Tensor:
        """Return logits (N, num_classes, H, W) for images (N, in_channels, H, W)."""
        skips: list[Tensor] = []
        for n in range(1, self.levels + 1):
            x = self.get_submodule(f"RRCNN{n}")(F.max_pool2d(x, 2) if n > 1 else x)
            skips.append(x)
        skips.pop()
        gates = dict(self.named_children())
        for n in range(self.levels, 1, -1):
            x, skip = self.get_submodule(f"Up{n}")(x), skips.pop()
            if f"Att{n}" in gates:
                skip = gates[f"Att{n}"](x, skip)
            x = self.get_submodule(f"Up_RRCNN{n}")(torch.cat((skip, x), 1))
        out: Tensor = self.get_submodule(self._last)(x)
        return out


def _levels(shapes: Shapes) -> int:
    count = 1
    while f"RRCNN{count + 1}.RCNN.0.conv.0.weight" in shapes:
        count += 1
    return count


class _Recurrent(nn.Module):
    def __init__(self, channels: int, times: int) -> None:
        super().__init__()
        self._times = times
        self.conv = nn.Sequential(
            nn.Conv2d(channels, channels, 3, padding=1), nn.BatchNorm2d(channels), nn.ReLU()
        )

    def forward(self, x: Tensor) -> Tensor:
        answer: Tensor = self.conv(x)
        for _ in range(self._times):
            answer = self.conv(x + answer)
        return answer


class _Block(nn.Module):
    def __init__(self, shapes: Shapes, at: str, around: str, times: int) -> None:
        super().__init__()
        outputs, inputs, *_ = shapes[f"{at}.{around}.weight"]
        self.RCNN = nn.Sequential(_Recurrent(outputs, times), _Recurrent(outputs, times))
        self._around = around
        setattr(self, around, nn.Conv2d(inputs, outputs, 1))

    def forward(self, x: Tensor) -> Tensor:
        x = self.get_submodule(self._around)(x)
        out: Tensor = x + self.RCNN(x)
        return out


class _Rising(nn.Module):
    def __init__(self, shape: Sequence[int]) -> None:
        super().__init__()
        outputs, inputs = shape[:2]
        self.up = nn.Sequential(
            nn.Upsample(scale_factor=2),
            nn.Conv2d(inputs, outputs, 3, padding=1),
            nn.BatchNorm2d(outputs),
            nn.ReLU(),
        )

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.up(x)
        return out


class _AttentionGate(nn.Module):
    def __init__(self, shapes: Shapes, at: str) -> None:
        super().__init__()
        for name in ("W_g", "W_x", "psi"):
            outputs, inputs, *_ = shapes[f"{at}.{name}.0.weight"]
            part = nn.Sequential(nn.Conv2d(inputs, outputs, 1), nn.BatchNorm2d(outputs))
            setattr(self, name, part)

    def forward(self, above: Tensor, skip: Tensor) -> Tensor:
        parts: dict[str, Any] = dict(self.named_children())
        share = parts["psi"](F.relu(parts["W_g"](above) + parts["W_x"](skip)))
        return skip * torch.sigmoid(share)


def recognise_recurrent_unet(shapes: Shapes, _where: str) -> Found | None:
    """Tell an R2U-Net from the names and shapes of its state dict; None if it is another network."""
    tensors = {name: list(shape) for name, shape in shapes.items()}
    try:
        with torch.device("meta"):
            built = RecurrentUNet(tensors)
    except (KeyError, ValueError, RuntimeError, StopIteration):
        return None
    if {name: list(tensor.shape) for name, tensor in built.state_dict().items()} != tensors:
        return None
    gated = any(name.startswith("Att") for name in shapes)
    last = next(name for name in _LASTS if f"{name}.weight" in shapes)
    return Found(
        f"{'R2AttU-Net' if gated else 'R2U-Net'} of {counted(built.levels, 'level')}",
        {"tensors": tensors},
        {"scaling": "unit", "divisor": 2 ** (built.levels - 1),
         **input_channels(built.in_channels)},
        shapes[f"{last}.weight"][0],
        questions=(
            Question("times", "How often a convolution reads its own answer again (t)", _TIMES,
                     _TIMES[0]),
        ),
        note=_NOTE,
    )  # fmt: skip
