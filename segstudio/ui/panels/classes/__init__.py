"""The list of classes. May import what every panel may."""
