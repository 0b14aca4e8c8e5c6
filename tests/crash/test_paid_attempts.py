"""A question that Bedrock never answers costs three calls and no more, however its deliveries end."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from dynamo import DynamoServer
from stage import UPDATED, Answer, Stage, post, stage

LATE, GIVEN_UP = Answer(503, "modelanswerlate"), Answer(422, "modeltimeout")


def kill_in_the_call(here: Stage, call: int) -> Answer:
    """One delivery to a function that is killed while its call, the so manieth of all, is on."""
    here.pod.ensure()
    with ThreadPoolExecutor(1) as pool:
        delivery = pool.submit(post, here.pod, UPDATED)
        assert here.bedrock.wait_for_requests(call)
        here.pod.kill()
        return delivery.result()


@pytest.mark.slow
def test_third_call_without_an_answer_is_the_last(dynamo_server: DynamoServer, tmp_path: Path) -> None:
    """The event becomes a dead letter at once, and one that is sent again costs nothing."""
    with stage(dynamo_server, tmp_path / "log") as here:
        here.bedrock.push({"hang": True, "always": True})

        assert [here.deliver() for _ in range(4)] == [LATE, LATE, GIVEN_UP, GIVEN_UP]
        assert len(here.bedrock.requests) == 3


@pytest.mark.crash
def test_call_that_was_killed_counts(dynamo_server: DynamoServer, tmp_path: Path) -> None:
    """A function that dies in the third call leaves its trace: when its lease is over, there is no fourth."""
    with stage(dynamo_server, tmp_path / "log") as here:
        here.bedrock.push({"hang": True, "always": True})
        assert [here.deliver(), here.deliver()] == [LATE, LATE]

        assert kill_in_the_call(here, 3) == Answer()

        *waiting, last = here.deliver_until_final()
        assert {answer.status for answer in waiting} == {503}
        assert last == GIVEN_UP
        assert len(here.bedrock.requests) == 3


@pytest.mark.crash
def test_answer_ends_the_count(dynamo_server: DynamoServer, tmp_path: Path) -> None:
    """Two lost calls, one of them killed, are forgiven when the third is answered."""
    with stage(dynamo_server, tmp_path / "log") as here:
        here.bedrock.push({"hang": True, "times": 2})
        assert here.deliver() == LATE
        assert kill_in_the_call(here, 2) == Answer()

        assert here.deliver_until_final()[-1].outcomes == ("written",)
        assert here.deliver().outcomes == ("unchanged",)
        assert len(here.bedrock.requests) == 3
