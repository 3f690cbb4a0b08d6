"""The line below the canvas for images of several pages or channels."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QHBoxLayout, QSlider, QSpinBox, QWidget

from segstudio.folder.browsing import Browsing
from segstudio.kit.action_set import ActionSet
from segstudio.kit.elided import ElidedCombo
from segstudio.kit.icon_button import action_icon
from segstudio.kit.key_tips import KeyTip
from segstudio.kit.plain import PlainLabel, plain
from segstudio.session.document import Document
from segstudio.session.session import Change, Session, What
from segstudio.storage.image_ref import page_of
from segstudio.storage.picture import COMPOSITE

_HEIGHT = 34
_SHOWN = What.DOCUMENT | What.PROJECT | What.VIEW
_CHANNEL_TIP = (
    "The channel that is shown. Models get the composite: all channels in their colours.\n"
    "The stored values of every channel are in the status bar."
)


class StackBar(QWidget):
    """Chooses the page of a stack and the channel; hidden where there is nothing to choose."""

    def __init__(self, session: Session, browsing: Browsing, actions: ActionSet) -> None:
        super().__init__()
        self._session, self._browsing = session, browsing
        self._listed: tuple[str, ...] = ()
        self.setFixedHeight(_HEIGHT)
        self.slider = QSlider(Qt.Orientation.Horizontal)
        self.slider.setAccessibleName("Page")
        keys = "{image.previous_page} and {image.next_page}"
        KeyTip(actions, self.slider, "Page of the stack", keys)
        self.slider.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.number = QSpinBox()
        self.number.setAccessibleName("Page number")
        self.number.setPrefix("Page ")
        self.number.setKeyboardTracking(False)
        self.channel = ElidedCombo()
        self.channel.setAccessibleName("Channel")
        self.channel.setToolTip(plain(_CHANNEL_TIP))
        self.channel.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self._of = PlainLabel()
        self._pages = QWidget()
        pages = QHBoxLayout(self._pages)
        pages.setContentsMargins(0, 0, 0, 0)
        pages.setSpacing(4)
        pages.addWidget(action_icon(actions["image.previous_page"]))
        pages.addWidget(self.slider, 1)
        pages.addWidget(action_icon(actions["image.next_page"]))
        pages.addWidget(self.number)
        pages.addWidget(self._of)
        row = QHBoxLayout(self)
        row.setContentsMargins(8, 0, 8, 0)
        row.setSpacing(12)
        row.addWidget(self._pages, 1)
        row.addWidget(self.channel)
        row.setAlignment(self.channel, Qt.AlignmentFlag.AlignRight)
        self._show()
        self.slider.valueChanged.connect(lambda page: browsing.select_page(page - 1))
        self.number.valueChanged.connect(lambda page: browsing.select_page(page - 1))
        self.channel.activated.connect(
            lambda: browsing.show_channel(int(self.channel.currentData()))
        )
        session.changed.connect(self._on_change)

    def _on_change(self, change: Change) -> None:
        if change.what & _SHOWN:
            self._show()

    def _show(self) -> None:
        document, pages = self._session.document, self._browsing.pages
        if document is not None or pages == 1:  # else a page is being read: all stays as it is
            self._list_channels(document)
        if pages > 1:
            page = page_of(self._browsing.place) + 1
            for widget in (self.slider, self.number):
                widget.blockSignals(True)
                widget.setRange(1, pages)
                if isinstance(widget, QSlider):
                    widget.setPageStep(max(1, pages // 10))
                widget.setValue(page)
                widget.blockSignals(False)
            self._of.setText(f"of {pages}")
        self._pages.setVisible(pages > 1)
        self.setVisible(pages > 1 or bool(self._listed))

    def _list_channels(self, document: Document | None) -> None:
        picture = None if document is None else document.picture
        names = picture.names if picture is not None and picture.has_choice else ()
        if names != self._listed:
            self._listed = names
            self.channel.clear()
            self.channel.addItem("Composite", COMPOSITE)
            for number, name in enumerate(names):
                self.channel.addItem(name, number)
        self.channel.setVisible(bool(names))
        if document is not None:
            shown = document.channel_for(self._session.view.channel)
            self.channel.setCurrentIndex(self.channel.findData(shown))
