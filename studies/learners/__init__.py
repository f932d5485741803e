"""Compares the local learners with backpropagation: `python -m studies.learners`."""
