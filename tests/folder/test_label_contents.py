"""What the labels of images hold: looked at in the background, kept, and true after each edit."""

from __future__ import annotations

import threading

import numpy as np
import pytest
from fakes import make_folder, square, write_mask, write_photo
from strokes import stroke

from segstudio.core.labels import LabelMap
from segstudio.core.schema import LabelSchema
from segstudio.folder.files import FolderFiles
from segstudio.folder.image_query import ImageContents
from segstudio.folder.label_contents import contents_of

SCHEMA = LabelSchema.from_names(("background", "car", "tree"))


def test_objects_are_numbers_or_else_connected_regions_of_the_foreground():
    labels = np.zeros((600, 6), np.uint8)  # more rows than are counted at once
    labels[0, 0] = labels[1, 1] = 1  # touch at a corner
    labels[590:, :2] = labels[590:, 4:] = 2
    labels[300] = 255
    assert contents_of(LabelMap(labels), SCHEMA) == ImageContents(frozenset({0, 1, 2}), 3)
    ids = np.zeros(labels.shape, np.uint16)
    ids[0, 0], ids[1, 1], ids[590:, :2], ids[590:, 4:] = 1, 7, 300, 300
    assert contents_of(LabelMap(labels, ids), SCHEMA).objects == 3


@pytest.fixture
def opened(desk, tmp_path):
    """Two images with a square each, and one without labels."""
    root = make_folder(tmp_path / "nuclei", count=2)
    write_photo(root / "b.png", square())
    desk.open(root)
    desk.session.set_view(active_class=1, brush_size=1)
    return desk


def test_it_is_looked_at_when_it_is_wanted_and_kept_for_the_next_time(
    opened, new_desk, monkeypatch
):
    contents, told = opened.label_contents, []
    contents.changed.connect(lambda: told.append(dict(contents.known)))
    opened.settle()
    assert contents.known == {}
    contents.want({0, 1})
    opened.settle()
    found = ImageContents(frozenset({0, 1}), 1)
    assert contents.known == {0: found, 1: found} == told[-1]
    root = opened.session.project.root
    opened.close()
    again = new_desk()
    again.open(root)
    monkeypatch.setattr(FolderFiles, "reference", lambda *_: pytest.fail("decoded once more"))
    again.label_contents.want({0, 1})
    again.settle()
    assert again.label_contents.known == {0: found, 1: found}


def test_it_follows_what_is_painted_and_undone(opened):
    contents = opened.label_contents
    contents.want({0, 1})
    opened.settle()
    stroke(opened, (27.5, 2.5))
    opened.settle()
    assert contents.known[0] == ImageContents(frozenset({0, 1}), 2)
    opened.editing.undo()
    opened.settle()
    assert contents.known[0].objects == 1
    # what nobody asks for is not looked at, and not taken for true
    contents.rest()
    stroke(opened, (27.5, 2.5))
    opened.settle()
    assert 0 not in contents.known
    assert 1 in contents.known


def test_labels_that_cannot_be_read_are_left_out_until_they_can(opened):
    root = opened.session.project.root
    (root / "masks" / "a1.png").write_bytes(b"no mask")
    contents = opened.label_contents
    contents.want({0, 1})
    opened.settle()
    assert (contents.known.keys(), contents.unreadable) == ({0}, {1})
    write_mask(root / "masks" / "a1.png", square())
    opened.browsing.rescan()
    opened.settle()
    contents.want({0, 1})
    opened.settle()
    assert (contents.known.keys(), contents.unreadable) == ({0, 1}, set())


def test_what_was_stopped_is_begun_anew_when_it_is_asked_again(opened):
    contents, gate = opened.label_contents, threading.Event()
    opened.jobs.submit("hold", "contents", lambda _job: gate.wait(20))
    contents.want({0, 1})
    (job,) = (job for job in opened.jobs.jobs() if job.title == "Looking at the labels")
    job.cancel()
    gate.set()
    opened.settle()
    assert contents.known == {}
    contents.want({0, 1})
    opened.settle()
    assert contents.known.keys() == {0, 1}
