"""`segstudio inspect --report --npz --svg` end to end, on a small piece of a sample."""

import json
import xml.etree.ElementTree as ET

import cv2
import numpy as np
import pytest

from segstudio.__main__ import main
from segstudio.resources import resource_path

NAME = "nuclei-03-dense.png"
UNET = ("--model", "unet-nuclei", "--device", "cpu")


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("SEGSTUDIO_HOME", str(tmp_path / "home"))


@pytest.fixture
def image(tmp_path):
    """64 x 64 pixels of a sample, with its instances beside it."""
    folder = tmp_path / "set"
    (folder / "instances").mkdir(parents=True)
    for part in (NAME, f"instances/{NAME}"):
        pixels = cv2.imread(str(resource_path("samples") / part), cv2.IMREAD_UNCHANGED)
        cv2.imwrite(str(folder / part), pixels[100:164, 100:164])
    return folder / NAME


def run(capsys, *arguments):
    code = main(["inspect", *(str(a) for a in arguments)])
    captured = capsys.readouterr()
    return code, captured.out, captured.err


def test_all_three_files_come_of_one_run(capsys, image, tmp_path):
    files = {name: tmp_path / f"out.{name}" for name in ("report", "npz", "svg")}
    options = [part for name, path in files.items() for part in (f"--{name}", path)]
    code, out, err = run(capsys, image, *UNET, *options, "--ablate", "all", "--json")
    assert (code, err) == (0, "")
    report = json.loads(out)
    assert report["files"] == {name: str(path) for name, path in files.items()}
    html = files["report"].read_text(encoding="utf-8")
    for row in report["ablations"]:
        assert f"<b>{row['changed_pixels']:,} pixels</b> changed" in html
        assert f">{row['mean_iou_cut']:.3f}<" in html
    with np.load(files["npz"], allow_pickle=False) as data:
        names = [stage["name"] for stage in report["stages"]]
        assert data["stages"].tolist() == names
        shapes = [data[f"activations/{name}"].shape for name in names]
        assert (data["annotation"] > 0).any()
    assert shapes == [(s["channels"], s["height"], s["width"]) for s in report["stages"]]
    root = ET.parse(files["svg"]).getroot()
    assert set(names) <= {text.text for text in root.iter("{http://www.w3.org/2000/svg}text")}


def test_the_files_are_named(capsys, image, tmp_path):
    code, out, _ = run(capsys, image, *UNET, "--svg", tmp_path / "u.svg")
    assert code == 0
    assert f"svg: {tmp_path / 'u.svg'}" in out


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--report", "FOLDER"), "is a folder"),
        (("--npz", "none/x.npz"), "There is no folder"),
        (("--svg", "set/nuclei-03-dense.png"), "the image itself"),
        (("--svg", "same", "--npz", "same"), "named twice"),
    ],
)
def test_what_cannot_be_written_is_refused_before_the_run(capsys, image, tmp_path, options, words):
    (tmp_path / "FOLDER").mkdir()
    before = image.read_bytes()
    given = [part if part.startswith("--") else tmp_path / part for part in options]
    code, out, err = run(capsys, image, "--model", "unet-nuclei", *given, "--json")
    assert (code, out) == (2, "")
    assert err.startswith("error: ")
    assert err.count("\n") == 1
    assert words in err
    assert image.read_bytes() == before
