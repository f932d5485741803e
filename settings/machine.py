"""Describes the machine: versions, processor, environment variables."""

import contextlib
import importlib
import importlib.metadata
import os
import platform
from pathlib import Path

MODULES = {  # distribution: the module that tells its version too
    "tensorflow": "tensorflow",
    "keras": "keras",
    "numpy": "numpy",
    "pandas": "pandas",
    "matplotlib": "matplotlib",
    "scikit-learn": "sklearn",
    "scipy": "scipy",
    "gymnasium": "gymnasium",
    "rich": "rich",
    "filelock": "filelock",
    "numba": "numba",
}


# Environment variables with these beginnings can change the numbers that TensorFlow and NumPy compute.
NUMERIC_VARIABLES = (
    "TF_ENABLE_",
    "TF_DISABLE_",
    "TF_XLA_",
    "TF_ONEDNN_",
    "TF_SET_ONEDNN_",
    "TF_DETERMINISTIC_",
    "TF_USE_",
    "XLA_",
    "ONEDNN_",
    "DNNL_",
    "OPENBLAS_CORETYPE",
    "MKL_CBWR",
    "MKL_ENABLE_",
    "NPY_DISABLE_",
    "NPY_ENABLE_",
    "NVIDIA_TF32_",
)


def machine() -> dict:
    """Returns on what a number was measured: versions, processor, cores that this process may use."""
    return {
        "python": platform.python_version(),
        "packages": {name: version(name) for name in MODULES},
        "processor": _processor(),
        "cores": processors(),
    }


def processors() -> int:
    """Returns how many processors this process may use: those of its affinity where the system has such."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def version(distribution: str) -> str | None:
    """Returns a package's version, also where its distribution has another name, such as tensorflow-cpu; None where it
    is not installed, as Numba need not be."""
    try:
        return importlib.metadata.version(distribution)
    except importlib.metadata.PackageNotFoundError:
        with contextlib.suppress(ImportError):
            return getattr(importlib.import_module(MODULES[distribution]), "__version__", "unknown")
        return None


def numeric_environment() -> dict[str, str]:
    """Returns the environment variables that can change a run's numbers, as a dict."""
    return {name: value for name, value in sorted(os.environ.items()) if name.startswith(NUMERIC_VARIABLES)}


def _processor() -> str:
    """Returns the processor's name, as far as the system tells."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        return next(line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor()
