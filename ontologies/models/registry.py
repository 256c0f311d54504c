"""Which forms there are, and which of them a document is of."""

from __future__ import annotations

from pathlib import PurePath

from ontologies.adt import forms as adt
from ontologies.digital_buildings import forms as digital_buildings
from ontologies.errors import UnknownFormat
from ontologies.haystack import forms as haystack
from ontologies.models import json_ld, plain_brick, rdf, rec
from ontologies.models.form import Form
from ontologies.tables import forms as tables

# The particular before the general: where several recognise a document, the first has it.
FORMS: tuple[Form, ...] = (
    *haystack.FORMS,
    *adt.FORMS,
    *digital_buildings.FORMS,
    *rec.FORMS,
    *rdf.FORMS,
    *json_ld.FORMS,
    *plain_brick.FORMS,
    *tables.FORMS,
)


def form_named(name: str) -> Form:
    """Return a form by its name or one of its media types. Raises UnknownFormat, which lists them."""
    whole = name.replace(" ", "").lower()
    for wanted in (whole, whole.partition(";")[0]):
        for form in FORMS:
            if wanted == form.name or wanted in form.media_types:
                return form
    raise UnknownFormat(f"{name!r} is no form of models; known: {_known()}")


def form_of_ending(name: str) -> Form:
    """Return the form that a file of this name is written in. Raises UnknownFormat."""
    fits = _by_ending(name)
    if not fits:
        raise UnknownFormat(f"{name!r} has no ending of a known form; known: {_known()}")
    return fits[0]


def recognise(name: str, head: bytes) -> Form:
    """Return the form of a document by its first bytes; its name helps where these say nothing.

    Raises UnknownFormat where no form recognises it, and its ending is not that of one form alone.
    """
    for form in FORMS:
        if form.recognises(name, head):
            return form
    fits = [form for form in _by_ending(name) if not getattr(form, "by_content_alone", False)]
    if len(fits) == 1:
        return fits[0]
    raise UnknownFormat(f"{name!r} is of no form that is known by its content; known: {_known()}")


def _by_ending(name: str) -> list[Form]:
    lowered = PurePath(name).name.lower()
    return [form for form in FORMS if any(lowered.endswith(f".{ending}") for ending in form.endings)]


def _known() -> str:
    return ", ".join(form.name for form in FORMS)
