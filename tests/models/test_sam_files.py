"""The files that SAM's authors publish open as the folders of Hugging Face do."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from prompted import published_state, sam_folder
from safetensors.torch import save_file
from slow_cases import few

from segstudio.core.errors import SegstudioError
from segstudio.models.promptable import Promptable
from segstudio.models.recognition import spec_from_weights
from segstudio.models.sam_files import promptable_spec, read_promptable, renamed
from segstudio.runs.engine import TorchEngine


def published_shapes(kind):
    """Names and shapes of the published files, from the network of transformers on no device."""
    import transformers

    with torch.device("meta"):
        network = getattr(transformers, f"{kind}Model")(getattr(transformers, f"{kind}Config")())
    return network, published_state(network)


@pytest.mark.parametrize(
    ("kind", "title", "keys"),
    [
        (
            "Sam",
            "SAM ViT-B",
            {
                "image_encoder.blocks.0.attn.rel_pos_h": (27, 64),
                "image_encoder.neck.2.weight": (256, 256, 3, 3),
                "prompt_encoder.point_embeddings.3.weight": (1, 256),
                "mask_decoder.output_hypernetworks_mlps.3.layers.2.weight": (32, 256),
                "mask_decoder.transformer.layers.1.cross_attn_image_to_token.out_proj.bias": (256,),
            },
        ),
        (
            "Sam2",
            "SAM 2.1 Hiera tiny",
            {
                "image_encoder.trunk.blocks.10.proj.weight": (768, 384),
                "image_encoder.trunk.blocks.0.mlp.layers.1.bias": (96,),
                "image_encoder.neck.convs.0.conv.weight": (256, 768, 1, 1),
                "sam_prompt_encoder.point_embeddings.0.weight": (1, 256),
                "sam_mask_decoder.pred_obj_score_head.layers.2.weight": (1, 256),
                "sam_mask_decoder.transformer.final_attn_token_to_image.out_proj.weight": (
                    256,
                    128,
                ),
                "no_mem_embed": (1, 1, 256),
            },
        ),
    ],
    ids=["sam_vit_b_01ec64.pth", "sam2.1_hiera_tiny.pt"],
)
def test_names_and_shapes_of_published_files_tell_the_network(
    kind, title, keys, tmp_path, monkeypatch
):
    network, state = published_shapes(kind)
    for name, shape in keys.items():
        assert tuple(state[name].shape) == shape, name
    from segstudio.models import sam_files

    shapes = {name: tuple(tensor.shape) for name, tensor in state.items()}
    monkeypatch.setattr(sam_files, "_shapes", lambda _path: shapes)
    (tmp_path / "weights.pt").touch()
    found = read_promptable(tmp_path / "weights.pt")
    assert found.title == title
    import transformers

    config = getattr(transformers, f"{kind}Config").from_dict(dict(found.config))
    with torch.device("meta"):
        again = type(network)(config)
    wanted = {name: tuple(tensor.shape) for name, tensor in again.state_dict().items()}
    assert wanted == {name: tuple(t.shape) for name, t in network.state_dict().items()}
    usual, now = network.config.to_dict(), again.config.to_dict()
    for part in ("vision_config", "prompt_encoder_config", "mask_decoder_config"):
        assert now[part] == usual[part]
    names = set(renamed(found.architecture, shapes))
    joined = {n for n in names if "point_embed." in n}
    assert names - joined == set(wanted) - {n for n in wanted if "point_embed." in n}


@pytest.mark.parametrize("wrapped", few([False, True], 1))
def test_a_published_file_answers_as_the_folder_does(tmp_path, wrapped):
    folder, network = sam_folder(tmp_path / "hf")
    file = tmp_path / "sam_vit_tiny.pth"
    state = published_state(network)
    torch.save({"model": state} if wrapped else state, file)
    pixels = np.random.default_rng(0).integers(0, 256, (96, 128, 3), np.uint8)
    answers = []
    for path in (folder, file):
        model = Promptable.open(path, "cpu")
        answers.append(model.answer(model.embed(pixels, "a"), [(40, 24)], [1]))
    for of_folder, of_file in zip(*answers, strict=True):
        assert of_file.score == pytest.approx(of_folder.score, abs=1e-5)
        assert of_file.rect == of_folder.rect
        assert np.array_equal(of_file.mask, of_folder.mask)
    examined = TorchEngine().examine(file, lambda: None)
    assert (examined.spec.task, examined.spec.title) == ("promptable", "SAM (sam_vit_tiny.pth)")
    assert examined.is_told
    assert examined.tensors == len(network.state_dict())


def test_such_files_are_no_networks_for_a_folder_of_images(tmp_path):
    folder, network = sam_folder(tmp_path / "hf")
    file = tmp_path / "sam.safetensors"
    save_file({k: v.contiguous().clone() for k, v in published_state(network).items()}, file)
    for path in (folder, file):
        with pytest.raises(
            SegstudioError, match=r"answers clicks and names no classes.*Point and box"
        ):
            spec_from_weights(path)


def test_other_files_are_none_of_them(tmp_path):
    save_file({"conv.weight": torch.zeros(2, 2)}, tmp_path / "other.safetensors")
    (tmp_path / "notes.txt").write_text("no weights")
    assert promptable_spec(tmp_path / "other.safetensors") is None
    assert promptable_spec(tmp_path / "notes.txt") is None


def test_an_unknown_size_of_sam2_is_refused_with_a_way_out(tmp_path):
    state = {f"image_encoder.trunk.blocks.{i}.norm2.weight": torch.ones(8) for i in range(3)}
    state["image_encoder.trunk.patch_embed.proj.weight"] = torch.zeros(8, 3, 7, 7)
    save_file(state, tmp_path / "odd.safetensors")
    with pytest.raises(SegstudioError, match="SAM 2 of a size that is not known") as caught:
        promptable_spec(tmp_path / "odd.safetensors")
    assert "config.json" in caught.value.hint
