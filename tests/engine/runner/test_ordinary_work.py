"""What scripts do every day works, isolated and not."""

import asyncio
import ssl
import subprocess
import threading
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

SHELL = {
    "process substitution": "cat <(echo done)",
    "a short here-document": "cat <<< done",
    "a long here-document": "text=$(printf '%0100000d' 0); cat <<< $text | wc -c; echo done",
    "mktemp": 'file=$(mktemp) && folder=$(mktemp -d) && mv "$file" "$folder/x" && echo done',
    "links, pipes and sockets": (
        "touch a && ln a b && ln -s b c && mkfifo d && mkdir e && mv a e/ && cat c && echo done"
    ),
    "a program of its own": 'cp "$(type -P true)" mine && ./mine && echo done',
    "standard streams by name": "echo done > /dev/stdout; echo > /dev/stderr; cat /dev/stdin",
    "descriptors by number": "exec 7< <(echo done); cat /dev/fd/7; cat /proc/self/fd/0",
    "devices": "head -c 9 /dev/urandom > /dev/null; cat /dev/zero | head -c 9 > f; echo done",
    "the machine": "nproc > f && uname > f && cat /proc/meminfo /proc/self/status > f && echo done",
    "other processes": "ps -e > f && pgrep -x bash > f && echo done",
    "shared memory": 'file=$(mktemp -p /dev/shm) && echo done > "$file"; cat "$file"; rm "$file"',
    "names of hosts": "getent hosts localhost > f && echo done",
    "users": 'test "$(id -u)" = "$UID" && getent passwd root > f && echo done',
    "a lock": "exec 9> lock; flock 9 && echo done",
    "an archive": "mkdir a && tar czf a.tgz a && rm -r a && tar xzf a.tgz && cd a && echo done",
    "a key for ssh": "ssh-keygen -q -t ed25519 -N '' -f key && ssh -V && echo done",
    "a repository": (
        "git init -q . && git -c user.name=a -c user.email=b commit -qm c --allow-empty "
        "&& git clone -q . other 2>&1 && git -C other log --oneline > f && echo done"
    ),
    "a clone over the network": 'git clone -q "$REMOTE" copy && cat copy/done',
    "a connection of the shell's own": (
        'exec 5<>"/dev/tcp/127.0.0.1/$PORT" && echo -e "GET / HTTP/1.0\\r\\n\\r" >&5; echo done'
    ),
    "https with curl": 'echo "$CA" > ca && curl -sS --cacert ca "$ADDRESS/done"',
    "the usual authorities": "test -s /etc/ssl/certs/ca-certificates.crt && echo done",
    "temporary files of others": 'echo done > "$SHARED/$GENEXEC_RUN_ID"; cat "$SHARED/"*',
}
PYTHON = {
    "multiprocessing": (
        "import multiprocessing\n"
        "if __name__ == '__main__':\n"
        "    with multiprocessing.Pool(2) as pool:\n"
        "        assert pool.map(abs, [-1, -2]) == [1, 2]\n"
        "    print('done')\n"
    ),
    "https with requests": (
        "import os, requests\n"
        "open('ca', 'w').write(os.environ['CA'])\n"
        "print(requests.get(os.environ['ADDRESS'] + '/done', verify='ca').text, end='')\n"
    ),
    "yaml": "import yaml\nprint(yaml.safe_load('a: done')['a'])\n",
    "an environment of its own": (
        "import subprocess, sys\n"
        "subprocess.run([sys.executable, '-m', 'venv', '--without-pip', 'own'], check=True)\n"
        "subprocess.run(['own/bin/python', '-c', 'print(\"done\")'], check=True)\n"
    ),
    "sockets between its own processes": (
        "import socket\n"
        "for name in ('here', f'\\0genexec-test-{id(socket)}'):\n"
        "    with socket.socket(socket.AF_UNIX) as server, socket.socket(socket.AF_UNIX) as us:\n"
        "        server.bind(name); server.listen(); us.connect(name)\n"
        "print('done')\n"
    ),
    "its own source": "print(open(__file__).read()[-4:])\n# done",
}


@pytest.fixture(scope="module")
def neighbours(tmp_path_factory):
    """Serve a repository and a file over https on loopback; return what scripts are told."""
    folder = tmp_path_factory.mktemp("neighbours")

    def run(program, words):
        command = [program, *words.split()]
        subprocess.run(command, check=True, capture_output=True, cwd=folder)

    run("git", "init -q --bare made.git")
    run("git", "init -q made")
    (folder / "made/done").write_text("done\n")
    (folder / "done").write_text("done\n")
    for command in (
        "-C made add done",
        "-C made -c user.name=a -c user.email=b commit -qm c",
        "-C made push ../made.git HEAD",
        "-C made.git update-server-info",
    ):
        run("git", command)
    key = "-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout key"
    name = "-subj /CN=localhost -addext subjectAltName=DNS:localhost"
    run("openssl", f"req -x509 {key} {name} -out cert")
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(folder / "cert", folder / "key")
    (folder / "shared").mkdir()
    with _serving(folder) as plain, _serving(folder, tls) as secure:
        yield {
            "REMOTE": f"http://127.0.0.1:{plain}/made.git",
            "PORT": str(plain),
            "ADDRESS": f"https://localhost:{secure}",
            "CA": (folder / "cert").read_text(),
            "SHARED": str(folder / "shared"),
        }


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


@contextmanager
def _serving(folder, tls=None):
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(_Quiet, directory=folder)) as server:
        if tls is not None:
            server.socket = tls.wrap_socket(server.socket, server_side=True)
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        yield server.server_port
        server.shutdown()
        thread.join()


@pytest.mark.parametrize("isolated", [True, False])
def test_ordinary_work_is_done(bench, make_order, neighbours, isolated):
    scripts = {name: (text, ".sh") for name, text in SHELL.items()}
    scripts |= {name: (text, ".py") for name, text in PYTHON.items()}
    writable = [Path("/dev/shm"), Path(neighbours["SHARED"])]

    async def main():
        async with bench(isolated=isolated, writable=writable) as it:
            free = asyncio.Semaphore(4)

            async def run(text, suffix):
                async with free:
                    return await it.run(make_order(text, suffix=suffix, variables=neighbours))

            return await asyncio.gather(*(run(*script) for script in scripts.values()))

    executions = dict(zip(scripts, asyncio.run(main()), strict=True))

    undone = {
        name: execution.output
        for name, execution in executions.items()
        if execution.exit_code != 0 or not execution.stdout.endswith(b"done\n")
    }
    assert undone == {}
