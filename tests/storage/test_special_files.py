"""Named pipes, devices and the like: listed nowhere, and refused where one is named."""

from __future__ import annotations

import os
import socket

import numpy as np
import pytest
from image_files import save_image

from segstudio.core.errors import SegstudioError
from segstudio.core.labels import LabelMap
from segstudio.core.schema import LabelSchema
from segstudio.storage.atomic import write_atomically
from segstudio.storage.class_names_file import read_class_names
from segstudio.storage.decode import read_image
from segstudio.storage.digests import FileDigests
from segstudio.storage.formats.png import png_texts
from segstudio.storage.image_ref import ImageRef
from segstudio.storage.mask_files import read_mask_file
from segstudio.storage.mask_pattern import ChosenMasks
from segstudio.storage.masks import write_annotation
from segstudio.storage.originals import versions
from segstudio.storage.project import open_project
from segstudio.storage.scan import scan
from segstudio.storage.schema_file import read_schema, write_schema
from segstudio.storage.thumbnail_cache import read_thumbnail

pytestmark = [
    pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no named pipes"),
    pytest.mark.timeout(20),
]


@pytest.fixture
def pipe(tmp_path):
    path = tmp_path / "x.png"
    os.mkfifo(path)
    return path


@pytest.mark.parametrize(
    "read",
    [
        read_image, lambda path: read_thumbnail(path, 64), read_mask_file, read_schema,
        read_class_names, lambda path: write_atomically(path, b"x"),
    ],
    ids=["image", "thumbnail", "mask", "classes", "names", "write"],
)  # fmt: skip
def test_a_pipe_is_refused_at_once(pipe, read):
    with pytest.raises(SegstudioError, match="is a named pipe, not a file"):
        read(pipe)


def test_what_asks_no_question_passes_over_it(pipe, tmp_path):
    assert png_texts(pipe) == {}
    digests = FileDigests(tmp_path / "digests.sqlite")
    assert digests.of(pipe) is None
    digests.close()
    os.mkfifo(tmp_path / "segstudio.json")
    with pytest.raises(SegstudioError, match="is a named pipe"):
        write_schema(tmp_path, LabelSchema.from_names(("background", "cell")))


@pytest.mark.parametrize("read", [read_image, read_mask_file])
def test_a_link_to_a_device_is_refused(tmp_path, read):
    (tmp_path / "zero.png").symlink_to("/dev/zero")
    with pytest.raises(SegstudioError, match="is a device"):
        read(tmp_path / "zero.png")


def test_only_files_are_listed(tmp_path):
    save_image(tmp_path / "a.png", np.zeros((4, 4), np.uint8))
    os.mkfifo(tmp_path / "pipe.png")
    (tmp_path / "null.png").symlink_to("/dev/null")
    (tmp_path / "link.png").symlink_to("a.png")
    (tmp_path / "to_pipe.png").symlink_to("pipe.png")
    (tmp_path / "gone.png").symlink_to("nowhere.png")
    (tmp_path / "loop.png").symlink_to("loop.png")
    with socket.socket(socket.AF_UNIX) as sock:
        sock.bind(str(tmp_path / "sock.png"))
        # Links to nothing stay: opening one says what is wrong.
        assert scan(tmp_path).names == ["a.png", "gone.png", "link.png", "loop.png"]
    with pytest.raises(SegstudioError, match=r"gone\.png is a link to nowhere\.png, which is not"):
        read_image(tmp_path / "gone.png")
    with pytest.raises(SegstudioError, match=r"loop\.png"):
        read_image(tmp_path / "loop.png")


def test_what_is_called_like_an_image_and_is_no_file_is_named(tmp_path):
    save_image(tmp_path / "in" / "a.png", np.zeros((4, 4), np.uint8))
    assert scan(tmp_path).special == ""
    os.mkfifo(tmp_path / "in" / "x.png")
    os.mkfifo(tmp_path / "in" / "control")  # not called like an image
    expected = "in/x.png is passed over: it is a named pipe, not a file."
    assert scan(tmp_path).special == expected
    assert expected in open_project(tmp_path).notes
    (tmp_path / "in" / "zero.jpg").symlink_to("/dev/zero")
    with socket.socket(socket.AF_UNIX) as sock:
        sock.bind(str(tmp_path / "in" / "sock.tif"))
        for name in ("y.png", "z.png"):
            os.mkfifo(tmp_path / "in" / name)
        assert scan(tmp_path).special == (
            "5 are passed over, called like images or masks but no files: "
            "in/sock.tif (a socket), in/x.png (a named pipe), in/y.png (a named pipe) and 2 more."
        )


def test_a_folder_of_pipes_alone_says_what_it_holds(pipe, tmp_path):
    with pytest.raises(SegstudioError, match="no images") as caught:
        open_project(tmp_path)
    assert caught.value.hint == "x.png is passed over: it is a named pipe, not a file."


def test_a_pipe_among_the_masks_is_no_truth(tmp_path):
    for name in ("a", "b"):
        save_image(tmp_path / "images" / f"{name}.png", np.zeros((4, 4), np.uint8))
    save_image(tmp_path / "masks" / "a.png", np.ones((4, 4), np.uint8))
    os.mkfifo(tmp_path / "masks" / "b.png")
    project = open_project(tmp_path)
    assert [project.truth.has(ref) for ref in project.images] == [True, False]
    expected = "masks/b.png is passed over: it is a named pipe, not a file."
    assert project.special == expected
    assert expected in project.notes


@pytest.mark.parametrize(
    "folder", ["masks", "labels", "SegmentationClass", "images/masks", "instances/train"]
)
def test_masks_that_are_nothing_but_pipes_are_named(tmp_path, folder):
    save_image(tmp_path / "images" / "a.png", np.zeros((4, 4), np.uint8))
    (tmp_path / folder).mkdir(parents=True)
    os.mkfifo(tmp_path / folder / "a.png")
    project = open_project(tmp_path)
    assert project.truth is None
    expected = f"{folder}/a.png is passed over: it is a named pipe, not a file."
    assert project.special == expected
    assert expected in project.notes


def test_chosen_masks_that_are_nothing_but_pipes_are_named(tmp_path):
    save_image(tmp_path / "images" / "a.png", np.zeros((4, 4), np.uint8))
    (tmp_path / "mine").mkdir()
    os.mkfifo(tmp_path / "mine" / "a.png")
    project = open_project(tmp_path, masks=ChosenMasks(tmp_path / "mine"))
    assert "mine/a.png is passed over: it is a named pipe, not a file." in project.notes


def test_an_annotation_does_not_replace_a_pipe(tmp_path):
    (tmp_path / "masks").mkdir()
    os.mkfifo(tmp_path / "masks" / "a.png")
    ref = ImageRef("a.png", str(tmp_path))
    labels = LabelMap.empty((4, 4)).labels
    with pytest.raises(SegstudioError, match="is a named pipe"):
        write_annotation(tmp_path, ref, labels, None, LabelSchema.from_names(("background",)))


def test_a_folder_that_is_called_like_an_image_is_a_folder(tmp_path):
    save_image(tmp_path / "stack.tif" / "a.png", np.zeros((4, 4), np.uint8))
    assert scan(tmp_path).names == ["stack.tif/a.png"]


def test_a_pipe_in_the_place_of_the_record_of_originals_is_passed_over(tmp_path):
    mask = tmp_path / "a.png"
    save_image(mask, np.zeros((4, 4), np.uint8))
    (tmp_path / ".originals").mkdir()
    os.mkfifo(tmp_path / ".originals" / "a.png.json")

    assert [version.path for version in versions(mask)] == [mask]
