"""Scripts from Keptn's own store, through its resource API.

`source` implements the port and is the only module that `wiring` makes; `project` looks up
and remembers on shelves, `reading` fetches files, `api` knows the paths of every Keptn,
`answers` tells what an answer means, `line` speaks HTTP, `address` reads the setting.
"""
