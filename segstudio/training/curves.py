"""Curves of a training, for the window and for reports: losses, and scores of classes by time."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Final

import numpy as np

from segstudio.core.formatting import ratio_text
from segstudio.core.series_colors import BLUE, GREEN, NEUTRAL, VERMILION
from segstudio.report.chart_data import Axis, ChartData, Layer, Points, Rule
from segstudio.training.trainings import Training

_MARGIN: Final = 0.06
_LEAST_SPAN: Final = 0.1
_ROOM_FOR_WORDS: Final = 0.8
TRAINING, VALIDATION = "training", "validation"


def loss_chart(run: Training, earlier: Training | None = None, at: int = 0) -> ChartData:
    """The loss on the crops and on whole validation images.

    Args:
        run: The training.
        earlier: Another one to compare with, in grey.
        at: The epoch that is looked at; 0 for none.
    """
    x = [step.seconds / 60 for step in run.steps]
    trained = Points(
        TRAINING, BLUE, _array(x), _array([s.loss for s in run.steps]), symbol="", line="solid"
    )
    tips = [f"epoch {e.epoch}\nvalidation loss {ratio_text(e.validation_loss)}" for e in run.epochs]
    checked = Points(
        VALIDATION, VERMILION, _minutes(run), _array([e.validation_loss for e in run.epochs]),
        size=5, line="solid", tips=tips, keys=_keys(run),
    )  # fmt: skip
    layers: list[Layer] = [trained, checked]
    if earlier is not None:
        layers.insert(0, _faint(earlier, [e.validation_loss for e in earlier.epochs]))
    values = [value for layer in layers for value in _ys(layer)]
    high = max(values, default=1.0)
    top = high * (1 + _MARGIN) if high > 0 else 1.0
    return _chart("Loss", run, earlier, (0.0, top), layers, at, _loss_rows(run))


def score_chart(
    run: Training, earlier: Training | None = None, at: int = 0, class_at: int | None = None
) -> ChartData:
    """IoU on the validation images, of all classes or of one.

    Args:
        run: The training.
        earlier: Another one to compare with, in grey.
        at: The epoch that is looked at; 0 for none.
        class_at: Place of a class in `Started.classes`; None for the mean.
    """
    name = "Mean IoU" if class_at is None else f"IoU, {class_names(run)[class_at]}"
    values = _scores(run, class_at)
    tips = [
        f"epoch {e.epoch}\n{name} {ratio_text(v)}" for e, v in zip(run.epochs, values, strict=True)
    ]
    layers: list[Layer] = [
        Points(name, GREEN, _minutes(run), _array(values), size=5, line="solid", tips=tips,
               keys=_keys(run))
    ]  # fmt: skip
    if earlier is not None:
        layers.insert(0, _faint(earlier, _scores(earlier, class_at)))
    seen = [value for layer in layers for value in _ys(layer)]
    low, high = _span(seen)
    return _chart(name, run, earlier, (low, high), layers, at, _score_rows(run))


def class_names(run: Training) -> list[str]:
    """The names of the classes, in the order of the figures of epochs."""
    return [] if run.started is None else [str(c.get("name", "")) for c in run.started.classes]


def _scores(run: Training, class_at: int | None) -> list[float]:
    if class_at is None:
        return [epoch.mean_iou for epoch in run.epochs]
    return [e.iou[class_at] if class_at < len(e.iou) else math.nan for e in run.epochs]


def _faint(run: Training, values: Sequence[float]) -> Points:
    return Points(
        run.name, NEUTRAL, _minutes(run), _array(values), symbol="", line="dash", width=1.5
    )


def _chart(
    title: str,
    run: Training,
    earlier: Training | None,
    span: tuple[float, float],
    layers: Sequence[Layer],
    at: int,
    table: tuple[tuple[str, ...], list[list[str]]],
) -> ChartData:
    end = _end(run)
    if earlier is not None:
        end = max(end, earlier.seconds / 60)
    shown = next((epoch for epoch in run.epochs if epoch.epoch == at), None)
    rules: tuple[Rule, ...] = ()
    if shown is not None:
        x = shown.seconds / 60
        # at the right there is no room for the word
        text = f"epoch {at}" if x < _ROOM_FOR_WORDS * end else ""
        rules = (Rule((x, span[0]), (x, span[1]), text),)
    header, rows = table
    return ChartData(
        title,
        Axis("Minutes", 0.0, max(end, 1 / 60)),
        Axis("", *span),
        tuple(layers),
        rules,
        legend=tuple((layer.color, "", layer.name) for layer in layers) if len(layers) > 1 else (),
        header=header,
        rows=rows,
    )


def _end(run: Training) -> float:
    """Where the axis of time ends, in minutes: at the budget's end, if that is known."""
    minutes = run.started.budget.get("minutes") if run.started is not None else None
    return max(float(minutes or 0), run.seconds / 60) * (1 + _MARGIN / 2)


def _loss_rows(run: Training) -> tuple[tuple[str, ...], list[list[str]]]:
    rows = [
        [str(e.epoch), f"{e.seconds / 60:.2f}", ratio_text(e.train_loss),
         ratio_text(e.validation_loss)]
        for e in run.epochs
    ]  # fmt: skip
    return ("epoch", "minutes", "training loss", "validation loss"), rows


def _score_rows(run: Training) -> tuple[tuple[str, ...], list[list[str]]]:
    rows = [
        [str(e.epoch), f"{e.seconds / 60:.2f}", ratio_text(e.mean_iou), *map(ratio_text, e.iou)]
        for e in run.epochs
    ]
    return ("epoch", "minutes", "mean IoU", *class_names(run)), rows


def _span(values: Sequence[float]) -> tuple[float, float]:
    """Where the axis of scores begins and ends: what is there, and not so near that noise fills it."""
    if not values:
        return 0.0, 1.0
    low, high = min(values), max(values)
    more = max(0.0, _LEAST_SPAN - (high - low)) / 2 + _MARGIN * (high - low)
    return max(0.0, low - more), min(1.0, high + more)


def _minutes(run: Training) -> Any:
    return _array([epoch.seconds / 60 for epoch in run.epochs])


def _keys(run: Training) -> tuple[int, ...]:
    return tuple(epoch.epoch for epoch in run.epochs)


def _array(values: Sequence[float]) -> Any:
    return np.asarray(values, np.float64)


def _ys(layer: Layer) -> list[float]:
    values = layer.y if isinstance(layer, Points) else layer.values
    return [float(v) for v in values if math.isfinite(v)]
