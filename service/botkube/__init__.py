"""The face in chat: an executor plugin of Botkube.

`doorstep` and `server` are a go-plugin process, `configs` reads what a channel was given,
`commands` understands what was typed and asks a `desk`, `messages` is what Botkube shows.
`cli` puts them together in the program that `make plugin` builds.
"""
