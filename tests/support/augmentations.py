"""Training samples as they are: cut out and not changed."""

from segstudio.training.data import TrainingAugmentation

NO_AUGMENTATION = TrainingAugmentation((1.0, 1.0), 0.0, 0.0, 0.0, 0.0, 0.0, 0.0)
