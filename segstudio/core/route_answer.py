"""Ways to run a network that are quicker and answer alike: their names, and what a test found."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

EXACT: Final = ""
ROUTE_TITLES: Final[Mapping[str, str]] = {
    EXACT: "exact float32",
    "contiguous": "float32 in rows",
    "bfloat16": "bfloat16",
    "openvino": "OpenVINO",
    "openvino-bfloat16": "OpenVINO in bfloat16",
    "onnxruntime": "ONNX Runtime",
}
"""What each route is called, by its key; "" is PyTorch in float32, against which all are held."""


def route_title(key: str) -> str:
    """What a route is called; one of another version of segstudio by its key."""
    return ROUTE_TITLES.get(key, key)


@dataclass(frozen=True)
class RouteAnswer:
    """Which route a model takes on a machine, and what was measured of it.

    Attributes:
        route: Its key; "" if none was quicker and answered alike.
        times_faster: The exact route's time over its own; 1 for the exact one.
        agreement: Share of the pixels that kept their class, 0 to 1.
    """

    route: str = EXACT
    times_faster: float = 1.0
    agreement: float = 1.0

    @property
    def text(self) -> str:
        """In a few words: "OpenVINO, 1.9 times faster, 99.99 % the same"."""
        if not self.route:
            return f"{ROUTE_TITLES[EXACT]} is the fastest here"
        # cut off and not rounded: what differs somewhere is not called wholly the same
        same = math.floor(self.agreement * 10_000) / 100
        return f"{route_title(self.route)}, {self.times_faster:.1f} times faster, {same:.2f} % the same"

    def to_json(self) -> dict[str, Any]:
        """A plain dictionary."""
        return {
            "route": self.route,
            "times_faster": self.times_faster,
            "agreement": self.agreement,
        }

    @classmethod
    def from_json(cls, data: Any) -> RouteAnswer:
        """The inverse of `to_json`.

        Raises:
            ValueError: if it is of another form.
        """
        try:
            found = cls(str(data["route"]), float(data["times_faster"]), float(data["agreement"]))
        except (KeyError, TypeError) as error:
            raise ValueError(f"no answer of a test of routes ({error!r})") from error
        if found.route not in ROUTE_TITLES or not math.isfinite(found.times_faster):
            raise ValueError(f"no route {found.route!r}")
        return found
