"""Manages a run: its folder, description and checkpoint, and what it shows on the terminal."""
