"""The balance sheet: accounts that must come to zero, from the books alone. Pure."""

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field

from workbench.soak.bedrock_gate import Call
from workbench.soak.books import Books
from workbench.soak.ledger_gate import Store
from workbench.soak.shop import Published

CLOCK_SECONDS = 0.05
"""Two threads of the soak may note one moment so far apart."""
STORE_SECONDS = 6.0
"""From an answer to the end of its event at the latest: DEADLINE_SECONDS, a ledger request with its retries."""


@dataclass
class Account:
    """Counts to print, and what does not balance."""

    title: str
    counts: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)


def sheet(books: Books) -> list[Account]:
    """All accounts."""
    return [deliveries(books), tasks(books), payments(books), stale(books)]


def deliveries(books: Books) -> Account:
    """Every record that Kafka took has an end that is known."""
    account = Account("Records: published = acknowledged + dead-lettered with a code")
    positions = {record.position for record in books.published}
    account.counts["published"] = len(positions)
    for record in books.published:
        endings = books.endings_of.get(record.position, [])
        if not endings:
            account.wrong.append(f"{record.position} {record.event_id} has no end")
            continue
        account.counts[endings[-1].kind] += 1
        account.counts["delivered again after KafkaSource died"] += len(endings) - 1
        account.counts["attempts"] += sum(ending.attempts for ending in endings)
        for ending in endings:
            if ending.kind == "lost" or (ending.kind == "dead-lettered" and not ending.code):
                account.wrong.append(f"{record.position} {record.event_id}: {ending}")
    for position in books.endings_of.keys() - positions:
        account.wrong.append(f"{position} ended and was never published")
    letters = sum(ending.kind == "dead-lettered" for _, ending in books.endings)
    if letters != books.dead_letters:
        account.wrong.append(f"{letters} dead letters were sent, the topic has {books.dead_letters}")
    return account


def tasks(books: Books) -> Account:
    """Every task of every record has one terminal outcome."""
    account = Account("(topic, partition, offset) x task = one terminal outcome each")
    deletions = {line.fields["eventId"] for line in books.lines if line.fields.get("kind") == "deletion"}
    for record in books.published:
        owed = books.owed(record.type)
        for task in owed:
            account.counts["owed"] += 1
            if terminal := books.terminal(record, task):
                account.counts[f"{task}: {terminal}"] += 1
            else:
                account.wrong.append(f"{record.position} {record.event_id} {task} has no terminal outcome")
        if not owed and record.event_id not in deletions:
            account.wrong.append(f"{record.position} {record.event_id}: the deletion left no line")
    return account


def payments(books: Books) -> Account:
    """Answers - those that were lost for a cause = questions with an answer: none was answered twice."""
    account = Account("Answers - lost to kills - lost to a failed store = questions that have an answer")
    calls, stores = _by_question(books)
    for call in books.calls:
        account.counts[f"{'re-asks' if call.follow_up else 'first calls'}: {call.end}"] += 1
    follow_ups = {call.fingerprint for call in books.calls if call.follow_up}
    names: dict[str, str] = {}
    for question, asked in calls.items():
        fingerprint, turn = asked[0].fingerprint, "re-asks" if asked[0].follow_up else "first calls"
        if names.setdefault(fingerprint, question) != question:
            account.wrong.append(f"{fingerprint} names two questions")
        ends = [_what_became(call, stores[fingerprint], books) for call in asked if call.end == "answered"]
        for end in ends:
            account.counts[f"{turn}: answer {end}"] += 1
        account.wrong += [f"{fingerprint}: an answer was {end}" for end in ends if end.startswith("lost without")]
        if ends.count("stored") > 1:
            account.wrong.append(f"{fingerprint} was answered and stored {ends.count('stored')} times")
        kept = [store.at for store in stores[fingerprint] if store.end == "kept"]
        late = [call for call in asked if kept and call.begun > min(kept) + CLOCK_SECONDS]
        account.wrong += [f"{fingerprint} was asked again by {call.caller} after it was stored" for call in late]
    kept_all = {store.fingerprint for store in books.stores if store.end == "kept"}
    for turn, mine in (("first calls", kept_all - follow_ups), ("re-asks", kept_all & follow_ups)):
        account.counts[f"{turn}: questions with an answer"] = len(mine)
        if account.counts[f"{turn}: answer stored"] != len(mine):
            account.wrong.append(f"{turn}: {account.counts[f'{turn}: answer stored']} stored, {len(mine)} have one")
    account.counts["questions that reached a lease"] = len(books.leased)
    account.counts["questions leased, never answered"] = len(books.leased - kept_all)
    account.wrong += [f"{each} has an answer and was never leased" for each in kept_all - books.leased]
    account.wrong += [f"{each} was asked and never leased" for each in names.keys() - books.leased]
    return account


def _by_question(books: Books) -> tuple[dict[str, list[Call]], defaultdict[str, list[Store]]]:
    calls: defaultdict[str, list[Call]] = defaultdict(list)
    stores: defaultdict[str, list[Store]] = defaultdict(list)
    for call in sorted(books.calls, key=lambda call: call.ended):
        calls[call.question].append(call)
    for store in books.stores:
        stores[store.fingerprint].append(store)
    return calls, stores


def _what_became(call: Call, stores: Iterable[Store], books: Books) -> str:
    """Of a whole answer: by what its process did with it next, seen from the table's side."""
    span = (call.ended - CLOCK_SECONDS, call.ended + STORE_SECONDS)
    mine = [store.end for store in stores if store.caller == call.caller and span[0] <= store.at <= span[1]]
    if "kept" in mine:
        return "stored"
    died = books.killed.get(call.caller)
    if "failed" in mine:
        return "lost to a failed store"
    if died is not None and span[0] <= died <= span[1] and not mine:
        return "lost to a kill"
    return f"lost without a cause: {call.caller} {mine or 'never stored it'}"


def stale(books: Books) -> Account:
    """What the shop holds is what the model would say of the newest facts that it was asked about."""
    account = Account("Products x task: the newest version's result, or a reason")
    newest: dict[tuple[str, str], Published] = {}
    for record in books.published:
        for task in books.owed(record.type):
            known = newest.get((record.data["productId"], task))
            if known is None or record.data["version"] >= known.data["version"]:
                newest[record.data["productId"], task] = record
    versions: defaultdict[tuple[str, str, int], list[Published]] = defaultdict(list)
    for record in books.published:
        for task in books.owed(record.type):
            versions[record.data["productId"], task, record.data["version"]].append(record)
    for (product_id, task), record in newest.items():
        same = versions[product_id, task, record.data["version"]]
        account.counts[verdict := _verdict(books, task, record, same)] += 1
        if verdict.startswith("stale"):
            account.wrong.append(f"{product_id} {task}: version {record.data['version']} is not what the shop has")
    return account


def _verdict(books: Books, task: str, record: Published, same_version: Iterable[Published]) -> str:
    product_id = record.data["productId"]
    product = books.products[product_id]
    if product is None:
        return "deleted" if product_id in books.deleted else "stale: the shop lost it"
    if task in product.get("protected", ()):
        return "protected"
    stored = product["enrichment"].get(task)
    value = stored and (
        {name: entry["value"] for name, entry in stored.items()} if task == "attributes" else stored["value"]
    )
    if value is not None and value in books.expected(task, record.data):
        return "newest"
    ends = [books.terminal(each, task) for each in same_version]
    if "insufficient" in ends:
        return "insufficient"
    letters = [end for end in ends if end.startswith("dead letter")]
    return letters[-1] if letters else "stale"
