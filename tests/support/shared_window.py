"""A window that the tests of a module share; each finds it as if it had just been opened."""

from __future__ import annotations

import itertools
import shutil
from collections.abc import Callable
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import QEvent
from PySide6.QtWidgets import QApplication
from windows import FakeEngine, write_pictures

from segstudio.core.prediction import ModelSpec
from segstudio.folder.ui.image_list_rows import Order, Show
from segstudio.session.session import What
from segstudio.storage.settings import Settings

_TINTS = itertools.count(1)
_LEFT_MS = 200
"""So long after its room was closed the network is not looked at any more."""
_GONE_MS = 500
"""So long after its message was closed the strip above the views is gone."""
_OF_THE_FOLDER = {"recent", "recent_facts", "export_folders"}
"""Settings that tell of folders: each test has its own."""


@pytest.fixture
def folder(tmp_path):
    """Images that the window has not seen yet: it knows no predictions of them."""
    return write_pictures(tmp_path / "pictures", next(_TINTS))


@pytest.fixture(scope="module")
def kept(keep_window, tmp_path_factory):
    """A window that the tests of a module share."""
    return first_opened(keep_window(), write_pictures(tmp_path_factory.mktemp("kept") / "pictures"))


@pytest.fixture
def bench(kept, request, tmp_path_factory):
    """The window as it was found, with the first image of `folder` open.

    Where a test does not ask for the folder, the one of the test before is as good, if it is as
    that test found it.
    """
    if "folder" in request.fixturenames:
        return newly_opened(kept, request.getfixturevalue("folder"))
    return again(kept, lambda: new_pictures(tmp_path_factory))


def new_pictures(tmp_path_factory) -> Path:
    """A folder with images that no window has seen yet."""
    return write_pictures(tmp_path_factory.mktemp("again") / "pictures", next(_TINTS))


def again(kept, make_folder: Callable[[], Path]):
    """The window as it was found; another folder is opened where the last test changed its own."""
    _let_end(kept)
    if folder_facts(kept) == kept.facts:
        return found_again(kept)
    return newly_opened(kept, make_folder())


@dataclass(frozen=True)
class Found:
    """What of a window does not depend on the folder, as its first test finds it."""

    view: Any
    disagreeing: Any
    correcting: Any
    inspection: Any
    model: Any
    models: dict[str, ModelSpec]
    settings: Settings
    size: Any


def first_opened(bench, folder: Path):
    """Open the first folder in a window, and note how the window is found with it."""
    bench.open(folder)
    return found(bench)


def found(bench):
    """Note how a window is found by the tests that share it."""
    bench.settle()
    session = bench.session
    bench.studio.autosave.ask_unsaved = lambda _document: "discard"
    bench.found = Found(
        session.view,
        session.disagreeing,
        session.correcting,
        session.inspection,
        session.model,
        dict(session.models),
        bench.studio.settings,
        bench.window.size(),
    )
    bench.facts = folder_facts(bench)
    return bench


def newly_opened(bench, folder: Path):
    """The window before all others, as it was found, with another folder of which nothing is known.

    No named runs are left, what is chosen in the views and panels and the settings are what they
    were, and the panels stand as at the first start.
    """
    _let_end(bench)
    _window_back(bench)
    bench.open(folder)
    _views_back(bench)
    bench.settle()
    bench.facts = folder_facts(bench)
    return bench


def found_again(bench):
    """The same with the folder that is open already, of which nothing was changed."""
    _window_back(bench)
    studio, session = bench.studio, bench.session
    if session.index != 0 or session.document is None:
        studio.browsing.select(0)
        bench.until(lambda: session.index == 0 and session.document is not None)
    _views_back(bench)
    bench.settle()
    return bench


def folder_facts(bench) -> tuple[object, ...]:
    """What tests may have changed of the open folder, in the window and on disk."""
    session = bench.session
    document, project = session.document, session.project
    files = sorted(project.root.rglob("*")) if project is not None else []
    histories = document is not None and (document.history.can_undo or document.history.can_redo)
    return (
        id(project),
        [(path, path.stat().st_mtime_ns, path.stat().st_size) for path in files],
        (session.schema, session.schema_origin, session.saving, session.read_only),
        (dict(session.states), len(session.counts), session.evaluation, session.queue),
        (histories, document is not None and bool(document.predictions)),
    )


def _let_end(bench) -> None:
    """Let all work end that a test began."""
    if isinstance(bench.engine, FakeEngine):
        bench.engine.gate.set()
    bench.settle()


def _window_back(bench) -> None:
    """What belongs to no folder is as it was found."""
    found, studio, session, window = bench.found, bench.studio, bench.session, bench.window
    for run in [run for run in session.models if studio.named_runs.is_named(run)]:
        studio.named_runs.remove(run)
    if session.models != found.models or session.model != found.model:
        session.models, session.model = dict(found.models), found.model
        session.notify(What.MODELS)
    settings = {
        field.name: getattr(found.settings, field.name)
        for field in fields(Settings)
        if field.name not in _OF_THE_FOLDER
    }
    studio.preferences.update(**settings)
    window.verbs.apply_settings()
    window.resize(found.size)
    window.raise_()
    window.activateWindow()
    window.docks.room.tabs.setCurrentIndex(0)
    window.docks.arrange()
    if session.inspection.active:
        bench.settle(_LEFT_MS)
        assert not session.inspection.active
    window.classes.more.setChecked(False)
    as_listed_at_first(window.images)
    QApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)


def _views_back(bench) -> None:
    """The views show what they showed, and have the keys; nothing is said above them."""
    found, studio, session, window = bench.found, bench.studio, bench.session, bench.window
    run = found.view.run or found.model.chosen
    studio.segmenting._preferred = run
    if session.view != found.view or studio.comparing._closed:
        studio.comparing.arrange([run])  # forgets the views that were closed
        session.set_view(**_values(found.view))
    session.set_disagreeing(**_values(found.disagreeing))
    session.set_correcting(**_values(found.correcting))
    if not session.inspection.active:
        session.set_inspection(**_values(found.inspection))
    studio.notices.close_shown()
    studio.notices.recent.clear()
    window.signal_view.on_left()
    window.signal_view.on_jobs()
    window.canvas.fit()
    window.canvas.setFocus()
    if window.notices.isVisible():
        bench.settle(_GONE_MS)
        assert window.notices.isHidden()


def as_listed_at_first(images) -> None:
    """The list of images is unfiltered and in the order of the names."""
    images.filter.clear()
    images.show_.choose(Show.ALL.value)
    images.order.choose(Order.NAME.value)


def _values(state) -> dict[str, object]:
    return {field.name: getattr(state, field.name) for field in fields(state)}


def as_at_first(bench):
    """The window before others and of its first size, its list unfiltered, no prediction known.

    What belongs to a folder goes when a test opens its own.
    """
    window, images = bench.window, bench.window.images
    if not hasattr(bench, "size"):
        bench.size = window.size()
    window.activateWindow()
    window.resize(bench.size)
    as_listed_at_first(images)
    bench.engine.gate.set()
    # they are kept by what an image holds: other tests have the same images
    shutil.rmtree(bench.studio.preferences.folders.data / "predictions", ignore_errors=True)
    return bench
