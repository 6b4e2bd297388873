"""The face in chat: an executor plugin of Botkube.

`doorstep` and `server` are a go-plugin process. `chat` answers a request: `configs` reads what
a channel was given, `typed` and `commands` what was typed, `permission` who may, `answering`
asks a `desk`, `cards` make `messages` of it, `rendering` fits them to the platform. `cmd` and
`blueprints` are for programs of others. `wiring` makes a program of it.
"""
