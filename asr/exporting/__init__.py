"""A trained model as graphs for other runtimes, with all that a program without torch needs."""
