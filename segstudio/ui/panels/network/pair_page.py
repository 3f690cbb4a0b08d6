"""Two models: the second one, how alike the stages are, and the stages aligned by stride."""

from __future__ import annotations

from typing import Final

from PySide6.QtGui import QHideEvent, QPalette, QResizeEvent, QShowEvent
from PySide6.QtWidgets import (
    QFrame,
    QHBoxLayout,
    QScrollArea,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from segstudio.app.feature_maps import FeatureMaps
from segstudio.app.inspecting import Inspecting
from segstudio.app.pairing import Pairing
from segstudio.core.formatting import count_text
from segstudio.session.inspection import Look, Picture
from segstudio.session.session import Change, Session, What
from segstudio.ui.cell_map import Cell
from segstudio.ui.coalesce import Coalescer
from segstudio.ui.empty import EmptyState, Switch
from segstudio.ui.panels.network.pair_controls import PairControls
from segstudio.ui.panels.network.pair_detail import PairDetail, pixmap_of
from segstudio.ui.panels.network.pair_table import PICTURE, Pair, PairModel, PairTable
from segstudio.ui.panels.network.similarity_map import SimilarityMap
from segstudio.ui.plain import PlainLabel

_NONE: Final = "Choose a second model to compare its stages with this one's."
_DETAIL_FROM: Final = 470
"""The page's width from which the two stages' pictures have room."""
_HELP: Final = (
    "Linear CKA of the stages on 16 \u00d7 16 places of each image: 1 alike, about 0 unrelated. "
    "A frame marks what is most similar in a row."
)


class PairPage(QWidget):
    """Chooses the second model; shows the heat map of similarities, or the stages by stride."""

    def __init__(
        self,
        session: Session,
        inspecting: Inspecting,
        pairing: Pairing,
        feature_maps: FeatureMaps,
    ) -> None:
        super().__init__()
        self._session, self._inspecting = session, inspecting
        self._pairing, self._feature_maps = pairing, feature_maps
        self._under: Cell | None = None
        self._shown_look: tuple[Picture, int, Look] | None = None
        self.controls = PairControls(session, pairing)
        self.map = SimilarityMap()
        self.pairs = PairModel(self)
        self.table = PairTable(self.pairs)
        self.detail = PairDetail(session, feature_maps)
        self.note = PlainLabel()
        self._stack = QStackedWidget()
        self._lay_out()
        self._refresh = Coalescer(self, self._show)
        self._connect()
        self._show()

    # -- parts -------------------------------------------------------------------------------

    def _lay_out(self) -> None:
        column = QVBoxLayout(self)
        column.setContentsMargins(8, 6, 8, 6)
        column.setSpacing(4)
        column.addWidget(self.controls)
        scroll = QScrollArea()
        scroll.setWidgetResizable(True)
        scroll.setFrameShape(QFrame.Shape.NoFrame)
        scroll.setWidget(self.map)
        self._waiting = EmptyState("")
        self._map_switch = Switch(self._waiting, scroll)
        self._stack.addWidget(_holder(self._map_switch))
        self._stack.addWidget(self.table)
        contents = QWidget()
        row = QHBoxLayout(contents)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(8)
        row.addWidget(self._stack, 1)
        row.addWidget(self.detail)
        self._empty = EmptyState(_NONE)
        self._switch = Switch(self._empty, contents)
        column.addWidget(_holder(self._switch), 1)
        self.note.setWordWrap(True)
        self.note.setForegroundRole(QPalette.ColorRole.PlaceholderText)
        column.addWidget(self.note)

    def _connect(self) -> None:
        self.controls.by_similarity.toggled.connect(self._choose_view)
        self.map.hovered.connect(self._point)
        self.map.chosen.connect(self._open_cell)
        self.table.opened.connect(self._pairing.open_pair)
        self.pairs.wanted.connect(self._ask_for_icon)
        self._session.changed.connect(self._on_change)

    # -- what it shows -----------------------------------------------------------------------

    def showEvent(self, event: QShowEvent) -> None:
        """Someone looks: compare."""
        super().showEvent(event)
        self._pairing.watch(True)
        self._refresh.request()

    def hideEvent(self, event: QHideEvent) -> None:
        """Nobody looks any more."""
        super().hideEvent(event)
        self._pairing.watch(False)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Leave the pictures out where there is no room for them."""
        super().resizeEvent(event)
        self._show_detail()

    def _on_change(self, change: Change) -> None:
        kinds = What.TRACE | What.INSPECTION | What.MODELS | What.PROJECT
        if change.what & kinds and self.isVisible():
            self._refresh.request()

    def _show(self) -> None:
        inspection, state = self._session.inspection, self._pairing.state
        first, second = inspection.traced, inspection.second
        self.controls.refresh()
        both = first is not None and second is not None
        self._switch.show_contents(both, state.problem or self._why_nothing())
        if first is None or second is None:
            self.note.setText("")
            self.pairs.show_pair(None)
            return
        similarity = state.similarity
        self.pairs.show_pair(Pair(first, second, self._pairing.rows(), similarity))
        self._map_switch.show_contents(similarity is not None, state.problem or "Comparing…")
        if similarity is not None:
            self.map.show_values(
                similarity.values, similarity.first_stages, similarity.second_stages
            )
        self.map.choose(self._cell_of(state.pair))
        self.note.setText(self._note())
        self._show_detail()
        self._follow_pictures()

    def _why_nothing(self) -> str:
        model = self._session.models.get(self._pairing.state.model)
        return _NONE if model is None else f"Tracing {model.title}…"

    def _note(self) -> str:
        state = self._pairing.state
        if state.problem:
            return state.problem
        similarity = state.similarity
        if similarity is None:
            return ""
        count = similarity.images
        of = f" of {count_text(state.total)}" if state.running else ""
        over = (
            "this image" if similarity.document is not None else f"{count_text(count)}{of} images"
        )
        left_out = len(similarity.skipped)
        text = f"Linear CKA over {over}{f', {left_out} could not be used' if left_out else ''}."
        self.note.setToolTip("\n".join((_HELP, *similarity.skipped)))
        return text

    def _cell_of(self, pair: tuple[str, str] | None) -> Cell | None:
        similarity = self._pairing.state.similarity
        if pair is None or similarity is None:
            return None
        if pair[0] not in similarity.first_stages or pair[1] not in similarity.second_stages:
            return None
        return similarity.first_stages.index(pair[0]), similarity.second_stages.index(pair[1])

    # -- the two stages ----------------------------------------------------------------------

    def _point(self, cell: Cell | None) -> None:
        self._under = cell
        self._show_detail()

    def _open_cell(self, cell: Cell) -> None:
        similarity = self._pairing.state.similarity
        if similarity is not None:
            self._pairing.open_pair(
                similarity.first_stages[cell[0]], similarity.second_stages[cell[1]]
            )

    def _looked_at(self) -> tuple[str, str] | None:
        """The pair under the pointer, else the opened one, else the best partner of the stage."""
        state, inspection = self._pairing.state, self._session.inspection
        similarity = state.similarity
        if self._under is not None and similarity is not None:
            return (
                similarity.first_stages[self._under[0]],
                similarity.second_stages[self._under[1]],
            )
        stage = inspection.stage
        if state.pair is not None and state.pair[0] == stage:
            return state.pair
        partner = similarity.partner(stage) if similarity is not None else None
        return state.pair if partner is None else (stage, partner)

    def _show_detail(self) -> None:
        inspection, pair = self._session.inspection, self._looked_at()
        both = inspection.traced is not None and inspection.second is not None
        room = self.width() >= _DETAIL_FROM and self._stack.currentWidget() is not self.table
        shown = room and pair is not None and both
        self.detail.setVisible(shown)
        if shown and pair is not None:
            self.detail.show_pair(pair, self._pairing.state.similarity)

    # -- the table's pictures ----------------------------------------------------------------

    def _follow_pictures(self) -> None:
        """Ask for the table's pictures again when they are to look otherwise."""
        look = self._look()
        if self._shown_look not in (None, look):
            self.pairs.forget_pictures()
        self._shown_look = look

    def _look(self) -> tuple[Picture, int, Look]:
        inspection = self._session.inspection
        return inspection.picture, inspection.picture_channel, inspection.look

    def _ask_for_icon(self, is_first: bool, stage: str) -> None:
        inspection = self._session.inspection
        traced = inspection.traced if is_first else inspection.second
        if traced is None:
            return
        self._feature_maps.node_picture(
            traced, stage, inspection.picture, inspection.picture_channel, inspection.look,
            2 * PICTURE.width(),
            lambda image: self.pairs.put_picture(is_first, stage, pixmap_of(image)),
        )  # fmt: skip

    def _choose_view(self, by_similarity: bool) -> None:
        self._stack.setCurrentIndex(0 if by_similarity else 1)
        self._show_detail()


def _holder(switch: Switch) -> QWidget:
    holder = QWidget()
    holder.setLayout(switch)
    return holder
