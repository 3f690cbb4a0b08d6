"""Making and removing named runs: dialogs, and what follows from them."""

from __future__ import annotations

from PySide6.QtWidgets import QWidget

from segstudio.core.prediction import ModelSpec
from segstudio.studio import Studio


class RunCommands:
    """Asks what is needed, then tells `named_runs` and `segmenting`."""

    def __init__(self, window: QWidget, studio: Studio) -> None:
        self._window, self._studio = window, studio

    def manage(self, what: str) -> None:
        """Ask for a "new" named run or an "ensemble", or "remove" the chosen one.

        Raises:
            SegstudioError: if the chosen run is part of another one.
        """
        {"new": self._new, "ensemble": self._ensemble, "remove": self._remove}[what]()

    def _new(self) -> None:
        from segstudio.runs.ui.run_dialog import RunDialog

        studio = self._studio
        dialog = RunDialog(studio.session, studio.named_runs, studio.segmenting, self._window)
        dialog.created.connect(self._created)
        dialog.open()

    def _ensemble(self) -> None:
        from segstudio.runs.ui.ensemble_dialog import EnsembleDialog

        dialog = EnsembleDialog(self._studio.session, self._studio.named_runs, self._window)
        dialog.created.connect(self._created)
        dialog.open()

    def _created(self, run: str, run_now: bool) -> None:
        self._studio.segmenting.choose(run)
        if run_now:
            self._studio.segmenting.run_current()

    def _remove(self) -> None:
        """Forget the chosen run; a button in the notice brings it back."""
        session, named_runs = self._studio.session, self._studio.named_runs
        spec: ModelSpec = session.models[session.model.chosen]
        bring_back = named_runs.remove(spec.id)

        def restore() -> None:
            bring_back()
            self._studio.segmenting.choose(spec.id)

        self._studio.notices.info(f"{spec.title} was removed.", action=("Undo", restore))
