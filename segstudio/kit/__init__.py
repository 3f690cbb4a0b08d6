"""Parts of Qt without a feature: actions, tables, charts, text, icons, theme, notices."""

from segstudio.kit.override_errors import guard_overrides

guard_overrides()  # before any class of the window is made
