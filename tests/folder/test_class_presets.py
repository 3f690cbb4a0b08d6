"""The published lists of classes that a folder can be given."""

from __future__ import annotations

import pytest
from fakes import make_folder

from segstudio.core.schema import ClassSpec
from segstudio.folder.class_presets import PRESETS

BY_KEY = {preset.key: preset for preset in PRESETS}


@pytest.mark.parametrize(
    ("key", "count", "ignored", "some"),
    [
        ("voc", 21, 255, {0: ("background", (0, 0, 0)), 15: ("person", (192, 128, 128))}),
        ("cityscapes", 19, 0, {7: ("road", (128, 64, 128)), 26: ("car", (0, 0, 142))}),
        ("ade20k", 150, 0, {1: ("wall", (120, 120, 120)), 150: ("flag", (92, 0, 255))}),
        ("camvid11", 11, 11, {0: ("Sky", (128, 128, 128)), 10: ("Bicyclist", (0, 128, 192))}),
        ("camvid32", 31, 0, {1: ("Animal", (64, 128, 64)), 31: ("Wall", (64, 192, 0))}),
        ("coco", 81, 255, {1: ("person", None), 90: ("toothbrush", None)}),
    ],
)
def test_each_list_has_the_numbers_names_and_colours_of_its_data_set(key, count, ignored, some):
    schema = BY_KEY[key].schema()
    assert (len(schema.scored_ids), schema.ignore_index) == (count, ignored)
    for number, (name, color) in some.items():
        spec = schema.get(number)
        assert spec is not None
        assert spec.name == name
        assert color in (None, spec.color)
    assert len({spec.name for spec in schema.classes}) == len(schema.classes)


def test_things_are_told_from_stuff():
    ade = BY_KEY["ade20k"].schema()
    kinds = {spec.name: spec.thing for spec in ade.classes}
    assert kinds["person"]
    assert kinds["car"]
    assert not kinds["sky"]
    assert not kinds["other"]


def test_a_folder_of_which_nothing_is_known_gets_the_list_and_it_can_be_taken_back(desk, tmp_path):
    desk.open(make_folder(tmp_path / "set", truth=False))
    before = desk.session.schema
    desk.schema_keeper.use_preset(BY_KEY["cityscapes"])
    schema = desk.session.schema
    assert schema.names[:2] == ((0, "unlabeled"), (7, "road"))
    assert schema.ignore_index == 0
    assert desk.session.view.active_class == 7, "1 is no class now, and 0 is what counts nowhere"
    notice = desk.notices.recent[-1]
    assert notice.message == "The classes are those of Cityscapes now."
    assert notice.hint == "", "0 counts nowhere"
    assert notice.action is not None
    notice.action[1]()
    assert desk.session.schema == before


def test_classes_with_other_numbers_stay_where_masks_may_have_them(desk, tmp_path):
    desk.open(make_folder(tmp_path / "set"))
    keeper = desk.schema_keeper
    keeper.set(desk.session.schema.with_class(ClassSpec(40, "graffiti", (1, 2, 3))))
    keeper.use_preset(BY_KEY["camvid11"])
    schema = desk.session.schema
    assert schema.get(40) == ClassSpec(40, "graffiti", (1, 2, 3))
    assert schema.get(1).name == "Building"
    assert desk.notices.recent[-1].message == (
        "The classes are those of CamVid now; 1 class past the list stays."
    )
    assert desk.notices.recent[-1].hint == (
        "Class 0 of this list is Sky: what nobody painted counts as Sky."
    )
