"""The list of cuts: what one is called, adding to it, and finding it in another trace."""

from __future__ import annotations

from dataclasses import replace

from segstudio.core.features import Cut, EdgeCut, FeatureTrace
from segstudio.core.text import listed
from segstudio.session.inspection import ListedCut


def describe(cut: Cut) -> str:
    """What is cut, for people: "inc → up4", "channel 3 of down2"."""
    if isinstance(cut, EdgeCut):
        return f"{cut.edge.source} → {cut.edge.target}"
    if cut.channels is None:
        return f"all channels of {cut.layer.id}"
    numbers = listed([*map(str, cut.channels)], 4)
    plural = "s" if len(cut.channels) > 1 else ""
    return f"channel{plural} {numbers} of {cut.layer.id}"


def _place(cut: Cut) -> tuple[object, ...]:
    """What two cuts of the same place have in common."""
    if isinstance(cut, EdgeCut):
        return ("edge", cut.edge.id)
    return ("channels", cut.layer.id, cut.channels)


def with_cut(listed: tuple[ListedCut, ...], cut: Cut) -> tuple[ListedCut, ...]:
    """The list with a cut that counts, in the place of one of the same features if there is one."""
    new = ListedCut(cut)
    places = [_place(entry.cut) for entry in listed]
    if _place(cut) not in places:
        return (*listed, new)
    at = places.index(_place(cut))
    return (*listed[:at], new, *listed[at + 1 :])


def found_in(listed: ListedCut, trace: FeatureTrace) -> ListedCut | None:
    """The same cut in another trace of the network; None if it has no such place."""
    cut = listed.cut
    if isinstance(cut, EdgeCut):
        edge = next((edge for edge in trace.skips if edge.id == cut.edge.id), None)
        return None if edge is None else replace(listed, cut=replace(cut, edge=edge))
    layer = next((layer for layer in trace.layers if layer.id == cut.layer.id), None)
    if layer is None or max(cut.channels or (0,)) >= layer.shape[0]:
        return None
    return replace(listed, cut=replace(cut, layer=layer))
