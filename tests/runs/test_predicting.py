"""A folder's predictions as files; `tests/cli/test_predict.py` has what the command says."""

import threading

import cv2
import numpy as np
from fakes import BRIGHT, FakeEngine

from segstudio.jobs import Job
from segstudio.runs import predicting
from segstudio.runs.predicting import Predicting, PredictionRequest


def test_an_image_is_written_while_the_network_works_on_the_next(tmp_path, monkeypatch):
    folder = tmp_path / "images"
    folder.mkdir()
    for name in ("a", "b", "c"):
        cv2.imwrite(str(folder / f"{name}.png"), np.zeros((8, 8, 3), np.uint8))
    engine = FakeEngine()
    encode, waited = predicting.encode_index_png, []

    def slowly(*args):
        """Only goes on once the network has got an image more than are written."""
        end = threading.Event()
        for _ in range(1000):
            if len(engine.runs) > len(waited) + 1 or len(waited) == 2:
                break
            end.wait(0.005)
        else:
            raise AssertionError("the network waits for the writing")
        waited.append(threading.current_thread().name)
        return encode(*args)

    monkeypatch.setattr(predicting, "encode_index_png", slowly)
    work = Predicting(PredictionRequest(folder, tmp_path / "out", BRIGHT))
    work.prepare(lambda spec, _images: spec)
    work.run(engine, Job("Segmenting", "model"))
    assert (work.written, work.failed()) == (3, [])
    assert [n.startswith("segstudio-results") for n in waited] == [True] * 3
    assert sorted(p.name for p in (tmp_path / "out").glob("*.png")) == ["a.png", "b.png", "c.png"]
