"""A small scanned network, of three controllers whose names are in three languages."""

from __future__ import annotations

from ontologies.bacnet_network import Address, BacnetObject, Device, Network, ObjectReference, identify

_AHU = (
    BacnetObject("analog-input", 1, "AHU-1.SAT", "Supply air temperature", "degrees-celsius", cov_increment=0.2),
    BacnetObject("analog-input", 2, "AHU-1.RAT", None, "degrees-celsius"),
    BacnetObject("analog-input", 3, "AHU-1.SA-SP", None, "pascals"),
    BacnetObject("analog-value", 4, "AHU-1.SAT-SP", None, "degrees-celsius", commandable=True),
    BacnetObject("analog-output", 5, "AHU-1.CHWV", "Chilled water valve", "percent", commandable=True),
    BacnetObject("binary-input", 6, "AHU-1.SF-STS", None, states=("Off", "On"), value=True),
    BacnetObject("binary-output", 7, "AHU-1.SF-CMD", None, states=("Off", "On"), commandable=True),
    BacnetObject("multi-state-value", 8, "AHU-1.MODE", None, states=("Off", "Auto", "Hand"), value=2),
    BacnetObject("structured-view", 9, "Air handling", children=(ObjectReference("analog-input", 1),)),
    BacnetObject("trend-log", 10, "AHU-1.SAT-LOG", logged=ObjectReference("analog-input", 1)),
)
_HEATING = (
    BacnetObject("analog-input", 1, "HK1_Vorlauftemperatur", None, "degrees-celsius"),
    BacnetObject("analog-input", 2, "HK1_Rücklauftemp", None, "degrees-celsius"),
    BacnetObject("analog-value", 3, "HK1_Sollwert_Vorlauf", None, "degrees-celsius", commandable=True),
    BacnetObject("binary-input", 4, "HK1_Pumpe_Störung", None, states=("Normal", "Alarm")),
)
_ROOMS = (
    BacnetObject("analog-input", 1, "Salle 101 Température ambiante", None, "degrees-celsius"),
    BacnetObject("analog-value", 2, "Salle 101 Consigne température", None, "degrees-celsius", commandable=True),
    BacnetObject("analog-input", 3, "=Qualité d'air", "Teneur en CO2", "parts-per-million"),
    BacnetObject("analog-value", 4, "XZ-77", None, "no-units"),
)

NETWORK = identify(
    Network(
        "test",
        (
            Device(Address("10.0.0.1:47808"), 100, "AHU controller", vendor="Acme", model="A1", objects=_AHU),
            Device(Address("0x05", 20, "10.0.0.9:47808"), 200, "Heizung", objects=_HEATING),
            Device(Address("10.0.0.3:47808"), 300, objects=_ROOMS),
        ),
        scanned_at="2026-11-01T00:00:00Z",
    )
)
