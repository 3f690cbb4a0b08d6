"""Two models: the second one, how alike the stages are, and the stages aligned by stride."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Final

from PySide6.QtGui import QIcon, QResizeEvent
from PySide6.QtWidgets import (
    QFrame,
    QHBoxLayout,
    QScrollArea,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from segstudio.core.formatting import count_text, ratio_text
from segstudio.core.labels import Image
from segstudio.inspection.alignment import AlignedStages
from segstudio.inspection.feature_maps import FeatureMaps
from segstudio.inspection.pairing import Pairing
from segstudio.inspection.stage_similarity import StageSimilarity
from segstudio.inspection.ui.pair_controls import PairControls
from segstudio.inspection.ui.pair_detail import PairDetail
from segstudio.inspection.ui.similarity_map import SimilarityMap
from segstudio.inspection.ui.watched_page import WatchedPage
from segstudio.kit.empty import EmptyState, Switch
from segstudio.kit.heat_map import Cell
from segstudio.kit.pixmaps import pixmap_of
from segstudio.kit.plain import FaintLabel, plain
from segstudio.kit.table import TableView
from segstudio.kit.table_model import UNSORTED, Column, Side, TableModel
from segstudio.session.inspection import MapPicture, StageLook, TracedNetwork
from segstudio.session.session import Session, What

_PICTURE_PX: Final = 44
_NONE: Final = "Choose a second model to compare its stages with this one's."
_DETAIL_FROM: Final = 470
"""The page's width from which the two stages' pictures have room."""
_HELP: Final = (
    "Linear CKA of the stages on 16 \u00d7 16 places of each image: 1 alike, about 0 unrelated. "
    "A frame marks what is most similar in a row."
)


class PairPage(WatchedPage):
    """Chooses the second model; shows the heat map of similarities, or the stages by stride."""

    kinds = What.TRACE | What.PAIR | What.INSPECTION | What.MODELS | What.PROJECT

    def __init__(
        self,
        session: Session,
        pairing: Pairing,
        feature_maps: FeatureMaps,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(session, pairing.watch, parent)
        self._pairing, self._feature_maps = pairing, feature_maps
        self._under: Cell | None = None
        self._shown_look: tuple[MapPicture, int, StageLook] | None = None
        self.controls = PairControls(session, pairing)
        self.map = SimilarityMap()
        self.pairs: TableModel[AlignedStages] = TableModel(
            (), lambda row: (row.first, row.second), self
        )
        self.table = TableView(
            self.pairs, "Stages aligned by stride", row_height=48, sorting=UNSORTED,
            icon_px=_PICTURE_PX,
        )  # fmt: skip
        self.table.setWordWrap(True)
        self.table.setAlternatingRowColors(True)
        self._icons: dict[tuple[bool, str], QIcon | None] = {}
        self._icons_of: tuple[TracedNetwork | None, TracedNetwork | None] = (None, None)
        self.detail = PairDetail(session, feature_maps)
        self.note = FaintLabel()
        self._stack = QStackedWidget()
        self._lay_out()
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
        column.addWidget(self.note)

    def _connect(self) -> None:
        self.controls.by_similarity.toggled.connect(self._choose_view)
        self.map.hovered.connect(self._point)
        self.map.chosen.connect(self._open_cell)
        self.table.reached.connect(self._open_row)
        self.table.verbs = lambda row: [
            ("scan", "Look at the two stages", lambda: self._open_row(row))
        ]
        self._session.changed.connect(self._on_change)

    # -- what it shows -----------------------------------------------------------------------

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Leave the pictures out where there is no room for them."""
        super().resizeEvent(event)
        self._show_detail()

    def _show(self) -> None:
        inspection, state = self._session.inspection, self._pairing.state
        first, second = inspection.traced, inspection.second
        self.controls.refresh()
        both = first is not None and second is not None
        self._switch.show_contents(both, state.problem or self._why_nothing())
        if first is None or second is None:
            self.note.setText("")
            self.pairs.show_rows(())
            return
        similarity = state.similarity
        if self._icons_of != (first, second):
            self._icons_of = (first, second)
            self._icons.clear()
        self.pairs.show_rows(
            self._pairing.rows(), _pair_columns(first, second, similarity, self._icon)
        )
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
        self.note.setToolTip(plain("\n".join((_HELP, *similarity.skipped))))
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
            self._icons.clear()
            self.pairs.repaint()
        self._shown_look = look

    def _look(self) -> tuple[MapPicture, int, StageLook]:
        inspection = self._session.inspection
        return inspection.picture, inspection.picture_channel, inspection.look

    def _icon(self, stage: str, is_first: bool) -> QIcon | None:
        """A stage's picture; it is asked for when the stage is first drawn."""
        key = (is_first, stage)
        traced = self._icons_of[0 if is_first else 1]
        if key not in self._icons and traced is not None:
            self._icons[key] = None
            inspection = self._session.inspection
            self._feature_maps.node_picture(
                traced, stage, inspection.picture, inspection.picture_channel, inspection.look,
                2 * _PICTURE_PX, lambda image: self._put_icon(key, traced, image),
            )  # fmt: skip
        return self._icons.get(key)

    def _put_icon(self, key: tuple[bool, str], traced: TracedNetwork, image: Image) -> None:
        if self._icons_of[0 if key[0] else 1] is traced:
            self._icons[key] = QIcon(pixmap_of(image))
            self.pairs.repaint()

    def _open_row(self, row: AlignedStages) -> None:
        """Look at a row's two stages, or at the first one and what is most similar to it."""
        first, second = row.first, row.second
        similarity = self._pairing.state.similarity
        if first is not None and second is None and similarity is not None:
            second = similarity.partner(first)
        if first is not None and second is not None:
            self._pairing.open_pair(first, second)

    def _choose_view(self, by_similarity: bool) -> None:
        self._stack.setCurrentIndex(0 if by_similarity else 1)
        self._show_detail()


def _holder(switch: Switch) -> QWidget:
    holder = QWidget()
    holder.setLayout(switch)
    return holder


def _pair_columns(
    first: TracedNetwork,
    second: TracedNetwork,
    similarity: StageSimilarity | None,
    icon_of: Callable[[str, bool], QIcon | None],
) -> tuple[Column[AlignedStages], ...]:
    """The stages of two networks by stride, how alike they are, and what is most similar.

    Args:
        first: The network whose stages are compared.
        second: The other.
        similarity: How alike their stages are, if it is known.
        icon_of: Picture of a stage of the first network (True) or the other, None as yet.
    """

    def value(row: AlignedStages) -> float:
        if row.first is None or row.second is None or similarity is None:
            return math.nan
        return similarity.value(row.first, row.second)

    def value_text(row: AlignedStages) -> str:
        known = row.first is not None and row.second is not None and similarity is not None
        return ratio_text(value(row), 2) if known else ""

    def partner_text(row: AlignedStages) -> str:
        if row.first is None or similarity is None:
            return ""
        partner = similarity.partner(row.first)
        return "" if partner is None else f"{partner}\n{similarity.value(row.first, partner):.2f}"

    return (
        Column("Stride", lambda row: f"{row.stride} {'↓' if row.down else '↑'}",
               "Pixels of the network's input per position; ↓ on the way down, ↑ on the way up",
               key=lambda row: row.stride, side=Side.CENTRE),
        _stage_column(first, lambda row: row.first, lambda stage: icon_of(stage, True)),
        _stage_column(second, lambda row: row.second, lambda stage: icon_of(stage, False)),
        Column("CKA", value_text,
               "Linear CKA of the two stages of this row: 1 alike, about 0 unrelated", value,
               side=Side.CENTRE, sample="0.000"),
        Column("Most similar", partner_text,
               "The stage of the second network that is most like the first one's in this row",
               stretch=48),
    )  # fmt: skip


def _stage_column(
    traced: TracedNetwork,
    stage_of: Callable[[AlignedStages], str | None],
    icon_of: Callable[[str], QIcon | None],
) -> Column[AlignedStages]:
    def text(row: AlignedStages) -> str:
        stage = stage_of(row)
        if stage is None:
            return ""
        channels, height, width = traced.trace.layer(stage).shape
        return f"{stage}\n{channels} \u00d7 {height} \u00d7 {width}"

    def icon(row: AlignedStages) -> QIcon | None:
        stage = stage_of(row)
        return None if stage is None else icon_of(stage)

    tip = f"A stage of {traced.title} with its channels, height and width"
    return Column(traced.title, text, tip, icon=icon, stretch=48)
