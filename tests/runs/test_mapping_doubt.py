"""Whether a model fits a folder is said before it runs, with what would fit."""

from __future__ import annotations

from dataclasses import replace

import pytest
from fakes import make_folder

from segstudio.core.class_rules import ClassRule
from segstudio.core.prediction import ModelSpec, WeightsFile
from segstudio.core.schema import LabelSchema
from segstudio.runs.mapping_doubt import Fit, fit_of
from segstudio.session.session import SchemaOrigin


def model(model_id: str, *names: str, purpose: str = "", size: int = 0, **fields) -> ModelSpec:
    return ModelSpec(
        model_id, model_id.upper(), "unet", "semantic", LabelSchema.from_names(names), "x:y",
        weights=WeightsFile(f"{model_id}.pth", url="u" if size else "", size=size),
        embedded=not size, description=purpose, **fields,
    )  # fmt: skip


NUCLEI = model("nuclei", "background", "nucleus", purpose="Finds nuclei; the best. BBBC038.")
SMALL = model("small", "background", "person", "car", purpose="Photographs. COCO.", size=4000)
OWN = replace(
    model("own", "background", "person", purpose="Recognised by the names in the file: U-Net."),
    embedded=False,
)
LARGE = model("large", "background", "person", "car", purpose="Photographs. COCO.", size=9000)
TILES = model("tiles", "background", "tile", purpose="Roofs. Own.", size=5000)
NONE = "This folder has none of the model's classes, so it is not scored."


@pytest.fixture
def opened(desk, tmp_path):
    """The session of a folder whose classes can be set."""
    desk.open(make_folder(tmp_path / "set"))
    desk.session.models = {spec.id: spec for spec in (NUCLEI, LARGE, SMALL, TILES)}
    desk.session.model = replace(desk.session.model, chosen="nuclei", available=frozenset())

    def use(schema: LabelSchema, origin: SchemaOrigin = SchemaOrigin.FOUND):
        desk.session.schema, desk.session.schema_origin = schema, origin
        return desk.session

    return use


def ids(fit: Fit) -> tuple[list[str], list[str]]:
    return [s.model_id for s in fit.fitting], [s.model_id for s in fit.others]


def test_names_that_agree_raise_no_doubt(opened):
    named = LabelSchema.from_names(("background", "Nuclei", "cell"))
    assert fit_of(NUCLEI, opened(named)) == Fit()


def test_whether_a_class_without_a_name_is_the_models_is_asked(opened):
    """Black and white masks do not say of what: they may be pedestrians."""
    for schema in (LabelSchema.from_names(("background", "object")), LabelSchema.from_ids([0, 1])):
        fit = fit_of(NUCLEI, opened(schema))
        name = schema.name_of(1)
        assert fit.doubt == f"“{name}” may be anything: nucleus is not scored."
        assert fit.asked == ("nucleus", name)
        # one of each kind, the smallest download first
        assert ids(fit) == ([], ["small", "tiles"])
        assert [(s.purpose, s.size) for s in fit.others] == [("Photographs", 4000), ("Roofs", 5000)]
        assert fit_of(NUCLEI, opened(replace(schema, words=frozenset({"my", "dapi"})))) == Fit()
        said = schema.with_rule(ClassRule.of(NUCLEI.schema.names, {0: 0, 1: 1}))
        assert fit_of(NUCLEI, opened(said)) == Fit()
        denied = schema.with_rule(ClassRule.of(NUCLEI.schema.names, {0: 0}))
        assert fit_of(NUCLEI, opened(denied)).doubt == NONE
        assert fit_of(NUCLEI, opened(denied)).asked is None


def test_a_named_class_is_never_matched_by_number(opened):
    # street scenes: neither with names nor without are their classes nuclei
    assert fit_of(NUCLEI, opened(LabelSchema.from_ids(range(12)))).doubt == NONE
    fit = fit_of(NUCLEI, opened(LabelSchema.from_names(("sky", "road", "car"))))
    assert fit.doubt == NONE
    assert ids(fit) == (["small"], [])  # LARGE is for the same
    assert (
        fit_of(NUCLEI, opened(LabelSchema.from_names(("background", "pedestrian")))).doubt == NONE
    )


def test_pedestrians_are_not_offered_to_be_called_nuclei(opened):
    """Masks without names, in a folder that is called after what it shows."""
    street = replace(
        LabelSchema.from_names(("background", "object")), words=frozenset({"pedestrians"})
    )
    fit = fit_of(NUCLEI, opened(street))
    assert (fit.doubt, fit.asked) == (NONE, None)
    assert ids(fit) == (["small"], [])
    assert fit_of(SMALL, opened(street)) == Fit()  # its person is the folder's object


def test_the_model_that_knows_most_of_the_classes_comes_first(opened):
    opened(LabelSchema.from_names(("background", "pedestrian", "tile", "cars")))
    fit = fit_of(
        NUCLEI, opened(LabelSchema.from_names(("background", "pedestrian", "tile", "cars")))
    )
    assert ids(fit) == (["small", "tiles"], [])


def test_what_each_was_trained_on_is_said_in_few_words(opened, desk):
    wide = replace(LARGE, id="wide", description="Photographs: people, cars. COCO.", embedded=True)
    desk.session.models = {spec.id: spec for spec in (NUCLEI, wide, TILES, OWN)}
    fit = fit_of(NUCLEI, opened(LabelSchema.from_names(("sky", "person", "tile"))))
    told = {s.model_id: s.trained_on for s in fit.fitting}
    assert told == {"own": "", "wide": "Photographs", "tiles": "Roofs"}


def test_weights_that_are_here_are_not_fetched(opened, desk):
    desk.session.model = replace(desk.session.model, available=frozenset({"large"}))
    fit = fit_of(NUCLEI, opened(LabelSchema.from_names(("sky", "car"))))
    assert [(s.model_id, s.size) for s in fit.fitting] == [("large", 0)]


def test_numbers_count_where_a_model_says_no_more(opened):
    unnamed = model("own", "background", "class 1", "class 2")
    fit = fit_of(unnamed, opened(LabelSchema.from_names(("background", "cat", "dog", "cow"))))
    assert fit.doubt == "By number: class 1 counts as cat, class 2 counts as dog."
    assert ids(fit) == ([], [])
    same = LabelSchema.from_names(("background", "cat", "dog"))
    assert fit_of(unnamed, opened(same)) == Fit()


def test_what_the_user_chose_and_what_the_model_will_name_are_not_doubted(opened, desk):
    street = LabelSchema.from_names(("sky", "road", "car"))
    names = NUCLEI.schema.names
    assert fit_of(NUCLEI, opened(street.with_rule(ClassRule.of(names, {1: 2})))) == Fit()
    assert fit_of(NUCLEI, opened(street, SchemaOrigin.DEFAULT)) == Fit()
    session = opened(street)
    session.project = None
    assert fit_of(NUCLEI, session) == Fit()
    bare = replace(NUCLEI.schema, classes=NUCLEI.schema.classes[:1])
    assert fit_of(replace(NUCLEI, schema=bare), opened(street)).doubt == ""


def test_made_up_names_say_nothing_of_what_a_model_was_trained_for(opened):
    session = opened(LabelSchema.from_ids([0, 1, 2, 3], None))
    unnamed = replace(OWN, id="unnamed", schema=LabelSchema.from_ids(range(4), None))
    session.models = {**session.models, "unnamed": unnamed}
    assert "unnamed" not in ids(fit_of(SMALL, session))[0]
