"""Training by epochs: crops, steps, the look at whole images, the best one kept, exact resuming."""

from __future__ import annotations

import io
import json
import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Protocol

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from segstudio.core.errors import SegstudioError, one_line
from segstudio.core.prediction import Output
from segstudio.core.progress import no_check, no_report
from segstudio.metrics.class_sums import ClassPairs
from segstudio.metrics.confusion import Metrics
from segstudio.models.preprocess import Preprocess
from segstudio.models.semantic import SemanticRunner, as_logits, to_class_map
from segstudio.storage.atomic import write_atomically
from segstudio.training.data import Sample
from segstudio.training.dataset import IGNORED
from segstudio.training.loop import Stepper, learning_rate_factor
from segstudio.training.losses import LossSettings, parse_loss
from segstudio.training.plan import TrainingPlan
from segstudio.training.semantic_training import byte_values, memory_format, scaled
from segstudio.training.transforms import Augmentation, JointTransforms

CHECKPOINT_SECONDS: Final = 60.0
_TILE_PX: Final = 2048
_OVERLAP_PX: Final = 256
RANGE_STEPS: Final = 24
_RANGE_SHARE: Final = 0.05
_WARMUP: Final = 0.05


class SampleSource(Protocol):
    """Gives samples by name, as `DataSet.sample` does."""

    def sample(self, name: str) -> Sample:
        """The image of that name."""
        ...


class Crops:
    """Draws batches of augmented crops; its state can be kept and set again."""

    def __init__(self, source: SampleSource, names: Sequence[str], plan: TrainingPlan) -> None:
        """Args:
        source: Of the images.
        names: Those that are trained on.
        plan: Sizes, augmentation, preprocessing and the classes that are drawn more often.
        """
        self._source = source
        self._names = list(names)
        self._plan = plan
        self._preprocess = Preprocess.from_dict(dict(plan.preprocess))
        self._rng = np.random.default_rng(plan.seed)
        settings = Augmentation.from_json(plan.augmentation)
        self._transforms = JointTransforms(settings, plan.crop, plan.seed + 1)
        self._chances = self._emphasis()

    def _emphasis(self) -> npt.NDArray[np.float64]:
        """The chance of each image: by the root of its area, more with classes of few images.

        The factor of a class is the root of what its share of the images lacks to one half, as in
        LVIS (Gupta et al. 2019, https://arxiv.org/abs/1908.03195).
        """
        roots = np.zeros(len(self._names))
        having = np.zeros((len(self._names), 256), np.bool_)
        for place, name in enumerate(self._names):
            target = self._source.sample(name).target
            roots[place] = math.sqrt(target.size)
            having[place] = np.bincount(target.reshape(-1), minlength=256) > 0
        shares = np.maximum(having.mean(axis=0), 1 / max(1, len(self._names)))
        factors = np.maximum(1.0, np.sqrt(0.5 / shares))
        factors[IGNORED] = 1.0
        chances = roots * np.where(having, factors, 1.0).max(axis=1)
        result: npt.NDArray[np.float64] = chances / chances.sum()
        return result

    def batch(self) -> tuple[Tensor, Tensor]:
        """Images float32 (N, C, size, size), normalised, and classes int64 (N, size, size)."""
        pairs = [self._crop() for _ in range(self._plan.batch)]
        images = torch.stack([image for image, _ in pairs])
        values = byte_values(self._preprocess.from_rgb(images), self._preprocess)
        return self._preprocess.normalised(values), torch.stack([target for _, target in pairs])

    def _crop(self) -> tuple[Tensor, Tensor]:
        place = int(self._rng.choice(len(self._names), p=self._chances))
        sample = scaled(self._source.sample(self._names[place]), self._preprocess)
        image, target = self._transforms(
            sample.image, np.asarray(sample.target, np.uint8), sample.scale
        )
        return image, target

    def state(self) -> dict[str, Any]:
        """What the next crops depend on."""
        return {
            "images": json.dumps(self._rng.bit_generator.state),
            "transforms": self._transforms.state(),
        }

    def set_state(self, state: Mapping[str, Any]) -> None:
        """Go on from what `state` returned."""
        self._rng.bit_generator.state = json.loads(state["images"])
        self._transforms.set_state(state["transforms"])


@dataclass(frozen=True)
class Verdict:
    """What a network did on whole images.

    Attributes:
        names: Of the images.
        pairs: Of each image, which class met which.
        loss: Mean of the images' losses; NaN where images were too large to be seen at once.
        class_ids: The classes that are scored.
    """

    names: tuple[str, ...]
    pairs: tuple[ClassPairs, ...]
    loss: float
    class_ids: tuple[int, ...]

    @property
    def metrics(self) -> Metrics:
        """Scores of the summed counts."""
        return ClassPairs.total(self.pairs).metrics(self.class_ids)

    def worst(self, count: int) -> list[dict[str, Any]]:
        """Names and mean IoU of the worst images, the worst first."""
        scores = [pair.metrics(self.class_ids).mean_iou for pair in self.pairs]
        order = sorted(range(len(scores)), key=lambda i: (math.inf if math.isnan(scores[i])
                                                          else scores[i]))  # fmt: skip
        return [{"name": self.names[i], "iou": scores[i]} for i in order[:count]]


@dataclass
class Judge:
    """Looks at whole images with a network.

    Attributes:
        source: Of the images.
        names: Which.
        preprocess: What the network wants.
        output: What its channels mean.
        class_ids: The classes that are scored.
        device: Where it runs.
        precision: "bfloat16" or "float32".
        loss: Of logits and classes, if it is to be told.
    """

    source: SampleSource
    names: tuple[str, ...]
    preprocess: Preprocess
    output: Output
    class_ids: tuple[int, ...]
    device: torch.device
    precision: str = "float32"
    loss: Callable[[Tensor, Tensor], Tensor] | None = None

    def look(
        self,
        network: nn.Module,
        show: Callable[[str, npt.NDArray[np.uint8]], None] | None = None,
    ) -> Verdict:
        """Segment all images and count.

        Args:
            network: In evaluation mode, on the device.
            show: Told each name and label map (H, W).
        """
        runner = SemanticRunner(network, self.preprocess, self.device, self.output)
        counted, losses = [], []
        with torch.inference_mode(), autocast(self.device, self.precision):
            for name in self.names:
                sample = self.source.sample(name)
                labels, loss = self._one(runner, sample)
                losses.append(loss)
                counted.append(ClassPairs.of(np.asarray(sample.target, np.uint8), labels, IGNORED))
                if show is not None:
                    show(name, labels)
        mean = float(np.mean(losses)) if losses else math.nan
        return Verdict(self.names, tuple(counted), mean, self.class_ids)

    def _one(self, runner: SemanticRunner, sample: Sample) -> tuple[npt.NDArray[np.uint8], float]:
        if max(sample.target.shape) > _TILE_PX:
            found, _ = runner.predict(sample.image, _TILE_PX, _OVERLAP_PX, no_check, no_report)
            return found.labels, math.nan
        logits = runner.logits(sample.image).float()
        loss = math.nan
        if self.loss is not None:
            target = torch.from_numpy(np.asarray(sample.target, np.int64))[None].to(self.device)
            with torch.autocast(self.device.type, enabled=False):
                loss = float(self.loss(logits, target))
        return to_class_map(logits).labels, loss


@contextmanager
def autocast(device: torch.device, precision: str) -> Iterator[None]:
    """Compute in bfloat16 where that is asked for."""
    with torch.autocast(device.type, torch.bfloat16, enabled=precision == "bfloat16"):
        yield


class CropLoss:
    """The loss of a plan on batches of crops."""

    def __init__(self, plan: TrainingPlan, output: Output, classes: int) -> None:
        shares = plan.pixel_shares[:classes]
        settings = LossSettings(classes, IGNORED, shares, plan.thin)
        self.of_logits = parse_loss(plan.loss).make(settings)
        self._output = output
        self._precision = plan.precision

    def __call__(self, model: nn.Module, batch: Any) -> dict[str, Tensor]:
        """The loss by its name."""
        first = next(model.parameters())
        images, classes = (t.to(first.device) for t in batch)
        images = images.contiguous(memory_format=memory_format(first))
        with autocast(first.device, self._precision):
            out = model(images)
        logits = as_logits(out, self._output).float()
        if logits.shape[-2:] != classes.shape[-2:]:
            logits = F.interpolate(logits, size=classes.shape[-2:], mode="bilinear")
        return {"loss": self.of_logits(logits, classes)}


@dataclass
class EpochProgress:
    """Where a training by epochs stands; all of it is kept in a checkpoint.

    Attributes:
        epoch: Epochs that are done.
        step: Steps of the epoch that runs.
        seconds: Of training, without pauses.
        best: Score of the best epoch; -1 before there is one.
        best_epoch: Its number, from 1; 0 before there is one.
        rate: Learning rate, once it is chosen; else 0.
        loss_sum: Of the steps of the epoch that runs.
        judging: Seconds that the last look at whole images took.
        over: Whether the budget is used up.
    """

    epoch: int = 0
    step: int = 0
    seconds: float = 0.0
    best: float = -1.0
    best_epoch: int = 0
    rate: float = 0.0
    loss_sum: float = 0.0
    judging: float = 0.0
    over: bool = False


@dataclass(frozen=True)
class RangeFound:
    """What the range test saw: a loss for each learning rate, and the rate it chose."""

    rates: list[float] = field(default_factory=list)
    losses: list[float] = field(default_factory=list)
    chosen: float = 0.0


class EpochTrainer:
    """Trains a network as a plan says; what to do between two steps its user decides."""

    def __init__(
        self, network: nn.Module, crops: Crops, loss: CropLoss, plan: TrainingPlan
    ) -> None:
        """Args:
        network: On its device.
        crops: What is trained on.
        loss: What is minimised.
        plan: Budget, rate and the rest.
        """
        self.plan = plan
        self.crops = crops
        self.progress = EpochProgress()
        self._loss = loss
        self._stepper = self._new_stepper(network)
        torch.manual_seed(plan.seed)

    def _new_stepper(self, network: nn.Module) -> Stepper:
        plan = self.plan
        return Stepper(network, self._loss, plan.weight_decay, plan.ema)

    @property
    def averaged(self) -> nn.Module:
        """The network with averaged weights, in evaluation mode."""
        return self._stepper.ema.model

    @property
    def steps_done(self) -> int:
        """Steps since the start."""
        return self._stepper.step

    @property
    def losses(self) -> dict[str, float]:
        """Smoothed losses by name."""
        return dict(self._stepper.losses)

    @property
    def fraction(self) -> float:
        """The part of the budget that is used, 0..1; of time the last look is paid from it, too."""
        plan, progress = self.plan, self.progress
        if plan.epochs is not None:
            return min(1.0, (progress.epoch + progress.step / plan.steps) / plan.epochs)
        whole = 60 * plan.budget["minutes"]
        return min(1.0, progress.seconds / max(whole - progress.judging, 0.5 * whole))

    @property
    def rate(self) -> float:
        """The learning rate of the next step."""
        return self.progress.rate * learning_rate_factor(self.fraction, _WARMUP)

    @property
    def left(self) -> float:
        """Seconds that are left; NaN if that cannot be told yet."""
        done = self.fraction
        if self.plan.epochs is None:
            return max(0.0, 60 * self.plan.budget["minutes"] - self.progress.seconds)
        return self.progress.seconds / done * (1 - done) if done > 0.02 else math.nan

    def find_rate(self, is_stopped: Callable[[], bool] = lambda: False) -> RangeFound:
        """Try rates that grow, each on a batch, and choose one; weights and chance are put back.

        The rate chosen is a third of the one at which the smoothed loss was lowest, and not
        further than a factor of three from the usual one: so few steps tell no more (Smith 2017,
        https://arxiv.org/abs/1506.01186).
        """
        usual = self.plan.learning_rate
        before, chance = _copied(self._stepper.state()), self.state_of_chance()
        began = time.monotonic()
        ends = math.log(usual / 30), math.log(usual * 30)
        found = RangeFound()
        limit = math.inf if self.plan.epochs else 60 * self.plan.budget["minutes"] * _RANGE_SHARE
        self._stepper.model.train()
        for place in range(RANGE_STEPS):
            if is_stopped():
                break
            at = place / (RANGE_STEPS - 1)
            rate = math.exp(ends[0] + at * (ends[1] - ends[0]))
            loss = self._stepper.learn(self.crops.batch(), rate)
            if not math.isfinite(loss) or (found.losses and loss > 4 * min(found.losses)):
                break
            found.rates.append(rate)
            found.losses.append(loss)
            if time.monotonic() - began > limit:
                break
        self._stepper = self._new_stepper(self._stepper.model)
        self._stepper.set_state(before)
        self.set_state_of_chance(chance)
        self.progress.rate = _chosen(found, usual)
        self.progress.seconds += time.monotonic() - began
        return RangeFound(found.rates, found.losses, self.progress.rate)

    def take_step(self) -> float:
        """Train on one batch; return its loss."""
        began = time.monotonic()
        self._stepper.model.train()
        loss = self._stepper.learn(self.crops.batch(), self.rate)
        progress = self.progress
        progress.step += 1
        progress.loss_sum += loss if math.isfinite(loss) else 0.0
        progress.seconds += time.monotonic() - began
        return loss

    @property
    def epoch_is_over(self) -> bool:
        """Whether it is time to look at whole images."""
        return self.progress.step >= self.plan.steps or self.fraction >= 1

    def end_epoch(
        self,
        judge: Judge,
        show: Callable[[str, npt.NDArray[np.uint8]], None] | None = None,
    ) -> tuple[Verdict, float, bool]:
        """Look at whole images with the averaged weights.

        Returns:
            What it saw, the mean loss of the epoch's steps, and whether it is the best so far.
        """
        began = time.monotonic()
        verdict = judge.look(self.averaged, show)
        progress = self.progress
        mean = progress.loss_sum / progress.step if progress.step else math.nan
        progress.over = self.fraction >= 1
        progress.epoch += 1
        progress.step, progress.loss_sum = 0, 0.0
        score = verdict.metrics.mean_iou
        best = not math.isnan(score) and score > progress.best
        if best or not progress.best_epoch:
            progress.best = max(progress.best, 0.0 if math.isnan(score) else score)
            progress.best_epoch = progress.epoch
            best = True
        progress.judging = time.monotonic() - began
        progress.seconds += progress.judging
        return verdict, mean, best

    # -- checkpoints ---------------------------------------------------------------------------

    def state_of_chance(self) -> dict[str, Any]:
        """What all that is left to chance depends on."""
        return {"crops": self.crops.state(), "torch": torch.get_rng_state()}

    def set_state_of_chance(self, state: Mapping[str, Any]) -> None:
        """Go on from what `state_of_chance` returned."""
        self.crops.set_state(state["crops"])
        torch.set_rng_state(state["torch"])

    def save(self, path: Path, more: Mapping[str, Any]) -> None:
        """Write a checkpoint; the old one stays until the new one is whole."""
        state = {
            "stepper": self._stepper.state(),
            "chance": self.state_of_chance(),
            "progress": dict(vars(self.progress)),
            **more,
        }
        file = io.BytesIO()
        torch.save(state, file)
        write_atomically(path, file.getvalue(), durable=False)

    def restore(self, path: Path) -> dict[str, Any]:
        """Go on from a checkpoint; returns what it holds.

        Raises:
            SegstudioError: if it cannot be read or is of another network.
        """
        try:
            state: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
            self._stepper.set_state(state["stepper"])
            self.set_state_of_chance(state["chance"])
            self.progress = EpochProgress(**state["progress"])
        except Exception as error:
            raise SegstudioError(
                f"The checkpoint {path} cannot be gone on from ({one_line(error)[:200]}).",
                "Train anew, without --resume.",
            ) from error
        return state


def _copied(state: Any) -> Any:
    """The same values in tensors of their own."""
    if isinstance(state, Tensor):
        return state.detach().clone()
    if isinstance(state, Mapping):
        return {key: _copied(value) for key, value in state.items()}
    if isinstance(state, list | tuple):
        return type(state)(_copied(value) for value in state)
    return state


def _chosen(found: RangeFound, usual: float) -> float:
    if len(found.losses) < RANGE_STEPS // 2:
        return usual
    smooth = np.convolve(np.pad(found.losses, 2, mode="edge"), np.ones(5) / 5, mode="valid")
    lowest = found.rates[int(np.argmin(smooth))]
    rate = min(max(lowest / 3, usual / 3), usual * 3)
    return float(f"{rate:.2g}")
