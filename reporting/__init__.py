"""Computes statistics, tables and figures from logged runs."""

import os

# An unknown backend makes the import of Matplotlib fail. No figure here needs one; notebooks name theirs as a module.
if not os.environ.get("MPLBACKEND", "").startswith("module://"):
    os.environ.pop("MPLBACKEND", None)
