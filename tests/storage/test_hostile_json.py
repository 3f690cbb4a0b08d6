"""JSON that nobody meant to write: one message, or defaults; never another error."""

from __future__ import annotations

import json
import os
import struct
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from PIL import Image

from segstudio.core.errors import SegstudioError
from segstudio.core.json_text import parse_json, read_json
from segstudio.core.schema import LabelSchema
from segstudio.models.registry import METADATA_KEY, read_header, read_spec_data, spec_from_metadata
from segstudio.storage.class_names_file import read_class_names
from segstudio.storage.mask_meaning import NOTHING_SAID
from segstudio.storage.originals import versions
from segstudio.storage.project import open_project
from segstudio.storage.run_definitions import RunDefinition, read_definitions, write_definitions
from segstudio.storage.schema_file import read_schema, write_schema
from segstudio.storage.settings import Settings, load_settings, save_settings
from segstudio.storage.states import (
    Mark,
    load_chosen_masks,
    load_marked,
    load_notes,
    load_read_as,
    load_settled,
    load_sources,
    save_marked,
    set_damaged_aside,
)

DEEP = "[" * 100_000 + "]" * 100_000
DEEP_OBJECT = '{"classes": ' * 5_000 + "1" + "}" * 5_000
HOSTILE = {
    "deep": DEEP,
    "deep object": DEEP_OBJECT,
    "deep in other entries": '{"classes": [{"id": 0, "name": "a"}], "x": %s}'
    % ("[" * 90 + "]" * 90),
    "infinite id": '{"classes": [{"id": 1e999, "name": "a"}]}',
    "not a number": '{"classes": [{"id": NaN, "name": "a"}]}',
    "long number": '{"classes": [{"id": %s, "name": "a"}]}' % ("9" * 5_000),
    "400 digits": '{"classes": [{"id": 0, "name": "a", "color": [%s, 0, 0]}]}' % ("9" * 400),
    "no name": '{"classes": [{"id": 0}]}',
    "a list": "[1, 2]",
    "a number": "7",
    "nothing": "",
    "null": "null",
    "half": '{"classes": [{"id"',
    "no text": b"\xff\xfe\x00\xd8",
    "classes are a number": '{"classes": 3}',
    "ignore index is infinite": '{"classes": [], "ignore_index": -1e999}',
}
cases = pytest.mark.parametrize("content", HOSTILE.values(), ids=HOSTILE.keys())


def put(path: Path, content: str | bytes) -> Path:
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def safetensors(path: Path, header: str | bytes) -> Path:
    text = header if isinstance(header, bytes) else header.encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text)
    return path


def error_of(read, path: Path) -> SegstudioError | None:
    try:
        read(path)
    except SegstudioError as error:
        return error
    return None


@cases
def test_a_class_list_says_what_is_wrong_and_names_the_file(tmp_path, content):
    path = put(tmp_path / "segstudio.json", content)
    with pytest.raises(SegstudioError, match=r"segstudio\.json") as error:
        read_schema(path)
    assert error.value.hint
    assert len(str(error.value)) < 400


@pytest.mark.parametrize(
    ("content", "why"),
    [
        ("", "it is empty"),
        (" \n", "it is empty"),
        ("\0\0\0", "it is no JSON"),
        ("garbage", "it is no JSON"),
        (b"\xff\xfe\x00\xd8", "it is not text in UTF-8"),
        ('{"classes": [{"id"', "it breaks off before its end"),
        ('{"classes": [\n {"id": 0,, "name": "a"}]}', "it is no JSON from line 2, character 11 on"),
        ('{"classes": []} x', "it is no JSON from line 1, character 17 on"),
        ('{"classes": [{"id": 0, name: "a"}]}', "it is no JSON from line 1, character 24 on"),
    ],
)
def test_a_damaged_class_list_is_told_in_plain_words(tmp_path, content, why):
    path = put(tmp_path / "segstudio.json", content)
    assert str(error_of(read_schema, path)) == (
        f"The class list {path} is damaged ({why}). Mend it in a text editor, or move it away to "
        "have one made from the masks."
    )


@pytest.mark.parametrize(
    ("content", "why"),
    [
        ({"other": 1}, '"classes" is missing'),
        ({"classes": [{"id": 0}]}, '"name" is missing'),
        ({"classes": 3}, "an entry has another form"),
        ({"classes": [{"id": "x", "name": "a"}]}, "\"id\" is 'x'"),
        ({"classes": [{"id": 1.5, "name": "a"}]}, '"id" is 1.5'),
        ({"classes": [{"id": True, "name": "a"}]}, '"id" is True'),
        ({"classes": [{"id": 2, "name": None}]}, '"name" of class 2 is None'),
        ({"classes": [{"id": 0, "name": "a", "color": 7}]}, '"color" of class 0 is 7'),
        ({"classes": [{"id": 0, "name": "a", "thing": "no"}]}, "\"thing\" of class 0 is 'no'"),
        ({"classes": [], "ignore_index": 2.5}, '"ignore_index" is 2.5'),
    ],
)
def test_what_is_no_list_of_classes_is_told_in_plain_words(tmp_path, content, why):
    path = put(tmp_path / "segstudio.json", json.dumps(content))
    assert f"{path}: The class list cannot be read ({why})." in str(error_of(read_schema, path))


def test_class_mappings_that_mean_nothing_are_named_and_the_classes_kept(tmp_path):
    Image.new("L", (4, 4)).save(tmp_path / "a.png")
    rule = {"model": {"1": "cell"}, "to": {"1": 1}}
    classes = [{"id": 0, "name": "background"}, {"id": 1, "name": "cell"}]
    path = tmp_path / "segstudio.json"
    for rules, which in (([rule, {"to": 3}], "entry 2 of 2"), (7, "it is no list")):
        put(path, json.dumps({"classes": classes, "class_mappings": rules}))
        project = open_project(tmp_path, tmp_path / "home")
        assert project.schema.ids == (0, 1)
        (note,) = [text for text in project.notes if "class_mappings" in text]
        assert str(path) in note
        assert which in note
    put(path, json.dumps({"classes": classes, "class_mappings": [rule]}))
    assert open_project(tmp_path, tmp_path / "home").notes == ()


def test_marks_and_choices_that_mean_nothing_are_named_and_the_rest_kept(tmp_path):
    put(tmp_path / "reviewed.json", '{"reviewed": ["a.png", 7]}')
    put(tmp_path / "masks.json", '{"kind": "purple", "class_0": "class", "ignored": 3}')
    put(tmp_path / "truth.json", '{"masks": "/data/m", "pattern": 5}')
    put(tmp_path / "sources.json", '{"runs": {"a": ["unet"], "b": 4}}')
    put(tmp_path / "notes.json", '{"notes": {"a.png": "blurred", "b.png": ["x"]}}')
    put(tmp_path / "settled.json", '{"settled": {"a": ["f00d"], "b": [7]}}')
    told = set_damaged_aside(tmp_path)
    wanted = {
        "notes.json": '"b.png" (["x"])',
        "reviewed.json": '"reviewed" (7)',
        "masks.json": '"kind" ("purple"), "ignored" (3)',
        "truth.json": '"pattern" (5)',
        "sources.json": '"b" (4)',
        "settled.json": '"b" ([7])',
    }
    assert len(told) == len(wanted)
    for name, values in wanted.items():
        (text,) = [each for each in told if str(tmp_path / name) in each]
        assert values in text
    assert load_marked(tmp_path, Mark.REVIEWED) == {"a.png"}
    assert load_read_as(tmp_path).zero == "class"
    assert load_chosen_masks(tmp_path).folder == Path("/data/m")
    assert load_sources(tmp_path) == {"a": frozenset({"unet"})}
    assert load_notes(tmp_path) == {"a.png": "blurred"}
    assert load_settled(tmp_path) == {"a": frozenset({"f00d"})}
    assert not [*tmp_path.glob("*.damaged")]


@pytest.mark.parametrize("content", [DEEP, '{"folder": 1e999}', "[1]", '{"links": 3, "folder": 3}'])
@pytest.mark.parametrize(
    ("name", "follows"),
    [
        ("saving.json", "where corrections go is asked again"),
        ("links.json", "links out of the folder are asked about again"),
    ],
)
def test_a_damaged_choice_of_where_to_save_is_kept_and_told(tmp_path, name, follows, content):
    path = put(tmp_path / name, content)
    (told,) = set_damaged_aside(tmp_path)
    assert str(path) in told
    assert follows in told
    assert not path.exists()
    assert (tmp_path / f"{path.stem}.damaged").exists()


@cases
def test_classes_can_be_written_over_it(tmp_path, content):
    put(tmp_path / "segstudio.json", content)
    schema = LabelSchema.from_names(("background", "cell"))
    assert read_schema(write_schema(tmp_path, schema)) == schema


@cases
def test_settings_fall_back_and_can_be_saved(tmp_path, content):
    path = put(tmp_path / "settings.json", content)
    assert load_settings(path) == Settings()
    save_settings(path, Settings(brush_size=40))
    assert load_settings(path).brush_size == 40


def test_settings_of_strange_values_get_defaults_and_the_rest_stays(tmp_path):
    path = tmp_path / "settings.json"
    path.write_text('{"brush_size": %s, "opacity": 0.3, "recent": [{}]}' % ("9" * 19))
    found = load_settings(path)
    assert found.opacity == 0.3
    assert 1 <= found.brush_size <= 10_000


@cases
def test_marks_and_what_was_said_of_masks_fall_back(tmp_path, content):
    for mark in Mark:
        put(tmp_path / f"{mark.value}.json", content)
        assert load_marked(tmp_path, mark) == set()
        save_marked(tmp_path, tmp_path, mark, ["a.png"])
        assert load_marked(tmp_path, mark) == {"a.png"}
    put(tmp_path / "masks.json", content)
    assert load_read_as(tmp_path) == NOTHING_SAID


@cases
def test_named_runs_are_set_aside_and_new_ones_can_be_kept(tmp_path, content):
    path = put(tmp_path / "runs.json", content)
    before = path.read_bytes()
    assert read_definitions(path) == []
    run = RunDefinition("a#1", "Mine", "variant", ("a",), {"input_scale": 0.5})
    write_definitions(path, [run])
    assert read_definitions(path) == [run]
    kept = tmp_path / "runs.damaged"
    assert not kept.exists() or kept.read_bytes() == before


def test_damaged_files_do_not_replace_each_other(tmp_path):
    path = tmp_path / "runs.json"
    names = ["runs.damaged", *(f"runs.{n}.damaged" for n in (2, 3, 4, 5))]
    for number, name in enumerate(names):
        path.write_text("[" * (number + 1))
        os.utime(path, (1000 + number, 1000 + number))
        told = []
        read_definitions(path, told.append)
        assert f"It is kept as {tmp_path / name}." in told[0]
    assert [(tmp_path / name).read_text() for name in names] == ["[" * n for n in range(1, 6)]
    path.write_text("[[")  # one that is kept already takes no other's place
    read_definitions(path)
    assert [(tmp_path / name).read_text() for name in names] == ["[" * n for n in range(1, 6)]
    os.utime(tmp_path / names[1], (3000, 3000))
    path.write_text("{")  # at most five: the oldest goes
    read_definitions(path)
    assert [(tmp_path / name).read_text() for name in names] == ["{", "[[", "[[[", "[[[[", "[[[[["]
    assert not path.exists()


def test_a_named_run_that_makes_no_sense_is_kept_aside(tmp_path):
    path = tmp_path / "runs.json"
    good = {"id": "a", "title": "A", "kind": "variant", "members": ["m"]}
    path.write_text(json.dumps([good, {**good, "kind": "guess"}, 7]))
    content, told = path.read_bytes(), []
    found = read_definitions(path, told.append)
    write_definitions(path, found)
    assert [run.id for run in found] == ["a"]
    assert (tmp_path / "runs.damaged").read_bytes() == content
    assert told == [
        (
            f"2 of 3 entries in {path} cannot be understood and are left out. "
            f"A copy of the whole file is kept as {tmp_path / 'runs.damaged'}."
        )
    ]


def test_a_named_run_with_options_of_the_wrong_kind_is_left_out(tmp_path):
    good = {"id": "a#1", "title": "A", "kind": "variant", "members": ["a"]}
    strange = ({"nonsense": 1}, {"flips": "yes"}, {"input_scale": [1]}, {"tile_px": True})
    strange += ({"scales": ["x"]}, {"scales": 3}, {"device": 5})
    runs = [good, *({**good, "overrides": each} for each in strange), {**good, "members": 3}, 7]
    path = put(tmp_path / "runs.json", json.dumps(runs))
    assert [run.id for run in read_definitions(path)] == ["a#1"]


@cases
def test_a_weights_file_says_what_is_wrong_and_is_named(tmp_path, content):
    path = safetensors(tmp_path / "net.safetensors", content)
    error = error_of(read_header, path)
    assert error is None or ("net.safetensors" in error.message and error.hint)


@pytest.mark.parametrize("metadata", ["3", "[1]", "null", '"text"'])
def test_metadata_of_another_kind_are_told(tmp_path, metadata):
    path = safetensors(tmp_path / "net.safetensors", f'{{"__metadata__": {metadata}}}')
    with pytest.raises(SegstudioError, match=r"net\.safetensors"):
        read_spec_data(path)


@cases
def test_a_description_inside_weights_says_what_is_wrong(tmp_path, content):
    text = content.decode("latin-1") if isinstance(content, bytes) else content
    header = json.dumps({"__metadata__": {METADATA_KEY: text}})
    path = safetensors(tmp_path / "net.safetensors", header)
    with pytest.raises(SegstudioError, match=r"net\.safetensors"):
        spec_from_metadata(read_spec_data(path), None, path.name)


@cases
def test_a_list_of_class_names_says_what_is_wrong(tmp_path, content):
    path = put(tmp_path / "names.json", content)
    error = error_of(read_class_names, path)
    assert error is None or "names.json" in error.message


def test_a_file_larger_than_memory_allows_is_not_read(tmp_path):
    path = tmp_path / "segstudio.json"
    with path.open("wb") as file:
        file.truncate(1 << 40)  # a sparse file of a terabyte
    with pytest.raises(SegstudioError, match="larger than"):
        read_schema(path)
    assert load_settings(path) == Settings()


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**62), 2**62) | st.floats(allow_nan=False,
    allow_infinity=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=8,
)  # fmt: skip


@settings(max_examples=40, deadline=None)
@given(_JSON)
@example(-(10**18))
def test_what_is_sound_comes_through_as_it_is(value):
    assert parse_json(json.dumps(value)) == value


def test_a_byte_order_mark_is_no_fault(tmp_path):
    assert read_json(put(tmp_path / "x.json", b"\xef\xbb\xbf[1.5]")) == [1.5]


@pytest.mark.parametrize(
    "content",
    [
        *HOSTILE.values(),
        '{"kept": [{"number": 1e999, "sha256": "x"}], "written": []}',
        '{"kept": [{"number": [], "sha256": "x"}], "written": []}',
        '{"kept": [3], "written": {}}',
    ],
)
def test_a_damaged_record_of_originals_hides_none_of_them(tmp_path, content):
    mask = put(tmp_path / "a.png", b"mine")
    (tmp_path / ".originals").mkdir()
    original = put(tmp_path / ".originals" / "a.png", b"theirs")
    put(tmp_path / ".originals" / "a.png.json", content)

    assert original in [version.path for version in versions(mask)]
