"""A scanned network's points with what they are proposed to be, for a person to review."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

from ontologies.bacnet import is_point, point_iri
from ontologies.bacnet_network import BacnetObject, Device, Network
from ontologies.data_tables import read_table
from ontologies.namespaces import BRICK
from ontologies.tagging.decisions import Decision
from ontologies.tagging.evidence import PointText
from ontologies.tagging.patterns import patterns, teaching_order
from ontologies.tagging.places import NamedEquipment, equipment_named, room_named
from ontologies.tagging.suggesting import Guess, Suggestion, suggest
from ontologies.tagging.tokens import tokens
from ontologies.tagging.vocabulary import Vocabulary, spoken, standard_vocabulary
from ontologies.units import bacnet_unit

THRESHOLD = 0.5
"""Below this confidence a point gets no class but that of its kind."""

_SURE_KIND = 0.75
_PLAIN = {"limit": "Parameter"}
_HAYSTACK = Path(__file__).parent / "data" / "haystack.csv"


@dataclass(frozen=True, slots=True)
class Proposal:
    """What a point is proposed to be.

    ``status`` is ``proposed``, ``taught`` by what was reviewed, ``accepted``, ``corrected`` or ``rejected``.
    ``class_iri`` is what will be written; ``candidates`` are the ranked ones, also those below the threshold.
    ``within`` is the equipment that its equipment is a part of, or that feeds it if ``fed``.
    ``pattern`` is the same for points whose names differ in numbers and codes alone.
    """

    point: str
    device: int
    object: str
    name: str
    description: str
    units: str
    class_iri: str
    confidence: float
    reason: str
    tags: tuple[str, ...]
    equipment: str | None = None
    equipment_class: str | None = None
    within: NamedEquipment | None = None
    fed: bool = False
    location: str | None = None
    status: str = "proposed"
    candidates: tuple[Suggestion, ...] = ()
    pattern: str = ""


def propose(
    network: Network,
    decisions: Iterable[Decision] = (),
    vocabulary: Vocabulary | None = None,
    threshold: float = THRESHOLD,
) -> tuple[Proposal, ...]:
    """Return a proposal for each point of the network, in its order.

    Decisions hold for their points, and teach the rest: a point that is like a reviewed one follows it. Equal
    networks and decisions give equal proposals, whatever their order.
    """
    points = [(device, found) for device, found in network.objects() if is_point(found)]
    texts = point_texts(points, network)
    iris = [point_iri(network.name, device, found) for device, found in points]
    decided = {decision.point: decision for decision in decisions}
    classes = {point: decision.class_iri for point, decision in decided.items() if decision.class_iri}
    reviewed = {at: classes[iri].removeprefix(BRICK.iri) for at, iri in enumerate(iris) if iri in classes}
    known = vocabulary or standard_vocabulary()
    guesses = suggest(texts, reviewed, known)
    here = spoken(known, [text.name for text in texts])
    made = [
        _proposal(iri, device, found, text, guess, pattern, here, threshold)
        for iri, (device, found), text, guess, pattern in zip(
            iris, points, texts, guesses, patterns(texts, here), strict=True
        )
    ]
    return tuple(_decided(proposal, decided.get(proposal.point)) for proposal in made)


def for_review(proposals: Sequence[Proposal]) -> list[Proposal]:
    """Return the open proposals, first those that teach most: one of each pattern, large unsure patterns ahead."""
    open_ones = [proposal for proposal in proposals if proposal.status in ("proposed", "taught")]
    order = teaching_order([p.pattern for p in open_ones], [p.confidence for p in open_ones])
    return [open_ones[at] for at in order]


def point_texts(points: Sequence[tuple[Device, BacnetObject]], network: Network) -> list[PointText]:
    """Return what there is to go by of each point, with its device, its views and its neighbours."""
    views = _views(network)
    shared = _shared_beginnings(points)
    return [
        _text(device, found, views.get((_key(device), found.type, found.instance), ()), shared[id(device)])
        for device, found in points
    ]


def _text(device: Device, found: BacnetObject, views: tuple[str, ...], prefix: int) -> PointText:
    unit = bacnet_unit(found.units)
    name = found.name or ""
    description = found.description or ""
    return PointText(
        name or description,
        description if description != name and name else "",
        found.type,
        found.units,
        unit.quantity if unit else None,
        found.states,
        found.commandable,
        tuple(text for text in (device.name, device.description, *views) if text),
        prefix,
    )


def _views(network: Network) -> Mapping[tuple[str, str, int], tuple[str, ...]]:
    """Return the names of the structured views that list each object."""
    names: defaultdict[tuple[str, str, int], list[str]] = defaultdict(list)
    for device, view in network.objects():
        for child in view.children:
            at = (_key(device) if child.device is None else str(child.device), child.type, child.instance)
            names[at] += [text for text in (view.name, view.description, child.annotation) if text]
    return {at: tuple(sorted(set(found))) for at, found in names.items()}


def _key(device: Device) -> str:
    return device.key or str(device.instance)


def _shared_beginnings(points: Sequence[tuple[Device, BacnetObject]]) -> dict[int, int]:
    """Return of each device how many words all its points' names begin with, where they go on after them."""
    names: defaultdict[int, list[tuple[str, ...]]] = defaultdict(list)
    for device, found in points:
        names[id(device)].append(tuple(token.text for token in tokens(found.name or "")))
    return {device: _shared(found) for device, found in names.items()}


def _shared(names: list[tuple[str, ...]]) -> int:
    low, high = min(names), max(names)
    count = next((at for at, (a, b) in enumerate(zip(low, high, strict=False)) if a != b), min(len(low), len(high)))
    return count if len(names) > 2 and count < min(map(len, names)) else 0


def _proposal(
    iri: str,
    device: Device,
    found: BacnetObject,
    text: PointText,
    guess: Guess,
    pattern: str,
    vocabulary: Vocabulary,
    threshold: float,
) -> Proposal:
    best = guess.suggestions[0]
    chosen = chosen_of(guess, threshold)
    equipment = equipment_named((text.name, *text.context), vocabulary) or NamedEquipment("", "")
    return Proposal(
        point=iri,
        device=device.instance,
        object=found.identifier,
        name=found.name or "",
        description=found.description or "",
        units=found.units or "",
        class_iri=class_iri(chosen.name),
        confidence=chosen.confidence,
        reason=chosen.reason,
        tags=haystack_tags(chosen.name),
        equipment=equipment.name or None,
        equipment_class=BRICK[equipment.class_name].value if equipment.name else None,
        within=equipment.within,
        fed=equipment.fed,
        location=room_named((text.name, text.description, *text.context)),
        status="taught" if best.reason.startswith("like ") and chosen is best else "proposed",
        candidates=guess.suggestions,
        pattern=pattern,
    )


def chosen_of(guess: Guess, threshold: float = THRESHOLD) -> Suggestion:
    """Return the best suggestion; below the threshold no more than the kind, if that is known."""
    best = guess.suggestions[0]
    if best.confidence >= threshold:
        return best
    chance = round(guess.kinds[guess.kind], 3)
    kind = guess.kind.capitalize()
    name = _PLAIN.get(guess.kind, kind) if chance >= _SURE_KIND else "Point"
    return Suggestion(name, chance, f"not sure of {best.name} ({best.confidence:.0%}): {best.reason}")


def class_iri(name: str) -> str:
    """Return the IRI of a class: of Brick, unless it is one already."""
    return name if ":" in name else BRICK[name].value


def haystack_tags(class_name: str) -> tuple[str, ...]:
    """Return Project Haystack's tags for a class of points, in the order of its name."""
    table = _haystack_table()
    words = class_name.rsplit("#", 1)[-1].lower().split("_")
    return tuple(dict.fromkeys(("point", *(tag for word in words for tag in table.get(word, ())))))


@lru_cache(maxsize=1)
def _haystack_table() -> Mapping[str, list[str]]:
    return {row["word"]: row["tags"].split() for row in read_table(_HAYSTACK, ("word", "tags"))}


def _decided(proposal: Proposal, decision: Decision | None) -> Proposal:
    if decision is None:
        return proposal
    name = decision.class_iri or BRICK["Point"].value
    return replace(
        proposal,
        class_iri=name,
        confidence=1.0,
        reason=f"{decision.status} by {decision.by or 'a person'}",
        tags=decision.tags or haystack_tags(name),
        equipment=decision.equipment if decision.equipment is not None else proposal.equipment,
        within=proposal.within if decision.equipment in (None, proposal.equipment) else None,
        location=decision.location if decision.location is not None else proposal.location,
        status=decision.status,
    )
