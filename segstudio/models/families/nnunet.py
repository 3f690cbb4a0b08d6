"""nnU-Net's flat networks, plain and residual: built from the names and shapes of their tensors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import torch
from torch import Tensor, nn

from segstudio.core.errors import SegstudioError
from segstudio.core.formatting import counted
from segstudio.models.families import Found, Shapes, input_channels

_SLOPE: Final = 0.01
_NOTE: Final = (
    "How its images were normalised, the file does not say: see normalization_schemes in the "
    "plans.json beside its folder. The classes are in dataset.json."
)
_MOST_STAGES: Final = 12
Sides = tuple[int, int]
"""Of height and width."""


class NnUNet(nn.Module):
    """PlainConvUNet and ResidualEncoderUNet of dynamic_network_architectures, for flat images.

    The last head gives the answer; those of deep supervision are only kept.
    """

    def __init__(self, tensors: Mapping[str, Sequence[int]]) -> None:
        """Build the network; `tensors` are the shapes of the file's."""
        super().__init__()
        shapes = {name: tuple(shape) for name, shape in tensors.items()}
        strides = strides_of(shapes)
        # files that keep each tensor once, as safetensors does, have neither of these
        named_twice = any(".all_modules." in name for name in shapes)
        inside = any(name.startswith("decoder.encoder.") for name in shapes)
        make = _Maker(shapes, named_twice=named_twice)
        self.encoder = _Encoder(make, strides)
        self.decoder = _Decoder(make, strides, self.encoder if inside else None)
        first = "encoder.stem.convs.0" if _is_residual(shapes) else "encoder.stages.0.0.convs.0"
        self.in_channels = shapes[f"{first}.conv.weight"][1]

    def forward(self, x: Tensor) -> Tensor:
        """Return logits (N, num_classes, H, W) for images (N, in_channels, H, W)."""
        out: Tensor = self.decoder(self.encoder(x))
        return out


class _Maker:
    """Makes convolutions of the shapes that the file has under their names."""

    def __init__(self, shapes: Shapes, *, named_twice: bool) -> None:
        self.shapes, self.named_twice = shapes, named_twice

    def conv(self, name: str, stride: Sides = (1, 1), *, act: bool = True) -> _ConvNorm:
        return _ConvNorm(self, name, stride, act=act)

    def count(self, prefix: str) -> int:
        """How many modules with consecutive numbers there are below a name."""
        number = 0
        while any(name.startswith(f"{prefix}.{number}.") for name in self.shapes):
            number += 1
        return number

    def chain(self, prefix: str, stride: Sides = (1, 1)) -> _Convs:
        """Convolutions after each other, of which the first may reduce the size."""
        own = [
            self.conv(f"{prefix}.convs.{n}", stride if n == 0 else (1, 1))
            for n in range(self.count(f"{prefix}.convs"))
        ]
        return _Convs(own)


class _ConvNorm(nn.Module):
    def __init__(self, make: _Maker, name: str, stride: Sides, *, act: bool) -> None:
        super().__init__()
        out, inputs, high, wide = make.shapes[f"{name}.conv.weight"]
        self.conv = nn.Conv2d(
            inputs, out, (high, wide), stride, padding=((high - 1) // 2, (wide - 1) // 2),
            bias=f"{name}.conv.bias" in make.shapes,
        )  # fmt: skip
        parts: list[nn.Module] = [self.conv]
        if f"{name}.norm.running_mean" in make.shapes:
            self.norm: nn.Module = nn.BatchNorm2d(out)
            parts.append(self.norm)
        elif f"{name}.norm.weight" in make.shapes:
            self.norm = nn.InstanceNorm2d(out, affine=True)
            parts.append(self.norm)
        if act:
            self.nonlin = nn.LeakyReLU(_SLOPE)
            parts.append(self.nonlin)
        if make.named_twice:
            self.all_modules = nn.Sequential(*parts)
        self._run = [*parts]

    def forward(self, x: Tensor) -> Tensor:
        for part in self._run:
            x = part(x)
        return x


class _Convs(nn.Module):
    def __init__(self, convs: Sequence[nn.Module]) -> None:
        super().__init__()
        self.convs = nn.Sequential(*convs)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.convs(x)
        return out


class _Residual(nn.Module):
    """Two convolutions with a way around them; a smaller map is averaged, not strided, there."""

    def __init__(self, make: _Maker, name: str, stride: Sides) -> None:
        super().__init__()
        self.conv1 = make.conv(f"{name}.conv1", stride)
        self.conv2 = make.conv(f"{name}.conv2", act=False)
        self.nonlin2 = nn.LeakyReLU(_SLOPE)
        around: list[nn.Module] = []
        if any(each != 1 for each in stride):
            around.append(nn.AvgPool2d(stride, stride))
        projection = f"{name}.skip.{len(around)}"
        if f"{projection}.conv.weight" in make.shapes:
            around.append(make.conv(projection, act=False))
        self.skip = nn.Sequential(*around)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.nonlin2(self.conv2(self.conv1(x)) + self.skip(x))
        return out


class _Blocks(nn.Module):
    def __init__(self, blocks: Sequence[nn.Module]) -> None:
        super().__init__()
        self.blocks = nn.Sequential(*blocks)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.blocks(x)
        return out


class _Encoder(nn.Module):
    def __init__(self, make: _Maker, strides: Sequence[Sides]) -> None:
        super().__init__()
        self.stem: nn.Module | None = None
        stages: list[nn.Module] = []
        if _is_residual(make.shapes):
            self.stem = make.chain("encoder.stem")
        for n, stride in enumerate(strides):
            name = f"encoder.stages.{n}"
            if self.stem is None:
                stages.append(nn.Sequential(make.chain(f"{name}.0", stride)))
                continue
            count = make.count(f"{name}.blocks")
            blocks = [
                _Residual(make, f"{name}.blocks.{b}", stride if b == 0 else (1, 1))
                for b in range(count)
            ]
            stages.append(_Blocks(blocks))
        self.stages = nn.Sequential(*stages)

    def forward(self, x: Tensor) -> list[Tensor]:
        if self.stem is not None:
            x = self.stem(x)
        found = []
        for stage in self.stages:
            x = stage(x)
            found.append(x)
        return found


class _Decoder(nn.Module):
    def __init__(self, make: _Maker, strides: Sequence[Sides], encoder: nn.Module | None) -> None:
        super().__init__()
        if encoder is not None:
            self.encoder = encoder
        count = make.count("decoder.transpconvs")
        self.transpconvs = nn.ModuleList()
        self.stages = nn.ModuleList()
        self.seg_layers = nn.ModuleList()
        for n in range(count):
            name = f"decoder.transpconvs.{n}"
            inputs, out, *_ = make.shapes[f"{name}.weight"]
            stride = strides[len(strides) - 1 - n]
            bias = f"{name}.bias" in make.shapes
            self.transpconvs.append(nn.ConvTranspose2d(inputs, out, stride, stride, bias=bias))
            self.stages.append(make.chain(f"decoder.stages.{n}"))
            head = make.shapes.get(f"decoder.seg_layers.{n}.weight")
            if head is not None:
                self.seg_layers.append(nn.Conv2d(head[1], head[0], 1))

    def forward(self, found: Sequence[Tensor]) -> Tensor:
        x = found[-1]
        for n, (up, stage) in enumerate(zip(self.transpconvs, self.stages, strict=True)):
            x = stage(torch.cat((up(x), found[-n - 2]), 1))
        out: Tensor = self.seg_layers[-1](x)
        return out


def _is_residual(shapes: Shapes) -> bool:
    return "encoder.stem.convs.0.conv.weight" in shapes


def strides_of(shapes: Shapes) -> list[Sides]:
    """By how much each stage reduces the size: the kernels of the transposed ones have it."""
    kernels = []
    for n in range(_MOST_STAGES):
        shape = shapes.get(f"decoder.transpconvs.{n}.weight")
        if shape is None:
            break
        kernels.append((int(shape[2]), int(shape[3])))
    return [(1, 1), *reversed(kernels)]


def recognise_nnunet(shapes: Shapes, where: str) -> Found | None:
    """Tell nnU-Net's network from the names and shapes of its state dict.

    Raises:
        SegstudioError: if it is one for volumes, or its tensors are not those that it should have.
    """
    volumes = [name for name, shape in shapes.items() if len(shape) == 5]
    if volumes:
        raise SegstudioError(
            f"{where} is nnU-Net's network for volumes ({volumes[0]} {shapes[volumes[0]]}).",
            "segstudio runs its 2d configuration.",
        )
    tensors = {name: list(shape) for name, shape in shapes.items()}
    try:
        with torch.device("meta"):
            built = NnUNet(tensors)
        own = {name: tuple(tensor.shape) for name, tensor in built.state_dict().items()}
    except (KeyError, ValueError, IndexError, RuntimeError, TypeError) as error:
        raise SegstudioError(
            f"{where} has the names of nnU-Net, but lacks or changes {error}.",
            "segstudio runs its PlainConvUNet and ResidualEncoderUNet.",
        ) from error
    if wrong := sorted({*own.items()} ^ {(k, tuple(v)) for k, v in shapes.items()}):
        raise SegstudioError(
            f"{where} has the names of nnU-Net, but {wrong[0][0]} {wrong[0][1]} and "
            f"{counted(len(wrong) - 1, 'more tensor')} are not as there.",
            "segstudio runs its PlainConvUNet and ResidualEncoderUNet.",
        )
    strides = strides_of(shapes)
    down = [1, 1]
    for stride in strides:
        down = [down[0] * stride[0], down[1] * stride[1]]
    classes = built.decoder.seg_layers[-1].out_channels
    assert isinstance(classes, int)
    title = "residual nnU-Net" if _is_residual(shapes) else "nnU-Net"
    preprocess: dict[str, Any] = {
        "scaling": "standard", "divisor": max(down), **input_channels(built.in_channels),
    }  # fmt: skip
    return Found(
        f"{title} of {counted(len(strides), 'level')}",
        {"tensors": tensors}, preprocess, classes, note=_NOTE, by="its tensors",
    )  # fmt: skip
