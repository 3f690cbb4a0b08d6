"""Routes of the models in a window: remembered ones at once, others by a test in the background."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

from segstudio.core.prediction import ModelSpec, RunOptions, parts_of
from segstudio.core.route_answer import RouteAnswer
from segstudio.jobs import Job, JobRunner
from segstudio.preferences import Preferences
from segstudio.runs.route_memory import Given, RouteMemory, RouteTest, find_routes, on_routes
from segstudio.session.session import Change, Session, What

Pixels = Callable[[Job], Given]
"""Reads the image of a test, on the job's thread; gives what each model gets of it."""


class FastRoutes:
    """Gives the session's models their routes, and finds out those that are not known yet.

    A test that follows a run gives way to the next run (`give_way`) and is begun again after it.
    What the user cancelled is not begun again.
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
        self._gives_way, self._gave_way = False, set[int]()
        session.follow(What.MODELS, self._on_models)

    @property
    def enabled(self) -> bool:
        """Whether models may take other routes than the exact one."""
        return self._test is not None and self._preferences.settings.fast_routes

    @property
    def testing(self) -> bool:
        """Whether a test is at work."""
        return self._job is not None and not self._job.cancelled

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

    def start(
        self,
        specs: Sequence[ModelSpec],
        options: RunOptions,
        pixels: Pixels,
        then: Callable[[], None],
        *,
        gives_way: bool,
    ) -> None:
        """Test what is not known of models; nothing is begun while another test is at work.

        Args:
            specs: The models.
            options: As they are run.
            pixels: The image.
            then: Called when the routes are known and given to the models, or could not be found
                out; not if the user stopped the test.
            gives_way: Whether a run comes before it.
        """
        parts = self.untested(specs)
        if parts and not self.testing:
            self._begin(parts, options, pixels, then)
            self._gives_way = gives_way

    def _begin(
        self,
        parts: Sequence[ModelSpec],
        options: RunOptions,
        pixels: Pixels,
        then: Callable[[], None],
    ) -> None:
        device, test = options.device, self._test
        names = [part.id for part in parts]
        assert test is not None

        def work(job: Job) -> dict[str, RouteAnswer]:
            given = pixels(job)
            return find_routes(parts, given, options, self._memory, test, job.check, job.report)

        def done(answers: dict[str, RouteAnswer]) -> None:
            self._job = None
            self._take(answers, device, then)

        def failed(_error: Exception) -> None:
            # an image that cannot be read is told by the run on it
            done({name: RouteAnswer() for name in names})

        def ended() -> None:
            if job.cancelled and job.id not in self._gave_way:
                self._declined.update(names)
            self._gave_way.discard(job.id)
            if self._job is job:
                self._job = None

        title = parts[0].title if len(parts) == 1 else f"{len(parts)} models"
        job = self._job = self._jobs.submit(
            f"Looking for a faster way to run {title}",
            "routes",
            work,
            done,
            failed=failed,
            ended=ended,
        )

    def give_way(self) -> None:
        """Stop a test that follows a run, since another run begins."""
        if self._job is not None and self._gives_way and not self._job.cancelled:
            self._gave_way.add(self._job.id)
            self._job.cancel()

    def cancel(self) -> None:
        """Stop the test; it is not begun again."""
        if self._job is not None:
            self._job.cancel()

    @property
    def _known(self) -> dict[str, RouteAnswer]:
        return self._answers.get(self._session.model.options.device, {})

    def _take(
        self, answers: Mapping[str, RouteAnswer], device: str, then: Callable[[], None]
    ) -> None:
        self.learn(answers, device)
        self._session.models = self.dressed(self._session.models)
        self._session.notify(What.MODELS, by=self)
        then()

    def _on_models(self, _change: Change) -> None:
        """Models that came in from elsewhere get what is known of their parts."""
        before = self._session.models
        now = self.dressed(before)
        if any(now[name] is not spec for name, spec in before.items()):
            self._session.models = now
            self._session.notify(What.MODELS, by=self)
