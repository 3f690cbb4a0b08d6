"""`segstudio evaluate` on masks whose values mean different things: colours, 16 bits, sizes."""

import json

import cv2
import numpy as np
import pytest

from segstudio.__main__ import main
from segstudio.core.schema import ClassSpec, LabelSchema

COLOURS = np.array([[0, 0, 0], [200, 10, 10], [10, 200, 10], [10, 10, 200], [90, 90, 90]], np.uint8)


def save(folder, name, ids, *, colours=False, dtype=np.uint8):
    folder.mkdir(parents=True, exist_ok=True)
    pixels = COLOURS[np.array(ids)][..., ::-1] if colours else np.array(ids, dtype)
    assert cv2.imwrite(str(folder / name), pixels)


def schema_file(path, ids=(0, 1, 2, 3)):
    classes = (ClassSpec(i, f"c{i}", tuple(COLOURS[i].tolist())) for i in ids)
    path.write_text(json.dumps(LabelSchema(tuple(classes)).to_json()))
    return path


def run(capsys, *arguments):
    code = main(["evaluate", *map(str, arguments)])
    captured = capsys.readouterr()
    return code, captured.out, captured.err


def iou_of(capsys, *arguments):
    code, out, err = run(capsys, *arguments, "--json")
    assert (code, err) == (0, "")
    found = json.loads(out)
    return {c["name"]: c["iou"] for c in found["classes"] if c["iou"] is not None}, found


@pytest.fixture
def folders(tmp_path):
    return tmp_path / "pred", tmp_path / "gt"


TRUTH = [[1, 1, 2, 2], [3, 3, 3, 3]]
FOUND = [[2, 2, 2, 2], [3, 3, 3, 0]]  # no 1
WANTED = {"c0": 0, "c1": 0, "c2": 1 / 2, "c3": 3 / 4}


def test_a_colour_is_the_same_class_on_both_sides(capsys, folders):
    """Also if one side has fewer colours, or one that the other has not."""
    pred, truth = folders
    save(truth, "a.png", TRUTH, colours=True)
    save(pred, "a.png", FOUND, colours=True)
    found, _ = iou_of(capsys, *folders)
    assert sorted(found.values()) == pytest.approx(sorted(WANTED.values()))
    save(pred, "a.png", [[4, 1, 2, 2], [3, 3, 3, 3]], colours=True)
    found, _ = iou_of(capsys, *folders)
    assert sorted(found.values()) == pytest.approx([0, 1 / 2, 1, 1])


def test_classes_tell_which_colour_is_which_number(capsys, folders, tmp_path):
    pred, truth = folders
    file = schema_file(tmp_path / "classes.json")
    for colours in ((True, True), (True, False), (False, True)):
        save(truth, "a.png", TRUTH, colours=colours[0])
        save(pred, "a.png", FOUND, colours=colours[1])
        found, _ = iou_of(capsys, *folders, "--schema", file)
        assert found == pytest.approx(WANTED), colours


def test_the_classes_beside_the_predictions_tell_the_colours_too(capsys, folders):
    pred, truth = folders
    save(truth, "a.png", TRUTH, colours=True)
    save(pred, "a.png", FOUND)
    schema_file(pred / "segstudio.json")
    found, _ = iou_of(capsys, *folders)
    assert list(found.values()) == pytest.approx(list(WANTED.values()))


@pytest.mark.parametrize("colours", [(True, False), (False, True)])
def test_colours_against_numbers_without_classes_are_an_error(capsys, folders, colours):
    pred, truth = folders
    save(truth, "a.png", TRUTH, colours=colours[0])
    save(pred, "a.png", FOUND, colours=colours[1])
    code, out, err = run(capsys, *folders)
    assert (code, out) == (2, "")
    coloured, numbered = (truth, pred) if colours[0] else (pred, truth)
    assert f"{coloured} have colours" in err
    assert f"{numbered} hold numbers" in err
    assert "--schema" in err


def test_sixteen_bits_are_objects_unless_the_classes_say_otherwise(capsys, folders, tmp_path):
    pred, truth = folders
    save(truth, "a.png", TRUTH, dtype=np.uint16)
    save(pred, "a.png", FOUND, dtype=np.uint16)
    found, whole = iou_of(capsys, *folders)
    assert list(found.values()) == pytest.approx([0, 7 / 8])
    assert whole["ground_truth_values"] == "instances"
    assert "give --schema" in run(capsys, *folders)[1]
    file = schema_file(tmp_path / "classes.json")
    found, whole = iou_of(capsys, *folders, "--schema", file)
    assert found == pytest.approx(WANTED)
    assert whole["ground_truth_values"] == "index"


def test_masks_of_different_sizes_are_told_with_both_sizes(capsys, folders):
    pred, truth = folders
    save(truth, "a.png", TRUTH)
    save(pred, "a.png", FOUND[:1])
    code, out, err = run(capsys, *folders)
    assert (code, out) == (2, "")
    assert f"prediction {pred / 'a.png'} has 4 x 1 pixels" in err
    assert f"{truth / 'a.png'} has 4 x 2" in err
    assert "image opens" not in err


def test_a_folder_that_is_none(capsys, folders):
    pred, truth = folders
    save(pred, "a.png", FOUND)
    for arguments in ((pred, truth), (truth, pred), (pred, pred / "a.png"), (pred / "a.png", pred)):
        code, out, err = run(capsys, *arguments)
        assert (code, out) == (2, "")
        assert "a.png is a file. Give a folder." in err or f"no folder {truth}." in err
        assert err.count("\n") == 1


def test_compare_and_the_photos_need_folders_too(capsys, folders, tmp_path):
    pred, truth = folders
    save(pred, "a.png", FOUND)
    save(truth, "a.png", TRUTH)
    report = tmp_path / "r.html"
    for arguments in (
        ("evaluate", pred, truth, "--report", report, "--images", tmp_path / "none"),
        ("compare", tmp_path / "none", "--models", "unet-nuclei"),
        ("compare", pred, "--models", "unet-nuclei", "--gt", tmp_path / "none"),
    ):
        assert main([str(a) for a in arguments]) == 2
        captured = capsys.readouterr()
        assert captured.out == ""
        assert captured.err == f"error: There is no folder {tmp_path / 'none'}. Check the path.\n"
    assert not report.exists()


def test_a_report_where_nothing_may_be_written_is_refused_at_once(
    capsys, folders, tmp_path, monkeypatch
):
    pred, truth = folders
    save(pred, "a.png", FOUND)
    save(truth, "a.png", TRUTH)
    locked = tmp_path / "locked"
    locked.mkdir()
    # root may write anywhere, so the system's answer is made up
    monkeypatch.setattr("segstudio.cli.report_files.os.access", lambda path, _mode: path != locked)
    code, out, err = run(capsys, pred, truth, "--report", locked / "r.html")
    assert (code, out) == (2, "")
    assert err == f"error: Nothing may be written into {locked}. Change --report.\n"
