import json
from dataclasses import replace

import pytest

from segstudio.core.class_rules import ClassRule
from segstudio.core.errors import SegstudioError
from segstudio.core.schema import ClassSpec, LabelSchema, distinct_color, merged_schemas


def test_from_ids_found_in_masks():
    schema = LabelSchema.from_ids([7, 2, 255])
    assert schema.ids == (0, 2, 7)
    assert [c.name for c in schema.classes] == ["background", "class 2", "class 7"]
    assert schema.num_classes == 8
    assert LabelSchema.from_ids([255], ignore_index=None).ids == (0, 255)


def test_json_round_trip():
    schema = LabelSchema(
        (ClassSpec(3, "Zellkern ä", (1, 2, 3), thing=True), ClassSpec(0, "background", (0, 0, 0))),
        ignore_index=None,
    )
    assert LabelSchema.from_json(json.loads(json.dumps(schema.to_json()))) == schema
    assert schema.ids == (0, 3)


@pytest.mark.parametrize(
    "data",
    [{}, {"classes": [{}]}, {"classes": 3}, {"classes": [{"id": 0, "name": "a", "color": [1, 2]}]},
     {"classes": [{"id": 0, "name": "a", "color": [1, 2, 300]}]},
     {"classes": [{"id": 300, "name": "a"}]},
     {"classes": [{"id": 1, "name": "a"}, {"id": 1, "name": "b"}]}],
)  # fmt: skip
def test_damaged_json_is_a_clear_error(data):
    with pytest.raises(SegstudioError) as caught:
        LabelSchema.from_json(data)
    assert caught.value.hint


def test_names_and_scored_ids():
    schema = LabelSchema.from_names(("sky", "road", "void"), ignore_index=2)
    assert schema.scored_ids == (0, 1)
    assert [schema.name_of(i) for i in (1, 2, 9)] == ["road", "void", "class 9"]
    assert LabelSchema.from_names(("sky",)).name_of(255) == "ignore"


def test_adding_and_removing_classes():
    schema = LabelSchema.from_names(("a", "b"))
    renamed = schema.with_class(ClassSpec(1, "c", (9, 9, 9)))
    assert renamed.get(1) == ClassSpec(1, "c", (9, 9, 9))
    assert schema.name_of(1) == "b"
    assert renamed.without_class(1).ids == (0,)
    assert renamed.get(5) is None


def test_colours_differ_and_the_palette_has_them():
    colors = [distinct_color(i) for i in range(30)]
    assert len(set(colors)) == 30
    schema = LabelSchema.from_names(("a", "b")).with_class(ClassSpec(4, "d", (1, 2, 3)))
    palette = schema.palette()
    assert palette.shape == (256, 3)
    assert palette[4].tolist() == [1, 2, 3]
    # "a" stands at 0, so 3 and all else that is no class cannot be background: it is grey
    assert palette[5].tolist() == [140, 140, 140]
    assert tuple(palette[9]) == distinct_color(9)
    plain = LabelSchema.from_names(("background", "cell")).palette()
    assert tuple(plain[2]) == distinct_color(2)


def test_numbers_past_the_classes_have_a_meaning():
    plain = LabelSchema.from_names(("background", "cell"))
    assert (plain.background_id, plain.elsewhere_id, plain.left_out_id) == (0, 0, 2)
    assert plain.name_of(2) == "class 2"  # nothing is left out yet
    rule = ClassRule.of(((0, "background"), (1, "dog")), {0: 0}, "ignored")
    ruled = plain.with_rule(rule)
    assert ruled.leaves_out
    assert ruled.name_of(2) == "left out"
    street = LabelSchema.from_names(("sky", "road", "void"), ignore_index=2)
    # 2 is a class though it is ignored; the first number past the classes is 3.
    assert (street.background_id, street.elsewhere_id, street.left_out_id) == (None, 3, 4)
    assert street.name_of(3) == "none of the classes"
    # All 256 numbers are classes: there is none to leave pixels out with.
    full = LabelSchema.from_names(["background", *(f"kind {i}" for i in range(255))], None)
    assert full.left_out_id is None
    assert not full.with_rule(rule).leaves_out


def test_a_rule_is_for_all_models_with_the_same_classes():
    rule = ClassRule.of(((1, "Dog "), (0, "background")), {1: 3})
    assert rule.model == ((0, "background"), (1, "Dog "))
    assert rule.targets == (None, 3)
    assert rule.is_for(((0, "Background"), (1, "dog")))
    assert not rule.is_for(((0, "background"), (2, "dog")))
    folder = LabelSchema.from_names(("background", "cell")).with_rule(rule)
    other = ClassRule.of(rule.model, {1: 1})
    assert folder.with_rule(other).rules == (other,)
    model = LabelSchema.from_names(("background", "dog"))
    assert folder.rule_for(model) == rule
    assert folder.without_rule(model).rules == ()


def test_the_foreground_is_all_but_the_background():
    nuclei = LabelSchema.from_names(["background", "nucleus", "void"], ignore_index=2)
    assert nuclei.foreground_ids == (1,)
    assert nuclei.foreground_among([0, 1, 7]) == (1, 7)
    street = LabelSchema.from_names(["sky", "road"])
    assert street.foreground_ids == (0, 1)
    assert LabelSchema.from_ids([3, 9]).foreground_ids == (3, 9)


def test_two_edits_of_classes_become_one():
    before = LabelSchema.from_names(("background", "cell", "debris"), 255)
    mine = before.with_class(ClassSpec(1, "nucleus", (1, 2, 3))).without_class(2)
    theirs = replace(before.with_class(ClassSpec(3, "border", (4, 5, 6))), ignore_index=None)
    expected = replace(mine.with_class(ClassSpec(3, "border", (4, 5, 6))), ignore_index=None)
    assert merged_schemas(before, mine, theirs) == (expected, ())
    assert merged_schemas(before, theirs, mine) == (expected, ())
    assert merged_schemas(before, mine, before) == (mine, ())
    assert merged_schemas(before, mine, mine) == (mine, ())


def test_what_both_changed_differently_is_told_in_words():
    before = LabelSchema.from_names(("background", "cell", "debris"), 255)
    mine = replace(before.with_class(ClassSpec(1, "nucleus", (1, 2, 3))), ignore_index=0)
    theirs = replace(before.without_class(1).without_class(2), ignore_index=None)
    clashes = (
        "class 1 is \u201cnucleus\u201d here and removed there",
        "the ignore index is 0 here and none there",
    )
    left = mine.without_class(2)
    assert merged_schemas(before, mine, theirs) == (left, clashes)
    assert merged_schemas(before, mine, theirs, prefer_theirs=True) == (theirs, clashes)


def test_mappings_of_two_models_are_both_kept():
    before = LabelSchema.from_names(("background", "cell"))
    one = ClassRule.of([(0, "a"), (1, "b")], {0: 0, 1: 1})
    other = ClassRule.of([(0, "c")], {0: 1})
    changed = ClassRule.of([(0, "a"), (1, "b")], {0: 1, 1: 1})
    merged, clashes = merged_schemas(before, before.with_rule(one), before.with_rule(other))
    assert {rule.model for rule in merged.rules} == {one.model, other.model}
    assert clashes == ()
    known = before.with_rule(one)
    gone = merged_schemas(known, known, known.without_rule(LabelSchema.from_names(("a", "b"))))
    assert gone == (before, ())
    mine = before.with_rule(changed)
    taken, clashes = merged_schemas(before, mine, known, prefer_theirs=True)
    assert taken == known
    assert clashes == ("what a model's classes count as",)


def test_which_classes_are_of_single_objects():
    schema = LabelSchema(
        (ClassSpec(0, "background", (0, 0, 0)), ClassSpec(1, "cell", (1, 1, 1)), ClassSpec(2, "void", (2, 2, 2)), ClassSpec(3, "gland", (3, 3, 3))),
        ignore_index=2,
    )  # fmt: skip
    assert schema.object_ids(keeps_ids=False) == frozenset()
    assert schema.object_ids(keeps_ids=True) == {1, 3}
    chosen = schema.with_objects({3}, keeps_ids=True)
    assert chosen.object_ids(keeps_ids=True) == {3}
    none = chosen.with_objects((), keeps_ids=True)
    assert none.object_ids(keeps_ids=True) == frozenset()
    assert LabelSchema.from_json(none.to_json()) == none
    assert LabelSchema.from_json(chosen.to_json()).object_ids(keeps_ids=False) == {3}
    assert schema.with_objects((), keeps_ids=False) is schema


def test_what_follows_from_the_classes_follows_another_ignore_index():
    schema = LabelSchema.from_names(["background", "cell", "edge"], ignore_index=None)
    assert schema.scored_ids == (0, 1, 2)
    assert schema.foreground_ids == (1, 2)
    assert schema.background_id == 0
    other = replace(schema, ignore_index=2)
    assert (other.scored_ids, other.foreground_ids) == ((0, 1), (1,))
    named = replace(schema, classes=(replace(schema.classes[0], name="sky"), *schema.classes[1:]))
    assert named.background_id is None
    assert named.foreground_ids == (0, 1, 2)
    assert named.get(0).name == "sky"
    assert schema.get(0).name == "background"
    assert schema.get(7) is None
