"""One forward pass as a graph of operations: module hooks and a torch function mode.

The hooks keep a stack of the module that is running and note which module returned which tensor;
the mode sees every functional operation (``cat``, ``+``, ``interpolate``). Tensors are told apart
by identity, with a weak reference, so that a reused ``id`` is not mistaken. Both are local to the
thread and are removed when the recording ends, however it ends.
"""

from __future__ import annotations

import threading
import time
import weakref
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Protocol

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode
from torch.utils.hooks import RemovableHandle

from segstudio.core.features import Site
from segstudio.core.operators import Operator
from segstudio.inspection.nets.axis_geometry import POINTWISE, Rules, rules_of
from segstudio.inspection.nets.operations import QUIET, REGION_POOLING, canonical, multiply_adds
from segstudio.inspection.nets.operator_calls import operator_of


@dataclass(slots=True, eq=False)
class OperationNode:
    """A tensor that the forward pass made.

    Attributes:
        index: place in the order of execution.
        site: the operation.
        parents: nodes of the tensors that it was made from.
        joined: for ``cat``, ``stack`` and ``add``, the node of each argument in order (-1: not recorded).
        shape: of the tensor.
        parameters: identities of the network's parameters that it reads.
        macs: multiply-adds.
        seconds: time of the call.
        rules: how it reads its first spatial parent; None: all of it.
        dilation: of a convolution wider than 1 x 1, else 0.
        dim: of a concatenation.
        operator: what it is in the field's words, where there is something to say.
        names: modules that returned the tensor, innermost first.
    """

    index: int
    site: Site
    parents: tuple[int, ...]
    joined: tuple[int, ...]
    shape: tuple[int, ...]
    parameters: tuple[int, ...] = ()
    macs: int = 0
    seconds: float = 0.0
    rules: Rules | None = None
    dilation: int = 0
    dim: int = 0
    operator: Operator | None = None
    names: list[str] = field(default_factory=list)


class Interceptor(Protocol):
    """What may look at, and change, the operations of a forward pass."""

    def before(self, site: Site, args: tuple[Any, ...]) -> tuple[Any, ...]:
        """Return the arguments that the operation shall get."""

    def after(self, site: Site, result: Tensor, *, in_place: bool) -> Tensor:
        """Return the tensor that the operation shall return."""


class PassThrough:
    """An interceptor that changes nothing."""

    def before(self, site: Site, args: tuple[Any, ...]) -> tuple[Any, ...]:
        """Return the arguments as they are."""
        del site
        return args

    def after(self, site: Site, result: Tensor, *, in_place: bool) -> Tensor:
        """Return the result as it is."""
        del site, in_place
        return result


def tensors_in(value: Any) -> Iterator[Tensor]:
    """Yield the tensors in a nested value: tuples, lists, dicts, and objects with ``tensors``."""
    if isinstance(value, Tensor):
        yield value
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from tensors_in(item)
    elif isinstance(value, tuple | list):
        for item in value:
            yield from tensors_in(item)
    elif isinstance(getattr(value, "tensors", None), Tensor):
        yield value.tensors


class Recorder(TorchFunctionMode):
    """Records the operations of one forward pass of one model.

    Attributes:
        nodes: the graph, in order of execution.
        image_sizes: (height, width) of the images as the network resized them itself, if it did
            and reported them (as torchvision's ``ImageList`` does).
    """

    def __init__(
        self,
        model: nn.Module,
        interceptor: Interceptor | None = None,
        *,
        graph: bool = True,
        check: Callable[[], None] | None = None,
    ) -> None:
        """Take the model, and what may change its operations.

        Args:
            model: that is called while this is active.
            interceptor: sees every operation.
            graph: whether nodes are recorded; without, only sites are counted (faster).
            check: called before every module; may raise to stop the pass.
        """
        super().__init__()
        self.nodes: list[OperationNode] = []
        self.image_sizes: list[tuple[int, int]] = []
        self._model = model
        self._interceptor: Interceptor = interceptor or PassThrough()
        self._graph = graph
        self._check = check
        self._path: list[str] = []
        self._begun: list[int] = []  # how many nodes there were when each module began
        self._calls: Counter[tuple[str, str]] = Counter()
        self._known: dict[int, tuple[weakref.ref[Tensor], int]] = {}
        self._parameters = {id(p) for p in model.parameters()}
        self._stopwatch = _Stopwatch()

    def add_input(self, tensor: Tensor) -> int:
        """Make a node of the model's input, which its views may stand for."""
        return self._add(Site("", "input"), tensor, (), ())

    def add_alias(self, tensor: Tensor, index: int) -> None:
        """Let a tensor stand for a node: one image of a batch for the batch."""
        self._known[id(tensor)] = (weakref.ref(tensor), index)

    def node_of(self, tensor: Tensor) -> int | None:
        """Return the index of the node that made this very tensor, None if it is not known."""
        entry = self._known.get(id(tensor))
        if entry is None or entry[0]() is not tensor:
            return None
        return entry[1]

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Any,
        args: tuple[Any, ...] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        """Run one operation and note what it made of what."""
        del types
        kwargs = kwargs or {}
        name = getattr(func, "__name__", "")
        if name in QUIET or not self._path:
            return func(*args, **kwargs)
        op = canonical(func)
        path = self._path[-1]
        site = Site(path, op, self._calls[path, op])
        self._calls[path, op] += 1
        args = self._interceptor.before(site, args)
        parents = self._parents(op, args, kwargs) if self._graph else ()
        mark = self._stopwatch.start(args)
        result = func(*args, **kwargs)
        mark = self._stopwatch.stop(mark)
        if name == "__setitem__":  # returns nothing, but has changed its first argument
            self._note(site, op, args, kwargs, args[0], parents, mark)
            return result
        if isinstance(result, Tensor):
            in_place = bool(args) and result is args[0]
            result = self._interceptor.after(site, result, in_place=in_place)
            self._note(site, op, args, kwargs, result, parents, mark)
        elif isinstance(result, tuple | list):
            for number, item in enumerate(tensors_in(result)):
                part = Site(path, op, site.call, number)
                self._note(part, op, args, kwargs, item, parents, mark if number == 0 else None)
        return result

    @property
    def parameters(self) -> list[nn.Parameter]:
        """The model's parameters, each once."""
        return list(self._model.parameters())

    def read_clock(self) -> None:
        """Turn the time marks of the pass into seconds; call once, after it."""
        for node, value in zip(self.nodes, self._stopwatch.read(len(self.nodes)), strict=True):
            node.seconds = value

    def _parents(self, op: str, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> list[Tensor]:
        if op in REGION_POOLING:  # the boxes say where to look, not what is seen
            return list(tensors_in(args[0] if args else kwargs.get("input")))
        if op == "setitem":
            return [*tensors_in(args[0]), *tensors_in(args[2])]
        return [*tensors_in(args), *tensors_in(kwargs)]

    def _note(
        self,
        site: Site,
        op: str,
        args: tuple[Any, ...],
        kwargs: Mapping[str, Any],
        result: Any,
        parents: Any,
        mark: Any,
    ) -> None:
        if not self._graph or not isinstance(result, Tensor):
            return
        joined: tuple[int, ...] = ()
        if op in ("cat", "add", "stack"):
            items = (*args, kwargs.get("other")) if op == "add" else (args[0] if args else ())
            items = kwargs.get("tensors", items)
            joined = tuple(self._index(item) for item in items)
        node = self.nodes[self._add(site, result, parents, joined)]
        node.macs = multiply_adds(op, args, kwargs, result)
        node.rules = rules_of(op, args, kwargs, result)
        node.operator = operator_of(op, args, kwargs, result)
        sizes = [tuple(t.shape[-2:]) for t in parents if t.ndim == 4]
        if node.rules is POINTWISE and sizes and tuple(result.shape[-2:]) not in sizes:
            node.rules = None  # an unknown operation that changes the size
        if op == "conv2d":
            rows = node.rules[0] if node.rules else None
            kernel = getattr(rows, "kernel", 1)
            node.dilation = getattr(rows, "dilation", 0) if kernel > 1 else 0
        if op == "cat":
            dim = kwargs.get("dim", args[1] if len(args) > 1 else 0)
            node.dim = int(dim) % max(result.ndim, 1) if isinstance(dim, int) else 0
        self._stopwatch.keep(node.index, mark)

    def _index(self, value: Any) -> int:
        found = self.node_of(value) if isinstance(value, Tensor) else None
        return -1 if found is None else found

    def _add(self, site: Site, tensor: Tensor, parents: Any, joined: tuple[int, ...]) -> int:
        index = len(self.nodes)
        known = (self.node_of(parent) for parent in parents)
        node = OperationNode(
            index=index,
            site=site,
            parents=tuple(dict.fromkeys(i for i in known if i is not None)),
            joined=joined,
            shape=tuple(tensor.shape),
            parameters=tuple(id(p) for p in parents if id(p) in self._parameters),
        )
        self.nodes.append(node)
        self._known[id(tensor)] = (weakref.ref(tensor), index)
        return index

    def enter_module(self, path: str) -> None:
        """Note that a module begins."""
        if self._check is not None:
            self._check()
        if not path:
            self._calls.clear()
        self._path.append(path)
        self._begun.append(len(self.nodes))

    def leave_module(self, path: str, inputs: Any, output: Any) -> None:
        """Note that a module ends and what it returned."""
        self._path.pop()
        begun = self._begun.pop()
        # torchvision's transform gives its images together with their targets
        for part in output if isinstance(output, tuple) else (output,):
            if sizes := getattr(part, "image_sizes", None):
                self.image_sizes = [(int(h), int(w)) for h, w in sizes]
        if not self._graph or not isinstance(output, Tensor):
            return
        index = self.node_of(output)
        if index is None:  # made by operations that no mode sees, as a scripted module's
            site = Site(path, "module", self._calls[path, "module"])
            self._calls[path, "module"] += 1
            index = self._add(site, output, list(tensors_in(inputs)), ())
        # a module that hands its input on (identity, dropout) is no name for it
        if path and index >= begun and path not in self.nodes[index].names:
            self.nodes[index].names.append(path)

    def leave_by_error(self) -> None:
        """Forget the path: the forward pass was broken off."""
        self._path.clear()
        self._begun.clear()


def _event() -> Any:
    event = torch.cuda.Event(enable_timing=True)  # type: ignore[no-untyped-call]
    event.record()
    return event


class _Stopwatch:
    """Times calls: by the clock on a CPU, by events on a CUDA device, which runs behind."""

    def __init__(self) -> None:
        self._marks: dict[int, Any] = {}

    def start(self, args: Any) -> Any:
        first = args[0] if args else None
        if isinstance(first, Tensor) and first.is_cuda:
            return _event()
        return time.perf_counter()

    def stop(self, mark: Any) -> Any:
        if isinstance(mark, float):
            return time.perf_counter() - mark
        return mark, _event()

    def keep(self, index: int, mark: Any) -> None:
        if mark is not None:
            self._marks[index] = mark

    def read(self, count: int) -> list[float]:
        if any(isinstance(mark, tuple) for mark in self._marks.values()):
            torch.cuda.synchronize()
        return [self._seconds(self._marks.get(index)) for index in range(count)]

    def _seconds(self, mark: Any) -> float:
        if isinstance(mark, tuple):
            return float(mark[0].elapsed_time(mark[1])) / 1000
        return float(mark or 0.0)


@contextmanager
def recording(model: nn.Module, recorder: Recorder) -> Iterator[Recorder]:
    """Hook a model's modules and enter the recorder; everything is removed again at the end."""
    handles: list[RemovableHandle] = []
    thread = threading.get_ident()
    try:
        for path, module in model.named_modules():
            if isinstance(module, torch.jit.ScriptModule):
                continue
            handles += _hook(recorder, path, module, thread)
        with recorder:
            yield recorder
    finally:
        for handle in handles:
            handle.remove()
        recorder.leave_by_error()


def _hook(
    recorder: Recorder, path: str, module: nn.Module, thread: int
) -> tuple[RemovableHandle, RemovableHandle]:
    def enter(_module: nn.Module, _args: Any) -> None:
        if threading.get_ident() == thread:
            recorder.enter_module(path)

    def leave(_module: nn.Module, args: Any, kwargs: Any, output: Any) -> None:
        if threading.get_ident() == thread:
            recorder.leave_module(path, (args, kwargs), output)

    return (
        module.register_forward_pre_hook(enter),
        module.register_forward_hook(leave, with_kwargs=True),
    )
