"""The lessons as `make lessons` builds them."""

from built_lessons import lessons_built

__all__ = ["lessons_built"]
