"""The nuclei data set: reading it, its kinds of images, and the validation part."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import cv2
import numpy as np
import numpy.typing as npt

from segstudio.training.data import Sample

Kind = Literal["fluorescence", "purple", "bright grey"]
KINDS: tuple[Kind, ...] = ("fluorescence", "purple", "bright grey")


def read_samples(folder: Path) -> list[Sample]:
    """Read ``images/`` and ``instances/`` (16-bit PNG of instance ids), sorted by name.

    Raises:
        FileNotFoundError: if there is no image, or one has no instances.
    """
    files = sorted((folder / "images").glob("*.png"))
    if not files:
        raise FileNotFoundError(f"no PNG images in {folder / 'images'}")
    return [_read(file, folder / "instances" / file.name) for file in files]


def _read(image_file: Path, ids_file: Path) -> Sample:
    image = cv2.imread(str(image_file), cv2.IMREAD_COLOR)
    ids = cv2.imread(str(ids_file), cv2.IMREAD_UNCHANGED)
    if image is None or ids is None:
        raise FileNotFoundError(f"cannot read {image_file} with {ids_file}")
    rgb = cv2.cvtColor(image, cv2.COLOR_BGR2RGB)
    return Sample(image_file.stem, np.asarray(rgb, np.uint8), np.asarray(ids, np.uint16))


def kind_of(image: npt.NDArray[np.uint8]) -> Kind:
    """Tell what kind of image uint8 RGB (H, W, 3) is."""
    pixels = image.astype(np.int16)
    if (pixels.max(axis=2) - pixels.min(axis=2)).mean() > 10:
        return "purple"
    return "bright grey" if np.median(pixels) > 127 else "fluorescence"


def choose_validation(samples: Sequence[Sample], part: float = 0.15, seed: int = 7) -> list[str]:
    """Choose the names held out, the same part of every group of one size and kind.

    Small groups are drawn from together, so that the whole comes to ``part``.
    """
    groups: dict[tuple[object, ...], list[str]] = defaultdict(list)
    for sample in samples:
        groups[(sample.target.shape, kind_of(sample.image))].append(sample.name)
    rng = np.random.default_rng(seed)
    ordered: list[str] = []
    for key in sorted(groups, key=str):
        names = sorted(groups[key])
        ordered += [names[i] for i in rng.permutation(len(names))]
    # one name out of every 1 / part along the list of shuffled groups
    count = round(part * len(ordered))
    picks = (np.arange(count) + rng.random()) * len(ordered) / count
    return sorted(ordered[int(i)] for i in picks)


def read_names(file: Path) -> list[str]:
    """Return the names in a text file, one a line."""
    return [line.strip() for line in file.read_text(encoding="utf-8").splitlines() if line.strip()]


def split(samples: Sequence[Sample], held_out: Sequence[str]) -> tuple[list[Sample], list[Sample]]:
    """Return (training, validation).

    Raises:
        ValueError: if a held-out name is not among the samples.
    """
    names = {s.name for s in samples}
    missing = sorted(set(held_out) - names)
    if missing:
        raise ValueError(f"{len(missing)} validation images are not there, first {missing[0]}")
    wanted = set(held_out)
    return (
        [s for s in samples if s.name not in wanted],
        [s for s in samples if s.name in wanted],
    )
