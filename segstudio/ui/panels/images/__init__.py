"""The list of images. May import what every panel may."""
