"""Contains longer studies, each run as `python -m studies.NAME`."""

import reporting  # noqa: F401, has to come before Matplotlib
