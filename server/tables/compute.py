"""The few Arrow kernels whose stubs are wrong (they know no Python scalars as operands), typed once."""

from __future__ import annotations

from typing import Any, TypeAlias

import pyarrow as pa
import pyarrow.compute

Column: TypeAlias = "pa.Array[Any]"

_kernels: Any = pyarrow.compute


def equals(column: Column, scalar: str | int) -> Column:
    """Where the column has this value; null where it is null."""
    mask: Column = _kernels.equal(column, scalar)
    return mask


def has_length(column: Column, length: int) -> Column:
    """Where the text has this many characters."""
    return equals(_kernels.utf8_length(column), length)


def choose(mask: Column, chosen: Column | str, other: Column | str) -> Column:
    """`chosen` where the mask is true, `other` where it is false, null where it is null."""
    column: Column = _kernels.if_else(mask, chosen, other)
    return column


def blanked(mask: Column, column: Column) -> Column:
    """The column with null where the mask is true or null."""
    result: Column = _kernels.if_else(mask, pa.scalar(None, column.type), column)
    return result


def join(*parts: Column | str) -> Column:
    """The texts of each row one after the other; null where one is."""
    joined: Column = _kernels.binary_join_element_wise(*parts, "")
    return joined


def filled(column: Column, scalar: str | bool | int) -> Column:
    """The column with the scalar for null."""
    result: Column = _kernels.fill_null(column, scalar)
    return result


def floored(times: Column, unit: str) -> Column:
    """Timestamps cut to the unit, towards the past."""
    result: Column = _kernels.floor_temporal(times, unit=unit)
    return result


def coalesce(first: Column, second: Column) -> Column:
    """The first column, and the second where the first is null."""
    result: Column = _kernels.coalesce(first, second)
    return result


def assume_timezone(naive: Column, zone: str, ambiguous: str) -> Column:
    """Wall clock times of the zone as instants. Raises pa.ArrowInvalid for one that the clocks skip."""
    zoned: Column = _kernels.assume_timezone(naive, zone, ambiguous=ambiguous)
    return zoned


def outside(column: Column, least: int, most: int) -> Column:
    """Where the integers are less than the least or more than the most."""
    mask: Column = _kernels.or_(_kernels.less(column, least), _kernels.greater(column, most))
    return mask


def count_true(mask: Column) -> int:
    """How many cells of a boolean column are true."""
    count: int = _kernels.sum(mask).as_py() or 0
    return count


def replace_space(times: Column) -> Column:
    """ISO times with the "T" that Arrow writes as a space."""
    result: Column = _kernels.binary_replace_slice(times, 10, 11, "T")
    return result
