"""A TorchScript and an ONNX model in the list: opened, kept, run, and there after a restart."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from desks import Desk
from fakes import make_folder
from scripted_nets import at_once, halving, save_onnx, save_script  # noqa: F401 - a fixture

from segstudio.runs.engine import TorchEngine


class RealEngine(TorchEngine):
    """The program's own, with what the desk asks of its stand-in."""

    def __init__(self):
        super().__init__()
        import threading

        self.gate = threading.Event()


@pytest.mark.parametrize("save", [save_script, save_onnx])
def test_it_stays_in_the_list_and_runs_after_a_restart(new_desk, tmp_path, save):
    network = halving(classes=3)
    path = save(network, tmp_path / "own.model")
    desk: Desk = new_desk(RealEngine())
    desk.open(make_folder(tmp_path / "nuclei", truth=False))
    desk.own_weights.open(path)
    desk.settle()
    assert desk.session.model.chosen == "own"
    desk.close()
    later: Desk = new_desk(RealEngine())
    later.open(tmp_path / "nuclei")
    assert later.session.model.chosen == "own"
    spec = later.session.models["own"]
    assert spec.options["num_classes"] == 3
    later.segmenting.run_current()
    later.settle()
    (found,) = later.document.predictions.values()
    pixels = later.document.pixels
    height, width = pixels.shape[:2]
    given = np.zeros((height + -height % 8, width + -width % 8, 3), np.float32)
    given[:height, :width] = pixels / 255
    with torch.inference_mode():
        inner = network(torch.from_numpy(given).permute(2, 0, 1)[None])[0].argmax(0).numpy()
    # what lies below and to the right of the image is another matter
    assert np.array_equal(found.labels[: height - 8, : width - 8], inner[: height - 8, : width - 8])
