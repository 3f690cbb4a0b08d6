"""What a network tells when it is tried: channels, classes, sizes, and what its numbers are.

For networks that come as programs: there are no names and shapes of tensors to read it from.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

import torch
from torch import Tensor, nn

from segstudio.core.errors import SegstudioError

SCORES, SHARES, CHANCES = "scores", "softmax applied", "sigmoid applied"
GIVES: Final = (SCORES, SHARES, CHANCES)
"""What a network's numbers can be: scores (logits), or probabilities already."""
GIVES_TEXT: Final = "What the network's numbers are"
_WHOLE_HW: Final = (128, 192)
"""Two different sides, so that none is taken for the other; every usual stride divides them."""
_SIZES_HW: Final = ((1, (101, 83)), (8, (104, 88)), (16, (112, 80)), (32, (96, 160)))
"""Sizes that a network takes whose strides divide them."""
_SQUARES: Final = (
    256, 512, 224, 384, 320, 128, 640, 1024, 64, 96, 160, 192, 288, 352, 416, 448, 480, 768, 572,
)  # fmt: skip
"""Sizes that networks are usually made for, the most usual ones first."""
_SURE: Final = 1e-3
_SMALLEST: Final = 1e-12

Program = Callable[[Tensor], Any]
"""Takes images (N, C, H, W) float32, returns what the network does."""


@dataclass(frozen=True)
class Tried:
    """What was found out.

    Attributes:
        channels: Of the input.
        classes: Channels of the output.
        divisor: What the sides of the input have to be multiples of.
        size: Height and width that the input always has; None where it may have others.
        gives: One of `GIVES`.
    """

    channels: int
    classes: int
    divisor: int = 1
    size: tuple[int, int] | None = None
    gives: str = SCORES

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return asdict(self)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Tried:
        """Make one from `to_json`'s values."""
        size = data["size"]
        return cls(**{**data, "size": None if size is None else (int(size[0]), int(size[1]))})


class NoMapError(ValueError):
    """A network ran, but what it returned is no map of scores."""


def scores_in(returned: Any) -> Tensor:
    """The map (N, C, h, w) of scores in what a network returns.

    That is a tensor, a dictionary's "out" (or "logits", or its only tensor), or the first of several.

    Raises:
        NoMapError: if there is none.
    """
    if isinstance(returned, Mapping):
        named = [returned[name] for name in ("out", "logits") if name in returned]
        if not named and len(returned) != 1:
            names = ", ".join(map(str, returned))
            raise NoMapError(f"it returns {names}, and none of them is called out")
        returned = named[0] if named else next(iter(returned.values()))
    while isinstance(returned, tuple | list) and returned:
        returned = returned[0]
    if not isinstance(returned, Tensor):
        raise NoMapError(f"it returns {type(returned).__name__} and no tensor")
    if not returned.is_floating_point():
        raise NoMapError("it returns class ids and no scores of classes")
    maps: Tensor = returned
    if maps.ndim == 3:  # of a single class without an axis of its own
        maps = maps[:, None]
    if maps.ndim != 4:
        raise NoMapError(f"it returns a tensor of shape {tuple(maps.shape)} and no map")
    return maps


def as_scores(values: Tensor, gives: str) -> Tensor:
    """Logits (N, C, h, w) of what a network gives, in one of the ways of `GIVES`."""
    if gives == SHARES and values.shape[1] > 1:
        return values.clamp(min=_SMALLEST).log()
    scores: Tensor = values if gives == SCORES else torch.logit(values, eps=1e-7)
    return scores


def try_out(
    program: Program,
    channels: Iterable[int],
    size: tuple[int, int] | None = None,
    note: Callable[[str], None] | None = None,
) -> Tried:
    """Find out what a network takes and gives, by running it.

    Args:
        program: The network.
        channels: How many channels its input may have, the likeliest first.
        size: The height and width of its input, if that is known to be always the same.
        note: Told what is tried.

    Raises:
        SegstudioError: if it runs on nothing that was tried; says why it did not.
    """
    tries = _Tries(program, note or (lambda _text: None))
    for count in channels:
        found = tries.of_any_size(count) if size is None else tries.of_size(count, size)
        if found is not None:
            return found
    for count in channels if size is None else ():
        for side in _SQUARES:
            found = tries.of_size(count, (side, side))
            if found is not None:
                return found
    raise tries.failure()


class _Tries:
    def __init__(self, program: Program, note: Callable[[str], None]) -> None:
        self._program, self._note = program, note
        self._why = ""
        self._no_map = ""

    def of_any_size(self, channels: int) -> Tried | None:
        """What it is if it takes images of several sizes."""
        whole = self._run(channels, _WHOLE_HW)
        if whole is None:
            return None
        stride = _stride(whole, _WHOLE_HW)
        for divisor, size_hw in _SIZES_HW:
            other = self._run(channels, size_hw)
            if other is not None and _stride(other, size_hw) == stride != 0:
                return self._tried(channels, whole, divisor)
        other = self._run(channels, (192, 128))
        if other is not None and _stride(other, (192, 128)) == stride != 0:
            return self._tried(channels, whole, 64)
        return None

    def of_size(self, channels: int, size_hw: tuple[int, int]) -> Tried | None:
        """What it is if it takes images of this size."""
        found = self._run(channels, size_hw)
        return None if found is None else self._tried(channels, found, 1, size_hw)

    def _tried(
        self,
        channels: int,
        maps: Sequence[Tensor],
        divisor: int,
        size: tuple[int, int] | None = None,
    ) -> Tried:
        return Tried(channels, maps[0].shape[1], divisor, size, _kind_of(maps))

    def _run(self, channels: int, size_hw: tuple[int, int]) -> list[Tensor] | None:
        """Its maps for an image of noise and one of far larger numbers."""
        height, width = size_hw
        self._note(f"{channels} x {width} x {height}")
        noise = torch.rand((1, channels, *size_hw), generator=torch.Generator().manual_seed(0))
        try:
            with torch.inference_mode():
                return [scores_in(self._program(x)).float() for x in (noise, 20 * (noise - 0.5))]
        except NoMapError as error:
            self._no_map = str(error)
        except SegstudioError:
            raise
        except Exception as error:  # noqa: BLE001 - a program may raise anything
            lines = [line.strip() for line in str(error).splitlines() if line.strip()]
            self._why = self._why or (lines[-1] if lines else type(error).__name__)
        return None

    def failure(self) -> SegstudioError:
        """Why it is of no use."""
        if self._no_map:
            return SegstudioError(
                f"The network gives no scores of classes: {self._no_map}.",
                "Save it so that it returns (N, classes, H, W), before any argmax.",
            )
        return SegstudioError(
            f"The network ran on no image that was tried, of 64 to 1024 pixels ({self._why}).",
            "Save it for images of another size, or of sizes that may vary.",
        )


def _stride(maps: Sequence[Tensor], size_hw: tuple[int, int]) -> float:
    """How many times smaller the map is than the input; 0 if its sides do not agree."""
    height, width = (side / own for side, own in zip(size_hw, maps[0].shape[-2:], strict=True))
    return height if math.isclose(height, width) else 0.0


def _kind_of(maps: Sequence[Tensor]) -> str:
    """Whether a network's numbers are scores or probabilities, by how they look."""
    if any(bool((values < 0).any() | (values > 1 + _SURE).any()) for values in maps):
        return SCORES
    if maps[0].shape[1] > 1:
        sums = [values.sum(1) for values in maps]
        if all(bool(((total - 1).abs() < _SURE).all()) for total in sums):
            return SHARES
    return CHANCES


class ProgramNetwork(nn.Module):
    """A network that comes as a program: what it returns becomes logits.

    Attributes:
        in_channels: Of its input.
        unseen: Why its inner layers cannot be looked at, as the end of a sentence.
        routes: Keys of the ways to run it that may replace it.
        only_on_cpu: Whether no other device can run it.
        hidden_bytes: Of weights that are no parameters of it.
    """

    unseen = ""
    routes: tuple[str, ...] = ()
    only_on_cpu = False
    hidden_bytes = 0

    def __init__(self, in_channels: int, gives: str, input_hw: Sequence[int] | None) -> None:
        """Args:
        in_channels: Of its input.
        gives: One of `GIVES`.
        input_hw: Height and width that its input always has, or None.
        """
        super().__init__()
        if gives not in GIVES:
            raise SegstudioError(f"What a network gives cannot be {gives!r}.")
        self.in_channels, self._gives = in_channels, gives
        self._input_hw = None if input_hw is None else (int(input_hw[0]), int(input_hw[1]))

    @property
    def notes(self) -> tuple[str, ...]:
        """What is worth knowing of each of its answers."""
        if self._input_hw is None:
            return ()
        height, width = self._input_hw
        return (f"Seen at {width} x {height} pixels, the only size that the network takes.",)

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, C, H, W) to logits (N, K, h, w)."""
        if self._input_hw is not None and tuple(x.shape[-2:]) != self._input_hw:
            height, width = self._input_hw
            raise SegstudioError(
                f"The network takes images of {width} x {height} pixels only, not of "
                f"{x.shape[-1]} x {x.shape[-2]}.",
                f"Choose {width} x {height} as the exact size of its input, at no other scale.",
            )
        return as_scores(scores_in(self.run(x)), self._gives)

    def run(self, x: Tensor) -> Any:
        """What the program itself returns."""
        raise NotImplementedError
