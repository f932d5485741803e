"""Provides what config.py needs: declarations of settings, errors, names, random streams."""
