import json

import pytest

from segstudio.core.errors import SegstudioError
from segstudio.core.schema import ClassSpec, LabelSchema, distinct_color


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
    assert tuple(palette[9]) == distinct_color(9)
