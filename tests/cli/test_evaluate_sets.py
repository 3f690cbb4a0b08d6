"""`segstudio evaluate` on whole sets: objects with classes, and truth that nobody predicted."""

import contextlib
import io
import json
import os

import numpy as np
import pytest
from commands import evaluate, save

from segstudio.core.schema import LabelSchema
from segstudio.storage.formats.png import encode_instance_png

NAMES = ["background", "cell", "fibre"]


def save_objects(path, ids, scores=()):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(encode_instance_png(ids, scores=scores))


def report(capsys, *arguments, code=0):
    found, out, _ = evaluate(capsys, *arguments, "--json")
    assert found == code
    return json.loads(out)


def painted(*parts):
    """Class ids and object ids, 20 x 20, from (class, object, rows, columns)."""
    labels, ids = np.zeros((20, 20), np.uint8), np.zeros((20, 20), np.uint16)
    for class_id, number, rows, columns in parts:
        labels[slice(*rows), slice(*columns)] = class_id
        ids[slice(*rows), slice(*columns)] = number
    return labels, ids


TRUTH = painted(
    (1, 1, (0, 4), (0, 4)),  # a cell
    (2, 2, (0, 4), (8, 12)),  # a fibre
    (1, 0, (10, 14), (0, 8)),  # cells that nobody told apart: a crowd
)
FOUND = painted(
    (1, 2, (0, 4), (0, 4)),  # the cell
    (2, 3, (0, 4), (9, 13)),  # the fibre, one column off: IoU 12 / 20
    (1, 1, (10, 14), (0, 4)),  # on the crowd: neither right nor wrong
    (1, 4, (16, 19), (16, 19)),  # a cell where none is
)
SCORES = [0.95, 0.9, 0.8, 0.5]


@pytest.fixture
def predicted(tmp_path):
    """Predictions as `segstudio predict` writes them."""
    folder = tmp_path / "out"
    save(folder / "im.png", FOUND[0])
    save_objects(folder / "instances" / "im.png", FOUND[1], SCORES)
    return folder


def inside(root):
    save(root / "gt" / "im.png", TRUTH[0])
    save_objects(root / "gt" / "instances" / "im.png", TRUTH[1])
    return [root / "gt"]


def data_set(root):
    save(root / "set" / "masks" / "im.png", TRUTH[0])
    save_objects(root / "set" / "instances" / "im.png", TRUTH[1])
    return [root / "set"]


def data_set_with_photos(root):
    save(root / "set" / "im.png", np.full((20, 20, 3), (10, 90, 200)))
    return data_set(root)


def beside(root):
    return [data_set(root)[0] / "masks"]


def voc(root):
    save(root / "VOC" / "JPEGImages" / "im.jpg", np.zeros((20, 20, 3)))
    save(root / "VOC" / "SegmentationClass" / "im.png", TRUTH[0])
    save(root / "VOC" / "SegmentationObject" / "im.png", TRUTH[1])  # 8 bit
    return [root / "VOC"]


def voc_classes(root):
    return [voc(root)[0] / "SegmentationClass"]


def elsewhere(root):
    save(root / "classes" / "im_gt.png", TRUTH[0])
    save_objects(root / "objects" / "im.png", TRUTH[1])
    return [root / "classes", "--gt-instances", root / "objects"]


@pytest.mark.parametrize(
    "layout", [inside, data_set, data_set_with_photos, beside, voc, voc_classes, elsewhere]
)
def test_objects_have_the_classes_of_the_class_map(capsys, tmp_path, predicted, layout):
    found = report(capsys, predicted, *layout(tmp_path / "truth"), "--instances", "--panoptic")
    ground, cell, fibre = found["classes"]
    # Cells: the one on the crowd is left out, the one found comes before the one invented.
    assert (cell["ap"], cell["ap_50"]) == (pytest.approx(1), pytest.approx(1))
    # The fibre is found at IoU 0.50, 0.55 and 0.60.
    assert (fibre["ap"], fibre["ap_50"], fibre["ap_75"]) == pytest.approx((3 / 10, 1, 0))
    assert found["instances"]["ap"] == pytest.approx((1 + 3 / 10) / 2)
    assert (found["instances"]["objects"], found["instances"]["scored"]) == (2, True)
    # One pair and one invented cell; one pair of fibres; the ground has 336 pixels, predicted
    # 343, both 336 - 4 - 9.
    assert cell["pq"] == pytest.approx(1 / 1.5)
    assert fibre["pq"] == pytest.approx(12 / 20)
    assert ground["pq"] == pytest.approx(323 / (336 + 343 - 323))
    assert found["panoptic"]["things"]["pq"] == pytest.approx((1 / 1.5 + 12 / 20) / 2)
    assert found["panoptic"]["stuff"]["pq"] == pytest.approx(ground["pq"])


def test_found_objects_are_counted_without_void_and_crowds(capsys, tmp_path, predicted):
    """In Pascal VOC the outlines have 255 in both masks: no object that could be missed."""
    classes, objects = TRUTH[0].copy(), TRUTH[1].copy()
    classes[0], objects[0] = 255, 255
    save(tmp_path / "SegmentationClass" / "im.png", classes)
    save(tmp_path / "SegmentationObject" / "im.png", objects)
    found = report(capsys, predicted, tmp_path / "SegmentationClass", "--panoptic")
    told = found["objects"]
    cell, fibre = found["classes"][1:]
    # A cell and the fibre; the other cell is invented, the one on the crowd is left out.
    assert (told["found"], told["missed"], told["invented"]) == (2, 0, 1)
    assert told["f1"] == pytest.approx(4 / 5)
    assert (cell["pq"], fibre["pq"]) == (pytest.approx(1 / 1.5), pytest.approx(12 / 20))


def test_predicted_objects_may_lie_elsewhere(capsys, tmp_path, predicted):
    (predicted / "instances").rename(tmp_path / "found")
    truth = inside(tmp_path)
    one = report(capsys, predicted, *truth, "--instances")
    assert one["instances"]["regions_as_objects"] == 1
    found = report(capsys, predicted, *truth, "--instances", "--pred-instances", tmp_path / "found")
    assert found["instances"]["regions_as_objects"] == 0
    assert found["instances"]["ap"] == pytest.approx(0.65)
    assert found["predictions"]["objects"] == str(tmp_path / "found")


def test_the_objects_of_the_truth_are_not_taken_for_predicted_ones(capsys, tmp_path):
    """`labels` beside `masks` and `instances`: predictions, and ground truth with its objects."""
    root = data_set(tmp_path)[0]
    save(root / "labels" / "im.png", TRUTH[0])
    found = report(capsys, root / "labels", root / "masks", "--instances")
    assert found["predictions"]["objects"] is None
    assert found["instances"]["regions_as_objects"] == 1
    itself = report(capsys, root, root, "--instances")
    assert itself["instances"]["regions_as_objects"] == 0
    assert itself["instances"]["ap"] == 1


def test_missing_folders_of_objects_are_named(capsys, tmp_path, predicted):
    code, out, err = evaluate(
        capsys, predicted, *inside(tmp_path), "--gt-instances", tmp_path / "no"
    )
    assert (code, out) == (2, "")
    assert err == f"error: There is no folder {tmp_path / 'no'}. Check the path.\n"


def test_results_in_sub_folders_are_found(capsys, tmp_path):
    for part in ("one", "two"):
        save_objects(tmp_path / "out" / "instances" / part / "im.png", FOUND[1], SCORES)
        save(tmp_path / "out" / part / "im.png", FOUND[0])
        save(tmp_path / "gt" / part / "im.png", TRUTH[0])
        save_objects(tmp_path / "gt" / "instances" / part / "im.png", TRUTH[1])
    save(tmp_path / "gt" / "three" / "im.png", TRUTH[0])
    found = report(capsys, tmp_path / "out", tmp_path / "gt", "--instances", code=1)
    assert found["images"] == 2
    assert found["instances"]["ap"] == pytest.approx(0.65)
    assert found["without_prediction"] == ["three/im.png"]


class TestMissing:
    @pytest.fixture
    def folders(self, tmp_path):
        """Ten images with a square of 100 of 400 pixels; the first three are predicted, rightly."""
        square, _ = painted((1, 0, (2, 12), (2, 12)))
        for number in range(10):
            save(tmp_path / "gt" / f"a{number}_mask.png", square)
        for number in range(3):
            save(tmp_path / "pred" / f"a{number}.png", square)
        return tmp_path / "pred", tmp_path / "gt"

    def test_it_is_counted_and_named_and_the_exit_code_is_1(self, capsys, folders):
        code, out, err = evaluate(capsys, *folders, "--json")
        found = json.loads(out)
        names = [f"a{number}_mask.png" for number in range(3, 10)]
        assert code == 1
        assert found["without_prediction"] == names
        assert (found["images"], found["ground_truth_masks"]) == (3, 10)
        assert (found["mean_iou"], found["missing"]) == (1, "ignore")
        assert err.startswith(
            f"error: 7 of 10 ground truth masks have no prediction in {folders[0]}"
        )
        code, out, _ = evaluate(capsys, *folders)
        assert code == 1
        assert f"7 of 10 ground truth masks have no prediction: {', '.join(names)}" in out
        assert "count in no figure; --missing background" in out

    def test_it_may_count_as_background(self, capsys, folders):
        code, out, _ = evaluate(
            capsys, *folders, "--missing", "background", "--per-image", "--json"
        )
        found = json.loads(out)
        assert code == 1
        assert (found["images"], found["missing"]) == (10, "background")
        # The square: 300 of 1000 pixels found. The ground: 3000 pixels, predicted 3700.
        ground, square = (c["iou"] for c in found["classes"])
        assert (ground, square) == pytest.approx((3000 / 3700, 300 / 1000))
        assert found["per_image"][-1]["name"] == "a9_mask.png"
        _, out, _ = evaluate(capsys, *folders, "--missing", "background")
        assert "as if background was predicted everywhere" in out

    def test_objects_that_nobody_looked_for_are_missed(self, capsys, tmp_path):
        for name in ("a", "b"):
            save(tmp_path / "gt" / f"{name}.png", TRUTH[0])
            save_objects(tmp_path / "gt" / "instances" / f"{name}.png", TRUTH[1])
        save(tmp_path / "pred" / "a.png", TRUTH[0])
        save_objects(tmp_path / "pred" / "instances" / "a.png", TRUTH[1], [0.9, 0.8])
        arguments = (tmp_path / "pred", tmp_path / "gt", "--instances", "--panoptic")
        ignored = report(capsys, *arguments, code=1)
        assert (ignored["instances"]["objects"], ignored["instances"]["ap"]) == (2, 1)
        found = report(capsys, *arguments, "--missing", "background", code=1)
        assert found["instances"]["objects"] == 4
        assert found["instances"]["scored"]
        # Half of the objects of each class are found: precision 1 up to a recall of 0.5.
        assert found["instances"]["ap"] == pytest.approx(51 / 101)
        assert found["objects"]["missed"] == 2
        assert found["classes"][1]["pq"] == pytest.approx(1 / 1.5)

    def test_of_predictions_that_tell_no_objects_apart_none_are_matched(self, capsys, tmp_path):
        """Those of the image that nobody predicted alone would say that all were missed."""
        for name in ("a", "b"):
            save(tmp_path / "gt" / f"{name}.png", TRUTH[0])
            save_objects(tmp_path / "gt" / "instances" / f"{name}.png", TRUTH[1])
        save(tmp_path / "pred" / "a.png", TRUTH[0])
        arguments = (tmp_path / "pred", tmp_path / "gt", "--missing", "background")
        found = report(capsys, *arguments, "--panoptic", code=1)
        assert found["objects"] is None
        # Regions stand for the objects: the fibres are 1 of 2, the others missed.
        assert found["classes"][2]["pq"] == pytest.approx(1 / 1.5)
        _, out, _ = evaluate(capsys, *arguments)
        assert "missed" not in out

    def test_the_report_says_it(self, capsys, folders, tmp_path):
        page = tmp_path / "r.html"
        for missing, words in (
            ("ignore", "count in no figure"),
            ("background", "as if background"),
        ):
            code, _, err = evaluate(capsys, *folders, "--missing", missing, "--report", page)
            assert code == 1
            assert "7 of 10" in err
            text = page.read_text()
            assert "7 of 10 ground truth masks have no prediction" in text
            assert "a3_mask.png" in text
            assert words in text
        assert "--missing background" in text

    def test_photos_among_the_masks_are_no_ground_truth(self, capsys, folders):
        save(folders[1] / "a9.png", np.zeros((20, 20, 3)))
        save(folders[1] / "b.jpg", np.zeros((20, 20, 3)))
        assert len(report(capsys, *folders, code=1)["without_prediction"]) == 7

    @pytest.mark.parametrize(
        ("predicted", "truth"),
        [
            ("a{}", "a{}"),
            ("a{}", "A{}"),
            ("a{}", "a{}_L"),
            ("a{}", "a{}_cp_masks"),
            ("a{}_0000", "a{}"),
            ("caf\u00e9{}", "cafe\u0301{}"),
        ],
    )
    def test_names_that_pair_otherwise_are_not_missing(self, capsys, tmp_path, predicted, truth):
        square, _ = painted((1, 0, (2, 12), (2, 12)))
        for number in range(4):
            save(tmp_path / "gt" / f"{truth.format(number)}.png", square)
        for number in range(3):
            save(tmp_path / "pred" / f"{predicted.format(number)}.png", square)
        found = report(capsys, tmp_path / "pred", tmp_path / "gt", code=1)
        assert (found["images"], found["mean_iou"]) == (3, 1)
        assert found["without_prediction"] == [f"{truth.format(3)}.png"]

    def test_masks_of_both_kinds_of_names_are_all_counted(self, capsys, tmp_path):
        square, _ = painted((1, 0, (2, 12), (2, 12)))
        for name in ("a0", "a1_mask", "a2", "a3_mask"):
            save(tmp_path / "gt" / f"{name}.png", square)
        save(tmp_path / "pred" / "a0.png", square)
        save(tmp_path / "pred" / "a1.png", square)
        found = report(capsys, tmp_path / "pred", tmp_path / "gt", code=1)
        assert found["without_prediction"] == ["a2.png", "a3_mask.png"]
        filled = report(
            capsys, tmp_path / "pred", tmp_path / "gt", "--missing", "background", code=1
        )
        assert filled["images"] == 4

    def test_of_the_other_folder_it_is_said(self, capsys, folders, tmp_path):
        square, _ = painted((1, 0, (2, 12), (2, 12)))
        for number in range(10):
            save(tmp_path / "all" / f"a{number}.png", square)
        arguments = (tmp_path / "all", folders[1], "--bootstrap", "--against", folders[0])
        found = report(capsys, *arguments)
        assert found["without_prediction"] == []
        assert len(found["bootstrap"]["without_prediction"]) == 7
        _, out, _ = evaluate(capsys, *arguments)
        assert f"7 ground truth masks have no prediction in {folders[0]}" in out


class TestIgnoredId:
    """Predicted 255 is of no class: one rule, whether the classes were given or not."""

    @pytest.fixture
    def folders(self, tmp_path):
        save(tmp_path / "gt" / "a.png", [[1, 1, 1, 1, 0, 0, 0, 255]])
        save(tmp_path / "pred" / "a.png", [[1, 1, 255, 255, 0, 0, 255, 255]])
        return tmp_path

    @pytest.mark.parametrize("declared", [False, True])
    def test_it_counts_as_missed(self, capsys, folders, declared):
        schema = folders / "classes.json"
        schema.write_text(json.dumps(LabelSchema.from_names(["background", "cell"]).to_json()))
        more = ["--schema", schema] if declared else []
        found = report(capsys, folders / "pred", folders / "gt", *more, "--panoptic")
        assert [c["iou"] for c in found["classes"]] == pytest.approx([2 / 3, 2 / 4])
        assert [c["precision"] for c in found["classes"]] == [1, 1]
        assert found["pixel_accuracy"] == pytest.approx(4 / 7)
        assert (found["pixels"], found["predicted_ignored_pixels"]) == (7, 3)
        _, out, _ = evaluate(capsys, folders / "pred", folders / "gt", *more)
        assert "3 pixels predicted as 255, the ignored id" in out


class TestDifference:
    @pytest.fixture
    def folders(self, tmp_path):
        """One image: right in every pixel, and right in three of four."""
        save(tmp_path / "gt" / "a.png", [[0, 0, 1, 1]])
        save(tmp_path / "good" / "a.png", [[0, 0, 1, 1]])
        save(tmp_path / "bad" / "a.png", [[0, 0, 0, 1]])
        return tmp_path

    def test_the_sign_is_written(self, capsys, folders):
        arguments = (folders / "good", folders / "gt", "--bootstrap", "--against", folders / "bad")
        found = report(capsys, *arguments)["bootstrap"]
        assert found["sign"] == "second minus first"
        assert (found["first"], found["second"]) == (str(folders / "bad"), str(folders / "good"))
        assert found["mean_iou"]["difference"] == pytest.approx(1 - (2 / 3 + 1 / 2) / 2)
        code, out, _ = evaluate(capsys, *arguments)
        assert code == 0
        assert f"{folders / 'good'} minus {folders / 'bad'}, IoU on 1 image, 95%" in out

    @pytest.mark.parametrize(("images", "warned"), [(1, True), (19, True), (20, False)])
    def test_few_images_are_warned_of(self, capsys, folders, images, warned):
        for number in range(images - 1):
            save(folders / "gt" / f"{number}.png", [[0, 1]])
            save(folders / "good" / f"{number}.png", [[0, 1]])
            save(folders / "bad" / f"{number}.png", [[0, number % 2]])
        arguments = (folders / "good", folders / "gt", "--bootstrap", "--against", folders / "bad")
        caution = report(capsys, *arguments)["bootstrap"]["caution"]
        assert (caution is not None) == warned
        _, out, _ = evaluate(capsys, *arguments)
        assert ("to draw from" in out) == warned


class TestForeground:
    """Figures of the classes but background, under names of their own."""

    def test_papers_give_the_figures_of_the_objects(self, capsys, tmp_path, predicted):
        found = report(
            capsys, predicted, *inside(tmp_path), "--panoptic", "--boundary", "--per-image"
        )
        ground, cell, fibre = found["classes"]
        # Cells: 48 pixels, predicted 41, both 32; fibres: 16, 16, both 12.
        assert (cell["iou"], fibre["iou"]) == pytest.approx((32 / 57, 12 / 20))
        assert found["foreground"] == [1, 2]
        assert found["mean_iou_foreground"] == pytest.approx((32 / 57 + 12 / 20) / 2)
        assert found["mean_dice_foreground"] == pytest.approx((64 / 89 + 24 / 32) / 2)
        assert found["mean_iou"] == pytest.approx((ground["iou"] + 32 / 57 + 12 / 20) / 3)
        assert found["image_mean_iou_foreground"] == pytest.approx(found["mean_iou_foreground"])
        assert found["mean_boundary_iou_foreground"] == pytest.approx(
            (cell["boundary_iou"] + fibre["boundary_iou"]) / 2
        )
        assert found["panoptic"]["pq_foreground"] == pytest.approx((1 / 1.5 + 12 / 20) / 2)
        assert found["panoptic"]["sq_foreground"] == pytest.approx((1 + 12 / 20) / 2)
        assert found["panoptic"]["rq_foreground"] == pytest.approx((1 / 1.5 + 1) / 2)
        assert found["panoptic"]["pq"] == pytest.approx((323 / 356 + 1 / 1.5 + 12 / 20) / 3)
        assert found["all_background"]["mean_iou_foreground"] == 0
        image = found["per_image"][0]
        assert image["mean_iou_foreground"] == pytest.approx(found["mean_iou_foreground"])
        assert image["pq_foreground"] == pytest.approx(found["panoptic"]["pq_foreground"])

    def test_the_text_leads_with_them(self, capsys, tmp_path, predicted):
        _, out, _ = evaluate(capsys, predicted, *inside(tmp_path), "--panoptic")
        assert "foreground: mean IoU 0.5807, mean Dice 0.7346 (2 classes without background)" in out
        assert out.index("foreground: mean IoU") < out.index("\nmean IoU")
        assert out.index("panoptic quality of the foreground 0.6333") < out.index("of all classes")

    def test_where_class_0_is_no_background_all_classes_count(self, capsys, tmp_path, predicted):
        schema = tmp_path / "classes.json"
        schema.write_text(json.dumps(LabelSchema.from_names(["sky", "cell", "fibre"]).to_json()))
        arguments = (predicted, *inside(tmp_path), "--schema", schema, "--panoptic")
        found = report(capsys, *arguments)
        assert found["foreground"] == [0, 1, 2]
        assert found["mean_iou_foreground"] == found["mean_iou"]
        assert found["panoptic"]["pq_foreground"] == found["panoptic"]["pq"]
        _, out, _ = evaluate(capsys, *arguments)
        assert "foreground" not in out

    def test_images_with_nothing_in_the_foreground_have_no_score(self, capsys, tmp_path):
        for folder in ("gt", "pred"):
            save(tmp_path / folder / "empty.png", [[0, 0]])
            save(tmp_path / folder / "full.png", [[0, 1]])
        found = report(capsys, tmp_path / "pred", tmp_path / "gt", "--per-image")
        scores = {row["name"]: row["mean_iou_foreground"] for row in found["per_image"]}
        assert scores == {"empty.png": None, "full.png": 1}
        assert found["image_mean_iou_foreground"] == 1

    def test_the_difference_of_the_foreground(self, capsys, tmp_path):
        save(tmp_path / "gt" / "a.png", [[0, 0, 1, 1]])
        save(tmp_path / "good" / "a.png", [[0, 0, 1, 1]])
        save(tmp_path / "bad" / "a.png", [[0, 0, 0, 1]])
        found = report(
            capsys, tmp_path / "good", tmp_path / "gt", "--bootstrap", "--against", tmp_path / "bad"
        )["bootstrap"]
        assert found["mean_iou_foreground"]["difference"] == pytest.approx(1 - 1 / 2)

    def test_the_report_leads_with_them(self, capsys, tmp_path, predicted):
        page = tmp_path / "r.html"
        assert evaluate(capsys, predicted, *inside(tmp_path), "--report", page)[0] == 0
        text = page.read_text()
        assert "mean IoU of the foreground" in text
        assert text.index("mean IoU of the foreground") < text.index(">mean IoU<")
        assert "0.633" in text  # PQ of the foreground


def squares(rng, *, crowd):
    """Class ids and objects, 48 x 64, of a grid of squares of two classes; some are a crowd."""
    labels, ids = np.zeros((48, 64), np.uint8), np.zeros((48, 64), np.uint16)
    for number, (row, column) in enumerate(np.ndindex(4, 5), start=1):
        top, left = 12 * row + int(rng.integers(0, 3)), 12 * column + int(rng.integers(0, 3))
        part = np.s_[top : top + int(rng.integers(5, 9)), left : left + int(rng.integers(5, 9))]
        if rng.random() < 0.8:
            labels[part] = rng.integers(1, 3)
            ids[part] = 0 if crowd and rng.random() < 0.25 else number
    return labels, ids


def coco_ap(scenes):
    """AP of each class by pycocotools, from the same maps."""
    from pycocotools import mask as coco_mask
    from pycocotools.coco import COCO
    from pycocotools.cocoeval import COCOeval

    def entry(image, class_id, mask, **more):
        packed = coco_mask.encode(np.asfortranarray(mask.astype(np.uint8)))
        y, x = np.nonzero(mask)
        box = [int(x.min()), int(y.min()), int(np.ptp(x)) + 1, int(np.ptp(y)) + 1]
        return {"image_id": image, "category_id": class_id, "segmentation": packed, "bbox": box,
                "area": int(mask.sum()), **more}  # fmt: skip

    truths, found = [], []
    for image, ((labels, ids), (said, objects), scores) in enumerate(scenes):
        for number in np.unique(ids[ids > 0]):
            mask = ids == number
            truths.append(entry(image, int(labels[mask][0]), mask, iscrowd=0))
        for class_id in (1, 2):
            mask = (labels == class_id) & (ids == 0)
            if mask.any():
                truths.append(entry(image, class_id, mask, iscrowd=1))
        for number in np.unique(objects[objects > 0]):
            mask = objects == number
            score = float(scores[number - 1])
            found.append(entry(image, int(said[mask][0]), mask, score=score))
    with contextlib.redirect_stdout(io.StringIO()):
        coco = COCO()
        coco.dataset = {
            "images": [{"id": i, "height": 48, "width": 64} for i in range(len(scenes))],
            "annotations": [{"id": i, **t} for i, t in enumerate(truths, start=1)],
            "categories": [{"id": 1}, {"id": 2}],
        }
        coco.createIndex()
        evaluation = COCOeval(coco, coco.loadRes(found), "segm")
        evaluation.params.maxDets = [1000]
        evaluation.params.areaRng, evaluation.params.areaRngLbl = [[0, 1e10]], ["all"]
        evaluation.evaluate()
        evaluation.accumulate()
    return evaluation.eval["precision"][:, :, :, 0, 0].mean(axis=(0, 1))


@pytest.mark.parametrize("seed", range(3))
def test_files_of_several_classes_with_crowds_equal_pycocotools(capsys, tmp_path, seed):
    rng = np.random.default_rng(seed)
    scenes = []
    for image in range(4):
        truth, found = squares(rng, crowd=True), squares(rng, crowd=False)
        scores = np.round(rng.random(20), 3).astype(np.float32)
        scenes.append((truth, found, scores))
        save(tmp_path / "gt" / f"{image}.png", truth[0])
        save_objects(tmp_path / "gt" / "instances" / f"{image}.png", truth[1])
        save(tmp_path / "pred" / f"{image}.png", found[0])
        save_objects(tmp_path / "pred" / "instances" / f"{image}.png", found[1], scores)
    result = report(capsys, tmp_path / "pred", tmp_path / "gt", "--instances")
    expected = coco_ap(scenes)
    assert [c["ap"] for c in result["classes"][1:]] == pytest.approx(expected, abs=1e-9)
    assert result["instances"]["ap"] == pytest.approx(expected.mean(), abs=1e-9)
    assert 0 < expected.mean() < 1


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no named pipes")
@pytest.mark.timeout(60)
@pytest.mark.parametrize("side", ["gt", "pred"])
def test_what_is_called_like_a_mask_and_is_no_file_is_named(capsys, tmp_path, side):
    for place in ("gt/a.png", "pred/a.png"):
        save(tmp_path / place, TRUTH[0])
    os.mkfifo(tmp_path / side / "b.png")
    (tmp_path / side / "c.png").symlink_to("/dev/zero")
    code, out, _ = evaluate(capsys, tmp_path / "pred", tmp_path / "gt")
    assert code == 0
    name = {"gt": "ground truth", "pred": "predictions"}[side]
    expected = (
        f"{name}: 2 are passed over, called like images or masks but no files: "
        "b.png (a named pipe) and c.png (a device)."
    )
    assert f"note: {expected}" in out
    assert expected in report(capsys, tmp_path / "pred", tmp_path / "gt")["notes"]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no named pipes")
@pytest.mark.timeout(60)
@pytest.mark.parametrize("side", ["gt", "pred"])
def test_a_folder_of_nothing_but_pipes_says_what_it_holds(capsys, tmp_path, side):
    other = {"gt": "pred", "pred": "gt"}[side]
    save(tmp_path / other / "a.png", TRUTH[0])
    (tmp_path / side).mkdir()
    os.mkfifo(tmp_path / side / "a.png")
    code, _, err = evaluate(capsys, tmp_path / "pred", tmp_path / "gt")
    assert code == 2
    assert str(tmp_path / side) in err
    assert "a.png is passed over: it is a named pipe, not a file." in " ".join(err.split())


def test_answers_of_models_inside_the_data_set_are_no_ground_truth(capsys, tmp_path):
    data = tmp_path / "data"
    save(data / "images" / "im.png", TRUTH[0] * 80)
    save_objects(data / "instances" / "im.png", TRUTH[1])
    for model in ("unet", "maskrcnn"):
        save(data / model / "im.png", FOUND[0])
        written = {**LabelSchema.from_names(NAMES).to_json(), "predict": {"model": model}}
        (data / model / "segstudio.json").write_text(json.dumps(written))

    found = report(capsys, data / "unet", data, "--missing", "background")

    assert found["ground_truth_masks"] == 1
    assert found["without_prediction"] == []
    # of its 20 x 20 pixels alone, those of the models are not counted as truth that is missed
    assert sum(row["pixels"] for row in found["classes"]) == 400
