"""The shell of the image does what bash does: the same words, errors and exit code.

`bash-static` is bash with another C library inside, and that is where it could differ: characters,
patterns, numbers, time, users, names of hosts, signals, buffers. Another candidate is judged by
naming it in `OTHER_SHELL`.
"""
# ruff: noqa: E501  # a line of a script stays a line

import os
import re
import subprocess

import pytest

OTHER = os.environ.get("OTHER_SHELL", "bash-static")
"""Read before the environment is sealed."""
PATIENCE = 20.0

SNIPPETS = {
    # Characters
    "length": "x='äöü€😀'; echo ${#x} ${x:1:2}",
    "case": "x='äß€ñ'; echo ${x^^} ${x^} ; y='ÄÉ'; echo ${y,,}",
    "one character": "[[ ä == ? ]] && echo one; case é in [[:alpha:]]) echo letter;; esac",
    "length in C": "LC_ALL=C; x=ä; echo ${#x}; [[ $x == ?? ]] && echo two; printf '%q' $x",
    "language unset": "unset LANG; x=ä; echo ${#x}",
    "bytes that are no characters": r"x=$'a\xffb\xc3'; echo ${#x}; printf '%q' ${x:1:2}; [[ $x == a?b? ]] && echo four",
    "quoting": r"printf '%q ' 'ä b' $'a\nb' '' '$x' '~'; x=$'a\tb'; echo ${x@Q} ${x@A}",
    "code of a character": "printf '%d %x' \"'€\" \"'A\"; printf '\\u20ac \\U1F600'",
    "escapes": r"echo -e '\u00e4\x41\101\tb\cx'; echo $'\u20ac\e[0m\'' ",
    "reading characters": "read -r -N 3 x <<< äöüß; echo $x; read -r -n 2 y <<< äöü; echo $y",
    "order of names": "touch b A a B ä _ 1; echo *; echo [a-z] [[:upper:]]",
    "comparing texts": "[[ a < B ]] && echo less; [[ ä > z ]] && echo more",
    # Patterns
    "globs": "shopt -s extglob; [[ foo.tar.gz == *.@(tar.gz|zip) ]] && echo yes; x=aaab; echo ${x##+(a)} ${x%%b} ${x/a/X} ${x//a/X} ${x/#a/X} ${x/%b/X}",
    "equivalence in globs": "[[ e == [[=e=]] ]]; echo $?; [[ - == [[.-.]] ]]; echo $?",
    "groups": "[[ 1.2.3-rc.1+b =~ ^([0-9]+)\\.([0-9]+)\\.([0-9]+)(-([0-9A-Za-z.-]+))?(\\+(.*))?$ ]]; declare -p BASH_REMATCH",
    "longest of the choices": "[[ foobar =~ (foo|foobar)(bar)? ]]; declare -p BASH_REMATCH; [[ ab =~ ((a)|(b))* ]]; declare -p BASH_REMATCH",
    "large repetition": "x='^[a-z0-9.-]{1,300}$'; [[ example.com =~ $x ]]; echo $?",
    "repetition without a start": "x='^a{,3}$'; [[ aa =~ $x ]]; echo $?",
    "back reference": r"x='(.)\1'; [[ hello =~ $x ]]; echo $? ${BASH_REMATCH[@]}",
    "words": r"x='\bfoo\b'; [[ 'a foo.' =~ $x ]]; echo $?; x='^\w+\s\S+$'; [[ 'a_1 b' =~ $x ]]; echo $?; x='\d'; [[ 1 =~ $x ]]; echo $?",
    "escaped letters": r"for x in '\n' '\t' '\e' '\/' '\-' '\x41'; do [[ 'nte/-A' =~ $x ]]; echo $?; done",
    "classes": "x='^[[:alpha:]]+[[:space:]]$'; [[ 'äö ' =~ $x ]]; echo $?; x='[[=e=]][[.-.]]'; [[ 'e-' =~ $x ]]; echo $?; x='[[:foo:]]'; [[ a =~ $x ]]; echo $?",
    "wrong expressions": "for x in 'a{2' '(' '[' '*a' 'a|*' '[z-a]' ')' '{'; do [[ 'a{2' =~ $x ]]; echo $?; done",
    "no case": "shopt -s nocasematch; [[ äB =~ ^Äb$ ]]; echo $?; [[ FOO == f* ]]; echo $?",
    # Numbers and time
    "numbers": "printf '%.3f %e %g %05d %+d %#x %o %-5d| %5s|%.2s' 1.5 2 3 42 5 255 8 7 ä äö",
    "large numbers": "echo $((2**63)) $((-7/2)) $((0xff)) $((36#z)); printf '%u %f' -1 inf",
    "wrong numbers": "echo $((08)); printf '%d' 12x; [ 1 -eq a ]; echo $?",
    "division by zero": "echo $((1/0)); echo after",
    "seeded chance": "RANDOM=42; echo $RANDOM $RANDOM",
    "moments": "for zone in Europe/Berlin Asia/Kolkata UTC0 EST5EDT '<+03>-3' CET-1CEST,M3.5.0,M10.5.0/3 ''; do TZ=$zone printf '%(%F %T %Z %z)T\\n' 1690000000 2500000000 -2000000000; done",
    "formats of time": "TZ=UTC printf '%(%a %A %b %B %c %C %d %D %e %-d %g %G %H %I %j %k %l %m %M %p %P %r %s %S %T %u %U %V %w %W %x %X %y %Y %^a)T' 1700000000",
    "clock": "[[ $EPOCHREALTIME =~ ^[0-9]{10}\\.[0-9]{6}$ ]]; echo $?; SECONDS=5; echo $SECONDS",
    # Users, hosts, limits
    "users": "echo ~root ~daemon ~; cd ~root 2> /dev/null; echo $UID $EUID ${GROUPS[0]}",
    "connections": "exec 3<> /dev/tcp/127.0.0.1/1; echo $?; exec 3<> /dev/tcp/localhost/1; echo $?; exec 3<> /dev/tcp/::1/1; echo $?",
    "limits": "ulimit -n 50; ulimit -Sn; ulimit -c 0; ulimit -c; ulimit -a",
    "too many files": "ulimit -n 10; for i in {1..12}; do exec {x}< /dev/null; done; echo $?",
    # Processes and signals
    "endings": "for s in HUP INT QUIT ABRT KILL SEGV PIPE ALRM TERM USR1; do (ulimit -c 0; kill -$s $BASHPID) 2> /dev/null; echo $s $?; done",
    "names of signals": "kill -l 9 15 130; kill -l TERM RTMIN; trap -l",
    "traps": "trap 'echo one' USR1; trap 'echo end $?' EXIT; kill -USR1 $$; trap -p; exit 3",
    "errors trapped": "set -E; trap 'echo at $LINENO' ERR; f() { false; }; f; echo after",
    "jobs": "exec 2> /dev/null; set -m; sleep 5 & kill -STOP %1; until [[ $(jobs -s) ]]; do sleep 0.01; done; jobs; bg; kill -KILL %1; wait %1; echo $?",
    "waiting": "(exit 4) & wait $!; echo $?; sleep 5 & kill $!; wait $!; echo $?; (exit 5) & wait -n; echo $?",
    "coprocess": 'coproc C { read -r x; echo "got $x"; }; echo hi >&"${C[1]}"; read -r y <&"${C[0]}"; echo $y',
    "substituted processes": "cat <(echo a) <(echo b); diff <(echo a) <(echo b); echo c > >(cat); wait $!",
    "pipes": "set -o pipefail; false | true; echo $? ${PIPESTATUS[@]}; yes | head -n 1; shopt -s lastpipe; echo x | read -r y; echo $y",
    "time limit of reading": "read -t 0.05 x < <(sleep 1); echo $?; read -t 0 x < /dev/null; echo $?",
    "time": "TIMEFORMAT='%0R'; time :; { time -p :; } 2>&1 | tr -d 0-9",
    "nothing to run": "nosuchcommand; echo $?; /etc; echo $?; /etc/hostname; echo $?; cd /nosuch; . /nosuch",
    "exit code": "exit 300",
    "end by a signal": "ulimit -c 0; kill -TERM $$",
    "set -e": "set -euo pipefail; x=$(false); echo never",
    "unset variable": "set -u; echo $nosuch; echo never",
    "wrong syntax": "echo one\nif then\necho two",
    # Data
    "arrays": 'x=(1 2 3); x[7]=8; echo ${x[-1]} ${!x[@]} ${x[@]:1:2} "${x[@]/#/p}"; declare -p x; declare -A h=([a]=1 [ä]="2 3"); declare -p h',
    "mapfile": "mapfile -t x < <(printf 'a\\n\\nb'); declare -p x; mapfile -t -d : y <<< a:b; declare -p y",
    "fields": "IFS=: read -ra x <<< 'a:b::c:'; declare -p x; IFS=€; x='a€b'; echo $x",
    "here documents": "x=1; cat << A; cat << 'B'; cat <<< $x\n$x $((x+1))\nA\n$x\nB",
    "braces": "echo {a,b}{1..3} {01..10..3} {e..a} {ä,ö}",
    "references": "f() { local -n r=$1; r+=(3); }; x=(1); f x; echo ${x[@]}; y=x; echo ${!y}",
    "large environment": "export X=$(printf %100000s a); env | wc -c | grep -c .; printf '%s' \"$X\" | wc -c; X=$(printf %200000s a); /bin/true; echo $?",
    "large texts": "x=$(printf %20000s a); echo ${#x}; y=${x// /b}; echo ${#y} ${y: -3}; cat <<< $y | md5sum",
    "full disk": "echo x > /dev/full; echo $?; printf x > /dev/full; echo $?",
    # The shell itself
    "version": "echo $BASH_VERSION ${BASH_VERSINFO[@]} $OSTYPE $MACHTYPE $HOSTTYPE",
    "options": "shopt; set -o; echo $- $SHELLOPTS $BASHOPTS",
    "history is off": "set -o | grep hist; echo [$HISTFILE]; history | wc -l",
    "built-in commands": "enable; help | tail -n +2 | md5sum; type -t cd time mapfile",
    "names for searching": "declare -p BASH_LOADABLES_PATH PS4 IFS; (unset PATH; echo $PATH); env -i $BASH -c 'echo $PATH $TERM'",
}  # fmt: skip


@pytest.fixture(scope="module")
def other(needs):
    needs(OTHER, OTHER)
    return OTHER


def run(shell, folder, text):
    folder.mkdir()
    script = folder / "of.sh"
    script.write_text(text)
    work = folder / "work"
    work.mkdir()
    done = subprocess.run(
        [shell, "../of.sh"],
        cwd=work, capture_output=True, timeout=PATIENCE, check=False, stdin=subprocess.DEVNULL,
        env={"PATH": "/usr/local/bin:/usr/bin:/bin", "HOME": "/tmp", "LANG": "C.UTF-8"},
    )  # fmt: skip
    said = done.stdout.decode(errors="backslashreplace")
    complaints = done.stderr.decode(errors="backslashreplace")
    complaints = re.sub(r"(line \d+:) +\d+ ", r"\1 PID ", complaints)
    return {"code": done.returncode, "said": said, "complaints": complaints}


@pytest.mark.parametrize("text", SNIPPETS.values(), ids=SNIPPETS)
def test_the_shell_of_the_image_does_what_bash_does(other, tmp_path, text):
    assert run(other, tmp_path / "other", text) == run("bash", tmp_path / "bash", text)


def test_a_line_is_written_in_one_go(other, tmp_path):
    """So lines of programs that write into the same pipe or file are never torn."""
    text = "line=$(printf %3000s x)\nfor i in {1..200}; do printf '%s\\n' \"$line\"; done"
    script = tmp_path / "of.sh"
    script.write_text(f"f() {{ {text}\n}}\nf & f & f & wait\n")

    done = subprocess.run([other, script], capture_output=True, timeout=PATIENCE, check=True)

    assert {len(line) for line in done.stdout.splitlines()} == {3000}
