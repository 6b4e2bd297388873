"""Settings: what an operator decides, refused all at once when wrong.

`rows` is the table that the README shows; `reading` makes a `Settings` of the environment
and an optional YAML file. Nothing else in the package reads the environment.
"""
