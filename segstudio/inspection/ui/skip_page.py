"""One skip connection: what comes from the encoder, what from below, and what becomes of them."""

from __future__ import annotations

from dataclasses import dataclass

from PySide6.QtCore import QEvent, QRectF, QSize, Qt, Signal
from PySide6.QtGui import (
    QColor,
    QHelpEvent,
    QHideEvent,
    QPainter,
    QPaintEvent,
    QShowEvent,
)
from PySide6.QtWidgets import QHBoxLayout, QPushButton, QSizePolicy, QToolTip, QVBoxLayout, QWidget

from segstudio.core.features import EdgeKind, SkipEdge
from segstudio.core.series_colors import series_color
from segstudio.inspection.cutting import Cutting
from segstudio.inspection.inspecting import Inspecting
from segstudio.inspection.skip_merge_views import JoinPart, JoinView, PartKind
from segstudio.inspection.ui.cut_list_view import chosen_how, how_combo
from segstudio.inspection.ui.photo_place import photo_pixel, photo_share
from segstudio.inspection.ui.picture_row import PictureRow
from segstudio.kit.coalesce import Coalescer
from segstudio.kit.elided import ElidedCombo
from segstudio.kit.empty import EmptyState, Switch
from segstudio.kit.plain import FaintLabel, plain
from segstudio.session.inspection import MapPicture, TracedNetwork
from segstudio.session.session import Change, Session, What

_BAR_HEIGHT = 24
_PICTURE_PX = 512
_TITLES = {
    PartKind.SKIP: "From {}",
    PartKind.BELOW: "From below",
    PartKind.OTHER: "From {}",
    PartKind.JOINED: "Joined",
    PartKind.AFTER: "After {}",
}
_JOINED_BY = {
    EdgeKind.CONCATENATION: "concatenated",
    EdgeKind.ADDITION: "added",
    EdgeKind.LATERAL: "added (lateral)",
    EdgeKind.PYRAMID: "a pyramid's level",
}
_NO_TRACE = "Nothing is traced yet."


class SkipPage(QWidget):
    """Pictures of what a skip's join brings together, shares of energy, and a switch to cut it.

    Signals:
        pointed: The photo's pixel (x, y) under the pointer in a picture, or None.
    """

    pointed = Signal(object)

    def __init__(
        self,
        session: Session,
        inspecting: Inspecting,
        cutting: Cutting,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._session, self._inspecting, self._cutting = session, inspecting, cutting
        self._asked: tuple[object, ...] = ()
        self._waiting = False
        self._listed: TracedNetwork | None = None
        self.view: JoinView | None = None
        self.chooser = ElidedCombo()
        self.chooser.setAccessibleName("Skip connection")
        self.chooser.setToolTip("The skip connection that is looked at")
        self.chooser.setMinimumContentsLength(10)
        self.how = how_combo()
        self.cut = QPushButton("Cut this skip")
        self.cut.setCheckable(True)
        self.cut.setToolTip("The Cuts page shows the mask without it")
        self.pictures = PictureRow()
        self.bar = EnergyBar()
        self.line = FaintLabel()
        self._switch = Switch(EmptyState(_NO_TRACE), self._contents())
        self.setLayout(self._switch)
        self._refresh = Coalescer(self, self._show)
        self._connect()

    @property
    def empty_text(self) -> str:
        """The line shown instead of a skip, "" while one is shown."""
        return self._switch.empty_text

    def show_point(self, pixel_xy: tuple[int, int] | None) -> None:
        """Mark the place of a pixel (x, y) of the photo in every picture, or none."""
        self.pictures.group.show_marker(photo_share(self._session.inspection.traced, pixel_xy))

    def _contents(self) -> QWidget:
        top = QHBoxLayout()
        top.setSpacing(6)
        top.addWidget(self.chooser, 1)
        top.addWidget(self.how)
        top.addWidget(self.cut)
        contents = QWidget()
        column = QVBoxLayout(contents)
        column.setContentsMargins(8, 6, 8, 6)
        column.setSpacing(6)
        column.addLayout(top)
        column.addWidget(self.pictures, 1)
        column.addWidget(self.bar)
        column.addWidget(self.line)
        return contents

    def _connect(self) -> None:
        self.chooser.activated.connect(
            lambda: self._inspecting.open_skip(str(self.chooser.currentData()))
        )
        self.cut.clicked.connect(self._toggle)
        self.how.activated.connect(self._choose_how)
        self.pictures.group.hovered.connect(
            lambda place: self.pointed.emit(photo_pixel(self._session.inspection.traced, place))
        )
        self.pictures.group.clicked.connect(
            lambda place: self._inspecting.pin(photo_pixel(self._session.inspection.traced, place))
        )
        self._session.changed.connect(self._on_change)

    # -- cutting -------------------------------------------------------------------------------

    def _toggle(self) -> None:
        edge = self._edge()
        if edge is None:
            return
        if self.cut.isChecked():
            self._cutting.cut_skip(edge, chosen_how(self.how))
        else:
            self._cutting.keep_skip(edge)

    def _choose_how(self) -> None:
        edge = self._edge()
        if edge is not None and self._cutting.is_cut(edge):
            self._cutting.cut_skip(edge, chosen_how(self.how))

    def _show_cut(self) -> None:
        edge = self._edge()
        listed = None if edge is None else self._cutting.cut_of(edge)
        cut = listed is not None and listed.enabled
        self.cut.setChecked(cut)
        self.cut.setText("Undo the cut" if cut else "Cut this skip")
        if listed is not None:
            self.how.setCurrentIndex(self.how.findData(listed.cut.how))

    # -- what is shown -------------------------------------------------------------------------

    def _on_change(self, change: Change) -> None:
        if change.what & (What.TRACE | What.INSPECTION | What.CUTS):
            self._refresh.request()

    def showEvent(self, event: QShowEvent) -> None:
        """Catch up with what happened while it was not seen."""
        super().showEvent(event)
        self._refresh.request()

    def hideEvent(self, event: QHideEvent) -> None:
        """Give the memory of the join back."""
        super().hideEvent(event)
        if self._waiting:
            self._asked, self._waiting = (), False
        self._cutting.skip_merges.forget()

    def _edge(self) -> SkipEdge | None:
        inspection = self._session.inspection
        if inspection.traced is None:
            return None
        skips = inspection.traced.trace.skips
        return next((edge for edge in skips if edge.id == inspection.skip), None)

    def _show(self) -> None:
        if not self.isVisible():
            return
        traced = self._session.inspection.traced
        if traced is None or not traced.trace.skips:
            self._clear(traced)
            return
        self._list(traced)
        if self._edge() is None:
            # the finest one says most about edges; this comes back here by the session's signal
            self._inspecting.open_skip(traced.trace.skips[-1].id)
            return
        self._switch.show_contents(True)
        self._show_cut()
        self._look(traced)

    def _clear(self, traced: TracedNetwork | None) -> None:
        text = _NO_TRACE if traced is None else f"{traced.title} has no skip connections."
        self._switch.show_contents(False, text)
        self._asked, self.view = (), None

    def _list(self, traced: TracedNetwork) -> None:
        if traced is not self._listed:
            self._listed = traced
            self.chooser.clear()
            for edge in traced.trace.skips:
                self.chooser.addItem(f"{edge.source} → {edge.target}", edge.id)
        self.chooser.setCurrentIndex(self.chooser.findData(self._session.inspection.skip))

    def _look(self, traced: TracedNetwork) -> None:
        """Ask for the pictures, unless these are shown or under way."""
        inspection = self._session.inspection
        channel = inspection.picture_channel if inspection.picture is MapPicture.CHANNEL else 0
        wanted = (traced, inspection.skip, inspection.picture, channel, inspection.look)
        if wanted == self._asked:
            return
        self._asked = wanted
        coming = self._cutting.skip_merges.look(
            inspection.skip, _PICTURE_PX, self._arrived, self._failed
        )
        self._waiting = coming
        if not coming:
            self._asked = ()
        elif self.view is None or self.view.edge.id != inspection.skip:
            self.line.setText("Looking…")

    def _failed(self, text: str) -> None:
        self.view, self._waiting = None, False
        self.pictures.show_cells(0)
        self.bar.show_shares(())
        self.line.setText(text)

    def _arrived(self, view: JoinView) -> None:
        self.view, self._waiting = view, False
        self.pictures.show_cells(len(view.parts))
        components = self._session.inspection.picture is MapPicture.COMPONENTS
        for cell, part in zip(self.pictures.cells, view.parts, strict=True):
            cell.title.show_text(_title(part))
            cell.note.show_text(
                _note(part, components=components), f"{part.shape[0]} ch, RMS {part.rms:.3g}"
            )
            cell.view.setAccessibleName(_title(part))
            cell.view.show_picture(part.picture)
        self.pictures.arrange()
        self.bar.show_shares(tuple(Share(_short(part), part.share or 0.0) for part in view.sources))
        self.line.setText(explained(view))


def _title(part: JoinPart) -> str:
    if part.kind is PartKind.BELOW:
        return f"From below: {part.name}" if part.name else "From below"
    return _TITLES[part.kind].format(part.name or "another skip")


def _short(part: JoinPart) -> str:
    return "from below" if part.kind is PartKind.BELOW else part.name or "another skip"


def _note(part: JoinPart, *, components: bool) -> str:
    channels, height, width = part.shape
    text = f"{channels} channels, RMS {part.rms:.3g}, {height} \u00d7 {width}"
    if part.crop_text:
        text = f"{text} {part.crop_text}"
    return text if components else f"{text}, colours {part.low:.3g} … {part.high:.3g}"


def explained(view: JoinView) -> str:
    """What a join brings together, in words."""
    shares = [f"{100 * (part.share or 0):.0f} % is {_origin(part)}" for part in view.sources]
    joined = _JOINED_BY[view.edge.kind]
    if not view.response:
        listed = ", ".join(shares)
        return f"Of the energy of what is {joined}, {listed}; no convolution reads it directly."
    percent = 100 * view.interference
    if abs(percent) < 1:
        meeting = "the parts hardly overlap"
    elif percent < 0:
        meeting = f"the parts partly cancel, together {-percent:.0f} % less"
    else:
        meeting = f"the parts reinforce each other, together {percent:.0f} % more"
    listed = ", ".join(shares)
    text = f"Of the energy of {view.response}'s response, {listed} ({joined}); {meeting}."
    edge = view.edge
    if not edge.crop_text:
        return text
    size = f"{edge.shape[1]}\u00d7{edge.shape[2]}"
    return f"{text} {edge.source} is {edge.crop_text} to {size}, as convolutions pad nothing."


def _origin(part: JoinPart) -> str:
    return "from below" if part.kind is PartKind.BELOW else f"from {part.name or 'another skip'}"


@dataclass(frozen=True)
class Share:
    """One source.

    Attributes:
        name: What it is called.
        share: Its part of the whole, 0..1.
    """

    name: str
    share: float

    @property
    def text(self) -> str:
        return f"{self.name} {100 * self.share:.0f} %"


class EnergyBar(QWidget):
    """Segments as wide as the shares, with name and per cent where they fit."""

    def __init__(self) -> None:
        super().__init__()
        self._shares: tuple[Share, ...] = ()
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    @property
    def shares(self) -> tuple[Share, ...]:
        return self._shares

    def show_shares(self, shares: tuple[Share, ...]) -> None:
        """Show other shares; they sum to 1."""
        self._shares = shares
        self.setAccessibleName("Share of the energy: " + ", ".join(s.text for s in shares))
        self.update()

    def sizeHint(self) -> QSize:
        """One line."""
        return QSize(160, max(_BAR_HEIGHT, self.fontMetrics().height() + 8))

    def minimumSizeHint(self) -> QSize:
        """One line."""
        return QSize(40, self.sizeHint().height())

    def event(self, event: QEvent) -> bool:
        """Name and per cent of the segment under the pointer."""
        if event.type() == QEvent.Type.ToolTip and isinstance(event, QHelpEvent):
            found = [
                share
                for box, share in zip(self._boxes(), self._shares, strict=True)
                if box.contains(event.pos())
            ]
            QToolTip.showText(event.globalPos(), plain(found[0].text) if found else "", self)
            return True
        return super().event(event)

    def _boxes(self) -> list[QRectF]:
        left, boxes = 0.0, []
        for share in self._shares:
            wide = share.share * self.width()
            boxes.append(QRectF(left, 0, wide, self.height()))
            left += wide
        return boxes

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setPen(Qt.PenStyle.NoPen)
        for index, (box, share) in enumerate(zip(self._boxes(), self._shares, strict=True)):
            colour = QColor(series_color(index))
            painter.fillRect(box.adjusted(0, 0, -1 if index < len(self._shares) - 1 else 0, 0),
                             colour)  # fmt: skip
            painter.setPen(Qt.GlobalColor.black if colour.lightness() > 105 else
                           Qt.GlobalColor.white)  # fmt: skip
            for text in (share.text, f"{100 * share.share:.0f} %"):
                if self.fontMetrics().horizontalAdvance(text) + 10 <= box.width():
                    painter.drawText(box, Qt.AlignmentFlag.AlignCenter, text)
                    break
        painter.end()
