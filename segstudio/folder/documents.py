"""The documents of visited images, bounded by bytes."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator

from segstudio.core.history import History
from segstudio.session.document import Document
from segstudio.storage.image_ref import ImageRef

DEFAULT_BUDGET_BYTES = 1536 * 1024 * 1024
HISTORY_BUDGET_BYTES = 1024 * 1024 * 1024


class Documents:
    """Documents by image, least recently used first out.

    The open one and those with unsaved work never go. Of one that goes, what can be undone is
    parked, and put back when the image is read again and its annotation is still the same: the
    history stays with its image while the pixels need not be held.
    """

    def __init__(
        self,
        budget_bytes: int = DEFAULT_BUDGET_BYTES,
        history_budget_bytes: int = HISTORY_BUDGET_BYTES,
    ) -> None:
        self._budget = budget_bytes
        self._history_budget = history_budget_bytes
        self._held: OrderedDict[ImageRef, Document] = OrderedDict()
        self._parked: OrderedDict[ImageRef, tuple[History, int]] = OrderedDict()
        self.open: Document | None = None
        """The document on the screen; never dropped."""

    def __iter__(self) -> Iterator[Document]:
        return iter(list(self._held.values()))

    def __len__(self) -> int:
        return len(self._held)

    @property
    def nbytes(self) -> int:
        """Bytes held by all."""
        return sum(d.nbytes for d in self._held.values())

    def get(self, ref: ImageRef) -> Document | None:
        """The document of an image, or None; does not count as use."""
        return self._held.get(ref)

    def put(self, document: Document) -> list[Document]:
        """Keep a document (or mark it as just used); returns those that had to go."""
        if self._held.get(document.ref) is not document:
            history, checksum = self._parked.pop(document.ref, (None, 0))
            if history is not None and document.annotation.checksum() == checksum:
                document.history = history
        self._held[document.ref] = document
        self._held.move_to_end(document.ref)
        return self.trim()

    def drop(self, ref: ImageRef) -> None:
        """Forget a document and what could be undone in it."""
        self._held.pop(ref, None)
        self._parked.pop(ref, None)

    def release_clean(self, *, keep_history: bool = False) -> None:
        """Forget all without unsaved work, and their histories too unless asked not to."""
        self.open = None
        for document in list(self._held.values()):
            if not document.dirty:
                self._let_go(document)
        if not keep_history:
            self._parked.clear()

    def dirty(self) -> list[Document]:
        """Documents with unsaved work."""
        return [d for d in self._held.values() if d.dirty]

    def trim(self) -> list[Document]:
        """Make the held ones fit the budgets again; returns those that had to go.

        The one that was used last stays, however large it is.
        """
        excess = self.nbytes - self._budget
        gone: list[Document] = []
        for document in list(self._held.values())[:-1]:
            if excess <= 0:
                break
            if document is not self.open and not document.dirty:
                excess -= document.nbytes
                self._let_go(document)
                gone.append(document)
        self._trim_histories()
        return gone

    def _let_go(self, document: Document) -> None:
        del self._held[document.ref]
        history = document.history
        if history.can_undo or history.can_redo:
            self._parked[document.ref] = (history, document.annotation.checksum())

    def _trim_histories(self) -> None:
        """Histories past their common budget go, parked ones first; never the open image's."""
        parked = sum(history.nbytes for history, _ in self._parked.values())
        excess = parked + sum(d.history.nbytes for d in self) - self._history_budget
        while self._parked and excess > 0:
            _, (history, _) = self._parked.popitem(last=False)
            excess -= history.nbytes
        for document in self._held.values():
            if excess <= 0:
                return
            if document is not self.open:
                excess -= document.history.nbytes
                document.history.clear()
