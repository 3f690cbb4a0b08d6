"""Which command a line of arguments means, and how errors end."""

import json
import subprocess
import sys

import pytest

import segstudio.__main__ as entry
from segstudio import __version__
from segstudio.models.registry import registry


@pytest.fixture
def windows(monkeypatch):
    """The windows that were opened, instead of opening them."""
    opened = []

    def open_window(folder, *, samples=False, screenshot=None, masks=None):
        opened.append((folder and str(folder), samples, screenshot and str(screenshot)))
        return 0

    monkeypatch.setattr(entry, "open_window", open_window)
    return opened


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ([], (None, False, None)),
        (["here"], ("here", False, None)),
        (["--samples"], (None, True, None)),
        (["here", "--screenshot", "a.png"], ("here", False, "a.png")),
        (["--screenshot", "a.png", "--samples"], (None, True, "a.png")),
        (["--screenshot", "a.png", "here"], ("here", False, "a.png")),
        (["./models"], ("models", False, None)),
    ],
)
def test_what_is_no_command_is_for_the_window(windows, tmp_path, monkeypatch, arguments, expected):
    monkeypatch.chdir(tmp_path)
    for name in ("here", "models"):
        (tmp_path / name).mkdir()
    assert entry.main(arguments) == 0
    assert windows == [expected]


def test_a_command_wins_over_a_folder_of_its_name(windows, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "models").mkdir()
    assert entry.main(["models"]) == 0
    assert windows == []
    assert "unet-nuclei" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["nowhere"], "nowhere"),
        (["--samples", "."], "not both"),
        (["--frobnicate"], "--frobnicate"),
        (["predict"], "folder"),
        (["predict", ".", "--out", "x", "--limit", "many"], "--limit"),
        (["predict", ".", "--out", "x", "--limit", "0"], "--limit"),
        (["predict", ".", "--out", "x"], "--model"),
        (["evaluate", "a"], "gt_dir"),
        (["evaluate", "a", "b", "--outlines"], "--outlines"),
        (["evaluate", "a", "b", "--ignore", "300"], "--ignore"),
        (["models", "extra"], "extra"),
    ],
)
def test_wrong_usage_is_one_line_and_exit_code_2(windows, capsys, arguments, words):
    assert entry.main(arguments) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("error: ")
    assert captured.err.count("\n") == 1
    assert words in captured.err
    assert windows == []


def test_help_and_version(capsys):
    assert entry.main(["--help"]) == 0
    text = capsys.readouterr().out
    for word in ("FOLDER", "--samples", "--screenshot", "models", "predict", "evaluate"):
        assert word in text
    assert "window" not in text.split("Commands:")[1]
    assert entry.main(["--version"]) == 0
    assert capsys.readouterr().out == f"segstudio {__version__}\n"
    assert entry.main(["predict", "--help"]) == 0
    assert "--overwrite" in capsys.readouterr().out


def test_models_as_json(capsys, tmp_path, monkeypatch):
    monkeypatch.setenv("SEGSTUDIO_HOME", str(tmp_path))
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    assert entry.main(["models", "--json"]) == 0
    captured = capsys.readouterr()
    listed = {m["id"]: m for m in json.loads(captured.out)}
    assert captured.err == ""
    assert list(listed) == list(registry())
    unet, rcnn = listed["unet-nuclei"], listed["maskrcnn-resnet50"]
    assert {"id", "family", "task", "classes", "embedded", "weights"} <= set(unet)
    assert unet["embedded"]
    assert unet["weights"]["on_disk"]
    assert unet["classes"] == ["background", "nucleus"]
    assert rcnn["task"] == "instance"
    assert len(rcnn["classes"]) == len(rcnn["class_ids"]) == 81
    assert not rcnn["weights"]["on_disk"]
    assert rcnn["weights"]["url"].startswith("https://download.pytorch.org/")


def run_python(code, **environment):
    return subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env={"PATH": "/usr/bin:/bin", **environment},
    )


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="Qt aborts only on Linux")
def test_without_a_screen_one_line_tells_what_to_do():
    result = run_python("import sys; from segstudio.__main__ import main; sys.exit(main())")
    assert result.returncode == 2
    assert result.stdout == ""
    assert result.stderr.startswith("error: ")
    assert result.stderr.count("\n") == 1
    assert "DISPLAY" in result.stderr
    assert "xvfb-run" in result.stderr


def test_the_bare_start_imports_neither_typer_nor_torch():
    code = """
import sys, types
from segstudio.__main__ import main
fake = types.ModuleType("segstudio.window.application")
fake.run = lambda *a: print("opened", *a) or 0
import segstudio.window
sys.modules["segstudio.window.application"] = segstudio.window.application = fake
main([])
print([m for m in ("typer", "rich", "torch", "cv2") if m in sys.modules])
"""
    result = run_python(code, QT_QPA_PLATFORM="offscreen")
    assert result.stdout.splitlines() == ["opened None False None None", "[]"], result.stderr


def test_the_listing_of_models_needs_no_torch(tmp_path):
    code = (
        "import sys; from segstudio.__main__ import main; main(['models']);"
        "print('torch' in sys.modules, file=sys.stderr)"
    )
    result = run_python(code, SEGSTUDIO_HOME=str(tmp_path))
    assert result.stderr.strip() == "False"
