"""Settings of one form alone, such as the columns of a table: ``NAME=VALUE``, checked against what the form has."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from ontologies.errors import UnknownSetting
from ontologies.models.form import Form

LOCAL = frozenset(("ontology",))
"""Settings that name a folder of the machine that reads, so that no client of a server may give them."""


def settings_named(form: Form) -> tuple[str, ...]:
    """Return the settings that a form has."""
    return tuple(getattr(form, "settings", ()))


def parse_settings(pairs: Iterable[str]) -> dict[str, str]:
    """Return settings from texts such as ``network=HQ``. Raises UnknownSetting for one without a sign of equality."""
    found: dict[str, str] = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not equals or not name.strip():
            raise UnknownSetting(f"{pair!r} is no setting; write NAME=VALUE")
        found[name.strip()] = value
    return found


def settings_for(settings: Mapping[str, str], *forms: Form) -> list[dict[str, str]]:
    """Return what each form has of the settings. Raises UnknownSetting for one that none of them has."""
    for name in settings:
        if not any(name in settings_named(form) for form in forms):
            had = sorted({each for form in forms for each in settings_named(form)})
            which = " and ".join(form.name for form in forms)
            known = f"; there are {', '.join(had)}" if had else ""
            raise UnknownSetting(f"{which} has no setting {name!r}{known}")
    return [{name: value for name, value in settings.items() if name in settings_named(form)} for form in forms]
