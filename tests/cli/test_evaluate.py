"""`segstudio evaluate` on masks whose scores are worked out by hand."""

import json

import cv2
import numpy as np
import pytest
import tifffile
from commands import evaluate, save
from PIL import Image

from segstudio.__main__ import main
from segstudio.core.schema import LabelSchema
from segstudio.metrics.image_figures import MEASURES
from segstudio.metrics.measure import Where
from segstudio.storage.annotations import Annotations
from segstudio.storage.formats.png import encode_instance_png
from segstudio.storage.project import open_project


@pytest.fixture
def folders(tmp_path):
    """Two images. Class 1: TP 3+0, FP 1+1, FN 1+1; class 2: TP 2, FN 0, FP 0; 255 ignored."""
    pred, truth = tmp_path / "pred", tmp_path / "gt"
    save(truth / "a.png", [[1, 1, 1, 1], [0, 0, 2, 2], [0, 0, 255, 255]])
    save(pred / "a.png", [[1, 1, 1, 0], [1, 0, 2, 2], [0, 0, 1, 0]])
    save(truth / "b.png", [[0, 1]])
    save(pred / "b.png", [[1, 0]])
    return pred, truth


def report(capsys, *arguments):
    code, out, err = evaluate(capsys, *arguments, "--json")
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
    code, out, err = evaluate(capsys, *folders, "--schema", path)
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
    code, out, err = evaluate(capsys, *folders)
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
    code, out, err = evaluate(capsys, *arguments)
    assert (code, out) == (2, "")
    assert err.startswith("error: ")
    assert err.count("\n") == 1
    assert "nowhere" in err


def test_the_table_for_people(capsys, folders):
    code, out, _ = evaluate(capsys, *folders)
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
    code, out, _ = evaluate(capsys, *folders, "--boundary")
    assert code == 0
    assert "boundary iou" in out
    assert "mean boundary IoU" in out


def two_cells():
    """Two cells of 6 x 6 pixels, as class map and as instances; 20 x 20 pixels."""
    ids = np.zeros((20, 20), np.uint16)
    ids[2:8, 2:8], ids[12:18, 12:18] = 1, 2
    return (ids > 0).astype(np.uint8), ids


@pytest.fixture
def cells(tmp_path):
    """Ground truth of two cells; predicted is one of them, one row short, and one elsewhere."""
    _, ids = two_cells()
    save(tmp_path / "instances" / "a.png", ids, np.uint16)
    found = np.zeros((20, 20), np.uint16)
    found[2:7, 2:8], found[12:18, 2:8] = 1, 2
    save(tmp_path / "pred" / "a.png", (found > 0).astype(np.uint8))
    save(tmp_path / "pred" / "instances" / "a.png", found, np.uint16)
    return tmp_path / "pred", tmp_path / "instances"


def test_distances_of_outlines_when_asked_for(capsys, tmp_path):
    truth, _ = two_cells()
    save(tmp_path / "gt" / "a.png", truth)
    save(tmp_path / "pred" / "a.png", np.roll(truth, 2, axis=1))
    save(tmp_path / "gt" / "b.png", truth)
    save(tmp_path / "pred" / "b.png", np.zeros((20, 20)))
    folders = (tmp_path / "pred", tmp_path / "gt")
    assert "mean_hausdorff_95" not in report(capsys, *folders)
    result = report(capsys, *folders, "--hausdorff", "--per-image")
    cell = result["classes"][1]
    diagonal = np.hypot(20, 20)
    assert cell["hausdorff_95"] == pytest.approx((2 + diagonal) / 2)
    assert (cell["hausdorff_images"], cell["hausdorff_one_sided"]) == (2, 1)
    assert result["mean_hausdorff_95"] == pytest.approx(
        np.mean([c["hausdorff_95"] for c in result["classes"]])
    )
    assert result["per_image"][1]["mean_hausdorff_95"] > diagonal / 2
    _, out, _ = evaluate(capsys, *folders, "--hausdorff")
    assert "hausdorff 95" in out
    assert "one map lacks the class in 1 of 4" in out


def test_centre_lines_and_areas_when_asked_for(capsys, tmp_path):
    save(tmp_path / "gt" / "a.png", [[0] * 12, [0] + [1] * 8 + [0] * 3, [0] * 12])
    save(tmp_path / "pred" / "a.png", [[0] * 12, [0] * 5 + [1] * 6 + [0], [0] * 12])
    folders = (tmp_path / "pred", tmp_path / "gt")
    assert "mean_cldice" not in report(capsys, *folders)
    result = report(capsys, *folders, "--cldice", "--error-areas", "--per-image")
    line = result["classes"][1]
    assert (line["cldice"], line["tprec"]) == pytest.approx((4 / 7, 4 / 6))
    assert (line["fp_area"], line["fn_area"]) == (2, 4)
    assert (line["fp_rate"], line["fn_rate"]) == pytest.approx((2 / 28, 4 / 8))
    assert result["mean_cldice_foreground"] == pytest.approx(4 / 7)
    assert result["per_image"][0]["by_class"]["fn_area"] == {"0": 2, "1": 4}
    assert result["per_image"][0]["mean_fn_area_foreground"] == 4
    _, out, _ = evaluate(capsys, *folders, "--cldice", "--error-areas")
    assert "cldice  fp area  fn area  pixels" in out
    assert "(foreground 0.5714)" in out
    assert "mean false-negative area 3.00 px (foreground 4.00 px)" in out


@pytest.mark.parametrize("measure", [m for m in MEASURES if m.option], ids=lambda m: m.option)
def test_every_measure_with_a_flag_is_told(capsys, cells, measure):
    plain, asked = report(capsys, *cells), report(capsys, *cells, f"--{measure.option}")
    names = {f.total for f in measure.at(Where.FOLDER)}
    assert not names & plain.keys()
    assert names <= (asked[measure.section] if measure.section else asked).keys()
    columns = {f.json for f in measure.at(Where.CLASSES)}
    assert columns <= asked["classes"][1].keys()
    assert not columns & plain["classes"][1].keys()
    _, text, _ = evaluate(capsys, *cells, f"--{measure.option}")
    assert all(line in text for line in measure.summary(asked, True))
    assert main(["evaluate", "--help"]) == 0
    assert f"--{measure.option}" in capsys.readouterr().out


def test_average_precision_of_objects(capsys, cells):
    assert "instances" not in report(capsys, *cells)
    found = report(capsys, *cells, "--instances")["instances"]
    assert (found["objects"], found["detections"], found["scored"]) == (2, 2, False)
    # One of two is right with an IoU of 30 / 36: precision 0.5 up to a recall of 0.5.
    assert found["ap_50"] == found["ap_75"] == pytest.approx(51 / 101 / 2)
    assert found["ap"] == pytest.approx(7 / 10 * 51 / 101 / 2)
    assert found["box"]["ap_50"] == pytest.approx(51 / 101 / 2)
    _, out, _ = evaluate(capsys, *cells, "--instances")
    assert "average precision of masks: 0.1767 at 0.50:0.95" in out
    assert "no scores" in out


def test_scores_in_the_file_rank_the_objects(capsys, cells):
    path = cells[0] / "instances" / "a.png"
    ids = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
    for scores, expected in (((0.9, 0.2), 51 / 101), ((0.2, 0.9), 51 / 101 / 2)):
        path.write_bytes(encode_instance_png(ids, scores=scores))
        found = report(capsys, *cells, "--instances")["instances"]
        assert found["scored"]
        assert found["ap_50"] == pytest.approx(expected)


def test_regions_stand_for_objects_that_are_not_told_apart(capsys, cells):
    (cells[0] / "instances" / "a.png").unlink()
    result = report(capsys, *cells, "--instances", "--panoptic")
    assert result["objects"] is None
    assert result["instances"]["regions_as_objects"] == 1
    assert result["instances"]["ap_50"] == pytest.approx(51 / 101 / 2)
    _, out, _ = evaluate(capsys, *cells, "--panoptic")
    assert "connected regions stand for the predicted objects in 1 of 1 image" in out


def test_without_objects_in_the_truth_there_is_no_average_precision(capsys, folders):
    assert report(capsys, *folders, "--instances")["instances"] is None
    code, out, _ = evaluate(capsys, *folders, "--instances")
    assert code == 0
    assert "does not tell objects apart" in out


def test_panoptic_quality(capsys, cells):
    result = report(capsys, *cells, "--panoptic", "--per-image")
    zero, one = result["classes"]
    # The cells: one pair with an IoU of 30 / 36, one invented, one missed.
    assert (one["pq"], one["sq"], one["rq"]) == pytest.approx((30 / 36 / 2, 30 / 36, 1 / 2))
    # The ground: 328 pixels, predicted 334, both 400 - 36 - 36 - 36 = 292.
    assert zero["pq"] == pytest.approx(292 / (328 + 334 - 292))
    found = result["panoptic"]
    assert found["pq"] == pytest.approx((zero["pq"] + one["pq"]) / 2)
    assert found["things"] == {n: pytest.approx(one[n]) for n in ("pq", "sq", "rq")}
    assert found["stuff"]["pq"] == pytest.approx(zero["pq"])
    assert result["per_image"][0]["pq"] == pytest.approx(found["pq"])
    _, out, _ = evaluate(capsys, *cells, "--panoptic")
    assert "panoptic quality" in out


def test_what_all_background_would_score(capsys, cells):
    found = report(capsys, *cells)["all_background"]
    assert found["pixel_accuracy"] == pytest.approx(328 / 400)
    assert found["mean_iou"] == pytest.approx(328 / 400 / 2)


class TestBootstrap:
    @pytest.fixture
    def models(self, tmp_path):
        """Ground truth of twelve images, a model that errs a little and one that errs more."""
        rng = np.random.default_rng(0)
        for number in range(12):
            truth = (rng.random((16, 16)) < 0.4).astype(np.uint8)
            save(tmp_path / "gt" / f"{number}.png", truth)
            for name, wrong in (("good", 0.05), ("bad", 0.2)):
                flips = rng.random(truth.shape) < wrong
                save(tmp_path / name / f"{number}.png", np.where(flips, 1 - truth, truth))
        return tmp_path

    def test_the_difference_and_its_interval(self, capsys, models):
        result = report(
            capsys, models / "good", models / "gt", "--bootstrap", "--against", models / "bad"
        )
        found = result["bootstrap"]
        others = report(capsys, models / "bad", models / "gt")
        assert found["mean_iou"]["difference"] == pytest.approx(
            result["mean_iou"] - others["mean_iou"]
        )
        assert 0 < found["mean_iou"]["low"] < found["mean_iou"]["difference"]
        assert found["mean_iou"]["high"] > found["mean_iou"]["difference"]
        assert found["mean_iou"]["share_above_zero"] == 1
        assert (found["images"], found["level"], found["resamples"]) == (12, 0.95, 2000)
        assert found["against"] == str(models / "bad")
        one = found["classes"][1]
        assert one["name"] == "class 1"
        assert one["difference"] == pytest.approx(
            result["classes"][1]["iou"] - others["classes"][1]["iou"]
        )

    def test_only_images_of_both_are_compared(self, capsys, models):
        for number in range(3, 12):
            (models / "bad" / f"{number}.png").unlink()
        arguments = (models / "good", models / "gt", "--bootstrap", "--against", models / "bad")
        result = report(capsys, *arguments)
        assert result["images"] == 12
        assert result["bootstrap"]["images"] == 3
        code, out, _ = evaluate(capsys, *arguments)
        assert code == 0
        assert "on 3 images, 95% interval of 2000 resamples" in out

    def test_folders_without_a_common_image_are_an_error(self, capsys, models):
        for number in range(12):
            file = models / ("bad" if number < 6 else "good") / f"{number}.png"
            file.unlink()
        code, out, err = evaluate(
            capsys, models / "good", models / "gt", "--bootstrap", "--against", models / "bad"
        )
        assert (code, out) == (2, "")
        assert "no image in common" in err

    @pytest.mark.parametrize("arguments", [("--bootstrap",), ("--against", "somewhere")])
    def test_the_two_options_belong_together(self, capsys, models, arguments):
        code, out, err = evaluate(capsys, models / "good", models / "gt", *arguments)
        assert (code, out) == (2, "")
        assert "--against" in err


# -- stacks ------------------------------------------------------------------------------------


@pytest.fixture
def stack(tmp_path):
    """Ground truth of three pages in one file: 10, 20 and 30 pixels of an object."""
    pages = np.zeros((3, 10, 10), np.uint8)
    for page in range(3):
        pages[page, : page + 1] = 255
    (tmp_path / "gt").mkdir()
    tifffile.imwrite(tmp_path / "gt" / "cells.tif", pages, photometric="minisblack")
    return tmp_path


def test_predictions_of_pages_are_held_against_their_pages(capsys, stack):
    (stack / "pred").mkdir()
    for name, rows in (("cells.png", 1), ("cells_p0002.png", 1), ("cells_p0003.png", 3)):
        mask = np.zeros((10, 10), np.uint8)
        mask[:rows] = 255
        Image.fromarray(mask).save(stack / "pred" / name)
    code, text, _ = evaluate(capsys, stack / "pred", stack / "gt", "--json", "--per-image")
    found = json.loads(text)
    assert code == 0
    assert found["images"] == 3
    # 10 + 10 + 30 of 10 + 20 + 30 pixels
    assert found["classes"][1]["iou"] == pytest.approx(50 / 60)
    assert [row["name"] for row in found["per_image"]] == [
        "cells.png", "cells_p0002.png", "cells_p0003.png"
    ]  # fmt: skip


def test_stacks_are_compared_page_by_page(capsys, stack):
    pages = np.zeros((3, 10, 10), np.uint8)
    pages[:, :1] = 255
    (stack / "pred").mkdir()
    tifffile.imwrite(stack / "pred" / "cells.tif", pages, photometric="minisblack")
    code, text, _ = evaluate(capsys, stack / "pred", stack / "gt", "--json", "--per-image")
    found = json.loads(text)
    assert (code, found["images"]) == (0, 3)
    assert found["classes"][1]["iou"] == pytest.approx(30 / 60)
    assert [row["name"] for row in found["per_image"]] == [
        "cells.tif", "cells.tif · page 2", "cells.tif · page 3"
    ]  # fmt: skip


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_pages_that_were_written_as_planes_of_colours_are_pages(capsys, tmp_path):
    pages = np.zeros((4, 10, 12), np.uint8)
    for page in range(4):
        pages[page, : page + 1] = 1 + page % 2
    for folder in ("gt", "pred"):
        (tmp_path / folder).mkdir()
    tifffile.imwrite(tmp_path / "gt" / "cells.tif", pages)  # planes of a colour photo with opacity
    pages[:, 1:] = 0
    tifffile.imwrite(tmp_path / "pred" / "cells.tif", pages, photometric="minisblack")
    code, text, _ = evaluate(capsys, tmp_path / "pred", tmp_path / "gt", "--json")
    found = json.loads(text)
    assert (code, found["images"]) == (0, 4)
    # one row of each page: of 1 + 3 rows with a 1, of 2 + 4 rows with a 2
    assert [row["iou"] for row in found["classes"][1:]] == pytest.approx([2 / 4, 2 / 6])


def test_pages_without_a_prediction_are_named(capsys, stack):
    (stack / "pred").mkdir()
    mask = np.zeros((10, 10), np.uint8)
    mask[:1] = 255
    Image.fromarray(mask).save(stack / "pred" / "cells.png")
    code, text, _ = evaluate(capsys, stack / "pred", stack / "gt", "--json")
    found = json.loads(text)
    assert (code, found["images"]) == (1, 1)
    assert found["classes"][1]["iou"] == 1.0
    assert found["without_prediction"] == ["cells.tif#page=2", "cells.tif#page=3"]


class TestNamesThatDoNotAgree:
    """The predictions say what was found, the ground truth does not, or says something else."""

    @pytest.fixture
    def pairs(self, tmp_path):
        pred, truth = tmp_path / "pred", tmp_path / "streets" / "masks"
        save(pred / "a.png", [[0, 1, 1, 0]])
        save(truth / "a.png", [[0, 255, 255, 255]])
        names = LabelSchema.from_names(["background", "nucleus"])
        (pred / "segstudio.json").write_text(json.dumps(names.to_json()))
        return pred, truth

    def told(self, capsys, *arguments):
        code, out, err = evaluate(capsys, *arguments, "--json")
        assert code == 0
        return json.loads(out), err

    def test_a_class_without_a_name_is_said(self, capsys, pairs):
        result, err = self.told(capsys, *pairs)
        assert [c["name"] for c in result["classes"]] == ["background", "object"]
        note = result["notes"][-1]
        assert note.startswith("nothing says that nucleus of the predictions is “object” of the")
        assert "--schema FILE" in note
        assert err == f"note: {note}\n"

    def test_another_name_is_said(self, capsys, pairs):
        names = LabelSchema.from_names(["background", "pedestrian"])
        (pairs[1] / "segstudio.json").write_text(json.dumps(names.to_json()))
        result, err = self.told(capsys, *pairs)
        assert err == f"note: {result['notes'][-1]}\n"
        assert "by number: nucleus and “pedestrian”." in err
        given = ("--schema", pairs[1] / "segstudio.json")
        assert self.told(capsys, *pairs, *given)[1] == ""

    def test_several_classes_without_names_are_said(self, capsys, pairs):
        save(pairs[0] / "a.png", [[0, 1, 2, 0]])
        save(pairs[1] / "a.png", [[0, 1, 2, 2]])
        names = LabelSchema.from_names(["background", "person", "car"])
        (pairs[0] / "segstudio.json").write_text(json.dumps(names.to_json()))
        result, err = self.told(capsys, *pairs)
        assert err == f"note: {result['notes'][-1]}\n"
        assert "person and “class 1”, car and “class 2”. They are matched by number." in err
        truth = LabelSchema.from_names(["background", "person", "class 2"])
        (pairs[1] / "segstudio.json").write_text(json.dumps(truth.to_json()))
        assert (
            "nothing says that car of the predictions is “class 2”" in self.told(capsys, *pairs)[1]
        )
        (pairs[1] / "segstudio.json").write_text(json.dumps(names.to_json()))
        assert self.told(capsys, *pairs)[1] == ""

    def test_a_folder_of_nuclei_says_it(self, capsys, pairs, tmp_path):
        pairs[1].parent.rename(tmp_path / "nuclei")
        result, err = self.told(capsys, pairs[0], tmp_path / "nuclei" / "masks")
        assert err == ""
        assert [c["name"] for c in result["classes"]] == ["background", "nucleus"]
        # 2 of the 3 pixels of the nucleus are found
        assert result["classes"][1]["iou"] == pytest.approx(2 / 3)


def corrected_folder(root):
    """A folder of photos whose ground truth was corrected; what the masks are now."""
    truth = np.zeros((20, 30), np.uint8)
    truth[5:15, 5:15] = 1
    save(root / "a.png", np.full((20, 30, 3), 90))
    save(root / "masks" / "a.png", truth)
    project = open_project(root)
    corrected = truth.copy()
    corrected[5:15, 15:25] = 1
    schema = LabelSchema.from_names(("background", "cell"))
    annotations = Annotations(project.root, project.truth)
    annotations.write(project.images[0], corrected, None, schema)
    assert (root / "masks" / ".originals" / "a.png").exists()
    return corrected


def test_masks_that_are_named_count_as_they_are_on_the_disk(capsys, tmp_path):
    corrected = corrected_folder(tmp_path / "set")
    masks = tmp_path / "set" / "masks"
    save(tmp_path / "pred" / "a.png", corrected)
    classes = ("--schema", masks / "segstudio.json")
    for sides in ((tmp_path / "pred", masks), (masks, tmp_path / "pred"), (masks, masks)):
        result = report(capsys, *sides, *classes)
        assert [c["iou"] for c in result["classes"]] == [1.0, 1.0]
    originals = report(capsys, tmp_path / "pred", masks / ".originals", *classes)
    assert originals["classes"][1]["iou"] == 0.5
    assert originals["ground_truth"]["masks"] == str(masks / ".originals")
    pattern = report(capsys, tmp_path / "pred", masks, "--pattern", "{stem}.png", *classes)
    assert pattern["classes"][1]["iou"] == 1.0
