"""The documents of visited images, bounded by bytes."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator

from segstudio.session.document import Document
from segstudio.storage.image_ref import ImageRef

DEFAULT_BUDGET_BYTES = 1536 * 1024 * 1024
HISTORY_BUDGET_BYTES = 1024 * 1024 * 1024


class Documents:
    """Documents by image, least recently used first out.

    A document goes only if nothing is lost with it: not the open one, none with unsaved work,
    and none that can still undo while all histories together fit their own budget.
    """

    def __init__(
        self,
        budget_bytes: int = DEFAULT_BUDGET_BYTES,
        history_budget_bytes: int = HISTORY_BUDGET_BYTES,
    ) -> None:
        self._budget = budget_bytes
        self._history_budget = history_budget_bytes
        self._held: OrderedDict[ImageRef, Document] = OrderedDict()
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
        self._held[document.ref] = document
        self._held.move_to_end(document.ref)
        return self.trim()

    def drop(self, ref: ImageRef) -> None:
        """Forget a document."""
        self._held.pop(ref, None)

    def release_clean(self, *, keep_history: bool = False) -> None:
        """Forget all without unsaved work (and, if asked, without anything to undo)."""
        self.open = None
        for document in list(self._held.values()):
            history = document.history
            undoable = keep_history and (history.can_undo or history.can_redo)
            if not (document.dirty or undoable):
                del self._held[document.ref]

    def dirty(self) -> list[Document]:
        """Documents with unsaved work."""
        return [d for d in self._held.values() if d.dirty]

    def trim(self) -> list[Document]:
        """Make the held ones fit the budgets again; returns those that had to go."""
        self._trim_histories()
        excess = self.nbytes - self._budget
        gone: list[Document] = []
        for document in list(self._held.values()):
            if excess <= 0:
                break
            if self._may_go(document):
                excess -= document.nbytes
                del self._held[document.ref]
                gone.append(document)
        return gone

    def _may_go(self, document: Document) -> bool:
        history = document.history
        return not (document is self.open or document.dirty or history.can_undo or history.can_redo)

    def _trim_histories(self) -> None:
        """Histories past their common budget go, oldest image first; never the open one's."""
        excess = sum(d.history.nbytes for d in self._held.values()) - self._history_budget
        for document in self._held.values():
            if excess <= 0:
                return
            if document is not self.open:
                excess -= document.history.nbytes
                document.history.clear()
