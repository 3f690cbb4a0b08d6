from __future__ import annotations

import json

import pytest

from segstudio.core.errors import SegstudioError
from segstudio.core.schema import distinct_color
from segstudio.storage.class_names_file import read_class_names


def _names(path, text: str) -> list[str]:
    path.write_bytes(text.encode())
    specs = read_class_names(path)
    assert [spec.id for spec in specs] == list(range(len(specs)))
    return [spec.name for spec in specs]


def test_one_name_a_line_in_the_order_of_the_ids(tmp_path):
    path = tmp_path / "codes.txt"
    text = "\ufeffsky\r\n  building \n\n# a comment\ntraffic sign\ncar:big\n"
    assert _names(path, text) == ["sky", "building", "traffic sign", "car:big"]
    assert read_class_names(path)[1].color == distinct_color(1)


def test_the_labels_of_labelme(tmp_path):
    path = tmp_path / "labels.txt"
    assert _names(path, "__ignore__\n_background_\ncat\ndog\n") == ["background", "cat", "dog"]


def test_the_label_map_of_cvat_with_its_colours(tmp_path):
    path = tmp_path / "labelmap.txt"
    text = "# label:color_rgb:parts:actions\nbackground:0,0,0::\nroad:128,64,300::\ntree:::\n"
    assert _names(path, text) == ["background", "road", "tree"]
    colors = [spec.color for spec in read_class_names(path)]
    assert colors == [(0, 0, 0), (128, 64, 255), distinct_color(2)]


def test_the_classes_of_another_folder(tmp_path):
    path = tmp_path / "segstudio.json"
    classes = [{"id": 0, "name": "sky", "color": [1, 2, 3]}, {"id": 7, "name": "car"}]
    path.write_text(json.dumps({"classes": classes}))
    assert [(s.id, s.name) for s in read_class_names(path)] == [(0, "sky"), (7, "car")]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"\n# nothing\n", "no class name"),
        (b"a\n" * 257, "257 lines"),
        (b"\xff\xfe\x00\x01", "not a text file"),
    ],
)
def test_what_is_no_list_of_names_is_refused(tmp_path, content, message):
    path = tmp_path / "names.txt"
    path.write_bytes(content)
    with pytest.raises(SegstudioError, match=message):
        read_class_names(path)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(SegstudioError, match=r"gone\.txt"):
        read_class_names(tmp_path / "gone.txt")
