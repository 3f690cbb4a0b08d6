"""What mask values mean: one decision for a folder, made from all of its masks."""

from __future__ import annotations

import io

import numpy as np
import pytest
import tifffile
from image_files import save_image
from PIL import Image

from segstudio.core.errors import SegstudioError
from segstudio.core.schema import LabelSchema
from segstudio.storage import truth
from segstudio.storage.image_ref import ImageRef
from segstudio.storage.mask_edits import edited_classes
from segstudio.storage.mask_facts import MaskLook, PlainMask, look_at
from segstudio.storage.truth import NOTHING_SAID, ReadAs, TruthIndex, read_truth, read_truth_file

SQUARE = np.zeros((20, 30), np.uint8)
SQUARE[2:12, 2:12] = 1  # 100 of 600 pixels


def put(folder, name, pixels, **options):
    if name.endswith(".tif"):
        folder.mkdir(parents=True, exist_ok=True)
        tifffile.imwrite(folder / name, pixels, **options)
    else:
        save_image(folder / name, pixels, **options)


def refs_in(folder):
    return [ImageRef(path.name, str(folder)) for path in sorted(folder.iterdir())]


def settled(folder, schema=None, said=None):
    refs = refs_in(folder)
    index = TruthIndex.at(folder, refs, schema, said=said or NOTHING_SAID)
    return index.settled(refs), refs


def counts(index, ref):
    ids, numbers = np.unique(read_truth(ref, index).labels, return_counts=True)
    return dict(zip(ids.tolist(), numbers.tolist(), strict=True))


def test_255_is_the_object_where_it_never_stands_beside_another_number(tmp_path):
    """Also if none of the masks that are looked at first has any."""
    for k in range(60):
        put(tmp_path, f"{k:03}.png", SQUARE * 255 if k in (33, 47) else SQUARE * 0)
    index, refs = settled(tmp_path)
    assert index.kind == "binary"
    assert counts(index, refs[33]) == counts(index, refs[47]) == {0: 500, 1: 100}
    assert counts(index, refs[0]) == {0: 600}


def test_the_first_look_is_not_final_and_the_last_word_is_that_of_all_masks(tmp_path, monkeypatch):
    """In a long list; of a short one all masks are looked at at once, if that is quick."""
    for k in range(60):
        put(tmp_path, f"{k:03}.png", SQUARE * (255 if k == 33 else 0))
    refs = refs_in(tmp_path)
    at_once = TruthIndex.at(tmp_path, refs)
    assert not at_once.final or at_once.kind == "binary"
    monkeypatch.setattr(truth, "_NOT_LONG", 59)
    first = TruthIndex.at(tmp_path, refs)
    assert (first.kind, first.final) == ("index", False)
    last = first.settled(refs)
    assert (last.kind, last.final) == ("binary", True)
    assert last.settled(refs) is last


def test_0_and_1_beside_0_and_255(tmp_path):
    for k in range(6):
        put(tmp_path, f"{k}.png", SQUARE * (255 if k % 2 else 1))
    index, refs = settled(tmp_path)
    assert [counts(index, ref) for ref in refs] == [{0: 500, 1: 100}] * 6


def test_255_beside_another_number_is_ignored_everywhere(tmp_path):
    both = SQUARE.copy()
    both[15:17] = 255
    put(tmp_path, "a.png", both)
    put(tmp_path, "b.png", SQUARE * 255)
    index, refs = settled(tmp_path)
    assert index.schema.ignore_index == 255
    assert counts(index, refs[0]) == {0: 440, 1: 100, 255: 60}
    reading = read_truth_file(refs[1], index)
    assert reading.remarks == (
        f"Every labelled pixel of the mask is read as ignored: {refs[1].path}.",
    )


def test_255_alone_among_class_ids_is_asked_and_not_guessed(tmp_path):
    ids = SQUARE.copy()
    ids[15::2] = 2
    ids[16::2] = 3
    for k in range(4):
        put(tmp_path, f"{k}.png", ids)
    put(tmp_path, "4.png", SQUARE * 255)
    index, refs = settled(tmp_path)
    assert index.kind == "index"
    (doubt,) = [d for d in index.doubts if d.about == "mixed"]
    assert refs[4].name in doubt.message
    with pytest.raises(SegstudioError, match=r"^The mask holds 255 alone") as caught:
        read_truth(refs[4], index)
    assert str(refs[4].path) in caught.value.message
    assert "--truth-kind" in caught.value.hint
    said = index.read_as(ReadAs("index"))
    assert counts(said, refs[4]) == {0: 500, 255: 100}
    assert said.schema.ignore_index is None


def test_grey_levels_are_classes_and_255_is_one_of_them(tmp_path):
    levels = SQUARE * np.uint8(255)
    levels[14:18, 2:12] = 128
    put(tmp_path, "a.png", levels)
    index, refs = settled(tmp_path)
    assert counts(index, refs[0]) == {0: 460, 128: 40, 255: 100}
    assert [d.about for d in index.doubts if "255" in d.message] == ["levels"]


def test_a_schema_says_whether_255_is_ignored(tmp_path):
    two = LabelSchema.from_names(("background", "a", "b"))
    put(tmp_path, "a.png", SQUARE)
    put(tmp_path, "b.png", SQUARE * 255)
    index, refs = settled(tmp_path, two)
    assert counts(index, refs[1]) == {0: 500, 255: 100}
    assert read_truth_file(refs[1], index).remarks


def test_one_object_class_and_only_white_is_that_object(tmp_path):
    """segstudio.json says "ignore_index": 255 in every folder that was painted in."""
    put(tmp_path, "b.png", SQUARE * 255)
    index, refs = settled(tmp_path, LabelSchema.from_names(("background", "nucleus")))
    assert counts(index, refs[0]) == {0: 500, 1: 100}


@pytest.mark.parametrize("value", [128, 200, 254])
def test_one_bright_number_is_white(tmp_path, value):
    put(tmp_path, "a.png", SQUARE * np.uint8(value))
    put(tmp_path, "b.png", SQUARE * 0)
    index, refs = settled(tmp_path)
    assert counts(index, refs[0]) == {0: 500, 1: 100}


def test_a_small_number_alone_is_a_class_id(tmp_path):
    put(tmp_path, "a.png", SQUARE * 7)
    index, refs = settled(tmp_path)
    assert counts(index, refs[0]) == {0: 500, 7: 100}


@pytest.mark.parametrize("form", ["uint16 tif", "uint16 png", "float tif", "bool tif", "bit"])
def test_forms_of_black_and_white(tmp_path, form):
    if form == "bit":
        tmp_path.mkdir(exist_ok=True)
        Image.fromarray(SQUARE.astype(bool)).save(tmp_path / "a.png")
    elif form == "uint16 png":
        put(tmp_path, "a.png", SQUARE * np.uint16(65535))
    elif form == "uint16 tif":
        put(tmp_path, "a.tif", SQUARE * np.uint16(65535))
    elif form == "float tif":
        put(tmp_path, "a.tif", SQUARE.astype(np.float32))
    else:
        put(tmp_path, "a.tif", SQUARE.astype(bool), photometric="minisblack")
    index, refs = settled(tmp_path)
    assert counts(index, refs[0]) == {0: 500, 1: 100}


@pytest.mark.parametrize(
    ("pixels", "wanted"),
    [
        (SQUARE == 0, {0: 500, 1: 100}),  # bits; 0 is white
        (255 - SQUARE * 255, {0: 500, 1: 100}),
        (SQUARE * 3, {0: 500, 3: 100}),  # ids are no brightness
    ],
)
def test_a_tiff_in_which_0_is_white(tmp_path, pixels, wanted):
    put(tmp_path, "a.tif", pixels, photometric="miniswhite")
    if 1 in wanted:  # what a viewer shows
        assert np.array_equal(np.array(Image.open(tmp_path / "a.tif").convert("L")) > 0, SQUARE)
    index, refs = settled(tmp_path)
    assert counts(index, refs[0]) == wanted


@pytest.mark.parametrize(("dtype", "void"), [(np.int32, -1), (np.uint16, 65535), (np.uint8, 255)])
def test_the_number_that_stands_for_void_in_each_depth(tmp_path, dtype, void):
    ids = SQUARE.astype(dtype)
    ids[15] = 2
    ids[16] = void
    put(tmp_path, "a.tif", ids)
    index, refs = settled(tmp_path)
    assert counts(index, refs[0]) == {0: 440, 1: 100, 2: 30, 255: 30}
    assert index.schema.ids == (0, 1, 2)


def disc(radius=20, size=64):
    y, x = np.mgrid[:size, :size]
    return (np.hypot(y - size / 2, x - size / 2) < radius).astype(np.uint8)


def soft(mask):
    small = Image.fromarray(mask * np.uint8(255)).resize((32, 32), Image.Resampling.BILINEAR)
    return np.array(small.resize((64, 64), Image.Resampling.BILINEAR))


@pytest.mark.parametrize("where", ["all", "the last"])
def test_soft_edges_are_cut_in_the_middle(tmp_path, where):
    for k in range(40):
        mask = disc(20 + k % 3)
        put(tmp_path, f"{k:02}.png", soft(mask) if where == "all" or k == 39 else mask * 255)
    index, refs = settled(tmp_path)
    assert index.schema.ids == (0, 1)
    reading = read_truth_file(refs[39], index)
    wanted = soft(disc(20)) >= 128
    assert np.array_equal(reading.label_map.labels, wanted)
    assert reading.cannot_hold_edits == "its edges are soft"
    first = read_truth_file(refs[0], index)
    assert (first.cannot_hold_edits == "") == (where == "the last")


@pytest.mark.parametrize("quality", [30, 75, 95])
def test_jpeg_of_black_and_white_and_its_png(tmp_path, quality):
    jpeg = tmp_path / "jpeg"
    jpeg.mkdir()
    mask = disc()
    Image.fromarray(mask * np.uint8(255)).save(jpeg / "a.jpg", quality=quality)
    Image.fromarray(mask * np.uint8(0)).save(jpeg / "b.jpg", quality=quality)
    put(tmp_path / "png", "a.png", np.array(Image.open(jpeg / "a.jpg")))
    for folder in (jpeg, tmp_path / "png"):
        index, refs = settled(folder)
        assert index.kind == "binary"
        assert np.array_equal(read_truth(refs[0], index).labels, mask)
    index, refs = settled(jpeg)
    assert "JPEG" in read_truth_file(refs[0], index).cannot_hold_edits
    assert counts(index, refs[1]) == {0: 64 * 64}


@pytest.mark.parametrize("quality", [70, 75, 80])
def test_a_png_of_black_and_white_with_wide_rims_of_jpeg_is_black_and_white(tmp_path, quality):
    """Of one disc next to no grey level lies between dark and bright, but many near them."""
    rows, columns = np.mgrid[:60, :80]
    meant = (rows - 30) ** 2 + (columns - 40) ** 2 < 15**2
    Image.fromarray(meant * np.uint8(255)).save(tmp_path / "a.jpg", quality=quality)
    folder = tmp_path / "png"
    put(folder, "a.png", np.array(Image.open(tmp_path / "a.jpg")))
    index, refs = settled(folder)
    assert index.kind == "binary"
    assert np.count_nonzero(read_truth(refs[0], index).labels != meant) <= 4


@pytest.mark.parametrize("levels", [(128, 255), (1, 2), (1, 0)])
def test_jpeg_of_several_grey_levels_is_refused(tmp_path, levels):
    mask = np.zeros((96, 96), np.uint8)
    mask[10:40, 10:80], mask[50:90, 10:80] = levels
    Image.fromarray(mask).save(tmp_path / "a.jpg", quality=85)
    index, refs = settled(tmp_path)
    with pytest.raises(SegstudioError, match="several grey levels") as caught:
        read_truth(refs[0], index)
    assert str(refs[0].path) in caught.value.message


@pytest.mark.parametrize("change", ["JPEG", "scaled"])
def test_grey_levels_that_were_smeared_before_they_became_a_png_are_refused(tmp_path, change):
    """They are neither 50 classes nor 50 objects; a person may say that they are meant."""
    y, x = np.indices((128, 128))
    mask = (((y - 70) ** 2 + (x - 64) ** 2 < 38**2) * 255).astype(np.uint8)
    mask[:20] = 128
    if change == "JPEG":
        Image.fromarray(mask).save(tmp_path / "a.jpg", quality=80)
        mask = np.array(Image.open(tmp_path / "a.jpg"))
        (tmp_path / "a.jpg").unlink()
    else:
        mask = np.array(Image.fromarray(mask).resize((150, 150), Image.Resampling.BICUBIC))
    put(tmp_path, "a.png", mask)
    index, refs = settled(tmp_path)
    with pytest.raises(SegstudioError, match="stray ones along its edges") as caught:
        read_truth(refs[0], index)
    assert str(refs[0].path) in caught.value.message
    for kind in ("index", "instances"):
        index, _ = settled(tmp_path, said=ReadAs(kind))
        found = read_truth(refs[0], index)
        shown = found.labels if kind == "index" else found.instances
        assert np.array_equal(shown, mask)


@pytest.mark.parametrize("levels", [(0, 128, 255), (0, 85, 170, 255), (60, 200, 120), (0, 128)])
@pytest.mark.parametrize("quality", [98, 100])
def test_a_jpeg_of_the_best_quality_that_became_a_png_is_told_by_its_levels(
    tmp_path, levels, quality
):
    """It is off by one or two, in some pixels along the edges only."""
    y, x = np.indices((120, 160))
    mask = np.full((120, 160), levels[0], np.uint8)
    for k, level in enumerate((*levels[1:], *levels[1:])):
        mask[((x - 22 - 29 * k) ** 2 + (y - 30 - 12 * k) ** 2) < 17**2] = level
    put(tmp_path / "meant", "a.png", mask)
    Image.fromarray(mask).save(tmp_path / "a.jpg", quality=quality)
    changed = np.array(Image.open(tmp_path / "a.jpg"))
    assert len(np.unique(changed)) > len(levels)
    assert int(np.abs(changed.astype(int) - mask).max()) < 9
    put(tmp_path / "changed", "a.png", changed)
    index, refs = settled(tmp_path / "meant", said=ReadAs("index"))
    assert np.array_equal(read_truth(refs[0], index).labels, mask)
    index, refs = settled(tmp_path / "changed")
    with pytest.raises(SegstudioError, match="stray ones along its edges"):
        read_truth(refs[0], index)


def test_lines_and_borders_of_ids_beside_those_of_areas_stay_ids(tmp_path):
    """As thin as what JPEG leaves along edges, and as close."""
    lines = np.zeros((120, 160), np.uint8)
    lines[:20] = 255
    for k in (1, 2, 3, 4):
        lines[30 + 15 * k, 10:150] = lines[30:110, 30 * k] = k
    put(tmp_path / "lines", "a.png", lines)
    borders = np.zeros((120, 160), np.uint8)
    for k in range(3):
        borders[10:60, 10 + 50 * k : 50 + 50 * k] = 202 + k
        borders[12:58, 12 + 50 * k : 48 + 50 * k] = 200
    put(tmp_path / "borders", "a.png", borders)
    objects = np.zeros((120, 160), np.uint8)
    for k in range(255):
        objects[2 + 7 * (k // 20) :, 2 + 8 * (k % 20) :][: 1 + k % 4, : 1 + k % 3] = k + 1
    put(tmp_path / "objects", "a.png", objects)
    for folder, mask in (("lines", lines), ("borders", borders), ("objects", objects)):
        index, refs = settled(tmp_path / folder, LabelSchema.from_ids(range(256)))
        found = read_truth(refs[0], index)
        shown = found.labels if index.kind == "index" else found.instances
        assert np.array_equal(shown, mask), folder


@pytest.mark.data
@pytest.mark.parametrize("part", ["camvid/valannot", "pedestrians/instances", "membrane/labels"])
def test_real_masks_are_the_numbers_that_they_hold_and_not_after_jpeg(data_folder, part):
    times = 20 if part.startswith("camvid") else 1
    for path in sorted((data_folder / part).glob("*.png"))[::12]:
        mask = np.array(Image.open(path))
        assert look_at(PlainMask(mask))[0] in (MaskLook.NUMBERS, MaskLook.ONE), path
        if times > 1:
            buffer = io.BytesIO()
            Image.fromarray(mask * np.uint8(times)).save(buffer, "JPEG", quality=98)
            assert look_at(PlainMask(mask * np.uint8(times)))[0] is MaskLook.NUMBERS, path
            assert look_at(PlainMask(np.array(Image.open(buffer))))[0] is MaskLook.SHADES, path


def palette_image(path, indices, colors):
    path.parent.mkdir(parents=True, exist_ok=True)
    image = Image.fromarray(np.ascontiguousarray(indices.astype(np.uint8)))
    image.putpalette([v for color in colors for v in color])
    image.save(path)


BLACK, WHITE, RED, GREEN = (0, 0, 0), (255, 255, 255), (255, 0, 0), (0, 255, 0)


def test_palettes_that_an_optimiser_put_in_another_order(tmp_path):
    palette_image(tmp_path / "bw" / "a.png", 1 - SQUARE, [WHITE, BLACK])
    palette_image(tmp_path / "bw" / "b.png", SQUARE, [BLACK, WHITE])
    Image.fromarray(SQUARE * np.uint8(255)).save(tmp_path / "bw" / "c.gif")
    index, refs = settled(tmp_path / "bw")
    assert [counts(index, ref) for ref in refs] == [{0: 500, 1: 100}] * 3

    three = SQUARE.copy()
    three[15:17] = 2
    palette_image(tmp_path / "ids" / "a.png", (three + 1) % 3, [(2,) * 3, (0,) * 3, (1,) * 3])
    index, refs = settled(tmp_path / "ids")
    assert counts(index, refs[0]) == {0: 440, 1: 100, 2: 60}

    palette_image(tmp_path / "colours" / "a.png", three, [BLACK, RED, GREEN])
    palette_image(tmp_path / "colours" / "b.png", (three + 1) % 3, [GREEN, BLACK, RED])
    index, refs = settled(tmp_path / "colours")
    assert counts(index, refs[0]) == counts(index, refs[1]) == {0: 440, 1: 60, 2: 100}


def test_a_palette_that_shows_ids_in_grey_keeps_its_ids(tmp_path):
    three = SQUARE.copy()
    three[15:17] = 2
    palette_image(tmp_path / "a.png", three, [BLACK, (128,) * 3, WHITE])
    index, refs = settled(tmp_path)
    assert counts(index, refs[0]) == {0: 440, 1: 100, 2: 60}


@pytest.mark.parametrize("mode", ["RGBA", "LA"])
def test_a_shape_in_the_opacity(tmp_path, mode):
    channels = len(mode)
    for name, alpha in (("a", SQUARE), ("b", SQUARE * 0), ("c", SQUARE * 0 + 1)):
        pixels = np.full((20, 30, channels), 255, np.uint8)
        pixels[..., -1] = alpha * 255
        put(tmp_path, f"{name}.png", pixels)
    index, refs = settled(tmp_path)
    assert [counts(index, r) for r in refs] == [{0: 500, 1: 100}, {0: 600}, {1: 600}]
    assert read_truth_file(refs[0], index).cannot_hold_edits == "its shape is in the opacity"


def test_colours_on_nothing_are_colours(tmp_path):
    for name, color in (("a", RED), ("b", GREEN)):
        pixels = np.zeros((20, 30, 4), np.uint8)
        pixels[..., :3] = 255
        pixels[SQUARE > 0] = (*color, 255)
        put(tmp_path, f"{name}.png", pixels)
    index, refs = settled(tmp_path)
    assert [counts(index, ref) for ref in refs] == [{0: 500, 2: 100}, {0: 500, 1: 100}]


def test_opacity_that_is_full_everywhere_says_nothing(tmp_path):
    pixels = np.full((20, 30, 4), 255, np.uint8)
    pixels[..., :3] = (SQUARE * np.uint8(255))[..., None]
    put(tmp_path, "a.png", pixels)
    index, refs = settled(tmp_path)
    assert counts(index, refs[0]) == {0: 500, 1: 100}


def objects(number=20, side=10, dtype=np.uint8):
    ids = np.zeros((60, 80), dtype)
    for k in range(number):
        row, column = divmod(k, 7)
        ids[row * 12 + 1 : row * 12 + side, column * 11 + 1 : column * 11 + 10] = k + 1
    return ids


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.int32])
def test_depth_does_not_tell_objects_from_classes(tmp_path, dtype):
    put(tmp_path / "objects", "a.tif", objects(dtype=dtype))
    index, refs = settled(tmp_path / "objects")
    assert index.kind == "instances"
    assert read_truth(refs[0], index).instances.max() == 20
    rng = np.random.default_rng(0)
    scattered = rng.integers(0, 12, (12, 16)).repeat(5, 0).repeat(5, 1).astype(dtype)
    put(tmp_path / "classes", "a.tif", scattered)
    index, refs = settled(tmp_path / "classes")
    assert index.kind == "index"
    assert index.schema.ids == tuple(range(12))


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_a_few_regions_can_be_either_and_that_is_asked(tmp_path, dtype):
    for k in (2, 3, 4):
        put(tmp_path, f"{k}.tif", objects(k, dtype=dtype))
    index, refs = settled(tmp_path)
    assert index.kind == "index"
    assert "objects" in [d.about for d in index.doubts]
    said = index.read_as(ReadAs("instances"))
    assert read_truth(refs[2], said).instances.max() == 4
    assert not said.doubts


def test_void_among_objects(tmp_path):
    """Pascal VOC's SegmentationObject has it around every object."""
    ids = objects(12)
    ids[-3:] = 255
    put(tmp_path / "SegmentationObject", "a.png", ids)
    index, refs = settled(tmp_path / "SegmentationObject")
    found = read_truth(refs[0], index)
    assert found.instances.max() == 12
    assert (found.labels == 255).sum() == 3 * 80


def test_classes_of_colours_come_from_all_masks(tmp_path):
    for k in range(40):
        pixels = np.zeros((20, 30, 3), np.uint8)
        pixels[SQUARE > 0] = RED if k < 39 else (192, 128, 64)
        pixels[15:] = GREEN
        put(tmp_path, f"{k:02}.png", pixels)
    index, refs = settled(tmp_path)
    assert [c.color for c in index.schema.classes] == [BLACK, GREEN, (192, 128, 64), RED]
    assert counts(index, refs[39]) == {0: 350, 1: 150, 2: 100}


def test_grey_files_among_colours_are_colours_if_they_can_be(tmp_path):
    white = np.zeros((20, 30, 3), np.uint8)
    white[SQUARE > 0] = WHITE
    both = white.copy()
    both[15:] = RED
    for k in range(3):
        put(tmp_path, f"{k}.png", both)
    put(tmp_path, "3.png", white)  # an optimiser makes this one channel
    put(tmp_path, "4.png", SQUARE * 255)
    put(tmp_path, "5.png", SQUARE)
    index, refs = settled(tmp_path)
    assert counts(index, refs[3]) == counts(index, refs[4]) == {0: 500, 2: 100}
    with pytest.raises(SegstudioError, match="numbers 0, 1"):
        read_truth(refs[5], index)


def test_colours_that_are_ids_of_24_bits(tmp_path):
    """COCO panoptic: R + 256 G + 65536 B; every object has its own."""
    rng = np.random.default_rng(3)
    for k in range(4):
        ids = rng.choice(np.arange(1, 1 << 24), 6, replace=False)
        pixels = np.zeros((20, 30, 3), np.uint8)
        for n, number in enumerate(ids):
            pixels[2:10, n * 5 : n * 5 + 4] = (number & 255, number >> 8 & 255, number >> 16)
        put(tmp_path, f"{k}.png", pixels)
    index, refs = settled(tmp_path)
    assert index.kind == "instances"
    found = read_truth(refs[0], index)
    assert len(np.unique(found.instances)) == 7
    assert counts(index, refs[0]) == {0: 600 - 6 * 32, 1: 6 * 32}


def test_a_mixed_folder_names_what_is_not_used(tmp_path):
    many = objects(30)
    pair = np.zeros_like(many)
    pair[:10, :10] = 1
    put(tmp_path, "a.png", many)
    put(tmp_path, "b.png", pair)
    put(tmp_path, "c.png", pair * 255)
    put(tmp_path, "d.png", np.stack([pair * 200, pair * 30, pair * 0], -1))
    put(tmp_path, "e.png", many)
    index, refs = settled(tmp_path)
    assert index.kind == "instances"
    (doubt,) = index.doubts
    assert doubt.message.startswith("Some masks hold something else and are not used: c.png (")
    assert "d.png (colours)" in doubt.message
    for k, words in ((2, "black and white"), (3, "colours")):
        with pytest.raises(SegstudioError, match=words) as caught:
            read_truth(refs[k], index)
        assert str(refs[k].path) in caught.value.message
    for k in (0, 1, 4):
        assert read_truth(refs[k], index).instances is not None


@pytest.mark.parametrize(
    ("kind", "wanted"),
    [("index", {0: 500, 9: 100}), ("binary", {0: 500, 1: 100}), ("instances", {0: 500, 1: 100})],
)
def test_what_a_person_says_holds(tmp_path, kind, wanted):
    put(tmp_path, "a.png", SQUARE * 9)
    index, refs = settled(tmp_path, said=ReadAs(kind))
    assert index.kind == kind
    assert counts(index, refs[0]) == wanted
    assert (read_truth(refs[0], index).instances is not None) == (kind == "instances")


def test_a_folder_called_instances_can_be_said_to_hold_classes(tmp_path):
    put(tmp_path / "instances", "a.png", SQUARE * 9)
    index, refs = settled(tmp_path / "instances", said=ReadAs("index"))
    assert counts(index, refs[0]) == {0: 500, 9: 100}


def test_class_0_is_asked_about_where_it_is_no_majority(tmp_path):
    put(tmp_path / "few", "a.png", 1 - SQUARE)
    put(tmp_path / "most", "a.png", SQUARE)
    assert [d.about for d in settled(tmp_path / "most")[0].doubts] == []
    index, refs = settled(tmp_path / "few")
    (doubt,) = index.doubts
    assert doubt.about == "zero"
    assert "17%" in doubt.message  # 100 of 600
    assert index.schema.background_id == 0
    said = index.read_as(ReadAs(zero="class"))
    assert said.doubts == ()
    assert said.schema.name_of(0) == "class 0"
    assert said.schema.background_id is None
    assert index.read_as(ReadAs(zero="background")).doubts == ()
    black = index.read_as(ReadAs(zero="object"))
    assert counts(black, refs[0]) == {0: 500, 1: 100}


EXIF = {3: "rotated by 180", 6: "rotated by 90"}


@pytest.mark.parametrize("orientation", EXIF)
@pytest.mark.parametrize("shape", [(20, 30), (24, 24)])
def test_a_mask_is_turned_by_its_own_tag(tmp_path, orientation, shape):
    stored = np.zeros(shape, np.uint8)
    stored[1:5, 2:9] = 255
    exif = Image.Exif()
    exif[274] = orientation
    (tmp_path / "m").mkdir()
    Image.fromarray(stored).save(tmp_path / "m" / "a.png", exif=exif)
    Image.fromarray(stored).save(tmp_path / "m" / "b.jpg", exif=exif, quality=95)
    put(tmp_path / "m", "c.tif", stored, extratags=[(274, "H", 1, orientation, True)])
    wanted = np.rot90(stored, 2 if orientation == 3 else -1) > 0
    index, refs = settled(tmp_path / "m")
    for ref in refs:
        assert np.array_equal(read_truth(ref, index, None, wanted.shape).labels, wanted), ref


def test_a_tag_that_was_only_copied_from_the_photo_is_passed_over(tmp_path):
    exif = Image.Exif()
    exif[274] = 6
    (tmp_path / "m").mkdir()
    Image.fromarray(SQUARE * np.uint8(255)).save(tmp_path / "m" / "a.png", exif=exif)
    index, refs = settled(tmp_path / "m")
    assert np.array_equal(read_truth(refs[0], index, None, (20, 30)).labels, SQUARE)


def one(folder, write):
    """What the only mask of a folder is read as."""
    folder.mkdir()
    write(folder)
    index, (ref,) = settled(folder)
    return counts(index, ref)


def test_black_and_white_in_forms_that_add_a_breath_of_colour_or_hold_inks(tmp_path):
    white = (SQUARE * 255).astype(np.uint8)
    colours = np.repeat(white[..., None], 3, axis=2)
    forms = {
        "webp": lambda f: Image.fromarray(colours).save(f / "a.webp", quality=50),
        "inks": lambda f: Image.fromarray(white).convert("CMYK").save(f / "a.tif"),
        "jpeg in tiff": lambda f: tifffile.imwrite(f / "a.tif", white, compression="jpeg"),
    }
    for name, write in forms.items():
        assert one(tmp_path / name, write) == {0: 500, 1: 100}, name


def test_a_palette_in_which_black_comes_last(tmp_path):
    """As when a mask of 0 and 1 is quantised: index 0 shows 1, index 1 shows 0."""

    def write(folder):
        image = Image.fromarray((1 - SQUARE).astype(np.uint8))
        image.putpalette([1, 1, 1] + [0, 0, 0] * 255)
        image.save(folder / "a.png")

    assert one(tmp_path / "set", write) == {0: 500, 1: 100}


def test_a_shape_in_a_weak_opacity(tmp_path):
    opacity = (SQUARE * 120).astype(np.uint8)
    pixels = np.dstack([np.full((*SQUARE.shape, 3), 255, np.uint8), opacity])
    assert one(tmp_path / "set", lambda f: Image.fromarray(pixels).save(f / "a.png")) == {
        0: 500,
        1: 100,
    }


@pytest.mark.parametrize("compression", ["raw", "tiff_lzw", "tiff_deflate"])
def test_a_tiff_of_luma_and_chroma_is_read_as_shown(tmp_path, compression):
    """What a viewer shows: white is (255, 128, 128) in the file."""
    white = np.repeat((SQUARE * 255).astype(np.uint8)[..., None], 3, axis=2)

    def write(folder):
        picture = Image.fromarray(white).convert("YCbCr")
        picture.save(folder / "a.tif", compression=compression)

    assert one(tmp_path / "set", write) == {0: 500, 1: 100}


@pytest.mark.parametrize("name", ["a.tif", "a.jpg", "a.webp"])
def test_colours_that_a_format_changed_are_refused_with_a_hint_that_fits(tmp_path, name):
    pixels = np.zeros((64, 64, 3), np.uint8)
    pixels[8:40, 8:40], pixels[50:60] = (200, 30, 40), (20, 90, 200)
    options = {"compression": "jpeg"} if name == "a.tif" else {"quality": 80}
    Image.fromarray(pixels).save(tmp_path / name, **options)
    index, refs = settled(tmp_path)
    with pytest.raises(SegstudioError, match="colours in a format that changes them") as caught:
        read_truth(refs[0], index)
    assert str(refs[0].path) in caught.value.message
    assert "as PNG" in caught.value.hint
    assert "segstudio.json" not in caught.value.hint


def coded(ground, shape):
    """A mask of two numbers."""
    return np.where(SQUARE > 0, np.uint8(shape), np.uint8(ground))


@pytest.mark.parametrize(
    ("codings", "ids", "objects"),
    [
        (((0, 1), (0, 2)), ({0: 500, 1: 100}, {0: 500, 2: 100}), ({0: 500, 1: 100},) * 2),
        (((0, 1), (1, 2)), ({0: 500, 1: 100}, {1: 500, 2: 100}), ({0: 500, 1: 100},) * 2),
        (((0, 2), (1, 2)), ({0: 500, 2: 100}, {1: 500, 2: 100}), ({0: 500, 1: 100},) * 2),
        (((0, 3), (0, 7)), ({0: 500, 3: 100}, {0: 500, 7: 100}), ({0: 500, 1: 100},) * 2),
    ],
)
def test_masks_of_two_numbers_in_two_codings_are_asked_about(tmp_path, codings, ids, objects):
    for k, pair in enumerate(codings * 2):
        put(tmp_path, f"{k}.png", coded(*pair))
    put(tmp_path, "4.png", SQUARE * 0)
    index, refs = settled(tmp_path)
    assert [counts(index, ref) for ref in refs[:2]] == list(ids)
    (doubt,) = index.doubts
    assert doubt.about == "codings"
    for ref, pair in zip(refs[:2], codings, strict=False):
        assert f"{ref.name} holds {pair[0]} and {pair[1]}" in doubt.message
    assert "--truth-kind" in doubt.option
    said = index.read_as(ReadAs("binary"))
    assert [counts(said, ref) for ref in refs[:2]] == list(objects)
    assert counts(said, refs[4]) == {0: 600}
    assert not said.doubts
    assert not [d for d in index.read_as(ReadAs("index")).doubts if d.about == "codings"]


@pytest.mark.parametrize(
    ("pair", "ids", "words"),
    [
        ((1, 2), {1: 500, 2: 100}, "none as background: 0.tif holds 1 and 2, never 0."),
        ((1, 255), {1: 500, 255: 100}, "255 is read as ignored"),
        ((1, 65535), {1: 500, 255: 100}, "65535 is read as ignored"),
        ((-1, 1), {255: 500, 1: 100}, "-1 is read as ignored"),
    ],
)
def test_masks_without_0_say_that_neither_number_is_background(tmp_path, pair, ids, words):
    low, high = pair
    depth = np.int32 if low < 0 else np.min_scalar_type(high)
    for k in range(3):
        put(tmp_path, f"{k}.tif", np.where(SQUARE, high, low).astype(depth))
    put(tmp_path, "3.tif", np.full(SQUARE.shape, low, depth))
    put(tmp_path, "4.tif", np.full(SQUARE.shape, high, depth))
    index, refs = settled(tmp_path)
    assert counts(index, refs[0]) == ids
    (doubt,) = [d for d in index.doubts if d.about == "codings"]
    assert words in doubt.message
    assert "never 0" in doubt.message
    assert [answer.kind for _, answer in doubt.answers] == ["index", "binary"]
    assert not [d for d in index.read_as(ReadAs("index")).doubts if d.about == "codings"]
    said = index.read_as(ReadAs("binary"))
    found = [counts(said, ref) for ref in refs]
    assert found == [{0: 500, 1: 100}] * 3 + [{0: 600}, {1: 600}]
    turned = index.read_as(ReadAs("binary", "object"))
    assert counts(turned, refs[0]) == {0: 100, 1: 500}


def test_a_number_alone_that_is_ground_here_and_object_there_is_refused(tmp_path):
    put(tmp_path, "0.png", coded(0, 1))
    put(tmp_path, "1.png", coded(1, 2))
    put(tmp_path, "2.png", SQUARE * 0 + 1)
    put(tmp_path, "3.png", SQUARE * 0 + 2)
    index, refs = settled(tmp_path, said=ReadAs("binary"))
    assert counts(index, refs[3]) == {1: 600}
    with pytest.raises(SegstudioError, match="nothing but 1") as caught:
        read_truth(refs[2], index)
    assert str(refs[2].path) in caught.value.message


def test_255_beside_one_number_is_void_where_other_masks_say_so(tmp_path):
    """A mask of 1 and 255 alone, as where an object fills the image up to its void border."""
    three = coded(0, 1)
    three[15:] = 255
    put(tmp_path, "0.png", three)
    put(tmp_path, "1.png", coded(1, 255))
    index, refs = settled(tmp_path)
    assert counts(index, refs[1]) == {1: 500, 255: 100}
    assert not [d for d in index.doubts if d.about == "codings"]


def test_several_classes_and_never_0_are_told_without_a_question(tmp_path):
    """A trimap, or classes that cover everything."""
    bands = np.indices((20, 30)).sum(axis=0) // 5 % 3 + 1
    put(tmp_path, "0.png", bands.astype(np.uint8))
    index, refs = settled(tmp_path)
    assert set(counts(index, refs[0])) == {1, 2, 3}
    (doubt,) = index.doubts
    assert "No mask holds 0" in doubt.message
    assert "(1, 2, 3)" in doubt.message
    assert not doubt.answers
    assert not index.read_as(ReadAs("index")).doubts


def test_numbers_of_which_a_mask_holds_three_are_classes_without_a_question(tmp_path):
    three = coded(0, 1)
    three[15:] = 2
    put(tmp_path, "0.png", coded(0, 1))
    put(tmp_path, "1.png", coded(0, 2))
    put(tmp_path, "2.png", three)
    index, _ = settled(tmp_path)
    assert not [d for d in index.doubts if d.about == "codings"]


def test_an_edit_of_a_mask_without_0_has_the_numbers_of_its_folder(tmp_path):
    put(tmp_path, "0.png", coded(1, 2))
    put(tmp_path, "1.png", SQUARE * 0 + 1)
    index, refs = settled(tmp_path, said=ReadAs("binary"))
    before = read_truth(refs[1], index).labels
    content = edited_classes(
        refs[1].path.read_bytes(), before, SQUARE, index.coding, index.schema, 1
    )
    refs[1].path.write_bytes(content)
    assert np.array_equal(np.array(Image.open(refs[1].path)), coded(1, 2))
