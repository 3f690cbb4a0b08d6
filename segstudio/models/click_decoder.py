"""The decoder of SAM and SAM 2.1 with as little work per click as gives the same numbers.

Transformers' own projects all tokens of the image five times per layer. Few tokens ask, so that the
matrices of asking and answering are multiplied first, and the image's tokens once by their small
product. What a prompt does not change is worked out once per image, or once per network.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F


@dataclass(frozen=True)
class DecoderInput:
    """What the decoder needs of an image; C channels, N = h * w tokens.

    Attributes:
        tokens: (N, C), with what stands for "no mask given".
        grid: h and w.
        fine: Features of twice and of four times the resolution, (4 * N, C / 4) and
            (16 * N, C / 8), the pixels of a token side by side; empty for SAM, which has none.
        first: Keys, values and queries (heads, N, D / heads) of the first layer.
    """

    tokens: Tensor
    grid: tuple[int, int]
    fine: tuple[Tensor, ...]
    first: tuple[Tensor, Tensor, Tensor]

    @property
    def nbytes(self) -> int:
        """Bytes of all tensors."""
        parts = (self.tokens, *self.fine, *self.first)
        return sum(part.numel() * part.element_size() for part in parts)


@dataclass(frozen=True)
class Decoded:
    """What the tokens say after the transformer; masks are made of it one by one.

    Attributes:
        scores: (M,): the IoU that the network expects of each mask; the first is that of the mask
            for prompts that leave no choice.
        words: (M, C): the masks' tokens.
        tokens: (N, C): the image.
    """

    scores: Tensor
    words: Tensor
    tokens: Tensor


class ClickDecoder:
    """Decodes prompts with the weights of a `SamModel` or `Sam2Model`; call it in inference mode."""

    def __init__(self, network: Any) -> None:
        self._network = network
        self._decoder = decoder = network.mask_decoder
        self._has_object_token = hasattr(decoder, "obj_score_token")
        with torch.inference_mode():
            places = network.get_image_wide_positional_embeddings()
            self._places = places.flatten(2)[0].t().contiguous()
            named = [decoder.iou_token.weight, decoder.mask_tokens.weight]
            if self._has_object_token:
                named.insert(0, decoder.obj_score_token.weight)
            self._words = torch.cat(named)
            self._up1 = _as_matrix(decoder.upscale_conv1)
            self._up2 = _as_matrix(decoder.upscale_conv2)

    def prepare(self, maps: tuple[Tensor, ...]) -> DecoderInput:
        """Work out what all prompts for an image share.

        Args:
            maps: What `get_image_embeddings` gives: of SAM 2.1 the finest first.
        """
        *fine, image = maps
        empty = self._network.prompt_encoder.no_mask_embed.weight
        tokens = image[0].flatten(1).t() + empty
        layer = self._decoder.transformer.layers[0]
        placed = tokens + self._places
        asked, asking = layer.cross_attn_token_to_image, layer.cross_attn_image_to_token
        first = (
            _heads(asked.k_proj(placed), asked),
            _heads(asked.v_proj(tokens), asked),
            _heads(asking.q_proj(placed), asking),
        )
        grid = (image.shape[2], image.shape[3])
        return DecoderInput(
            tokens.contiguous(),
            grid,
            tuple(_side_by_side(each[0], grid) for each in fine[::-1]),
            first,
        )

    def decode(self, image: DecoderInput, prompt: dict[str, Tensor]) -> Decoded:
        """Let the prompt and the image look at each other.

        Args:
            image: Of `prepare`.
            prompt: "input_points", "input_labels", "input_boxes" as transformers names them.
        """
        encoder = self._network.prompt_encoder
        given = {"input_points": None, "input_labels": None, "input_boxes": None, **prompt}
        sparse, _ = encoder(**given, input_masks=None)
        asked = torch.cat([self._words, sparse[0, 0]])
        words, tokens = asked, image.tokens
        transformer = self._decoder.transformer
        for number, layer in enumerate(transformer.layers):
            first = image.first if number == 0 else None
            words, tokens = self._layer(layer, words, asked, tokens, first)
        found = _look(
            transformer.final_attn_token_to_image, words + asked, tokens, tokens + self._places
        )
        words = transformer.layer_norm_final_attn(words + found)
        start = int(self._has_object_token)
        masks = words[start + 1 : start + 1 + self._decoder.num_mask_tokens]
        return Decoded(self._decoder.iou_prediction_head(words[start]), masks, tokens)

    def masks(self, image: DecoderInput, decoded: Decoded, wanted: list[int]) -> Tensor:
        """Logits (len(wanted), 4 h, 4 w) of some of the masks."""
        return self._of(image, decoded, self._upscaled(image, decoded), wanted)

    def _upscaled(self, image: DecoderInput, decoded: Decoded) -> Tensor:
        """(16 * N, C / 8): what all masks are made of, the pixels of a token side by side."""
        decoder, fine = self._decoder, image.fine
        weight, bias = self._up1
        norm = decoder.upscale_layer_norm
        up = (decoded.tokens @ weight).view(-1, bias.numel()).add_(bias)
        up = up.add_(fine[0]) if fine else up
        up = F.layer_norm(up, norm.normalized_shape, norm.weight, norm.bias, norm.eps)
        weight, bias = self._up2
        up = (decoder.activation(up) @ weight).view(-1, bias.numel()).add_(bias)
        found: Tensor = decoder.activation(up.add_(fine[1]) if fine else up)
        return found

    def _of(self, image: DecoderInput, decoded: Decoded, up: Tensor, wanted: list[int]) -> Tensor:
        heads = self._decoder.output_hypernetworks_mlps
        said = torch.stack([heads[number](decoded.words[number]) for number in wanted])
        height, width = image.grid
        flat = (said @ up.t()).view(-1, height, width, 2, 2, 2, 2)
        masks: Tensor = flat.permute(0, 1, 3, 5, 2, 4, 6).reshape(-1, 4 * height, 4 * width)
        return masks

    def single(self, image: DecoderInput, decoded: Decoded) -> tuple[Tensor, Tensor]:
        """Scores (1,) and logits (1, 4 h, 4 w) of the mask for prompts that leave no choice.

        SAM 2.1 takes the best of the others instead where that mask depends on the threshold.
        """
        decoder = self._decoder
        up = self._upscaled(image, decoded)
        mask, score = self._of(image, decoded, up, [0]), decoded.scores[:1]
        if not getattr(decoder, "dynamic_multimask_via_stability", False):
            return score, mask
        delta = decoder.dynamic_multimask_stability_delta
        inner, outer = int((mask > delta).sum()), int((mask > -delta).sum())
        if not outer or inner / outer >= decoder.dynamic_multimask_stability_thresh:
            return score, mask
        best = 1 + int(torch.argmax(decoded.scores[1:]))
        return decoded.scores[best : best + 1], self._of(image, decoded, up, [best])

    def _layer(
        self,
        layer: Any,
        words: Tensor,
        asked: Tensor,
        tokens: Tensor,
        first: tuple[Tensor, Tensor, Tensor] | None,
    ) -> tuple[Tensor, Tensor]:
        """Words (T, C) and tokens (N, C) after a layer."""
        placed = words[None, None] if layer.skip_first_layer_pe else (words + asked)[None, None]
        heard, _ = layer.self_attn(query=placed, key=placed, value=words[None, None])
        words = layer.layer_norm1(heard[0, 0] if layer.skip_first_layer_pe else words + heard[0, 0])
        attention, back = layer.cross_attn_token_to_image, layer.cross_attn_image_to_token
        there = tokens if first is not None else tokens + self._places
        if first is not None:
            seen = _look_at(attention, words + asked, first[0], first[1])
        else:
            seen = _look(attention, words + asked, tokens, there)
        words = layer.layer_norm2(words + seen)
        words = layer.layer_norm3(words + layer.mlp(words))
        if first is not None:
            shares = _shares_at(back, words + asked, first[2])
        else:
            shares = _shares_of(back, words + asked, there)
        return words, layer.layer_norm4(torch.addmm(tokens, shares, _told(back, words)))


def _as_matrix(convolution: Any) -> tuple[Tensor, Tensor]:
    """(C, 4 * K) and (K,) of a transposed convolution that makes 2 x 2 pixels of one."""
    weight = convolution.weight.permute(0, 2, 3, 1)
    return weight.reshape(weight.shape[0], -1).contiguous(), convolution.bias


def _side_by_side(features: Tensor, grid: tuple[int, int]) -> Tensor:
    """(pixels, K) of features (K, H, W), in the order in which doubling a grid makes pixels."""
    height, width = grid
    if features.shape[1] == 2 * height:
        parts = features.view(-1, height, 2, width, 2).permute(1, 3, 2, 4, 0)
    else:
        parts = features.view(-1, height, 2, 2, width, 2, 2).permute(1, 4, 2, 5, 3, 6, 0)
    return parts.reshape(-1, features.shape[0]).contiguous()


def _heads(projected: Tensor, attention: Any) -> Tensor:
    """(heads, tokens, D / heads) of (tokens, D)."""
    parts = projected.view(projected.shape[0], attention.num_attention_heads, -1)
    return parts.transpose(0, 1).contiguous()


def _out(attention: Any) -> Any:
    return attention.o_proj if hasattr(attention, "o_proj") else attention.out_proj


def _joined(attention: Any, parts: Tensor) -> Tensor:
    """(T, C) of what the heads (heads, T, D / heads) found."""
    joined: Tensor = _out(attention)(parts.transpose(0, 1).flatten(1))
    return joined


def _look_at(attention: Any, asking: Tensor, keys: Tensor, values: Tensor) -> Tensor:
    """What words (T, C) find in an image whose keys and values are there."""
    queries = _heads(attention.q_proj(asking), attention) * attention.scaling
    weights = torch.softmax(queries @ keys.transpose(1, 2), -1)
    return _joined(attention, weights @ values)


def _look(attention: Any, asking: Tensor, tokens: Tensor, placed: Tensor) -> Tensor:
    """What words (T, C) find in the image's tokens (N, C).

    The keys' bias adds the same to all tokens, which a softmax over them does not see; the
    values' bias comes through as it is, since the weights add up to 1.
    """
    count, channels = attention.num_attention_heads, tokens.shape[1]
    queries = _heads(attention.q_proj(asking), attention) * attention.scaling
    by_key = queries @ attention.k_proj.weight.view(count, -1, channels)
    weights = torch.softmax(by_key.flatten(0, 1) @ placed.t(), -1)
    seen = (weights @ tokens).view(count, -1, channels)
    by_value = attention.v_proj.weight.view(count, -1, channels).transpose(1, 2)
    return _joined(attention, seen @ by_value + attention.v_proj.bias.view(count, 1, -1))


def _shares_at(attention: Any, words: Tensor, queries: Tensor) -> Tensor:
    """(N, heads * T): how much of each word each token of the image takes."""
    keys = _heads(attention.k_proj(words), attention) * attention.scaling
    shares = torch.softmax(queries @ keys.transpose(1, 2), -1)
    return shares.transpose(0, 1).flatten(1)


def _shares_of(attention: Any, words: Tensor, placed: Tensor) -> Tensor:
    """The same, of tokens (N, C) that nothing is known of yet."""
    count, channels = attention.num_attention_heads, placed.shape[1]
    keys = _heads(attention.k_proj(words), attention) * attention.scaling
    by_query = keys @ attention.q_proj.weight.view(count, -1, channels)
    bias = (keys @ attention.q_proj.bias.view(count, -1, 1)).flatten()
    scores = torch.addmm(bias, placed, by_query.flatten(0, 1).t())
    return torch.softmax(scores.view(-1, count, words.shape[0]), -1).flatten(1)


def _told(attention: Any, words: Tensor) -> Tensor:
    """(heads * T, C): what a token of the image gets of each word.

    The bias is shared out among the heads: each one's shares add up to 1.
    """
    out, count = _out(attention), attention.num_attention_heads
    values = _heads(attention.v_proj(words), attention)
    by_head = out.weight.t().view(count, -1, out.weight.shape[0])
    told: Tensor = (values @ by_head + out.bias / count).flatten(0, 1)
    return told
