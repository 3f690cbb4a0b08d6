"""The training loop: a budget of time or steps, averaged weights, checkpoints, cancel."""

from __future__ import annotations

import copy
import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

LossFunction = Callable[[nn.Module, Any], dict[str, Tensor]]
"""Maps (network, batch) to named losses; the loop minimises their sum."""


@dataclass(frozen=True)
class FitOptions:
    """Settings of one training.

    Attributes:
        minutes: time budget; the learning rate follows the elapsed part of it.
        steps: step budget, used instead when given.
        learning_rate: the highest one.
        weight_decay: of AdamW, for weights with more than one dimension only.
        warmup: part of the budget with rising learning rate.
        clip: largest gradient norm.
        ema: decay of the averaged weights.
        freeze_norm: part of the budget after which batch norm uses its averaged statistics and
            no longer those of the batch. Without it, rare kinds of images are normalised in
            training together with others of their batch, and alone when predicting.
        checkpoint: file to resume from and to save to.
        checkpoint_seconds: time between saves.
    """

    minutes: float = 30.0
    steps: int | None = None
    learning_rate: float = 2e-3
    weight_decay: float = 1e-2
    warmup: float = 0.05
    clip: float = 5.0
    ema: float = 0.998
    freeze_norm: float = 1.0
    checkpoint: Path | None = None
    checkpoint_seconds: float = 120.0


@dataclass(frozen=True)
class FitProgress:
    """Where a training stands: part done (0..1), steps, seconds, smoothed losses by name."""

    fraction: float
    step: int
    seconds: float
    losses: dict[str, float]


class Ema:
    """A copy of a network whose weights and buffers are running averages of the original's."""

    def __init__(self, model: nn.Module, decay: float) -> None:
        self.model = copy.deepcopy(model).eval().requires_grad_(False)
        self.decay = decay
        self.updates = 0

    @torch.no_grad()
    def update(self, model: nn.Module) -> None:
        """Move towards the network; early updates count more."""
        self.updates += 1
        decay = min(self.decay, (1 + self.updates) / (10 + self.updates))
        for mine, other in zip(
            self.model.state_dict().values(), model.state_dict().values(), strict=True
        ):
            if mine.is_floating_point():
                mine.lerp_(other, 1 - decay)
            else:
                mine.copy_(other)


def learning_rate_factor(fraction: float, warmup: float) -> float:
    """Return the learning rate's factor: linear rise, then half a cosine down to 0.01."""
    if fraction < warmup:
        return 0.04 + 0.96 * fraction / warmup
    rest = min(1.0, (fraction - warmup) / (1 - warmup))
    return 0.01 + 0.99 * (0.5 + 0.5 * math.cos(math.pi * rest))


class Stepper:
    """A network that learns from one batch after the other, with averaged weights beside it.

    Attributes:
        model: The network that learns.
        ema: The one with averaged weights.
        losses: Smoothed, by name.
        step: Batches so far.
    """

    def __init__(
        self,
        model: nn.Module,
        loss: LossFunction,
        weight_decay: float = 1e-2,
        ema: float = 0.998,
        clip: float = 5.0,
    ) -> None:
        self.model = model
        self.loss = loss
        self.clip = clip
        self.optimizer = torch.optim.AdamW(_parameter_groups(model, weight_decay), lr=0.0)
        self.ema = Ema(model, ema)
        self.step = 0
        self.losses: dict[str, float] = {}

    def learn(self, batch: Any, rate: float) -> float:
        """Take one step with a learning rate; return the loss before it.

        A batch whose loss or gradient is not finite changes nothing.
        """
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        statistics = [buffer.clone() for buffer in self.model.buffers()]
        losses = self.loss(self.model, batch)
        total = torch.stack(list(losses.values())).sum()
        self.optimizer.zero_grad(set_to_none=True)
        if bool(torch.isfinite(total)) and self._descend(total):
            self.ema.update(self.model)
            self._smooth(losses)
        else:
            # one spoilt batch would stay in batch norm's running statistics for good
            with torch.no_grad():
                for buffer, before in zip(self.model.buffers(), statistics, strict=True):
                    buffer.copy_(before)
        self.step += 1
        return float(total.detach())

    def _descend(self, total: Tensor) -> bool:
        """Step down the loss's gradient; False, and nothing learnt, if that is not finite."""
        total.backward()  # type: ignore[no-untyped-call]
        norm = nn.utils.clip_grad_norm_(self.model.parameters(), self.clip)
        if not bool(torch.isfinite(norm)):
            return False
        self.optimizer.step()
        return True

    def _smooth(self, losses: dict[str, Tensor]) -> None:
        """Follow the losses: at first their mean, later the last fifty or so."""
        share = max(0.02, 1 / (self.ema.updates or 1))
        for name, value in losses.items():
            new = float(value.detach())
            old = self.losses.get(name, new)
            self.losses[name] = old + share * (new - old)

    def state(self) -> dict[str, Any]:
        """All that a further step depends on, as `torch.load` reads it with weights only."""
        return {
            "model": self.model.state_dict(),
            "ema": self.ema.model.state_dict(),
            "ema_updates": self.ema.updates,
            "optimizer": self.optimizer.state_dict(),
            "step": self.step,
            "losses": self.losses,
        }

    def set_state(self, state: dict[str, Any]) -> None:
        """Go on from what `state` returned."""
        self.model.load_state_dict(state["model"])
        self.ema.model.load_state_dict(state["ema"])
        self.ema.updates = state["ema_updates"]
        self.optimizer.load_state_dict(state["optimizer"])
        self.step = state["step"]
        self.losses = state["losses"]


class Trainer(Stepper):
    """Trains one network; ``run`` returns the one with averaged weights."""

    def __init__(self, model: nn.Module, loss: LossFunction, options: FitOptions) -> None:
        """Prepare optimiser and averages, and resume from the checkpoint if there is one."""
        super().__init__(model, loss, options.weight_decay, options.ema, options.clip)
        self.options = options
        self.seconds = 0.0
        self.norm_is_frozen = False
        if options.checkpoint is not None and options.checkpoint.exists():
            self._resume(options.checkpoint)

    @property
    def fraction(self) -> float:
        """The part of the budget that is used, 0..1."""
        if self.options.steps is not None:
            return min(1.0, self.step / self.options.steps)
        return min(1.0, self.seconds / (60 * self.options.minutes))

    def run(
        self,
        batches: Iterator[Any],
        progress: Callable[[FitProgress], None] = lambda _: None,
        check: Callable[[], None] = lambda: None,
    ) -> nn.Module:
        """Train until the budget is used.

        Args:
            batches: endless batches for the loss function.
            progress: told after every step.
            check: called before every step; raises to cancel (what is done is checkpointed).

        Returns:
            The network with averaged weights, in evaluation mode.
        """
        saved = last = time.monotonic()
        self.model.train()
        try:
            while self.fraction < 1:
                check()
                self._one_step(next(batches))
                now = time.monotonic()
                self.seconds, last = self.seconds + now - last, now
                progress(FitProgress(self.fraction, self.step, self.seconds, dict(self.losses)))
                if now - saved > self.options.checkpoint_seconds:
                    self.save()
                    saved = now
        finally:
            self.save()
        return self.ema.model

    def _freeze_norm(self) -> None:
        """Give every batch norm the averaged statistics and keep them."""
        averaged = dict(self.ema.model.named_buffers())
        for name, module in self.model.named_modules():
            if isinstance(module, nn.BatchNorm2d):
                module.eval()
                for key, value in module.named_buffers():
                    value.copy_(averaged[f"{name}.{key}"])
        self.norm_is_frozen = True

    def _one_step(self, batch: Any) -> None:
        if not self.norm_is_frozen and self.fraction >= self.options.freeze_norm:
            self._freeze_norm()
        factor = learning_rate_factor(self.fraction, self.options.warmup)
        self.learn(batch, self.options.learning_rate * factor)

    def save(self) -> None:
        """Write the checkpoint, if a file was given; the old one stays until the new is whole."""
        path = self.options.checkpoint
        if path is None:
            return
        state = {**self.state(), "seconds": self.seconds}
        partial = path.with_suffix(".part")
        torch.save(state, partial)
        partial.replace(path)

    def _resume(self, path: Path) -> None:
        state = torch.load(path, weights_only=True)
        self.set_state(state)
        self.seconds = state["seconds"]


def _parameter_groups(model: nn.Module, weight_decay: float) -> list[dict[str, Any]]:
    """Split the parameters: biases and norms are not decayed."""
    trained = [p for p in model.parameters() if p.requires_grad]
    return [
        {"params": [p for p in trained if p.ndim > 1], "weight_decay": weight_decay},
        {"params": [p for p in trained if p.ndim <= 1], "weight_decay": 0.0},
    ]
