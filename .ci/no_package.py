"""The answer to `pip install .`: this is a suite of scripts, not a package."""

import sys


def refuse(*arguments: object, **settings: object):
    """Ends the build with what to do instead."""
    sys.exit(
        "homogeneous-learning is a suite of scripts, not a package: run `pip install -r requirements.txt`, then "
        "`python main.py` in this folder. To use its modules elsewhere, put this folder first on sys.path."
    )


get_requires_for_build_wheel = get_requires_for_build_editable = get_requires_for_build_sdist = refuse
build_wheel = build_editable = build_sdist = refuse
