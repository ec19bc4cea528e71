"""tools/readme.py as a module: what it takes for the records that README tells of."""

import importlib.util
from pathlib import Path

__all__ = ["readme"]


def _loaded():
    spec = importlib.util.spec_from_file_location("tools_readme", Path(__file__).parents[1] / "tools" / "readme.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


readme = _loaded()
