"""A parent whose child forks for it in the way it is told; started by a test.

Prints what the child and its fork find out, and whom the parent could wait for.
"""

import json
import os
import random
import signal
import sys
import threading
import time

from service.engine.sandbox import adopt_orphans
from service.engine.warm.forking import fork_for_parent, fork_twice


def child(way, parent, pipe):
    fork = fork_twice if way == "twice" else fork_for_parent()
    hooks = []
    os.register_at_fork(after_in_child=lambda: hooks.append("child"))
    state = random.getstate()
    born = fork()
    if born:
        os.write(pipe, json.dumps({"born": born}).encode() + b"\n")
        return
    until = time.monotonic() + 10
    while os.getppid() != parent and time.monotonic() < until:
        time.sleep(0.001)  # the one in between has not ended yet
    caught = []
    signal.signal(signal.SIGUSR1, lambda *_: caught.append("caught"))
    # The C library sends it to the id that it holds for this thread.
    signal.pthread_kill(threading.get_ident(), signal.SIGUSR1)
    about = {"pid": os.getpid(), "parent": os.getppid(), "hooks": hooks, "caught": caught}
    about["as random as before"] = random.getstate() != state
    os.write(pipe, json.dumps(about).encode() + b"\n")


def main(way):
    adopt_orphans()
    me = os.getpid()
    reading, writing = os.pipe()
    started = os.fork()
    if not started:
        child(way, me, writing)
        os._exit(0)
    waited = sorted(os.wait()[0] for _ in range(2))
    os.close(writing)
    with os.fdopen(reading) as said:
        found = {key: value for line in said for key, value in json.loads(line).items()}
    found |= {"me": me, "waited": waited == sorted((started, found["pid"]))}
    sys.stdout.write(json.dumps(found))


main(sys.argv[1])
