"""The list beside the confusion matrix: images, and the places in the one that is open."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from PySide6.QtCore import QModelIndex, Qt, Signal
from PySide6.QtGui import QIcon
from PySide6.QtWidgets import (
    QHBoxLayout,
    QVBoxLayout,
    QWidget,
)

from segstudio.core.formatting import count_text, percent_text
from segstudio.core.labels import Image
from segstudio.core.text import printable
from segstudio.evaluation.confused_places import MOST_PLACES, ConfusedPlaces, Place
from segstudio.evaluation.figures_table import EvaluationTable
from segstudio.folder.browsing import Browsing
from segstudio.kit.elided import ElidedLabel
from segstudio.kit.empty import EmptyState, Switch
from segstudio.kit.icon_button import icon_button
from segstudio.kit.pixmaps import pixmap_of
from segstudio.kit.plain import FaintLabel, semibold_font
from segstudio.kit.table import TableView
from segstudio.kit.table_model import UNSORTED, Column, Side, TableModel
from segstudio.session.session import Session

_THUMBNAIL_PX: Final = 36
_HINT: Final = "Click an image to go there."
_NONE: Final = "No image has such pixels."


class ConfusedList(QWidget):
    """Lists the images of a cell; a click opens one at its largest place, the next at the next.

    Signals:
        open_requested: Position of an image or page (int, more than 32 bits), and the `Rect` to look at or None.
    """

    open_requested = Signal(object, object)

    def __init__(
        self, session: Session, table: EvaluationTable, browsing: Browsing, places: ConfusedPlaces
    ) -> None:
        super().__init__()
        self._session, self._table, self._finder = session, table, places
        self._run, self._classes = "", (0, 0)
        self._opened: int | None = None
        self._places: tuple[Place, ...] = ()
        self._place = 0
        self.title = ElidedLabel(Qt.TextElideMode.ElideRight)
        self.title.setFont(semibold_font(self.title.font()))
        self._browsing = browsing
        self._names: Sequence[str] = ()
        self._pictures: dict[int, QIcon | None] = {}
        self.model: TableModel[tuple[int, int]] = TableModel(
            self._columns(1), lambda row: row[0], self
        )
        self.view = TableView(
            self.model, "Images of the chosen cell", row_height=_THUMBNAIL_PX + 4,
            sorting=UNSORTED, icon_px=_THUMBNAIL_PX,
        )  # fmt: skip
        self.back = icon_button("chevron-left", "Previous place in this image", px=14)
        self.next = icon_button("chevron-right", "Next place in this image", px=14)
        self.where = FaintLabel(_HINT, wraps=False)
        self._lay_out()
        self.view.clicked.connect(self._on_clicked)
        self.view.activated.connect(self._on_activated)
        self.view.verbs = lambda row: [("image", "Show the image", lambda: self._open(row[0]))]
        self.back.clicked.connect(lambda: self.step(-1))
        self.next.clicked.connect(lambda: self.step(1))
        self._show_place()

    def _lay_out(self) -> None:
        self.setMinimumWidth(230)
        below = QHBoxLayout()
        below.setSpacing(2)
        below.addWidget(self.where, 1)
        below.addWidget(self.back)
        below.addWidget(self.next)
        self._switch = Switch(EmptyState(_NONE), self.view)
        column = QVBoxLayout(self)
        column.setContentsMargins(6, 6, 8, 4)
        column.setSpacing(4)
        column.addWidget(self.title)
        column.addLayout(self._switch, 1)
        column.addLayout(below)

    @property
    def places(self) -> tuple[Place, ...]:
        """The places in the open image, largest first."""
        return self._places

    def show_cell(self, run: str, classes: tuple[int, int], sentence: str) -> None:
        """List the images of a cell.

        Args:
            run: The model.
            classes: Of the annotation and of the prediction.
            sentence: What the cell says.
        """
        if (run, classes) != (self._run, self._classes):
            self._opened, self._places = None, ()
        self._run, self._classes = run, classes
        rows = self._table.images_confusing(run, *classes)
        noun = "image" if len(rows) == 1 else "images"
        number = count_text(len(rows))
        self.title.show_text(f"{sentence}: {number} {noun}", f"{sentence}: {number}")
        if self._names is not self._table.names:
            self._names = self._table.names
            self._pictures.clear()
        self.model.show_rows(rows, self._columns(max(1, sum(pixels for _, pixels in rows))))
        if self._opened is not None:
            self.view.choose(self._opened)
        self._switch.show_contents(bool(rows))
        self._show_place()

    def _columns(self, whole: int) -> tuple[Column[tuple[int, int]], ...]:
        """Name with a small picture, pixels, and their share of `whole`, for (image, pixels)."""

        def name(row: tuple[int, int]) -> str:
            return printable(self._names[row[0]])

        def tip(row: tuple[int, int]) -> str:
            return (
                f"{name(row)}\n{count_text(row[1])} pixels, {percent_text(row[1] / whole)} of all "
                "such pixels\nClick to go there; click again for the next place"
            )

        return (
            Column("Image", name, "Click to look at the pixels", cell_tip=tip, stretch=90, icon=lambda r: self._picture(r[0])),
            Column("Pixels", lambda r: count_text(r[1]), "How many pixels are taken for the other class",
                   value=lambda r: r[1], cell_tip=tip,
                   side=Side.RIGHT),
            Column("Share", lambda r: percent_text(r[1] / whole),
                   "Of all pixels of the folder that are confused in this way", value=lambda r: r[1] / whole,
                   cell_tip=tip, side=Side.RIGHT),
        )  # fmt: skip

    def _picture(self, image: int) -> QIcon | None:
        """A small picture; it is asked for when the row is first drawn."""
        if image not in self._pictures:
            self._pictures[image] = None
            self._browsing.thumbnail(image, 2 * _THUMBNAIL_PX, self._put_picture)
        return self._pictures[image]

    def _put_picture(self, image: int, picture: Image | None) -> None:
        if picture is None:
            return
        side = round(_THUMBNAIL_PX * self.devicePixelRatioF())
        small = pixmap_of(picture).scaled(
            side, side, Qt.AspectRatioMode.KeepAspectRatio,
            Qt.TransformationMode.SmoothTransformation,
        )  # fmt: skip
        small.setDevicePixelRatio(self.devicePixelRatioF())
        self._pictures[image] = QIcon(small)
        self.model.repaint()

    def step(self, by: int) -> None:
        """Go to the next (1) or previous (-1) place of the open image, at the end from the start."""
        if self._places and self._opened is not None:
            self._place = (self._place + by) % len(self._places)
            self._show_place()
            self.open_requested.emit(self._opened, self._places[self._place].rect)

    # -- opening -------------------------------------------------------------------------------

    def _on_clicked(self, index: QModelIndex) -> None:
        image = self.model.rows[index.row()][0]
        if image == self._opened == self._session.index and self._places:
            self.step(1)
        else:
            self._open(image)

    def _on_activated(self, index: QModelIndex) -> None:
        """Return was pressed; a double click was two clicks already."""
        image = self.model.rows[index.row()][0]
        if image != self._opened:
            self._open(image)

    def _open(self, image: int) -> None:
        self._opened, self._places, self._place = image, (), 0
        self._show_place()
        run, classes = self._run, self._classes

        def found(index: int, places: tuple[Place, ...]) -> None:
            if (run, classes, index) != (self._run, self._classes, self._opened):
                return
            self._places = places
            self._show_place()
            self.open_requested.emit(index, places[0].rect if places else None)

        self._finder.open(image, run, *classes, found)

    def _show_place(self) -> None:
        number = len(self._places)
        for button in (self.back, self.next):
            button.setEnabled(number > 1)
        if not number:
            self.where.setText(_HINT)
            return
        pixels = self._places[self._place].pixels
        noun = "pixel" if pixels == 1 else "pixels"
        of = f"the {number} largest" if number == MOST_PLACES else f"{number}"
        self.where.setText(f"Place {self._place + 1} of {of}: {count_text(pixels)} {noun}")
