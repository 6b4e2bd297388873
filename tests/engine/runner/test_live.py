"""The output of a script while it runs."""

import asyncio

import pytest

from service.masks import Masks

PATIENCE = 10.0


async def pieces_until(runner, run, wanted):
    """Return what could be seen once it holds *wanted*."""
    seen = b""
    attempt = (0, 1)
    async with asyncio.timeout(PATIENCE):
        while wanted not in seen:
            piece = runner.live.piece(run, attempt=attempt, start=len(seen), limit=10)
            if piece is not None:
                assert piece.start == len(seen)
                seen += piece.content
            await asyncio.sleep(0.01)
    return seen


def test_what_was_written_so_far_is_seen_piece_by_piece(bench, make_order):
    order = make_order("echo one; echo two; echo three; sleep 20")

    async def scene():
        async with bench() as it:
            running = asyncio.create_task(it.run(order))
            seen = await pieces_until(it.runner, order.run, b"three\n")
            await it.runner.cancel(order.run)
            await running
            return seen

    seen = asyncio.run(scene())

    assert seen == b"one\ntwo\nthree\n"


def test_a_secret_is_never_seen_although_it_comes_in_two_pieces(bench, make_order):
    order = make_order("printf 'a sec'; sleep 0.3; printf 'ret-value b'; sleep 20")
    secret = "secret-value"

    async def scene():
        async with bench(masks=Masks([secret])) as it:
            running = asyncio.create_task(it.run(order))
            seen = await pieces_until(it.runner, order.run, b"a ***")
            await it.runner.cancel(order.run)
            await running
            return seen

    assert asyncio.run(scene()).startswith(b"a ***")


def test_nothing_is_seen_of_a_script_that_has_ended(bench, make_order):
    order = make_order("echo one")

    async def scene():
        async with bench() as it:
            await it.run(order)
            return it.runner.live.piece(order.run, attempt=(0, 1), start=0, limit=10)

    assert asyncio.run(scene()) is None


def test_whoever_asks_for_an_earlier_attempt_gets_the_present_one_from_its_beginning(
    bench, make_order
):
    order = make_order("echo one; sleep 20")

    async def scene():
        async with bench() as it:
            running = asyncio.create_task(it.run(order))
            await pieces_until(it.runner, order.run, b"one")
            piece = it.runner.live.piece(order.run, attempt=(0, 7), start=3, limit=99)
            await it.runner.cancel(order.run)
            await running
            return piece

    piece = asyncio.run(scene())

    assert (piece.position, piece.number, piece.start, piece.content) == (0, 1, 0, b"one\n")


@pytest.mark.parametrize("suffix", [".sh", ".py"])
def test_a_file_that_came_with_the_order_is_there_for_this_run_only(
    bench, make_order, suffix, tmp_path
):
    text = {
        ".sh": 'cat "$KUBECONFIG"; stat -c %a "$KUBECONFIG"; echo "$KUBECONFIG" > /dev/stderr',
        ".py": "import os; p = os.environ['KUBECONFIG']; print(open(p).read() +"
        " oct(os.stat(p).st_mode)[-3:]); print(p)",
    }[suffix]
    order = make_order(text, suffix=suffix)

    async def scene():
        async with bench() as it:
            return await it.run(replaced(order))

    def replaced(order):
        return type(order)(
            **{name: getattr(order, name) for name in order.__dataclass_fields__}
            | {"files": {"KUBECONFIG": b"clusters: []\n"}}
        )

    output = asyncio.run(scene()).output.decode().splitlines()

    assert output[:1] == ["clusters: []"]
    assert "600" in output
    assert list((tmp_path / "runs").glob("run-*")) == []
