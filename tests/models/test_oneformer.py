"""OneFormer: one network that is told in words whether to find classes, objects or both."""

import json
import os
from importlib.util import find_spec

import numpy as np
import pytest
import torch
from hub_networks import (
    LABELS,
    NAMES,
    THINGS,
    filled,
    model_of,
    panoptic_maps,
    photo,
    post,
    same_partition,
    saved,
    swin,
)

from segstudio.core.errors import SegstudioError
from segstudio.core.prediction import RunOptions
from segstudio.inspection.nets.traced_model import TracedModel
from segstudio.models.preprocess import Preprocess
from segstudio.models.recognition import spec_from_weights

os.environ["HF_HUB_OFFLINE"] = "1"

WORDS = 30
"""How many numbers the network takes for the sentence that tells its task."""
SIZE = (96, 128)


def vocabulary():
    """Of single letters, as CLIP writes them: inside a word and at its end."""
    letters = sorted(set("the task is panoptic semantic instance") - {" "})
    names = [*letters, *(f"{c}</w>" for c in letters), "<|startoftext|>", "<|endoftext|>"]
    return {name: number for number, name in enumerate(names)}


def processor_of(tf, folder):
    info = {str(i): {"isthing": int(i in THINGS), "name": name} for i, name in enumerate(NAMES)}
    (folder / "info.json").write_text(json.dumps(info))
    images = tf.OneFormerImageProcessor(
        class_info_file="info.json", repo_path=str(folder), num_text=4,
        size={"shortest_edge": 96, "longest_edge": 160},
    )  # fmt: skip
    tokenizer = tf.CLIPTokenizer(vocab=vocabulary(), merges=[])
    return tf.OneFormerProcessor(images, tokenizer, task_seq_length=WORDS)


def network_of(tf, processor):
    config = tf.OneFormerConfig(
        backbone_config=swin(tf), conv_dim=32, mask_dim=32, hidden_dim=32,
        encoder_feedforward_dim=16, dim_feedforward=16, num_attention_heads=2, encoder_layers=1,
        decoder_layers=3, num_queries=15, task_seq_len=WORDS, text_encoder_width=16,
        text_encoder_num_layers=1, text_encoder_vocab_size=len(vocabulary()), **LABELS,
    )  # fmt: skip
    network = filled(tf.OneFormerForUniversalSegmentation(config), 6)
    seen = processor(images=photo(*SIZE), task_inputs=["panoptic"], return_tensors="pt")
    seen = {"pixel_values": seen["pixel_values"], "task_inputs": seen["task_inputs"]}
    decoder = network.model.transformer_module.decoder
    pixels = network.model.pixel_level_module.decoder
    with torch.no_grad():
        # queries that differ in class and place, are sure of both, and hear what they are told
        for name, parameter in decoder.named_parameters():
            if "out_proj" in name or "linear2" in name:
                parameter *= 0.3
        next(network.model.task_encoder.parameters()).mul_(0.1)
        network.model.transformer_module.queries_embedder.weight *= 6
        features = network.model.pixel_level_module(seen["pixel_values"]).decoder_last_feature
        pixels.mask_projection.bias -= features.mean((0, 2, 3))
        told: list[torch.Tensor] = []
        hook = decoder.mask_embed.register_forward_hook(lambda *io: told.append(io[2]))
        network(**seen)
        hook.remove()
        *_, last = decoder.mask_embed.parameters()
        last -= 0.8 * told[-1].mean((0, 1))
        masks = network(**seen).masks_queries_logits
        pixels.mask_projection.weight *= 4 / masks.std()
        pixels.mask_projection.bias *= 4 / masks.std()
        decoder.class_embed.weight *= 6
        decoder.class_embed.bias -= network(**seen).class_queries_logits.mean((0, 1))
        decoder.class_embed.bias[-1] += 3
    return network


@pytest.fixture(scope="module")
def oneformer(tf, tmp_path_factory):
    folder = tmp_path_factory.mktemp("hf") / "oneformer-panoptic"
    folder.mkdir()
    processor = processor_of(tf, folder)
    return saved(network_of(tf, processor), processor, folder)


def reference(made, pixels, task):
    inputs = made.processor(images=pixels, task_inputs=[task], return_tensors="pt")
    with torch.inference_mode():
        return made.network(pixel_values=inputs["pixel_values"], task_inputs=inputs["task_inputs"])


def with_task(made, folder):
    return saved(made.network, made.processor, folder).folder


def test_a_folder_of_this_version_says_what_it_is(oneformer):
    assert not (oneformer.folder / "preprocessor_config.json").exists()
    spec = spec_from_weights(oneformer.folder)
    assert (spec.family, spec.task) == ("mask2former", "panoptic")
    assert spec.title.startswith("OneFormer")
    assert [c.name for c in spec.schema.classes if c.thing] == ["car", "person"]
    assert (spec.preprocess["short_side"], spec.preprocess["max_side"]) == (96, 160)


def test_things_are_those_of_the_processor_even_if_the_names_say_otherwise(oneformer, tmp_path):
    folder = with_task(oneformer, tmp_path / "oneformer-panoptic")
    path = folder / "processor_config.json"
    said = json.loads(path.read_text())
    said["image_processor"]["metadata"]["thing_ids"] = [0]
    path.write_text(json.dumps(said))
    spec = spec_from_weights(folder)
    assert [c.name for c in spec.schema.classes if c.thing] == ["road"]


def test_older_folders_have_the_processor_in_a_file_of_its_own(oneformer, tmp_path):
    folder = with_task(oneformer, tmp_path / "oneformer-panoptic")
    said = json.loads((folder / "processor_config.json").read_text())
    (folder / "processor_config.json").unlink()
    (folder / "preprocessor_config.json").write_text(json.dumps(said["image_processor"]))
    new, old = spec_from_weights(oneformer.folder), spec_from_weights(folder)
    assert (old.preprocess, old.schema) == (new.preprocess, new.schema)


def test_the_network_is_told_what_transformers_tells_it(oneformer):
    inputs = oneformer.processor(images=photo(*SIZE), task_inputs=["panoptic"], return_tensors="pt")
    wanted = inputs["task_inputs"][0].tolist()
    assert 0 in wanted  # what fills the sentence up is 0, not the word that ends it
    assert model_of(oneformer.folder).network.task_words.tolist() == wanted


@pytest.mark.parametrize(("size", "seed"), [(SIZE, 0), ((131, 203), 1), ((300, 190), 7)])
def test_panoptic_answer_is_transformers(oneformer, size, seed):
    pixels = photo(*size, seed)
    model = model_of(oneformer.folder)
    output = reference(oneformer, pixels, "panoptic")
    if size != SIZE:
        # images are resized a grey level apart, which such a network makes much of
        inputs = oneformer.processor(pixels, ["panoptic"], return_tensors="pt")
        resized, _ = Preprocess.from_dict(dict(model.spec.preprocess)).prepare(pixels)
        assert resized.shape == inputs["pixel_values"].shape
        assert (resized - inputs["pixel_values"]).abs().max() < 1.01 / 255 / 0.224
        inputs = {"pixel_values": resized, "task_inputs": inputs["task_inputs"]}
        with torch.inference_mode():
            output = oneformer.network(**inputs)
    wanted = post(oneformer, output, "panoptic", size, label_ids_to_fuse={0, 1, 4})
    classes, objects = panoptic_maps(wanted)
    assert len(np.unique(classes)) >= 2
    found = model.predict(pixels)
    assert objects.any()
    assert np.array_equal(found.labels, classes)
    assert same_partition(found.instance_ids, objects)
    scores = [i["score"] for i in wanted["segments_info"] if i["label_id"] in THINGS]
    ids = np.unique(found.instance_ids[found.instance_ids > 0])
    assert np.allclose(sorted(found.instances.scores[ids - 1]), sorted(scores), atol=1e-4)


def test_semantic_answer_is_transformers(oneformer, tmp_path):
    pixels = photo(*SIZE)
    wanted = post(oneformer, reference(oneformer, pixels, "semantic"), "semantic", SIZE).numpy()
    other = post(oneformer, reference(oneformer, pixels, "panoptic"), "semantic", SIZE).numpy()
    model = model_of(with_task(oneformer, tmp_path / "oneformer-semantic"))
    assert model.spec.task == "semantic"
    found = model.predict(pixels)
    assert (wanted != other).any()  # so that it matters what the network is told
    assert np.array_equal(found.labels, wanted + 1)


def test_objects_are_transformers(oneformer, tmp_path):
    pixels = photo(*SIZE)
    output = reference(oneformer, pixels, "instance")
    shares = output.class_queries_logits[0].softmax(-1)[:, :-1]
    best, places = shares.flatten().topk(len(shares))
    masks = output.masks_queries_logits[0]
    wanted = [
        (float(score), int(place) % 5 + 1, int(place) // 5)
        for score, place in zip(best, places, strict=True)
        if score > 0.05 and int(place) % 5 in THINGS
    ]
    model = model_of(with_task(oneformer, tmp_path / "oneformer-instance"))
    assert model.spec.task == "instance"
    found = model.predict(pixels, RunOptions(score_threshold=0.05))
    assert len(wanted) > 2
    assert np.allclose(found.instances.scores, [score for score, _, _ in wanted], atol=1e-4)
    assert found.instances.classes.tolist() == [label for _, label, _ in wanted]
    large = torch.nn.functional.interpolate(masks[None], SIZE, mode="bilinear")[0] > 0
    for number, (_, _, query) in enumerate(wanted):
        rect, mine = found.instances.mask(number, SIZE)
        whole = np.zeros(SIZE, bool)
        whole[rect.slices] = mine
        mask = large[query].numpy()
        # a grid over the object's box holds spots of a few pixels less well than the whole map
        assert (whole & mask).sum() / (whole | mask).sum() > 0.85


def test_without_its_words_the_message_says_which_files_are_missing(oneformer, tmp_path):
    folder = with_task(oneformer, tmp_path / "oneformer-panoptic")
    (folder / "tokenizer.json").unlink()
    with pytest.raises(SegstudioError, match="no vocabulary") as caught:
        model_of(folder).load()
    assert "tokenizer.json" in str(caught.value)


@pytest.mark.slow
def test_the_inside_is_looked_at(oneformer):
    pixels = photo(*SIZE)
    inside = TracedModel(model_of(oneformer.folder), pixels)
    trace, answer = inside.look()
    encoder = [layer for layer in trace.layers if "encoder" in layer.id and "task" not in layer.id]
    assert [layer.shape[0] for layer in encoder] == [8, 16, 32, 64]
    whole = model_of(oneformer.folder).predict(pixels)
    assert np.array_equal(answer.labels, whole.labels)


def with_backbone(oneformer, folder, backbone):
    """A folder whose configuration names another backbone."""
    with_task(oneformer, folder)
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, "backbone_config": backbone}))
    return folder


@pytest.mark.skipif(find_spec("natten") is not None, reason="natten is installed")
def test_a_backbone_that_needs_another_package_names_it(oneformer, tmp_path):
    dinat = {
        "model_type": "dinat", "embed_dim": 8, "depths": [1], "num_heads": [1], "kernel_size": 3,
        "dilations": [[1]], "out_features": ["stage1"],
    }  # fmt: skip
    folder = with_backbone(oneformer, tmp_path / "oneformer-panoptic", dinat)
    with pytest.raises(SegstudioError, match="needs a package that is not installed") as caught:
        model_of(folder).load()
    assert "natten" in str(caught.value)
    assert str(folder) in str(caught.value)


def test_a_backbone_that_transformers_does_not_know_is_said(oneformer, tmp_path):
    folder = with_backbone(oneformer, tmp_path / "oneformer-panoptic", {"model_type": "nothing"})
    with pytest.raises(SegstudioError, match="cannot be built") as caught:
        model_of(folder).load()
    assert str(folder) in str(caught.value)
