"""What actions ask of the window: dialogs, panels, closing."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QCoreApplication, QRect, QRectF, Qt, QTimer, QUrl
from PySide6.QtGui import QContextMenuEvent, QDesktopServices, QGuiApplication, QKeySequence
from PySide6.QtWidgets import QApplication, QFileDialog, QMessageBox

from segstudio.annotation.autosave import UnsavedChoice
from segstudio.core.labels import Image
from segstudio.core.text import listed
from segstudio.evaluation.ui.export_dialogs import EvaluationExportDialogs
from segstudio.inspection.ui.network_export import NetworkExport
from segstudio.kit.actions import Keymap
from segstudio.kit.dialog import clicked_button
from segstudio.kit.plain import in_menu, plain_box
from segstudio.runs.ui.run_commands import RunCommands
from segstudio.session.document import Document
from segstudio.storage.image_ref import ImageRef
from segstudio.storage.journal import Recovered
from segstudio.studio import Studio
from segstudio.window.keymaps import PRESETS

if TYPE_CHECKING:
    from segstudio.window.main_window import MainWindow

_END_MS = 5000
"""So long the program waits for its last save when the system ends it."""
_ASK_FROM = 20
"""Running on more images than this is asked for first."""


class WindowCommands:
    """What the actions and the parts of the main window ask of it."""

    def __init__(self, window: MainWindow, studio: Studio) -> None:
        self._window = window
        self._studio = studio
        self.network_export = NetworkExport(
            window, studio.session, studio.preferences, studio.inspection_export
        )
        self.evaluation_export = EvaluationExportDialogs(
            window, studio.session, studio.preferences, studio.evaluation_report
        )
        self.runs = RunCommands(
            window,
            studio.session,
            studio.named_runs,
            studio.segmenting,
            studio.own_weights,
            studio.previewing,
            studio.downloads,
            studio.jobs,
            studio.notices,
        )
        self._closing = False
        """Whether the window is closed once the saves that were begun have ended."""
        self._leaving = False
        """Whether it is closed whatever is unsaved."""
        self._polygons_may_go = self._training_may_go = False
        self._question: QMessageBox | None = None
        studio.autosave.ask_unsaved = self.ask_unsaved
        studio.autosave.choose_folder = self._choose_elsewhere
        studio.class_mappings.ask_mapping = self.map_classes

    # -- opening -------------------------------------------------------------------------------

    def open_folder(self) -> None:
        """Ask for a folder and open it."""
        recent = self._studio.settings.recent
        start = str(Path(recent[0]).parent) if recent else str(Path.home())
        folder = QFileDialog.getExistingDirectory(self._window, "Open folder of images", start)
        if folder:
            self._studio.browsing.open_path(Path(folder))

    def choose_truth(self) -> None:
        """Ask where the ground truth lies and how its files are called."""
        project = self._studio.session.project
        if project is not None:
            from segstudio.folder.ui.truth_dialog import TruthDialog

            dialog = TruthDialog(project, self._studio.browsing, self._window)
            dialog.chosen.connect(self._studio.browsing.choose_masks)
            dialog.open()

    def read_masks(self) -> None:
        """Ask what the values of the masks are."""
        from segstudio.folder.ui.masks_dialog import MasksDialog

        masks = self._studio.browsing.masks
        if masks.index is not None:
            MasksDialog(masks, masks.index, self._window).open()

    def fill_recent(self) -> None:
        menu = self._window.recent_menu
        recent = self._studio.settings.recent
        menu.clear()
        for folder in recent:
            action = menu.addAction(in_menu(folder))
            action.triggered.connect(partial(self._studio.browsing.open_path, Path(folder)))
        menu.setEnabled(bool(recent))

    def copy_name(self) -> None:
        """Put the name of the open image on the clipboard."""
        document = self._studio.session.document
        if document is not None:
            QGuiApplication.clipboard().setText(document.ref.title)

    def copy_path(self) -> None:
        """Put the path of the open image on the clipboard."""
        document = self._studio.session.document
        if document is not None:
            QGuiApplication.clipboard().setText(str(document.ref.path))

    def show_file(self) -> None:
        """Open the folder of the open image in the file manager."""
        document = self._studio.session.document
        if document is None:
            return
        folder = document.ref.path.parent
        if not QDesktopServices.openUrl(QUrl.fromLocalFile(str(folder))):
            self._studio.notices.warning(
                f"No file manager opened {folder}.", "Open it by hand.", scope="program"
            )

    # -- models --------------------------------------------------------------------------------

    def run_all(self) -> None:
        """Run the chosen model on every image; a large folder is asked for first."""
        session = self._studio.session
        project = session.project
        if project is None:
            return
        count = len(project.images)
        pages = 1 if session.document is None else session.document.pages
        title = session.models[session.model.chosen].title
        of = f"{count:,} images" if count > 1 else "1 image"
        if session.has_stacks:
            of += " and all their pages" if count > 1 else " and all its pages"
        if count + pages - 1 > _ASK_FROM and not self._confirm(
            f"Run {title} on {of}?",
            "It runs in the background and can be cancelled; results are kept.",
            "Run",
        ):
            return
        self._studio.segmenting.run_all()

    def run_side_by_side(self) -> None:
        """Ask for models, run them on the open image and give each a view."""
        from segstudio.comparison.ui.side_by_side_dialog import SideBySideDialog

        comparing = self._studio.comparing
        dialog = SideBySideDialog(self._studio.session, comparing, self._window)
        dialog.chosen.connect(lambda ids, again: comparing.run_side_by_side(ids, again=again))
        dialog.open()

    # -- annotation ----------------------------------------------------------------------------

    def show_versions(self) -> None:
        """List the versions of the open image's masks that other programs wrote."""
        from segstudio.annotation.ui.versions_dialog import VersionsDialog

        place = self._studio.place
        place.versions(lambda found: VersionsDialog(found, place, self._window).open())

    def export(self) -> None:
        """Ask what to export and where, do it, show the report."""
        from segstudio.annotation.ui.export_dialog import ExportDialog, Offered

        project = self._studio.session.project
        if project is None:
            return
        preferences = self._studio.preferences
        dialog = ExportDialog(
            self._studio.session,
            self._studio.exporting,
            Offered(
                selected=self._window.images.selected_images(),
                filtered=self._window.images.filtered_images(),
                folder=preferences.export_folder(project.root),
                forms=preferences.settings.export_forms,
            ),
            self._window,
        )
        dialog.started.connect(partial(preferences.remember_export, project.root))
        dialog.open()

    def map_classes(self, model_id: str = "") -> None:
        """Say what the classes of a model, the chosen one if none is named, count as here."""
        from segstudio.runs.ui.mapping_dialog import MappingDialog

        session = self._studio.session
        MappingDialog(
            session,
            self._studio.class_mappings,
            model_id or session.model.chosen,
            self._window,
        ).open()

    # -- help and settings ---------------------------------------------------------------------

    def settings(self) -> None:
        """Show the settings; changes count at once."""
        from segstudio.window.settings_dialog import SettingsDialog

        dialog = SettingsDialog(
            self._studio.preferences.settings, self._change_setting, self._window
        )
        dialog.open()

    def shortcuts(self) -> None:
        from segstudio.window.shortcut_editor import ShortcutEditor

        commands = self._window.commands
        dialog = ShortcutEditor(commands.rows, commands.keymap, self._window)
        dialog.accepted.connect(lambda: self._keep_keymap(dialog.keymap))
        dialog.open()

    def help(self, page: str = "", anchor: str = "") -> None:
        """Show a page of the help, from a heading on if one is named; the tour if none is."""
        from segstudio.window.help_pages import TOUR
        from segstudio.window.help_window import HelpWindow

        shown = self._window.findChild(HelpWindow)
        if shown is None:
            shown = HelpWindow(self._window, self._studio.jobs)
            shown.open_beside(self._window)
        if page or not shown.shown[0]:
            shown.show_page(page or TOUR, anchor)
        shown.raise_()
        shown.activateWindow()
        (shown.page if page else shown.field).setFocus()

    def command_palette(self) -> None:
        """Find a command by its name, or a heading or word of the help."""
        from segstudio.window.command_palette import CommandPalette
        from segstudio.window.help_pages import are_read, places

        self._window.commands.refresh()
        palette = CommandPalette(self._window.commands, self._window)
        palette.help_chosen.connect(self.help)
        palette.open_over(self._window)
        if are_read():
            palette.add_help(places())
        else:
            self._studio.jobs.submit(
                "Reading help", "thumbnails", lambda _job: places(), palette.add_help, visible=False
            )

    def cheat_sheet(self) -> None:
        from segstudio.window.cheat_sheet import CheatSheet

        CheatSheet(self._window.commands, self._window).open()

    def about(self) -> None:
        from segstudio.window.about import AboutDialog

        folders = self._studio.preferences.folders
        AboutDialog(
            {"Settings": str(folders.config), "Data and log": str(folders.data)}, self._window
        ).open()

    # -- the window ----------------------------------------------------------------------------

    def go_to_part(self, by: int) -> None:
        """Give the keys to the next (1) or previous (-1) part of the window."""
        from segstudio.window.region_focus import go_to_next, stops_of

        go_to_next(stops_of(self._window), by)

    def go_to_views(self) -> None:
        """Give the keys to the views, if they are shown; the view that has them keeps them."""
        canvas = self._window.canvas
        if not canvas.isVisible():
            return
        if not canvas.isActiveWindow():
            self._window.activateWindow()  # a panel floats and had the keys
        canvas.take_focus()

    def open_menu_of_focused(self) -> None:
        """Open the menu of what has the keys, as the menu key does, which not all keyboards have."""
        focused = QApplication.focusWidget()
        if focused is None:
            return
        cursor: QRect | QRectF = focused.inputMethodQuery(Qt.InputMethodQuery.ImCursorRectangle)
        place = QRectF(cursor).center().toPoint()
        kind = QContextMenuEvent.Reason.Keyboard
        event = QContextMenuEvent(kind, place, focused.mapToGlobal(place))
        QCoreApplication.sendEvent(focused, event)

    def find_image(self) -> None:
        """Let the user type a part of an image's name."""
        self._window.docks.open("Images")
        self._window.images.search()

    def write_note(self) -> None:
        """Let the user write a line on the open image."""
        self._window.docks.open("Images")
        self._window.images.write_note()

    def may_close(self) -> bool:
        """Whether the window may go now: nothing is unsaved, or the user said so.

        Else saving is begun and the window is closed when that has ended; what cannot be saved
        is asked about, with what will become of it.
        """
        if self._leaving:
            return True
        if not self._polygons_may_go and self._window.canvas.begun:
            self._ask_about_polygons()
            return False
        if not self._training_may_go and self._studio.training.active is not None:
            self._ask_about_training()
            return False
        autosave = self._studio.autosave
        self._studio.editing.end_stroke()
        if self._closing or not autosave.at_risk():
            if self._closing and autosave.at_risk():
                self._ask_leaving("is still being saved")  # asked to close once more meanwhile
                return False
            return True
        if not all(autosave.save_before_leaving(d) for d in autosave.at_risk()):
            return False
        if not autosave.at_risk():
            return True  # thrown away
        self._closing = True
        autosave.when_saved(self._close_saved)
        return False

    def end(self) -> None:
        """Close without asking anything, since nobody may be there: the system ends the program.

        What is unsaved is saved if that is possible within a few seconds; else its strokes are in
        the journal.
        """
        self._studio.editing.end_stroke()
        if self._studio.preferences.settings.autosave:
            self._studio.autosave.save_all()
        QTimer.singleShot(_END_MS, self._window, self._end_now)
        self._studio.autosave.when_saved(self._end_now)

    def _end_now(self) -> None:
        if not self._leaving:
            self._leave()
            QCoreApplication.exit(0)  # also out of the loops of open dialogs

    def _close_saved(self) -> None:
        """The saves that closing waited for have ended."""
        self._closing = False
        if self._leaving:
            return
        if self._studio.autosave.at_risk():
            self._ask_leaving("could not be saved")
        else:
            self._leave()

    def _leave(self) -> None:
        self._leaving = True
        self._window.close()

    def _ask_about_polygons(self) -> None:
        """Ask about polygons that are begun: they are nothing that could be saved."""
        if self._question is not None:
            self._question.raise_()
            return
        begun = self._window.canvas.begun
        names = [image.title for image in begun if isinstance(image, ImageRef)] or ["an image"]
        box = self._question = plain_box(self._window)
        box.setIcon(QMessageBox.Icon.Warning)
        box.setText(f"A polygon is begun on {listed(names, 1)}. Quit all the same?")
        box.setInformativeText(
            "It is painted when it is closed with Enter, and lost when the program ends."
        )
        leave = box.addButton("Quit", QMessageBox.ButtonRole.DestructiveRole)
        box.setDefaultButton(box.addButton(QMessageBox.StandardButton.Cancel))

        def answered() -> None:
            self._question = None
            clicked = box.clickedButton()
            box.deleteLater()
            if clicked is leave:
                self._polygons_may_go = True
                self._window.close()

        box.finished.connect(answered)
        box.open()

    def _ask_about_training(self) -> None:
        """Ask whether a training goes on without the window, or ends and keeps its best."""
        if self._question is not None:
            self._question.raise_()
            return
        training = self._studio.training
        name = training.active.name if training.active is not None else "A training"
        box = self._question = plain_box(self._window)
        box.setIcon(QMessageBox.Icon.Question)
        box.setText(f"{name} is training. Shall it go on without the window?")
        box.setInformativeText("The next start shows how far it is; its best is kept in any case.")
        roles = QMessageBox.ButtonRole
        on = box.addButton("Go on", roles.AcceptRole)
        end = box.addButton("End it, keep the best", roles.DestructiveRole)
        box.addButton(QMessageBox.StandardButton.Cancel)
        box.setDefaultButton(on)

        def answered() -> None:
            self._question = None
            clicked = box.clickedButton()
            box.deleteLater()
            if clicked is end:
                training.stop()
            if clicked in (on, end):
                self._training_may_go = True
                self._window.close()

        box.finished.connect(answered)
        box.open()

    def _ask_leaving(self, what: str) -> None:
        """Ask about what is not saved, saying truly whether quitting loses it; waits for nobody."""
        if self._question is not None:
            self._question.raise_()
            return
        autosave = self._studio.autosave
        documents = autosave.at_risk()
        lost = [d for d in documents if not autosave.is_kept(d)]
        box = self._question = plain_box(self._window)
        box.setIcon(QMessageBox.Icon.Warning)
        box.setTextFormat(Qt.TextFormat.PlainText)
        box.setText(f"{_listed(documents)} {what}. Quit all the same?")
        fate = "The strokes are kept in the journal, and offered at the next start."
        if lost:
            fate = (
                f"The journal cannot be written either: quitting loses the strokes on "
                f"{_listed(lost)}."
            )
        choose = ""
        if autosave.is_asked(documents[0]):
            choose = "Cancel to choose in the message at the top what is done about it."
        parts = (autosave.problem_of(documents[0]), choose, fate)
        box.setInformativeText(" ".join(part for part in parts if part))
        roles = QMessageBox.ButtonRole
        leave = box.addButton("Quit and lose them" if lost else "Quit", roles.DestructiveRole)
        elsewhere = box.addButton("Save elsewhere…", roles.AcceptRole)
        again = box.addButton("Try again", roles.AcceptRole)
        stay = box.addButton(QMessageBox.StandardButton.Cancel)
        box.setDefaultButton(stay)

        def answered() -> None:
            self._question = None
            clicked = box.clickedButton()
            box.deleteLater()
            if clicked is leave:
                self._leave()
            elif clicked is elsewhere:
                self._save_elsewhere_and_close()
            elif clicked is again:
                autosave.save_all()
                self._closing = True
                autosave.when_saved(self._close_saved)

        box.finished.connect(answered)
        box.open()

    def _save_elsewhere_and_close(self) -> None:
        folder = self._choose_elsewhere()
        if folder is None:
            return
        self._studio.autosave.save_elsewhere(folder)
        self._closing = True
        self._studio.autosave.when_saved(self._close_saved)

    def _choose_elsewhere(self) -> Path | None:
        folder = QFileDialog.getExistingDirectory(
            self._window, "Save annotations elsewhere", str(Path.home())
        )
        return Path(folder) if folder else None

    def ask_unsaved(self, document: Document) -> UnsavedChoice:
        """Ask what to do with an unsaved annotation; for when autosave is off."""
        box = plain_box(self._window)
        box.setIcon(QMessageBox.Icon.Warning)
        box.setText(f"The annotation of {document.ref.title} is not saved.")
        box.setInformativeText("Saving by itself is turned off. Save the changes now?")
        save = box.addButton("Save", QMessageBox.ButtonRole.AcceptRole)
        discard = box.addButton("Discard", QMessageBox.ButtonRole.DestructiveRole)
        box.setDefaultButton(box.addButton(QMessageBox.StandardButton.Cancel))
        clicked = clicked_button(box)
        if clicked is save:
            return "save"
        return "discard" if clicked is discard else "cancel"

    def offer_recovery(self) -> None:
        """Offer strokes that were not saved when the program ended last time."""
        recovering = self._studio.recovering
        self._studio.jobs.submit(
            "Looking for unsaved strokes",
            "journal",
            lambda _job: recovering.pending(),
            self._offer,
            visible=False,
        )

    def _offer(self, items: list[Recovered]) -> None:
        self._studio.recovering.notify_unreadable()
        if items:
            from segstudio.annotation.ui.recovery_dialog import RecoveryDialog

            RecoveryDialog(items, self._studio.recovering, self._preview, self._window).open()

    def _preview(self, item: Recovered, done: Callable[[Image | None], None]) -> None:
        from segstudio.annotation.ui.recovery_preview import preview

        schema = self._studio.session.schema
        self._studio.jobs.submit(
            f"Reading {item.title}",
            "files",
            lambda _job: preview(item, schema),
            done,
            failed=lambda _error: done(None),
            key="preview",
            visible=False,
        )

    def apply_settings(self) -> None:
        """Make theme and shortcuts as the settings say."""
        settings = self._studio.preferences.settings
        self._window.theme.choose(settings.theme)
        self._apply_keymap(keymap_of(settings.keys, settings.key_overrides))

    def _change_setting(self, name: str, value: Any) -> None:
        self._studio.preferences.update(**{name: value})
        if name == "theme":
            self._window.theme.choose(str(value))
        elif name in _VIEW_FIELDS:
            self._studio.session.set_view(**{_VIEW_FIELDS[name]: _as_view(name, value)})
        elif name in _RUN_FIELDS:
            self._studio.segmenting.set_options(**{name: value})
        elif name == "fast_routes":
            self._studio.segmenting.refresh_models()
        self._window.signal_view.show_saving_soon()

    def _keep_keymap(self, keymap: Keymap) -> None:
        preset = next((n for n, keys in PRESETS.items() if dict(keys) == dict(keymap)), "")
        overrides = {} if preset else {i: " ".join(keys) for i, keys in keymap.items()}
        self._studio.preferences.update(keys=preset or "segstudio", key_overrides=overrides)
        self._apply_keymap(keymap)

    def _apply_keymap(self, keymap: Keymap) -> None:
        self._window.commands.set_keymap(keymap)
        canvas = self._window.canvas
        held = {"view.overlay": canvas.set_peek_key, "compare.swap": canvas.set_blink_key}
        for action_id, use in held.items():
            keys = self._window.commands[action_id].shortcuts()
            plain = [key for sequence in keys if (key := _plain_key(sequence)) is not None]
            if plain:
                use(plain[0])

    def _confirm(self, question: str, more: str, verb: str) -> bool:
        """Ask; Enter says yes."""
        box = plain_box(self._window)
        box.setIcon(QMessageBox.Icon.Question)
        box.setText(question)
        box.setInformativeText(more)
        yes = box.addButton(verb, QMessageBox.ButtonRole.AcceptRole)
        box.addButton(QMessageBox.StandardButton.Cancel)
        box.setDefaultButton(yes)
        return clicked_button(box) is yes


def _listed(documents: Sequence[Document]) -> str:
    """The images' names for people: the first, and how many more."""
    return listed([document.ref.title for document in documents], 1)


_VIEW_FIELDS = {
    "opacity": "opacity",
    "brush_size": "brush_size",
    "overlay_style": "style",
    "flavour": "flavour",
    "pixel_grid": "pixel_grid",
    "navigator": "navigator",
}
_RUN_FIELDS = frozenset({"device", "score_threshold", "mask_threshold", "tile_px"})


def _as_view(name: str, value: Any) -> Any:
    from segstudio.session.session import Flavour, OverlayStyle

    kinds = {"overlay_style": OverlayStyle, "flavour": Flavour}
    return kinds[name](value) if name in kinds else value


def keymap_of(preset: str, overrides: dict[str, str] | Any) -> Keymap:
    """The shortcuts of a preset with the user's own on top; several are parted by spaces."""
    own = {action_id: tuple(keys.split()) for action_id, keys in overrides.items()}
    return {**PRESETS.get(preset, {}), **own}


def _plain_key(sequence: QKeySequence) -> Qt.Key | None:
    """The key of a shortcut without modifiers, else None."""
    text = sequence.toString(QKeySequence.SequenceFormat.PortableText)
    return getattr(Qt.Key, f"Key_{text}", None) if len(text) == 1 and text.isalnum() else None
