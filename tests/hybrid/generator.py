"""Makes queries over the language at random, the same for the same seed."""

from __future__ import annotations

import random
import re
from datetime import datetime, timedelta

FIRST, STEPS = -6, 20
"""The readings that it asks for, in half hours since 5 January."""

_GRAPHS = (
    "?e brick:hasPoint ?p .",
    "?e brick:hasPoint ?p . ?e a ?c .",
    "?p a brick:Zone_Air_Temperature_Sensor .",
    "?p rdfs:label ?l .",
    "VALUES ?p { :a :fan :nope }",
    "?ahu brick:feeds/brick:hasPoint ?p .",
    "?e brick:hasPoint ?p OPTIONAL { ?e rdfs:label ?l }",
    "{ ?e brick:hasPoint ?p } UNION { ?p a brick:Mode_Status }",
    "?e brick:hasPoint ?p . FILTER NOT EXISTS { ?e rdfs:label ?l }",
    "?e brick:hasPoint ?p . ?e :area ?area",
    "",
    "?e brick:hasPoint ?p MINUS { ?p a brick:Fan_Status }",
    "{ SELECT ?p (COUNT(*) AS ?k) { ?p a brick:Mode_Status } GROUP BY ?p }",
    "GRAPH <urn:twinhouse:model:site> { ?e brick:hasPoint ?p }",
    "?e brick:hasPoint ?p BIND(STR(?p) AS ?ps)",
    "BIND(:a AS ?p)",
    "?e brick:hasPoint ?q BIND(IF(?q = :a, :b, ?q) AS ?p)",
    "?e brick:hasPoint ?q BIND(IF(?q = :a, 1/0, ?q) AS ?p)",
)
_BINDS = (
    "HOURS(?t1)",
    'twh:bucket(?t1, "PT3H", "Europe/Berlin")',
    'twh:bucket(?t1, "P1D")',
    'twh:localHour(?t1, "Asia/Kolkata")',
    'twh:localDate(?t1, "Europe/Berlin")',
    "?v1 * 2",
    "MINUTES(?t1)",
    "IF(?v1 > 21, 1e0, 2e0)",
)
_AGGREGATES = (
    "(COUNT(*) AS ?n)",
    "(AVG(?v1) AS ?av)",
    "(SUM(?v1) AS ?su)",
    "(MIN(?v1) AS ?mi)",
    "(MAX(?v1) AS ?ma)",
    "(COUNT(?v1) AS ?cv)",
    "(COUNT(DISTINCT ?p) AS ?dp)",
    "(COUNT(DISTINCT ?o1) AS ?do)",
    "(MAX(?t1) AS ?mt)",
    "(MIN(?t1) AS ?nt)",
    "(AVG(?v1) * 2 + 1 AS ?av2)",
    "(COUNT(?l) AS ?cl)",
    "(COUNT(?o1) AS ?co)",
    "(MAX(?v1) - MIN(?v1) AS ?r)",
    "(COUNT(DISTINCT ?t1) AS ?dt)",
    "(twh:median(?v1) AS ?md)",
    "(twh:percentile(?v1, 90) AS ?pc)",
    "(GROUP_CONCAT(STR(?v1) ; separator='|') AS ?gv)",
    "(GROUP_CONCAT(?v1 ; separator='|') AS ?gw)",
    "(GROUP_CONCAT(DISTINCT STR(?p) ; SEPARATOR='|') AS ?gp)",
    "(GROUP_CONCAT(DISTINCT STR(?t1) ; separator='|') AS ?gt)",
    "(GROUP_CONCAT(?l ; separator='|') AS ?gl)",
)
_OF_TIMES = ("(twh:timeWeightedMean(?v1, ?t1) AS ?tw)", "(twh:integral(?v1, ?t1) AS ?in)") * 4
_ONE_VALUE = re.compile(r"sosa:resultTime \?t1 ; sosa:hasSimpleResult \?v1")  # at each time of a point
_TEMPLATE = (
    *("?p :saw ?v1 .", "?o1 a :Seen .", "?o1 :at ?t1 .", "?e :of ?p .", "?s1 :on ?p .", ":x ?p 'text'@en ."),
    *("[] :of ?p ; :is ?v1 .", "_:x :at ?t1 . ?p :has _:x .", ":all :have [ :value ?v1 ; :time ?t1 ] ."),
)
_WRITTEN = ("?p :saw ?v1 .", "?o1 a :Seen .", "?p :at ?t1 .", "?e :of ?p .", ":all :have ?l .", "?p :marked true .")
_MARKED = ("", "", "?p :marked true .", "FILTER NOT EXISTS { ?p :marked true }", "OPTIONAL { ?p :saw ?seen }")
_UNION = "{{ {} }} UNION {{ LEAF }}"
_NAMES = ["p", "e", "c", "l", "t1", "v1", "o1", "s1", "t2", "v2", "t3", "v3", "h", "lim", "area", "k", "ps"]


class Generator:
    """Makes one query."""

    def __init__(self, seed: int) -> None:
        self._chance = random.Random(seed)

    def _often(self, share: float) -> bool:
        return self._chance.random() < share

    def _time(self) -> str:
        half_hours = self._chance.randrange(FIRST - 1, FIRST + STEPS + 1)
        time = datetime(2026, 1, 5) + timedelta(minutes=30 * half_hours)
        return f'"{time.isoformat()}Z"^^xsd:dateTime'

    def _observation(self, number: int, point: str) -> str:
        if self._often(0.1):
            return (
                f"{point} sosa:madeObservation ?o{number} ."
                f" ?o{number} sosa:resultTime ?t{number} ; sosa:hasSimpleResult ?v{number} ."
            )
        parts = [f"sosa:madeBySensor {point}"]
        parts += [f"sosa:resultTime ?t{number}"] if self._often(0.9) else []
        parts += [f"sosa:hasSimpleResult ?v{number}"] if self._often(0.9) else []
        parts += [f"twh:status ?s{number}"] if self._often(0.1) else []
        parts += ["a sosa:Observation"] if self._often(0.1) else []
        text = " ; ".join(parts)
        return f"?o{number} {text} ." if self._often(0.8) else f"[ {text} ] ."

    def _filter(self, number: int) -> str:
        value, time, choose = f"?v{number}", f"?t{number}", self._chance.choice
        operator = choose(["<", "<=", ">", ">=", "="])
        return "FILTER({})".format(
            choose(
                [
                    f"{time} {operator} {self._time()}",
                    f"{self._time()} < {time} && {value} > 20.2",
                    f"{value} {choose([operator, '!='])} {choose(['20.5', '21', '22.25e0', '0'])}",
                    f"!({value} > 21) || HOURS({time}) = 3",
                    f"{value} {choose(['=', '!='])} 'on'",
                    f"{value} IN (20.5, 21)",
                    f"BOUND({value})",
                    f"{value} >= ?lim",
                    f"{value} + 1 > ?lim * 1e0",
                    f"COALESCE({value} > 20, false)",
                    f"DAY({time}) = 5 && MINUTES({time}) = 30",
                    f"ABS({value} - 21) < 1",
                    f"{value} {operator} ?v1",
                ]
            )
        )

    def query(self) -> str:
        """Return a SELECT without prefixes; it may be no SPARQL now and then."""
        where = " ".join(self._where())
        names = [name for name in _NAMES if re.search(rf"\?{name}\b", where)]
        if self._often(0.5):
            head, tail, keys = self._grouped(names, where)
        else:
            keys = self._chance.sample(names, min(len(names), self._chance.randint(1, 4))) or ["p"]
            head = self._chance.choice(["", "", "DISTINCT "]) + " ".join(f"?{name}" for name in keys)
            head += " (?v1 * 1.8 + 32 AS ?fa)" if self._often(0.15) else ""
            tail = ""
        if keys and self._often(0.25):
            tail += " ORDER BY " + " ".join(self._chance.choice(["?{}", "DESC(?{})"]).format(name) for name in keys)
        return f"SELECT {head} {{ {where} }} {tail}"

    def other(self) -> str:
        """Return an ASK, a CONSTRUCT or a DESCRIBE."""
        template = " ".join(self._chance.sample(_TEMPLATE, self._chance.randint(1, 4)))
        described = f"DESCRIBE {self._chance.choice(['?p', '?o1', '?p ?o1 :a', '*'])}"
        form = self._chance.choice(["ASK", f"CONSTRUCT {{ {template} }}", f"CONSTRUCT {{ {template} }}", described])
        return f"{form} {{ {' '.join(self._where())} }}"

    def crossed(self) -> str:
        """Return a SELECT over three or four observations with few times in common, and comparisons of them."""
        chance, count = self._chance, self._chance.choice([3, 3, 4])
        parts = ["?e brick:hasPoint ?p ."] if self._often(0.3) else []
        points = ["?p" if parts and self._often(0.5) else chance.choice([":a", ":b", ":c"]) for _ in range(count)]
        times = [f"?t{chance.choice([number] * 5 + [1])}" for number in range(1, count + 1)]
        for number, (point, time) in enumerate(zip(points, times, strict=True), 1):
            text = f"?o{number} sosa:madeBySensor {point} ; sosa:resultTime {time} ; sosa:hasSimpleResult ?v{number}"
            compared = [self._compared(number, other, times) for other in range(1, number)]
            text += f" FILTER({' && '.join(compared)})" if compared else " ."
            is_last = number == count
            form = chance.choice(
                ["{}", "{}", "OPTIONAL {{ {} }}", "FILTER NOT EXISTS {{ {} }}"] if is_last else ["{}"]
            )
            parts.append(form.format(text))
        head = chance.choice(["*", "(COUNT(*) AS ?n) (MAX(?v1) AS ?ma)", "?t1 ?v2 (?v1 + ?v2 AS ?sum)"])
        return f"SELECT {head} {{ {' '.join(parts)} }}"

    def _compared(self, number: int, other: int, times: list[str]) -> str:
        """Return a comparison of two observations."""
        operator, left, right = self._chance.choice(["<", ">", "<=", ">="]), times[number - 1], times[other - 1]
        if left != right and self._often(0.5):
            return f"{left} {operator} {right}"
        return f"?v{number} {operator} ?v{other}"

    def update(self) -> str:
        """Return an update, whose operations see readings, and write the graph `:out`."""
        return " ;\n".join(self._operation() for _ in range(self._chance.randint(1, 3)))

    def _operation(self) -> str:
        chance = self._chance
        if self._often(0.2):
            return f"INSERT DATA {{ GRAPH :out {{ {chance.choice([':a', ':c', ':fan'])} :marked true }} }}"
        templates = [
            f"{form} {{ GRAPH :out {{ {' '.join(chance.sample(_WRITTEN, chance.randint(1, 3)))} }} }}"
            for form in chance.choice([["INSERT"], ["INSERT"], ["DELETE"], ["DELETE", "INSERT"]])
        ]
        using = "USING twh:readings USING <urn:twinhouse:model:site> USING :out"
        where = " ".join([*self._flat(), chance.choice(_MARKED)])
        return f"{' '.join(templates)} {using} WHERE {{ {where} }}"

    def _where(self) -> list[str]:
        return self._nested() if self._often(0.3) else self._flat()

    def _nested(self, depth: int = 2) -> list[str]:
        """Return groups in groups, in any order: what is mixed, and tells whether too little was read."""
        chance, parts = self._chance, list[str]()
        for _ in range(chance.randint(1, 3)):
            inner = " ".join(self._nested(depth - 1)) if depth and self._often(0.6) else self._leaf()
            form = chance.choice(["{}", "{}", "{{ {} }}", "OPTIONAL {{ {} }}", "MINUS {{ {} }}", _UNION])
            form = chance.choice([form, form, "FILTER EXISTS {{ {} }}", "FILTER NOT EXISTS {{ {} }}"])
            form = chance.choice(
                [form] * 6 + ["{{ SELECT ?p ?t1 {{ {} }} }}", "FILTER(?t1 < NOW() || EXISTS {{ {} }})"]
            )
            parts.append(form.format(inner).replace("LEAF", self._leaf()))
        return parts

    def _leaf(self) -> str:
        chance = self._chance
        return chance.choice(
            [
                chance.choice(_GRAPHS[:8]),
                f"{self._observation(1, '?p')} {self._filter(1)}",
                self._observation(1, "?p"),
                self._filter(1),
                "?p ^sosa:madeBySensor/sosa:resultTime ?t1 .",
                "?p brick:lastKnownValue ?o1 . ?o1 brick:timestamp ?t1 .",
                "?o1 twh:status ?s1 .",
                "?p :limit ?lim .",
                f"FILTER(?t1 > {self._time()})",
            ]
        )

    def _flat(self) -> list[str]:
        chance = self._chance
        graph = chance.choice(_GRAPHS)
        graph += " ?p :limit ?lim ." if self._often(0.3) and graph.endswith((".", "}", ")")) else ""
        parts = [graph, self._observation(1, chance.choice(["?p"] * 6 + [":a", ":c"]))]
        if self._often(0.2):
            parts.append(self._observation(2, chance.choice([":b", "?p"])).replace("?t2", "?t1"))
        parts += [self._filter(1) for share in (0.4, 0.2) if self._often(share)]
        parts = self._further(parts)
        if self._often(0.2):
            chance.shuffle(parts)
        return [*parts, f"BIND({chance.choice(_BINDS)} AS ?h)"] if self._often(0.3) else parts

    def _further(self, parts: list[str]) -> list[str]:
        chance, share = self._chance, self._chance.random()
        if share < 0.12:
            inner = f"{self._observation(3, chance.choice(['?p', ':fan']))} {chance.choice(['', self._filter(3)])}"
            return [*parts, f"OPTIONAL {{ {inner} }}".replace("?t3", chance.choice(["?t1", "?t3"]))]
        if share < 0.2:
            inner = f"{self._observation(4, '?p')} {self._filter(4)}"
            return [*parts, f"FILTER {chance.choice(['', 'NOT '])}EXISTS {{ {inner} }}"]
        if share < 0.25:
            return [parts[0], "?p brick:lastKnownValue ?o1 . ?o1 brick:value ?v1 ; brick:timestamp ?t1 .", *parts[2:]]
        if share < 0.34:
            key, result = chance.choice(
                [("?k", "COUNT(*)"), ("?t1", "MAX(?t7)"), ("?t1", "MIN(?t7)"), ("?k", "AVG(?v7)"), ("?k", "MAX(?v7)")]
            )
            inner = f"{self._observation(7, '?p')} {chance.choice(['', self._filter(7)])}"
            return [f"{{ SELECT ?p ({result} AS {key}) {{ {inner} }} GROUP BY ?p }}", *parts]
        if share < 0.37:
            return [*parts, f"{{ {self._observation(5, '?p')} }} UNION {{ {self._observation(5, '?p')} }}"]
        if share < 0.4:  # of the same observation
            observation, among = f"{self._observation(1, '?p')} {chance.choice(['', self._filter(1)])}", parts[0]
            return [f"{{ {among} {observation} }} UNION {{ {chance.choice(_GRAPHS)} {observation} }}"]
        if share < 0.42:
            other = f"{chance.choice(_GRAPHS)} {self._observation(1, '?p')} {self._filter(1)}"
            return [f"{{ {' '.join(parts)} }} UNION {{ {other} }}"]
        return [*parts, "OPTIONAL { ?o1 twh:status ?s1 }"] if share < 0.45 else parts

    def _grouped(self, names: list[str], where: str) -> tuple[str, str, list[str]]:
        chance = self._chance
        keys = chance.sample(names, min(len(names), chance.choice([0, 1, 1, 2])))
        aggregates = [*_AGGREGATES, *(_OF_TIMES if "p" in keys and _ONE_VALUE.search(where) else ())]
        head = " ".join([*(f"?{name}" for name in keys), *chance.sample(aggregates, chance.randint(1, 3))])
        tail = f"GROUP BY {' '.join(f'?{name}' for name in keys)}" if keys else ""
        if self._often(0.2):
            tail += f" HAVING({chance.choice(['COUNT(*) > 3', 'AVG(?v1) > 20.5', 'MAX(?v1) >= 21'])})"
        return head, tail, keys
