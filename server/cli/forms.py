"""`twinhouse forms`: the forms of models."""

from __future__ import annotations

from server.cli.options import Json
from server.cli.output import print_json, print_table


def forms(as_json: Json = False) -> None:
    """List the forms of models that are read and written, by the names that other commands use.

    \b
    Example:
      twinhouse forms
    """
    from ontologies.models.registry import FORMS
    from ontologies.models.settings import settings_named

    rows = [
        {
            "name": form.name,
            "title": form.title,
            "endings": ", ".join(form.endings),
            "media_types": ", ".join(form.media_types),
            "settings": ", ".join(settings_named(form)),
        }
        for form in FORMS
    ]
    if as_json:
        print_json(rows)
    else:
        print_table(rows, ("name", "title", "endings", "settings"))
