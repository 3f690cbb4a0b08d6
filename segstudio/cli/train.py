"""`segstudio train`: a network for the classes of a folder, in a process of its own."""

from __future__ import annotations

import contextlib
import math
import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

from segstudio.cli.exit_codes import OK, InputError, input_errors
from segstudio.cli.loading import chosen_spec, fetch_weights
from segstudio.cli.output import print_line, score, warn
from segstudio.cli.writable import check_file
from segstudio.core.errors import CancelledError, SegstudioError
from segstudio.core.prediction import ModelSpec
from segstudio.training.epoch_training import RANGE_STEPS
from segstudio.training.records import (
    Done,
    Epoch,
    Failed,
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
from segstudio.training.run_folder import asked, run_folder_of
from segstudio.training.training_run import TrainingRequest, TrainingRun

_NICE = 10


class Console:
    """Commands `pause`, `resume`, `stop`: lines of standard input, a file in the run's folder; and
    signals.
    """

    def __init__(self, folder: Path) -> None:
        """Take the run's folder."""
        self._folder = folder
        self._stop = threading.Event()
        self._pause = threading.Event()

    def stop(self) -> bool:
        """Whether it shall stop and keep the best."""
        self.obey(asked(self._folder))
        return self._stop.is_set()

    def pause(self) -> bool:
        """Whether it shall wait."""
        self.obey(asked(self._folder))
        return self._pause.is_set()

    def obey(self, line: str) -> None:
        """Take a line; what is no command is passed over."""
        word = line.strip().casefold()
        if word == "stop":
            self._stop.set()
        elif word == "pause":
            self._pause.set()
        elif word == "resume":
            self._pause.clear()

    def listen(self) -> None:
        """Read standard input in the background, if a program writes to it."""
        try:
            number = sys.stdin.fileno()
            if os.isatty(number):
                return
        except (AttributeError, OSError, ValueError):  # there is none
            return

        def read() -> None:
            # Not by sys.stdin: at the end of the program its lock would still be held here.
            waiting = b""
            with contextlib.suppress(OSError):
                while chunk := os.read(number, 4096):
                    *lines, waiting = (waiting + chunk).split(b"\n")
                    for line in lines:
                        self.obey(line.decode(errors="replace"))

        threading.Thread(target=read, daemon=True).start()

    @contextmanager
    def signals(self) -> Iterator[None]:
        """SIGTERM and Ctrl+C stop it in order; the second one at once."""
        before: dict[int, Any] = {}

        def on_signal(number: int, frame: FrameType | None) -> None:
            if self._stop.is_set():
                handler = before[number]
                if callable(handler):
                    handler(number, frame)
                else:
                    raise KeyboardInterrupt
            self._stop.set()

        if threading.current_thread() is not threading.main_thread():
            yield
            return
        for number in (int(signal.SIGTERM), int(signal.SIGINT)):
            before[number] = signal.signal(number, on_signal)
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)


class Printer:
    """Tells people on a terminal how a training goes, or programs in lines of JSON."""

    def __init__(self, *, as_json: bool) -> None:
        self._as_json = as_json
        self._is_terminal = sys.stderr.isatty()
        self._names: list[str] = []

    def __call__(self, event: TrainingEvent) -> None:
        """Print an event."""
        if self._as_json:
            sys.stdout.write(event.to_line() + "\n")
            sys.stdout.flush()
            return
        if isinstance(event, StepTaken):
            self._print_step(event)
            return
        self._clear()
        if isinstance(event, Note):
            warn(f"note: {event.message}")
            return
        for line in self._lines(event):
            print_line(line)
        sys.stdout.flush()

    def _print_step(self, event: StepTaken) -> None:
        if self._is_terminal:
            text = (
                f"epoch {event.epoch}, step {event.step}, loss {event.loss:.3f}, "
                f"{event.fraction:.0%}, {_time(event.left)} left"
            )
            sys.stderr.write(f"\r\x1b[K{text}")
            sys.stderr.flush()

    def _clear(self) -> None:
        if self._is_terminal:
            sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()

    def _lines(self, event: TrainingEvent) -> Iterator[str]:
        if isinstance(event, Started):
            self._names = [c["name"] for c in event.classes]
            yield from _plan_lines(event)
        elif isinstance(event, Epoch):
            yield self._epoch_line(event)
        elif isinstance(event, Proof):
            yield event.text
            if not event.better:
                yield "It is not clearly better than the start: the start is the one to keep."
        else:
            yield _line(event)

    def _epoch_line(self, event: Epoch) -> str:
        pairs = zip(self._names, event.iou, strict=False)
        each = ", ".join(f"{name} {score(iou, 2)}" for name, iou in pairs)
        mark = " *" if event.best else ""
        return (
            f"epoch {event.epoch}  {_time(event.seconds)}  loss {event.train_loss:.3f} / "
            f"{event.validation_loss:.3f}  mean IoU {score(event.mean_iou, 3)}{mark}  {each}"
        )


def _plan_lines(event: Started) -> Iterator[str]:
    yield from event.why
    budget = ", ".join(f"{value:g} {name}" for name, value in event.budget.items())
    yield (
        f"{event.arch} from {event.start} on {event.device} ({event.threads} threads, "
        f"{event.precision}), batches of {event.batch}, {budget}; loss {event.loss}"
    )


def _line(event: TrainingEvent) -> str:
    if isinstance(event, RangeTest) and len(event.rates) < RANGE_STEPS // 2:
        return f"Learning rate {event.chosen:g}, the usual one: there is no time to try others."
    if isinstance(event, RangeTest):
        return f"Learning rate {event.chosen:g}, by {len(event.rates)} steps with growing rates."
    if isinstance(event, Paused | Resumed | StoppedEarly):
        return f"{event.event} after {_time(event.seconds)}"
    if isinstance(event, Done):
        kept = f"the network of epoch {event.best_epoch}"
        return f"{event.out} holds {kept}, after {_time(event.seconds)}."
    return event.event


def train(request: TrainingRequest, *, as_json: bool, resume: bool, overwrite: bool) -> int:
    """Train a network and write it into one file.

    Args:
        request: What is to be trained.
        as_json: Print one JSON object a line.
        resume: Go on with a training that was begun.
        overwrite: Replace a result that is there.

    Returns:
        The exit code.

    Raises:
        SegstudioError: if it cannot be done; in JSON it is an event, too.
    """
    printer, console = Printer(as_json=as_json), Console(run_folder_of(request.out))
    _be_modest()
    try:
        console.listen()
        with console.signals():
            with input_errors():
                _check(request)
                check_file(request.out, "out")
                run = TrainingRun(request, _find_model, console, printer)
                run.prepare(resume=resume, overwrite=overwrite)
            run.run()
    except SegstudioError as error:
        if as_json:
            printer(Failed(error.message, error.hint))
        raise
    except CancelledError:
        if as_json:
            printer(Failed("It was stopped before anything was trained."))
        raise
    return OK


def _check(request: TrainingRequest) -> None:
    if request.out.suffix != ".safetensors":
        raise InputError(
            f"{request.out} would not be recognised by its name.",
            "Give a file that ends with .safetensors with --out.",
        )
    if request.fold is not None and request.validation is not None:
        raise InputError("Give --fold or --val, not both.")
    wanted = request.wanted
    if wanted.minutes is not None and wanted.epochs is not None:
        raise InputError("Give --minutes or --epochs, not both.")


def _find_model(name: str) -> ModelSpec:
    spec = chosen_spec(name, None, "start from")
    fetch_weights(spec)
    return spec


def _be_modest() -> None:
    """Leave the processor to those who wait for it: the window, for one."""
    nice = getattr(os, "nice", None)
    if nice is not None:
        try:
            nice(_NICE)
        except OSError:
            warn("note: The priority of the process cannot be lowered.")


def _time(seconds: float) -> str:
    if math.isnan(seconds):
        return "?"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"
