"""Background work: plain functions of a `Job`, one thread a lane, latest wins.

Knows neither Qt nor torch. Results come back through one `post` function that the application
gives (on the GUI thread in the window, directly in tests and on the command line).
"""

from __future__ import annotations

import itertools
import logging
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic, Literal, ParamSpec, TypeVar

from psygnal import Signal

from segstudio.core.errors import CancelledError, SegstudioError, clear_frames

T = TypeVar("T")
P = ParamSpec("P")
Lane = Literal[
    "files",
    "masks",
    "thumbnails",
    "recent",
    "photos",
    "digests",
    "transfer",
    "save",
    "journal",
    "edits",
    "cuts",
    "scores",
    "contents",
    "lists",
    "model",
    "preview",
    "prompts",
    "assists",
    "routes",
    "training",
    "inspection",
    "features",
    "evaluation",
]
Post = Callable[[Callable[[], None]], None]

_log = logging.getLogger(__name__)
_PROGRESS_INTERVAL_S = 0.05
# What the user would miss is finished when the program ends.
_FINISHED_LANES: frozenset[Lane] = frozenset({"save", "journal"})


@dataclass(frozen=True)
class Progress:
    """How far a job is: `done` of `total` steps (total 0: unknown) and what it does now."""

    done: int = 0
    total: int = 0
    text: str = ""


class Job:
    """The handle of one piece of work, given to the work function.

    The work calls `check()` wherever it may stop, and `report()` to say how far it is.
    """

    _ids = itertools.count(1)

    def __init__(self, title: str, lane: Lane, key: str = "", *, visible: bool = True) -> None:
        self.id = next(Job._ids)
        self.title = title
        self.lane = lane
        self.key = key
        self.visible = visible
        self.progress = Progress()
        self._cancelled = threading.Event()
        self._on_progress: Callable[[], None] = lambda: None

    @property
    def cancelled(self) -> bool:
        """Whether someone asked it to stop."""
        return self._cancelled.is_set()

    def cancel(self) -> None:
        """Ask the work to stop at its next `check()`. Safe from any thread."""
        self._cancelled.set()

    def check(self) -> None:
        """Stop here if cancelled.

        Raises:
            CancelledError: if `cancel()` was called.
        """
        if self._cancelled.is_set():
            raise CancelledError

    def report(self, done: int, total: int = 0, text: str = "") -> None:
        """Say how far the work is, and stop here if cancelled."""
        self.check()
        self.progress = Progress(done, total, text)
        self._on_progress()


@dataclass(eq=False)
class _Task(Generic[T]):
    """What one job is made of, and what came of it.

    Its functions hold what belongs to the owner's thread: documents, panels, pixels. The lane's
    thread keeps nothing but the task itself, and the owner empties that (`let_go`) once it has
    taken the result. So the last reference never dies on the lane's thread, where widgets must not
    be deleted, and nothing stays until the lane's next job.
    """

    job: Job
    work: Callable[[Job], T] | None
    done: Callable[[T], None] | None
    failed: Callable[[Exception], None] | None
    ended: Callable[[], None] | None
    result: T | None = None
    error: Exception | None = None

    def let_go(self) -> None:
        """Empty it; on the owner's thread."""
        if self.error is not None:
            clear_frames(self.error)
        self.work = self.done = self.failed = self.ended = self.result = self.error = None


class JobRunner:
    """Runs jobs, one thread a lane, and hands results back through `post`.

    Of jobs with the same key only the latest matters: an earlier one is cancelled, and its result
    is dropped even if it was already on its way.

    Signals:
        changed: jobs started, progressed or ended; emitted through `post`.
    """

    changed = Signal()

    def __init__(
        self,
        post: Post,
        on_error: Callable[[str, Exception], None],
        on_done: Callable[[str], None] = lambda _title: None,
    ) -> None:
        """Args:
        post: Calls a function later on the thread that owns the state.
        on_error: Told (job title, error) of failures that have no `failed` of their own.
        on_done: Told the title of each job that ended well, before `done` is called.
        """
        self._post = post
        self._on_error = on_error
        self._on_done = on_done
        self._lock = threading.Condition()
        self._queues: dict[Lane, deque[_Task[Any]]] = {}
        self._threads: dict[Lane, threading.Thread] = {}
        self._running: dict[Lane, Job] = {}
        self._latest: dict[str, Job] = {}
        self._inbox: deque[_Task[Any]] = deque()
        self._closed = False
        self._last_progress = 0.0

    def submit(
        self,
        title: str,
        lane: Lane,
        work: Callable[[Job], T],
        done: Callable[[T], None] | None = None,
        *,
        failed: Callable[[Exception], None] | None = None,
        ended: Callable[[], None] | None = None,
        key: str = "",
        front: bool = False,
        visible: bool = True,
    ) -> Job:
        """Queue `work(job)`.

        Args:
            title: Shown in the status bar.
            lane: Jobs of one lane run one after the other.
            work: Runs on the lane's thread; must not touch the session or widgets.
            done: Called through `post` with the result, unless cancelled or superseded.
            failed: Called through `post` with the exception instead of `on_error`.
            ended: Called through `post` last of all in every case, also if cancelled.
            key: Jobs of the same key supersede each other.
            front: Before the waiting jobs of the lane.
            visible: Whether the status bar shows it.
        """
        job = Job(title, lane, key, visible=visible)
        job._on_progress = self._progressed  # noqa: SLF001 - the runner owns its jobs
        task = _Task(job, work, done, failed, ended)
        with self._lock:
            if self._closed:
                job.cancel()
                return job
            if key:
                if key in self._latest:
                    self._latest[key].cancel()
                self._latest[key] = job
            queue = self._queues.setdefault(lane, deque())
            if lane not in self._threads:
                thread = threading.Thread(
                    target=self._serve, args=(lane,), name=f"segstudio-{lane}", daemon=True
                )
                thread.start()
                self._threads[lane] = thread
            if front:
                queue.appendleft(task)
            else:
                queue.append(task)
            self._lock.notify_all()
        self._emit_changed()
        return job

    def jobs(self) -> list[Job]:
        """Running jobs first, then waiting ones, without cancelled ones."""
        with self._lock:
            running = list(self._running.values())
            waiting = [t.job for q in self._queues.values() for t in q]
        return [j for j in [*running, *waiting] if not j.cancelled]

    def cancel_key(self, key: str) -> None:
        """Cancel the latest job of a key, if it has not ended."""
        with self._lock:
            job = self._latest.get(key)
        if job is not None:
            job.cancel()

    def wait_idle(self, timeout: float = 10.0) -> bool:
        """Wait until nothing runs, waits or is being posted; False if that takes too long."""
        deadline = time.monotonic() + timeout
        with self._lock:
            while self._running or any(self._queues.values()):
                left = deadline - time.monotonic()
                if left <= 0:
                    return False
                self._lock.wait(left)
        return True

    def shutdown(self, timeout: float = 5.0) -> bool:
        """Cancel all but saving, finish saving, hand over the results, stop the threads.

        Must be called on the thread that owns the state: results that were posted and not yet
        called for are delivered here, since nothing may call for them any more.

        Returns:
            False if a thread did not stop in time.
        """
        for job in self.jobs():
            if job.lane not in _FINISHED_LANES:
                job.cancel()
        deadline = time.monotonic() + timeout
        idle = self.wait_idle(timeout)
        while self._take_results() and time.monotonic() < deadline:
            idle = self.wait_idle(max(0.0, deadline - time.monotonic()))
        with self._lock:
            self._closed = True
            self._lock.notify_all()
        for thread in self._threads.values():
            thread.join(max(0.1, deadline - time.monotonic()))
        self._take_results()
        self._drop_waiting()
        return idle and not any(t.is_alive() for t in self._threads.values())

    def _drop_waiting(self) -> None:
        """End what a lane that did not stop in time will never come to."""
        with self._lock:
            left = [task for queue in self._queues.values() for task in queue]
            for queue in self._queues.values():
                queue.clear()
        for task in left:
            task.job.cancel()
            self._finish(task)

    def _serve(self, lane: Lane) -> None:
        while self._serve_one(lane):
            pass

    def _serve_one(self, lane: Lane) -> bool:
        """Wait for a task of the lane and do it; False when there will be none any more.

        The thread waits in here, so that no variable of its holds the task before.
        """
        queue = self._queues[lane]
        with self._lock:
            while not queue and not self._closed:
                self._lock.wait()
            if not queue:
                return False
            task = queue.popleft()
            self._running[lane] = task.job
        self._emit_changed()
        _work(task)
        self._inbox.append(task)
        self._hand(self._take_one)
        with self._lock:
            del self._running[lane]
            self._lock.notify_all()
        self._emit_changed()
        return True

    def _hand(self, function: Callable[[], None]) -> None:
        """Have a function called by the owner; the lane goes on whatever comes of it."""
        try:
            self._post(function)
        except BaseException:
            # `post` called it on this thread, and what it told raised.
            if threading.current_thread() not in self._threads.values():
                raise
            _log.exception("A result could not be taken")

    def _take_one(self) -> None:
        self._take_result()

    def _take_result(self) -> bool:
        """Hand over the oldest result; False if none waits."""
        try:
            task = self._inbox.popleft()
        except IndexError:
            return False
        self._finish(task)
        return True

    def _take_results(self) -> bool:
        """Hand over all results; whether there were any."""
        taken = False
        while self._take_result():
            taken = True
        return taken

    def _finish(self, task: _Task[Any]) -> None:
        """Tell what came of a task, and let it go."""
        try:
            if not task.job.cancelled:
                self._tell(task)
        finally:
            try:
                self._end(task)
            finally:
                task.let_go()

    def _tell(self, task: _Task[Any]) -> None:
        if task.error is None:
            self._on_done(task.job.title)
            if task.done is not None:
                task.done(task.result)
        elif task.failed is not None:
            task.failed(task.error)
        else:
            self._on_error(task.job.title, task.error)

    def _end(self, task: _Task[Any]) -> None:
        with self._lock:
            if self._latest.get(task.job.key) is task.job:
                del self._latest[task.job.key]
        if task.ended is not None:
            task.ended()

    def _progressed(self) -> None:
        now = time.monotonic()
        if now - self._last_progress >= _PROGRESS_INTERVAL_S:
            self._last_progress = now
            self._emit_changed()

    def _emit_changed(self) -> None:
        self._hand(self.changed.emit)


class Latest:
    """Lets through only what answers the latest of several questions.

    For what the key of a job does not tell: questions that take several jobs one after the other,
    and those that end without another question. On the owner's thread only.
    """

    def __init__(self) -> None:
        self._generation = 0

    def begin(self) -> None:
        """Begin a question, or end the last: what answers an earlier one is dropped from now on."""
        self._generation += 1

    def only(self, answer: Callable[P, object]) -> Callable[P, None]:
        """Give a function that does what `answer` does until something else is begun."""
        generation = self._generation

        def told(*args: P.args, **named: P.kwargs) -> None:
            if generation == self._generation:
                answer(*args, **named)

        return told


def _work(task: _Task[Any]) -> None:
    """Do the work, on the lane's thread; what comes of it stays in the task alone."""
    job = task.job
    try:
        job.check()
        assert task.work is not None
        task.result = task.work(job)
    except CancelledError as error:
        job.cancel()
        task.error = error
    except SegstudioError as error:  # expected: it says itself what is wrong
        _log.info("%s: %s", job.title, error)
        task.error = error
    except Exception as error:  # noqa: BLE001 - whatever a job raises is shown, never lost
        if not job.cancelled:
            _log.warning("%s failed", job.title, exc_info=error)
        task.error = error
    except BaseException as error:  # noqa: BLE001 - SystemExit, or a panic of a library in Rust
        task.error = _ended_by(error)
        _log.warning("%s failed", job.title, exc_info=error)


def _ended_by(error: BaseException) -> Exception:
    failure = RuntimeError(f"The work ended by {type(error).__name__}: {error}".rstrip(": "))
    failure.__cause__ = error
    return failure
