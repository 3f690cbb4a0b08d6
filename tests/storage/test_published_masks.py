"""Masks as Cityscapes, KITTI and Pascal VOC have them: class and object in one number, colours."""

from __future__ import annotations

import json

import numpy as np
import pytest
from image_files import save_image
from PIL import Image

from segstudio.core.errors import SegstudioError
from segstudio.core.schema import ClassSpec, LabelSchema
from segstudio.storage.image_ref import ImageRef
from segstudio.storage.mask_edits import edited_classes
from segstudio.storage.project import open_project
from segstudio.storage.truth import NOTHING_SAID, ReadAs, TruthIndex, read_truth, read_truth_file
from segstudio.storage.truth_kinds import KINDS

ROAD, CAR, PERSON, SKY = 7, 26, 24, 23


def bands(*numbers, dtype=np.uint16):
    """A mask of bands of two rows, one a number."""
    return np.repeat(np.array(numbers, dtype), 2)[:, None].repeat(6, 1)


def settled(folder, images=None, schema=None, said=NOTHING_SAID):
    names = images or [path.name for path in sorted(folder.iterdir())]
    refs = [ImageRef(name, str(folder)) for name in names]
    index = TruthIndex.at(folder, refs, schema, said=said)
    return index.settled(refs), refs


def column(values):
    return values[::2, 0].tolist()


# -- by the names of the files ---------------------------------------------------------------------


def test_label_ids_of_cityscapes_have_its_classes_and_void_counts_nowhere(tmp_path):
    """Void or not scored: 0 to 6, 9 (parking), 18 (pole group), 29 (caravan)."""
    found = (0, 1, 4, 6, ROAD, 9, 11, 18, SKY, PERSON, CAR, 29, 33)
    save_image(tmp_path / "a_gtFine_labelIds.png", bands(*found, dtype=np.uint8))
    index, refs = settled(tmp_path)
    assert index.kind == "index"
    schema = index.schema
    assert [schema.name_of(i) for i in (7, 8, 11, 17, 23, 24, 26, 33)] == [
        "road", "sidewalk", "building", "pole", "sky", "person", "car", "bicycle",
    ]  # fmt: skip
    assert schema.get(CAR).color == (0, 0, 142)
    assert schema.get(CAR).thing
    assert not schema.get(ROAD).thing
    assert len(schema.scored_ids) == 19
    label_map = read_truth(refs[0], index)
    ignored = schema.ignore_index
    wanted = [i if i in schema.scored_ids else ignored for i in found]
    assert column(label_map.labels) == wanted
    assert wanted.count(ignored) == 7
    assert label_map.instances is None
    assert not index.doubts


def test_train_ids_of_cityscapes(tmp_path):
    save_image(tmp_path / "a_gtFine_labelTrainIds.png", bands(0, 1, 13, 18, 255, dtype=np.uint8))
    index, refs = settled(tmp_path)
    assert column(read_truth(refs[0], index).labels) == [0, 1, 13, 18, 255]
    assert index.schema.ignore_index == 255
    names = [index.schema.name_of(i) for i in (0, 1, 13, 18)]
    assert names == ["road", "sidewalk", "car", "bicycle"]
    assert index.schema.background_id is None
    assert not index.doubts


def test_instance_ids_of_cityscapes_are_class_and_object(tmp_path):
    """26 alone is a group of cars: class, and no object."""
    numbers = (0, ROAD, 26000, 26001, CAR, 24000, SKY, 29000)
    save_image(tmp_path / "a_gtFine_instanceIds.png", bands(*numbers))
    index, refs = settled(tmp_path)
    assert index.kind == "cityscapes"
    reading = read_truth_file(refs[0], index)
    assert column(reading.label_map.labels) == [0, ROAD, CAR, CAR, CAR, PERSON, SKY, 0]
    objects = column(reading.label_map.instances)
    assert [i > 0 for i in objects] == [False, False, True, True, False, True, False, False]
    assert len({i for i in objects if i}) == 3
    assert index.schema.name_of(CAR) == "car"
    assert "class and object" in reading.cannot_hold_edits
    assert not index.doubts


def test_instance_ids_of_the_train_ids(tmp_path):
    save_image(tmp_path / "a_gtFine_instanceTrainIds.png", bands(0, 13000, 13001, 255))
    index, refs = settled(tmp_path)
    found = read_truth(refs[0], index)
    assert column(found.labels) == [0, 13, 13, 255]
    assert [i > 0 for i in column(found.instances)] == [False, True, True, False]
    assert index.schema.name_of(13) == "car"


def test_the_folders_of_cityscapes_as_they_are_downloaded(tmp_path):
    photo = "bonn/bonn_0_leftImg8bit.png"
    save_image(tmp_path / "leftImg8bit" / "train" / photo, np.zeros((6, 6, 3), np.uint8))
    city = tmp_path / "gtFine" / "train" / "bonn"
    save_image(city / "bonn_0_gtFine_color.png", np.zeros((6, 6, 3), np.uint8))
    save_image(city / "bonn_0_gtFine_instanceIds.png", bands(ROAD, 26000, 26001))
    save_image(city / "bonn_0_gtFine_labelIds.png", bands(ROAD, CAR, CAR, dtype=np.uint8))
    project = open_project(tmp_path)
    found = read_truth(project.images[0], project.truth)
    assert column(found.labels) == [ROAD, CAR, CAR]
    assert len(np.unique(found.instances)) == 3
    assert project.truth.schema.name_of(CAR) == "car"


def test_label_ids_and_instance_ids_of_different_images(tmp_path):
    save_image(tmp_path / "a_gtFine_labelIds.png", bands(ROAD, CAR, SKY, dtype=np.uint8))
    save_image(tmp_path / "b_gtFine_instanceIds.png", bands(ROAD, 26000, 26001))
    index, refs = settled(tmp_path)
    assert column(read_truth(refs[0], index).labels) == [ROAD, CAR, SKY]
    assert column(read_truth(refs[1], index).labels) == [ROAD, CAR, CAR]


@pytest.mark.parametrize("other", ["b_gtFine_labelTrainIds.png", "b.png"])
def test_names_that_contradict_each_other_are_refused_with_both_files(tmp_path, other):
    save_image(tmp_path / "a_gtFine_labelIds.png", bands(ROAD, CAR, dtype=np.uint8))
    save_image(tmp_path / other, bands(0, 13, dtype=np.uint8))
    index, refs = settled(tmp_path)
    (doubt,) = [d for d in index.doubts if d.about == "codes"]
    for ref in refs:
        assert ref.name in doubt.message
        with pytest.raises(SegstudioError, match="other numbers") as caught:
            read_truth(ref, index)
        assert str(ref.path) in caught.value.message
        assert "--truth-kind" in caught.value.hint
    said = index.read_as(ReadAs("index"))
    assert column(read_truth(refs[0], said).labels) == [ROAD, CAR]
    assert not [d for d in said.doubts if d.about == "codes"]


def test_a_name_that_other_data_sets_may_have_is_said(tmp_path):
    save_image(tmp_path / "x_labelIds.png", bands(ROAD, CAR, 3, dtype=np.uint8))
    index, refs = settled(tmp_path)
    assert index.schema.name_of(CAR) == "car"
    (doubt,) = [d for d in index.doubts if d.about == "names"]
    assert f"({refs[0].name})" in doubt.message
    assert "--truth-kind ids" in doubt.option
    plain = index.read_as(ReadAs("index"))
    assert column(read_truth(refs[0], plain).labels) == [ROAD, CAR, 3]


def test_names_of_cityscapes_do_not_hold_against_the_numbers(tmp_path):
    """Other data sets call their masks so too."""
    save_image(tmp_path / "a" / "x_labelIds.png", bands(0, 7, 40, dtype=np.uint8))
    save_image(tmp_path / "b" / "x_labelIds.png", bands(0, 1, dtype=np.uint8))
    for folder, wanted in (("a", [0, 7, 40]), ("b", [0, 1])):
        index, refs = settled(tmp_path / folder)
        assert column(read_truth(refs[0], index).labels) == wanted
        assert index.schema.name_of(wanted[1]) == f"class {wanted[1]}"


def test_instance_ids_that_are_no_codes_are_refused_until_it_is_said(tmp_path):
    save_image(tmp_path / "x_instanceIds.png", bands(0, 100, 101, 26001))
    index, refs = settled(tmp_path)
    with pytest.raises(SegstudioError, match="could be objects") as caught:
        read_truth(refs[0], index)
    assert str(refs[0].path) in caught.value.message
    said = index.read_as(ReadAs("instances"))
    assert len(np.unique(read_truth(refs[0], said).instances)) == 4


def test_given_classes_name_the_classes_of_the_codes(tmp_path):
    save_image(tmp_path / "a_gtFine_instanceIds.png", bands(0, ROAD, 26000, 26001))
    given = LabelSchema.from_ids([ROAD, CAR])
    index, refs = settled(tmp_path, schema=given)
    found = read_truth(refs[0], index)
    assert column(found.labels) == [0, ROAD, CAR, CAR]
    assert index.schema == given
    assert len(np.unique(found.instances)) == 3


# -- by the numbers --------------------------------------------------------------------------------


def test_codes_of_cityscapes_by_their_numbers(tmp_path):
    for name, last in (("a", 26001), ("b", 33002)):
        save_image(tmp_path / f"{name}.png", bands(0, ROAD, 26000, last))
    index, refs = settled(tmp_path)
    assert index.kind == "cityscapes"
    assert column(read_truth(refs[1], index).labels) == [0, ROAD, CAR, 33]
    assert index.schema.name_of(33) == "bicycle"


@pytest.mark.parametrize("folder", ["masks", "instance"])
def test_codes_of_kitti_by_their_numbers(tmp_path, folder):
    """Road 7 x 256, cars 26 x 256 + 1 and + 2, a group of persons 24 x 256."""
    numbers = [0, ROAD * 256, CAR * 256 + 1, CAR * 256 + 2, PERSON * 256, SKY * 256]
    save_image(tmp_path / folder / "000000_10.png", bands(*numbers))
    index, refs = settled(tmp_path / folder)
    assert index.kind == "kitti"
    found = read_truth(refs[0], index)
    assert column(found.labels) == [0, ROAD, CAR, CAR, PERSON, SKY]
    assert [i > 0 for i in column(found.instances)] == [False, False, True, True, False, False]
    assert index.schema.name_of(ROAD) == "road"


@pytest.mark.parametrize(
    ("numbers", "kind", "labels"),
    [
        ((0, 1001, 1002, 2001), "cityscapes", [0, 1, 1, 2]),
        ((0, 3, 5001, 5002), "cityscapes", [0, 3, 5, 5]),
        ((0, 257, 258, 513), "kitti", [0, 1, 1, 2]),
        ((0, 26 * 256 + 1, 26 * 256 + 2), "kitti", [0, 26, 26]),
    ],
)
def test_numbers_that_can_be_codes_or_objects_are_refused_until_it_is_said(
    tmp_path, numbers, kind, labels
):
    save_image(tmp_path / "a.png", bands(*numbers))
    index, refs = settled(tmp_path)
    (doubt,) = [d for d in index.doubts if d.about == "codes"]
    assert f"--truth-kind {kind}" in doubt.option
    with pytest.raises(SegstudioError, match="could be objects") as caught:
        read_truth(refs[0], index)
    assert str(refs[0].path) in caught.value.message
    said = index.read_as(ReadAs(kind))
    found = read_truth(refs[0], said)
    assert column(found.labels) == labels
    assert [c.id for c in said.schema.classes] == sorted(set(labels))
    assert len({i for i in column(found.instances) if i}) == sum(n > 255 for n in numbers)
    assert not said.doubts
    objects = index.read_as(ReadAs("instances"))
    assert column(read_truth(refs[0], objects).instances) == list(numbers)


@pytest.mark.parametrize(
    "numbers",
    [(0, 300, 600, 2100), (0, 1, 255, 256, 257), (0, 37, 1002, 2051), (0, *range(1, 1004))],
)
def test_objects_with_high_numbers_are_no_codes(tmp_path, numbers):
    save_image(tmp_path / "a.png", bands(*numbers))
    index, refs = settled(tmp_path)
    assert index.kind == "instances"
    assert column(read_truth(refs[0], index).instances) == list(numbers)


def test_the_name_of_a_folder_tells_objects_from_numbers_that_could_be_codes(tmp_path):
    save_image(tmp_path / "instances" / "a.png", bands(0, 1001, 1002, 2001))
    index, refs = settled(tmp_path / "instances")
    assert column(read_truth(refs[0], index).instances) == [0, 1001, 1002, 2001]


def test_a_class_without_an_object_asks_whatever_the_folder_is_called(tmp_path):
    """3 x 256 is stuff; class 12 has an object, which it has not in the published data set."""
    save_image(tmp_path / "instance" / "a.png", bands(768, 12 * 256 + 1, 31 * 256 + 1))
    index, _refs = settled(tmp_path / "instance")
    (doubt,) = [d for d in index.doubts if d.about == "codes"]
    assert "--truth-kind kitti" in doubt.option


@pytest.mark.parametrize("unit", [256, 1000])
def test_codes_beside_a_mask_of_the_same_classes_are_objects_of_things_only(tmp_path, unit):
    """As semantic/ and instance/ of KITTI: the road is no object."""
    classes = (0, ROAD, CAR, CAR, SKY)
    stuff = unit if unit == 256 else 1
    numbers = (0, ROAD * stuff, CAR * unit + 1, CAR * unit + 2, SKY * stuff)
    save_image(tmp_path / "image_2" / "0.png", np.zeros((10, 6, 3), np.uint8))
    save_image(tmp_path / "semantic" / "0.png", bands(*classes, dtype=np.uint8))
    save_image(tmp_path / "instance" / "0.png", bands(*numbers))
    project = open_project(tmp_path / "image_2")
    found = read_truth(project.images[0], project.truth)
    assert column(found.labels) == list(classes)
    assert [i > 0 for i in column(found.instances)] == [False, False, True, True, False]


def test_ids_beside_classes_that_are_not_in_them_stay_objects(tmp_path):
    save_image(tmp_path / "a.png", np.zeros((8, 6, 3), np.uint8))
    save_image(tmp_path / "masks" / "a.png", bands(0, 1, 1, 2, dtype=np.uint8))
    save_image(tmp_path / "instances" / "a.png", bands(0, 256, 257, 300))
    project = open_project(tmp_path)
    assert column(read_truth(project.images[0], project.truth).instances) == [0, 256, 257, 300]


# -- colours ---------------------------------------------------------------------------------------

BLACK, VOC_VOID = (0, 0, 0), (224, 224, 192)
AEROPLANE, PERSON_OF_VOC, TV = (128, 0, 0), (192, 128, 128), (0, 64, 128)  # 1, 15, 20
ROAD_COLOR, CAR_COLOR, PARKING = (128, 64, 128), (0, 0, 142), (250, 170, 160)


def painted(path, *colors):
    save_image(path, np.repeat(np.array(colors, np.uint8), 2, axis=0)[:, None].repeat(6, 1))


def test_the_colours_of_pascal_voc_have_its_ids_and_names(tmp_path):
    """In the files together; a mask may hold one class alone."""
    painted(tmp_path / "a.png", BLACK, AEROPLANE, VOC_VOID)
    painted(tmp_path / "b.png", BLACK, PERSON_OF_VOC, TV)
    index, refs = settled(tmp_path)
    assert index.kind == "colour"
    assert column(read_truth(refs[0], index).labels) == [0, 1, 255]
    assert column(read_truth(refs[1], index).labels) == [0, 15, 20]
    names = [index.schema.name_of(i) for i in (0, 1, 15, 20)]
    assert names == ["background", "aeroplane", "person", "tvmonitor"]
    assert index.schema.get(20).color == TV
    assert index.schema.ignore_index == 255
    assert not index.doubts


def test_the_colours_of_cityscapes_have_its_ids_and_names(tmp_path):
    """Black and parking are not scored; pole and pole group are one colour."""
    painted(tmp_path / "a.png", BLACK, ROAD_COLOR, CAR_COLOR, PARKING, (153, 153, 153))
    index, refs = settled(tmp_path)
    ignored = index.schema.ignore_index
    assert ignored not in index.schema.scored_ids
    wanted = [ignored, ROAD, CAR, ignored, 17]
    assert column(read_truth(refs[0], index).labels) == wanted
    assert [index.schema.name_of(i) for i in (7, 17, 26)] == ["road", "pole", "car"]
    assert not index.doubts


@pytest.mark.parametrize(
    ("color", "words"),
    [(AEROPLANE, "aeroplane of Pascal VOC"), (CAR_COLOR, "car of Cityscapes")],
)
def test_one_colour_alone_may_be_a_published_class_and_that_is_said(tmp_path, color, words):
    painted(tmp_path / "a.png", BLACK, color)
    index, refs = settled(tmp_path)
    assert column(read_truth(refs[0], index).labels) == [0, 1]
    assert index.schema.name_of(1) == "class 1"
    (doubt,) = [d for d in index.doubts if d.about == "names"]
    assert words in doubt.message
    assert "--schema" in doubt.option
    assert [answer.kind for _, answer in doubt.answers] == ["colour", "binary"]
    for _, answer in doubt.answers:
        said = index.read_as(answer)
        assert column(read_truth(refs[0], said).labels) == [0, 1]
        assert not said.doubts


def test_what_is_not_black_is_the_object_where_that_is_said(tmp_path):
    painted(tmp_path / "a.png", BLACK, AEROPLANE, TV)
    painted(tmp_path / "b.png", AEROPLANE)
    painted(tmp_path / "c.png", (255, 255, 255), TV)
    index, refs = settled(tmp_path)
    said = index.read_as(ReadAs("binary"))
    assert column(read_truth(refs[0], said).labels) == [0, 1, 1]
    assert column(read_truth(refs[1], said).labels) == [1]
    with pytest.raises(SegstudioError, match="several colours and no black"):
        read_truth(refs[2], said)
    black = index.read_as(ReadAs("binary", "object"))
    assert column(read_truth(refs[0], black).labels) == [1, 0, 0]


@pytest.mark.parametrize("color", [AEROPLANE, (0, 128, 0)])
def test_an_edit_of_an_object_in_one_colour_has_that_colour(tmp_path, color):
    painted(tmp_path / "a.png", BLACK, color)
    for name, shown in (("b.png", color), ("c.png", BLACK)):
        painted(tmp_path / name, shown, shown)
    index, refs = settled(tmp_path, said=ReadAs("binary"))
    wanted = read_truth(refs[0], index).labels
    for ref in refs[1:]:
        before = read_truth(ref, index).labels
        content = edited_classes(
            ref.path.read_bytes(), before, wanted, index.coding, index.schema, 1
        )
        ref.path.write_bytes(content)
        assert np.array_equal(np.array(Image.open(ref.path)), np.array(Image.open(refs[0].path)))


def test_a_colour_of_no_published_class_leaves_all_without_names(tmp_path):
    painted(tmp_path / "a.png", BLACK, AEROPLANE, TV, (1, 2, 3))
    index, _ = settled(tmp_path)
    assert [c.name for c in index.schema.classes] == [
        "background", "class 1", "class 2", "class 3",
    ]  # fmt: skip
    assert not index.doubts


def test_given_classes_with_the_colours_of_pascal_voc_leave_its_void_ignored(tmp_path):
    painted(tmp_path / "a.png", BLACK, AEROPLANE, TV, VOC_VOID)
    classes = (
        ClassSpec(0, "ground", BLACK), ClassSpec(3, "plane", AEROPLANE), ClassSpec(4, "tv", TV)
    )  # fmt: skip
    index, refs = settled(tmp_path, schema=LabelSchema(classes))
    assert column(read_truth(refs[0], index).labels) == [0, 3, 4, 255]


@pytest.mark.parametrize("form", ["colours", "palette"])
def test_the_first_colours_of_pascal_voc_are_those_of_other_programs_too(tmp_path, form):
    """labelme and others give their classes these colours in turn."""
    first = [BLACK, AEROPLANE, (0, 128, 0), (128, 128, 0)]
    if form == "colours":
        painted(tmp_path / "a.png", *first)
    else:
        image = Image.fromarray(bands(0, 1, 2, 3, dtype=np.uint8))
        image.putpalette([v for color in first for v in color])
        image.save(tmp_path / "a.png")
    index, refs = settled(tmp_path)
    assert column(read_truth(refs[0], index).labels) == [0, 1, 2, 3]
    assert index.schema.name_of(3) == "bird"
    (doubt,) = [d for d in index.doubts if d.about == "names"]
    assert "first of Pascal VOC" in doubt.message
    kind = {"colours": "colour", "palette": "index"}[form]
    assert f"--truth-kind {KINDS[kind].option}" in doubt.option
    said = index.read_as(ReadAs(kind))
    assert said.schema == index.schema
    assert "names" not in [d.about for d in said.doubts]


def test_many_colours_in_one_mask_are_asked_about(tmp_path):
    """Eight segments as COCO panoptic has them in one image; a few colours are classes."""
    colors = [(i * 13 % 256, i * 71 % 256, i * 37 % 256) for i in range(1, 9)]
    pixels = np.repeat(np.array(colors, np.uint8), 2, axis=0)[:, None].repeat(6, 1)
    save_image(tmp_path / "many" / "a.png", pixels)
    index, refs = settled(tmp_path / "many")
    (doubt,) = [d for d in index.doubts if d.about == "objects"]
    assert "each could be an object" in doubt.message
    assert "colours or objects" in doubt.option
    objects = index.read_as(doubt.answers[1][1])
    assert len(np.unique(read_truth(refs[0], objects).instances)) == 8
    classes = index.read_as(doubt.answers[0][1])
    assert not [d for d in classes.doubts if d.about == "objects"]
    assert len(np.unique(read_truth(refs[0], classes).labels)) == 8
    save_image(tmp_path / "few" / "a.png", pixels[:8])
    assert not settled(tmp_path / "few")[0].doubts


def test_coco_panoptic_with_its_json(tmp_path):
    """Two things, one of them a crowd, and stuff; what no segment says is unlabelled."""
    ids = {1: 70_001, 2: 300, 3: 26, 4: 9}
    pixels = np.zeros((8, 10, 3), np.uint8)
    for row, number in ids.items():
        pixels[row] = (number & 255, number >> 8 & 255, number >> 16)
    save_image(tmp_path / "panoptic_val" / "a.png", pixels)
    image = {
        "file_name": "a.png",
        "segments_info": [
            {"id": 70_001, "category_id": 17, "iscrowd": 0},
            {"id": 300, "category_id": 17, "iscrowd": 1},
            {"id": 26, "category_id": 90, "iscrowd": 0},
        ],
    }
    categories = [
        {"id": 17, "name": "cat", "isthing": 1, "color": [10, 20, 30]},
        {"id": 90, "name": "grass", "isthing": 0, "color": [40, 50, 60]},
    ]
    text = json.dumps({"annotations": [image], "categories": categories})
    (tmp_path / "panoptic_val.json").write_text(text)
    index, refs = settled(tmp_path / "panoptic_val")
    assert [(c.id, c.name, c.thing) for c in index.schema.classes][1:] == [
        (17, "cat", True), (90, "grass", False),
    ]  # fmt: skip
    reading = read_truth_file(refs[0], index)
    assert reading.label_map.labels[:, 0].tolist() == [255, 17, 17, 90, 255, 255, 255, 255]
    assert reading.label_map.instances[:, 0].tolist() == [0, 1, 0, 0, 0, 0, 0, 0]
    assert "JSON" in reading.cannot_hold_edits
    save_image(tmp_path / "panoptic_val" / "b.png", pixels)
    index, refs = settled(tmp_path / "panoptic_val")
    with pytest.raises(SegstudioError, match=r"b\.png is not in .*panoptic_val\.json"):
        read_truth(refs[1], index)
    (tmp_path / "panoptic_val.json").write_text('{"annotations": [1], "categories": 7}')
    assert settled(tmp_path / "panoptic_val")[0].kind == "colour"


def test_the_colours_of_camvid_are_named(tmp_path):
    folder = tmp_path / "labels"
    road, sky, cone = (128, 64, 128), (128, 128, 128), (0, 0, 64)
    for name, color in (("a.png", road), ("b.png", cone)):
        pixels = np.zeros((4, 6, 3), np.uint8)
        pixels[:2], pixels[2, :3] = sky, color
        save_image(folder / name, pixels)
    index, refs = settled(folder)
    assert index.schema.names[1:3] == ((1, "Animal"), (2, "Archway"))
    assert index.schema.ignore_index == 0
    assert read_truth(refs[1], index).labels[2].tolist() == [24, 24, 24, 0, 0, 0]
