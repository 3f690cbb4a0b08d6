"""The list of cuts: which count, and what stands in for each."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QPoint, QSize, Qt
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import (
    QAbstractItemView,
    QComboBox,
    QFrame,
    QHeaderView,
    QMenu,
    QToolButton,
    QTreeWidget,
    QTreeWidgetItem,
)

from segstudio.core.features import Cut, CutHow
from segstudio.inspection.cut_list import describe
from segstudio.inspection.cutting import Cutting
from segstudio.kit.icon_button import icon_button
from segstudio.kit.plain import plain
from segstudio.kit.row_height import RowHeight
from segstudio.session.inspection import ListedCut

HOW_TEXTS = {
    CutHow.ZERO: "Zero",
    CutHow.MEAN: "Mean",
    CutHow.SHUFFLE: "Shuffle",
}
_HOW_TIPS = {
    CutHow.ZERO: "Nothing: every value becomes zero",
    CutHow.MEAN: "Each channel's mean over the image: how much, but not where",
    CutHow.SHUFFLE: "The same values at other positions: what, but not where",
}
_WHAT, _HOW, _AGAIN, _REMOVE = range(4)
_ROW_HEIGHT = 26
_REMOVE_KEYS = (Qt.Key.Key_Delete, Qt.Key.Key_Backspace)


class CutList(QTreeWidget):
    """One row a cut: a check box, a list to choose from, a button that removes it.

    A cut that shuffles has a button that draws other positions too. A double click lets a cut count alone; Delete removes the chosen one.
    """

    def __init__(self, cutting: Cutting) -> None:
        super().__init__()
        self._cutting = cutting
        self._shown: tuple[ListedCut, ...] = ()
        self.setAccessibleName("Cuts")
        self.setColumnCount(4)
        self.setHeaderHidden(True)
        self.setRootIsDecorated(False)
        self.setUniformRowHeights(True)
        self.setItemDelegate(RowHeight(_ROW_HEIGHT, self))
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        self.setExpandsOnDoubleClick(False)
        header = self.header()
        header.setStretchLastSection(False)
        header.setMinimumSectionSize(20)
        header.setSectionResizeMode(_WHAT, QHeaderView.ResizeMode.Stretch)
        for column in (_HOW, _AGAIN, _REMOVE):
            header.setSectionResizeMode(column, QHeaderView.ResizeMode.ResizeToContents)
        self.itemChanged.connect(self._checked)
        self.itemDoubleClicked.connect(
            lambda item, _column: self._cutting.only_this(self.indexOfTopLevelItem(item))
        )
        self.customContextMenuRequested.connect(self._menu)

    def sizeHint(self) -> QSize:
        """Room for four cuts."""
        return QSize(220, 4 * _ROW_HEIGHT)

    def minimumSizeHint(self) -> QSize:
        """Room for one and a half, so that it is seen that there are more."""
        return QSize(120, round(1.5 * _ROW_HEIGHT))

    def show_cuts(self, cuts: tuple[ListedCut, ...]) -> None:
        """Show the list; rows stay where they are while only their state changes."""
        if cuts == self._shown:
            return
        same_places = [describe(c.cut) for c in cuts] == [describe(c.cut) for c in self._shown]
        self._shown = cuts
        self.blockSignals(True)
        if not same_places:
            self.clear()
            for listed in cuts:
                self._add(listed)
        for row, listed in enumerate(cuts):
            self._update(row, listed)
        self.blockSignals(False)

    def how_of(self, row: int) -> QComboBox:
        """The list to choose from of a row."""
        found = self.itemWidget(self._item(row), _HOW)
        assert isinstance(found, QComboBox)
        return found

    def again_button(self, row: int) -> QToolButton:
        """The button that shuffles a row's values in another way; only where they are shuffled."""
        return self._button(row, _AGAIN)

    def _button(self, row: int, column: int) -> QToolButton:
        found = self.itemWidget(self._item(row), column)
        assert isinstance(found, QToolButton)
        return found

    def _item(self, row: int) -> QTreeWidgetItem:
        found = self.topLevelItem(row)
        assert found is not None
        return found

    def _add(self, listed: ListedCut) -> None:
        name = describe(listed.cut)
        item = QTreeWidgetItem([name])
        item.setToolTip(_WHAT, plain(f"{item.text(_WHAT)}: double click to cut nothing else"))
        flags = Qt.ItemFlag.ItemIsEnabled | Qt.ItemFlag.ItemIsSelectable
        item.setFlags(flags | Qt.ItemFlag.ItemIsUserCheckable)
        self.addTopLevelItem(item)
        combo = how_combo()
        combo.setFrame(False)
        combo.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToContents)
        combo.activated.connect(
            lambda: self._cutting.choose_how(self.indexOfTopLevelItem(item), chosen_how(combo))
        )
        self.setItemWidget(item, _HOW, combo)
        remove = icon_button("x", "Remove this cut", name=f"Remove the cut of {name}", px=14)
        # later: the button must not go while its own click is being handled
        remove.clicked.connect(
            lambda: self._cutting.remove(self.indexOfTopLevelItem(item)),
            Qt.ConnectionType.QueuedConnection,
        )
        self.setItemWidget(item, _REMOVE, remove)

    def _update(self, row: int, listed: ListedCut) -> None:
        state = Qt.CheckState.Checked if listed.enabled else Qt.CheckState.Unchecked
        self._item(row).setCheckState(_WHAT, state)
        combo = self.how_of(row)
        combo.setCurrentIndex(combo.findData(listed.cut.how))
        self._offer_again(row, listed.cut)

    def _offer_again(self, row: int, cut: Cut) -> None:
        item = self._item(row)
        if cut.how is not CutHow.SHUFFLE:
            self.removeItemWidget(item, _AGAIN)
            return
        if self.itemWidget(item, _AGAIN) is None:
            spoken = f"Shuffle the cut of {describe(cut)} again"
            button = icon_button("refresh-cw", "", name=spoken, px=14)
            button.clicked.connect(
                lambda: self._cutting.shuffle_again(self.indexOfTopLevelItem(item))
            )
            self.setItemWidget(item, _AGAIN, button)
        self.again_button(row).setToolTip(f"Shuffle again (this is draw {cut.seed + 1})")

    def _checked(self, item: QTreeWidgetItem, _column: int) -> None:
        row = self.indexOfTopLevelItem(item)
        self._cutting.toggle(row, item.checkState(_WHAT) == Qt.CheckState.Checked)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Delete removes the chosen cut."""
        item = self.currentItem()
        if event.key() in _REMOVE_KEYS and item is not None:
            self._cutting.remove(self.indexOfTopLevelItem(item))
            return
        super().keyPressEvent(event)

    def _menu(self, at: QPoint) -> None:
        item = self.itemAt(at)
        if item is None:
            return
        row = self.indexOfTopLevelItem(item)
        verbs: tuple[tuple[str, Callable[[], None]], ...] = (
            ("Cut nothing else", lambda: self._cutting.only_this(row)),
            ("Remove", lambda: self._cutting.remove(row)),
        )
        if self._shown[row].cut.how is CutHow.SHUFFLE:
            verbs = (
                verbs[0],
                ("Shuffle again", lambda: self._cutting.shuffle_again(row)),
                verbs[1],
            )
        menu = QMenu(self)
        for text, run in verbs:
            menu.addAction(text).triggered.connect(lambda _checked=False, run=run: run())
        menu.exec(self.viewport().mapToGlobal(at))
        menu.deleteLater()


def how_combo() -> QComboBox:
    """A list of the three ways to cut."""
    combo = QComboBox()
    combo.setAccessibleName("What stands in for what is cut")
    combo.setToolTip("What stands in for what is cut")
    for row, (how, text) in enumerate(HOW_TEXTS.items()):
        combo.addItem(text, how)
        combo.setItemData(row, plain(_HOW_TIPS[how]), Qt.ItemDataRole.ToolTipRole)
    combo.setFocusPolicy(Qt.FocusPolicy.TabFocus)
    return combo


def chosen_how(combo: QComboBox) -> CutHow:
    """What a list of `how_combo` is set to."""
    return CutHow(combo.currentData())
