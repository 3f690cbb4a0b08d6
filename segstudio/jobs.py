"""Background work: plain functions of a `Job`, one thread a lane, latest wins.

Knows neither Qt nor torch. Results come back through one `post` function that the application
gives (on the GUI thread in the window, directly in tests and on the command line).
"""

from __future__ import annotations

import functools
import itertools
import logging
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic, Literal, TypeVar

from psygnal import Signal

from segstudio.core.errors import CancelledError, SegstudioError

T = TypeVar("T")
Lane = Literal[
    "files",
    "thumbnails",
    "photos",
    "transfer",
    "save",
    "journal",
    "edits",
    "scores",
    "model",
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


@dataclass
class _Task(Generic[T]):
    job: Job
    work: Callable[[Job], T]
    done: Callable[[T], None] | None
    failed: Callable[[Exception], None] | None
    ended: Callable[[], None] | None


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
        self._inbox: deque[Callable[[], None]] = deque()
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
            if front:
                queue.appendleft(task)
            else:
                queue.append(task)
            if lane not in self._threads:
                thread = threading.Thread(
                    target=self._serve, args=(lane,), name=f"segstudio-{lane}", daemon=True
                )
                self._threads[lane] = thread
                thread.start()
            self._lock.notify_all()
        self._emit_changed()
        return job

    def jobs(self) -> list[Job]:
        """Running jobs first, then waiting ones, without cancelled ones."""
        with self._lock:
            running = list(self._running.values())
            waiting = [t.job for q in self._queues.values() for t in q]
        return [j for j in [*running, *waiting] if not j.cancelled]

    def cancel_all(self, lane: Lane | None = None) -> None:
        """Cancel every job (of one lane)."""
        for job in self.jobs():
            if lane is None or job.lane == lane:
                job.cancel()

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
        return idle and not any(t.is_alive() for t in self._threads.values())

    def _serve(self, lane: Lane) -> None:
        queue = self._queues[lane]
        while True:
            with self._lock:
                while not queue and not self._closed:
                    self._lock.wait()
                if not queue:
                    return
                task = queue.popleft()
                self._running[lane] = task.job
            self._emit_changed()
            try:
                self._run(task)
            finally:
                with self._lock:
                    del self._running[lane]
                    self._lock.notify_all()
                self._emit_changed()

    def _run(self, task: _Task[Any]) -> None:
        job = task.job
        finish: Callable[[], None]
        try:
            job.check()
            finish = functools.partial(self._deliver, task, task.work(job))
        except CancelledError:
            finish = functools.partial(self._end, task)
        except SegstudioError as error:  # expected: it says itself what is wrong
            _log.info("%s: %s", job.title, error)
            finish = functools.partial(self._fail, task, error)
        except Exception as error:  # noqa: BLE001 - whatever a job raises is shown, never lost
            if not job.cancelled:
                _log.warning("%s failed", job.title, exc_info=error)
            finish = functools.partial(self._fail, task, error)
        self._inbox.append(finish)
        try:
            self._post(self._take_one)
        except Exception:  # noqa: BLE001 - whatever a result's taker raises
            # `post` called it on this thread; the lane must go on.
            _log.exception("The result of %s could not be taken", job.title)

    def _take_one(self) -> None:
        self._take_result()

    def _take_result(self) -> bool:
        """Hand over the oldest result; False if none waits."""
        try:
            finish = self._inbox.popleft()
        except IndexError:
            return False
        finish()
        return True

    def _take_results(self) -> bool:
        """Hand over all results; whether there were any."""
        taken = False
        while self._take_result():
            taken = True
        return taken

    def _deliver(self, task: _Task[Any], result: object) -> None:
        try:
            if not task.job.cancelled:
                self._on_done(task.job.title)
                if task.done is not None:
                    task.done(result)
        finally:
            self._end(task)

    def _fail(self, task: _Task[Any], error: Exception) -> None:
        try:
            if not task.job.cancelled:
                if task.failed is not None:
                    task.failed(error)
                else:
                    self._on_error(task.job.title, error)
        finally:
            self._end(task)

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
        self._post(self.changed.emit)
