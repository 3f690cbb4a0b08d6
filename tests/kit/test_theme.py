"""The colours of both themes: contrast in numbers, and one table for all."""

from __future__ import annotations

from dataclasses import fields

import pytest
from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QColor, QFont, QFontDatabase, QFontInfo, QPalette, QTextLayout
from PySide6.QtWidgets import QApplication, QComboBox, QHBoxLayout, QLabel, QLineEdit, QWidget

from segstudio.kit.icons import icon
from segstudio.kit.theme import (
    DARK,
    LIGHT,
    ON_PICTURE,
    TEXT_PX,
    Theme,
    choose_font,
    palette_of,
    style_of,
    tokens_of,
)

_THEMES = {"light": LIGHT, "dark": DARK}


def contrast(one: str, other: str) -> float:
    """WCAG 2.2, from the relative luminances of two colours in sRGB."""
    shades = []
    for color in (one, other):
        parts = [int(color[i : i + 2], 16) / 255 for i in (1, 3, 5)]
        linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
        shades.append(0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2] + 0.05)
    return max(shades) / min(shades)


def test_contrast_is_that_of_the_standard():
    assert contrast("#ffffff", "#000000") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.01)


# panel, window and selected row, as the specification of the window states them
_STATED = [
    ("light", "text", 16.6, 15.0, 13.4), ("dark", "text", 13.7, 12.0, 9.2),
    ("light", "text_2", 6.4, 5.8, 5.2), ("dark", "text_2", 7.4, 6.4, 4.9),
    ("light", "accent", 6.0, 5.5, 4.9), ("dark", "accent", 7.0, 6.1, 4.7),
    ("light", "good", 6.5, 5.9, 5.3), ("dark", "good", 7.6, 6.7, 5.1),
    ("light", "warn", 5.9, 5.4, 4.8), ("dark", "warn", 8.7, 7.6, 5.8),
    ("light", "bad", 6.5, 5.9, 5.3), ("dark", "bad", 6.7, 5.9, 4.5),
]  # fmt: skip


@pytest.mark.parametrize(("theme", "ink", "panel", "window", "selected"), _STATED)
def test_text_keeps_its_contrast_on_each_ground(theme, ink, panel, window, selected):
    tokens = _THEMES[theme]
    for ground, stated in (("panel", panel), ("window", window), ("selected", selected)):
        ratio = contrast(getattr(tokens, ink), getattr(tokens, ground))
        assert ratio >= 4.45, ground
        assert ratio == pytest.approx(stated, abs=0.15), ground


@pytest.mark.parametrize("theme", _THEMES)
def test_edges_of_controls_keep_three_and_texts_on_colours_are_legible(theme):
    tokens = _THEMES[theme]
    for ground in (tokens.panel, tokens.window, tokens.selected):
        assert contrast(tokens.edge, ground) >= 2.99
    assert contrast(tokens.bar, tokens.track) >= 3
    for ink, ground in (
        (tokens.on_accent, tokens.accent), (tokens.on_accent, tokens.accent_hover),
        (tokens.text, tokens.hover), (tokens.text, tokens.pressed),
    ):  # fmt: skip
        assert contrast(ink, ground) >= 4.5
    for ink, ground in ((tokens.on_doubt, tokens.doubt), (tokens.on_failure, tokens.failure)):
        assert contrast(ink, ground) >= 7


def test_words_on_a_picture_are_legible_over_white_and_black_ones():
    ground = [int(ON_PICTURE.ground[i : i + 2], 16) for i in (1, 3, 5)]
    for photo, text, text_2 in ((255, 8.6, 5.2), (0, 15.0, 9.0)):
        seen = [ON_PICTURE.density * g + (1 - ON_PICTURE.density) * photo for g in ground]
        over = "#" + "".join(f"{round(part):02x}" for part in seen)
        assert contrast(ON_PICTURE.text, over) >= text - 0.1
        assert contrast(ON_PICTURE.text_2, over) >= text_2 - 0.1
        assert contrast(ON_PICTURE.accent, over) >= 3
        assert contrast(ON_PICTURE.best, over) >= 3
    assert contrast(ON_PICTURE.text, ON_PICTURE.hover) >= 4.5
    assert contrast(ON_PICTURE.text_2, ON_PICTURE.hover) >= 4.5


@pytest.mark.parametrize("dark", [False, True])
def test_the_palette_and_the_style_sheet_are_of_one_table(dark):
    tokens, palette = _THEMES["dark" if dark else "light"], palette_of(dark)
    assert tokens_of(palette) is tokens
    roles = QPalette.ColorRole
    for role, name in (
        (roles.Window, tokens.window), (roles.Base, tokens.panel), (roles.Text, tokens.text),
        (roles.Highlight, tokens.selected), (roles.HighlightedText, tokens.text),
        (roles.Accent, tokens.accent), (roles.Link, tokens.accent),
        (roles.PlaceholderText, tokens.text_2),
    ):  # fmt: skip
        assert palette.color(role).name() == name
    sheet = style_of(dark)
    assert "$" not in sheet
    others = {getattr(DARK if not dark else LIGHT, f.name) for f in fields(tokens)}
    others -= {getattr(tokens, f.name) for f in fields(tokens)}
    assert not [name for name in others if name in sheet]


def test_text_has_figures_of_one_width_and_no_less_than_thirteen_pixels(qapp):
    before = qapp.font()
    try:
        choose_font(qapp)
        label = QLabel("111")
        assert label.font().pixelSize() >= TEXT_PX
        metrics = label.fontMetrics()
        assert metrics.horizontalAdvance("111.1") == metrics.horizontalAdvance("888.8")
        system = QFontDatabase.systemFont(QFontDatabase.SystemFont.GeneralFont)
        if QFontInfo(system).family().startswith("DejaVu"):
            assert QFontInfo(label.font()).family() == "Inter"
        else:
            assert QFontInfo(label.font()).family() == QFontInfo(system).family()
    finally:
        qapp.setFont(before)


@pytest.mark.parametrize("name", ["x->y", "x<-y", "a-->b", "<=>", "1x2", "a:b"])
def test_names_are_shown_with_the_letters_that_they_have(qapp, name):
    """Inter draws arrows for some pairs of signs, which a file with an arrow in its name has too."""
    before = qapp.font()
    try:
        choose_font(qapp)
        assert _glyphs(name) == [glyph for letter in name for glyph in _glyphs(letter)]
    finally:
        qapp.setFont(before)


def _glyphs(text: str) -> list[int]:
    layout = QTextLayout(text, QLabel().font())
    layout.beginLayout()
    layout.createLine()
    layout.endLayout()
    return [glyph for run in layout.glyphRuns() for glyph in run.glyphIndexes()]


def test_a_larger_font_of_the_system_is_taken_while_the_program_runs(qapp, monkeypatch):
    theme = qapp.findChild(Theme) or Theme(qapp)
    before, sheet = qapp.font(), qapp.styleSheet()
    label, caption = QLabel("text"), QLabel("caption")
    caption.setProperty("caption", True)
    larger = QFont(QFontDatabase.systemFont(QFontDatabase.SystemFont.GeneralFont))
    larger.setPixelSize(19)
    try:
        monkeypatch.setattr(QFontDatabase, "systemFont", lambda _kind: larger)
        qapp.applicationStateChanged.emit(Qt.ApplicationState.ApplicationActive)
        for widget in (label, caption):
            widget.ensurePolished()
        assert label.fontInfo().pixelSize() == 19
        assert caption.fontInfo().pixelSize() == 18
    finally:
        monkeypatch.undo()
        qapp.applicationStateChanged.emit(Qt.ApplicationState.ApplicationActive)
        assert theme is not None
        qapp.setFont(before)
        qapp.setStyleSheet(sheet)


def test_an_icon_that_is_switched_on_has_the_accent(qapp):
    before = QApplication.palette()
    try:
        qapp.setPalette(palette_of(False))
        picture = icon("square")
        inks = {}
        for state in (picture.State.Off, picture.State.On):
            image = picture.pixmap(24, 24, picture.Mode.Normal, state).toImage()
            inks[state] = max(
                (image.pixelColor(x, y) for x in range(24) for y in range(24)),
                key=QColor.alpha,
            ).name()
        assert inks == {picture.State.Off: LIGHT.text, picture.State.On: LIGHT.accent}
    finally:
        qapp.setPalette(before)


@pytest.mark.parametrize(("ratio", "pixels"), [(1.0, 16), (1.25, 20), (1.5, 24), (2.0, 32)])
def test_icons_are_drawn_in_the_pixels_of_the_screen(qapp, ratio, pixels):
    drawn = icon("square").pixmap(QSize(16, 16), ratio)
    assert (drawn.width(), drawn.devicePixelRatio()) == (pixels, ratio)
    image = drawn.toImage()
    # the square's right edge is at 21 of 24, wherever the picture is large
    ink = [x for x in range(pixels) if image.pixelColor(x, pixels // 2).alpha() > 60]
    assert max(ink) / pixels == pytest.approx(21 / 24, abs=1 / pixels)


@pytest.mark.parametrize("entries", [2, 4, 9])
def test_the_list_of_a_chooser_with_the_focus_shows_each_entry_whole(qtbot, entries):
    """Style sheets lengthen the list by the padding of the chooser, and cut it otherwise."""
    frame = QWidget()
    qtbot.addWidget(frame)
    frame.setStyleSheet(style_of(False))
    chooser, other = QComboBox(), QLineEdit()
    chooser.addItems([f"entry {number}" for number in range(entries)])
    row = QHBoxLayout(frame)
    row.addWidget(chooser)
    row.addWidget(other)
    frame.show()
    other.setFocus()
    qtbot.waitUntil(other.hasFocus)
    height = chooser.height()
    chooser.setFocus()
    qtbot.waitUntil(chooser.hasFocus)
    assert chooser.height() == height
    chooser.showPopup()
    view = chooser.view()
    qtbot.waitUntil(view.isVisible)
    last = view.visualRect(view.model().index(entries - 1, 0))
    assert last.height() > 10
    assert last.bottom() <= view.viewport().rect().bottom()
    chooser.hidePopup()
