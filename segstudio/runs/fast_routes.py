"""Routes of the models in a window: remembered ones at once, others by a test in the background."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from time import monotonic
from typing import Final

from segstudio.core.prediction import ModelSpec, parts_of
from segstudio.core.route_answer import RouteAnswer
from segstudio.jobs import Job, JobRunner, Lane
from segstudio.preferences import Preferences
from segstudio.runs.route_memory import Given, RouteMemory, RouteTest, find_routes, on_routes
from segstudio.session.session import Change, Session, What

Pixels = Callable[[Job], Given]
"""Reads the image of a test, on the job's thread; gives what each model gets of it."""

_COMES_FIRST: Final[frozenset[Lane]] = frozenset(
    {"model", "evaluation", "inspection", "features", "prompts"}
)
"""While something is at work in these lanes a test halts."""
_QUIET_S: Final = 1.0
"""So long after the last stroke a test goes on."""


@dataclass(eq=False)
class Waiting:
    """What is done when it is known by which routes models run.

    Attributes:
        specs: The models.
        pixels: The image of the test.
        then: Does it.
        dropped: Called instead if the user stopped the test.
        urgent: Whether the user waits for it; else it follows a run.
    """

    specs: Sequence[ModelSpec]
    pixels: Pixels
    then: Callable[[], None]
    dropped: Callable[[], None]
    urgent: bool


class FastRoutes:
    """Gives the session's models their routes, and finds out those that are not known yet.

    One test is at work at a time; it halts while the user runs something or paints. What the user
    stopped, or did not want to wait for, is not tested again.
    """

    def __init__(
        self,
        session: Session,
        jobs: JobRunner,
        preferences: Preferences,
        memory: RouteMemory,
        test: RouteTest | None,
    ) -> None:
        """Args (besides the services):
        memory: What was found before.
        test: Finds a model's route; None where models have none.
        """
        self._session, self._jobs, self._preferences = session, jobs, preferences
        self._memory, self._test = memory, test
        self._answers: dict[str, dict[str, RouteAnswer]] = {}
        self._declined: set[str] = set()
        self._job: Job | None = None
        self._tested: tuple[ModelSpec, ...] = ()
        self._waiting: list[Waiting] = []
        self._painted = -_QUIET_S
        session.follow(What.MODELS, self._on_models)
        session.follow(What.LABELS, self._on_labels)

    @property
    def enabled(self) -> bool:
        """Whether models may take other routes than the exact one."""
        return self._test is not None and self._preferences.settings.fast_routes

    @property
    def testing(self) -> bool:
        """Whether a test is at work."""
        return self._job is not None and not self._job.cancelled

    @property
    def waits(self) -> bool:
        """Whether something that the user asked for waits for a test."""
        return self.testing and any(one.urgent for one in self._waiting)

    def find(self, specs: Iterable[ModelSpec], device: str) -> dict[str, RouteAnswer]:
        """What is remembered of models; in a job, since weights may have to be read."""
        return self._memory.find(specs, device) if self.enabled else {}

    def learn(self, answers: Mapping[str, RouteAnswer], device: str) -> None:
        """Take over what was found, on the owner's thread; `dressed` gives it to models."""
        self._answers.setdefault(device, {}).update(answers)

    def dressed(self, specs: Mapping[str, ModelSpec]) -> dict[str, ModelSpec]:
        """Models by id with their routes, as far as these are known and wanted."""
        known = self._known if self.enabled else {}
        return {name: on_routes(spec, known) for name, spec in specs.items()}

    def text(self, spec: ModelSpec) -> str:
        """What is known of a model's own network, for its card; "" if nothing is."""
        answer = self._known.get(spec.id)
        return answer.text if answer is not None and self.enabled else ""

    def untested(self, specs: Iterable[ModelSpec]) -> tuple[ModelSpec, ...]:
        """The parts of models of which nothing is known and something may be found out."""
        if not self.enabled:
            return ()
        parts = {part.id: part for spec in specs for part in parts_of(spec)}
        left = self._known.keys() | self._declined
        return tuple(part for name, part in parts.items() if name not in left)

    def wait_for(
        self,
        specs: Sequence[ModelSpec],
        pixels: Pixels,
        then: Callable[[], None],
        dropped: Callable[[], None] = lambda: None,
        *,
        urgent: bool,
    ) -> Waiting | None:
        """Do something when the routes of models are known; test those that are not.

        The order: a test that is at work ends first -> what is known then is given to the models
        -> what waited for no more than that is done (`_go_on`) -> the next test.

        Args:
            specs: The models.
            pixels: The image of a test.
            then: Called when the routes are known, or could not be found out, or are not waited for
                any longer (`start_now`).
            dropped: Called instead if the user stopped the test.
            urgent: Whether the user waits for it.

        Returns:
            What `withdraw` takes; None if all that can be known is known, and nothing was called.
        """
        untested = self.untested(specs)
        if not untested:
            return None
        waiting = Waiting(tuple(specs), pixels, then, dropped, urgent)
        self._waiting.append(waiting)
        if not self.testing:
            self._begin(waiting)
        elif urgent and self._job is not None:
            self._job.title = self._title()
            self._jobs.changed.emit()
        return waiting

    def withdraw(self, waiting: Waiting) -> None:
        """Do not do it any more; a test that nobody else waits for is left off."""
        if waiting in self._waiting:
            self._waiting.remove(waiting)
            if not self._waiting:
                self._leave_off()

    def start_now(self) -> None:
        """Do by the exact way what waits for a test; these models are not tested again."""
        started = [one for one in self._waiting if one.urgent]
        self._waiting = [one for one in self._waiting if not one.urgent]
        self._leave_off()
        self._declined.update(part.id for one in started for part in self.untested(one.specs))
        for one in started:
            one.then()
        self._go_on()

    def cancel(self) -> None:
        """Stop a test that follows a run; it is not begun again."""
        if self._job is not None and not self.waits:
            self._job.cancel()

    def _leave_off(self) -> None:
        """End the test without an answer; it may be begun again."""
        if self._job is not None:
            job, self._job = self._job, None
            job.cancel()

    def _begin(self, waiting: Waiting) -> None:
        options, test = self._session.model.options, self._test
        parts = self._tested = self.untested(waiting.specs)
        names = [part.id for part in parts]
        pixels = waiting.pixels
        assert test is not None

        def work(job: Job) -> dict[str, RouteAnswer]:
            return find_routes(
                parts, pixels(job), options, self._memory, test, job.check, job.report, self._halts
            )

        def done(answers: dict[str, RouteAnswer]) -> None:
            self.learn(answers, options.device)
            if self._job is job:
                self._job = None
            self._session.models = self.dressed(self._session.models)
            self._session.notify(What.MODELS, by=self)
            self._go_on()

        def failed(_error: Exception) -> None:
            # an image that cannot be read is told by the run on it
            done({name: RouteAnswer() for name in names})

        def ended() -> None:
            if self._job is job:  # neither done nor left off: the user stopped it
                self._job = None
                self._declined.update(names)
                dropped, self._waiting = self._waiting, []
                for one in dropped:
                    one.dropped()

        job = self._job = self._jobs.submit(
            self._title(), "routes", work, done, failed=failed, ended=ended
        )

    def _go_on(self) -> None:
        """Do what has nothing to wait for any more, and begin the test of the rest."""
        ready = [one for one in self._waiting if not self.untested(one.specs)]
        self._waiting = [one for one in self._waiting if one not in ready]
        for one in ready:
            one.then()
        if self._waiting and not self.testing:
            self._begin(next((one for one in self._waiting if one.urgent), self._waiting[0]))

    def _title(self) -> str:
        parts = self._tested
        models = parts[0].title if len(parts) == 1 else f"{len(parts)} models"
        if any(one.urgent for one in self._waiting):
            return f"Looking for a faster way first: {models}"
        return f"Looking for a faster way to run {models}"

    def _halts(self) -> bool:
        """Whether what the user does needs the processor; asked by the test."""
        if monotonic() - self._painted < _QUIET_S:
            return True
        return any(job.lane in _COMES_FIRST for job in self._jobs.jobs())

    @property
    def _known(self) -> dict[str, RouteAnswer]:
        return self._answers.get(self._session.model.options.device, {})

    def _on_labels(self, _change: Change) -> None:
        self._painted = monotonic()

    def _on_models(self, _change: Change) -> None:
        """Models that came in from elsewhere get what is known of their parts."""
        before = self._session.models
        now = self.dressed(before)
        if any(now[name] is not spec for name, spec in before.items()):
            self._session.models = now
            self._session.notify(What.MODELS, by=self)
