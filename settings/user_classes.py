"""Imports classes of a user's own modules, named by an import path such as my_rules:Greedy."""

import importlib
import inspect
import os
import re
import sys
from pathlib import Path

from settings.errors import UsageError
from settings.names import PROJECT


def is_import_path(name: str) -> bool:
    """Tells whether a name has the form module:Class."""
    return bool(re.fullmatch(r"[^\W\d]\w*(\.[^\W\d]\w*)*:[^\W\d]\w*", name))


def user_class(name: str, base: type, *methods: str) -> type:
    """Returns the class that `name` names, from a module in the present folder or on Python's path.

    Raises UsageError where it cannot be imported, is no subclass of `base`, does not define one of `methods`, or cannot
    be called with the arguments of `base`.
    """
    module, _, attribute = name.partition(":")
    if os.getcwd() not in sys.path:
        sys.path.append(os.getcwd())  # last, so that modules of this project keep their names
    try:
        found = getattr(importlib.import_module(module), attribute)
    except (Exception, SystemExit) as error:  # whatever the module raises
        reason = f"{type(error).__name__}: {' '.join(str(error).split())}"
        remedy = f"start in the folder of {module}, or add that folder to PYTHONPATH"
        top = module.partition(".")[0]
        files = PROJECT / f"{top}.py", PROJECT / top / "__init__.py"
        if Path.cwd() != PROJECT and any(path.exists() for path in files):
            remedy = f"{top} is the name of a module of this project; give yours another name"
        raise UsageError(f"{name} cannot be imported ({reason}); {remedy}") from error
    if not (isinstance(found, type) and issubclass(found, base)):
        raise UsageError(f"{name} must be a subclass of {base.__module__}.{base.__name__}")
    for method in methods:
        if getattr(found, method) is getattr(base, method):
            raise UsageError(f"{name} must define the method {method}, see {base.__module__}.{base.__name__}")
    arguments, taken = list(inspect.signature(base).parameters), inspect.signature(found)
    try:
        taken.bind(*arguments)
    except TypeError as error:
        model, wanted = f"{base.__module__}.{base.__name__}", " and ".join(arguments)
        raise UsageError(f"the __init__ of {name} must take {wanted}, as that of {model}, not {taken}") from error
    return found
