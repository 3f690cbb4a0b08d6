"""Pictures for documents: on white paper whatever the theme is, as PNG or as SVG."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from PySide6.QtCore import QBuffer, QIODevice, QPointF, QRectF, QSize
from PySide6.QtGui import QFont, QImage, QPainter
from PySide6.QtSvg import QSvgGenerator
from PySide6.QtWidgets import QApplication, QMenu, QWidget

from segstudio.folder.picture_files import PictureFiles
from segstudio.kit.charts.look import ON_PAPER
from segstudio.kit.file_dialogs import ask_file_to_write
from segstudio.kit.icons import icon
from segstudio.kit.painting import paint
from segstudio.report.chart_data import ChartData
from segstudio.report.charts import PAPER, chart_drawing

MARGIN: Final = 16
LETTERS_PX: Final = 13
_TITLE_PX: Final = 16
_SIZE: Final = QSize(880, 520)
_HEADER: Final = 2 * MARGIN + 2 * LETTERS_PX
_DENSITY: Final = 2
"""Pixels of a PNG for each logical one: sharp in print."""
_KINDS: Final = {"PNG picture (*.png)": ".png", "SVG drawing (*.svg)": ".svg"}


@dataclass(frozen=True)
class ChartPicture:
    """Something that can be painted.

    Attributes:
        title: Written on top.
        size: In logical pixels, all margins included.
        paint: Draws the rest, with the font of the text set, below the y that it is given.
        table: The values with tabs between them.
    """

    title: str
    size: QSize
    paint: Callable[[QPainter, float], None]
    table: str = ""

    def image(self) -> QImage:
        """The picture as pixels; it may be encoded on another thread."""
        image = QImage(self.size * _DENSITY, QImage.Format.Format_RGB32)
        image.setDevicePixelRatio(_DENSITY)
        painter = QPainter(image)
        self._paint(painter)
        painter.end()
        return image

    def svg(self) -> bytes:
        """The picture as lines and letters: the content of an SVG file."""
        buffer, generator = QBuffer(), QSvgGenerator()
        buffer.open(QIODevice.OpenModeFlag.WriteOnly)
        generator.setOutputDevice(buffer)
        generator.setSize(self.size)
        generator.setViewBox(self._whole)
        generator.setTitle(self.title)
        painter = QPainter(generator)
        self._paint(painter)
        painter.end()
        return bytes(buffer.data().data())

    @property
    def _whole(self) -> QRectF:
        return QRectF(QPointF(), self.size.toSizeF())

    def _paint(self, painter: QPainter) -> None:
        painter.fillRect(self._whole, ON_PAPER.paper)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        font = QFont(QApplication.font())
        font.setPixelSize(_TITLE_PX)
        font.setBold(True)
        painter.setFont(font)
        painter.setPen(ON_PAPER.ink)
        painter.drawText(QPointF(MARGIN, MARGIN + _TITLE_PX), self.title)
        font.setBold(False)
        font.setPixelSize(LETTERS_PX)
        painter.setFont(font)
        self.paint(painter, MARGIN + _TITLE_PX + 14.0)


def picture_of(data: ChartData) -> ChartPicture:
    """The chart with everything in view, whatever is enlarged on the screen."""
    room = _SIZE.width() - 2 * MARGIN, _SIZE.height() - _HEADER - MARGIN - 20
    drawing = chart_drawing(data, room, PAPER)

    def draw(painter: QPainter, top: float) -> None:
        painter.translate(MARGIN, top)
        paint(painter, drawing.parts, {})

    height = max(_SIZE.height(), round(drawing.height) + _HEADER + MARGIN)
    return ChartPicture(data.title, QSize(_SIZE.width(), height), draw, data.table)


def png_of(image: QImage) -> bytes:
    """An image as the content of a PNG file."""
    buffer = QBuffer()
    buffer.open(QIODevice.OpenModeFlag.WriteOnly)
    image.save(buffer, "PNG")  # type: ignore[call-overload]
    return bytes(buffer.data().data())


def save_picture_as(parent: QWidget, files: PictureFiles, picture: ChartPicture, name: str) -> None:
    """Ask for a file and write a picture to it.

    Args:
        parent: Of the dialog.
        files: Writes it.
        picture: What is written.
        name: Of the file that is suggested, without its ending.
    """
    plain = "".join(c if c.isalnum() else "-" for c in name.casefold())
    start = Path(files.folder or Path.home()) / f"{plain}.png"
    path = ask_file_to_write(parent, "Save picture", start, _KINDS)
    if path is not None:
        save_picture(files, picture, path)


def save_picture(files: PictureFiles, picture: ChartPicture, path: Path) -> None:
    """Write a picture as SVG or as PNG, by the ending of the file's name."""
    if path.suffix.casefold() == ".svg":
        content = picture.svg()
        files.save(path, lambda: content, "The picture")
    else:
        image = picture.image()
        files.save(path, lambda: png_of(image), "The picture")


def fill_menu(
    menu: QMenu,
    files: PictureFiles,
    picture: Callable[[], ChartPicture],
    name: str,
    parent: QWidget,
) -> None:
    """Add what can be done with a picture: save it, copy it, copy its values."""
    clipboard = QApplication.clipboard()
    menu.addAction(
        icon("save"), "Save picture…", lambda: save_picture_as(parent, files, picture(), name)
    )
    menu.addAction(icon("image"), "Copy picture", lambda: clipboard.setImage(picture().image()))
    menu.addAction(icon("copy"), "Copy values", lambda: clipboard.setText(picture().table))
