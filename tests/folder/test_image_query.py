"""The language of the filter: which images a text finds, and what is said of one that means nothing."""

from __future__ import annotations

import math

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from segstudio.core.errors import SegstudioError
from segstudio.core.schema import LabelSchema
from segstudio.folder.image_query import (
    KEYS,
    ImageContents,
    ImageFacts,
    completions,
    parse_query,
)
from segstudio.session.session import ImageState
from segstudio.storage.image_ref import place_of

SCHEMA = LabelSchema.from_names(("background", "car", "cargo bike", "tree"))
NAMES = ["plate 1.png", "plate 2.png", "train/Road-3.png", "car:4.png", "last.png"]
STATES = {
    0: ImageState(has_truth=True, reviewed=True),
    1: ImageState(annotated=True, edited=True, runs=frozenset({"m"}), note="Blurred at the left"),
    2: ImageState(has_truth=True, flagged=True, note="see plate 1"),
    3: ImageState(has_truth=True, runs=frozenset({"m"})),
    place_of(4, 7): ImageState(note="bubble"),
}
SCORES = {0: 0.4, 1: 0.5, 3: 0.91}
CONTENTS = {
    0: ImageContents(frozenset({0, 1}), 20),
    1: ImageContents(frozenset({0, 2, 3}), 21),
    3: ImageContents(frozenset({0}), 0),
}
FACTS = ImageFacts(
    NAMES, [n.lower() for n in NAMES], STATES, lambda i: SCORES.get(i, math.nan), CONTENTS
)
"""Image 2 has labels that were not looked at, image 4 has none."""


def _found(text: str) -> list[int]:
    return parse_query(text, SCHEMA).find(FACTS, range(5)).images


@pytest.mark.parametrize(
    ("text", "images"),
    [
        ("", [0, 1, 2, 3, 4]),
        ("PLATE", [0, 1, 2]),
        ("plate png", [0, 1, 2]),
        ("name:plate", [0, 1]),
        ("-name:plate", [2, 3, 4]),
        ("note:plate", [2]),
        ("note:blurred", [1]),
        ("bubble", [4]),
        ('"plate 1"', [0, 2]),
        ('-"plate 1"', [1, 3, 4]),
        ("-3", [2]),
        ('"car:4"', [3]),
        (r"/^plate \d/", [0, 1]),
        (r"-/^plate \d/ png", [2, 3, 4]),
        ("/train/road/", [2]),
        ("name:/^LAST/", [4]),
        ("note:/left$|^see/", [1, 2]),
        ("state:done", [0]),
        ("state:unlabelled", [4]),
        ("state:in-work", [1, 3]),
        ('state:"in work"', [1, 3]),
        ("state:flagged", [2]),
        ("state:reviewed", [0]),
        ("-state:done", [1, 2, 3, 4]),
        ("state:done,flagged plate", [0, 2]),
        ("has:note", [1, 2]),
        ("has:truth", [0, 2, 3]),
        ("has:edits,pred", [1, 3]),
        ("class:car", [0]),
        ("label::car", [0]),
        ("class:3", [1]),
        ("class:bike,car", [0, 1]),
        ('class:"cargo bike"', [1]),
        ("-class:car", [1, 3, 4]),
        ("objects:>20", [1]),
        ("objects:>=20", [0, 1]),
        ("objects:20", [0]),
        ("objects:0", [3, 4]),
        ("objects:1..20", [0]),
        ("classes:2..3", [0, 1]),
        ("iou:<0.5", [0]),
        ("iou:<=0.5", [0, 1]),
        ("iou:>90%", [3]),
        ("iou:[0.45,0.95]", [1, 3]),
        ("-iou:<0.5", [1, 3]),
        ("state:done class:car iou:<0.5 objects:<21", [0]),
    ],
)
def test_what_a_text_finds(text, images):
    assert _found(text) == images


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("stat:done", "There is no key “stat”. Did you mean state:? In quotes it is looked for"),
        ("well:7", "There is no key “well”. Use state, class, objects, classes, iou, name, note"),
        ("state:", "“state:” wants unlabelled, in-work, done or flagged. For example state:done"),
        ("state:ready", "“state:ready” means nothing. Use unlabelled, in-work, done and flagged."),
        ("has:", "“has:” wants truth, edits, prediction or note."),
        ("class:plane", "There is no class “plane” here. Use background, car, cargo bike and tree"),
        ("iou:<", "“iou:<” has no number to compare with. Use iou:<0.5, iou:>=0.5, iou:0.5 or"),
        ("iou:<50", "An IoU lies between 0 and 1, not at 50. Use 0.5 or 50%."),
        ("objects:many", "“objects:many” has no number to compare with. Use objects:<20"),
        ("/plate", "The expression /plate has no end. Close it with a slash"),
        ("/plate(/", "The expression /plate(/ cannot be read"),
        ("/(a+)+$/", "The expression /(a+)+$/ repeats what is repeated"),
        ("/((a|b)*c)*/", "The expression /((a|b)*c)*/ repeats what is repeated"),
        ('note:"to do', 'The quotation mark in "to do is not closed.'),
    ],
)
def test_what_is_said_of_a_text_that_means_nothing(text, said):
    with pytest.raises(SegstudioError) as raised:
        parse_query(f"plate {text}", SCHEMA)
    assert str(raised.value).startswith(said)


@pytest.mark.parametrize(
    "text", [r"/(\(a\+\))+/", "/[(a+)]+/", "/(ab)+c*/", "/(a+b)?/", r"/a{2}(b+)/"]
)
def test_repeats_that_do_not_lie_in_each_other_are_taken(text):
    assert parse_query(text, SCHEMA).has_expression


def test_what_is_not_known_is_told_and_holds_neither_way():
    query = parse_query("class:car", SCHEMA)
    assert query.needs_contents
    assert not query.needs_scores
    found = query.find(FACTS, range(5))
    assert (found.asked, found.uncounted) == (5, {2})
    # only what the other terms leave has to be looked at
    assert parse_query("class:car plate state:done", SCHEMA).find(FACTS, range(5)).asked == 1
    scored = parse_query("-iou:<0.45", SCHEMA).find(FACTS, range(5))
    assert (scored.images, scored.asked, scored.unscored) == ([1, 3], 5, 2)


def test_every_key_has_an_example_that_is_understood():
    for key in KEYS:
        assert key.example.startswith(f"{key.name}:")
        parse_query(key.example, SCHEMA)


@pytest.mark.parametrize(
    ("typed", "begin", "offered"),
    [
        ("st", 0, ["state:"]),
        ("plate -cl", 7, ["class:", "classes:"]),
        ("plate", 0, []),
        ("s", 0, []),
        ("state:", 0, ["state:unlabelled", "state:in-work", "state:done", "state:flagged"]),
        ("state:done,f", 0, ["state:done,flagged"]),
        ("x state:done", 2, []),
        ("has:p", 0, ["has:prediction"]),
        ("class:c", 0, ["class:car", 'class:"cargo bike"']),
        ('class:"cargo b', 0, ['class:"cargo bike"']),
        ("iou:", 0, []),
    ],
)
def test_what_is_offered_while_typing(typed, begin, offered):
    assert completions(typed, SCHEMA) == (begin, offered)


_PIECES = st.sampled_from(
    ["state:", "class:", "objects:", "iou:", "note:", "has:", "name:", "-", '"', "/", ",", " ", "(",
     ")", "*", "<", "0.5", "20", "..", "done", "car", "\\", "[", "{1,}", "+", "|", "²", "\0", "é"]
)  # fmt: skip


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])  # by a busy computer
@given(st.lists(st.one_of(_PIECES, st.text(max_size=3)), max_size=12).map("".join))
def test_whatever_is_typed_is_understood_or_answered_in_a_sentence(text):
    begin, offered = completions(text, SCHEMA)
    assert 0 <= begin <= len(text)
    assert all(offered)
    said, found = ".", []
    try:
        found = parse_query(text, SCHEMA).find(FACTS, range(5)).images
    except SegstudioError as error:
        said = error.message
    assert said.endswith(".")
    assert set(found) <= set(range(5))
