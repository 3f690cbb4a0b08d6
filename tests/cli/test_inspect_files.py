"""`segstudio inspect --report --npz --svg` end to end, on a small piece of a sample."""

import json
import xml.etree.ElementTree as ET

import numpy as np
import pytest
from commands import run

from segstudio.cli import inspect_files
from segstudio.core.errors import SegstudioError
from segstudio.storage.write_root import WriteRoot

UNET = ("--model", "unet-nuclei", "--device", "cpu")


@pytest.mark.slow
def test_all_three_files_come_of_one_run(capsys, image, tmp_path):
    files = {name: tmp_path / f"out.{name}" for name in ("report", "npz", "svg")}
    options = [part for name, path in files.items() for part in (f"--{name}", path)]
    code, out, err = run(capsys, "inspect", image, *UNET, *options, "--ablate", "all", "--json")
    assert (code, err) == (0, "")
    report = json.loads(out)
    assert report["files"] == {name: str(path) for name, path in files.items()}
    html = files["report"].read_text(encoding="utf-8")
    for row in report["ablations"]:
        assert f"<b>{row['changed_pixels']:,} pixels</b> changed" in html
        assert f">{row['mean_iou_foreground_cut']:.3f}<" in html
    with np.load(files["npz"], allow_pickle=False) as data:
        names = [stage["name"] for stage in report["stages"]]
        assert data["stages"].tolist() == names
        shapes = [data[f"activations/{name}"].shape for name in names]
        assert (data["annotation"] > 0).any()
    assert shapes == [(s["channels"], s["height"], s["width"]) for s in report["stages"]]
    root = ET.parse(files["svg"]).getroot()
    assert set(names) <= {text.text for text in root.iter("{http://www.w3.org/2000/svg}text")}


def test_the_files_are_named(capsys, image, tmp_path):
    code, out, _ = run(capsys, "inspect", image, *UNET, "--svg", tmp_path / "u.svg")
    assert code == 0
    assert f"svg: {tmp_path / 'u.svg'}" in out


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--report", "FOLDER"), "is a folder"),
        (("--npz", "none/x.npz"), "There is no folder"),
        (("--out", "/proc/x"), "Nothing can be written into /proc"),
        (("--svg", "cells/nuclei-03-dense.png"), "the image itself"),
        (("--svg", "same", "--npz", "same"), "named twice"),
    ],
)
def test_what_cannot_be_written_is_refused_before_the_run(capsys, image, tmp_path, options, words):
    (tmp_path / "FOLDER").mkdir()
    before = image.read_bytes()
    given = [part if part.startswith("--") else tmp_path / part for part in options]
    code, out, err = run(capsys, "inspect", image, "--model", "unet-nuclei", *given, "--json")
    assert (code, out) == (2, "")
    assert err.startswith("error: ")
    assert err.count("\n") == 1
    assert words in err
    assert image.read_bytes() == before


@pytest.mark.parametrize("option", ["--svg", "--out"])
def test_a_disk_that_fills_up_during_the_run_costs_no_figures(
    capsys, image, tmp_path, monkeypatch, option
):
    def full(*_arguments, **_named):
        raise SegstudioError("The disk is full.", "Free some space.")

    monkeypatch.setattr(inspect_files, "write_atomically", full)
    monkeypatch.setattr(WriteRoot, "write", full)
    code, out, err = run(capsys, "inspect", image, *UNET, option, tmp_path / "x", "--json")
    assert (code, err) == (1, "error: The disk is full. Free some space.\n")
    assert json.loads(out)["parameters"] == 3_670_834
