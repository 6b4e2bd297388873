"""A script as the main module of a fork, and its end.

`child` calls `run` when all is as after `execve`. What follows is what the interpreter does
for `python FILE`, in its order: errors, threads, exit functions, streams, what is left. The
interpreter's own end would do the same, but takes apart every module that is loaded.
"""

import atexit
import builtins
import contextlib
import gc
import os
import signal
import sys
import weakref
from collections.abc import Callable
from importlib.machinery import SourceFileLoader
from types import CodeType, ModuleType, TracebackType
from typing import Any

from service.engine.warm.memory import Kernel

_FLUSH_FAILED = 120
_INTERRUPTED = -1
"""Instead of an exit code: the process ends by SIGINT."""
_LARGEST = 1 << 63


def run(code: CodeType, path: str, kernel: Kernel) -> None:
    """Run *code*, the script at *path*, as the main module, and end the process.

    The fewer frames are below it the better: scripts can see them.
    """
    failure: BaseException | None = None
    try:
        exec(code, _become_main(path))  # noqa: S102  # this is what it is for
    except BaseException as error:  # noqa: BLE001  # nothing is above a main module
        failure = _without_our_frame(error)
    for name in ("stderr", "stdout"):
        with contextlib.suppress(Exception):
            getattr(sys, name).flush()
    status = _answer(failure) if failure is not None else 0
    del failure
    _end(status, kernel)


def _become_main(path: str) -> dict[str, object]:
    module = ModuleType("__main__")
    module.__loader__ = SourceFileLoader("__main__", path)
    module.__annotations__ = {}
    module.__builtins__ = builtins  # type: ignore[attr-defined]  # as Python does
    module.__file__ = path
    module.__cached__ = None  # type: ignore[attr-defined]  # until Python 3.15
    sys.modules["__main__"] = module
    return module.__dict__


def _answer(failure: BaseException) -> int:
    """Do what Python does with an exception that nobody caught; return the exit code."""
    if isinstance(failure, SystemExit):
        return _code_of(failure)
    kind, trace = type(failure), failure.__traceback__
    sys.last_type, sys.last_value, sys.last_traceback = kind, failure, trace
    if sys.version_info >= (3, 12):
        sys.last_exc = failure
    second = _call_hook(kind, failure, trace)
    if isinstance(second, SystemExit):
        return _code_of(second)
    if second is not None:
        _write("Error in sys.excepthook:\n")
        sys.__excepthook__(type(second), second, second.__traceback__)
        _write("\nOriginal exception was:\n")
        sys.__excepthook__(kind, failure, trace)
    return _INTERRUPTED if isinstance(failure, KeyboardInterrupt) else 1


def _call_hook(
    kind: type[BaseException], failure: BaseException, trace: TracebackType | None
) -> BaseException | None:
    """Return what the hook raised."""
    hook = getattr(sys, "excepthook", None)
    if hook is None:
        _write("sys.excepthook is missing\n")
        hook = sys.__excepthook__
    try:
        hook(kind, failure, trace)
    except BaseException as error:  # noqa: BLE001  # as above
        return _without_our_frame(error)
    return None


def _code_of(failure: SystemExit) -> int:
    code = failure.code
    if code is None:
        return 0
    if isinstance(code, int):
        return code & 0xFF if -_LARGEST <= code < _LARGEST else 0xFF
    stream = getattr(sys, "stderr", None)
    with contextlib.suppress(Exception):  # of an object that cannot be shown
        stream.write(str(code)) if stream is not None else os.write(2, str(code).encode())
    _write("\n")
    return 1


def _end(status: int, kernel: Kernel) -> None:
    """End the process as the interpreter does behind the last line of the main module."""
    threading = sys.modules.get("threading")
    if threading is not None:
        _try(getattr(threading, "_shutdown"), threading)  # noqa: B009  # no public way
    getattr(atexit, "_run_exitfuncs")()  # noqa: B009  # as above
    flushed = _flush()
    _clear_main()
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(Exception):  # nobody is told any more
            stream.flush()
    kernel.flush_c_streams()
    if status == _INTERRUPTED:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        os.kill(os.getpid(), signal.SIGINT)
        status = 128 + signal.SIGINT
    os._exit(status if flushed else _FLUSH_FAILED)


def _flush() -> bool:
    """Write what is in the streams; False when that does not go."""
    flushed = True
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name, None)
        if stream is not None and not getattr(stream, "closed", False):
            flushed = _try(stream.flush, stream if name == "stdout" else None) and flushed
    return flushed


def _clear_main() -> None:
    """Let go of what the main module holds, so that its objects can say goodbye."""
    for name in ("last_type", "last_value", "last_traceback", "last_exc"):
        if hasattr(sys, name):
            setattr(sys, name, None)
    sys.stdin, sys.stdout, sys.stderr = sys.__stdin__, sys.__stdout__, sys.__stderr__
    module = sys.modules.pop("__main__", None)
    if not isinstance(module, ModuleType):
        return
    left = weakref.ref(module)
    del module
    gc.collect()
    module = left()
    if module is not None:
        names = [name for name in vars(module) if name != "__builtins__"]
        for name in sorted(names, key=lambda name: name[:1] != "_" or name[:2] == "__"):
            vars(module)[name] = None


def _try(action: Callable[[], object], about: object) -> bool:
    """Say whether *action* went well; if not, report it as Python does when nobody can catch."""
    try:
        action()
    except BaseException as error:  # noqa: BLE001  # as above
        failure = _without_our_frame(error)
    else:
        return True
    if about is not None:
        _report_ignored(failure, about)
    return False


def _report_ignored(failure: BaseException, about: object) -> None:
    """Call the hook for what cannot be raised, with a value of the type it insists on."""
    hook = sys.unraisablehook
    kinds: list[Callable[..., Any]] = []
    sys.unraisablehook = lambda args: kinds.append(type(args))
    _Failing()
    sys.unraisablehook = hook
    hook(kinds[0]((type(failure), failure, failure.__traceback__, None, about)))


def _without_our_frame(failure: BaseException) -> BaseException:
    trace = failure.__traceback__
    return failure.with_traceback(trace.tb_next if trace is not None else None)


def _write(words: str) -> None:
    """Write to standard error, whatever has become of the stream."""
    try:
        sys.stderr.write(words)
    except Exception:  # noqa: BLE001  # of a stream that the script has made
        os.write(2, words.encode())


class _Failing:
    """Its end is an exception that nobody can catch."""

    def __del__(self) -> None:
        raise RuntimeError
