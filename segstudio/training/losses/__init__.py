"""The losses for semantic segmentation: one row each, without importing torch.

Each has a module of its own in this package, which is imported when the loss is made. A loss maps
logits `(N, C, H, W)` and class ids, int64 `(N, H, W)`, to a scalar; pixels of the ignored id (what
is not reviewed has it, too) count nowhere and get no gradient. Where all are ignored it is 0.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from segstudio.core.errors import SegstudioError
from segstudio.models.families import imported

if TYPE_CHECKING:
    from torch import Tensor

IGNORE_INDEX: Final = 255
DEFAULT_LOSS: Final = "cross-entropy+dice"


@dataclass(frozen=True)
class LossSettings:
    """What a loss has to know of the data.

    Attributes:
        classes: Channels of the logits.
        ignore_index: The id of pixels that count nowhere; it may be one of the classes.
        pixel_shares: Of each class, its share of all pixels of the training data, by which some
            losses weigh; if it is not known they take each batch's own.
        thin: Classes whose centre lines count; if empty, all but the largest of a batch.
    """

    classes: int
    ignore_index: int = IGNORE_INDEX
    pixel_shares: tuple[float, ...] | None = None
    thin: tuple[int, ...] = ()


@dataclass(frozen=True)
class Loss:
    """One loss, or a sum of several.

    Attributes:
        key: Its name in settings, files and commands.
        title: Its name for people.
        formula: What it is, as text; p are probabilities, y is 1 for a pixel's class and else 0.
        when: When to use it, in one sentence.
        maker: "module:name" of what makes it of `LossSettings`.
        parts: Of a sum, the factor and the row of each part.
    """

    key: str
    title: str
    formula: str
    when: str
    maker: str = ""
    parts: tuple[tuple[float, Loss], ...] = ()

    def make(self, settings: LossSettings) -> Callable[[Tensor, Tensor], Tensor]:
        """The loss for this data: logits (N, C, H, W), target int64 (N, H, W) -> scalar."""
        if self.parts:
            made = [(factor, loss.make(settings)) for factor, loss in self.parts]
            total: Any = imported(_HERE + "made_loss:SumOfLosses")(made)
        else:
            total = imported(_HERE + self.maker)(settings)
        result: Callable[[Tensor, Tensor], Tensor] = total
        return result


_HERE: Final = "segstudio.training.losses."
LOSSES: Final[dict[str, Loss]] = {
    loss.key: loss
    for loss in (
        Loss(
            "cross-entropy", "Cross-entropy", "mean of -log p(right class)",
            "Classes of similar area; the steadiest gradient, so a good part of any sum.",
            "cross_entropy:CrossEntropy",
        ),
        Loss(
            "inverse-frequency", "Cross-entropy, weighted by inverse frequency",
            "sum of w -log p / sum of w, w = 1 / share of the right class (at most 50 times the least)",
            "A class of a few per cent gets lost; every class then counts as much as any other.",
            "inverse_frequency:InverseFrequency",
        ),
        Loss(
            "effective-number", "Cross-entropy, weighted by effective number",
            "sum of w -log p / sum of w, w = (1 - b) / (1 - b^n), n pixels of a million, b = 0.99999",
            "Some classes are rare and others common: the rare ones count more, the common ones alike.",
            "effective_number:EffectiveNumber",
        ),
        Loss(
            "dice", "Dice", "1 - mean over classes of 2 sum(p y) / (sum p + sum y)",
            "Small objects on a large ground; together with cross-entropy, which steadies it.",
            "dice:Dice",
        ),
        Loss(
            "focal", "Focal", "mean of -(1 - p)^2 log p(right class)",
            "Most pixels are easy and drown the hard ones: tiny objects, blurred edges.",
            "focal:Focal",
        ),
        Loss(
            "tversky", "Tversky", "1 - mean over classes of TP / (TP + 0.3 FP + 0.7 FN)",
            "Missing something is worse than inventing something, as with lesions.",
            "tversky:Tversky",
        ),
        Loss(
            "lovasz", "Lovász-softmax", "mean over classes of the Lovász extension of 1 - IoU",
            "IoU is what counts in the end: to finish a training with, or added to cross-entropy.",
            "lovasz:LovaszSoftmax",
        ),
        Loss(
            "boundary", "Boundary", "mean of p times the signed distance to the class's edge",
            "Edges should be exact; only as a part of a sum, since it knows no areas.",
            "boundary_loss:Boundary",
        ),
        Loss(
            "cldice", "clDice", "1 - 2 T S / (T + S), T = share of p's centre line inside y, S = of y's inside p",
            "Thin structures that must hang together, as vessels and roads; added to Dice.",
            "cldice:CentrelineDice",
        ),
    )
}  # fmt: skip


def parse_loss(text: str) -> Loss:
    """The loss that a text names: a key, or a sum of keys with factors, as "0.5*focal+dice".

    Raises:
        SegstudioError: if a name or a factor is none.
    """
    parts = tuple(_part(part.strip(), text) for part in text.split("+"))
    if len(parts) == 1 and parts[0][0] == 1:
        return parts[0][1]
    return Loss(
        key="+".join(_times(factor, loss.key, "*") for factor, loss in parts),
        title=" + ".join(_times(factor, loss.title, " x ") for factor, loss in parts),
        formula=" + ".join(_times(factor, f"[{loss.formula}]", " x ") for factor, loss in parts),
        when=" ".join(loss.when for _, loss in parts),
        parts=parts,
    )


def _part(text: str, whole: str) -> tuple[float, Loss]:
    factor, star, name = text.rpartition("*")
    try:
        number = float(factor) if star else 1.0
    except ValueError:
        number = 0.0
    if not 0 < number < float("inf"):
        raise SegstudioError(
            f"'{factor}' in the loss '{whole}' is no factor above 0.",
            "A sum is written as 0.5*focal+dice.",
        )
    if name.strip() not in LOSSES:
        raise SegstudioError(
            f"'{name.strip()}' in the loss '{whole}' is no loss.",
            f"There are {', '.join(LOSSES)}, and sums as 0.5*focal+dice.",
        )
    return number, LOSSES[name.strip()]


def _times(factor: float, name: str, sign: str) -> str:
    return name if factor == 1 else f"{factor:g}{sign}{name}"
