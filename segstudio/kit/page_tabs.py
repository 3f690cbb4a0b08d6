"""Tabs whose pages are built when they are first looked at, a part a turn."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QStackedWidget, QTabBar, QTabWidget, QVBoxLayout, QWidget

from segstudio.kit.turns import Parts, Turns, at_once, polished

MakePage = Callable[[QWidget], QWidget]
"""Makes a page as a child of a widget, since another parent would cost all its styles anew.

A page that takes long has a `build`, which gives the parts that make what it holds.
"""


class PageTabs(QTabWidget):
    """Shows one page of several; none is built before it is asked for.

    A page that is looked at is there some turns of the event loop later; what was seen before stays
    until then.

    Signals:
        page_built: A page was looked at for the first time, and is there (QWidget).
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
        self._turns, self._making = Turns(self), ""
        self.setDocumentMode(True)
        self.setUsesScrollButtons(True)
        self.setElideMode(Qt.TextElideMode.ElideNone)
        self.setAccessibleName(name)
        self.tabBar().setFocusPolicy(Qt.FocusPolicy.TabFocus)
        for title in pages:
            self.setTabToolTip(self.addTab(_holder(), title), tips[title])
        self._stack = self.findChild(QStackedWidget)
        self.currentChanged.connect(self._look)

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
        self._build(title)
        return self._built[title]

    @property
    def front(self) -> QWidget | None:
        """The page in front; None until it is built."""
        return self._built.get(self.shown)

    def bring(self, title: str) -> None:
        """Show the page of this title."""
        self.setCurrentIndex(self._index(title))

    def parts_of_shown(self) -> Parts[None]:
        """The parts that build the page in front, if it was not looked at yet."""
        return self._parts(self.shown)

    def _index(self, title: str) -> int:
        return list(self._makers).index(title)

    def _look(self) -> None:
        title = self.shown
        is_begun = title == self._making and self._turns.running
        if title not in self._built and not is_begun:
            self._turns.begin(self._parts(title), lambda _nothing: self._thaw())
            self._making = title
        self._thaw()

    def _thaw(self) -> None:
        """Show the page in front if it is there, or else what was seen before."""
        if self._stack is not None:
            is_made = self.shown in self._built or not self._turns.running
            self._stack.setUpdatesEnabled(is_made)

    def _build(self, title: str) -> None:
        if title == self._making:
            self._turns.finish()
        if title not in self._built:
            at_once(self._parts(title))
        self._thaw()

    def _parts(self, title: str) -> Parts[None]:
        if title in self._built:
            return
        holder = self.widget(self._index(title))
        assert holder is not None
        page = self._makers[title](holder)
        page.hide()
        yield
        build = getattr(page, "build", None)
        if build is not None:
            yield from build()
            yield
        yield from polished(page)
        yield
        self._built[title] = page
        layout = holder.layout()
        assert layout is not None
        layout.addWidget(page)
        page.show()
        self.page_built.emit(page)


def _holder() -> QWidget:
    """An empty place for a page."""
    holder = QWidget()
    column = QVBoxLayout(holder)
    column.setContentsMargins(0, 0, 0, 0)
    return holder
