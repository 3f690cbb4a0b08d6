"""What "More" opens below the classes: every figure, and what the figures mean."""

from __future__ import annotations

from dataclasses import dataclass

from PySide6.QtCore import QEvent, Qt, Signal
from PySide6.QtGui import QColor, QPalette
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from segstudio.annotation.ui.class_table import FIGURE_TIPS, Figures
from segstudio.kit.icon_button import icon_button
from segstudio.kit.icons import tinted
from segstudio.kit.plain import PlainLabel
from segstudio.kit.segment_row import Segments
from segstudio.kit.theme import tokens_of

IMAGE, FOLDER = "This image", "Folder"
_SIGN_PX = 14
_NO_BREAK = "\N{NO-BREAK SPACE}"
_SCOPE_TIPS = {
    IMAGE: "Figures of the image that is shown",
    FOLDER: "Figures of all images that the model ran on, their pixels summed",
}


@dataclass(frozen=True)
class Told:
    """What is said of some figures, a sentence or two each; "" says nothing.

    Attributes:
        sides: What is compared with what.
        warning: Why the figures say little.
        means: More means than the line above has.
        accuracy: The pixel accuracy, and what guessing would score.
        calibration: Whether it is right as often as it says.
    """

    sides: str = ""
    warning: str = ""
    means: str = ""
    accuracy: str = ""
    calibration: str = ""


class ScoreDetails(QWidget):
    """Chooses which figures the table shows, of the image or the folder; says what they mean.

    Signals:
        chosen: Another choice than before.
        copy_asked, save_asked: The figures are wanted as a table.
    """

    chosen = Signal()
    copy_asked = Signal()
    save_asked = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.scope = Segments("Figures of", _SCOPE_TIPS)
        self.figures = Segments(
            "Figures shown", {figures.value: tip for figures, tip in FIGURE_TIPS.items()}
        )
        self.copy = icon_button("copy", "Copy the scores as CSV")
        self.save = icon_button("download", "Save the scores as CSV…")
        self.sides = _sentence("What is compared")
        self.warning = _Warning()
        self.means = _sentence("More means")
        self.accuracy = _sentence("Pixel accuracy")
        self.calibration = _sentence("Calibration")
        self.scope.chosen.connect(self.chosen)
        self.figures.chosen.connect(self.chosen)
        self.copy.clicked.connect(self.copy_asked)
        self.save.clicked.connect(self.save_asked)
        first, second = QHBoxLayout(), QHBoxLayout()
        for row in (first, second):
            row.setSpacing(4)
        first.addWidget(self.scope)
        first.addStretch(1)
        for button in (self.copy, self.save):
            button.setFixedSize(28, 28)
            button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
            first.addWidget(button)
        second.addWidget(self.figures)
        second.addStretch(1)
        column = QVBoxLayout(self)
        column.setContentsMargins(12, 0, 8, 10)
        column.setSpacing(6)
        column.addLayout(first)
        column.addLayout(second)
        for told in (self.sides, self.warning, self.means, self.accuracy, self.calibration):
            column.addWidget(told)

    def reset(self) -> None:
        """Back to IoU and Dice of the image, which is what the table shows without this."""
        self.scope.choose(IMAGE)
        self.figures.choose(Figures.OVERLAP.value)

    def show_told(self, told: Told) -> None:
        """Show what is said of the figures."""
        for label, text in (
            (self.sides, told.sides),
            (self.warning, told.warning),
            (self.means, told.means),
            (self.accuracy, told.accuracy),
            (self.calibration, told.calibration),
        ):
            label.setText(text.replace(" %", f"{_NO_BREAK}%"))
            label.setVisible(bool(text))


class _Warning(QWidget):
    """A sentence that says that figures say little, with its sign."""

    def __init__(self) -> None:
        super().__init__()
        self._text = PlainLabel()
        self._text.setWordWrap(True)
        self._text.setProperty("caption", "true")
        self._text.setAccessibleName("Why the score says little")
        self._sign = PlainLabel()
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(6)
        row.addWidget(self._sign, 0, Qt.AlignmentFlag.AlignTop)
        row.addWidget(self._text, 1)
        self._draw()

    def text(self) -> str:
        """The sentence."""
        return self._text.text()

    def setText(self, text: str) -> None:
        """Show another sentence."""
        self._text.setText(text)

    def changeEvent(self, event: QEvent) -> None:
        """Follow the theme."""
        super().changeEvent(event)
        if event.type() == QEvent.Type.PaletteChange:
            self._draw()

    def _draw(self) -> None:
        color = QColor(tokens_of(self.palette()).warn)
        picture = tinted("triangle-alert", color, _SIGN_PX, self.devicePixelRatioF())
        self._sign.setPixmap(picture)


def _sentence(name: str) -> PlainLabel:
    label = PlainLabel()
    label.setWordWrap(True)
    label.setAccessibleName(name)
    label.setProperty("caption", "true")
    label.setForegroundRole(QPalette.ColorRole.PlaceholderText)
    label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
    return label
