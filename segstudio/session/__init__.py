"""What is open: documents, predictions, scores, the view. No Qt, no files, no threads."""
