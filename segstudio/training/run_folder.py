"""The folder of a training beside its result: plan, record, curves, checkpoint, pictures of epochs."""

from __future__ import annotations

import csv
import io
import json
import os
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from segstudio.core.errors import SegstudioError
from segstudio.core.formatting import cell_text
from segstudio.core.json_text import read_json
from segstudio.core.schema import LabelSchema
from segstudio.core.text import utf8_json
from segstudio.storage.atomic import make_folder, write_atomically, write_error
from segstudio.storage.formats.png import encode_index_png, encode_rgb_png
from segstudio.storage.process_lock import ProcessLock
from segstudio.training.records import Epoch, TrainingEvent, read_record

SUFFIX: Final = ".training"
PLAN: Final = "plan.json"
RECORD: Final = "record.jsonl"
CURVES: Final = "curves.csv"
CHECKPOINT: Final = "checkpoint.pt"
BEST: Final = "best.safetensors"
EPOCHS: Final = "epochs"
VIEWS: Final = "views"
TRUTH: Final = ".truth"
"""Photos and truth of the images that every epoch is shown on, once."""
CONTROL: Final = "control"
"""The file whose word the process follows: `pause`, `resume` or `stop`."""


def run_folder_of(out: Path) -> Path:
    """The folder of the training that makes a file."""
    return out.with_name(out.name + SUFFIX)


def ask(folder: Path, word: str) -> None:
    """Leave a word for the process that trains into a folder: `pause`, `resume` or `stop`."""
    write_atomically(folder / CONTROL, word.encode(), durable=False)


def asked(folder: Path) -> str:
    """Take the word that was left for the process, "" if there is none."""
    path = folder / CONTROL
    try:
        word = path.read_text(encoding="ascii", errors="replace")
        path.unlink()
    except OSError:
        return ""
    return word


def is_begun(out: Path) -> bool:
    """Whether a training into a file was begun and not ended, so that it can be gone on with."""
    folder = run_folder_of(out)
    return (folder / CHECKPOINT).is_file() or ((folder / PLAN).is_file() and not out.exists())


@dataclass
class RunFolder:
    """The files of one training; held by one program at a time.

    Attributes:
        path: The folder.
        schema: The classes, for pictures and columns; known once the data was read.
    """

    path: Path
    schema: LabelSchema | None = None
    _lock: ProcessLock | None = field(default=None, repr=False)
    _epochs: list[Epoch] = field(default_factory=list, repr=False)

    @classmethod
    def make(cls, out: Path, *, anew: bool) -> RunFolder:
        """Make the folder, or take the one that is there.

        Args:
            out: The file that the training makes.
            anew: Whether what an earlier training left there is removed.

        Raises:
            SegstudioError: if another program trains into it, or it cannot be written.
        """
        path = run_folder_of(out)
        make_folder(path)
        try:
            lock = ProcessLock.try_acquire(path)
        except OSError as error:
            raise write_error(path, error) from error
        if lock is None:
            raise SegstudioError(
                f"Another training writes into {path} now.", "Wait for it, or choose another --out."
            )
        folder = cls(path, _lock=lock)
        if anew:
            folder._clear()
        return folder

    def close(self) -> None:
        """Let go of it."""
        if self._lock is not None:
            self._lock.release()
            self._lock = None

    def _clear(self) -> None:
        """Remove what a training writes, and nothing else."""
        for name in (PLAN, RECORD, CURVES, CHECKPOINT, BEST, CONTROL):
            (self.path / name).unlink(missing_ok=True)
        for name in (EPOCHS, VIEWS):
            shutil.rmtree(self.path / name, ignore_errors=True)

    @property
    def checkpoint(self) -> Path:
        """Where the checkpoint lies."""
        return self.path / CHECKPOINT

    @property
    def best(self) -> Path:
        """Where the best network so far lies."""
        return self.path / BEST

    # -- plan ----------------------------------------------------------------------------------

    def write_plan(self, content: Mapping[str, Any]) -> None:
        """Write what the training is made of."""
        text = json.dumps(content, indent=1, ensure_ascii=False) + "\n"
        write_atomically(self.path / PLAN, utf8_json(text))

    def read_plan(self) -> dict[str, Any]:
        """What `write_plan` wrote.

        Raises:
            SegstudioError: if there is none, or it is damaged.
        """
        try:
            found = read_json(self.path / PLAN)
        except (OSError, ValueError) as error:
            raise SegstudioError(
                f"{self.path} holds no training that can be gone on with.",
                "Train without --resume.",
            ) from error
        if not isinstance(found, dict):
            raise SegstudioError(f"{self.path / PLAN} is damaged.", "Train without --resume.")
        return found

    # -- record --------------------------------------------------------------------------------

    def add(self, event: TrainingEvent) -> None:
        """Append a line to the record, and to the curves what belongs there."""
        try:
            with (self.path / RECORD).open("ab") as file:
                file.write(event.to_line().encode() + b"\n")
        except OSError as error:
            raise write_error(self.path / RECORD, error) from error
        if isinstance(event, Epoch):
            self._epochs.append(event)
            self._write_curves()

    @property
    def record_bytes(self) -> int:
        """How long the record is."""
        try:
            return (self.path / RECORD).stat().st_size
        except OSError:
            return 0

    def cut_record(self, length: int) -> None:
        """Take away what was told after a checkpoint: it happens again."""
        path = self.path / RECORD
        if path.is_file() and path.stat().st_size > length:
            os.truncate(path, length)
        self._epochs = [e for e in self.events() if isinstance(e, Epoch)]
        self._write_curves()

    def events(self) -> list[TrainingEvent]:
        """What the record tells."""
        path = self.path / RECORD
        return list(read_record(path)) if path.is_file() else []

    def _write_curves(self) -> None:
        classes = () if self.schema is None else self.schema.classes
        text = io.StringIO()
        rows = csv.writer(text, lineterminator="\n")
        rows.writerow(
            ["epoch", "seconds", "train_loss", "validation_loss", "mean_iou", "mean_dice", "best"]
            + [f"{figure} {c.name}" for figure in ("iou", "dice") for c in classes]
        )
        for epoch in self._epochs:
            figures = [
                epoch.seconds, epoch.train_loss, epoch.validation_loss,
                epoch.mean_iou, epoch.mean_dice,
            ]  # fmt: skip
            cells = [cell_text(v) for v in figures]
            cells += [str(int(epoch.best)), *(cell_text(v) for v in (*epoch.iou, *epoch.dice))]
            rows.writerow([epoch.epoch, *cells])
        write_atomically(self.path / CURVES, text.getvalue().encode(), durable=False)

    # -- pictures of epochs ----------------------------------------------------------------------

    def epoch_folder(self, epoch: int) -> Path:
        """Where the label maps of an epoch lie; made if missing."""
        folder = self.path / EPOCHS / f"{epoch:04d}"
        make_folder(folder)
        return folder

    def write_labels(self, epoch: int, name: str, labels: npt.NDArray[np.uint8]) -> None:
        """Keep what the network of an epoch said of an image."""
        palette = None if self.schema is None else self.schema.palette()
        path = self.epoch_folder(epoch) / picture_name(name)
        write_atomically(
            path, encode_index_png(labels, palette, software="segstudio train"), durable=False
        )

    def write_view(self, name: str, photo: npt.NDArray[np.uint8], truth: npt.NDArray[Any]) -> None:
        """Keep an image and its truth, class ids, for the pictures of all epochs."""
        folder = self.path / VIEWS
        make_folder(folder)
        stem = picture_name(name).removesuffix(".png")
        palette = None if self.schema is None else self.schema.palette()
        write_atomically(folder / f"{stem}.png", encode_rgb_png(photo), durable=False)
        labels = encode_index_png(truth.astype(np.uint8), palette, software="segstudio train")
        write_atomically(folder / f"{stem}{TRUTH}.png", labels, durable=False)


def picture_name(name: str) -> str:
    """The name of the file with an image's label map, for images of any folder."""
    flat = name.replace("/", "__").replace("#", "_")
    stem = flat.rpartition(".")[0] or flat
    return f"{stem}.png"


def shown_names(names: Sequence[str], most: int = 8) -> tuple[str, ...]:
    """Some images, spread over all of them, that each epoch is shown on."""
    step = max(1, -(-len(names) // most))
    return tuple(names[::step][:most])
