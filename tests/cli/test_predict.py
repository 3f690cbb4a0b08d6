"""`segstudio predict` end to end, on images made here and a network small enough to be quick."""

import hashlib
import json
import os
from dataclasses import replace

import cv2
import numpy as np
import pytest
import tifffile
import torch
from commands import SCHEMA, describe, run
from PIL import Image

from segstudio.core.route_answer import RouteAnswer
from segstudio.core.schema import LabelSchema
from segstudio.models.families.unet import UNet
from segstudio.runs import route_memory
from segstudio.storage.formats.png import instance_scores
from segstudio.storage.run_definitions import RunDefinition, write_definitions


@pytest.fixture
def weights(tmp_path):
    """A U-Net of 2 channels, untrained."""
    options = {"base_channels": 2, "depth": 1, "num_classes": 2}
    torch.manual_seed(0)
    network = UNet(**options)
    return describe(tmp_path / "tiny.safetensors", network, options=options)


@pytest.fixture
def images(tmp_path):
    folder = tmp_path / "pictures"
    folder.mkdir()
    rng = np.random.default_rng(0)
    for name, (h, w) in {"a1.png": (40, 56), "a10.png": (33, 21), "a2.jpg": (30, 30)}.items():
        cv2.imwrite(str(folder / name), rng.integers(0, 256, (h, w, 3), dtype=np.uint8))
    return folder


def test_one_indexed_png_an_image(capsys, tmp_path, images, weights):
    out = tmp_path / "out"
    code, text, err = run(capsys, "predict", images, "--weights", weights, "--out", out, "--json")
    assert (code, err) == (0, "")
    summary = json.loads(text)
    assert (summary["images"], summary["written"], summary["skipped"]) == (3, 3, 0)
    assert summary["failed"] == []
    assert summary["model"] == "tiny"
    assert summary["device"] in ("cpu", "cuda", "mps")
    assert sorted(p.name for p in out.iterdir()) == [
        "a1.png",
        "a10.png",
        "a2.png",
        "segstudio.json",
    ]
    for name, size in {"a1.png": (56, 40), "a10.png": (21, 33), "a2.png": (30, 30)}.items():
        with Image.open(out / name) as result:
            assert result.mode == "P"
            assert result.size == size
            assert set(np.unique(np.array(result))) <= {0, 1}
            assert tuple(result.getpalette()[3:6]) == SCHEMA.get(1).color
    assert LabelSchema.from_json(json.loads((out / "segstudio.json").read_text())) == SCHEMA


def test_a_second_call_goes_on_where_the_first_stopped(capsys, tmp_path, images, weights):
    out = tmp_path / "out"
    call = ("predict", images, "--weights", weights, "--out", out, "--json")
    first = json.loads(run(capsys, *call, "--limit", 2)[1])
    assert (first["written"], first["skipped"]) == (2, 0)
    assert {p.name for p in out.glob("*.png")} == {"a1.png", "a2.png"}  # natural order
    stamps = {p: p.stat().st_mtime_ns for p in out.glob("*.png")}
    second = json.loads(run(capsys, *call)[1])
    assert (second["written"], second["skipped"]) == (1, 2)
    assert {p: p.stat().st_mtime_ns for p in stamps} == stamps
    third = json.loads(run(capsys, *call)[1])
    assert (third["written"], third["skipped"]) == (0, 3)
    fourth = json.loads(run(capsys, *call, "--overwrite")[1])
    assert (fourth["written"], fourth["skipped"]) == (3, 0)


def test_instances_lie_beside_the_class_maps(capsys, tmp_path, images, instance_weights):
    out = tmp_path / "out"
    code, _, err = run(
        capsys, "predict", images, "--weights", instance_weights, "--out", out, "--score", "0.1"
    )
    assert (code, err) == (0, "")
    for name in ("a1.png", "a2.png", "a10.png"):
        labels = cv2.imread(str(out / name), cv2.IMREAD_UNCHANGED)
        ids = cv2.imread(str(out / "instances" / name), cv2.IMREAD_UNCHANGED)
        assert ids.dtype == np.uint16
        indices = np.array(Image.open(out / name))
        assert ids.shape == indices.shape == labels.shape[:2]
        np.testing.assert_array_equal(ids > 0, indices == 1)
        scores = instance_scores(out / "instances" / name)
        assert len(scores) == ids.max()
        assert (np.diff(scores) <= 0).all()
        assert scores.min() >= 0.1
    assert (ids > 0).any()


def test_named_runs_of_the_window(capsys, tmp_path, images):
    options = {"flips": True, "tile_px": 512}
    write_definitions(
        tmp_path / "home" / "config" / "runs.json",
        [RunDefinition("unet-nuclei+own", "Own", "variant", ("unet-nuclei",), options)],
    )
    out = tmp_path / "out"
    call = ("predict", images, "--out", out, "--limit", 1, "--json", "--model")
    code, text, err = run(capsys, *call, "unet-nuclei+own")
    assert (code, err) == (0, "")
    assert (json.loads(text)["model"], json.loads(text)["written"]) == ("unet-nuclei+own", 1)
    settings = json.loads((out / "segstudio.json").read_text())["predict"]
    assert (settings["model"], settings["tile"]) == ("unet-nuclei+own", 512)
    assert run(capsys, *call, "unet-nuclei+gone")[0] == 2


def test_a_result_that_cannot_be_written_is_reported_and_the_rest_goes_on(
    capsys, tmp_path, images, weights
):
    out, elsewhere = tmp_path / "out", tmp_path / "elsewhere"
    elsewhere.mkdir()
    for name, part in {"a1.png": "all", "a10.png": "all", "a2.jpg": "part"}.items():
        (images / part).mkdir(exist_ok=True)
        (images / name).rename(images / part / name)
    out.mkdir()
    (out / "part").symlink_to(elsewhere)
    code, text, err = run(capsys, "predict", images, "--weights", weights, "--out", out, "--json")
    summary = json.loads(text)
    assert (code, summary["written"]) == (1, 2)
    assert [f["name"] for f in summary["failed"]] == ["part/a2.jpg"]
    assert "is a link" in err
    assert list(elsewhere.iterdir()) == []


def test_a_broken_image_is_reported_and_the_rest_goes_on(capsys, tmp_path, images, weights):
    (images / "a3.png").write_bytes(b"no image")
    out = tmp_path / "out"
    code, text, err = run(capsys, "predict", images, "--weights", weights, "--out", out, "--json")
    summary = json.loads(text)
    assert code == 1
    assert summary["written"] == 3
    assert [f["name"] for f in summary["failed"]] == ["a3.png"]
    assert err.startswith("error: ")
    assert "a3.png" in err


def test_images_that_share_a_stem_both_get_a_result(capsys, tmp_path, images, weights):
    cv2.imwrite(str(images / "a1.bmp"), np.zeros((9, 9, 3), np.uint8))
    out = tmp_path / "out"
    assert run(capsys, "predict", images, "--weights", weights, "--out", out)[0] == 0
    names = {p.name for p in out.glob("*.png")}
    assert names == {"a1.png", "a1.png.png", "a2.png", "a10.png"}
    assert np.array(Image.open(out / "a1.png")).shape == (9, 9)
    assert np.array(Image.open(out / "a1.png.png")).shape == (40, 56)


def test_a_single_image_is_enough(capsys, tmp_path, images, weights):
    out = tmp_path / "out"
    code, text, _ = run(
        capsys, "predict", images / "a2.jpg", "--weights", weights, "--out", out, "--json"
    )
    assert (code, json.loads(text)["written"]) == (0, 1)
    assert [p.name for p in out.glob("*.png")] == ["a2.png"]


def test_images_are_never_overwritten(capsys, images, weights):
    before = (images / "a1.png").read_bytes()
    code, out, err = run(
        capsys, "predict", images, "--weights", weights, "--out", images, "--overwrite"
    )
    assert (code, out) == (2, "")
    assert "not written by segstudio predict" in err
    assert (images / "a1.png").read_bytes() == before


def test_results_below_the_folder_are_not_taken_for_images(capsys, images, weights):
    out = images / "results"
    call = ("predict", images, "--weights", weights, "--out", out, "--json")
    assert json.loads(run(capsys, *call)[1])["images"] == 3
    assert json.loads(run(capsys, *call)[1])["images"] == 3


def test_results_of_another_model_are_not_mixed(capsys, tmp_path, images, weights):
    out = tmp_path / "out"
    run(capsys, "predict", images, "--weights", weights, "--out", out, "--limit", "1")
    other = weights.rename(tmp_path / "other.safetensors")
    code, _, err = run(capsys, "predict", images, "--weights", other, "--out", out)
    assert code == 2
    assert "holds results of tiny" in err
    code, text, _ = run(
        capsys, "predict", images, "--weights", other, "--out", out, "--overwrite", "--json"
    )
    assert (code, json.loads(text)["written"]) == (0, 3)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"folder": "nowhere"}, "nowhere"),
        ({"--model": "no-such"}, "no-such"),
        ({"--weights": "none.pth"}, "none.pth"),
        ({"--model": "deeplabv3-resnet50"}, "family unet"),
        ({"--device": "gpu"}, "gpu"),
        ({"--out": "FILE"}, "is a file"),
        ({"--out": "/proc/x"}, "Nothing can be written into /proc"),
        ({"folder": "EMPTY"}, "no images"),
    ],
)
def test_bad_input_ends_with_2_and_one_line(capsys, tmp_path, images, weights, change, words):
    (tmp_path / "FILE").write_text("")
    (tmp_path / "EMPTY").mkdir()
    values = {"folder": images, "--weights": weights, "--out": tmp_path / "out"}
    for key, value in change.items():
        values[key] = tmp_path / value if value.isupper() else value
    folder = values.pop("folder")
    code, out, err = run(
        capsys, "predict", folder, *(part for pair in values.items() for part in pair)
    )
    assert (code, out) == (2, "")
    assert err.startswith("error: ")
    assert err.count("\n") == 1
    assert words in err


def test_weights_that_do_not_fit_end_with_1(capsys, tmp_path, images):
    network = UNet(base_channels=2, depth=1, num_classes=3)
    options = {"base_channels": 2, "depth": 1, "num_classes": 2}
    path = describe(tmp_path / "wrong.safetensors", network, options=options)
    code, out, err = run(capsys, "predict", images, "--weights", path, "--out", tmp_path / "o")
    assert (code, out) == (1, "")
    assert err.startswith("error: ")
    assert "wrong.safetensors does not fit" in err
    assert not (tmp_path / "o").exists()


def test_without_a_connection_the_way_by_hand_is_told(capsys, tmp_path, images, monkeypatch):
    monkeypatch.setenv("SEGSTUDIO_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:9")  # nobody listens
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.delenv("NO_PROXY", raising=False)
    code, out, err = run(
        capsys, "predict", images, "--model", "deeplabv3-mobilenetv3", "--out", tmp_path / "o"
    )
    last = err.splitlines()[-1]
    assert (code, out) == (1, "")
    assert last.startswith("error: ")
    assert "https://download.pytorch.org/models/deeplabv3_mobilenet_v3_large-fc3c493d.pth" in last
    assert str(tmp_path / "home" / "data" / "weights") in last


class TestSettings:
    """Results of one folder are made alike, or it is said that they are not."""

    def call(self, capsys, images, weights, out, *options):
        return run(capsys, "predict", images, "--weights", weights, "--out", out, *options)

    def settings(self, out):
        return json.loads((out / "segstudio.json").read_text())

    def test_they_are_written_beside_the_classes(self, capsys, tmp_path, images, instance_weights):
        out = tmp_path / "out"
        assert self.call(capsys, images, instance_weights, out, "--score", "0.3")[0] == 0
        found = self.settings(out)
        digest = hashlib.sha256(instance_weights.read_bytes()).hexdigest()
        assert found["predict"] == {
            "model": "things", "weights": f"SHA-256 {digest}", "tile": 2048, "score": 0.3,
            "network": "backbone resnet18_small, num_classes 2, pyramid_channels 8, "
            "box_channels 8, mask_channels 4, blocks [1, 1, 1], short_side 64, "
            "box_detections_per_img 5, scaling unit",
        }  # fmt: skip
        assert "predict_mixed_with" not in found
        assert LabelSchema.from_json(found) == replace(
            SCHEMA, classes=(SCHEMA.get(0), replace(SCHEMA.get(1), thing=True))
        )

    @pytest.mark.parametrize(
        ("options", "named"), [(("--score", "0.9"), "score 0.9"), (("--tile", "300"), "tile 300")]
    )
    def test_other_options_are_refused(
        self, capsys, tmp_path, images, instance_weights, options, named
    ):
        out = tmp_path / "out"
        first = (capsys, images, instance_weights, out, "--score", "0.05", "--limit", "1")
        assert self.call(*first)[0] == 0
        before = {p: p.read_bytes() for p in out.rglob("*") if p.is_file()}
        other = ("--score", "0.05") if options[0] == "--tile" else ()
        code, text, err = self.call(capsys, images, instance_weights, out, *other, *options)
        assert (code, text) == (2, "")
        assert err.count("\n") == 1
        assert named in err
        assert "--allow-mixed" in err
        assert {p: p.read_bytes() for p in out.rglob("*") if p.is_file()} == before
        # also where nothing is left to do
        code, _, _ = self.call(capsys, images, instance_weights, out, "--limit", "1", *options)
        assert code == 2

    def test_other_weights_of_the_same_name_are_refused(self, capsys, tmp_path, images, weights):
        out = tmp_path / "out"
        assert self.call(capsys, images, weights, out, "--limit", "1")[0] == 0
        torch.manual_seed(5)
        options = {"base_channels": 2, "depth": 1, "num_classes": 2}
        describe(weights, UNet(**options), options=options)
        code, _, err = self.call(capsys, images, weights, out)
        assert code == 2
        assert "SHA-256" in err

    def test_what_changes_nothing_is_not_refused(self, capsys, tmp_path, images, weights):
        """A score hides objects, and this model has none."""
        out = tmp_path / "out"
        assert self.call(capsys, images, weights, out, "--limit", "1")[0] == 0
        assert self.call(capsys, images, weights, out, "--score", "0.9")[0] == 0

    def test_they_may_be_mixed_if_that_is_said(self, capsys, tmp_path, images, instance_weights):
        out = tmp_path / "out"
        call = (capsys, images, instance_weights, out)
        assert self.call(*call, "--score", "0.05", "--limit", "1")[0] == 0
        code, _, err = self.call(*call, "--score", "0.9", "--allow-mixed", "--limit", "2")
        assert (code, err) == (0, "")
        found = self.settings(out)
        assert found["predict"]["score"] == 0.9
        assert [entry["score"] for entry in found["predict_mixed_with"]] == [0.05]
        # they stay mixed: the next run without the word is refused, with either score
        for score in ("0.9", "0.05"):
            assert self.call(*call, "--score", score)[0] == 2

    def test_results_whose_settings_were_lost_are_refused(
        self, capsys, tmp_path, images, instance_weights
    ):
        out = tmp_path / "out"
        call = (capsys, images, instance_weights, out)
        assert self.call(*call, "--score", "0.05", "--limit", "1")[0] == 0
        (out / "segstudio.json").unlink()
        code, text, err = self.call(*call, "--score", "0.9")
        assert (code, text) == (2, "")
        assert err.count("\n") == 1
        assert f"{out} holds results made with settings that no segstudio.json there tells" in err
        assert "score 0.9" in err
        assert not (out / "segstudio.json").exists()
        assert self.call(*call, "--score", "0.9", "--allow-mixed", "--limit", "2")[0] == 0
        assert self.settings(out)["predict_mixed_with"] == [{}]
        assert self.call(*call, "--score", "0.9")[0] == 2  # they stay mixed
        assert self.call(*call, "--score", "0.9", "--overwrite")[0] == 0
        assert "predict_mixed_with" not in self.settings(out)

    def test_making_all_again_makes_them_alike(self, capsys, tmp_path, images, instance_weights):
        out = tmp_path / "out"
        call = (capsys, images, instance_weights, out)
        assert self.call(*call, "--score", "0.05")[0] == 0
        # of three images one would stay
        assert self.call(*call, "--score", "0.9", "--overwrite", "--limit", "2")[0] == 2
        assert self.call(*call, "--score", "0.9", "--overwrite")[0] == 0
        found = self.settings(out)
        assert found["predict"]["score"] == 0.9
        assert "predict_mixed_with" not in found


def test_a_limit_counts_images_that_are_done_too(capsys, tmp_path, images, weights):
    call = ("predict", images, "--weights", weights, "--out", tmp_path / "out", "--json")
    first = json.loads(run(capsys, *call, "--limit", 2)[1])
    again = json.loads(run(capsys, *call, "--limit", 2)[1])
    assert (first["written"], first["skipped"]) == (2, 0)
    assert (again["written"], again["skipped"]) == (0, 2)
    assert len(list((tmp_path / "out").glob("*.png"))) == 2


class TestDetections:
    """`--save png,coco`: every detection, as `compare` counts them."""

    @pytest.fixture
    def truth(self, tmp_path, images):
        """Objects of each image, with an ignored corner and a crowd."""
        rng = np.random.default_rng(3)
        for name in ("a1.png", "a10.png", "a2.jpg"):
            height, width = cv2.imread(str(images / name)).shape[:2]
            ids = np.zeros((height, width), np.uint16)
            for number in range(1, 6):
                top, left = rng.integers(0, height - 8), rng.integers(0, width - 8)
                ids[top : top + 8, left : left + 8] = number
            labels = (ids > 0).astype(np.uint8)
            labels[:4, :4], labels[-6:, -6:], ids[-6:, -6:], ids[:4, :4] = 255, 1, 0, 0
            stem = name.split(".")[0]
            for folder, pixels in (("masks", labels), ("masks/instances", ids)):
                (tmp_path / "cells" / folder).mkdir(parents=True, exist_ok=True)
                cv2.imwrite(str(tmp_path / "cells" / folder / f"{stem}.png"), pixels)
        return tmp_path / "cells" / "masks"

    def evaluated(self, capsys, out, truth, *options):
        code, text, err = run(capsys, "evaluate", out, truth, "--instances", "--json", *options)
        assert (code, err) == (0, "")
        return json.loads(text)["instances"]

    def test_evaluate_equals_compare(self, capsys, tmp_path, images, instance_weights, truth):
        out = tmp_path / "out"
        options = ("--weights", instance_weights, "--out", out, "--save", "png,coco")
        assert run(capsys, "predict", images, *options, "--score", "0.7")[0] == 0
        # compare finds the objects beside the images' masks, and of what they are in the name
        images = images.rename(tmp_path / "photos of cells")
        (images / "masks").mkdir()
        (images / "instances").mkdir()
        for name in ("a1", "a10", "a2"):
            for folder, source in (("masks", truth), ("instances", truth / "instances")):
                (images / folder / f"{name}.png").write_bytes((source / f"{name}.png").read_bytes())
        call = ("compare", images, "--models", instance_weights, "--instances", "--json")
        code, text, _ = run(capsys, *call)
        assert code == 0
        expected = json.loads(text)["models"][0]["instances"]
        found = self.evaluated(capsys, out, truth)
        assert found["from"] == str(out / "coco.json")
        assert found["detections"] == expected["detections"] > 5
        assert found["objects"] == expected["objects"]
        for name in ("ap", "ap_50", "ap_75"):
            assert found[name] == pytest.approx(expected[name], abs=1e-9)
            assert found["box"][name] == pytest.approx(expected["box"][name], abs=1e-9)
        assert found["box"]["ap_50"] > 0 or found["ap_50"] > 0
        _, text, _ = run(capsys, "evaluate", out, truth, "--instances")
        assert f"from {found['detections']} detections in {out / 'coco.json'}" in text

    def test_the_classes_of_an_instance_model_are_things(
        self, capsys, tmp_path, images, instance_weights, truth
    ):
        out = tmp_path / "out"
        run(capsys, "predict", images, "--weights", instance_weights, "--out", out)
        classes = json.loads((out / "segstudio.json").read_text())["classes"]
        assert [(c["name"], c["thing"]) for c in classes] == [("background", False), ("cell", True)]
        code, text, _ = run(capsys, "evaluate", out, truth, "--panoptic", "--json")
        told = json.loads(text)
        things = told["panoptic"]["things"]
        assert (code, things["pq"]) == (0, pytest.approx(told["classes"][1]["pq"]))

    def test_masks_alone_say_what_they_lost(
        self, capsys, tmp_path, images, instance_weights, truth
    ):
        out = tmp_path / "out"
        run(
            capsys, "predict", images, "--weights", instance_weights, "--out", out, "--score", "0.3"
        )
        found = self.evaluated(capsys, out, truth)
        assert found["from"] == "masks"
        assert "below the score 0.3" in found["lost"]
        _, text, _ = run(capsys, "evaluate", out, truth, "--instances")
        assert "below the score 0.3 were not written" in text
        assert "--save png,coco" in text
        page = tmp_path / "r.html"
        run(capsys, "evaluate", out, truth, "--report", page)
        assert "below the score 0.3" in page.read_text()

    def test_a_run_goes_on_where_it_stopped(self, capsys, tmp_path, images, instance_weights):
        out = tmp_path / "out"
        call = ("predict", images, "--weights", instance_weights, "--out", out, "--json")
        assert json.loads(run(capsys, *call)[1])["written"] == 3  # masks only
        more = (*call, "--save", "png,coco")
        first = json.loads(run(capsys, *more, "--limit", 2)[1])
        assert (first["written"], first["skipped"]) == (2, 0)
        second = json.loads(run(capsys, *more)[1])
        assert (second["written"], second["skipped"]) == (1, 2)
        data = json.loads((out / "coco.json").read_text())
        assert [i["file_name"] for i in data["images"]] == ["a1.png", "a10.png", "a2.jpg"]
        assert {a["image_id"] for a in data["annotations"]} == {1, 2, 3}
        assert min(a["score"] for a in data["annotations"]) < 0.5 or len(data["annotations"]) > 3

    def test_a_file_elsewhere_is_read_too(self, capsys, tmp_path, images, instance_weights, truth):
        out = tmp_path / "out"
        options = ("--weights", instance_weights, "--out", out, "--save", "png,coco")
        run(capsys, "predict", images, *options)
        here = self.evaluated(capsys, out, truth)
        (out / "coco.json").rename(tmp_path / "found.json")
        there = self.evaluated(capsys, out, truth, "--detections", tmp_path / "found.json")
        assert there == here | {"from": str(tmp_path / "found.json")}
        (out / "coco.json").write_text("[" * 100_000)
        code, text, err = run(capsys, "evaluate", out, truth, "--instances")
        assert (code, text) == (2, "")
        assert err.startswith(f"error: {out / 'coco.json'} is damaged (nested too deeply)")
        assert err.count("\n") == 1
        assert run(capsys, "evaluate", out, truth)[0] == 0  # it is not needed for the rest

    def test_a_model_without_objects_has_none_to_save(self, capsys, tmp_path, images, weights):
        call = ("predict", images, "--weights", weights, "--out", tmp_path / "out")
        code, text, err = run(capsys, *call, "--save", "png,coco")
        assert (code, text) == (2, "")
        assert "tells no objects apart" in err
        assert not (tmp_path / "out").exists()

    @pytest.mark.parametrize("kinds", ["coco", "png,tiff", ""])
    def test_kinds_that_are_unknown(self, capsys, tmp_path, images, weights, kinds):
        call = ("predict", images, "--weights", weights, "--out", tmp_path / "out")
        code, _, err = run(capsys, *call, "--save", kinds)
        assert code == 2
        assert "png,coco" in err


@pytest.fixture
def stack(tmp_path):
    """A folder with a stack of three pages of different sizes of bright squares, and a HEIC."""
    folder = tmp_path / "stacks"
    folder.mkdir()
    pages = np.zeros((3, 24, 32), np.uint8)
    for page in range(3):
        pages[page, : 8 * page] = 255
    tifffile.imwrite(folder / "cells.tif", pages, photometric="minisblack")
    (folder / "later.heic").write_bytes(b"ftypheic")
    return folder


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no named pipes")
def test_a_pipe_called_like_an_image_is_named(capsys, tmp_path, images, weights):
    os.mkfifo(images / "x.png")
    code, _, err = run(capsys, "predict", images, "--weights", weights, "--out", tmp_path / "out")
    assert code == 0
    assert "note: x.png is passed over: it is a named pipe, not a file.\n" in err


def test_of_a_stack_the_first_page_can_be_done_and_this_is_said(capsys, tmp_path, stack, weights):
    out = tmp_path / "out"
    first = ("--weights", weights, "--out", out, "--pages", "first")
    code, text, err = run(capsys, "predict", stack, *first)
    assert code == 0
    assert "only the first page was segmented of cells.tif (3); without --pages first" in text
    assert err.startswith("note: 1 HEIC file is passed over")
    assert [p.name for p in out.glob("*.png")] == ["cells.png"]
    code, text, _ = run(capsys, "predict", stack, *first, "--json")
    summary = json.loads(text)
    assert (summary["images"], summary["skipped"]) == (1, 1)
    assert summary["first_page_of"] == {"cells.tif": 3}  # also where nothing was left to do


def test_all_pages_of_a_stack(capsys, tmp_path, stack, weights):
    out = tmp_path / "out"
    code, text, _ = run(capsys, "predict", stack, "--weights", weights, "--out", out, "--json")
    summary = json.loads(text)
    assert summary["stacks"] == {"cells.tif": 3}
    assert (code, summary["images"], summary["written"]) == (0, 3, 3)
    assert summary["first_page_of"] == {}
    names = ["cells.png", "cells_p0002.png", "cells_p0003.png"]
    assert sorted(p.name for p in out.glob("*.png")) == names
    # the same as the pages as files of their own
    apart = tmp_path / "apart"
    apart.mkdir()
    for page, name in enumerate(names):
        pixels = np.array(tifffile.imread(stack / "cells.tif", key=page))
        Image.fromarray(pixels).save(apart / name)
    run(capsys, "predict", apart, "--weights", weights, "--out", tmp_path / "out2")
    for name in names:
        first, second = (np.array(Image.open(tmp_path / o / name)) for o in ("out", "out2"))
        assert np.array_equal(first, second)


# -- the fastest way ---------------------------------------------------------------------------


@pytest.fixture
def many(tmp_path):
    """Eight images: enough that a test of faster ways is worth it."""
    folder = tmp_path / "many"
    folder.mkdir()
    for number in range(8):
        pixels = np.random.default_rng(number).integers(0, 256, (24, 32, 3), dtype=np.uint8)
        cv2.imwrite(str(folder / f"b{number}.png"), pixels)
    return folder


@pytest.fixture
def tests_of_routes(monkeypatch):
    """Stands for the test, which finds float32 in rows the fastest; holds what was tested."""
    asked = []

    def find(spec, pixels, _options, _check, _report, _halted):
        asked.append((spec.id, pixels.shape))
        return RouteAnswer("contiguous", 1.5, 1.0)

    monkeypatch.setattr(route_memory, "tested_apart", find)
    return asked


def test_many_images_are_run_the_fastest_way_which_is_tested_once(
    capsys, tmp_path, many, weights, tests_of_routes
):
    told = []
    for out in ("one", "two"):
        args = ("predict", many, "--weights", weights, "--out", tmp_path / out, "--json")
        code, text, _ = run(capsys, *args)
        assert code == 0
        told.append(json.loads(text))
    assert [t["route"] for t in told] == ["contiguous"] * 2
    assert [t["device"] for t in told] == ["cpu (float32 in rows)"] * 2
    assert tests_of_routes == [("tiny", (24, 32, 3))]
    noted = json.loads((tmp_path / "one" / "segstudio.json").read_text("utf-8"))
    assert noted["predict"]["route"] == "contiguous"


def test_exact_runs_exactly_and_few_images_are_not_tested(
    capsys, tmp_path, many, weights, tests_of_routes
):
    base = ("predict", many, "--weights", weights, "--json", "--out")
    told = [
        json.loads(run(capsys, *base, tmp_path / "exact", "--exact")[1]),
        json.loads(run(capsys, *base, tmp_path / "few", "--limit", "7")[1]),
    ]
    assert [t["route"] for t in told] == ["exact", "exact"]
    assert [t["device"] for t in told] == ["cpu", "cpu"]
    assert tests_of_routes == []


def test_beside_results_that_stay_their_own_way_is_kept(
    capsys, tmp_path, many, weights, tests_of_routes
):
    base = ("predict", many, "--weights", weights, "--json", "--out", tmp_path / "out")
    run(capsys, *base, "--limit", "1", "--exact")
    code, text, _ = run(capsys, *base)
    assert (code, json.loads(text)["route"], tests_of_routes) == (0, "exact", [])
    other = (*base[:-1], tmp_path / "other")
    run(capsys, *other)
    (tmp_path / "other" / "b3.png").unlink()
    code, text, _ = run(capsys, *other)
    assert (code, json.loads(text)["route"]) == (0, "contiguous")
    code, text, _ = run(capsys, *other)
    assert (code, json.loads(text)["skipped"]) == (0, 8)
    code, _, err = run(capsys, *other, "--exact")
    assert code == 2
    assert "route contiguous" in err


def test_the_users_setting_switches_it_off(capsys, tmp_path, many, weights, tests_of_routes):
    settings = tmp_path / "home" / "config" / "settings.json"
    settings.parent.mkdir(parents=True)
    settings.write_text('{"fast_routes": false}', encoding="utf-8")
    code, text, _ = run(
        capsys, "predict", many, "--weights", weights, "--out", tmp_path / "out", "--json"
    )
    assert (code, json.loads(text)["route"], tests_of_routes) == (0, "exact", [])


def test_a_first_image_that_cannot_be_read_leaves_the_exact_way(
    capsys, tmp_path, many, weights, tests_of_routes
):
    (many / "b0.png").write_bytes(b"no picture")
    code, text, err = run(
        capsys, "predict", many, "--weights", weights, "--out", tmp_path / "out", "--json"
    )
    assert (code, json.loads(text)["route"], tests_of_routes) == (1, "exact", [])
    assert "b0.png" in err
