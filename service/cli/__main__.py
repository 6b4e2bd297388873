"""Lets the supervisor start its processes with `python -m service.cli`."""

from service.cli import main

main()
