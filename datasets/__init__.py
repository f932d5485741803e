"""Reads and downloads image files."""
