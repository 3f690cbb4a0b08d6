"""The layers of a plain network from the names and shapes of its tensors, and how they belong together.

Without torch. What runs after what, `unet_plan` works out.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Final, Literal

from segstudio.models.families import Shapes
from segstudio.models.unet_norms import (
    COUNTER,
    STATISTICS,
    NotPlainError,
    channels_of,
    natural,
    owners_after,
    owners_led,
)

LayerKind = Literal["conv", "transposed"]
NormKind = Literal["batch", "affine"]
Role = Literal["encoder", "middle", "decoder", "head", ""]

_KNOWN: Final = {"weight", "bias", COUNTER, *STATISTICS}
_MOST: Final = 200
_DEEPEST: Final = 20
_UP_KERNELS: Final = (2, 3, 4)
_FEWEST_DEPTHWISE: Final = 3
_BLOCK: Final = 5
"""Convolutions that one block has at most, unless nothing else fits."""

_UPWARD: Final = re.compile(r"(?<![a-z])up|[a-z]_?up(?![a-z])|upconv|upsamp|deconv|trans|shuffle")
_SHARE: Final = re.compile(r"psi|out|final|alpha|sig")
_OF_SKIP: Final = re.compile(r"(?<![a-z])w?_?[xsl](?![a-z])|skip|theta|enc")
_OF_ABOVE: Final = re.compile(r"(?<![a-z])w?_?g(?![a-z])|gat|phi|up")
_SIDE: Final = re.compile(r"short|skip|res|ident|proj|downsample|match|adjust|1x1")
_ROLES: Final[tuple[tuple[Role, re.Pattern[str]], ...]] = (
    ("head", re.compile(r"(?<![a-z])out|final|last|logit|head|classif|segment|pred|score|(?<![a-z])map")),
    ("middle", re.compile(r"bottle|mid|cent|bridge|latent|bottom|neck|(?<![a-z])base")),
    ("decoder", re.compile(r"dec|expan|right|(?<![a-z])d\d")),
    ("encoder", re.compile(r"enc|down|contract|left|(?<![a-z])in(c|put|it)?(?![a-z])|stem|(?<![a-z])e\d")),
)  # fmt: skip
_RANKS: Final[dict[Role, int]] = {"encoder": 0, "": 0, "middle": 1, "decoder": 2, "head": 3}


@dataclass(frozen=True)
class Norm:
    """A normalisation: batch norm with its statistics, or an affine one that has none."""

    name: str
    channels: int
    kind: NormKind
    is_affine: bool = True


@dataclass(frozen=True)
class PlainLayer:
    """A convolution with what follows it.

    Attributes:
        name: Its module.
        kind: "conv", or "transposed", which doubles the size.
        inputs, outputs: Channels.
        kernel: Side of the kernel.
        bias: Whether it has one.
        norm: The normalisation after it.
        slopes: (module, number of values) of a PReLU after it.
        activation_first: Whether the activation comes before the normalisation; None if untold.
        activation: Whether there is one; None if untold.
        after_others: Whether something without tensors comes before it in its Sequential.
        depthwise: Whether each channel is convolved by itself.
        may_hide_norm: Whether a normalisation without weights may follow, for all its place says.
        leads: Whether normalisation and activation come before the convolution.
    """

    name: str
    kind: LayerKind
    inputs: int
    outputs: int
    kernel: int
    bias: bool
    norm: Norm | None = None
    slopes: tuple[str, int] | None = None
    activation_first: bool | None = None
    activation: bool | None = None
    after_others: bool = False
    depthwise: bool = False
    may_hide_norm: bool = True
    leads: bool = False

    @property
    def halves(self) -> bool:
        """Whether a convolution with this kernel halves the size, in an encoder."""
        return self.kind == "conv" and self.kernel in (2, 4)


@dataclass(frozen=True)
class Element:
    """A convolution that is to be placed: what its shape may mean, the likelier first."""

    name: str
    shape: tuple[int, ...]
    meanings: tuple[PlainLayer, ...]


@dataclass(frozen=True)
class ConvBlock:
    """Convolutions that follow each other: a block, by their names.

    Attributes:
        name: What their names have in common.
        elements: In the order in which they probably run.
        path: Module that holds these and no others; "" if there is none.
        side: A convolution around the others.
    """

    name: str
    elements: tuple[Element, ...]
    path: str = ""
    side: PlainLayer | None = None
    role: Role = field(default="", compare=False)

    @property
    def is_upward(self) -> bool:
        """Whether its name says that the size is doubled in it."""
        return self.role == "decoder" or is_upward(self.name)


@dataclass(frozen=True)
class Gate:
    """An attention gate: what of a skip passes, from it and from the map that it is joined to.

    Attributes:
        path: Its module.
        above: Reads the map that was made larger.
        skip: Reads the skip.
        share: Gives the share that passes, of all channels or of each.
    """

    path: str
    above: PlainLayer
    skip: PlainLayer
    share: PlainLayer

    @property
    def layers(self) -> tuple[PlainLayer, PlainLayer, PlainLayer]:
        """All of them."""
        return self.above, self.skip, self.share


def is_upward(name: str) -> bool:
    """Whether a module's name says that it makes maps larger."""
    return bool(_UPWARD.search(name.lower()))


def is_sorted(shapes: Shapes) -> bool:
    """Whether the file has lost the order in which the network was written.

    safetensors sorts by type and name, so that a bias comes before its weight; a network has them
    the other way round.
    """
    places = {name: n for n, name in enumerate(shapes) if not name.endswith(COUNTER)}
    pairs = [
        (place, places[weight])
        for name, place in places.items()
        if name.endswith(".bias") and (weight := f"{name[: -len('bias')]}weight") in places
    ]
    if pairs:
        return all(bias < weight for bias, weight in pairs)
    return list(places) == sorted(places)


def elements_of(shapes: Shapes, *, norms_first: bool = False) -> list[Element]:
    """The convolutions of a network with the normalisations and slopes that belong to them.

    Args:
        shapes: Of its tensors.
        norms_first: Whether normalisation and activation come before a convolution.

    Raises:
        NotPlainError: if there are tensors of another kind, or some that belong to nothing.
    """
    modules = _modules(shapes)
    convolutions = [name for name, own in modules.items() if len(own.get("weight", ())) == 4]
    if len(convolutions) > _MOST or len(modules) > 4 * _MOST:
        raise NotPlainError(f"there are {len(convolutions)} convolutions")
    followers = [name for name in modules if name not in set(convolutions)]
    in_order = not is_sorted(shapes)
    leading: frozenset[str] = frozenset()
    if norms_first:
        owners, leading = owners_led(modules, convolutions, followers, in_order=in_order)
    else:
        owners = owners_after(modules, convolutions, followers, in_order=in_order)
    found = []
    for name in convolutions:
        own = {follower: modules[follower] for follower in followers if owners[follower] == name}
        layers = _meanings(name, modules[name], own, leads=name in leading)
        if not layers:
            raise NotPlainError(f"{name}.weight {modules[name]['weight']} fits no convolution")
        placed = layers if norms_first else [_among_siblings(layer, modules) for layer in layers]
        if norms_first:  # an activation follows a normalisation, and nothing else
            placed = [replace(y, activation_first=False, activation=y.leads) for y in placed]
        found.append(Element(name, modules[name]["weight"], tuple(placed)))
    return _of_one_kind(found)


def _of_one_kind(elements: list[Element]) -> list[Element]:
    """The elements without meanings that the others make unlikely.

    Where 2 x 2 or 4 x 4 kernels make maps larger, those of 3 x 3 do not; and one channel becomes one
    by itself only where others do so too: the first convolution of a grey image, and the one around
    it, look alike.
    """
    if sum(any(y.depthwise for y in e.meanings) for e in elements) < _FEWEST_DEPTHWISE:
        elements = [
            replace(e, meanings=tuple(y for y in e.meanings if not y.depthwise)) for e in elements
        ]
    even = any(
        e.shape[2] % 2 == 0
        and is_upward(e.name)
        and any(y.kind == "transposed" for y in e.meanings)
        for e in elements
    )
    if not even:
        return elements
    kept = []
    for element in elements:
        plain = tuple(layer for layer in element.meanings if layer.kind == "conv")
        kept.append(
            replace(element, meanings=plain) if element.shape[2] == 3 and plain else element
        )
    return kept


def gates_among(elements: Sequence[Element]) -> tuple[list[Element], list[Gate]]:
    """The elements without those of attention gates, and the gates.

    A gate is a module of three 1 x 1 convolutions, of which two give what the third one reads.
    """
    below: dict[str, list[Element]] = {}
    for element in elements:
        parts = element.name.split(".")
        for depth in range(1, len(parts)):
            below.setdefault(".".join(parts[:depth]), []).append(element)
    gates: list[Gate] = []
    for path, own in below.items():
        gate = _gate_of(path, own)
        if gate is not None and not any(path.startswith(f"{g.path}.") for g in gates):
            gates.append(gate)
    used = {layer.name for gate in gates for layer in gate.layers}
    return [e for e in elements if e.name not in used], gates


def _gate_of(path: str, own: Sequence[Element]) -> Gate | None:
    if len(own) != 3 or any(e.shape[2] != 1 for e in own):
        return None
    layers = [e.meanings[0] for e in own]
    words = [layer.name[len(path) + 1 :].lower() for layer in layers]
    possible = []
    for share in layers:
        above, skip = (layer for layer in layers if layer is not share)
        inner = above.outputs == skip.outputs == share.inputs
        if inner and share.outputs in (1, above.inputs, skip.inputs):
            named = bool(_SHARE.search(words[layers.index(share)]))
            possible.append(((share.outputs != 1, not named, -layers.index(share)), share))
    if not possible:
        return None
    share = min(possible, key=lambda each: each[0])[1]
    first, second = (layer for layer in layers if layer is not share)
    if _OF_SKIP.search(words[layers.index(first)]) or _OF_ABOVE.search(words[layers.index(second)]):
        first, second = second, first
    return Gate(path, first, second, share)


def _modules(shapes: Shapes) -> dict[str, dict[str, tuple[int, ...]]]:
    """Tensors by the module that holds them.

    Raises:
        NotPlainError: if one is of a kind that no layer here has.
    """
    modules: dict[str, dict[str, tuple[int, ...]]] = {}
    for full, shape in shapes.items():
        name, _, tensor = full.rpartition(".")
        if (
            not name
            or name.count(".") > _DEEPEST
            or tensor not in _KNOWN
            or len(shape) not in (0, 1, 4)
        ):
            raise NotPlainError(f"{full} {tuple(shape)} belongs to no convolution or normalisation")
        modules.setdefault(name, {})[tensor] = tuple(shape)
    return modules


def _meanings(
    name: str,
    own: dict[str, tuple[int, ...]],
    followers: dict[str, dict[str, tuple[int, ...]]],
    *,
    leads: bool,
) -> list[PlainLayer]:
    """What a weight (a, b, k, k) may be: a convolution b to a, or a transposed one a to b."""
    first, second, *kernel = own["weight"]
    if len(set(kernel)) != 1:
        return []
    side = kernel[0]
    upward = is_upward(name)
    possible = [("conv", second, first)] if side % 2 or side in (2, 4) else []
    if side % 2 and side > 1 and second == 1:
        possible = [("depthwise", first, first), *possible]
    if side in _UP_KERNELS and (side != 3 or upward):
        turned = ("transposed", first, second)
        possible = [turned, *possible] if upward or side == 2 else [*possible, turned]
    layers = []
    for kind, inputs, outputs in possible:
        norm, slopes, fits = None, None, own.get("bias", (outputs,)) == (outputs,)
        normed = inputs if leads else outputs
        for follower, tensors in followers.items():
            channels = channels_of(tensors)
            if set(tensors) == {"weight"}:
                slopes = (follower, channels)
                fits = fits and channels in (1, normed)
                continue
            fits = fits and channels == normed
            is_batch = tensors.keys() >= STATISTICS
            norm = Norm(follower, channels, "batch" if is_batch else "affine", "weight" in tensors)
        if fits:
            kept: LayerKind = "transposed" if kind == "transposed" else "conv"
            layers.append(
                PlainLayer(
                    name, kept, inputs, outputs, side, "bias" in own, norm, slopes,
                    depthwise=kind == "depthwise", leads=leads,
                )
            )  # fmt: skip
    return layers


def _among_siblings(layer: PlainLayer, modules: Iterable[str]) -> PlainLayer:
    """The layer with what the numbers in its Sequential tell: gaps are modules without tensors.

    Numbers without a gap may be those of a list of modules, which tell nothing.
    """
    parent, _, key = layer.name.rpartition(".")
    numbers = {
        int(own): name
        for name in modules
        if name.rpartition(".")[0] == parent and (own := name.rpartition(".")[2]).isdigit()
    }
    if not key.isdigit() or len(numbers) == max(numbers) + 1:
        return layer
    at = int(key)
    told = replace(layer, after_others=at > 0 and min(numbers) == at)
    last = at
    if layer.norm is not None and numbers.get(at + 1) == layer.norm.name:
        told, last = replace(told, activation_first=False), at + 1
    elif layer.norm is not None and layer.norm.name in numbers.values():
        number = next(n for n, name in numbers.items() if name == layer.norm.name)
        told, last = replace(told, activation_first=True), number
    next_one = min((n for n in numbers if n > last), default=None)
    if layer.norm is None:  # an activation fills one place
        told = replace(told, may_hide_norm=next_one is None or next_one > at + 2)
    if layer.slopes is None and last + 1 in numbers and told.activation_first is not True:
        return replace(told, activation=False)
    return told


def units_of(
    elements: Sequence[Element], fineness: int, *, in_order: bool, by_shape: bool = False
) -> list[ConvBlock]:
    """The elements in blocks, by the hierarchy of their names.

    Args:
        elements: All of them.
        fineness: At 0 what has a number in a list of modules is a block of its own; 1 puts up to
            five convolutions of such a list together; 2 makes a block of every convolution.
        in_order: Whether the elements come as the network was written.
        by_shape: Whether what lies around others is told by what it reads and gives, too.
    """
    by_name = {element.name: element for element in elements}
    apart = {e.name for e in elements if any(layer.depthwise for layer in e.meanings)}
    grouping = _Grouping(by_name, fineness, apart if len(apart) > 1 else set())
    blocks = [
        (
            label,
            [by_name[n] for n in (names if in_order else sorted(names, key=partial(_rank, label)))],
        )
        for label, names in grouping.split(list(by_name), 0, is_root=True)
    ]
    tails: set[str] = set()
    if by_shape:  # where channels change they tell, and names tell of the others
        for _, inside in blocks:
            side, _ = _side_by_shape(inside, tails)
            tails |= {side.name.rpartition(".")[2]} if side is not None else set()
    units: list[ConvBlock] = []
    for label, inside in blocks:
        path = _own_path([e.name for e in inside], by_name)
        side, main = _side_of(inside)
        if side is None and by_shape:
            side, main = _side_by_shape(inside, tails)
        role = _role_of(label)
        if not role and is_upward(label):
            role = "decoder"
        units.append(ConvBlock(label, tuple(main), path, side, role))
    return _with_letters(_with_lone_sides(units) if by_shape else units)


def _rank(label: str, name: str) -> tuple[bool, tuple[tuple[int, int, str], ...]]:
    """For sorting a block's convolutions: first what makes maps larger, by its own part of the name."""
    return not is_upward(name.removeprefix(f"{label}.")), natural(name)


def _role_of(label: str) -> Role:
    found: list[Role] = [role for role, words in _ROLES if words.search(label.lower())]
    return found[0] if found else ""


@dataclass(frozen=True)
class _Grouping:
    """Divides convolutions into blocks."""

    elements: dict[str, Element]
    fineness: int
    apart: set[str]

    def split(
        self, names: Sequence[str], depth: int, *, is_root: bool
    ) -> list[tuple[str, list[str]]]:
        """(name, convolutions) of each block among names that share their first `depth` parts."""
        if len(names) == 1:
            return [(names[0], list(names))]
        children: dict[str, list[str]] = {}
        for name in names:
            children.setdefault(name.split(".")[depth], []).append(name)
        if len(children) == 1:
            return self.split(names, depth + 1, is_root=is_root)
        label = ".".join(names[0].split(".")[:depth])
        if not is_root and self._is_block(children, depth):
            return [(label, list(names))]
        found: dict[str, list[str]] = {}
        heads = _two_digit_heads(child for child, own in children.items() if len(own) == 1)
        blocks: list[tuple[str, list[str]]] = []
        for child, own in children.items():
            if len(own) > 1:
                blocks += self.split(own, depth + 1, is_root=False)
                continue
            key = child if self.fineness > 1 else _flat_key(child, heads)
            if key not in found:
                found[key] = []
                blocks.append((f"{label}.{key}" if label else key, found[key]))
            found[key] += own
        return blocks

    def _is_block(self, children: dict[str, list[str]], depth: int) -> bool:
        """Whether what lies below one module follows each other without a change of size."""
        # a depthwise convolution and the one after it count as one
        whole = [sum(name not in self.apart for name in own) for own in children.values()]
        large = [count for count in whole if count > 1]
        number = sum(whole)
        if self.fineness > 1 or len(large) > 1 or number > _BLOCK:
            return False
        if self.fineness > 0 or not all(child.isdigit() for child in children):
            return True
        inside = [own for own in children.values() if own[0].count(".") > depth]
        if inside:
            return False
        sizes = {self.elements[own[0]].shape[2] % 2 for own in children.values()}
        return sizes == {1} and sorted(map(int, children)) != list(range(number))


def _two_digit_heads(names: Iterable[str]) -> set[str]:
    """What comes before the number in names such as e11, e12, e21: level and place in one."""
    numbers: dict[str, list[str]] = {}
    for name in names:
        match = re.fullmatch(r"(\D+)(\d+)\D*", name)
        if match:
            numbers.setdefault(match[1], []).append(match[2])
    return {
        head
        for head, own in numbers.items()
        if len(own) > 1 and all(len(n) == 2 and n[1] in "01234" for n in own)
        and any(n[1] == "2" for n in own)
    }  # fmt: skip


def _flat_key(name: str, two_digits: set[str]) -> str:
    """What a convolution shares with the others of its block where each has a name of its own."""
    if name.isdigit():
        return name
    two_numbers = re.fullmatch(r"(.*\d.*\D)\d+", name)
    if two_numbers:
        return two_numbers[1]
    lettered = re.fullmatch(r"(.*\d)_?[abc]", name)
    if lettered:
        return lettered[1]
    digits = re.fullmatch(r"(\D+)(\d)\d", name)
    if digits and digits[1] in two_digits:
        return digits[1] + digits[2]
    return name


def _own_path(names: Sequence[str], everything: Iterable[str]) -> str:
    """The module that holds these convolutions and no others; "" if there is none."""
    parts = [name.split(".")[:-1] for name in names]
    shared = []
    for level in zip(*parts, strict=False):
        if len(set(level)) != 1:
            break
        shared.append(level[0])
    path = ".".join(shared)
    inside = {name for name in everything if name.startswith(f"{path}.")}
    return path if path and inside == set(names) else ""


def _side_of(elements: list[Element]) -> tuple[PlainLayer | None, list[Element]]:
    """A shortcut among the convolutions of a block, and the others."""
    sides = [
        e
        for e in elements
        if e.shape[2] == 1 and _SIDE.search(".".join(e.name.split(".")[-3:]).lower())
    ]
    others = [e for e in elements if e not in sides]
    if len(sides) != 1 or not any(e.shape[2] == 3 for e in others):
        return None, elements
    return sides[0].meanings[0], others


def _side_by_shape(
    elements: list[Element], tails: set[str]
) -> tuple[PlainLayer | None, list[Element]]:
    """A shortcut among the convolutions of a block: it reads what the others read, and gives the same.

    Args:
        elements: Of the block.
        tails: The own names of shortcuts in other blocks.
    """
    found = []
    for element in elements:
        own = element.name.rpartition(".")[2]
        told = bool(_SIDE.search(".".join(element.name.split(".")[1:]).lower())) or own in tails
        changes = element.shape[2] == 1 and element.shape[0] != element.shape[1]
        others = [e for e in elements if e is not element]
        if (told or (changes and not is_upward(own))) and _goes_around(element, others):
            found.append((element, others))
    if len(found) != 1:
        return None, elements
    return found[0][0].meanings[0], found[0][1]


def _goes_around(element: Element, others: Sequence[Element]) -> bool:
    """Whether a convolution reads what two or more others read, and gives what they give."""
    if len(others) < 2 or any(e.shape[2] == 1 for e in others):
        return False
    ends = (others[0].meanings[0].inputs, others[-1].meanings[0].outputs)
    return (element.meanings[0].inputs, element.meanings[0].outputs) == ends


def _with_lone_sides(units: list[ConvBlock]) -> list[ConvBlock]:
    """Blocks with the shortcuts around them that lie beside them: input_layer, input_skip."""
    kept = list(units)
    for lone in units:
        named = _SIDE.search(lone.name.lower())
        if len(lone.elements) != 1 or lone.side is not None or named is None:
            continue
        for n, unit in enumerate(kept):
            near = unit.side is None and unit.name[: named.start()] == lone.name[: named.start()]
            if near and _goes_around(lone.elements[0], unit.elements):
                kept[n] = replace(unit, side=lone.elements[0].meanings[0])
                kept.remove(lone)
                break
    return kept


def _with_letters(units: list[ConvBlock]) -> list[ConvBlock]:
    """Where names begin with d1 and u1, or e1 and d1, what d says."""
    names = [unit.name.rpartition(".")[2].lower() for unit in units]
    if not any(re.match(r"u\d", name) for name in names):
        return units
    turned = []
    for unit, name in zip(units, names, strict=True):
        role = unit.role
        if re.match(r"d\d", name):
            role = "encoder"
        elif re.match(r"u\d", name):
            role = "decoder"
        turned.append(replace(unit, role=role))
    return turned


def orders_of(units: Sequence[ConvBlock], *, in_order: bool) -> list[list[ConvBlock]]:
    """Orders in which the blocks may run, the likelier first.

    That of the file if it kept one; by the roles and numbers of the names, where the decoder's
    numbers count down (dec4, dec3 ...) or up (up1, up2 ...).
    """

    def ranked(*, down: bool) -> list[ConvBlock]:
        found: list[ConvBlock] = []
        for rank in sorted(set(_RANKS.values())):
            part = [unit for unit in units if _RANKS[unit.role] == rank]
            part.sort(key=lambda u: natural(u.name), reverse=down and rank == _RANKS["decoder"])
            found += part
        return found

    counted_up = any(re.search(r"up", u.name) for u in units if u.role == "decoder") and not any(
        re.search(r"dec", u.name) for u in units
    )
    both = [ranked(down=not counted_up), ranked(down=counted_up)]
    return [list(units), *both] if in_order else both
