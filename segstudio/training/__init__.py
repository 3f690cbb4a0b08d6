"""Training: joint transforms, losses, the loop, detection, and the file that comes of it."""
