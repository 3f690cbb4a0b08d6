"""Which of several models is right, and where: figures over a folder, and the work queue."""
