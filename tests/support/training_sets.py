"""Tiny data sets to train on: bright squares on dark ground, which a small network learns at once."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from image_files import save_image

SIDE = 48
_AT_USUAL_PRIORITY = """
import os, sys
os.nice = lambda _step: 0
from segstudio.__main__ import main
sys.exit(main(sys.argv[1:]))
"""
"""The program; beside other tests it would else wait for a processor as long as these run."""


def training_command(data: Path, out: Path, *more: object) -> list[str]:
    """Arguments that train in a process of its own."""
    whole = ["train", data, "--out", out, "--crop", 32, "--batch", 2, "--threads", 1,
             "--device", "cpu", *more]  # fmt: skip
    return [sys.executable, "-c", _AT_USUAL_PRIORITY, *map(str, whole)]


def square_image(number: int, noise: float = 12.0) -> tuple[np.ndarray, np.ndarray]:
    """An image (SIDE, SIDE, 3) uint8 with two bright squares, and its classes 0 and 1."""
    rng = np.random.default_rng(number)
    labels = np.zeros((SIDE, SIDE), np.uint8)
    for _ in range(2):
        top, left = rng.integers(0, SIDE - 16, 2)
        labels[top : top + 14, left : left + 14] = 1
    grey = 60 + 120.0 * labels + rng.normal(0, noise, labels.shape)
    pixels = np.clip(grey, 0, 255).astype(np.uint8)
    return np.repeat(pixels[..., None], 3, axis=2), labels


def squares_folder(folder: Path, count: int = 12, first: int = 0) -> Path:
    """A folder of such images with their masks in `masks/`."""
    for number in range(first, first + count):
        image, labels = square_image(number)
        (folder / "masks").mkdir(parents=True, exist_ok=True)
        save_image(folder / f"sq_{number:02d}.png", image)
        save_image(folder / "masks" / f"sq_{number:02d}.png", labels)
    return folder
