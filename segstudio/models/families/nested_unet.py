"""U-Net++ as its usual code writes it: blocks conv0_0 to conv0_4 between encoder and answer."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from segstudio.core.formatting import counted
from segstudio.core.prediction import Question
from segstudio.models.families import Found, Shapes, input_channels

_UPSAMPLINGS: Final[dict[str, dict[str, Any]]] = {
    "bilinear, corners aligned": {"mode": "bilinear", "align_corners": True},
    "bilinear": {"mode": "bilinear", "align_corners": False},
    "nearest": {"mode": "nearest"},
}
_ACTIVATIONS: Final[dict[str, Callable[[Tensor], Tensor]]] = {"relu": F.relu, "leaky relu 0.01": F.leaky_relu, "elu": F.elu,
                       "gelu": F.gelu, "silu": F.silu}  # fmt: skip
_MEAN: Final = "the mean of all"
_BLOCK: Final = re.compile(r"conv(\d)_(\d)\.conv1\.weight")


class NestedUNet(nn.Module):
    """U-Net++: block conv{i}_{j} reads all before it on its level and the block below it."""

    def __init__(
        self,
        tensors: Mapping[str, Sequence[int]],
        *,
        upsampling: str = "bilinear, corners aligned",
        activation: str = "relu",
        head: str = "",
    ) -> None:
        """Build the network; the choices are those that `recognise_nested_unet` asks.

        Raises:
            ValueError: for an unknown choice.
            KeyError: if tensors are missing.
        """
        super().__init__()
        shapes = {name: tuple(shape) for name, shape in tensors.items()}
        heads = _heads(shapes)
        if upsampling not in _UPSAMPLINGS or activation not in _ACTIVATIONS:
            raise ValueError(f"upsampling {upsampling!r} or activation {activation!r} is not known")
        if head not in ("", _MEAN, *heads):
            raise ValueError(f"head is {head!r}; choose one of {', '.join((*heads, _MEAN))}")
        self._up = _UPSAMPLINGS[upsampling]
        self.levels = 1 + max(level for level, _ in _blocks(shapes))
        for level, step in _blocks(shapes):
            own = _Block(shapes, f"conv{level}_{step}", activation)
            setattr(self, f"conv{level}_{step}", own)
        for name in heads:
            classes, width, *_ = shapes[f"{name}.weight"]
            setattr(self, name, nn.Conv2d(width, classes, 1))
        self._answers = heads if head == _MEAN else (head or heads[0],)
        self.in_channels = shapes["conv0_0.conv1.weight"][1]

    def forward(self, x: Tensor) -> Tensor:
        """Return logits (N, num_classes, H, W) for images (N, in_channels, H, W)."""
        known: dict[tuple[int, int], Tensor] = {}
        for level in range(self.levels):
            x = self.get_submodule(f"conv{level}_0")(F.max_pool2d(x, 2) if level else x)
            known[level, 0] = x
        for step in range(1, self.levels):
            for level in range(self.levels - step):
                beside = [known[level, before] for before in range(step)]
                below = F.interpolate(known[level + 1, step - 1], scale_factor=2, **self._up)
                joined = torch.cat([*beside, below], 1)
                known[level, step] = self.get_submodule(f"conv{level}_{step}")(joined)
        found = [
            self.get_submodule(name)(known[0, int(name[5:] or self.levels - 1)])
            for name in self._answers
        ]
        return found[0] if len(found) == 1 else torch.stack(found).mean(0)


class _Block(nn.Module):
    def __init__(self, shapes: Shapes, at: str, activation: str) -> None:
        super().__init__()
        self._activation = _ACTIVATIONS[activation]
        for n in (1, 2):
            outputs, inputs, side, _ = shapes[f"{at}.conv{n}.weight"]
            bias = f"{at}.conv{n}.bias" in shapes
            setattr(
                self, f"conv{n}", nn.Conv2d(inputs, outputs, side, padding=side // 2, bias=bias)
            )
            norm = nn.BatchNorm2d(outputs) if f"{at}.bn{n}.weight" in shapes else nn.Identity()
            setattr(self, f"bn{n}", norm)

    def forward(self, x: Tensor) -> Tensor:
        parts: dict[str, Any] = dict(self.named_children())
        for n in (1, 2):
            x = self._activation(parts[f"bn{n}"](parts[f"conv{n}"](x)))
        return x


def _blocks(shapes: Shapes) -> list[tuple[int, int]]:
    found = [match for name in shapes if (match := _BLOCK.fullmatch(name))]
    return sorted((int(match[1]), int(match[2])) for match in found)


def _heads(shapes: Shapes) -> tuple[str, ...]:
    """The convolutions that answer, the last one first."""
    names = [name.rpartition(".")[0] for name in shapes if re.fullmatch(r"final\d?\.weight", name)]
    return tuple(sorted(names, reverse=True))


def recognise_nested_unet(shapes: Shapes, _where: str) -> Found | None:
    """Tell a U-Net++ from the names and shapes of its state dict; None if it is another network."""
    tensors = {name: list(shape) for name, shape in shapes.items()}
    try:
        with torch.device("meta"):
            built = NestedUNet(tensors)
            if {k: list(v.shape) for k, v in built.state_dict().items()} != tensors:
                return None
            side = 2**built.levels
            built(torch.empty(1, built.in_channels, side, side))
    except (KeyError, ValueError, RuntimeError, IndexError, AttributeError):
        return None
    heads = _heads(shapes)
    questions = [
        _question("upsampling", "How maps are made larger", tuple(_UPSAMPLINGS)),
        _question("activation", "Activation after the convolutions", tuple(_ACTIVATIONS)),
    ]
    if len(heads) > 1:
        text = "Which of the outputs that were trained answers"
        questions.append(_question("head", text, (*heads, _MEAN)))
    return Found(
        f"U-Net++ of {counted(built.levels, 'level')}",
        {"tensors": tensors},
        {"scaling": "unit", "divisor": 2 ** (built.levels - 1),
         **input_channels(built.in_channels)},
        shapes[f"{heads[0]}.weight"][0],
        questions=tuple(questions),
    )  # fmt: skip


def _question(option: str, text: str, choices: tuple[str, ...]) -> Question:
    return Question(option, text, choices, choices[0])
