"""The weights of all models: on this disk or not, fetched, stopped, checked, deleted."""

from __future__ import annotations

import math

from PySide6.QtCore import Qt, QUrl
from PySide6.QtGui import QDesktopServices, QPalette
from PySide6.QtWidgets import (
    QDialogButtonBox,
    QHBoxLayout,
    QMessageBox,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from segstudio.core.formatting import bytes_text
from segstudio.jobs import JobRunner
from segstudio.kit.coalesce import Coalescer
from segstudio.kit.dialog import Dialog, clicked_button
from segstudio.kit.icons import icon
from segstudio.kit.plain import PlainLabel, plain_box
from segstudio.kit.row_menu import Verb
from segstudio.kit.table import TableView
from segstudio.kit.table_model import Column, Emphasis, Side, TableModel
from segstudio.models.weights import weights_folder
from segstudio.notices import Notices
from segstudio.runs.downloads import DownloadRow, Downloads
from segstudio.runs.ui.model_chooser import family_title

_INTERVAL_S = 0.2
_ROWS = (6.0, 14.0)


class DownloadsDialog(Dialog):
    """A table of all weights, and what can be done with those of a row; not modal."""

    def __init__(
        self, downloads: Downloads, jobs: JobRunner, notices: Notices, parent: QWidget
    ) -> None:
        super().__init__(parent)
        self.setWindowTitle("Weights on this computer")
        self._downloads, self._notices = downloads, notices
        self.table = TableView(
            TableModel(_COLUMNS, lambda row: row.spec.id), "Weights", rows_seen=_ROWS
        )
        self.table.verbs = self._verbs
        self.note = PlainLabel()
        self.note.setWordWrap(True)
        self.note.setAccessibleName("About the weights of the row")
        self.note.setForegroundRole(QPalette.ColorRole.PlaceholderText)
        self.note.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.note.setMinimumHeight(3 * self.note.fontMetrics().lineSpacing())
        self.note.setAlignment(Qt.AlignmentFlag.AlignTop)
        self.fetch = _button("Download", "download", "Fetch the weights; goes on where it stopped")
        self.stop = _button("Stop", "circle-stop", "Stop the download; what arrived is kept")
        self.check = _button("Check", "", "Compare the file with its checksum")
        self.delete = _button("Delete…", "trash-2", "Delete the downloaded file from this disk")
        self.folder = _button("Open folder", "folder-open", "Where downloaded weights are kept")
        self.total = PlainLabel()
        close = QDialogButtonBox(QDialogButtonBox.StandardButton.Close)
        close.rejected.connect(self.reject)
        buttons = QHBoxLayout()
        for button in (self.fetch, self.stop, self.check, self.delete, self.folder):
            buttons.addWidget(button)
        buttons.addStretch(1)
        buttons.addWidget(self.total)
        buttons.addWidget(close)
        column = QVBoxLayout(self)
        column.setSpacing(8)
        column.addWidget(self.table, 1)
        column.addWidget(self.note)
        column.addLayout(buttons)
        self.resize(820, 520)
        self.fetch.clicked.connect(lambda: self._do("fetch"))
        self.stop.clicked.connect(lambda: self._do("stop"))
        self.check.clicked.connect(lambda: self._do("check"))
        self.delete.clicked.connect(lambda: self._do("delete"))
        self.folder.clicked.connect(self._open_folder)
        self._refresh = Coalescer(self, self._show, _INTERVAL_S)
        self.table.selectionModel().currentRowChanged.connect(lambda *_: self._show_chosen())
        self.listen(downloads.changed, self._refresh.request)
        self.listen(jobs.changed, self._refresh.request)
        self._show()
        self.choose_first()
        downloads.refresh()

    def choose_first(self) -> None:
        """Begin with the first row whose weights can be fetched."""
        rows = self._downloads.rows()
        first = next((row for row in rows if row.can_be_fetched), rows[0] if rows else None)
        if first is not None:
            self.table.choose(first.spec.id)

    @property
    def chosen(self) -> DownloadRow | None:
        """The row that has the keys."""
        return self.table.row_at(self.table.currentIndex())

    def _show(self) -> None:
        model = self.table.model()
        assert isinstance(model, TableModel)
        rows = self._downloads.rows()
        model.show_rows(rows)
        taken = sum(row.total for row in rows if row.is_ours and row.place)
        self.total.setText(f"{bytes_text(taken)} downloaded" if taken else "")
        self._show_chosen()

    def _show_chosen(self) -> None:
        row = self.chosen
        self.note.setText("" if row is None else row.explanation)
        allowed = {name for name, *_ in _possible(row)}
        had_keys = self.focusWidget()
        for name, button in self._buttons().items():
            button.setEnabled(name in allowed)
        if had_keys is not None and not had_keys.isEnabled():
            # Qt would go on to what happens to stand behind it
            usable = (b for name, b in self._buttons().items() if name in allowed)
            next(usable, self.table).setFocus()

    def _buttons(self) -> dict[str, QPushButton]:
        return {
            "fetch": self.fetch, "stop": self.stop, "check": self.check, "delete": self.delete,
        }  # fmt: skip

    def _verbs(self, row: DownloadRow) -> list[Verb]:
        return [
            (picture, title, lambda name=name, row=row: self._do(name, row))  # type: ignore[misc]
            for name, picture, title in _possible(row)
        ]

    def _do(self, what: str, row: DownloadRow | None = None) -> None:
        row = row or self.chosen
        if row is None:
            return
        model_id = row.spec.id
        if what == "fetch":
            self._downloads.start(model_id)
        elif what == "stop":
            self._downloads.stop(model_id)
        elif what == "check":
            self._downloads.check(model_id)
        elif self._may_delete(row):
            self._downloads.delete(model_id)

    def _may_delete(self, row: DownloadRow) -> bool:
        box = plain_box(self)
        box.setText(f"Delete the weights of {row.spec.title}?")
        size = f"{bytes_text(row.total)} must be downloaded to run it again." if row.total else ""
        box.setInformativeText(size)
        delete = box.addButton("Delete", QMessageBox.ButtonRole.DestructiveRole)
        box.addButton(QMessageBox.StandardButton.Cancel)
        return clicked_button(box) is delete

    def _open_folder(self) -> None:
        folder = weights_folder()
        shown = folder if folder.is_dir() else folder.parent
        if not QDesktopServices.openUrl(QUrl.fromLocalFile(str(shown))):
            self._notices.warning(
                f"No file manager opened {folder}.", "Open it by hand.", scope="program"
            )


def _possible(row: DownloadRow | None) -> list[tuple[str, str, str]]:
    """What can be done with a row: its name, an icon, a text."""
    if row is None:
        return []
    found = []
    if row.can_be_fetched:
        found.append(("fetch", "download", "Download"))
    if row.is_under_way:
        found.append(("stop", "circle-stop", "Stop"))
    if row.state == "here":
        found.append(("check", "", "Check"))
    if row.is_ours and not row.is_under_way:
        found.append(("delete", "trash-2", "Delete…"))
    return found


def _button(title: str, picture: str, tip: str) -> QPushButton:
    button = QPushButton(title)
    if picture:
        button.setIcon(icon(picture))
    button.setToolTip(tip)
    button.setAutoDefault(False)
    return button


def _size(row: DownloadRow) -> float:
    return float(row.total) if row.total else math.nan


_COLUMNS: tuple[Column[DownloadRow], ...] = (
    Column("Model", lambda r: r.spec.title, "Whose weights they are", stretch=180),
    Column("Family", lambda r: family_title(r.spec.family), "Of the network", spare=True),
    Column(
        "Size", lambda r: bytes_text(r.total) if r.total else "", "Of the file",
        value=_size, side=Side.RIGHT,
    ),
    Column(
        "State", lambda r: r.text, "What of the weights is on this disk",
        bar=lambda r: r.share if r.is_under_way else math.nan,
        emphasis=lambda r: Emphasis.FAINT if r.state in ("absent", "missing") else Emphasis.NONE,
        sample="100 %, 233.2 MB of 233.2 MB",
    ),
    Column("Licence", lambda r: r.spec.licence, "Of the weights", most=220, spare=True),
)  # fmt: skip
