"""A desk at a running service; `calls` makes the requests to its API."""
