"""Light and dark: one table of colours for both, following the system while the window is open."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from string import Template
from typing import Final

from PySide6.QtCore import QObject, Qt, Signal
from PySide6.QtGui import QColor, QFont, QFontDatabase, QFontInfo, QPalette
from PySide6.QtWidgets import QApplication

from segstudio.resources import resource_path

_ROLES = QPalette.ColorRole
_SCHEMES = {
    "system": Qt.ColorScheme.Unknown,
    "light": Qt.ColorScheme.Light,
    "dark": Qt.ColorScheme.Dark,
}


@dataclass(frozen=True)
class Tokens:
    """The colours of one theme, as "#rrggbb".

    Text keeps a contrast of 4.5 on panel, window and selected rows, the edges of controls keep 3
    (WCAG 2.2). The colours of data never follow the theme, so they are not here.

    Attributes:
        panel, window: Ground of lists, tables and fields; ground of bars and of what is between.
        text, text_2: What is read first; captions and what explains.
        accent, accent_hover, on_accent: Links, focus and what is switched on; text on it.
        selected, hover, pressed: Grounds of rows and buttons.
        edge, line: Around controls; between regions.
        good, warn, bad: Signs and words of success, doubt and failure.
        bar, track: Small bars in tables and what they run on.
        disabled: What can't be used now.
        canvas: Around the picture.
        doubt, on_doubt: Ground and text of a warning; text keeps 7 there.
        failure, on_failure: Ground and text of an error; the same.
    """

    panel: str
    window: str
    text: str
    text_2: str
    accent: str
    accent_hover: str
    on_accent: str
    selected: str
    hover: str
    pressed: str
    edge: str
    line: str
    good: str
    warn: str
    bad: str
    bar: str
    track: str
    disabled: str
    canvas: str
    doubt: str
    on_doubt: str
    failure: str
    on_failure: str


LIGHT: Final = Tokens(
    panel="#ffffff", window="#f3f4f6", text="#1b1f24", text_2="#57606a",
    accent="#1f5fc4", accent_hover="#1a52aa", on_accent="#ffffff",
    selected="#dce8fb", hover="#e9ebef", pressed="#dde1e7", edge="#7c848e", line="#d5d9df",
    good="#086b4a", warn="#8a5a00", bad="#b3261e", bar="#5e7fb5", track="#e3e6ea",
    disabled="#9aa2ab", canvas="#3b3e43",
    doubt="#fff6dd", on_doubt="#5a4200", failure="#fdeae8", on_failure="#5c1410",
)  # fmt: skip
DARK: Final = Tokens(
    panel="#1b1d21", window="#25282d", text="#e6e8eb", text_2="#a4acb6",
    accent="#6ea8ff", accent_hover="#8bb9ff", on_accent="#0c1a30",
    selected="#253b5e", hover="#32363d", pressed="#3c4149", edge="#7d8590", line="#3a3f46",
    good="#4cc38a", warn="#e3b341", bad="#ff7b72", bar="#7fa6e6", track="#3a3f46",
    disabled="#666d76", canvas="#101114",
    doubt="#3a3115", on_doubt="#f2dc9b", failure="#4a2220", on_failure="#ffd9d5",
)  # fmt: skip


@dataclass(frozen=True)
class PictureTokens:
    """The colours of what stands on a picture, the same in both themes.

    Attributes:
        ground: Behind the words, as dense as `density` (0..1) says.
        text, text_2: What is read first, and what explains; 4.5 over a white picture.
        accent: The active view, and focus.
        best: The star of the best view.
        hover: Behind what can be clicked on.
    """

    ground: str = "#101114"
    density: float = 0.78
    text: str = "#f2f3f5"
    text_2: str = "#b9bfc7"
    accent: str = DARK.accent
    best: str = DARK.warn
    hover: str = DARK.pressed


ON_PICTURE: Final = PictureTokens()

TEXT_PX: Final = 13
"""Height of the usual text; captions and view headers have one pixel less."""


def tokens_of(palette: QPalette) -> Tokens:
    """The colours that belong to a palette."""
    return DARK if is_dark(palette) else LIGHT


def canvas_ground(palette: QPalette) -> int:
    """The colour around a picture, 0xAARRGGBB."""
    return QColor(tokens_of(palette).canvas).rgba()


def palette_of(dark: bool) -> QPalette:
    """The palette of one theme, all three groups set."""
    tokens = DARK if dark else LIGHT
    palette = QPalette()
    colors = {
        _ROLES.Window: tokens.window,
        _ROLES.WindowText: tokens.text,
        _ROLES.Base: tokens.panel,
        _ROLES.AlternateBase: tokens.window,
        _ROLES.Text: tokens.text,
        _ROLES.Button: tokens.panel,
        _ROLES.ButtonText: tokens.text,
        _ROLES.BrightText: tokens.on_accent,
        _ROLES.ToolTipBase: tokens.panel,
        _ROLES.ToolTipText: tokens.text,
        _ROLES.PlaceholderText: tokens.text_2,
        _ROLES.Highlight: tokens.selected,
        _ROLES.HighlightedText: tokens.text,
        _ROLES.Accent: tokens.accent,
        _ROLES.Link: tokens.accent,
        _ROLES.Light: tokens.panel,
        _ROLES.Midlight: tokens.hover,
        _ROLES.Mid: tokens.line,
        _ROLES.Dark: tokens.edge,
        _ROLES.Shadow: tokens.edge,
    }
    for role, color in colors.items():
        palette.setColor(role, QColor(color))
    for role in (_ROLES.WindowText, _ROLES.Text, _ROLES.ButtonText, _ROLES.HighlightedText):
        palette.setColor(QPalette.ColorGroup.Disabled, role, QColor(tokens.disabled))
    palette.setColor(QPalette.ColorGroup.Disabled, _ROLES.Accent, QColor(tokens.disabled))
    palette.setColor(QPalette.ColorGroup.Disabled, _ROLES.Highlight, QColor(tokens.pressed))
    return palette


def is_dark(palette: QPalette) -> bool:
    """Whether a palette has light text on dark ground."""
    return palette.color(_ROLES.Window).lightness() < palette.color(_ROLES.WindowText).lightness()


def style_of(dark: bool, text_px: int = TEXT_PX) -> str:
    """The style sheet of one theme; captions are a pixel lower than the text."""
    source = Template(resource_path("style", "window.qss").read_text(encoding="utf-8"))
    shade = "dark" if dark else "light"
    files = {"tick": "tick", "arrow_down": "arrow-down", "arrow_up": "arrow-up"}
    # a style sheet cannot recolour icons
    paths = {k: resource_path("icons", f"{v}-{shade}.svg").as_posix() for k, v in files.items()}
    colours = asdict(DARK if dark else LIGHT)
    return source.substitute(colours, caption_px=text_px - 1, **paths)


def _system_font() -> QFont:
    return QFontDatabase.systemFont(QFontDatabase.SystemFont.GeneralFont)


def choose_font(app: QApplication) -> None:
    """Take the system's font, or Inter where there is only DejaVu; figures of equal width.

    A system whose text is larger than `TEXT_PX` keeps its size.
    """
    font = _system_font()
    found = QFontInfo(font)
    if found.family().startswith("DejaVu"):
        for weight in ("Regular", "SemiBold"):
            QFontDatabase.addApplicationFont(str(resource_path("fonts", f"Inter-{weight}.otf")))
        font.setFamilies(["Inter", found.family()])
    font.setPixelSize(max(TEXT_PX, found.pixelSize()))
    font.setFeature(QFont.Tag("tnum"), 1)
    font.setFeature(QFont.Tag("calt"), 0)  # else the file x->y.png is shown with an arrow
    app.setFont(font)


class Theme(QObject):
    """Keeps the application's font and colours as the setting or the system wants them.

    Signals:
        changed: Light became dark or the other way round.
    """

    changed = Signal()

    def __init__(self, app: QApplication) -> None:
        super().__init__(app)
        self._app = app
        self._dark: bool | None = None
        self._hints = app.styleHints()
        self._hints.colorSchemeChanged.connect(self._apply)
        self._choice = "system"
        self._system = _system_font()
        choose_font(app)
        app.applicationStateChanged.connect(self._look_at_font)
        app.fontDatabaseChanged.connect(self._look_at_font)
        self._apply()

    def choose(self, choice: str) -> None:
        """Follow "system", or stay "light" or "dark"."""
        self._choice = choice
        self._hints.setColorScheme(_SCHEMES.get(choice, Qt.ColorScheme.Unknown))
        self._apply()

    def _apply(self) -> None:
        if self._choice in ("light", "dark"):
            dark = self._choice == "dark"
        else:
            dark = self._hints.colorScheme() == Qt.ColorScheme.Dark
        if dark == self._dark:
            return
        self._paint_with(dark)

    def _look_at_font(self) -> None:
        """Take the system's font anew if it is another: it is changed in another program's window.

        Qt tells of that on some systems only, and not at all once a program has set a font.
        """
        system = _system_font()
        if system == self._system:
            return
        self._system = system
        choose_font(self._app)
        if self._dark is not None:
            self._paint_with(self._dark)  # captions grow with the text

    def _paint_with(self, dark: bool) -> None:
        self._dark = dark
        self._app.setPalette(palette_of(dark))
        self._app.setStyleSheet(style_of(dark, self._app.font().pixelSize()))
        self.changed.emit()
