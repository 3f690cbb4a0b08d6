"""The panels of the window: one row each, in the order of their commands.

A row is there before the window is painted, so what a panel is made of is imported by its `load`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt

if TYPE_CHECKING:
    from PySide6.QtWidgets import QWidget

    from segstudio.studio import Studio
    from segstudio.window.main_window import MainWindow

Area = Qt.DockWidgetArea
Build = Callable[["MainWindow", "Studio"], "QWidget | None"]
"""Makes a panel and its connections; None if it fills its dock itself a moment later."""


@dataclass(frozen=True)
class PanelSpec:
    """One panel.

    Attributes:
        name: Title of its dock; its command is called `panel.<name in lower case>`.
        load: Imports what it is made of, beside the event loop, and tells how it is built.
        area: Where it stands at the first start.
        width: In logical pixels; of panels beside the canvas.
        height: Likewise.
        tabbed_with: Name of the panel whose place it shares at the first start.
        in_room: Whether it stands in the room, as one of its tabs; `area` and sizes mean nothing then.
            It may have a `room_header` for the room's bar, and `page_tabs` that get the keys first.
        on_demand: Whether it is hidden and not built until it is asked for.
        icon: Name of a file in resources/icons, or "".
        keys: Shortcuts that open and close it.
        tip: One sentence more than the name, for the tool tip.
    """

    name: str
    load: Callable[[], Build]
    area: Area = Area.RightDockWidgetArea
    width: int = 300
    height: int = 400
    tabbed_with: str = ""
    in_room: bool = False
    on_demand: bool = False
    icon: str = ""
    keys: tuple[str, ...] = ()
    tip: str = ""

    @property
    def action_id(self) -> str:
        """The id of the command that opens and closes it."""
        return f"panel.{self.name.lower()}"


def _place(window: MainWindow, name: str) -> QWidget:
    """Where a panel will stand: put there when it is full, it would be styled anew with all in it."""
    return window.docks.frame(name).viewport()


def _images() -> Build:
    from segstudio.folder.ui.images_panel import ImagesPanel

    def build(window: MainWindow, studio: Studio) -> ImagesPanel:
        panel = ImagesPanel(
            studio.session,
            studio.browsing,
            studio.scoring,
            studio.folder_states,
            studio.label_contents,
            studio.work_progress,
            studio.jobs,
            window.commands,
            studio.error_counts.want,
            _place(window, "Images"),
        )
        panel.selection_changed.connect(window.commands.refresh)
        window.images = panel
        return panel

    return build


def _classes() -> Build:
    from segstudio.annotation.ui.classes_panel import ClassesPanel

    def build(window: MainWindow, studio: Studio) -> ClassesPanel:
        window.classes = ClassesPanel(
            studio.session,
            studio.schema_keeper,
            studio.class_removal,
            studio.scoring,
            studio.class_mappings,
            window.commands,
            studio.objects,
            _place(window, "Classes"),
        )
        return window.classes

    return build


def _objects() -> Build:
    from segstudio.annotation.ui.objects_panel import ObjectsPanel

    def build(window: MainWindow, studio: Studio) -> ObjectsPanel:
        window.object_list = ObjectsPanel(
            studio.session,
            studio.object_table,
            studio.objects,
            studio.object_csv,
            window.commands,
            _place(window, "Objects"),
        )
        window.object_list.object_opened.connect(window.canvas.show_rect)
        window.object_list.counted.connect(lambda: window.docks.folds.open_at_first("Objects"))
        return window.object_list

    return build


def _model() -> Build:
    from segstudio.runs.ui.model_panel import ModelPanel

    def build(window: MainWindow, studio: Studio) -> ModelPanel:
        window.model = ModelPanel(
            studio.session,
            studio.segmenting,
            studio.class_mappings,
            window.commands,
            _place(window, "Model"),
        )
        return window.model

    return build


def _disagreement() -> Build:
    from segstudio.comparison.ui.disagreement_panel import DisagreementPanel

    def build(window: MainWindow, studio: Studio) -> DisagreementPanel:
        panel = DisagreementPanel(
            studio.session,
            studio.disagreement,
            studio.error_targets,
            window.commands,
            _place(window, "Disagreement"),
        )
        panel.region_opened.connect(window.canvas.show_rect)
        window.disagreement = panel
        return panel

    return build


def _network() -> Build:
    import segstudio.inspection.ui.cuts_page
    import segstudio.inspection.ui.network_panel
    import segstudio.inspection.ui.pair_page
    import segstudio.inspection.ui.skip_page
    import segstudio.inspection.ui.stage_page
    import segstudio.inspection.ui.upsampling_page
    import segstudio.inspection.ui.why_page  # noqa: F401 - loaded for what they import

    return lambda window, _studio: window.network.build()


def _evaluation() -> Build:
    import segstudio.evaluation.ui.classes_page
    import segstudio.evaluation.ui.confusion_page
    import segstudio.evaluation.ui.images_page
    import segstudio.evaluation.ui.panel
    import segstudio.evaluation.ui.queue_page
    import segstudio.evaluation.ui.results_page  # noqa: F401 - loaded for what they import

    return lambda window, _studio: window.evaluation.build()


def _training() -> Build:
    from segstudio.training.ui.training_panel import TrainingPanel

    def build(window: MainWindow, studio: Studio) -> TrainingPanel:
        window.training = TrainingPanel(studio.session, studio.training, studio.jobs)
        return window.training

    return build


PANELS: tuple[PanelSpec, ...] = (
    PanelSpec("Images", _images, Area.LeftDockWidgetArea, width=172, icon="panel-left"),
    PanelSpec("Classes", _classes, height=560),
    PanelSpec(
        "Objects", _objects, icon="table", keys=("Ctrl+J",), height=320,
        tip="Every object of the open image: number, class, area, intensity, score",
    ),
    PanelSpec(
        "Disagreement", _disagreement, icon="vote", keys=("Shift+M",), height=340,
        tip="Where your annotation differs from a model, error by error, and where models differ",
    ),
    PanelSpec("Model", _model, height=40),
    PanelSpec(
        "Network", _network, in_room=True, on_demand=True, icon="network",
        keys=("N",), tip="Look inside the chosen model, layer by layer, on the open image",
    ),
    PanelSpec(
        "Evaluation", _evaluation, in_room=True, on_demand=True, icon="chart-column", keys=("M",),
        tip="Compare models over the whole folder: which one is right, and where",
    ),
    PanelSpec(
        "Training", _training, in_room=True, on_demand=True, icon="trending-up",
        keys=("Ctrl+Shift+T",),
        tip="Train a network on what was corrected, and see whether it got better",
    ),
)  # fmt: skip
