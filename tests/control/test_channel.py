import asyncio
import stat
from pathlib import Path

import pytest
from pydantic import TypeAdapter

from service.control import ControlError, Question, answering, ask, reply

DOUBLE: Question[int, int] = Question("double", TypeAdapter(int), TypeAdapter(int))
LIMIT_S = 20.0


async def double(number: int) -> int:
    if number == 13:
        raise ControlError("does not like 13")
    if number == 14:
        raise RuntimeError("sk-secret")
    return 2 * number


async def test_an_answer_comes_back_typed_from_a_socket_that_only_its_owner_can_open(tmp_path: Path) -> None:
    socket = tmp_path / "s"
    socket.touch()
    async with answering(socket, dict([reply(DOUBLE, double)])):
        assert stat.S_IMODE(socket.stat().st_mode) == 0o600
        assert await asyncio.gather(*(ask(socket, DOUBLE, n, within_s=LIMIT_S) for n in range(10))) == list(
            range(0, 20, 2)
        )
    assert not socket.exists()


async def test_what_cannot_be_done_is_told_in_words_and_a_bug_without_its_text(tmp_path: Path) -> None:
    socket = tmp_path / "s"
    async with answering(socket, dict([reply(DOUBLE, double)])):
        with pytest.raises(ControlError, match=r"^does not like 13$"):
            await ask(socket, DOUBLE, 13, within_s=LIMIT_S)
        with pytest.raises(ControlError, match=r"^failed; its log tells more$"):
            await ask(socket, DOUBLE, 14, within_s=LIMIT_S)
        assert await ask(socket, DOUBLE, 1, within_s=LIMIT_S) == 2


async def test_nobody_there_and_another_version_are_told(tmp_path: Path) -> None:
    socket = tmp_path / "s"
    with pytest.raises(ControlError, match="is not there"):
        await ask(socket, DOUBLE, 1, within_s=LIMIT_S)
    other: Question[int, str] = Question("double", TypeAdapter(int), TypeAdapter(str))
    unknown: Question[int, int] = Question("triple", TypeAdapter(int), TypeAdapter(int))
    wrong: Question[str, int] = Question("double", TypeAdapter(str), TypeAdapter(int))
    async with answering(socket, dict([reply(DOUBLE, double)])):
        with pytest.raises(ControlError, match="is it another version"):
            await ask(socket, other, 1, within_s=LIMIT_S)
        with pytest.raises(ControlError, match="does not know this question"):
            await ask(socket, unknown, 1, within_s=LIMIT_S)
        with pytest.raises(ControlError, match="valid integer"):
            await ask(socket, wrong, "x", within_s=LIMIT_S)


async def test_one_that_hangs_is_not_waited_for_and_who_leaves_hurts_nobody(tmp_path: Path) -> None:
    socket, held, left = tmp_path / "s", asyncio.Event(), asyncio.Event()

    async def hold(number: int) -> int:
        held.set()
        await left.wait()
        return number

    hanging: Question[int, int] = Question("hold", TypeAdapter(int), TypeAdapter(int))
    async with answering(socket, dict((reply(DOUBLE, double), reply(hanging, hold)))):
        with pytest.raises(ControlError, match=r"did not answer within 0\.2 s"):
            await ask(socket, hanging, 1, within_s=0.2)
        assert held.is_set()
        left.set()
        _, writer = await asyncio.open_unix_connection(socket)
        writer.write(b"dou")
        writer.close()
        assert await ask(socket, DOUBLE, 4, within_s=LIMIT_S) == 8
