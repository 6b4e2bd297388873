"""Events come in here.

    server, worker   gunicorn: connections, TLS, deadlines
    gate             every request: open to everybody, or who is it? limits, then on to
    http             CloudEvents: read, written down, answered

`guard` tells the gate who sent a request, by the `roll` that `senders_file` keeps; `browsers`
tells it which requests foreign pages made. What stands behind, the inbox, is a port.
"""
