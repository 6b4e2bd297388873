"""Every script does the same in a fork of a warm interpreter as in a program of its own.

Each runs both ways through a real runner; compared are output, exit code, signal, ending,
result file and what was left to be ended. What differs by its nature is in `EXPLAINED`.
"""
# ruff: noqa: E501  # a line of a script stays a line

import asyncio
import re

import pytest

# Each prints what it sees; nothing in it may be random.
SCRIPTS = {
    "nothing": "",
    "arguments": "import sys; print(sys.argv, sys.orig_argv)",
    "the event": "import json, sys; print(json.load(open(sys.argv[1]))['type'])",
    "environment": "import os; print(sorted(os.environ.items()))",
    "environment of the kernel": (
        "import os\n"
        "shown = open('/proc/self/environ').read().rstrip('\\0').split('\\0')\n"
        "print(shown == [f'{n}={v}' for n, v in os.environ.items()])"
    ),
    "command line of the kernel": "print(open('/proc/self/cmdline').read().rstrip('\\0'))",
    "environment in C": "import os, sys; sys.stdout.flush(); os.system('env | sort')",
    "environment changed": (
        "import os\n"
        "os.environ['ADDED'] = 'a'; del os.environ['STAGE']; os.putenv('PUT', 'p')\n"
        "os.environ['LABEL_A'] = 'changed'\n"
        "os.system('env | sort')"
    ),
    "environment as bytes": "import os; print(sorted(os.environb.items()))",
    "environment of a child": (
        "import subprocess; print(sorted(subprocess.check_output(['env']).splitlines()))"
    ),
    "environment of posix": "import posix; print(sorted(posix.environ.items()))",
    "environment emptied": "import os; os.environ.clear(); os.system('/usr/bin/env')",
    "exit 0": "raise SystemExit",
    "exit 3": "import sys; sys.exit(3)",
    "exit 256": "import sys; sys.exit(256)",
    "exit -1": "import sys; sys.exit(-1)",
    "exit too large": "import sys; sys.exit(1 << 70)",
    "exit true": "import sys; sys.exit(True)",
    "exit with words": "import sys; print('out'); sys.exit('went wrong')",
    "exit with a tuple": "import sys; sys.exit((1, 'two'))",
    "exit with a float": "import sys; sys.exit(2.5)",
    "exit in a function": "def f():\n    exit(4)\nf()",
    "exit at once": "import os; print('lost'); os._exit(7)",
    "exit of a broken object": (
        "import sys\nclass Bad:\n    def __str__(self):\n        raise ValueError\nsys.exit(Bad())"
    ),
    "exit of a class of its own": "class Gone(SystemExit):\n    pass\nraise Gone(9)",
    "traceback": "def f(n):\n    return 1 / n\n\n\nf(0)",
    "traceback at the top": "1 / 0",
    "traceback with a cause": (
        "try:\n    1 / 0\nexcept ZeroDivisionError as error:\n    raise ValueError('x') from error"
    ),
    "traceback of a group": "raise ExceptionGroup('all', [ValueError(1), TypeError(2)])",
    "traceback through a library": "import json; json.loads('{')",
    "notes": "e = ValueError('x'); e.add_note('remember'); raise e",
    "assertion": "assert 1 == 2, 'never'",
    "syntax error": "print('begin')\nif True\n    pass\n",
    "syntax error of indentation": "def f():\nreturn 1\n",
    "syntax error in tabs": "if True:\n        x = 1\n\tif x: pass\n",
    "syntax error in eval": "eval('1 +')",
    "syntax warning": "x = 1\nprint(x is 1)",
    "deprecated escape": "print(len('\\d'))",
    "a NUL in the source": "print(1)\n\0print(2)\n",
    "an unknown encoding": "# -*- coding: nonsense -*-\nprint(1)",
    "another encoding": "# -*- coding: latin-1 -*-\nprint(len('ü'))",
    "a byte order mark": "\ufeffprint(1)",
    "no newline at the end": "print(1)\n# end",
    "carriage returns": "print(1)\r\nprint('''a\r\nb''')\r\n",
    "nested too deeply": "x = " + "(" * 300 + ")" * 300,
    "umlauts": "print('äöü €', '\\N{SNOWMAN}')",
    "lone surrogates": "print('\\udcff')",
    "encodings": (
        "import locale, sys\n"
        "for s in (sys.stdin, sys.stdout, sys.stderr):\n"
        "    print(s.encoding, s.errors, s.line_buffering, s.write_through, s.newlines, s.name)\n"
        "    print(s.mode, s.fileno(), s.buffer.raw.name, s.buffer.raw.mode, s.buffer.raw.closefd)\n"
        "print(sys.getfilesystemencoding(), sys.getfilesystemencodeerrors())\n"
        "print(locale.getlocale(), locale.setlocale(locale.LC_ALL), locale.getencoding())"
    ),
    "seekable streams": (
        "import sys\n"
        "print([s.seekable() for s in (sys.stdin, sys.stdout, sys.stderr)], sys.stdout.isatty())"
    ),
    "standard input": "import sys; print(repr(sys.stdin.read()), sys.stdin.buffer.read())",
    "input": "input('name? ')",
    "both streams": (
        "import sys\n"
        "for n in range(3):\n"
        "    print('out', n, flush=True); print('err', n, file=sys.stderr)\n"
    ),
    "a megabyte": "print('x' * 1_000_000)",
    "half a line": "print('no newline', end='')",
    "closed output": "import sys; print('a'); sys.stdout.close()",
    "closed descriptor": "import os; print('lost'); os.close(1)",
    "closed errors": "import sys; sys.stderr.close(); sys.exit('lost')",
    "no output at all": "import sys; sys.stdout = None; print('nothing')",
    "output of its own": "import io, sys; sys.stdout = io.StringIO(); print('lost')",
    "a full device": "import sys; sys.stdout = open('/dev/full', 'w'); print('x')",
    "output of C": "import ctypes; ctypes.CDLL(None).printf(b'from C\\n')",
    "a pipe that broke": (
        "import os, signal\nr, w = os.pipe(); os.close(r)\nprint(signal.getsignal(signal.SIGPIPE))\n"
        "os.write(w, b'x')"
    ),
    "flags": "import sys; print(sys.flags, sys._xoptions, sys.warnoptions)",
    "path": "import sys; print(sys.path)",
    "path finders": "import sys; print(sys.meta_path[:3], sys.path_hooks[:1], len(sys.path_hooks))",
    "interpreter": (
        "import sys\n"
        "print(sys.executable, sys.prefix, sys.base_prefix, sys.version, sys.platlibdir)\n"
        "print(sys.dont_write_bytecode, sys.pycache_prefix, sys.getrecursionlimit())\n"
        "print(sys.getswitchinterval(), sys.gettrace(), sys.getprofile(), sys.exc_info())\n"
        "print(hasattr(sys, 'last_type'), hasattr(sys, 'ps1'), sys.excepthook)"
    ),
    "main module": (
        "import sys\n"
        "main = sys.modules['__main__']\n"
        "print(list(vars(main))[:10], main.__name__, main.__doc__, main.__package__)\n"
        "print(main.__spec__, main.__file__, main.__cached__, main.__annotations__)\n"
        "print(type(main.__loader__), main.__loader__.name, main.__loader__.path)\n"
        "print(main.__builtins__, vars(main) is globals())"
    ),
    "its own words": '"""What it is for."""\nprint(__doc__, __name__, __file__)',
    "annotations": "x: int = 1\nprint(__annotations__)",
    "no leaks from us": (
        "import sys\n"
        "print([n for n in sys.modules if n.partition('.')[0] == 'service'])\n"
        "print('__main__' in sys.modules, 'run' in globals(), 'gate' in globals())"
    ),
    "pickle": (
        "import pickle\nclass A:\n    def __init__(self):\n        self.x = 1\n"
        "print(pickle.loads(pickle.dumps(A())).x, A.__module__)"
    ),
    "its own source": (
        "import inspect\ndef f():\n    return 1\n"
        "print(inspect.getsource(f), inspect.getfile(f), open(__file__).read())"
    ),
    "a dataclass": (
        "from dataclasses import dataclass\n"
        "@dataclass\nclass A:\n    x: int = 1\nprint(A(), A.__qualname__)"
    ),
    "import of itself": (
        "import importlib.util, sys\n"
        "print(importlib.util.find_spec('nonsense'), 'here' in sys.modules)"
    ),
    "a sibling in the working directory": (
        "open('mine.py', 'w').write('x = 5')\nimport sys\n"
        "try:\n    import mine\nexcept ImportError as error:\n    print(error)\n"
        "sys.path.append('.')\nimport mine\nprint(mine.x)"
    ),
    "libraries": (
        "import json, requests, yaml\n"
        "print(requests.__version__, yaml.safe_load('a: [1, 2]'), json.dumps({'a': None}))\n"
        "print(requests.Request('GET', 'http://localhost/x', params={'a': 1}).prepare().url)"
    ),
    "a refused connection": (
        "import requests\n"
        "try:\n    requests.get('http://127.0.0.1:1/')\n"
        "except requests.ConnectionError as error:\n    print(type(error).__name__)"
    ),
    "proxies of the environment": (
        "import os, requests\nos.environ['http_proxy'] = 'http://127.0.0.1:1'\n"
        "print(requests.utils.get_environ_proxies('http://example.com'))"
    ),
    "exit functions": (
        "import atexit\natexit.register(print, 'second')\natexit.register(print, 'first')\n"
        "print('end')"
    ),
    "a failing exit function": "import atexit\natexit.register(lambda: 1 / 0)",
    "an exit function that exits": (
        "import atexit, sys\natexit.register(lambda: sys.exit(5)); print('end')"
    ),
    "exit functions after a failure": "import atexit\natexit.register(print, 'bye')\n1 / 0",
    "last words of an object": (
        "class A:\n    def __init__(self, n):\n        self.n = n\n"
        "    def __del__(self):\n        print('bye', self.n)\na, _b = A('a'), A('b')\nc = [a]"
    ),
    "last words of a cycle": (
        "class A:\n    def __del__(self):\n        print('bye')\na = A(); a.me = a; del a"
    ),
    "last words of a function's module": (
        "class A:\n    def __del__(self):\n        print('bye', f is None)\n"
        "def f():\n    return a\na = A()"
    ),
    "last words after a failure": (
        "class A:\n    def __del__(self):\n        print('bye')\n"
        "def f():\n    a = A()\n    1 / 0\nf()"
    ),
    "a finalizer": "import weakref\nclass A: pass\na = A()\nweakref.finalize(a, print, 'bye')",
    "a temporary directory": (
        "import os, tempfile\nd = tempfile.TemporaryDirectory()\n"
        "print(os.path.dirname(d.name) == os.getcwd() == tempfile.gettempdir())"
    ),
    "a generator left open": (
        "def g():\n    try:\n        yield 1\n    finally:\n        print('closed')\nx = g(); next(x)"
    ),
    "threads": (
        "import threading\n"
        "def f(n):\n    print('thread', n)\n"
        "for n in range(3):\n    t = threading.Thread(target=f, args=(n,)); t.start(); t.join()\n"
        "print(threading.current_thread(), threading.active_count())".replace(
            "threading.current_thread()", "threading.current_thread().name"
        )
    ),
    "a thread that outlives the main one": (
        "import threading, time\n"
        "def f():\n    time.sleep(0.2); print('late')\nthreading.Thread(target=f).start()"
    ),
    "a daemon thread": (
        "import threading, time\n"
        "threading.Thread(target=time.sleep, args=(60,), daemon=True).start(); print('end')"
    ),
    "an exception in a thread": (
        "import threading\n"
        "def f():\n    1 / 0\nt = threading.Thread(target=f, name='worker'); t.start(); t.join()"
    ),
    "an exit in a thread": (
        "import sys, threading\nt = threading.Thread(target=sys.exit, args=(3,)); t.start(); t.join()"
    ),
    "threads of a pool": (
        "from concurrent.futures import ThreadPoolExecutor\n"
        "with ThreadPoolExecutor(2) as pool:\n    print(list(pool.map(abs, [-1, -2])))"
    ),
    "the main thread": (
        "import os, threading\n"
        "t = threading.main_thread()\n"
        "print(t is threading.current_thread(), t.native_id == os.getpid(), t.ident is not None)"
    ),
    "multiprocessing by fork": (
        "import multiprocessing\n"
        "def f(n):\n    return n * 2\n"
        "with multiprocessing.get_context('fork').Pool(2) as pool:\n    print(pool.map(f, [1, 2]))"
    ),
    "multiprocessing by spawn": (
        "import multiprocessing\n"
        "def f(n):\n    return n * 2\n"
        "if __name__ == '__main__':\n"
        "    with multiprocessing.get_context('spawn').Pool(2) as pool:\n"
        "        print(pool.map(f, [1, 2]))"
    ),
    "multiprocessing by a server": (
        "import multiprocessing\n"
        "def f(q):\n    q.put('done')\n"
        "if __name__ == '__main__':\n"
        "    c = multiprocessing.get_context('forkserver'); q = c.Queue()\n"
        "    p = c.Process(target=f, args=(q,)); p.start(); print(q.get()); p.join()"
    ),
    "a pool of processes": (
        "from concurrent.futures import ProcessPoolExecutor\n"
        "with ProcessPoolExecutor(2) as pool:\n    print(list(pool.map(abs, [-1, -2])))"
    ),
    "fork": (
        "import os, sys\n"
        "pid = os.fork()\n"
        "if pid == 0:\n    print('child'); sys.exit(3)\n"
        "print(os.waitpid(pid, 0)[1] >> 8)"
    ),
    "fork and an exception": (
        "import os, sys\npid = os.fork()\nif pid == 0:\n    1 / 0\nos.waitpid(pid, 0)\nsys.exit(2)"
    ),
    "exec": "import os; os.execvp('echo', ['echo', 'done'])",
    "a process of its own": (
        "import subprocess, sys\n"
        "print(subprocess.run(['cat'], capture_output=True, input=b'x').stdout)\n"
        "print(subprocess.run([sys.executable, '-c', 'import sys; print(sys.path[-1])'],"
        " capture_output=True).stdout)\n"
        "print(subprocess.run('exit 3', shell=True).returncode)"
    ),
    "a process left behind": "import subprocess; subprocess.Popen(['sleep', '60']); print('end')",
    "asyncio": (
        "import asyncio\n"
        "async def main():\n"
        "    p = await asyncio.create_subprocess_exec('echo', 'a', stdout=-1)\n"
        "    print(await asyncio.gather(asyncio.sleep(0.01, 1), asyncio.to_thread(abs, -2)))\n"
        "    print(await p.communicate())\nasyncio.run(main())"
    ),
    "logging": (
        "import logging\nlogging.warning('a'); logging.getLogger('x').error('b')\n"
        "logging.basicConfig(level=10, format='%(name)s %(message)s %(process)d', force=True)\n"
        "logging.debug('c')".replace(" %(process)d", "")
    ),
    "time since logging began": (
        "import logging\nr = logging.makeLogRecord({})\n"
        "r = logging.LogRecord('a', 1, 'b', 1, 'c', (), None)\nprint(r.relativeCreated < 1000)"
    ),
    "warnings": "import warnings; warnings.warn('careful'); warnings.warn('old', FutureWarning)",
    "warnings as errors": (
        "import warnings; warnings.simplefilter('error'); warnings.warn('careful')"
    ),
    "deprecations of its own": "import warnings; warnings.warn('old', DeprecationWarning)",
    "signals": (
        "import signal\n"
        "print({n.name: str(signal.getsignal(n)).split(' at ')[0] for n in signal.valid_signals()"
        " if isinstance(n, signal.Signals)})\n"
        "print(signal.pthread_sigmask(signal.SIG_BLOCK, []), signal.set_wakeup_fd(-1))\n"
        "print([l for l in open('/proc/self/status') if l.startswith('Sig') and 'SigQ' not in l])"
    ),
    "a signal to its own thread": (
        "import signal, threading\nsignal.signal(signal.SIGUSR1, lambda *_: print('caught'))\n"
        "signal.pthread_kill(threading.get_ident(), signal.SIGUSR1)"
    ),
    "interrupted": "import os, signal; os.kill(os.getpid(), signal.SIGINT); print('no')",
    "an interrupt that is caught": (
        "import os, signal\ntry:\n    os.kill(os.getpid(), signal.SIGINT)\n"
        "except KeyboardInterrupt:\n    print('caught')"
    ),
    "an interrupt and exit functions": (
        "import atexit; atexit.register(print, 'bye'); raise KeyboardInterrupt"
    ),
    "terminated": "import os, signal; os.kill(os.getpid(), signal.SIGTERM)",
    "killed": "import os; os.kill(os.getpid(), 9)",
    "aborted": "import os; os.abort()",
    "a crash": "import ctypes; ctypes.string_at(0)",
    "an alarm": "import signal; signal.alarm(1); signal.pause()",
    "a hook for exceptions": (
        "import sys, traceback\n"
        "def hook(kind, value, trace):\n"
        "    print(kind, value, trace.tb_frame.f_code.co_name, trace.tb_lineno, sys.exc_info())\n"
        "sys.excepthook = hook\n1 / 0"
    ),
    "a failing hook": "import sys\ndef hook(*_):\n    [][0]\nsys.excepthook = hook\n1 / 0",
    "a hook that exits": "import sys\nsys.excepthook = lambda *_: sys.exit(6)\n1 / 0",
    "no hook": "import sys\ndel sys.excepthook\n1 / 0",
    "the last exception": (
        "import atexit, sys\n"
        "atexit.register(lambda: print(sys.last_type, sys.last_value, sys.last_traceback.tb_lineno))"
        "\n1 / 0"
    ),
    "recursion": "def f():\n    f()\ntry:\n    f()\nexcept RecursionError as error:\n    print(error)",
    "randomness": (
        "import random, secrets, uuid\n"
        "print(random.random() != random.random(), len(secrets.token_hex()), len(str(uuid.uuid4())))"
    ),
    "a seed": "import random; random.seed(5); print(random.random(), random.getstate()[1][:3])",
    "time zone": (
        "import datetime, os, time\nprint(time.tzname, time.timezone, time.daylight)\n"
        "os.environ['TZ'] = 'Asia/Tokyo'; time.tzset(); print(time.tzname, time.localtime(0))\n"
        "print(datetime.datetime.fromtimestamp(0))"
    ),
    "time that it took": "import time; print(time.process_time() < 1, time.thread_time() < 1)",
    "limits": (
        "import resource as r\n"
        "print({n: r.getrlimit(getattr(r, n)) for n in dir(r) if n.startswith('RLIMIT_')})"
    ),
    "too much memory": (
        "try:\n    x = bytearray(4 << 30)\nexcept MemoryError:\n    print('denied')\n"
        "y = bytearray(4 << 30)"
    ),
    "too large a file": (
        "with open('f', 'wb') as f:\n    f.truncate(1 << 10)\n    f.seek(100 << 20)\n    f.write(b'x')"
    ),
    "descriptors": (
        "import os\nprint(sorted(os.listdir('/proc/self/fd')))\n"
        "print([os.readlink(f'/proc/self/fd/{n}').split(':')[0] for n in range(3)])\n"
        "print(os.open('/dev/null', 0), os.get_inheritable(1))"
    ),
    "its place among processes": (
        "import os\nme = os.getpid()\n"
        "print(os.getsid(0) == me, os.getpgid(0) == me, os.getcwd() == os.environ['HOME'])\n"
        "print(open('/proc/self/comm').read(), os.umask(0), os.nice(0), os.getuid(), os.getgroups())"
    ),
    "its privileges": (
        "names = 'NoNewPrivs', 'Cap', 'Threads', 'Seccomp', 'Uid', 'Gid', 'Groups'\n"
        "print([l for l in open('/proc/self/status') if l.startswith(names)])"
    ),
    "a process it may look into": (
        "import ctypes, os\nprint(ctypes.CDLL(None).prctl(3, 0, 0, 0, 0))\n"
        "signal = ctypes.c_int(-1)\nctypes.CDLL(None).prctl(2, ctypes.byref(signal))\n"
        "print(signal.value, os.stat('/proc/self').st_uid == os.getuid())"
    ),
    "what is denied": (
        "import os\n"
        "for path in ('/root', '/var/log', '/proc/1/environ', '/proc/%d/environ' % os.getppid()):\n"
        "    try:\n        (os.listdir if path[1] in 'rv' else open)(path); print('open', path[:6])\n"
        "    except OSError as error:\n        print(error.strerror, path[:6])\n"
        "try:\n    os.kill(os.getppid(), 0); print('may')\nexcept OSError as e:\n    print(e.strerror)"
    ),
    "writing beside itself": "import os; open(os.path.dirname(__file__) + '/x', 'w')",
    "a result file": "import os; open(os.environ['GENEXEC_RESULT_FILE'], 'w').write('result')",
    "ctypes": (
        "import ctypes\nlibc = ctypes.CDLL(None, use_errno=True)\n"
        "print(libc.getppid() > 0, libc.close(99), ctypes.get_errno())\n"
        "libc.getenv.restype = ctypes.c_char_p\nprint(libc.getenv(b'STAGE'), libc.getenv(b'NONE'))"
    ),
    "site": (
        "import site, os\n"
        "print(site.ENABLE_USER_SITE, site.USER_SITE.replace(os.getcwd(), ''))\n"
        "print(os.path.expanduser('~') == os.getcwd(), site.getsitepackages())"
    ),
    "garbage": "import gc; print(gc.isenabled(), gc.get_threshold(), gc.garbage, gc.callbacks)",
    "builtins": (
        "import builtins\nprint(sorted(vars(builtins)) == sorted(dir(builtins)), exit, quit)\n"
        "print('_' in vars(builtins))"
    ),
    "a trace": (
        "import sys\ndef t(frame, event, arg):\n    print(event, frame.f_code.co_name)\n"
        "def f():\n    pass\nsys.settrace(t); f(); sys.settrace(None)"
    ),
    "an audit": (
        "import sys\nsys.addaudithook(lambda e, a: e == 'os.listdir' and print(e))\n"
        "import os; os.listdir()"
    ),
    "eval and exec": "x = 1\nexec('x += 1'); print(eval('x'), compile('x', 'f', 'eval').co_flags)",
    "future": "from __future__ import annotations\nx: Undefined = 1\nprint(__annotations__)",
    "a zip on its path": (
        "import sys, zipfile\n"
        "with zipfile.ZipFile('a.zip', 'w') as z:\n    z.writestr('inside.py', 'x = 7')\n"
        "sys.path.insert(0, 'a.zip')\nimport inside\nprint(inside.x)"
    ),
    "runpy": "import runpy; open('m.py', 'w').write('print(__name__)'); runpy.run_path('m.py')",
    "a socket": "import socket\na, b = socket.socketpair(); a.send(b'x'); print(b.recv(1))",
    "ssl": "import ssl; c = ssl.create_default_context(); print(c.verify_mode, c.check_hostname)",
    "sqlite": "import sqlite3; print(sqlite3.connect('x.db').execute('select 1').fetchall())",
}
EXPLAINED = {
    "frames below the main module": "import inspect; print(len(inspect.stack()))",
    "modules that are loaded": "import sys; print('requests' in sys.modules)",
    "filters of warnings": "import warnings; print(len(warnings.filters))",
    "objects that are frozen": "import gc; print(gc.get_freeze_count() > 0)",
    "the depth of a recursion": "def f():\n    f()\nf()",
    "what faulthandler says": "import faulthandler, os; faulthandler.enable(); os.abort()",
    "failing last words": "class A:\n    def __del__(self):\n        1 / 0\na = A()",
    "a failing exit function in C": "import atexit, sys\natexit.register(sys.exit, 5)",
}
"""What cannot be the same, see docs/scripts.md."""
VARIABLES = {"STAGE": "dev", "LABEL_A": "ü \n x", "LABEL_RAW": "\udcff", "EMPTY": ""}
SETTINGS = {"memory_limit": 1 << 30, "disk_limit": 16 << 20}


AT_ONCE = 3


@pytest.fixture(scope="module")
def both_ways(make_bench, make_order, tmp_path_factory):
    """Run all scripts; return the executions of each, cold and warm, and the counts."""
    names = {**SCRIPTS, **EXPLAINED}

    async def main():
        async with make_bench(tmp_path_factory.mktemp("both"), **SETTINGS) as it:
            await it.warm(make_order)
            before = it.runner.ways.status()["warm"]
            free = asyncio.Semaphore(AT_ONCE)

            async def run(text, cold):
                async with free:
                    order = make_order(text, suffix=".py", variables=VARIABLES, cold=cold)
                    return await it.run(order)

            runs = [run(text, cold) for text in names.values() for cold in (True, False)]
            done = await asyncio.gather(*runs)
            after = it.runner.ways.status()
            return dict(zip(names, zip(done[::2], done[1::2], strict=True), strict=True)), {
                "warm": after["warm"] - before,
                "cold": len(names) - after["warm"] + before,
            }

    return asyncio.run(main())


def known(output):
    output = re.sub(rb"/runs/run-\w+", b"/runs/run", output)
    output = re.sub(rb"run-\d+-\d+-\d+", b"RUN", output)
    return re.sub(rb"0x[0-9a-f]+", b"0x", output).decode("utf-8", "backslashreplace")


def told(execution):
    """Return what an execution comes to, without what is new in every run."""
    return {
        "stdout": known(execution.stdout),
        # Which of two pipes is read first is a matter of chance.
        "output": sorted(known(execution.output).splitlines()),
        "ending": execution.ending,
        "exit code": execution.exit_code,
        "signal": execution.signal,
        "result": execution.result_file,
        "detail": execution.detail,
        "left behind": execution.leftovers > 0,
    }


def without(keys, about):
    """Leave out *keys*: helpers of multiprocessing end by themselves, at the end or just after."""
    return {key: value for key, value in about.items() if key not in keys}


@pytest.mark.parametrize("name", SCRIPTS)
def test_a_script_does_the_same_warm_and_cold(both_ways, name):
    cold, warm = both_ways[0][name]
    chance = ["left behind"] if name.startswith("multiprocessing") else []

    assert without(chance, told(warm)) == without(chance, told(cold))


@pytest.mark.parametrize("name", EXPLAINED)
def test_what_differs_is_known(both_ways, name):
    cold, warm = both_ways[0][name]

    assert told(warm) != told(cold)


def test_nearly_all_of_them_were_warm(both_ways):
    """Else nothing would be shown by their being the same."""
    counts = both_ways[1]

    # What the compiler has something to say about begins anew.
    assert counts["cold"] == 7
    assert counts["warm"] > 120
