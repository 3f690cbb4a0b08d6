"""Networks as diagrams: natural shapes, nothing on top of anything, and what folding leaves."""

from __future__ import annotations

import base64
import itertools
import re
import xml.etree.ElementTree as ET

import cv2
import numpy as np
import pytest

from segstudio.core.features import (
    ActivationStore,
    EdgeKind,
    FeatureTrace,
    LayerInfo,
    ReceptiveField,
    Role,
    Site,
    SkipEdge,
)
from segstudio.report import diagram_routes
from segstudio.report.diagram import Sizes, lay_out
from segstudio.report.diagram_drawing import diagram_drawing
from segstudio.report.diagram_graph import links_of, short_names
from segstudio.report.primitives import svg_of

IN, ENC, BOT, CTX = Role.INPUT, Role.ENCODER, Role.BOTTLENECK, Role.CONTEXT
PYR, DEC, HEAD, PROP, MASK = Role.PYRAMID, Role.DECODER, Role.HEAD, Role.PROPOSALS, Role.MASK_HEAD
CAT, LATERAL = EdgeKind.CONCATENATION, EdgeKind.LATERAL

UNET = [
    ("input", IN, 1, ""), ("inc", ENC, 1, "input"), ("down1", ENC, 2, "inc"),
    ("down2", BOT, 4, "down1"), ("up1", DEC, 2, "down1*cat down2"),
    ("up2", DEC, 1, "inc*cat up1"), ("outc", HEAD, 1, "up2"),
]  # fmt: skip
DEEPLAB = [
    ("input", IN, 1, ""), ("body.1", ENC, 2, "input"), ("body.2", ENC, 4, "body.1"),
    ("body.3", ENC, 4, "body.2"), ("body.4", BOT, 4, "body.3"),
    *((f"aspp.convs.{i}", CTX, 4, "body.4", "aspp") for i in range(5)),
    ("aspp", CTX, 4, " ".join(f"aspp.convs.{i}" for i in range(5))), ("head", HEAD, 4, "aspp"),
]  # fmt: skip
MASKRCNN = [
    ("input", IN, 1, ""), ("c2", ENC, 4, "input"), ("c3", ENC, 8, "c2"), ("c4", BOT, 16, "c3"),
    ("p4", PYR, 16, "c4"), ("p3", PYR, 8, "c3*lateral c4"), ("p2", PYR, 4, "c2*lateral c3 c4"),
    ("p5", PYR, 32, "p4"), ("rpn.logits", PROP, 4, "p2"), ("rpn.boxes", PROP, 4, "p2"),
    ("box_head", HEAD, 0, "p4 p3 p2"), ("mask_head", MASK, 0, "p4 p3 p2"),
    ("masks", MASK, 0, "mask_head"),
]  # fmt: skip
DENSE = [
    ("input", IN, 1, ""), ("x00", ENC, 1, "input"), ("x10", ENC, 2, "x00"), ("x20", ENC, 4, "x10"),
    ("x30", BOT, 8, "x20"), ("x21", DEC, 4, "x20*cat x30"), ("x11", DEC, 2, "x10*cat x20"),
    ("x01", DEC, 1, "x00*cat x10"), ("x12", DEC, 2, "x10*cat x11*cat x21"),
    ("x02", DEC, 1, "x00*cat x01*cat x11"), ("x03", DEC, 1, "x00*cat x01*cat x02*cat x12"),
    ("head", HEAD, 1, "x03"),
]  # fmt: skip
PLAIN = [
    ("input", IN, 1, ""), ("a", ENC, 2, "input"), ("b", BOT, 4, "a"), ("c", DEC, 2, "b"),
    ("d", DEC, 1, "c"), ("head", HEAD, 1, "d"),
]  # fmt: skip
ALL = {"unet": UNET, "deeplab": DEEPLAB, "maskrcnn": MASKRCNN, "dense": DENSE, "plain": PLAIN}


def trace_of(rows) -> FeatureTrace:
    """A trace of stages (id, role, stride, inputs, group); "inc*cat" is a skip from inc."""
    layers, skips = [], []
    for name, role, stride, reads, *group in rows:
        sources = []
        for word in reads.split():
            source, _, kind = word.partition("*")
            sources.append(source)
            if kind:
                how = CAT if kind == "cat" else LATERAL
                site = Site(name, kind)
                skips.append(
                    SkipEdge(
                        f"{source} -> {name}", source, name, how, (8, 4, 4), source, site, 0,
                        ((site, 0),), 0, 0,
                    )
                )  # fmt: skip
        side = 64 // stride if stride else 14
        field = ReceptiveField((3, 3), (stride / 2,) * 2, (stride,) * 2) if stride else None
        layers.append(
            LayerInfo(
                name, name, role, (8, side, side), stride, 10, 20, 0.0, field, tuple(sources),
                Site(name, "conv"), group[0] if group else "",
            )
        )  # fmt: skip
    return FeatureTrace(
        "Net", (64, 64), (1.0, 1.0), (2, 64, 64), tuple(layers), tuple(skips), 1, 1, 0.0, (),
        ActivationStore(0),
    )  # fmt: skip


def collisions(diagram) -> list:
    """Nodes on nodes, and lines through nodes that are not their ends."""
    on = [
        (a.id, b.id)
        for a, b in itertools.combinations(diagram.nodes, 2)
        if a.box.overlaps(b.box, gap=4)
    ]
    through = [
        (edge.source, edge.target, node.id)
        for edge in diagram.edges
        for node in diagram.nodes
        for start, end in itertools.pairwise(edge.points)
        if node.id not in (edge.source, edge.target) and node.box.hits(start, end)
    ]
    return on + through


def crossing_parts(diagram) -> list:
    """Parts of lines that lie on a part of another line.

    Lines with an end in common may, and those that bring all levels to all heads of regions.
    """
    regions = {node.id for node in diagram.nodes if node.layer.stride == 0}
    found = []
    for a, b in itertools.combinations(diagram.edges, 2):
        if a.source == b.source or a.target == b.target or {a.target, b.target} <= regions:
            continue
        for (p, q), (r, s) in itertools.product(
            itertools.pairwise(a.points), itertools.pairwise(b.points)
        ):
            flat = abs(p[1] - q[1]) < 0.01
            if flat != (abs(r[1] - s[1]) < 0.01):
                continue
            way, across = (0, 1) if flat else (1, 0)
            low = max(min(p[way], q[way]), min(r[way], s[way]))
            high = min(max(p[way], q[way]), max(r[way], s[way]))
            if abs(p[across] - r[across]) < 1 and high - low > 1:
                found.append((a, b))
    return found


@pytest.mark.parametrize("name", ALL)
def test_nothing_lies_on_anything_and_rows_are_strides(name):
    trace = trace_of(ALL[name])
    diagram = lay_out(trace)
    assert {node.id for node in diagram.nodes} == {layer.id for layer in trace.layers}
    assert collisions(diagram) == []
    assert crossing_parts(diagram) == []
    for node in diagram.nodes:
        band = diagram.bands[node.row]
        if node.layer.stride:
            assert band.stride == node.layer.stride
            assert band.top <= node.box.top
            assert node.box.bottom <= band.top + band.height
        assert node.box.left >= 0
        assert node.box.right <= diagram.width
        assert node.box.bottom <= diagram.height
        for inner in (node.picture, node.text):
            assert node.box.left <= inner.left < inner.right <= node.box.right
            assert node.box.top <= inner.top < inner.bottom <= node.box.bottom
    assert [band.stride for band in diagram.bands] == sorted(
        {layer.stride for layer in trace.layers} - {0}
    )


@pytest.mark.parametrize("name", ALL)
def test_lines_go_from_border_to_border_at_right_angles(name):
    diagram = lay_out(trace_of(ALL[name]))
    for edge in diagram.edges:
        for node_id, point in ((edge.source, edge.points[0]), (edge.target, edge.points[-1])):
            box = diagram.node(node_id).box
            x, y = point
            on_side = x in (box.left, box.right) and box.top < y < box.bottom
            on_end = y in (box.top, box.bottom) and box.left < x < box.right
            assert on_side or on_end
        for (x0, y0), (x1, y1) in itertools.pairwise(edge.points):
            assert abs(x0 - x1) < 0.01 or abs(y0 - y1) < 0.01


def test_a_unet_is_a_u():
    diagram = lay_out(trace_of(UNET))
    at = {node.id: node.box for node in diagram.nodes}
    assert at["inc"].left == at["down1"].left
    assert at["up1"].left == at["up2"].left > at["inc"].right
    assert at["input"].right < at["inc"].left
    assert at["up2"].right < at["outc"].left
    middle = (at["down1"].centre[0] + at["up1"].centre[0]) / 2
    assert at["down2"].centre[0] == pytest.approx(middle)
    assert at["down2"].top > at["down1"].bottom
    skips = [edge for edge in diagram.edges if edge.kind is not None]
    assert {edge.skips for edge in skips} == {("inc -> up2",), ("down1 -> up1",)}
    assert all(len(edge.points) == 2 for edge in skips)
    upper = next(edge for edge in skips if "down1 -> up1" in edge.skips)
    assert upper.points[0] == (at["down1"].right, at["down1"].centre[1])


def test_without_skips_the_way_up_is_still_right_of_the_way_down():
    diagram = lay_out(trace_of(PLAIN))
    at = {node.id: node.box for node in diagram.nodes}
    assert at["a"].right < at["c"].left == at["d"].left
    assert at["a"].centre[0] < at["b"].centre[0] < at["c"].centre[0]


def test_parallel_branches_stand_side_by_side_below_the_line_between():
    diagram = lay_out(trace_of(DEEPLAB))
    at = {node.id: node.box for node in diagram.nodes}
    branches = [at[f"aspp.convs.{i}"] for i in range(5)]
    assert len({box.top for box in branches}) == 1
    assert [box.left for box in branches] == sorted({box.left for box in branches})
    assert branches[0].top > at["body.4"].bottom
    assert branches[-1].right < at["aspp"].centre[0]
    assert at["body.2"].top == at["body.3"].top == at["body.4"].top == at["aspp"].top
    assert at["body.2"].left < at["body.3"].left < at["body.4"].left < at["aspp"].left
    group = next(group for group in diagram.groups if group.id == "aspp")
    assert all(group.bracket.overlaps(box) for box in branches)
    assert not group.bracket.overlaps(at["aspp"])


def test_dense_skips_make_a_triangle():
    diagram = lay_out(trace_of(DENSE))
    at = {node.id: node.column for node in diagram.nodes}
    assert [at["x10"], at["x11"], at["x12"]] == [at["x00"], at["x01"], at["x02"]]
    assert at["x21"] == at["x11"] == at["x01"] == at["x00"] + 1
    assert at["x03"] == at["x00"] + 3


def test_a_pyramid_goes_up_beside_the_encoder_and_regions_are_framed():
    trace = trace_of(MASKRCNN)
    diagram = lay_out(trace)
    at = {node.id: node.box for node in diagram.nodes}
    assert at["p2"].left == at["p3"].left == at["p4"].left == at["p5"].left > at["c2"].right
    links = {(link.source, link.target): link for link in links_of(trace)}
    assert links["p4", "p3"].shared
    assert links["p3", "p2"].shared
    assert links["c3", "p3"].kind is LATERAL
    assert ("c4", "p2") not in links
    assert ("c3", "p2") not in links
    assert at["rpn.logits"].left == at["rpn.boxes"].left > at["p2"].right
    assert at["rpn.logits"].bottom < at["rpn.boxes"].top
    ((_, frame),) = diagram.frames
    inside = [key for key, box in at.items() if frame.contains(box.centre)]
    assert sorted(inside) == ["box_head", "mask_head", "masks"]


@pytest.mark.parametrize("name", ALL)
def test_every_group_folds_into_one_node_without_losing_a_line(name):
    trace = trace_of(ALL[name])
    whole = lay_out(trace)
    for group in whole.groups:
        diagram = lay_out(trace, folded={group.id})
        node = diagram.node_of(group.members[0])
        assert set(node.members) == set(group.members)
        assert node.folded == len(group.members) - 1
        assert len(diagram.nodes) == len(whole.nodes) - node.folded
        assert collisions(diagram) == []
        outer = {
            edge.skips[0]
            for edge in whole.edges
            if edge.skips and not {edge.source, edge.target} <= set(group.members)
        }
        assert {skip for edge in diagram.edges for skip in edge.skips} == outer
    folded = lay_out(trace, folded={group.id for group in whole.groups})
    assert collisions(folded) == []


def test_two_diagrams_beside_each_other_have_the_same_rows():
    one, two = lay_out(trace_of(UNET)), lay_out(trace_of(DEEPLAB))
    first = lay_out(trace_of(UNET), beside=two)
    second = lay_out(trace_of(DEEPLAB), beside=one)
    assert [(b.stride, b.top, b.height) for b in first.bands] == [
        (b.stride, b.top, b.height) for b in second.bands
    ]
    assert first.node("down1").box.top == second.node("body.1").box.top


def test_names_are_as_short_as_they_stay_clear():
    names = short_names(
        trace_of(
            [
                ("encoder.layer1", ENC, 2, ""),
                ("decoder.blocks.0", DEC, 2, ""),
                ("left.fuse.conv", DEC, 2, ""),
                ("right.fuse.conv", DEC, 2, ""),
                ("7", HEAD, 2, ""),
            ]
        )
    )
    assert list(names.values()) == ["layer1", "blocks.0", "left.fuse.conv", "right.fuse.conv", "7"]


def test_sizes_follow_the_photo_within_limits():
    wide, tall, square = (Sizes.for_aspect(aspect) for aspect in (1.5, 0.75, 1.0))
    assert wide.picture_wh[0] / wide.picture_wh[1] == pytest.approx(1.5, rel=0.02)
    assert tall.picture_wh[0] / tall.picture_wh[1] == pytest.approx(0.75, rel=0.02)
    assert square.picture_wh[0] == square.picture_wh[1]
    assert Sizes.for_aspect(10).picture_wh[0] < 2 * square.picture_wh[0]


@pytest.mark.parametrize("stages", [UNET, DEEPLAB])
def test_larger_nodes_have_more_room_for_text_and_lines_that_still_meet_them(stages):
    small = lay_out(trace_of(stages))
    large = lay_out(trace_of(stages), sizes=Sizes(extra_width=40.0, extra_height=20.0))
    assert [edge.skips for edge in large.edges] == [edge.skips for edge in small.edges]
    for before, after in zip(small.nodes, large.nodes, strict=True):
        if before.small:
            continue
        assert (after.picture.width, after.picture.height) == (
            before.picture.width, before.picture.height,
        )  # fmt: skip
        assert after.text.width == pytest.approx(before.text.width + 40)
        assert after.text.height == pytest.approx(before.text.height + 20)
    for edge in large.edges:
        for place, key in ((edge.points[0], edge.source), (edge.points[-1], edge.target)):
            box = large.node(key).box
            gap = max(
                box.left - place[0], place[0] - box.right, box.top - place[1], place[1] - box.bottom
            )
            assert gap == pytest.approx(0, abs=0.01)


def test_the_lines_of_a_network_are_found_once_for_all_its_images(monkeypatch):
    first = lay_out(trace_of(UNET))
    monkeypatch.setattr(diagram_routes, "_Router", None)
    assert lay_out(trace_of(UNET)).edges == first.edges
    assert lay_out(trace_of(UNET), sizes=Sizes(extra_height=12.0)).edges != first.edges


def test_svg_has_every_stage_its_picture_and_the_cuts():
    diagram = lay_out(trace_of(UNET))
    picture = np.random.default_rng(3).integers(0, 256, (6, 9, 3), dtype=np.uint8)
    pictures, cuts = {"down1": picture}, frozenset({"down1 -> up1"})
    text = svg_of(diagram_drawing(diagram, pictures, title="A & B", cut_skips=cuts), pictures)
    root = ET.fromstring(text)
    space = {"svg": "http://www.w3.org/2000/svg"}
    told = [element.text for element in root.iterfind(".//svg:title", space)]
    assert told[0] == "A & B"
    for node in diagram.nodes:
        assert any(title.startswith(f"{node.layer.name} (") for title in told)
    assert [title for title in told if title.endswith(", cut")] == [
        "down1 \u2192 up1, concatenated, cut"
    ]
    (image,) = root.iterfind(".//svg:image", space)
    data = image.get("href").partition(",")[2]
    decoded = cv2.imdecode(np.frombuffer(base64.b64decode(data), np.uint8), cv2.IMREAD_COLOR)
    np.testing.assert_array_equal(decoded[..., ::-1], picture)
    assert float(image.get("width")) / float(image.get("height")) == pytest.approx(1.5, rel=1e-3)
    assert not re.search(r'href="(?!data:)', text)
