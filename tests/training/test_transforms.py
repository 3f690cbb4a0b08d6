"""Joint transforms: what happens to a mask, what to its image, and that chance can be repeated."""

import json
from dataclasses import replace

import cv2
import numpy as np
import pytest
import torch
from torchvision import tv_tensors

from segstudio.core.errors import SegstudioError
from segstudio.training.transforms import (
    Augmentation,
    CropGeometry,
    JointTransforms,
    Look,
    Recolour,
    Warp,
    interpolated_mask,
)

NONE = Augmentation.none()
GEOMETRY = replace(NONE, flips=True, rotation=20.0, scale=(0.7, 1.5), elastic=0.5, elastic_pixels=4)


def rng(seed=0):
    return np.random.default_rng(seed)


def blobs(height=90, width=120, ids=(0, 7, 200)):
    """A mask of large smooth regions."""
    coarse = rng(3).random((len(ids), 4, 5)).astype(np.float32)
    large = [cv2.resize(c, (width, height), interpolation=cv2.INTER_CUBIC) for c in coarse]
    return np.array(ids, np.uint8)[np.argmax(large, 0)]


def test_without_augmentation_a_crop_is_cut_out_as_it_is():
    image = rng().integers(0, 256, (50, 60, 3)).astype(np.uint8)
    mask = rng(1).integers(0, 4, (50, 60)).astype(np.uint8)
    transforms = JointTransforms(NONE, (20, 30), seed=0)
    tops = set()
    for _ in range(12):
        pixels, ids = transforms(image, mask)
        assert (pixels.dtype, pixels.shape) == (torch.float32, (3, 20, 30))
        assert (ids.dtype, ids.shape) == (torch.int64, (20, 30))
        places = [
            (top, left)
            for top in range(31)
            for left in range(31)
            if np.array_equal(mask[top : top + 20, left : left + 30], ids)
        ]
        ((top, left),) = places
        part = image[top : top + 20, left : left + 30]
        torch.testing.assert_close(pixels, torch.from_numpy(part / 255).permute(2, 0, 1).float())
        tops.add(top)
    assert len(tops) > 4


@pytest.mark.parametrize("size", [48, (40, 64)])
def test_image_and_mask_move_together(size):
    mask = (blobs(ids=(0, 1)) * 1).astype(np.uint8)
    image = np.repeat(mask[..., None] * 200, 3, 2)
    transforms = JointTransforms(GEOMETRY, size, seed=0)
    both = 0
    for _ in range(30):
        pixels, ids = transforms(image, mask)
        counted = ids != 255
        agree = ((pixels[0] > 100 / 255) == (ids == 1))[counted].float().mean()
        assert agree > 0.985  # the rest are pixels on an edge
        both += len(ids[counted].unique()) == 2
    assert both > 10


def test_a_mask_holds_no_id_that_was_not_there():
    mask = blobs()
    transforms = JointTransforms(GEOMETRY, 64, seed=1)
    image = np.zeros((*mask.shape, 1), np.uint8)
    seen = {int(i) for _ in range(30) for i in transforms(image, mask)[1].unique()}
    assert seen == {0, 7, 200, 255}


@pytest.mark.parametrize("ignored", [255, 11])
def test_outside_the_image_is_the_ignored_id(ignored):
    image = rng().integers(100, 200, (10, 8, 3)).astype(np.uint8)
    mask = np.full((10, 8), 3, np.uint8)
    transforms = JointTransforms(NONE, 32, seed=0, ignore_index=ignored)
    pixels, ids = transforms(image, mask)
    assert (ids == 3).sum() == 80
    assert (ids == ignored).sum() == 32 * 32 - 80
    assert pixels.min() >= 100 / 255  # its mirror image goes on there


def test_all_eight_symmetries_are_drawn_or_only_the_mirror_image_of_what_is_upright():
    mask = np.array([[0, 1], [2, 3]], np.uint8)
    square = {tuple(np.rot90(m, k).flat) for m in (mask, mask[:, ::-1]) for k in range(4)}
    image = np.zeros((2, 2, 1), np.uint8)

    def drawn(**changes):
        transforms = JointTransforms(replace(NONE, **changes), 2, seed=0)
        return {tuple(transforms(image, mask)[1].flatten().tolist()) for _ in range(100)}

    assert len(square) == 8
    assert drawn(flips=True) == square
    assert drawn(flips=True, upright=True) == {(0, 1, 2, 3), (1, 0, 3, 2)}
    assert drawn() == {(0, 1, 2, 3)}


def test_the_given_scale_and_the_zoom_multiply():
    mask = np.zeros((200, 200), np.uint8)
    mask[50:150, 50:150] = 1
    image = np.zeros((200, 200, 1), np.uint8)
    for scale, zoom in ((0.5, 1.0), (1.0, 0.5), (2.0, 0.25)):
        transforms = JointTransforms(replace(NONE, scale=(zoom, zoom)), 100, seed=0)
        _, ids = transforms(image, mask, scale)
        assert (ids == 1).sum() == pytest.approx(50 * 50, rel=0.05)


def test_what_shrinks_is_averaged_and_not_picked():
    """Every other column white: grey at an eighth, where single pixels would be one or the other."""
    image = np.zeros((256, 256, 1), np.uint8)
    image[:, ::2] = 200
    pixels, _ = JointTransforms(NONE, 24, seed=0)(image, np.zeros((256, 256), np.uint8), 1 / 8)
    torch.testing.assert_close(pixels, torch.full_like(pixels, 100 / 255), atol=0.01, rtol=0)


def test_shrinking_moves_nothing():
    mask = np.zeros((240, 240), np.uint8)
    mask[80:160, 120:200] = 1
    pixels, ids = JointTransforms(NONE, 40, seed=0)(mask[..., None] * 255, mask, 1 / 6)
    assert ((pixels[0] > 0.5) == (ids == 1)).float().mean() > 0.99
    rows, columns = torch.nonzero(ids == 1, as_tuple=True)
    assert (len(rows.unique()), len(columns.unique())) in {(13, 13), (13, 14), (14, 13), (14, 14)}


def test_the_photometric_part_changes_the_image_alone():
    image = np.repeat(rng().integers(60, 190, (40, 40, 1)), 3, 2).astype(np.uint8)
    mask = rng(1).integers(0, 5, (40, 40)).astype(np.uint8)
    loud = replace(NONE, brightness=0.2, contrast=0.5, gamma=0.5, blur=1.0, noise=1.0, shade=1.0)
    pixels, ids = JointTransforms(loud, 40, seed=0)(image, mask)
    assert np.array_equal(ids, mask)
    assert (pixels - torch.from_numpy(image / 255).permute(2, 0, 1)).abs().mean() > 0.02
    assert pixels.min() >= 0
    assert pixels.max() <= 1


def recoloured(values, look):
    image = tv_tensors.Image(torch.tensor(values, dtype=torch.float32))
    return Recolour(look)(image).as_subclass(torch.Tensor)


def test_tones_by_hand():
    values = [[[0.2, 0.4, 0.6]]]
    squares = recoloured(values, Look((2.0, 1.0, 0.0)))
    torch.testing.assert_close(squares, torch.tensor([[[0.04, 0.16, 0.36]]]))
    # about the mean, 0.4, and moved by a tenth of 4 standard deviations
    moved = 0.1 * 4 * np.sqrt(0.08 / 3)
    wider = recoloured(values, Look((1.0, 2.0, 0.1)))
    torch.testing.assert_close(wider, torch.tensor([[[0.0, 0.4, 0.8]]]) + moved)
    bytes_ = tv_tensors.Image(torch.tensor([[[0, 51, 255]]], dtype=torch.uint8))
    torch.testing.assert_close(
        Recolour(Look((2.0, 1.0, 0.0)))(bytes_).as_subclass(torch.Tensor),
        torch.tensor([[[0.0, 0.04, 1.0]]]),
    )


def test_a_faint_image_stays_visible():
    """Dark fluorescence: 2 % of the range above black."""
    mask = np.zeros((64, 64), np.uint8)
    cv2.circle(mask, (32, 32), 14, 1, -1)
    image = (mask * 6 + 4)[..., None].astype(np.uint8)
    loud = replace(NONE, brightness=0.2, contrast=0.3, gamma=0.2, noise=1.0)
    transforms = JointTransforms(loud, 64, seed=0)
    for _ in range(20):
        pixels, ids = transforms(image, mask)
        inside, outside = pixels[0][ids == 1], pixels[0][ids == 0]
        assert inside.mean() - outside.mean() > 2 * outside.std()


def test_hue_and_saturation_leave_grey_and_brightness_as_they_are():
    colours = rng().uniform(0.3, 0.7, (12, 12, 3))
    colours[:6] = colours[:6, :, :1]
    image = (colours * 255).round().astype(np.uint8)
    loud = replace(NONE, hue=0.3, saturation=0.3)
    pixels, _ = JointTransforms(loud, 12, seed=2)(image, np.zeros((12, 12), np.uint8))
    before, after = image / 255, pixels.permute(1, 2, 0).numpy()
    np.testing.assert_allclose(after[:6], before[:6], atol=2e-3)
    assert np.abs(after[6:] - before[6:]).max() > 0.05
    luma = np.array([0.299, 0.587, 0.114])
    np.testing.assert_allclose(after @ luma, before @ luma, atol=2e-3)


@pytest.mark.parametrize("channels", [1, 2, 5])
def test_stored_numbers_stay_in_their_range(channels):
    image = rng().integers(300, 4000, (30, 30, channels)).astype(np.uint16)
    mask = np.zeros((30, 30), np.uint8)
    same, _ = JointTransforms(NONE, 30, seed=0)(image, mask)
    np.testing.assert_allclose(same.permute(1, 2, 0), image, atol=0.01)
    loud, _ = JointTransforms(Augmentation(), 24, seed=0)(image, mask)
    assert loud.shape == (channels, 24, 24)
    assert loud.min() >= image.min() - 0.01
    assert loud.max() <= image.max() + 0.01
    assert loud.std() > 100


def test_the_same_seed_gives_the_same_crops_and_a_saved_state_goes_on_to_the_bit():
    image = rng().integers(0, 256, (60, 60, 3)).astype(np.uint8)
    mask = blobs(60, 60)
    settings = replace(Augmentation(), noise=0.5, blur=0.5, elastic=0.5, rare=(7,))
    first, second, third = (JointTransforms(settings, 32, seed=s) for s in (0, 0, 1))

    def crops(transforms):
        return [transforms(image, mask) for _ in range(8)]

    def equal(a, b):
        return all(
            torch.equal(x, y) for p, q in zip(a, b, strict=True) for x, y in zip(p, q, strict=True)
        )

    start = crops(first)
    assert equal(start, crops(second))
    assert not equal(start, crops(third))
    state = json.loads(json.dumps(first.state()))
    further = crops(first)
    third.set_state(state)
    assert equal(further, crops(third))
    assert not equal(further, start)


def test_rare_classes_are_sampled_more_often():
    mask = np.zeros((300, 300), np.uint8)
    mask[20, 30] = 5
    image = np.zeros((300, 300, 1), np.uint8)

    def part_with_it(chance):
        settings = replace(NONE, rare=(5, 6), rare_chance=chance)
        transforms = JointTransforms(settings, 40, seed=0)
        return np.mean([bool((transforms(image, mask)[1] == 5).any()) for _ in range(200)])

    assert part_with_it(1.0) == 1
    assert 0.4 < part_with_it(0.5) < 0.6
    assert part_with_it(0.0) < 0.1


def test_a_rare_pixel_is_not_always_in_the_same_place_of_the_crop():
    mask = np.zeros((300, 300), np.uint8)
    mask[150, 150] = 5
    settings = replace(NONE, rare=(5,), rare_chance=1.0)
    transforms = JointTransforms(settings, 40, seed=0)
    image = np.zeros((300, 300, 1), np.uint8)
    places = [torch.nonzero(transforms(image, mask)[1] == 5)[0] for _ in range(60)]
    rows = torch.stack(places)[:, 0]
    assert rows.min() < 14
    assert rows.max() > 25
    assert 9 <= rows.min() <= rows.max() <= 30


def test_a_crop_of_a_partly_reviewed_image_has_pixels_that_count():
    mask = np.full((400, 400), 255, np.uint8)
    mask[300:306, 20:26] = 1
    image = np.zeros((400, 400, 1), np.uint8)
    transforms = JointTransforms(NONE, 32, seed=0)
    assert all((transforms(image, mask)[1] != 255).any() for _ in range(40))
    _, nothing = transforms(image, np.full((400, 400), 255, np.uint8))
    assert (nothing == 255).all()


def test_a_part_of_a_large_image_is_what_the_whole_would_give():
    """Only the window that a crop needs is read."""
    mask = blobs(300, 400)
    coarse = rng().integers(0, 256, (15, 20, 3)).astype(np.uint8)
    image = cv2.resize(coarse, (400, 300), interpolation=cv2.INTER_CUBIC)
    matrix = np.array([[0.8, -0.3, 150.3], [0.3, 0.8, 90.7]])
    geometry = CropGeometry((60, 70), matrix)
    whole = Warp(geometry)
    rows, columns = geometry.window(300, 400)
    assert (rows.stop - rows.start) * (columns.stop - columns.start) < 300 * 400 / 4
    part = Warp(geometry.shifted(columns.start, rows.start))
    masks = [torch.from_numpy(m.copy()) for m in (mask[rows, columns], mask)]
    ids = [w(tv_tensors.Mask(m)) for w, m in zip((part, whole), masks, strict=True)]
    assert (ids[0] == ids[1]).float().mean() > 0.998  # but for a tie between two pixels
    images = [torch.from_numpy(i.copy()).permute(2, 0, 1) for i in (image[rows, columns], image)]
    pixels = [w(tv_tensors.Image(i)) for w, i in zip((part, whole), images, strict=True)]
    assert (pixels[0].float() - pixels[1].float()).abs().max() <= 2


def test_settings_go_to_json_and_back():
    settings = replace(Augmentation(), upright=True, scale=(0.5, 2.0), rare=(3, 4))
    assert Augmentation.from_json(json.loads(json.dumps(settings.to_json()))) == settings
    assert Augmentation.from_json({"upright": True}) == replace(Augmentation(), upright=True)


@pytest.mark.parametrize(
    ("data", "words"),
    [({"flip": True}, "'flip' is no augmentation"), ({"scale": [2, 1]}, "is no range")],
)
def test_settings_that_mean_nothing_are_refused(data, words):
    with pytest.raises(SegstudioError, match=words):
        Augmentation.from_json(data)


def test_a_preview_shows_ten_samples_that_training_could_draw():
    image = rng().integers(0, 256, (60, 60, 3)).astype(np.uint8)
    mask = blobs(60, 60)
    samples = list(JointTransforms(Augmentation(), 32, seed=4).preview(image, mask))
    assert len(samples) == 10
    again = JointTransforms(Augmentation(), 32, seed=4)
    for crop in samples:
        pixels, target = again(image, mask)
        assert (crop.image.dtype, crop.image.shape) == (np.uint8, (32, 32, 3))
        assert crop.mask.dtype == np.uint8
        assert np.array_equal(crop.mask, target)
        np.testing.assert_allclose(crop.image / 255, pixels.permute(1, 2, 0), atol=0.51 / 255)
        assert set(np.unique(crop.mask)) <= {0, 7, 200, 255}
        assert np.array_equal(crop.blurred.ids == 255, crop.mask == 255)
    assert any(crop.blurred.pixels for crop in samples)


def test_bilinear_interpolation_of_a_mask_invents_classes():
    # sky 0 beside car 2, halfway between: 1, which is road and in neither
    mask = np.array([[0, 2], [0, 2]], np.uint8)
    half = CropGeometry((1, 3), np.array([[0.5, 0, 0], [0, 0.5, 0]]))  # x = 0, 0.5, 1
    found = interpolated_mask(mask, half)
    assert found.ids.tolist() == [[0, 1, 2]]
    assert found.invented.tolist() == [[False, True, False]]
    assert found.pixels == 1
    # neighbouring ids leave nothing in between
    assert interpolated_mask(mask // 2, half).pixels == 0


def test_turning_a_mask_of_distant_ids_invents_them_along_the_edges():
    mask = blobs(ids=(0, 7, 200))
    angle = np.deg2rad(20)
    turn = [[np.cos(angle), -np.sin(angle), 20], [np.sin(angle), np.cos(angle), 0]]
    found = interpolated_mask(mask, CropGeometry((60, 60), np.array(turn)))
    assert not set(np.unique(found.ids)) <= {0, 7, 200}
    assert 0 < found.pixels < 60 * 60 / 5
    assert found.invented[~np.isin(found.ids, (0, 7, 200))].all()
