"""Reports as one HTML file: markup, tables, pictures and charts without anything outside it."""
