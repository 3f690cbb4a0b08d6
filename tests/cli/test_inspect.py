"""`segstudio inspect` end to end: the embedded models on small pieces of the samples."""

import json

import cv2
import numpy as np
import pytest
from commands import run
from PIL import Image

from segstudio.inspection.nets.traced_model import TracedModel
from segstudio.metrics.confusion import ConfusionMatrix, Metrics
from segstudio.models.registry import get_spec, spec_from_weights
from segstudio.models.segmenter import Segmenter
from segstudio.storage.annotations import Annotations
from segstudio.storage.project import open_project

UNET = ("--model", "unet-nuclei", "--device", "cpu")


def inspect_json(capsys, *arguments):
    code, out, err = run(capsys, "inspect", *arguments, "--json")
    assert (code, err) == (0, "")
    return json.loads(out)


def test_the_stages_of_the_unet_are_those_computed_by_hand(capsys, image):
    report = inspect_json(capsys, image, *UNET)
    stages = report["stages"]
    assert {
        "name", "role", "channels", "height", "width", "stride", "receptive_field", "parameters",
        "macs",
    } <= set(stages[0])  # fmt: skip
    assert [s["role"] for s in stages] == [
        "input", *["encoder"] * 4, "bottleneck", *["decoder"] * 4, "head",
    ]  # fmt: skip
    assert [s["channels"] for s in stages] == [3, 22, 44, 88, 176, 352, 176, 88, 44, 22, 2]
    sides = [64, 64, 32, 16, 8, 4, 8, 16, 32, 64, 64]
    assert [(s["height"], s["width"]) for s in stages] == [(n, n) for n in sides]
    assert [s["stride"] for s in stages] == [64 // n for n in sides]
    # two 3 x 3 convolutions a stage, a 2 x 2 pooling between: r + 4 j after r + j, j doubled
    assert [s["receptive_field"] for s in stages[:6]] == [1, 5, 14, 32, 68, 140]
    first = 3 * 9 * 22 + 22 * 9 * 22
    assert stages[1]["macs"] == 64 * 64 * first
    assert stages[1]["parameters"] == first + 2 * 2 * 22  # and two batch norms
    assert sum(s["parameters"] for s in stages) == report["parameters"]
    assert [(s["source"], s["target"], s["kind"]) for s in report["skips"]] == [
        (f"{down}", up, "concatenation")
        for down, up in [("down3", "up1"), ("down2", "up2"), ("down1", "up3"), ("inc", "up4")]
    ]
    assert report["input_size"] == [64, 64]
    assert "ablations" not in report


def test_the_tables_name_every_stage_and_skip(capsys, image):
    code, out, err = run(capsys, "inspect", image, *UNET)
    assert (code, err) == (0, "")
    lines = [line.split() for line in out.splitlines()]
    bottleneck = next(line for line in lines if line[:1] == ["down4"])
    assert bottleneck[1:7] == ["bottleneck", "352", "4", "4", "16", "140"]
    assert ["inc", "up4", "concatenation"] in lines


def test_each_stage_becomes_a_readable_sheet(capsys, image, tmp_path):
    out = tmp_path / "new" / "sheets"
    report = inspect_json(capsys, image, *UNET, "--out", out)
    files = sorted(out.iterdir())
    assert [str(f) for f in files] == report["sheets"]
    assert len(files) == len(report["stages"]) == 11
    assert files[5].name == "05-bottleneck-down4.png"
    for file, stage in zip(files, report["stages"], strict=True):
        with Image.open(file) as sheet:
            sheet.load()
            assert sheet.mode == "RGB"
            assert sheet.width * sheet.height >= stage["channels"] * 24 * 24
    assert image.read_bytes()[:4] == b"\x89PNG"


def test_cutting_a_skip_changes_the_mask_and_its_scores(capsys, image):
    report = inspect_json(capsys, image, *UNET, "--ablate", "down2 -> up2")
    assert report["ground_truth"] == str(image.parent / "instances" / image.name)
    (row,) = report["ablations"]
    assert row["skip"] == "down2 -> up2"

    segmenter = Segmenter(get_spec("unet-nuclei"), device="cpu")
    pixels = np.array(Image.open(image).convert("RGB"))
    whole = segmenter.predict(pixels).labels
    join = segmenter.network.up2  # takes 176 channels from below and 88 from the skip

    def no_skip(_module, args):
        return tuple(a * 0 if a.shape[1] == 88 else a for a in args)

    handle = join.register_forward_pre_hook(no_skip)
    cut = segmenter.predict(pixels).labels
    handle.remove()
    changed = int((whole != cut).sum())
    assert changed > 0
    assert row["changed_pixels"] == changed
    assert row["changed_share"] == changed / 4096
    truth = (cv2.imread(report["ground_truth"], cv2.IMREAD_UNCHANGED) > 0).astype(np.uint8)
    for key, labels in {"iou": whole, "iou_cut": cut}.items():
        expected = Metrics.from_counts(ConfusionMatrix.of(truth, labels, 2)).iou
        assert [c[key] for c in row["classes"]] == pytest.approx(list(expected))
    for entry in row["classes"]:
        assert entry["iou_change"] == pytest.approx(entry["iou_cut"] - entry["iou"])


@pytest.mark.slow
def test_all_cuts_each_skip_and_then_all_together(capsys, image):
    report = inspect_json(capsys, image, *UNET, "--ablate", "all")
    names = [s["name"] for s in report["skips"]]
    assert [row["skip"] for row in report["ablations"]] == [*names, "all"]
    together = report["ablations"][-1]
    assert together["changed_pixels"] > 0
    assert together["mean_iou_change"] < 0
    one = inspect_json(capsys, image, *UNET, "--ablate", "inc")  # by its source alone
    assert one["ablations"] == [report["ablations"][3]]
    text = run(capsys, "inspect", image, *UNET, "--ablate", "all")[1]
    assert f"{together['changed_share']:.2%}" in text
    assert f"ground truth: {report['ground_truth']}" in text


def test_how_says_what_stands_in_for_a_skip(capsys, image):
    report = inspect_json(capsys, image, *UNET, "--ablate", "down2", "--how", "mean")
    (row,) = report["ablations"]
    assert row["how"] == "mean"
    segmenter = Segmenter(get_spec("unet-nuclei"), device="cpu")
    pixels = np.array(Image.open(image).convert("RGB"))

    def only_means(_module, args):
        return tuple(
            a.mean((2, 3), keepdim=True).expand_as(a) if a.shape[1] == 88 else a for a in args
        )

    whole = segmenter.predict(pixels).labels
    handle = segmenter.network.up2.register_forward_pre_hook(only_means)
    cut = segmenter.predict(pixels).labels
    handle.remove()
    assert row["changed_pixels"] == int((whole != cut).sum()) > 0
    truth = (cv2.imread(report["ground_truth"], cv2.IMREAD_UNCHANGED) > 0).astype(np.uint8)
    for key, labels in {"boundary_iou": whole, "boundary_iou_cut": cut}.items():
        for entry in row["classes"]:
            # 2 % of the diagonal of 64 x 64 pixels is 1.8: two pixels deep
            inner = [
                region & ~cv2.erode(
                    np.pad(region, 1).astype(np.uint8), np.ones((5, 5), np.uint8)
                )[1:-1, 1:-1].astype(bool)
                for region in (truth == entry["id"], labels == entry["id"])
            ]  # fmt: skip
            expected = (inner[0] & inner[1]).sum() / (inner[0] | inner[1]).sum()
            assert entry[key] == pytest.approx(expected)
    means = [np.mean([c[f"boundary_iou{end}"] for c in row["classes"]]) for end in ("", "_cut")]
    assert row["mean_boundary_iou"] == pytest.approx(means[0])
    assert row["mean_boundary_iou_change"] == pytest.approx(means[1] - means[0])
    assert next(entry["name"] for entry in row["classes"]) == "background"
    for figure in ("iou", "dice", "boundary_iou"):
        after = np.mean([entry[f"{figure}_cut"] for entry in row["classes"][1:]])
        assert row[f"mean_{figure}_foreground_cut"] == pytest.approx(after)


def test_without_ground_truth_the_changed_pixels_remain(capsys, image, tmp_path):
    alone = image.rename(tmp_path / "alone.png")
    report = inspect_json(capsys, alone, *UNET, "--ablate", "inc")
    assert report["ground_truth"] is None
    assert report["ablations"][0]["classes"] == []
    assert "mean_iou" not in report["ablations"][0]
    assert report["ablations"][0]["changed_pixels"] > 0


def test_ground_truth_of_another_size_is_left_out_and_named(capsys, image):
    mask = image.parent / "instances" / image.name
    cv2.imwrite(str(mask), np.ones((10, 10), np.uint16))
    report = inspect_json(capsys, image, *UNET, "--ablate", "inc")
    assert report["ground_truth"] is None
    assert any(str(mask) in note for note in report["notes"])


def test_ground_truth_that_was_corrected_counts_as_it_is_now(capsys, image):
    project = open_project(image)
    annotations = Annotations(project.root, project.truth)
    labels, ids = np.zeros((64, 64), np.uint8), np.zeros((64, 64), np.uint16)
    labels[0, 0] = ids[0, 0] = 1
    annotations.write(project.images[0], labels, ids, project.truth.schema)
    report = inspect_json(capsys, image, *UNET, "--ablate", "inc")
    mask = image.parent / "instances" / image.name
    assert report["ground_truth"] == str(mask)
    assert report["ablations"][0]["classes"][1]["iou"] < 0.01


def test_a_mask_rcnn_of_ones_own_goes_the_same_way(capsys, image, instance_weights):
    report = inspect_json(capsys, image, "--weights", instance_weights, "--ablate", "all")
    roles = {s["role"] for s in report["stages"]}
    assert {"input", "encoder", "bottleneck", "pyramid", "proposals", "mask head"} <= roles
    assert {s["kind"] for s in report["skips"]} == {"lateral"}
    assert [r["skip"] for r in report["ablations"]][-1] == "all"
    assert report["ablations"][-1]["changed_pixels"] > 0


def test_of_a_network_that_resizes_the_photo_both_sizes_are_said(capsys, image, instance_weights):
    Image.open(image).crop((0, 0, 64, 40)).save(image)
    arguments = (image, "--weights", instance_weights)
    report = inspect_json(capsys, *arguments)
    code, out, _ = run(capsys, "inspect", *arguments)
    assert code == 0
    # the shorter side becomes 64, the longer one 64 * 64 / 40 = 102.4
    assert "on 64 x 40 pixels, given to it as 102 x 64: " in out.splitlines()[0]
    fields = {s["name"]: s["receptive_field_size"] for s in report["stages"]}
    name, (height, width) = next((n, f) for n, f in fields.items() if f and f[0] != f[1])
    row = next(line for line in out.splitlines() if line.startswith(f"{name} "))
    assert f" {height} x {width} " in row
    assert "\nstride and receptive field in pixels of the image, height x width\n" in out


def test_a_model_without_skips_still_shows_its_stages(capsys, image):
    report = inspect_json(capsys, image, "--model", "deeplab-nuclei", "--ablate", "all")
    context = [s for s in report["stages"] if s["role"] == "context"]
    assert [s["receptive_field_is_global"] for s in context][-2] is True  # the pooled branch
    assert not report["stages"][0]["receptive_field_is_global"]
    assert report["skips"] == report["ablations"] == []
    assert (
        "nothing to cut"
        in run(capsys, "inspect", image, "--model", "deeplab-nuclei", "--ablate", "all")[1]
    )
    code, _, err = run(capsys, "inspect", image, "--model", "deeplab-nuclei", "--ablate", "inc")
    assert code == 2
    assert "has no skips" in err


@pytest.mark.parametrize("kind", ["semantic", "instance"])
def test_without_cuts_the_mask_is_that_of_predict(image, kind, instance_weights):
    own = spec_from_weights(instance_weights)
    segmenter = Segmenter(get_spec("unet-nuclei") if kind == "semantic" else own, device="cpu")
    pixels = np.array(Image.open(image).convert("RGB"))
    before = segmenter.predict(pixels).labels
    traced_model = TracedModel(segmenter, pixels)
    traced_model.trace(keep=())
    np.testing.assert_array_equal(traced_model.labels(), before)
    np.testing.assert_array_equal(segmenter.predict(pixels).labels, before)
    assert before.any()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"image": "nowhere.png"}, "nowhere.png"),
        ({"image": "EMPTY"}, "EMPTY"),
        ({"--model": "no-such"}, "no-such"),
        ({"--model": None}, "--model"),
        ({"--weights": "none.pth"}, "none.pth"),
        ({"--device": "gpu"}, "gpu"),
        ({"--out": "FILE"}, "is a file"),
        ({"--how": "mean"}, "--ablate"),
        ({"--ablate": "all", "--how": "halve"}, "zero, mean, shuffle"),
        ({"--ablate": "up9"}, "down3 -> up1, down2 -> up2, down1 -> up3, inc -> up4"),
    ],
)
def test_bad_input_ends_with_2_and_one_line(capsys, tmp_path, image, change, words):
    (tmp_path / "FILE").write_text("")
    (tmp_path / "EMPTY").mkdir()
    values = {"image": image, "--model": "unet-nuclei", "--out": tmp_path / "out", **change}
    values = {k: tmp_path / v if str(v).isupper() else v for k, v in values.items()}
    first = values.pop("image")
    options = [part for pair in values.items() if pair[1] is not None for part in pair]
    code, out, err = run(capsys, "inspect", first, *options, "--json")
    assert (code, out) == (2, "")
    assert err.startswith("error: ")
    assert err.count("\n") == 1
    assert words in err
    assert not (tmp_path / "out").exists()


def test_the_image_is_never_replaced_by_a_sheet(capsys, image):
    itself = image.rename(image.parent / "00-input.png")
    before = itself.read_bytes()
    code, _, err = run(capsys, "inspect", itself, *UNET, "--out", itself.parent)
    assert code == 2
    assert "the image itself" in err
    assert itself.read_bytes() == before


def test_the_command_is_listed(capsys):
    assert "inspect" in run(capsys, "--help")[1].split("Commands:")[1]
    code, out, _ = run(capsys, "inspect", "--help")
    assert code == 0
    assert "--ablate" in out


def test_a_network_that_fails_on_the_image_ends_with_1(capsys, image, monkeypatch):
    def fail(*_args, **_more):
        raise RuntimeError("out of order")

    monkeypatch.setattr("segstudio.models.families.unet.UNet.forward", fail)
    code, out, err = run(capsys, "inspect", image, *UNET)
    assert (code, out) == (1, "")
    assert err.startswith("error: ")
    assert err.count("\n") == 1
    assert "out of order" in err
