"""`segstudio compare` end to end, with networks small enough to be quick."""

import json
import os

import cv2
import numpy as np
import pytest
import tifffile
import torch
from commands import run
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from segstudio.__main__ import main
from segstudio.core.labels import LabelMap
from segstudio.core.provenance import ModelWriter, WriterTable
from segstudio.core.schema import LabelSchema
from segstudio.metrics.image_figures import MEASURES
from segstudio.metrics.measure import Where
from segstudio.models.families.unet import UNet
from segstudio.storage.annotations import Annotations
from segstudio.storage.masks import read_index_png
from segstudio.storage.project import open_project
from segstudio.storage.run_definitions import RunDefinition, write_definitions
from segstudio.storage.states import save_sources
from segstudio.storage.writer_maps import WriterMaps

NAMES = ["a0.png", "a1.png", "a2.png"]


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    """The user's folders."""
    monkeypatch.setenv("SEGSTUDIO_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


@pytest.fixture
def models(tmp_path):
    """Files of weights: two untrained U-Nets that say different things."""
    files = []
    for seed, name in enumerate(("first", "second")):
        options = {"base_channels": 2, "depth": 1, "num_classes": 2}
        torch.manual_seed(seed)
        network = UNet(**options).eval()
        with torch.inference_mode():  # so that about a third of a noisy image is class 1
            logits = network(torch.rand(1, 3, 40, 56))[0]
            network.outc.conv.bias[1] -= (logits[1] - logits[0]).flatten().quantile(2 / 3)
        data = {
            "id": name, "title": name.title(), "family": "unet", "task": "semantic",
            "builder": "segstudio.models.families.unet:UNet", "options": options,
            "schema": LabelSchema.from_names(["background", "cell"]).to_json(),
            "preprocess": {"scaling": "unit", "divisor": 4},
        }  # fmt: skip
        files.append(tmp_path / f"{name}.safetensors")
        save_file(network.state_dict(), files[-1], {"segstudio": json.dumps(data)})
    return files


@pytest.fixture
def folder(tmp_path):
    """Three images; the ground truth lies elsewhere."""
    rng = np.random.default_rng(0)
    for part in ("cells", "truth"):
        (tmp_path / part).mkdir()
    for name in NAMES:
        cv2.imwrite(
            str(tmp_path / "cells" / name), rng.integers(0, 256, (40, 56, 3), dtype=np.uint8)
        )
        truth = np.kron(rng.integers(0, 2, (5, 7)), np.ones((8, 8))).astype(np.uint8)
        cv2.imwrite(str(tmp_path / "truth" / name), truth)
    return tmp_path / "cells"


def predicted(capsys, folder, weights, out):
    """What `segstudio predict` says of the images."""
    code, _, _ = run(capsys, "predict", folder, "--weights", weights, "--out", out)
    assert code == 0
    return [read_index_png(out / name) for name in NAMES]


def iou(truths, predictions, class_id):
    pairs = list(zip(truths, predictions, strict=True))
    both = sum(int(((t == class_id) & (p == class_id)).sum()) for t, p in pairs)
    either = sum(int(((t == class_id) | (p == class_id)).sum()) for t, p in pairs)
    return both / either if either else float("nan")


def told(capsys, folder, models, *options):
    names = ",".join(map(str, models))
    truth = folder.parent / "truth"
    code, text, err = run(
        capsys, "compare", folder, "--gt", truth, "--models", names, "--json", *options
    )
    assert (code, err) == (0, "")
    return json.loads(text)


def test_figures_are_those_of_the_predicted_masks(capsys, tmp_path, folder, models):
    found = told(capsys, folder, models)
    truths = [cv2.imread(str(folder.parent / "truth" / n), cv2.IMREAD_UNCHANGED) for n in NAMES]
    assert (found["images"], found["scored_images"]) == (3, 3)
    by_id = {m["id"]: m for m in found["models"]}
    assert set(by_id) == {"first", "second"}
    means = [m["mean_iou"] for m in found["models"]]
    assert means == sorted(means, reverse=True)
    maps = {}
    for file in models:
        maps[file.stem] = predicted(capsys, folder, file, tmp_path / file.stem)
        rows = by_id[file.stem]["classes"]
        assert [(c["id"], c["name"]) for c in rows] == [(0, "background"), (1, "cell")]
        for row in rows:
            expected = iou(truths, maps[file.stem], row["id"])
            assert row["iou"] == pytest.approx(expected, nan_ok=True)
        assert by_id[file.stem]["seconds_per_image"] > 0
    (difference,) = found["differences"]
    first, second = by_id[difference["first"]], by_id[difference["second"]]
    assert difference["mean_iou"]["difference"] == pytest.approx(
        second["mean_iou"] - first["mean_iou"]
    )
    assert difference["sign"] == "second minus first"
    assert (found["ranked_by"], found["foreground"]) == ("mean_iou_foreground", [1])
    leads = [m["mean_iou_foreground"] for m in found["models"]]
    assert leads == [m["classes"][1]["iou"] for m in found["models"]]
    assert leads == sorted(leads, reverse=True)
    ones = sum(int(t.sum()) for t in truths)
    assert found["all_background"]["pixel_accuracy"] == pytest.approx(1 - ones / (3 * 40 * 56))
    # Of two models' votes the entropy is 1 where they differ and 0 elsewhere.
    shares = [(a != b).mean() for a, b in zip(maps["first"], maps["second"], strict=True)]
    disagreement = found["disagreement"]
    assert disagreement["mean_vote_entropy"] == pytest.approx(np.mean(shares))
    assert disagreement["images"][0]["name"] == NAMES[int(np.argmax(shares))]
    assert disagreement["images"][0]["vote_entropy"] == pytest.approx(max(shares))


def test_figures_on_request_and_the_second_time_from_disk(capsys, folder, models, monkeypatch):
    asked = [measure for measure in MEASURES if measure.option]
    options = (*(f"--{measure.option}" for measure in asked), "--bootstrap")
    found = told(capsys, folder, models, *options)
    model = found["models"][0]
    assert {"mean_boundary_iou", "mean_hausdorff_95", "panoptic"} <= model.keys()
    flat = {f.total for m in asked if not m.section for f in m.at(Where.FOLDER)}
    assert flat <= model.keys()
    assert model["instances"] is None  # these masks do not tell objects apart
    assert {"boundary_iou", "hausdorff_95", "pq"} <= model["classes"][1].keys()
    (difference,) = found["differences"]
    interval = difference["mean_iou"]
    assert interval["low"] <= interval["difference"] <= interval["high"]
    assert interval["clear"] == (interval["low"] > 0 or interval["high"] < 0)
    assert "only 3 images to draw from" in difference["caution"]
    quality = model["panoptic"]
    assert quality["pq_foreground"] == model["classes"][1]["pq"]
    assert quality["pq"] == pytest.approx(np.mean([c["pq"] for c in model["classes"]]))
    plain = told(capsys, folder, models)
    assert "mean_hausdorff_95" not in plain["models"][0]

    def never(*_args, **_options):
        raise AssertionError("this is on disk")

    monkeypatch.setattr("segstudio.runs.engine.TorchEngine.predictor", never)
    monkeypatch.setattr("segstudio.evaluation.work.figures_of", never)
    assert told(capsys, folder, models, *options) == found


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no named pipes")
@pytest.mark.parametrize("place", ["truth/a9.png", "cells/a9.png"])
def test_a_pipe_among_masks_or_images_is_named(capsys, folder, models, place):
    os.mkfifo(folder.parent / place)
    (note, *_) = told(capsys, folder, models)["notes"]
    assert note.endswith("a9.png is passed over: it is a named pipe, not a file.")


def test_the_tables(capsys, folder, models):
    truth = folder.parent / "truth"
    names = ",".join(map(str, models))
    arguments = ("compare", folder, "--gt", truth, "--models", names)
    code, text, _ = run(capsys, *arguments, "--bootstrap", "--panoptic", "--limit", "2")
    assert code == 0
    assert text.startswith("2 images with ground truth, of 2\n")
    for words in (
        "(all background)", "IoU by class", "95% interval of 2000 resamples",
        "images on which the models differ most", "pq",
    ):  # fmt: skip
        assert words in text
    code, text, _ = run(capsys, *arguments[:-1], models[0])
    assert "minus" not in text
    assert "vote entropy" not in text


def test_ground_truth_beside_the_images_and_saved_annotations(capsys, folder, models):
    truth = folder / "masks"
    truth.mkdir()
    for name in NAMES[:2]:
        (truth / name).write_bytes((folder.parent / "truth" / name).read_bytes())
    code, text, _ = run(capsys, "compare", folder, "--models", models[0], "--json")
    assert code == 0
    assert (json.loads(text)["images"], json.loads(text)["scored_images"]) == (3, 2)


def test_named_runs_of_the_window(capsys, folder, models, home):
    write_definitions(
        home / "config" / "runs.json",
        [
            RunDefinition(
                "unet-nuclei+half", "Half", "variant", ("unet-nuclei",), {"input_scale": 0.5}
            )
        ],
    )
    folder = folder.rename(folder.with_name("nuclei"))
    found = told(capsys, folder, ["unet-nuclei+half"], "--limit", "1")
    assert found["models"][0]["title"] == "Half"


def test_what_cannot_be_used_is_said_in_one_line(capsys, tmp_path, folder, models):
    truth = folder.parent / "truth"
    for arguments, words in (
        ((folder, "--gt", truth, "--models", "nothing"), "no model 'nothing'"),
        ((folder, "--gt", truth, "--models", ","), "which models to compare"),
        ((folder, "--gt", tmp_path / "none", "--models", models[0]), "none"),
        ((folder, "--models", models[0]), "has ground truth"),
        ((tmp_path / "none", "--models", models[0]), "none"),
    ):
        code, text, err = run(capsys, "compare", *arguments)
        assert (code, text) == (2, "")
        assert err.splitlines()[-1].startswith("error: ")
        assert words in err


def test_broken_images_are_said_and_the_rest_is_compared(capsys, folder, models):
    (folder / "a1.png").write_bytes(b"no image")
    truth = folder.parent / "truth"
    code, text, err = run(capsys, "compare", folder, "--gt", truth, "--models", models[0], "--json")
    assert code == 1
    assert (json.loads(text)["scored_images"], json.loads(text)["images"]) == (2, 3)
    assert [row["name"] for row in json.loads(text)["failed"]] == ["a1.png"]
    assert err.startswith("error: a1.png: ")


def test_every_page_of_a_stack_is_run_and_counted(capsys, tmp_path, models):
    """As predict and evaluate do it, and as counted by hand from the masks that predict wrote."""
    rng = np.random.default_rng(3)
    photos = rng.integers(0, 256, (3, 40, 56), dtype=np.uint8)
    truth = np.zeros((3, 40, 56), np.uint8)
    for page, mask in enumerate(truth):
        mask[: 10 * (page + 1)] = 1
    for part, pages in (("set", photos), ("truth", truth)):
        (tmp_path / part).mkdir()
        tifffile.imwrite(tmp_path / part / "cells.tif", pages, photometric="minisblack")
    out, weights = tmp_path / "out", models[0]

    def run(*arguments):
        assert main([*map(str, arguments), "--json"]) == 0
        return json.loads(capsys.readouterr().out)

    assert run("predict", tmp_path / "set", "--weights", weights, "--out", out)["written"] == 3
    names = ["cells.png", "cells_p0002.png", "cells_p0003.png"]
    found = np.stack([read_index_png(out / name) for name in names]) == 1
    overlap = (found & (truth == 1)).sum((1, 2)) / (found | (truth == 1)).sum((1, 2))
    assert len(set(overlap.round(3))) == 3
    whole = (found & (truth == 1)).sum() / (found | (truth == 1)).sum()
    evaluated = run("evaluate", out, tmp_path / "truth", "--per-image")
    assert evaluated["images"] == 3
    assert evaluated["mean_iou_foreground"] == pytest.approx(whole)

    both = ",".join(map(str, models))
    compared = run("compare", tmp_path / "set", "--gt", tmp_path / "truth", "--models", both)
    assert (compared["images"], compared["scored_images"]) == (3, 3)
    assert compared["stacks"] == {"cells.tif": 3}
    first = next(model for model in compared["models"] if model["id"] == "first")
    assert first["mean_iou_foreground"] == pytest.approx(whole)
    assert first["image_mean_iou_foreground"] == pytest.approx(overlap.mean())
    disagreeing = {image["name"] for image in compared["disagreement"]["images"]}
    assert disagreeing == {f"cells.tif · page {page}/3" for page in (1, 2, 3)}
    limited = run(
        "compare", tmp_path / "set", "--gt", tmp_path / "truth", "--models", both, "--limit", 2
    )
    assert limited["images"] == 2
    assert limited["stack_pages"] == {"cells.tif": [2, 3]}
    report = tmp_path / "report.html"
    line = ("compare", tmp_path / "set", "--gt", tmp_path / "truth", "--models", both, "--limit", 1)
    assert main([*map(str, line), "--report", str(report)]) == 0
    said = "Each page of a stack counts as an image: cells.tif (1 of 3)."
    assert said in capsys.readouterr().out
    assert said in report.read_text(encoding="utf-8")
    assert (
        main(["compare", str(tmp_path / "set"), "--gt", str(tmp_path / "truth"), "--models", both])
        == 0
    )
    assert "Each page of a stack counts as an image: cells.tif (3)." in capsys.readouterr().out


def test_a_class_without_a_name_is_not_taken_for_the_models(capsys, tmp_path, folder, models):
    """Masks of 0 and 1 in a folder whose name says nothing, and a model of cells and one of "1"."""
    folder = folder.rename(folder.with_name("streets"))
    truth = ("--gt", tmp_path / "truth")
    code, text, err = run(capsys, "compare", folder, *truth, "--models", models[0], "--json")
    assert (code, text) == (2, "")
    said = "First (first.safetensors) is not scored: nothing says that cell is what the ground truth calls “class 1”."
    assert f"error: {said} --schema FILE names" in err
    data = json.loads(_metadata(models[1])["segstudio"])
    data["schema"] = LabelSchema.from_names(["background", "class 1"]).to_json()
    save_file(load_file(models[1]), models[1], {"segstudio": json.dumps(data)})
    both = ",".join(map(str, models))
    code, text, err = run(capsys, "compare", folder, *truth, "--models", both, "--json")
    found = json.loads(text)
    rows = {m["id"]: m for m in found["models"]}
    assert (code, rows["first"]["mean_iou"], rows["first"]["classes"]) == (0, None, [])
    assert rows["second"]["mean_iou_foreground"] > 0
    (note,) = found["notes"]
    assert note.startswith(said)
    assert err == f"note: {note}\n"
    names = tmp_path / "names.json"
    names.write_text(json.dumps(LabelSchema.from_names(["background", "cell"]).to_json()))
    line = ("compare", folder, *truth, "--models", models[0], "--schema", names, "--json")
    code, text, err = run(capsys, *line)
    assert (code, err) == (0, "")
    assert json.loads(text)["models"][0]["mean_iou_foreground"] > 0


def test_masks_of_which_the_higher_number_may_be_the_object_are_refused_with_that_way(
    capsys, tmp_path, folder, models
):
    folder = folder.rename(folder.with_name("streets"))
    for path in (tmp_path / "truth").glob("*.png"):
        cv2.imwrite(str(path), cv2.imread(str(path), cv2.IMREAD_UNCHANGED) + np.uint8(1))
    line = ("compare", folder, "--gt", tmp_path / "truth", "--models", models[0])
    code, _, err = run(capsys, *line)
    assert code == 2
    assert "holds 1 and 2, never 0" in err
    assert "--truth-kind binary" in err


def _metadata(path):
    with safe_open(path, "pt") as file:
        return file.metadata()


def test_ground_truth_that_was_corrected_counts_as_it_is_named_or_not(capsys, folder, models):
    (folder.parent / "truth").rename(folder / "masks")
    project = open_project(folder)
    annotations = Annotations(project.root, project.truth)
    schema = LabelSchema.from_names(("background", "cell"))
    for ref in project.images:
        annotations.write(ref, np.ones((40, 56), np.uint8), None, schema)
    for named in ((), ("--gt", folder / "masks")):
        arguments = ("compare", folder, *named, "--models", models[0])
        code, text, err = run(capsys, *arguments, "--json")
        assert (code, err) == (0, "")
        found = json.loads(text)
        zero, one = found["models"][0]["classes"]
        assert (zero["iou"], one["recall"]) == (0, one["iou"])
        where = str(folder / "masks") if named else "annotations saved with segstudio"
        assert where in found["held_against"]
        assert where in run(capsys, *arguments)[1]


@pytest.mark.parametrize("named", [False, True])
def test_scores_on_masks_that_were_started_from_the_model_are_marked(capsys, folder, models, named):
    (folder.parent / "truth").rename(folder / "masks")
    project = open_project(folder)
    schema = LabelSchema.from_names(("background", "cell"))
    ref = project.images[1]
    half = np.zeros((40, 56), np.uint8)
    half[:20] = 1
    Annotations(project.root, project.truth).write(ref, half, None, schema)
    save_sources(project.data_folder, project.root, ref.key, ["first"])
    save_sources(project.data_folder, project.root, project.images[2].key, ["first"])  # reverted
    gt = ("--gt", folder / "masks") if named else ()
    arguments = ("compare", folder, *gt, "--models", ",".join(map(str, models)))
    code, text, _ = run(capsys, *arguments, "--json")
    found = json.loads(text)
    assert code == 0
    assert {m["id"]: m["images_started_from_model"] for m in found["models"]} == {
        "first": 1, "second": 0,
    }  # fmt: skip
    note = "“First (first.safetensors)” is partly measured on its own pixels, on 1 of 3 images"
    assert [n for n in found["notes"] if note in n]
    assert note in run(capsys, *arguments)[1]


def test_pixels_that_a_model_wrote_are_left_out_of_its_scores_alone(capsys, folder, models):
    (folder.parent / "truth").rename(folder / "masks")
    project = open_project(folder)
    half = np.zeros((40, 56), np.uint8)
    half[:20] = 1
    ref = project.images[1]
    annotations = Annotations(project.root, project.truth)
    annotations.write(ref, half, None, LabelSchema.from_names(("background", "cell")))
    writers = np.full((40, 56), 1, np.uint8)
    writers[:10] = 3
    maps = WriterMaps(table=WriterTable([ModelWriter("first", "First")]))
    maps.save(annotations, ref, LabelMap(half, writers=writers))
    code, text, _ = run(capsys, "compare", folder, "--models", ",".join(map(str, models)), "--json")
    found = json.loads(text)
    assert code == 0
    pixels = {m["id"]: sum(c["pixels"] for c in m["classes"]) for m in found["models"]}
    assert pixels["second"] - pixels["first"] == 10 * 56
    # 560 of 3 x 2240 pixels
    note = (
        "“First (first.safetensors)” is measured without 8.3 % of the pixels: it wrote them itself."
    )
    assert note in found["notes"]
