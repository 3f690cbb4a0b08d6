"""The recipes of the lesson networks: small U-Nets that differ from a sister in one thing.

    python -m tools.lesson_models resources/models

trains all of them on synthetic membranes, measures each on images that none has seen, and writes
weights with their description and a model card beside them. Sisters share data, order of the
crops, steps, learning rate and, within 10 %, the number of parameters: what differs between two of
them is what the lesson is about. Everything is drawn from fixed seeds, on one thread.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import cv2
import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from segstudio.core.labels import Labels
from segstudio.core.prediction import Output
from segstudio.metrics.boundary import BoundaryCounts
from segstudio.metrics.confusion import ConfusionMatrix, Metrics
from segstudio.models.families.unet import UNet
from segstudio.models.preprocess import Preprocess
from segstudio.training.loop import FitOptions, FitProgress, Trainer
from segstudio.training.losses import LOSSES, LossSettings
from segstudio.training.model_file import FORMAT, load_model, save_model
from segstudio.training.validation import predict_classes
from tools.lesson_samples import (
    HELD_OUT_SEED,
    MEMBRANE_SCHEMA,
    Tissue,
    TissueOptions,
    make_tissue,
)

SEED: Final = 7
STEPS: Final = 700
CROP: Final = 128
BATCH: Final = 4
LEARNING_RATE: Final = 6e-3
TRAINING_IMAGES: Final = 200
HELD_OUT_IMAGES: Final = 24
FIRST_HELD_OUT: Final = HELD_OUT_SEED + 1000
"""The seed of the first measured image; those of the samples come before it."""
PREPROCESS: Final = Preprocess("unit", (0.5, 0.5, 0.5), (0.25, 0.25, 0.25), divisor=16)
DATA: Final = (
    "Synthetic membranes of 256 x 256 pixels (tools/lesson_samples.py), CC0: cells with a membrane "
    "of 2 or 3 pixels, cytoplasm that looks like the ground outside, and rare granules, the faint "
    "ones among them much like specks that are none."
)
LIMITS: Final = (
    "Made to show one thing, not to segment anything: it knows synthetic membranes only, and was "
    "trained for {steps} steps. The samples it is for open with File > Open lessons."
)

MEASURED: Final = (
    "On {images} images that were not trained on, with the weights as stored (float16, computed in "
    "float32). The mean is over all classes, the ground too."
)


@dataclass(frozen=True)
class Lesson:
    """One network.

    Attributes:
        id: Of the model.
        title: For people.
        summary: What it is for, in a sentence.
        sister: The lesson that it is compared with.
        options: Of `UNet`.
        loss: Key of `training.losses.LOSSES`.
    """

    id: str
    title: str
    summary: str
    sister: str
    options: dict[str, Any]
    loss: str = "cross-entropy"


_SMALL: Final[dict[str, Any]] = {
    "in_channels": 3,
    "num_classes": len(MEMBRANE_SCHEMA.classes),
    "base_channels": 6,
    "depth": 4,
    "upsampling": "transposed",
}
_SHALLOW: Final[dict[str, Any]] = {**_SMALL, "base_channels": 10, "depth": 2}


def _lesson(
    key: str,
    title: str,
    summary: str,
    options: dict[str, Any],
    loss: str = "cross-entropy",
    sister: str = "transposed",
) -> Lesson:
    return Lesson(
        f"unet-small-{key}",
        f"Small U-Net, {title}",
        f"Lesson on membranes, to compare with its sisters: {summary}",
        f"unet-small-{sister}",
        options,
        loss,
    )


LESSONS: Final = {
    lesson.id: lesson
    for lesson in (
        _lesson(
            "transposed",
            "transposed",
            "the one that the others differ from; its transposed convolutions leave a checkerboard.",
            _SMALL,
        ),
        _lesson(
            "bilinear",
            "bilinear",
            "upsamples bilinearly, which blurs and leaves no checkerboard.",
            {**_SMALL, "base_channels": 8, "upsampling": "bilinear"},
        ),
        _lesson(
            "shuffle",
            "pixel shuffle",
            "upsamples by pixel shuffle, begun without a checkerboard (ICNR).",
            {**_SMALL, "upsampling": "pixel_shuffle"},
        ),
        _lesson(
            "no-skips",
            "no skips",
            "has no skip connections, so thin membranes are lost in its bottleneck.",
            {**_SMALL, "skips": False, "bottom_channels": 106},
        ),
        _lesson(
            "dice",
            "Dice loss",
            "trained with the Dice loss, which finds rare granules, and specks with them.",
            _SMALL,
            loss="dice",
        ),
        _lesson(
            "focal",
            "focal loss",
            "trained with the focal loss, which turns what is easy down and is less sure.",
            _SMALL,
            loss="focal",
        ),
        _lesson(
            "plain",
            "narrow view",
            "halves twice only and sees 44 pixels, too few for the middle of large cells.",
            _SHALLOW,
            sister="dilated",
        ),
        _lesson(
            "dilated",
            "dilated",
            "the same with dilated convolutions at the bottom, by which it sees 92 pixels.",
            {**_SHALLOW, "dilation": 4},
            sister="plain",
        ),
    )
}


# -- training --------------------------------------------------------------------------------------


def training_tissues(count: int = TRAINING_IMAGES) -> list[Tissue]:
    """The images that all lessons are trained on."""
    return [make_tissue(TissueOptions(), seed) for seed in range(count)]


def held_out_tissues(count: int = HELD_OUT_IMAGES) -> list[Tissue]:
    """Images that none was trained on."""
    return [make_tissue(TissueOptions(), FIRST_HELD_OUT + number) for number in range(count)]


def new_network(lesson: Lesson) -> nn.Module:
    """Build the network with random weights; pixel shuffle begins without a checkerboard."""
    torch.manual_seed(SEED)
    network = UNet(**lesson.options)
    for module in network.modules():
        if isinstance(module, nn.Sequential) and isinstance(module[-1], nn.PixelShuffle):
            _even(module[0], module[-1].upscale_factor ** 2)
    return network


@torch.no_grad()
def _even(convolution: nn.Module, places: int) -> None:
    """Let the pixels that come of one position begin alike.

    ICNR, Aitken et al. 2017, https://arxiv.org/abs/1707.02937.
    """
    for values in convolution.parameters():
        values.copy_(values[::places].repeat_interleave(places, 0))


def crops(
    tissues: Sequence[Tissue], size: int = CROP, batch: int = BATCH, seed: int = SEED
) -> Iterator[tuple[Tensor, Tensor]]:
    """Yield endless batches of crops, turned and mirrored: images (N, 3, H, W), classes (N, H, W)."""
    rng = np.random.default_rng(seed)
    while True:
        pairs = [_crop(tissues[int(rng.integers(len(tissues)))], size, rng) for _ in range(batch)]
        grey = torch.from_numpy(np.stack([pixels for pixels, _ in pairs]).astype(np.float32))
        classes = torch.from_numpy(np.stack([classes for _, classes in pairs]).astype(np.int64))
        yield PREPROCESS.normalised(grey[:, None].repeat(1, 3, 1, 1) / 255), classes


def _crop(
    tissue: Tissue, size: int, rng: np.random.Generator
) -> tuple[npt.NDArray[np.uint8], Labels]:
    row, col = (int(v) for v in rng.integers(0, tissue.classes.shape[0] - size + 1, 2))
    quarters, mirrored = int(rng.integers(4)), bool(rng.integers(2))
    parts = [
        np.rot90(values[row : row + size, col : col + size], quarters)
        for values in (tissue.pixels, tissue.classes)
    ]
    pixels, classes = (part[:, ::-1] if mirrored else part for part in parts)
    return pixels, classes


def train(
    lesson: Lesson,
    tissues: Sequence[Tissue],
    steps: int = STEPS,
    progress: Callable[[FitProgress], None] = lambda _: None,
) -> Trainer:
    """Train a lesson's network; the trainer has the averaged weights."""
    loss = LOSSES[lesson.loss].make(LossSettings(len(MEMBRANE_SCHEMA.classes)))

    def batch_loss(network: nn.Module, batch: tuple[Tensor, Tensor]) -> dict[str, Tensor]:
        images, classes = batch
        return {"loss": loss(network(images), classes)}

    options = FitOptions(steps=steps, learning_rate=LEARNING_RATE, ema=0.99, freeze_norm=0.6)
    trainer = Trainer(new_network(lesson), batch_loss, options)
    trainer.run(crops(tissues), progress)
    return trainer


# -- what comes of it ------------------------------------------------------------------------------


def measured(network: nn.Module, tissues: Sequence[Tissue]) -> dict[str, dict[str, float]]:
    """Return figures of all classes ("all") and of each but the ground, of all pixels summed.

    What would divide by zero is left out, such as the precision of a class that is never found.
    """
    classes = MEMBRANE_SCHEMA.classes
    counts, boundaries = ConfusionMatrix.zeros(len(classes)), BoundaryCounts()
    for tissue in tissues:
        found = predict_classes(network, PREPROCESS, tissue.rgb)
        counts += ConfusionMatrix.of(tissue.classes, found, len(classes))
        boundaries.add(tissue.classes, found, None)
    scores = Metrics.from_counts(counts)
    edges = boundaries.iou(scores.class_ids)
    rows = {
        "all": {
            "images": float(len(tissues)),
            "iou": scores.mean_iou,
            "boundary_iou": float(np.nanmean(edges)),
        }
    }
    for place, spec in enumerate(classes):
        if place:
            rows[spec.name] = {
                "iou": float(scores.iou[place]),
                "boundary_iou": float(edges[place]),
                "recall": float(scores.recall[place]),
                "precision": float(scores.precision[place]),
            }
    return {
        name: {k: round(v, 4) for k, v in row.items() if np.isfinite(v)}
        for name, row in rows.items()
    }


def describe(
    lesson: Lesson, trainer: Trainer, metrics: dict[str, dict[str, float]]
) -> dict[str, Any]:
    """Return what the file says about itself, as plain values for JSON."""
    parameters = sum(p.numel() for p in trainer.model.parameters())
    description = {
        "format": FORMAT,
        "id": lesson.id,
        "title": lesson.title,
        "summary": lesson.summary,
        "family": "unet",
        "task": "semantic",
        "builder": "segstudio.models.families.unet:UNet",
        "options": lesson.options,
        "schema": MEMBRANE_SCHEMA.to_json(),
        "preprocess": PREPROCESS.to_dict(),
        "output": Output().to_json(),
        "licence": "Apache-2.0 (weights); data CC0",
        "data": DATA,
        "metrics": metrics,
        "training": {
            "sister": lesson.sister,
            "parameters": parameters,
            "loss": lesson.loss,
            "images": TRAINING_IMAGES,
            "crop": CROP,
            "batch": BATCH,
            "steps": trainer.step,
            "optimiser": "AdamW, one cycle over the steps",
            "learning_rate": LEARNING_RATE,
            "averaged_weights": trainer.options.ema,
            "batch_norm_frozen_after": trainer.options.freeze_norm,
            "precision": "float32",
            "augmentation": "quarter turns and mirroring",
            "seed": SEED,
            "threads": 1,
            "torch": torch.__version__,
        },
    }
    plain: dict[str, Any] = json.loads(json.dumps(description))
    return plain


def publish(lesson: Lesson, trainer: Trainer, held_out: Sequence[Tissue], out: Path) -> None:
    """Write the averaged weights, measure what was written, and write the figures and the card."""
    averaged = trainer.ema.model
    save_model(out, averaged, describe(lesson, trainer, {}))
    stored, _ = load_model(out)
    description = describe(lesson, trainer, measured(stored, held_out))
    save_model(out, averaged, description)
    out.with_suffix(".md").write_text(lesson_card(description), encoding="utf-8")


def lesson_card(description: dict[str, Any]) -> str:
    """Return the card's Markdown."""
    metrics, training = description["metrics"], description["training"]
    columns = ("iou", "boundary_iou", "recall", "precision")
    table = [
        "| class | " + " | ".join(name.replace("_", " ") for name in columns) + " |",
        "| --- |" + " ---: |" * len(columns),
    ]
    for name, row in metrics.items():
        cells = " | ".join(f"{row[c]:.3f}" if c in row else "" for c in columns)
        table.append(f"| {'mean' if name == 'all' else name} | {cells} |")
    sections = [
        f"# {description['title']}",
        f"`{description['id']}`: {description['summary']}",
        f"**Licence.** {description['licence']}.",
        f"**Data.** {description['data']}",
        "## Numbers",
        MEASURED.format(images=round(metrics["all"]["images"])),
        "\n".join(table),
        "## Network",
        _bullets(description["options"]),
        "## Training",
        _bullets(training),
        "## Limits",
        LIMITS.format(steps=training["steps"]),
        "## Make it again",
        f"    python -m tools.lesson_models resources/models --only {description['id']}",
    ]
    return "\n\n".join(sections) + "\n"


def _bullets(values: dict[str, Any]) -> str:
    return "\n".join(
        f"- {key.replace('_', ' ')}: {value if isinstance(value, str) else json.dumps(value)}"
        for key, value in values.items()
    )


def main() -> None:
    """Make all of them, or some."""
    parser = argparse.ArgumentParser(description="train the lesson networks")
    parser.add_argument("folder", type=Path, help="where to write, e.g. resources/models")
    parser.add_argument("--only", nargs="+", choices=list(LESSONS), default=list(LESSONS))
    parser.add_argument("--steps", type=int, default=STEPS)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    tissues, held_out = training_tissues(), held_out_tissues()
    for model_id in arguments.only:
        begun = time.monotonic()

        def say(progress: FitProgress, model_id: str = model_id, begun: float = begun) -> None:
            if progress.step % 100 == 0:
                took = time.monotonic() - begun
                print(f"{model_id} {progress.step} {took:.0f} s {progress.losses}", flush=True)

        trainer = train(LESSONS[model_id], tissues, arguments.steps, say)
        publish(LESSONS[model_id], trainer, held_out, arguments.folder / f"{model_id}.safetensors")


if __name__ == "__main__":
    main()
