"""Making and removing named runs: dialogs, and what follows from them."""

from __future__ import annotations

from PySide6.QtWidgets import QWidget

from segstudio.core.prediction import ModelSpec
from segstudio.notices import Notices
from segstudio.runs.named_runs import NamedRuns
from segstudio.runs.own_weights import OwnWeights
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
        notices: Notices,
    ) -> None:
        self._window, self._session, self._notices = window, session, notices
        self._named_runs, self._segmenting = named_runs, segmenting
        self._own_weights = own_weights

    def manage(self, what: str) -> None:
        """Ask for a "new" named run or an "ensemble", or "remove" the chosen one.

        Raises:
            SegstudioError: if the chosen run is part of another one.
        """
        {"new": self._new, "ensemble": self._ensemble, "remove": self._remove}[what]()

    def _new(self) -> None:
        from segstudio.runs.ui.run_dialog import RunDialog

        dialog = RunDialog(self._session, self._named_runs, self._own_weights, self._window)
        dialog.created.connect(self._created)
        dialog.open()

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
