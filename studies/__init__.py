"""Contains longer studies, each run as `python -m studies.NAME`."""
