"""The commands on files with names that are hard: no UTF-8, too long, markup, pipes."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import numpy as np
import pytest
from commands import SCHEMA, run
from PIL import Image

NOT_UTF8 = os.fsdecode(b"caf\xe9.png")


def folder_with(path, *names):
    path.mkdir()
    mask = np.zeros((16, 16), np.uint8)
    mask[4:12, 4:12] = 1
    for name in names:
        with (path / name).open("wb") as file:
            Image.fromarray(mask).save(file, "PNG")
    return path


@pytest.mark.skipif(os.name == "nt", reason="names are UTF-16 there")
def test_names_that_are_not_utf8_in_a_report(capsys, tmp_path):
    masks = folder_with(tmp_path / "masks", NOT_UTF8, "b.png")
    html = tmp_path / "r.html"
    words = ("evaluate", masks, masks, "--json", "--per-image", "--report", html)
    code, text, _ = run(capsys, *words)
    assert code == 0
    names = [row["name"] for row in json.loads(text)["per_image"]]
    assert sorted(names) == ["b.png", NOT_UTF8]
    assert r"caf\xe9.png" in html.read_text(encoding="utf-8")


@pytest.mark.skipif(os.name == "nt", reason="names are UTF-16 there")
def test_a_terminal_in_utf8_shows_such_a_name(tmp_path):
    masks = folder_with(tmp_path / "masks", NOT_UTF8)
    done = subprocess.run(
        [sys.executable, "-m", "segstudio", "evaluate", masks, masks, "--per-image", "--json"],
        capture_output=True,
        env={**os.environ, "PYTHONUTF8": "1", "PYTHONIOENCODING": "utf-8:strict"},
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, b"")
    assert json.loads(done.stdout)["per_image"][0]["name"] == NOT_UTF8


@pytest.mark.skipif(os.name == "nt", reason="names are UTF-16 there")
def test_such_a_name_is_shown_by_its_bytes_in_every_command(capsys, tmp_path, weights):
    r"""People see `\xe9`; JSON gives the name with which the file can be opened."""
    images = folder_with(tmp_path / os.fsdecode(b"gr\xfcn"), NOT_UTF8, "b.png")
    masks = folder_with(images / "masks", NOT_UTF8, "b.png")
    (masks / "segstudio.json").write_text(json.dumps(SCHEMA.to_json()))
    out, html = tmp_path / "out", tmp_path / "r.html"
    model = ("--weights", weights)
    said = {
        "predict": run(capsys, "predict", images, *model, "--out", out),
        "evaluate": run(capsys, "evaluate", out, masks, "--per-image"),
        "compare": run(capsys, "compare", images, "--models", weights, "--report", html),
        "inspect": run(capsys, "inspect", images / NOT_UTF8, *model, "--out", tmp_path / "s"),
    }
    (out / NOT_UTF8).write_bytes(b"x")
    said["broken"] = run(capsys, "evaluate", out, masks)
    for command, (code, text, err) in said.items():
        assert code == (2 if command == "broken" else 0), (command, err)
        assert "udc" not in text + err, command
        (text + err).encode()  # no surrogate is left
    assert r"caf\xe9.png" in said["evaluate"][1]
    assert r"caf\xe9.png" in said["broken"][2]
    assert r"caf\xe9.png" in html.read_text(encoding="utf-8")
    assert r"gr\xfcn" in html.read_text(encoding="utf-8")
    assert {os.fsencode(p.name) for p in out.glob("*.png")} == {b"caf\xe9.png", b"b.png"}

    (out / NOT_UTF8).unlink()
    (images / NOT_UTF8).write_bytes(b"x")
    code, text, _ = run(capsys, "predict", images, *model, "--out", out, "--json")
    assert code == 1
    (failed,) = json.loads(text)["failed"]
    assert (images / failed["name"]).read_bytes() == b"x"


@pytest.mark.skipif(os.name == "nt", reason="names are UTF-16 there")
@pytest.mark.parametrize("encoding", ["ascii", "latin-1"])
@pytest.mark.slow
def test_json_is_json_whatever_the_terminal_writes(tmp_path, encoding):
    masks = folder_with(tmp_path / "masks", "Zellk\u00f6rper \u7ec6\u80de.png")
    done = subprocess.run(
        [sys.executable, "-m", "segstudio", "evaluate", masks, masks, "--per-image", "--json"],
        capture_output=True,
        env={**os.environ, "PYTHONUTF8": "1", "PYTHONIOENCODING": encoding},
        check=False,
    )
    assert done.returncode == 0
    (row,) = json.loads(done.stdout)["per_image"]
    assert row["name"] == "Zellk\u00f6rper \u7ec6\u80de.png"


def test_names_as_long_as_the_file_system_allows_are_predicted(capsys, tmp_path, weights):
    names = ["a" * 250, "细胞核图像显微" * 11 + "细胞核图像", "клетка" * 20]
    images = folder_with(tmp_path / "images", *(f"{n}.png" for n in names))
    out = tmp_path / "out"
    code, _, err = run(capsys, "predict", images, "--weights", weights, "--out", out)
    assert (code, err) == (0, "")
    assert sorted(p.stem for p in out.glob("*.png")) == sorted(names)


def test_names_that_differ_in_normal_form_or_case_are_paired(capsys, tmp_path):
    names = {"Zellk\u00f6rper.png": "Zellko\u0308rper.png", "IMG_1.png": "img_1.png"}
    predictions = folder_with(tmp_path / "pred", *names.values(), "same.png")
    truth = folder_with(tmp_path / "gt", *names, "same.png", "alone.png")
    code, text, _ = run(capsys, "evaluate", predictions, truth, "--json")
    data = json.loads(text)
    assert (code, data["images"], data["mean_iou"]) == (1, 3, 1.0)
    assert data["without_prediction"] == ["alone.png"]


@pytest.mark.timeout(60)
@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no named pipes")
def test_a_pipe_holds_no_command_up(capsys, tmp_path, weights):
    images = folder_with(tmp_path / "images", "a.png")
    os.mkfifo(images / "x.png")
    out = tmp_path / "out"
    code, text, _ = run(capsys, "predict", images, "--weights", weights, "--out", out, "--json")
    assert (code, json.loads(text)["images"]) == (0, 1)
    for words in (
        ["predict", images, "--weights", images / "x.png", "--out", tmp_path / "other"],
        ["predict", images / "x.png", "--weights", weights, "--out", tmp_path / "other"],
        ["evaluate", out, out, "--schema", images / "x.png"],
    ):
        code, _, err = run(capsys, *words)
        assert code == 2
        assert err.startswith("error: ")
        assert "is a named pipe" in err


@pytest.mark.skipif(os.name == "nt", reason="such names are not allowed there")
def test_a_name_is_no_command_to_the_terminal(capsys, tmp_path):
    """Escape sequences, line ends and turned text of names come out as what they are."""
    name = "a\x1b[2Jb\u202ec\nd\x9be.png"
    shown = "a\\x1b[2Jb\\u202ec\\nd\\x9be.png"
    masks = folder_with(tmp_path / "masks", name, "b.png")
    found = folder_with(tmp_path / "found", "b.png")

    whole = run(capsys, "evaluate", masks, masks, "--per-image")
    missing = run(capsys, "evaluate", found, masks)
    (tmp_path / "found" / name).write_bytes(b"x")
    broken = run(capsys, "evaluate", found, masks)

    assert [whole[0], missing[0], broken[0]] == [0, 1, 2]
    for code, (_, out, err) in zip((0, 1, 2), (whole, missing, broken), strict=True):
        line = shown if code < 2 else shown.replace("\\n", " ")  # an error is one line
        assert line in out + err, code
        assert not {"\x1b", "\u202e", "\x9b"} & {*out, *err}


@pytest.mark.skipif(os.name == "nt", reason="such names are not allowed there")
def test_a_file_of_weights_is_no_command_to_the_terminal(capsys, tmp_path, weights):
    """Its name heads a column of the table of classes."""
    images = folder_with(tmp_path / "images", "a.png")
    folder_with(images / "masks", "a.png")
    (images / "masks" / "segstudio.json").write_text(json.dumps(SCHEMA.to_json()))
    named = weights.rename(tmp_path / "w\x1b[2J\u202ex.safetensors")
    code, out, err = run(capsys, "compare", images, "--models", named)
    assert (code, err) == (0, "")
    assert "class  name        w\\x1b[2J\\u202ex\n" in out
    assert not {"\x1b", "\u202e"} & set(out)
