"""Why a class is proposed, in words."""

from __future__ import annotations

from collections import defaultdict

from ontologies.tagging.ranking import Candidate


def rule_reason(candidate: Candidate) -> str:
    """Say which words of the class come from where, what was not found, and why it is of its kind."""
    evidence, found = candidate.evidence, candidate.found
    sources: defaultdict[str, list[str]] = defaultdict(list)
    for word in sorted(found.words & evidence.support.keys()):
        sources[evidence.sources[word]].append(word)
    parts = [f"{source}: {' '.join(words)}" for source, words in sorted(sources.items())]
    kind = found.kind or "point"
    said = f" ({evidence.sources[kind]})" if kind in evidence.sources else ""
    parts.append(f"{kind}{said} {evidence.kinds.get(kind, 0.0):.0%}")
    missing = sorted(found.words - evidence.support.keys())
    if missing:
        parts.append(f"nothing says {' '.join(missing)}")
    return "; ".join(parts)


def learned_reason(example: str, nearness: float) -> str:
    """Say which reviewed point this one is like."""
    return f"like the reviewed {example!r} ({nearness:.0%} alike)"
