"""Which convolution each normalisation of a plain network belongs to: the one before it or after it.

Names and the order of the file tell, as far as the channels allow it. Without torch.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Final

COUNTER: Final = "num_batches_tracked"
STATISTICS: Final = frozenset({"running_mean", "running_var"})
Tensors = Mapping[str, tuple[int, ...]]
"""Shapes of a module's tensors by their own names."""

_KIND_WORDS: Final = re.compile(
    r"conv(olution)?(2d)?|batch_?norm(2d)?|group_?norm|inst(ance)?_?norm(2d)?|norm(2d)?"
    r"|p?re_?lu|act(ivation)?|(?<![a-z])(bn|gn|in|c|b|n)(?![a-z])|bn|_"
)


class NotPlainError(ValueError):
    """The tensors are not those of a network of plain convolutions; says why."""


def natural(name: str) -> tuple[tuple[int, int, str], ...]:
    """For sorting: numbers by their value."""
    parts = re.split(r"(\d+)", name)
    return tuple((0, int(p), "") if p.isdigit() else (1, 0, p) for p in parts if p)


def channels_of(tensors: Tensors) -> int:
    """Of a normalisation or slopes; 0 if the module has nothing of one axis."""
    return next((shape[0] for shape in tensors.values() if len(shape) == 1), 0)


def owners_after(
    modules: Mapping[str, Tensors],
    convolutions: Sequence[str],
    followers: Sequence[str],
    *,
    in_order: bool,
) -> dict[str, str]:
    """The convolution that each normalisation or slope follows.

    Raises:
        NotPlainError: if there is none.
    """
    places = {name: n for n, name in enumerate(modules)}
    taken: set[tuple[str, bool]] = set()
    owners = {}
    for follower in followers:
        channels = channels_of(modules[follower])
        is_slope = set(modules[follower]) == {"weight"}
        fitting = [
            name
            for name in convolutions
            if (name, is_slope) not in taken
            and ((is_slope and channels == 1) or channels in modules[name]["weight"][:2])
        ]
        owner = _likeliest(follower, fitting, places if in_order else None)
        if owner is None:  # of a depthwise convolution and the one after it, the latter
            fitting = [name for name in fitting if modules[name]["weight"][1] > 1]
            owner = _likeliest(follower, fitting, None)
        if owner is None:
            raise NotPlainError(f"{follower}.weight ({channels},) follows no convolution")
        owners[follower] = owner
        taken.add((owner, is_slope))
    return owners


def owners_led(
    modules: Mapping[str, Tensors],
    convolutions: Sequence[str],
    followers: Sequence[str],
    *,
    in_order: bool,
) -> tuple[dict[str, str], frozenset[str]]:
    """The convolution that each normalisation belongs to in a network that puts them first.

    Returns:
        The owners, and those among them whose normalisation comes before them.

    Raises:
        NotPlainError: if one belongs to none, or none comes first.
    """
    weights = [modules[name]["weight"] for name in convolutions]
    given = {w[0] for w in weights} | {w[1] for w in weights if w[2] % 2 == 0}
    if all(channels_of(modules[name]) in (1, *given) for name in followers):
        # where they come first, some read a map to which a skip was joined
        raise NotPlainError("each normalisation may follow a convolution")
    led = _Led(modules, convolutions, in_order=in_order)
    # what names and places leave open may be the only one that is left after the others
    for follower in [name for name in followers if not led.place(name)]:
        if not led.place(follower):
            count = channels_of(modules[follower])
            raise NotPlainError(f"{follower}.weight ({count},) comes before no convolution")
    if not led.leading:
        raise NotPlainError("no normalisation comes before a convolution")
    return led.owners, frozenset(led.leading)


class _Led:
    """Gives normalisations to the convolutions that read what they give."""

    def __init__(
        self, modules: Mapping[str, Tensors], convolutions: Sequence[str], *, in_order: bool
    ) -> None:
        self._modules, self._convolutions = modules, convolutions
        self._places = {name: n for n, name in enumerate(modules)} if in_order else None
        self.owners: dict[str, str] = {}
        self.leading: set[str] = set()

    def place(self, norm: str) -> bool:
        """Whether the one that a normalisation belongs to is found."""
        channels = channels_of(self._modules[norm])
        weights = {n: self._modules[n]["weight"] for n in self._convolutions}
        free = [name for name in weights if name not in self.owners.values()]
        reads = [n for n in free if weights[n][1] == channels and weights[n][2] % 2]
        parent, _, key = norm.rpartition(".")
        owner = _next_in_sequential(norm, reads)
        behind = f"{parent}.{int(key) - 1}" if key.isdigit() else ""
        if owner is None and behind in free and weights[behind][0] == channels:
            self.owners[norm] = behind
            return True
        if owner is None:
            # what lies around a block reads the same, but not what is normalised
            wide = [name for name in reads if weights[name][2] > 1]
            owner = self._nearest(norm, wide or reads)
        if owner is None:
            return False
        self.owners[norm] = owner
        self.leading.add(owner)
        return True

    def _nearest(self, norm: str, reads: Sequence[str]) -> str | None:
        """In the smallest module around it, the next one, or the only one, or the one called so."""
        parts = norm.split(".")
        for depth in range(len(parts) - 1, -1, -1):
            around = ".".join(parts[:depth])
            inside = [n for n in reads if not around or n.startswith(f"{around}.")]
            if self._places is not None:
                later = [n for n in inside if self._places[n] > self._places[norm]]
                if later:
                    return min(later, key=self._places.__getitem__)
                continue
            own = {_bare(part) for part in parts[depth:]} - {""}
            alike = [n for n in inside if _bare(n[len(around) :].lstrip(".")) in own]
            if len(alike) == 1:
                return alike[0]
            if len(inside) == 1:
                return inside[0]
        return None


def _next_in_sequential(norm: str, reads: Sequence[str]) -> str | None:
    parent, _, key = norm.rpartition(".")
    if not key.isdigit():
        return None
    beside = [n for n in reads if n.rpartition(".")[0] == parent]
    later = [n for n in beside if (k := n.rpartition(".")[2]).isdigit() and int(k) > int(key)]
    return min(later, key=natural, default=None)


def _likeliest(follower: str, fitting: Sequence[str], places: dict[str, int] | None) -> str | None:
    """Of the convolutions that fit, the one whose name or place says that the other follows it."""
    parent, _, key = follower.rpartition(".")
    near = [name for name in fitting if name.rpartition(".")[0] == parent]
    if key.isdigit():
        before = [n for n in near if (k := n.rpartition(".")[2]).isdigit() and int(k) < int(key)]
        if before:
            return max(before, key=natural)
    same = [n for n in near if _bare(n.rpartition(".")[2]) == _bare(key)]
    if len(same) == 1:
        return same[0]
    if places is not None:
        earlier = [n for n in fitting if places[n] < places[follower]]
        if earlier:
            return max(earlier, key=places.__getitem__)
    if len(near) == 1:
        return near[0]
    alike = [n for n in fitting if _bare(n) == _bare(follower)]
    return alike[0] if len(alike) == 1 else _of_nearest_module(follower, fitting)


def _of_nearest_module(follower: str, fitting: Sequence[str]) -> str | None:
    """The only one in the smallest module around something."""
    parts = follower.split(".")
    for depth in range(len(parts) - 1, 0, -1):
        around = ".".join(parts[:depth])
        inside = [name for name in fitting if name.startswith(f"{around}.")]
        if inside:
            return inside[0] if len(inside) == 1 else None
    return None


def _bare(name: str) -> str:
    return _KIND_WORDS.sub("", name.lower())
