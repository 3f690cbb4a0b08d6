"""How the network and the pages share the panel's room."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Room(StrEnum):
    """Who is shown."""

    BOTH = "both"
    NETWORK = "network"
    PAGES = "pages"


@dataclass(frozen=True)
class Sharing:
    """Where the border between network and pages lies, and who is shown.

    Attributes:
        room: Who is shown.
        across: The network's share of the width where the pages stand beside it, 0..1; None
            until the user moved the border.
        down: Its share of the height where they stand below it; likewise.
    """

    room: Room = Room.BOTH
    across: float | None = None
    down: float | None = None

    def to_text(self) -> str:
        """As it is kept from start to start."""
        shares = ("" if share is None else f"{share:.3f}" for share in (self.across, self.down))
        return " ".join((self.room.value, *(share or "-" for share in shares)))

    @classmethod
    def from_text(cls, text: str) -> Sharing:
        """What `to_text` wrote; the usual one for anything else."""
        try:
            room, across, down = text.split()
            return cls(Room(room), _share(across), _share(down))
        except ValueError:
            return cls()


def _share(text: str) -> float | None:
    """A share of the room.

    Raises:
        ValueError: if it is none.
    """
    if text == "-":
        return None
    share = float(text)
    if not 0 < share < 1:
        raise ValueError(text)
    return share
