"""Tabs whose pages are built when they are first looked at."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QTabBar, QTabWidget, QVBoxLayout, QWidget

MakePage = Callable[[], QWidget]


class PageTabs(QTabWidget):
    """Shows one page of several; none is built before `page`, `bring` or `build_shown` asks for it.

    Signals:
        page_built: A page was looked at for the first time (QWidget).
    """

    page_built = Signal(QWidget)

    def __init__(self, name: str, pages: Mapping[str, MakePage], tips: Mapping[str, str]) -> None:
        """Args:
        name: What it holds, for screen readers.
        pages: What makes each page, by its title, in the order of the tabs.
        tips: Tool tips of the tabs, by title.
        """
        super().__init__()
        self._makers = dict(pages)
        self._built: dict[str, QWidget] = {}
        self.setDocumentMode(True)
        self.setUsesScrollButtons(True)
        self.setElideMode(Qt.TextElideMode.ElideNone)
        self.setAccessibleName(name)
        self.tabBar().setFocusPolicy(Qt.FocusPolicy.TabFocus)
        for title in pages:
            self.setTabToolTip(self.addTab(_holder(), title), tips[title])
        self.currentChanged.connect(self._build)

    @property
    def shown(self) -> str:
        """Title of the page in front."""
        return self.tabText(self.currentIndex())

    @property
    def built(self) -> tuple[QWidget, ...]:
        """The pages that were looked at so far."""
        return tuple(self._built.values())

    def tabs_apart(self) -> QTabBar:
        """The tabs as a bar of their own, to be put elsewhere; those above the pages are gone."""
        apart = QTabBar()
        apart.setProperty("pages", True)
        apart.setAccessibleName(self.accessibleName())
        apart.setDrawBase(False)
        apart.setExpanding(False)
        apart.setUsesScrollButtons(False)
        apart.setElideMode(Qt.TextElideMode.ElideNone)
        apart.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        for index, title in enumerate(self._makers):
            apart.setTabToolTip(apart.addTab(title), self.tabToolTip(index))
        apart.setCurrentIndex(self.currentIndex())
        apart.currentChanged.connect(self.setCurrentIndex)
        self.currentChanged.connect(apart.setCurrentIndex)
        self.tabBar().hide()
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        return apart

    def page(self, title: str) -> QWidget:
        """The page of this title, built now if it was not looked at yet."""
        self._build(self._index(title))
        return self._built[title]

    def bring(self, title: str) -> None:
        """Show the page of this title."""
        self.setCurrentIndex(self._index(title))

    def build_shown(self) -> None:
        """Build the page in front if it was not looked at yet."""
        self._build(self.currentIndex())

    def _index(self, title: str) -> int:
        return list(self._makers).index(title)

    def _build(self, index: int) -> None:
        title = self.tabText(index)
        if title in self._built:
            return
        page = self._makers[title]()
        self._built[title] = page
        holder = self.widget(index)
        layout = holder.layout() if holder is not None else None
        assert layout is not None
        layout.addWidget(page)
        self.page_built.emit(page)


def _holder() -> QWidget:
    """An empty place for a page."""
    holder = QWidget()
    column = QVBoxLayout(holder)
    column.setContentsMargins(0, 0, 0, 0)
    return holder
