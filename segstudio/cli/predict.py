"""`segstudio predict`: one model over a folder, one PNG an image."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from segstudio.cli.exit_codes import FAILURE, OK, input_errors
from segstudio.cli.loading import engine_on, fetch_weights, on_fastest_route
from segstudio.cli.output import print_json, print_line, progress_bar, warn
from segstudio.cli.shown_job import ShownJob
from segstudio.cli.stopping import STOPPED, Stopped
from segstudio.cli.writable import check_folder
from segstudio.core.errors import SegstudioError
from segstudio.core.prediction import ModelSpec, route_key
from segstudio.evaluation.report.wording import stacks_text
from segstudio.runs.predicting import Predicting, PredictionRequest
from segstudio.storage.decode import LoadedImage, read_image
from segstudio.storage.image_ref import ImageRef


def predict(request: PredictionRequest, *, as_json: bool) -> int:
    """Segment the images of a folder and print a summary.

    Images that have their result are skipped; those that fail are reported and the rest goes on.

    Returns:
        The exit code: 1 if an image failed, 130 if Ctrl+C stopped it.

    Raises:
        InputError: if the folder or the output folder cannot be used.
        SegstudioError: if the weights cannot be had or do not fit.
    """
    with input_errors():
        work = Predicting(request)
    for note in () if request.folder.is_file() else work.project.notes:
        warn(f"note: {note}")
    fetch_weights(request.spec)
    with input_errors():
        work.prepare(partial(_on_route, request))
        if work.pending:
            check_folder(request.out, "out")
    stopped = bool(work.pending) and _is_stopped(work)
    _print_summary(work, as_json=as_json)
    if stopped:
        warn(f"error: stopped after {work.written} of {len(work.pending)} images")
        return STOPPED
    return FAILURE if work.failed() else OK


def _on_route(request: PredictionRequest, spec: ModelSpec, images: Sequence[ImageRef]) -> ModelSpec:
    """The model as it runs fastest on these images."""

    def read() -> LoadedImage:
        return read_image(images[0].path, images[0].page)

    return on_fastest_route(spec, len(images), read, request.options)


def _is_stopped(work: Predicting) -> bool:
    """Do what there is to do; whether Ctrl+C stopped it."""
    engine, told = engine_on(work.request.options.device), 0
    with progress_bar("Segmenting") as bar:

        def show(done: int, total: int = 0, text: str = "") -> None:
            nonlocal told
            for name, error in work.failed(since=told):
                warn(f"error: {_named(name, error)}")
                told += 1
            bar(done, total, text)

        try:
            work.run(engine, ShownJob("Segmenting", show))
        except (Stopped, KeyboardInterrupt):
            return True
        finally:
            show(len(work.pending), len(work.pending))
    return False


def _named(name: str, error: SegstudioError) -> str:
    text = str(error)
    return text if name in text else f"{name}: {text}"


def _print_summary(work: Predicting, *, as_json: bool) -> None:
    per_image = work.seconds / work.written if work.written else 0.0
    first_pages = work.first_pages
    if as_json:
        print_json(
            {
                "model": work.request.spec.id,
                "out": str(work.request.out),
                "images": len(work.every),
                "stacks": work.stacks,
                "written": work.written,
                "skipped": work.skipped,
                "failed": [{"name": name, "error": str(error)} for name, error in work.failed()],
                "device": work.device,
                "route": route_key(work.request.spec) or "exact",
                "seconds": work.seconds,
                "seconds_per_image": per_image,
                "notes": work.notes,
                "first_page_of": first_pages,
            }
        )
        return
    print_line(
        f"{work.written} written, {work.skipped} already there, "
        f"{len(work.failed())} failed, of {len(work.every)} images; {work.request.out}"
    )
    if work.stacks:
        print_line(stacks_text({name: (pages, pages) for name, pages in work.stacks.items()}))
    if work.written:
        print_line(f"{per_image:.2f} s an image on {work.device}")
    if first_pages:
        named = ", ".join(f"{name} ({n})" for name, n in list(first_pages.items())[:5])
        more = ", ..." if len(first_pages) > 5 else ""
        print_line(
            f"only the first page was segmented of {named}{more}; without --pages first all are"
        )
    for name, notes in list(work.notes.items())[:5]:
        print_line(f"{name}: {' '.join(notes)}")
