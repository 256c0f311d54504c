from __future__ import annotations

import random

import pytest

from ontologies.tagging.evidence import PointText
from ontologies.tagging.neighbours import with_holders
from ontologies.tagging.patterns import patterns, teaching_order
from ontologies.tagging.suggesting import suggest
from ontologies.units import bacnet_unit

# Names as contractors write them: name, description, object type, unit, class.
NAMES = """
AHU1_DAT||analog-input|degrees-fahrenheit|Discharge_Air_Temperature_Sensor
AHU-1 Mixed Air Temp||analog-input|degrees-celsius|Mixed_Air_Temperature_Sensor
RTU3.OAT||analog-input|degrees-celsius|Outside_Air_Temperature_Sensor
OA_RH||analog-input|percent-relative-humidity|Outside_Air_Humidity_Sensor
AHU2 RA CO2||analog-input|parts-per-million|Return_Air_CO2_Sensor
AHU2 DuctStaticPress||analog-input|inches-of-water|Supply_Air_Static_Pressure_Sensor
BldgStaticPressure||analog-input|pascals|Building_Air_Static_Pressure_Sensor
AHU2-SF-S|Supply fan status|binary-input||Fan_Status
AHU2-SF-SPD|Supply fan VFD speed|analog-output|percent|Fan_Speed_Command
AHU2-CCV||analog-output|percent|Valve_Position_Command
AHU2 OA Damper Cmd||analog-output|percent|Damper_Position_Command
AHU2-OutsideDamper.CMD||binary-output||Damper_Command
AHU-2-SupplyFan.S||binary-input||Fan_Status
WeatherStation.T||analog-input|degrees-celsius|Outside_Air_Temperature_Sensor
AHU2 Filter DP||analog-input|pascals|Filter_Differential_Pressure_Sensor
AHU2 SmokeDetector||binary-input||Smoke_Alarm
VAV-3-05.ZN-T||analog-input|degrees-fahrenheit|Zone_Air_Temperature_Sensor
VAV-3-05.ZN-SP||analog-value|degrees-fahrenheit|Target_Zone_Air_Temperature_Setpoint
VAV-3-05.SA-F||analog-input|cubic-feet-per-minute|Supply_Air_Flow_Sensor
VAV-3-05.DMPR-POS||analog-input|percent|Damper_Position_Sensor
VAV-3-05 OccCoolSP||analog-value|degrees-fahrenheit|Occupied_Cooling_Zone_Air_Temperature_Setpoint
VAV-3-05 UnoccHtgSP||analog-value|degrees-fahrenheit|Unoccupied_Heating_Zone_Air_Temperature_Setpoint
Rm 210 CO2||analog-input|parts-per-million|Zone_CO2_Level_Sensor
Room_210_Humidity||analog-input|percent-relative-humidity|Zone_Air_Humidity_Sensor
CH1_CHWST||analog-input|degrees-celsius|Leaving_Chilled_Water_Temperature_Sensor
CHWST-SP||analog-value|degrees-celsius|Leaving_Chilled_Water_Temperature_Setpoint
CHW-DP||analog-input|kilopascals|Chilled_Water_Differential_Pressure_Sensor
CHWP1-STS||binary-input||Pump_Status
Boiler-2 HWST||analog-input|degrees-fahrenheit|Leaving_Hot_Water_Temperature_Sensor
Boiler-2 Enable||binary-output||Enable_Command
Main Elec Meter kWh||accumulator|kilowatt-hours|Electric_Energy_Sensor
GasMeter||accumulator|cubic-meters|Natural_Gas_Usage_Sensor
EF-3 S/S||binary-output||Start_Stop_Command
AHU4 Pre Heat DAT||analog-input|degrees-celsius|Preheat_Discharge_Air_Temperature_Sensor
VAV-3-05 MIN FLOW SP||analog-value|liters-per-second|Min_Air_Flow_Setpoint_Limit
VAV-3-05 CO2||analog-input|parts-per-million|Zone_CO2_Level_Sensor
BLDG4.HWS.LOOP2.RET|Return water temperature (0 = none) of Building 4|||Entering_Hot_Water_Temperature_Sensor
B4.HWS.ENA|Enable/disable command (1/0)|||Enable_Command
B4.HWS.Q|Heating power supplied|||Thermal_Power_Sensor
T_OUT|Outdoor drybulb temperature|||Outside_Air_Temperature_Sensor
Economizer Enable Fixed Enthalpy||||Enable_Fixed_Enthalpy_Command
Lux level corridor||analog-input|luxes|Illuminance_Sensor
Zulufttemperatur||analog-input|degrees-celsius|Supply_Air_Temperature_Sensor
RLT01 Außenlufttemperatur||analog-input|degrees-celsius|Outside_Air_Temperature_Sensor
RLT01 Aussenluft Temp||analog-input|degrees-celsius|Outside_Air_Temperature_Sensor
RLT01 Zuluftdruck Sollwert||analog-value|pascals|Supply_Air_Static_Pressure_Setpoint
RLT01 Zuluftventilator Drehzahl||analog-output|percent|Fan_Speed_Command
HK2 Vorlauftemp. Sollwert||analog-value|degrees-celsius|Leaving_Hot_Water_Temperature_Setpoint
HK2 Umwälzpumpe Betriebsmeldung||binary-input||Pump_Status
Raumtemperatur Sollwert 2.14||analog-value|degrees-celsius|Target_Zone_Air_Temperature_Setpoint
Kaltwasser Vorlauftemperatur||analog-input|degrees-celsius|Leaving_Chilled_Water_Temperature_Sensor
CTA1 Température soufflage||analog-input|degrees-celsius|Supply_Air_Temperature_Sensor
CTA1 Température reprise||analog-input|degrees-celsius|Return_Air_Temperature_Sensor
CTA1 Ventilateur soufflage état||binary-input||Fan_Status
Consigne ambiance bureau 12||analog-value|degrees-celsius|Target_Zone_Air_Temperature_Setpoint
Départ eau chaude température||analog-input|degrees-celsius|Leaving_Hot_Water_Temperature_Sensor
Hygrométrie salle 4||analog-input|percent-relative-humidity|Zone_Air_Humidity_Sensor
""".strip().splitlines()

VAV = [PointText(f"VAV-{n}.{part}") for n in range(1, 21) for part in ("QT", "ZN-T", "DMPR")]


def text(line: str) -> tuple[PointText, str]:
    name, description, kind, unit, truth = line.split("|")
    known = bacnet_unit(unit or None)
    return PointText(name, description, kind, unit or None, known.quantity if known else None), truth


@pytest.mark.parametrize("line", NAMES)
def test_a_name_gives_its_class(line: str) -> None:
    point, truth = text(line)
    (guess,) = suggest([point])
    assert guess.suggestions[0].name == truth


class TestNeighbours:
    def test_equipment_that_many_names_end_with_says_where_a_point_is(self) -> None:
        ends = ("supply_fan_S11", "supply_fan_S14", "exhaust_fan_E3")
        begins = ("air_temp", "static_pressure", "chw_valve", "speed")
        texts = [PointText(f"{what}_{where}") for where in ends for what in begins]
        held = with_holders(texts)
        assert {(text.prefix, text.suffix) for text in held} == {(0, 3)}
        valve, alone = suggest(texts)[2], suggest(texts[2:3])[0]
        assert "Valve" in valve.suggestions[0].name
        assert valve.suggestions[0].confidence > alone.suggestions[0].confidence
        assert with_holders([*reversed(texts)]) == [*reversed(held)]

    def test_a_name_alone_has_no_equipment_of_its_neighbours(self) -> None:
        assert with_holders([PointText("Zone 3 Temp")]) == [PointText("Zone 3 Temp")]

    def test_a_building_that_speaks_of_discharge_air_means_it_where_it_says_nothing(self) -> None:
        flow = PointText("VAV-3 Airflow", type="analog-input")
        assert suggest([flow])[0].suggestions[0].name == "Supply_Air_Flow_Sensor"
        found = suggest([flow, PointText("VAV-3 Discharge Air Temp", type="analog-input")])
        assert found[0].suggestions[0].name == "Discharge_Air_Flow_Sensor"


class TestSuggestions:
    def test_say_why_in_words(self) -> None:
        (guess,) = suggest([text("OA_T||analog-input|degrees-celsius|")[0]])
        assert "name 'oa': air outside" in guess.suggestions[0].reason
        assert "sensor" in guess.suggestions[0].reason

    def test_fall_in_confidence_and_hold_no_class_twice(self) -> None:
        for guess in suggest([text(line)[0] for line in NAMES]):
            sure = [suggestion.confidence for suggestion in guess.suggestions]
            assert sure == sorted(sure, reverse=True)
            assert len({suggestion.name for suggestion in guess.suggestions}) == len(sure)
            assert 0.0 <= sure[-1] <= sure[0] < 1.0

    def test_are_unsure_of_what_no_word_tells(self) -> None:
        (guess,) = suggest([PointText("XZ-77", type="analog-value")])
        assert guess.suggestions[0].confidence < 0.5

    @pytest.mark.parametrize("unit", ["pascals", "degrees-celsius"])
    def test_the_unit_decides_what_an_abbreviation_leaves_open(self, unit: str) -> None:
        point, _ = text(f"AHU1 SA-SP||analog-value|{unit}|")
        (guess,) = suggest([point])
        wanted = {"pascals": "Pressure", "degrees-celsius": "Temperature"}[unit]
        assert wanted in guess.suggestions[0].name

    def test_do_not_depend_on_order(self) -> None:
        reviewed = {0: "Cooling_Command", 3: "Cooling_Command", 1: "Zone_Air_Temperature_Sensor"}
        first = suggest(VAV, reviewed)
        order = list(range(len(VAV)))
        random.Random(4).shuffle(order)
        again = suggest([VAV[at] for at in order], {order.index(at): name for at, name in reviewed.items()})
        assert [again[order.index(at)].suggestions for at in range(len(VAV))] == [g.suggestions for g in first]


class TestReviews:
    def test_teach_the_siblings_of_a_pattern(self) -> None:
        guesses = suggest(VAV, {0: "Cooling_Command"})
        siblings = [guess for point, guess in zip(VAV, guesses, strict=True) if point.name.endswith("QT")]
        assert {guess.suggestions[0].name for guess in siblings} == {"Cooling_Command"}
        assert "like the reviewed 'VAV-1.QT'" in siblings[5].suggestions[0].reason

    def test_leave_other_patterns_alone(self) -> None:
        before, after = suggest(VAV), suggest(VAV, {0: "Cooling_Command"})
        others = [at for at, point in enumerate(VAV) if point.name.endswith("ZN-T")]
        assert {after[at].suggestions[0].name for at in others} == {before[at].suggestions[0].name for at in others}

    def test_can_name_a_class_that_is_not_bricks(self) -> None:
        guesses = suggest(VAV, {0: "https://example.org#Own"})
        assert guesses[3].suggestions[0].name == "https://example.org#Own"


class TestPatterns:
    def test_are_equal_for_names_that_differ_in_numbers_and_codes(self) -> None:
        texts = [
            PointText(f"hall_{code}_air_temp")
            for code in ("00dc", "12ab", "44fe", "99aa", "1ced", "55ee", "7bad", "8cab", "2deb")
        ]
        assert len(set(patterns(texts))) == 1

    def test_the_order_of_review_has_each_pattern_first(self) -> None:
        found = patterns(VAV)
        order = teaching_order(found, [0.5] * len(VAV))
        assert len({found[at] for at in order[:3]}) == 3
        assert sorted(order) == list(range(len(VAV)))
