"""Results of cuts that were computed: toggling a cut back and forth asks the network once."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass

from segstudio.core.class_mapping import same_classes
from segstudio.core.features import Cut
from segstudio.core.schema import LabelSchema
from segstudio.session.document import Document
from segstudio.session.inspection import CutResult

_KEPT_BYTES = 64 * 1024 * 1024
"""Of predictions with cuts."""


@dataclass(frozen=True, eq=False)
class Measured:
    """What scores depend on besides the class map."""

    document: Document
    revision: int
    schema: LabelSchema
    has_reference: bool

    @classmethod
    def now(cls, document: Document, schema: LabelSchema) -> Measured:
        """The annotation and the classes as they are."""
        return cls(document, document.annotation.revision, schema, document.has_reference)

    def same_as(self, other: Measured | None) -> bool:
        """Whether scores against the one hold against the other."""
        return (
            other is not None
            and self.document is other.document
            and self.revision == other.revision
            and self.has_reference == other.has_reference
            and same_classes(self.schema, other.schema)
        )


@dataclass(frozen=True, eq=False)
class Kept:
    """A result that was computed, and what it was measured against."""

    result: CutResult
    measured: Measured


class KeptCuts:
    """The last results by their cuts, within a budget of bytes; the newest is always kept."""

    def __init__(self) -> None:
        self._kept: OrderedDict[tuple[Cut, ...], Kept] = OrderedDict()

    def get(self, cuts: tuple[Cut, ...]) -> Kept | None:
        """What these cuts do, if it is known."""
        kept = self._kept.get(cuts)
        if kept is not None:
            self._kept.move_to_end(cuts)
        return kept

    def put(self, kept: Kept) -> None:
        """Keep a result instead of an earlier one of the same cuts; the oldest go."""
        self._kept[kept.result.cuts] = kept
        self._kept.move_to_end(kept.result.cuts)
        held = sum(entry.result.cut.nbytes for entry in self._kept.values())
        while held > _KEPT_BYTES and len(self._kept) > 1:
            _, gone = self._kept.popitem(last=False)
            held -= gone.result.cut.nbytes

    def clear(self) -> None:
        """Forget all results."""
        self._kept.clear()
