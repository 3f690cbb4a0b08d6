"""Which models are evaluated: a list to check in a menu that stays open meanwhile."""

from __future__ import annotations

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import QColor
from PySide6.QtWidgets import (
    QCheckBox,
    QFrame,
    QHBoxLayout,
    QListWidget,
    QListWidgetItem,
    QMenu,
    QPushButton,
    QToolButton,
    QVBoxLayout,
    QWidget,
    QWidgetAction,
)

from segstudio.core.formatting import count_text, counted
from segstudio.core.series_colors import run_color
from segstudio.evaluation.evaluating import Evaluating
from segstudio.kit.fitting_row import WORD_ICON
from segstudio.kit.icons import icon
from segstudio.kit.plain import FaintLabel, plain
from segstudio.kit.swatch import swatch
from segstudio.metrics.image_figures import MEASURES
from segstudio.session.session import Session

_ID = Qt.ItemDataRole.UserRole
_ROW_HEIGHT, _ROWS_SEEN, _WIDTH = 26, 10, 380
_ORIGINALS = "Against the originals, not the corrected annotation"
_ORIGINALS_TIP = "The ground truth as other programs wrote it, without what was corrected here."
_NOT_HERE = "weights not on disk"


class RunChoice(QToolButton):
    """A button that says how many models are chosen, and opens the list of them.

    Signals:
        chosen: Other models are checked.
        measures_wanted: Keys of what shall be measured besides what always is, a frozenset.
        originals_wanted: Whether to measure against the ground truth without corrections.
    """

    chosen = Signal()
    measures_wanted = Signal(object)
    originals_wanted = Signal(bool)

    def __init__(self, session: Session, evaluating: Evaluating) -> None:
        super().__init__()
        self._session, self._evaluating = session, evaluating
        self._runs: tuple[str, ...] | None = None
        self._touched = False
        self._told: tuple[str, ...] = ()
        self._pressed = Qt.CheckState.Unchecked
        self.list = QListWidget()
        self.every = QPushButton("All")
        self.none = QPushButton("None")
        self.measures = {m.key: QCheckBox(m.choice) for m in MEASURES if m.choice}
        self.originals = QCheckBox(_ORIGINALS)
        self.setText("Models")
        self.setIcon(icon("layers"))
        self.setIconSize(WORD_ICON)
        self.setToolTip("Which models are evaluated")
        self.setAccessibleName("Models to evaluate")
        self.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        self.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self.setMenu(self._make_menu())
        self.list.itemChanged.connect(self._on_checked)
        self.list.itemPressed.connect(self._remember)
        self.list.itemClicked.connect(self._on_clicked)
        self.every.clicked.connect(lambda: self._check_all(True))
        self.none.clicked.connect(lambda: self._check_all(False))
        for box in self.measures.values():
            box.clicked.connect(self._choose_measures)
        self.originals.clicked.connect(self.originals_wanted)
        self.refresh()

    @property
    def runs(self) -> tuple[str, ...]:
        """Ids of the checked models, in the order of the list."""
        return tuple(str(item.data(_ID)) for item in self._items() if item.checkState() == _CHECKED)

    def choose(self, runs: tuple[str, ...]) -> None:
        """Check exactly these models."""
        for item in self._items():
            usable = bool(item.flags() & Qt.ItemFlag.ItemIsEnabled)
            self._check(item, usable and item.data(_ID) in runs)
        self._show_count()

    def refresh(self) -> None:
        """Follow the session: models come and go, images are through."""
        evaluation = self._session.evaluation
        if [str(item.data(_ID)) for item in self._items()] != self._ordered():
            self._fill()
        if evaluation.runs != self._runs:
            self._runs = evaluation.runs
            self._touched = self._touched or bool(evaluation.runs)
            if evaluation.runs:
                self.choose(evaluation.runs)
        if not self._touched:
            self.choose(self._first_choice())
        for key, box in self.measures.items():
            box.setChecked(key in evaluation.asked)
        self.originals.setChecked(evaluation.originals)
        self.list.blockSignals(True)
        for item in self._items():
            self._describe(item)
        self.list.blockSignals(False)
        self._tell()

    def _tell(self) -> None:
        """Say how many are chosen, and to others that it is not what it was."""
        self._show_count()
        if self.runs != self._told:
            self._told = self.runs
            self.chosen.emit()

    def _first_choice(self) -> tuple[str, ...]:
        """Before the user chose: the chosen model, and those that were run in this folder."""
        session = self._session
        seen = {run for state in session.states.values() for run in state.runs}
        key = self._evaluating.prediction_key
        return tuple(i for i in session.models if i == session.model.chosen or key(i) in seen)

    def _ordered(self) -> list[str]:
        """The models, those whose weights are not there last."""
        available = self._session.model.available
        return sorted(self._session.models, key=lambda model: model not in available)

    def _fill(self) -> None:
        kept = self.runs
        self.list.blockSignals(True)
        self.list.clear()
        for model in self._ordered():
            item = QListWidgetItem()
            item.setData(_ID, model)
            item.setSizeHint(QSize(0, _ROW_HEIGHT))
            item.setCheckState(_CHECKED if model in kept else Qt.CheckState.Unchecked)
            self.list.addItem(item)
        self.list.blockSignals(False)
        rows = min(_ROWS_SEEN, max(1, self.list.count()))
        self.list.setFixedHeight(rows * _ROW_HEIGHT + 4)

    def _describe(self, item: QListWidgetItem) -> None:
        session, model = self._session, str(item.data(_ID))
        evaluation, spec = session.evaluation, session.models[model]
        usable = model in session.model.available
        flags = Qt.ItemFlag.ItemIsUserCheckable | Qt.ItemFlag.ItemIsSelectable
        item.setFlags(flags | Qt.ItemFlag.ItemIsEnabled if usable else flags)
        more = "" if usable else _NOT_HERE
        if model in evaluation.runs and evaluation.total:
            done = evaluation.done.get(model, 0)
            more = f"{count_text(done)} of {count_text(evaluation.total)}"
            item.setIcon(swatch(QColor(run_color(evaluation.runs, model))))
        item.setText(f"{spec.title}   ({more})" if more else spec.title)
        item.setToolTip(plain(spec.description))

    def _on_checked(self) -> None:
        self._touched = True
        self._tell()

    def _bring_checked(self) -> None:
        """Scroll to the first checked model, so that it is seen which they are."""
        first = next((i for i in self._items() if i.checkState() == _CHECKED), None)
        if first is not None:
            self.list.scrollToItem(first)

    def _remember(self, item: QListWidgetItem) -> None:
        self._pressed = item.checkState()

    def _on_clicked(self, item: QListWidgetItem) -> None:
        """A click on the name checks too, not only one on the box, which Qt sees to."""
        usable = bool(item.flags() & Qt.ItemFlag.ItemIsEnabled)
        if usable and item.checkState() == self._pressed:
            item.setCheckState(_CHECKED if self._pressed != _CHECKED else Qt.CheckState.Unchecked)

    def _choose_measures(self) -> None:
        chosen = frozenset(key for key, box in self.measures.items() if box.isChecked())
        self.measures_wanted.emit(chosen)

    def _check_all(self, checked: bool) -> None:
        for item in self._items():
            usable = bool(item.flags() & Qt.ItemFlag.ItemIsEnabled)
            self._check(item, checked and usable)
        self._on_checked()

    def _check(self, item: QListWidgetItem, checked: bool) -> None:
        self.list.blockSignals(True)
        item.setCheckState(_CHECKED if checked else Qt.CheckState.Unchecked)
        self.list.blockSignals(False)

    def _show_count(self) -> None:
        count = len(self.runs)
        self.setText(counted(count, "model") if count else "Choose models")

    def _items(self) -> list[QListWidgetItem]:
        return [self.list.item(row) for row in range(self.list.count())]

    def _make_menu(self) -> QMenu:
        self.list.setAccessibleName("Models")
        self.list.setFrameShape(QFrame.Shape.NoFrame)
        self.list.setMinimumWidth(_WIDTH)
        for measure in MEASURES:
            if measure.key in self.measures:
                self.measures[measure.key].setToolTip(plain(measure.tip))
        self.originals.setToolTip(plain(_ORIGINALS_TIP))
        title = FaintLabel("Evaluate these models on every image", wraps=False)
        buttons = QHBoxLayout()
        buttons.setSpacing(6)
        buttons.addWidget(title, 1)
        for button in (self.every, self.none):
            button.setAutoDefault(False)
            buttons.addWidget(button)
        holder = QWidget()
        column = QVBoxLayout(holder)
        column.setContentsMargins(10, 8, 10, 8)
        column.setSpacing(6)
        column.addLayout(buttons)
        column.addWidget(self.list)
        for box in self.measures.values():
            column.addWidget(box)
        column.addWidget(self.originals)
        menu = QMenu(self)
        action = QWidgetAction(menu)
        action.setDefaultWidget(holder)
        menu.addAction(action)
        menu.aboutToShow.connect(self._bring_checked)
        return menu


_CHECKED = Qt.CheckState.Checked
