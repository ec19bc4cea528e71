"""Whether symbolic links can be made here: Windows lets nobody but administrators and developers make them."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest


def _can_link() -> bool:
    with tempfile.TemporaryDirectory() as folder:
        try:
            (Path(folder) / "link").symlink_to("target")
        except (OSError, NotImplementedError):
            return False
    return True


needs_links = pytest.mark.skipif(not _can_link(), reason="symbolic links can't be made here")
