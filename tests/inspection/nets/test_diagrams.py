"""Diagrams of real networks: no node on another, no line through a node."""

from __future__ import annotations

import itertools

import pytest
from inspection_networks import traced
from slow_cases import few

from segstudio.report.diagram import lay_out

NAMES = [
    "unet-depth-6", "smp.UnetPlusPlus", "smp.PAN", "smp.UPerNet", "smp.Segformer", "smp.DPT",
    "tv.lraspp", "deeplab-embedded", "maskrcnn-embedded",
]  # fmt: skip
QUICK = {"unet-depth-6", "smp.UnetPlusPlus", "deeplab-embedded", "maskrcnn-embedded"}


@pytest.mark.parametrize("name", few(NAMES, QUICK))
def test_diagrams_of_real_networks_are_clear(name):
    found = traced(name)
    whole = lay_out(found)
    folded = [lay_out(found, folded=roles) for roles in ({"encoder"}, {"decoder", "pyramid"})]
    for diagram in (whole, *folded):
        for a, b in itertools.combinations(diagram.nodes, 2):
            assert not a.box.overlaps(b.box, gap=4), (a.id, b.id)
        for edge, node in itertools.product(diagram.edges, diagram.nodes):
            if node.id not in (edge.source, edge.target):
                parts = itertools.pairwise(edge.points)
                assert not any(node.box.hits(*part) for part in parts), (edge, node.id)
    assert {skip for edge in whole.edges for skip in edge.skips} == {s.id for s in found.skips}
    heads = [node for node in whole.nodes if node.role == "head"]
    encoder = [node for node in whole.nodes if node.role == "encoder"]
    assert all(head.box.left > node.box.left for head in heads for node in encoder)
