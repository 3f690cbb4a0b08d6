"""Which network answers points and boxes: a menu of the weights that are here and can be had."""

from __future__ import annotations

from functools import partial

from PySide6.QtGui import QCursor
from PySide6.QtWidgets import QMenu, QToolButton

from segstudio.annotation.prompting import choices_text
from segstudio.kit.actions import Context
from segstudio.kit.plain import plain

_MENU = "Weights of Point and box"


def show_prompt_menu(context: Context) -> None:
    """Show it below the button of the bar, or at the pointer."""
    menu = prompt_menu(context)
    bar = context.window.options
    action = context.window.commands["prompt.weights"]
    buttons = [b for b in bar.findChildren(QToolButton) if b.defaultAction() is action]
    shown = next((b for b in buttons if b.isVisible()), None)
    below = QCursor.pos() if shown is None else shown.mapToGlobal(shown.rect().bottomLeft())
    menu.popup(below)


def prompt_menu(context: Context) -> QMenu:
    """Make it: networks that are here, opening others, published ones, and the list's keeping."""
    studio, session = context.studio, context.session
    prompting = studio.prompting
    menu = QMenu(context.window)
    menu.setAccessibleName(_MENU)
    menu.setToolTipsVisible(True)
    menu.aboutToHide.connect(menu.deleteLater)
    here = session.model.available
    asked = prompting.chosen
    known = [spec for spec in session.prompters.values() if spec.id in here]
    for spec in known:
        entry = menu.addAction(spec.title.replace("&", "&&"), partial(prompting.choose, spec.id))
        entry.setCheckable(True)
        entry.setChecked(asked is not None and spec.id == asked.id)
        entry.setToolTip(plain(spec.description))
    if known:
        menu.addSeparator()
    if session.prompting.progress == "stopped":
        menu.addAction("Prepare this image again", prompting.again)
    opened = menu.addAction(
        "Open weights of SAM or SAM 2.1…", partial(context.verbs.runs.manage, "open")
    )
    opened.setToolTip(
        plain("A published .pth or .pt file, or model.safetensors of a folder of Hugging Face")
    )
    fetched = [s for s in session.prompters.values() if s.id not in here and not s.own_file]
    for spec in fetched:
        text = f"Download {choices_text(spec)}"
        entry = menu.addAction(text, partial(_fetch, context, spec.id))
        entry.setToolTip(
            plain(f"{spec.description} From {spec.weights.url if spec.weights else ''}")
        )
    own = asked is not None and studio.own_weights.entry(asked.id) is not None
    if asked is not None and own:
        menu.addSeparator()
        menu.addAction(f"Take {asked.title} off the list", partial(_take_off, context, asked.id))
    return menu


def _fetch(context: Context, model_id: str) -> None:
    context.studio.prompting.choose(model_id)
    context.studio.downloads.start(model_id)


def _take_off(context: Context, model_id: str) -> None:
    """Take weights off the list; a button in the notice brings them back."""
    studio = context.studio
    title = context.session.prompters[model_id].title
    bring_back = studio.own_weights.remove(model_id)
    studio.notices.info(
        f"{title} was taken off the list; its file stays.", action=("Undo", bring_back)
    )
