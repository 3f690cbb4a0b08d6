from __future__ import annotations

from dataclasses import replace

import pytest
from fakes import make_folder

from segstudio.app.mapping_doubt import doubt_about
from segstudio.core.class_rules import ClassRule
from segstudio.core.schema import LabelSchema
from segstudio.session.session import SchemaOrigin

NUCLEI = LabelSchema.from_names(("background", "nucleus"))
NONE = "This folder has none of the model's classes."


@pytest.fixture
def opened(desk, tmp_path):
    """The session of a folder whose classes can be set."""
    desk.open(make_folder(tmp_path / "set"))

    def use(schema: LabelSchema, origin: SchemaOrigin = SchemaOrigin.FOUND):
        desk.session.schema, desk.session.schema_origin = schema, origin
        return desk.session

    return use


def test_names_that_agree_and_as_many_classes_raise_no_doubt(opened):
    assert (
        doubt_about(NUCLEI, opened(LabelSchema.from_names(("background", "Nuclei", "cell")))) == ""
    )
    assert doubt_about(NUCLEI, opened(LabelSchema.from_ids([0, 1]))) == ""
    assert doubt_about(NUCLEI, opened(LabelSchema.from_ids([0, 1, 3], ignore_index=3))) == ""


def test_a_match_by_number_in_a_folder_of_more_classes_is_told(opened):
    text = doubt_about(NUCLEI, opened(LabelSchema.from_ids(range(12))))
    assert text == "By number: nucleus counts as class 1."
    many = LabelSchema.from_names(("background", "cat", "dog", "cow", "hen", "pig"))
    text = doubt_about(many, opened(LabelSchema.from_ids(range(12))))
    assert text == (
        "By number: cat counts as class 1, dog counts as class 2, cow counts as class 3 and 2 more."
    )


def test_a_folder_without_any_of_the_classes_is_told(opened):
    street = LabelSchema.from_names(("sky", "road", "car"))
    assert doubt_about(NUCLEI, opened(street)) == NONE


def test_what_the_user_chose_and_what_the_model_will_name_are_not_doubted(opened, desk):
    street = LabelSchema.from_names(("sky", "road", "car"))
    ruled = street.with_rule(ClassRule.of(NUCLEI.names, {1: 2}, "background"))
    assert doubt_about(NUCLEI, opened(ruled)) == ""
    assert doubt_about(NUCLEI, opened(street, SchemaOrigin.DEFAULT)) == ""
    session = opened(street)
    session.project = None
    assert doubt_about(NUCLEI, session) == ""
    assert doubt_about(replace(NUCLEI, classes=NUCLEI.classes[:1]), opened(street)) == ""
