"""What tests with real widgets share: no screen, no files of the user, nothing left behind."""

from __future__ import annotations

import os
from pathlib import Path

if os.environ.setdefault("QT_QPA_PLATFORM", "offscreen") == "offscreen":
    # the screen that this platform has by itself is too small for the window
    screen = Path(__file__).with_name("screen.json")
    os.environ["QT_QPA_PLATFORM"] = f"offscreen:configfile={screen}"

import gc
import itertools
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial

import cv2
import numpy as np
import pytest
from pauses import let_pass, views_are_awaited
from PySide6.QtCore import QEvent, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QWidget
from pytestqt.qtbot import QtBot
from pytestqt.qtbot import _close_widgets as close_widgets

from segstudio.clock import ManualClock
from segstudio.core.errors import SegstudioError
from segstudio.core.instances import Instances
from segstudio.core.prediction import ModelSpec, Prediction
from segstudio.core.schema import LabelSchema
from segstudio.kit import notice_strip
from segstudio.kit.dispatch import Dispatcher
from segstudio.kit.garbage import GuiGarbage
from segstudio.kit.theme import Theme
from segstudio.runs.engine import Engine, Examined
from segstudio.studio import Studio
from segstudio.window.main_window import MainWindow
from segstudio.window.start_page import StartPage

_USERS = itertools.count()


@pytest.fixture(autouse=True)
def user_folders(tmp_path_factory, monkeypatch) -> Path:
    """The user's files lie in a temporary folder."""
    home = tmp_path_factory.getbasetemp() / f"user{next(_USERS)}"
    home.mkdir()
    monkeypatch.setenv("SEGSTUDIO_HOME", str(home))
    return home


@pytest.fixture(autouse=True)
def messages_stay(monkeypatch) -> None:
    """No message goes by its time: the picture would move in the middle of a test."""
    for level in notice_strip._SECONDS:
        monkeypatch.setitem(notice_strip._SECONDS, level, 3600.0)
    monkeypatch.setattr(notice_strip, "_WITH_ACTION_S", 3600.0)


@pytest.fixture(autouse=True)
def nothing_left_behind(request) -> Iterator[None]:
    """A test that leaves a visible window or one of our threads running has failed."""
    threads = set(threading.enumerate())
    yield
    _close_widgets(request)
    _release_buttons()
    for kept_bench in _KEPT:
        kept_bench.window.notices.dismiss_all()
        kept_bench.window.notices.hide()
    kept = [bench.window for bench in _KEPT]
    seen = [w for w in QApplication.topLevelWidgets() if w.isVisible()] if _app() else []
    windows = [w for w in seen if w not in kept]
    names = [f"{type(w).__name__} {w.windowTitle()!r}" for w in windows]
    for window in windows:
        window.close()
    assert not names, f"windows left open: {names}"
    assert not _running(threads), f"threads left running: {_running(threads)}"


def _release_buttons() -> None:
    """A double click of QTest leaves its button pressed: pointing means dragging in later tests."""
    for button in (Qt.MouseButton.LeftButton, Qt.MouseButton.RightButton):
        if _app() and QApplication.mouseButtons() & button:
            QTest.mouseRelease(QWidget(), button)


def _app() -> QApplication | None:
    app = QApplication.instance()
    return app if isinstance(app, QApplication) else None


def _close_widgets(request) -> None:
    """pytest-qt closes the widgets it was given only after the fixtures."""
    close_widgets(request.node)


def _running(before: set[threading.Thread], patience_s: float = 10.0) -> list[str]:
    """Names of segstudio's threads that were not there before and do not end."""
    deadline = time.monotonic() + patience_s
    while True:
        known = before.union(*(studio.jobs._threads.values() for studio in _KEPT_STUDIOS))
        new = [t for t in threading.enumerate() if t not in known and "segstudio" in t.name]
        if not new or time.monotonic() > deadline:
            return [t.name for t in new]
        time.sleep(0.01)


@pytest.fixture
def qtbot(qtbot, monkeypatch):
    """pytest-qt's, with patience for a busy computer; what never happens fails all the same.

    It looks every millisecond whether what a test waits for has happened, not every ten.
    """
    return _patient(qtbot, monkeypatch)


def _patient(qtbot, monkeypatch):
    wait, wait_until = qtbot.wait, partial(qtbot.waitUntil, timeout=30000)

    def look_often(*args, **kwargs):
        with monkeypatch.context() as patch:
            patch.setattr(qtbot, "wait", lambda ms: wait(1))
            wait_until(*args, **kwargs)

    monkeypatch.setattr(qtbot, "waitUntil", look_often)
    for name in ("waitSignal", "waitSignals"):
        monkeypatch.setattr(qtbot, name, partial(getattr(qtbot, name), timeout=30000))
    return qtbot


@pytest.fixture
def folder(tmp_path) -> Path:
    """See `write_pictures`."""
    return write_pictures(tmp_path / "pictures")


def write_pictures(root: Path, tint: int = 0) -> Path:
    """Three images of 48 x 32 pixels with ground truth of classes 0..2 (a square and a disc).

    Args:
        root: Where they go; it is made.
        tint: Makes other images of them by their last pixel, whose predictions are not known yet.
    """
    (root / "masks").mkdir(parents=True)
    rows, columns = np.mgrid[:32, :48]
    for number in range(3):
        pixels = np.zeros((32, 48, 3), np.uint8)
        pixels[..., 0], pixels[..., 1], pixels[..., 2] = columns * 5, rows * 7, 40 * number
        pixels[-1, -1, 1:] = divmod(tint, 256)
        mask = np.zeros((32, 48), np.uint8)
        mask[4:12, 4 + number : 12 + number] = 1
        mask[(rows - 20) ** 2 + (columns - 30) ** 2 < 49] = 2
        cv2.imwrite(str(root / f"field_{number}.png"), pixels[..., ::-1])
        cv2.imwrite(str(root / "masks" / f"field_{number}.png"), mask)
    return root


@pytest.fixture
def clock() -> ManualClock:
    """Time that stands still."""
    return ManualClock()


@pytest.fixture
def studio(clock, user_folders, folder):
    """A studio in which the first image of `folder` is open."""
    made = Studio(clock, user_folders)
    made.browsing.open_path(folder)
    wait_until(clock, made, lambda: made.session.document is not None)
    yield made
    made.close()
    clock.run_posted()


def wait_until(clock, studio, condition, timeout_s: float = 30.0) -> None:
    """Let jobs work and their results arrive until the condition holds."""
    deadline = time.monotonic() + timeout_s
    while True:
        clock.run_posted()
        if condition():
            return
        assert time.monotonic() < deadline, "it did not happen in time"
        clock.wait_posted(0.05)


# -- the whole window --------------------------------------------------------------------------


class FakePredictor:
    """Calls every pixel with red above 100 class 1; waits at `gate` so that tests choose when."""

    def __init__(self, engine, spec) -> None:
        self._engine, self._spec = engine, spec

    def predict(self, pixels, options, check, report) -> Prediction:
        report(0, 1, "")
        while not self._engine.gate.wait(0.01):
            check()
        check()
        labels = (pixels[..., 0] > 100).astype(np.uint8)
        if self._spec.task == "semantic":
            return Prediction(
                self._spec.id, self._spec.title, self._spec.schema, labels,
                np.full(labels.shape, 200, np.uint8),
            )  # fmt: skip
        instances = Instances(
            np.array([[2, 2, 12, 12], [20, 10, 36, 26]], np.float32),
            np.array([0.9, 0.6], np.float32),
            np.ones(2, np.uint8),
            np.ones((2, 28, 28), np.float16),
        )
        labels, ids, confidence = instances.flatten(
            labels.shape, options.score_threshold, options.mask_threshold
        )
        return Prediction(
            self._spec.id, self._spec.title, self._spec.schema, labels, confidence, instances, ids
        )


class FakeEngine:
    """Two models that need no weights; `gate` holds them back while it is not set.

    Their class has no name unless one is given, so that it counts by its number.
    """

    def __init__(self, name: str = "class 1") -> None:
        self.gate = threading.Event()
        self.gate.set()
        schema = LabelSchema.from_names(("background", name))
        self._specs = {
            key: ModelSpec(key, title, family, task, schema, "none:none")
            for key, title, family, task in (
                ("fake-semantic", "Fake U-Net", "unet", "semantic"),
                ("fake-instance", "Fake Mask R-CNN", "maskrcnn", "instance"),
            )
        }

    def specs(self) -> dict[str, ModelSpec]:
        return dict(self._specs)

    def is_available(self, spec) -> bool:
        return True

    def download(self, spec, check, report) -> None: ...

    def spec_from_weights(self, path) -> ModelSpec:
        raise SegstudioError(f"{path} holds no network.", "Choose another file.")

    def examine(self, path, check):
        return Examined(self.spec_from_weights(path))

    def predictor(self, spec, device, check) -> FakePredictor:
        return FakePredictor(self, spec)


@pytest.fixture
def fake_engine() -> type[FakeEngine]:
    """Makes fake models whose class has a name of the test's."""
    return FakeEngine


@dataclass
class Bench:
    """An open window with everything behind it."""

    window: MainWindow
    studio: Studio
    engine: FakeEngine | Engine
    dispatcher: Dispatcher
    qtbot: object

    @property
    def session(self):
        return self.studio.session

    def until(self, condition, timeout: int = 30000) -> None:
        """Let the event loop run until the condition holds."""
        self.qtbot.waitUntil(condition, timeout=timeout)

    def open(self, folder: Path) -> None:
        """Open a folder and wait for its first image."""
        before = self.session.project
        self.studio.browsing.open_path(folder)
        self.until(lambda: self.session.project is not before)
        self.until(lambda: self.session.document is not None and not self.session.loading)
        self.until(self.window.commands["model.run"].isEnabled)

    def settle(self, ms: int = 80) -> None:
        """Let jobs end, if the engine does not hold them back, and what was put off happen.

        Nobody waits: pauses that would end within `ms` and updates that are due end at once.
        """
        let_pass(self.qtbot, self.window, self.dispatcher, ms=ms, before_each=self._end_work)

    def _end_work(self) -> None:
        gate = getattr(self.engine, "gate", None)
        if gate is None or gate.is_set():
            self.until(lambda: self.studio.jobs.wait_idle(0))
        if self.window.notices._gone.isActive():  # the picture moves when its strip folds
            self.window.notices._gone.stop()
            self.window.notices._hide()
        self.until(lambda: not views_are_awaited(self.window.canvas))


_KEPT: list[Bench] = []
"""Windows that the tests of a module share."""
_KEPT_STUDIOS: list[Studio] = []
"""Studios that they share, with a window or without."""


@contextmanager
def gui_garbage() -> Iterator[None]:
    """Garbage is collected by the GUI thread alone meanwhile.

    What is there afterwards is not looked at again: among it are all modules, and a collection of
    all that takes seconds.
    """
    garbage = GuiGarbage()
    gc.collect()  # or it would stay for good with what is frozen
    garbage.start()
    yield
    gc.collect()
    garbage.stop()
    gc.freeze()


@contextmanager
def kept_studio(home: Path, engine: Engine) -> Iterator[tuple[Studio, Dispatcher]]:
    """A studio without a window, which the tests of a module may share.

    As in the application, widgets are never deleted by a thread of the jobs.
    """
    with gui_garbage():
        dispatcher = Dispatcher()
        studio = Studio(dispatcher, home, engine)
        _KEPT_STUDIOS.append(studio)
        yield studio, dispatcher
        studio.close()
        dispatcher.close()
        _KEPT_STUDIOS.remove(studio)


@contextmanager
def _windows(qtbot, usual_home: Path) -> Iterator[Callable[..., Bench]]:
    """Makes windows with fake models (or another engine's); all are closed at the end.

    As in the application, widgets are never deleted by a thread of the jobs.
    """
    made: list[Bench] = []

    def make(
        home: Path | None = None,
        engine: Engine | None = None,
        *,
        opens: bool = True,
        early: Callable[[StartPage], object] | None = None,
    ) -> Bench:
        app = QApplication.instance()
        dispatcher, engine = Dispatcher(), engine or FakeEngine()
        place = home or usual_home
        # one for all windows: a style sheet that is set anew is worked out for every widget there is
        theme = app.findChild(Theme) or Theme(app)
        theme.choose("system")
        window = MainWindow(place / "config" / "window.ini", theme, opens=opens)
        studio = Studio(dispatcher, place, engine)
        window.build_bars()
        if early is not None:
            window.start.build(())
            assert window.start.page is not None
            early(window.start.page)
        window.attach(studio)
        window.show()
        bench = Bench(window, studio, engine, dispatcher, qtbot)
        made.append(bench)
        bench.until(lambda: bool(studio.session.model.chosen))
        return bench

    with gui_garbage():
        yield make
        while made:
            _close(made.pop(0))
        QApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)


def _close(bench: Bench) -> None:
    if isinstance(bench.engine, FakeEngine):
        bench.engine.gate.set()
    bench.studio.autosave.ask_unsaved = lambda _document: "discard"
    bench.window.verbs._polygons_may_go = True  # nobody is there to be asked
    bench.window.close()
    bench.studio.close()
    bench.dispatcher.close()
    bench.window.deleteLater()


@pytest.fixture
def make_window(qtbot, user_folders) -> Iterator[Callable[..., Bench]]:
    """Makes windows of this test; see `_windows`."""
    with _windows(qtbot, user_folders) as make:
        yield make
    if _KEPT:
        gc.disable()  # the kept window's timer still collects


@pytest.fixture(scope="module")
def keep_window(request, qapp, tmp_path_factory) -> Iterator[Callable[..., Bench]]:
    """Makes windows for all tests of a module, which leave them as they find them."""
    home = tmp_path_factory.mktemp("home")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SEGSTUDIO_HOME", str(home))
        with _windows(_patient(QtBot(request), patch), home) as make:

            def keep(engine: Engine | None = None, *, opens: bool = True) -> Bench:
                _KEPT.append(make(engine=engine, opens=opens))
                _KEPT_STUDIOS.append(_KEPT[-1].studio)
                return _KEPT[-1]

            yield keep
            _KEPT.clear()
            _KEPT_STUDIOS.clear()


@pytest.fixture
def bench(make_window, folder) -> Bench:
    """A window in which the first image of `folder` is open."""
    made = make_window()
    made.open(folder)
    return made
