"""The network inspector against the bare forward pass, without the copies of activations."""

import statistics
import time
from collections.abc import Callable

import torch

from segstudio.inspection.nets.recording import Recorder, recording
from segstudio.inspection.nets.running import evaluating, run
from segstudio.inspection.nets.tracing import structure_of, trace
from segstudio.models.families.unet import UNet

SIZE = 512
ROUNDS = 5


def rows() -> list[tuple[str, float, float | str, bool]]:
    """Return (what, ratio, target, met)."""
    torch.manual_seed(0)
    model = UNet(3, 2, 64, 4).eval()
    image = torch.rand(1, 3, SIZE, SIZE)
    structure_of(model, image)  # once for a network, by a small probe

    def bare() -> None:
        with torch.inference_mode():
            model(image)

    def hooks_and_mode() -> None:
        recorder = Recorder(model)
        with torch.inference_mode(), evaluating(model), recording(model, recorder):
            run(model, image, recorder)

    def captured() -> None:
        trace(model, image, keep=())

    def copied() -> None:
        trace(model, image)

    ratios = _ratios(bare, hooks_and_mode, captured, copied)
    name = f"U-Net 64 at {SIZE} x {SIZE}"
    return [
        (f"hooks and mode / bare forward, {name}", ratios[0], 1.15, ratios[0] <= 1.15),
        (f"trace without copies / bare forward, {name}", ratios[1], 1.15, ratios[1] <= 1.15),
        (
            f"trace with every stage as float16 / bare forward, {name}",
            ratios[2],
            "(for note)",
            True,
        ),
    ]


def _ratios(base: Callable[[], None], *others: Callable[[], None]) -> list[float]:
    """Return the median over rounds of each one's processor time over the base's.

    Rounds interleave the candidates, and processor time leaves out what else the machine does.
    """
    base()
    found: list[list[float]] = [[] for _ in others]
    for _ in range(ROUNDS):
        reference = _cpu_seconds(base)
        for times, other in zip(found, others, strict=True):
            times.append(_cpu_seconds(other) / reference)
    return [statistics.median(times) for times in found]


def _cpu_seconds(work: Callable[[], None]) -> float:
    begin = time.process_time()
    work()
    return time.process_time() - begin
