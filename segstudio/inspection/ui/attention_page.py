"""Tokens of a transformer's block as a grid, and what the token under the pointer looks at."""

from __future__ import annotations

from typing import Final

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QPushButton, QVBoxLayout, QWidget

from segstudio.core.attention import AttentionBlock
from segstudio.core.formatting import counted
from segstudio.core.labels import Image
from segstudio.inspection.attending import Attending, AttentionState, AttentionView
from segstudio.inspection.explanations import error_text
from segstudio.inspection.inspecting import Inspecting
from segstudio.inspection.photo_overlay import PhotoOverlay
from segstudio.inspection.ui.photo_place import photo_pixel, photo_share
from segstudio.inspection.ui.picture_row import CaptionedPicture, PictureRow
from segstudio.inspection.ui.watched_page import WatchedPage
from segstudio.kit.coalesce import Coalescer
from segstudio.kit.elided import ElidedCombo
from segstudio.kit.empty import EmptyState, Switch
from segstudio.kit.plain import FaintLabel, plain
from segstudio.kit.turns import Parts
from segstudio.session.inspection import Overlay
from segstudio.session.session import Session, What

_NO_TRACE: Final = "The attention of a network appears here when one is traced."
_WAITING: Final = "Following attention through the network…"
_HOVER: Final = "Move the pointer over the photo: here is what the token at that place looks at."
_TIMES: Final = "\u00d7"


class AttentionPage(WatchedPage):
    """Two pictures: the block's tokens, and the attention of one of them, hovered or pinned.

    Signals:
        pointed: The photo's pixel (x, y) under the pointer in a picture, or None.
    """

    kinds = What.TRACE | What.INSPECTION | What.OVER_PHOTO
    pointed = Signal(object)

    block: ElidedCombo
    head: QComboBox
    on_photo: QPushButton
    pictures: PictureRow
    tokens: CaptionedPicture
    attention: CaptionedPicture

    def __init__(
        self,
        session: Session,
        inspecting: Inspecting,
        attending: Attending,
        overlay: PhotoOverlay,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(session, attending.watch, parent)
        self._attending, self._inspecting, self._overlay = attending, inspecting, overlay
        self._pixel: tuple[int, int] | None = None
        self._listed: object = None
        self._tokens_of: object = None
        self._asked: object = None
        self.line, self.note = FaintLabel(), FaintLabel()
        self._contents = QWidget()
        self._switch = Switch(EmptyState(_NO_TRACE), self._contents)
        self.setLayout(self._switch)
        self._look = Coalescer(self, self._ask_pixel)

    def build(self) -> Parts[None]:
        """Make what it holds, where it stays."""
        column = QVBoxLayout(self._contents)
        column.setContentsMargins(8, 6, 8, 6)
        column.setSpacing(6)
        yield from self._add_controls(column)
        yield
        self.pictures = PictureRow()
        column.addWidget(self.pictures, 1)
        yield
        self.tokens = self.pictures.add(CaptionedPicture("Tokens"))
        yield
        self.attention = self.pictures.add(CaptionedPicture("Attention"))
        yield
        for label in (self.line, self.note):
            column.addWidget(label)
        self._connect()

    @property
    def empty_text(self) -> str:
        """The line shown instead of pictures, "" while they are shown."""
        return self._switch.empty_text

    def show_point(self, pixel_xy: tuple[int, int] | None) -> None:
        """The pointer is over a pixel (x, y) of the photo; None: the pinned one counts again."""
        self._pixel = pixel_xy
        self._look.request()

    def _add_controls(self, column: QVBoxLayout) -> Parts[None]:
        top = QHBoxLayout()
        top.setSpacing(6)
        column.addLayout(top)
        self.block = ElidedCombo()
        self.block.setAccessibleName("Block")
        self.block.setToolTip("The block whose tokens and attention are shown")
        self.block.setMinimumContentsLength(10)
        top.addWidget(self.block, 1)
        yield
        self.head = QComboBox()
        self.head.setAccessibleName("Head")
        self.head.setToolTip("The mean of all heads, or one of them")
        top.addWidget(self.head)
        self.on_photo = QPushButton("Over photo")
        self.on_photo.setCheckable(True)
        self.on_photo.setToolTip(plain("Lay the pinned pixel's attention over the photo"))
        top.addWidget(self.on_photo)

    def _connect(self) -> None:
        self.block.activated.connect(
            lambda: self._attending.choose_block(str(self.block.currentData()))
        )
        self.head.activated.connect(lambda: self._attending.choose_head(self.head.currentData()))
        self.on_photo.clicked.connect(
            lambda on: self._overlay.show(Overlay.ATTENTION if on else Overlay.NOTHING)
        )
        group = self.pictures.group
        group.hovered.connect(
            lambda place: self.pointed.emit(photo_pixel(self._session.inspection.traced, place))
        )
        group.clicked.connect(
            lambda place: self._inspecting.pin(photo_pixel(self._session.inspection.traced, place))
        )
        self._session.changed.connect(self._on_change)

    # -- what is shown -------------------------------------------------------------------------

    def _show(self) -> None:
        state, inspection = self._attending.state, self._session.inspection
        self._switch.show_contents(state.kept is not None, _line(state))
        self.on_photo.setChecked(inspection.overlay is Overlay.ATTENTION)
        if state.kept is None:
            self._tokens_of = self._asked = None
            return
        self._list(state)
        self._show_tokens(state)
        self._ask_pixel()

    def _list(self, state: AttentionState) -> None:
        assert state.blocks is not None
        assert state.kept is not None
        if state.blocks is not self._listed:
            self._listed = state.blocks
            self.block.clear()
            for block in state.blocks.blocks:
                self.block.addItem(_title(block), block.id)
        block = state.kept.block
        chosen = state.blocks.chosen(self._session.inspection.attention_block)
        self.block.setCurrentIndex(self.block.findData(chosen.id if chosen else block.id))
        if self.head.count() != block.heads + 1:
            self.head.clear()
            self.head.addItem("Mean of the heads", None)
            for head in range(block.heads):
                self.head.addItem(f"Head {head + 1}", head)
        shown = self._attending.head
        self.head.setCurrentIndex(0 if shown is None else shown + 1)
        self.head.setEnabled(block.heads > 1)
        self.note.setText(_note(state.blocks.others))
        self.note.setVisible(bool(self.note.text()))

    def _show_tokens(self, state: AttentionState) -> None:
        inspection = self._session.inspection
        wanted = (
            state.kept, inspection.picture, inspection.picture_channel, inspection.look.colours,
        )  # fmt: skip
        if wanted == self._tokens_of:
            return
        self._tokens_of = wanted
        assert state.kept is not None
        tokens, block = state.kept.tokens, state.kept.block

        def done(picture: Image) -> None:
            if wanted == self._tokens_of:
                self.tokens.view.show_picture(picture)
                self.pictures.arrange()

        def failed(error: Exception) -> None:
            self.tokens.view.show_text(error_text(error))

        if tokens is None:
            self.tokens.view.show_text(
                "Queries have no place: the one whose mask is the surest at a pixel looks from there."
                if block.queries
                else "The block's result has no place on the image."
            )
            self.tokens.note.show_text("")
        else:
            channels, height, width = tokens.shape
            rest = ", without the class token" if block.placeless == 1 else ""
            self.tokens.note.show_text(f"{channels} {_TIMES} {height} {_TIMES} {width}{rest}")
            self._attending.tokens_picture(done, failed)

    # -- the pixel -----------------------------------------------------------------------------

    def _ask_pixel(self) -> None:
        """Ask what the hovered pixel's token looks at, or the pinned one's."""
        state, inspection = self._attending.state, self._session.inspection
        pixel = self._pixel or inspection.point
        self.pictures.group.show_marker(photo_share(inspection.traced, pixel))
        if not self.isVisible() or state.kept is None:
            return
        asked = (state.kept, pixel, self._attending.head, inspection.look.colours)
        if asked == self._asked:
            return
        self._asked = asked
        if pixel is None:
            self.line.setText(_HOVER)
            self.attention.view.show_text("")
            self.attention.note.show_text("")
            return

        def done(view: AttentionView) -> None:
            if asked == self._asked:
                self._show_view(view, state)

        def failed(error: Exception) -> None:
            if asked == self._asked:
                self.attention.view.show_text("")
                self.line.setText(error_text(error))

        self._attending.of_pixel(pixel, done, failed)

    def _show_view(self, view: AttentionView, state: AttentionState) -> None:
        assert state.kept is not None
        height, width = state.kept.block.key_hw
        self.attention.view.show_picture(view.picture)
        self.attention.note.show_text(f"over {height} {_TIMES} {width} places")
        self.line.setText(view.text)
        self.pictures.arrange()


def _line(state: AttentionState) -> str:
    """What is said while there are no pictures."""
    if state.problem:
        return state.problem
    if state.traced is None:
        return _NO_TRACE
    if state.blocks is None or state.blocks.blocks:
        return _WAITING
    title, others = state.traced.title, state.blocks.others
    if others:
        return (
            f"{title} has attention among its queries only ({others} times), which have no place "
            "on the image."
        )
    return f"{title} has no attention: it is made of convolutions."


def _title(block: AttentionBlock) -> str:
    if block.queries:
        height, width = block.key_hw
        return f"{block.id} ({block.queries} queries, {height} {_TIMES} {width})"
    height, width = block.query_hw
    windows = f", {block.windows} windows" if block.windows > 1 else ""
    return f"{block.id} ({height} {_TIMES} {width}{windows})"


def _note(others: int) -> str:
    if not others:
        return ""
    return (
        f"Not shown: {counted(others, 'attention')} of queries, which have no place on the image."
    )
