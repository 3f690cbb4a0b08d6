"""What a network's diagram is made of: boxes, nodes, edges, rows, groups."""

from __future__ import annotations

from dataclasses import dataclass

from segstudio.core.features import EdgeKind, LayerInfo, Role

Point = tuple[float, float]
"""(x, y) in the diagram's units; about a pixel at 100 %."""


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle in the diagram's units."""

    left: float
    top: float
    width: float
    height: float

    @property
    def right(self) -> float:
        """The right edge."""
        return self.left + self.width

    @property
    def bottom(self) -> float:
        """The lower edge."""
        return self.top + self.height

    @property
    def centre(self) -> Point:
        """The middle (x, y)."""
        return self.left + self.width / 2, self.top + self.height / 2

    def contains(self, point: Point) -> bool:
        """Whether a point (x, y) lies in it."""
        return self.left <= point[0] < self.right and self.top <= point[1] < self.bottom

    def overlaps(self, other: Box, gap: float = 0.0) -> bool:
        """Whether two boxes come closer than `gap`."""
        return (
            self.left < other.right + gap
            and other.left < self.right + gap
            and self.top < other.bottom + gap
            and other.top < self.bottom + gap
        )

    def hits(self, start: Point, end: Point) -> bool:
        """Whether a horizontal or vertical line runs through it; its border is not in it."""
        (x0, y0), (x1, y1) = start, end
        return (
            min(x0, x1) < self.right
            and max(x0, x1) > self.left
            and min(y0, y1) < self.bottom
            and max(y0, y1) > self.top
        )


def hull(boxes: list[Box], margin: float = 0.0) -> Box:
    """The smallest box around some boxes, enlarged on all sides by `margin`."""
    left, top = min(b.left for b in boxes) - margin, min(b.top for b in boxes) - margin
    right, bottom = max(b.right for b in boxes) + margin, max(b.bottom for b in boxes) + margin
    return Box(left, top, right - left, bottom - top)


@dataclass(frozen=True, slots=True)
class Sizes:
    """How large things are, in the diagram's units.

    Attributes:
        picture_wh: Width and height of a stage's picture.
        text_width: Room for the text beside the picture.
        branch_wh: Width and height of a parallel branch, whose text is below its picture.
        column_gap: Between columns; edges run there.
        row_gap: Between rows.
        gutter: Left of everything, for the strides.
        header: Above everything, for the names of the groups.
        extra_height: Of a node beyond its picture's, for more lines of text.
        extra_width: Of a node beyond `text_width`, for longer ones.
    """

    picture_wh: tuple[float, float] = (74.0, 74.0)
    text_width: float = 124.0
    branch_wh: tuple[float, float] = (88.0, 110.0)
    column_gap: float = 42.0
    row_gap: float = 26.0
    gutter: float = 56.0
    header: float = 24.0
    extra_height: float = 0.0
    extra_width: float = 0.0

    @property
    def node_wh(self) -> tuple[float, float]:
        """Width and height of a stage's node."""
        height = self.picture_wh[1] + 8 + self.extra_height
        return self.picture_wh[0] + self.text_width + self.extra_width + 10, height

    @classmethod
    def for_aspect(cls, aspect: float) -> Sizes:
        """Sizes for pictures of width / height `aspect`; extreme ones are letterboxed."""
        aspect = min(1.7, max(0.6, aspect))
        height = 74.0 if aspect <= 1 else 74.0 / aspect**0.35
        width = round(height * aspect)
        return cls(
            picture_wh=(width, round(height)),
            branch_wh=(max(84.0, width + 8.0), round(height) + 36.0),
        )


@dataclass(frozen=True, slots=True)
class DiagramNode:
    """A stage, or a folded group of stages, in its place.

    Attributes:
        id: That of `layer`.
        label: Its name, as short as it stays clear.
        layer: The stage; of a folded group the one that stands for it.
        members: Ids of the stages in it; more than one where a group is folded.
        box: Where it is.
        picture: Where its picture goes, within `box`.
        text: Where its text goes, within `box`.
        row: Index of its band.
        column: From 0 at the left; a half where it lies between two.
        small: A parallel branch or one of several alike: there is less room for text.
    """

    id: str
    label: str
    layer: LayerInfo
    members: tuple[str, ...]
    box: Box
    picture: Box
    text: Box
    row: int
    column: float
    small: bool = False

    @property
    def role(self) -> Role:
        """What the stage does."""
        return self.layer.role

    @property
    def folded(self) -> int:
        """How many stages are folded into it beside the one that it shows."""
        return len(self.members) - 1


@dataclass(frozen=True, slots=True)
class DiagramEdge:
    """A line from one node to another.

    Attributes:
        source: Id of a node.
        target: Id of a node.
        kind: How a skip edge joins; None for the path itself.
        skips: Ids of the skip edges that it stands for; several only between folded groups.
        shared: It stands for features that the source was made of, not for the source's result.
        points: Corners (x, y) of the line, from the source's border to the target's.
    """

    source: str
    target: str
    kind: EdgeKind | None
    skips: tuple[str, ...] = ()
    shared: bool = False
    points: tuple[Point, ...] = ()


@dataclass(frozen=True, slots=True)
class Band:
    """The row of one stride.

    Attributes:
        stride: Pixels of the network's input per position.
        top: Upper edge.
        height: From there; includes a second line of parallel branches.
        lines: Heights of its lines, from the top.
        photo_stride: Photo pixels per position.
    """

    stride: int
    top: float
    height: float
    lines: tuple[float, ...]
    photo_stride: float


@dataclass(frozen=True, slots=True)
class Group:
    """Stages that can be folded into one node.

    Attributes:
        id: "encoder", or the id of the stage that joins parallel branches.
        title: For people.
        role: Its members' role.
        members: Ids of its stages.
        folded: Whether it is one node now.
        anchor: Where its title is written (x, y): left end, middle of the line.
        bracket: The frame around parallel branches; None for others.
    """

    id: str
    title: str
    role: Role
    members: tuple[str, ...]
    folded: bool
    anchor: Point
    bracket: Box | None = None


@dataclass(frozen=True)
class Diagram:
    """A network as nodes in rows of equal stride, and edges.

    Attributes:
        nodes: In the order in which their stages ran.
        edges: Lines between them.
        bands: The rows from the finest to the coarsest stride.
        groups: What can be folded.
        frames: Frames with titles around stages that belong to no stride (regions' features).
        width: Of the whole.
        height: Of the whole.
        sizes: What it was laid out with.
    """

    nodes: tuple[DiagramNode, ...]
    edges: tuple[DiagramEdge, ...]
    bands: tuple[Band, ...]
    groups: tuple[Group, ...]
    frames: tuple[tuple[str, Box], ...]
    width: float
    height: float
    sizes: Sizes

    def node(self, node_id: str) -> DiagramNode | None:
        """The node of this id, or None."""
        return next((node for node in self.nodes if node.id == node_id), None)

    def node_of(self, stage_id: str) -> DiagramNode | None:
        """The node that holds a stage, folded or not; None for an unknown one."""
        return next((node for node in self.nodes if stage_id in node.members), None)
