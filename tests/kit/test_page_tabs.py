"""Tabs whose pages are built when they are first looked at."""

from __future__ import annotations

from functools import partial

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QLabel, QStackedWidget, QWidget
from pytestqt.qtbot import QtBot

from segstudio.kit.page_tabs import PageTabs


@pytest.fixture
def made() -> list[str]:
    return []


@pytest.fixture
def tabs(qtbot: QtBot, made: list[str]) -> PageTabs:
    def make(title: str, parent: QWidget) -> QLabel:
        made.append(title)
        return QLabel(f"page {title}", parent)

    titles = ("Dawn", "Noon", "Dusk")
    tabs = PageTabs(
        "Times of day",
        {title: partial(make, title) for title in titles},
        {title: f"About {title.lower()}" for title in titles},
    )
    qtbot.addWidget(tabs)
    tabs.show()
    return tabs


def test_no_page_is_built_before_it_is_looked_at(
    qtbot: QtBot, tabs: PageTabs, made: list[str]
) -> None:
    assert (tabs.count(), tabs.shown, made, tabs.built) == (3, "Dawn", [], ())

    tabs.page(tabs.shown)
    tabs.page(tabs.shown)

    assert made == ["Dawn"]
    qtbot.waitUntil(tabs.page("Dawn").isVisible)


def test_a_click_builds_the_page_once(qtbot: QtBot, tabs: PageTabs, made: list[str]) -> None:
    bar = tabs.tabBar()
    for tab in (2, 0, 2):
        at = bar.tabRect(tab).center()
        qtbot.mouseClick(bar, Qt.MouseButton.LeftButton, pos=at)

    qtbot.waitUntil(lambda: len(tabs.built) == 2)
    assert tabs.shown == "Dusk"
    assert made == ["Dusk", "Dawn"]
    assert [page.text() for page in tabs.built if isinstance(page, QLabel)] == [
        "page Dusk",
        "page Dawn",
    ]


def test_a_page_can_be_had_without_showing_it(
    qtbot: QtBot, tabs: PageTabs, made: list[str]
) -> None:
    with qtbot.waitSignal(tabs.page_built) as told:
        page = tabs.page("Noon")

    assert told.args == [page]
    assert (tabs.shown, made) == ("Dawn", ["Noon"])
    tabs.bring("Noon")
    qtbot.waitUntil(page.isVisible)
    assert made == ["Noon"]


def test_tabs_say_what_they_are_for(tabs: PageTabs) -> None:
    assert tabs.accessibleName() == "Times of day"
    assert [tabs.tabToolTip(tab) for tab in range(3)] == ["About dawn", "About noon", "About dusk"]


def test_what_was_seen_stays_until_the_page_that_is_looked_at_is_there(
    qtbot: QtBot, tabs: PageTabs
) -> None:
    tabs.page(tabs.shown)
    qtbot.waitUntil(tabs.page("Dawn").isVisible)
    stack = tabs.findChild(QStackedWidget)
    assert stack is not None

    tabs.setCurrentIndex(1)

    assert tabs.front is None
    assert not stack.updatesEnabled()
    qtbot.waitUntil(lambda: tabs.front is not None)
    assert stack.updatesEnabled()
    assert tabs.front is tabs.page("Noon")
    assert tabs.front.isVisible()


def test_a_page_that_is_asked_for_while_it_is_built_is_there_at_once(
    qtbot: QtBot, tabs: PageTabs, made: list[str]
) -> None:
    tabs.setCurrentIndex(2)
    assert made == []
    assert tabs.page("Dusk").isVisible()
    assert made == ["Dusk"]
