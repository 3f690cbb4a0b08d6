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
    text = "\ufeff# classes of CamVid\n#\nsky\r\n  building \n\ntraffic sign\ncar:big\n"
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
        (b"\xff\xfe\x00", "not a text file"),
        (b"a\0b\0", "not a text file"),
        ("fond\ncaf\u00e9\n".encode("latin-1"), "not a text file"),
        ("\u80cc\u666f\n\u7ec6\u80de\u6838\n".encode("gbk"), "not a text file"),
        (b"0: a\n0: b\n", "id 0 in .* is there twice"),
        (b"0: a\n300: b\n", "id 300 in .* is above 255"),
        (b"x" * (1 << 20) + b"y", "too long"),
        (b"{" * 100_000, "damaged"),
        (b'{"classes": 5', "damaged"),
        (b'{"categories": [{"id": 1}]}', "no list of classes"),
        (b'{"categories": [{"id": 1e999, "name": "a"}]}', "1e999 is too large"),
        (b'{"version": "5.0"}', "no list of classes"),
        (b"[]", "no class name"),
        (b"names:\n", "no class name"),
        (b"names: [a, b\n", "not closed"),
        (b'{"width": 640, "height": 480}', "no list of classes"),
        (b"id,name\n0,a\nx,b\n", "row 3 has text where a number should be"),
        (b"id,name\n0,a\nb\n", "row 3 has not the columns id, name"),
    ],
)
def test_what_is_no_list_of_names_is_refused(tmp_path, content, message):
    path = tmp_path / "names.txt"
    path.write_bytes(content)
    with pytest.raises(SegstudioError, match=message):
        read_class_names(path)


def test_a_name_that_begins_with_a_hash_is_a_name(tmp_path):
    names = _names(tmp_path / "n.txt", "background\n#1 tumour\n#2 stroma\nnecrosis\n# late\n")
    assert names == ["background", "#1 tumour", "#2 stroma", "necrosis", "# late"]
    assert _names(tmp_path / "n.txt", "#1 tumour\n#2 stroma\n") == ["#1 tumour", "#2 stroma"]


def test_colons_are_kept(tmp_path):
    text = "# label:color_rgb:parts:actions\nlumen, open:0,128,0::\nratio 1:2:0,0,128::\na:b:::\n"
    assert _names(tmp_path / "n.txt", text) == ["lumen, open", "ratio 1:2", "a:b"]
    plain = "background\na:b\nratio 1:2:0,0,128::\na:b:c:d\n"
    assert _names(tmp_path / "n.txt", plain) == ["background", "a:b", "ratio 1:2", "a:b:c:d"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("0\tbackground\n1\tcell\n2\tdebris\n", {0: "background", 1: "cell", 2: "debris"}),
        ("0: background\n1: cell\n", {0: "background", 1: "cell"}),
        ("7: car\n2: tree\n", {7: "car", 2: "tree"}),
        ("1 wall\n2 building\n", {1: "wall", 2: "building"}),
        ("0,background\n3,cell\n", {0: "background", 3: "cell"}),
        ("2 cells\n3 cells\n", {0: "2 cells", 1: "3 cells"}),
        ("0: a\nb\n", {0: "0: a", 1: "b"}),
        ("1 only\n", {0: "1 only"}),
        ("background\t0\ncell\t1\n", {0: "background", 1: "cell"}),
        ("grade:1\ngrade:2\n", {0: "grade:1", 1: "grade:2"}),
        ("scale:4\nscales:8\n", {0: "scale:4", 1: "scales:8"}),
        ("layer 1\nedge 2\n", {0: "layer 1", 1: "edge 2"}),
        ("classes:\nlabels\n", {0: "classes:", 1: "labels"}),
    ],
)
def test_ids_before_the_names(tmp_path, text, expected):
    (tmp_path / "n.txt").write_text(text)
    assert {s.id: s.name for s in read_class_names(tmp_path / "n.txt")} == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("path: ../x\nnames:\n  0: cell\n  1: 'a: b'  # small\nnc: 2\n", {0: "cell", 1: "a: b"}),
        ("# YOLO\nnc: 2\nnames: ['cell', \"debris\"]\n", {0: "cell", 1: "debris"}),
        ("names: [cell,\n  debris]\ntrain: x\n", {0: "cell", 1: "debris"}),
        ("names:\n- cell\n- debris\nval: y\n", {0: "cell", 1: "debris"}),
        ("names: {2: cell, 5: debris}\n", {2: "cell", 5: "debris"}),
        ("names:\n\n  # first\n  4: C#\n", {4: "C#"}),
        ("names: ['a', \"it's # 1\", c]  # three\nnc: 3\n", {0: "a", 1: "it's # 1", 2: "c"}),
        ('names: {0: bg, 1: "x, y"}\n', {0: "bg", 1: "x, y"}),
        ("names: ['it''s', don't, 'a]',\n  b]\n", {0: "it's", 1: "don't", 2: "a]", 3: "b"}),
        ("names:\n  bg: 0\n  'a: b': 1\nnc: 2\n", {0: "bg", 1: "a: b"}),
        ("train: x\nclasses:\n  - bg\n  - cell\nval: y\n", {0: "bg", 1: "cell"}),
        ("data:\n  names:\n  - bg\n  - cell # c\n  nc: 2\n", {0: "bg", 1: "cell"}),
        ("label_map: {bg: 0, cell: 3}\n", {0: "bg", 3: "cell"}),
        ("bg: 0\ncell: 1\n", {0: "bg", 1: "cell"}),
    ],
)
def test_the_yaml_of_yolo(tmp_path, text, expected):
    (tmp_path / "data.yaml").write_text(text)
    assert {s.id: s.name for s in read_class_names(tmp_path / "data.yaml")} == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("id,name,r,g,b\n0,ground,1,2,3\n4,\"a, b\",255,0,9\n",
         [(0, "ground", (1, 2, 3)), (4, "a, b", (255, 0, 9))]),
        ("name,r,g,b,class_11\nAnimal,64,128,64,0\nArchway,192,0,128,1\n",
         [(0, "Animal", (64, 128, 64)), (1, "Archway", (192, 0, 128))]),
        ("64 128 64\tAnimal\n192 0 128\tArchway 2\n",
         [(0, "Animal", (64, 128, 64)), (1, "Archway 2", (192, 0, 128))]),
    ],
)  # fmt: skip
def test_tables_with_colours(tmp_path, text, expected):
    (tmp_path / "classes.csv").write_text(text)
    assert [(s.id, s.name, s.color) for s in read_class_names(tmp_path / "classes.csv")] == expected


@pytest.mark.parametrize("encoding", ["utf-16", "utf-8-sig"])
def test_encodings_that_say_what_they_are(tmp_path, encoding):
    (tmp_path / "n.txt").write_text("fond\ncafé\n细胞\n", encoding=encoding)
    assert [s.name for s in read_class_names(tmp_path / "n.txt")] == ["fond", "café", "细胞"]


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        ({"categories": [{"id": 1, "name": "cell"}, {"id": 3, "name": "x"}]}, {1: "cell", 3: "x"}),
        ({"label_map": {"0": "ground", "2": "cell"}}, {0: "ground", 2: "cell"}),
        (["a", "b"], {0: "a", 1: "b"}),
        ([{"id": 4, "name": "b"}], {4: "b"}),
        ({"0": "a", "1": "b"}, {0: "a", 1: "b"}),
        ({"b": 1, "a": 0}, {0: "a", 1: "b"}),
        ({"id2label": {"0": "a", "1": "b"}, "label2id": {"a": 0, "b": 1}}, {0: "a", 1: "b"}),
    ],
)
def test_json_of_other_programs(tmp_path, data, expected):
    (tmp_path / "classes.txt").write_text(json.dumps(data))
    assert {s.id: s.name for s in read_class_names(tmp_path / "classes.txt")} == expected


def test_the_colours_of_datumaro(tmp_path):
    data = {"label_map": {"0": "a", "1": "b"}, "segmentation_colors": [[0, 0, 0], [255, 0, 9]]}
    (tmp_path / "dataset_meta.json").write_text(json.dumps(data))
    specs = read_class_names(tmp_path / "dataset_meta.json")
    assert [s.color for s in specs] == [(0, 0, 0), (255, 0, 9)]


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(SegstudioError, match=r"gone\.txt"):
        read_class_names(tmp_path / "gone.txt")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "0 background 0 0 0\n1 nucleus 0 255 0\n",
            [(0, "background", (0, 0, 0)), (1, "nucleus", (0, 255, 0))],
        ),
        (
            "wall: 120, 120, 120\nswimming pool: 0, 0, 9\n",
            [(0, "wall", (120, 120, 120)), (1, "swimming pool", (0, 0, 9))],
        ),
        ("3\troad\t1\t2\t3\n7\tcar\t4\t5\t6\n", [(3, "road", (1, 2, 3)), (7, "car", (4, 5, 6))]),
    ],
)
def test_a_colour_may_stand_behind_the_name(tmp_path, text, expected):
    (tmp_path / "classes.txt").write_text(text)
    found = read_class_names(tmp_path / "classes.txt")
    assert [(s.id, s.name, s.color) for s in found] == expected


@pytest.mark.parametrize(
    "text",
    ["grade 1 2 3\nother\n", "grade 1 2 3\ntype 1 2 3\n", "a 1 2 300\nb 4 5 6\n", "a 1 2 3\n"],
)
def test_numbers_behind_names_that_are_no_colours_belong_to_them(tmp_path, text):
    assert _names(tmp_path / "classes.txt", text) == text.splitlines()
