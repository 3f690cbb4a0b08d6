"""The help: the pages of the documentation in a window of its own, beside the work."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from PySide6.QtCore import (
    QEvent,
    QModelIndex,
    QObject,
    QPersistentModelIndex,
    QRect,
    QSize,
    Qt,
    QTimer,
    QUrl,
)
from PySide6.QtGui import (
    QCloseEvent,
    QColor,
    QDesktopServices,
    QFont,
    QFontDatabase,
    QFontMetrics,
    QImage,
    QImageReader,
    QKeyEvent,
    QKeySequence,
    QPainter,
    QShortcut,
    QTextBlock,
    QTextBlockFormat,
    QTextCharFormat,
    QTextCursor,
    QTextDocument,
    QTextFormat,
    QTextFrameFormat,
    QTextLength,
    QTextTable,
    QTextTableFormat,
)
from PySide6.QtWidgets import (
    QFrame,
    QHBoxLayout,
    QLineEdit,
    QListWidget,
    QListWidgetItem,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QTextBrowser,
    QTextEdit,
    QVBoxLayout,
    QWidget,
)

from segstudio.jobs import Job, JobRunner
from segstudio.kit.icon_button import icon_button
from segstudio.kit.plain import plain
from segstudio.kit.theme import TEXT_PX, Tokens, tokens_of
from segstudio.resources import docs_path
from segstudio.window.help_pages import (
    FOR_USERS,
    HelpHit,
    HelpPage,
    anchor_of,
    are_read,
    page_named,
    page_names,
    places,
    search,
    short_title,
    target_of,
    term_anchor,
)

_LIST_PX, _MARGIN = 280, 8
_SIZE = QSize(1000, 680)
_HEADINGS: Final = {1: 20, 2: 15, 3: TEXT_PX}
"""Heights of headings by their level."""
_TARGET, _EXCERPT, _PAGE = (Qt.ItemDataRole.UserRole + n for n in (1, 2, 3))
_SPOKEN = Qt.ItemDataRole.AccessibleTextRole
_ROW, _HIT, _BAR = 28, 44, 3
_MOST_MARKS = 300


@dataclass(frozen=True)
class _Stop:
    """Where the reader was: a page, what was gone to on it, and how far it was scrolled."""

    page: str
    anchor: str = ""
    scrolled: int = -1


class HelpWindow(QWidget):
    """Pages at the left, one of them at the right; a search in headings and text."""

    def __init__(self, parent: QWidget, jobs: JobRunner) -> None:
        """Take the window that it helps with, with which it closes, and what reads pictures."""
        super().__init__(parent, Qt.WindowType.Window)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle("segstudio help")
        self.setAccessibleName("Help")
        self._before: list[_Stop] = []
        self._after: list[_Stop] = []
        self._here = _Stop("")
        self._reading: Job | None = None
        self.back = icon_button("chevron-left", "Back (Alt+Left)", name="Back")
        self.forward = icon_button("chevron-right", "Forward (Alt+Right)", name="Forward")
        self.field = QLineEdit()
        self.field.setPlaceholderText("Search help")
        self.field.setAccessibleName("Search help")
        self.field.setToolTip("Find headings, words and text (Ctrl+F)")
        self.field.setClearButtonEnabled(True)
        self.list = QListWidget()
        self.list.setAccessibleName("Pages")
        self.list.setItemDelegate(_RowDelegate(self.list))
        self.list.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.page = PageView(jobs)
        self._lay_out()
        self.back.clicked.connect(self.go_back)
        self.forward.clicked.connect(self.go_forward)
        self.field.textChanged.connect(self._fill)
        self.field.installEventFilter(self)
        self.list.currentItemChanged.connect(self._on_item)
        self.page.anchorClicked.connect(lambda url: self._follow(url.toString()))
        parent.installEventFilter(self)
        keys = QKeySequence.StandardKey
        for key, do in (
            ("Alt+Left", self.go_back), ("Alt+Right", self.go_forward), ("F1", self.close),
            (keys.Find, self._to_search), ("Esc", self._leave), (keys.Close, self.close),
        ):  # fmt: skip
            QShortcut(QKeySequence(key), self, do)
        self._fill("")
        if not are_read():
            self._reading = jobs.submit(
                "Reading help", "thumbnails", lambda _job: places(), self._have_read, visible=False
            )

    def open_beside(self, window: QWidget) -> None:
        """Show it over the right part of a window, within its screen."""
        room = window.screen().availableGeometry().adjusted(8, 40, -8, -8)
        self.resize(_SIZE.boundedTo(room.size()))
        frame = window.frameGeometry()
        x = min(frame.right() - self.width() - 8, room.right() - self.width())
        y = min(frame.top() + 64, room.bottom() - self.height())
        self.move(max(x, room.left()), max(y, room.top()))
        self.show()

    def show_page(self, name: str, anchor: str = "") -> None:
        """Show a page from a heading or an explained word on."""
        self._go(_Stop(name, anchor))

    @property
    def shown(self) -> tuple[str, str]:
        """The page that is shown, and what was gone to on it."""
        return self._here.page, self._here.anchor

    def go_back(self) -> None:
        """Show what was shown before."""
        self._step(self._before, self._after)

    def go_forward(self) -> None:
        """Show again what was left with "back"."""
        self._step(self._after, self._before)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if watched is not self.field:
            if event.type() == QEvent.Type.Hide and not event.spontaneous():
                self.close()
            return False
        if event.type() == QEvent.Type.KeyPress and isinstance(event, QKeyEvent):
            if event.key() == Qt.Key.Key_Escape:  # the field keeps plain keys from shortcuts
                self._leave()
                return True
            to_list = event.key() in (Qt.Key.Key_Down, Qt.Key.Key_Return, Qt.Key.Key_Enter)
            if to_list:
                self._to_list()
            return to_list
        return False

    def closeEvent(self, event: QCloseEvent) -> None:
        self.page.stop()
        if self._reading is not None:
            self._reading.cancel()
        event.accept()

    def _lay_out(self) -> None:
        top = QHBoxLayout()
        top.setContentsMargins(_MARGIN, 0, 0, 0)
        top.setSpacing(4)
        for widget in (self.back, self.forward, self.field):
            top.addWidget(widget)
        left = QVBoxLayout()
        left.setContentsMargins(0, _MARGIN, 0, 0)
        left.setSpacing(_MARGIN)
        left.addLayout(top)
        left.addWidget(self.list, 1)
        side = QWidget()
        side.setLayout(left)
        side.setFixedWidth(_LIST_PX)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(_MARGIN)
        row.addWidget(side)
        row.addWidget(self.page, 1)
        self._follow_history()

    # -- the list ------------------------------------------------------------------------------

    def _fill(self, query: str) -> None:
        """List all pages, or what a search finds."""
        self.list.blockSignals(True)
        self.list.clear()
        if not are_read():
            self._add("Reading the pages…", None)
        elif query.strip():
            self._add_hits(search(query))
        else:
            self._add_pages()
        self.list.blockSignals(False)
        self.page.mark(query.lower().split())

    def _have_read(self, _places: object) -> None:
        """All pages are known: list them, or what is being looked for."""
        self._fill(self.field.text())

    def _add_pages(self) -> None:
        self.list.setAccessibleName("Pages")
        for caption, mine in (("Using segstudio", True), ("For developers", False)):
            names = [name for name in page_names() if (name in FOR_USERS) == mine]
            if names:
                self._add(caption, None)
            for name in names:
                title = page_named(name).title
                self._add(short_title(title), (name, ""), tip=title)
        self._choose_shown()

    def _add_hits(self, hits: list[HelpHit]) -> None:
        self.list.setAccessibleName("What was found")
        if not hits:
            self._add("Nothing has these words.", None)
        for hit in hits:
            place = hit.place
            item = self._add(
                short_title(place.title) if place.title == place.page_title else place.title,
                (place.page, place.anchor),
                tip=f"{place.whole_title}\n{hit.excerpt}",
            )
            item.setData(_EXCERPT, hit.excerpt)
            if place.title != place.page_title:
                item.setData(_PAGE, short_title(place.page_title))
                item.setData(_SPOKEN, f"{place.whole_title}: {hit.excerpt}")

    def _add(self, text: str, target: tuple[str, str] | None, tip: str = "") -> QListWidgetItem:
        item = QListWidgetItem(text)
        item.setData(_TARGET, target)
        if target is None:
            item.setFlags(Qt.ItemFlag.NoItemFlags)
        else:
            item.setToolTip(plain(tip))
        self.list.addItem(item)
        return item

    def _choose_shown(self) -> None:
        """Mark the page that is shown in the list of pages."""
        if self.field.text().strip():
            return
        self.list.blockSignals(True)
        for row in range(self.list.count()):
            if self.list.item(row).data(_TARGET) == (self._here.page, ""):
                self.list.setCurrentRow(row)
        self.list.blockSignals(False)

    def _on_item(self, item: QListWidgetItem | None) -> None:
        target = None if item is None else item.data(_TARGET)
        if target is not None:
            self.show_page(*target)
            self.page.mark(self.field.text().lower().split())

    def _to_search(self) -> None:
        self.field.setFocus(Qt.FocusReason.ShortcutFocusReason)
        self.field.selectAll()

    def _to_list(self) -> None:
        first = next(
            (r for r in range(self.list.count()) if self.list.item(r).data(_TARGET) is not None), -1
        )
        if first >= 0:
            self.list.setFocus(Qt.FocusReason.OtherFocusReason)
            if self.list.currentRow() < 0:
                self.list.setCurrentRow(first)

    def _leave(self) -> None:
        """End the search, or close."""
        if self.field.text():
            self.field.clear()
        else:
            self.close()

    # -- going from page to page ---------------------------------------------------------------

    def _go(self, stop: _Stop) -> None:
        if (stop.page, stop.anchor) == self.shown:
            self.page.go_to(stop.anchor)
            return
        if self._here.page:
            self._before.append(self._left())
        self._after.clear()
        self._arrive(stop)

    def _step(self, source: list[_Stop], other: list[_Stop]) -> None:
        if source:
            other.append(self._left())
            self._arrive(source.pop())

    def _left(self) -> _Stop:
        return _Stop(self._here.page, self._here.anchor, self.page.verticalScrollBar().value())

    def _arrive(self, stop: _Stop) -> None:
        page = page_named(stop.page)
        same = self._here.page == stop.page
        self._here = stop
        self.setWindowTitle(f"{page.title} - segstudio help")
        if not same:
            self.page.show_page(page, stop.anchor, stop.scrolled)
        elif stop.scrolled >= 0:
            self.page.verticalScrollBar().setValue(stop.scrolled)
        else:
            self.page.go_to(stop.anchor)
        self._choose_shown()
        self._follow_history()

    def _follow(self, link: str) -> None:
        """Open a link: of the help here, all others in the system's browser."""
        target = target_of(link, self._here.page)
        if target is not None:
            self.show_page(*target)
        elif QUrl(link).scheme() in ("http", "https"):
            QDesktopServices.openUrl(QUrl(link))

    def _follow_history(self) -> None:
        self.back.setEnabled(bool(self._before))
        self.forward.setEnabled(bool(self._after))


class PageView(QTextBrowser):
    """A page of Markdown, put in part by part so that no turn of the event loop is long."""

    def __init__(self, jobs: JobRunner) -> None:
        super().__init__()
        self.setOpenLinks(False)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setAccessibleName("Help page")
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setMinimumWidth(360)
        self._jobs = jobs
        self._reading: dict[str, Job] = {}
        self._pictures: dict[str, QImage] = {}
        """Those that were read, by the path of their file."""
        self._page: HelpPage | None = None
        self._parts: list[str] = []
        self._anchor, self._scrolled = "", -1
        self._words: list[str] = []
        self._target: QTextCursor | None = None
        self._next = QTimer(self, singleShot=True, interval=0)
        self._next.timeout.connect(self._add_part)

    def show_page(self, page: HelpPage, anchor: str = "", scrolled: int = -1) -> None:
        """Show a page at an anchor, or as far down as it was."""
        self._page, self._parts = page, page.parts
        self._anchor, self._scrolled = anchor, scrolled
        self._target = None
        self.document().clear()
        self.document().setDocumentMargin(24)
        self._add_part()

    def stop(self) -> None:
        """Wait for no picture any more."""
        for job in self._reading.values():
            job.cancel()
        self._reading = {}

    @property
    def is_whole(self) -> bool:
        """Whether all of the page is there."""
        return not self._parts

    def go_to(self, anchor: str) -> bool:
        """Scroll to a heading or an explained word; whether it was found."""
        self._target = None
        if anchor:
            found = (block for block in self._blocks() if _anchor(block) == anchor)
            block = next(found, None)
            if block is None:
                return False
            self._target = QTextCursor(block)
            self.setTextCursor(self._target)
            top = self.cursorRect(self._target).top() + self.verticalScrollBar().value()
            self.verticalScrollBar().setValue(top - 12)
        else:
            self.verticalScrollBar().setValue(0)
        self.mark(self._words)
        return True

    def mark(self, words: list[str]) -> None:
        """Mark each place of some words, and what was gone to."""
        self._words = [word for word in words if len(word) > 1]
        tokens = tokens_of(self.palette())
        marks: list[QTextEdit.ExtraSelection] = []
        if self._target is not None:
            line = QTextEdit.ExtraSelection()
            ground = QTextCharFormat()
            ground.setBackground(QColor(tokens.selected))
            whole = QTextCursor(self._target)
            end = QTextCursor.MoveOperation.EndOfBlock
            whole.movePosition(end, QTextCursor.MoveMode.KeepAnchor)
            line.cursor, line.format = whole, ground
            marks.append(line)
        look = QTextCharFormat()
        look.setBackground(QColor(tokens.doubt))
        look.setForeground(QColor(tokens.on_doubt))
        for word in self._words:
            found = self.document().find(word)
            while not found.isNull() and len(marks) < _MOST_MARKS:
                selection = QTextEdit.ExtraSelection()
                selection.cursor, selection.format = found, look
                marks.append(selection)
                found = self.document().find(word, found)
        self.setExtraSelections(marks)

    def changeEvent(self, event: QEvent) -> None:
        """Colours are part of the text: it is put in again with those of the theme."""
        super().changeEvent(event)
        if event.type() == QEvent.Type.PaletteChange and self._page is not None:
            self.show_page(self._page, "", self.verticalScrollBar().value())

    def loadResource(self, kind: int, name: QUrl | str) -> Any:
        """Pictures of the pages: an empty one at once, the file's own a moment later."""
        url = QUrl(name)
        path = docs_path(url.path())
        inside = url.isRelative() and path.resolve().parent == docs_path().resolve()
        if kind != QTextDocument.ResourceType.ImageResource.value or not inside:
            return None
        document, place = self.document(), str(path)
        if place in self._pictures:
            document.addResource(kind, url, self._pictures[place])
            return self._pictures[place]

        def arrived(picture: QImage) -> None:
            self._reading.pop(place, None)
            self._pictures[place] = picture
            document.addResource(kind, url, picture)
            document.markContentsDirty(0, document.characterCount())

        if place not in self._reading:
            self._reading[place] = self._jobs.submit(
                "Reading help", "thumbnails", lambda _job: QImage(place), arrived, visible=False
            )
        blank = QImage(QImageReader(str(path)).size(), QImage.Format.Format_RGB32)
        blank.fill(QColor(tokens_of(self.palette()).window))
        document.addResource(kind, url, blank)
        return blank

    def _add_part(self) -> None:
        document = self.document()
        start = document.characterCount() - 1
        cursor = QTextCursor(document)
        cursor.movePosition(QTextCursor.MoveOperation.End)
        cursor.beginEditBlock()  # one layout for all of it
        if start:
            cursor.insertBlock(QTextBlockFormat(), QTextCharFormat())
        part = self._parts.pop(0)
        cursor.insertMarkdown(part)
        _restore_heading(document.findBlock(start + 1 if start else 0), part)
        cursor.endEditBlock()
        cursor.beginEditBlock()  # tables are known as such only now
        self._dress(start)
        cursor.endEditBlock()
        if self._scrolled >= 0:
            self.verticalScrollBar().setValue(self._scrolled)
        else:
            self.go_to(self._anchor)  # again with every part: only then is there room to scroll
        if self._parts:
            self._next.start()
            return
        self.mark(self._words)

    def _dress(self, start: int) -> None:
        """Give what was added after a position the fonts, gaps and colours of the window."""
        tokens = tokens_of(self.palette())
        for table in self._tables(start):
            table.setFormat(_table_format(table, tokens.line))
        block = self.document().findBlock(start)
        while block.isValid():
            _dress_block(block, tokens)
            block = block.next()

    def _tables(self, start: int) -> Iterator[QTextTable]:
        for frame in self.document().rootFrame().childFrames():
            if isinstance(frame, QTextTable) and frame.firstPosition() >= start:
                yield frame

    def _blocks(self) -> Iterator[QTextBlock]:
        block = self.document().begin()
        while block.isValid():
            yield block
            block = block.next()


def _anchor(block: QTextBlock) -> str:
    """The anchor of a heading or of the first cell of a row; "" of anything else."""
    if block.blockFormat().headingLevel():
        return anchor_of(block.text())
    table = QTextCursor(block).currentTable()
    if table is not None and table.cellAt(block.position()).column() == 0:
        return term_anchor(block.text())
    return ""


def _restore_heading(block: QTextBlock, markdown: str) -> None:
    """What is inserted first takes the form of the block that was there, also if it is a heading."""
    marks = markdown[: len(markdown) - len(markdown.lstrip("#"))]
    look = block.blockFormat()
    look.setHeadingLevel(len(marks))
    QTextCursor(block).setBlockFormat(look)


def _table_format(table: QTextTable, line: str) -> QTextTableFormat:
    """Hairlines between rows, as wide as the page."""
    look = table.format().toTableFormat()
    look.setWidth(QTextLength(QTextLength.Type.PercentageLength, 100))
    free = QTextLength(QTextLength.Type.VariableLength, 0)
    look.setColumnWidthConstraints([free] * table.columns())
    look.setBorder(1)
    look.setBorderCollapse(True)
    look.setBorderStyle(QTextFrameFormat.BorderStyle.BorderStyle_Solid)
    look.setBorderBrush(QColor(line))
    look.setCellPadding(6)
    look.setCellSpacing(0)
    look.setTopMargin(8)
    look.setBottomMargin(12)
    return look


def _dress_block(block: QTextBlock, tokens: Tokens) -> None:
    cursor = QTextCursor(block)
    level = block.blockFormat().headingLevel()
    if level:
        cursor.mergeBlockFormat(_gaps(0 if level == 1 else 20, 8))
        cursor.movePosition(QTextCursor.MoveOperation.EndOfBlock, QTextCursor.MoveMode.KeepAnchor)
        cursor.setCharFormat(_heading(level))  # what Markdown set would scale the height again
        return
    if block.blockFormat().hasProperty(QTextFormat.Property.BlockCodeFence):
        cursor.mergeBlockFormat(_gaps(0, 0))
        _merge(block, 0, block.length() - 1, _code(tokens))
        return
    if cursor.currentTable() is None:
        gaps = _gaps(0, 8)
        gaps.setLineHeight(128, QTextBlockFormat.LineHeightTypes.ProportionalHeight.value)
        cursor.mergeBlockFormat(gaps)
    for run in block.textFormats():
        if run.format.isImageFormat():
            picture = run.format.toImageFormat()
            whole = QTextLength(QTextLength.Type.PercentageLength, 100)
            picture.setMaximumWidth(whole)
            _merge(block, run.start, run.length, picture)
        elif run.format.isAnchor():
            link = QTextCharFormat()
            link.setForeground(QColor(tokens.accent))
            _merge(block, run.start, run.length, link)
        elif run.format.fontFixedPitch():
            _merge(block, run.start, run.length, _code(tokens))


def _gaps(above: int, below: int) -> QTextBlockFormat:
    gaps = QTextBlockFormat()
    gaps.setTopMargin(above)
    gaps.setBottomMargin(below)
    return gaps


def _heading(level: int) -> QTextCharFormat:
    look = QTextCharFormat()
    look.setProperty(QTextFormat.Property.FontPixelSize, _HEADINGS.get(level, TEXT_PX))
    look.setFontWeight(QFont.Weight.DemiBold)
    return look


def _code(tokens: Tokens) -> QTextCharFormat:
    look = QTextCharFormat()
    look.setFontFamilies([QFontDatabase.systemFont(QFontDatabase.SystemFont.FixedFont).family()])
    look.setBackground(QColor(tokens.hover))
    return look


def _merge(block: QTextBlock, start: int, length: int, look: QTextCharFormat) -> None:
    cursor = QTextCursor(block)
    cursor.setPosition(block.position() + start)
    cursor.setPosition(block.position() + start + length, QTextCursor.MoveMode.KeepAnchor)
    cursor.mergeCharFormat(look)


class _RowDelegate(QStyledItemDelegate):
    """Draws captions, pages, and what was found with the words around it."""

    def sizeHint(
        self, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex
    ) -> QSize:
        return QSize(0, _HIT if index.data(_EXCERPT) else _ROW)

    def paint(
        self,
        painter: QPainter,
        option: QStyleOptionViewItem,
        index: QModelIndex | QPersistentModelIndex,
    ) -> None:
        box: QRect = option.rect
        tokens = tokens_of(option.palette)
        painter.save()
        if option.state & QStyle.StateFlag.State_Selected:
            painter.fillRect(box, QColor(tokens.selected))
            painter.fillRect(box.left(), box.top(), _BAR, box.height(), QColor(tokens.accent))
        elif option.state & QStyle.StateFlag.State_MouseOver and index.data(_TARGET):
            painter.fillRect(box, QColor(tokens.hover))
        inner = box.adjusted(12, 4, -8, -4)
        excerpt, small = index.data(_EXCERPT), QFont(option.font)
        small.setPixelSize(TEXT_PX - 1)
        if index.data(_TARGET) is None:
            self._line(painter, inner, index.data(), small, tokens.text_2)
        elif not excerpt:
            self._line(painter, inner, index.data(), option.font, tokens.text)
        else:
            half = inner.height() // 2
            upper, lower = inner.adjusted(0, 0, 0, -half), inner.adjusted(0, half, 0, 0)
            room = self._line(painter, upper, index.data(), option.font, tokens.text)
            page, metrics = index.data(_PAGE) or "", QFontMetrics(small)
            if metrics.horizontalAdvance(page) + 12 <= room:
                left = upper.right() - metrics.horizontalAdvance(page)
                self._line(
                    painter,
                    upper.adjusted(left - upper.left(), 0, 0, 0),
                    page,
                    small,
                    tokens.text_2,
                )
            self._line(painter, lower, excerpt, small, tokens.text_2)
        painter.restore()

    @staticmethod
    def _line(painter: QPainter, box: QRect, text: str, font: QFont, color: str) -> int:
        """Draw a text; returns what room is left beside it."""
        painter.setFont(font)
        painter.setPen(QColor(color))
        metrics = painter.fontMetrics()
        cut = metrics.elidedText(text, Qt.TextElideMode.ElideRight, box.width())
        painter.drawText(box, Qt.AlignmentFlag.AlignVCenter, cut)
        return box.width() - metrics.horizontalAdvance(cut)
