"""The colours of charts: paper and ink follow the theme, data never does."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from PySide6.QtGui import QColor, QPalette

SYMBOLS: Final = ("o", "s", "t", "d", "star", "p", "t1")
"""pyqtgraph's symbols, so that series differ by more than their colour."""


@dataclass(frozen=True)
class ChartColors:
    """Paper and ink.

    Attributes:
        paper: Behind everything.
        ink: Titles and what matters.
        faint: Numbers of axes, lines to compare with.
        accent: Rings around what is marked.
    """

    paper: QColor
    ink: QColor
    faint: QColor
    accent: QColor

    @classmethod
    def of(cls, palette: QPalette) -> ChartColors:
        """The theme's."""
        role = QPalette.ColorRole
        return cls(
            palette.color(role.Base), palette.color(role.Text),
            palette.color(role.PlaceholderText), palette.color(role.Accent),
        )  # fmt: skip

    def color(self, name: str, opacity: float = 1.0) -> QColor:
        """A colour by its name, "" for the faint one, with an opacity 0..1."""
        found = QColor(name) if name else QColor(self.faint)
        found.setAlphaF(opacity)
        return found


ON_PAPER: Final = ChartColors(
    QColor("#ffffff"), QColor("#1f2328"), QColor("#57606a"), QColor("#2563c9")
)
"""For pictures that go into documents, whatever the window's theme is."""
