"""Masks that were JPEG and were saved again as PNG: their levels look like ids of classes."""

import io

import cv2
import numpy as np
import pytest
from PIL import Image

from segstudio.core.errors import SegstudioError
from segstudio.core.schema import LabelSchema
from segstudio.storage.formats.mask_format import RawMask
from segstudio.storage.image_ref import ImageRef
from segstudio.storage.mask_facts import MaskFacts, MaskLook, PlainMask, look_at
from segstudio.storage.mask_files import read_mask_file
from segstudio.storage.truth import NOTHING_SAID, ReadAs, TruthIndex, read_truth


def classes_in_discs(seed: int, classes: int, size: tuple[int, int] = (120, 160)) -> np.ndarray:
    """Class ids 0..classes: discs over discs."""
    random = np.random.default_rng(seed)
    mask = np.zeros(size, np.uint8)
    for n in range(4 * classes):
        centre = (int(random.integers(size[1])), int(random.integers(size[0])))
        cv2.circle(mask, centre, int(random.integers(4, 22)), n % classes + 1, -1)
    return mask


def noisy_classes(seed: int, classes: int, size: tuple[int, int] = (120, 160)) -> np.ndarray:
    """The class of most of some maps of noise, as of a network that is little trained."""
    random = np.random.default_rng(seed)
    maps = [
        cv2.GaussianBlur(random.standard_normal(size), (0, 0), 3)
        + 0.1 * random.standard_normal(size)
        for _ in range(classes + 1)
    ]
    return np.argmax(maps, axis=0).astype(np.uint8)


def through_jpeg(mask: np.ndarray, quality: int) -> np.ndarray:
    buffer = io.BytesIO()
    Image.fromarray(mask).save(buffer, "JPEG", quality=quality)
    return np.array(Image.open(buffer))


def settled(
    folder, schema: LabelSchema | None = None, said: ReadAs = NOTHING_SAID
) -> tuple[TruthIndex, list[ImageRef]]:
    refs = [ImageRef(path.name, str(folder)) for path in sorted(folder.glob("*.png"))]
    return TruthIndex.at(folder, refs, schema, said=said).settled(refs), refs


@pytest.mark.parametrize("quality", [75, 85, 90, 95])
@pytest.mark.parametrize("classes", [4, 6, 9])
def test_classes_that_were_jpeg_are_refused_and_read_if_a_person_says_so(
    tmp_path, quality, classes
):
    meant = classes_in_discs(1, classes)
    stored = through_jpeg(meant, quality)
    assert int(stored.max()) < 40
    Image.fromarray(stored).save(tmp_path / "a.png")
    index, refs = settled(tmp_path)
    with pytest.raises(SegstudioError, match="as after JPEG or scaling") as caught:
        read_truth(refs[0], index)
    assert str(refs[0].path) in caught.value.message
    assert "Save the mask as PNG" in caught.value.hint
    index, _ = settled(tmp_path, said=ReadAs("index"))
    assert np.array_equal(read_truth(refs[0], index).labels, stored)
    Image.fromarray(meant).save(tmp_path / "a.png")
    index, _ = settled(tmp_path)
    assert np.array_equal(read_truth(refs[0], index).labels, meant)
    assert "jpeg" not in {doubt.about for doubt in index.doubts}


@pytest.mark.parametrize("quality", [75, 80, 97, 98])
@pytest.mark.parametrize("seed", [1, 2, 3])
@pytest.mark.parametrize("size", [(120, 160), (64, 48)])
def test_a_small_mask_or_a_rare_quality_is_refused_or_asked_about(tmp_path, quality, seed, size):
    meant = classes_in_discs(seed, 4, size)
    Image.fromarray(through_jpeg(meant, quality)).save(tmp_path / "a.png")
    index, refs = settled(tmp_path)
    if "jpeg" not in {doubt.about for doubt in index.doubts}:
        with pytest.raises(SegstudioError, match="as after JPEG or scaling"):
            read_truth(refs[0], index)


def told(folder) -> str:
    """What is said of a folder's first mask: "refused", "asked" or ""."""
    index, refs = settled(folder)
    try:
        read_truth(refs[0], index)
    except SegstudioError as error:
        return "refused" if "as after JPEG or scaling" in error.message else error.message
    return "asked" if "jpeg" in {doubt.about for doubt in index.doubts} else ""


def cropped(stored: np.ndarray, seed: int) -> np.ndarray:
    """Without some rows and columns at its start, so that it begins inside a block."""
    row, column = 1 + seed % 7, 1 + 3 * seed % 7
    return np.ascontiguousarray(stored[row : row - 8, column : column - 8])


@pytest.mark.parametrize("quality", [75, 85, 92])
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_what_was_cropped_after_it_was_jpeg_is_refused(tmp_path, quality, seed):
    stored = cropped(through_jpeg(classes_in_discs(seed, 5), quality), seed)
    Image.fromarray(stored).save(tmp_path / "a.png")
    assert told(tmp_path) == "refused"


@pytest.mark.parametrize("quality", [40, 50, 60])
@pytest.mark.parametrize("classes", [3, 6])
@pytest.mark.parametrize("is_cropped", [False, True])
def test_a_low_quality_is_refused_or_asked_about(tmp_path, quality, classes, is_cropped):
    """It leaves few levels and no stray pixels."""
    for seed in (1, 2, 3):
        stored = through_jpeg(classes_in_discs(seed, classes), quality)
        Image.fromarray(cropped(stored, seed) if is_cropped else stored).save(tmp_path / "a.png")
        assert told(tmp_path) in ("asked", "refused"), seed


@pytest.mark.parametrize("quality", [60, 75, 90])
def test_one_class_that_was_jpeg_is_refused_or_asked_about(tmp_path, quality):
    """At the lowest quality it may be whole blocks alone, as an enlarged map of patches is."""
    for seed in (2, 4, 7):
        meant = (classes_in_discs(seed, 4) > 0).astype(np.uint8)
        stored = through_jpeg(meant, quality)
        assert int(stored.max()) <= 2
        Image.fromarray(stored).save(tmp_path / "a.png")
        expected = ("",) if is_of_patches(stored) else ("asked", "refused")
        assert told(tmp_path) in expected, seed


def is_of_patches(mask):
    """Whether all blocks of 8 x 8 are even."""
    height, width = (n // 8 for n in mask.shape)
    blocks = mask[: 8 * height, : 8 * width].reshape(height, 8, width, 8)
    return bool((blocks == blocks[:, :1, :, :1]).all())


@pytest.mark.parametrize("seed", range(6))
def test_labels_of_patches_enlarged_by_eight_were_no_jpeg(tmp_path, seed):
    labels = np.random.default_rng(seed).integers(0, 2 + seed, (10, 14)).astype(np.uint8)
    Image.fromarray(np.kron(labels, np.ones((8, 8), np.uint8))).save(tmp_path / "a.png")
    assert told(tmp_path) == ""


def test_levels_between_classes_are_asked_about_whatever_made_them(tmp_path):
    """Scaling with soft edges puts 1, 2 and 3 between 0 and 4, which are classes as well."""
    meant = classes_in_discs(1, 6, (80, 112))
    for scale, soft in ((1.7, cv2.INTER_LINEAR), (0.6, cv2.INTER_AREA)):
        for how, expected in ((soft, "asked"), (cv2.INTER_NEAREST, "")):
            scaled = cv2.resize(meant, None, fx=scale, fy=scale, interpolation=how)
            Image.fromarray(scaled).save(tmp_path / "a.png")
            assert told(tmp_path) == expected, (scale, how)


def test_boxes_on_round_numbers_and_coarse_maps_were_no_jpeg(tmp_path):
    boxes = np.zeros((128, 160), np.uint8)
    for n in range(8):
        boxes[8 * n : 8 * n + 24, 16 * n : 16 * n + 40] = n % 3 + 1
    coarse = noisy_classes(1, 1, (8, 10)).repeat(16, 0).repeat(16, 1)
    outlined = np.zeros((128, 160), np.uint8)
    for n in range(9):
        centre = (16 + 15 * n, 20 + 37 * n % 90)
        cv2.circle(outlined, centre, 12, 2, -1)
        cv2.circle(outlined, centre, 12, 1, 2)
    for mask in (boxes, coarse, outlined):
        Image.fromarray(mask).save(tmp_path / "a.png")
        assert told(tmp_path) == ""


def test_some_that_were_jpeg_among_others_are_named(tmp_path):
    for n in range(4):
        mask = classes_in_discs(n, 5)
        Image.fromarray(mask if n else through_jpeg(mask, 90)).save(tmp_path / f"{n}.png")
    index, _ = settled(tmp_path)
    (mixed,) = [doubt for doubt in index.doubts if doubt.about == "mixed"]
    assert "are not used: 0.png" in mixed.message


@pytest.mark.parametrize("classes", [5, 8])
def test_what_jpeg_of_the_best_quality_may_have_changed_is_asked(tmp_path, classes):
    """It is off by one in single pixels: that cannot be told for sure."""
    for n in range(2):
        stored = through_jpeg(classes_in_discs(n, classes), 100)
        Image.fromarray(stored).save(tmp_path / f"{n}.png")
    index, refs = settled(tmp_path)
    (doubt,) = [doubt for doubt in index.doubts if doubt.about == "jpeg"]
    assert "as JPEG or scaling leaves them" in doubt.message
    assert "0.png and 1 more" in doubt.message
    assert "save them as PNG" in doubt.hint
    assert "--truth-kind ids" in doubt.option
    assert np.array_equal(read_truth(refs[1], index).labels, stored)
    ((_, answer),) = doubt.answers
    index, _ = settled(tmp_path, said=answer)
    assert "jpeg" not in {doubt.about for doubt in index.doubts}
    declared, _ = settled(tmp_path, LabelSchema.from_ids(range(classes + 3)))
    assert "jpeg" in {doubt.about for doubt in declared.doubts}


@pytest.mark.parametrize("classes", [2, 3, 7])
def test_noise_and_thin_lines_of_classes_are_what_they_are(classes):
    lines = np.zeros((120, 160), np.uint8)
    for n in range(3 * classes):
        ends = (3 + 17 * n % 150, 2), (150 - 23 * n % 140, 117)
        cv2.line(lines, *ends, n % classes + 1, 1)
    enlarged = noisy_classes(3, classes, (30, 40)).repeat(4, 0).repeat(4, 1)
    specks = classes_in_discs(4, classes)
    specks[::7, ::5] = np.arange(specks[::7, ::5].size).reshape(18, 32) % (classes + 1)
    grid = np.zeros((120, 160), np.uint8)
    for n, at in enumerate(range(5, 120, 15)):
        grid[at] = grid[:, at] = n % classes + 1
    bands = (np.indices((120, 160)).sum(axis=0) // 5 % (classes + 1)).astype(np.uint8)
    for mask in (noisy_classes(2, classes), lines, enlarged, specks, grid, bands):
        facts = MaskFacts.of(RawMask(mask))
        assert facts.look is MaskLook.NUMBERS
        assert not facts.perhaps_jpeg


COLORS = np.array([(0, 0, 0), (200, 30, 40), (20, 180, 60), (40, 60, 220)], np.uint8)


@pytest.mark.parametrize("quality", [75, 95, 100])
@pytest.mark.parametrize("others", [0, 1])
def test_colours_that_were_jpeg_are_no_objects_and_no_classes(tmp_path, quality, others):
    """Their edges have hundreds of colours, each in some pixels only."""
    meant = [COLORS[classes_in_discs(seed, 3, (240, 320))] for seed in range(1 + others)]
    Image.fromarray(through_jpeg(meant[0], quality)).save(tmp_path / "0.png")
    for n in range(1, 1 + others):
        Image.fromarray(meant[n]).save(tmp_path / f"{n}.png")
    index, refs = settled(tmp_path)
    assert index.kind == "colour"
    with pytest.raises(SegstudioError, match="colours that are no class") as caught:
        read_truth(refs[0], index)
    assert "0.png" in caught.value.message
    assert "as PNG, not JPEG" in caught.value.hint
    if others:
        assert index.schema.num_classes == 4
        shown = np.array([c.color_in_masks for c in index.schema.classes], np.uint8)
        assert np.array_equal(shown[read_truth(refs[1], index).labels], meant[1])


@pytest.mark.parametrize("lossy", [False, True])
def test_colours_of_objects_that_were_jpeg_are_refused(tmp_path, lossy):
    folder = tmp_path / "instances"
    folder.mkdir()
    mask = COLORS[classes_in_discs(1, 3, (240, 320))]
    if lossy:
        Image.fromarray(mask).save(folder / "0.jpg", quality=90)
    else:
        Image.fromarray(through_jpeg(mask, 90)).save(folder / "0.png")
    refs = [ImageRef(path.name, str(folder)) for path in folder.iterdir()]
    index = TruthIndex.at(folder, refs)
    assert index.kind == "instances"
    with pytest.raises(SegstudioError, match="JPEG") as caught:
        read_truth(refs[0], index)
    assert str(refs[0].path) in caught.value.message
    Image.fromarray(mask).save(folder / "0.png")
    refs = [ImageRef("0.png", str(folder))]
    instances = read_truth(refs[0], TruthIndex.at(folder, refs)).instances
    assert len(np.unique(instances)) == 4


@pytest.mark.parametrize("form", ["0.jpg", "0.png", "soft.png"])
def test_objects_beside_classes_that_were_jpeg_are_refused(tmp_path, form):
    """They would be as many objects as there are levels."""
    Image.new("L", (160, 120)).save(tmp_path / "0.png")
    objects = classes_in_discs(1, 6)
    for folder in ("masks", "instances"):
        (tmp_path / folder).mkdir()
    Image.fromarray(objects).save(tmp_path / "masks" / "0.png")
    if form == "0.jpg":
        Image.fromarray(objects).save(tmp_path / "instances" / form, quality=90)
    else:
        soft = cv2.GaussianBlur((objects > 0).astype(np.uint8) * 255, (5, 5), 0)
        stored = soft if form == "soft.png" else through_jpeg(objects, 90)
        Image.fromarray(stored).save(tmp_path / "instances" / "0.png")
    refs = [ImageRef("0.png", str(tmp_path))]
    index = TruthIndex.at(tmp_path / "masks", refs, instances=tmp_path / "instances")
    with pytest.raises(SegstudioError, match=r"JPEG|soft edges") as caught:
        read_truth(refs[0], index)
    assert str(tmp_path / "instances") in caught.value.message
    Image.fromarray(objects).save(tmp_path / "instances" / "0.png")
    (tmp_path / "instances" / "0.jpg").unlink(missing_ok=True)
    index = TruthIndex.at(tmp_path / "masks", refs, instances=tmp_path / "instances")
    assert np.array_equal(read_truth(refs[0], index).instances, objects)


@pytest.mark.data
@pytest.mark.parametrize("quality", [75, 90, 95])
def test_real_classes_after_jpeg(data_folder, quality):
    for path in sorted((data_folder / "camvid/valannot").glob("*.png"))[::20]:
        mask = np.array(Image.open(path))
        facts = MaskFacts.of(read_mask_file(path))
        assert facts.look is MaskLook.NUMBERS, path
        assert not facts.perhaps_jpeg, path
        assert look_at(PlainMask(through_jpeg(mask, quality)))[0] is MaskLook.SHADES, path
