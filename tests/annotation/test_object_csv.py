"""Tables of objects as files: of the open image and of the whole folder."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
from fakes import BLOBS, square, write_photo

from segstudio.annotation.object_csv import HEADERS
from segstudio.core.geometry import Rect
from segstudio.core.pixel_size import PixelSize, PixelSizes
from segstudio.core.schema import ClassSpec
from segstudio.session.session import StrokeMakes


def lines(path: Path) -> list[list[str]]:
    with path.open(newline="") as file:
        return list(csv.reader(file))


@pytest.fixture
def desk_of_three(desk, tmp_path):
    """Images with a bright square; class 1 is of objects and its name looks like a formula."""
    for name in ("a", "=b", "c"):
        write_photo(tmp_path / "nuclei" / f"{name}.png", square())
    desk.open(tmp_path / "nuclei")
    schema = desk.session.schema.with_class(ClassSpec(1, "@nucleus", (9, 9, 9)))
    desk.studio.schema_keeper.set(schema.with_objects({1}, keeps_ids=False))
    desk.settle()
    return desk


def go_to(desk, name: str) -> None:
    names = [ref.name for ref in desk.session.project.images]
    desk.studio.browsing.select(names.index(name))
    desk.settle()


def paint(desk, rect: Rect) -> None:
    desk.session.set_view(active_class=1, stroke_makes=StrokeMakes.NEW)
    desk.editing.paint_mask(rect, np.ones(rect.shape_hw, bool), "Test")


HEAD = list(HEADERS)


def test_the_objects_of_the_open_image_are_written_as_they_are_now(desk_of_three, tmp_path):
    desk, path = desk_of_three, tmp_path / "objects.csv"
    go_to(desk, "a.png")
    paint(desk, Rect(3, 5, 5, 8))  # 40 % of 2 x 3 pixels below the square's upper edge
    paint(desk, Rect(5, 5, 7, 9))
    desk.studio.object_table.show_errors({2: "=merged"})
    assert desk.studio.object_csv.default_name(every=False) == "a-objects.csv"
    desk.session.set_view(pixel_sizes=PixelSizes(PixelSize(0.5, 0.5)))
    desk.studio.object_csv.save(path, every=False)
    desk.settle()
    assert lines(path) == [
        HEAD,
        ["a.png", "1", "1", "'@nucleus", "6", "1.5", "50", "", "", "5", "3", "3", "2"],
        ["a.png", "2", "1", "'@nucleus", "8", "2", "200", "", "'=merged", "5", "5", "4", "2"],
    ]
    assert desk.messages[-1] == f"{path} holds 2 objects of 1 image."


def test_the_objects_of_all_images_come_from_files_and_from_what_is_open(desk_of_three, tmp_path):
    desk, path = desk_of_three, tmp_path / "objects.csv"
    for name, rect in (("a.png", Rect(0, 0, 2, 2)), ("=b.png", Rect(5, 5, 6, 8))):
        go_to(desk, name)
        paint(desk, rect)
        desk.studio.autosave.save_now()
        desk.settle()
    go_to(desk, "a.png")
    paint(desk, Rect(19, 29, 20, 30))  # not saved yet
    desk.studio.object_csv.save(path, every=True)
    desk.settle()
    assert desk.studio.object_csv.default_name(every=True) == "nuclei-objects.csv"
    assert sorted(line[:8] for line in lines(path)[1:]) == [
        ["'=b.png", "1", "1", "'@nucleus", "3", "", "200", ""],
        ["a.png", "1", "1", "'@nucleus", "4", "", "50", ""],
        ["a.png", "2", "1", "'@nucleus", "1", "", "50", ""],
    ]
    assert desk.messages[-1] == f"{path} holds 3 objects of 2 images."


def test_what_models_found_keeps_its_score_in_images_that_are_not_open(desk_of_three, tmp_path):
    desk, path = desk_of_three, tmp_path / "objects.csv"
    go_to(desk, "a.png")
    desk.studio.segmenting.choose(BLOBS.id)
    desk.studio.segmenting.run_current()
    desk.settle()
    desk.editing.use_prediction(desk.session.view.run)
    desk.studio.autosave.save_now()
    desk.settle()
    go_to(desk, "c.png")
    desk.studio.object_csv.save(path, every=True)
    desk.settle()
    (line,) = lines(path)[1:]
    assert (line[0], line[4], line[7]) == ("a.png", "144", "0.9")  # 12 x 12, see `blobs`


def test_a_cancelled_table_leaves_what_was_there(desk_of_three, tmp_path):
    desk, path = desk_of_three, tmp_path / "objects.csv"
    path.write_text("before")
    desk.studio.object_csv.save(path, every=True).cancel()
    desk.settle()
    assert path.read_text() == "before"
    assert [p.name for p in tmp_path.iterdir() if p.suffix == ".csv"] == ["objects.csv"]


def test_an_image_that_cannot_be_read_is_told_and_the_others_are_written(desk_of_three, tmp_path):
    desk, path = desk_of_three, tmp_path / "objects.csv"
    for name in ("a.png", "c.png"):
        go_to(desk, name)
        paint(desk, Rect(0, 0, 2, 2))
        desk.studio.autosave.save_now()
        desk.settle()
    go_to(desk, "=b.png")
    desk.session.project.root.joinpath("c.png").write_bytes(b"no image")
    desk.studio.object_csv.save(path, every=True)
    desk.settle()
    assert [line[0] for line in lines(path)[1:]] == ["a.png"]
    said = f"{path} holds 1 object of 1 image. 1 image could not be read: "
    assert desk.messages[-1].startswith(said)
    assert "c.png" in desk.messages[-1]
