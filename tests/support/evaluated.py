"""A folder and two models whose figures are worked out by hand.

Four images of 10 x 10 pixels; the upper two rows are class 1 (20 pixels), the rest background.
A model's answer is painted into the photo: "careful" reads red, "blind" reads green.

careful: right everywhere, but on image 3 it finds only the first row (10 of 20 pixels).
    class 1: TP 70, FN 10, FP 0: IoU 70 / 80 = 0.875
    class 0: TP 320, FP 10, FN 0: IoU 320 / 330 = 0.9697; mean IoU 0.9223; accuracy 390 / 400
    image 3: (10 / 20 + 80 / 90) / 2 = 0.694; the others 1
blind: finds nothing: class 1: 0; class 0: 320 / 400 = 0.8; mean IoU 0.4; accuracy 320 / 400
"""

from __future__ import annotations

import json
import threading
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from segstudio.core.errors import SegstudioError
from segstudio.core.prediction import ModelSpec, Prediction
from segstudio.core.schema import LabelSchema

SCHEMA = LabelSchema.from_names(("background", "cell"))
CAREFUL, BLIND = "careful", "blind"
_CHANNEL = {CAREFUL: 0, BLIND: 1}


def write_folder(root: Path, tint: int = 0) -> Path:
    """Write the images, their ground truth and the classes.

    Args:
        root: The folder, which is made.
        tint: With another one the images are others, of which no answers are known.
    """
    (root / "masks").mkdir(parents=True)
    (root / "segstudio.json").write_text(json.dumps(SCHEMA.to_json()))
    for number in range(4):
        truth = np.zeros((10, 10), np.uint8)
        truth[:2] = 1
        careful = truth.copy()
        if number == 3:
            careful[1] = 0
        photo = np.zeros((10, 10, 3), np.uint8)
        photo[..., 0] = 200 * careful
        photo[..., 2] = 30 * number + tint
        cv2.imwrite(str(root / f"plate_{number}.png"), photo[..., ::-1])
        cv2.imwrite(str(root / "masks" / f"plate_{number}.png"), truth)
    return root


@dataclass
class _Reader:
    """Reads the answer from a channel of the photo; waits at the engine's gate."""

    engine: Engine
    spec: ModelSpec

    def predict(self, pixels, options, check, report) -> Prediction:
        report(0, 1, "")
        while not self.engine.gate.wait(0.01):
            check()
        labels = (pixels[..., _CHANNEL[self.spec.id]] > 100).astype(np.uint8)
        sure = np.full(labels.shape, 230, np.uint8)
        return Prediction(self.spec.id, self.spec.title, SCHEMA, labels, sure, seconds=0.5)


class Engine:
    """Two models that need no weights, and one whose weights are not there."""

    def __init__(self) -> None:
        self.gate = threading.Event()
        self.gate.set()
        self._specs = {
            key: ModelSpec(key, title, "unet", "semantic", SCHEMA, "none:none")
            for key, title in (
                (CAREFUL, "Careful U-Net, cells"),
                (BLIND, "Blind U-Net, cells"),
                ("away", "Far U-Net, cells"),
            )
        }

    def specs(self) -> dict[str, ModelSpec]:
        return dict(self._specs)

    def is_available(self, spec) -> bool:
        return spec.id != "away"

    def download(self, spec, check, report) -> None: ...

    def spec_from_weights(self, path) -> ModelSpec:
        raise SegstudioError(f"{path} holds no network.", "Choose another file.")

    def predictor(self, spec, device, check) -> _Reader:
        return _Reader(self, spec)
