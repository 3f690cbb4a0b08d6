"""What a join brings together, and how much of the response to it comes from each source."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from segstudio.core.errors import SegstudioError
from segstudio.core.features import FeatureMap, Site, SkipEdge
from segstudio.inspection.nets.operations import argument
from segstudio.inspection.nets.recording import PassThrough, Recorder, recording
from segstudio.inspection.nets.running import evaluating, run
from segstudio.inspection.nets.tracing import as_batch, to_array

_IDENTITY: Final = frozenset({"dropout", "dropout2d", "feature_dropout", "contiguous", "clone"})


@dataclass(frozen=True)
class SkipMerge:
    """One join of a forward pass.

    Attributes:
        sources: activations (C, h, w) of what is joined, in the order of ``SkipEdge.merged``.
        joined: the result.
        shares: of each source in the response's energy; they sum to 1. The response is that of
            the convolution that reads the join, where one does so directly: each source's part of
            it, without bias, squared and summed. Parts can cancel, so energies of parts don't sum
            to that of the whole.
        response: name of that convolution's module; "" where none reads the join directly, and
            the shares are those of the sources' own energy.
        interference: energy of the whole response less that of its parts, relative to the parts:
            0 for parts that don't overlap, negative where they cancel.
    """

    sources: tuple[FeatureMap, ...] = field(repr=False)
    joined: FeatureMap = field(repr=False)
    shares: tuple[float, ...]
    response: str
    interference: float


def look_at_join(
    model: nn.Module,
    image: Tensor,
    edge: SkipEdge,
    *,
    check: Callable[[], None] | None = None,
) -> SkipMerge:
    """Return what the join of a skip edge brings together for an image.

    Raises:
        SegstudioError: if the join did not run.
    """
    watcher = _Watcher(edge)
    recorder = Recorder(model, watcher, graph=False, check=check)
    with torch.inference_mode(), evaluating(model), recording(model, recorder):
        run(model, as_batch(image))
    if watcher.joined is None or len(watcher.sources) != len(edge.merged):
        raise SegstudioError(
            f"the join of {edge.id} did not run", "Trace this image with this model again."
        )
    with torch.inference_mode():
        return watcher.result()


class _Watcher(PassThrough):
    """Keeps the arguments of a join and the first convolution that reads it."""

    def __init__(self, edge: SkipEdge) -> None:
        self.edge = edge
        self.wanted = {pair: number for number, pair in enumerate(edge.merged)}
        self.sources: dict[int, Tensor] = {}
        self.joined: Tensor | None = None
        self.convolution: tuple[str, tuple[Any, ...]] | None = None
        self._live: Tensor | None = None
        self._outer = {site for site, _ in edge.merged}
        self._hands_on = False

    def before(self, site: Site, args: tuple[Any, ...]) -> tuple[Any, ...]:
        if site in self._outer:
            items = args[0] if site.op in ("cat", "stack") else args
            for place, item in enumerate(items):
                number = self.wanted.get((site, place))
                if number is not None:
                    self.sources[number] = item.clone()  # it may be changed in place later
        reads = bool(args) and args[0] is self._live and self._live is not None
        self._hands_on = reads and site.op in _IDENTITY
        if reads and site.op == "conv2d" and self.convolution is None:
            self.convolution = (site.module, args)
        return args

    def after(self, site: Site, result: Tensor, *, in_place: bool) -> Tensor:
        del in_place
        complete = len(self.sources) == len(self.edge.merged)
        made = site in self._outer and site.op != "stack"
        summed = site.op == "sum" and self.joined is None  # of stacked maps
        if complete and (made or summed):
            self._live, self.joined = result, result.clone()
        elif self._hands_on:
            self._live = result
        return result

    def result(self) -> SkipMerge:
        sources = [self.sources[number] for number in range(len(self.edge.merged))]
        assert self.joined is not None
        parts, name = sources, ""
        whole = self.joined
        if self.convolution is not None:
            name, args = self.convolution
            parts = _responses(args, sources, self.edge.merged[self.edge.index][0].op)
            whole = _convolve(args, self.joined, argument(args, {}, 1, "weight"))
        energies = [float(part.double().square().sum()) for part in parts]
        total = sum(energies)
        shares = tuple(energy / total if total else 0.0 for energy in energies)
        over = float(whole.double().square().sum()) / total - 1 if total and name else 0.0
        arrays = tuple(to_array(source) for source in sources)
        return SkipMerge(arrays, to_array(self.joined), shares, name, over)


def _responses(args: tuple[Any, ...], sources: list[Tensor], op: str) -> list[Tensor]:
    """Return the convolution's response to each source alone, without bias."""
    weight: Tensor = argument(args, {}, 1, "weight")
    groups = int(argument(args, {}, 6, "groups", 1))
    if op != "cat":
        return [_convolve(args, source, weight) for source in sources]
    parts = []
    begin = 0
    for source in sources:
        end = begin + source.shape[1]
        if groups == 1:
            parts.append(_convolve(args, source, weight[:, begin:end]))
        else:  # a grouped kernel cannot be split: the other sources are zero instead
            padded = torch.cat([s if s is source else torch.zeros_like(s) for s in sources], dim=1)
            parts.append(_convolve(args, padded, weight))
        begin = end
    return parts


def _convolve(args: tuple[Any, ...], features: Tensor, weight: Tensor) -> Tensor:
    return F.conv2d(
        features,
        weight,
        None,
        argument(args, {}, 3, "stride", 1),
        argument(args, {}, 4, "padding", 0),
        argument(args, {}, 5, "dilation", 1),
        argument(args, {}, 6, "groups", 1),
    )
