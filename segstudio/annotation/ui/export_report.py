"""What an export did: files, pixels per class, what was skipped and why."""

from __future__ import annotations

from PySide6.QtCore import QUrl
from PySide6.QtGui import QDesktopServices
from PySide6.QtWidgets import (
    QDialogButtonBox,
    QPlainTextEdit,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from segstudio.annotation.exporting import ExportPlan, ExportReport
from segstudio.core.formatting import count_text
from segstudio.core.schema import LabelSchema
from segstudio.kit.dialog import Dialog
from segstudio.kit.icons import icon
from segstudio.kit.plain import PlainLabel


class ExportReportDialog(Dialog):
    """Shows a report; nothing written is not called a success."""

    def __init__(
        self, report: ExportReport, plan: ExportPlan, schema: LabelSchema, parent: QWidget | None
    ) -> None:
        super().__init__(parent)
        self.setWindowTitle("Export report")
        self.headline = PlainLabel(headline(report))
        font = self.headline.font()
        font.setBold(True)
        self.headline.setFont(font)
        self.headline.setWordWrap(True)
        self.text = QPlainTextEdit(report_text(report, plan, schema))
        self.text.setReadOnly(True)
        self.text.setAccessibleName("Report")
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close)
        buttons.rejected.connect(self.reject)
        show = QPushButton(icon("folder-open"), "Show folder")
        show.setAutoDefault(False)
        show.setEnabled(bool(report.files))
        show.clicked.connect(lambda: QDesktopServices.openUrl(QUrl.fromLocalFile(str(plan.folder))))
        buttons.addButton(show, QDialogButtonBox.ButtonRole.ActionRole)
        column = QVBoxLayout(self)
        column.addWidget(self.headline)
        column.addWidget(self.text, 1)
        column.addWidget(buttons)
        self.resize(560, 420)


def headline(report: ExportReport) -> str:
    """The outcome in one sentence."""
    files = "1 file" if len(report.files) == 1 else f"{count_text(len(report.files))} files"
    images = "1 image" if report.images == 1 else f"{count_text(report.images)} images"
    if not report.files:
        return (
            "Nothing was written: the export was cancelled."
            if report.cancelled
            else ("Nothing was written.")
        )
    stopped = "Cancelled after " if report.cancelled else ""
    return (
        f"{stopped}{files} of {images} written; all {count_text(report.verified)} read again and "
        "found the same."
    )


def report_text(report: ExportReport, plan: ExportPlan, schema: LabelSchema) -> str:
    """The report in full, as plain text."""
    lines = [f"Folder: {plan.folder}", f"Time: {report.seconds:.1f} s"]
    if report.pixels_by_class:
        total = sum(report.pixels_by_class.values())
        lines += ["", "Pixels by class:"]
        lines += [
            f"  {class_id:>3}  {schema.name_of(class_id)}: {pixels:,} ({pixels / total:.2%})"
            for class_id, pixels in report.pixels_by_class.items()
        ]
    if report.skipped:
        lines += ["", f"Skipped ({len(report.skipped)}):"]
        lines += [f"  {name}: {why}" for name, why in report.skipped]
    if report.files:
        lines += ["", "Files:"]
        lines += [f"  {path}" for path in report.files]
    return "\n".join(lines)
