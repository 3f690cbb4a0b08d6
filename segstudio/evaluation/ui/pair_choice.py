"""Which two models are compared: the two best ones until the user chooses others."""

from __future__ import annotations

from PySide6.QtCore import QObject, Signal

from segstudio.evaluation.evaluating import Evaluating
from segstudio.kit.coalesce import Coalescer
from segstudio.metrics.bootstrap import PairedDifference
from segstudio.session.session import Change, Session, What

_EVERY_S = 1.0


class PairChoice(QObject):
    """Two models, and what separates them as soon as that is known.

    Signals:
        changed: Other models, or what separates them was counted.
    """

    changed = Signal()

    def __init__(self, session: Session, evaluating: Evaluating, parent: QObject) -> None:
        super().__init__(parent)
        self._session, self._evaluating = session, evaluating
        self._chosen: tuple[str, str] | None = None
        self._waiting: tuple[str, str] | None = None
        self._follow = Coalescer(self, self._look, _EVERY_S)
        session.changed.connect(self._on_change)
        self._look()

    @property
    def first(self) -> str:
        """The model that the other is compared with; "" if there is no pair."""
        return self._pair()[0]

    @property
    def second(self) -> str:
        """The model that is judged; "" if there is no pair."""
        return self._pair()[1]

    @property
    def difference(self) -> PairedDifference | None:
        """The second minus the first, None while it is not known."""
        first, second = self._pair()
        return self._evaluating.table.paired(first, second) if first else None

    @property
    def is_waiting(self) -> bool:
        """Whether the difference is being counted."""
        return self._waiting is not None

    def choose(self, first: str, second: str) -> None:
        """Compare these two; choosing the same model twice swaps those that are compared."""
        self._chosen = (first, second) if first != second else (self.second, self.first)
        self._look()

    def _pair(self) -> tuple[str, str]:
        table = self._evaluating.table
        if self._chosen is not None and all(run in table.runs for run in self._chosen):
            return self._chosen
        scored = [run for run in table.runs if table.figure(run, table.lead) >= 0]
        if len(scored) < 2:
            return "", ""
        ranked = sorted(scored, key=lambda run: -table.figure(run, table.lead))
        return ranked[1], ranked[0]

    def _on_change(self, change: Change) -> None:
        if change.what & (What.EVALUATION | What.PROJECT):
            self._follow.request()

    def _look(self) -> None:
        pair = self._pair()
        if self._is_wanted(pair):
            self._waiting = pair
            self._evaluating.compare_pair(*pair, lambda _found: self._counted(pair))
        self.changed.emit()

    def _is_wanted(self, pair: tuple[str, str]) -> bool:
        """Whether it is to be counted now: not while images still come in."""
        if not pair[0] or self._session.evaluation.running or self._waiting == pair:
            return False
        table = self._evaluating.table
        return table.paired(*pair) is None and len(table.common(*pair)) > 0

    def _counted(self, pair: tuple[str, str]) -> None:
        if self._waiting == pair:
            self._waiting = None
        self.changed.emit()
        if self.difference is None:
            # figures changed while it was counted
            self._follow.request()
