"""The helper package of the course: the book teaches, this package computes."""

__version__ = "0.1.0"
