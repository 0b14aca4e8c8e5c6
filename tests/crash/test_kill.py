"""SIGKILL at every step of an event: paid once, written right, and acknowledged within KafkaSource's retries."""

import os
import signal
from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pytest
from cases import CASES, EACH_KIND_ONCE, STEPS, Case
from dynamo import DynamoServer
from stage import Answer, stage

AT_A_TIME = 4
"""Functions that run at a time: most of it they wait for a lease to expire."""


@dataclass(frozen=True)
class Ending:
    """What was seen of one case."""

    answers: list[Answer]
    again: Answer
    """To one more delivery, when the event was acknowledged."""
    calls: int
    keys: list[str]
    description: str


def play(case: Case, dynamo: DynamoServer, log: Path) -> Ending:
    """Kills the function and delivers again, as KafkaSource does."""
    with stage(dynamo, log, case.fatal) as here:
        if case.fault:
            here.bedrock.push(dict(case.fault))
        answers = here.deliver_until_final(case.event_type)
        again = here.deliver(case.event_type)
        return Ending(answers, again, len(here.bedrock.requests), here.keys, here.description)


@pytest.fixture(scope="module")
def endings(
    request: pytest.FixtureRequest, dynamo_server: DynamoServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Mapping[str, Future[Ending]]]:
    """Every case that this run asks for, by name; they are played at the same time."""
    asked = [case for case in CASES if any(item.name.endswith(f"[{case}]") for item in request.session.items)]
    logs = tmp_path_factory.mktemp("logs")
    with ThreadPoolExecutor(AT_A_TIME) as pool:
        yield {case.name: pool.submit(play, case, dynamo_server, logs / f"{case}.log") for case in asked}
        pool.shutdown(cancel_futures=True)


def test_steps_are_the_requests_of_an_event(dynamo_server: DynamoServer, tmp_path: Path) -> None:
    """The cases below name every request that an event makes, in order: a new one needs its cases."""
    with stage(dynamo_server, tmp_path / "log") as here:
        assert here.deliver().outcomes == ("written",)
        assert here.border.requests == list(STEPS.values())


def test_worker_that_dies_alone_is_replaced(dynamo_server: DynamoServer, tmp_path: Path) -> None:
    """Where the kernel kills the largest process for its memory, the pod goes on with a new one."""
    with stage(dynamo_server, tmp_path / "log") as here:
        master = here.pod.ensure()
        [worker] = Path(f"/proc/{master.pid}/task/{master.pid}/children").read_text(encoding="utf-8").split()
        os.kill(int(worker), signal.SIGKILL)

        assert [answer.outcomes for answer in here.deliver_until_final() if answer.final] == [("written",)]
        assert master.poll() is None


@pytest.mark.parametrize(
    "case",
    [pytest.param(case, id=case.name, marks=[pytest.mark.crash] * (case.name not in EACH_KIND_ONCE)) for case in CASES],
)
def test_killed_event_ends_as_if_nothing_had_happened(case: Case, endings: Mapping[str, Future[Ending]]) -> None:
    """Only an answer that was not stored yet is paid again; what waits for a lease is not given up before it ends."""
    ending = endings[case.name].result()
    killed, *between, last = ending.answers

    assert killed.status is None
    assert {answer.status for answer in between} <= {503}
    assert ("leaseheld" in {answer.code for answer in between}) is case.waits
    assert (last.status, last.outcomes) == (200, case.outcomes)
    assert ending.calls == case.calls
    assert len(ending.keys) == case.writes
    assert len(set(ending.keys)) == len(case.outcomes)  # a PUT that is sent again says that it is the same
    assert set(ending.again.outcomes) == {"unchanged"}
    assert ending.description
