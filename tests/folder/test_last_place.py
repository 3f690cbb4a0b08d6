"""A folder opens where it was left: at the same image and page, with the same layer."""

from __future__ import annotations

import json

import pytest
from fakes import make_folder

from segstudio.session.session import Layer


@pytest.fixture
def root(tmp_path):
    return make_folder(tmp_path / "nuclei", count=4)


def place_file(desk):
    return desk.session.project.data_folder / "place.json"


def left(desk, root, index, layer=Layer.PREDICTION):
    desk.open(root)
    desk.browsing.select(index)
    desk.settle()
    desk.session.set_view(layer=layer)
    desk.studio.last_place.look_at(3.0, (12.5, 7.0))


def test_it_opens_at_the_image_that_was_open_last(desk, new_desk, root):
    left(desk, root, 2)
    desk.close()
    again = new_desk()
    again.open(root)
    assert again.document.ref.name == "a2.png"
    assert again.session.view.layer is Layer.PREDICTION
    assert (again.session.reopened.zoom, again.session.reopened.middle_xy) == (3.0, (12.5, 7.0))


def test_it_is_saved_some_seconds_after_the_last_change(desk, root):
    left(desk, root, 1)
    assert not place_file(desk).exists()
    desk.clock.advance(3.1)
    desk.settle()
    kept = json.loads(place_file(desk).read_text())
    assert (kept["image"], kept["page"], kept["layer"]) == ("a1.png", 0, "prediction")


def test_an_image_that_is_gone_or_a_file_that_is_damaged_means_the_first_image(
    desk, new_desk, root
):
    left(desk, root, 3)
    path = place_file(desk)
    desk.close()
    (root / "a3.png").unlink()
    second = new_desk()
    second.open(root)
    assert second.document.ref.name == "a0.png"
    second.close()
    path.write_text('{"image": "a1.png", "page": "x", "zoom": 1e999')
    third = new_desk()
    third.open(root)
    assert third.document.ref.name == "a0.png"


def test_an_image_that_is_asked_for_is_opened(desk, new_desk, root):
    left(desk, root, 2)
    desk.close()
    again = new_desk()
    again.open(root / "a1.png")
    assert again.document.ref.name == "a1.png"
    assert again.session.reopened is None or again.session.reopened.image == ""


def test_each_folder_has_its_own(desk, new_desk, root, tmp_path):
    other = make_folder(tmp_path / "others", count=3)
    left(desk, root, 2)
    left(desk, other, 1, Layer.NONE)
    desk.close()
    again = new_desk()
    again.open(root)
    assert (again.document.ref.name, again.session.view.layer) == ("a2.png", Layer.PREDICTION)
    again.open(other)
    assert (again.document.ref.name, again.session.view.layer) == ("a1.png", Layer.NONE)


def test_a_page_that_is_not_there_any_more_means_the_first_page_of_its_image(desk, new_desk, root):
    left(desk, root, 2)
    path = place_file(desk)
    desk.close()
    path.write_text(json.dumps({**json.loads(path.read_text()), "page": 7}))
    again = new_desk()
    again.open(root)
    assert (again.document.ref.name, again.document.ref.page) == ("a2.png", 0)
    assert again.session.unreadable is None
    assert again.messages == []
