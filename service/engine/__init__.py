"""Where scripts are run: `.sh` and `.py` as processes, `.http` as requests.

`processes` and `request` are the two `Runner`s that `wiring` hands to `handling`.
`launch` starts the runner process, `runner` is that process.
"""
