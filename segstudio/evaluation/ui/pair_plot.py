"""What separates two models, class by class, with a word on how to read it."""

from __future__ import annotations

from PySide6.QtGui import QColor
from PySide6.QtWidgets import QVBoxLayout, QWidget

from segstudio.core.series_colors import run_color
from segstudio.evaluation.figures_table import EvaluationTable
from segstudio.evaluation.report.wording import caution, verdict
from segstudio.evaluation.ui.interval_plot import IntervalPlot, IntervalRow
from segstudio.evaluation.ui.pair_choice import PairChoice
from segstudio.kit.model_titles import telling_title
from segstudio.kit.plain import FaintLabel
from segstudio.metrics.bootstrap import PairedDifference
from segstudio.session.session import Session

_NO_PAIR = "Evaluate two models to see in which classes they differ."
_COUNTING = "Counting how sure the differences are…"
_LATER = "Told when all images are through."
_HELP = (
    "Difference of IoU with its 95 % interval. Where the line crosses zero, other images could "
    "turn the order round."
)


class PairPlot(QWidget):
    """The plot and its note; or why there is none."""

    def __init__(self, session: Session, table: EvaluationTable, pair: PairChoice) -> None:
        super().__init__()
        self._session, self._table, self._pair = session, table, pair
        self.plot = IntervalPlot()
        self.note = FaintLabel()
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self.plot)
        column.addWidget(self.note)
        column.addStretch(1)

    def refresh(self) -> None:
        """Show what is known now."""
        found = self._pair.difference
        self.plot.setVisible(found is not None)
        if found is None:
            self.plot.rows = ()
            self.note.setText(self._why_nothing())
            return
        runs, table = (self._pair.first, self._pair.second), self._table
        titles = {table.title(run) for run in table.runs}
        first, second = (
            telling_title(title, sorted(titles - {title})) for title in map(table.title, runs)
        )
        first_color, second_color = (QColor(run_color(table.runs, run)) for run in runs)
        self.plot.show_rows(self._rows(found), (first, second), (first_color, second_color))
        self.note.setText(" ".join(text for text in (_HELP, caution(found)) if text))

    def _rows(self, found: PairedDifference) -> list[IntervalRow]:
        judged, schema = self._table.title(self._pair.second), self._table.schema
        means = {"Mean IoU": found.mean_iou}
        if found.mean_iou_foreground is not None:
            means = {"Foreground": found.mean_iou_foreground, "All classes": found.mean_iou}
        rows = [
            IntervalRow(name, mean, f"{judged}: {verdict(mean, found.level)}", True)
            for name, mean in means.items()
        ]
        for class_id, interval in found.by_class.items():
            name = schema.name_of(class_id)
            said = f"{name}, {judged}: {verdict(interval, found.level)}"
            rows.append(IntervalRow(name, interval, said))
        return rows

    def _why_nothing(self) -> str:
        if self._session.evaluation.running:
            return _LATER
        if self._pair.is_waiting:
            return _COUNTING
        return "" if self._pair.first else _NO_PAIR
