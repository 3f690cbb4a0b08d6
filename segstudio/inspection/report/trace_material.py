"""What is exported: a traced network, its image, and what the image is measured against."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from segstudio.core.features import CutHow, EdgeCut, FeatureTrace
from segstudio.core.input_geometry import InputGeometry
from segstudio.core.labels import Image, Labels
from segstudio.core.prediction import Prediction
from segstudio.core.schema import LabelSchema
from segstudio.inspection.mask_counts import scores_of
from segstudio.inspection.skip_runs import CutReference
from segstudio.inspection.stage_work import StageWork
from segstudio.metrics.cut_costs import MaskScores
from segstudio.session.inspection import Inspection, MapPicture, StageLook, TracedNetwork


@dataclass(frozen=True, eq=False)
class TraceMaterial:
    """A traced network with its image, as it was when the export was asked for.

    Attributes:
        traced: The trace and what belongs to it.
        reference: (H, W) uint8 class ids of `schema`: the annotation; None if there is none.
        schema: The classes of the reference; the model's where there is none.
        class_id: The model's class that is asked about.
        look: How activations are shown.
        picture: What of a stage's channels its picture shows.
        picture_channel: Which channel where `picture` is CHANNEL.
        cut_skips: Ids of the skips that are cut in the panel, for its diagram.
        how: What stands in for skips that the report cuts.
        work: Makes pictures of stages, and remembers their figures.
    """

    traced: TracedNetwork
    reference: Labels | None = field(repr=False)
    schema: LabelSchema
    class_id: int
    look: StageLook = field(default_factory=StageLook)
    picture: MapPicture = MapPicture.MEAN
    picture_channel: int = 0
    cut_skips: frozenset[str] = frozenset()
    how: CutHow = CutHow.ZERO
    work: StageWork = field(default_factory=StageWork, repr=False)

    @classmethod
    def of(cls, traced: TracedNetwork, schema: LabelSchema, shown: Inspection) -> TraceMaterial:
        """Take what is shown; the annotation is copied, since it may be painted on.

        Args:
            traced: The trace.
            schema: The classes of the annotation.
            shown: Gives the class that is asked about, colours and pictures.
        """
        document = traced.document
        reference = np.array(document.annotation.labels) if document.has_reference else None
        return cls(
            traced,
            reference,
            traced.prediction.schema if reference is None else schema,
            shown.class_id,
            shown.look,
            shown.picture,
            shown.picture_channel,
            frozenset(
                listed.cut.edge.id
                for listed in shown.cuts
                if listed.enabled and isinstance(listed.cut, EdgeCut)
            ),
        )

    @property
    def image(self) -> str:
        """The image's name."""
        return self.traced.document.ref.name

    @property
    def title(self) -> str:
        """The model's name for people."""
        return self.traced.title

    @property
    def trace(self) -> FeatureTrace:
        """What the forward pass showed."""
        return self.traced.trace

    @property
    def input_geometry(self) -> InputGeometry:
        """Where the network's input lies on the photo."""
        return self.traced.input_geometry

    @property
    def prediction(self) -> Prediction:
        """What the network says of the window, in its own classes."""
        return self.traced.prediction

    @property
    def class_names(self) -> Mapping[int, str]:
        """Names of the model's classes by id."""
        return self.traced.class_names

    @property
    def window(self) -> Image:
        """(h, w, 3) uint8, the part of the photo that the network saw."""
        return self.traced.document.pixels[self.input_geometry.window.slices]

    @property
    def window_reference(self) -> Labels | None:
        """(h, w) uint8 class ids of the annotation where the network saw the photo."""
        return None if self.reference is None else self.reference[self.input_geometry.window.slices]

    @property
    def measured(self) -> CutReference:
        """What class maps of the window are measured against."""
        return CutReference.between(self.window_reference, self.prediction.schema, self.schema)

    def mapped(self, labels: Labels) -> Labels:
        """A class map of the model in the classes of the reference."""
        found: Labels = self.measured.table[labels]
        return found

    def scores(self, labels: Labels) -> MaskScores | None:
        """Scores of a class map (h, w) of the window; None without a reference."""
        reference = self.window_reference
        if reference is None:
            return None
        return scores_of(reference, self.mapped(labels), self.schema)
