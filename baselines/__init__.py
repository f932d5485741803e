"""Trainings in which no model travels."""
