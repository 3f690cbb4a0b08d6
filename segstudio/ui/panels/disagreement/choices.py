"""Which models are compared, and how small a listed region may be: a button with a menu."""

from __future__ import annotations

from functools import partial

from PySide6.QtCore import QSize
from PySide6.QtGui import QActionGroup
from PySide6.QtWidgets import QMenu, QToolButton

from segstudio.app.disagreement import Disagreement, silent_runs
from segstudio.app.named_runs import is_removed
from segstudio.session.session import Session
from segstudio.ui.icons import icon

_SIZES = (1, 5, 10, 25, 50, 100, 250)


class ChoicesButton(QToolButton):
    """Its menu is made when it opens, from what there is then."""

    def __init__(self, session: Session, disagreement: Disagreement) -> None:
        super().__init__()
        self._session, self._disagreement = session, disagreement
        self.setIcon(icon("sliders-horizontal"))
        self.setIconSize(QSize(16, 16))
        self.setAutoRaise(True)
        self.setToolTip("Choose the models to compare, and the smallest region to list")
        self.setAccessibleName("Models and regions to compare")
        self.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self.choices = QMenu(self)
        self.choices.aboutToShow.connect(self.fill)
        self.setMenu(self.choices)

    def fill(self) -> None:
        """List the predictions of the open image and the sizes."""
        menu, session = self.choices, self._session
        menu.clear()
        document, state = session.document, session.disagreeing
        predictions = {} if document is None else document.predictions
        menu.addSection("Compare")
        silent = silent_runs(session)
        for run, prediction in predictions.items():
            title = prediction.title.replace("&", "&&")
            is_gone = is_removed(run, session.models)
            action = menu.addAction(f"{title}  (removed)" if is_gone else title)
            action.setCheckable(True)
            action.setChecked(run not in silent)
            action.toggled.connect(partial(self._disagreement.include, run))
        if not predictions:
            menu.addAction("No predictions yet").setEnabled(False)
        menu.addSection("List regions")
        sizes = QActionGroup(menu)
        for size in _SIZES:
            text = "of every size" if size == 1 else f"from {size} pixels on"
            action = menu.addAction(text)
            action.setCheckable(True)
            action.setChecked(size == state.min_pixels)
            action.triggered.connect(partial(self._set_size, size))
            sizes.addAction(action)

    def _set_size(self, size: int, _checked: bool = False) -> None:
        self._disagreement.set_min_pixels(size)
