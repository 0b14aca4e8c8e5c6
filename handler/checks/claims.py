"""Claims that copy must not make, as planners' packs list them. Pure."""

from collections.abc import Iterator, Sequence

from handler.categories import matches
from handler.checks import Violation
from handler.checks.evidence import folded, statements
from handler.checks.lexicon import squeezed
from handler.checks.patterns import Span, inside, spans
from handler.checks.rules import ClaimRule
from handler.checks.wording import violation
from handler.facts import Facts


def check_claims(
    text: str, *, facts: Facts, rules: Sequence[ClaimRule], negations: Sequence[str] = ()
) -> Iterator[Violation]:
    """Every match of a rule that applies to the product and that no evidence bears out. Raises `TooSlow`."""
    for rule in rules:
        if not any(matches(pattern, facts.category) for pattern in rule.where):
            continue
        found = hits(rule, text)
        evidence = _evidence(rule, facts, negations=negations) if found else []
        for span in found:
            words = squeezed(text[span[0] : span[1]])
            if not any(words in said for said in evidence):
                yield violation(rule.code, text, span, en=rule.en, ko=rule.ko)


def hits(rule: ClaimRule, text: str) -> list[Span]:
    """Where the rule fires, its exceptions left out, whatever the product. Raises `TooSlow`."""
    found = spans([rule.match], text)
    harmless = spans(rule.except_, text) if found else []
    return [span for span in found if not inside(span, harmless)]


def _evidence(rule: ClaimRule, facts: Facts, *, negations: Sequence[str]) -> list[str]:
    """What the attributes say that the rule trusts: never the name, where sellers write slogans (국민 1위)."""
    return [
        squeezed(said)
        for attribute, said in statements(facts, negations=negations)
        if any(squeezed(folded(trusted)) in squeezed(attribute) for trusted in rule.unless)
    ]
