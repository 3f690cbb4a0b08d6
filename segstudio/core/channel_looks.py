"""How the channels of an image are shown together: which, in which colours, from where to where.

Only what is seen follows; models and thumbnails get the image as it is.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

Color = tuple[int, int, int]


@dataclass(frozen=True)
class ChannelLook:
    """What the user chose for one channel; None: as the image has it.

    Attributes:
        on: Whether it is in the composite.
        color: Red, green and blue (0..255) of its brightest values.
        low: The stored value that is black.
        high: The stored value that is shown brightest.
    """

    on: bool | None = None
    color: Color | None = None
    low: float | None = None
    high: float | None = None


AS_IN_FILE = ChannelLook()
"""Nothing was chosen."""


@dataclass(frozen=True)
class ChannelLooks:
    """What was chosen for the channels of a folder's images, by their number from 0.

    Attributes:
        chosen: (number, look) of those for which something was, ascending.
    """

    chosen: tuple[tuple[int, ChannelLook], ...] = ()

    def of(self, channel: int) -> ChannelLook:
        """What was chosen for a channel."""
        return next((look for number, look in self.chosen if number == channel), AS_IN_FILE)

    def changed(self, channel: int, **values: Any) -> ChannelLooks:
        """With other values (fields of `ChannelLook`) for a channel."""
        looks = dict(self.chosen) | {channel: replace(self.of(channel), **values)}
        return looks_of(looks.items())

    def upto(self, count: int) -> ChannelLooks:
        """What of it is about an image of so many channels."""
        return ChannelLooks(tuple(pair for pair in self.chosen if pair[0] < count))

    def __bool__(self) -> bool:
        return bool(self.chosen)


def looks_of(pairs: Iterable[tuple[int, ChannelLook]]) -> ChannelLooks:
    """What was chosen, without those for which nothing was."""
    return ChannelLooks(tuple(sorted(pair for pair in pairs if pair[1] != AS_IN_FILE)))


AS_IN_FILES = ChannelLooks()
