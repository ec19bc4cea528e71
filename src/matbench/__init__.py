"""matbench: why hardware accelerates matrix multiplication, measured on the reader's own machine."""

__version__ = "0.1.0"
