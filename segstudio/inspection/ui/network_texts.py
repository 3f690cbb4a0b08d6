"""What the network says at a pixel, in one line."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from segstudio.inspection.explanations import ChannelValue, ClassValue, PixelValues

_CLASSES, _CHANNELS = 2, 3


def values_text(values: PixelValues) -> str:
    """The likeliest classes with logits, and the opened stage's strongest channels.

    "nucleus 98.1 % (4.12), background 1.9 % (0.20)  |  down2: #17 2.31, #4 1.90, #33 -1.20"
    """
    parts = [", ".join(_class_text(entry) for entry in values.classes[:_CLASSES])]
    if values.channels:
        strongest = ", ".join(_channel_text(entry) for entry in values.channels[:_CHANNELS])
        parts.append(f"{values.stage}: {strongest}")
    return "  |  ".join(part for part in parts if part)


def _class_text(entry: ClassValue) -> str:
    logit = "" if entry.logit is None else f" ({entry.logit:.2f})"
    return f"{entry.name} {entry.probability:.1%}".replace("%", "\u00a0%") + logit


def _channel_text(entry: ChannelValue) -> str:
    return f"#{entry.channel} {entry.value:.2f}"
