"""LightGBM without what it only needs for training.

LightGBM looks for pandas and scikit-learn when it is imported, and takes both in where they are installed: most of a
second and of a hundred megabytes in every worker, for nothing that scoring uses. It does without where they are not
there, so for that moment they are not.
"""

from __future__ import annotations

import sys

_COMPANIONS = ("pandas", "sklearn")


def import_lightgbm_alone() -> None:
    """Import LightGBM before anybody else does; whoever imports its companions later gets them as ever."""
    hidden = [name for name in _COMPANIONS if name not in sys.modules]
    try:
        for name in hidden:
            sys.modules[name] = None  # type: ignore[assignment]  # what Python takes for "not installed"
        import lightgbm  # noqa: F401, PLC0415  # the point of it
    finally:
        for name in hidden:
            del sys.modules[name]
