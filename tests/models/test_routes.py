"""Quicker ways to run a network: that they answer alike, and which one is chosen."""

import dataclasses
import os
import socket
import subprocess
import sys
import threading
import time

import numpy as np
import pytest
import torch
from segmenters import SCHEMA, UNET, image, saved, use_network
from slow_cases import few
from torch import nn

from segstudio.core.errors import CancelledError, SegstudioError
from segstudio.core.prediction import Ensemble, RunOptions
from segstudio.core.route_answer import RouteAnswer
from segstudio.models import routes as module
from segstudio.models.conversion import converted_folder
from segstudio.models.ensembles import EnsemblePredictor
from segstudio.models.families.torchvision_semantic import deeplabv3
from segstudio.models.route_test import fastest_apart
from segstudio.models.routes import ROUTES, Route, fastest, mean_iou, route_of
from segstudio.models.segmenter import RoutedPredictor, Segmenter

CPU = RunOptions(device="cpu")
KEYS = ["contiguous", "bfloat16", "openvino", "onnxruntime"]


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("SEGSTUDIO_HOME", str(tmp_path / "home"))


@pytest.fixture
def emulated(monkeypatch):
    """The processor is said to compute in bfloat16 itself: torch emulates it."""
    monkeypatch.setattr(module, "cpu_flags", lambda: frozenset({"avx512_bf16"}))


def sure_unet(tmp_path):
    """A U-Net that is sure of nearly all pixels, so that rounding moves few of them."""
    torch.manual_seed(0)
    network = module_of_unet()
    network.outc.conv.weight.data *= 40
    return saved(tmp_path, network)


def module_of_unet():
    from segstudio.models.families.unet import UNet

    return UNet(**UNET).eval()


@pytest.mark.parametrize("key", KEYS)
@pytest.mark.parametrize("size", [(50, 93), pytest.param((64, 64), marks=pytest.mark.slow)])
def test_a_route_gives_the_exact_answer_at_any_size(tmp_path, emulated, key, size):
    segmenter = Segmenter(sure_unet(tmp_path), device="cpu")
    exact = segmenter.predict(image(*size), CPU)
    found = segmenter.predict(image(*size), CPU, route=key)
    tolerance = 0.05 if key == "bfloat16" else 0.001
    assert np.mean(exact.labels != found.labels) <= tolerance
    assert exact.device == "cpu"
    assert found.device == f"cpu ({module.route_title(key)})"
    assert found.run == exact.run


@pytest.mark.parametrize("key", few(KEYS, {"bfloat16"}))
def test_a_network_that_answers_with_a_dictionary_takes_every_route(tmp_path, emulated, key):
    torch.manual_seed(1)
    options = {"backbone": "mobilenet_v3_large", "num_classes": 2}
    network = deeplabv3(**options).eval()
    spec = saved(tmp_path, network, family="deeplabv3", options=options,
                 builder="segstudio.models.torchvision_nets:deeplabv3",
                 preprocess={"scaling": "unit"})  # fmt: skip
    segmenter = Segmenter(spec, device="cpu")
    exact = segmenter.probabilities(image(70, 90), CPU)
    found = segmenter.probabilities(image(70, 90), CPU, route=key)
    assert found.shape == exact.shape
    assert np.abs(found - exact).max() < (0.05 if key == "bfloat16" else 1e-3)


@pytest.mark.parametrize("key", few(["openvino", "contiguous", "onnxruntime"], 1))
def test_of_a_network_that_finds_instances_the_backbone_takes_the_route(rcnn_spec, key):
    segmenter = Segmenter(rcnn_spec, device="cpu")
    exact = segmenter.predict(image(96, 130), CPU)
    found = segmenter.predict(image(96, 130), CPU, route=key)
    assert len(exact.instances.scores) > 5
    np.testing.assert_allclose(found.instances.scores, exact.instances.scores, atol=1e-3)
    np.testing.assert_allclose(found.instances.boxes, exact.instances.boxes, atol=0.1)
    again = segmenter.predict(image(96, 130), CPU)
    np.testing.assert_array_equal(again.labels, exact.labels)


def test_the_specs_own_route_is_taken_where_none_is_named(tmp_path):
    spec = dataclasses.replace(sure_unet(tmp_path), route="openvino")
    segmenter = Segmenter(spec, device="cpu")
    assert segmenter.predict(image(40, 40), CPU).device == "cpu (OpenVINO)"
    assert segmenter.predict(image(40, 40), CPU, route="").device == "cpu"


def test_tiles_take_the_route_too_and_can_be_cancelled_between(tmp_path):
    segmenter = Segmenter(sure_unet(tmp_path), device="cpu")
    options = RunOptions(device="cpu", tile_px=256, overlap_px=32)
    pixels = image(300, 420)
    exact = segmenter.predict(pixels, options)
    found = segmenter.predict(pixels, options, route="openvino")
    assert found.notes == exact.notes != ()
    assert np.mean(found.labels != exact.labels) < 0.001
    cancelled = threading.Event()

    def check():
        if cancelled.is_set():
            raise CancelledError

    def report(done, _total, _text):
        if done == 1:
            cancelled.set()

    with pytest.raises(CancelledError):
        segmenter.predict(pixels, options, check, report, route="openvino")


def test_members_of_an_ensemble_may_take_routes_of_their_own(tmp_path):
    spec = sure_unet(tmp_path)
    segmenter = Segmenter(spec, device="cpu")
    both = dataclasses.replace(spec, id="both", made_of=Ensemble((spec, spec)))
    routed = EnsemblePredictor(both, [segmenter, RoutedPredictor(segmenter, "openvino")])
    exact = EnsemblePredictor(both, [segmenter, segmenter])
    nothing = (lambda: None, lambda *_: None)
    a, b = (e.predict(image(60, 60), CPU, *nothing).labels for e in (routed, exact))
    assert np.mean(a != b) < 0.001


def test_a_converted_network_is_made_once_and_again_for_other_weights(tmp_path):
    spec = sure_unet(tmp_path)
    for _ in range(2):
        Segmenter(spec, device="cpu").predict(image(40, 40), CPU, route="openvino")
        (first,) = converted_folder().glob("*.xml")
        before = first.stat().st_ino
    assert first.stat().st_ino == before
    torch.manual_seed(7)
    other = saved(tmp_path, module_of_unet())
    Segmenter(other, device="cpu").predict(image(40, 40), CPU, route="openvino")
    assert len(list(converted_folder().glob("*.xml"))) == 2


def test_converting_and_running_sends_nothing(tmp_path, monkeypatch):
    def refuse(*_args, **_kwargs):
        raise AssertionError("something was sent")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    segmenter = Segmenter(sure_unet(tmp_path), device="cpu")
    threads = set(threading.enumerate())
    for key in ("openvino", "onnxruntime"):
        segmenter.predict(image(40, 40), CPU, route=key)
    assert set(threading.enumerate()) == threads


_ALONE = """
import sys, torch
from segstudio.models.conversion import onnx_run, openvino_run
network = torch.nn.Conv2d(3, 2, 1).eval()
x = torch.ones(1, 3, 8, 8)
for run in (openvino_run(network, "k", "f32"), onnx_run(network, "k")):
    assert torch.allclose(run(x)[0], network(x), atol=1e-5)
"""


def run_alone(home, **environment):
    """Convert and run a network in a program of its own, whose user has this home."""
    home.mkdir(exist_ok=True)
    elsewhere = {"SEGSTUDIO_HOME", "XDG_CACHE_HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME"}
    kept = {k: v for k, v in os.environ.items() if k not in elsewhere | {"CI"}}
    return subprocess.run(
        [sys.executable, "-c", _ALONE],
        env={**kept, "HOME": str(home), "PYTHONPATH": os.pathsep.join(sys.path), **environment},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.slow
def test_neither_runtime_notes_who_uses_it(tmp_path):
    """Both would write an id of the computer into the home, and send what they are used for."""
    done = run_alone(tmp_path / "user")
    assert (done.returncode, done.stderr) == (0, "")
    files = {path for path in (tmp_path / "user").rglob("*") if path.is_file()}
    assert {path.parent.name for path in files} == {"routes"}
    assert len(files) == 3


@pytest.mark.slow
def test_converted_networks_run_where_nothing_can_be_kept(tmp_path):
    (tmp_path / "file").touch()
    done = run_alone(tmp_path / "user", SEGSTUDIO_HOME=str(tmp_path / "file"))
    assert (done.returncode, done.stderr) == (0, "")
    assert not [*(tmp_path / "user").iterdir()]


@pytest.mark.parametrize(("key", "kind"), few([("onnxruntime", "onnx"), ("openvino", "bin")], 1))
def test_a_converted_network_that_is_damaged_is_made_anew(tmp_path, key, kind):
    spec = sure_unet(tmp_path)
    before = Segmenter(spec, device="cpu").predict(image(40, 40), CPU, route=key)
    (kept,) = converted_folder().glob(f"*.{kind}")
    whole = kept.read_bytes()
    kept.unlink()  # written anew: the other runtime may have mapped it
    kept.write_bytes(whole[: len(whole) // 2])
    after = Segmenter(spec, device="cpu").predict(image(40, 40), CPU, route=key)
    assert np.array_equal(before.labels, after.labels)
    assert len(kept.read_bytes()) == len(whole)


def test_what_a_killed_program_had_begun_to_convert_is_removed(tmp_path):
    for name, age_s in (("tmpold", 7200), ("tmpnew", 60)):
        place = converted_folder() / name
        place.mkdir(parents=True)
        (place / "part.bin").touch()
        os.utime(place, (time.time() - age_s,) * 2)
    Segmenter(sure_unet(tmp_path), device="cpu").predict(image(40, 40), CPU, route="onnxruntime")
    assert [place.name for place in converted_folder().glob("tmp*")] == ["tmpnew"]


def test_a_route_that_is_not_there_gives_way_to_the_exact_one(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "cpu_flags", frozenset)
    segmenter = Segmenter(sure_unet(tmp_path), device="cpu")
    found = segmenter.predict(image(40, 40), CPU, route="bfloat16")
    assert found.device == "cpu"
    assert found.notes == ("bfloat16 is not there, so it ran exactly.",)


def test_a_route_that_fails_is_named_with_what_to_do(tmp_path, monkeypatch):
    def fail(_part, _device):
        raise RuntimeError("Exception from src/core.cpp:84:\nno room\n  for weights\n\n")

    broken = dataclasses.replace(route_of("openvino"), make=fail)
    monkeypatch.setattr(module, "ROUTES", (broken,))
    with pytest.raises(
        SegstudioError,
        match=r"Model M cannot be run by OpenVINO any more \(no room for weights\)\..*--exact",
    ):
        Segmenter(sure_unet(tmp_path), device="cpu").predict(image(40, 40), CPU, route="openvino")


# -- the choice --------------------------------------------------------------------------------


class Steps:
    """A clock that goes on by what runs: 1 s for the exact network, else what is said."""

    def __init__(self, segmenter):
        self.now, self.by = 0.0, {}
        predict = segmenter.predict

        def timed(*args, route=None, **kwargs):
            self.now += self.by.get(route, 1.0)
            return predict(*args, route=route, **kwargs)

        segmenter.predict = timed

    def __call__(self):
        return self.now


def everywhere(_device):
    return True


def alike(part, _device):
    return part.module


def flipped(part, _device):
    return lambda x: -part.module(x)


@pytest.fixture
def chosen(tmp_path, monkeypatch):
    """Tests a U-Net with routes of the test's, each of which takes so many seconds."""

    def choose(*routes, truth=None, **seconds):
        monkeypatch.setattr(module, "ROUTES", routes)
        segmenter = Segmenter(sure_unet(tmp_path), device="cpu")
        clock = Steps(segmenter)
        clock.by = seconds
        return fastest(segmenter, image(64, 64), CPU, clock=clock, truth=truth)

    return choose


def test_the_quickest_of_those_that_answer_alike_is_chosen(chosen):
    routes = [Route(key, everywhere, alike) for key in ("contiguous", "openvino")]
    routes.append(Route("onnxruntime", everywhere, flipped))
    found = chosen(*routes, contiguous=0.8, openvino=0.5, onnxruntime=0.1)
    assert (found.route, found.agreement) == ("openvino", 1.0)
    assert found.times_faster == pytest.approx(2.0)
    assert found.text == "OpenVINO, 2.0 times faster, 100.00 % the same"


def test_what_is_hardly_quicker_is_not_worth_it(chosen):
    found = chosen(Route("openvino", everywhere, alike), openvino=0.92)
    assert found == RouteAnswer()
    assert found.text == "exact float32 is the fastest here"


def test_one_that_fails_or_is_not_available_is_passed_over(chosen):
    def fail(_part, _device):
        raise RuntimeError("cannot be converted")

    routes = (
        Route("openvino", everywhere, fail),
        Route("bfloat16", lambda _device: False, fail),
        Route("contiguous", everywhere, alike),
    )
    assert chosen(*routes, openvino=0.1, contiguous=0.5).route == "contiguous"


def test_a_graph_that_keeps_the_first_images_shape_is_not_taken(chosen):
    def fixed(part, _device):
        seen = {}

        def run(x):
            y = part.module(x)
            wrong = seen.setdefault("shape", x.shape) != x.shape
            return -y if wrong else y

        return run

    assert chosen(Route("openvino", everywhere, fixed), openvino=0.1) == RouteAnswer()


def test_with_a_ground_truth_the_mean_iou_has_to_stay(chosen, tmp_path):
    """The route changes 4 of 4096 pixels; whether that is much depends on what is annotated."""

    def four_changed(part, _device):
        def run(x):
            y = part.module(x).clone()
            if y.shape[-1] == 64:
                y[0, :, 0, :4] = -y[0, :, 0, :4]
            return y

        return run

    route = Route("openvino", everywhere, four_changed)
    exact = Segmenter(sure_unet(tmp_path), device="cpu").predict(image(64, 64), CPU).labels
    found = chosen(route, openvino=0.5)
    assert found.route == "openvino"
    assert found.agreement == 1 - 4 / 4096
    few = np.full((64, 64), 255, np.uint8)
    few[0, :8] = exact[0, :8]  # only these are annotated: four of eight would be wrong
    assert chosen(route, openvino=0.5, truth=few) == RouteAnswer()


def test_as_many_objects_have_to_be_found(rcnn_spec, monkeypatch):
    segmenter = Segmenter(rcnn_spec, device="cpu")
    none = Route("openvino", everywhere, lambda part, _d: lambda x: {
        name: value * 0 for name, value in part.module(x).items()})  # fmt: skip
    monkeypatch.setattr(module, "ROUTES", (none,))
    clock = Steps(segmenter)
    clock.by = {"openvino": 0.1}
    assert fastest(segmenter, image(96, 130), CPU, clock=clock) == RouteAnswer()


def test_a_large_image_is_tested_in_its_middle(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "ROUTES", ())
    segmenter = Segmenter(sure_unet(tmp_path), device="cpu")
    sizes = []
    predict = segmenter.predict
    segmenter.predict = lambda pixels, *a, **k: (
        sizes.append(pixels.shape) or predict(pixels, *a, **k)
    )
    fastest(segmenter, np.zeros((1100, 3000, 3), np.uint8), CPU)
    assert sizes == [(768, 512, 3), (1024, 1024, 3)]


def test_mean_iou_of_two_maps():
    truth = np.array([[0, 0, 1, 1], [0, 0, 1, 255]], np.uint8)
    labels = np.array([[0, 0, 0, 1], [0, 0, 1, 1]], np.uint8)
    assert mean_iou(truth, labels) == (4 / 5 + 2 / 3) / 2


def test_networks_without_a_backbone_have_no_route(tmp_path, monkeypatch):
    class Finder(nn.Module):
        def __init__(self):
            super().__init__()
            self.scale = nn.Parameter(torch.ones(1))

        def forward(self, images):
            empty = {"boxes": torch.zeros(0, 4), "scores": torch.zeros(0)}
            return [{**empty, "labels": torch.zeros(0, dtype=torch.int64),
                     "masks": torch.zeros(0, 1, 8, 8)} for _ in images]  # fmt: skip

    spec = saved(tmp_path, Finder(), task="instance", schema=SCHEMA, options={},
                 builder=use_network(monkeypatch, Finder))  # fmt: skip
    assert fastest(Segmenter(spec, device="cpu"), image(40, 40), CPU) == RouteAnswer()
    assert all(route.available(torch.device("cpu")) for route in ROUTES if route.key == "openvino")


# -- in a process of its own -------------------------------------------------------------------


@pytest.mark.slow
def test_the_test_in_another_process_chooses_and_tells_how_far_it_is(tmp_path):
    told = []
    spec = sure_unet(tmp_path)
    answer = fastest_apart(spec, image(64, 64), CPU, report=lambda *step: told.append(step))
    assert answer.route in ("", *KEYS)
    assert told[0] == (0, 4, "exact float32")
    assert [step[0] for step in told] == [0, 1, 2, 3]


def test_the_test_in_another_process_is_ended_by_cancelling(tmp_path):
    import multiprocessing

    def check():
        if multiprocessing.active_children():
            raise CancelledError

    with pytest.raises(CancelledError):
        fastest_apart(sure_unet(tmp_path), image(64, 64), CPU, check)
    assert multiprocessing.active_children() == []


@pytest.mark.slow
def test_what_fails_in_another_process_is_said_here(tmp_path):
    spec = sure_unet(tmp_path)
    (tmp_path / "m.safetensors").unlink()
    with pytest.raises(SegstudioError, match=r"m\.safetensors is not there any more"):
        fastest_apart(spec, image(64, 64), CPU)
