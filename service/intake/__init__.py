"""Events come in here.

`http` reads CloudEvents from HTTP requests and answers when they are on disk; `server` and
`worker` run the web process it lives in. What stands behind the door, the inbox, is a port.
"""
