"""The command line: arguments in, exit code out. Nothing else in matbench prints, exits or parses arguments."""

from matbench.cli.main import main

__all__ = ["main"]
