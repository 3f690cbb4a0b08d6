"""What a transformer's tokens look at: attention from one place of an image to all others."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from segstudio.core.errors import SegstudioError
from segstudio.core.features import FeatureMap

FloatArray = NDArray[np.float32]
Places = NDArray[np.int64]
"""Position in a grid, row by row from 0, for every token; -1 for one without a place."""


@dataclass(frozen=True, slots=True)
class AttentionBlock:
    """A block of a network with attention over places of the image: of its tokens, or of queries.

    Attributes:
        id: Name of the block's module, with "#2" for a second call of it.
        heads: How many there are.
        query_hw: Height and width of its grid of tokens.
        key_hw: Of the grid that it looks at; coarser where keys are reduced.
        windows: How many windows look at nothing but themselves; 1: each token sees all.
        placeless: Tokens among the keys that have no place, as a class token.
        call: Which of the network's attentions it is, in order of execution.
        queries: How many queries look, which have no place of their own; 0: tokens do. What looks
            from a place is then the query whose mask has it, and `query_hw` the masks' grid.
    """

    id: str
    heads: int
    query_hw: tuple[int, int]
    key_hw: tuple[int, int]
    windows: int
    placeless: int
    call: int = 0
    queries: int = 0


@dataclass(frozen=True, slots=True)
class AttentionBlocks:
    """What attention a network has.

    Attributes:
        blocks: Those over places of the image, in order of execution.
        others: How many attentions there are besides, whose queries have no place on the image.
    """

    blocks: tuple[AttentionBlock, ...] = ()
    others: int = 0

    def chosen(self, name: str) -> AttentionBlock | None:
        """The block of this id, else the last that sees all of the image, else the last."""
        named = [block for block in self.blocks if block.id == name]
        whole = [block for block in self.blocks if block.windows == 1]
        found = named or whole or self.blocks
        return found[-1] if found else None


@dataclass(frozen=True, eq=False)
class PixelAttention:
    """What one token looks at.

    Attributes:
        position: (row, col) of the token in its block's grid.
        shares: (heads, h, w) float32 of the grid of keys: softmax(q k / sqrt d + bias), of which all
            of a head's sum to 1 together with `elsewhere`.
        seen: (h, w) bool: positions that the token can see at all; False outside its window.
        elsewhere: (heads,) the share of tokens without a place.
        query: The number of the query that looks, from 0; -1 for a token.
    """

    position: tuple[int, int]
    shares: FloatArray = field(repr=False)
    seen: NDArray[np.bool_] = field(repr=False)
    elsewhere: FloatArray = field(repr=False)
    query: int = -1

    def of_head(self, head: int | None) -> FloatArray:
        """(h, w) of one head; None: the mean of all."""
        found: FloatArray = self.shares.mean(axis=0) if head is None else self.shares[head]
        return found

    def elsewhere_of(self, head: int | None) -> float:
        """The share of tokens without a place for one head; None: the mean of all."""
        return float(self.elsewhere.mean() if head is None else self.elsewhere[head])


@dataclass(frozen=True, eq=False)
class BlockAttention:
    """One block's attention on one image, of which rows are worked out when they are asked for.

    Either `weights` are what the network computed itself, or they follow from `query` and `key`,
    where a fused kernel gives none.

    Attributes:
        block: Which.
        rows: (B, Tq) places of the queries in `block.query_hw`; B are windows, or 1.
        columns: (B, Tk) places of the keys in `block.key_hw`.
        weights: (B, heads, Tq, Tk) float32, or None.
        query: (B, heads, Tq, d) float32, or None.
        key: (B, heads, Tk, d) float32, or None.
        scale: What their products are multiplied with.
        bias: Added to the products, broadcast to (B, heads, Tq, Tk); or None.
        tokens: (C, h, w) of `block.query_hw`: what the block gives on; None if it is not known.
        owners: (h, w) of `block.query_hw`: the query whose mask has each place; None for tokens.
    """

    block: AttentionBlock
    rows: Places = field(repr=False)
    columns: Places = field(repr=False)
    weights: FloatArray | None = field(default=None, repr=False)
    query: FloatArray | None = field(default=None, repr=False)
    key: FloatArray | None = field(default=None, repr=False)
    scale: float = 1.0
    bias: FloatArray | None = field(default=None, repr=False)
    tokens: FeatureMap | None = field(default=None, repr=False)
    owners: Places | None = field(default=None, repr=False)

    def at(self, down: float, across: float) -> PixelAttention:
        """What the token looks at that stands for a place of the input.

        Args:
            down: From the input's upper edge, 0..1 of its height.
            across: From its left edge, 0..1 of its width.

        Raises:
            SegstudioError: if there is no token at that place.
        """
        height, width = self.block.query_hw
        row = min(max(int(down * height), 0), height - 1)
        col = min(max(int(across * width), 0), width - 1)
        if self.owners is not None:
            batch, token = 0, int(self.owners[row, col])
        else:
            found = np.argwhere(self.rows == row * width + col)
            if not len(found):
                raise SegstudioError(f"{self.block.id} has no token at this place of the image.")
            batch, token = (int(index) for index in found[0])
        weights = self._weights(batch, token)
        columns = self.columns[batch]
        placed = columns >= 0
        size = self.block.key_hw[0] * self.block.key_hw[1]
        shares = np.zeros((len(weights), size), np.float32)
        for head, of_head in enumerate(weights):
            np.add.at(shares[head], columns[placed], of_head[placed])
        seen = np.zeros(size, np.bool_)
        seen[columns[placed]] = True
        return PixelAttention(
            (row, col),
            shares.reshape(-1, *self.block.key_hw),
            seen.reshape(self.block.key_hw),
            weights[:, ~placed].sum(axis=1).astype(np.float32),
            -1 if self.owners is None else token,
        )

    def _weights(self, batch: int, token: int) -> NDArray[np.float64]:
        """(heads, Tk) of one token."""
        if self.weights is not None:
            return self.weights[batch, :, token].astype(np.float64)
        assert self.query is not None
        assert self.key is not None
        query = self.query[batch, :, token].astype(np.float64)
        products = np.einsum("hd,htd->ht", query, self.key[batch]) * self.scale
        if self.bias is not None:
            shape = (*self.rows.shape[:1], self.block.heads, self.rows.shape[1], products.shape[1])
            products = products + np.broadcast_to(self.bias, shape)[batch, :, token]
        grown = np.exp(products - products.max(axis=1, keepdims=True))
        shares: NDArray[np.float64] = grown / grown.sum(axis=1, keepdims=True)
        return shares
