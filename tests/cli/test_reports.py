"""`segstudio evaluate --report` and `segstudio compare --report`: from the line to the file."""

import errno
import html
import json
import os
import re
import shlex
import xml.etree.ElementTree as ET

import cv2
import numpy as np
import pytest
import torch
from commands import run
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from segstudio.__main__ import main
from segstudio.core.errors import SegstudioError
from segstudio.core.schema import LabelSchema
from segstudio.models.families.unet import UNet

SHAPE = (24, 32)


def save(path, pixels):
    path.parent.mkdir(parents=True, exist_ok=True)
    assert cv2.imwrite(str(path), np.asarray(pixels, np.uint8))


def square(left):
    mask = np.zeros(SHAPE, np.uint8)
    mask[4:14, left : left + 10] = 1
    return mask


@pytest.fixture
def folders(tmp_path):
    """Photos, ground truth, and two folders of predictions: one right, one two columns off."""
    rng = np.random.default_rng(0)
    for name in ("a", "b", "c"):
        save(tmp_path / "cells" / f"{name}.jpg", rng.integers(0, 256, (*SHAPE, 3)))
        save(tmp_path / "gt" / f"{name}_mask.png", square(6))
        save(tmp_path / "right" / f"{name}.png", square(6))
        save(tmp_path / "off" / f"{name}.png", square(8))
    return tmp_path


@pytest.fixture
def weights(tmp_path):
    """A file of weights: a tiny untrained U-Net."""
    options = {"base_channels": 2, "depth": 1, "num_classes": 2}
    torch.manual_seed(0)
    data = {
        "id": "tiny", "title": "Tiny <U>", "family": "unet", "task": "semantic",
        "builder": "segstudio.models.families.unet:UNet", "options": options,
        "schema": LabelSchema.from_names(["background", "cell"]).to_json(),
        "preprocess": {"scaling": "unit", "divisor": 4},
    }  # fmt: skip
    path = tmp_path / "tiny.safetensors"
    save_file(UNet(**options).eval().state_dict(), path, {"segstudio": json.dumps(data)})
    return path


def page_of(path):
    """The page without its head, and its images."""
    text = path.read_text(encoding="utf-8")
    return text[text.index("<body>") :], re.findall(r"<img [^>]*>", text)


def models_table(page):
    root = ET.fromstring(re.search(r"<table.*?</table>", page, re.DOTALL).group(0))
    return {row[0].text: ["".join(c.itertext()) for c in row[1:]] for row in root.iter("tr")}


def test_two_folders_of_masks_are_compared(capsys, folders):
    out = folders / "report.html"
    code, text, err = run(
        capsys, "evaluate", folders / "off", folders / "gt", "--bootstrap", "--against",
        folders / "right", "--images", folders / "cells", "--report", out,
    )  # fmt: skip
    assert (code, err) == (0, f"The report is in {out}.\n")
    assert "worst images" in text
    page, images = page_of(out)
    assert re.search(r"<h1>Evaluation of [^<]*/gt</h1>", page)
    # two columns of ten are missed and two are invented: 80 of 120 and 648 of 688
    mean = (80 / 120 + (24 * 32 - 120) / (24 * 32 - 80)) / 2
    assert models_table(page)["figure"][:2] == ["right", "off"]
    assert models_table(page)["mean IoU"][:2] == ["1.000", f"{mean:.3f}"]
    assert models_table(page)["mean IoU of the foreground"][:2] == ["1.000", "0.667"]
    assert f"better by {1 - 80 / 120:.3f}" in page
    # photo, annotation, two answers, two differences of three images
    assert len(images) == 3 * 6
    assert ": the photo" in images[0]
    line = shlex.split(re.search(r"<code>(segstudio .*?)</code>", page).group(1))
    assert line[:4] == ["segstudio", "evaluate", str(folders / "off"), str(folders / "gt")]
    assert line[4:6] == ["--bootstrap", "--against"]


def test_without_photos_masks_are_drawn_on_grey(capsys, folders):
    out = folders / "report.html"
    code, text, _ = run(
        capsys, "evaluate", folders / "off", folders / "gt", "--report", out, "--json"
    )
    assert code == 0
    # a report counts all figures, and they are told
    assert json.loads(text)["mean_boundary_iou"] < 1
    page, images = page_of(out)
    assert len(images) == 3 * 4
    assert "<figcaption>No photo</figcaption>" in page


def test_only_common_masks_are_in_the_report(capsys, folders):
    (folders / "right" / "b.png").unlink()
    out = folders / "report.html"
    run(
        capsys, "evaluate", folders / "off", folders / "gt", "--bootstrap", "--against",
        folders / "right", "--report", out,
    )  # fmt: skip
    page, _ = page_of(out)
    assert "2 images that all have in common; 1 other is left out" in page


def test_models_are_compared_and_the_line_can_be_repeated(capsys, folders, weights):
    out = folders / "first.html"
    code, text, err = run(
        capsys, "compare", folders / "cells", "--gt", folders / "gt", "--models", weights,
        "--report", out, "--limit", 2,
    )  # fmt: skip
    assert (code, err) == (0, f"The report is in {out}.\n")
    assert "Tiny" not in text  # models are told by their ids there
    page, images = page_of(out)
    assert "Tiny &lt;U&gt;" in page
    assert "<U>" not in page
    assert len(images) == 2 * 4
    assert "1 image of the folder was not evaluated." in page
    assert "SHA-256" in page
    line = shlex.split(re.search(r"<code>(segstudio .*?)</code>", page).group(1))
    line[line.index(str(out))] = str(folders / "second.html")
    assert run(capsys, *line[1:])[0] == 0
    again, _ = page_of(folders / "second.html")
    assert models_table(again) == models_table(page)


def test_an_image_without_usable_truth_gives_no_report(capsys, folders, weights):
    out = folders / "report.html"
    for path in (folders / "gt").iterdir():
        save(path, np.zeros((3, 3)))
    code, _, err = run(
        capsys, "compare", folders / "cells", "--gt", folders / "gt", "--models", weights,
        "--report", out,
    )  # fmt: skip
    assert code == 2
    assert "has ground truth that can be used" in err
    assert not out.exists()


@pytest.mark.parametrize("command", ["evaluate", "compare"])
@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("", "is a folder"),
        ("no/x.html", "no folder"),
        ("gt/a_mask.png/x.html", "a_mask.png is a file, not a folder."),
    ],
)
def test_a_report_that_cannot_be_written_ends_before_the_work(capsys, folders, command, name, said):
    given = {
        "evaluate": [folders / "off", folders / "gt"],
        "compare": [folders / "cells", "--models", "nothing"],
    }
    code, out, err = run(capsys, command, *given[command], "--report", folders / name)
    assert (code, out) == (2, "")
    assert err.startswith("error: ")
    assert said in err


def test_a_report_that_is_read_only_ends_before_the_work(capsys, folders):
    page = folders / "r.html"
    page.write_text("old")
    page.chmod(0o444)
    arguments = ["evaluate", str(folders / "right"), str(folders / "gt"), "--report", str(page)]
    assert main(arguments) == 2
    captured = capsys.readouterr()
    assert (captured.out, page.read_text()) == ("", "old")
    assert "it is a read-only file" in captured.err


def test_photos_without_a_report_are_bad_usage(capsys, folders):
    code, out, err = run(
        capsys, "evaluate", folders / "off", folders / "gt", "--images", folders / "cells"
    )
    assert (code, out) == (2, "")
    assert "--report" in err


class TestReportsThatCannotBeWritten:
    """Known before the work; and if it fails after it, the figures are there all the same."""

    def evaluate(self, capsys, folders, report, *options):
        return run(
            capsys, "evaluate", folders / "off", folders / "gt", "--report", report, *options
        )

    @pytest.mark.parametrize("place", ["no/r.html", "gt/a_mask.png/r.html", "gt"])
    def test_they_are_refused_before_anything_is_read(self, capsys, folders, monkeypatch, place):
        monkeypatch.setattr("segstudio.evaluation.mask_pairs.MaskFolders.open", None)
        code, out, err = self.evaluate(capsys, folders, folders / place)
        assert (code, out) == (2, "")
        assert err.startswith("error: ")
        assert "--report" in err

    def test_a_full_disk_is_noticed_before_the_work(self, capsys, folders, monkeypatch):
        def full(*_args, **_kwargs):
            raise OSError(errno.ENOSPC, "No space left on device")

        monkeypatch.setattr("segstudio.cli.writable.tempfile.TemporaryFile", full)
        monkeypatch.setattr("segstudio.evaluation.mask_pairs.MaskFolders.open", None)
        code, out, err = self.evaluate(capsys, folders, folders / "r.html")
        assert (code, out) == (2, "")
        assert "No space left on device" in err

    def test_what_is_no_plain_file_is_not_replaced(self, capsys, folders):
        os.mkfifo(folders / "pipe")
        code, out, err = self.evaluate(capsys, folders, folders / "pipe")
        assert (code, out) == (2, "")
        assert "no plain file" in err

    def test_nothing_is_left_of_the_trial(self, capsys, folders):
        before = {p.name for p in folders.iterdir()}
        assert self.evaluate(capsys, folders, folders / "r.html")[0] == 0
        assert {p.name for p in folders.iterdir()} == before | {"r.html"}

    @pytest.mark.parametrize("as_json", [False, True])
    def test_the_figures_are_printed_before_it_fails(self, capsys, folders, monkeypatch, as_json):
        def broken(*_args, **_kwargs):
            raise SegstudioError("The disk is full.", "Make room.")

        monkeypatch.setattr("segstudio.cli.report_files.write_html", broken)
        options = ["--json"] if as_json else []
        code, out, err = self.evaluate(capsys, folders, folders / "r.html", *options)
        assert code == 1
        assert err == "error: The disk is full. Make room.\n"
        assert "mean_iou" in json.loads(out) if as_json else "mean IoU" in out

    def test_those_of_compare_too(self, capsys, folders, weights, monkeypatch):
        def broken(*_args, **_kwargs):
            raise SegstudioError("The disk is full.", "Make room.")

        monkeypatch.setattr("segstudio.cli.report_files.write_html", broken)
        code, out, err = run(
            capsys, "compare", folders / "cells", "--gt", folders / "gt", "--models", weights,
            "--report", folders / "r.html",
        )  # fmt: skip
        assert code == 1
        assert "tiny" in out
        assert "3 images with ground truth" in out
        assert err == "error: The disk is full. Make room.\n"


def making_of(page):
    """The last section: how the report was made."""
    return page[page.index('id="making"') :]


class TestWhatFiguresDependOn:
    """What the command says beside its figures is in the file as well: it is read without them."""

    def test_masks_and_their_readings(self, capsys, tmp_path):
        pred, truth = tmp_path / "pred", tmp_path / "streets" / "masks"
        save(pred / "a.png", [[0, 1, 1, 0]])
        save(truth / "a.png", [[1, 2, 2, 2]])
        names = LabelSchema.from_names(["background", "nucleus", "dust"])
        (pred / "segstudio.json").write_text(json.dumps(names.to_json()))
        out = tmp_path / "report.html"
        code, text, _ = run(capsys, "evaluate", pred, truth, "--report", out, "--json")
        notes = json.loads(text)["notes"]
        assert code == 0
        assert any("Both numbers are read as classes" in note for note in notes)
        page = plain(page_of(out)[0])
        making = making_of(page)
        assert "Values of the ground truth</dt><dd>class ids" in making
        assert "Values of the masks</dt><dd>class ids" in making
        for note in notes:
            assert note in making
            assert page.index(note) < page.index("<table")

    def test_masks_matched_by_number(self, capsys, tmp_path):
        pred, truth = tmp_path / "pred", tmp_path / "streets" / "masks"
        save(pred / "a.png", [[0, 1, 1, 0]])
        save(truth / "a.png", [[0, 255, 255, 255]])
        names = LabelSchema.from_names(["background", "nucleus"])
        (pred / "segstudio.json").write_text(json.dumps(names.to_json()))
        out = tmp_path / "report.html"
        _, _, err = run(capsys, "evaluate", pred, truth, "--report", out)
        page = plain(page_of(out)[0])
        note = err.splitlines()[0].removeprefix("note: ")
        assert "matched by number" in note
        assert page.count(note) == 2
        assert "Values of the ground truth</dt><dd>black and white" in page

    def test_the_other_folder_of_masks_has_notes_of_its_own(self, capsys, folders):
        names = LabelSchema.from_names(["background", "wheel"])
        (folders / "gt" / "segstudio.json").write_text(
            json.dumps(LabelSchema.from_names(["background", "cell"]).to_json())
        )
        (folders / "off" / "segstudio.json").write_text(json.dumps(names.to_json()))
        out = folders / "report.html"
        run(
            capsys, "evaluate", folders / "right", folders / "gt", "--bootstrap", "--against",
            folders / "off", "--report", out,
        )  # fmt: skip
        page = plain(page_of(out)[0])
        assert page.count("off: classes of other names are matched by number: wheel and") == 2

    def test_models_and_the_ground_truth(self, capsys, folders, weights):
        for name in ("a", "b", "c"):
            save(folders / "gt" / f"{name}_mask.png", 1 - square(6))
        out = folders / "report.html"
        code, text, _ = run(
            capsys, "compare", folders / "cells", "--gt", folders / "gt", "--models", weights,
            "--report", out, "--json",
        )  # fmt: skip
        notes = json.loads(text)["notes"]
        assert (code, len(notes) > 0) == (0, True)
        page = plain(page_of(out)[0])
        assert "Values of the ground truth</dt><dd>class ids" in making_of(page)
        for note in notes:
            assert note in making_of(page)
            assert page.index(note) < page.index("<table")

    def test_a_model_that_is_not_scored_is_named(self, capsys, folders, weights):
        """The figures are of the others; one without figures does not keep them from the file."""
        other = folders / "other.safetensors"
        with safe_open(weights, "pt") as file:
            data = json.loads(file.metadata()["segstudio"])
        data |= {
            "id": "other", "title": "Other",
            "schema": LabelSchema.from_names(["background", "wheel"]).to_json(),
        }  # fmt: skip
        save_file(load_file(weights), other, {"segstudio": json.dumps(data)})
        (folders / "gt" / "segstudio.json").write_text(
            json.dumps(LabelSchema.from_names(["background", "cell"]).to_json())
        )
        out = folders / "report.html"
        code, _, err = run(
            capsys, "compare", folders / "cells", "--gt", folders / "gt", "--models",
            f"{weights},{other}", "--report", out,
        )  # fmt: skip
        assert (code, f"The report is in {out}." in err) == (0, True)
        assert "Other (other.safetensors) is not scored" in err
        page = plain(page_of(out)[0])
        said = "Other (other.safetensors) is not scored: no class of the model is one of the ground"
        assert page.count(said) == 2
        assert models_table(page_of(out)[0])["figure"][:2] == [
            "Tiny <U> (tiny.safetensors)",
            "Everything background",
        ]


def plain(page):
    """A page with its entities as the characters that they stand for, tags left as they are."""
    return re.sub(r"\s+", " ", html.unescape(page)).replace("</dt> <dd>", "</dt><dd>")
