"""Answer an event by running the script that bears its name."""

__version__ = "0.1.0"
