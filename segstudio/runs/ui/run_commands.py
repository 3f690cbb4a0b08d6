"""Named runs and weights of the user's own: dialogs, and what follows from them."""

from __future__ import annotations

from PySide6.QtWidgets import QApplication, QWidget

from segstudio.core.prediction import ModelSpec
from segstudio.jobs import JobRunner
from segstudio.kit.file_dialogs import ask_weights, ask_weights_folder
from segstudio.notices import Notices
from segstudio.runs.describing import Previewing
from segstudio.runs.downloads import Downloads
from segstudio.runs.named_runs import NamedRuns
from segstudio.runs.own_weights import OpenedWeights, OwnWeights
from segstudio.runs.segmenting import Segmenting
from segstudio.session.session import Session


class RunCommands:
    """Asks what is needed, then tells `named_runs` and `segmenting`."""

    def __init__(
        self,
        window: QWidget,
        session: Session,
        named_runs: NamedRuns,
        segmenting: Segmenting,
        own_weights: OwnWeights,
        previewing: Previewing,
        downloads: Downloads,
        jobs: JobRunner,
        notices: Notices,
    ) -> None:
        self._window, self._session, self._notices = window, session, notices
        self._named_runs, self._segmenting = named_runs, segmenting
        self._own_weights, self._previewing = own_weights, previewing
        self._downloads, self._jobs = downloads, jobs
        own_weights.ask = self._show_form

    def manage(self, what: str) -> None:
        """Ask for a "new" named run or an "ensemble", or "remove" the chosen one.

        Or of weights of the user's own: "open" a file or "open_folder", "describe" it, "find" it, "forget" it; or
        show all "downloads".

        Raises:
            SegstudioError: if the chosen run is part of another one.
        """
        {
            "new": self._new,
            "ensemble": self._ensemble,
            "remove": self._remove,
            "open": self._open,
            "open_folder": self._open_folder,
            "describe": lambda: self._own_weights.describe_again(self._session.model.chosen),
            "find": self._find,
            "forget": self._forget,
            "downloads": self._downloads_dialog,
        }[what]()

    def _new(self) -> None:
        from segstudio.runs.ui.run_dialog import RunDialog

        dialog = RunDialog(self._session, self._named_runs, self._own_weights, self._window)
        dialog.created.connect(self._created)
        dialog.show()  # not modal: the form of a file of weights that it asks for must be usable

    def _ensemble(self) -> None:
        from segstudio.runs.ui.ensemble_dialog import EnsembleDialog

        dialog = EnsembleDialog(self._session, self._named_runs, self._window)
        dialog.created.connect(self._created)
        dialog.open()

    def _created(self, run: str, run_now: bool) -> None:
        self._segmenting.choose(run)
        if run_now:
            self._segmenting.run_current()

    def _remove(self) -> None:
        """Forget the chosen run; a button in the notice brings it back."""
        session, named_runs = self._session, self._named_runs
        spec: ModelSpec = session.models[session.model.chosen]
        bring_back = named_runs.remove(spec.id)

        def restore() -> None:
            bring_back()
            self._segmenting.choose(spec.id)

        self._notices.info(f"{spec.title} was removed.", action=("Undo", restore))

    # -- weights of the user's own -------------------------------------------------------------

    def _open(self) -> None:
        path = ask_weights(self._window, "Load weights")
        if path is not None:
            self._own_weights.open(path)

    def _open_folder(self) -> None:
        path = ask_weights_folder(self._window, "Load weights from a folder with config.json")
        if path is not None:
            self._own_weights.open(path)

    def _show_form(self, opened: OpenedWeights) -> None:
        from segstudio.runs.ui.weights_form import WeightsForm

        for shown in QApplication.topLevelWidgets():
            if not isinstance(shown, WeightsForm) or shown.entry.path != opened.entry.path:
                continue
            if shown.isVisible() and shown.entry.file.sha256 == opened.entry.file.sha256:
                shown.note_touched()
                shown.raise_()
                shown.activateWindow()
                return
            shown.reject()  # it describes what the file was before
        # a dialog that blocks the window would block the form too, were it not the dialog's own
        over = QApplication.activeModalWidget() or self._window
        form = WeightsForm(self._session, self._own_weights, self._previewing, opened, over)
        form.kept.connect(self._created)
        form.show()

    def _downloads_dialog(self) -> None:
        from segstudio.runs.ui.downloads_dialog import DownloadsDialog

        DownloadsDialog(self._downloads, self._jobs, self._notices, self._window).show()

    def _find(self) -> None:
        """Ask where the file of the chosen model is now."""
        model_id = self._session.model.chosen
        entry = self._own_weights.entry(model_id)
        if entry is None:
            return
        path = ask_weights(self._window, f"Where is {entry.path.name}?")
        if path is not None:
            self._own_weights.find(model_id, path)

    def _forget(self) -> None:
        """Take the chosen weights off the list; a button in the notice brings them back."""
        spec: ModelSpec = self._session.models[self._session.model.chosen]
        bring_back = self._own_weights.remove(spec.id)
        self._notices.info(
            f"{spec.title} was taken off the list; its file stays.", action=("Undo", bring_back)
        )
