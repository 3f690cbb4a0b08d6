"""How a U-Net runs, worked out from the names and shapes of its tensors.

Channels decide: every convolution takes what the one before it gives, or that and a skip. Names and
the order of the file only say what is tried first. Without torch.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final, Literal, NamedTuple

from segstudio.models.families import Shapes
from segstudio.models.unet_layers import (
    ConvBlock,
    Element,
    Gate,
    PlainLayer,
    elements_of,
    gates_among,
    is_sorted,
    is_upward,
    orders_of,
    units_of,
)
from segstudio.models.unet_norms import NotPlainError

WayUp = Literal["transposed", "free", "shuffle"]
"""A transposed convolution, something without tensors, or channels that become size."""
Action = Literal["layer", "keep", "pool", "up", "shuffle", "join", "add", "drop"]
_MOST_TRIES: Final = 1_500
_MOST_TRIES_IN_ALL: Final = 6_000
_FEW_CONVOLUTIONS: Final = 24
"""A network of more is tried less often, since each try looks at more."""

_FINENESSES: Final = (0, 1, 2)
_FEWEST: Final = 4
_LIKE_A_UNET: Final = 0.5


class PlanStep(NamedTuple):
    """One thing that happens to the map that runs through the network.

    `keep` remembers it for a skip, `pool` halves it, `up` doubles it, `shuffle` turns channels
    into twice the size, `join` joins the last that was remembered, `add` adds it, `drop` forgets it.

    Attributes:
        action: Which.
        layer: Index of the layer, for "layer".
        unit: The module in which it happens; "" for the network itself.
    """

    action: Action
    layer: int = -1
    unit: str = ""


class Shortcut(NamedTuple):
    """A way around a block: from before a layer to after another one.

    Without a convolution the map itself is added.
    """

    layer: PlainLayer | None
    first: int
    last: int


@dataclass(frozen=True)
class Plan:
    """A network's layers, in the order in which they run, and all that happens between them.

    Attributes:
        layers: All but those of shortcuts.
        steps: What happens.
        shortcuts: Of residual blocks.
        gates: What weighs the skip of each join, in their order; empty if nothing does.
        added: The steps if skips are added where their channels allow that; empty if they do not.
        oddness: How far it is from what a U-Net usually does; 0 if nothing is odd.
    """

    layers: tuple[PlainLayer, ...]
    steps: tuple[PlanStep, ...]
    shortcuts: tuple[Shortcut, ...] = ()
    oddness: int = 0
    gates: tuple[Gate, ...] = ()
    added: tuple[PlanStep, ...] = ()

    def count(self, action: Action) -> int:
        """How many steps of a kind there are."""
        return sum(step.action == action for step in self.steps)

    @property
    def depth(self) -> int:
        """How many times the size is halved."""
        return self.count("keep")

    @property
    def in_channels(self) -> int:
        """Of the image."""
        return self.layers[0].inputs

    @property
    def num_classes(self) -> int:
        """Channels of the output."""
        return self.layers[-1].outputs

    @property
    def norms_first(self) -> bool:
        """Whether normalisation and activation come before the convolutions."""
        return any(layer.leads for layer in self.layers)

    @property
    def everything(self) -> tuple[PlainLayer, ...]:
        """The layers and those of the shortcuts."""
        around = (shortcut.layer for shortcut in self.shortcuts if shortcut.layer is not None)
        return (*self.layers, *around)


class PartialPlanError(ValueError):
    """A network that looks like a U-Net, of which some convolutions fit nowhere.

    Attributes:
        left: The convolutions that were not placed.
        placed: How many were.
        last: The last one that was.
        channels: What it gives.
    """

    def __init__(self, left: Sequence[Element], placed: int, last: str, channels: int) -> None:
        super().__init__("no order of the convolutions fits their channels")
        self.left, self.placed, self.last, self.channels = tuple(left), placed, last, channels


def plans_of(shapes: Shapes) -> list[Plan]:
    """The ways in which a U-Net with these tensors can run; of several the usual one first.

    There is more than one only where its channels are the same on all levels and the file has
    lost the order in which the network was written.

    Raises:
        NotPlainError: if it is no network of plain convolutions, or not like a U-Net.
        PartialPlanError: if it looks like one, but not all of it fits.
    """
    return list(_remembered(tuple((name, tuple(shape)) for name, shape in shapes.items())))


@functools.lru_cache(maxsize=8)
def _remembered(tensors: tuple[tuple[str, tuple[int, ...]], ...]) -> list[Plan]:
    """As `plans_of`: a file is looked at when it is opened, and each time its network is built."""
    shapes = dict(tensors)
    told: NotPlainError | PartialPlanError | None = None
    for reading in _READINGS:
        try:
            return _read(shapes, reading)
        except PartialPlanError as error:
            if not isinstance(told, PartialPlanError) or error.placed > told.placed:
                told = error
        except NotPlainError as error:
            told = told or error
    assert told is not None
    raise told


class _Reading(NamedTuple):
    """A way to take the tensors.

    Attributes:
        norms_first: Whether normalisation and activation come before a convolution.
        by_shape: Whether shortcuts are told by what they read and give, too.
    """

    norms_first: bool
    by_shape: bool


_READINGS: Final = (_Reading(False, False), _Reading(True, True), _Reading(False, True))


def _read(shapes: Shapes, reading: _Reading) -> list[Plan]:
    everything = elements_of(shapes, norms_first=reading.norms_first)
    elements, gates = gates_among(everything)
    if len(elements) < _FEWEST:
        raise NotPlainError("there are too few convolutions")
    furthest: list[PartialPlanError] = []
    best = _least_odd(elements, furthest, reading, in_order=not is_sorted(shapes))
    if best:
        whole = [with_gates(plan, gates) for plan in best]
        if any(plan is not None for plan in whole):
            return [_with_sums(plan) for plan in whole if plan is not None]
        left = [e for e in everything if e.name.startswith(f"{gates[0].path}.")]
        last = best[0].layers[-1]
        raise PartialPlanError(left, len(elements), last.name, last.outputs)
    if not furthest:
        raise NotPlainError("there is no other order of the blocks")
    partial = max(furthest, key=lambda end: end.placed)
    upward = any(is_upward(e.name) or "dec" in e.name.lower() for e in elements)
    if not upward or partial.placed < _LIKE_A_UNET * len(elements) or not partial.left:
        raise NotPlainError("it is not like a U-Net")
    raise partial


def _least_odd(
    elements: Sequence[Element],
    furthest: list[PartialPlanError],
    reading: _Reading,
    *,
    in_order: bool,
) -> list[Plan]:
    """The plans that are least unlike a U-Net; ends of ways that led nowhere go to `furthest`."""
    best: list[Plan] = []
    tried = 0
    most = _MOST_TRIES_IN_ALL * _FEW_CONVOLUTIONS // max(_FEW_CONVOLUTIONS, len(elements))
    apart = sum(any(layer.depthwise for layer in e.meanings) for e in elements)
    # where a convolution is two, those of a block are seldom on one level of the names
    for fineness in sorted(_FINENESSES, key=lambda n: n != 1) if apart > 1 else _FINENESSES:
        units = units_of(elements, fineness, in_order=in_order, by_shape=reading.by_shape)
        if reading == _READINGS[-1] and units == units_of(elements, fineness, in_order=in_order):
            continue  # it was tried
        for way in _ways_up(elements):
            if tried > most:
                return best
            found, tries = _plans(units, way, furthest, in_order=in_order)
            tried += tries
            if found and (not best or found[0].oddness < best[0].oddness):
                best = found
        if best and best[0].oddness == 0:
            break
    return best


def _plans(
    units: Sequence[ConvBlock], way: WayUp, furthest: list[PartialPlanError], *, in_order: bool
) -> tuple[list[Plan], int]:
    """The least odd plans of blocks, after how many tries; ends of the others go to `furthest`."""
    found: list[Plan] = []
    tries = 0
    for order in orders_of(units, in_order=in_order):
        search = _Search(order, way)
        plan = search.run()
        tries += search.tries
        if plan is None:
            furthest.append(search.furthest)
        elif plan not in found:
            found.append(plan)
            if in_order and plan.oddness == 0:
                break
    least = min((plan.oddness for plan in found), default=0)
    found = [plan for plan in found if plan.oddness == least]
    return found[:1] if in_order else found, tries


def _ways_up(elements: Sequence[Element]) -> tuple[WayUp, ...]:
    """How maps may be made larger: by one kind of thing in the whole network."""
    possible = any(layer.kind == "transposed" for e in elements for layer in e.meanings)
    certain = any(all(layer.kind == "transposed" for layer in e.meanings) for e in elements)
    if certain:
        return ("transposed",)
    return ("transposed", "free", "shuffle") if possible else ("free", "shuffle")


def with_gates(plan: Plan, gates: Sequence[Gate]) -> Plan | None:
    """The plan with each gate at the join whose channels it fits; None if one fits nowhere."""
    if not gates:
        return plan
    left, found = [*gates], []
    for n, step in enumerate(plan.steps):
        if step.action != "join":
            continue
        layer = next(plan.layers[s.layer] for s in plan.steps[n:] if s.action == "layer")
        above = _channels_at(plan, n)
        fitting = [
            fitted
            for gate in left
            if (fitted := _fitted(gate, above, layer.inputs - above)) is not None
        ]
        if not fitting:
            return None
        # of several that fit, the one that has the same number in its name
        chosen = min(fitting, key=lambda g: _numbers(g.path)[:1] != _numbers(layer.name)[:1])
        found.append(chosen)
        left = [gate for gate in left if gate.path != chosen.path]
    return None if left else replace(plan, gates=tuple(found))


def _fitted(gate: Gate, above: int, skip: int) -> Gate | None:
    """A gate as it reads maps of these channels; None if it cannot."""
    turned = Gate(gate.path, gate.skip, gate.above, gate.share)
    for each in (gate, turned):
        if (each.above.inputs, each.skip.inputs) == (above, skip):
            return each if each.share.outputs in (1, skip) else None
    return None


def _numbers(name: str) -> list[str]:
    return re.findall(r"\d+", name)


def _channels_at(plan: Plan, place: int) -> int:
    """Of the map before a step that joins nothing since the last layer."""
    for n in range(place - 1, -1, -1):
        step = plan.steps[n]
        if step.action == "layer":
            outputs = plan.layers[step.layer].outputs
            shuffled = any(s.action == "shuffle" for s in plan.steps[n:place])
            return outputs // 4 if shuffled else outputs
    return plan.in_channels


def _with_sums(plan: Plan) -> Plan:
    """The plan with what it would be if skips were added, where all their channels allow that."""
    if plan.count("join") or not plan.count("drop"):
        return plan
    steps: list[PlanStep] = []
    kept: list[int] = []
    pending = -1
    for n, step in enumerate(plan.steps):
        if step.action == "drop":
            if pending >= 0:
                return plan
            continue
        steps.append(step)
        if step.action == "keep":
            kept.append(_channels_at(plan, n))
        if _rises(plan, step) and kept:
            pending = kept.pop()
        if pending >= 0 and _channels_at(plan, n + 1) == pending and _may_add(plan, n):
            steps.append(PlanStep("add", unit=step.unit))
            pending = -1
    return replace(plan, added=tuple(steps)) if pending < 0 and not kept else plan


def _rises(plan: Plan, step: PlanStep) -> bool:
    transposed = step.action == "layer" and plan.layers[step.layer].kind == "transposed"
    return transposed or step.action in ("up", "shuffle")


def _may_add(plan: Plan, place: int) -> bool:
    """Whether a skip may be added after a step: one that makes the map larger, or 1 x 1 after it."""
    step = plan.steps[place]
    if step.action != "layer" or _rises(plan, step):
        return _rises(plan, step)
    return plan.layers[step.layer].kernel == 1 and _rises(plan, plan.steps[place - 1])


class _Level(NamedTuple):
    """A place in the encoder where the size may be halved: after so many steps, with channels."""

    place: int
    channels: int
    must: bool


@dataclass(frozen=True)
class _State:
    """How far a network was followed.

    Attributes:
        steps: What happened, with the index of a level at "join" and "drop" instead of a layer.
        layers: In their order.
        used: Names of the convolutions that were placed.
        unit: The block that the network is in, and which of it is left.
        left: See `unit`.
        channels: Of the map.
        levels: Where the size may have been halved.
        at: Levels from this one on were joined or passed.
        decoding: Whether it was doubled already.
        pending: Whether it was doubled and the level's skip was not joined yet.
    """

    channels: int
    steps: tuple[PlanStep, ...] = ()
    layers: tuple[PlainLayer, ...] = ()
    used: frozenset[str] = frozenset()
    unit: ConvBlock | None = None
    left: tuple[Element, ...] = ()
    levels: tuple[_Level, ...] = ()
    at: int = 0
    decoding: bool = False
    pending: bool = False

    @property
    def dropped(self) -> int:
        """How many skips were left out."""
        return sum(step.action == "drop" for step in self.steps)

    def then(self, action: Action, level: int = -1) -> _State:
        return replace(self, steps=(*self.steps, PlanStep(action, level)))


class _Search:
    """Follows a network through its blocks, in the order given as far as the channels allow it."""

    def __init__(self, units: Sequence[ConvBlock], way: WayUp) -> None:
        self._units, self._way = units, way
        self._total = sum(len(unit.elements) for unit in units)
        self.tries = 0
        self._most = _MOST_TRIES * _FEW_CONVOLUTIONS // max(_FEW_CONVOLUTIONS, self._total)
        self._limit = self._most
        self._best = _State(0)
        self._found: Plan | None = None

    @property
    def furthest(self) -> PartialPlanError:
        """Where the way that led furthest ended."""
        best = self._best
        left = [e for unit in self._units for e in unit.elements if e.name not in best.used]
        last = best.layers[-1].name if best.layers else ""
        return PartialPlanError(left, len(best.layers), last, best.channels)

    def run(self) -> Plan | None:
        """The first way that places all and has nothing odd, else the least odd; None if none."""
        roots = {
            layer.inputs
            for unit in self._units
            for element in unit.elements
            for layer in element.meanings
            if layer.kind == "conv"
        }
        apart = sum(any(y.depthwise for y in e.meanings) for u in self._units for e in u.elements)
        # what looks like a first layer of one channel is mostly a depthwise one
        for channels in sorted(roots, key=lambda c: (c == 1 and apart > 1, c)):
            if channels == 1 and apart > 1:
                self._limit = self.tries + self._most
            self._follow(_State(channels))
            if self._found is not None and self._found.oddness == 0:
                break
        return self._found

    def _follow(self, state: _State) -> bool:
        """Follow all ways from here on; whether to stop."""
        self.tries += 1
        if self.tries > self._limit:
            return True
        if len(state.layers) > len(self._best.layers):
            self._best = state
        if len(state.used) < self._total:
            # a skip that could be joined is seldom left out
            moves = sorted(self._moves(state), key=lambda following: following.dropped)
            return any(self._follow(following) for following in moves)
        plan = self._finished(state)
        if plan is not None and (self._found is None or plan.oddness < self._found.oddness):
            self._found = plan
        return plan is not None and plan.oddness == 0

    def _moves(self, state: _State) -> Iterator[_State]:
        begins = not state.left
        for unit, own in self._next_blocks(state):
            for element in own:
                for layer in element.meanings:
                    if self._may_fit(state, layer, begins=begins):
                        left = tuple(e for e in own if e is not element)
                        entered = replace(state, unit=unit, left=left)
                        yield from self._places(entered, layer, begins=begins)

    def _next_blocks(self, state: _State) -> Iterator[tuple[ConvBlock, tuple[Element, ...]]]:
        """The block that the network is in with what is left of it, else those not entered yet."""
        if state.left and state.unit is not None:
            yield state.unit, state.left
            return
        rises = self._way == "free" and not state.pending
        for late in (False, True) if rises else (False,):
            for unit in self._units:
                if unit.elements[0].name in state.used:
                    continue
                # what comes first in a Sequential there, and has no tensors, makes maps larger
                first = unit.is_upward and unit.elements[0].meanings[0].after_others
                if not rises or first != late:
                    yield unit, unit.elements

    def _may_fit(self, state: _State, layer: PlainLayer, *, begins: bool) -> bool:
        """Whether a layer can be next, by its channels alone."""
        if layer.inputs == state.channels:
            return True
        joins = state.pending or (begins and self._way == "free")
        return joins and layer.inputs > state.channels

    def _places(self, state: _State, layer: PlainLayer, *, begins: bool) -> Iterator[_State]:
        """What may happen before and with a layer, the likelier first."""
        assert state.unit is not None
        if layer.kind == "transposed":
            if self._way == "transposed" and layer.inputs == state.channels:
                risen = self._risen(state)
                yield from () if risen is None else (_with(risen, layer),)
            return
        upward = state.unit.is_upward
        encoded = () if state.decoding else tuple(self._encoded(state, layer, begins=begins))
        yield from () if upward else encoded
        yield from self._joined(state, layer)
        if begins and self._way == "free":
            yield from self._made_larger(state, layer)
        if state.decoding and layer.inputs == state.channels:
            yield _with(state, layer)
        if self._way == "shuffle" and (upward or is_upward(layer.name)):
            yield from self._shuffled(state, layer)
        yield from encoded if upward else ()

    def _made_larger(self, state: _State, layer: PlainLayer) -> Iterator[_State]:
        """With a map that is doubled by something without tensors before a layer."""
        assert state.unit is not None
        risen = self._risen(state)
        if risen is None:
            return
        yield from self._joined(risen.then("up"), layer)
        if state.unit.is_upward and layer.inputs == state.channels:
            yield _with(risen.then("up"), layer)

    def _shuffled(self, state: _State, layer: PlainLayer) -> Iterator[_State]:
        risen = self._risen(state)
        if risen is not None and layer.inputs == state.channels and layer.outputs % 4 == 0:
            yield replace(_with(risen, layer).then("shuffle"), channels=layer.outputs // 4)

    def _encoded(self, state: _State, layer: PlainLayer, *, begins: bool) -> Iterator[_State]:
        if layer.inputs != state.channels:
            return
        place = len(state.steps)
        if layer.halves:
            if state.layers:
                levels = [level for level in state.levels if level.place != place]
                must = _Level(place, state.channels, must=True)
                yield _with(replace(state, levels=(*levels, must)), layer)
            return
        yield _with(self._ended(state, begins), layer)

    def _ended(self, state: _State, begins: bool) -> _State:
        """With the end of the block before as a place where the size may be halved."""
        place = len(state.steps)
        if state.decoding or not begins or not state.layers or state.layers[-1].halves:
            return state
        if any(level.place == place for level in state.levels):
            return state
        level = _Level(place, state.channels, must=False)
        return replace(state, levels=(*state.levels, level))

    def _risen(self, state: _State) -> _State | None:
        """At the next level up, if there is one; the skip of one that was not joined is forgotten."""
        if not state.layers:
            return None
        if not state.decoding:
            state = replace(state, at=len(state.levels), decoding=True)
        state = _dropped(state)
        return replace(state, pending=True) if state.at > 0 else None

    def _joined(self, state: _State, layer: PlainLayer) -> Iterator[_State]:
        """With the skip that a layer takes beside the map, if one fits."""
        if not state.pending:
            return
        wanted = layer.inputs - state.channels
        for number in range(state.at - 1, -1, -1):
            level = state.levels[number]
            if level.channels == wanted:
                passed = state.then("join", number)
                yield _with(replace(passed, at=number, pending=False), layer)
            if level.must:
                return

    def _finished(self, state: _State) -> Plan | None:
        last = state.layers[-1]
        if not state.decoding or last.norm is not None or last.kernel % 2 == 0:
            return None
        state = _dropped(state)
        used = [step.layer for step in state.steps if step.action in ("join", "drop")]
        missed = [n for n, level in enumerate(state.levels) if level.must and n not in used]
        if missed or not used:
            return None
        return _plan_of(state, self._units, used)


def _with(state: _State, layer: PlainLayer) -> _State:
    return replace(
        state,
        steps=(*state.steps, PlanStep("layer", len(state.layers))),
        layers=(*state.layers, layer),
        used=state.used | {layer.name},
        channels=layer.outputs,
    )


def _dropped(state: _State) -> _State:
    """A level that was not joined is the nearest one."""
    if not state.pending:
        return state
    return replace(state.then("drop", state.at - 1), at=state.at - 1, pending=False)


def _plan_of(state: _State, units: Sequence[ConvBlock], used: Sequence[int]) -> Plan | None:
    """The plan of a way that was followed to its end."""
    owner = {e.name: unit for unit in units for e in unit.elements}
    halved = {state.levels[number].place: state.levels[number].must for number in used}
    steps: list[PlanStep] = []
    for place, step in enumerate(state.steps):
        if place in halved:
            steps.append(PlanStep("keep"))
            if not halved[place]:
                steps.append(PlanStep("pool"))
        steps.append(step if step.action == "layer" else PlanStep(step.action))
    placed = _in_modules(steps, state.layers, owner)
    shortcuts = _shortcuts(state.layers, units, owner)
    if shortcuts is None:
        return None
    odd = _oddness(state, units, used, owner)
    return Plan(state.layers, tuple(placed), shortcuts, odd)


def _shortcuts(
    layers: Sequence[PlainLayer], units: Sequence[ConvBlock], owner: dict[str, ConvBlock]
) -> tuple[Shortcut, ...] | None:
    """The ways around blocks; None if one does not fit.

    Where some blocks have a convolution around them, others that keep their channels may have a way
    without one.
    """
    found: list[Shortcut] = []
    sided = any(unit.side is not None for unit in units)
    for unit in units if sided else ():
        own = [n for n, layer in enumerate(layers) if owner[layer.name] is unit]
        own = [n for n in own if layers[n].kind == "conv" and layers[n].kernel > 1]
        ends = (layers[own[0]].inputs, layers[own[-1]].outputs) if own else (0, -1)
        if unit.side is not None:
            if ends != (unit.side.inputs, unit.side.outputs):
                return None
            found.append(Shortcut(unit.side, own[0], own[-1]))
        elif unit.path and len(own) > 1 and ends[0] == ends[1]:
            found.append(Shortcut(None, own[0], own[-1]))
    return tuple(sorted(found, key=lambda shortcut: shortcut.first))


def _oddness(
    state: _State, units: Sequence[ConvBlock], used: Sequence[int], owner: dict[str, ConvBlock]
) -> int:
    """How many things are unlike what U-Nets do.

    Levels whose skip is left out while others are joined, ends of blocks in the encoder after which the size stays, skips
    joined where a name says that maps are made larger while others are called decoder, and sizes
    halved within what lies in one module.
    """
    steps, layers = state.steps, state.layers
    decoders = any("dec" in unit.name.lower() for unit in units)
    odd = len(state.levels) - len(set(used))
    apart = any(layer.depthwise for layer in layers[1:])
    odd += apart and layers[0].inputs == 1 < layers[0].outputs and layers[1].kernel == 1
    if any(step.action == "join" for step in steps):
        odd += sum(step.action == "drop" for step in steps)
    places = {state.levels[number].place for number in used}
    for before, step in enumerate(steps[1:]):
        if step.action != "layer":
            continue
        unit = owner[layers[step.layer].name]
        starts = unit.elements[0].name == layers[step.layer].name
        if steps[before].action == "join" and decoders and starts and is_upward(unit.name):
            odd += 1
        if before + 1 in places and steps[before].action == "layer":
            last = layers[steps[before].layer].name.rpartition(".")[0]
            odd += bool(last) and last == layers[step.layer].name.rpartition(".")[0]
    return odd


def _in_modules(
    steps: Sequence[PlanStep], layers: Sequence[PlainLayer], owner: dict[str, ConvBlock]
) -> list[PlanStep]:
    """The steps with the module of the block in which each happens.

    What lies between two layers of a block happens in it; a skip is kept, and the size halved,
    between blocks.
    """
    paths = [owner[layers[s.layer].name].path if s.action == "layer" else "" for s in steps]
    placed = list(steps)
    before = ""
    for n, step in enumerate(steps):
        if step.action == "layer":
            before = paths[n]
            placed[n] = step._replace(unit=before)
            continue
        after = next((paths[m] for m in range(n, len(steps)) if steps[m].action == "layer"), "")
        if before == after:
            placed[n] = step._replace(unit=before)
    return placed
