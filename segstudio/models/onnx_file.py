"""ONNX files without ONNX: told by content, what goes in and comes out, and the files they name.

Read from the protocol buffers themselves (https://onnx.ai/onnx/repo-docs/IR.html), so that a file is
known and checked before any other library opens it.
"""

from __future__ import annotations

import functools
import hashlib
import mmap
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Final

from segstudio.core.errors import SegstudioError
from segstudio.core.formatting import bytes_text
from segstudio.core.regular_file import check_regular

_MODEL_FIELDS: Final = {1, 2, 3, 4, 5, 6, 7, 8, 14, 20, 25, 26}
_GRAPH, _OPSETS, _TRAINING, _FUNCTIONS = 7, 8, 20, 25
_DEEPEST: Final = 24
_MOST_BYTES: Final = 8 * 1024**3
"""Of a model with all its weights."""
_MOST_MESSAGES: Final = 2_000_000
_BLOCK: Final = 4 * 1024**2
FLOATS: Final = {1: "float32", 10: "float16", 11: "float64", 2: "uint8"}
"""Types of numbers that an image may have on its way in, by their number in the format."""

Dim = int | None
Span = tuple[int, int]


@dataclass(frozen=True)
class GraphValue:
    """What goes into a graph or comes out of it.

    Attributes:
        name: Its name.
        kind: Number of its type, see `FLOATS`; 0 if it is no tensor.
        shape: Its sides, None for one that may vary; None as a whole if nothing says.
    """

    name: str
    kind: int = 0
    shape: tuple[Dim, ...] | None = None


@dataclass
class OnnxGraph:
    """What a file says of its network.

    Attributes:
        inputs: What goes in, without weights.
        outputs: What comes out.
        channels: How many channels the first convolution reads; 0 if that is not known.
        locations: Names of the files in which weights lie, as the file has them.
    """

    inputs: list[GraphValue] = field(default_factory=list)
    outputs: list[GraphValue] = field(default_factory=list)
    channels: int = 0
    locations: set[str] = field(default_factory=set)


class _Damaged(ValueError):
    """The bytes are no protocol buffer."""


class _CutOff(_Damaged):
    """A field is longer than what holds it."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


def is_onnx(path: Path) -> bool:
    """Whether a file holds an ONNX model, whatever it is called; looks at its outermost parts."""
    found = set()
    try:
        if path.stat().st_size == 0:
            return False
        with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
            for number, _kind, _value in _fields(data, (0, len(data))):
                if number not in _MODEL_FIELDS:
                    return False
                found.add(number)
    except _CutOff as error:
        return error.number == _GRAPH and 1 in found
    except (OSError, ValueError):
        return False
    return {_GRAPH, _OPSETS} <= found or {1, _GRAPH} <= found


def read_graph(path: Path) -> OnnxGraph:
    """What an ONNX file says of its network.

    Raises:
        SegstudioError: if it is damaged.
    """
    check_regular(path)
    try:
        with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
            return _Reader(data).model()
    except OSError as error:
        raise SegstudioError(
            f"{path} cannot be read ({error.strerror or error}).", "Check that the file is there."
        ) from error
    except ValueError as error:
        raise SegstudioError(
            f"{path} is an ONNX file that is cut off or damaged.", "Copy or download it again."
        ) from error


def data_files(path: Path, graph: OnnxGraph | None = None) -> list[Path]:
    """The files beside an ONNX file that hold weights of it, none of them outside its folder.

    Args:
        path: The ONNX file.
        graph: What it says, if it was read.

    Raises:
        SegstudioError: if one lies elsewhere, is missing or no plain file, or all are too large.
    """
    locations = (graph or read_graph(path)).locations
    folder = path.resolve().parent
    found = [_inside(path, folder, location) for location in sorted(locations)]
    total = path.stat().st_size + sum(each.stat().st_size for each in found)
    if total > _MOST_BYTES:
        raise SegstudioError(
            f"{path} and its weights have {bytes_text(total)}, and were not opened.",
            f"segstudio opens ONNX models of up to {bytes_text(_MOST_BYTES)}.",
        )
    return found


def _inside(path: Path, folder: Path, location: str) -> Path:
    parts = {*PurePosixPath(location).parts, *PureWindowsPath(location).parts}
    rooted = PurePosixPath(location).is_absolute() or PureWindowsPath(location).anchor
    if not location or "\0" in location or rooted or ".." in parts:
        raise _elsewhere(path, location)
    place = folder / location
    target = place.resolve()
    if not target.is_relative_to(folder):
        raise _elsewhere(path, location)
    if not target.exists():
        raise SegstudioError(
            f"{path} has its weights in {location}, which is not there.",
            "Put that file beside it again.",
        )
    check_regular(target)
    if not target.is_file():
        raise _elsewhere(path, location)
    return target


def _elsewhere(path: Path, location: str) -> SegstudioError:
    return SegstudioError(
        f"{path} names {location!r} as the file of its weights, which lies outside its folder.",
        "Export the model again, with its weights inside or beside it.",
    )


@functools.lru_cache(maxsize=64)
def data_files_at(path: Path, size: int, modified_ns: int) -> tuple[Path, ...]:
    """The files with a model's weights, as they were when its own had this size and time.

    Raises:
        SegstudioError: as `data_files`.
        OSError: if a file cannot be read.
    """
    del size, modified_ns  # of the key alone
    return tuple(data_files(path)) if is_onnx(path) else ()


def weights_sha256(path: Path, digest: str, check: Callable[[], None]) -> str:
    """The SHA-256 of a model: that of its file, or of it and those with its weights.

    Args:
        path: Any file; of those that are no ONNX the digest stays.
        digest: Of the file.
        check: Called between blocks.

    Raises:
        OSError: if a file cannot be read.
    """
    if not is_onnx(path):
        return digest
    try:
        files = data_files(path)
    except SegstudioError:  # told when it is opened
        return digest
    if not files:
        return digest
    whole = hashlib.sha256(digest.encode())
    for each in files:
        with each.open("rb") as file:
            while block := file.read(_BLOCK):
                check()
                whole.update(block)
    return whole.hexdigest()


# -- protocol buffers --------------------------------------------------------------------------


def _varint(data: mmap.mmap, at: int, end: int) -> tuple[int, int]:
    value = shift = 0
    while at < end and shift < 70:
        byte = data[at]
        at += 1
        value |= (byte & 127) << shift
        if byte < 128:
            return value, at
        shift += 7
    raise _Damaged


def _fields(data: mmap.mmap, span: Span) -> Iterator[tuple[int, int, int | Span]]:
    """(number, kind of coding, value) of a message: a number, or where its bytes lie."""
    at, end = span
    while at < end:
        key, at = _varint(data, at, end)
        number, kind = key >> 3, key & 7
        value: int | Span
        if kind == 0:
            value, at = _varint(data, at, end)
        elif kind == 2:
            size, at = _varint(data, at, end)
            value, at = (at, at + size), at + size
        elif kind in (1, 5):
            size = 8 if kind == 1 else 4
            value, at = (at, at + size), at + size
        else:
            raise _Damaged
        if number == 0:
            raise _Damaged
        if at > end:
            raise _CutOff(number)
        yield number, kind, value


class _Reader:
    """Walks through a model: each tensor's place of its bytes, wherever a tensor can be."""

    def __init__(self, data: mmap.mmap) -> None:
        self._data, self._found = data, OnnxGraph()
        self._seen = 0

    def model(self) -> OnnxGraph:
        """All of it."""
        for number, span in self._parts((0, len(self._data))):
            if number == _GRAPH:
                self._graph(span, 0)
                self._signature(span)
            elif number == _TRAINING:
                self._training(span)
            elif number == _FUNCTIONS:
                self._function(span)
        return self._found

    def _parts(self, span: Span) -> Iterator[tuple[int, Span]]:
        """The parts of a message that are messages or text themselves."""
        for number, kind, value in _fields(self._data, span):
            self._seen += 1
            if self._seen > _MOST_MESSAGES:
                raise _Damaged
            if kind == 2 and isinstance(value, tuple):
                yield number, value

    def _text(self, span: Span) -> str:
        return self._data[span[0] : span[1]].decode("utf-8", "surrogateescape")

    def _training(self, span: Span) -> None:
        for number, part in self._parts(span):
            if number in (1, 2):
                self._graph(part, 1)

    def _function(self, span: Span) -> None:
        for number, part in self._parts(span):
            if number == 7:
                self._node(part, 1)
            elif number == 11:
                self._attribute(part, 1)

    def _graph(self, span: Span, depth: int) -> None:
        """Looks at a graph inside another one, or at the outermost for what its tensors name."""
        if depth > _DEEPEST:
            raise _Damaged
        for number, part in self._parts(span):
            if number == 1:
                self._node(part, depth)
            elif number == 5:
                self._tensor(part)
            elif number == 15:
                self._sparse(part)

    def _signature(self, span: Span) -> None:
        """What goes into the outermost graph and comes out of it, and its first convolution."""
        parts = [*self._parts(span)]
        weights = dict(self._tensor(part) for number, part in parts if number == 5)
        inputs = [self._value(part) for number, part in parts if number == 11]
        self._found.inputs += [value for value in inputs if value.name not in weights]
        self._found.outputs += [self._value(part) for number, part in parts if number == 12]
        for number, part in parts:
            kernel = weights.get(self._node(part, 0), ()) if number == 1 else ()
            if len(kernel) == 4:
                self._found.channels = self._found.channels or kernel[1]

    def _node(self, span: Span, depth: int) -> str:
        """Looks at a node; the name of the weights if it is a convolution."""
        inputs, op = [], ""
        for number, part in self._parts(span):
            if number == 1:
                inputs.append(self._text(part))
            elif number == 4:
                op = self._text(part)
            elif number == 5:
                self._attribute(part, depth)
        return inputs[1] if op == "Conv" and len(inputs) > 1 else ""

    def _attribute(self, span: Span, depth: int) -> None:
        for number, part in self._parts(span):
            if number in (5, 10):
                self._tensor(part)
            elif number in (6, 11):
                self._graph(part, depth + 1)
            elif number in (22, 23):
                self._sparse(part)

    def _sparse(self, span: Span) -> None:
        for number, part in self._parts(span):
            if number in (1, 2):
                self._tensor(part)

    def _tensor(self, span: Span) -> tuple[str, tuple[int, ...]]:
        name, dims = "", []
        for number, kind, value in _fields(self._data, span):
            if number == 1 and isinstance(value, int):
                dims.append(value)
            elif number == 1 and isinstance(value, tuple) and kind == 2:  # packed
                at, end = value
                while at < end:
                    side, at = _varint(self._data, at, end)
                    dims.append(side)
            elif number == 8 and isinstance(value, tuple):
                name = self._text(value)
            elif number == 13 and isinstance(value, tuple):
                self._external(value)
        return name, tuple(dims)

    def _external(self, span: Span) -> None:
        """An entry of the place of a tensor's bytes: all that are called location are kept."""
        keys: list[str] = []
        values: list[str] = []
        for number, part in self._parts(span):
            if number in (1, 2):
                (keys if number == 1 else values).append(self._text(part))
        if "location" in keys:
            self._found.locations.update(values or [""])

    def _value(self, span: Span) -> GraphValue:
        name, kind, shape = "", 0, None
        for number, part in self._parts(span):
            if number == 1:
                name = self._text(part)
            elif number == 2:
                for inner, tensor in self._parts(part):
                    if inner == 1:
                        kind, shape = self._tensor_type(tensor)
        return GraphValue(name, kind, shape)

    def _tensor_type(self, span: Span) -> tuple[int, tuple[Dim, ...] | None]:
        kind, shape = 0, None
        for number, _kind, value in _fields(self._data, span):
            if number == 1 and isinstance(value, int):
                kind = value
            elif number == 2 and isinstance(value, tuple):
                shape = tuple(self._side(part) for n, part in self._parts(value) if n == 1)
        return kind, shape

    def _side(self, span: Span) -> Dim:
        for number, _kind, value in _fields(self._data, span):
            if number == 1 and isinstance(value, int) and 0 < value < 1 << 31:
                return value
        return None
