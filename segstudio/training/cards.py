"""Model cards: what a file of weights is, in one page of Markdown."""

from __future__ import annotations

import json
from typing import Any

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
