"""How many errors each image has: counted in a job on wish, followed by edits, forgotten if asked otherwise."""

from __future__ import annotations

import numpy as np
import pytest
from fakes import make_folder
from PIL import Image as pil

from segstudio.core.geometry import Rect
from segstudio.core.schema import LabelSchema
from segstudio.session.session import What


@pytest.fixture
def predicted(desk, tmp_path):
    """Images of which all have ground truth and a prediction; none is held but the open one."""
    desk.open(make_folder(tmp_path / "images"))
    desk.studio.schema_keeper.set(LabelSchema.from_names(("background", "nucleus")))
    desk.segmenting.run_all()
    rest(desk)
    run = next(iter(desk.session.state(1).runs))
    desk.session.set_view(run=run)
    rest(desk)
    return desk


def rest(desk) -> None:
    for _ in range(4):
        desk.settle()
        desk.clock.advance(0.6)
    desk.settle()


def numbers(desk) -> dict[int, int]:
    return dict(desk.session.correcting.of_images)


def test_nothing_is_counted_before_somebody_wants_it(predicted):
    predicted.error_targets.bring(False)
    rest(predicted)
    assert set(numbers(predicted)) <= {0}


def test_all_images_with_both_sides_are_counted(predicted):
    predicted.error_counts.want(True)
    rest(predicted)
    found = numbers(predicted)
    assert set(found) == set(range(len(predicted.session.project.images)))
    # as they are seen when they are opened
    for index in found:
        predicted.studio.browsing.select(index)
        rest(predicted)
        predicted.error_targets.bring(True)
        rest(predicted)
        assert len(predicted.session.errors.errors) == found[index]
    assert any(found.values())


def test_an_edit_is_counted_again_whether_errors_are_in_front_or_not(predicted):
    predicted.error_counts.want(True)
    for in_front in (True, False):
        predicted.error_targets.bring(in_front)
        rest(predicted)
        before = numbers(predicted)[0]
        corner = Rect(0, 0, 4, 5) if in_front else Rect(14, 24, 18, 29)
        before_there = predicted.document.annotation.labels[corner.slices].copy()
        predicted.session.set_view(active_class=1)
        assert not before_there.any()
        predicted.editing.paint_mask(corner, np.ones(corner.shape_hw, bool), "Test")
        rest(predicted)
        assert numbers(predicted)[0] == before + 1


def test_other_sides_have_other_numbers(predicted):
    predicted.error_counts.want(True)
    rest(predicted)
    assert numbers(predicted)
    predicted.error_targets.set_min_pixels(100_000)
    rest(predicted)
    assert set(numbers(predicted).values()) == {0}


def test_a_mask_that_cannot_be_read_does_not_end_the_count(predicted):
    project = predicted.session.project
    (project.root / "masks" / project.images[2].path.name).write_bytes(b"no picture")
    predicted.error_counts.want(True)
    rest(predicted)
    assert set(numbers(predicted)) == set(range(len(project.images))) - {2}


def test_after_another_folder_nothing_of_the_first_is_left(predicted, tmp_path):
    predicted.error_counts.want(True)
    rest(predicted)
    assert len(numbers(predicted)) > 1
    other = tmp_path / "other"
    other.mkdir()
    pil.fromarray(np.zeros((20, 30, 3), np.uint8)).save(other / "b.png")
    predicted.open(other)
    rest(predicted)
    assert numbers(predicted) == {}
    predicted.session.notify(What.STATES)
    rest(predicted)
    assert numbers(predicted) == {}
