from __future__ import annotations

import numpy as np
import pytest
import tifffile
from image_files import save_image
from PIL import Image

from segstudio.core.errors import SegstudioError
from segstudio.core.schema import ClassSpec, LabelSchema
from segstudio.storage.decode import read_image
from segstudio.storage.image_ref import ImageRef
from segstudio.storage.project import open_project
from segstudio.storage.truth import TruthIndex, read_truth, unknown_ids

IDS = np.array([[0, 1, 2], [3, 0, 255]], np.uint8)
VOC = [(0, 0, 0), (128, 0, 0), (0, 128, 0), (128, 128, 0)]  # the first four, from its devkit


def image(path, hw=(2, 3)):
    return save_image(path, np.full((*hw, 3), 90, np.uint8))


def opened(folder):
    project = open_project(folder)
    return project, project.images[0]


@pytest.mark.parametrize(
    "mask",
    [
        "masks/a.png",
        "mask/a_mask.png",
        "labels/a_label.png",
        "Labels/a.tif",
        "annotations/a_gt.png",
        "annotations/trimaps/a.png",
        "SegmentationClass/a.png",
        "gtFine/a_gtFine_labelIds.png",
        "a_mask.png",
    ],
)
@pytest.mark.parametrize("place", ["", "images/"])
def test_conventions_inside_and_beside(tmp_path, mask, place):
    image(tmp_path / place / "a.jpg")
    base = tmp_path / place if "/" not in mask else tmp_path
    save_image(base / mask, IDS)
    for folder in {tmp_path, tmp_path / place}:
        project, ref = opened(folder)
        assert project.truth is not None
        assert project.truth.path_of(ref) == base / mask
        assert project.truth.has(ref)
        assert project.truth.kind == "index"
        labels = read_truth(ref, project.truth, None, (2, 3))
        assert np.array_equal(labels.labels, IDS)
        assert labels.instances is None


def test_sibling_folders_of_train_and_val(tmp_path):
    image(tmp_path / "train" / "a.jpg")
    image(tmp_path / "val" / "a.jpg")
    save_image(tmp_path / "trainannot" / "a.png", IDS)
    save_image(tmp_path / "valannot" / "a.png", IDS[::-1])
    project = open_project(tmp_path)
    assert [ref.name for ref in project.images] == ["train/a.jpg", "val/a.jpg"]
    found = [read_truth(ref, project.truth).labels for ref in project.images]
    assert np.array_equal(found[0], IDS)
    assert np.array_equal(found[1], IDS[::-1])
    alone = open_project(tmp_path / "val")
    assert np.array_equal(read_truth(alone.images[0], alone.truth).labels, IDS[::-1])


def test_the_nested_folders_of_cityscapes(tmp_path):
    name = "bonn/bonn_0_leftImg8bit.png"
    image(tmp_path / "leftImg8bit" / "train" / name)
    truth = tmp_path / "gtFine" / "train" / "bonn" / "bonn_0_gtFine_labelIds.png"
    save_image(truth, IDS)
    save_image(truth.with_name("bonn_0_gtFine_color.png"), np.zeros((2, 3, 3), np.uint8))
    for folder in (tmp_path, tmp_path / "leftImg8bit" / "train" / "bonn"):
        project, ref = opened(folder)
        assert project.truth.path_of(ref) == truth


def test_classes_found_in_masks_get_names_and_distinct_colours(tmp_path):
    image(tmp_path / "a.png")
    save_image(tmp_path / "masks" / "a.png", IDS)
    schema = opened(tmp_path)[0].truth.schema
    assert [(c.id, c.name) for c in schema.classes] == [
        (0, "background"), (1, "class 1"), (2, "class 2"), (3, "class 3"),
    ]  # fmt: skip
    assert schema.ignore_index == 255
    assert len({c.color for c in schema.classes}) == 4


def test_a_palette_is_read_as_ids_and_gives_its_colours(tmp_path):
    image(tmp_path / "a.png")
    mask = Image.fromarray(IDS)
    table = np.zeros((256, 3), np.uint8)
    table[:4] = VOC
    mask.putpalette(table.tobytes())
    (tmp_path / "SegmentationClass").mkdir()
    mask.save(tmp_path / "SegmentationClass" / "a.png")
    project, ref = opened(tmp_path)
    assert project.truth.kind == "index"
    assert np.array_equal(read_truth(ref, project.truth).labels, IDS)
    assert project.truth.schema.get(3).color == (128, 128, 0)


@pytest.mark.parametrize("bits", [2, 4])
def test_grey_of_few_bits_is_not_stretched(tmp_path, bits):
    # Written by hand: 2- and 4-bit grey PNGs are what optimisers make of small ids.
    import struct
    import zlib

    ids = [0, 1, 2, 3]
    rows = [
        sum(v << (8 - bits * (i % (8 // bits) + 1)) for i, v in enumerate(ids[s : s + 8 // bits]))
        for s in range(0, 4, 8 // bits)
    ]

    def chunk(kind, body):
        return (
            struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
        )

    data = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", 4, 1, bits, 0, 0, 0, 0))
    data += chunk(b"IDAT", zlib.compress(bytes([0, *rows]))) + chunk(b"IEND", b"")
    image(tmp_path / "a.png", (1, 4))
    (tmp_path / "masks").mkdir()
    (tmp_path / "masks" / "a.png").write_bytes(data)
    project, ref = opened(tmp_path)
    assert read_truth(ref, project.truth).labels.tolist() == [ids]


@pytest.mark.parametrize("form", ["grey", "bit", "rgb", "jpg"])
def test_black_and_white_is_background_and_object(tmp_path, form):
    wanted = np.zeros((32, 32), np.uint8)
    wanted[8:24, 8:24] = 1
    image(tmp_path / "images" / "a.png", (32, 32))
    (tmp_path / "masks").mkdir()
    if form == "bit":
        Image.fromarray(wanted.astype(bool)).save(tmp_path / "masks" / "a.png")
    else:
        grey = Image.fromarray(wanted * np.uint8(255))
        picture = grey.convert("RGB") if form == "rgb" else grey
        picture.save(tmp_path / "masks" / ("a.jpg" if form == "jpg" else "a.png"))
    project, ref = opened(tmp_path)
    assert project.truth.kind == ("index" if form == "bit" else "binary")
    assert project.truth.schema.ids == (0, 1)
    assert np.array_equal(read_truth(ref, project.truth, None, (32, 32)).labels, wanted)


def test_instances_by_folder_name_and_by_depth(tmp_path):
    ids8 = np.array([[0, 1, 2], [2, 0, 7]], np.uint8)
    ids16 = ids8.astype(np.uint16) * 300
    image(tmp_path / "one" / "a.png")
    save_image(tmp_path / "one" / "instances" / "a.png", ids8)
    image(tmp_path / "two" / "a.png")
    save_image(tmp_path / "two" / "masks" / "a.png", ids16)
    for folder, ids in (("one", ids8), ("two", ids16)):
        project, ref = opened(tmp_path / folder)
        assert project.truth.kind == "instances"
        found = read_truth(ref, project.truth)
        assert np.array_equal(found.instances, ids)
        assert np.array_equal(found.labels, (ids > 0).astype(np.uint8))
        assert [c.name for c in project.truth.schema.classes] == ["background", "object"]


def test_classes_and_instances_together(tmp_path):
    image(tmp_path / "a.png")
    save_image(tmp_path / "masks" / "a.png", np.array([[0, 2, 1]] * 2, np.uint8))
    save_image(tmp_path / "instances" / "a.png", np.array([[0, 9, 4]] * 2, np.uint16))
    project, ref = opened(tmp_path)
    found = read_truth(ref, project.truth)
    assert found.labels[0].tolist() == [0, 2, 1]
    assert found.instances[0].tolist() == [0, 9, 4]


def test_large_instance_ids_are_renumbered(tmp_path):
    image(tmp_path / "a.png")
    (tmp_path / "instances").mkdir()
    ids = np.array([[0, 70_000, 26_001], [70_000, 0, 5]], np.int32)
    tifffile.imwrite(tmp_path / "instances" / "a.tif", ids)
    project, ref = opened(tmp_path)
    found = read_truth(ref, project.truth)
    assert found.instances.tolist() == [[0, 3, 2], [3, 0, 1]]


def test_colours_with_and_without_a_schema(tmp_path):
    colors = np.array([[(0, 0, 0), (255, 0, 0), (0, 0, 255)]] * 2, np.uint8)
    image(tmp_path / "a.png")
    save_image(tmp_path / "masks" / "a.png", colors)
    project, ref = opened(tmp_path)
    assert project.truth.kind == "colour"
    assert read_truth(ref, project.truth).labels[0].tolist() == [0, 2, 1]  # by value of the colour
    assert project.truth.schema.get(2).color == (255, 0, 0)
    schema = LabelSchema(
        (
            ClassSpec(0, "sky", (0, 0, 0)),
            ClassSpec(7, "car", (255, 0, 0)),
            ClassSpec(9, "sea", (0, 0, 255)),
        )
    )
    (tmp_path / "segstudio.json").write_text(__import__("json").dumps(schema.to_json()))
    project, ref = opened(tmp_path)
    assert project.schema == schema
    assert project.truth.declared
    assert read_truth(ref, project.truth).labels[0].tolist() == [0, 7, 9]
    save_image(tmp_path / "masks" / "a.png", colors + np.uint8(1))
    with pytest.raises(SegstudioError, match="#010101") as caught:
        read_truth(ref, project.truth)
    assert str(ref.path) in caught.value.message
    assert "masks" in caught.value.message


def test_a_mask_of_the_wrong_size_names_both_files(tmp_path):
    image(tmp_path / "a.png", (4, 4))
    mask = save_image(tmp_path / "masks" / "a.png", IDS)
    project, ref = opened(tmp_path)
    with pytest.raises(SegstudioError, match="3 x 2 pixels") as caught:
        read_truth(ref, project.truth, None, (4, 4))
    assert str(mask) in caught.value.message
    assert str(ref.path) in caught.value.message


def test_unknown_values_are_an_error_only_if_the_classes_were_given(tmp_path):
    image(tmp_path / "a.png")
    mask = save_image(tmp_path / "masks" / "a.png", IDS)
    project, ref = opened(tmp_path)
    found = read_truth(ref, project.truth)
    two = LabelSchema.from_names(("background", "cell"))
    assert unknown_ids(found, two) == (2, 3)
    (tmp_path / "masks" / "segstudio.json").write_text(__import__("json").dumps(two.to_json()))
    project, ref = opened(tmp_path)
    with pytest.raises(SegstudioError, match="unknown values: 2, 3") as caught:
        read_truth(ref, project.truth)
    assert str(mask) in caught.value.message
    assert str(ref.path) in caught.value.message


def test_a_photograph_is_no_mask(tmp_path):
    image(tmp_path / "a.png", (16, 16))
    ramp = np.arange(256, dtype=np.uint8).reshape(16, 16)
    save_image(tmp_path / "labels" / "a.png", ramp)
    project, ref = opened(tmp_path)
    with pytest.raises(SegstudioError, match="unknown values"):
        read_truth(ref, project.truth)


def test_damaged_and_vanished_masks(tmp_path):
    image(tmp_path / "a.png")
    mask = save_image(tmp_path / "masks" / "a.png", IDS)
    project, ref = opened(tmp_path)
    mask.write_bytes(mask.read_bytes()[:30])
    with pytest.raises(SegstudioError, match=r"masks.a\.png"):
        read_truth(ref, project.truth)
    mask.unlink()
    with pytest.raises(SegstudioError, match="not there any more"):
        read_truth(ref, project.truth)


def test_a_mask_of_the_unrotated_photo_is_turned_with_it(tmp_path):
    exif = Image.Exif()
    exif[274] = 6
    save_image(tmp_path / "a.jpg", np.zeros((2, 3, 3), np.uint8), exif=exif)
    save_image(tmp_path / "masks" / "a.png", IDS)
    project, ref = opened(tmp_path)
    shape = read_image(ref.path).pixels.shape[:2]
    assert shape == (3, 2)
    assert np.array_equal(read_truth(ref, project.truth, None, shape).labels, np.rot90(IDS, -1))


def test_a_folder_chosen_by_hand(tmp_path):
    image(tmp_path / "a.png")
    save_image(tmp_path / "elsewhere" / "a.png", IDS)
    (tmp_path / "empty").mkdir()
    project, ref = opened(tmp_path)
    assert project.truth is None
    index = TruthIndex.at(tmp_path / "elsewhere", project.images)
    assert np.array_equal(read_truth(ref, index).labels, IDS)
    with pytest.raises(SegstudioError, match="No mask"):
        TruthIndex.at(tmp_path / "empty", project.images)
    assert read_truth(ImageRef("b.png", str(tmp_path)), index) is None


# -- stacks ------------------------------------------------------------------------------------


@pytest.fixture
def stack(tmp_path):
    """A stack of four pages with a mask of three: empty, a corner, the first row."""
    shape = (4, 6, 8)
    tifffile.imwrite(tmp_path / "s.tif", np.zeros(shape, np.uint8), photometric="minisblack")
    masks = np.zeros((3, 6, 8), np.uint8)
    masks[1, 0, 0] = masks[2, 0] = 255
    (tmp_path / "masks").mkdir()
    tifffile.imwrite(tmp_path / "masks" / "s.tif", masks, photometric="minisblack")
    return tmp_path


def painted(ref, index):
    found = read_truth(ref, index)
    return None if found is None else np.argwhere(found.labels == 1).tolist()


def test_each_page_of_a_stack_is_measured_against_its_page_of_the_mask(stack):
    images = [ImageRef("s.tif", str(stack))]
    index = TruthIndex.find(stack, images)
    # black and white, although the first page is empty
    assert index.kind == "binary"
    row = [[0, x] for x in range(8)]
    assert [painted(images[0].at_page(p), index) for p in range(4)] == [[], [[0, 0]], row, None]


def test_a_mask_of_one_page_is_that_of_the_first(stack):
    mask = np.zeros((6, 8), np.uint8)
    mask[2, 3] = 255
    tifffile.imwrite(stack / "masks" / "s.tif", mask)
    images = [ImageRef("s.tif", str(stack))]
    index = TruthIndex.find(stack, images)
    assert [painted(images[0].at_page(p), index) for p in range(2)] == [[[2, 3]], None]


def test_a_page_with_a_file_of_its_own(stack):
    mask = np.zeros((6, 8), np.uint8)
    mask[5, 7] = 255
    save_image(stack / "masks" / "s_p0004.png", mask)
    images = [ImageRef("s.tif", str(stack))]
    index = TruthIndex.find(stack, images)
    assert painted(images[0].at_page(3), index) == [[5, 7]]
    assert painted(images[0].at_page(1), index) == [[0, 0]]


def test_predictions_of_pages_are_held_against_the_stack(stack):
    """Files called like pages, as `predict --pages all` writes them."""
    images = [ImageRef(name, str(stack)) for name in ("s.png", "s_p0002.png", "s_p0003.png")]
    index = TruthIndex.at(stack / "masks", images)
    assert [len(painted(ref, index)) for ref in images] == [0, 1, 8]
