"""The list of models, grouped by family; in the tool bar."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QSize, Qt
from PySide6.QtGui import QAction, QGuiApplication, QIcon, QStandardItem, QStandardItemModel
from PySide6.QtWidgets import QComboBox

from segstudio.kit.elided import ElidedCombo
from segstudio.kit.icons import icon
from segstudio.kit.plain import plain, semibold_font
from segstudio.models.families import FAMILIES

if TYPE_CHECKING:
    from segstudio.core.prediction import ModelSpec
    from segstudio.runs.segmenting import Segmenting
    from segstudio.session.session import Change, Session

_LEAST_PX, _MOST_PX = 140, 280
"""As wide as its longest title between these."""
_BESIDE_PX = 40
"""Arrow and rims beside the title."""

_OTHERS = {"ensemble": "Ensemble"}
NAMED = "Named runs"
"""The heading of the user's own runs."""


def family_title(family: str) -> str:
    """The family's name for people."""
    known = FAMILIES.get(family)
    return known.title if known is not None else _OTHERS.get(family, family)


def family_purpose(family: str) -> str:
    """What networks of a family are good for, in a line; "" if nobody said."""
    known = FAMILIES.get(family)
    return f"{known.title}: {known.purpose}." if known is not None and known.purpose else ""


class ModelChooser(ElidedCombo):
    """Shows the chosen model and chooses another; an arrow marks weights not on disk yet."""

    def __init__(self) -> None:
        super().__init__()
        self.setAccessibleName("Model")
        self.setToolTip("The model that Run uses")
        self.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.setEnabled(False)
        self._session: Session | None = None
        self._shown: tuple[object, ...] = ()
        self._wide = _MOST_PX

    def sizeHint(self) -> QSize:
        """Wide enough for the whole title of each model."""
        return QSize(max(_LEAST_PX, min(self._wide, _MOST_PX)), super().sizeHint().height())

    def minimumSizeHint(self) -> QSize:
        """The list may be narrower than its other titles where the bar needs the room."""
        return QSize(_LEAST_PX, super().minimumSizeHint().height())

    @property
    def least_width(self) -> int:
        """So wide it is at least: the title of the chosen model is whole."""
        needed = self.fontMetrics().horizontalAdvance(self.currentText()) + self._beside_px
        return max(_LEAST_PX, min(needed, _MOST_PX))

    def shown_icon(self) -> QIcon:
        """Only what is still to be downloaded is marked while the list is closed."""
        session = self._session
        here = session is None or session.model.chosen in session.model.available
        return QIcon() if here else super().shown_icon()

    def offer(self, actions: Sequence[QAction]) -> None:
        """What a right click, or the menu key, offers to do with the chosen model."""
        for action in actions:
            self.addAction(action)
        self.setContextMenuPolicy(Qt.ContextMenuPolicy.ActionsContextMenu)

    def attach(self, session: Session, segmenting: Segmenting) -> None:
        """List the session's models; choosing one tells `segmenting`."""
        self._session = session
        self._fill()
        self.activated.connect(lambda: segmenting.choose(str(self.currentData())))
        session.changed.connect(self._on_change)
        self.setEnabled(True)

    def _on_change(self, change: Change) -> None:
        from segstudio.session.session import What

        if change.what & What.MODELS:
            self._fill()

    def _fill(self) -> None:
        if self._session is None:
            return
        models, available = self._session.models, self._session.model.available
        shown = (tuple(models.values()), available)
        if shown != self._shown:
            self._shown = shown
            self.setModel(ModelItems(models, available, self))
            self._measure()
            self.view().setMinimumWidth(self.view().sizeHintForColumn(0) + 24)
        self.setCurrentIndex(self.findData(self._session.model.chosen))
        self.updateGeometry()
        spec = models.get(self._session.model.chosen)
        self.setToolTip(
            plain(f"The model that Run uses: {spec.title}" if spec else "Choose a model")
        )

    def _measure(self) -> None:
        """Take the width of the longest title."""
        assert self._session is not None
        advance = self.fontMetrics().horizontalAdvance
        widest = max((advance(spec.title) for spec in self._session.models.values()), default=0)
        self._wide = widest + self._beside_px
        self.updateGeometry()

    @property
    def _beside_px(self) -> int:
        sign = 0 if self.shown_icon().isNull() else self.iconSize().width() + 4
        return sign + _BESIDE_PX


class ModelItems(QStandardItemModel):
    """The user's named runs first, then the models by family, under headings."""

    def __init__(
        self, models: Mapping[str, ModelSpec], available: frozenset[str], parent: QObject
    ) -> None:
        super().__init__(parent)
        groups: dict[str, list[ModelSpec]] = {NAMED: []}
        for spec in models.values():
            named = spec.made_of is not None
            groups.setdefault(NAMED if named else family_title(spec.family), []).append(spec)
        for title, specs in groups.items():
            if specs:
                self.appendRow(_heading(title))
            for spec in specs:
                self.appendRow(_item(spec, here=spec.id in available))


def _heading(title: str) -> QStandardItem:
    heading = QStandardItem(title)
    heading.setFlags(Qt.ItemFlag.NoItemFlags)
    heading.setFont(semibold_font(heading.font()))
    return heading


def _item(spec: ModelSpec, *, here: bool) -> QStandardItem:
    item = QStandardItem(icon(_icon_of(spec, here=here)), spec.title)
    item.setData(spec.id, Qt.ItemDataRole.UserRole)
    state = "Weights are on disk" if here else "Weights must be downloaded first"
    if spec.own_file:
        state = spec.own_file if here else f"{spec.own_file} is not there any more"
        if not here:
            item.setForeground(QGuiApplication.palette().placeholderText())
    lines = [spec.description, family_purpose(spec.family), f"{state}."]
    item.setToolTip(plain("\n".join(line for line in lines if line)))
    return item


def _icon_of(spec: ModelSpec, *, here: bool) -> str:
    if not here:
        return "circle-x" if spec.own_file else "download"
    if spec.made_of is None:
        return "check"
    return "layers-2" if spec.family == "ensemble" else "sliders-horizontal"
