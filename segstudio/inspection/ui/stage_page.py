"""A stage opened: all its channels, sorted; the one in focus over the photo; figures."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
from PySide6.QtCore import QPoint, QSize, Qt, Signal
from PySide6.QtGui import QPalette, QResizeEvent, QShowEvent
from PySide6.QtWidgets import (
    QApplication,
    QComboBox,
    QHBoxLayout,
    QMenu,
    QSlider,
    QSplitter,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from segstudio.core.features import ChannelCut, LayerInfo
from segstudio.core.formatting import count_text
from segstudio.core.labels import Image
from segstudio.inspection.inspecting import Inspecting
from segstudio.inspection.stage_work import StageFacts
from segstudio.inspection.ui.channel_grid import ChannelGrid, PixelXY, photo_place
from segstudio.inspection.ui.channel_layout import LARGEST_CELL, SMALLEST_CELL, USUAL_CELL
from segstudio.inspection.ui.channel_order import (
    EXPLAINED,
    ChannelOrder,
    FloatArray,
    order_text,
    ordered,
    value_text,
)
from segstudio.inspection.ui.stage_details import USUAL_WIDTH, StageDetails
from segstudio.inspection.ui.stage_scores import StageScores, figures, tip_of
from segstudio.kit.coalesce import Coalescer
from segstudio.kit.elided import ElidedCombo, ElidedLabel
from segstudio.kit.empty import EmptyState, Switch
from segstudio.kit.icons import icon
from segstudio.kit.plain import PlainLabel, plain
from segstudio.kit.turns import Parts
from segstudio.report.diagram_style import stride_text
from segstudio.session.inspection import Overlay, StageLook, TracedNetwork, ValueRange
from segstudio.session.session import Change, Session, What

if TYPE_CHECKING:
    from segstudio.inspection.photo_overlay import PhotoOverlay

_LABEL_FROM, _SLIDER_FROM = 340, 380
"""Pixels of the bar's width from which there is room for them."""
_EMPTY = "Click a stage in the diagram to see its channels."
_RESCORE_S = 0.4
_ABOUT_CLASS = frozenset({ChannelOrder.ANNOTATION, ChannelOrder.PREDICTION, ChannelOrder.INFLUENCE})


class StagePage(QWidget):
    """The channels of the opened stage.

    Signals:
        pointed: The photo pixel (x, y) under the pointer in a channel's picture, or None.
        cut_requested: Channels of a stage shall be cut: the stage's id, the channels (tuple).
    """

    pointed = Signal(object)
    cut_requested = Signal(str, object)

    def __init__(
        self,
        session: Session,
        inspecting: Inspecting,
        scores: StageScores,
        overlay: PhotoOverlay,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._session, self._inspecting = session, inspecting
        self._scores, self._overlay = scores, overlay
        scores.changed = self._scores_came
        self._traced: TracedNetwork | None = None
        self._layer: LayerInfo | None = None
        self._channel: int | None = None
        self._values: FloatArray | None = None
        self._shown_order = ChannelOrder.INDEX
        self._ordered_by: object = None
        self._ordered_values: FloatArray | None = None
        self._hovered: PixelXY | None = None
        self._at_point: FloatArray | None = None
        self._looked: StageLook | None = None
        self._asked_about: object = None
        self.grid = ChannelGrid()
        self.details = StageDetails()
        self.bar = StageBar()
        self._refresh = Coalescer(self, self._show)
        self._rescore = Coalescer(self, self._score_annotation, _RESCORE_S)

    def build(self) -> Parts[None]:
        """Make the rest of it."""
        self._lay_out()
        yield
        self._connect()
        self._session.changed.connect(self._on_change)
        self._show()

    def _lay_out(self) -> None:
        # from the outside in: what gets another parent is styled anew with all that is in it
        left = QWidget()
        self.splitter = QSplitter(Qt.Orientation.Horizontal)
        self._switch = Switch(EmptyState(_EMPTY), self.splitter)
        self.setLayout(self._switch)
        self.splitter.addWidget(left)
        column = QVBoxLayout(left)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(self.bar)
        column.addWidget(self.grid, 1)
        self.splitter.addWidget(self.details)
        self.splitter.setStretchFactor(0, 1)
        self.splitter.setStretchFactor(1, 0)
        self.splitter.setCollapsible(0, False)
        self.splitter.setSizes([3 * USUAL_WIDTH, USUAL_WIDTH])

    def _connect(self) -> None:
        self.bar.order_changed.connect(self._scores_came)
        self.bar.cells_resized.connect(self.grid.resize_cells)
        self.grid.cell_changed.connect(self.bar.cells.setValue)
        self.grid.wanted.connect(self._give_pictures)
        self.grid.focused.connect(self._focus)
        self.grid.activated.connect(self._lay_over)
        self.grid.pointed.connect(self.pointed)
        self.grid.menu_wanted.connect(self._menu)
        self.grid.cut_wanted.connect(self._cut)
        self.grid.tip = self._tip
        self.grid.value = self._said_of
        details = self.details
        details.channel_wanted.connect(lambda _channel: self._show_histogram())
        details.range_chosen.connect(self._choose_range)
        details.fixed.connect(self._fix_range)
        details.over_photo.connect(self._toggle_over)
        details.blended.connect(self._overlay.blend)

    # -- what others ask ---------------------------------------------------------------------

    def show_point(self, pixel_xy: PixelXY | None) -> None:
        """Mark a photo pixel in every channel; None: the pinned one, if there is one."""
        self._hovered = pixel_xy
        self._show_marks()

    # -- following the session ---------------------------------------------------------------

    def showEvent(self, event: QShowEvent) -> None:
        """Catch up with what changed while it was not seen."""
        super().showEvent(event)
        self._show()

    def _on_change(self, change: Change) -> None:
        what = change.what
        if what & (What.TRACE | What.INSPECTION | What.OVER_PHOTO | What.CUTS):
            self._refresh.request()
        if what & (What.LABELS | What.SCHEMA):
            self._rescore.request()

    def _show(self) -> None:
        """Show what the session says now."""
        if not self.isVisible():
            return
        inspection = self._session.inspection
        traced = inspection.traced
        layer = None
        if traced is not None:
            layer = next((one for one in traced.trace.layers if one.id == inspection.stage), None)
        self._switch.show_contents(layer is not None)
        if layer is None or traced is None:
            self._traced, self._layer = None, None
            self._scores.open(None, "", 0)
            return
        if traced is not self._traced or layer is not self._layer:
            self._open(traced, layer)
        self._follow_choices()

    def _open(self, traced: TracedNetwork, layer: LayerInfo) -> None:
        self._traced, self._layer, self._channel = traced, layer, None
        self._looked, self._asked_about, self._ordered_by = None, None, None
        self._scores.open(traced, layer.id, self._session.inspection.class_id)
        place = photo_place(traced, layer)
        aspect = layer.shape[1:] if place is None else place.window.shape_hw
        self.grid.show_stage(ordered(None, layer.shape[0], None, falling=False), aspect, place)
        channels, height, width = layer.shape
        self.details.title.show_text(layer.id)
        stride = f", {stride_text(layer.photo_stride)}" if layer.photo_stride else ""
        self.details.shape.show_text(
            f"{count_text(channels)} \u00d7 {height} \u00d7 {width}{stride}, {layer.role.value}"
        )

    def _follow_choices(self) -> None:
        inspection, layer = self._session.inspection, self._layer
        assert layer is not None
        about = (inspection.class_id, inspection.point, inspection.over)
        if about != self._asked_about:
            self._scores.show_class(inspection.class_id)
            self._scores.forget(ChannelOrder.INFLUENCE)
            self._asked_about = about
        if inspection.look != self._looked:
            self._looked = inspection.look
            self.grid.forget_pictures()
            self.details.show_look(inspection.look)
        if inspection.channel != self._channel:
            self._channel = inspection.channel
            self.details.channel.setChecked(self._channel is not None)
            self.details.stage.setChecked(self._channel is None)
        self.grid.show_focus(self._channel)
        self.grid.show_cut(self._cut_channels())
        has_place = layer.receptive_field is not None
        self.details.show_channel(self._channel, has_place=has_place)
        shown = self._overlay.channel == (layer.id, self._channel)
        self.details.show_over(shown, self._overlay.opacity)
        self._show_marks()
        self._scores_came()

    def _scores_came(self) -> None:
        """Figures are there, or shall be: order, marks, histogram, table."""
        if self._layer is None:
            return
        order = self.bar.chosen
        self._scores.want(order)
        if self._channel is not None:
            self._scores.want(ChannelOrder.ANNOTATION)
            self._scores.want(ChannelOrder.PREDICTION)
        if self._scores.dead is not None:
            self.grid.show_dead(self._scores.dead)
        self._sort()
        self._show_histogram()
        self._show_figures()
        self._show_note()
        self.grid.refresh()

    # -- order -------------------------------------------------------------------------------

    def _sort(self) -> None:
        """Sort anew if anything that the order depends on differs."""
        order, layer = self.bar.chosen, self._layer
        assert layer is not None
        values = self._scores.of(order)
        if order is not ChannelOrder.INDEX and values is None:
            return
        by = (order, self.bar.falling, self._scores.facts is not None)
        # arrays are replaced, never changed
        if by == self._ordered_by and values is self._ordered_values:
            return
        self._ordered_values = values
        self._ordered_by = by
        self._values = None if order is ChannelOrder.INDEX else values
        self._shown_order = order
        self.grid.show_order(
            ordered(
                self._values,
                layer.shape[0],
                None if order is ChannelOrder.INDEX else self._scores.dead,
                falling=self.bar.falling,
            )
        )

    def _show_note(self) -> None:
        assert self._layer is not None
        why = self._scores.problem or self._missing(self.bar.chosen)
        text = why or _count_text(self._layer, self._scores.facts)
        self.bar.note.show_text(text, text.replace("channels", "ch"))

    def _missing(self, order: ChannelOrder) -> str:
        """What keeps the channels from being sorted, "" if nothing."""
        if self._scores.waits_for(order):
            return "Computing\u2026"
        values = self._scores.of(order)
        if order not in _ABOUT_CLASS or values is None or self._traced is None:
            return ""
        if self._layer is not None and self._layer.receptive_field is None:
            return "Its maps are of a region, not of the photo"
        if bool(np.isnan(values).all()):
            name = self._traced.class_names.get(self._session.inspection.class_id, "the class")
            where = "annotation" if order is ChannelOrder.ANNOTATION else "prediction"
            return f"No {name} in the {where}"
        return ""

    def _score_annotation(self) -> None:
        if self._layer is not None:
            self._scores.forget(ChannelOrder.ANNOTATION)
            self._scores_came()

    # -- what is said ------------------------------------------------------------------------

    def _point(self) -> PixelXY | None:
        return self._hovered or self._session.inspection.point

    def _show_marks(self) -> None:
        point = self._point()
        self._at_point = None if point is None else self._scores.values_at(point)
        self.grid.show_point(point)
        value = None
        if self._at_point is not None and self._channel is not None:
            value = float(self._at_point[self._channel])
        self.details.histogram.show_value(value if self.details.channel.isChecked() else None)
        self._show_figures()

    def _said_of(self, channel: int) -> str:
        if self._values is not None:
            return order_text(self._shown_order, float(self._values[channel]))
        return "" if self._at_point is None else value_text(float(self._at_point[channel]))

    def _tip(self, channel: int) -> str:
        return tip_of(channel, self._scores, self._at_point)

    def _show_figures(self) -> None:
        self.details.figures.show_rows(figures(self._channel, self._scores, self._at_point))

    def _show_histogram(self) -> None:
        view, channel, facts = self.details.histogram, self._channel, self._scores.facts
        if self._layer is None:
            return
        look = self._session.inspection.look
        ends = self._scores.ends(channel or 0)
        own = look.value_range is ValueRange.CHANNEL
        if facts is None:
            view.show_counts(None, 0.0, 1.0)
        elif channel is None or not self.details.channel.isChecked():
            view.show_counts(facts.histogram, facts.low, facts.high)
            ends = None if own else ends
        else:
            low, high = facts.statistics.minimum[channel], facts.statistics.maximum[channel]
            self._scores.count_values(
                channel, lambda counts: view.show_counts(counts, float(low), float(high))
            )
        view.show_colours(look.colours.value, ends)

    def _cut_channels(self) -> set[int]:
        layer, found = self._layer, set[int]()
        if layer is None:
            return found
        for listed in self._session.inspection.cuts:
            cut = listed.cut
            if listed.enabled and isinstance(cut, ChannelCut) and cut.layer.id == layer.id:
                found |= set(range(layer.shape[0]) if cut.channels is None else cut.channels)
        return found

    # -- what the user does ------------------------------------------------------------------

    def _give_pictures(self, channels: tuple[int, ...], px: int) -> None:
        traced, layer, look = self._traced, self._layer, self._session.inspection.look
        if traced is None or layer is None:
            return

        def take(pictures: dict[int, Image]) -> None:
            now = (self._traced, self._layer, self._session.inspection.look)
            if now == (traced, layer, look):
                self.grid.add(pictures)

        self._scores.give_pictures(channels, look, px, take)

    def _focus(self, channel: int) -> None:
        if self._layer is not None:
            self._inspecting.open_stage(self._layer.id, channel)

    def _lay_over(self, channel: int) -> None:
        if self._layer is not None and self._layer.receptive_field is not None:
            self._inspecting.open_stage(self._layer.id, channel)
            self._overlay.show(Overlay.CHANNEL)

    def _toggle_over(self, shown: bool) -> None:
        if shown and self._channel is not None:
            self._lay_over(self._channel)
        else:
            self._overlay.clear()

    def _choose_range(self, value_range: ValueRange) -> None:
        """A fixed range begins with the values that are in force."""
        ends = self._scores.ends(self._channel or 0)
        if value_range is ValueRange.FIXED and ends is not None and ends[0] < ends[1]:
            self._inspecting.choose_look(value_range=value_range, fixed=ends)
        else:
            self._inspecting.choose_look(value_range=value_range)

    def _fix_range(self, low: float, high: float) -> None:
        self._inspecting.choose_look(value_range=ValueRange.FIXED, fixed=(low, high))

    def _cut(self, channels: tuple[int, ...]) -> None:
        if self._layer is not None and channels:
            self.cut_requested.emit(self._layer.id, channels)

    def _menu(self, place: QPoint) -> None:
        chosen = self.grid.selection
        has_place = self._layer is not None and self._layer.receptive_field is not None
        lay_over = self._lay_over if has_place else None
        channel_menu(self, chosen.channels, chosen.focus, lay_over, self._cut).popup(place)


def _count_text(layer: LayerInfo, facts: StageFacts | None) -> str:
    """How many channels there are, and how many of them are dead."""
    channels = f"{count_text(layer.shape[0])} channels"
    return f"{channels}, {facts.dead} dead" if facts is not None and facts.dead else channels


def channel_menu(
    parent: QWidget,
    channels: tuple[int, ...],
    focus: int | None,
    lay_over: Callable[[int], None] | None,
    cut: Callable[[tuple[int, ...]], None],
) -> QMenu:
    """What can be done with channels.

    Args:
        parent: Of the menu, which deletes itself when it closes.
        channels: The selected ones.
        focus: The one in focus.
        lay_over: Lays a channel over the photo; None where the stage has no place there.
        cut: Cuts channels.
    """
    menu = QMenu(parent)
    menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
    if focus is not None and lay_over is not None:
        show = lay_over
        menu.addAction(icon("blend"), f"Lay channel {focus} over the photo", lambda: show(focus))
    single = len(channels) == 1
    what = f"channel {channels[0]}" if single else f"{len(channels)} channels"
    menu.addAction(icon("scissors"), f"Cut {what}", lambda: cut(channels))
    menu.addSeparator()
    text = ", ".join(str(channel) for channel in channels)
    menu.addAction(
        icon("copy"),
        "Copy the number" if single else "Copy the numbers",
        lambda: QApplication.clipboard().setText(text),
    )
    return menu


class StageBar(QWidget):
    """Order, direction, a note, and the size of the pictures.

    Signals:
        order_changed: Another order or direction was chosen.
        cells_resized: Another size of the pictures was chosen (int, the longer side).
    """

    order_changed = Signal()
    cells_resized = Signal(int)

    def __init__(self) -> None:
        super().__init__()
        self.order = ElidedCombo()
        self.direction = QToolButton()
        self.note = ElidedLabel(Qt.TextElideMode.ElideRight)
        self.cells = QSlider(Qt.Orientation.Horizontal)
        self._label = PlainLabel("Sort")
        self._fill()
        row = QHBoxLayout(self)
        row.setContentsMargins(6, 3, 6, 3)
        row.setSpacing(4)
        row.addWidget(self._label)
        row.addWidget(self.order)
        row.addWidget(self.direction)
        row.addSpacing(4)
        row.addWidget(self.note, 1)
        row.addWidget(self.cells)
        self.order.activated.connect(self._chosen)
        self.direction.clicked.connect(self._turned)
        self.cells.valueChanged.connect(self.cells_resized)
        self._show_direction()

    @property
    def chosen(self) -> ChannelOrder:
        """What the channels are sorted by."""
        return ChannelOrder(self.order.currentData())

    @property
    def falling(self) -> bool:
        """Whether the largest come first."""
        return self.direction.isChecked()

    def choose(self, order: ChannelOrder) -> None:
        """Sort by something, the largest first but for the index."""
        self.order.setCurrentIndex(self.order.findData(order))
        self._chosen()

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Leave room for the note where there is little: the wheel resizes pictures, too."""
        super().resizeEvent(event)
        self._label.setVisible(self.width() >= _LABEL_FROM)
        self.cells.setVisible(self.width() >= _SLIDER_FROM)

    def minimumSizeHint(self) -> QSize:
        """Order and direction; the rest gives way."""
        return QSize(220, super().minimumSizeHint().height())

    def _fill(self) -> None:
        for row, order in enumerate(ChannelOrder):
            self.order.addItem(order.value, order)
            self.order.setItemData(row, plain(EXPLAINED[order]), Qt.ItemDataRole.ToolTipRole)
        self.order.setAccessibleName("Order of the channels")
        self.order.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.order.setMinimumContentsLength(12)
        self.order.setSizeAdjustPolicy(
            QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon
        )
        self.order.view().setMinimumWidth(160)
        self.direction.setCheckable(True)
        self.direction.setAutoRaise(True)
        self.direction.setIconSize(QSize(16, 16))
        self.note.setForegroundRole(QPalette.ColorRole.PlaceholderText)
        self.cells.setRange(SMALLEST_CELL, LARGEST_CELL)
        self.cells.setValue(USUAL_CELL)
        self.cells.setFixedWidth(60)
        self.cells.setAccessibleName("Size of the pictures")
        self.cells.setToolTip("Size of the pictures (Ctrl+wheel)")

    def _chosen(self) -> None:
        self.direction.setChecked(self.chosen is not ChannelOrder.INDEX)
        self._turned()

    def _turned(self) -> None:
        self._show_direction()
        self.order_changed.emit()

    def _show_direction(self) -> None:
        name = "arrow-down-wide-narrow" if self.falling else "arrow-down-narrow-wide"
        self.direction.setIcon(icon(name))
        text = "Largest first" if self.falling else "Smallest first"
        self.direction.setToolTip(plain(text))
        self.direction.setAccessibleName(text)
        self.order.setToolTip(plain(EXPLAINED[self.chosen]))
