"""The window before a folder is open: three ways to begin, recent folders, and nothing else."""

from __future__ import annotations

import json
import shutil
from functools import partial
from pathlib import Path

import pytest
from PySide6.QtCore import QEvent, QMimeData, QObject, QPoint, QPointF, Qt, QUrl
from PySide6.QtGui import QContextMenuEvent, QDragEnterEvent, QDragLeaveEvent, QDropEvent, QImage
from PySide6.QtTest import QTest
from PySide6.QtWidgets import (
    QAbstractButton,
    QApplication,
    QDockWidget,
    QFileDialog,
    QMenu,
    QWidget,
)
from shiboken6 import delete
from windows import write_pictures

from segstudio.folder import browsing
from segstudio.folder.ui.recent_list import RecentList
from segstudio.kit.actions import ActionSpec
from segstudio.kit.frame_names import HELP
from segstudio.kit.theme import Theme
from segstudio.resources import resource_path
from segstudio.storage.recent_folders import FolderFacts, RecentFolder
from segstudio.window import action_table
from segstudio.window.main_window import MainWindow
from segstudio.window.start_page import _SAMPLES

KEYS = Qt.Key


@pytest.fixture
def make_window(make_window):
    """Makes windows that open no folder at the start, as for who starts without naming one."""
    return partial(make_window, opens=False)


@pytest.fixture(scope="module")
def kept(keep_window):
    """A window that the tests share in which no folder is opened."""
    return keep_window(opens=False)


@pytest.fixture
def started(kept):
    """The window with its page as at the first start."""
    kept.engine.gate.set()
    kept.settle()
    kept.studio.preferences.update(recent=(), recent_facts={})
    kept.window.verbs.apply_settings()
    kept.studio.notices.close_shown()
    kept.window.resize(1280, 800)
    kept.window.activateWindow()
    kept.window.start._show_rows()
    _page(kept).open_button.setFocus()
    kept.settle(500)
    return kept


@pytest.fixture
def few_samples(monkeypatch):
    """Three small images are the samples: here it matters only that they are opened."""
    monkeypatch.setattr(browsing, "assemble_samples", lambda data: write_pictures(data / "samples"))


def _page(bench):
    assert bench.window.start.active
    return bench.window.start.page


def _panels(window) -> list[str]:
    return [name for name in window.docks.by_name if window.docks.shown(name)]


def _known(bench, *folders: Path) -> None:
    """Folders that were open before, the latest last."""
    for number, folder in enumerate(folders):
        bench.studio.preferences.remember_folder(
            folder, FolderFacts(10 + number, number, "2020-02-03T12:00:00+00:00")
        )
    bench.window.start._show_rows()


def _click_row(recent, row: int, button=Qt.MouseButton.LeftButton) -> None:
    QTest.mouseClick(recent.viewport(), button, pos=QPoint(60, 32 * row + 16))


# -- nothing but the page ------------------------------------------------------------------------


def test_before_a_folder_is_open_there_is_the_page_alone(make_window):
    bench = make_window()
    window, page = bench.window, _page(bench)
    assert page.isVisible()
    assert not _panels(window)
    assert not window.bar.isVisible()
    assert not window.options.isVisible()
    assert not window.canvas.isVisible()
    assert not window.central._tools.isVisible()
    assert page.width() == window.width()
    bench.until(page.open_button.hasFocus)
    assert not page.recent.isVisible()
    texts = [label.text() for label in window.status.findChildren(type(window.status._start))]
    assert "No folder is open" in texts
    assert "Works offline, on this computer" in texts
    assert window.status._start.isVisible()
    assert window.status._offline.isVisible()
    assert not any(place.isVisible() for place in (window.status.zoom, window.status._position))


def test_what_was_replaced_before_it_was_made_ready_is_passed_over(started):
    window = started.window
    gone, last = QWidget(window), QWidget(window)
    window.start._ahead = iter((gone, last))
    delete(gone)
    window.start._polish_ahead()
    assert last.testAttribute(Qt.WidgetAttribute.WA_WState_Polished)


def test_nothing_brings_panels_or_tools_to_the_page(started):
    bench = started
    window, commands = bench.window, bench.window.commands
    for action in ("panel.network", "view.panels", "view.reset_layout", "layout.2", "brush.larger"):
        assert not commands[action].isEnabled(), action
    for action in ("file.open", "file.samples", "file.settings", "help.palette", "model.load"):
        bench.until(commands[action].isEnabled)
    for key in (KEYS.Key_N, KEYS.Key_M, KEYS.Key_Tab, KEYS.Key_B):
        QTest.keyClick(QApplication.focusWidget(), key)
    bench.settle()
    assert not _panels(window)
    place = window.menuBar().geometry().center()
    QTest.mouseClick(window, Qt.MouseButton.RightButton, pos=place)
    assert QApplication.activePopupWidget() is None


def test_a_folder_brings_all_as_it_was_laid_out(make_window, folder):
    first = make_window()
    window = first.window
    painted = []
    window.central.installEventFilter(_Painted(window, painted))
    first.open(folder)
    assert window.start.page is None
    assert not window.start.active
    assert window.bar.isVisible()
    assert window.options.isVisible()
    assert window.canvas.isVisible()
    assert window.central._tools.isVisible()
    assert _panels(window) == ["Images", "Classes", "Objects", "Disagreement", "Model"]
    assert window.canvas.viewport.hasFocus()
    assert not window.status._start.isVisible()
    assert not window.status._offline.isVisible()
    assert window.status.zoom.isVisible()
    assert painted
    assert len(set(painted)) == 1
    window.docks.by_name["Disagreement"].close()
    width = window.docks.by_name["Images"].width() + 40
    window.resizeDocks([window.docks.by_name["Images"]], [width], Qt.Orientation.Horizontal)
    first.settle()
    window.close()
    first.studio.close()
    second = make_window()
    assert not _panels(second.window)
    second.open(folder)
    assert "Disagreement" not in _panels(second.window)
    assert second.window.docks.by_name["Images"].width() == width


class _Painted(QObject):
    """Notes where the canvas is whenever something is painted."""

    def __init__(self, window, places) -> None:
        super().__init__(window)
        self._window, self._places = window, places

    def eventFilter(self, watched, event) -> bool:
        if event.type() == QEvent.Type.Paint and self._window.canvas.isVisible():
            self._places.append(self._window.canvas.geometry().getRect())
        return False


def test_a_layout_outlives_a_start_without_a_folder(make_window, folder):
    first = make_window()
    first.open(folder)
    first.window.docks.by_name["Model"].close()
    first.window.close()
    first.studio.close()
    second = make_window()
    second.window.resize(1100, 700)
    second.window.close()
    second.studio.close()
    third = make_window()
    assert third.window.size().toTuple() == (1100, 700)
    third.open(folder)
    assert _panels(third.window) == ["Images", "Classes", "Objects", "Disagreement"]


def test_a_window_that_is_opened_with_a_folder_shows_its_panels_at_once(qtbot, tmp_path):
    theme = QApplication.instance().findChild(Theme) or Theme(QApplication.instance())
    window = MainWindow(tmp_path / "window.ini", theme, opens=True)
    qtbot.addWidget(window)
    window.show()
    assert not window.start.active
    assert _panels(window)[:2] == ["Images", "Classes"]
    window.close()


@pytest.mark.parametrize("done", [0, 3, -1])
def test_a_window_can_be_closed_between_the_steps_of_its_making(qtbot, tmp_path, studio, done):
    theme = QApplication.instance().findChild(Theme) or Theme(QApplication.instance())
    window = MainWindow(tmp_path / "window.ini", theme)
    qtbot.addWidget(window)
    window.show()
    window.resize(1111, 777)
    steps = (*window.bar_steps(), *window.dock_steps())
    for step in steps[:done]:
        step()
        QApplication.processEvents()
    if done == -1:
        steps[-1]()
        for fill in window.attach_steps()[:done]:
            fill(studio)
            QApplication.processEvents()
        assert not any(action.isEnabled() for action in window.commands._actions.values())
    assert not any(dock.isVisible() for dock in window.findChildren(QDockWidget))
    assert window.close()
    again = MainWindow(tmp_path / "window.ini", theme)
    qtbot.addWidget(again)
    assert again.size().toTuple() == (1111, 777)


def test_what_a_folder_needs_is_not_offered_for_a_moment_before_the_page(qtbot, tmp_path):
    theme = QApplication.instance().findChild(Theme) or Theme(QApplication.instance())
    window = MainWindow(tmp_path / "window.ini", theme)
    qtbot.addWidget(window)
    window.show()
    for step in window.bar_steps():
        step()
        QApplication.processEvents()
        shown = [b.text() for b in window.findChildren(QAbstractButton) if b.isVisible()]
        assert shown == []
    window.close()


# -- the three ways ------------------------------------------------------------------------------


def test_the_folder_is_chosen_by_button_or_key(make_window, folder, monkeypatch):
    bench = make_window()
    page = _page(bench)
    answers = ["", str(folder)]
    monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *_: answers.pop(0))
    QTest.mouseClick(page.open_button, Qt.MouseButton.LeftButton)
    assert bench.window.start.active  # nothing was chosen
    assert page._keys.text() == "Ctrl+O"
    QTest.keyClick(page.open_button, KEYS.Key_Return)
    bench.until(lambda: bench.session.document is not None)
    assert bench.session.project.root == folder


def test_the_key_beside_the_button_is_the_one_in_force(started):
    bench = started
    bench.window.commands.set_keymap({"file.open": ("Ctrl+Alt+F",)})
    assert _page(bench)._keys.text() == "Ctrl+Alt+F"
    assert "Ctrl+Alt+F" in _page(bench).open_button.toolTip()
    bench.window.commands.set_keymap({"file.open": ()})
    assert _page(bench)._keys.text() == ""


def test_the_samples_are_shown_and_opened(make_window):
    bench = make_window()
    page = _page(bench)
    bench.until(lambda: len(page._thumbs._pixmaps) == 3)
    first, _second, third = (pixmap.toImage() for pixmap in page._thumbs._pixmaps)
    assert first.size() == third.size()
    assert first.width() == page.picture_px
    assert _colored(first) > 500  # objects in colours, of 72 x 72 pixels
    assert _colored(third) == 0
    QTest.mouseClick(page.samples_button, Qt.MouseButton.LeftButton)
    bench.until(lambda: bench.session.document is not None)
    assert bench.session.project.name == "samples"


def _colored(image: QImage) -> int:
    places = ((x, y) for x in range(image.width()) for y in range(image.height()))
    return sum(image.pixelColor(x, y).saturation() > 60 for x, y in places)


def test_what_the_card_says_of_the_samples_is_true():
    assert len(list(resource_path("models").glob("*-nuclei.safetensors"))) == 3
    assert "three small models" in _SAMPLES


def _with_tour(monkeypatch, *tours: ActionSpec) -> None:
    """Let the window have these tours and no other."""
    rows = tuple(row for row in action_table.all_actions() if row.id != "help.tour")
    monkeypatch.setattr(action_table, "all_actions", lambda: (*rows, *tours))


def test_without_a_tour_who_wants_to_learn_is_shown_the_network_on_a_sample(
    make_window, monkeypatch, few_samples
):
    _with_tour(monkeypatch)
    bench = make_window()
    assert _page(bench).lesson_button.text() == "Look inside"
    QTest.mouseClick(_page(bench).lesson_button, Qt.MouseButton.LeftButton)
    bench.until(lambda: bench.session.document is not None)
    assert bench.session.project.name == "samples"
    assert bench.window.docks.shown("Network")
    bench.until(lambda: bench.window.network.panel is not None)


def test_the_tour_begins_on_the_samples(make_window, monkeypatch, few_samples):
    begun = []
    tour = ActionSpec("help.tour", HELP, "Tour", lambda c: begun.append(c.session.project.name))
    _with_tour(monkeypatch, tour)
    bench = make_window()
    assert _page(bench).lesson_button.text() == "Start the tour"
    QTest.mouseClick(_page(bench).lesson_button, Qt.MouseButton.LeftButton)
    bench.until(lambda: bench.session.document is not None)
    assert begun == ["samples"]
    assert not bench.window.docks.shown("Network")


def test_the_tab_key_goes_through_buttons_and_list(started, folder):
    bench = started
    page = _page(bench)
    _known(bench, folder)
    page.open_button.setFocus()
    order = [page.open_button, page.samples_button, page.lesson_button, page.recent]
    for before, after in zip(order, [*order[1:], order[0]], strict=True):
        assert QApplication.focusWidget() is before
        QTest.keyClick(before, KEYS.Key_Tab)
        assert QApplication.focusWidget() is after
    for control in order:
        assert control.accessibleName()
    assert all(button.toolTip() for button in order[:3])


# -- recent folders ------------------------------------------------------------------------------


def test_recent_folders_say_what_is_known_of_them(started, tmp_path, monkeypatch):
    monkeypatch.setattr(Path, "home", lambda: tmp_path)
    bench = started
    _known(bench, tmp_path / "data" / "cells", Path("/srv/nuclei"))
    page = _page(bench)
    assert [page.recent.text_of(row) for row in range(2)] == [
        f"nuclei, {Path('/srv/nuclei')}, 11 images, 1 done, 3 Feb 2020",
        f"cells, {Path('~/data/cells')}, 10 images, 0 done, 3 Feb 2020",
    ]
    assert page.recent.height() == 2 * 32
    assert page._heading.isVisible()


def test_a_recent_folder_is_opened_by_click(make_window, folder):
    bench = make_window()
    _known(bench, folder, Path("/never"))
    _click_row(_page(bench).recent, 1)
    bench.until(lambda: bench.session.document is not None)
    assert bench.session.project.root == folder


def test_the_keys_begin_at_the_first_recent_folder(make_window, folder, few_samples):
    first = make_window()
    first.open(folder)
    first.studio.browsing.open_samples()
    first.until(lambda: first.session.project.name == "samples")
    first.settle()
    first.window.close()
    first.studio.close()
    second = make_window()
    recent = _page(second).recent
    second.until(recent.hasFocus)
    assert [path.name for path in recent.folders] == ["samples", folder.name]
    assert "3 images, 0 done, today" in recent.text_of(1)
    QTest.keyClick(recent, KEYS.Key_Down)
    assert recent.current == folder
    QTest.keyClick(recent, KEYS.Key_Down)  # there is no further one
    QTest.keyClick(recent, KEYS.Key_Return)
    second.until(lambda: second.session.document is not None)
    assert second.session.project.root == folder


def test_a_folder_that_is_gone_is_grey_and_says_why_and_can_be_tried_again(
    make_window, folder, user_folders
):
    gone = folder.parent / "gone & away"
    settings = user_folders / "config" / "settings.json"
    settings.parent.mkdir(parents=True)
    settings.write_text(json.dumps({"recent": [str(gone), str(folder)]}))
    bench = make_window()
    recent = _page(bench).recent
    bench.until(lambda: "not found" in recent.text_of(0))
    assert "not found" not in recent.text_of(1)
    tip = recent.model().index(0, 0).data(Qt.ItemDataRole.ToolTipRole)
    assert "is not found" in tip
    assert "gone &amp; away" in tip.replace("<br>", " ")  # a line may end there
    assert "Del" in tip
    _click_row(recent, 0)
    bench.until(lambda: bench.window.notices.isVisible())
    assert bench.window.start.active
    shutil.copytree(folder, gone)  # its drive is there again
    _click_row(recent, 0)
    bench.until(lambda: bench.session.document is not None)
    assert bench.session.project.root == gone


@pytest.mark.parametrize("by", ["key", "menu"])
def test_a_folder_is_taken_out_of_the_list(started, tmp_path, by):
    bench = started
    _known(bench, tmp_path / "one", tmp_path / "two", tmp_path / "three")
    recent = _page(bench).recent
    recent.setFocus()
    QTest.keyClick(recent, KEYS.Key_Down)
    if by == "key":
        QTest.keyClick(recent, KEYS.Key_Delete)
    else:
        QTest.keyClick(recent, KEYS.Key_Menu)
        if (menu := recent.findChild(QMenu)) is None:  # this platform sends no event for the key
            by_key = QContextMenuEvent.Reason.Keyboard
            event = QContextMenuEvent(by_key, QPoint(0, 0), QPoint(0, 0))
            QApplication.sendEvent(recent, event)
            menu = recent.findChild(QMenu)
        assert [action.text() for action in menu.actions()] == ["Open", "Remove from this list"]
        QTest.keyClick(menu, KEYS.Key_Down)
        QTest.keyClick(menu, KEYS.Key_Down)
        QTest.keyClick(menu, KEYS.Key_Return)
    assert [path.name for path in recent.folders] == ["three", "one"]
    assert list(bench.studio.settings.recent) == [str(tmp_path / "three"), str(tmp_path / "one")]
    assert recent.current == tmp_path / "one"
    QTest.keyClick(recent, KEYS.Key_Delete)
    QTest.keyClick(recent, KEYS.Key_Delete)
    assert not recent.folders
    assert not recent.isVisible()
    assert _page(bench).open_button.hasFocus()


def test_a_list_that_stays_the_same_is_not_laid_out_again(qtbot):
    recent = RecentList()
    qtbot.addWidget(recent)
    rows = (RecentFolder(Path("/data/cells")), RecentFolder(Path("/data/roads")))
    recent.show_rows(rows)
    with qtbot.assertNotEmitted(recent.model().modelReset):
        recent.show_rows(rows)
    assert recent.folders == [Path("/data/cells"), Path("/data/roads")]


def test_as_many_are_listed_as_there_is_room_for_without_scrolling(started, tmp_path):
    bench = started
    _known(bench, *(tmp_path / f"{number:02d}" for number in range(12)))
    page, window = _page(bench), bench.window
    for size, least in (((1280, 772), 6), ((1024, 640), 3), ((1900, 1000), 12)):
        window.resize(*size)
        bench.settle()
        assert page.verticalScrollBar().maximum() == 0, size
        assert page.horizontalScrollBar().maximum() == 0, size
        assert len(page.recent.folders) >= least, size
        assert page.recent.height() == 32 * len(page.recent.folders)


# -- dropping, and what cannot be opened -----------------------------------------------------------


def _dropped(path: Path) -> QMimeData:
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(path))])
    return data


def test_a_folder_is_dropped_anywhere(make_window, folder):
    bench = make_window()
    window, page = bench.window, _page(bench)
    data, copy, left = _dropped(folder), Qt.DropAction.CopyAction, Qt.MouseButton.LeftButton
    none = Qt.KeyboardModifier.NoModifier
    enter = QDragEnterEvent(QPoint(9, 9), copy, data, left, none)
    QApplication.sendEvent(window, enter)
    assert enter.isAccepted()
    assert page._drop.is_over
    QApplication.sendEvent(window, QDragLeaveEvent())
    assert not page._drop.is_over
    QApplication.sendEvent(window, enter)
    QApplication.sendEvent(window, QDropEvent(QPointF(9, 9), copy, data, left, none))
    bench.until(lambda: bench.session.document is not None)
    assert bench.session.project.root == folder


def test_a_folder_without_images_says_so_above_the_page(started, tmp_path):
    bench = started
    (tmp_path / "bare").mkdir()
    bench.studio.browsing.open_path(tmp_path / "bare")
    bench.until(bench.window.notices.isVisible)
    assert bench.window.start.active
    assert _page(bench).isVisible()
    assert "bare" in bench.studio.notices.recent[-1].message
    bench.window.resize(1280, 800)
    bench.settle()
    strip, page = bench.window.notices, _page(bench)
    assert (
        strip.mapTo(bench.window, strip.rect().bottomLeft()).y()
        < page.mapTo(bench.window, QPoint(0, 0)).y() + 1
    )


def test_a_window_whose_first_folder_cannot_be_opened_gets_the_page(make_window, folder, tmp_path):
    bench = make_window(opens=True)
    assert not bench.window.start.active
    bench.studio.browsing.open_path(tmp_path / "never")
    bench.until(lambda: bench.window.start.active)
    assert _page(bench).isVisible()
    assert not _panels(bench.window)
    assert not bench.window.bar.isVisible()
    bench.open(folder)
    assert _panels(bench.window) == ["Images", "Classes", "Objects", "Disagreement", "Model"]


def _cancel_opening(bench, begin) -> None:
    """Begin to open a folder behind work that goes on, and cancel that as the status bar does."""
    bench.engine.gate.clear()
    jobs = bench.studio.jobs
    jobs.submit("Other work", "files", lambda _job: bench.engine.gate.wait(30))
    begin()
    (opening,) = [job for job in jobs.jobs() if job.title.startswith("Opening")]
    opening.cancel()
    bench.engine.gate.set()
    bench.until(lambda: not any(job.lane == "files" for job in jobs.jobs()))
    bench.settle()


def test_a_window_whose_first_folder_is_cancelled_gets_the_page(make_window, folder):
    bench = make_window(opens=True)
    _cancel_opening(bench, lambda: bench.studio.browsing.open_path(folder))
    assert bench.window.start.active
    assert _page(bench).isVisible()
    assert not _panels(bench.window)


@pytest.mark.parametrize("way", ["cancelled", "another folder"])
def test_a_lesson_that_did_not_begin_is_not_given_in_another_folder(
    make_window, monkeypatch, folder, way
):
    begun = []
    tour = ActionSpec("help.tour", HELP, "Tour", lambda c: begun.append(c.session.project.name))
    _with_tour(monkeypatch, tour)
    bench = make_window()
    _known(bench, folder)
    page = _page(bench)
    if way == "cancelled":
        _cancel_opening(bench, page.lesson_button.click)
        bench.open(folder)
    else:
        page.lesson_button.click()
        _click_row(page.recent, 0)
        bench.until(lambda: bench.session.document is not None)
    assert bench.session.project.name == folder.name
    assert begun == []


def test_nothing_is_said_of_offline_while_weights_are_fetched(started):
    bench = started
    status = bench.window.status
    assert status._offline.isVisible()
    bench.engine.gate.clear()
    job = bench.studio.jobs.submit(
        "Downloading", "transfer", lambda job: bench.engine.gate.wait(30) and job.check()
    )
    bench.until(lambda: not status._offline.isVisible())
    bench.engine.gate.set()
    bench.until(status._offline.isVisible)
    assert not job.cancelled


def test_what_is_chosen_before_the_window_can_do_it_is_done_then(make_window, folder, few_samples):
    bench = make_window(
        early=lambda page: QTest.mouseClick(page.samples_button, Qt.MouseButton.LeftButton)
    )
    bench.until(lambda: bench.session.document is not None)
    assert bench.session.project.name == "samples"
