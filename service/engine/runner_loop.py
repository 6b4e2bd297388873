"""The loop of the runner process: obey, watch the clock, bury the dead.

`runner` makes it and ends everything when it ends. A run is over when its main process is;
then whatever fell to this process and belongs to no live run is ended, until nothing is
left, and only then the end is reported.
"""

import contextlib
import os
import select
import signal
import time
from functools import partial
from math import inf

from service.engine.isolation import Isolation
from service.engine.landlock import Landlock
from service.engine.process_tree import Process, end_tree, marked_run, orphans
from service.engine.protocol import NOT_RUN, Channel, Ended, Isolate, Message, Start, Stop
from service.engine.sandbox import ScriptLimits
from service.engine.script_process import Script, spawn
from service.engine.warm.letters import COLD, FAILED
from service.engine.warm.pool import Pool
from service.engine.warm.spares import Gates, Spare, Waiting, Word, close_all

_ENDED = os.WEXITED | os.WNOHANG | os.WNOWAIT
_RETRY = 0.001
_BENEFIT_OF_DOUBT = 0.03


class RunnerLoop:
    """Starts scripts, stops them in time, and leaves nothing of them."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel
        self._limits = ScriptLimits()
        self._isolation: Isolation | None = None
        self._scripts: dict[str, Script] = {}
        self._mains: dict[int, Script] = {}
        """Scripts by their main process, as long as that was not waited for."""
        self._nobodys: dict[int, float] = {}
        """Since when orphans are known that seem to belong to no live run."""
        self._woken, self._waker = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        self._poll = select.poll()
        self._poll.register(self._woken, select.POLLIN)
        self._poll.register(channel, select.POLLIN)
        self._all_sent = True
        self._gates = Gates(self._poll)
        self._warm = Pool(self._poll, born=self._born, cold=self._start_cold)

    def serve(self) -> None:
        """Work until the engine is gone: raises `ConnectionError` then."""
        signal.set_wakeup_fd(self._waker, warn_on_full_buffer=False)
        try:
            while True:
                self._turn()
        finally:  # signals still come when the descriptor is gone
            signal.set_wakeup_fd(-1)

    def _turn(self) -> None:
        ready = dict(self._poll.poll(self._timeout()))
        if ready.pop(self._woken, 0):
            os.read(self._woken, 4096)
            self._wait_for_the_dead()
        events = ready.pop(self._channel.fileno(), 0)
        if events & select.POLLOUT:
            self._watch(all_sent=self._channel.flush())
        if events & ~select.POLLOUT:
            for message, descriptors in self._channel.receive():
                self._obey(message, descriptors)
        for descriptor in ready:
            self._warm.heard(descriptor, now=time.monotonic())
            self._listen(self._gates.heard(descriptor))
        self._act_on_time()

    def _timeout(self) -> float | None:
        """Return milliseconds until something is due."""
        due = min([self._warm.due, *(script.due for script in self._scripts.values())])
        return None if due == inf else max(0.0, due - time.monotonic()) * 1000

    def _obey(self, message: Message, descriptors: tuple[int, ...]) -> None:
        match message:
            case Isolate():
                self._isolation = Isolation(message, Landlock())
                self._tell(self._isolation.ready())
            case Start():
                self._start(message, descriptors)
            case Stop():
                script = self._scripts.get(message.run)
                if script is not None:
                    script.stop(
                        message.why,
                        self._orphans_of(script),
                        grace=message.grace,
                        now=time.monotonic(),
                    )
                elif self._warm.cancel(message.run):
                    self._tell(Ended(message.run, message.why, signal=signal.SIGKILL))
            case _:
                raise ConnectionError(f"a runner is not told {message!r}")

    def _start(self, start: Start, streams: tuple[int, ...]) -> None:
        why = self._warm.take(start, streams, now=time.monotonic()) if start.warm else ""
        if why or not start.warm:
            self._start_cold(start, streams, why)

    def _start_cold(self, start: Start, streams: tuple[int, ...], why: str) -> None:
        """Start a new program; *why* a fork does not do, where it might have."""
        isolation = self._isolated()
        try:
            self._limits.put_on_next(file_size=start.file_size, memory=start.memory)
            program = partial(spawn, start, streams)
            pid = isolation.start(program, cwd=start.cwd, script=start.argv[-2])
        except OSError as error:
            self._tell(Ended(start.run, NOT_RUN, detail=str(error)))
            return
        finally:
            for stream in streams:
                os.close(stream)
        self._enter(start, pid).cold = why

    def _born(self, waiting: Waiting, spare: Spare) -> None:
        """Let the fork of a warm interpreter become its script; its limits are on before."""
        start, streams, *_ = waiting
        script = self._enter(start, spare.pid)
        try:
            with self._isolated().rulesets(cwd=start.cwd, script=start.argv[-2]) as rulesets:
                told = spare.send(waiting, rulesets)
        except OSError as error:
            script.not_run = str(error)
            spare.gate.close()  # the process ends, and then the run
            close_all(streams)
            return
        if told:
            self._gates.add(start.run, spare.gate)
            close_all(streams)
            return
        del self._scripts[start.run], self._mains[spare.pid]
        self._start_cold(start, streams, "its fork could not be told what it is")

    def _isolated(self) -> Isolation:
        if self._isolation is None:
            raise ConnectionError("nobody said how scripts are isolated")
        return self._isolation

    def _enter(self, start: Start, pid: int) -> Script:
        script = Script(start, pid, now=time.monotonic())
        self._scripts[start.run] = self._mains[pid] = script
        self._limits.put_on(
            pid, file_size=start.file_size, memory=start.memory, processes=start.processes
        )
        return script

    def _listen(self, word: Word | None) -> None:
        script = self._scripts.get(word.run) if word is not None else None
        if word is not None and script is not None:
            script.not_run = word.why if word.kind == FAILED else ""
            script.cold = word.why if word.kind == COLD else ""

    def _wait_for_the_dead(self) -> None:
        with contextlib.suppress(ChildProcessError):
            while result := os.waitid(os.P_ALL, 0, _ENDED):
                script = self._mains.get(result.si_pid)
                if script is not None:
                    self._main_ended(script, result)
                    continue
                os.waitpid(result.si_pid, 0)
                self._warm.died(result.si_pid, now=time.monotonic())
                for other in self._scripts.values():
                    if other.over:
                        other.due = 0.0  # look at once what fell to us from this one

    def _main_ended(self, script: Script, result: os.waitid_result) -> None:
        now = time.monotonic()
        script.main_ended(result, now=now)
        self._listen(self._gates.last_word(script.run))
        unfinished = self._end_orphans()
        script.wait_for_main()
        del self._mains[script.pid]
        if script in unfinished:
            script.due = now + _RETRY
        else:
            self._finish(script, now=now)

    def _act_on_time(self) -> None:
        now = time.monotonic()
        due = [script for script in self._scripts.values() if script.due <= now]
        unfinished = self._end_orphans() if any(script.over for script in due) else set()
        for script in due:
            if now >= script.gives_up or (script.over and script not in unfinished):
                self._finish(script, now=now)
            elif script.over:
                script.due = now + _RETRY
            else:
                script.act(self._orphans_of(script), now=now)
        self._warm.act(now)

    def _end_orphans(self) -> set[Script]:
        """Kill what runs that are over left behind; return those of which there was something.

        An orphan of nobody may be of any run that is over, so all of these wait for its end.
        """
        over = [script for script in self._scripts.values() if script.over]
        unfinished: set[Script] = set()
        nobodys: dict[int, float] = {}
        now = time.monotonic()
        for orphan in self._orphans():
            owner = self._owner(orphan)
            if owner is not None and not owner.over:
                continue
            owners = over if owner is None else [owner]
            unfinished.update(owners)
            if owner is None and len(over) < len(self._scripts):
                # Within `execve` nobody's environment can be read: look twice.
                nobodys[orphan.pid] = self._nobodys.get(orphan.pid, now)
                if now - nobodys[orphan.pid] < _BENEFIT_OF_DOUBT:
                    continue
            owners[0].leftovers |= end_tree(orphan)
        self._nobodys = nobodys
        return unfinished

    def _finish(self, script: Script, *, now: float) -> None:
        del self._scripts[script.run]
        self._mains.pop(script.pid, None)
        if not self._scripts:
            self._isolated().rest()
        self._tell(script.report(now=now))

    def _orphans_of(self, script: Script) -> list[Process]:
        return [orphan for orphan in self._orphans() if self._owner(orphan) is script]

    def _orphans(self) -> list[Process]:
        warm = self._warm.pids
        return orphans(self._mains.keys() | warm, warm)

    def _owner(self, orphan: Process) -> Script | None:
        """Return the live run that *orphan* belongs to: by its session, else by its marker."""
        for script in self._scripts.values():
            if script.pid == orphan.session:
                return script
        return self._scripts.get(marked_run(orphan.pid))

    def _tell(self, message: Message) -> None:
        self._watch(all_sent=self._channel.send(message))

    def _watch(self, *, all_sent: bool) -> None:
        if all_sent != self._all_sent:
            self._all_sent = all_sent
            events = select.POLLIN if all_sent else select.POLLIN | select.POLLOUT
            self._poll.modify(self._channel, events)
