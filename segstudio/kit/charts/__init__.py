"""Charts that follow the theme: bars, points and lines on pyqtgraph, and pictures of them."""
