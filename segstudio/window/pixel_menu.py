"""What a view's menu offers about the pixel under the pointer, and about its picture."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QMenu

from segstudio.annotation.ui.object_actions import add_object_entries
from segstudio.canvas.probe import Probe, probe
from segstudio.canvas.viewport import Viewport
from segstudio.core.text import printable, safe_cells
from segstudio.kit.charts.chart_files import png_of
from segstudio.kit.file_dialogs import ask_file_to_write
from segstudio.kit.icons import icon
from segstudio.kit.model_titles import short_model_titles
from segstudio.runs.batch import model_of
from segstudio.session.document import Document

if TYPE_CHECKING:
    from segstudio.studio import Studio
    from segstudio.window.main_window import MainWindow

_Pixel = tuple[int, int]


class PixelMenu(QObject):
    """Adds to the menu of a view what can be done with the pixel that was clicked on."""

    def __init__(self, window: MainWindow, studio: Studio) -> None:
        super().__init__(window)
        self._window, self._studio = window, studio
        window.canvas.menu_opening.connect(self.fill)

    def fill(self, menu: QMenu, viewport: Viewport, pixel: _Pixel | None) -> None:
        """Add what can be done now, before what the menu ends with."""
        document = viewport.document
        if document is None:
            return
        menu.addSeparator()
        self._add_mapping(menu, document, viewport)
        if pixel is not None and document is self._studio.session.document:
            add_object_entries(menu, self._studio.session, self._studio.objects, pixel)
        found = None if pixel is None else probe(document, viewport.shown, *pixel)
        if found is not None:
            self._add_pixel(menu, document, viewport, found)
            menu.addSeparator()
        self._add(menu, "save", "Save picture of this view…", lambda: self._save(viewport))

    def _add_mapping(self, menu: QMenu, document: Document, viewport: Viewport) -> None:
        """Where the shown model has none of the folder's classes, offer to say what they are."""
        prediction = document.predictions.get(viewport.shown.run)
        if prediction is None or prediction.own is None:
            return
        model_id = model_of(prediction.run)
        name = short_model_titles([prediction.title])[0]
        ask = self._studio.class_mappings.ask_mapping
        self._add(menu, "tags", f"Map the classes of {name}…", lambda: ask(model_id))

    def _add_pixel(self, menu: QMenu, document: Document, viewport: Viewport, found: Probe) -> None:
        session, studio, run = self._studio.session, self._studio, viewport.shown.run
        pixel = (found.x, found.y)
        prediction = document.predictions.get(run)
        if prediction is not None and not session.read_only:
            name = short_model_titles([prediction.title])[0]
            self._add(
                menu,
                "clipboard-check",
                f"Take {name}'s answer here",
                lambda: studio.disagreement.take_at(*pixel, run),
            )
        class_id = found.annotation
        if class_id != session.view.active_class:
            name = session.schema.name_of(class_id)
            self._add(menu, "pipette", f"Paint with “{name}”", lambda: self._choose(class_id))
        if session.model.chosen:
            self._add(
                menu, "network", "Why this class here?", lambda: self._window.network.explain(pixel)
            )
        self._add(
            menu,
            "copy",
            "Copy the values of this pixel",
            lambda: QGuiApplication.clipboard().setText(self._told(found)),
        )

    def _add(self, menu: QMenu, picture: str, text: str, run: Callable[[], object]) -> None:
        menu.addAction(icon(picture), printable(text).replace("&", "&&"), run)

    def _choose(self, class_id: int) -> None:
        view = self._studio.session.view
        self._studio.session.set_view(active_class=class_id, previous_class=view.active_class)

    def _told(self, found: Probe) -> str:
        """Place, stored values and classes of a pixel in a line, parted by tabs."""
        name_of = self._studio.session.schema.name_of
        parts = [f"{found.x}, {found.y}", " ".join(map(str, found.values))]
        parts.append(name_of(found.annotation))
        if found.predicted is not None:
            parts.append(found.predicted_name(self._studio.session.schema))
        return "	".join(safe_cells(parts))

    def _save(self, viewport: Viewport) -> None:
        """Ask for a file and write what the view shows to it."""
        document, files = viewport.document, self._studio.picture_files
        if document is None:
            return
        picture = viewport.grab().toImage()
        start = Path(files.folder or Path.home()) / f"{document.ref.path.stem}-view.png"
        title, kinds = "Save picture of the view", {"PNG picture (*.png)": ".png"}
        path = ask_file_to_write(self._window, title, start, kinds)
        if path is not None:
            files.save(path, lambda: png_of(picture), "The picture")
