"""One chart of the panel with its title, its choices and its menu."""

from __future__ import annotations

from collections.abc import Collection

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QShowEvent
from PySide6.QtWidgets import (
    QComboBox,
    QFrame,
    QHBoxLayout,
    QMenu,
    QScrollArea,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)

from segstudio.core.series_colors import run_color
from segstudio.evaluation.curve_charts import RunLook
from segstudio.evaluation.figures_table import EvaluationTable
from segstudio.folder.picture_files import PictureFiles
from segstudio.kit.charts.chart import Chart, has_items
from segstudio.kit.charts.chart_files import ChartPicture, fill_menu, picture_of
from segstudio.kit.charts.look import SYMBOLS
from segstudio.kit.elided import ElidedCombo
from segstudio.kit.empty import EmptyState, Switch
from segstudio.kit.icon_button import icon_button
from segstudio.kit.icons import icon
from segstudio.kit.plain import PlainLabel, plain, semibold_font
from segstudio.report.chart_data import ChartData

_CHOSEN = "chosen"
"""Property of a list in which the user has chosen something."""
_LETTERS, _ARROW, _WIDEST = 5, 44, 260


def looks_of(table: EvaluationTable, hidden: Collection[str] = ()) -> tuple[RunLook, ...]:
    """The evaluated models but the hidden ones, in order."""
    return tuple(
        RunLook(run, table.title(run), run_color(table.runs, run), SYMBOLS[n % len(SYMBOLS)])
        for n, run in enumerate(table.runs)
        if run not in hidden
    )


class ChartView(QWidget):
    """A chart under a row of choices; subclasses say what it shows.

    Signals:
        open_requested: Position of an image or page (int, more than 32 bits) that was clicked.
    """

    open_requested = Signal(object)

    def __init__(self, title: str, tip: str, table: EvaluationTable, files: PictureFiles) -> None:
        super().__init__()
        self.table, self._files = table, files
        self.looks: tuple[RunLook, ...] = ()
        self._stale = True
        self.chart = Chart()
        self.name = PlainLabel(title)
        self.name.setFont(semibold_font(self.name.font()))
        self.name.setToolTip(plain(tip))
        self.more = icon_button("download", "Save or copy this chart", name=f"Save or copy {title}")
        self.more.clicked.connect(self._open_menu)
        self.choices = QHBoxLayout()
        self.choices.setSpacing(6)
        self._empty = EmptyState("")
        self._lay_out()
        self.chart.clicked.connect(self._on_clicked)
        self.chart.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        self.chart.customContextMenuRequested.connect(
            lambda at: self.menu().popup(self.chart.mapToGlobal(at))
        )

    def _lay_out(self) -> None:
        head = QHBoxLayout()
        head.setSpacing(6)
        head.addWidget(self.name)
        head.addLayout(self.choices, 1000)
        head.addStretch(1)
        head.addWidget(self.more)
        scroll = QScrollArea()
        scroll.setWidgetResizable(True)
        scroll.setFrameShape(QFrame.Shape.NoFrame)
        scroll.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        scroll.setWidget(self.chart)
        self._switch = Switch(self._empty, scroll)
        column = QVBoxLayout(self)
        column.setContentsMargins(8, 4, 6, 4)
        column.setSpacing(4)
        column.addLayout(head)
        column.addLayout(self._switch, 1)
        self.setAccessibleName(self.name.text())
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Expanding)

    def hasHeightForWidth(self) -> bool:
        """It takes the room there is, also while it shows a line of words, which wrap."""
        return False

    # -- what it shows -------------------------------------------------------------------------

    def show_looks(self, looks: tuple[RunLook, ...]) -> None:
        """Show other models, or other figures of the same; at once only if it is seen."""
        self.looks = looks
        self.refresh()

    def refresh(self) -> None:
        """Draw anew, as soon as someone looks."""
        self._stale = True
        if self.isVisible():
            self._renew()

    def follow_image(self) -> None:
        """Another image is open."""

    def showEvent(self, event: QShowEvent) -> None:
        """Someone looks: show what there is now."""
        super().showEvent(event)
        if self._stale:
            self._renew()

    @property
    def empty_text(self) -> str:
        """The line that is shown instead of the chart, "" while it is shown."""
        return self._switch.empty_text

    def _renew(self) -> None:
        self._stale = False
        self.fill_choices()
        data = self.data()
        filled = has_items(data)
        self.chart.show_data(data)
        self.more.setEnabled(filled)
        self._switch.show_contents(filled, self.why_nothing())

    def fill_choices(self) -> None:
        """Bring the choices up to date with the table."""

    def data(self) -> ChartData:
        raise NotImplementedError

    def why_nothing(self) -> str:
        """Said when there is nothing to show."""
        return "There are no figures yet."

    def add_combo(self, name: str, options: dict[str, str] | None = None) -> QComboBox:
        """A list to choose from; choosing draws the chart anew.

        Args:
            name: What is chosen, for tool tips and screen readers.
            options: Texts by key; none if they are filled in later.
        """
        combo = ElidedCombo()
        combo.setAccessibleName(name)
        combo.setToolTip(name)
        combo.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        combo.setMinimumContentsLength(_LETTERS)
        combo.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        fill(combo, options or {})
        combo.activated.connect(lambda _index: combo.setProperty(_CHOSEN, True))
        combo.activated.connect(self.refresh)
        self.choices.addWidget(combo)
        return combo

    # -- taking it away ------------------------------------------------------------------------

    def picture(self) -> ChartPicture:
        """The chart as it is saved and copied."""
        return picture_of(self.chart.data)

    def menu(self) -> QMenu:
        """What can be done with the chart."""
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        whole = menu.addAction(icon("maximize"), "Show all", self.chart.show_all)
        whole.setEnabled(self.chart.is_enlarged)
        menu.addSeparator()
        fill_menu(menu, self._files, self.picture, self.name.text(), self)
        return menu

    def _open_menu(self) -> None:
        self.menu().popup(self.more.mapToGlobal(self.more.rect().bottomLeft()))

    def _on_clicked(self, key: object) -> None:
        if isinstance(key, int):
            self.open_requested.emit(key)


def fill(combo: QComboBox, options: dict[str, str], wanted: str = "") -> None:
    """Offer other options; what the user chose stays so if it is still there.

    Args:
        combo: The list.
        options: Texts by key; the first one is chosen while the user has chosen none.
        wanted: Choose this one, if it is not "".
    """
    chosen = str(combo.currentData()) if combo.property(_CHOSEN) else ""
    present = [(str(combo.itemData(i)), combo.itemText(i)) for i in range(combo.count())]
    if present != list(options.items()):
        combo.clear()
        for key, text in options.items():
            combo.addItem(text, key)
        longest = max(
            (combo.fontMetrics().horizontalAdvance(t) for t in options.values()), default=0
        )
        combo.setMaximumWidth(min(longest + _ARROW, _WIDEST))
    combo.setCurrentIndex(max(0, combo.findData(wanted or chosen)))
