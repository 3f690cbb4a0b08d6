"""The program `segstudio`: which command a line of arguments means, and how it ends."""

from __future__ import annotations

import errno
import functools
import io
import os
import sys
from collections.abc import Callable, Sequence
from copy import copy
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal, Protocol

import typer
from typer.core import TyperGroup
from typer.main import get_command

from segstudio import __version__, interrupt
from segstudio.cli import options
from segstudio.cli.exit_codes import BAD_INPUT, FAILURE, OK, InputError, input_errors
from segstudio.cli.output import warn
from segstudio.cli.stopping import STOPPED, Stopped, Stopping, stopping_in_order
from segstudio.core.errors import CancelledError, SegstudioError
from segstudio.core.text import SHOW_BYTES

if TYPE_CHECKING:
    from segstudio.storage.mask_pattern import ChosenMasks

WINDOW_COMMAND: Final = "window"
_UNWRITABLE: Final = {errno.ENOSPC, errno.EIO, errno.EFBIG, errno.EBADF}
_NO_CHOICES: Final[list[str]] = []
_GROUP_OPTIONS: Final = ("--help", "-h", "--version")

_HELP: Final = """Run, correct and measure image segmentation models.

segstudio [FOLDER] [--samples] [--screenshot FILE] opens the window, with a folder, or with the
samples that come along; --gt DIR and --pattern {stem}_L.png tell where its masks lie and how they
are called, where that is not found; --screenshot runs a model on the first image, saves a picture of the
window and exits.

A folder that is called like a command is opened with its path: segstudio ./models
"""


class OpenWindow(Protocol):
    """Opens the window and returns the exit code; given by the program, since `ui` lies above."""

    def __call__(
        self,
        folder: Path | None,
        *,
        samples: bool = False,
        screenshot: Path | None = None,
        masks: ChosenMasks | None = None,
    ) -> int:
        """Open a folder, or the samples, or nothing; `screenshot` saves a picture and exits."""
        ...


class _CommandOrFolder(TyperGroup):
    """A group of commands where a first argument that is no command belongs to the window."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Put the window's command before arguments that name none."""
        if not args or (args[0] not in self.commands and args[0] not in _GROUP_OPTIONS):
            args = [WINDOW_COMMAND, *args]
        return super().parse_args(ctx, args)


app = typer.Typer(
    cls=_CommandOrFolder,
    help=_HELP,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["--help", "-h"]},
)


def _print_version(value: bool) -> None:
    if value:
        print(f"segstudio {__version__}")
        raise typer.Exit


@app.callback()
def _program(
    _version: Annotated[
        bool,
        typer.Option(
            "--version", help="Print the version.", callback=_print_version, is_eager=True
        ),
    ] = False,
) -> None:
    """Hold the options of the program itself."""


@app.command(WINDOW_COMMAND, hidden=True)
def _window(
    context: typer.Context,
    folder: Annotated[
        Path | None, typer.Argument(help="Folder of images, or an image.", show_default=False)
    ] = None,
    samples: Annotated[bool, typer.Option("--samples", help="Open the samples.")] = False,
    screenshot: Annotated[
        Path | None, typer.Option("--screenshot", help="Save a picture of the window and exit.")
    ] = None,
    gt: options.Gt = None,
    pattern: options.Pattern = None,
) -> int:
    """Open the window."""
    open_window: OpenWindow = context.obj
    masks = options.chosen_masks(gt, pattern)
    if masks and folder is None:
        raise InputError("--gt and --pattern are of a folder of images.", "Give the folder too.")
    if samples and folder is not None:
        raise InputError("Give a folder or --samples, not both.")
    if folder is not None and not folder.exists():
        raise InputError(
            f"There is no folder or command {str(folder)!r}.",
            f"Commands are: {', '.join(_shown_commands())}; segstudio --help tells more.",
        )
    return open_window(
        folder,
        samples=samples,
        screenshot=screenshot,
        masks=masks or None,
    )


@app.command("models")
def _models(as_json: options.Json = False) -> int:
    """List the models and their weights."""
    from segstudio.cli.models import list_models

    return list_models(as_json=as_json)


@app.command("predict")
def _predict(
    folder: Annotated[Path, typer.Argument(help="Folder of images, or an image.")],
    out: Annotated[Path, typer.Option("--out", help="Folder for the results.", metavar="DIR")],
    model: options.Model = None,
    weights: options.Weights = None,
    choices: options.Choices = _NO_CHOICES,
    device: options.Device = "auto",
    limit: Annotated[
        int | None, typer.Option("--limit", min=1, help="Only the first images, done or not.")
    ] = None,
    score: Annotated[
        float, typer.Option("--score", min=0, max=1, help="Hide instances below this score.")
    ] = 0.5,
    tile: Annotated[
        int, typer.Option("--tile", min=256, help="Cut larger images into tiles of this size.")
    ] = 2048,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Make results again that are there already.")
    ] = False,
    allow_mixed: Annotated[
        bool,
        typer.Option(
            "--allow-mixed", help="Add to results that were made with other options or weights."
        ),
    ] = False,
    pages: Annotated[
        options.PageChoice,
        typer.Option("--pages", help="Of stacks and animations: all pages, or the first."),
    ] = options.PageChoice.ALL,
    exact: options.Exact = False,
    save: Annotated[
        str,
        typer.Option(
            "--save",
            help="png; or png,coco: every detection with its score in coco.json as well, and of "
            "a panoptic model COCO's panoptic PNGs in panoptic/ with panoptic.json.",
            metavar="KINDS",
        ),
    ] = "png",
    gt: options.Gt = None,
    pattern: options.Pattern = None,
    as_json: options.Json = False,
) -> int:
    """Segment the images of a folder.

    Each image becomes one PNG of class ids with the same name; instances/ holds the objects that
    the model tells apart. Of a stack each page is an image: the second page of cells.tif becomes
    cells_p0002.png, and so on. Images that have a result are skipped; results of other models, weights
    or options are not added to. --save png,coco keeps every detection with its score and its
    mask, also those that --score hides and those that overlap; evaluate reads them. Of a panoptic
    model it writes COCO's panoptic annotations besides, panoptic/ and panoptic.json: classes and
    objects without scores and without what an object hides; evaluate OUT/panoptic reads those.
    Masks are no images: those that are not known as such are named with --gt DIR or --pattern
    PATTERN.
    """
    from segstudio.cli.loading import chosen_spec
    from segstudio.cli.predict import predict
    from segstudio.core.prediction import RunOptions
    from segstudio.runs.predicting import PredictionRequest

    how = RunOptions(device=device, score_threshold=score, tile_px=tile)
    kinds = {kind.strip() for kind in save.split(",")}
    if not {"png"} <= kinds <= {"png", "coco"}:
        raise InputError(f"--save {save} is unknown.", "Say png, or png,coco.")
    with input_errors():
        spec = chosen_spec(model, weights, "run", choices)
    request = PredictionRequest(
        folder,
        out,
        spec,
        how,
        limit,
        overwrite,
        allow_mixed,
        "coco" in kinds,
        all_pages=pages is options.PageChoice.ALL,
        masks=options.chosen_masks(gt, pattern),
        exact=exact,
    )
    return predict(request, as_json=as_json)


@app.command("evaluate", cls=options.MeasuringCommand)
def _evaluate(
    context: typer.Context,
    pred_dir: Annotated[Path, typer.Argument(help="Folder of predicted masks.")],
    gt_dir: Annotated[Path, typer.Argument(help="Folder of ground truth masks.")],
    schema: options.Schema = None,
    ignore: options.Ignore = None,
    per_image: Annotated[
        bool, typer.Option("--per-image", help="List the scores of every image.")
    ] = False,
    bootstrap: Annotated[
        bool,
        typer.Option(
            "--bootstrap",
            help="Tell how sure the difference to the predictions of --against is.",
        ),
    ] = False,
    against: Annotated[
        Path | None,
        typer.Option("--against", help="Other predicted masks, for --bootstrap.", metavar="DIR"),
    ] = None,
    missing: Annotated[
        options.Missing,
        typer.Option(
            "--missing",
            help="Ground truth without a prediction: leave it out, or count it as all background.",
        ),
    ] = options.Missing.IGNORE,
    pred_instances: Annotated[
        Path | None,
        typer.Option(
            "--pred-instances",
            help="Predicted objects; else those in instances/ of PRED_DIR or beside it.",
            metavar="DIR",
        ),
    ] = None,
    gt_instances: Annotated[
        Path | None,
        typer.Option(
            "--gt-instances",
            help="Objects of the ground truth; else those in instances/ or SegmentationObject/ of "
            "GT_DIR or beside it.",
            metavar="DIR",
        ),
    ] = None,
    pattern: options.Pattern = None,
    truth_kind: options.TruthKindOption = options.AUTO,
    pred_kind: options.PredKindOption = options.AUTO,
    zero: options.ZeroOption = options.Zero.AUTO,
    detections: Annotated[
        Path | None,
        typer.Option(
            "--detections",
            help="Detections with scores as COCO's JSON; else coco.json in PRED_DIR.",
            metavar="FILE",
        ),
    ] = None,
    with_own: Annotated[
        bool,
        typer.Option(
            "--with-own-pixels",
            help="Count pixels of the ground truth too that the model wrote itself, as "
            "provenance/ beside the masks says.",
        ),
    ] = False,
    report: options.FiguresReport = None,
    images: Annotated[
        Path | None,
        typer.Option("--images", help="Photos, for the pictures of --report.", metavar="DIR"),
    ] = None,
    as_json: options.Json = False,
) -> int:
    """Compare predicted masks with ground truth.

    Prints IoU, Dice, precision and recall of each class, their means, and the worst images.
    --bootstrap --against DIR tells the difference to another folder of predicted masks with its
    95 % confidence interval, from images drawn again and again. --report FILE writes all figures
    with charts and the worst images into one HTML file.
    """
    from segstudio.cli.evaluate import EvaluationRequest, evaluate
    from segstudio.evaluation.mask_pairs import MaskSides

    if bootstrap != (against is not None):
        raise InputError("--bootstrap and --against DIR belong together.")
    if images is not None and report is None:
        raise InputError("--images DIR is for --report FILE.")
    wanted = options.measures_of(context)
    sides = MaskSides(
        pred_dir,
        gt_dir,
        schema,
        ignore,
        pred_instances,
        gt_instances,
        pred_kind,
        truth_kind,
        zero.said,
        detections,
        options.chosen_masks(None, pattern).pattern,
        with_own,
    )
    told: Literal["ignore", "background"] = (
        "background" if missing is options.Missing.BACKGROUND else "ignore"
    )
    request = EvaluationRequest(
        sides, per_image, wanted, against, told, report, images, options.line_of(context)
    )
    return evaluate(request, as_json=as_json)


@app.command("compare", cls=options.MeasuringCommand)
def _compare(
    context: typer.Context,
    folder: Annotated[Path, typer.Argument(help="Folder of images.")],
    models: Annotated[
        str,
        typer.Option(
            "--models", help="Ids of models or named runs, or files of weights.", metavar="A,B,..."
        ),
    ],
    choices: options.Choices = _NO_CHOICES,
    gt: options.Gt = None,
    pattern: options.Pattern = None,
    schema: options.Schema = None,
    ignore: options.Ignore = None,
    bootstrap: Annotated[
        bool, typer.Option("--bootstrap", help="Tell how sure the models' differences are.")
    ] = False,
    truth_kind: options.TruthKindOption = options.AUTO,
    zero: options.ZeroOption = options.Zero.AUTO,
    device: options.Device = "auto",
    limit: Annotated[
        int | None, typer.Option("--limit", min=1, help="Only the first images.")
    ] = None,
    again: Annotated[
        bool, typer.Option("--again", help="Run the models also where their answers are kept.")
    ] = False,
    exact: options.Exact = False,
    report: options.FiguresReport = None,
    as_json: options.Json = False,
) -> int:
    """Run models on a folder, rank them, and tell where they disagree.

    Prints the figures of each model, the IoU of each class, and the images on which the models
    differ most. What the models said is kept, so that nothing is computed twice. --report FILE
    writes all figures with charts and the worst images into one HTML file.
    """
    from segstudio.cli.compare import ComparisonRequest, compare
    from segstudio.core.prediction import RunOptions
    from segstudio.storage.truth import ReadAs

    names = tuple(name for part in models.split(",") if (name := part.strip()))
    request = ComparisonRequest(
        folder,
        names,
        schema,
        ignore,
        RunOptions(device=device),
        options.measures_of(context),
        bootstrap,
        limit or 0,
        again,
        report,
        ReadAs(truth_kind, zero.said),
        options.chosen_masks(gt, pattern),
        options.line_of(context),
        tuple(choices),
        exact,
    )
    return compare(request, as_json=as_json)


@app.command("inspect")
def _inspect(
    image: Annotated[Path, typer.Argument(help="The image that goes through the network.")],
    model: options.Model = None,
    weights: options.Weights = None,
    choices: options.Choices = _NO_CHOICES,
    out: Annotated[
        Path | None,
        typer.Option("--out", help="Write a sheet of each stage's channels here.", metavar="DIR"),
    ] = None,
    ablate: Annotated[
        str | None,
        typer.Option("--ablate", help="Cut this skip, by its name, or all.", metavar="SKIP"),
    ] = None,
    how: Annotated[
        str | None,
        typer.Option("--how", help="Cut to zero, mean or shuffle.", metavar="HOW"),
    ] = None,
    report: Annotated[
        Path | None,
        typer.Option("--report", help="Write a report of all this as HTML.", metavar="FILE"),
    ] = None,
    npz: Annotated[
        Path | None,
        typer.Option("--npz", help="Write activations, logits and labels.", metavar="FILE"),
    ] = None,
    svg: Annotated[
        Path | None,
        typer.Option("--svg", help="Write the network's diagram.", metavar="FILE"),
    ] = None,
    device: options.Device = "auto",
    as_json: options.Json = False,
) -> int:
    """Show the stages of a network and the skips between them, from a run on one image.

    --ablate sets what a skip carries to zero (with --how: to each channel's mean, or to the same
    values at shuffled positions) and tells how many pixels change their class and, where ground
    truth is found beside the image, what becomes of each class's IoU and boundary IoU; "all" cuts
    one skip after the other, then all together.
    """
    from segstudio.cli.inspect import InspectionRequest, inspect
    from segstudio.cli.inspect_files import Files

    request = InspectionRequest(
        image, model, weights, out, ablate, device, Files(report, npz, svg), how, tuple(choices)
    )
    return inspect(request, as_json=as_json)


@app.command("train")
def _train(
    data: Annotated[Path, typer.Argument(help="Folder of images with masks.")],
    out: Annotated[
        Path, typer.Option("--out", help="File for the network.", metavar="FILE.safetensors")
    ],
    val: Annotated[
        Path | None,
        typer.Option(
            "--val",
            help="Other images with masks: half of them choose the best epoch, half prove it.",
            metavar="DIR",
        ),
    ] = None,
    arch: Annotated[
        str | None, typer.Option("--arch", help="Architecture; else it is proposed.", metavar="ID")
    ] = None,
    start: Annotated[
        str,
        typer.Option(
            "--start",
            help="Model to go on from: an id or a file of weights; else from scratch.",
            metavar="MODEL",
        ),
    ] = "scratch",
    minutes: Annotated[
        float | None, typer.Option("--minutes", min=0.05, help="How long; else 20.")
    ] = None,
    epochs: Annotated[
        int | None, typer.Option("--epochs", min=1, help="How many epochs, instead of a time.")
    ] = None,
    ignore: options.Ignore = None,
    loss: Annotated[
        str | None,
        typer.Option("--loss", help="Loss, or a sum: cross-entropy+dice.", metavar="LOSS"),
    ] = None,
    crop: Annotated[
        int | None, typer.Option("--crop", min=32, max=4096, help="Side of the crops in pixels.")
    ] = None,
    batch: Annotated[
        int | None, typer.Option("--batch", min=2, max=1024, help="Crops a step.")
    ] = None,
    rate: Annotated[
        float | None, typer.Option("--rate", min=1e-7, max=10, help="Learning rate; else found.")
    ] = None,
    seed: Annotated[int, typer.Option("--seed", min=0, help="Of all that is by chance.")] = 0,
    threads: Annotated[
        int | None, typer.Option("--threads", min=1, help="Threads; else one a processor.")
    ] = None,
    device: options.Device = "auto",
    split: Annotated[
        options.SplitChoice,
        typer.Option("--split", help="Part the images by chance (seed), or by whole folders."),
    ] = options.SplitChoice.SEED,
    fold: options.Fold = None,
    done: Annotated[
        bool, typer.Option("--done", help="Only images that are marked as done in the window.")
    ] = False,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on with a training that was broken off.")
    ] = False,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace a result that is there.")
    ] = False,
    gt: options.Gt = None,
    pattern: options.Pattern = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object a line.")] = False,
) -> int:
    """Train a network on images with masks.

    What is not said is proposed from the data, with the reasons. A part of the images chooses the
    best epoch, another part is held out and proves the result at the end. Beside the file lies a
    folder with the record, curves, and what each epoch said of some images. The lines pause, resume
    and stop on standard input, and Ctrl+C, are obeyed; stopped, the best epoch is kept.
    """
    # Threads of torch that spin while they wait for each other take, beside other work, more than
    # half of the time; read when torch is loaded.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    from segstudio.cli.train import train
    from segstudio.training.plan import Wanted
    from segstudio.training.training_run import TrainingRequest

    wanted = Wanted(
        arch=arch,
        minutes=minutes,
        epochs=epochs,
        loss=loss,
        crop=crop,
        batch=batch,
        rate=rate,
        seed=seed,
        threads=threads or os.cpu_count() or 1,
        device=device,
    )
    request = TrainingRequest(
        data,
        out,
        val,
        ignore,
        options.chosen_masks(gt, pattern),
        done,
        split.value,
        fold,
        "" if start == "scratch" else start,
        wanted,
    )
    return train(request, as_json=as_json, resume=resume, overwrite=overwrite)


def _shown_commands() -> list[str]:
    return [c.name or "" for c in app.registered_commands if not c.hidden]


_COMMANDS: Final = frozenset(c.name for c in app.registered_commands)


def _program_for(arguments: Sequence[str]) -> Any:
    """The program with the one command that is meant: to build all takes far longer."""
    first = arguments[0] if arguments else WINDOW_COMMAND
    if first in _GROUP_OPTIONS:
        return _program_with(None)
    return _program_with(first if first in _COMMANDS else WINDOW_COMMAND)


@functools.cache
def _program_with(command: str | None) -> Any:
    program = copy(app)
    if command is not None:
        program.registered_commands = [c for c in app.registered_commands if c.name == command]
    return get_command(program)


def run(arguments: Sequence[str], open_window: OpenWindow) -> int:
    """Run a line of arguments (without the program's name) and return the exit code.

    Errors are one line on stderr that begins with "error:"; 2 is for bad usage or input, 1 for a
    failure while working, 130 for Ctrl+C.
    """
    _print_any_name()
    try:
        with stopping_in_order() as stopping:
            code = _printed(lambda: _guarded(arguments, open_window, stopping))
            stopping.nothing_left()
    except Stopped:
        interrupt.nothing_left(to_wait_for=True)
        warn("error: stopped")
        return STOPPED
    return code


def _printed(work: Callable[[], int]) -> int:
    """The exit code of work that prints; 1 if what it printed could not be written."""
    try:
        code = work()
        sys.stdout.flush()
    except BrokenPipeError:
        # the reader (head, less) has seen enough
        _print_nothing_more()
        return FAILURE
    except OSError as error:
        # of files the name is known; what is printed goes to a number
        if error.filename is not None or error.errno not in _UNWRITABLE:
            raise
        _print_nothing_more()
        warn(f"error: The output cannot be written ({error.strerror}).")
        return FAILURE
    return code


def _print_nothing_more() -> None:
    """Nothing may be written at exit either."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _print_any_name() -> None:
    """Let what is printed hold any file name; one such name would else end the command."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors=SHOW_BYTES)


def _guarded(arguments: Sequence[str], open_window: OpenWindow, stopping: Stopping) -> int:
    try:
        result = _program_for(arguments).main(
            list(arguments), "segstudio", standalone_mode=False, obj=open_window
        )
    except SegstudioError as error:
        if stopping.asked:
            raise Stopped from error  # what was made of it
        warn(f"error: {_one_line(str(error))}")
        return BAD_INPUT if isinstance(error, InputError) else FAILURE
    except (CancelledError, KeyboardInterrupt, typer.Abort) as error:
        raise Stopped from error
    except Exception as error:
        if stopping.asked:
            raise Stopped from error  # what a library made of it
        # typer may bring its own copy of click, so its usage errors are known by what they can do
        message = getattr(error, "format_message", None)
        if message is None:
            raise
        warn(f"error: {_one_line(message())}")
        return BAD_INPUT
    return result if isinstance(result, int) else OK


def _one_line(text: str) -> str:
    return " ".join(text.split())
