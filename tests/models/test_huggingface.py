"""Networks of Hugging Face from their folders, held against transformers itself."""

import json
import os
import shutil

import numpy as np
import pytest
import torch
from hub_networks import (
    LABELS,
    NAMES,
    THINGS,
    filled,
    mask2former_network,
    model_of,
    panoptic_maps,
    photo,
    post,
    same_partition,
    saved,
    swin,
)
from safetensors.torch import load_file, save_file
from slow_cases import few

from segstudio.core.errors import SegstudioError
from segstudio.core.features import EdgeCut
from segstudio.core.prediction import RunOptions, with_thresholds
from segstudio.inspection.nets.traced_model import TracedModel
from segstudio.models import hub_folder
from segstudio.models.preprocess import Preprocess
from segstudio.models.recognition import describes_itself, spec_from_weights
from segstudio.models.segmenter import Segmenter
from segstudio.models.things import things_among
from segstudio.runs.engine import TorchEngine

os.environ["HF_HUB_OFFLINE"] = "1"


def segformer_config(tf, **more):
    small = {
        "depths": [1, 1, 1, 1], "hidden_sizes": [8, 16, 16, 32], "num_attention_heads": [1, 1, 2, 4],
        "decoder_hidden_size": 16,
    }  # fmt: skip
    return tf.SegformerConfig(**{**small, **LABELS, **more})


@pytest.fixture(scope="module")
def segformer(tf, tmp_path_factory):
    network = filled(tf.SegformerForSemanticSegmentation(segformer_config(tf)), 1)
    with torch.no_grad():  # so that each class wins somewhere
        seen = torch.from_numpy(photo(128, 96)).permute(2, 0, 1)[None] / 128 - 1
        means = network(pixel_values=seen).logits.mean((0, 2, 3))
        network.decode_head.classifier.bias -= means
    processor = tf.SegformerImageProcessor(size={"height": 128, "width": 96})
    return saved(network, processor, tmp_path_factory.mktemp("hf") / "segformer-tiny")


@pytest.fixture(scope="module")
def mask2former(tf, tmp_path_factory):
    processor = tf.Mask2FormerImageProcessor(
        size={"shortest_edge": 96, "longest_edge": 160}, size_divisor=32
    )
    folder = tmp_path_factory.mktemp("hf") / "mask2former-panoptic"
    return saved(mask2former_network(tf), processor, folder)


def reference_output(made, pixels):
    inputs = made.processor(images=pixels, return_tensors="pt")
    with torch.inference_mode():
        return made.network(pixel_values=inputs["pixel_values"])


def our_logits(segmenter, pixels):
    """Softmax probabilities, which tell more than the winner."""
    return segmenter.probabilities(pixels, RunOptions())


def test_a_folder_is_examined_as_the_file_inside_it_is(segformer):
    of_folder = TorchEngine().examine(segformer.folder, lambda: None)
    of_file = TorchEngine().examine(segformer.folder / "model.safetensors", lambda: None)
    assert of_folder == of_file
    assert of_folder.tensors > 0
    assert not of_folder.problem


def test_a_segformer_folder_says_what_it_is(segformer):
    spec = spec_from_weights(segformer.folder)
    assert (spec.id, spec.family, spec.task) == ("segformer-tiny", "segformer", "semantic")
    assert spec.title == "SegFormer (segformer-tiny)"
    assert spec.schema.names == tuple(enumerate(NAMES))
    assert Preprocess.from_dict(dict(spec.preprocess)) == Preprocess(
        mean=(0.485, 0.456, 0.406), std=(0.229, 0.224, 0.225), size=(128, 96)
    )


@pytest.mark.parametrize("name", ["config.json", "model.safetensors", "preprocessor_config.json"])
def test_any_file_of_the_folder_opens_it(segformer, name):
    assert spec_from_weights(segformer.folder / name) == spec_from_weights(segformer.folder)


@pytest.mark.parametrize("size", [(128, 96), (100, 150), (61, 47)])
def test_segformer_answers_as_transformers(segformer, size):
    pixels = photo(*size)
    model = model_of(segformer.folder)
    x, _ = Preprocess.from_dict(dict(model.spec.preprocess)).prepare(pixels)
    theirs = segformer.processor(images=pixels, return_tensors="pt")["pixel_values"]
    # Resizing to bytes rounds halves in two ways: a level of grey, as wide as the smallest std.
    assert (x - theirs).abs().max() < (1e-5 if size == (128, 96) else 1.01 / 255 / 0.224)
    with torch.inference_mode():
        output = segformer.network(pixel_values=x)
    (wanted,) = segformer.processor.post_process_semantic_segmentation(
        output, [size], return_segmentation_scores=True
    )
    found = our_logits(model, pixels)
    assert np.abs(found - wanted["segmentation_scores"].softmax(0).numpy()).max() < 1e-4
    labels = model.predict(pixels).labels
    assert len(np.unique(labels)) > 1
    assert (labels == wanted["segmentation"].numpy()).mean() > 0.9999


def test_large_images_are_enlarged_from_the_network_s_own_maps(segformer):
    pixels = photo(300, 420)
    model = model_of(segformer.folder)
    whole = model.predict(pixels, RunOptions(tile_px=2048))
    strips = model.predict(pixels, RunOptions(tile_px=256))
    assert (whole.labels == strips.labels).mean() > 0.9999


def test_reduced_labels_are_ids_from_one_on(tf, segformer, tmp_path):
    folder = tmp_path / "ade"
    processor = tf.SegformerImageProcessor(size={"height": 128, "width": 96}, do_reduce_labels=True)
    saved(segformer.network, processor, folder)
    spec = spec_from_weights(folder)
    assert spec.schema.names == ((0, "background"), *enumerate(NAMES, 1))
    pixels = photo(128, 96)
    plain, shifted = model_of(segformer.folder), model_of(folder)
    assert np.array_equal(shifted.predict(pixels).labels, plain.predict(pixels).labels + 1)
    found = our_logits(shifted, pixels)
    assert not found[0].any()
    assert np.allclose(found[1:], our_logits(plain, pixels), atol=1e-5)


def test_names_of_both_versions_of_transformers_are_read(tf, segformer, tmp_path):
    written = load_file(segformer.folder / "model.safetensors")
    old = any(name.startswith("decode_head.linear_c.") for name in written)
    new = {k: v.contiguous() for k, v in segformer.network.state_dict().items()}
    assert old
    assert any(name.startswith("decode_head.linear_projections.") for name in new)
    folder = tmp_path / "new-names"
    saved(segformer.network, segformer.processor, folder)
    save_file(new, folder / "model.safetensors", {"format": "pt"})
    pixels = photo(128, 96)
    wanted = our_logits(model_of(segformer.folder), pixels)
    assert np.array_equal(our_logits(model_of(folder), pixels), wanted)


def test_several_files_of_weights_and_pickled_ones_are_read(tf, segformer, tmp_path):
    pixels = photo(128, 96)
    wanted = our_logits(model_of(segformer.folder), pixels)
    parts = tmp_path / "parts"
    segformer.network.save_pretrained(parts, max_shard_size="60KB")
    segformer.processor.save_pretrained(parts)
    assert (parts / "model.safetensors.index.json").exists()
    assert np.array_equal(our_logits(model_of(parts), pixels), wanted)
    assert spec_from_weights(next(parts.glob("model-0*"))) == spec_from_weights(parts)

    pickled = tmp_path / "pickled"
    saved(segformer.network, segformer.processor, pickled)
    state = load_file(pickled / "model.safetensors")
    (pickled / "model.safetensors").unlink()
    torch.save(state, pickled / "pytorch_model.bin")
    assert np.array_equal(our_logits(model_of(pickled), pixels), wanted)


def copied(made, folder, **changes):
    saved(made.network, made.processor, folder)
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, **changes}))
    return folder


def test_a_folder_that_names_classes_and_values_needs_no_form(segformer, tmp_path):
    assert describes_itself(segformer.folder)
    assert describes_itself(segformer.folder / "model.safetensors")
    unnamed = {str(n): f"LABEL_{n}" for n in range(len(NAMES))}
    assert not describes_itself(copied(segformer, tmp_path / "unnamed", id2label=unnamed))
    bare = copied(segformer, tmp_path / "bare")
    (bare / "preprocessor_config.json").unlink()
    assert not describes_itself(bare)


def test_what_does_not_fit_is_counted_and_named(segformer, tmp_path):
    folder = copied(segformer, tmp_path / "cut")
    state = load_file(folder / "model.safetensors")
    del state["decode_head.classifier.bias"]
    state["decode_head.linear_fuse.weight"] = torch.zeros(4, 4, 1, 1)
    state["extra.weight"] = torch.zeros(2)
    save_file(state, folder / "model.safetensors")
    with pytest.raises(SegstudioError) as caught:
        model_of(folder).load()
    text = caught.value.message
    assert str(folder / "model.safetensors") in text
    assert "1 missing (decode_head.classifier.bias)" in text
    assert "1 unexpected (extra.weight)" in text
    assert "1 of another shape (decode_head.linear_fuse.weight (4, 4, 1, 1))" in text


def test_a_configuration_of_a_far_larger_network_takes_no_memory(segformer, tmp_path):
    folder = copied(segformer, tmp_path / "huge", hidden_sizes=[512, 1024, 1024, 2048])
    with pytest.raises(SegstudioError, match=r"config\.json describes"):
        model_of(folder).load()


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("SegformerForImageClassification", "holds a SegformerForImageClassification"),
        ("Sam2Model", "answers clicks and names no classes"),
    ],
)
def test_other_networks_are_refused_by_name(segformer, tmp_path, name, words):
    folder = copied(segformer, tmp_path / "other", architectures=[name])
    with pytest.raises(SegstudioError, match=words) as caught:
        spec_from_weights(folder)
    assert "SegFormer" in caught.value.hint


def test_a_folder_without_weights_and_one_of_something_else_are_said(segformer, tmp_path):
    folder = copied(segformer, tmp_path / "empty")
    (folder / "model.safetensors").unlink()
    with pytest.raises(SegstudioError, match=r"has no weights beside config\.json"):
        spec_from_weights(folder)
    (tmp_path / "photos").mkdir()
    with pytest.raises(SegstudioError, match=r"is a folder without config\.json and model"):
        spec_from_weights(tmp_path / "photos")


def test_without_the_package_the_message_says_how_to_get_it(segformer, monkeypatch):
    monkeypatch.setattr(hub_folder.importlib.util, "find_spec", lambda _name: None)
    with pytest.raises(SegstudioError) as caught:
        spec_from_weights(segformer.folder)
    assert "needs the package transformers" in caught.value.message
    assert 'pip install "segstudio[hf]"' in caught.value.hint


def test_code_in_a_folder_is_never_run(segformer, tmp_path):
    mapping = {"AutoConfig": "evil.Config", "AutoModel": "evil.Model"}
    folder = copied(segformer, tmp_path / "evil", auto_map=mapping)
    (folder / "evil.py").write_text("raise SystemExit('ran')")
    assert model_of(folder).predict(photo(40, 40)).labels.shape == (40, 40)


@pytest.mark.parametrize("wrapped", [False, True])
def test_a_bare_segformer_is_told_by_its_shapes(tf, tmp_path, wrapped):
    config = segformer_config(
        tf, hidden_sizes=[32, 64, 160, 256], num_attention_heads=[1, 2, 5, 8], depths=[2, 2, 2, 2],
        decoder_hidden_size=32,
    )  # fmt: skip
    network = filled(tf.SegformerForSemanticSegmentation(config), 5)
    state = network.state_dict()
    if wrapped:
        state = {"state_dict": {f"model.{k}": v for k, v in state.items()}, "epoch": 3}
    torch.save(state, tmp_path / "mine.pth")
    spec = spec_from_weights(tmp_path / "mine.pth")
    assert spec.title == "SegFormer b0 (mine.pth)"
    assert spec.schema.num_classes == 5
    built = spec.options["config"]
    assert built["sr_ratios"] == [8, 4, 2, 1]
    assert built["mlp_ratios"] == [4, 4, 4, 4]
    x = torch.rand(1, 3, 64, 96)
    with torch.inference_mode():
        wanted = network(pixel_values=x).logits
        assert torch.allclose(Segmenter(spec, device="cpu").network(x), wanted, atol=1e-5)


def test_a_bare_segformer_of_odd_widths_is_refused(segformer, tmp_path):
    torch.save(segformer.network.state_dict(), tmp_path / "odd.pth")
    with pytest.raises(SegstudioError, match="stages of 8, 16, 16, 32 channels"):
        spec_from_weights(tmp_path / "odd.pth")


def upernet(tf):
    backbone = tf.ConvNextConfig(
        depths=[1, 1, 1, 1], hidden_sizes=[8, 8, 16, 16],
        out_features=["stage1", "stage2", "stage3", "stage4"],
    )  # fmt: skip
    config = tf.UperNetConfig(
        backbone_config=backbone, hidden_size=16, auxiliary_channels=8, auxiliary_in_channels=16,
        **LABELS,
    )  # fmt: skip
    return tf.UperNetForSemanticSegmentation(config), tf.SegformerImageProcessor()


def dpt(tf):
    config = tf.DPTConfig(
        hidden_size=16, num_hidden_layers=4, num_attention_heads=2, intermediate_size=16,
        image_size=64, patch_size=16, backbone_out_indices=[0, 1, 2, 3], fusion_hidden_size=8,
        neck_hidden_sizes=[8, 8, 8, 8], **LABELS,
    )  # fmt: skip
    return tf.DPTForSemanticSegmentation(config), tf.DPTImageProcessor()


def beit(tf):
    config = tf.BeitConfig(
        hidden_size=16, num_hidden_layers=4, num_attention_heads=2, intermediate_size=16,
        image_size=64, patch_size=16, out_indices=[0, 1, 2, 3], use_relative_position_bias=True,
        auxiliary_channels=8, **LABELS,
    )  # fmt: skip
    return tf.BeitForSemanticSegmentation(config), tf.BeitImageProcessor(do_center_crop=False)


def mobilevit(tf):
    config = tf.MobileViTConfig(
        hidden_sizes=[16, 16, 16], neck_hidden_sizes=[8, 8, 8, 8, 16, 16, 32],
        num_attention_heads=2, aspp_out_channels=16, atrous_rates=[1, 2, 3], **LABELS,
    )  # fmt: skip
    return tf.MobileViTForSemanticSegmentation(config), tf.MobileViTImageProcessor()


@pytest.mark.parametrize("make", few([mobilevit, upernet, dpt, beit], 1))
def test_other_semantic_networks_answer_as_transformers(tf, tmp_path, make):
    network, processor = make(tf)
    processor.size = {"height": 64, "width": 64}
    processor.do_center_crop = False
    made = saved(filled(network, 7), processor, tmp_path / make.__name__)
    pixels = photo(64, 64)
    output = reference_output(made, pixels)
    logits = torch.nn.functional.interpolate(
        output.logits, size=(64, 64), mode="bilinear", align_corners=False
    )
    found = our_logits(model_of(made.folder), pixels)
    assert np.abs(found - logits[0].softmax(0).numpy()).max() < 1e-4


@pytest.mark.parametrize("make", [beit, dpt])
def test_images_are_resized_as_their_own_processors_do(tf, tmp_path, make):
    network, processor = make(tf)
    processor.size = {"height": 64, "width": 64}
    made = saved(filled(network, 7), processor, tmp_path / make.__name__)
    pixels = photo(150, 101)
    spec = spec_from_weights(made.folder)
    assert spec.preprocess["resample"] == "bicubic"
    wanted = processor(images=pixels, return_tensors="pt")["pixel_values"]
    found, _ = Preprocess.from_dict(dict(spec.preprocess)).prepare(pixels)
    # one level of 255 is 2/255 of these values; torchvision rounds its weights, too
    assert float((found - wanted).abs().max()) < 1.1 * 2 / 255
    assert float((found - wanted).abs().mean()) < 0.5 * 2 / 255
    (made.folder / "preprocessor_config.json").unlink()
    usual = spec_from_weights(made.folder).preprocess
    assert (usual["resample"], usual["mean"], usual["std"]) == ("bicubic", [0.5] * 3, [0.5] * 3)


def test_that_the_middle_is_not_cut_out_is_said(tf, tmp_path):
    network, processor = mobilevit(tf)
    made = saved(filled(network, 7), processor, tmp_path / "net")
    spec = spec_from_weights(made.folder)
    assert "cuts out the middle of 256 x 256 pixels; here the whole image" in spec.description
    assert spec.preprocess["short_side"] == 224
    assert spec.preprocess["resample"] == "bicubic"


# objects and both at once


def test_a_panoptic_folder_says_what_it_is(mask2former):
    spec = spec_from_weights(mask2former.folder)
    assert (spec.family, spec.task) == ("mask2former", "panoptic")
    assert spec.schema.names == ((0, "background"), *enumerate(NAMES, 1))
    assert [c.name for c in spec.schema.classes if c.thing] == ["car", "person"]


SIZE = (96, 128)


def test_panoptic_answer_is_transformers(mask2former):
    pixels = photo(*SIZE)
    output = reference_output(mask2former, pixels)
    wanted = post(mask2former, output, "panoptic", SIZE, label_ids_to_fuse={0, 1, 4})
    classes, objects = panoptic_maps(wanted)
    assert len(np.unique(classes)) > 2
    assert objects.any()
    found = model_of(mask2former.folder).predict(pixels)
    assert np.array_equal(found.labels, classes)
    assert same_partition(found.instance_ids, objects)
    scores = {i["score"] for i in wanted["segments_info"] if i["label_id"] in THINGS}
    ids = np.unique(found.instance_ids[found.instance_ids > 0])
    assert np.allclose(sorted(found.instances.scores[ids - 1]), sorted(scores), atol=1e-4)
    assert (
        found.instances.classes[found.instance_ids[objects > 0] - 1] == classes[objects > 0]
    ).all()


def with_task(made, tmp_path, task):
    return copied(made, tmp_path / f"tiny-{task}")


def test_semantic_answer_is_transformers(mask2former, tmp_path):
    pixels = photo(*SIZE)
    output = reference_output(mask2former, pixels)
    wanted = post(mask2former, output, "semantic", SIZE).numpy()
    model = model_of(with_task(mask2former, tmp_path, "semantic"))
    assert model.spec.task == "semantic"
    found = model.predict(pixels)
    assert len(np.unique(wanted)) > 1
    assert np.array_equal(found.labels, wanted + 1)
    shares = our_logits(model, pixels)
    assert np.allclose(shares.sum(0), 1, atol=1e-5)
    assert np.array_equal(shares.argmax(0), found.labels)


def test_objects_are_transformers(mask2former, tmp_path):
    pixels = photo(*SIZE)
    output = reference_output(mask2former, pixels)
    wanted = post(mask2former, output, "instance", SIZE, threshold=0.05, return_binary_maps=True)
    ours = [
        (info["score"], info["label_id"] + 1, mask.numpy() > 0)
        for info, mask in zip(wanted["segments_info"], wanted["segmentation"], strict=True)
        if info["label_id"] in THINGS
    ]
    ours.sort(key=lambda each: -each[0])
    model = model_of(with_task(mask2former, tmp_path, "instance"))
    found = model.predict(pixels, RunOptions(score_threshold=0.05))
    assert model.spec.task == "instance"
    assert len(ours) > 2
    assert np.allclose(found.instances.scores, [score for score, _, _ in ours], atol=1e-4)
    assert found.instances.classes.tolist() == [label for _, label, _ in ours]
    for number, (_, _, mask) in enumerate(ours):
        rect, mine = found.instances.mask(number, SIZE)
        whole = np.zeros(SIZE, bool)
        whole[rect.slices] = mine
        # masks of transformers are cut at 384 x 384 and enlarged in blocks
        assert (whole & mask).sum() / (whole | mask).sum() > 0.9


def test_thresholds_hide_objects_and_leave_the_ground(mask2former):
    found = model_of(mask2former.folder).predict(photo(*SIZE))
    present = np.unique(found.instance_ids[found.instance_ids > 0])
    weakest = int(max(present))
    score = float(found.instances.scores[weakest - 1])
    higher = with_thresholds(found, score + 1e-4, 0.5)
    gone = found.instance_ids == weakest
    assert gone.any()
    assert not higher.instance_ids[gone].any()
    assert np.array_equal(higher.labels[~gone], found.labels[~gone])
    assert not np.isin(higher.labels[gone], [3, 4]).any()
    again = with_thresholds(higher, 0.5, 0.5)
    assert np.array_equal(again.labels, found.labels)
    assert np.array_equal(again.instance_ids, found.instance_ids)
    lower = with_thresholds(found, 0.05, 0.3)
    assert (lower.instance_ids > 0).sum() > (found.instance_ids > 0).sum()


def test_nothing_sure_is_background(tf, mask2former, tmp_path):
    network = mask2former_network(tf)
    with torch.no_grad():
        network.class_predictor.bias[-1] = 1e4
    made = saved(network, mask2former.processor, tmp_path / "unsure-panoptic")
    found = model_of(made.folder).predict(photo(*SIZE))
    assert not found.labels.any()
    assert not found.instance_ids.any()
    assert len(found.instances) == 0


def maskformer(tf):
    config = tf.MaskFormerConfig(
        backbone_config=swin(tf), fpn_feature_size=32, mask_feature_size=32,
        decoder_config=tf.DetrConfig(
            d_model=32, decoder_layers=2, encoder_layers=1, decoder_attention_heads=2,
            encoder_attention_heads=2, decoder_ffn_dim=16, encoder_ffn_dim=16, num_queries=14,
        ),
        **LABELS,
    )  # fmt: skip
    network = filled(tf.MaskFormerForInstanceSegmentation(config), 3)
    with torch.no_grad():
        network.class_predictor.weight *= 6
    return network, tf.MaskFormerImageProcessor(size={"shortest_edge": 96, "longest_edge": 160})


def test_maskformer_answers_as_transformers(tf, tmp_path):
    made = saved(*maskformer(tf), tmp_path / "maskformer-panoptic")
    pixels = photo(*SIZE)
    wanted = post(
        made, reference_output(made, pixels), "panoptic", SIZE, label_ids_to_fuse={0, 1, 4}
    )
    classes, objects = panoptic_maps(wanted)
    found = model_of(made.folder).predict(pixels)
    assert len(np.unique(classes)) > 1
    assert np.array_equal(found.labels, classes)
    assert same_partition(found.instance_ids, objects)


def test_things_of_the_usual_data_sets():
    street = ["road", "sidewalk", "building", "car", "rider"]
    assert things_among(street) == {3, 4}
    assert things_among(["background", "nucleus", "fibre"]) == {1, 2}
    scene = ["wall", "building", "sky", "floor", "tree", *(f"x{i}" for i in range(145))]
    things = things_among(scene)
    assert len(things) == 100
    assert {7, 12, 20} <= things
    assert not things & {0, 2, 6, 9}


# looked into


def traced(made, pixels):
    return TracedModel(model_of(made.folder), pixels)


def test_segformer_is_looked_into(segformer):
    pixels = photo(100, 150)
    inside = traced(segformer, pixels)
    trace, answer = inside.look()
    stages = [layer.id.removeprefix("inner.segformer.") for layer in trace.layers]
    assert stages[1:5] == ["stages.0", "stages.1", "stages.2", "stages.3"]
    # tokens as a grid: a quarter of 128 x 96 and so on
    assert [layer.shape for layer in trace.layers][1:5] == [
        (8, 32, 24), (16, 16, 12), (16, 8, 6), (32, 4, 3),
    ]  # fmt: skip
    assert [edge.kind.value for edge in trace.skips] == ["pyramid", "pyramid", "concatenation"]
    assert np.array_equal(answer.labels, model_of(segformer.folder).predict(pixels).labels)
    cut = inside.predict([EdgeCut(trace.skips[-1])])
    assert not np.array_equal(cut.confidence, answer.confidence)
    lens = inside.logit_lens(trace, "inner.decode_head.linear_projections.0")
    assert lens.labels.shape == (100, 150)


def test_a_head_that_knows_nothing_of_class_0_reads_stages_right(tf, segformer, tmp_path):
    processor = tf.SegformerImageProcessor(size={"height": 128, "width": 96}, do_reduce_labels=True)
    shifted = saved(segformer.network, processor, tmp_path / "ade")
    pixels, stage = photo(128, 96), "inner.decode_head.linear_projections.0"
    found = []
    for made in (segformer, shifted):
        inside = traced(made, pixels)
        trace, _ = inside.look()
        found.append(inside.logit_lens(trace, stage).labels)
    assert np.array_equal(found[1], found[0] + 1)


@pytest.mark.slow
def test_mask2former_is_looked_into(mask2former):
    pixels = photo(*SIZE)
    inside = traced(mask2former, pixels)
    trace, answer = inside.look()
    encoder = [layer for layer in trace.layers if "encoder" in layer.id]
    assert [layer.shape[0] for layer in encoder] == [8, 16, 32, 64]
    whole = model_of(mask2former.folder).predict(pixels)
    assert np.array_equal(answer.labels, whole.labels)
    assert np.array_equal(answer.instance_ids, whole.instance_ids)
    present = int(whole.labels.max())
    assert inside.gradients(trace, present, pixel_xy=(50, 40)).score != 0
    assert inside.logits() is None
    assert inside.logit_lens_stages(trace) == ()
    with pytest.raises(SegstudioError, match="names classes by its queries"):
        inside.logit_lens(trace, encoder[0].id)


@pytest.mark.parametrize(
    "entry",
    [
        {"depths": [2, 2, 2, 100_000_000]},
        {"num_labels": 1_000_000_000, "id2label": None},
        {"backbone_config": {"num_hidden_layers": 10_000_000}},
    ],
)
def test_a_configuration_of_endless_layers_is_refused_at_once(segformer, tmp_path, entry):
    folder = tmp_path / "endless"
    shutil.copytree(segformer.folder, folder)
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | entry))
    with pytest.raises(SegstudioError, match=r"describes far more layers|256 or more classes"):
        Segmenter(spec_from_weights(folder), device="cpu").load()
