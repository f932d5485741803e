"""Evaluates a model on the test images."""
