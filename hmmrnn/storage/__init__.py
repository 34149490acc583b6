"""Where networks, answers and task data are kept."""
