"""Trainings in the window: each a process of its own, followed by the record that it writes.

Without torch. A training outlives the window that began it: the next one finds it by its folder.
"""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import IO, Final

from segstudio.clock import Clock
from segstudio.core.errors import SegstudioError
from segstudio.core.formatting import ratio_text
from segstudio.core.json_text import read_json
from segstudio.core.prediction import ModelSpec
from segstudio.jobs import Job, JobRunner
from segstudio.notices import Notices
from segstudio.session.session import Session, What
from segstudio.storage.mask_pattern import ChosenMasks
from segstudio.storage.process_lock import ProcessLock
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
    event_of,
    read_record,
)
from segstudio.training.run_folder import PLAN, RECORD, SUFFIX, ask, run_folder_of

_LANE: Final = "training"
_GOES_ON: Final[list[subprocess.Popen[bytes]]] = []
"""Processes that outlive this program: Python warns of one that nobody holds any more."""
_LOOK_S: Final = 0.1
"""So often the record is looked at for new lines."""
_MOST_STEPS: Final = 1200
"""More points than this no chart shows: every other one goes."""
_RESUME: Final = ("train", "--resume")
RESULT, LOG = ".safetensors", ".log"


class RunState(StrEnum):
    """How far a training is."""

    STARTING = "starting"
    RUNNING = "running"
    PAUSED = "paused"
    STOPPING = "stopping"
    """It was asked to stop, and writes and proves the best that there is."""
    DONE = "done"
    FAILED = "failed"
    INTERRUPTED = "interrupted"
    """Its process ended before its time; it can go on from its last checkpoint."""


FIXED: Final = frozenset({"torchscript", "onnx"})
"""Families of files that hold a network as it runs: it cannot learn any more."""
_ENTERED: Final = {
    Paused: RunState.PAUSED,
    StoppedEarly: RunState.STOPPING,
    Done: RunState.DONE,
}
ALIVE: Final = (RunState.STARTING, RunState.RUNNING, RunState.PAUSED, RunState.STOPPING)


@dataclass(frozen=True)
class Training:
    """One training, as far as its record tells.

    Attributes:
        name: "Run 2".
        out: The file that will hold, or holds, the result.
        state: How far it is.
        started: How it was set up; None until its process has said so.
        range_test: How the learning rate was found, if it was.
        steps: Where it stood, in order of time; of very many every other one is left out.
        epochs: What the epochs came to, in order.
        proof: Result and start on images that were set aside.
        problem: Why it failed, with what to do.
        notes: What else it said: files that were left out, say.
    """

    name: str
    out: Path
    state: RunState = RunState.STARTING
    started: Started | None = None
    range_test: RangeTest | None = None
    steps: tuple[StepTaken, ...] = ()
    epochs: tuple[Epoch, ...] = ()
    proof: Proof | None = None
    problem: str = ""
    notes: tuple[str, ...] = ()

    @property
    def folder(self) -> Path:
        """Where record, checkpoint and overlays lie."""
        return run_folder_of(self.out)

    @property
    def is_alive(self) -> bool:
        """Whether its process has not ended."""
        return self.state in ALIVE

    @property
    def is_done(self) -> bool:
        """Whether there is a result."""
        return self.state is RunState.DONE

    @property
    def moves(self) -> bool:
        """Whether it can be paused or stopped."""
        return self.state in (RunState.RUNNING, RunState.PAUSED)

    @property
    def best(self) -> Epoch | None:
        """The epoch whose weights are the result."""
        return next((epoch for epoch in reversed(self.epochs) if epoch.best), None)

    @property
    def seconds(self) -> float:
        """How long it has learnt, without pauses."""
        steps = self.steps[-1].seconds if self.steps else 0.0
        return max(steps, self.epochs[-1].seconds if self.epochs else 0.0)

    @property
    def left(self) -> float:
        """Seconds that are left; NaN while nobody knows."""
        return self.steps[-1].left if self.steps else float("nan")

    @property
    def fraction(self) -> float:
        """Part of the budget that is used, 0..1."""
        return (
            1.0 if self.state is RunState.DONE else self.steps[-1].fraction if self.steps else 0.0
        )

    def told(self, events: Iterable[TrainingEvent]) -> Training:
        """The run after more lines of its record."""
        run = self
        for event in events:
            run = run._after(event)
        return run

    def _after(self, event: TrainingEvent) -> Training:
        if isinstance(event, (StepTaken, Epoch, Resumed)):
            return self._moved(event)
        if isinstance(event, (Paused, StoppedEarly, Done)):
            state = _ENTERED[type(event)]
            return replace(
                self, state=state, problem="" if state is RunState.DONE else self.problem
            )
        if isinstance(event, Failed):
            text = f"{event.message} {event.hint}".strip()
            return replace(self, state=RunState.FAILED, problem=text)
        return self._learnt(event)

    def _moved(self, event: StepTaken | Epoch | Resumed) -> Training:
        """After what says how far it is."""
        if isinstance(event, StepTaken):
            return replace(self, steps=_thinned((*self.steps, event)), state=self._going())
        if isinstance(event, Resumed):
            # what was done after the checkpoint is done once more
            steps = tuple(s for s in self.steps if s.seconds <= event.seconds)
            return replace(self, state=RunState.RUNNING, steps=steps, problem="")
        before = tuple(e for e in self.epochs if e.epoch < event.epoch)
        if event.best:
            before = tuple(replace(e, best=False) if e.best else e for e in before)
        return replace(self, epochs=(*before, event))

    def _learnt(self, event: TrainingEvent) -> Training:
        """After what says something about it once."""
        if isinstance(event, Started):
            return replace(self, started=event, state=self._going())
        if isinstance(event, RangeTest):
            return replace(self, range_test=event)
        if isinstance(event, Proof):
            return replace(self, proof=event)
        if isinstance(event, Note):
            return replace(self, notes=(*self.notes, event.message))
        return self

    def _going(self) -> RunState:
        return RunState.STOPPING if self.state is RunState.STOPPING else RunState.RUNNING


def _thinned(steps: tuple[StepTaken, ...]) -> tuple[StepTaken, ...]:
    return steps if len(steps) <= _MOST_STEPS else (*steps[:-1:2], steps[-1])


@dataclass(frozen=True)
class NewTraining:
    """What a person wants trained.

    Attributes:
        data: The folder of images and masks.
        title: What the result is about: goes into its name.
        start: "scratch", or the id or file of the model that is trained further.
        arch: Key of the architecture, from scratch; "" for the proposed one.
        minutes: The time that there is; None if epochs are counted.
        epochs: Passes, instead.
        only_done: Whether only images that are marked done are learnt from.
        masks: Masks that a person chose.
        more: Further options of `segstudio train`, as words.
    """

    data: Path
    title: str
    start: str = "scratch"
    arch: str = ""
    minutes: float | None = 8.0
    epochs: int | None = None
    only_done: bool = False
    masks: ChosenMasks = field(default_factory=ChosenMasks)
    more: tuple[str, ...] = ()

    def arguments(self, out: Path) -> list[str]:
        """The words after `segstudio`."""
        words = ["train", str(self.data), "--out", str(out), "--json"]
        if self.start != "scratch":
            words += ["--start", self.start]
        elif self.arch:
            words += ["--arch", self.arch]
        if self.epochs is not None:
            words += ["--epochs", str(self.epochs)]
        elif self.minutes is not None:
            words += ["--minutes", f"{self.minutes:g}"]
        if self.masks.folder is not None:
            words += ["--gt", str(self.masks.folder)]
        if self.masks.pattern is not None:
            words += ["--pattern", self.masks.pattern.text]
        return [*words, *(["--done"] if self.only_done else []), *self.more]


class Trainings:
    """Begins trainings, follows them, and offers what comes of them.

    Attributes:
        runs: All that this user has, in the order in which they were begun.
        shown: Name of the one that is looked at; "" while there is none.
        asks: Whether a new one is being set up.
    """

    def __init__(
        self,
        session: Session,
        jobs: JobRunner,
        clock: Clock,
        notices: Notices,
        home: Path,
        *,
        save: Callable[[Callable[[], None]], None],
        use: Callable[[Path], None],
        command: Sequence[str] = (sys.executable, "-m", "segstudio"),
    ) -> None:
        """Args (besides the parts it works with):
        home: Where results and runs are kept.
        save: Saves what is being corrected, then calls what it was given.
        use: Opens a file of weights, and chooses its model.
        command: How the program is called.
        """
        self._session, self._jobs, self._clock, self._notices = session, jobs, clock, notices
        self._home, self._save, self._use, self._command = home, save, use, tuple(command)
        self._leaving = threading.Event()
        self._was_read = False
        self.runs: tuple[Training, ...] = ()
        self.shown = ""
        self.asks = False

    # -- what there is -------------------------------------------------------------------------

    @property
    def run(self) -> Training | None:
        """The one that is looked at."""
        return self.named(self.shown)

    @property
    def active(self) -> Training | None:
        """The one whose process runs."""
        return next((run for run in self.runs if run.is_alive), None)

    def named(self, name: str) -> Training | None:
        """A run by its name."""
        return next((run for run in self.runs if run.name == name), None)

    def trainable(self, spec: ModelSpec) -> bool:
        """Whether a model can be trained further: one network for classes, whose weights are here."""
        here = spec.id in self._session.model.available
        return (
            here and spec.task == "semantic" and spec.made_of is None and spec.family not in FIXED
        )

    def show(self, name: str) -> None:
        """Look at another one."""
        if (name != self.shown or self.asks) and self.named(name) is not None:
            self.shown, self.asks = name, False
            self._announce()

    def want_new(self, *, wanted: bool = True) -> None:
        """Set up a new one, or no more."""
        if wanted != self.asks:
            self.asks = wanted
            self._announce()

    def read(self) -> None:
        """Find the trainings of earlier windows, once; those that still run are followed."""
        if self._was_read:
            return
        self._was_read = True

        def done(found: list[tuple[Training, bool]]) -> None:
            known = {run.name for run in self.runs}
            older = [run for run, _ in found if run.name not in known]
            self.runs = (*older, *self.runs)
            if not self.shown and self.runs:
                self.shown = self.runs[-1].name
            for run, runs_still in found:
                if runs_still and run.name not in known:
                    self._follow(run, None)
            self._announce()

        self._jobs.submit(
            "Looking for trainings", "lists", partial(_found, self._home), done, visible=False
        )

    # -- begun, paused, ended ------------------------------------------------------------------

    def start(self, request: NewTraining) -> None:
        """Save what is being corrected, then begin; one training runs at a time."""
        if self.active is not None:
            self._notices.info(f"{self.active.name} has to end before another one begins.")
            return
        name, out = self._free(request.title)
        run = Training(name, out)
        self.runs = (*self.runs, run)
        self.shown, self.asks = name, False
        self._announce()
        words = [*self._command, *request.arguments(out)]
        self._save(lambda: self._follow(run, words))

    def go_on(self, name: str) -> None:
        """Go on from the last checkpoint of a training that was interrupted."""
        run = self.named(name)
        if run is None or run.state is not RunState.INTERRUPTED or self.active is not None:
            return
        self._put(replace(run, state=RunState.STARTING, problem=""))
        self._follow(run, [*self._command, *_RESUME])

    def pause(self) -> None:
        """Let the training stand still, or go on where it stands."""
        run = self.active
        if run is not None:
            paused = run.state is RunState.PAUSED
            self._tell(run, "resume" if paused else "pause")

    def stop(self) -> None:
        """End the training; the best that there is is kept and proven."""
        run = self.active
        if run is not None and run.state is not RunState.STOPPING:
            self._put(replace(run, state=RunState.STOPPING))
            self._tell(run, "stop")

    def use(self, name: str) -> None:
        """Take the result into the list of models, and choose it."""
        run = self.named(name)
        if run is not None and run.state is RunState.DONE:
            self._use(run.out)

    def remove(self, name: str) -> None:
        """Forget a training that has ended: its folder goes, its result stays where it is used."""
        import shutil

        run = self.named(name)
        if run is None or run.is_alive:
            return
        self.runs = tuple(other for other in self.runs if other.name != name)
        self.shown = self.runs[-1].name if self.runs else ""
        self._announce()
        self._jobs.submit(
            f"Removing {name}", "save", lambda _job: shutil.rmtree(run.folder), visible=False
        )

    def leave(self) -> None:
        """The window goes: a training goes on by itself."""
        self._leaving.set()

    # -- the process ---------------------------------------------------------------------------

    def _follow(self, run: Training, words: list[str] | None) -> None:
        """Begin the process, or find it, and take what it writes until it ends."""

        def told(events: list[TrainingEvent], anew: bool) -> None:
            self._clock.post(partial(self._hear, run.name, events, anew))

        said: list[str] = []
        # a cancelled job has no result: its training is stopped, and its end told all the same
        self._jobs.submit(
            f"Training {run.name}",
            _LANE,
            partial(_followed, run, words, told, self._leaving),
            said.append,
            failed=lambda error: said.append(str(error)),
            ended=lambda: self._end(run.name, "".join(said)),
        )

    def _hear(self, name: str, events: list[TrainingEvent], anew: bool) -> None:
        run = self.named(name)
        if run is not None:
            before = Training(name, run.out) if anew else run
            self._put(before.told(events))

    def _end(self, name: str, problem: str) -> None:
        """The process has ended, or nobody follows it any more."""
        run = self.named(name)
        if run is None or self._leaving.is_set():
            return
        if run.is_alive:
            again = "It can go on from its last checkpoint." if run.epochs or run.steps else ""
            state = RunState.INTERRUPTED if again else RunState.FAILED
            self._put(replace(run, state=state, problem=f"{problem} {again}".strip()))
        run = self.named(name)
        if run is not None:
            self._say(run)

    def _say(self, run: Training) -> None:
        if run.state is RunState.DONE:
            use = (f"Use {run.name}", partial(self.use, run.name))
            self._notices.info(_outcome(run), scope="program", action=use)
        else:
            self._notices.warning(f"{run.name} has ended. {run.problem}".strip(), scope="program")

    def _tell(self, run: Training, word: str) -> None:
        self._jobs.submit(
            f"Asking {run.name} to {word}",
            "save",
            lambda _job: ask(run.folder, word),
            key=f"training-{run.name}",
            visible=False,
        )

    def _free(self, title: str) -> tuple[str, Path]:
        """A name and a file that no training has yet."""
        taken = {run.name for run in self.runs}
        number = len(self.runs) + 1
        plain = "".join(c if c.isalnum() or c in "-_" else "-" for c in title).strip("-") or "model"
        while f"Run {number}" in taken or self._is_taken(self._file(plain, number)):
            number += 1
        return f"Run {number}", self._file(plain, number)

    def _is_taken(self, out: Path) -> bool:
        return out.exists() or run_folder_of(out).exists()

    def _file(self, plain: str, number: int) -> Path:
        return self._home / f"{plain}-{number}{RESULT}"

    def _put(self, run: Training) -> None:
        self.runs = tuple(run if other.name == run.name else other for other in self.runs)
        self._announce()

    def _announce(self) -> None:
        self._session.notify(What.TRAINING, by=self)


def _outcome(run: Training) -> str:
    """What came of a training, in a sentence."""
    proof, best = run.proof, run.best
    if proof is not None and proof.text:
        return f"{run.name}: {proof.text}"
    if best is not None:
        return (
            f"{run.name} has ended: mean IoU {ratio_text(best.mean_iou)} on its validation images."
        )
    return f"{run.name} has ended."


def _data_of(run: Training) -> str:
    """The folder that a training learns from, as its plan has it."""
    try:
        return str(read_json(run.folder / PLAN)["request"]["data"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise SegstudioError(
            f"{run.folder / PLAN} cannot be read.", "Begin a new training."
        ) from error


def _found(home: Path, _job: Job) -> list[tuple[Training, bool]]:
    """The trainings of a folder, the oldest first, and whether their process runs."""
    runs = []
    for folder in sorted(home.glob(f"*{RESULT}{SUFFIX}"), key=_age):
        record = folder / RECORD
        out = folder.with_name(folder.name.removesuffix(SUFFIX))
        number = out.stem.rpartition("-")[2]
        if not record.is_file() or not number.isdecimal():
            continue
        run = Training(f"Run {number}", out).told(read_record(record))
        lives = run.is_alive and ProcessLock.is_held(folder)
        if run.is_alive and not lives:
            text = "Its process ended before its time. It can go on from its last checkpoint."
            run = replace(run, state=RunState.INTERRUPTED, problem=text)
        runs.append((run, lives))
    return runs


def _age(folder: Path) -> float:
    try:
        return folder.stat().st_ctime
    except OSError:
        return 0.0


def _followed(
    run: Training,
    words: list[str] | None,
    told: Callable[[list[TrainingEvent], bool], None],
    leaving: threading.Event,
    job: Job,
) -> str:
    """Follow a training to its end; returns what to say if it ended before its time."""
    lines = _Record(run.folder / RECORD)
    process = None if words is None else _begun(run, words)
    stops = False
    while True:
        ended = process.poll() is not None if process else not ProcessLock.is_held(run.folder)
        events = lines.new_events()
        if events:
            told(events, lines.anew)
            _report(job, events)
        if ended or leaving.is_set():
            if process is not None and not ended:
                _GOES_ON.append(process)
            break
        if job.cancelled and not stops and run.folder.is_dir():
            stops = True
            ask(run.folder, "stop")
        time.sleep(_LOOK_S)
    code = process.returncode if process else None
    return _last_words(run.out.with_name(run.out.name + LOG), code)


def _begun(run: Training, words: list[str]) -> subprocess.Popen[bytes]:
    """Begin the process: it has a session of its own, so that it goes on without the window."""
    if words[-len(_RESUME) :] == list(_RESUME):
        words = [*words[: -len(_RESUME)], "train", _data_of(run), "--out", str(run.out), "--json"]
        words.append("--resume")
    run.out.parent.mkdir(parents=True, exist_ok=True)
    with run.out.with_name(run.out.name + LOG).open("wb") as log:
        try:
            return _started(words, log)
        except OSError as error:
            raise SegstudioError(
                f"No process could be begun: {error.strerror}.",
                "Close other programs, and train again.",
            ) from error


def _started(words: list[str], log: IO[bytes]) -> subprocess.Popen[bytes]:
    environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
    if sys.platform == "win32":
        flags = subprocess.CREATE_NEW_PROCESS_GROUP | subprocess.BELOW_NORMAL_PRIORITY_CLASS
        return subprocess.Popen(
            words, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=log,
            env=environment, creationflags=flags,
        )  # fmt: skip
    return subprocess.Popen(
        words, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=log,
        env=environment, start_new_session=True,
    )  # fmt: skip


class _Record:
    """Reads a record as it grows; a training that goes on first cuts off what it does once more.

    Attributes:
        anew: Whether the events that were given last are all there are, from the first line on.
    """

    def __init__(self, file: Path) -> None:
        """What is in the file before the process begins is known already."""
        self._file = file
        self._known = self._signature()
        self._at = 0
        self.anew = False

    def new_events(self) -> list[TrainingEvent]:
        """What whole lines were added."""
        now = self._signature()
        if now == self._known:
            return []
        self._known = now
        self.anew = self._at == 0 or now[0] < self._at
        try:
            with self._file.open("rb") as file:
                file.seek(0 if self.anew else self._at)
                text = file.read()
        except OSError:
            return []
        whole = text[: text.rfind(b"\n") + 1]
        self._at = len(whole) if self.anew else self._at + len(whole)
        return [event for line in whole.splitlines() if (event := event_of(line)) is not None]

    def _signature(self) -> tuple[int, int]:
        try:
            found = self._file.stat()
        except OSError:
            return 0, 0
        return found.st_size, found.st_mtime_ns


def _report(job: Job, events: list[TrainingEvent]) -> None:
    last = next((event for event in reversed(events) if isinstance(event, StepTaken)), None)
    if last is not None and not job.cancelled:
        job.report(round(1000 * last.fraction), 1000, f"epoch {last.epoch}")


def _last_words(log: Path, code: int | None) -> str:
    """Why a process ended, by its last line or by its code."""
    try:
        lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        lines = []
    said = next((line for line in reversed(lines) if line.startswith("error:")), "")
    if said:
        return said.removeprefix("error:").strip()
    if code is not None and code < 0:
        return f"Its process was ended by signal {-code}."
    return "Its process ended before its time."
