"""SAM and SAM 2.1 answer clicks as transformers' own processors and networks do."""

import json
import os
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from segstudio.core.errors import SegstudioError
from segstudio.models.promptable import Promptable

os.environ["HF_HUB_OFFLINE"] = "1"

SIDE = 128
DECODER = {"hidden_size": 16, "mlp_dim": 16, "num_attention_heads": 2, "iou_head_hidden_dim": 16}
PROMPTS = {"hidden_size": 16, "image_size": SIDE, "mask_input_channels": 4}


def sam(tf):
    vision = tf.SamVisionConfig(
        hidden_size=16, output_channels=16, num_hidden_layers=2, num_attention_heads=2,
        image_size=SIDE, window_size=4, global_attn_indexes=[1], num_pos_feats=8, mlp_dim=16,
    )  # fmt: skip
    config = tf.SamConfig(
        vision_config=vision, prompt_encoder_config=PROMPTS, mask_decoder_config=DECODER
    )
    processor = tf.SamImageProcessor(
        size={"longest_edge": SIDE}, pad_size={"height": SIDE, "width": SIDE},
        mask_size={"longest_edge": 32}, mask_pad_size={"height": 32, "width": 32},
    )  # fmt: skip
    return tf.SamModel(config), tf.SamProcessor(processor)


def sam2(tf):
    backbone = tf.Sam2HieraDetConfig(
        hidden_size=8, image_size=[SIDE, SIDE], blocks_per_stage=[1, 1, 1, 1],
        embed_dim_per_stage=[8, 16, 32, 64], num_attention_heads_per_stage=[1, 1, 1, 1],
        window_size_per_stage=[4, 2, 4, 2], global_attention_blocks=[],
    )  # fmt: skip
    vision = tf.Sam2VisionConfig(
        backbone_config=backbone, backbone_channel_list=[64, 32, 16, 8],
        backbone_feature_sizes=[[32, 32], [16, 16], [8, 8]], fpn_hidden_size=16,
    )  # fmt: skip
    config = tf.Sam2Config(
        vision_config=vision, prompt_encoder_config=PROMPTS, mask_decoder_config=DECODER
    )
    processor = tf.Sam2ImageProcessor(size={"height": SIDE, "width": SIDE})
    return tf.Sam2Model(config), tf.Sam2Processor(processor, target_size=SIDE)


@pytest.fixture(scope="module", params=[sam, sam2], ids=["sam", "sam2"])
def made(request, tf, tmp_path_factory):
    network, processor = request.param(tf)
    torch.manual_seed(2)
    with torch.no_grad():
        for parameter in network.parameters():
            if parameter.ndim > 1:
                parameter.normal_(0, 1.5 / parameter[0].numel() ** 0.5)
    network.eval()
    folder = tmp_path_factory.mktemp("hf") / request.param.__name__
    network.save_pretrained(folder)
    processor.image_processor.save_pretrained(folder)
    return SimpleNamespace(network=network, processor=processor, folder=folder)


def photo(height, width):
    rng = np.random.default_rng(3)
    return np.kron(rng.integers(0, 256, (height // 8, width // 8, 3)), np.ones((8, 8, 1))).astype(
        np.uint8
    )


def reference(made, pixels, several, pixel_values=None, **prompt):
    """Scores (M,) and logits (M, H, W), as transformers gives them."""
    inputs = made.processor(images=pixels, return_tensors="pt", **prompt)
    sizes = [inputs.pop("original_sizes").tolist()]
    pads = {}
    if "reshaped_input_sizes" in inputs:
        sizes.append(inputs.pop("reshaped_input_sizes").tolist())
        pads = {"pad_size": {"height": SIDE, "width": SIDE}}
    if pixel_values is not None:
        inputs["pixel_values"] = pixel_values
    with torch.inference_mode():
        output = made.network(**inputs, multimask_output=several)
    post = made.processor.image_processor.post_process_masks
    masks = post(output.pred_masks, *sizes, binarize=False, **pads)
    return output.iou_scores[0, 0].numpy(), masks[0][0].numpy()


def logits(model, embedding, points, labels, box=None):
    """Scores (M,) and logits (M, H, W) of all masks for a prompt, best first."""
    image = embedding.image
    with torch.inference_mode():
        decoded = model._decode(embedding, points, labels, box)
        if len(points) == 1 and box is None:
            scores, masks = decoded.scores[1:], model._decoder.masks(image, decoded, [1, 2, 3])
        else:
            scores, masks = model._decoder.single(image, decoded)
        order = torch.argsort(scores, descending=True, stable=True)
        whole = embedding.rows @ masks[order] @ embedding.columns.t()
    return scores[order].numpy(), whole.numpy()


def whole_masks(found, size):
    """(M, H, W) bool of masks that are cut out."""
    masks = np.zeros((len(found), *size), bool)
    for mask, one in zip(masks, found, strict=True):
        mask[one.rect.slices] = one.mask
    return masks


@pytest.mark.parametrize(
    ("points", "labels", "box"),
    [
        ([(40.0, 30.0)], [1], None),
        ([(40.0, 30.0), (90.0, 60.0)], [1, 0], None),
        ([], [], (10.0, 20.0, 70.0, 90.0)),
        ([(40.0, 30.0)], [0], (10.0, 20.0, 70.0, 90.0)),
    ],
    ids=["a click", "two clicks", "a box", "both"],
)
def test_prompts_are_answered_as_transformers_does(made, points, labels, box):
    size = (128, 128) if made.folder.name == "sam2" else (96, 128)
    pixels = photo(*size)
    prompt = {}
    if points:
        prompt |= {"input_points": [[[list(p) for p in points]]], "input_labels": [[labels]]}
    if box:
        prompt["input_boxes"] = [[list(box)]]
    scores, masks = reference(made, pixels, len(points) == 1 and not box, **prompt)
    model = Promptable.open(made.folder, "cpu")
    embedding = model.embed(pixels, "a")
    own_scores, own_logits = logits(model, embedding, points, labels, box)
    order = np.argsort(-scores, kind="stable")
    assert own_logits.shape == (len(scores), *size)
    assert np.abs(own_scores - scores[order]).max() < 1e-4
    assert np.abs(own_logits - masks[order]).max() < 1e-4
    found = model.answer(embedding, points, labels, box)
    assert [one.score for one in found] == pytest.approx(scores[order], abs=1e-4)
    sure = np.abs(own_logits) > 1e-4
    assert np.array_equal(whole_masks(found, size)[sure], (own_logits > 0)[sure])


def test_places_follow_the_image_into_the_networks_input(made):
    """Of an image that is resized the same pixels go in: bytes are rounded in two ways."""
    pixels = photo(72, 104)
    model = Promptable.open(made.folder, "cpu")
    x, _ = model._input(pixels)
    theirs = made.processor(images=pixels, return_tensors="pt")["pixel_values"]
    assert (x - theirs).abs().max() < 1.01 / 255 / 0.224
    prompt = {"input_points": [[[[40.0, 30.0]]]], "input_labels": [[[1]]]}
    scores, masks = reference(made, pixels, True, pixel_values=x, **prompt)
    own_scores, own_logits = logits(model, model.embed(pixels, "a"), [(40.0, 30.0)], [1])
    order = np.argsort(-scores, kind="stable")
    assert own_logits.shape == (3, 72, 104)
    assert np.abs(own_scores - scores[order]).max() < 1e-4
    assert np.abs(own_logits - masks[order]).max() < 1e-4


def test_embeddings_are_kept_within_a_budget(made):
    model = Promptable.open(made.folder, "cpu")
    first = model.embed(photo(64, 64), "a")
    assert model.embed(photo(64, 64), "a") is first
    assert model.nbytes == first.nbytes > 0
    model._max_bytes = 2 * first.nbytes
    model.embed(photo(64, 64), "b")
    assert model.embed(photo(64, 64), "a") is first
    model.embed(photo(64, 64), "c")
    assert model.kept("b") is None
    assert model.kept("a") is first


def test_a_prompt_without_a_place_is_an_error(made):
    model = Promptable.open(made.folder, "cpu")
    embedding = model.embed(photo(64, 64), "a")
    with pytest.raises(ValueError, match="a box, or points"):
        model.answer(embedding)
    with pytest.raises(ValueError, match="a label each"):
        model.answer(embedding, [(1, 1)], [])


def test_other_folders_are_refused(made, tmp_path):
    with pytest.raises(SegstudioError, match="no network that answers clicks"):
        Promptable.open(tmp_path)


def test_video_weights_of_sam2_open_without_their_memory(tf, made, tmp_path):
    if made.folder.name == "sam":
        return
    made.network.save_pretrained(tmp_path)
    made.processor.image_processor.save_pretrained(tmp_path)
    config = json.loads((tmp_path / "config.json").read_text())
    config |= {"architectures": ["Sam2VideoModel"], "model_type": "sam2_video"}
    (tmp_path / "config.json").write_text(json.dumps(config))
    state = load_file(tmp_path / "model.safetensors")
    state["memory_encoder.projection.weight"] = torch.zeros(2, 2)
    save_file(state, tmp_path / "model.safetensors")
    pixels = photo(128, 128)
    answers = []
    for folder in (made.folder, tmp_path):
        model = Promptable.open(folder, "cpu")
        answers.append(logits(model, model.embed(pixels, "a"), [(40, 24)], [1])[1])
    assert np.array_equal(*answers)


@pytest.mark.parametrize(
    "size",
    [(96, 128), *(pytest.param(size, marks=pytest.mark.slow) for size in ((72, 104), (200, 136)))],
)
@pytest.mark.parametrize(
    ("points", "labels", "box"),
    [
        ([(40.0, 30.0)], [1], None),
        ([(40.0, 30.0), (90.0, 60.0)], [1, 0], None),
        ([], [], (10.0, 20.0, 70.0, 60.0)),
    ],
    ids=["a click", "two clicks", "a box"],
)
def test_the_best_mask_alone_is_the_first_of_all(made, size, points, labels, box):
    model = Promptable.open(made.folder, "cpu")
    embedding = model.embed(photo(*size), "a")
    scores, whole = logits(model, embedding, points, labels, box)
    best = model.best(embedding, points, labels, box)
    sure = np.abs(whole[0]) > 1e-4
    assert np.array_equal(whole_masks([best], size)[0][sure], (whole[0] > 0)[sure])
    assert best.score == pytest.approx(scores[0], abs=1e-5)
    rows, columns = np.nonzero(best.mask.any(1))[0], np.nonzero(best.mask.any(0))[0]
    assert (rows[0], columns[0]) == (0, 0)
    assert (rows[-1] + 1, columns[-1] + 1) == best.rect.shape_hw


def test_an_object_that_is_nowhere_is_empty(made, monkeypatch):
    model = Promptable.open(made.folder, "cpu")
    embedding = model.embed(photo(64, 64), "a")
    monkeypatch.setattr(
        model._decoder, "masks", lambda image, decoded, wanted: torch.full((1, 32, 32), -1.0)
    )
    best = model.best(embedding, [(5, 5)], [1])
    assert best.rect.is_empty
    assert best.mask.shape == (0, 0)


def test_embedding_tells_how_far_it_is_and_stops_between_blocks(made):
    model = Promptable.open(made.folder, "cpu")
    blocks = 2 if made.folder.name == "sam" else 4
    told = []
    model.embed(photo(64, 64), "a", report=lambda done, total, _text: told.append((done, total)))
    assert told == [(number, blocks) for number in range(blocks)]

    class Stopped(Exception):
        pass

    def stop():
        raise Stopped

    with pytest.raises(Stopped):
        model.embed(photo(64, 64), "b", check=stop)
    assert model.kept("b") is None
    assert model.embed(photo(64, 64), "a", check=stop) is model.kept("a")


def test_a_click_takes_about_half_of_the_multiplications():
    """On the shape of SAM 2.1 tiny: what no prompt changes is worked out with the image."""
    import transformers
    from torch.utils.flop_counter import FlopCounterMode

    from segstudio.models.click_decoder import ClickDecoder

    config = transformers.Sam2Config()
    config.vision_config.backbone_config.blocks_per_stage = [1, 1, 1, 1]
    config.vision_config.backbone_config.global_attention_blocks = []
    network = transformers.Sam2Model(config).eval()
    maps = [torch.randn(1, c, s, s) for c, s in ((32, 256), (64, 128), (256, 64))]
    prompt = {
        "input_points": torch.tensor([[[[300.0, 400.0]]]]),
        "input_labels": torch.tensor([[[1]]]),
    }
    with torch.inference_mode():
        decoder = ClickDecoder(network)
        image = decoder.prepare(tuple(maps))
        with FlopCounterMode(display=False) as slow:
            output = network(image_embeddings=maps, multimask_output=True, **prompt)
        with FlopCounterMode(display=False) as fast:
            decoded = decoder.decode(image, prompt)
            masks = decoder.masks(image, decoded, [1, 2, 3])
    assert (masks - output.pred_masks[0, 0]).abs().max() < 1e-4
    assert (decoded.scores[1:] - output.iou_scores[0, 0]).abs().max() < 1e-4
    assert 0 < fast.get_total_flops() < 0.55 * slow.get_total_flops()
