from __future__ import annotations

import numpy as np

from segstudio.core.geometry import Rect
from segstudio.core.history import Edit
from segstudio.core.labels import LabelMap
from segstudio.folder.documents import Documents
from segstudio.session.document import Document
from segstudio.storage.image_ref import ImageRef

# 100 x 100 pixels RGB and one label map.
BYTES = 40_000


def document(name: str) -> Document:
    return Document(
        ImageRef(name, "/set"), np.zeros((100, 100, 3), np.uint8), LabelMap.empty((100, 100))
    )


def paint(item: Document, *, saved: bool) -> None:
    patch = item.annotation.paint(Rect(0, 0, 5, 5), np.ones((5, 5), np.bool_), 1)
    assert patch is not None
    item.annotation.apply(patch)
    item.history.push(Edit("Brush", (patch,)))
    if saved:
        item.saved_revision = item.annotation.revision


def names(documents: Documents) -> list[str]:
    return sorted(d.ref.name for d in documents)


def test_the_least_recently_used_goes_first():
    documents = Documents(budget_bytes=3 * BYTES)
    held = [document(n) for n in "abc"]
    for item in held:
        assert documents.put(item) == []
    documents.put(held[0])
    gone = documents.put(document("d"))
    assert [d.ref.name for d in gone] == ["b"]
    assert names(documents) == ["a", "c", "d"]
    assert documents.nbytes == 3 * BYTES


def test_the_open_image_and_unsaved_work_stay():
    documents = Documents(budget_bytes=BYTES)
    opened, dirty = document("open"), document("dirty")
    documents.open = opened
    paint(dirty, saved=False)
    for item in (opened, dirty, document("plain"), document("last")):
        documents.put(item)
    assert names(documents) == ["dirty", "last", "open"]  # the newest stays
    assert documents.dirty() == [dirty]


def test_history_survives_the_memory_of_its_image():
    documents = Documents(budget_bytes=BYTES)
    edited = document("a")
    paint(edited, saved=True)
    documents.put(edited)
    assert documents.put(document("b"))  # the edited one had to go
    again = document("a")
    again.annotation = edited.annotation.copy()
    again.saved_revision = again.annotation.revision
    documents.put(again)
    assert again.history is edited.history
    # An image whose annotation is another by now cannot be undone to what it never was.
    assert documents.put(document("b"))
    changed = document("a")
    documents.put(changed)
    assert not changed.history.can_undo


def test_histories_have_a_budget_of_their_own():
    documents = Documents(history_budget_bytes=0)
    old, new = document("old"), document("new")
    paint(old, saved=True)
    paint(new, saved=True)
    documents.open = new
    documents.put(old)
    documents.put(new)
    assert new.history.can_undo
    assert not old.history.can_undo


def test_release_keeps_unsaved_work():
    documents = Documents()
    dirty, undoable = document("dirty"), document("undoable")
    paint(dirty, saved=False)
    paint(undoable, saved=True)
    for item in (dirty, undoable, document("plain")):
        documents.put(item)
    documents.release_clean(keep_history=True)
    assert names(documents) == ["dirty"]
    again = document("undoable")
    again.annotation = undoable.annotation.copy()
    again.saved_revision = again.annotation.revision
    documents.put(again)
    assert again.history.can_undo
    documents.release_clean()
    assert names(documents) == ["dirty"]
    documents.drop(dirty.ref)
    assert len(documents) == 0
