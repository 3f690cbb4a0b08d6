"""Ctrl+C and a full disk behind standard output: one line and the right exit code."""

from __future__ import annotations

import json
import os
import runpy
import signal
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
from commands import run
from slow_cases import few

from segstudio.__main__ import main

INTERRUPTED_AT_IMPORT = """
import os, signal, sys

class Interrupting:
    def find_spec(self, name, path=None, target=None):
        if name == sys.argv[1]:
            sys.meta_path.remove(self)
            os.kill(os.getpid(), signal.SIGINT)

sys.meta_path.insert(0, Interrupting())
arguments = sys.argv[2:]
from segstudio.__main__ import main
sys.exit(main(arguments))
"""


AT_THE_END = """
import os, signal, sys, threading

class AtTheEnd:
    "Sends the signal when the last things of the process go."
    def __init__(self, send):
        self.send = send
    def __del__(self, kill=os.kill, pid=os.getpid(), number=signal.SIGINT):
        if self.send:
            kill(pid, number)

import atexit
when = sys.argv[1]
if when == "at exit":
    atexit.register(os.kill, os.getpid(), signal.SIGINT)
sys.last = AtTheEnd(when == "in the last module")
sys.argv[1:] = sys.argv[2:]
from segstudio.__main__ import main
sys.exit(main())
"""

IN_A_DESTRUCTOR = """
import os, signal, sys, time

class Deaf:
    def __del__(self):
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(0.01)

import segstudio.cli.evaluate as evaluate

def interrupted(*_args, **_more):
    Deaf()
    time.sleep(20)

evaluate.evaluate_masks = interrupted
from segstudio.__main__ import main
sys.exit(main(sys.argv[1:]))
"""

AT_THE_FIRST_IMPORT = """
import os, runpy, signal, sys

class Interrupting:
    def find_spec(self, name, path=None, target=None):
        if name == "segstudio.interrupt":
            sys.meta_path.remove(self)
            os.kill(os.getpid(), signal.SIGINT)

sys.meta_path.insert(0, Interrupting())
if sys.argv.pop(1) == "main.py":
    runpy.run_path("main.py", run_name="__main__")
else:
    runpy.run_module("segstudio", run_name="__main__", alter_sys=True)
"""


@pytest.fixture
def masks(tmp_path) -> list[str]:
    """Arguments of `evaluate` for two folders with a mask."""
    for name in ("pred", "gt"):
        (tmp_path / name).mkdir()
        mask = np.zeros((8, 8), np.uint8)
        mask[2:5, 2:5] = 1
        cv2.imwrite(str(tmp_path / name / "a.png"), mask)
    return [str(tmp_path / "pred"), str(tmp_path / "gt")]


@pytest.mark.skipif(sys.platform == "win32", reason="Ctrl+C is no signal there")
@pytest.mark.parametrize(
    "module", ["typer", "segstudio.cli.models", "segstudio.cli.evaluate", "cv2"]
)
@pytest.mark.slow
def test_ctrl_c_while_modules_are_loaded(module, masks):
    arguments = ["models"] if module == "segstudio.cli.models" else ["evaluate", *masks]
    done = subprocess.run(
        [sys.executable, "-c", INTERRUPTED_AT_IMPORT, module, *arguments],
        capture_output=True, text=True, check=False, cwd=Path(__file__).parents[2],
    )  # fmt: skip
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "error: stopped\n")


def child(code: str, *arguments: str) -> tuple[int, str, str]:
    """The exit code of a process of its own, and what it wrote."""
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments],
        capture_output=True, text=True, check=False, cwd=Path(__file__).parents[2],
    )  # fmt: skip
    return done.returncode, done.stdout, done.stderr


@pytest.mark.skipif(sys.platform == "win32", reason="Ctrl+C is no signal there")
@pytest.mark.parametrize("when", few(["at exit", "in the last module"], 1))
def test_ctrl_c_after_the_figures_leaves_them_and_their_exit_code(when, masks):
    code, out, err = child(AT_THE_END, when, "evaluate", *masks, "--json")
    assert (code, err) == (0, "")
    assert json.loads(out)["images"] == 1


@pytest.mark.skipif(sys.platform == "win32", reason="Ctrl+C is no signal there")
@pytest.mark.parametrize("start", ["main.py", "-m"])
def test_ctrl_c_before_the_first_own_import_is_done(start):
    code, out, err = child(AT_THE_FIRST_IMPORT, start)
    assert (code, err, out) == (130, "error: stopped\n", "")


@pytest.mark.skipif(sys.platform == "win32", reason="Ctrl+C is no signal there")
def test_ctrl_c_where_python_lets_no_error_through_is_not_lost(masks):
    assert child(IN_A_DESTRUCTOR, "evaluate", *masks) == (130, "", "error: stopped\n")


@pytest.mark.parametrize("how", ["signal", "library"])
def test_ctrl_c_while_a_command_works(capsys, monkeypatch, masks, how):
    def interrupted(*_args, **_more):
        if how == "library":  # that catches what the signal raises and makes something else of it
            try:
                os.kill(os.getpid(), 2)
            except BaseException as error:
                raise RuntimeError("loading failed") from error
        os.kill(os.getpid(), 2)

    monkeypatch.setattr("segstudio.cli.evaluate.evaluate_masks", interrupted)
    assert run(capsys, "evaluate", *masks, "--json") == (130, "", "error: stopped\n")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full")
@pytest.mark.parametrize("arguments", [["models"], ["models", "--json"], ["--help"]])
@pytest.mark.slow
def test_a_full_disk_behind_the_output_is_told_in_one_line(arguments):
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "segstudio", *arguments],
            stdout=full, stderr=subprocess.PIPE, text=True, check=False,
            cwd=Path(__file__).parents[2],
        )  # fmt: skip
    assert done.returncode == 1
    assert done.stderr == "error: The output cannot be written (No space left on device).\n"


def test_results_below_a_file_are_refused_with_the_file_that_is_in_the_way(capsys, tmp_path):
    image, blocking = tmp_path / "a.png", tmp_path / "afile"
    cv2.imwrite(str(image), np.zeros((8, 8, 3), np.uint8))
    blocking.write_text("x")
    code, out, err = run(
        capsys, "predict", image, "--model", "unet-nuclei", "--out", blocking / "x" / "y"
    )
    assert (code, out) == (2, "")
    assert err == f"error: {blocking} is a file. Give a folder for the results.\n"


def test_ctrl_c_is_python_s_own_again_after_a_command(capsys):
    before = signal.getsignal(signal.SIGINT)
    assert main(["models", "--json"]) == 0
    json.loads(capsys.readouterr().out)
    assert signal.getsignal(signal.SIGINT) is before


@pytest.mark.parametrize("file", ["main.py", "segstudio/__main__.py"])
def test_a_process_that_segstudio_starts_does_not_start_it_again(file):
    """multiprocessing imports the file of the main module, with the arguments of the first process."""
    seen = runpy.run_path(str(Path(__file__).parents[2] / file), run_name="__mp_main__")
    assert seen["__name__"] == "__mp_main__"
