"""Views side by side: how many, what each shows, how good it is; two layers in one view."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from segstudio.metrics.confusion import ConfusionMatrix
from segstudio.metrics.tally import lead_iou, metrics_of
from segstudio.runs.batch import model_of, run_key
from segstudio.runs.segmenting import Segmenting
from segstudio.session.session import MAX_PANES, Change, Flavour, Layer, Pane, Session, What

CYCLE = (1, 2, 4)
"""The numbers of views that the layout key goes through."""
OF_A_RUN = (
    Layer.PREDICTION,
    Layer.BOTH,
    Layer.DIFFERENCE,
    Layer.CONFIDENCE,
    Layer.ENTROPY,
    Layer.MODELS,
)
"""Layers that are about one prediction (or two)."""
_FILLERS = (Layer.NONE, Layer.DIFFERENCE, Layer.CONFIDENCE, Layer.ANNOTATION, Layer.ENTROPY)
"""What further views show where there are no further predictions."""


@dataclass(frozen=True)
class PaneScore:
    """How good the prediction of a view is.

    Attributes:
        mean_iou: Of the open image, and of the foreground where there is a background (see
            `metrics.tally.lead_iou`); None if there is nothing to measure against.
        seconds: How long the model took, None if it has not run or that is not known.
        best: Whether none of the other views is better, and at least one is worse.
    """

    mean_iou: float | None = None
    seconds: float | None = None
    best: bool = False


class Comparing:
    """What the views of the canvas show."""

    def __init__(self, session: Session, segmenting: Segmenting) -> None:
        self._session, self._segmenting = session, segmenting
        self._closed: tuple[Pane, ...] = ()
        self._scores: dict[str, tuple[ConfusionMatrix, object, float]] = {}
        session.follow(What.PREDICTIONS | What.DOCUMENT | What.MODELS, self._on_change)

    # -- how many views ----------------------------------------------------------------------

    def set_layout(self, count: int) -> None:
        """Show so many views, 1 to `MAX_PANES`; those shown before come back as they were."""
        count = min(max(1, count), MAX_PANES)
        view = self._session.view
        open_now = view.panes
        if count - 1 < len(open_now):
            self._closed = (*open_now[count - 1 :], *self._closed)
            panes = open_now[: count - 1]
        else:
            panes = self._grown(open_now, count - 1)
        self._session.set_view(
            panes=panes,
            active_pane=min(view.active_pane, len(panes)),
            wiped=view.wiped if view.wiped <= len(panes) else -1,
            blinking=-1,
        )

    def cycle_layout(self) -> None:
        """The next of the usual numbers of views."""
        now = len(self._session.view.all_panes)
        self.set_layout(next((count for count in CYCLE if count > now), CYCLE[0]))

    def activate(self, pane: int) -> None:
        """Make a view the one that layer commands are about."""
        self._session.set_view(active_pane=pane)

    def _grown(self, panes: tuple[Pane, ...], wanted: int) -> tuple[Pane, ...]:
        missing = wanted - len(panes)
        panes, self._closed = (*panes, *self._closed[:missing]), self._closed[missing:]
        while len(panes) < wanted:
            panes = (*panes, self._next(panes))
        return panes

    def _next(self, panes: Sequence[Pane]) -> Pane:
        """What one more view shows: another prediction, else another layer of the first one."""
        view = self._session.view
        first = view.all_panes[0]
        shown = (first, *panes)
        runs = self._runs()
        run = next((r for r in runs if all(pane.run != r for pane in shown)), None)
        if run is not None:
            layer = first.layer if first.layer in OF_A_RUN else Layer.BOTH
            return Pane(layer, run, flavour=first.flavour)
        used = {pane.layer for pane in shown}
        layers = [layer for layer in _FILLERS if layer not in OF_A_RUN or runs]
        layer = next((layer for layer in layers if layer not in used), Layer.NONE)
        return Pane(layer, view.run, flavour=first.flavour)

    # -- what a view shows -------------------------------------------------------------------

    def layers(self) -> tuple[Layer, ...]:
        """The layers that can be shown of the open image."""
        runs = len(self._runs())
        needs = {Layer.MODELS: 2, Layer.DISAGREEMENT: 2, **dict.fromkeys(OF_A_RUN[:5], 1)}
        document = self._session.document
        has = {
            Layer.ORIGINAL: document is not None and document.is_corrected,
            Layer.PROVENANCE: document is not None and document.annotation.writers is not None,
        }
        return tuple(
            layer for layer in Layer if runs >= needs.get(layer, 0) and has.get(layer, True)
        )

    def choose(
        self,
        pane: int,
        *,
        layer: Layer | None = None,
        run: str | None = None,
        second: str | None = None,
        flavour: Flavour | None = None,
    ) -> None:
        """Let a view show another layer or another prediction, or its objects in another way.

        A prediction that is not there yet is made.
        """
        values = {"layer": layer, "run": run, "second": second, "flavour": flavour}
        changes = {name: value for name, value in values.items() if value is not None}
        if layer is not None:
            self._session.set_view(overlay_visible=True)
        if pane == 0 and run is not None:
            del changes["run"]
            self._segmenting.show(run)
        if changes:
            self._session.set_pane(pane, **changes)
        self._run_missing(run, second)

    def choose_for_all(
        self,
        *,
        layer: Layer | None = None,
        run: str | None = None,
        second: str | None = None,
        flavour: Flavour | None = None,
    ) -> None:
        """Let all views show another layer or prediction, or objects otherwise, in one step."""
        values = {"layer": layer, "run": run, "second": second, "flavour": flavour}
        changes = {name: value for name, value in values.items() if value is not None}
        view = self._session.view
        panes = tuple(replace(pane, **changes) for pane in view.panes)  # type: ignore[arg-type]
        if run is not None:
            del changes["run"]
            self._segmenting.show(run)
        if layer is not None:
            changes["overlay_visible"] = True  # type: ignore[assignment]
        self._session.set_view(panes=panes, **changes)
        self._run_missing(run, second)

    def next_layer(self, pane: int) -> None:
        """The next of the layers that can be shown."""
        layers, now = self.layers(), self._session.view.all_panes[pane].layer
        at = layers.index(now) if now in layers else -1
        self.choose(pane, layer=layers[(at + 1) % len(layers)])

    def arrange(self, runs: Sequence[str]) -> None:
        """One view for each prediction, all with the same kind of layer."""
        runs = list(runs)[:MAX_PANES]
        if not runs:
            return
        view = self._session.view
        layer = view.layer if view.layer in OF_A_RUN[:5] else Layer.BOTH
        self._segmenting.show(runs[0])
        self._closed = ()
        self._session.set_view(
            layer=layer,
            panes=tuple(Pane(layer, run, flavour=view.flavour) for run in runs[1:]),
            active_pane=0,
            overlay_visible=True,
            wiped=-1,
            blinking=-1,
        )

    def run_side_by_side(self, model_ids: Sequence[str], *, again: bool = False) -> None:
        """Run models on the open image, one after the other, and give each a view.

        Args:
            model_ids: Up to `MAX_PANES` of them.
            again: Also where there is a prediction already.
        """
        session = self._session
        chosen = [name for name in model_ids if name in session.models][:MAX_PANES]
        options = session.model.options
        runs = [run_key(session.models[name], options) for name in chosen]
        self.arrange(runs)
        held = self._runs()
        self._segmenting.run_models(
            [name for name, run in zip(chosen, runs, strict=True) if again or run not in held],
            again=again,
        )

    def choices(self) -> list[tuple[str, str, bool]]:
        """(key, title, whether it is there) of every prediction that a view could show."""
        session = self._session
        document = session.document
        predictions = {} if document is None else document.predictions
        found = [(run, predictions[run].title, True) for run in self._runs()]
        for name in session.models:
            run = run_key(session.models[name], session.model.options)
            if name in session.model.available and run not in predictions:
                found.append((run, session.models[name].title, False))
        return found

    def title(self, run: str) -> str:
        """A prediction's name for people."""
        document = self._session.document
        if document is not None and run in document.predictions:
            return document.predictions[run].title
        spec = self._session.models.get(model_of(run))
        return run if spec is None else spec.title

    def is_running(self, run: str) -> bool:
        """Whether a prediction of the open image is being made or waits for it."""
        return run in self._segmenting.pending

    def _run_missing(self, *runs: str | None) -> None:
        document = self._session.document
        for run in runs:
            missing = run and document is not None and run not in document.predictions
            if missing and not self.is_running(str(run)):
                self._segmenting.run_models([model_of(str(run))], again=False)

    # -- two layers in one view --------------------------------------------------------------

    def toggle_wipe(self, pane: int) -> None:
        """Show two layers in a view, left and right of a line; or one again."""
        view = self._session.view
        if view.wiped == pane:
            self._session.set_view(wiped=-1)
            return
        self._session.set_view(
            wiped=pane, against=self._partner(pane), wipe_at=0.5, blinking=-1, active_pane=pane
        )

    def compare_with(self, **values: object) -> None:
        """Change what wipe and blinking compare with: `layer`, `run`, `second`."""
        against = self._session.view.against or Pane()
        run, second = values.get("run"), values.get("second")
        self._session.set_view(against=replace(against, **values))  # type: ignore[arg-type]
        self._run_missing(str(run or ""), str(second or ""))

    def blink(self, pane: int | None) -> None:
        """Show the compared layer in a view for as long as the key is held; None: no more."""
        view = self._session.view
        if pane is None:
            self._session.set_view(blinking=-1)
            return
        against = view.against if view.wiped == pane else self._partner(pane)
        self._session.set_view(blinking=pane, against=against)

    def swap(self, pane: int) -> None:
        """Let a view show the layer that it is compared with, and compare with what it showed."""
        shown, against = self._session.view.all_panes[pane], self._partner(pane)
        self.choose(
            pane,
            layer=against.layer,
            run=against.run,
            second=against.second,
            flavour=against.flavour,
        )
        self._session.set_view(against=shown)

    def _partner(self, pane: int) -> Pane:
        """What a view is compared with: what was chosen, else what tells most."""
        view = self._session.view
        shown = view.all_panes[pane]
        runs = self._runs()
        chosen = view.against
        if chosen is not None and chosen != shown and self._can_show(chosen):
            return chosen
        other = next((run for run in runs if run != shown.run), None)
        if other is not None and shown.layer in OF_A_RUN[:5]:
            return replace(shown, run=other, second="")
        if shown.layer in (Layer.ANNOTATION, Layer.NONE):
            layer = Layer.PREDICTION if runs else Layer.NONE
            return replace(shown, layer=layer, second="")
        layer = Layer.NONE if shown.layer is Layer.BOTH else Layer.ANNOTATION
        return replace(shown, layer=layer, second="")

    def _can_show(self, pane: Pane) -> bool:
        return pane.layer not in OF_A_RUN or pane.run in self._runs()

    # -- how good they are -------------------------------------------------------------------

    def scores(self) -> list[PaneScore]:
        """The figures of every view, the first one first."""
        panes = self._session.view.all_panes
        values = [self._mean_iou(pane.run) for pane in panes]
        of_runs = {pane.run: v for pane, v in zip(panes, values, strict=True) if v is not None}
        best = max(of_runs.values(), default=None)
        differ = len(set(of_runs.values())) > 1
        return [
            PaneScore(value, self._seconds(pane.run), differ and value == best)
            for pane, value in zip(panes, values, strict=True)
        ]

    def _mean_iou(self, run: str) -> float | None:
        session = self._session
        matrix = session.counts.get((session.index, run))
        if matrix is None or run not in self._runs():
            self._scores.pop(run, None)
            return None
        known = self._scores.get(run)
        if known is None or known[0] is not matrix or known[1] is not session.schema:
            mean = float(lead_iou(metrics_of(matrix, session.schema), session.schema))
            known = self._scores[run] = (matrix, session.schema, mean)
        return known[2] if known[2] == known[2] else None

    def _seconds(self, run: str) -> float | None:
        document = self._session.document
        prediction = None if document is None else document.predictions.get(run)
        return None if prediction is None else prediction.seconds or None

    def _runs(self) -> tuple[str, ...]:
        """Runs of the open image in the order of the models, not in that of their arrival."""
        document = self._session.document
        if document is None:
            return ()
        order = {name: at for at, name in enumerate(self._session.models)}
        return tuple(sorted(document.predictions, key=lambda r: order.get(model_of(r), len(order))))

    # -- following the session ---------------------------------------------------------------

    def _on_change(self, _change: Change) -> None:
        """A view without a prediction takes one that came and is not shown yet."""
        view = self._session.view
        if all(pane.run and not self._is_gone(pane.run) for pane in view.panes):
            return
        panes: list[Pane] = list(view.panes)
        for at, pane in enumerate(panes):
            gone = self._is_gone(pane.run)
            if not pane.run or gone:
                shown = {view.run, *(p.run for p in panes)}
                runs = [key for key, _, _ in self.choices()] if gone else self._runs()
                run = next((r for r in runs if r not in shown), view.run)
                panes[at] = replace(pane, run=run)
        self._session.set_view(panes=tuple(panes))

    def _is_gone(self, run: str) -> bool:
        """Whether there is neither such a prediction here nor a model to make it."""
        session = self._session
        if not run or not session.models or session.document is None:
            return False
        return run not in session.document.predictions and model_of(run) not in session.models
