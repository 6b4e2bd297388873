"""Environments with the packages that Python scripts declare.

`runner` gives each script its environment, `stock` has each made once, `place` is the
directory of one, `building` makes it, `installer` knows how uv and pip are called.
"""
