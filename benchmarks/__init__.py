"""How fast it is, as ratios to what the same machine does without it.

`make bench` measures and writes docs/performance.md. Nothing here is imported by the service.
"""
