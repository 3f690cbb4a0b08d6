"""Where the models differ on the open image. May import what every panel may."""
