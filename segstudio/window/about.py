"""What this program is."""

from __future__ import annotations

import platform

from PySide6.QtCore import Qt, qVersion
from PySide6.QtWidgets import (
    QDialogButtonBox,
    QHBoxLayout,
    QLabel,
    QVBoxLayout,
    QWidget,
)

import segstudio
from segstudio.core.text import as_html
from segstudio.kit.dialog import Dialog
from segstudio.kit.icons import icon


class AboutDialog(Dialog):
    """Name, version, licence, and the versions that a report needs."""

    def __init__(self, files: dict[str, str], parent: QWidget) -> None:
        """Args:
        files: Places worth knowing, title -> path.
        parent: The window.
        """
        super().__init__(parent)
        self.setWindowTitle("About segstudio")
        sign = QLabel()
        sign.setPixmap(icon("segstudio").pixmap(64, 64))
        places = "".join(
            f"<tr><td>{t}&nbsp;&nbsp;</td><td>{as_html(str(p))}</td></tr>" for t, p in files.items()
        )
        text = QLabel(
            f"<h3>segstudio {segstudio.__version__}</h3>"
            "<p>Run segmentation models, correct their masks, measure them.</p>"
            "<p>Licence: Apache-2.0. Icons: Lucide (ISC).</p>"
            f"<p>Python {platform.python_version()}, Qt {qVersion()}, {platform.platform()}</p>"
            f"<table>{places}</table>"
        )
        text.setTextFormat(Qt.TextFormat.RichText)
        text.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        row = QHBoxLayout()
        row.setSpacing(16)
        row.addWidget(sign, 0, Qt.AlignmentFlag.AlignTop)
        row.addWidget(text, 1)
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close)
        buttons.rejected.connect(self.reject)
        column = QVBoxLayout(self)
        column.addLayout(row)
        column.addWidget(buttons)
