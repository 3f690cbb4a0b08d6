"""`segstudio evaluate` on masks whose scores are worked out by hand."""

import json

import cv2
import numpy as np
import pytest

from segstudio.__main__ import main
from segstudio.core.schema import LabelSchema


def save(path, rows, dtype=np.uint8):
    path.parent.mkdir(parents=True, exist_ok=True)
    assert cv2.imwrite(str(path), np.array(rows, dtype))


@pytest.fixture
def folders(tmp_path):
    """Two images. Class 1: TP 3+0, FP 1+1, FN 1+1; class 2: TP 2, FN 0, FP 0; 255 ignored."""
    pred, truth = tmp_path / "pred", tmp_path / "gt"
    save(truth / "a.png", [[1, 1, 1, 1], [0, 0, 2, 2], [0, 0, 255, 255]])
    save(pred / "a.png", [[1, 1, 1, 0], [1, 0, 2, 2], [0, 0, 1, 0]])
    save(truth / "b.png", [[0, 1]])
    save(pred / "b.png", [[1, 0]])
    return pred, truth


def run(capsys, *arguments):
    code = main(["evaluate", *map(str, arguments)])
    captured = capsys.readouterr()
    return code, captured.out, captured.err


def report(capsys, *arguments):
    code, out, err = run(capsys, *arguments, "--json")
    assert (code, err) == (0, "")
    return json.loads(out)


def test_scores_come_from_summed_counts(capsys, folders):
    result = report(capsys, *folders)
    zero, one, two = result["classes"]
    # class 0: truth 4 + 1, predicted 4 + 1, both 3 + 0
    assert (zero["iou"], zero["dice"]) == (pytest.approx(3 / 7), pytest.approx(6 / 10))
    assert (one["iou"], one["dice"]) == (pytest.approx(3 / 7), pytest.approx(6 / 10))
    assert (one["precision"], one["recall"]) == (pytest.approx(3 / 5), pytest.approx(3 / 5))
    assert (two["iou"], two["pixels"]) == (1.0, 2)
    assert (one["id"], one["name"], one["pixels"]) == (1, "class 1", 5)
    assert result["images"] == 2
    assert result["mean_iou"] == pytest.approx((3 / 7 + 3 / 7 + 1) / 3)
    assert result["mean_dice"] == pytest.approx((0.6 + 0.6 + 1) / 3)
    assert result["pixel_accuracy"] == pytest.approx(8 / 12)
    assert result["frequency_weighted_iou"] == pytest.approx((5 * 3 / 7 + 5 * 3 / 7 + 2) / 12)
    assert (result["pixels"], result["ignored_pixels"]) == (12, 2)


def test_means_over_images_have_their_own_name(capsys, folders):
    result = report(capsys, *folders)
    # image a: classes 0, 1, 2 with 3/5, 3/5, 1; image b: 0, 0
    assert result["image_mean_iou"] == pytest.approx(((0.6 + 0.6 + 1) / 3 + 0) / 2)


def test_images_are_listed_when_asked_and_the_worst_always(capsys, folders):
    assert report(capsys, *folders)["per_image"] == []
    result = report(capsys, *folders, "--per-image")
    assert [row["name"] for row in result["per_image"]] == ["a.png", "b.png"]
    assert [row["name"] for row in result["worst"]] == ["b.png", "a.png"]
    a, b = result["per_image"]
    assert a["iou"] == {"0": pytest.approx(0.6), "1": pytest.approx(0.6), "2": 1.0}
    assert b["iou"] == {"0": 0.0, "1": 0.0, "2": None}


def test_the_ignored_id_can_be_chosen(capsys, folders):
    result = report(capsys, *folders, "--ignore", 2)
    assert [c["id"] for c in result["classes"]] == [0, 1, 255]
    assert result["ignored_pixels"] == 2


def test_a_schema_gives_names_and_absent_classes_are_null(capsys, folders, tmp_path):
    schema = LabelSchema.from_names(["ground", "cell", "hole", "never"])
    path = tmp_path / "classes.json"
    path.write_text(json.dumps(schema.to_json()))
    result = report(capsys, *folders, "--schema", path)
    assert [c["name"] for c in result["classes"]] == ["ground", "cell", "hole", "never"]
    assert result["classes"][3]["iou"] is None
    assert result["scored_classes"] == 3
    assert result["mean_iou"] == pytest.approx((3 / 7 + 3 / 7 + 1) / 3)


def test_the_schema_beside_the_ground_truth_is_used(capsys, folders):
    schema = LabelSchema.from_names(["ground", "cell", "hole"])
    (folders[1] / "segstudio.json").write_text(json.dumps(schema.to_json()))
    assert [c["name"] for c in report(capsys, *folders)["classes"]] == ["ground", "cell", "hole"]


def test_ids_outside_the_schema_are_an_error_that_names_the_file(capsys, folders, tmp_path):
    path = tmp_path / "classes.json"
    path.write_text(json.dumps(LabelSchema.from_names(["ground", "cell", "hole"]).to_json()))
    save(folders[0] / "b.png", [[7, 0]])
    code, out, err = run(capsys, *folders, "--schema", path)
    assert (code, out) == (2, "")
    assert err.startswith("error: ")
    assert "b.png" in err
    assert "7" in err


def test_ground_truth_of_instances_counts_as_one_class(capsys, tmp_path):
    pred = tmp_path / "pred"
    save(pred / "a.png", [[1, 1, 0, 0, 1]])
    save(tmp_path / "instances" / "a.png", [[3, 9, 9, 0, 0]])  # 8 bit, by the folder's name
    save(tmp_path / "wide" / "a.png", [[3, 900, 900, 0, 0]], np.uint16)
    for folder in ("instances", "wide"):
        one = report(capsys, pred, tmp_path / folder)["classes"][1]
        # truth 3 pixels, predicted 3, both 2
        assert one["iou"] == pytest.approx(2 / 4)
        assert one["pixels"] == 3


def test_objects_are_matched_where_both_sides_have_instances(capsys, tmp_path):
    pred, truth = tmp_path / "pred", tmp_path / "instances"
    save(pred / "a.png", [[1, 1, 1, 0, 1, 0, 1]])
    save(pred / "instances" / "a.png", [[1, 1, 1, 0, 2, 0, 3]], np.uint16)
    save(truth / "a.png", [[5, 5, 0, 0, 0, 0, 8]])
    objects = report(capsys, pred, truth)["objects"]
    # 5 and 1: IoU 2/3; 8 and 3: IoU 1; 2 is invented
    assert (objects["found"], objects["invented"], objects["missed"]) == (2, 1, 0)
    assert objects["f1"] == pytest.approx(4 / 5)
    assert objects["mean_iou_of_found"] == pytest.approx(5 / 6)
    assert report(capsys, pred, truth, "--per-image")["classes"][1]["pixels"] == 3


def test_without_instances_there_are_no_objects(capsys, folders):
    assert report(capsys, *folders)["objects"] is None


def test_black_and_white_masks_are_class_1(capsys, tmp_path):
    save(tmp_path / "pred" / "a.png", [[255, 255, 0, 0]])
    save(tmp_path / "gt" / "a_mask.png", [[255, 0, 0, 0]])
    result = report(capsys, tmp_path / "pred", tmp_path / "gt")
    assert [c["id"] for c in result["classes"]] == [0, 1]
    assert result["classes"][1]["iou"] == pytest.approx(1 / 2)


def test_predictions_without_ground_truth_are_counted_apart(capsys, folders):
    save(folders[0] / "lonely.png", [[0, 1]])
    result = report(capsys, *folders)
    assert result["images"] == 2
    assert result["without_ground_truth"] == ["lonely.png"]


def test_a_mask_of_another_size_names_both_files(capsys, folders):
    save(folders[1] / "b.png", [[0, 1, 1]])
    code, out, err = run(capsys, *folders)
    assert (code, out) == (2, "")
    assert str(folders[0] / "b.png") in err
    assert str(folders[1] / "b.png") in err


@pytest.mark.parametrize("which", ["pred", "gt", "schema", "unmatched"])
def test_what_cannot_be_read_ends_with_2(capsys, folders, tmp_path, which):
    pred, truth = folders
    arguments = [pred, truth]
    if which == "pred":
        arguments[0] = tmp_path / "nowhere"
    elif which == "gt":
        arguments[1] = tmp_path / "nowhere"
    elif which == "schema":
        (tmp_path / "nowhere.json").write_text("{")
        arguments += ["--schema", tmp_path / "nowhere.json"]
    else:
        save(tmp_path / "nowhere" / "z.png", [[0]])
        arguments[1] = tmp_path / "nowhere"
    code, out, err = run(capsys, *arguments)
    assert (code, out) == (2, "")
    assert err.startswith("error: ")
    assert err.count("\n") == 1
    assert "nowhere" in err


def test_the_table_for_people(capsys, folders):
    code, out, _ = run(capsys, *folders)
    assert code == 0
    row = next(line for line in out.splitlines() if "class 1" in line)
    assert row.split() == ["1", "class", "1", "0.4286", "0.6000", "0.6000", "0.6000", "5"]
    assert "mean IoU 0.6190" in out
    assert out.index("b.png") < out.index("a.png")


def test_boundaries_are_scored_when_asked_for(capsys, tmp_path):
    square = np.zeros((20, 20), np.uint8)  # 2 % of the diagonal: 1 pixel
    square[2:8, 2:8] = 1
    save(tmp_path / "gt" / "a.png", square)
    save(tmp_path / "pred" / "a.png", np.roll(square, 1, axis=1))
    folders = (tmp_path / "pred", tmp_path / "gt")
    assert "mean_boundary_iou" not in report(capsys, *folders)
    result = report(capsys, *folders, "--boundary")
    zero, one = (c["boundary_iou"] for c in result["classes"])
    assert one == pytest.approx(10 / 30)
    assert result["mean_boundary_iou"] == pytest.approx((zero + one) / 2)
    code, out, _ = run(capsys, *folders, "--boundary")
    assert code == 0
    assert "boundary iou" in out
    assert "mean boundary IoU" in out
