"""Points and boxes answered by a network: which one, its embedding of the open image, its answers."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np

from segstudio.annotation.limits import Limits, limits_of
from segstudio.core.errors import SegstudioError
from segstudio.core.formatting import bytes_text
from segstudio.core.labels import Image
from segstudio.core.mask_preview import MaskPreview
from segstudio.core.prediction import ModelSpec
from segstudio.jobs import Job, JobRunner
from segstudio.notices import Notices
from segstudio.session.document import Document
from segstudio.session.session import Change, Session, What

if TYPE_CHECKING:
    from segstudio.models.promptable import Embedding, ObjectMask, Promptable

TOOL: Final = "prompt"
"""Name of the tool for which images are embedded."""
PointXY = tuple[float, float]
Open = Callable[[Path, str], "Promptable"]


@dataclass(frozen=True)
class Prompt:
    """What a network is asked.

    Attributes:
        points: (x, y) in pixels of the image.
        labels: For each point 1 (on the object) or 0 (not on it).
        box: x0, y0, x1, y1 around the object.
    """

    points: tuple[PointXY, ...] = ()
    labels: tuple[int, ...] = ()
    box: tuple[float, float, float, float] | None = None

    @property
    def is_empty(self) -> bool:
        """Whether nothing is asked."""
        return not self.points and self.box is None


@dataclass(frozen=True, eq=False)
class FoundObject:
    """The answer to a prompt, and how it is previewed.

    Attributes:
        prompt: What was asked.
        document: Of which image.
        preview: Where the object is, which pixels it has, and how they are drawn.
    """

    prompt: Prompt
    document: Document
    preview: MaskPreview


@dataclass(frozen=True)
class _Ready:
    """A network, its embedding of a document's image, and what tells it from others."""

    network: Promptable
    embedding: Embedding
    document: Document
    key: tuple[str, ...]


Then = Callable[[FoundObject], None]


@dataclass(frozen=True)
class _Asked:
    """A prompt that waits; see `Prompting.ask`."""

    prompt: Prompt
    then: Then
    all_meant: bool


def _nothing(_found: FoundObject) -> None:
    """Nobody waits for another answer."""


class Prompting:
    """Embeds the open image while the tool is in hand, and answers the latest prompt.

    One prompt is worked on at a time; of those that come meanwhile only the last is answered, so
    that a preview follows the pointer as fast as the network can.
    """

    def __init__(
        self, session: Session, jobs: JobRunner, notices: Notices, open_network: Open | None = None
    ) -> None:
        """Args (besides the parts it works with):
        open_network: Loads weights for a device; `models.promptable` if not given.
        """
        self._session, self._jobs, self._notices = session, jobs, notices
        self._open = open_network or _opened
        self._loaded: tuple[tuple[str, ...], Promptable] | None = None
        self._ready: _Ready | None = None
        self._begun: tuple[str, ...] | None = None
        self._next: _Asked | None = None
        self._document: Document | None = None
        self._is_asking = self._is_stopped = False
        self._choices: tuple[FoundObject, ...] = ()
        self._shown = 0
        self._then: Then = _nothing
        session.follow(What.VIEW | What.DOCUMENT | What.MODELS, self._on_change)

    @property
    def chosen(self) -> ModelSpec | None:
        """The network that is asked: the chosen one, else the first whose weights are here."""
        session = self._session
        known, here = session.prompters, session.model.available
        wanted = known.get(session.prompting.chosen)
        if wanted is not None and wanted.id in here:
            return wanted
        return next((spec for spec in known.values() if spec.id in here), None)

    def choose(self, model_id: str) -> None:
        """Ask another network from now on."""
        session = self._session
        session.prompting = replace(session.prompting, chosen=model_id)
        self._begun = None
        self._prepare()

    def again(self) -> None:
        """Embed the open image after that was cancelled or failed."""
        self._begun = None
        self._prepare()

    def ask(self, prompt: Prompt, then: Then, *, all_meant: bool = False) -> None:
        """Answer a prompt about the open image, as soon as there is an embedding of it.

        Args:
            prompt: What is asked.
            then: Told the answer; not called if another prompt comes before it is begun.
            all_meant: Whether all objects are found that one point may mean, a part and the whole:
                `step` goes from one to the next, and `then` is told each.
        """
        self._let_go_of_choices()
        self._next = _Asked(prompt, then, all_meant)
        self._answer()

    def say_if_absent(self) -> None:
        """Where no weights are, say what to do; what was asked is answered once there are some."""
        if self.chosen is None:
            self._notices.settle(_ABSENT)
            self._notices.info(
                "Point and box needs weights of SAM or SAM 2.1, and there are none here.",
                "\u201cChoose weights\u2026\u201d above the picture opens or downloads them.",
                scope="image",
                about=_ABSENT,
            )

    def forget(self) -> None:
        """Let go of the prompt that waits, and of what may be meant by the last one."""
        self._next = None
        self._let_go_of_choices()

    def step(self, by: int) -> None:
        """Show another object that the last click may mean: the next larger or smaller one.

        Args:
            by: How many further, from the smallest to the largest and round.
        """
        if self._choices:
            self._shown = (self._shown + by) % len(self._choices)
            self._say()
            self._then(self._choices[self._shown])

    def _let_go_of_choices(self) -> None:
        if self._choices:
            self._choices, self._shown, self._then = (), 0, _nothing
            self._say()

    @property
    def is_ready(self) -> bool:
        """Whether the open image is embedded by the chosen network."""
        ready, chosen = self._ready, self.chosen
        document = self._session.document
        return (
            ready is not None
            and chosen is not None
            and ready.document is document
            and ready.key == self._key_of(chosen)
        )

    # -- embedding -----------------------------------------------------------------------------

    def _on_change(self, _change: Change) -> None:
        document = self._session.document
        if document is not self._document:
            self._document = document
            if self._begun is not None and not self.is_ready:
                self._jobs.cancel_key(_KEY)
            self._ready = self._begun = self._next = None
            self._choices = ()
        self._prepare()

    def _prepare(self) -> None:
        session, spec = self._session, self.chosen
        document = session.document
        in_hand = session.view.tool == TOOL
        if in_hand and spec is not None and document is not None and not self.is_ready:
            if self._begun != self._key_of(spec):
                self._begun = self._key_of(spec)
                self._embed(spec, document)
        elif not in_hand and self._begun is not None and not self.is_ready:
            self._begun = None
            self._jobs.cancel_key(_KEY)
        self._say()

    def _embed(self, spec: ModelSpec, document: Document) -> None:
        self._is_stopped = False
        loaded, pixels = self._loaded, document.pixels
        device, key = self._session.model.options.device, self._key_of(spec)
        if loaded is not None and loaded[0] != key:
            loaded = self._loaded = None

        def work(job: Job) -> tuple[Promptable, Embedding]:
            job.report(0, 0, f"Loading {spec.title}")
            network = self._open(_weights_of(spec), device) if loaded is None else loaded[1]
            return network, network.embed(pixels, _digest(pixels), job.check, job.report)

        def done(found: tuple[Promptable, Embedding]) -> None:
            self._loaded = (key, found[0])
            if document is self._session.document:
                self._ready = _Ready(found[0], found[1], document, key)
                self._answer()
            self._say()

        def failed(error: Exception) -> None:
            self._notices.failure(f"Preparing {document.ref.title}", error, scope="image")

        def ended() -> None:
            is_awaited = document is self._session.document and self._begun == key
            if is_awaited and not self.is_ready:
                self._is_stopped = True
                self._say()

        self._jobs.submit(
            f"Preparing {document.ref.title} for {spec.title}",
            "prompts",
            work,
            done,
            failed=failed,
            ended=ended,
            key=_KEY,
        )

    def _say(self) -> None:
        """Tell the tool's bar how far it is."""
        session, spec = self._session, self.chosen
        if spec is None:
            progress = "absent"
        elif self.is_ready:
            progress = "ready"
        elif self._is_stopped:
            progress = "stopped"
        else:
            progress = "preparing" if self._begun is not None else "waiting"
        name = spec.title if spec is not None else ""
        state = replace(
            session.prompting,
            title=name,
            progress=progress,
            answers=len(self._choices),
            shown=self._shown if self._choices else 0,
        )
        if state != session.prompting:
            session.prompting = state
            session.notify(What.MODELS, by=self)

    def _key_of(self, spec: ModelSpec) -> tuple[str, ...]:
        """What tells networks apart: a file may be written anew, a device chosen."""
        digest = spec.weights.sha256 if spec.weights is not None else ""
        return spec.id, digest, self._session.model.options.device

    # -- answering -----------------------------------------------------------------------------

    def _answer(self) -> None:
        ready, asked = self._ready, self._next
        if self._is_asking or ready is None or asked is None or not self.is_ready:
            return
        self._next, self._is_asking = None, True
        limits = limits_of(self._session, ready.document)

        def done(found: tuple[FoundObject, ...]) -> None:
            if found[0].document is not self._session.document:
                return
            if len(found) > 1 and self._next is None:
                self._choices = tuple(sorted(found, key=lambda each: int(each.preview.mask.sum())))
                self._shown, self._then = self._choices.index(found[0]), asked.then
                self._say()
            asked.then(found[0])

        def ended() -> None:
            self._is_asking = False
            self._answer()

        self._jobs.submit(
            "Finding the object",
            "prompts",
            lambda _job: _found(ready, asked, limits),
            done,
            ended=ended,
            visible=False,
        )


_KEY: Final = "embedding"
_ABSENT: Final = "no weights for points and boxes"


def choices_text(spec: ModelSpec) -> str:
    """A published network with size and licence, for a menu."""
    size = bytes_text(spec.weights.size) if spec.weights is not None else ""
    return f"{spec.title} ({', '.join(part for part in (size, spec.licence) if part)})"


def _opened(path: Path, device: str) -> Promptable:
    from segstudio.models.promptable import Promptable

    return Promptable.open(path, device)


def _weights_of(spec: ModelSpec) -> Path:
    """Where a network lies.

    Raises:
        SegstudioError: if it is not there any more.
    """
    from segstudio.models.weights import find_weights

    path = Path(spec.own_file) if spec.own_file else find_weights(spec)
    if path is None or not path.exists():
        raise SegstudioError(
            f"The weights of {spec.title} are not there any more.",
            "Choose other weights in the bar of the tool Point and box.",
        )
    return path


def _digest(pixels: Image) -> str:
    return hashlib.blake2b(np.ascontiguousarray(pixels).data, digest_size=16).hexdigest()


def _found(ready: _Ready, asked: _Asked, limits: Limits) -> tuple[FoundObject, ...]:
    """Ask the network, and make ready what is drawn: the object that it trusts most first."""
    prompt = asked.prompt
    given = ready.embedding, prompt.points, prompt.labels, prompt.box
    if not asked.all_meant:
        return (_drawn(ready, prompt, ready.network.best(*given), limits),)
    first, *others = ready.network.answer(*given)
    kept = [first]
    for other in others:
        is_new = not any(
            other.rect == each.rect and np.array_equal(other.mask, each.mask) for each in kept
        )
        if is_new and not other.rect.is_empty:
            kept.append(other)
    return tuple(_drawn(ready, prompt, each, limits) for each in kept)


def _drawn(ready: _Ready, prompt: Prompt, answer: ObjectMask, limits: Limits) -> FoundObject:
    preview = limits.previewed(MaskPreview.of(answer.rect, answer.mask))
    return FoundObject(prompt, ready.document, preview)
