"""Undo and redo of one label map, bounded by bytes instead of steps."""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from segstudio.core.geometry import Rect
from segstudio.core.labels import InstanceIds, Labels, Patch, Writers, bounds_of

DEFAULT_BUDGET_BYTES = 256 * 1024 * 1024
# What the objects around the compressed bytes take, roughly; keeps a flood of tiny edits bounded.
_OVERHEAD_BYTES = 200
_RUNS = struct.Struct("<I")
_WORD = 8
_WORTH_RUNS = 4
"""So many words has a run at least, on average, where runs are kept."""

_Id = TypeVar("_Id", np.uint8, np.uint16)


@dataclass(frozen=True, slots=True)
class Source:
    """Where pixels of an annotation come from.

    Attributes:
        run: Key of the prediction that they were taken from; "" for ground truth or nothing.
        whole: Whether they replaced the whole annotation, and what it was before.
        imported: Whether another program wrote them.
    """

    run: str
    whole: bool = False
    imported: bool = False


@dataclass(frozen=True, slots=True)
class Edit:
    """One user action.

    Attributes:
        title: What the action is called in menus ("Brush", "Clear", ...).
        patches: The changes, in the order they were, or are to be, applied.
        source: Where the new pixels come from, if not from a hand: what `Source` says.
    """

    title: str
    patches: tuple[Patch, ...]
    source: Source | None = None


@dataclass(frozen=True, slots=True)
class _PackedPatch:
    """A patch as compressed bytes; its rectangle is cropped to the pixels that change."""

    rect: Rect
    labels: bytes
    instances: bytes | None
    writers: bytes | None = None

    @property
    def nbytes(self) -> int:
        kept = len(self.labels) + len(self.instances or b"") + len(self.writers or b"")
        return kept + _OVERHEAD_BYTES

    def unpack(self) -> Patch:
        shape = self.rect.shape_hw
        ids: tuple[InstanceIds | None, InstanceIds | None] = (None, None)
        writers: tuple[Writers | None, Writers | None] = (None, None)
        if self.instances is not None:
            ids = _inflate(self.instances, shape, np.uint16)
        if self.writers is not None:
            writers = _inflate(self.writers, shape, np.uint8)
        return Patch(self.rect, *_inflate(self.labels, shape, np.uint8), *ids, *writers)


@dataclass(frozen=True, slots=True)
class _PackedEdit:
    title: str
    patches: tuple[_PackedPatch, ...]
    source: Source | None = None

    @property
    def nbytes(self) -> int:
        return sum(p.nbytes for p in self.patches) + _OVERHEAD_BYTES

    def forward(self) -> Edit:
        return Edit(self.title, tuple(p.unpack() for p in self.patches))

    def backward(self) -> Edit:
        return Edit(self.title, tuple(p.unpack().inverse() for p in reversed(self.patches)))


@dataclass(frozen=True, slots=True)
class Step:
    """What `History.undo` or `redo` would give next, to be unpacked before it is taken.

    Attributes:
        undoes: Whether it takes an edit back.
        packed: The edit, compressed.
    """

    undoes: bool
    packed: _PackedEdit

    @property
    def pixels(self) -> int:
        """How many pixels the patches have: what unpacking costs."""
        return sum(p.rect.height * p.rect.width for p in self.packed.patches)

    def unpack(self) -> Edit:
        """The edit to apply, as `undo` and `redo` give it; may be called on any thread."""
        return self.packed.backward() if self.undoes else self.packed.forward()


class EditRecorder:
    """Collects the patches of an action that is still going on, compressed as they come.

    A stroke of a 500 px brush makes hundreds of patches of 250 kB each; kept raw they would fill
    the memory, and compressing them all when the button is released would be felt.
    """

    def __init__(self, title: str, source: Source | None = None) -> None:
        self._title, self._source = title, source
        self._patches: list[_PackedPatch] = []

    @property
    def is_empty(self) -> bool:
        """Whether nothing was changed so far."""
        return not self._patches

    @property
    def nbytes(self) -> int:
        """Bytes held."""
        return self._packed().nbytes

    def add(self, *patches: Patch) -> None:
        """Remember patches that are applied in this order; what changes nothing is left out."""
        packed = map(_pack, patches)
        self._patches += (patch for patch in packed if patch is not None)

    def cut_off(self) -> _PackedEdit:
        """What was recorded so far, and go on with nothing."""
        packed, self._patches = self._packed(), []
        return packed

    def taken_back(self) -> Step:
        """What takes everything back (to abort): the inverses in reverse order."""
        return Step(True, self._packed())

    def _packed(self) -> _PackedEdit:
        return _PackedEdit(self._title, tuple(self._patches), self._source)


class History:
    """The edits of one label map that can be undone and redone.

    Edits are kept compressed. When they exceed the budget the oldest are forgotten, but never the
    newest one: the last action can always be undone.
    """

    def __init__(self, budget_bytes: int = DEFAULT_BUDGET_BYTES) -> None:
        if budget_bytes < 0:
            raise ValueError(f"the budget must not be negative, not {budget_bytes}")
        self._budget_bytes = budget_bytes
        self._done: list[_PackedEdit] = []
        self._undone: list[_PackedEdit] = []
        self._going_on: EditRecorder | None = None
        self._nbytes = 0

    def begin(self, recorder: EditRecorder) -> None:
        """An action goes on whose patches are applied as they come; it ends when it is pushed.

        If another edit is pushed meanwhile, what the action did before that becomes an edit of its
        own: undone in another order than they were applied, patches would bring back what was gone.
        """
        self._going_on = recorder

    def give_up(self, recorder: EditRecorder) -> None:
        """The action that goes on is taken back, and will not be pushed."""
        if recorder is self._going_on:
            self._going_on = None

    def push(self, edit: Edit | EditRecorder) -> bool:
        """Remember an edit that has been applied, and forget what was undone before it.

        Returns:
            Whether it was kept; an edit that changes no pixel is not.
        """
        packed, going_on = _pack_edit(edit), self._going_on
        if edit is going_on:
            self._going_on = None
        elif going_on is not None and packed.patches:
            self._keep(going_on.cut_off())
        return self._keep(packed)

    def _keep(self, packed: _PackedEdit) -> bool:
        if not packed.patches:
            return False
        self._nbytes -= sum(e.nbytes for e in self._undone)
        self._undone.clear()
        self._done.append(packed)
        self._nbytes += packed.nbytes
        self._forget_oldest()
        return True

    def undo(self) -> Edit | None:
        """Step back.

        Returns:
            The edit to apply: the inverse patches in reverse order; None if there is none.
        """
        step = self.next_undo()
        return step.unpack() if step is not None and self.take(step) else None

    def redo(self) -> Edit | None:
        """Step forward again.

        Returns:
            The edit to apply: its patches in order; None if nothing was undone.
        """
        step = self.next_redo()
        return step.unpack() if step is not None and self.take(step) else None

    def next_undo(self) -> Step | None:
        """What `undo` would do; nothing is changed yet."""
        return Step(True, self._done[-1]) if self._done else None

    def next_redo(self) -> Step | None:
        """What `redo` would do; nothing is changed yet."""
        return Step(False, self._undone[-1]) if self._undone else None

    def take(self, step: Step) -> bool:
        """Go the step; False, and nothing happens, if it is not the next one any more."""
        source, target = (self._done, self._undone) if step.undoes else (self._undone, self._done)
        if not source or source[-1] is not step.packed:
            return False
        target.append(source.pop())
        return True

    def forget_undone(self) -> None:
        """Forget what could be redone."""
        self._nbytes -= sum(edit.nbytes for edit in self._undone)
        self._undone.clear()

    def clear(self) -> None:
        """Forget everything."""
        self._done.clear()
        self._undone.clear()
        self._nbytes = 0

    @property
    def can_undo(self) -> bool:
        """Whether there is something to undo."""
        return bool(self._done)

    @property
    def can_redo(self) -> bool:
        """Whether there is something to redo."""
        return bool(self._undone)

    @property
    def redo_title(self) -> str:
        """Title of the edit that `redo` would bring back; "" if there is none."""
        return self._undone[-1].title if self._undone else ""

    def runs_taken(self, before: frozenset[str] = frozenset()) -> frozenset[str]:
        """Keys of the predictions that pixels were taken from, without what was undone.

        Args:
            before: Those of what the history began with.
        """
        found: set[str] = set()
        for edit in reversed(self._done):
            if edit.source is None:
                continue
            if edit.source.run:
                found.add(edit.source.run)
            if edit.source.whole:
                return frozenset(found)
        return before | found

    @property
    def nbytes(self) -> int:
        """Bytes held by all edits, done and undone."""
        return self._nbytes

    def _forget_oldest(self) -> None:
        excess, forgotten = self._nbytes - self._budget_bytes, 0
        while excess > 0 and forgotten < len(self._done) - 1:
            excess -= self._done[forgotten].nbytes
            forgotten += 1
        self._nbytes -= sum(e.nbytes for e in self._done[:forgotten])
        del self._done[:forgotten]


def _pack_edit(edit: Edit | EditRecorder) -> _PackedEdit:
    if isinstance(edit, EditRecorder):
        return edit._packed()  # noqa: SLF001 - same module
    packed = (_pack(patch) for patch in edit.patches)
    return _PackedEdit(edit.title, tuple(p for p in packed if p is not None), edit.source)


def _pack(patch: Patch) -> _PackedPatch | None:
    """Compress a patch, cropped to the pixels that change; None if none does."""
    changed = patch.changed
    ids_before, ids_after = patch.instances_before, patch.instances_after
    written_before, written_after = patch.writers_before, patch.writers_after
    if written_before is not None and written_after is not None:
        changed |= written_before != written_after
    inner = bounds_of(changed)
    if inner.is_empty:
        return None
    cut, rect = inner.slices, patch.rect.part(inner)
    instances = None
    if ids_before is not None and ids_after is not None:
        instances = _deflate(ids_before[cut], ids_after[cut])
    writers = None
    if written_before is not None and written_after is not None:
        writers = _deflate(written_before[cut], written_after[cut])
    return _PackedPatch(rect, _deflate(patch.before[cut], patch.after[cut]), instances, writers)


def _deflate(before: Labels | InstanceIds, after: Labels | InstanceIds) -> bytes:
    """What was there and what changed, as XOR, which is mostly zeros, compressed.

    Most of it are long runs of one value. Taken together eight bytes at a time, which is far quicker
    than zlib, they leave little to compress.
    """
    nbytes = 2 * before.nbytes
    words = np.zeros(-(-nbytes // _WORD), np.uint64)
    pair = words.view(np.uint8)[:nbytes].view(before.dtype).reshape(2, *before.shape)
    pair[0] = before
    np.bitwise_xor(before, after, out=pair[1])
    ends = np.flatnonzero(words[1:] != words[:-1])
    if ends.size >= words.size // _WORTH_RUNS:
        return _RUNS.pack(0) + zlib.compress(words.data, 1)
    lengths = np.diff(ends, prepend=-1, append=words.size - 1).astype(np.uint32)
    values = words[np.append(ends, words.size - 1)]
    return _RUNS.pack(lengths.size) + zlib.compress(values.tobytes() + lengths.tobytes(), 1)


def _inflate(
    data: bytes, shape_hw: tuple[int, int], dtype: type[_Id]
) -> tuple[npt.NDArray[_Id], npt.NDArray[_Id]]:
    (runs,) = _RUNS.unpack_from(data)
    body = zlib.decompress(memoryview(data)[_RUNS.size :])
    words = np.frombuffer(body, np.uint64, runs or -1)
    if runs:
        words = np.repeat(words, np.frombuffer(body, np.uint32, runs, runs * _WORD))
    nbytes = 2 * shape_hw[0] * shape_hw[1] * np.dtype(dtype).itemsize
    pair = words.view(np.uint8)[:nbytes].view(dtype).reshape(2, *shape_hw)
    return pair[0], np.bitwise_xor(pair[0], pair[1])
