"""Parts become a program: the one place where settings meet modules.

`engine` and `web` are the two processes that `supervisor` starts, `foreground` is the same
engine for one event, `parts` makes what they share. End-to-end tests start these too.
"""
