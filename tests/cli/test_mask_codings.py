"""`segstudio evaluate` on masks whose values mean different things: colours, 16 bits, sizes."""

import json

import cv2
import numpy as np
import pytest
from commands import evaluate
from PIL import Image

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


def iou_of(capsys, *arguments):
    code, out, err = evaluate(capsys, *arguments, "--json")
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
    code, out, err = evaluate(capsys, *folders)
    assert (code, out) == (2, "")
    coloured, numbered = (truth, pred) if colours[0] else (pred, truth)
    assert f"{coloured} have colours" in err
    assert f"{numbered} hold numbers" in err
    assert "--schema" in err


@pytest.mark.parametrize("depths", [(np.uint16, np.uint16), (np.uint8, np.uint16)])
def test_depth_does_not_tell_classes_from_objects(capsys, folders, tmp_path, depths):
    pred, truth = folders
    save(truth, "a.png", TRUTH, dtype=depths[0])
    save(pred, "a.png", FOUND, dtype=depths[1])
    found, whole = iou_of(capsys, *folders)
    assert list(found.values()) == pytest.approx([0, 0, 1 / 2, 3 / 4])
    assert (whole["ground_truth_values"], whole["prediction_values"]) == ("index", "index")
    assert "each could be an object" in whole["notes"][0]
    assert "--truth-kind" in whole["notes"][0]
    said = ("--truth-kind", "objects", "--pred-kind", "objects")
    found, whole = iou_of(capsys, *folders, *said)
    assert list(found.values()) == pytest.approx([0, 7 / 8])
    assert whole["ground_truth_values"] == "instances"
    assert whole["notes"] == []
    assert "give --schema" in evaluate(capsys, *folders, *said)[1]
    file = schema_file(tmp_path / "classes.json")
    found, whole = iou_of(capsys, *folders, "--schema", file)
    assert found == pytest.approx(WANTED)
    assert whole["ground_truth_values"] == "index"


def many_objects(number, dtype):
    ids = np.zeros((60, 80), dtype)
    for k in range(number):
        row, column = divmod(k, 7)
        ids[row * 12 + 1 : row * 12 + 10, column * 11 + 1 : column * 11 + 10] = k + 1
    return ids


@pytest.mark.parametrize("depths", [(np.uint8, np.uint16), (np.uint16, np.uint8)])
@pytest.mark.parametrize("number", [20, 3])
def test_the_same_objects_in_8_and_16_bits(capsys, folders, depths, number):
    """Three could be classes too: the folder's name tells, and the predictions follow."""
    pred, truth = folders[0], folders[1].with_name("instances" if number == 3 else "gt")
    for folder, dtype in zip((pred, truth), depths, strict=True):
        save(folder, "a.png", many_objects(number, dtype), dtype=dtype)
    found, whole = iou_of(capsys, pred, truth, "--instances", "--panoptic")
    assert found == {"background": 1.0, "object": 1.0}
    assert whole["instances"]["ap"] == 1.0
    assert whole["panoptic"]["pq"] == 1.0
    assert [n for n in whole["notes"] if "read as objects" in n] == (
        [
            "The predictions can be classes or objects; they are read as objects, as the ground truth."
        ]
        if number == 3
        else []
    )


def test_objects_against_scattered_classes_are_refused_with_the_way_to_say_it(capsys, folders):
    pred, truth = folders
    save(truth, "a.png", many_objects(20, np.uint16), dtype=np.uint16)
    classes = np.random.default_rng(1).integers(0, 5, (12, 16)).repeat(5, 0).repeat(5, 1)
    save(pred, "a.png", classes)
    code, out, err = evaluate(capsys, *folders)
    assert (code, out) == (2, "")
    assert f"{truth} hold objects" in err
    assert f"{pred} hold numbers of classes" in err
    assert "--pred-kind" in err
    code, _, _ = evaluate(capsys, *folders, "--pred-kind", "binary")
    assert code == 0


def test_one_object_class_meets_objects_and_black_and_white(capsys, folders):
    pred, truth = folders
    save(truth, "a.png", many_objects(20, np.uint16), dtype=np.uint16)
    for value in (1, 255):
        save(pred, "a.png", (many_objects(20, np.uint8) > 0) * np.uint8(value))
        found, _ = iou_of(capsys, *folders)
        assert found == {"background": 1.0, "object": 1.0}
    save(truth, "a.png", [[0, 255, 255, 0]])
    save(pred, "a.png", [[0, 7, 0, 0]])
    found, _ = iou_of(capsys, *folders)
    assert found == pytest.approx({"background": 2 / 3, "object": 1 / 2})
    save(pred, "a.png", [[0, 7, 3, 0]])
    code, out, err = evaluate(capsys, *folders)
    assert (code, out) == (2, "")
    assert "hold black and white" in err


def test_rare_objects_in_black_and_white(capsys, folders):
    """Of 120 masks two hold something; half of that is found: 100 of 200 and 47800 of 47900."""
    for k in range(120):
        ids = np.zeros((20, 20), np.uint8)
        if k in (33, 87):
            ids[2:12, 2:12] = 255
        save(folders[1], f"{k:03}.png", ids)
        ids[2:12, 7:] = 0
        save(folders[0], f"{k:03}.png", ids)
    found, whole = iou_of(capsys, *folders)
    assert found == pytest.approx({"background": 47800 / 47900, "object": 0.5})
    assert whole["mean_iou"] == pytest.approx((47800 / 47900 + 0.5) / 2)


@pytest.mark.parametrize("turned", [False, True])
def test_0_1_and_0_255_in_one_folder(capsys, folders, turned):
    """The object has 100 pixels of 400 in each of six; half of it is found."""
    pred, truth = folders
    for k in range(6):
        ids = np.zeros((20, 20), np.uint8)
        ids[2:12, 2:12] = 255 if k % 2 else 1
        save(truth, f"{k}.png", ids)
        ids[2:12, 7:] = 0
        save(pred, f"{k}.png", (ids > 0) * np.uint8(255))
    found, whole = iou_of(capsys, *(folders[::-1] if turned else folders))
    assert found == pytest.approx({"background": 1800 / 2100, "object": 0.5})
    assert whole["pixels"] == 6 * 400


def test_a_colour_in_the_last_of_many_masks_is_a_class(capsys, folders):
    for k in range(40):
        ids = [[0, 1, 2, 2]] if k < 39 else [[0, 1, 2, 3]]
        for folder in folders:
            save(folder, f"{k:02}.png", ids, colours=True)
    found, _ = iou_of(capsys, *folders)
    assert list(found.values()) == [1.0] * 4


def test_a_mask_that_is_ignored_as_a_whole_is_said(capsys, folders):
    pred, truth = folders
    save(truth, "a.png", [[0, 1, 2, 255]])
    save(truth, "b.png", [[0, 255, 255, 255]])
    for name in ("a.png", "b.png"):
        save(pred, name, [[0, 1, 2, 2]])
    _, whole = iou_of(capsys, *folders)
    assert whole["ignored_pixels"] == 4
    assert (
        f"Every labelled pixel of the mask is read as ignored: {truth / 'b.png'}." in whole["notes"]
    )


@pytest.mark.parametrize("way", ["--ignore", "--schema"])
def test_predicted_255_alone_is_of_no_class_where_255_is_ignored(capsys, folders, tmp_path, way):
    """Class 1 has 2 pixels of truth; one is predicted, where 255 is predicted the other is missed."""
    pred, truth = folders
    save(truth, "a.png", [[0, 1, 0, 0]])
    save(truth, "b.png", [[0, 1, 2, 2]])
    save(pred, "a.png", [[0, 255, 0, 0]])
    save(pred, "b.png", [[0, 1, 2, 2]])
    told = 255 if way == "--ignore" else schema_file(tmp_path / "s.json", (0, 1, 2))

    found, report = iou_of(capsys, *folders, way, told)

    assert sorted(found.values()) == [1 / 2, 1.0, 1.0]
    assert report["predicted_ignored_pixels"] == 1
    assert any("a.png" in note and "read as ignored" in note for note in report["notes"])


def test_255_alone_among_class_ids_counts_nowhere_where_that_is_said(capsys, folders):
    pred, truth = folders
    several = [[1, 1, 2, 2], [0, 0, 0, 0]]
    save(truth, "a.png", several)
    save(truth, "b.png", [[255, 255, 0, 0], [0, 0, 0, 0]])
    save(pred, "a.png", several)
    save(pred, "b.png", several)
    code, out, err = evaluate(capsys, *folders)
    assert (code, out) == (2, "")
    assert "255 alone" in err
    assert "--ignore 255" in err
    found, told = iou_of(capsys, *folders, "--ignore", 255)
    assert found == pytest.approx({"background": 8 / 10, "class 1": 1, "class 2": 1 / 2})
    assert told["ignored_pixels"] == 2


def test_a_mask_of_another_kind_ends_the_count_and_is_named(capsys, folders):
    pred, truth = folders
    for name in ("a.png", "b.png", "c.png"):
        save(truth, name, [[0, 1, 1, 3], [2, 1, 0, 2]])
        save(pred, name, [[0, 1, 1, 3], [2, 1, 0, 2]])
    save(truth, "c.png", [[0, 255, 0, 0]])
    code, out, err = evaluate(capsys, *folders)
    assert (code, out) == (2, "")
    assert str(truth / "c.png") in err
    assert "255 alone" in err
    assert "--truth-kind" in err


def test_class_0_is_background_unless_it_is_said_to_be_a_class(capsys, folders):
    pred, truth = folders
    save(truth, "a.png", [[0, 1, 1, 2], [2, 1, 2, 2]])
    save(pred, "a.png", [[0, 1, 1, 2], [2, 1, 2, 2]])
    _, whole = iou_of(capsys, *folders)
    assert whole["classes"][0]["name"] == "background"
    (note,) = [n for n in whole["notes"] if "Class 0" in n]
    assert "12%" in note
    assert "--class-0 class" in note
    _, whole = iou_of(capsys, *folders, "--class-0", "class")
    assert whole["classes"][0]["name"] == "class 0"
    assert not [n for n in whole["notes"] if "Class 0" in n]

    _, out, _ = evaluate(capsys, *folders, "--class-0", "class")
    assert "all class 0 would score" in out


def test_that_255_counts_nowhere_is_told_where_it_was_decided(capsys, folders):
    pred, truth = folders
    save(truth, "a.png", [[0, 1, 2, 255]])
    save(pred, "a.png", [[0, 1, 2, 2]])
    assert (
        "values of the ground truth are read as class ids (255 counts nowhere), "
        "of the predictions as class ids" in evaluate(capsys, *folders)[1]
    )


def test_colours_that_a_file_explains_are_not_told_as_objects_without_a_class(capsys, tmp_path):
    folder = tmp_path / "panoptic_val"
    save(folder, "a.png", [[0, 1, 1, 2]], colours=True)
    ids = [r | g << 8 | b << 16 for r, g, b in COLOURS[1:3].tolist()]
    segments = [{"id": i, "category_id": k, "iscrowd": 0} for k, i in enumerate(ids, 1)]
    explained = {
        "annotations": [{"file_name": "a.png", "image_id": 1, "segments_info": segments}],
        "categories": [{"id": k, "name": f"c{k}", "isthing": 1} for k in (1, 2)],
    }
    (tmp_path / "panoptic_val.json").write_text(json.dumps(explained))
    code, out, _ = evaluate(capsys, folder, folder)
    assert code == 0
    assert "values of the ground truth are read as classes and objects, by panoptic_val.json" in out
    assert "each value of the ground truth is an object" not in out


def test_the_mean_of_the_foreground_says_how_many_classes_it_is_of(capsys, folders, tmp_path):
    """Of the classes 1, 2 and 3 nothing is 2: the mean is of two."""
    pred, truth = folders
    for folder in folders:
        save(folder, "a.png", [[0, 1, 3, 3]])
    schema = tmp_path / "s.json"
    names = ("background", "cell", "fibre", "wall")
    schema.write_text(json.dumps(LabelSchema.from_names(names).to_json()))
    _, out, _ = evaluate(capsys, pred, truth, "--schema", schema)
    assert "(2 of 3 classes without background)" in out
    assert "(3 of 4 classes)" in out
    _, out, _ = evaluate(capsys, pred, truth)
    assert "(2 classes without background)" in out


def test_how_values_are_read_is_told(capsys, folders):
    pred, truth = folders
    save(truth, "a.png", [[0, 255]])
    save(pred, "a.png", [[0, 1]])
    assert (
        "values of the ground truth are read as black and white, of the predictions as class ids"
        in evaluate(capsys, *folders)[1]
    )


def test_masks_of_different_sizes_are_told_with_both_sizes(capsys, folders):
    pred, truth = folders
    save(truth, "a.png", TRUTH)
    save(pred, "a.png", FOUND[:1])
    code, out, err = evaluate(capsys, *folders)
    assert (code, out) == (2, "")
    assert f"prediction {pred / 'a.png'} has 4 x 1 pixels" in err
    assert f"{truth / 'a.png'} has 4 x 2" in err
    assert "image opens" not in err


def test_a_folder_that_is_none(capsys, folders):
    pred, truth = folders
    save(pred, "a.png", FOUND)
    for arguments in ((pred, truth), (truth, pred), (pred, pred / "a.png"), (pred / "a.png", pred)):
        code, out, err = evaluate(capsys, *arguments)
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
    monkeypatch.setattr("segstudio.cli.writable.os.access", lambda path, _mode: path != locked)
    code, out, err = evaluate(capsys, pred, truth, "--report", locked / "r.html")
    assert (code, out) == (2, "")
    assert err == f"error: Nothing may be written into {locked}. Change --report.\n"


def save_palette(folder, name, ids, colours):
    folder.mkdir(parents=True, exist_ok=True)
    image = Image.fromarray(np.array(ids, np.uint8))
    image.putpalette(np.array(colours, np.uint8).tobytes(), "RGB")
    image.save(folder / name)


def test_palettes_that_number_the_same_colours_otherwise_are_refused_until_it_is_said(
    capsys, folders
):
    """Read by the numbers nothing would agree, and nothing would say why."""
    pred, truth = folders
    order = [0, 3, 1, 2]  # the number of each class in the predictions
    save_palette(truth, "a.png", TRUTH, COLOURS[:4])
    shuffled = np.zeros((4, 3), np.uint8)
    shuffled[order] = COLOURS[:4]
    save_palette(pred, "a.png", np.array(order)[np.array(TRUTH)], shuffled)

    code, _, err = evaluate(capsys, *folders)
    by_colour, _ = iou_of(capsys, *folders, "--truth-kind", "colours", "--pred-kind", "colours")
    by_number, _ = iou_of(capsys, *folders, "--truth-kind", "ids", "--pred-kind", "ids")

    assert code == 2
    assert "other numbers for the same colours: #0AC80A is 2 and 1." in err
    assert set(by_colour.values()) == {1.0}
    assert set(by_number.values()) == {0.0}


def test_palettes_of_other_colours_say_nothing_of_the_numbers(capsys, folders):
    pred, truth = folders
    save_palette(truth, "a.png", TRUTH, COLOURS[:4])
    save_palette(pred, "a.png", TRUTH, [[0, 0, 0], [1, 1, 90], [9, 90, 9], [77, 7, 7]])
    found, _ = iou_of(capsys, *folders)
    assert set(found.values()) == {1.0}


@pytest.mark.parametrize("others", [[], [1]])
def test_white_is_the_class_255_where_the_classes_have_one(capsys, folders, tmp_path, others):
    """Truth 255 on 4 of 8 pixels, predicted on 2 of them: IoU 2/4, of the background 4/6."""
    pred, truth = folders
    save(truth, "a.png", [[255, 255, 255, 255], [0, 0, 0, 0]])
    save(pred, "a.png", [[255, 255, 0, 0], [0, 0, 0, 0]])
    ids = [0, *others, 255]
    classes = [{"id": i, "name": f"c{i}"} for i in ids]
    file = tmp_path / "classes.json"
    file.write_text(json.dumps({"classes": classes, "ignore_index": None}))

    found, _ = iou_of(capsys, *folders, "--schema", file)

    assert found == pytest.approx({"c0": 4 / 6, "c255": 2 / 4})


def test_ids_of_which_none_is_on_both_sides_are_told(capsys, folders):
    pred, truth = folders
    save(truth, "a.png", [[7, 7, 0, 0]])
    save(pred, "a.png", [[1, 1, 0, 0]])
    _, found = iou_of(capsys, *folders)
    as_object, told = iou_of(capsys, *folders, "--truth-kind", "binary", "--pred-kind", "binary")

    assert "the ground truth holds 7, the predictions 1" in found["notes"][0]
    assert set(as_object.values()) == {1.0}
    assert told["notes"] == []


def test_grey_levels_of_jpeg_are_called_so_beside_class_ids(capsys, folders):
    pred, truth = folders
    levels = np.kron(np.array([[80, 160], [0, 240]]), np.ones((16, 16))).astype(np.uint8)
    truth.mkdir()
    Image.fromarray(levels).save(truth / "a.jpg", quality=90)
    save(pred, "a.png", levels // 80)
    code, _, err = evaluate(capsys, *folders)
    assert code == 2
    assert "several grey levels in a format that changes them (JPEG or lossy WebP)" in err


def test_objects_of_which_some_were_removed_are_asked_about(capsys, folders):
    """Seven objects numbered anew on one side, with gaps: as class ids next to nothing agrees."""
    pred, truth = folders
    kept = np.array([1, 4, 5, 8, 9, 11, 12])
    places = np.zeros((8, 40), int)
    for number, column in zip(kept, range(1, 40, 5), strict=False):
        places[2:6, column : column + 4] = number
    renumbered = np.zeros(13, int)
    renumbered[kept] = [12, 2, 9, 3, 7, 1, 5]
    save(truth, "a.png", places, dtype=np.uint16)
    save(pred, "a.png", renumbered[places])

    _, found = iou_of(capsys, *folders)
    as_objects, _ = iou_of(capsys, *folders, "--truth-kind", "objects", "--pred-kind", "objects")

    assert any("each could be an object" in note for note in found["notes"])
    assert set(as_objects.values()) == {1.0}


def test_two_predictions_of_one_image_are_refused(capsys, folders):
    """Only one of them could count, and which one was left to their names."""
    pred, truth = folders
    save(truth, "a.png", [[1, 0]])
    save(pred, "a.png", [[1, 0]])
    save(pred, "a.bmp", [[0, 1]])
    code, _, err = evaluate(capsys, *folders)
    assert code == 2
    assert f"{pred / 'a.bmp'} and {pred / 'a.png'} are both predictions of {truth / 'a.png'}" in err


def test_photos_beside_the_ground_truth_are_not_taken_for_it(capsys, tmp_path):
    """x.jpg and x_mask.png in one folder, predictions x.png in another: half of it is found."""
    truth, pred = tmp_path / "set", tmp_path / "pred"
    save(truth, "x_mask.png", [[1, 1, 0, 0]])
    Image.fromarray(np.full((1, 4, 3), (90, 120, 200), np.uint8)).save(truth / "x.jpg")
    save(pred, "x.png", [[1, 0, 0, 0]])

    found, _ = iou_of(capsys, pred, truth)
    itself, same = iou_of(capsys, truth, truth)

    assert found == pytest.approx({"background": 2 / 3, "class 1": 1 / 2})
    assert (set(itself.values()), same["images"]) == ({1.0}, 1)


def test_two_codings_of_one_object_are_told_and_chosen(capsys, folders):
    """1 is the object in the one, the background in the other. Half of the object is found."""
    pred, truth = folders
    save(truth, "a.png", [[0, 0, 1, 1]])
    save(truth, "b.png", [[1, 1, 2, 2]])
    for name in ("a.png", "b.png"):
        save(pred, name, [[0, 0, 0, 1]])

    _, asked = iou_of(capsys, *folders)
    said, told = iou_of(capsys, *folders, "--truth-kind", "binary")

    (note,) = [n for n in asked["notes"] if "one class in all masks" in n]
    assert "a.png holds 0 and 1, b.png holds 1 and 2" in note
    assert "--truth-kind binary" in note
    assert said == pytest.approx({"background": 4 / 6, "object": 1 / 2})
    assert told["notes"] == []


def test_class_and_object_in_one_number_meet_class_ids_and_codes(capsys, folders):
    """Of two cars of 4 pixels each one is found whole, the other is called person."""
    pred, truth = folders
    wanted = np.repeat([[7, 7, 26001, 26001, 26002, 26002]], 2, axis=0)
    save(truth, "a_gtFine_instanceIds.png", wanted, dtype=np.uint16)
    save(pred, "a.png", np.repeat([[7, 7, 26, 26, 24, 24]], 2, axis=0))
    found, whole = iou_of(capsys, *folders)
    assert found == pytest.approx({"road": 1, "car": 1 / 2, "person": 0})
    assert whole["ground_truth_values"] == "cityscapes"
    (pred / "a.png").unlink()
    codes = np.repeat([[7, 7, 26001, 26001, 24001, 24001]], 2, axis=0)
    save(pred, "a_gtFine_instanceIds.png", codes, dtype=np.uint16)
    found, whole = iou_of(capsys, *folders, "--panoptic")
    assert found == pytest.approx({"road": 1, "car": 1 / 2, "person": 0})
    # road 1; car one of two found: 1 / (1 + 1/2); person none of one
    assert whole["panoptic"]["pq"] == pytest.approx((1 + 1 / 1.5 + 0) / 3)
    assert "class x 1000 + object" in evaluate(capsys, *folders)[1]


def test_the_names_of_published_colours_and_their_doubt_are_told(capsys, folders):
    truth = folders[1]
    image = np.array([[[0, 0, 0], [128, 0, 0], [0, 128, 0], [0, 128, 0]]], np.uint8)
    for folder in folders:
        folder.mkdir()
        Image.fromarray(image).save(folder / "a.png")
    found, whole = iou_of(capsys, *folders)
    assert found == {"background": 1, "aeroplane": 1, "bicycle": 1}
    assert len([n for n in whole["notes"] if "first of Pascal VOC" in n]) == 1
    image[0, 3] = (224, 224, 192)
    Image.fromarray(image).save(truth / "a.png")
    found, whole = iou_of(capsys, *folders)
    assert found == {"background": 1, "aeroplane": 1, "bicycle": 1}
    assert whole["ignored_pixels"] == 1
    assert whole["notes"] == []


def test_numbers_that_can_be_codes_or_objects_end_the_count_until_it_is_said(capsys, folders):
    for folder in folders:
        save(folder, "a.png", [[0, 1001, 1002, 2001]], dtype=np.uint16)
    code, out, err = evaluate(capsys, *folders)
    assert (code, out) == (2, "")
    assert "could be objects, or class x 1000 + object" in err
    assert err.count("a.png") == 2  # once in the question, once with its folder
    save(folders[0], "a.png", [[0, 1, 1, 2]])
    assert "could be objects, or class x 1000 + object" in evaluate(capsys, *folders)[2]
    save(folders[0], "a.png", [[0, 1001, 1002, 2001]], dtype=np.uint16)
    assert "--truth-kind" in err
    for kind, classes in (("cityscapes", 3), ("objects", 2)):
        said = ("--truth-kind", kind, "--pred-kind", kind)
        found, _ = iou_of(capsys, *folders, *said)
        assert list(found.values()) == [1.0] * classes


@pytest.mark.parametrize("pair", [(1, 2), (1, 255)])
def test_two_numbers_without_0_are_the_object_where_that_is_said(capsys, folders, pair):
    """Half of the object is found; black and white beside them is not taken for their likes."""
    pred, truth = folders
    save(truth, "a.png", np.array(pair)[[[0, 0, 1, 1]]])
    save(pred, "a.png", np.array(pair)[[[0, 0, 0, 1]]])
    said = ("--truth-kind", "binary", "--pred-kind", "binary")
    _, asked = iou_of(capsys, *folders)
    assert any("never 0" in note and "--truth-kind binary" in note for note in asked["notes"])
    assert iou_of(capsys, *folders, *said)[0] == pytest.approx({"background": 2 / 3, "object": 0.5})
    save(pred, "a.png", [[0, 0, 0, 255]])
    code, _, err = evaluate(capsys, *folders)
    assert (code, "say --truth-kind binary" in err) == (2, True)
    assert iou_of(capsys, *folders, *said)[0] == pytest.approx({"background": 2 / 3, "object": 0.5})


def test_an_object_in_one_colour_meets_black_and_white(capsys, folders):
    pred, truth = folders
    save(truth, "a.png", [[0, 0, 1, 1]], colours=True)
    wanted = {"background": 2 / 3, "object": 1 / 2}
    save(pred, "a.png", [[0, 0, 0, 255]])
    for turned in (folders, folders[::-1]):
        assert iou_of(capsys, *turned)[0] == pytest.approx(wanted)
    save(pred, "a.png", [[0, 0, 0, 1]])
    code, _, err = evaluate(capsys, *folders)
    assert (code, "say --truth-kind binary --pred-kind binary" in err) == (2, True)
    said = ("--truth-kind", "binary", "--pred-kind", "binary")
    assert iou_of(capsys, *folders, *said)[0] == pytest.approx(wanted)


def test_classes_of_which_none_agrees_may_have_other_numbers(capsys, folders):
    """Train ids of Cityscapes beside its ids: road 0 and 7, building 2 and 11, sky 10 and 23."""
    pred, truth = folders
    save(truth, "a_gtFine_labelIds.png", [[7, 7, 11, 11], [11, 23, 23, 23]])
    save(pred, "a.png", [[0, 0, 2, 2], [2, 10, 10, 10]])
    _, found = iou_of(capsys, *folders)
    (note,) = [n for n in found["notes"] if "the numbers may mean other classes" in n]
    assert "The ground truth holds 7, 11, 23, the predictions 2, 10" in note
    save(pred, "a.png", [[7, 7, 2, 2], [2, 10, 10, 10]])
    assert not [n for n in iou_of(capsys, *folders)[1]["notes"] if "other classes" in n]
