"""A window that the tests of a module share; each finds a folder that is newly opened in it."""

from __future__ import annotations

import shutil
from dataclasses import fields
from pathlib import Path

from segstudio.folder.ui.image_list_rows import Order, Show
from segstudio.session.session import What


def first_opened(bench, folder: Path):
    """Open the first folder in a window, and note how the window is found with it."""
    bench.open(folder)
    bench.settle()
    session = bench.session
    bench.studio.autosave.ask_unsaved = lambda _document: "discard"
    bench.found = (session.view, session.disagreeing, session.model, bench.window.size())
    return bench


def newly_opened(bench, folder: Path):
    """The window before all others, as it was found, with another folder of which nothing is known.

    No named runs are left, the chosen model and what is chosen in the views is what it was, and
    the panels stand as at the first start.
    """
    view, disagreeing, model, size = bench.found
    studio, session, window = bench.studio, bench.session, bench.window
    bench.settle()
    for run in [run for run in session.models if studio.named_runs.is_named(run)]:
        studio.named_runs.remove(run)
    if session.model != model:
        session.model = model
        session.notify(What.MODELS)
    window.resize(size)
    window.raise_()
    window.activateWindow()
    window.docks.arrange()
    bench.open(folder)
    studio.comparing.arrange([view.run or model.chosen])  # forgets the views that were closed
    session.set_view(**_values(view))
    session.set_disagreeing(**_values(disagreeing))
    studio.notices.close_shown()
    window.canvas.fit()
    window.canvas.setFocus()
    bench.settle()
    return bench


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
    images.filter.clear()
    images.show_.choose(Show.ALL.value)
    images.order.choose(Order.NAME.value)
    bench.engine.gate.set()
    # they are kept by what an image holds: other tests have the same images
    shutil.rmtree(bench.studio.preferences.folders.data / "predictions", ignore_errors=True)
    return bench
