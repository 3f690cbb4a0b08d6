"""The commands about images: going from one to the next, their marks and files."""

from __future__ import annotations

from segstudio.kit.actions import ActionSpec, Context, Scope, has_document, has_project
from segstudio.kit.frame_names import IMAGE, VIEW
from segstudio.kit.layer_names import SCALE_BAR, SCALE_BAR_TIP


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


def _ask_pixel_size(c: Context) -> None:
    from segstudio.folder.ui.pixel_size_dialog import PixelSizeDialog

    document = c.session.document
    if document is not None:
        PixelSizeDialog(c.session, document, c.window).open()


def _flip_scale_bar(c: Context) -> None:
    """Show the scale bar or hide it; where nobody knows how long it is, that is asked."""
    document, view = c.session.document, c.session.view
    if document is not None and document.pixel_size(view.pixel_sizes) is None:
        c.session.set_view(scale_bar=True)
        _ask_pixel_size(c)
    else:
        c.session.set_view(scale_bar=not view.scale_bar)


def _has_scale_bar(c: Context) -> bool:
    document, view = c.session.document, c.session.view
    is_known = document is not None and document.pixel_size(view.pixel_sizes) is not None
    return view.scale_bar and is_known


PIXEL_SIZE_ACTION = ActionSpec(
    "image.pixel_size", IMAGE, "Size of a pixel…", _ask_pixel_size, "scan",
    enabled=has_document, section=3,
    tip="In micrometres or another unit, for this image or the folder: areas and lengths follow",
)  # fmt: skip
SCALE_BAR_ACTION = ActionSpec(
    "view.scale_bar", VIEW, SCALE_BAR, _flip_scale_bar, keys=("Ctrl+Shift+M",),
    enabled=has_document, checked=_has_scale_bar, section=2, tip=SCALE_BAR_TIP,
)  # fmt: skip
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
    PIXEL_SIZE_ACTION,
)  # fmt: skip
"""Rows of the Image menu."""
