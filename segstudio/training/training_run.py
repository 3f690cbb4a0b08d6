"""One training from data to result: what `segstudio train` does, in the order in which it happens."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final, Literal, Protocol

import numpy as np
import torch
from torch import nn

from segstudio import __version__
from segstudio.core.errors import CancelledError, SegstudioError
from segstudio.core.formatting import counted
from segstudio.core.prediction import ModelSpec, Output
from segstudio.core.schema import LabelSchema
from segstudio.metrics.bootstrap import paired_difference
from segstudio.models.devices import is_out_of_memory, resolve_device
from segstudio.models.families import FAMILIES
from segstudio.models.preprocess import Preprocess
from segstudio.models.routes import has_bfloat16
from segstudio.report.software import versions
from segstudio.storage.mask_pattern import ChosenMasks, MaskPattern
from segstudio.training.data import Sample
from segstudio.training.dataset import (
    DataSet,
    Split,
    joined_classes,
    k_fold,
    split_by_folder,
    split_by_seed,
    split_with_validation,
)
from segstudio.training.epoch_training import (
    CHECKPOINT_SECONDS,
    CropLoss,
    Crops,
    EpochTrainer,
    Judge,
    Verdict,
)
from segstudio.training.fingerprint import Fingerprint
from segstudio.training.model_file import FORMAT, load_state_of, save_model
from segstudio.training.plan import ARCHITECTURES, SCRATCH, TrainingPlan, Wanted, propose, with_rate
from segstudio.training.records import (
    OTHER_FOLDER,
    Done,
    Epoch,
    Note,
    Paused,
    Proof,
    RangeTest,
    Resumed,
    Started,
    StepTaken,
    StoppedEarly,
    TrainingEvent,
)
from segstudio.training.run_folder import RunFolder, is_begun, shown_names
from segstudio.training.start_networks import StartNetwork, built_network, saved_state

SplitBy = Literal["seed", "folder"]
Tell = Callable[[TrainingEvent], None]
_MEASURED: Final = 64
_STEP_SECONDS: Final = 0.5
_WORST: Final = 5
_WAIT: Final = 0.05


class Commands(Protocol):
    """What the user wants meanwhile; asked between two steps."""

    def stop(self) -> bool:
        """Whether it shall stop and keep the best."""
        ...

    def pause(self) -> bool:
        """Whether it shall wait."""
        ...


@dataclass(frozen=True)
class TrainingRequest:
    """What is to be trained.

    Attributes:
        data: Folder of images with masks.
        out: The file for the result.
        validation: Another folder, by which the best epoch is chosen and the result proven.
        ignore: Id in the masks that counts nowhere.
        masks: The masks that a person chose for `data`.
        done_only: Whether only images marked as done are used.
        split_by: How images are parted where there is no other folder.
        fold: Which part of how many is held out, from 1, for cross-validation.
        start: Id or file of the model to start from; "" from scratch.
        wanted: What else was asked for.
        checkpoint_seconds: Time between checkpoints, besides those after each epoch.
    """

    data: Path
    out: Path
    validation: Path | None = None
    ignore: int | None = None
    masks: ChosenMasks = field(default_factory=ChosenMasks)
    done_only: bool = False
    split_by: SplitBy = "seed"
    fold: tuple[int, int] | None = None
    start: str = ""
    wanted: Wanted = field(default_factory=Wanted)
    checkpoint_seconds: float = CHECKPOINT_SECONDS

    def to_json(self) -> dict[str, Any]:
        """What a resumed training needs; where things lie is absolute."""
        pattern = self.masks.pattern
        return {
            "data": str(self.data.absolute()),
            "validation": None if self.validation is None else str(self.validation.absolute()),
            "ignore": self.ignore,
            "masks": None if self.masks.folder is None else str(self.masks.folder.absolute()),
            "pattern": None if pattern is None else pattern.text,
            "done_only": self.done_only,
            "split_by": self.split_by,
            "start": self.start,
        }

    def as_begun(self, data: Mapping[str, Any]) -> TrainingRequest:
        """The request that a training was begun with, from `to_json`'s values."""
        folder, pattern = data.get("masks"), data.get("pattern")
        validation = data.get("validation")
        return replace(
            self,
            data=Path(data["data"]),
            validation=None if validation is None else Path(validation),
            ignore=data.get("ignore"),
            masks=ChosenMasks(
                None if folder is None else Path(folder),
                None if pattern is None else MaskPattern(pattern),
            ),
            done_only=bool(data.get("done_only")),
            split_by=data.get("split_by", "seed"),
            start=str(data.get("start", "")),
        )


class _Images:
    """The samples of one folder, or of two under names that tell them apart."""

    def __init__(self, train: DataSet, validation: DataSet | None) -> None:
        self._sets = (train, validation or train)

    def sample(self, name: str) -> Sample:
        """From the folder of validation if it is there and has the name, else from the first."""
        begin, is_other, rest = name.partition(OTHER_FOLDER)
        if is_other and not begin:
            return replace(self._sets[1].sample(rest), name=name)
        return self._sets[0].sample(name)


class TrainingRun:
    """A training that is set up: `run` trains and returns what came of it."""

    def __init__(
        self,
        request: TrainingRequest,
        find_model: Callable[[str], ModelSpec],
        commands: Commands,
        tell: Tell,
    ) -> None:
        """Args:
        request: What is to be trained.
        find_model: The model that an id or a file names.
        commands: What the user wants meanwhile.
        tell: Told every event; they are in the record too.
        """
        self._request = request
        self._find_model = find_model
        self._commands = commands
        self._tell_outside = tell
        self._folder: RunFolder | None = None
        self._stopped = False
        self._told_at = 0.0
        self._saved_at = time.monotonic()

    def prepare(self, *, resume: bool = False, overwrite: bool = False) -> None:
        """Read the data, decide how it is trained on, and build the network.

        Nothing is written before all of that is known to be of use.

        Args:
            resume: Go on with the training that was begun into the same file.
            overwrite: Replace a result, and a training that was not ended.

        Raises:
            SegstudioError: if something that was given cannot be used; says what.
            CancelledError: if it was stopped meanwhile.
        """
        self._refuse_what_is_there(resume=resume, overwrite=overwrite)
        try:
            if resume:
                self._open_begun()
            else:
                self._open_data()
                self._open_start()
                self._make_plan()
            self._set_up()
            if self._folder is None:
                self._folder = RunFolder.make(self._request.out, anew=True)
                self._write_plan()
            self._folder.schema = self.schema
        except BaseException:
            self._close()
            raise

    def run(self) -> Done:
        """Train, once it is prepared, and write the result.

        Raises:
            SegstudioError: if memory or disk are not enough, or the checkpoint is damaged.
        """
        try:
            if self._run_folder.checkpoint.is_file():
                self._go_on()
            else:
                self._begin()
            self._train()
            return self._finish()
        except RuntimeError as error:
            if is_out_of_memory(error):
                raise SegstudioError(
                    "The memory is not enough for this training.",
                    "Choose a smaller --crop or --batch.",
                ) from error
            raise
        finally:
            self._close()

    def _close(self) -> None:
        if self._folder is not None:
            self._folder.close()

    def _refuse_what_is_there(self, *, resume: bool, overwrite: bool) -> None:
        out = self._request.out
        begun = is_begun(out)
        if resume:
            if not begun and out.exists():
                raise SegstudioError(
                    f"The training into {out} has ended.",
                    f"Train further from its result with --start {out} and another --out.",
                )
            if not begun:
                raise SegstudioError(
                    f"No training into {out} was begun.", "Train without --resume."
                )
        elif overwrite:
            return
        elif out.exists():
            raise SegstudioError(
                f"{out} is there already.", "Choose another --out, or say --overwrite."
            )
        elif begun:
            raise SegstudioError(
                f"A training into {out} was begun and not ended.",
                "Go on with it with --resume, or begin anew with --overwrite.",
            )

    def _open_begun(self) -> None:
        """Take up the plan of a training, and what it was begun with."""
        self._folder = RunFolder.make(self._request.out, anew=False)
        kept = self._folder.read_plan()
        self._request = self._request.as_begun(kept["request"])
        self._open_data()
        self._open_start()
        self._plan = TrainingPlan.from_json(kept["plan"])
        self._split = Split(**{k: tuple(v) for k, v in kept["split"].items()})
        self._fingerprint = kept["fingerprint"]
        self._require_images()

    # -- what is trained on ------------------------------------------------------------------------

    def _open_data(self) -> None:
        request, check = self._request, self._check_reading
        self._data = DataSet.open(
            request.data,
            ignore=request.ignore,
            masks=request.masks,
            done_only=request.done_only,
            check=check,
        )
        self._other: DataSet | None = None
        self.schema = self._data.schema
        if request.validation is not None:
            self._other = DataSet.open(request.validation, ignore=request.ignore, check=check)
            self.schema = joined_classes(self._data, self._other)
        self._images = _Images(self._data, self._other)

    @property
    def _run_folder(self) -> RunFolder:
        assert self._folder is not None
        return self._folder

    def _notes(self) -> list[str]:
        found = [*self._data.notes, *(() if self._other is None else self._other.notes)]
        self._data.notes.clear()
        if self._other is not None:
            self._other.notes.clear()
        return found

    def _open_start(self) -> None:
        self._start: StartNetwork | None = None
        if self._request.start:
            spec = self._find_model(self._request.start)
            self._start = StartNetwork.of(spec, self.schema)

    def _make_plan(self) -> None:
        request, wanted = self._request, self._request.wanted
        names = self._data.usable(self._data.names, self._check_reading)
        if not names:
            raise SegstudioError(
                f"No image in {request.data} can be used: {self._data.notes[0]}",
                "Look at its masks in the window.",
            )
        if self._other is not None:
            other = self._other.usable(self._other.names, self._check_reading)
            if not other:
                raise SegstudioError(f"No image in {request.validation} can be used.")
            self._split = split_with_validation(
                names, [f"{OTHER_FOLDER}{name}" for name in other], wanted.seed
            )
        elif request.fold is not None:
            number, folds = request.fold
            self._split = k_fold(names, folds, wanted.seed)[number - 1]
        elif request.split_by == "folder":
            self._split = split_by_folder(names, wanted.seed)
        else:
            self._split = split_by_seed(names, wanted.seed)
        device = resolve_device(wanted.device)
        wanted = replace(
            wanted,
            device=str(device),
            bfloat16=has_bfloat16(device),
            start=SCRATCH if self._start is None else self._start.spec.title,
        )
        shown = shown_names(self._split.train, _MEASURED)
        found = Fingerprint.of(self._images.sample(name) for name in shown)
        whole = replace(
            found,
            images=len(self._split.train),
            pixels=round(found.pixels * len(self._split.train) / len(shown)),
        )
        plan = propose(whole, self.schema, wanted, None if self._start is None else self._start.row)
        self._plan = replace(plan, why=(*plan.why, *self._why_of_split()))
        self._fingerprint = whole.to_json()

    def _write_plan(self) -> None:
        self._run_folder.write_plan(
            {
                "program": __version__,
                "request": self._request.to_json(),
                "plan": self._plan.to_json(),
                "split": self._split.to_json(),
                "schema": self.schema.to_json(),
                "fingerprint": self._fingerprint,
            }
        )

    def _why_of_split(self) -> list[str]:
        split = self._split
        if split.seen_in_validation:
            said = "there are so few images that each epoch is judged by those that it trains on"
        else:
            said = f"{counted(len(split.validation), 'image')} choose the best epoch"
        held = f"{counted(len(split.held_out), 'image')} held out for the proof at the end"
        return [f"{counted(len(split.train), 'image')} to train on, {said}; {held}."]

    def _require_images(self) -> None:
        """Refuse to go on if an image of the plan is gone: what follows would be another training."""
        for name in (*self._split.train, *self._split.validation, *self._split.held_out):
            try:
                self._images.sample(name)
            except KeyError as error:
                raise SegstudioError(
                    f"The image {name} of the training is gone.",
                    "Put it back, or train anew with --overwrite.",
                ) from error

    # -- the network -------------------------------------------------------------------------------

    def _set_up(self) -> None:
        plan = self._plan
        torch.set_num_threads(plan.threads)
        self._device = resolve_device(plan.device)
        if self._start is None:
            network = built_network(plan)
            self._output = Output()
        else:
            network, self._output = self._start.network, self._start.output
        network = network.to(self._device).to(memory_format=torch.channels_last)
        loss = CropLoss(plan, self._output, max(2, self.schema.num_classes))
        crops = Crops(self._images, self._split.train, plan)
        self._trainer = EpochTrainer(network, crops, loss, plan)
        self._judge = self._judge_of(self._split.validation, plan.precision)
        self._judge.loss = loss.of_logits

    def _judge_of(self, names: Sequence[str], precision: str) -> Judge:
        return Judge(
            self._images,
            tuple(names),
            Preprocess.from_dict(dict(self._plan.preprocess)),
            self._output,
            self.schema.ids,
            self._device,
            precision,
        )

    def _begin(self) -> None:
        plan = self._plan
        self._run_folder.cut_record(0)  # it may have been killed before the first checkpoint
        self._fingerprint_digest = self._data.digest(self._split.train)
        self._tell(
            Started(
                run=str(self._run_folder.path),
                out=str(self._request.out),
                arch=plan.arch or plan.family,
                start=plan.start,
                device=plan.device,
                threads=plan.threads,
                precision=plan.precision,
                classes=[
                    {"id": c.id, "name": c.name, "color": list(c.color)}
                    for c in self.schema.classes
                ],
                images=self._split.to_json(),
                budget=plan.budget,
                crop=plan.crop,
                batch=plan.batch,
                loss=plan.loss,
                learning_rate=0.0 if plan.finds_rate else plan.learning_rate,
                why=list(plan.why),
            )
        )
        for name in shown_names(self._judge.names):
            sample = self._images.sample(name)
            self._run_folder.write_view(
                name.removeprefix(OTHER_FOLDER), sample.image, sample.target
            )
        for note in (*self._notes(), *(() if self._start is None else self._start.notes)):
            self._tell(Note(note))
        self._trainer.progress.rate = plan.learning_rate
        if plan.finds_rate:
            found = self._trainer.find_rate(self._is_stopped)
            self._tell(RangeTest(found.rates, found.losses, found.chosen))
            self._plan = with_rate(plan, found.chosen)
            self._trainer.plan = self._plan
        self._save()

    def _go_on(self) -> None:
        state = self._trainer.restore(self._run_folder.checkpoint)
        self._fingerprint_digest = str(state["digest"])
        self._run_folder.cut_record(int(state["record_bytes"]))
        self._tell(Resumed(self._trainer.progress.seconds, self._trainer.steps_done))

    def _is_stopped(self) -> bool:
        """Whether the user wants it to stop; what runs is ended in order."""
        self._stopped = self._stopped or self._commands.stop()
        return self._stopped

    def _check_reading(self) -> None:
        """Give up while there is nothing to keep."""
        if self._commands.stop():
            raise CancelledError

    def _save(self) -> None:
        more = {"digest": self._fingerprint_digest, "record_bytes": self._run_folder.record_bytes}
        self._trainer.save(self._run_folder.checkpoint, more)
        self._saved_at = time.monotonic()

    # -- training ----------------------------------------------------------------------------------

    def _train(self) -> None:
        trainer = self._trainer
        while not trainer.progress.over:
            while not trainer.epoch_is_over:
                self._obey()
                if self._stopped:
                    break
                trainer.take_step()
                self._tell_step()
                if time.monotonic() - self._saved_at > self._request.checkpoint_seconds:
                    self._save()
            if self._stopped and trainer.progress.best_epoch:
                break
            self._end_epoch()
            if self._stopped:
                break
        if self._stopped:
            self._save()
            self._tell(StoppedEarly(trainer.progress.seconds))

    def _obey(self) -> None:
        if self._is_stopped() or not self._commands.pause():
            return
        self._save()
        self._tell(Paused(self._trainer.progress.seconds))
        while self._commands.pause() and not self._commands.stop():
            time.sleep(_WAIT)
        self._is_stopped()
        self._tell(Resumed(self._trainer.progress.seconds, self._trainer.steps_done))

    def _tell_step(self) -> None:
        if time.monotonic() - self._told_at < _STEP_SECONDS:
            return
        self._told_at = time.monotonic()
        trainer = self._trainer
        losses = trainer.losses
        self._tell(
            StepTaken(
                step=trainer.steps_done,
                epoch=trainer.progress.epoch + 1,
                fraction=trainer.fraction,
                seconds=trainer.progress.seconds,
                left=trainer.left,
                loss=sum(losses.values()),
                losses=losses,
                learning_rate=trainer.rate,
            )
        )

    def _end_epoch(self) -> None:
        trainer, folder = self._trainer, self._run_folder
        number = trainer.progress.epoch + 1
        shown = {*shown_names(self._judge.names)}

        def show(name: str, labels: np.ndarray[Any, np.dtype[np.uint8]]) -> None:
            if name in shown:
                folder.write_labels(number, name.removeprefix(OTHER_FOLDER), labels)

        verdict, train_loss, best = trainer.end_epoch(self._judge, show)
        metrics = verdict.metrics
        if best:
            self._save_network(folder.best, trainer.averaged, {"validation": _figures(verdict)})
        self._tell(
            Epoch(
                epoch=number,
                seconds=trainer.progress.seconds,
                train_loss=train_loss,
                validation_loss=verdict.loss,
                iou=metrics.iou.tolist(),
                dice=metrics.dice.tolist(),
                mean_iou=metrics.mean_iou,
                mean_dice=metrics.mean_dice,
                best=best,
                overlays=str(folder.epoch_folder(number)),
                worst=verdict.worst(_WORST),
            )
        )
        self._save()

    # -- the result --------------------------------------------------------------------------------

    def _finish(self) -> Done:
        progress = self._trainer.progress
        network = built_network(self._plan)
        load_state_of(network, self._run_folder.best)
        network = network.to(self._device).to(memory_format=torch.channels_last).eval()
        proof, verdict = self._proof(network)
        figures = {"validation": self._best_figures()}
        if verdict is not None:
            figures["held out"] = _figures(verdict)
        self._save_network(self._request.out, network, figures, proof)
        if proof is not None:
            self._tell(proof)
        done = Done(str(self._request.out), progress.best_epoch, progress.seconds)
        self._tell(done)
        if not self._stopped:
            # what is ended cannot be gone on with
            self._run_folder.checkpoint.unlink(missing_ok=True)
        return done

    def _best_figures(self) -> dict[str, float]:
        number = self._trainer.progress.best_epoch
        for event in self._run_folder.events():
            if isinstance(event, Epoch) and event.epoch == number:
                return {"mean_iou": event.mean_iou, "mean_dice": event.mean_dice}
        return {}

    def _proof(self, network: nn.Module) -> tuple[Proof | None, Verdict | None]:
        """Start and result on the images that were held out, in exact arithmetic."""
        names = self._split.held_out
        if not names:
            return None, None
        judge = self._judge_of(names, "float32")
        after = judge.look(network)
        if self._start is None or self._start.row.replaced:
            return _proof_alone(after, is_new=self._start is None), after
        fresh = StartNetwork.of(self._start.spec, self.schema).network.eval()
        before = judge.look(fresh.to(self._device).to(memory_format=torch.channels_last))
        return _proof_of(before, after), after

    def _save_network(
        self,
        path: Path,
        network: nn.Module,
        metrics: Mapping[str, Mapping[str, float]],
        proof: Proof | None = None,
    ) -> None:
        plan, progress = self._plan, self._trainer.progress
        description = {
            "format": FORMAT,
            "id": self._request.out.stem,
            "title": self._title(),
            "family": plan.family,
            "task": "semantic",
            "builder": plan.builder,
            "options": plan.options,
            "schema": LabelSchema(self.schema.classes, None).to_json(),
            "preprocess": plan.preprocess,
            "output": self._output.to_json(),
            "licence": "",
            "summary": f"{self._title()}, trained with segstudio on "
            f"{counted(len(self._split.train), 'image')} of {self._request.data.absolute().name}.",
            "data": "" if proof is None else proof.text,
            "metrics": {name: dict(values) for name, values in metrics.items()},
            "training": {
                "program": versions(),
                "plan": plan.to_json(),
                "images": {k: len(v) for k, v in self._split.to_json().items()},
                "data_fingerprint": self._fingerprint_digest,
                "epochs": progress.epoch,
                "best_epoch": progress.best_epoch,
                "steps": self._trainer.steps_done,
                "minutes": round(progress.seconds / 60, 2),
                "proof": None if proof is None else proof.to_json(),
            },
        }
        save_model(path, network, description, saved_state(network), half=False)

    def _title(self) -> str:
        plan = self._plan
        row, family = ARCHITECTURES.get(plan.arch), FAMILIES.get(plan.family)
        kind = row.title if row is not None else family.title if family is not None else plan.family
        return f"{kind}, {self._request.out.stem}"

    def _tell(self, event: TrainingEvent) -> None:
        self._run_folder.add(event)
        self._tell_outside(event)


def _figures(verdict: Verdict) -> dict[str, float]:
    metrics = verdict.metrics
    return {"mean_iou": metrics.mean_iou, "mean_dice": metrics.mean_dice}


def _proof_alone(after: Verdict, *, is_new: bool) -> Proof:
    score, count = after.metrics.mean_iou, len(after.names)
    why = "" if is_new else " The start has other classes: there is no score before."
    nothing = float("nan")
    text = f"Mean IoU {score:.2f} on {counted(count, 'image')} that it has not seen.{why}"
    return Proof(nothing, score, nothing, nothing, nothing, count, better=True, text=text)


def _proof_of(before: Verdict, after: Verdict) -> Proof:
    found = paired_difference(before.pairs, after.pairs, after.class_ids).mean_iou
    first, second = before.metrics.mean_iou, after.metrics.mean_iou
    count = len(after.names)
    spread = ""
    if count > 1:
        spread = f" [{found.low:+.2f}, {found.high:+.2f}]"
    text = (
        f"Mean IoU before {first:.2f}, after {second:.2f}, difference "
        f"{found.difference:+.2f}{spread} on {counted(count, 'image')} that it has not seen."
    )
    return Proof(
        first, second, found.difference, found.low, found.high, count,
        better=found.low > 0, text=text,
    )  # fmt: skip
