import json
import os
import signal
import subprocess
import sys

import cv2
import numpy as np
import pytest
import torch
from commands import run
from PIL import Image
from training_sets import square_image, squares_folder, training_command

from segstudio.cli.train import Console
from segstudio.training.run_folder import ask

QUICK = ("--epochs", 1, "--crop", 32, "--batch", 2, "--rate", 0.01, "--threads", 1,
         "--device", "cpu")  # fmt: skip


@pytest.fixture(autouse=True)
def threads(monkeypatch):
    monkeypatch.setattr(os, "nice", lambda _step: 0)  # the other tests run in this process, too
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


@pytest.fixture
def squares(tmp_path):
    return squares_folder(tmp_path / "squares", 8)


def test_what_it_trains_predict_runs(capsys, squares, tmp_path):
    out = tmp_path / "net.safetensors"
    code, said, errors = run(capsys, "train", squares, "--out", out, *QUICK, "--epochs", 3)
    assert (code, errors) == (0, "")
    lines = said.splitlines()
    assert any(line.startswith("The network works at full resolution") for line in lines)
    assert any(line.startswith("epoch 1 ") and "class 1" in line for line in lines)
    assert lines[-1].startswith(f"{out} holds the network of epoch")
    image, labels = square_image(50)
    (tmp_path / "new").mkdir()
    cv2.imwrite(str(tmp_path / "new" / "x.png"), image)
    code, _, _ = run(
        capsys, "predict", tmp_path / "new", "--weights", out, "--out", tmp_path / "p",
        "--device", "cpu",
    )  # fmt: skip
    assert code == 0
    found = np.array(Image.open(tmp_path / "p" / "x.png"))
    assert np.mean(found == labels) > 0.9


def test_json_is_one_event_a_line_and_nothing_else(capsys, squares, tmp_path):
    out = tmp_path / "net.safetensors"
    code, said, errors = run(capsys, "train", squares, "--out", out, *QUICK, "--json")
    assert (code, errors) == (0, "")
    events = [json.loads(line) for line in said.splitlines()]
    kinds = [e["event"] for e in events]
    assert kinds[0] == "started"
    assert kinds[-3:] == ["epoch", "proof", "done"]
    assert said == (tmp_path / "net.safetensors.training" / "record.jsonl").read_text()


@pytest.mark.parametrize(
    ("more", "words"),
    [
        (("--arch", "vgg"), "There is no architecture 'vgg'"),
        (("--loss", "dicee"), "'dicee'"),
        (("--start", "no-such-model"), "no-such-model"),
        (("--start", "maskrcnn-nuclei"), "cannot be trained further"),
        (("--minutes", "3"), "--minutes or --epochs, not both"),
        (("--resume",), "No training into"),
        (("--split", "folder"), "split by folder"),
        (("--batch", "1"), "--batch"),
        (("--fold", "5/4"), "5/4"),
        (("--fold", "1/40"), "40 folds"),
    ],
)
def test_what_cannot_be_trained_is_one_line_and_leaves_nothing(
    capsys, squares, tmp_path, more, words
):
    out = tmp_path / "net.safetensors"
    code, said, errors = run(capsys, "train", squares, "--out", out, *QUICK, *more)
    assert code == 2
    assert said == ""
    assert errors.startswith("error: ")
    assert errors.count("\n") == 1
    assert words in errors
    assert {p.name for p in tmp_path.iterdir()} <= {"squares", "home"}


def test_an_error_is_an_event_too(capsys, squares, tmp_path):
    out = tmp_path / "net.safetensors"
    code, said, errors = run(
        capsys, "train", squares, "--out", out, *QUICK, "--arch", "vgg", "--json"
    )
    assert code == 2
    assert "vgg" in errors
    event = json.loads(said)
    assert event["event"] == "error"
    assert "vgg" in event["message"]
    assert "unet" in event["hint"]


def test_the_result_must_end_as_weights_do(capsys, squares, tmp_path):
    code, _, errors = run(capsys, "train", squares, "--out", tmp_path / "net.txt", *QUICK)
    assert code == 2
    assert ".safetensors" in errors


def test_a_result_is_replaced_only_if_that_is_said(capsys, squares, tmp_path):
    out = tmp_path / "net.safetensors"
    out.write_bytes(b"mine")
    code, _, errors = run(capsys, "train", squares, "--out", out, *QUICK)
    assert code == 2
    assert "--overwrite" in errors
    assert out.read_bytes() == b"mine"
    code, _, _ = run(capsys, "train", squares, "--out", out, *QUICK, "--overwrite")
    assert code == 0
    assert out.stat().st_size > 1000


def test_lines_and_words_in_a_file_are_commands(tmp_path):
    console = Console(tmp_path)
    console.obey("pause\n")
    assert console.pause()
    console.obey("hello\n")
    console.obey("resume\n")
    assert not console.pause()
    assert not console.stop()
    ask(tmp_path, "pause")
    assert console.pause()
    assert console.pause()  # until another word comes
    ask(tmp_path, "resume")
    assert not console.pause()
    console.obey(" STOP \n")
    assert console.stop()


def started(squares, out):
    child = subprocess.Popen(
        training_command(squares, out, "--json", "--epochs", 500, "--rate", 0.01),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    for line in child.stdout:
        if json.loads(line)["event"] == "step":
            break
    return child


@pytest.mark.timeout(300)
def test_stop_on_standard_input_keeps_the_best(squares, tmp_path):
    out = tmp_path / "net.safetensors"
    events = []
    with started(squares, out) as child:
        child.stdin.write("pause\n")
        child.stdin.flush()
        for line in child.stdout:
            events.append(json.loads(line)["event"])
            if events[-1] == "paused":
                child.stdin.write("resume\nstop\n")
                child.stdin.flush()
    assert child.returncode == 0
    assert events.count("resumed") == 1
    assert events[-1] == "done"
    assert "stopped" in events
    assert out.exists()


@pytest.mark.skipif(sys.platform == "win32", reason="there are no such signals")
@pytest.mark.timeout(300)
def test_sigterm_keeps_the_best(squares, tmp_path):
    out = tmp_path / "net.safetensors"
    with started(squares, out) as child:
        child.send_signal(signal.SIGTERM)
        rest, _ = child.communicate()
    assert child.returncode == 0
    assert json.loads(rest.splitlines()[-1])["event"] == "done"
    assert out.exists()
