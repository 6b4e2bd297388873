"""Where scripts are run: a runner process for `.sh` and `.py`, and requests for `.http`.

`processes` and `request` are the two `Runner`s that `wiring` hands to `handling`.
`launch` starts the runner process, `runner` is that process.
"""
