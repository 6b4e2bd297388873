"""Warm Python: `.py` files run in a fork of an interpreter that is loaded.

`pool` lives in the runner process and keeps one `interpreter` per project and Python
program. `process` is what such an interpreter does until it forks, `child` how the fork
becomes a script, `script` how that runs and ends. What cannot be exact is started cold.
"""
