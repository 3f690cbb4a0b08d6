"""What lies over the photo and how it is drawn, in words, in the order of lists and of the keys."""

from __future__ import annotations

LAYERS = (
    "annotation",
    "original",
    "provenance",
    "prediction",
    "both",
    "difference",
    "confidence",
    "entropy",
    "models",
    "disagreement",
    "photo",
)
LAYER_TEXTS = {
    "annotation": "Annotation",
    "original": "Original",
    "provenance": "Who wrote it",
    "prediction": "Prediction",
    "both": "Annotation + prediction",
    "difference": "Difference",
    "confidence": "Confidence",
    "entropy": "Entropy",
    "models": "Difference of models",
    "disagreement": "Disagreement",
    "photo": "Photo only",
}
LAYER_TIPS = {
    "annotation": "What is painted, or the ground truth",
    "original": "The ground truth as it was before it was corrected here",
    "provenance": "Who wrote each pixel: a person, an import or which model",
    "prediction": "What the model answered",
    "both": "What one edits filled, the other as a dashed white line",
    "difference": "Where the prediction differs from the annotation",
    "confidence": "Where the model is unsure of the class it chose",
    "entropy": "Where the model wavers between classes",
    "models": "Where two models differ from each other",
    "disagreement": "Where the models of this image do not say the same (vote entropy)",
    "photo": "Nothing over the photo",
}
STYLES = ("fill", "outline", "both")
STYLE_TEXTS = {"fill": "Fill", "outline": "Outline", "both": "Fill + outline"}
FLAVOURS = ("instance", "semantic", "panoptic")
FLAVOUR_TEXTS = {"instance": "By object", "semantic": "By class", "panoptic": "By both"}
FLAVOUR_TIPS = {
    "instance": "A colour for each object; other pixels have their class's",
    "semantic": "The colours of classes alone",
    "panoptic": "The colours of classes, objects told apart by shades and lines",
}
MARKS = {
    "object_ids": "Object ids",
    "object_boxes": "Object boxes",
    "object_scores": "Object scores",
}
"""What may stand on the picture, by the field of the view that switches it."""
MARK_TIPS = {
    "object_ids": "The number of each object, where there is room for it",
    "object_boxes": "The smallest rectangle around each object",
    "object_scores": "How sure the model is of each object that it found",
}
SCALE_BAR = "Scale bar"
SCALE_BAR_TIP = "A bar of a round length, where the size of a pixel is known"
OUTLINES = "Outlines"
OUTLINES_TIP = "Lines alone, nothing filled"
