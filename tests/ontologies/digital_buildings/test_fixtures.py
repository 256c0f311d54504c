"""The instance validator's own fixtures: GOOD ones pass, BAD ones are refused for the reason that they are about."""

from __future__ import annotations

import pytest

from ontologies.digital_buildings.ontology import Ontology
from ontologies.digital_buildings.reading import read_config
from ontologies.digital_buildings.rules import problems, type_problems
from ontologies.errors import FormatError
from tests.support.data import shared

# GOOD ones that are refused, with what for. docs/digital-buildings.md tells why.
REFUSED_GOOD = {
    "links_increment": {"type-unknown"},
    "translation_nobuilding": {"translation-without-device"},
    "translation_req_field_marked_missing": {"all-missing"},
}
# What each BAD one is about.
BAD = {
    "abstract_type": "type-abstract",
    "building_connections": "connection-kind",
    "building_links_entity_name": "link-source",
    "building_links_fields": "field-undefined",
    "building_type": "type-form",
    "building_type_entity": "type-unknown",
    "building_type_namespace": "type-unknown",
    "cloud_device_id_but_missing_translation": "device-without-translation",
    "duplicate_key": "duplicate-key",
    "duplicate_keys": "duplicate-key",
    "duplicate_metadata": "duplicate-key",
    "entity_add_mask": "mask-without-update",
    "entity_bad_cloud_device_id": "device-form",
    "entity_etag": "etag",
    "entity_export_operation": "etag",
    "entity_identical_cloud_device_ids": "device-shared",
    "entity_interdependency_v1_alpha": "device-form",  # the rule that it names is gone from the validator
    "entity_keyed_by_code": "device-form",  # we read entities keyed by code
    "entity_mask": "operation-in-initialize",
    "entity_missing_state_mapping_value": "state-value",
    "entity_operation": "operation-in-initialize",
    "entity_with_bad_enumeration": "field-undefined",
    "links_missing_field": "field-required",
    "links_source_field_not_in_translation": "link-field",
    "links_wrong_link": "link-mismatch",
    "missing_building": "field-required",
    "missing_colon": "not YAML",
    "missing_link_in_source_entity": "link-field",
    "passthrough_translation_with_wrong_unit": "link-unit",
    "spacing": "not YAML",
    "tabbing": "not YAML",
    "translation_all_field_marked_missing": "all-missing",
    "translation_compliant": "field-undefined",
    "translation_field_with_states_missing": "states",
    "translation_field_with_units_missing": "units",
    "translation_invalid_udmi_present_value_name": "present-value-path",
    "translation_invalid_udmi_unit_field_name": "units-path",
    "translation_invalid_value_range_format": "range-form",
    "translation_invalid_value_range_order": "range-order",
    "translation_keys": "translation-key",
    "translation_missing_cloud_device_id": "translation-without-device",
    "translation_multiple_units": "units-several",
    "translation_opt_field_marked_missing": "optional-missing",
    "translation_states": "state-unknown",
    "translation_states_list_with_duplicate": "state-duplicate",
    "translation_units_format": "units",
    "translation_value_range_with_no_units": "range-without-units",
    "translation_with_extra_field": "field-undefined",
    "translation_with_invalid_enumeration": "field-undefined",
    "translation_with_required_field_missing": "field-required",
    "type_expecting_fields": "field-required",
    "update_entity_clear_type": "type-cleared",
    "update_entity_type": "field-undefined",
    "update_links": "link-source",
    "update_mask_operation": "mask-without-update",
    "update_mask_value": "update-mask",
    "update_with_incorrect_metadata": "operation-in-initialize",
}


def codes(text: str, ontology: Ontology | None) -> set[str]:
    try:
        config, found = read_config(text)
    except FormatError:
        return {"not YAML"}
    found += problems(config, ontology)
    found += type_problems(config, ontology) if ontology is not None else ()
    assert all(1 <= problem.line <= text.count("\n") + 1 for problem in found)
    return {problem.code for problem in found}


def texts(folder: str) -> dict[str, str]:
    return {path.stem: path.read_text() for path in sorted(shared(f"digital-buildings/{folder}").glob("*.yaml"))}


def test_good_ones_pass(ontology: Ontology) -> None:
    found = {name: codes(text, ontology) for name, text in texts("instance_validator/GOOD").items()}
    assert len(found) > 40
    assert {name: said for name, said in found.items() if said} == REFUSED_GOOD


def test_bad_ones_are_refused_for_the_right_reason(ontology: Ontology) -> None:
    found = {name: codes(text, ontology) for name, text in texts("instance_validator/BAD").items()}
    assert set(found) == set(BAD)
    assert {name: said for name, said in found.items() if BAD[name] not in said} == {}


@pytest.mark.parametrize(("name", "expected"), [("good", set()), ("bad", {"link-field"}), ("building", set())])
def test_abels_files_are_read_without_an_ontology(name: str, expected: set[str]) -> None:
    # They are of an ontology of their own, so only what needs none is asked.
    found = {stem: codes(text, None) for stem, text in texts("abel").items() if stem.startswith(name)}
    assert found
    assert set().union(*found.values()) == expected
