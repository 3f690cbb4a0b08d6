"""The table of what cutting each skip alone costs, over this image or a set."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import Final

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import (
    QApplication,
    QComboBox,
    QHBoxLayout,
    QProgressBar,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from segstudio.core.formatting import percent_text, ratio_text
from segstudio.core.text import listed
from segstudio.inspection.cutting import Cutting
from segstudio.inspection.ui.cut_list_view import HOW_TEXTS, chosen_how, how_combo
from segstudio.inspection.ui.cut_masks import change_column
from segstudio.kit.coalesce import Coalescer
from segstudio.kit.file_dialogs import ask_csv
from segstudio.kit.icon_button import icon_button
from segstudio.kit.plain import FaintLabel
from segstudio.kit.table import TableView
from segstudio.kit.table_model import UNSORTED, Column, Side, TableModel
from segstudio.metrics.cut_costs import ALL_SKIPS, Ablation, AblationRow
from segstudio.session.session import Change, Session, What

_IMAGE, _FOLDER = "image", "folder"
_HINT = (
    "Cuts every skip alone, then all together, and measures what the mask loses. "
    "Boundary IoU looks at the outlines only."
)


def _negative(value: Callable[[AblationRow], float]) -> Callable[[AblationRow], float]:
    return lambda row: -value(row)


_FIRST: Final = (
    Column[AblationRow](
        "Without", lambda row: _name(row), "What is cut in this row: one skip connection, or all",
        cell_tip=lambda row: f"{_name(row)}: double click to see the mask without it",
    ),
    Column[AblationRow](
        "Changed", lambda row: percent_text(row.changed_share),
        "Share of the pixels whose class is another one", lambda row: row.changed_share,
        side=Side.RIGHT,
    ),
)  # fmt: skip


def _columns_of_means(leads: str) -> tuple[Column[AblationRow], ...]:
    of, over = ("foreground ", "the foreground") if leads == "foreground" else ("", "the classes")
    return (
        change_column(f"Δ {of}IoU", f"Change of the mean IoU over {over}",
                      _negative(lambda r: r.lead_iou_drop),
                      cell_tip=lambda row: _before_after(row)),
        change_column(f"Δ {of}boundary IoU", f"Change of the mean IoU of the boundaries over {over}: "
                      "within 2 % of the image's diagonal from each region's own edge",
                      _negative(lambda r: r.lead_boundary_drop)),
        change_column(f"Δ {of}Dice", f"Change of the mean Dice over {over}",
                      _negative(lambda r: r.lead_dice_drop)),
    )  # fmt: skip


class AblationTable(QWidget):
    """Over what, how, go; then one row a skip as the numbers come.

    Signals:
        opened: The mask without a row's skip is asked for.
    """

    opened = Signal()

    def __init__(self, session: Session, cutting: Cutting, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._session, self._cutting = session, cutting
        self.scope = QComboBox()
        self.scope.setAccessibleName("Over which images")
        self.scope.addItem("This image", _IMAGE)
        self.scope.addItem("All images", _FOLDER)
        self.how = how_combo()
        self.start = QPushButton("Cut each skip")
        self.stop = QPushButton("Stop")
        self.progress = QProgressBar()
        self.progress.setTextVisible(False)
        self.progress.setFixedHeight(8)
        self.progress.setAccessibleName("Images counted")
        self.copy = icon_button("copy", "Copy the table as CSV")
        self.save = icon_button("download", "Save the table as CSV…")
        self.line = FaintLabel(_HINT)
        self.rows = TableModel(_FIRST, lambda row: row.name)
        self.table = TableView(self.rows, "What each skip is worth", sorting=UNSORTED)
        self.table.doubleClicked.connect(lambda index: self._open(self.table.row_at(index)))
        self.table.verbs = lambda row: [
            ("scissors", "Show the mask without it", lambda: self._open(row))
        ]
        self._lay_out()
        self.start.clicked.connect(
            lambda: cutting.ablating.ablate_all(self.scope.currentData(), chosen_how(self.how))
        )
        self.stop.clicked.connect(cutting.ablating.stop)
        self.copy.clicked.connect(lambda: self._copy())
        self.save.clicked.connect(lambda: self._save())
        self._refresh = Coalescer(self, self._show)
        session.changed.connect(self._on_change)
        self._show()

    def _lay_out(self) -> None:
        top = QHBoxLayout()
        top.setSpacing(6)
        for widget in (self.scope, self.how, self.start, self.stop):
            top.addWidget(widget)
        top.addWidget(self.progress, 1)
        top.addStretch(1)
        top.addWidget(self.copy)
        top.addWidget(self.save)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(6)
        column.addLayout(top)
        column.addWidget(self.line)
        column.addWidget(self.table, 1)

    def _on_change(self, change: Change) -> None:
        if change.what & (What.CUTS | What.TRACE | What.PROJECT):
            self._refresh.request()

    def _show(self) -> None:
        inspection, project = self._session.inspection, self._session.project
        ablation, traced = inspection.ablation, inspection.traced
        running = ablation is not None and ablation.running
        images = 0 if project is None else len(project.images)
        named = f"All {images} images" if images > 1 else "All images"
        self.scope.setItemText(1, named + ", all pages" * self._session.has_stacks)
        self.start.setEnabled(traced is not None and bool(traced.trace.skips))
        self.start.setText("Start again" if running else "Cut each skip")
        self.stop.setVisible(running)
        self.progress.setVisible(running)
        if ablation is not None:
            self.progress.setRange(0, max(1, ablation.total * ablation.runs))
            self.progress.setValue(ablation.done)
        has_rows = ablation is not None and bool(ablation.rows)
        self.copy.setEnabled(has_rows)
        self.save.setEnabled(has_rows)
        self.table.setVisible(has_rows)
        self.line.setText(_HINT if ablation is None else _line(ablation))
        self.line.setAlignment(
            Qt.AlignmentFlag.AlignLeft
            | (Qt.AlignmentFlag.AlignVCenter if has_rows else Qt.AlignmentFlag.AlignTop)
        )
        self.rows.show_rows(ablation.rows if ablation else (), _columns(ablation))

    def _open(self, row: AblationRow | None) -> None:
        """Show the mask with what a row cuts."""
        if row is not None:
            self._cutting.show_run(row.cuts)
            self.opened.emit()

    def _copy(self) -> None:
        ablation = self._session.inspection.ablation
        if ablation is not None:
            QApplication.clipboard().setText(ablation.csv())

    def _save(self) -> None:
        path = ask_csv(self, "Save table", self._session, "skips.csv")
        if path is not None:
            self._cutting.ablating.save_csv(path)


def _name(row: AblationRow) -> str:
    return "all skips" if row.name == ALL_SKIPS else row.name.replace("->", "→")


def _columns(ablation: Ablation | None) -> tuple[Column[AblationRow], ...]:
    """The means, then each class that any row has a score of."""
    if ablation is None or not ablation.rows or ablation.rows[0].before is None:
        return _FIRST
    ids = ablation.rows[0].before.metrics.class_ids
    found = [*_FIRST, *_columns_of_means(ablation.rows[0].leads)]
    for i, class_id in enumerate(ids):
        name = ablation.class_names.get(class_id, str(class_id))
        if all(math.isnan(float(row.iou_drop[i])) for row in ablation.rows):
            continue
        for title, drop in (("Δ IoU", _iou_drop), ("Δ boundary", _boundary_drop)):
            figure = "boundary IoU" if drop is _boundary_drop else "IoU"
            tip = f"Change of the {figure} of {name}"
            found.append(change_column(f"{title} {name}", tip, _negative(partial(drop, i))))
    return tuple(found)


def _iou_drop(place: int, row: AblationRow) -> float:
    return float(row.iou_drop[place])


def _boundary_drop(place: int, row: AblationRow) -> float:
    return float(row.boundary_drop[place])


def _before_after(row: AblationRow) -> str:
    if row.before is None or row.after is None:
        return ""
    before, after = row.before, row.after
    (iou, _, boundary), (iou_cut, _, boundary_cut) = before.leading, after.leading
    name = before.leads.capitalize()
    lines = [
        f"{name} IoU {ratio_text(iou)} → {ratio_text(iou_cut)}",
        f"{name} boundary IoU {ratio_text(boundary)} → {ratio_text(boundary_cut)}",
    ]
    if before.foreground is not None:
        all_before, all_after = before.metrics.mean_iou, after.metrics.mean_iou
        lines.append(
            f"With background: mean IoU {ratio_text(all_before)} → {ratio_text(all_after)}"
        )
    return "\n".join(lines)


def _line(ablation: Ablation) -> str:
    """What the numbers are of."""
    parts = [f"{ablation.title}, {ablation.where}, {HOW_TEXTS[ablation.how].lower()}"]
    if ablation.total > 1:
        parts.append(_progress_text(ablation))
    before = ablation.rows[0].before if ablation.rows else None
    if before is not None:
        parts.append(
            f"whole network: {before.leads} IoU {ratio_text(before.leading[0])}, "
            f"boundary {ratio_text(before.leading[2])}"
        )
    elif ablation.rows:
        parts.append("no annotation to measure against")
    if ablation.left_out:
        names, why = [name for name, _ in ablation.left_out], ablation.left_out[0][1]
        parts.append(f"left out: {listed(names, 1)} ({why})")
    return "; ".join(parts) + "."


def _progress_text(ablation: Ablation) -> str:
    counted = f"{ablation.images} of {ablation.total} counted"
    if not ablation.running and ablation.images + len(ablation.left_out) < ablation.total:
        counted = f"stopped after {ablation.images} of {ablation.total}"
    elif not ablation.running:
        counted = f"{ablation.images} counted"
    without = ablation.images - ablation.scored
    return f"{counted}, {without} without annotation" if without else counted
