"""What a training tells while it runs: one JSON object a line, read again without torch.

`segstudio train --json` prints these lines, and `record.jsonl` of the run's folder keeps them.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from dataclasses import MISSING, asdict, dataclass, field, fields
from pathlib import Path
from typing import Any, ClassVar, Final

from segstudio.core.json_text import parse_json, without_nan

OTHER_FOLDER: Final = "val:"
"""What the names of images begin with that are of the folder for validation."""


@dataclass(frozen=True)
class TrainingEvent:
    """One line of a record; each kind has a name of its own."""

    event: ClassVar[str] = ""

    def to_json(self) -> dict[str, Any]:
        """A plain dictionary; what is not a number is None."""
        values: dict[str, Any] = without_nan(asdict(self))
        return {"event": self.event, **values}

    def to_line(self) -> str:
        """One line of JSON, without its end."""
        return json.dumps(self.to_json(), ensure_ascii=True, allow_nan=False)


@dataclass(frozen=True)
class Started(TrainingEvent):
    """What begins, and why it was set up like this.

    Attributes:
        run: The folder of the run.
        out: The file that will hold the result.
        arch: Key of the architecture.
        start: "scratch", or what the weights are at first.
        device: Where the network runs.
        threads: Of the CPU.
        precision: "float32" or "bfloat16".
        classes: Id, name and colour of each.
        images: Names of the images to train on, to choose the best by, and to prove it on; those
            of another folder begin with `OTHER_FOLDER`.
        budget: "minutes" or "epochs".
        crop: Side of the crops in pixels.
        batch: Crops a step.
        loss: What is minimised.
        learning_rate: The highest one; 0 until the range test has chosen it.
        why: The reasons, in sentences.
    """

    event: ClassVar[str] = "started"
    run: str
    out: str
    arch: str
    start: str
    device: str
    threads: int
    precision: str
    classes: list[dict[str, Any]]
    images: dict[str, list[str]]
    budget: dict[str, float]
    crop: int
    batch: int
    loss: str
    learning_rate: float
    why: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class RangeTest(TrainingEvent):
    """The short test that finds the learning rate: a loss for each rate, and the one chosen."""

    event: ClassVar[str] = "range_test"
    rates: list[float]
    losses: list[float]
    chosen: float


@dataclass(frozen=True)
class StepTaken(TrainingEvent):
    """Where a training stands; at most two a second.

    Attributes:
        step: Steps done.
        epoch: The one that runs, from 1.
        fraction: Part of the budget that is used, 0..1.
        seconds: Since the start, without pauses.
        left: Seconds that are left; NaN if that is not known yet.
        loss: Smoothed.
        losses: Its parts by name.
        learning_rate: Now.
    """

    event: ClassVar[str] = "step"
    step: int
    epoch: int
    fraction: float
    seconds: float
    left: float
    loss: float
    losses: dict[str, float]
    learning_rate: float


@dataclass(frozen=True)
class Epoch(TrainingEvent):
    """What an epoch came to on the whole images that it is judged by.

    Attributes:
        epoch: Its number, from 1.
        seconds: Since the start.
        train_loss: Mean over the epoch's steps.
        validation_loss: On whole images.
        iou: Of each class, in the order of `Started.classes`; NaN where there is none.
        dice: Likewise.
        mean_iou: Over the classes that have one.
        mean_dice: Likewise.
        best: Whether it is the best one so far.
        overlays: Folder with the predicted label maps of some of the images.
        worst: Names and mean IoU of the worst images, the worst first.
    """

    event: ClassVar[str] = "epoch"
    epoch: int
    seconds: float
    train_loss: float
    validation_loss: float
    iou: list[float]
    dice: list[float]
    mean_iou: float
    mean_dice: float
    best: bool
    overlays: str
    worst: list[dict[str, Any]] = field(default_factory=list)


@dataclass(frozen=True)
class Paused(TrainingEvent):
    """It waits for `resume`."""

    event: ClassVar[str] = "paused"
    seconds: float


@dataclass(frozen=True)
class Resumed(TrainingEvent):
    """It goes on after a pause, or from a checkpoint."""

    event: ClassVar[str] = "resumed"
    seconds: float
    step: int = 0


@dataclass(frozen=True)
class StoppedEarly(TrainingEvent):
    """It was asked to stop; the best that there is is kept."""

    event: ClassVar[str] = "stopped"
    seconds: float


@dataclass(frozen=True)
class Proof(TrainingEvent):
    """Start and result on images that were set aside before; NaN for what there is not.

    Attributes:
        before: Mean IoU of the start; NaN from scratch.
        after: Of the result.
        difference: Between them.
        low: Lower end of its 95 % interval, by a paired bootstrap over the images.
        high: Upper end.
        images: How many.
        better: Whether zero lies below the interval; True from scratch.
        text: The same in a sentence.
    """

    event: ClassVar[str] = "proof"
    before: float
    after: float
    difference: float
    low: float
    high: float
    images: int
    better: bool
    text: str = ""


@dataclass(frozen=True)
class Done(TrainingEvent):
    """The result is written."""

    event: ClassVar[str] = "done"
    out: str
    best_epoch: int
    seconds: float


@dataclass(frozen=True)
class Failed(TrainingEvent):
    """It ended without a result."""

    event: ClassVar[str] = "error"
    message: str
    hint: str = ""


@dataclass(frozen=True)
class Note(TrainingEvent):
    """Something worth showing: a file that was left out, say."""

    event: ClassVar[str] = "note"
    message: str


_KINDS: Final[dict[str, type[TrainingEvent]]] = {
    kind.event: kind
    for kind in (
        Started, RangeTest, StepTaken, Epoch, Paused, Resumed, StoppedEarly, Proof, Done, Failed, Note,
    )
}  # fmt: skip


def event_of(line: str | bytes) -> TrainingEvent | None:
    """What a line of a record says; None for a line that is not whole or of a newer version.

    None in a place for a number is NaN.
    """
    try:
        data = parse_json(line)
    except ValueError:
        return None
    kind = _KINDS.get(str(data.get("event"))) if isinstance(data, dict) else None
    if kind is None:
        return None
    values = {}
    for each in fields(kind):
        if each.name in data:
            if not _fits(data[each.name], str(each.type)):
                return None
            values[each.name] = _numbers_of(data[each.name], each.type)
        elif each.default is MISSING and each.default_factory is MISSING:
            return None
    return kind(**values)


def _fits(value: Any, kind: str) -> bool:
    """Whether a value is what a field's annotation says; in place of a number it may be None."""
    if kind.startswith("list["):
        return isinstance(value, list) and all(_fits(v, kind[5:-1]) for v in value)
    if kind.startswith("dict["):
        inner = kind[5:-1].partition(", ")[2]
        return isinstance(value, dict) and all(_fits(v, inner) for v in value.values())
    if kind == "float":
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        return value is None or is_number
    if kind == "int":
        return isinstance(value, int) and not isinstance(value, bool)
    plain = {"str": str, "bool": bool}.get(kind)
    return plain is None or isinstance(value, plain)


def _numbers_of(value: Any, kind: object) -> Any:
    if kind == "float":
        return math.nan if value is None else float(value)
    if kind == "list[float]" and isinstance(value, list):
        return [math.nan if v is None else float(v) for v in value]
    return value


def read_record(path: Path) -> Iterator[TrainingEvent]:
    """The events of a record; a line that was cut off by a crash is passed over."""
    with path.open("rb") as file:
        for line in file:
            found = event_of(line)
            if found is not None:
                yield found
