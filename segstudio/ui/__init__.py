"""The window: the only package that imports Qt.

Panels read `session` when it says `changed` and write by calling verbs of `app`; they know neither
each other nor the window. Nothing here reads files of images, runs networks or starts threads.
May import: app, session, core, jobs' values, storage's values (settings), PySide6, pyqtgraph.
What the first painted window needs (application, dispatch, main_window, actions, icons, theme)
imports Qt and the standard library only; the rest is imported in the first turn after it.
"""

from segstudio.ui.override_errors import guard_overrides

guard_overrides()  # before any class of the window is made
