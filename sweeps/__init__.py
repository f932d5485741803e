"""Runs many experiments side by side."""
