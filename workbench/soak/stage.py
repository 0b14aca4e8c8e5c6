"""All that runs in a soak: started, edited by the schedule, brought to rest, and its books closed."""

import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from workbench.sandbox.bedrock import BedrockStandIn
from workbench.sandbox.dynamodb import DynamoDb
from workbench.sandbox.kafka import KafkaBroker
from workbench.sandbox.kafka_delivery import Ending
from workbench.sandbox.kafka_source import KafkaSource, Outcome
from workbench.soak.balancer import Balancer
from workbench.soak.bedrock_gate import BedrockGate
from workbench.soak.books import Books
from workbench.soak.environment import CONCURRENCY, SCALE, create_table, function_environ, source_spec
from workbench.soak.expectation import Expectation
from workbench.soak.functions import Functions
from workbench.soak.ledger_gate import LedgerGate
from workbench.soak.schedule import (
    Happening,
    Kill,
    LedgerStorm,
    ShopFaults,
    ShopRestart,
    SourceCrash,
    edits,
    happenings,
)
from workbench.soak.shop import Journal, Position, Shop
from workbench.soak.wire import Door

PARTITIONS = 16
OUTSTANDING = 200
"""Records that may be under way before the shop goes on editing."""
QUIET_SECONDS = 120.0
"""For the last record to end: seven attempts and their waits."""
PROGRESS_EDITS = 1_000


@dataclass(frozen=True, kw_only=True)
class Plan:
    """How much happens. Editing ends after `edits`, but not before `events` records; at `seconds` it ends anyway."""

    seed: int
    edits: int
    kills: int
    seconds: float
    events: int = 0
    products: int = 600

    @classmethod
    def short(cls, seed: int, *, seconds: float) -> "Plan":
        """So much editing, at the pace of two cores that others use, too; waiting and balancing come on top."""
        return cls(seed=seed, edits=round(12 * seconds), kills=max(2, round(seconds / 9)), seconds=seconds)

    @classmethod
    def full(cls, seed: int) -> "Plan":
        """What docs/reliability.md gives figures of: 20,000 events, 50 kills and some."""
        return cls(seed=seed, edits=13_000, kills=54, seconds=1500, events=20_000)


class Soak:
    """All that runs, while its context is open."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._endings: list[tuple[Position, Ending]] = []
        self._ended: set[Position] = set()
        self._spec = source_spec()
        self._outages = ThreadPoolExecutor(1, thread_name_prefix="outages")

    def __enter__(self) -> "Soak":
        with ExitStack() as stack:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
            self._kafka = stack.enter_context(KafkaBroker())
            for topic in self._spec.topics:
                self._kafka.create_topic(topic, partitions=PARTITIONS)
            self._journal, self._letters = (Journal(self._kafka.bootstrap_servers) for _ in range(2))
            table = stack.enter_context(DynamoDb())
            create_table(table.url)
            self._bedrock = stack.enter_context(BedrockStandIn())
            self._calls = BedrockGate(self._bedrock, self._plan.seed)
            self._ledger = LedgerGate(table.port, self._plan.seed)
            self._shop = stack.enter_context(Shop(self._journal, self._spec.topics[0], folder / "shop.sqlite"))
            self._balancer = Balancer(concurrency=CONCURRENCY)
            self._front = stack.enter_context(Door(self._balancer.pass_on))
            self._functions = stack.enter_context(
                Functions(
                    function_environ(self._shop.url), balancer=self._balancer, bedrock=self._calls, ledger=self._ledger
                )
            )
            stack.callback(lambda: self._source.close())
            self._source = self._new_source()
            stack.callback(self._outages.shutdown)
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def edit(self) -> int:
        """Edits to the end of the plan; the number of edits."""
        planned = happenings(self._plan.seed, edits=self._plan.edits, kills=self._plan.kills)
        ends, number = time.monotonic() + self._plan.seconds, 0
        for number, edit in enumerate(edits(self._plan.seed, self._plan.products), 1):
            self._shop.apply(edit)
            for happening in planned.get(number, ()):
                self._bring(happening)
            if number % PROGRESS_EDITS == 0:
                print(f"  {number:,} edits, {len(self._journal.records):,} events; {self.facts()}", flush=True)
            while len(self._journal.records) - len(self._ended) >= OUTSTANDING and time.monotonic() < ends:
                time.sleep(0.01)
            enough = number >= self._plan.edits and len(self._journal.records) >= self._plan.events
            if enough or time.monotonic() >= ends:
                break
        return number

    def settle(self) -> bool:
        """Waits until nothing moves; false where something still did in the end."""
        self._outages.shutdown()
        ends, still = time.monotonic() + QUIET_SECONDS, 0
        while time.monotonic() < ends:
            moves = len(self._ended) < len(self._journal.records) or not self._functions.is_whole
            still = 0 if moves else still + 1
            if still == 10:  # a write-back of a moment ago would have shown by now
                return True
            time.sleep(0.1)
        return False

    def books(self) -> Books:
        """What was written down; asks the stand-in, past the gates, what it would say."""
        expectation = Expectation(self._bedrock.url)
        products = {record.data["productId"] for record in self._journal.records}
        return Books(
            published=self._journal.records,
            endings=self._endings,
            dead_letters=len(self._letters.records),
            lines=self._functions.lines,
            calls=self._calls.calls,
            stores=self._ledger.stores,
            leased=frozenset(self._ledger.leased),
            killed=self._functions.killed,
            products={each: self._shop.product(each) for each in sorted(products)},
            deleted=frozenset(self._shop.deleted),
            owed=expectation.owed,
            expected=expectation.outputs,
        )

    def facts(self) -> str:
        """Of the run, for its report."""
        return (
            f"kills {len(self._functions.killed)}, broken deliveries {self._balancer.broken}, "
            f"shop restarts {self._shop.restarts}, faults of the ledger {self._ledger.faults}, "
            f"printed beside the log {len(self._functions.noise)}"
        )

    def _bring(self, happening: Happening) -> None:
        match happening:
            case Kill():
                self._functions.order(happening)
            case LedgerStorm():
                self._ledger.begin(happening)
            case ShopRestart(seconds):
                self._outages.submit(self._shop.restart, seconds)
            case ShopFaults(faults):
                self._outages.submit(self._shop.fail, faults)
            case SourceCrash():
                self._source.kill()
                self._source = self._new_source()

    def _new_source(self) -> KafkaSource:
        return KafkaSource(
            self._spec,
            bootstrap_servers=self._kafka.bootstrap_servers,
            sink=self._front.url,
            on_outcome=self._on_outcome,
            backoff_factor=SCALE,
            commit_seconds=1,
            session_seconds=3,
            publisher=self._letters,
        ).__enter__()

    def _on_outcome(self, outcome: Outcome) -> None:
        position = (outcome.record.topic, outcome.record.partition, outcome.record.offset)
        self._endings.append((position, outcome.ending))
        self._ended.add(position)
