"""A change names the image that was painted on: what follows it goes there, not to the open one."""

from __future__ import annotations

import numpy as np
import pytest
from fakes import make_folder
from sklearn.metrics import confusion_matrix

from segstudio.session.session import What


def dab(desk, x=4, y=4):
    desk.session.set_view(active_class=1, brush_size=5)
    desk.editing.begin_stroke(x, y)
    desk.editing.end_stroke()


def counted(document, run="bright"):
    truth = document.annotation.labels.reshape(-1)
    predicted = document.predictions[run].labels.reshape(-1)
    return confusion_matrix(truth, predicted, labels=[0, 1]).tolist()


@pytest.fixture
def two(desk, tmp_path):
    """Two images are held, predicted and scored; the first is open."""
    desk.open(make_folder(tmp_path / "nuclei"))
    desk.segmenting.run_all()
    desk.settle()
    for index in (1, 0):
        desk.browsing.select(index)
        desk.settle()
    return desk


def while_told(desk, act):
    """Do something while the listeners are told of something else: their news come later."""

    def once(change):
        if What.TRACE in change.what:
            act()

    desk.session.changed.connect(once)
    desk.session.notify(What.TRACE)
    desk.session.changed.disconnect(once)


def test_a_stroke_that_is_told_after_the_next_image_came_is_counted_in_its_own(two):
    first = two.document

    def paint_and_go_on():
        dab(two)
        two.browsing.select(1)

    while_told(two, paint_and_go_on)
    two.settle()
    second = two.document
    assert second is not first
    for index, document in enumerate((first, second)):
        counts = two.session.counts[index, "bright"].counts
        assert counts[:2, :2].tolist() == counted(document)
    assert two.session.state(0).edited
    assert not two.session.state(1).edited


def test_a_stroke_that_is_told_after_its_image_was_closed_is_in_the_journal(two):
    two.preferences.update(autosave=False)
    first = two.document

    def paint_and_close():
        dab(two)
        two.session.document = None

    while_told(two, paint_and_close)
    two.settle()
    assert list(two.preferences.folders.data.rglob("*.journal"))
    two.session.document = first


def test_a_change_is_about_the_open_image_if_nothing_else_is_said(two):
    seen = []
    two.session.changed.connect(seen.append)
    two.session.notify(What.SCORES)
    two.session.notify(What.LABELS, document=None)
    two.session.changed.disconnect(seen.append)
    assert [change.document for change in seen] == [two.document, None]
    assert np.array_equal(two.document.annotation.labels, two.document.truth.labels)


def test_a_class_that_is_removed_from_an_image_that_is_not_open_is_told_of_that_image(two):
    """Both images are held; each is painted on by the removal, and each told of."""
    told = []
    two.session.changed.connect(lambda change: told.append(change) if change.patches else None)
    second = next(d for d in two.studio.class_removal._documents if d is not two.document)
    uses = []
    two.studio.class_removal.count(1, uses.append)
    two.settle()
    two.studio.class_removal.remove(uses[0], 0)
    two.settle()
    painted = [change.document for change in told]
    assert two.document in painted
    assert second in painted
    assert len({id(document) for document in painted}) == len(painted)
    assert second.dirty or two.session.state(1).edited
    for change in told:
        assert not change.document.annotation.labels.any()
