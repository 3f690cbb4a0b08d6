"""Light and dark: the window's colours, following the system while it runs."""

from __future__ import annotations

from PySide6.QtCore import QObject, Qt, Signal
from PySide6.QtGui import QColor, QPalette
from PySide6.QtWidgets import QApplication

from segstudio.resources import resource_path

_ROLES = QPalette.ColorRole
_LIGHT = {
    _ROLES.Window: "#f3f4f6",
    _ROLES.WindowText: "#1f2328",
    _ROLES.Base: "#ffffff",
    _ROLES.AlternateBase: "#f6f7f9",
    _ROLES.Text: "#1f2328",
    _ROLES.Button: "#f3f4f6",
    _ROLES.ButtonText: "#1f2328",
    _ROLES.BrightText: "#ffffff",
    _ROLES.ToolTipBase: "#ffffff",
    _ROLES.ToolTipText: "#1f2328",
    _ROLES.PlaceholderText: "#57606a",
    _ROLES.Highlight: "#2563c9",
    _ROLES.HighlightedText: "#ffffff",
    _ROLES.Accent: "#2563c9",
    _ROLES.Link: "#2563c9",
    _ROLES.Light: "#ffffff",
    _ROLES.Midlight: "#e6e8eb",
    _ROLES.Mid: "#c4c8ce",
    _ROLES.Dark: "#9aa1a9",
    _ROLES.Shadow: "#6b7279",
}
_DARK = {
    _ROLES.Window: "#2b2e34",
    _ROLES.WindowText: "#e4e6e9",
    _ROLES.Base: "#191b1e",
    _ROLES.AlternateBase: "#1e2024",
    _ROLES.Text: "#e4e6e9",
    _ROLES.Button: "#363a41",
    _ROLES.ButtonText: "#e4e6e9",
    _ROLES.BrightText: "#ffffff",
    _ROLES.ToolTipBase: "#33373d",
    _ROLES.ToolTipText: "#e4e6e9",
    _ROLES.PlaceholderText: "#a4acb6",
    _ROLES.Highlight: "#326fcf",
    _ROLES.HighlightedText: "#ffffff",
    _ROLES.Accent: "#5b96f0",
    _ROLES.Link: "#7fb0ff",
    _ROLES.Light: "#454a52",
    _ROLES.Midlight: "#383c43",
    _ROLES.Mid: "#454a53",
    _ROLES.Dark: "#15171a",
    _ROLES.Shadow: "#0b0c0e",
}
_DISABLED = (_ROLES.WindowText, _ROLES.Text, _ROLES.ButtonText, _ROLES.HighlightedText)
_SCHEMES = {
    "system": Qt.ColorScheme.Unknown,
    "light": Qt.ColorScheme.Light,
    "dark": Qt.ColorScheme.Dark,
}
_STYLE = """
QToolBar {{ border: none; padding: 3px; spacing: 3px; }}
QToolBar::separator {{ background: {line}; width: 1px; height: 1px; margin: 4px; }}
QMainWindow::separator {{ background: {line}; width: 1px; height: 1px; }}
QMainWindow::separator:hover {{ background: {accent}; }}
QDockWidget {{ font-weight: 600; titlebar-close-icon: url({close}); titlebar-normal-icon: url({float}); }}
QDockWidget::close-button, QDockWidget::float-button {{ icon-size: 13px; border: none; }}
QDockWidget::close-button:hover, QDockWidget::float-button:hover {{ background: {line}; }}
QDockWidget::title {{ padding: 6px 8px; background: {window}; }}
QStatusBar::item {{ border: none; }}
QToolTip {{ padding: 4px; }}
QDialogButtonBox {{ dialogbuttonbox-buttons-have-icons: 0; }}
QCheckBox::indicator:unchecked, QListWidget::indicator:unchecked {{ width: 11px; height: 11px;
    background: {base}; border: 1px solid {faint}; border-radius: 2px; }}
QRadioButton::indicator:unchecked {{ width: 11px; height: 11px;
    background: {base}; border: 1px solid {faint}; border-radius: 6px; }}
QMessageBox {{ dialogbuttonbox-buttons-have-icons: 0; }}
"""


def _dock_icon(name: str, dark: bool) -> str:
    """The path of a dock's button, for the style sheet, which cannot recolour icons."""
    shade = "dark" if dark else "light"
    return resource_path("icons", f"dock-{name}-{shade}.svg").as_posix()


def palette_of(dark: bool) -> QPalette:
    """The palette of one theme, all three groups set."""
    palette = QPalette()
    for role, color in (_DARK if dark else _LIGHT).items():
        palette.setColor(role, QColor(color))
    faint = QColor("#6c737b" if dark else "#9aa1a9")
    for role in _DISABLED:
        palette.setColor(QPalette.ColorGroup.Disabled, role, faint)
    palette.setColor(
        QPalette.ColorGroup.Disabled, _ROLES.Highlight, QColor("#3a3f46" if dark else "#c4c8ce")
    )
    return palette


def is_dark(palette: QPalette) -> bool:
    """Whether a palette has light text on dark ground."""
    return palette.color(_ROLES.Window).lightness() < palette.color(_ROLES.WindowText).lightness()


class Theme(QObject):
    """Keeps the application's palette as the setting or the system wants it.

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
        self._dark = dark
        palette = palette_of(dark)
        self._app.setPalette(palette)
        self._app.setStyleSheet(
            _STYLE.format(
                line=palette.color(_ROLES.Mid).name(),
                accent=palette.color(_ROLES.Accent).name(),
                close=_dock_icon("close", dark),
                float=_dock_icon("float", dark),
                base=palette.color(_ROLES.Base).name(),
                faint=palette.color(_ROLES.PlaceholderText).name(),
                window=palette.color(_ROLES.Window).name(),
            )
        )
        self.changed.emit()
