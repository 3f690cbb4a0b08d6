"""MONAI's UNet and AttentionUnet for flat images: nested levels, with residual units or gates."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, TypeVar

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from segstudio.core.errors import SegstudioError
from segstudio.core.formatting import counted
from segstudio.core.prediction import Question
from segstudio.models.families import Found, Shapes, input_channels

_INNER: Final = "1.submodule."
_GATE: Final = "1.attention.W_g.0.conv.weight"
_NORMS: Final = {"each channel (instance norm, MONAI's own)": True, "none": False}
_ACTIVATIONS: Final = {"relu": nn.ReLU, "leaky relu 0.01": nn.LeakyReLU, "elu": nn.ELU,
                       "gelu": nn.GELU, "silu": nn.SiLU}  # fmt: skip
_NOTE: Final = "Every level but the lowest halves the size, as is usual."


class MonaiUNet(nn.Sequential):
    """monai.networks.nets.UNet with strides of 2, by the shapes of its tensors."""

    def __init__(
        self, tensors: Mapping[str, Sequence[int]], *, norm: str = "", activation: str = "relu"
    ) -> None:
        """Build the network; the choices are those that `recognise_monai_unet` asks.

        Raises:
            ValueError: for an unknown choice.
        """
        shapes = {name: tuple(shape) for name, shape in tensors.items()}
        if norm not in ("", *_NORMS) or activation not in _ACTIVATIONS:
            raise ValueError(f"norm {norm!r} or activation {activation!r} is not known")
        make = _Maker(shapes, _NORMS.get(norm, True), activation)
        super().__init__(*make.level(""))
        first = next(shape for name, shape in shapes.items() if name.startswith("0.conv."))
        self.in_channels = first[1]


_Network = TypeVar("_Network", bound=nn.Module)


class _Maker:
    """Makes the parts of the shapes that the file has under their names."""

    def __init__(self, shapes: Shapes, normalises: bool, activation: str) -> None:
        self.shapes, self._normalises, self._activation = shapes, normalises, activation

    def level(self, at: str) -> list[nn.Module]:
        """What reduces the size, all below it with its skip, what makes it larger."""
        inner = f"{at}{_INNER}"
        deeper = any(name.startswith(f"{inner}{_INNER}") for name in self.shapes)
        below = nn.Sequential(*self.level(inner)) if deeper else self.lower(inner, 1)
        return [self.lower(f"{at}0.", 2), _Skip(below), self.upper(f"{at}2.", is_top=not at)]

    def lower(self, at: str, stride: int) -> nn.Module:
        if f"{at}conv.unit0.conv.weight" in self.shapes:
            return self.residual(at, stride, is_last=False)
        return self.convolution(at, stride)

    def upper(self, at: str, *, is_top: bool) -> nn.Module:
        if f"{at}1.conv.unit0.conv.weight" in self.shapes:
            rising = self.convolution(f"{at}0.", 2, rises=True)
            return nn.Sequential(rising, self.residual(f"{at}1.", 1, is_last=is_top))
        return self.convolution(at, 2, rises=True, alone=is_top)

    def convolution(
        self, at: str, stride: int, *, rises: bool = False, alone: bool = False
    ) -> nn.Sequential:
        """A convolution with normalisation and activation, unless it is alone."""
        conv = self.kernel(f"{at}conv", stride, rises=rises)
        made = nn.Sequential()
        made.add_module("conv", conv)
        if alone:
            return made
        adn = nn.Sequential()
        channels = conv.out_channels
        if f"{at}adn.N.running_mean" in self.shapes:
            affine = f"{at}adn.N.weight" in self.shapes
            adn.add_module("N", nn.BatchNorm2d(channels, affine=affine))
        elif f"{at}adn.N.weight" in self.shapes:
            adn.add_module("N", nn.InstanceNorm2d(channels, affine=True))
        elif self._normalises:
            adn.add_module("N", nn.InstanceNorm2d(channels))
        slopes = self.shapes.get(f"{at}adn.A.weight")
        own = _ACTIVATIONS[self._activation]
        adn.add_module("A", own() if slopes is None else nn.PReLU(slopes[0]))
        made.add_module("adn", adn)
        return made

    def two(self, at: str, stride: int) -> nn.Module:
        """Two convolutions, of which the first one may halve the size."""
        pair = (self.convolution(f"{at}conv.0.", stride), self.convolution(f"{at}conv.1.", 1))
        return _named(conv=nn.Sequential(*pair))

    def gated(self, at: str) -> nn.Module:
        """A level of AttentionUnet with all below it."""
        inner = f"{at}submodule."
        below = self.two(inner, 2) if f"{inner}conv.0.conv.weight" in self.shapes else None
        if below is None:
            below = nn.Sequential(self.two(f"{inner}0.", 2), self.gated(f"{inner}1."))
        gate = _Gate(*(self._weighed(f"{at}attention.{n}.") for n in ("W_g", "W_x", "psi")))
        up = _named(up=self.convolution(f"{at}upconv.up.", 2, rises=True))
        return _Gated(gate, up, self.convolution(f"{at}merge.", 1), below)

    def _weighed(self, at: str) -> nn.Sequential:
        conv = self.convolution(f"{at}0.", 1, alone=True)
        return nn.Sequential(conv, nn.BatchNorm2d(self.shapes[f"{at}1.weight"][0]))

    def kernel(self, name: str, stride: int, *, rises: bool = False) -> Any:
        first, second, side, _ = self.shapes[f"{name}.weight"]
        bias, padding = f"{name}.bias" in self.shapes, (side - 1) // 2
        if not rises:
            return nn.Conv2d(second, first, side, stride, padding, bias=bias)
        extra = stride + 2 * padding - side
        return nn.ConvTranspose2d(first, second, side, stride, padding, extra, bias=bias)

    def residual(self, at: str, stride: int, *, is_last: bool) -> nn.Module:
        units, number = nn.Sequential(), 0
        while f"{at}conv.unit{number}.conv.weight" in self.shapes:
            alone = is_last and f"{at}conv.unit{number + 1}.conv.weight" not in self.shapes
            own = stride if number == 0 else 1
            unit = self.convolution(f"{at}conv.unit{number}.", own, alone=alone)
            units.add_module(f"unit{number}", unit)
            number += 1
        around: nn.Module = nn.Identity()
        if f"{at}residual.weight" in self.shapes:
            around = self.kernel(f"{at}residual", stride)
        return _Residual(units, around)


class _Residual(nn.Module):
    def __init__(self, conv: nn.Module, residual: nn.Module) -> None:
        super().__init__()
        self.conv, self.residual = conv, residual

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.conv(x) + self.residual(x)
        return out


class _Skip(nn.Module):
    def __init__(self, submodule: nn.Module) -> None:
        super().__init__()
        self.submodule = submodule

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat((x, self.submodule(x)), 1)


class _Gate(nn.Module):
    def __init__(self, by_map: nn.Module, by_skip: nn.Module, share: nn.Module) -> None:
        super().__init__()
        self.W_g, self.W_x, self.psi = by_map, by_skip, share

    def forward(self, above: Tensor, skip: Tensor) -> Tensor:
        return skip * torch.sigmoid(self.psi(F.relu(self.W_g(above) + self.W_x(skip))))


class _Gated(nn.Module):
    def __init__(
        self, attention: nn.Module, upconv: nn.Module, merge: nn.Module, submodule: nn.Module
    ) -> None:
        super().__init__()
        self.attention, self.upconv = attention, upconv
        self.merge, self.submodule = merge, submodule

    def forward(self, x: Tensor) -> Tensor:
        below = self.upconv(self.submodule(x))
        out: Tensor = self.merge(torch.cat((self.attention(below, x), below), 1))
        return out


def _named(**parts: nn.Module) -> nn.Sequential:
    made = nn.Sequential()
    for name, part in parts.items():
        made.add_module(name, part)
    return made


class MonaiAttentionUNet(nn.Sequential):
    """monai.networks.nets.AttentionUnet with strides of 2, by the shapes of its tensors."""

    def __init__(self, tensors: Mapping[str, Sequence[int]]) -> None:
        """Build the network; MONAI leaves no choice that its tensors do not tell."""
        make = _Maker({name: tuple(shape) for name, shape in tensors.items()}, True, "relu")
        last = make.convolution("2.", 1, alone=True)
        super().__init__(make.two("0.", 1), make.gated("1."), last)
        self.in_channels = tensors["0.conv.0.conv.weight"][1]


def recognise_monai_attention(shapes: Shapes, where: str) -> Found | None:
    """Tell MONAI's AttentionUnet from the names and shapes of its state dict; None if it is another.

    Raises:
        SegstudioError: if it is one for volumes.
    """
    if _GATE not in shapes:
        return None
    _refuse_volumes(shapes, "AttentionUnet", where)
    tensors = {name: list(shape) for name, shape in shapes.items()}
    built = _built(MonaiAttentionUNet, tensors)
    if built is None:
        return None
    depth = sum(name.endswith("upconv.up.conv.weight") for name in shapes)
    return Found(
        f"MONAI AttentionUnet of {counted(depth + 1, 'level')}",
        {"tensors": tensors},
        {"scaling": "unit", "divisor": 2**depth, **input_channels(built.in_channels)},
        shapes["2.conv.weight"][0],
        note=_NOTE,
    )


def _built(maker: Callable[..., _Network], tensors: Mapping[str, list[int]]) -> _Network | None:
    """The network without memory; None if its tensors are not all these and no others."""
    try:
        with torch.device("meta"):
            built = maker(tensors)
    except (KeyError, ValueError, RuntimeError, StopIteration):
        return None
    own = {name: list(tensor.shape) for name, tensor in built.state_dict().items()}
    return built if own == dict(tensors) else None


def _refuse_volumes(shapes: Shapes, called: str, where: str) -> None:
    volume = next((name for name, shape in shapes.items() if len(shape) == 5), "")
    if volume:
        raise SegstudioError(
            f"{where} is MONAI's {called} for volumes ({volume} {shapes[volume]}).",
            "segstudio runs networks for flat images.",
        )


def recognise_monai_unet(shapes: Shapes, where: str) -> Found | None:
    """Tell MONAI's UNet from the names and shapes of its state dict; None if it is another network.

    Raises:
        SegstudioError: if it is one for volumes.
    """
    if _GATE in shapes or not any(name.startswith(_INNER) for name in shapes):
        return None
    _refuse_volumes(shapes, "UNet", where)
    tensors = {name: list(shape) for name, shape in shapes.items()}
    built = _built(MonaiUNet, tensors)
    if built is None:
        return None
    depth = max(name.count(_INNER) for name in shapes)
    last = "2.1.conv.unit0.conv.weight"
    classes = shapes[last][0] if last in shapes else shapes["2.conv.weight"][1]
    questions = []
    if not any(".adn.N." in name for name in shapes):
        text = "What is normalised together; without weights it leaves no trace in a file"
        questions.append(Question("norm", text, tuple(_NORMS), next(iter(_NORMS))))
    if not any(".adn.A." in name for name in shapes):
        text = "Activation after the convolutions"
        questions.append(Question("activation", text, tuple(_ACTIVATIONS), "relu"))
    return Found(
        f"MONAI UNet of {counted(depth + 1, 'level')}",
        {"tensors": tensors},
        {"scaling": "unit", "divisor": 2**depth, **input_channels(built.in_channels)},
        classes, questions=tuple(questions), note=_NOTE,
    )  # fmt: skip
