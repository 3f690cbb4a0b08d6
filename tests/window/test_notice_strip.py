"""The strip of messages above the views."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from pauses import let_pass
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QFontMetrics
from PySide6.QtWidgets import QApplication, QVBoxLayout, QWidget

from segstudio.kit import notice_strip as strips
from segstudio.kit.elided import in_two_lines
from segstudio.kit.notice_strip import HEIGHT, NoticeStrip
from segstudio.notices import Notices


@pytest.fixture
def said() -> Notices:
    return Notices()


@pytest.fixture
def strip(qtbot, said) -> Iterator[NoticeStrip]:
    """A strip above a picture."""
    around = QWidget()
    qtbot.addWidget(around)
    column = QVBoxLayout(around)
    column.setContentsMargins(0, 0, 0, 0)
    column.setSpacing(0)
    made = NoticeStrip()
    column.addWidget(made)
    column.addWidget(QWidget(), 1)
    around.resize(900, 600)
    around.show()
    made.attach(said)
    yield made
    around.close()


def test_one_message_is_shown_and_how_many_more(qtbot, strip, said):
    said.error("It broke.", "Mend it.")
    said.warning("A mask is empty.")
    said.info("Done.")
    qtbot.waitUntil(lambda: strip.text == "Done.")
    assert strip.height() == HEIGHT
    assert strip.others.text() == "+2"
    qtbot.mouseClick(strip.others, Qt.MouseButton.LeftButton)
    assert strip.text == "A mask is empty."
    qtbot.mouseClick(strip.others, Qt.MouseButton.LeftButton)
    assert strip.text == "It broke. Mend it."
    qtbot.mouseClick(strip.closer, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: strip.text == "Done.")
    qtbot.mouseClick(strip.closer, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: strip.text == "A mask is empty.")
    assert strip.others.isHidden()
    qtbot.mouseClick(strip.closer, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(strip.isHidden)


def test_the_whole_message_takes_no_more_room_than_it_has(qtbot, strip, said):
    long = "The mask a.png is 128 x 128 pixels, but its image is 384 x 384. " * 6
    said.warning(long, "Give it the size of the image.")
    qtbot.waitUntil(strip.more.isVisible)
    qtbot.mouseClick(strip.more, Qt.MouseButton.LeftButton)
    line = strip.whole.fontMetrics().lineSpacing()
    # the message takes three or four lines of 900 pixels, then come an empty line and the hint
    assert 5 * line <= strip.whole.height() <= 9 * line
    assert strip.whole.verticalScrollBar().maximum() == 0
    qtbot.mouseClick(strip.more, Qt.MouseButton.LeftButton)
    assert strip.whole.isHidden()


def test_two_answers_at_most_and_one_closes_the_question(qtbot, strip, said):
    done = []
    said.question(
        "Objects?", "", ("Objects", lambda: done.append(1)), ("Classes", lambda: done.append(2))
    )
    qtbot.waitUntil(strip.isVisible)
    assert [button.text() for button in strip.buttons] == ["Objects", "Classes"]
    qtbot.mouseClick(strip.buttons[1], Qt.MouseButton.LeftButton)
    assert done == [2]
    qtbot.waitUntil(strip.isHidden)
    said.info("Done.")
    qtbot.waitUntil(strip.isVisible)
    assert all(button.isHidden() for button in strip.buttons)


def test_passing_remarks_go_by_themselves_and_trouble_stays(qtbot, strip, said, monkeypatch):
    monkeypatch.setitem(strips._SECONDS, "info", 0.02)
    monkeypatch.setitem(strips._SECONDS, "warning", 0.02)
    said.error("It broke.")
    said.question("Which?", "", ("This", list))
    said.warning("A mask is empty.")
    said.info("Done.")
    qtbot.waitUntil(lambda: len(said.shown) == 2)
    qtbot.waitUntil(lambda: strip.text == "Which?")
    let_pass(qtbot, strip)
    assert [entry.message for entry in said.shown] == ["Which?", "It broke."]


def test_what_is_wrong_with_the_selected_image_stays_with_it(qtbot, strip, said, monkeypatch):
    monkeypatch.setitem(strips._SECONDS, "warning", 0.02)
    said.warning("Its mask does not fit.", scope="image")
    qtbot.waitUntil(strip.isVisible)
    let_pass(qtbot, strip)
    assert strip.text == "Its mask does not fit."


def test_the_whole_text_and_the_details_are_shown_when_asked_for(qtbot, strip, said):
    long = "word " * 80
    said.error(long.strip(), "Mend it.", "Traceback ...")
    qtbot.waitUntil(strip.more.isVisible)
    assert "Mend it." not in strip.text
    qtbot.mouseClick(strip.more, Qt.MouseButton.LeftButton)
    assert strip.whole.isVisible()
    assert strip.whole.toPlainText() == f"{long.strip()}\n\nMend it.\n\nTraceback ..."
    qtbot.mouseClick(strip.more, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: strip.height() == HEIGHT)


def test_it_neither_comes_nor_goes_under_a_stroke(qtbot, strip, said, monkeypatch):
    held = [Qt.MouseButton.LeftButton]
    monkeypatch.setattr(QApplication, "mouseButtons", lambda: held[0])
    said.info("Done.")
    let_pass(qtbot, strip)
    assert strip.isHidden()
    held[0] = Qt.MouseButton.NoButton
    qtbot.waitUntil(strip.isVisible)
    held[0] = Qt.MouseButton.LeftButton
    said.close_shown()
    let_pass(qtbot, strip)
    assert strip.isVisible()
    held[0] = Qt.MouseButton.NoButton
    qtbot.waitUntil(strip.isHidden)


def test_messages_from_before_the_studio_are_kept(qtbot, said):
    strip = NoticeStrip()
    qtbot.addWidget(strip)
    strip.show_notice("warning", "first")
    strip.show_notice("error", "second")
    strip.attach(said)
    assert [entry.message for entry in said.shown] == ["second", "first"]


def test_two_lines_hold_what_they_can(qtbot):
    metrics = QFontMetrics(QApplication.font())
    width = metrics.horizontalAdvance("The mask is empty.") + 2
    assert in_two_lines("The mask", "is empty.", metrics, width) == ("The mask is empty.", True)
    assert in_two_lines("The mask is empty.", "Paint it.", metrics, width) == (
        "The mask is empty.\nPaint it.",
        True,
    )
    text, fits = in_two_lines("The mask is empty. " * 3, "", metrics, width)
    assert not fits
    assert text.startswith("The mask is empty.\n")
    assert max(map(metrics.horizontalAdvance, text.split("\n"))) <= width


def test_the_strip_covers_neither_header_nor_picture(bench):
    window = bench.window
    before = window.canvas.geometry()
    bench.studio.notices.error("It broke.")
    bench.until(window.notices.isVisible)
    bench.until(lambda: window.canvas.height() == before.height() - HEIGHT)
    header, strip, canvas = (
        (w.mapTo(window, QPoint()).y(), w.height())
        for w in (window.options, window.notices, window.canvas)
    )
    assert header[0] + header[1] <= strip[0]
    assert strip[0] + strip[1] <= canvas[0]


def test_shift_esc_closes_all_messages(bench):
    for text in ("one", "two"):
        bench.studio.notices.error(text)
    bench.until(bench.window.notices.isVisible)
    bench.qtbot.keyClick(bench.window, Qt.Key.Key_Escape, Qt.KeyboardModifier.ShiftModifier)
    bench.until(bench.window.notices.isHidden)
    assert bench.studio.notices.shown == []


def test_the_keyboard_reaches_the_message(bench):
    bench.studio.notices.error("It broke.")
    bench.until(bench.window.notices.isVisible)
    bench.window.canvas.setFocus()
    shift = Qt.KeyboardModifier.ShiftModifier | Qt.KeyboardModifier.ControlModifier
    bench.qtbot.keyClick(QApplication.focusWidget(), Qt.Key.Key_Backtab, shift)
    assert bench.window.notices.isAncestorOf(QApplication.focusWidget())


def test_what_was_said_of_one_folder_is_not_shown_over_the_next(bench, tmp_path, folder):
    other = tmp_path / "other"
    other.mkdir()
    (other / "x.png").write_bytes((folder / "field_0.png").read_bytes())
    bench.studio.notices.warning("None of the model's classes is one of the folder's.")
    bench.until(bench.window.notices.isVisible)
    bench.studio.browsing.open_path(other)
    bench.until(bench.window.notices.isHidden)
