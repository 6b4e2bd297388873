"""One module per thing that is measured; each has a `measure` that returns its rows."""
