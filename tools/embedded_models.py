"""The recipes of the three shipped models of nuclei; `tools.lesson_models` has the lessons.

    python -m tools.embedded_models --data DIR --model unet --minutes 45 --out FILE

trains one of them on the nuclei data, evaluates it on the held-out part and writes the weights
with their description, and a model card beside them.
"""

from __future__ import annotations

import argparse
import json
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

import cv2
import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from segstudio.core.prediction import Output
from segstudio.models.families.maskrcnn import maskrcnn
from segstudio.models.families.torchvision_semantic import deeplabv3
from segstudio.models.families.unet import UNet
from segstudio.models.preprocess import Preprocess
from segstudio.training.data import CropSampler, Sample, TrainingAugmentation
from segstudio.training.instance_training import detection_batches, detection_loss, use_bfloat16
from segstudio.training.loop import FitOptions, FitProgress, Trainer
from segstudio.training.model_file import FORMAT, load_model, save_model
from segstudio.training.semantic_training import scaled, semantic_batches, semantic_loss
from segstudio.training.validation import evaluate_instances, evaluate_semantic

SEED = 7
SCHEMA: dict[str, Any] = {
    "classes": [
        {"id": 0, "name": "background", "color": [0, 0, 0]},
        {"id": 1, "name": "nucleus", "color": [0, 158, 115]},
    ],
    "ignore_index": 255,
}
DATA = (
    "Stage 1 of the 2018 Data Science Bowl (BBBC038v1, Broad Bioimage Benchmark Collection) with "
    "the community's mask fixes, CC0: microscopy images with every nucleus marked, most "
    "fluorescent on dark ground, some of stained tissue (purple) and a few bright grey ones."
)
LIMITS = (
    "Trained from scratch on a few hundred images of one collection, for a short time. Most show "
    "fluorescent nuclei of 10 to 50 pixels on dark ground; purple tissue and above all bright grey "
    "images were few, and are segmented less well. Nuclei far larger or smaller are missed: "
    "resize such images first. "
)
SEMANTIC_LIMITS = LIMITS + "Touching nuclei are not told apart. Not for diagnosis."
INSTANCE_LIMITS = LIMITS + (
    "Masks are predicted on a grid of 28 x 28 for each nucleus; at most 500 are found in an "
    "image. Not for diagnosis."
)


@dataclass(frozen=True)
class Recipe:
    """All that makes one of the models."""

    id: str
    title: str
    summary: str
    limits: str
    family: str
    builder: str
    build: Callable[..., nn.Module]
    options: dict[str, Any]
    preprocess: Preprocess
    crop: int
    batch: int
    learning_rate: float
    ema: float = 0.995
    freeze_norm: float = 0.4
    channels_last: bool = True
    emphasis: dict[Kind, float] = field(default_factory=dict)
    augmentation: TrainingAugmentation = field(default_factory=TrainingAugmentation)

    @property
    def task(self) -> str:
        """What it gives: "semantic" classes or "instance" masks."""
        return "semantic" if self.semantic else "instance"

    @property
    def semantic(self) -> bool:
        """Whether it gives classes and no instances."""
        return self.family != "maskrcnn"


# Stained tissue and bright grey images are a fifth of the data, and the hard part of it.
RARE: dict[Kind, float] = {"purple": 3.0, "bright grey": 2.5}
HALF = (0.5, 0.5, 0.5)
QUARTER = (0.25, 0.25, 0.25)
RECIPES: dict[str, Recipe] = {
    "unet": Recipe(
        id="unet-nuclei",
        title="U-Net, nuclei",
        summary="Finds the pixels of cell nuclei in microscopy images; nuclei that touch become one region.",
        limits=SEMANTIC_LIMITS,
        family="unet",
        builder="segstudio.models.families.unet:UNet",
        build=UNet,
        options={
            "in_channels": 3,
            "num_classes": 2,
            "base_channels": 22,
            "depth": 4,
            "upsampling": "transposed",
        },
        preprocess=Preprocess("percentile", HALF, QUARTER, divisor=16),
        crop=256,
        batch=4,
        learning_rate=2e-3,
        emphasis=RARE,
    ),
    "deeplab": Recipe(
        id="deeplab-nuclei",
        title="DeepLabV3 (MobileNetV3), nuclei",
        summary="Finds the pixels of cell nuclei in microscopy images; coarser at the edges than the U-Net.",
        limits=SEMANTIC_LIMITS,
        family="deeplab",
        builder="segstudio.models.families.torchvision_semantic:deeplabv3",
        build=deeplabv3,
        options={
            "backbone": "mobilenet_v3_large",
            "num_classes": 2,
            "aspp_channels": 112,
            "atrous_rates": [6, 12, 18],
            "reduced_tail": True,
            "output_stride": 8,
        },
        preprocess=Preprocess("percentile", HALF, QUARTER, factor=2.0),
        crop=256,
        batch=4,
        learning_rate=2e-3,
        channels_last=False,
        emphasis=RARE,
    ),
    "maskrcnn": Recipe(
        id="maskrcnn-nuclei",
        title="Mask R-CNN (small ResNet), nuclei",
        summary="Finds each cell nucleus in microscopy images as an instance of its own.",
        limits=INSTANCE_LIMITS,
        family="maskrcnn",
        builder="segstudio.models.families.maskrcnn:maskrcnn",
        build=maskrcnn,
        options={
            "backbone": "resnet18_small",
            "num_classes": 2,
            "short_side": 512,
            "min_scale": 1.25,
            "image_mean": list(HALF),
            "image_std": list(QUARTER),
            "rpn_pre_nms_top_n_train": 1000,
            "rpn_post_nms_top_n_train": 600,
            "rpn_pre_nms_top_n_test": 2000,
            "rpn_post_nms_top_n_test": 1500,
            "rpn_fg_iou_thresh": 0.6,
            "box_batch_size_per_image": 128,
            "box_nms_thresh": 0.4,
            "box_detections_per_img": 500,
        },
        preprocess=Preprocess("percentile"),
        crop=288,
        batch=4,
        learning_rate=8e-4,
        augmentation=TrainingAugmentation(scale=(0.6, 1.5)),
    ),
}


def prepared(recipe: Recipe, sample: Sample) -> Sample:
    """Scale a sample as the recipe's network sees it; for classes, ids become 0 and 1."""
    sample = scaled(sample, recipe.preprocess)
    if recipe.semantic:
        return replace(sample, target=(sample.target > 0).astype(np.uint8))
    least, short_side = recipe.options["min_scale"], recipe.options["short_side"]
    return replace(sample, scale=float(max(least, short_side / min(sample.target.shape))))


def new_network(recipe: Recipe) -> nn.Module:
    """Build the network with random weights, ready for training from scratch."""
    torch.manual_seed(SEED)
    model = recipe.build(**recipe.options)
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.momentum = 0.1  # MobileNet's 0.01 is too slow for a short training
    return model.to(memory_format=torch.channels_last) if recipe.channels_last else model


def new_trainer(recipe: Recipe, options: FitOptions) -> Trainer:
    """Return the trainer of a new network, resumed if the options name a checkpoint."""
    loss = semantic_loss if recipe.semantic else detection_loss
    return Trainer(new_network(recipe), loss, options)


def train(
    recipe: Recipe,
    trainer: Trainer,
    samples: Sequence[Sample],
    progress: Callable[[FitProgress], None],
) -> None:
    """Train the recipe's network until its budget is used."""
    ready = [prepared(recipe, s) for s in samples]
    emphasis = [recipe.emphasis.get(kind_of(s.image), 1.0) for s in samples]
    sampler = CropSampler(ready, recipe.crop, recipe.augmentation, SEED + trainer.step, emphasis)
    if recipe.semantic:
        trainer.run(semantic_batches(sampler, recipe.batch, recipe.preprocess), progress)
        return
    use_bfloat16(trainer.model)
    trainer.run(detection_batches(sampler, recipe.batch), progress)


def describe(
    recipe: Recipe,
    metrics: dict[str, dict[str, float]],
    trainer: Trainer,
    train_images: int,
    note: str = "",
) -> dict[str, Any]:
    """Return what the file says about itself, as plain values for JSON."""
    description = {
        "format": FORMAT,
        "id": recipe.id,
        "title": recipe.title,
        "summary": recipe.summary,
        "family": recipe.family,
        "task": recipe.task,
        "builder": recipe.builder,
        "options": recipe.options,
        "schema": SCHEMA,
        "preprocess": recipe.preprocess.to_dict(),
        "output": Output().to_json(),
        "licence": "Apache-2.0 (weights); data CC0",
        "data": DATA,
        "metrics": {group: _rounded(row) for group, row in metrics.items()},
        "training": {
            "images": train_images,
            "crop": recipe.crop,
            "batch": recipe.batch,
            "steps": trainer.step,
            "crops_seen": trainer.step * recipe.batch,
            "minutes": round(trainer.seconds / 60, 1),
            "threads": torch.get_num_threads(),
            "optimiser": "AdamW, one cycle over the time budget",
            "learning_rate": trainer.options.learning_rate,
            "weight_decay": trainer.options.weight_decay,
            "averaged_weights": trainer.options.ema,
            "batch_norm_frozen_after": trainer.options.freeze_norm,
            "precision": "bfloat16 autocast",
            "augmentation": asdict(recipe.augmentation),
            "emphasis": recipe.emphasis,
            "seed": SEED,
            "torch": torch.__version__,
            **({"note": note} if note else {}),
        },
    }
    plain: dict[str, Any] = json.loads(json.dumps(description))
    return plain


def _rounded(row: dict[str, float]) -> dict[str, float]:
    return {key: round(value, 4) for key, value in row.items()}


def publish(
    recipe: Recipe,
    trainer: Trainer,
    samples: tuple[Sequence[Sample], Sequence[Sample]],
    out: Path,
    command: str,
    note: str = "",
) -> dict[str, Any]:
    """Write the averaged weights, evaluate what was written, and write the numbers and the card.

    Args:
        recipe: what was trained.
        trainer: after its run.
        samples: training and validation images, as read; none to evaluate gives no numbers.
        out: the safetensors file; the card goes beside it.
        command: how the model is made, for the card.
        note: what else to know about the training.
    """
    train_samples, held_out = samples
    model = recipe.build(**recipe.options)
    model.load_state_dict(trainer.ema.model.state_dict())
    save_model(out, model, describe(recipe, {}, trainer, len(train_samples)))
    stored, _ = load_model(out)
    evaluate = evaluate_semantic if recipe.semantic else evaluate_instances
    kinds = [kind_of(s.image) for s in held_out]
    metrics = evaluate(stored, recipe.preprocess, held_out, kinds)
    description = describe(recipe, metrics, trainer, len(train_samples), note)
    save_model(out, model, description)
    card = model_card(description, limits=recipe.limits, command=command)
    out.with_suffix(".md").write_text(card, encoding="utf-8")
    return description


class Report:
    """Prints a line every 20 seconds."""

    def __init__(self) -> None:
        self.last = 0.0

    def __call__(self, progress: FitProgress) -> None:
        """Print the progress if it is time."""
        now = time.monotonic()
        if now - self.last < 20:
            return
        self.last = now
        losses = " ".join(f"{k} {v:.4f}" for k, v in progress.losses.items())
        print(
            f"{progress.fraction:6.1%} step {progress.step} {progress.seconds:.0f} s {losses}",
            flush=True,
        )


def main() -> None:
    """Run the recipe."""
    parser = argparse.ArgumentParser(description="train one of the shipped nuclei models")
    parser.add_argument("--data", type=Path, required=True, help="folder with images/, instances/")
    parser.add_argument("--model", choices=sorted(RECIPES), required=True)
    parser.add_argument("--minutes", type=float, default=45, help="time budget of the training")
    parser.add_argument("--out", type=Path, required=True, help="the safetensors file to write")
    parser.add_argument("--held-out", type=Path, help="file with the validation images' names")
    parser.add_argument("--checkpoint", type=Path, help="file to save to and to resume from")
    parser.add_argument("--learning-rate", type=float, help="instead of the recipe's")
    parser.add_argument("--note", default="", help="what else to say about the training")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--publish-only", action="store_true", help="publish the checkpoint")
    parser.add_argument("--first", type=int, help="evaluate the first N images only")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    cv2.setNumThreads(1)
    recipe = RECIPES[arguments.model]
    samples = read_samples(arguments.data)
    names = read_names(arguments.held_out) if arguments.held_out else choose_validation(samples)
    training, held_out = split(samples, names)
    options = FitOptions(
        minutes=arguments.minutes,
        learning_rate=arguments.learning_rate or recipe.learning_rate,
        ema=recipe.ema,
        freeze_norm=recipe.freeze_norm,
        checkpoint=arguments.checkpoint,
    )
    trainer = new_trainer(recipe, options)
    if not arguments.publish_only:
        train(recipe, trainer, training, Report())
    command = (
        f"python -m tools.embedded_models --data DIR --model {arguments.model} "
        f"--held-out nuclei_validation.txt --minutes {arguments.minutes:g} "
        f"--out {arguments.out.name}"
    )
    parts = (training, held_out[: arguments.first])
    description = publish(recipe, trainer, parts, arguments.out, command, arguments.note)
    print(metrics_table(description["metrics"]))


if __name__ == "__main__":
    main()


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


COLUMNS = {
    "iou": "IoU",
    "dice": "Dice",
    "mean_image_iou": "mean IoU of the images",
    "ap50": "AP 0.50",
    "ap75": "AP 0.75",
    "ap": "AP 0.50:0.95",
}
MEASURED = (
    "On {images} images that were not trained on, with the weights as stored (float16, computed "
    "in float32), at the images' own resolution."
)
EXPLANATIONS = {
    "semantic": (
        "IoU and Dice of the nucleus class come from the pixels of all images summed; the mean "
        "IoU of the images is the average of every image's own IoU."
    ),
    "instance": (
        "AP is COCO's mask AP with 101 recall points and up to 1000 detections an image. IoU and "
        "Dice compare the union of all instances with a score of at least 0.5 with the union of "
        "all true nuclei, pixels of all images summed."
    ),
}


def model_card(description: dict[str, Any], *, limits: str, command: str) -> str:
    """Return the card's Markdown.

    Args:
        description: what ``save_model`` stores: title, data, licence, metrics, training, ...
        limits: a paragraph on what the model is not good for.
        command: the command line that makes it again.
    """
    metrics = description["metrics"]
    sections = [
        f"# {description['title']}",
        f"`{description['id']}`: {description['summary']}",
        f"**Licence.** {description['licence']}.",
        f"**Data.** {description['data']}",
        "## Numbers",
        MEASURED.format(images=metrics["all"]["images"]),
        metrics_table(metrics),
        EXPLANATIONS[description["task"]],
        "## Input",
        _bullets(_known(description["preprocess"])),
        "## Training",
        _bullets(description["training"]),
        "## Limits",
        limits,
        "## Make it again",
        f"    {command}",
    ]
    return "\n\n".join(sections) + "\n"


def metrics_table(metrics: dict[str, dict[str, float]]) -> str:
    """Return a Markdown table with a row for each group of images."""
    keys = [k for k in COLUMNS if k in metrics["all"]]
    lines = [
        "| images | number | " + " | ".join(COLUMNS[k] for k in keys) + " |",
        "| --- | ---: |" + " ---: |" * len(keys),
    ]
    for group, row in metrics.items():
        cells = " | ".join(f"{row[k]:.3f}" for k in keys)
        lines.append(f"| {group} | {int(row['images'])} | {cells} |")
    return "\n".join(lines)


def _known(values: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in values.items() if value is not None}


def _bullets(values: dict[str, Any]) -> str:
    return "\n".join(f"- {key.replace('_', ' ')}: {_plain(value)}" for key, value in values.items())


def _plain(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)
