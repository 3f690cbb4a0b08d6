"""Masks of hundreds of megapixels: what is found out of them takes little beside them."""

import threading
import time
import tracemalloc
from concurrent.futures import CancelledError

import cv2
import numpy as np
import pytest
from PIL import Image

from segstudio.storage import large_masks
from segstudio.storage.formats.mask_format import RawMask
from segstudio.storage.image_ref import ImageRef
from segstudio.storage.mask_evidence import Evidence
from segstudio.storage.mask_facts import MaskFacts, MaskLook, regions_of
from segstudio.storage.truth import TruthIndex


def in_discs(seed: int, numbers: int, size: tuple[int, int]) -> np.ndarray:
    random = np.random.default_rng(seed)
    mask = np.zeros(size, np.uint8)
    for n in range(3 * numbers):
        centre = (int(random.integers(size[1])), int(random.integers(size[0])))
        cv2.circle(mask, centre, int(random.integers(3, 30)), n % numbers + 1, -1)
    return mask


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_what_is_counted_in_pieces_is_what_the_whole_has(monkeypatch, seed):
    mask = in_discs(seed, 7, (211, 173))
    ring = np.zeros((60, 173), np.uint8)  # its two sides are one region below all bands' borders
    ring[5:55, 10] = ring[5:55, 30] = ring[54, 10:31] = 3
    for pixels in (mask, ring, mask.astype(np.uint16) * 300, mask.astype(np.int32) - 1):
        whole = MaskFacts.of(RawMask(pixels)), regions_of(pixels)
        colours = MaskFacts.of(RawMask(np.stack([mask, mask * 2, mask * 0], axis=2)))
        with monkeypatch.context() as patch:
            patch.setattr(large_masks, "_PIECE_PX", 173 * 4)
            assert (MaskFacts.of(RawMask(pixels)), regions_of(pixels)) == whole
            rgb = RawMask(np.stack([mask, mask * 2, mask * 0], axis=2))
            assert MaskFacts.of(rgb) == colours
    assert regions_of(ring) == (1, 1)


@pytest.mark.parametrize("kind", ["one", "numbers", "soft", "colours"])
@pytest.mark.slow
def test_memory_beside_a_large_mask_is_bounded(kind):
    """24 megapixels, of which the numbers alone took eight times as much before."""
    pixels = np.zeros((4096, 6144), np.uint8)
    pixels[1000:2000, 1000:3000] = 255 if kind == "soft" else 1
    if kind == "numbers":
        pixels[2500:3000, 4000:5000] = 2
    elif kind == "soft":
        pixels[900:2100] = cv2.GaussianBlur(pixels[900:2100], (9, 9), 0)
    elif kind == "colours":
        pixels = np.stack([pixels * 200, pixels * 30, pixels], axis=2)
    tracemalloc.start()
    try:
        facts = MaskFacts.of(RawMask(pixels))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    looks = {"one": MaskLook.ONE, "numbers": MaskLook.NUMBERS, "soft": MaskLook.SOFT}
    assert facts.look is looks.get(kind, MaskLook.COLOURS)
    assert peak < 8 * 2**24 + 2 * pixels.nbytes


def test_looking_at_one_large_mask_can_be_given_up(tmp_path):
    Image.fromarray(in_discs(1, 5, (6000, 6000))).save(tmp_path / "a.png", compress_level=1)
    asked = []

    def stop(done: int, total: int) -> bool:
        asked.append(threading.current_thread())
        if len(asked) > 2:
            raise CancelledError
        return False

    begun = time.monotonic()
    with pytest.raises(CancelledError):
        Evidence.of([tmp_path / "a.png"], stop)
    assert len(asked) == 3
    assert asked[-1] is not threading.current_thread()
    assert time.monotonic() - begun < 20


def test_a_large_mask_is_read_by_all_of_it(tmp_path):
    """One pixel of another class, far from all else."""
    mask = np.zeros((4200, 4200), np.uint8)
    mask[:100, :100] = 1
    mask[4199, 4199] = 9
    Image.fromarray(mask).save(tmp_path / "a.png", compress_level=1)
    refs = [ImageRef("a.png", str(tmp_path))]
    index = TruthIndex.at(tmp_path, refs).settled(refs)
    assert index.class_numbers == {1, 9}
