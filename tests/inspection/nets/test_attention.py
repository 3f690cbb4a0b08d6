"""Attention over the image, held against softmax(q k / sqrt d) worked out from the weights."""

import math

import numpy as np
import pytest
import torch
from hub_networks import mask2former_network
from inspection_networks import image, traced
from torch import nn
from torch.nn import functional as F

from segstudio.core.errors import SegstudioError
from segstudio.inspection.nets.token_attention import attention_of, block_attention
from segstudio.models.universal import UniversalNet

HEADS, WIDTH, PATCH = 2, 8, 8


class Block(nn.Module):
    """A transformer block of PyTorch's own parts, its attention computed in one of three ways."""

    def __init__(self, way):
        super().__init__()
        self.way = way
        self.norm = nn.LayerNorm(WIDTH)
        self.qkv, self.out = nn.Linear(WIDTH, 3 * WIDTH), nn.Linear(WIDTH, WIDTH)
        self.whole = nn.MultiheadAttention(WIDTH, HEADS, batch_first=True)

    def forward(self, x):
        y = self.norm(x)
        if self.way == "module":
            return x + self.whole(y, y, y, need_weights=False)[0]
        b, t, _ = y.shape
        q, k, v = self.qkv(y).reshape(b, t, 3, HEADS, -1).permute(2, 0, 3, 1, 4).unbind(0)
        if self.way == "fused":
            y = F.scaled_dot_product_attention(q, k, v)
        else:
            scores = (q @ k.transpose(-2, -1)) * q.shape[-1] ** -0.5
            y = scores.softmax(dim=-1) @ v
        return x + self.out(y.transpose(1, 2).reshape(b, t, WIDTH))


class Vit(nn.Module):
    """Patches, a class token, two blocks, a head."""

    def __init__(self, way):
        super().__init__()
        self.patches = nn.Conv2d(3, WIDTH, PATCH, PATCH)
        self.cls = nn.Parameter(torch.randn(1, 1, WIDTH))
        self.blocks = nn.ModuleList([Block(way), Block(way)])
        self.head = nn.Conv2d(WIDTH, 2, 1)

    def forward(self, x):
        y = self.patches(x)
        h, w = y.shape[-2:]
        tokens = torch.cat([self.cls, y.flatten(2).transpose(1, 2)], 1)
        for block in self.blocks:
            tokens = block(tokens)
        y = tokens[:, 1:].transpose(1, 2).reshape(1, WIDTH, h, w)
        return F.interpolate(self.head(y), scale_factor=float(PATCH), mode="bilinear")


def vit(way):
    torch.manual_seed(3)
    model = Vit(way)
    for parameter in model.parameters():
        nn.init.normal_(parameter, 0, 0.7)
    return model.eval()


def by_hand(model, pixels, number):
    """(heads, T, T) of a block from its weights alone, and the tokens that it gives on."""
    with torch.inference_mode():
        y = model.patches(pixels[None]).flatten(2).transpose(1, 2)
        tokens = torch.cat([model.cls, y], 1)
        for block in model.blocks[:number]:
            tokens = block(tokens)
        block = model.blocks[number]
        y = block.norm(tokens)[0]
        weight, bias = block.qkv.weight, block.qkv.bias
        if block.way == "module":
            weight, bias = block.whole.in_proj_weight, block.whole.in_proj_bias
        d = WIDTH // HEADS
        q = (y @ weight[:WIDTH].T + bias[:WIDTH]).view(-1, HEADS, d)
        k = (y @ weight[WIDTH : 2 * WIDTH].T + bias[WIDTH : 2 * WIDTH]).view(-1, HEADS, d)
        scores = torch.einsum("ihd,jhd->hij", q, k) / math.sqrt(d)
        return scores.softmax(-1).numpy(), block(tokens)[0].numpy()


def attention_blocks(model, pixels):
    return attention_of(model, pixels, "")[0]


@pytest.mark.parametrize("way", ["fused", "written out", "module"])
@pytest.mark.parametrize("name", ["", "blocks.0", "blocks.1", "not there"])
def test_blocks_and_the_chosen_one_s_attention_come_from_one_pass(way, name):
    model, pixels = vit(way), image(32, 48)
    passes = []
    hook = model.register_forward_pre_hook(lambda *_: passes.append(1))
    found, kept = attention_of(model, pixels, name)
    hook.remove()
    assert len(passes) == 1
    chosen = 0 if name == "blocks.0" else 1
    assert kept.block == found.blocks[chosen]
    wanted, tokens = by_hand(model, pixels, chosen)
    row = wanted[:, 1 + 2 * 6 + 3]
    seen = kept.at(20 / 32, 30 / 48)
    assert np.abs(seen.shares - row[:, 1:].reshape(HEADS, 4, 6)).max() < 1e-5
    assert np.abs(kept.tokens - tokens[1:].T.reshape(WIDTH, 4, 6)).max() < 0.01


@pytest.mark.parametrize("way", ["fused", "written out", "module"])
def test_a_pixel_s_attention_is_what_its_weights_say(way):
    model, pixels = vit(way), image(32, 48)
    found = attention_blocks(model, pixels)
    assert [block.id for block in found.blocks] == ["blocks.0", "blocks.1"]
    block = found.blocks[1]
    assert (block.heads, block.query_hw, block.key_hw) == (HEADS, (4, 6), (4, 6))
    assert (block.windows, block.placeless) == (1, 1)  # a class token
    kept = block_attention(model, pixels, block)
    # 20 of 32 rows down, 30 of 48 across: the token of row 2, column 3
    seen = kept.at(20 / 32, 30 / 48)
    assert seen.position == (2, 3)
    wanted, tokens = by_hand(model, pixels, 1)
    row = wanted[:, 1 + 2 * 6 + 3]
    assert np.abs(seen.shares - row[:, 1:].reshape(HEADS, 4, 6)).max() < 1e-5
    assert np.abs(seen.elsewhere - row[:, 0]).max() < 1e-5
    assert np.abs(seen.of_head(None) - row[:, 1:].mean(0).reshape(4, 6)).max() < 1e-5
    assert np.ptp(row) > 0.1
    assert seen.seen.all()
    grid = tokens[1:].T.reshape(WIDTH, 4, 6)  # without the class token
    assert np.abs(kept.tokens - grid).max() < 0.01


def test_a_place_beyond_the_edge_is_that_of_the_edge():
    model, pixels = vit("fused"), image(32, 48)
    kept = block_attention(model, pixels, attention_blocks(model, pixels).blocks[0])
    assert kept.at(1.0, 0.0).position == (3, 0)


@pytest.fixture(scope="module")
def tf():
    import transformers

    return transformers


def randomised(model, seed=0):
    torch.manual_seed(seed)
    for parameter in model.parameters():
        if parameter.ndim > 1:
            nn.init.normal_(parameter, 0, 1.5 / parameter[0].numel() ** 0.5)
    return model.eval()


def test_reduced_keys_of_segformer_are_a_coarser_grid(tf):
    config = tf.SegformerConfig(
        depths=[1, 1, 1, 1], hidden_sizes=[8, 16, 16, 32], num_attention_heads=[1, 2, 2, 4],
        decoder_hidden_size=16, num_labels=2, attn_implementation="sdpa",
    )  # fmt: skip
    model = randomised(tf.SegformerForSemanticSegmentation(config))
    pixels = image(64, 96)
    found = attention_blocks(model, pixels)
    grids = [(b.heads, b.query_hw, b.key_hw) for b in found.blocks]
    # strides 4 to 32; the keys are reduced 8, 4, 2 times and not at all
    assert grids == [
        (1, (16, 24), (2, 3)), (2, (8, 12), (2, 3)), (2, (4, 6), (2, 3)), (4, (2, 3), (2, 3)),
    ]  # fmt: skip
    kept = block_attention(model, pixels, found.blocks[1])
    seen = kept.at(3.5 / 8, 7.5 / 12)  # row 3, column 7
    model.set_attn_implementation("eager")
    with torch.inference_mode():
        weights = model(pixel_values=pixels[None], output_attentions=True).attentions[1][0]
    row = weights[:, 3 * 12 + 7].view(2, 2, 3).numpy()
    assert np.abs(seen.shares - row).max() < 1e-5
    assert np.ptp(row) > 0.05


def swin(tf, implementation):
    config = tf.SwinConfig(
        embed_dim=8, depths=[2, 2], num_heads=[2, 2], window_size=4, image_size=64,
        attn_implementation=implementation,
    )  # fmt: skip
    return randomised(tf.SwinModel(config, add_pooling_layer=False), 2)


@pytest.mark.parametrize("implementation", ["sdpa", "eager"])
def test_windows_see_themselves_also_where_they_are_shifted(tf, implementation):
    model, pixels = swin(tf, implementation), image(64, 96)
    found = attention_blocks(model, pixels)
    assert [b.query_hw for b in found.blocks] == [(16, 24), (16, 24), (8, 12), (8, 12)]
    assert [b.windows for b in found.blocks] == [24, 24, 6, 6]
    model.set_attn_implementation("eager")
    given = []
    last = model.encoder.layers[1].blocks[1].attention
    handle = last.register_forward_hook(lambda _module, _inputs, output: given.append(output[1]))
    with torch.inference_mode():
        model(pixel_values=pixels[None])
    handle.remove()
    model.set_attn_implementation(implementation)
    # of the last block, shifted by 2: row 5, column 6 lies at row 3, column 4 of the shifted map,
    # in the second window, there in row 3 and column 0
    kept = block_attention(model, pixels, found.blocks[3])
    seen = kept.at(5.5 / 8, 6.5 / 12)
    assert seen.position == (5, 6)
    assert (np.argwhere(seen.seen) == [[r, c] for r in range(2, 6) for c in range(6, 10)]).all()
    row = given[0][1, :, 3 * 4 + 0].view(2, 4, 4).numpy()
    assert np.abs(seen.shares[:, 2:6, 6:10] - row).max() < 1e-5
    assert seen.shares[:, ~seen.seen].sum() == 0
    assert np.abs(seen.shares.sum((1, 2)) - 1).max() < 1e-5
    assert kept.tokens.shape == (16, 8, 12)


def test_tokens_of_a_windowed_block_are_put_back_in_their_places(tf):
    model, pixels = swin(tf, "sdpa"), image(64, 96)
    block = attention_blocks(model, pixels).blocks[1]
    kept = block_attention(model, pixels, block)
    with torch.inference_mode():
        states = model(pixel_values=pixels[None], output_hidden_states=True).hidden_states
    merged = model.encoder.layers[0].downsample
    with torch.inference_mode():
        # the second stage begins with what patch merging makes of the first one's tokens
        tokens = torch.from_numpy(kept.tokens.astype(np.float32)).reshape(8, -1).T[None]
        assert (merged(tokens, (16, 24)) - states[1]).abs().max() < 0.02


def test_a_pixel_s_query_looks_where_the_decoder_s_weights_say(tf):
    inner = mask2former_network(tf)
    pixels = image(96, 128)
    layer = inner.model.transformer_module.decoder.layers[1].cross_attn
    seen = {}

    def keep(_module, _args, given):
        seen.update(given)

    handle = layer.register_forward_pre_hook(keep, with_kwargs=True)
    with torch.inference_mode():
        answer = inner(pixel_values=pixels[None])
        handle.remove()
        (q, k, _), (qb, kb, _) = (t.chunk(3) for t in (layer.in_proj_weight, layer.in_proj_bias))
        queries = F.linear(seen["query"][:, 0], q, qb).reshape(-1, 2, 16)
        keys = F.linear(seen["key"][:, 0], k, kb).reshape(-1, 2, 16)
        scores = torch.einsum("qhd,khd->hqk", queries, keys) / 16**0.5
        scores[seen["attn_mask"]] = -math.inf
        weights = scores.softmax(-1)
        sure = answer.class_queries_logits[0].softmax(-1)[:, :-1].amax(-1)
        shares = answer.masks_queries_logits[0].sigmoid() * sure[:, None, None]
    found, kept = attention_of(UniversalNet(inner), pixels, "")
    assert kept.block == found.blocks[-1]
    assert (kept.block.id, kept.block.queries) == (
        "inner.model.transformer_module.decoder.layers.1",
        14,
    )
    assert kept.block.key_hw == (6, 8)  # of stride 16
    looked = set()
    for row, col in ((2, 3), (12, 20), (23, 31), (7, 0)):
        at = kept.at((row + 0.5) / 24, (col + 0.5) / 32)
        query = int(shares[:, row, col].argmax())
        assert at.query == query
        np.testing.assert_allclose(at.shares.reshape(2, -1), weights[:, query], atol=1e-5)
        looked.add(query)
    assert len(looked) > 1


def test_queries_without_masks_are_not_taken_for_places():
    class Plain(nn.Module):
        def __init__(self):
            super().__init__()
            self.patches = nn.Conv2d(3, WIDTH, PATCH, PATCH)
            self.queries = nn.Parameter(torch.randn(5, 1, WIDTH))
            self.look = nn.MultiheadAttention(WIDTH, HEADS)

        def forward(self, x):
            y = self.patches(x)
            tokens = y.flatten(2).permute(2, 0, 1)
            return y + self.look(self.queries, tokens, tokens)[0].mean()

    found, kept = attention_of(randomised(Plain()), image(32, 48), "")
    assert (found.blocks, found.others, kept) == ((), 1, None)


def test_networks_of_libraries_have_their_blocks():
    from inspection_networks import network

    found = attention_blocks(network("smp.Segformer"), image(64, 96))
    assert [b.id for b in found.blocks][:3] == [
        "encoder.block1.0", "encoder.block1.1", "encoder.block2.0",
    ]  # fmt: skip
    assert found.chosen("").id == "encoder.block4.1"
    assert found.chosen("encoder.block2.0").key_hw == (2, 3)
    found = attention_blocks(network("smp.DPT"), image(64, 96))
    assert len(found.blocks) == 12
    assert {(b.query_hw, b.placeless) for b in found.blocks} == {((4, 6), 1)}


@pytest.mark.slow
def test_networks_without_attention_have_none():
    from inspection_networks import network

    for name in ("unet-transposed", "smp.MAnet", "tv.lraspp", "maskrcnn-embedded"):
        found = attention_blocks(network(name), image(128, 192))
        assert (found.blocks, found.chosen("")) == ((), None)
        assert traced(name).layers


def test_a_block_that_does_not_run_again_is_named():
    model, pixels = vit("fused"), image(32, 48)
    block = attention_blocks(model, pixels).blocks[1]
    model.blocks = model.blocks[:1]
    with pytest.raises(SegstudioError, match=r"blocks\.1 did not run again"):
        block_attention(model, pixels, block)
