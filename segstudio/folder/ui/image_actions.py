"""The commands about images: going from one to the next, their marks and files."""

from __future__ import annotations

from segstudio.kit.actions import ActionSpec, Context, Scope, has_document, has_project
from segstudio.kit.frame_names import IMAGE


def _has_pages(c: Context) -> bool:
    return c.studio.browsing.pages > 1


def _has_channels(c: Context) -> bool:
    document = c.session.document
    return document is not None and document.picture is not None and document.picture.has_choice


def _next_channel(c: Context) -> None:
    from segstudio.storage.picture import COMPOSITE  # NumPy: not before the window is there

    document = c.session.document
    if document is not None and document.picture is not None:
        following = document.channel + 1
        last = following >= len(document.picture.names)
        c.studio.browsing.show_channel(COMPOSITE if last else following)


IMAGE_ACTIONS = (
    ActionSpec("image.next", IMAGE, "Next image", lambda c: c.studio.browsing.step(1),
               "chevron-right", ("D", "PgDown"), enabled=has_project, repeats=True),
    ActionSpec("image.previous", IMAGE, "Previous image", lambda c: c.studio.browsing.step(-1),
               "chevron-left", ("A", "PgUp"), enabled=has_project, repeats=True),
    ActionSpec("image.next_canvas", IMAGE, "Next image (arrow key)",
               lambda c: c.studio.browsing.step(1), "chevron-right", ("Right",), Scope.CANVAS,
               enabled=has_project, repeats=True, in_menu=False),
    ActionSpec("image.previous_canvas", IMAGE, "Previous image (arrow key)",
               lambda c: c.studio.browsing.step(-1), "chevron-left", ("Left",), Scope.CANVAS,
               enabled=has_project, repeats=True, in_menu=False),
    ActionSpec("image.next_page", IMAGE, "Next page", lambda c: c.studio.browsing.step_page(1),
               "chevron-right", ("Ctrl+PgDown",), enabled=_has_pages, repeats=True, section=1,
               tip="Of a stack; each page has its own annotation"),
    ActionSpec("image.previous_page", IMAGE, "Previous page",
               lambda c: c.studio.browsing.step_page(-1), "chevron-left", ("Ctrl+PgUp",),
               enabled=_has_pages, repeats=True, section=1,
               tip="Of a stack; each page has its own annotation"),
    ActionSpec("image.next_page_canvas", IMAGE, "Next page (arrow key)",
               lambda c: c.studio.browsing.step_page(1), "chevron-right", ("Down",), Scope.CANVAS,
               enabled=_has_pages, repeats=True, in_menu=False),
    ActionSpec("image.previous_page_canvas", IMAGE, "Previous page (arrow key)",
               lambda c: c.studio.browsing.step_page(-1), "chevron-left", ("Up",), Scope.CANVAS,
               enabled=_has_pages, repeats=True, in_menu=False),
    ActionSpec("image.next_channel", IMAGE, "Next channel", _next_channel,
               enabled=_has_channels, section=1,
               tip="Each channel alone, then all together; models get all together"),
    ActionSpec("image.next_unreviewed", IMAGE, "Next image not done",
               lambda c: c.studio.browsing.step_unreviewed(1), "chevrons-right",
               ("Ctrl+Shift+D",), enabled=has_project, section=2),
    ActionSpec("image.previous_unreviewed", IMAGE, "Previous image not done",
               lambda c: c.studio.browsing.step_unreviewed(-1), "chevrons-left",
               ("Ctrl+Shift+A",), enabled=has_project, section=2),
    ActionSpec("image.reviewed", IMAGE, "Done", lambda c: c.studio.browsing.toggle_reviewed(),
               "circle-check", ("K", "Ctrl+Alt+K"), enabled=has_document,
               checked=lambda c: c.session.state(c.session.index).reviewed,
               tip="Mark this image as looked through; it is not flagged any more", section=2),
    ActionSpec("image.flagged", IMAGE, "Flagged", lambda c: c.studio.browsing.toggle_flagged(),
               "flag", ("Ctrl+Shift+K",), enabled=has_document,
               checked=lambda c: c.session.state(c.session.index).flagged,
               tip="Mark this image as one to come back to; it is not done any more", section=2),
    ActionSpec("image.note", IMAGE, "Note on the image", lambda c: c.verbs.write_note(),
               "file-text", ("Ctrl+Shift+N",), enabled=has_document, section=2,
               tip="A line for yourself and others; the list shows it, and it can be searched"),
    ActionSpec("image.find", IMAGE, "Find images", lambda c: c.verbs.find_image(),
               "search", ("Ctrl+F",), enabled=has_project, section=3,
               tip="By a part of the name, their state, classes, objects, score or note"),
    ActionSpec("image.copy_name", IMAGE, "Copy name of the image", lambda c: c.verbs.copy_name(),
               enabled=has_document, section=3),
    ActionSpec("image.copy_path", IMAGE, "Copy path of the image", lambda c: c.verbs.copy_path(),
               "copy", enabled=has_document, section=3),
    ActionSpec("image.show_file", IMAGE, "Show in file manager", lambda c: c.verbs.show_file(),
               "folder", enabled=has_document, section=3,
               tip="Open the folder that the image lies in"),
)  # fmt: skip
"""Rows of the Image menu."""
