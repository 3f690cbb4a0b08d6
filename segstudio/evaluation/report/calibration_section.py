"""The report's section about confidence: is a model right as often as it says?"""

from __future__ import annotations

from segstudio.core.formatting import percent_text, ratio_text
from segstudio.evaluation.report.class_sections import run_legend
from segstudio.evaluation.report.material import Material
from segstudio.evaluation.report.wording import calibration_text
from segstudio.metrics.calibration import CALIBRATION
from segstudio.report.charts import Axis, Series, line_chart
from segstudio.report.markup import joined
from segstudio.report.page import Section, paragraph
from segstudio.report.pictures import figure
from segstudio.report.style import SERIES
from segstudio.report.tables import prose, table, wrapped

_EVEN = "#9aa4b0"


def calibration_sections(material: Material) -> list[Section]:
    """Accuracy against confidence; nothing if no model tells its confidence."""
    found = [
        (number, run, bins)
        for number, run in enumerate(material.ranked)
        if (bins := run.folder.part(CALIBRATION)) is not None
    ]
    if not found:
        return []
    series = [Series("", [(0.0, 0.0), (1.0, 1.0)], ("as sure as right",), _EVEN)]
    rows = []
    for number, run, bins in found:
        points = [(float(x), float(y)) for x, y in zip(bins.confidence, bins.accuracy, strict=True)]
        title = material.titles[run.id]
        series.append(Series("", points, (title,), SERIES[number % len(SERIES)]))
        pixels = int(bins.pixels.sum())
        right = int(bins.right.sum()) / pixels if pixels else float("nan")
        rows.append(
            [
                wrapped(title),
                ratio_text(bins.ece),
                percent_text(right),
                percent_text(bins.mean_confidence),
                f"{bins.confident_errors:,}",
                prose(calibration_text(right, bins.mean_confidence)),
            ]
        )
    hint = paragraph(
        "Pixels in 15 bins of confidence: below the grey line a model promises more than it keeps. "
        "The calibration error is the mean distance from the line, weighted by pixels (Guo et al. "
        "2017). Most pixels are easy and sure, so look at the left half too. It says nothing of "
        "how good the masks are.",
        hint=True,
    )
    chart = line_chart(
        series,
        title="Accuracy against confidence",
        x=Axis("confidence", 0.0, 1.0),
        y=Axis("share of right pixels", 0.0, 1.0),
        size=(560, 400),
        dots=True,
    )
    headers = (
        "model",
        "calibration error",
        "right",
        "mean confidence",
        "sure and wrong, pixels",
        "in words",
    )
    body = joined(
        (hint, run_legend(material), figure(chart), table(headers, rows, numbers=range(1, 5)))
    )
    return [Section(CALIBRATION.key, "Is its confidence worth anything?", body)]
