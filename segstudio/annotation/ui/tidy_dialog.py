"""The dialog of operations on regions: what is done, to which, in which images, and what changes."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from PySide6.QtGui import QCloseEvent, QColor
from PySide6.QtWidgets import (
    QComboBox,
    QDialogButtonBox,
    QFormLayout,
    QLabel,
    QPushButton,
    QSpinBox,
    QVBoxLayout,
    QWidget,
)

from segstudio.annotation.region_operations import OPERATIONS, Operation, Target
from segstudio.annotation.tidying import Tidying, TidyPreview, TidyRequest
from segstudio.core.formatting import counted
from segstudio.core.mask_preview import MaskPreview
from segstudio.kit.actions import Context
from segstudio.kit.coalesce import Coalescer
from segstudio.kit.dialog import Dialog
from segstudio.kit.plain import PlainLabel
from segstudio.kit.swatch import swatch
from segstudio.session.session import Change, Session, What
from segstudio.storage.image_ref import ImageRef

_LOOKED_AT = What.LABELS | What.DOCUMENT | What.SCHEMA | What.OBJECTS
_SELECTION, _ALL = "selection", "all"
_WAIT_S = 0.15
"""So long a number is at rest before what it would change is worked out."""

ImagesOf = Callable[[], Sequence[tuple[str, tuple[ImageRef, ...]]]]


class TidyDialog(Dialog):
    """Stays open beside the picture, in which what would change is marked.

    Attributes:
        operation: What is done.
        regions: To which regions.
        amount: The number that the operation asks for.
        into: The class that it asks for.
        images: In which images.
        told: What would change in the open image.
        button: Does it.
    """

    def __init__(
        self,
        session: Session,
        tidying: Tidying,
        images_of: ImagesOf,
        show: Callable[[MaskPreview | None], None],
        parent: QWidget,
    ) -> None:
        """Args (besides session, service and parent):
        images_of: Gives the choices of images besides the open one, with their names.
        show: Marks pixels in the picture, or none.
        """
        super().__init__(parent)
        self.setWindowTitle("Region operations")
        self._session, self._tidying, self._show = session, tidying, show
        self._images_of = images_of
        self._preview = Coalescer(self, self._ask, _WAIT_S)
        self.operation, self.regions, self.into, self.images = (QComboBox() for _ in range(4))
        self.amount = QSpinBox()
        self.tip, self.told = PlainLabel(), PlainLabel()
        for label in (self.tip, self.told):
            label.setWordWrap(True)
        self.tip.setProperty("caption", True)
        self.form = QFormLayout()
        for text, field in (
            ("Operation", self.operation),
            ("Regions", self.regions),
            ("Amount", self.amount),
            ("New class", self.into),
            ("Images", self.images),
        ):
            field.setAccessibleName(text)
            self.form.addRow(text, field)
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close)
        self.button = QPushButton("Apply")
        self.button.setDefault(True)
        buttons.addButton(self.button, QDialogButtonBox.ButtonRole.ApplyRole)
        self.button.clicked.connect(self._apply)
        buttons.rejected.connect(self.reject)
        column = QVBoxLayout(self)
        column.setSpacing(10)
        column.addLayout(self.form)
        column.addWidget(self.tip)
        column.addWidget(self.told)
        column.addWidget(buttons)
        self.setMinimumWidth(400)
        for operation in OPERATIONS:
            self.operation.addItem(operation.title, operation)
        self._fill_regions()
        self._fill_images()
        self.operation.currentIndexChanged.connect(self._operation_chosen)
        self.regions.currentIndexChanged.connect(self._regions_chosen)
        self.into.currentIndexChanged.connect(self._preview.request)
        self.amount.valueChanged.connect(self._preview.request)
        self.images.currentIndexChanged.connect(self._name_button)
        self.finished.connect(lambda _result: self._end())
        self.listen(session.changed, self._on_change)
        self._regions_chosen()
        self._operation_chosen()

    @property
    def request(self) -> TidyRequest:
        """What is chosen."""
        operation: Operation = self.operation.currentData()
        into = self.into.currentData() if operation.asks_class else 0
        amount = self.amount.value() if operation.amount is not None else 0
        return TidyRequest(operation, self._target(), amount, into or 0)

    def closeEvent(self, event: QCloseEvent) -> None:
        self._end()
        super().closeEvent(event)

    def _end(self) -> None:
        self._tidying.forget_preview()
        self._show(None)

    # -- choices ---------------------------------------------------------------------------------

    def _target(self) -> Target:
        chosen = self.regions.currentData()
        if chosen == _SELECTION:
            return selected(self._session)
        return Target(None if chosen == _ALL else frozenset({int(chosen)}))

    def _fill_regions(self) -> None:
        """All classes, each class, and what is selected; the active class is chosen at first."""
        schema, before = self._session.schema, self.regions.currentData()
        self.regions.blockSignals(True)
        self.regions.clear()
        target = selected(self._session)
        if target.objects or target.places:
            self.regions.addItem("Selection", _SELECTION)
        self.regions.addItem("All classes", _ALL)
        into = self.into.currentData()
        self.into.clear()
        for spec in schema.classes:
            icon, text = swatch(QColor(*spec.color)), f"{spec.name} (id {spec.id})"
            self.into.addItem(icon, text, spec.id)
            if spec.id not in (0, schema.ignore_index):
                self.regions.addItem(icon, text, spec.id)
        active = self._session.view.active_class
        wanted = before if before is not None else self.regions.itemData(0)
        if before is None and wanted != _SELECTION and active:
            wanted = active
        self.regions.setCurrentIndex(max(0, self.regions.findData(wanted)))
        self.into.setCurrentIndex(max(0, self.into.findData(active if into is None else into)))
        self.regions.blockSignals(False)

    def _fill_images(self) -> None:
        self.images.addItem("This image", ())
        for name, refs in self._images_of():
            self.images.addItem(f"{name} ({len(refs):,})", refs)

    def _operation_chosen(self) -> None:
        operation: Operation = self.operation.currentData()
        amount = operation.amount
        self.tip.setText(operation.tip)
        self.form.setRowVisible(self.amount, amount is not None)
        self.form.setRowVisible(self.into, operation.asks_class)
        if amount is not None:
            label = self.form.labelForField(self.amount)
            assert isinstance(label, QLabel)
            label.setText(amount.text)
            self.amount.setAccessibleName(amount.text)
            self.amount.blockSignals(True)
            self.amount.setRange(amount.least, amount.most)
            self.amount.setSuffix(amount.unit)
            self.amount.setSpecialValueText("any size" if amount.least == 0 else "")
            self.amount.setValue(amount.usual)
            self.amount.blockSignals(False)
        self._name_button()
        self._preview.request()

    def _regions_chosen(self) -> None:
        """What is selected is selected in this image alone."""
        alone = self.regions.currentData() == _SELECTION
        if alone:
            self.images.setCurrentIndex(0)
        self.images.setEnabled(not alone)
        self.images.setToolTip("A selection is of this image alone" if alone else "")
        self._preview.request()

    def _name_button(self) -> None:
        refs = self.images.currentData()
        self.button.setText(f"Apply to {counted(len(refs), 'image')}" if refs else "Apply")
        self.button.setEnabled(bool(refs) or self._session.document is not None)

    # -- doing it --------------------------------------------------------------------------------

    def _on_change(self, change: Change) -> None:
        if not change.what & _LOOKED_AT:
            return
        if change.what & (What.SCHEMA | What.OBJECTS | What.DOCUMENT):
            self._fill_regions()
            self._regions_chosen()
        if change.what & What.DOCUMENT:
            self._show(None)
            self.told.setText("")
            self._name_button()
        self._preview.request()

    def _ask(self) -> None:
        if self._session.document is None:
            self.told.setText("No image is open.")
            return
        request = self.request
        self._tidying.preview(request, lambda found: self._tell(request, found))

    def _tell(self, request: TidyRequest, found: TidyPreview) -> None:
        if request == self.request and self.isVisible():
            self._show(found.pixels if found.changed else None)
            self.told.setText(preview_text(found))

    def _apply(self) -> None:
        refs = self.images.currentData()
        if refs:
            self._tidying.apply_to(self.request, refs)
        else:
            self._tidying.apply(self.request)


def preview_text(found: TidyPreview) -> str:
    """What would change in the open image, in a sentence."""
    if not found.changed:
        return "Nothing would change in this image."
    other = found.changed - found.added - found.removed
    parts = [
        f"{number:,} {word}"
        for number, word in (
            (found.added, "added"),
            (found.removed, "removed"),
            (other, "of another class or object"),
        )
        if number
    ]
    return f"{counted(found.changed, 'pixel')} would change in this image: {', '.join(parts)}."


def selected(session: Session) -> Target:
    """What is selected in the open image; an empty target where nothing is."""
    selection = session.selection
    return Target(None, frozenset(selection.objects), selection.regions)


def show_tidy_dialog(context: Context) -> None:
    """Open the dialog beside the picture, or bring the one that is open to the front."""
    window, session = context.window, context.session
    present = window.findChild(TidyDialog)
    if present is not None and present.isVisible():
        present.raise_()
        present.activateWindow()
        return

    def images() -> Sequence[tuple[str, tuple[ImageRef, ...]]]:
        project = session.project
        if project is None:
            return ()
        every, listed = project.images, window.images
        chosen = listed.selected_images(), listed.filtered_images()
        some = [
            (name, tuple(every[index] for index in indices if index < len(every)))
            for name, indices in zip(("Selected images", "Listed images"), chosen, strict=True)
        ]
        most = [("All images", tuple(every))] if len(every) > 1 else []
        return [(name, refs) for name, refs in some if len(refs) > (name[0] == "S")] + most

    dialog = TidyDialog(session, context.studio.tidying, images, context.canvas.show_change, window)
    dialog.show()
    # over the right column, so that the marks in the picture are seen
    corner = window.mapToGlobal(window.rect().topRight())
    dialog.move(corner.x() - dialog.frameGeometry().width() - 8, corner.y() + 110)
