"""The help inside the window: its pages, links, search, and how it is reached."""

from __future__ import annotations

import re
import threading
import tomllib
from pathlib import Path

import pytest
from PySide6.QtCore import QPoint, Qt, QUrl
from PySide6.QtGui import QKeySequence, QTextCursor, QTextDocument
from PySide6.QtTest import QTest

from segstudio.resources import docs_path
from segstudio.window import help_pages
from segstudio.window.action_table import all_actions
from segstudio.window.help_pages import page_named, page_names, search, target_of
from segstudio.window.help_window import HelpWindow

ROOT = Path(__file__).parents[2]


@pytest.fixture
def opened(bench, qtbot):
    """A window, and what opens its help with a command."""

    def open_help(command: str = "help.help") -> HelpWindow:
        bench.window.commands.run(command)
        found = bench.window.findChild(HelpWindow)
        bench.until(lambda: found.page.is_whole)
        return found

    yield open_help
    for left in bench.window.findChildren(HelpWindow):
        left.close()


def _click_link(window: HelpWindow, text: str) -> None:
    """Click the first link of the page that has a text."""
    page = window.page
    cursor = page.document().find(text)
    while not cursor.charFormat().isAnchor():
        cursor = page.document().find(text, cursor)
    cursor.setPosition(cursor.selectionStart() + 1)
    page.setTextCursor(cursor)
    page.ensureCursorVisible()
    QTest.mouseClick(
        page.viewport(),
        Qt.MouseButton.LeftButton,
        pos=page.cursorRect(cursor).center() + QPoint(2, 0),
    )


def _line_at_top(window: HelpWindow) -> str:
    return window.page.cursorForPosition(QPoint(40, 24)).block().text()


def test_f1_opens_the_help_and_its_menu_leads_to_tour_glossary_and_metrics(bench, opened, qtbot):
    qtbot.keyClick(bench.window.canvas, Qt.Key.Key_F1)
    window = bench.window.findChild(HelpWindow)
    assert window.isVisible()
    assert window.shown == ("tour", "")
    menu = [a.text() for a in bench.window.menus["Help"].actions()]
    assert menu[:4] == ["Help", "Tour", "Glossary", "Metrics"]
    for command, title in (("glossary", "Glossary"), ("metrics", "Metrics"), ("tour", "Tour")):
        assert opened(f"help.{command}") is window
        assert window.windowTitle() == f"{title} - segstudio help"
        assert window.page.toPlainText().startswith(title)
    qtbot.keyClick(window, Qt.Key.Key_F1)
    assert not window.isVisible()


def test_the_list_has_every_page_and_a_click_shows_it(opened, qtbot):
    window = opened()
    files = {path.stem for path in (ROOT / "docs").glob("*.md")}
    assert set(page_names()) == files
    texts = [window.list.item(row).text() for row in range(window.list.count())]
    assert len(texts) == len(files) + 2
    assert texts[0] == "Using segstudio"
    assert texts[-4] == "For developers"
    item = window.list.item(texts.index("Looking inside a network"))
    box = window.list.visualItemRect(item)
    qtbot.mouseClick(window.list.viewport(), Qt.MouseButton.LeftButton, pos=box.center())
    assert window.shown == ("inspecting", "")
    qtbot.waitUntil(lambda: window.page.is_whole)
    assert "Shift+drag with the hand" in window.page.toPlainText()  # of its last table


def test_links_lead_from_page_to_page_and_back_returns_to_the_same_place(opened, qtbot):
    window = opened("help.tour")
    _click_link(window, "which file a correction goes to")
    assert window.shown == ("correcting", "")
    window.show_page("tour")
    qtbot.waitUntil(lambda: window.page.is_whole)
    window.page.verticalScrollBar().setValue(300)
    window.show_page("metrics")
    assert not window.forward.isEnabled()
    qtbot.keyClick(window, Qt.Key.Key_Left, Qt.KeyboardModifier.AltModifier)
    qtbot.waitUntil(lambda: window.page.is_whole)
    assert window.shown == ("tour", "")
    assert window.page.verticalScrollBar().value() == 300
    qtbot.mouseClick(window.forward, Qt.MouseButton.LeftButton)
    assert window.shown == ("metrics", "")
    for _ in range(9):
        window.go_back()
    assert window.shown == ("tour", "")
    assert not window.back.isEnabled()


def test_a_link_to_a_heading_of_another_page_stops_there(opened, qtbot):
    window = opened("help.metrics")
    window.page.anchorClicked.emit("architecture.md#a-metric")
    qtbot.waitUntil(lambda: window.page.is_whole)
    assert window.shown == ("architecture", "a-metric")
    assert _line_at_top(window) == "A metric"


def test_only_links_of_the_web_leave_the_program(opened, monkeypatch):
    asked = []
    monkeypatch.setattr(
        "segstudio.window.help_window.QDesktopServices.openUrl",
        lambda url: asked.append(url.toString()),
    )
    window = opened("help.metrics")
    for link in ("https://lucide.dev", "file:///etc/passwd", "../pyproject.toml", "nowhere.md"):
        window.page.anchorClicked.emit(link)
    assert asked == ["https://lucide.dev"]
    assert window.shown == ("metrics", "")


def test_a_search_finds_headings_before_text_and_marks_the_words(opened, qtbot):
    window = opened()
    qtbot.keyClicks(window.field, "crowd")
    texts = [window.list.item(row).text() for row in range(window.list.count())]
    assert "Objects" in texts  # where "a crowd" is defined
    qtbot.keyClick(window.field, Qt.Key.Key_Down)
    while window.list.currentItem().text() != "Objects":
        qtbot.keyClick(window.list, Qt.Key.Key_Down)
    qtbot.waitUntil(lambda: window.page.is_whole)
    assert window.shown == ("metrics", "objects")
    assert _line_at_top(window) == "Objects"
    marked = {s.cursor.selectedText().lower() for s in window.page.extraSelections()}
    assert marked == {"crowd", "objects"}  # the words, and the heading's line
    qtbot.keyClick(window, Qt.Key.Key_Escape)
    assert window.field.text() == ""
    assert window.isVisible()
    assert {s.cursor.selectedText() for s in window.page.extraSelections()} == {"Objects"}
    qtbot.keyClick(window, Qt.Key.Key_Escape)
    assert not window.isVisible()


def test_what_is_nowhere_is_said(opened, qtbot):
    window = opened()
    qtbot.keyClicks(window.field, "xyzzy")
    assert [window.list.item(r).text() for r in range(window.list.count())] == [
        "Nothing has these words."
    ]
    qtbot.keyClick(window.field, Qt.Key.Key_Return)
    assert window.shown == ("tour", "")


def test_headings_have_the_heights_of_the_window_and_tables_its_lines(opened, qtbot):
    window = opened("help.metrics")
    heights = {}
    block = window.page.document().begin()
    while block.isValid():
        level = block.blockFormat().headingLevel()
        if level:
            heights.setdefault(level, _height(block))
        block = block.next()
    assert heights == {1: 20, 2: 15}


def _height(block) -> int:
    cursor = QTextCursor(block)
    cursor.movePosition(QTextCursor.MoveOperation.NextCharacter)
    return cursor.charFormat().font().pixelSize()


def test_pictures_arrive_and_are_no_wider_than_the_page(opened, qtbot):
    window = opened("help.tour")
    document = window.page.document()
    kind = QTextDocument.ResourceType.ImageResource.value

    def is_coloured() -> bool:
        picture = document.resource(kind, QUrl("network.png"))
        return len({picture.pixel(x, 400) for x in range(0, picture.width(), 9)}) > 5

    qtbot.waitUntil(is_coloured)
    assert document.size().width() <= window.page.viewport().width()


def test_pictures_are_read_once(bench, opened, qtbot, monkeypatch):
    window = opened("help.tour")
    qtbot.waitUntil(lambda: bool(window.page._pictures) and not window.page._reading)
    asked, submit = [], bench.studio.jobs.submit
    monkeypatch.setattr(
        bench.studio.jobs,
        "submit",
        lambda title, *a, **k: (asked.append(title), submit(title, *a, **k))[1],
    )
    bench.window.theme.choose("dark")
    qtbot.waitUntil(lambda: window.page.is_whole)
    bench.settle()
    bench.window.theme.choose("system")
    qtbot.waitUntil(lambda: window.page.is_whole)
    assert "Reading help" not in asked


def test_pages_are_read_beside_the_event_loop(bench, opened, monkeypatch):
    help_pages.places.cache_clear()
    help_pages.page_named.cache_clear()
    read, gate = [], threading.Event()

    def read_text(path, *args, **kwargs):
        is_main = threading.current_thread() is threading.main_thread()
        read.append((path.stem, is_main))
        assert is_main or gate.wait(30)
        return text_of(path, *args, **kwargs)

    text_of = Path.read_text
    monkeypatch.setattr(Path, "read_text", read_text)
    window = opened("help.tour")
    window.field.setText("dice")
    assert [name for name, is_main in read if is_main] == ["tour"], "the page that is shown"
    assert window.list.item(0).text() == "Reading the pages…"
    gate.set()
    bench.until(lambda: window.list.item(0).text() != "Reading the pages…")
    assert window.list.item(0).text().startswith("Dice")
    window.field.clear()
    assert window.list.count() == len(page_names()) + 2
    assert [name for name, is_main in read if is_main] == ["tour"]


def test_the_help_follows_the_theme_and_stays_where_it_was(bench, opened, qtbot):
    window = opened("help.metrics")
    window.page.verticalScrollBar().setValue(200)
    bench.window.theme.choose("dark")
    qtbot.waitUntil(lambda: window.page.is_whole)
    cursor = window.page.document().find("architecture.md")
    assert cursor.charFormat().foreground().color().name() == "#6ea8ff"  # the dark theme's accent
    assert window.page.verticalScrollBar().value() == 200
    bench.window.theme.choose("system")


def test_the_help_closes_with_the_window(make_window):
    bench = make_window()
    bench.window.commands.run("help.help")
    window = bench.window.findChild(HelpWindow)
    assert window.isVisible()
    bench.window.close()
    assert not window.isVisible()


# -- the pages themselves ----------------------------------------------------------------------


def test_every_link_and_picture_of_every_page_leads_somewhere():
    broken = []
    for name in page_names():
        text = docs_path(f"{name}.md").read_text(encoding="utf-8")
        for picture, link in re.findall(r"(!?)\[[^\]]*\]\(([^)]+)\)", text):
            if picture:
                there = docs_path(link).is_file()
            elif link.startswith("https://"):
                there = True
            else:
                target = target_of(link, name)
                there = target is not None and (
                    not target[1] or target[1] in {p.anchor for p in page_named(target[0]).places}
                )
            if not there:
                broken.append((name, link))
    assert broken == []


def test_the_pages_ship_with_the_package():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    shipped = project["tool"]["hatch"]["build"]["targets"]["wheel"]["force-include"]
    assert shipped["docs"] == "segstudio/docs"
    assert docs_path("metrics.md").is_file()


def test_places_are_headings_and_explained_words(monkeypatch, tmp_path):
    (tmp_path / "page.md").write_text(
        "# A page\n\nFirst words.\n\n## Its part: one\n\nSee [there](page.md).\n\n"
        "```\n# no heading\n```\n\n| word | also | meaning |\n| --- | --- | --- |\n"
        "| mean IoU | mIoU, Jaccard | the *mean* of `IoU` |\n\n| key | does |\n| --- | --- |\n"
        "| N | opens |\n",
        encoding="utf-8",
    )
    monkeypatch.setattr(help_pages, "docs_path", lambda *parts: tmp_path.joinpath(*parts))
    found = page_named("page").places
    help_pages.page_named.cache_clear()
    assert [(p.title, p.anchor, p.names, p.is_term) for p in found] == [
        ("A page", "", (), False),
        ("Its part: one", "its-part-one", (), False),
        ("Mean IoU", "term:mean-iou", ("mIoU", "Jaccard"), True),
    ]
    assert found[0].text == "First words."
    assert found[1].text.startswith("See there. word also meaning mean IoU")
    assert found[2].text == "mean IoU: the mean of IoU"


def test_a_search_wants_all_words_and_looks_at_beginnings_of_words():
    assert search("  ") == []
    assert all("bootstrap" in (h.place.text + h.place.title).lower() for h in search("bootstrap"))
    assert not any(h.place.title == "Surface" for h in search("urface"))
    first = search("bootstrap")[0]
    words = first.place.text.lower()
    assert "bootstrap" in words
    assert "bootstrap" in first.excerpt.lower()


_HELD = {"Space"}
"""Keys that are held on the canvas and are no shortcut."""


def test_the_tour_names_keys_and_commands_that_there_are():
    text = docs_path("tour.md").read_text(encoding="utf-8")
    keys = {QKeySequence(key).toString() for spec in all_actions() for key in spec.keys}
    named = set(re.findall(r"\*\*([^*]+)\*\*", text))
    assert len(named) > 20
    assert {key for key in named - _HELD if QKeySequence(key).toString() not in keys} == set()
    commands = {f"{spec.menu} > {spec.text.rstrip('…')}" for spec in all_actions()}
    chosen = set(re.findall(r"\*(\w+ > [^*]+)\*", text))
    assert chosen
    assert chosen - commands == set()
    assert len(re.findall(r"^## \d+\. ", text, re.MULTILINE)) == 10


def test_the_pages_tell_the_keys_that_tools_and_panels_have():
    """As "**Fill** (G)", "**Select (Z).**" or "*Region as polygon* (Shift+E)"."""
    keys = {spec.text.rstrip("…").lower(): set(spec.keys) for spec in all_actions()}
    told, wrong = 0, []
    for name in page_names():
        text = docs_path(f"{name}.md").read_text(encoding="utf-8")
        for title, key in re.findall(r"\*([\w ]+?)\*{0,2} \(((?:\w+\+)*[A-Z]\d*)[,).]", text):
            if title.lower() in keys:
                told += 1
                if key not in keys[title.lower()]:
                    wrong.append(f"{name}: {title} ({key})")
    assert told > 10
    assert wrong == []


def test_escape_in_the_search_ends_it_and_then_closes_the_help(opened, qtbot):
    """Plain keys belong to a text field that has the focus, so a shortcut alone would not do."""
    window = opened()
    window.activateWindow()
    window.field.setFocus()
    qtbot.waitUntil(window.field.hasFocus)
    qtbot.keyClicks(window.field, "crowd")
    qtbot.keyClick(window.field, Qt.Key.Key_Escape)
    assert window.field.text() == ""
    assert window.isVisible()
    qtbot.keyClick(window.field, Qt.Key.Key_Escape)
    assert not window.isVisible()
