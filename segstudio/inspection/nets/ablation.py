"""Cut skip edges and channels during a forward pass, without changing the model."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from segstudio.core.errors import SegstudioError
from segstudio.core.features import (
    Cut,
    CutHow,
    EdgeCut,
    Role,
    Site,
)
from segstudio.inspection.nets.recording import PassThrough, Recorder, recording


@contextmanager
def cutting(
    model: nn.Module, cuts: Iterable[Cut], *, check: Callable[[], None] | None = None
) -> Iterator[Knife]:
    """Cut features in every forward pass of a model inside the ``with`` block, in this thread.

    Cuts of the input's own channels need ``Knife.prepare``, as no operation makes the input.
    """
    knife = Knife(tuple(cuts))
    with recording(model, Recorder(model, knife, graph=False, check=check)):
        yield knife


@dataclass(frozen=True, slots=True)
class _Edit:
    how: CutHow
    seed: int
    channels: tuple[int, ...] | None = None

    def apply(self, features: Tensor) -> Tensor:
        """Return features (N, C, ...) with the channels cut, in new memory."""
        if self.channels is None:
            return replacement(features, self.how, self.seed)
        count = features.shape[1]
        beyond = [channel for channel in self.channels if not 0 <= channel < count]
        if beyond:
            raise SegstudioError(f"there is no channel {beyond[0]} among {count}")
        edited = features.clone()
        index = list(self.channels)
        edited[:, index] = replacement(features[:, index], self.how, self.seed)
        return edited


class Knife(PassThrough):
    """Applies cuts at their operations."""

    def __init__(self, cuts: tuple[Cut, ...]) -> None:
        """Take the cuts; several may meet at one place and are applied in order."""
        self._arguments: dict[Site, list[tuple[int, _Edit]]] = {}
        self._results: dict[Site, list[_Edit]] = {}
        self._input: list[_Edit] = []
        self._done: set[Site] = set()
        for cut in cuts:
            self._add(cut)

    def _add(self, cut: Cut) -> None:
        if isinstance(cut, EdgeCut):
            edit = _Edit(cut.how, cut.seed)
            places = self._arguments.setdefault(cut.edge.site, [])
            places.append((cut.edge.argument, edit))
            return
        edit = _Edit(cut.how, cut.seed, cut.channels)
        if cut.layer.role is Role.INPUT:
            self._input.append(edit)
        else:
            self._results.setdefault(cut.layer.site, []).append(edit)

    def prepare(self, images: Tensor) -> Tensor:
        """Return the images with the input's own channels cut."""
        for edit in self._input:
            images = edit.apply(images)
        return images

    def before(self, site: Site, args: tuple[Any, ...]) -> tuple[Any, ...]:
        """Return a join's arguments with the cut ones replaced."""
        for place, edit in self._arguments.get(site, ()):
            args = _replaced(site, args, place, edit)
            self._done.add(site)
        return args

    def after(self, site: Site, result: Tensor, *, in_place: bool) -> Tensor:
        """Return a stage's result with the cut channels replaced."""
        edits = self._results.get(site)
        if not edits:
            return result
        self._done.add(site)
        edited = result
        for edit in edits:
            edited = edit.apply(edited)
        # who holds the tensor that was changed in place shall see the cut as well
        return result.copy_(edited) if in_place else edited

    def verify(self) -> None:
        """Raise if a cut's place did not come up.

        Raises:
            SegstudioError: naming the place.
        """
        missing = (self._arguments.keys() | self._results.keys()) - self._done
        if missing:
            site = min(missing, key=str)
            raise SegstudioError(
                f"nothing was cut in {site.module or 'the model'}: {site.op} did not run",
                "Trace this image with this model again.",
            )


def _replaced(site: Site, args: tuple[Any, ...], place: int, edit: _Edit) -> tuple[Any, ...]:
    if site.op in ("cat", "stack"):
        items = list(args[0])
        items[place] = edit.apply(items[place])
        return (items, *args[1:])
    return (*args[:place], edit.apply(args[place]), *args[place + 1 :])


def replacement(features: Tensor, how: CutHow, seed: int = 0) -> Tensor:
    """Return what stands in for features (N, C, h, w): same shape, type and device.

    Zeros; each channel's mean over its positions; or the positions in a random order, the same for
    all channels, which keeps what a position holds but not where.
    """
    if how is CutHow.ZERO:
        return torch.zeros_like(features)
    flat = features.flatten(2)
    if how is CutHow.MEAN:
        return flat.mean(2, keepdim=True).expand_as(flat).reshape(features.shape)
    generator = torch.Generator().manual_seed(seed)
    order = torch.randperm(flat.shape[2], generator=generator).to(features.device)
    return flat[:, :, order].reshape(features.shape)
