"""Computes statistics, tables and figures from logged runs."""

import os

# No figure here needs a backend, and an unknown one ends the import of Matplotlib. Notebooks name theirs as a module.
if not os.environ.get("MPLBACKEND", "").startswith("module://"):
    os.environ.pop("MPLBACKEND", None)
