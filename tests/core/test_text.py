from __future__ import annotations

import json
import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from segstudio.core.text import cut_to_bytes, enumerated, printable, safe_cells, utf8, utf8_json


@given(st.binary(min_size=1, max_size=40))
def test_any_file_name_survives_json(raw):
    name = os.fsdecode(raw)
    text = json.dumps({"image": name}, ensure_ascii=False)
    written = utf8_json(text).decode("utf-8")
    assert json.loads(written) == {"image": name}
    assert not {"\x7f", "\x9b", "\u202e"} & {*written}


@pytest.mark.parametrize("indent", [None, 1])
def test_json_in_utf8_stays_as_it_is(indent):
    text = json.dumps({"a": ["Zellkörper", "细胞"]}, ensure_ascii=False, indent=indent)
    assert utf8_json(text) == text.encode()
    assert utf8_json('"caf\udce9 \x9b[2J"') == rb'"caf\udce9 \u009b[2J"'


def test_text_in_utf8_stays_as_it_is():
    assert utf8("Zellkörper 细胞") == "Zellkörper 细胞".encode()
    assert utf8(os.fsdecode(b"caf\xe9.png")) == rb"caf\xe9.png"
    assert utf8("\ud800") == rb"\ud800"  # Windows allows such names


def test_a_text_is_only_shown():
    name = os.fsdecode(b"a\xe9\x1b[2J\n\tb")
    assert printable(name) == r"a\xe9\x1b[2J\n\tb"
    assert printable(name, lines=True) == "a\\xe9\\x1b[2J\n\tb"
    assert printable("Zellkörper\u3000细胞 a\u00a0b") == "Zellkörper\u3000细胞 a\u00a0b"


@given(st.text(max_size=60), st.integers(0, 50))
def test_cutting_keeps_whole_characters(name, limit):
    cut = cut_to_bytes(name, limit)
    size = len(cut.encode("utf-8", "surrogateescape"))
    assert name.startswith(cut)
    assert size <= limit
    if cut != name:  # the next character would not have fitted
        assert size + len(name[len(cut)].encode("utf-8", "surrogatepass")) > limit


def test_cutting_leaves_out_bytes_that_are_no_character():
    assert cut_to_bytes(os.fsdecode(b"caf\xe9s"), 100) == "cafs"


@pytest.mark.parametrize(
    ("cell", "safe"),
    [
        ("=1+1", "'=1+1"),
        ("=HYPERLINK(1)", "'=HYPERLINK(1)"),
        ("+cmd|' /C calc'!A0", "'+cmd|' /C calc'!A0"),
        ("-2+3.png", "'-2+3.png"),
        ("@SUM(A1).png", "'@SUM(A1).png"),
        ("\t=1", r"\t=1"),
        ("\r=1", r"\r=1"),
        (" =1", "' =1"),
        ("a\nb\x1b", r"a\nb\x1b"),
        (os.fsdecode(b"caf\xe9.png"), r"caf\xe9.png"),
        ("cell=1", "cell=1"),
        ("-0.25", "-0.25"),  # a number in a text stays one
        ("+0.5", "+0.5"),
        ("-1e-05", "-1e-05"),
        ("-inf", "-inf"),
        (-3, -3),
        (-0.5, -0.5),
        ("", ""),
        (None, None),
        ("\uff1d1+1", "'\uff1d1+1"),
        ("\uff20x", "'\uff20x"),
        ("a;=1+1;.png", "a;'=1+1;.png"),
        ("a; -1", "a;' -1"),
        ("a=b;c-d", "a=b;c-d"),
    ],
)
def test_no_cell_is_a_formula(cell, safe):
    assert safe_cells([cell]) == [safe]


@pytest.mark.parametrize(
    ("names", "text"),
    [("A", "A"), ("AB", "A and B"), ("ABC", "A, B and C"), ("ABCD", "A, B, C and D")],
)
def test_names_are_listed_as_in_a_sentence(names, text):
    assert enumerated(tuple(names)) == text
