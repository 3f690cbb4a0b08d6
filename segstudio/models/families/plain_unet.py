"""U-Nets of any names: built from the names and shapes of their tensors, run as `unet_plan` says."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final, Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from segstudio.core.errors import SegstudioError
from segstudio.core.formatting import counted
from segstudio.core.prediction import Question
from segstudio.core.text import listed
from segstudio.models.families import Found, Shapes, input_channels
from segstudio.models.unet_layers import Norm, PlainLayer
from segstudio.models.unet_norms import COUNTER, NotPlainError
from segstudio.models.unet_plan import PartialPlanError, Plan, PlanStep, plans_of

_ACTIVATIONS: Final[dict[str, Callable[[Tensor], Tensor]]] = {
    "relu": F.relu,
    "leaky relu 0.01": lambda x: F.leaky_relu(x, 0.01),
    "leaky relu 0.1": lambda x: F.leaky_relu(x, 0.1),
    "leaky relu 0.2": lambda x: F.leaky_relu(x, 0.2),
    "elu": F.elu,
    "gelu": F.gelu,
    "silu": F.silu,
}
_UPSAMPLINGS: Final[dict[str, dict[str, Any]]] = {
    "bilinear": {"mode": "bilinear", "align_corners": False},
    "bilinear, corners aligned": {"mode": "bilinear", "align_corners": True},
    "nearest": {"mode": "nearest"},
}
_POOLINGS: Final = ("maximum", "average", "none, the next convolution has stride 2")
_PADDINGS: Final[dict[str, Literal["zeros", "reflect", "replicate"]]] = {
    "zeros": "zeros",
    "reflected": "reflect",
    "edge": "replicate",
}
_UNPADDED: Final = "nothing: each convolution makes it smaller, and skips are cropped"
_SKIP_FIRST, _UP_FIRST = "skip, upsampled", "upsampled, skip"
_BLOCKS: Final = ("normalisation, activation", "activation, normalisation")
_SHORTCUTS: Final = ("before the activation", "after the activation")
_ENLARGED: Final = ("before the convolution", "after the convolution")
_SKIPS: Final = ("added to what was made larger", "there are none")
_HIDDEN_NORMS: Final = ("none", "each channel (instance norm without weights)")
_GROUPS: Final = (2, 4, 8, 16, 32)
_NAMED_IN_MESSAGES: Final = 4


def questions_of(plan: Plan, others: int = 0) -> tuple[Question, ...]:
    """What the tensors do not tell of a network.

    Args:
        plan: How it runs.
        others: How many other orders of its blocks are possible.
    """
    return (*_of_the_whole(plan, others), *_of_layers(plan), *_of_sizes(plan))


def _of_the_whole(plan: Plan, others: int) -> Iterator[Question]:
    if others:
        numbers = tuple(str(n + 1) for n in range(others + 1))
        yield _question("order", "Which of the possible orders the blocks run in", numbers)
    if plan.count("join"):
        first = (_SKIP_FIRST, _UP_FIRST)
        yield _question("join", "What comes first where a skip is joined", first)
    if plan.added:
        yield _question("skips", "How the decoder uses the encoder's maps", _SKIPS)


def _of_layers(plan: Plan) -> Iterator[Question]:
    layers = plan.everything
    upward = _upward(plan)
    if any(y.slopes is None for n, y in enumerate(plan.layers[:-1]) if n not in upward):
        yield _question("activation", "Activation after the convolutions", tuple(_ACTIVATIONS))
    if any(layer.norm and layer.activation_first is None for layer in layers):
        yield _question("block", "What follows a convolution", _BLOCKS)
    yield from _of_traceless(plan)
    affine = [layer.norm.channels for layer in layers if layer.norm and layer.norm.kind == "affine"]
    if affine:
        shared = math.gcd(*affine)
        groups = [f"{n} groups" for n in _GROUPS if shared % n == 0]
        choices = ("each channel", *groups, "all channels together")
        yield _question("norm", "What is normalised together", choices)
    rising = [plan.layers[n] for n in upward]
    if any(layer.slopes is None and layer.activation is None for layer in rising):
        usual = ("yes", "no") if any(layer.norm for layer in rising) else ("no", "yes")
        text = "Whether an activation follows the convolutions that make maps larger"
        yield _question("up_activation", text, usual)
    if plan.shortcuts and not plan.norms_first:
        yield _question("shortcut", "Where a block's shortcut is added", _SHORTCUTS)
    if any(shortcut.layer is None for shortcut in plan.shortcuts):
        text = "Whether blocks that keep the number of channels have a shortcut too"
        yield _question("identity", text, ("yes", "no"))


def _of_traceless(plan: Plan) -> Iterator[Question]:
    """Of what leaves no tensors where it may be."""
    layers = plan.everything
    apart = [y for y in layers if y.depthwise and y.slopes is None and y.activation is None]
    if apart:
        usual = ("yes", "no") if any(layer.norm for layer in apart) else ("no", "yes")
        yield _question("between", "Whether an activation follows depthwise convolutions", usual)
    if _may_hide_norms(plan):
        yield _question("hidden_norm", "Normalisation that has no weights", _HIDDEN_NORMS)


def _of_sizes(plan: Plan) -> Iterator[Question]:
    if plan.count("up"):
        yield _question("upsampling", "How maps are made larger", tuple(_UPSAMPLINGS))
    if any(_is_asked(plan, n) for n in range(len(plan.steps))):
        yield _question("enlarge", "When maps are made larger", _ENLARGED)
    if plan.count("pool"):
        usual = (_POOLINGS[2], *_POOLINGS[:2]) if plan.norms_first else _POOLINGS
        yield _question("pooling", "How maps are made smaller", usual)
    around = (*_PADDINGS, _UNPADDED) if _can_be_unpadded(plan) else tuple(_PADDINGS)
    yield _question("padding", "What lies around a map", around)


def _may_hide_norms(plan: Plan) -> bool:
    """Whether there may be normalisations without weights, which leave no trace in a file."""
    inner = [y for n, y in enumerate(plan.layers[:-1]) if n not in _upward(plan)]
    return not any(layer.norm for layer in plan.everything) and all(y.may_hide_norm for y in inner)


def _can_be_unpadded(plan: Plan) -> bool:
    """Whether skips can be cropped: every kernel is odd, but for those that change the size."""
    odd = all(layer.kind == "transposed" or layer.kernel % 2 for layer in plan.layers)
    return odd and not plan.shortcuts and not plan.gates


def _question(option: str, text: str, choices: tuple[str, ...]) -> Question:
    return Question(option, text, choices, choices[0])


def _upward(plan: Plan) -> set[int]:
    """The layers that belong to making a map larger: before or after that, and before a skip."""
    steps, found = plan.steps, set()
    for n, step in enumerate(steps):
        if step.action != "layer":
            continue
        before = steps[n - 1].action if n else ""
        after = steps[n + 1].action if n + 1 < len(steps) else ""
        transposed = plan.layers[step.layer].kind == "transposed"
        if transposed or after == "shuffle" or (before == "up" and after in ("join", "add")):
            found.add(step.layer)
    return found


def _is_asked(plan: Plan, number: int) -> bool:
    """Whether a step makes the map larger before a single convolution that reads no skip."""
    steps = plan.steps
    if steps[number].action != "up" or number + 2 >= len(steps):
        return False
    after, further = steps[number + 1], steps[number + 2]
    if after.action != "layer" or further.action != "join":
        return False
    return not plan.layers[after.layer].after_others


def recognise_plain_unet(shapes: Shapes, where: str) -> Found | None:
    """Tell a U-Net from the shapes of its state dict, whatever its tensors are called.

    Returns:
        None for a network of another kind.

    Raises:
        SegstudioError: if it looks like a U-Net, but its tensors do not fit together.
    """
    kernels = [shape for shape in shapes.values() if len(shape) > 1]
    if kernels and sum(len(shape) == 5 for shape in kernels) > len(kernels) / 2:
        raise SegstudioError(
            f"{where} is a network for volumes ({listed(_shaped(shapes, 5), 2)}).",
            "segstudio runs networks for flat images.",
        )
    try:
        plans = plans_of(shapes)
    except NotPlainError:
        return None
    except PartialPlanError as error:
        left = [f"{e.name}.weight {e.shape}" for e in error.left]
        raise SegstudioError(
            f"{where} looks like a U-Net, but {counted(len(left), 'convolution')} of "
            f"{len(left) + error.placed} fit nowhere: {listed(left, _NAMED_IN_MESSAGES)}.",
            f"It was followed up to {error.last}, which gives "
            f"{counted(error.channels, 'channel')}; segstudio runs U-Nets of plain, separable "
            "and residual convolutions with skips that are joined, added or gated. Open another "
            "network as TorchScript or ONNX.",
        ) from error
    plan = plans[0]
    tensors = {k: list(v) for k, v in shapes.items() if not k.endswith(f".{COUNTER}")}
    with torch.device("meta"):
        built = PlainUNet(tensors).state_dict()
    own = {k: tuple(v.shape) for k, v in built.items() if not k.endswith(f".{COUNTER}")}
    if own != {k: tuple(v) for k, v in tensors.items()}:
        return None
    channels = input_channels(plan.in_channels)
    preprocess = {"scaling": "unit", "divisor": 2**plan.depth, **channels}
    return Found(
        _title(plan),
        {"tensors": tensors},
        preprocess,
        plan.num_classes,
        questions=questions_of(plan, len(plans) - 1),
    )


def _shaped(shapes: Shapes, axes: int) -> list[str]:
    return [f"{name} {tuple(shape)}" for name, shape in shapes.items() if len(shape) == axes]


def _title(plan: Plan) -> str:
    skips = "" if plan.count("join") or plan.added else " without skips"
    gated = "Attention " if plan.gates else ""
    return f"{gated}U-Net of {counted(plan.depth + 1, 'level')}{skips}"


class PlainUNet(nn.Module):
    """A U-Net whose modules have the names of a file's tensors, and which runs as its plan says."""

    def __init__(
        self,
        tensors: Mapping[str, Sequence[int]],
        *,
        order: str = "1",
        join: str = _SKIP_FIRST,
        activation: str = "relu",
        block: str = _BLOCKS[0],
        norm: str = "each channel",
        upsampling: str = "bilinear",
        enlarge: str = _ENLARGED[0],
        up_activation: str = "",
        pooling: str = "",
        shortcut: str = _SHORTCUTS[0],
        padding: str = "zeros",
        skips: str = _SKIPS[0],
        between: str = "",
        hidden_norm: str = _HIDDEN_NORMS[0],
        identity: str = "yes",
    ) -> None:
        """Build the network; the choices are those of `questions_of`.

        Raises:
            ValueError: if the tensors are not those of a U-Net, or for an unknown choice.
        """
        super().__init__()
        plans = plans_of({k: tuple(v) for k, v in tensors.items()})
        given = {
            "order": order, "join": join, "activation": activation, "block": block, "norm": norm,
            "upsampling": upsampling, "enlarge": enlarge, "pooling": pooling,
            "shortcut": shortcut, "padding": padding, "up_activation": up_activation,
            "skips": skips, "between": between, "hidden_norm": hidden_norm, "identity": identity,
        }  # fmt: skip
        for question in questions_of(plans[0], len(plans) - 1):
            answer = given[question.option] or question.default
            given[question.option] = answer
            if answer not in question.choices:
                raise ValueError(
                    f"{question.option} is {answer!r}; choose one of {', '.join(question.choices)}"
                )
        plan = plans[int(order) - 1]
        if plan.added and given["skips"] == _SKIPS[0]:
            plan = replace(plan, steps=plan.added)
        self.in_channels = plan.in_channels
        self._how = given
        self._plan, self._upward = plan, _upward(plan)
        self._units = {step.unit for step in plan.steps}
        self._gates = {gate.path: gate for gate in plan.gates}
        self._margin = _Margin(plan) if given["padding"] == _UNPADDED else None
        strided = set() if given["pooling"] != _POOLINGS[2] else _after_pooling(plan)
        firsts = {s.first for s in plan.shortcuts if s.first in strided}
        runs = [
            self._layer(
                layer,
                halves=n in strided,
                last=n == len(plan.layers) - 1,
                upward=n in self._upward,
            )
            for n, layer in enumerate(plan.layers)
        ]
        around = {
            s.first: (
                s,
                None
                if s.layer is None
                else self._layer(s.layer, halves=s.first in firsts, last=True),
            )
            for s in plan.shortcuts
            if s.layer is not None or (given["identity"] == "yes" and s.first not in strided)
        }
        for gate in plan.gates:
            parts = [self._layer(layer, halves=False, last=True) for layer in gate.layers]
            module = self.get_submodule(gate.path)
            assert isinstance(module, _GateModule)
            module.follow(parts)
        self._program = self._blocks(_swapped(plan) if enlarge == _ENLARGED[1] else plan.steps,
                                     runs, around)  # fmt: skip

    def forward(self, x: Tensor) -> Tensor:
        """Return logits (N, num_classes, H, W) for images (N, in_channels, H, W).

        Where convolutions pad nothing, the image is mirrored around so that all of it is answered.
        """
        if self._margin is None:
            return _run(self._program, x, [], {})
        height, width = x.shape[-2:]
        sides = (*self._margin.around(width), *self._margin.around(height))
        mirrored = max(sides[:2]) < width and max(sides[2:]) < height
        x = F.pad(x, sides, "reflect" if mirrored else "replicate")
        return _run(self._program, x, [], {})[..., :height, :width]

    def _blocks(
        self,
        steps: Sequence[PlanStep],
        runs: Sequence[_Run],
        around: Mapping[int, tuple[Any, _Run | None]],
    ) -> list[_Action]:
        """What happens in the network itself; the steps of a block become those of its module."""
        program: list[_Action] = []
        current, block = "", None
        gates = iter(self._gates)
        for step in steps:
            if step.unit != current:
                current = step.unit
                block = self.get_submodule(current) if current else None
                if isinstance(block, _Block):
                    program.append(block.follow)
            into = block.program if isinstance(block, _Block) else program
            if step.action == "join" and self._gates:
                into.append(_gated(self.get_submodule(next(gates))))
            into += self._actions(step, runs, around)
        return program

    def _actions(
        self,
        step: PlanStep,
        runs: Sequence[_Run],
        around: Mapping[int, tuple[Any, _Run | None]],
    ) -> list[_Action]:
        how = self._how
        if step.action != "layer":
            return [_between(step.action, how)]
        run, actions = runs[step.layer], []
        if step.layer in around:
            shortcut, side = around[step.layer]
            actions.append(_remember(side, shortcut.last))
        ends = any(shortcut.last == step.layer for shortcut, _ in around.values())
        if not ends:
            return [*actions, run.act]
        before = how["shortcut"] == _SHORTCUTS[0]
        return [*actions, run.added_before(step.layer) if before else run.added_after(step.layer)]

    def _layer(self, layer: PlainLayer, *, halves: bool, last: bool, upward: bool = False) -> _Run:
        """A layer's modules, under their names, and how they run."""
        how = self._how
        conv: nn.Module
        kernel, channels = layer.kernel, (layer.inputs, layer.outputs)
        if layer.kind == "transposed":
            conv = nn.ConvTranspose2d(
                *channels, kernel, 2, padding=(kernel - 1) // 2, output_padding=kernel % 2,
                bias=layer.bias,
            )  # fmt: skip
        else:
            stride = 2 if halves or self._is_lower(layer) else 1
            same: Any = "same" if kernel % 2 == 0 and stride == 1 else (kernel - 1) // 2
            conv = nn.Conv2d(
                *channels, kernel, stride, padding=0 if self._margin is not None else same,
                bias=layer.bias, groups=layer.inputs if layer.depthwise else 1,
                padding_mode=_PADDINGS.get(how["padding"], "zeros"),
            )  # fmt: skip
        self._place(layer.name, conv)
        norm: Callable[[Tensor], Tensor] | None = None
        if layer.norm is not None:
            norm = self._norm(layer.norm)
            self._place(layer.norm.name, norm)
        elif how["hidden_norm"] == _HIDDEN_NORMS[1] and not (last or upward):
            norm = F.instance_norm
        activation: Callable[[Tensor], Tensor] | None = _ACTIVATIONS[how["activation"]]
        if layer.slopes is not None:
            slopes = nn.PReLU(layer.slopes[1])
            self._place(layer.slopes[0], slopes)
            activation = slopes
        elif self._rests(layer, upward=upward) or last:
            activation = None
        first = layer.activation_first
        if first is None:
            first = how["block"] == _BLOCKS[1]
        return _Run(conv, norm, activation, activation_first=first, leads=layer.leads)

    def _rests(self, layer: PlainLayer, *, upward: bool) -> bool:
        """Whether no activation follows a layer."""
        if layer.activation is not None:
            return not layer.activation
        silent = {"up_activation": upward, "between": layer.depthwise}
        return any(applies and self._how[name] == "no" for name, applies in silent.items())

    def _is_lower(self, layer: PlainLayer) -> bool:
        """Whether a convolution with an even kernel lies where the encoder halves the size."""
        if not layer.halves:
            return False
        steps, layers = self._plan.steps, self._plan.layers
        return any(
            step.action == "keep"
            and (after := steps[n + 1]).action == "layer"
            and layers[after.layer] is layer
            for n, step in enumerate(steps[:-1])
        )

    def _norm(self, norm: Norm) -> nn.Module:
        if norm.kind == "batch":
            return nn.BatchNorm2d(norm.channels, affine=norm.is_affine)
        what = self._how["norm"]
        if what == "each channel":
            return nn.InstanceNorm2d(norm.channels, affine=True)
        groups = int(what.split()[0]) if what[0].isdigit() else 1
        return nn.GroupNorm(groups, norm.channels)

    def _place(self, name: str, module: Any) -> None:
        """Put a module where its tensors are called by the name."""
        parent: nn.Module = self
        *path, own = name.split(".")
        for depth, part in enumerate(path):
            if part not in dict(parent.named_children()):
                whole = ".".join(path[: depth + 1])
                parent.add_module(part, self._container(whole))
            parent = parent.get_submodule(part)
        parent.add_module(own, module)

    def _container(self, path: str) -> nn.Module:
        if path in self._gates:
            return _GateModule()
        return _Block() if path in self._units else nn.Module()


_Notes = dict[int, Tensor]
_Action = Callable[[Tensor, list[Tensor], _Notes], Tensor]
"""Takes the map, the maps kept for skips, and those of shortcuts by the layer where they end."""


class _Block(nn.Module):
    """A block of the network: its modules, and what happens with them."""

    def __init__(self) -> None:
        super().__init__()
        self.program: list[_Action] = []

    def follow(self, x: Tensor, skips: list[Tensor], notes: _Notes) -> Tensor:
        """Run as a module, so that hooks see it."""
        out: Tensor = self(x, skips, notes)
        return out

    def forward(self, x: Tensor, skips: list[Tensor], notes: _Notes) -> Tensor:
        """Run what belongs to the block."""
        return _run(self.program, x, skips, notes)


def _run(program: Sequence[_Action], x: Tensor, skips: list[Tensor], notes: _Notes) -> Tensor:
    for action in program:
        x = action(x, skips, notes)
    return x


class _GateModule(nn.Module):
    """An attention gate: its modules, and what it does with them."""

    def __init__(self) -> None:
        super().__init__()
        self._parts: list[_Run] = []

    def follow(self, parts: Sequence[_Run]) -> None:
        """Take what reads the map above, what reads the skip, and what gives the share."""
        self._parts = [*parts]

    def forward(self, above: Tensor, skip: Tensor) -> Tensor:
        """What passes of a skip."""
        by_map, by_skip, share = self._parts
        both = F.relu(by_map.linear(above) + by_skip.linear(skip))
        return skip * torch.sigmoid(share.linear(both))


def _gated(gate: nn.Module) -> _Action:
    def act(x: Tensor, skips: list[Tensor], _notes: _Notes) -> Tensor:
        skips[-1] = gate(x, skips[-1])
        return x

    return act


class _Margin:
    """How much is mirrored around an image whose convolutions pad nothing."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._known: dict[int, tuple[int, int]] = {}

    def around(self, size: int) -> tuple[int, int]:
        """Pixels before and after, so that all is answered and no pooling leaves a pixel over."""
        if size not in self._known:
            whole = size
            while (out := self._answered(whole)) < size:
                whole += 1
            before = (whole - out) // 2
            self._known[size] = before, whole - size - before
        return self._known[size]

    def _answered(self, size: int) -> int:
        """The side of the answer for an image's; 0 if it does not come out even."""
        kept: list[int] = []
        for step in self._plan.steps:
            if step.action == "keep":
                kept.append(size)
            elif step.action in ("join", "add", "drop"):
                skip = kept.pop()
                fits = skip >= size and (skip - size) % 2 == 0
                size = size if fits or step.action == "drop" else 0
            else:
                size = self._after(step, size)
            if size < 1:
                return 0
        return size

    def _after(self, step: PlanStep, size: int) -> int:
        if step.action == "pool":
            return 0 if size % 2 else size // 2
        layer = self._plan.layers[step.layer]
        if step.action != "layer" or layer.kind == "transposed":
            return 2 * size
        return size - layer.kernel + 1


def _cropped(skip: Tensor, x: Tensor) -> Tensor:
    """The middle of a skip, as large as the map that it is joined to."""
    if skip.shape[-2:] == x.shape[-2:]:
        return skip
    height, width = x.shape[-2:]
    top, left = (skip.shape[-2] - height) // 2, (skip.shape[-1] - width) // 2
    return skip[..., top : top + height, left : left + width]


class _Run:
    """A convolution with its normalisation and activation."""

    def __init__(
        self,
        conv: nn.Module,
        norm: Callable[[Tensor], Tensor] | None,
        activation: Callable[[Tensor], Tensor] | None,
        *,
        activation_first: bool,
        leads: bool,
    ) -> None:
        self._conv, self._norm = conv, norm
        self._activation, self._first = activation, activation_first
        self._leads = leads

    def act(self, x: Tensor, _skips: list[Tensor], _notes: _Notes) -> Tensor:
        """The layer alone."""
        return self._activated(self.linear(x))

    def linear(self, x: Tensor) -> Tensor:
        """All but an activation at the end."""
        if self._leads:
            assert self._norm is not None
            x = self._norm(x)
            out: Tensor = self._conv(x if self._activation is None else self._activation(x))
            return out
        x = self._conv(x)
        if self._norm is None:
            return x
        if self._first and self._activation is not None:
            x = self._activation(x)
        normalised: Tensor = self._norm(x)
        return normalised

    def _activated(self, x: Tensor) -> Tensor:
        done = self._leads or (self._first and self._norm is not None)
        return x if done or self._activation is None else self._activation(x)

    def added_before(self, layer: int) -> _Action:
        """The layer with a shortcut that is added before the activation."""
        return lambda x, _skips, notes: self._activated(self.linear(x) + notes.pop(layer))

    def added_after(self, layer: int) -> _Action:
        """The layer with a shortcut that is added after the activation."""
        return lambda x, _skips, notes: self._activated(self.linear(x)) + notes.pop(layer)


def _remember(side: _Run | None, last: int) -> _Action:
    def act(x: Tensor, _skips: list[Tensor], notes: _Notes) -> Tensor:
        notes[last] = x if side is None else side.linear(x)
        return x

    return act


def _between(action: str, how: Mapping[str, str]) -> _Action:
    """What happens at a step that is no layer."""
    if action == "join":
        skip_first = how["join"] == _SKIP_FIRST

        def joined(x: Tensor, skips: list[Tensor], _notes: _Notes) -> Tensor:
            skip = _cropped(skips.pop(), x)
            return torch.cat([skip, x] if skip_first else [x, skip], 1)

        return joined
    if action == "up":
        mode = _UPSAMPLINGS[how["upsampling"]]
        return lambda x, _skips, _notes: F.interpolate(x, scale_factor=2, **mode)
    if action == "pool":
        return _POOLED[how["pooling"]]
    return _OTHERS[action]


def _keep(x: Tensor, skips: list[Tensor], _notes: _Notes) -> Tensor:
    skips.append(x)
    return x


def _drop(x: Tensor, skips: list[Tensor], _notes: _Notes) -> Tensor:
    skips.pop()
    return x


_POOLED: Final[dict[str, _Action]] = {
    _POOLINGS[0]: lambda x, _skips, _notes: F.max_pool2d(x, 2),
    _POOLINGS[1]: lambda x, _skips, _notes: F.avg_pool2d(x, 2),
    _POOLINGS[2]: lambda x, _skips, _notes: x,
}
_OTHERS: Final[dict[str, _Action]] = {
    "keep": _keep,
    "drop": _drop,
    "add": lambda x, skips, _notes: x + _cropped(skips.pop(), x),
    "shuffle": lambda x, _skips, _notes: F.pixel_shuffle(x, 2),
}


def _after_pooling(plan: Plan) -> set[int]:
    """The layers that come right after a pooling."""
    found = set()
    for n, step in enumerate(plan.steps):
        if step.action == "pool":
            found.add(next(s.layer for s in plan.steps[n:] if s.action == "layer"))
    return found


def _swapped(plan: Plan) -> list[PlanStep]:
    """The steps with maps made larger after the single convolutions at which that is asked."""
    steps = list(plan.steps)
    for n in range(len(steps) - 1):
        if _is_asked(plan, n):
            steps[n], steps[n + 1] = steps[n + 1], steps[n]
    return steps
