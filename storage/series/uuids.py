"""UUIDs as text, and as the sixteen bytes that the engine takes without reading them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from storage.errors import InvalidReadings

_LENGTH, _DASHES = 36, [8, 13, 18, 23]
_DIGITS = [place for place in range(_LENGTH) if place not in _DASHES]
_NONE = 0xFF
_VALUES = np.full(256, _NONE, np.uint8)
for _value, _digits in enumerate([*"0123456789", "aA", "bB", "cC", "dD", "eE", "fF"]):
    for _digit in _digits:
        _VALUES[ord(_digit)] = _value
_HEX = np.frombuffer(b"".join(b"%02x" % byte for byte in range(256)), np.uint8).reshape(256, 2)


def as_uuids(texts: pa.ChunkedArray[Any]) -> pa.Array[Any]:
    """Return texts (RFC 9562, section 4) as UUIDs; nulls stay. Raises InvalidReadings for one that is none.

    They may be a dictionary.
    """
    encoded = cast("pa.DictionaryArray[Any, Any]", pc.dictionary_encode(texts.combine_chunks()))
    parsed = _parsed(cast("pa.StringArray", encoded.dictionary))
    uuids = pa.FixedSizeBinaryArray.from_buffers(pa.binary(16), len(parsed), [None, pa.py_buffer(parsed.tobytes())])
    return pa.ExtensionArray.from_storage(pa.uuid(), uuids.take(encoded.indices))


def packed(texts: pa.ChunkedArray[Any]) -> npt.NDArray[np.bytes_]:
    """Return texts without nulls as sixteen bytes each, in whose order the texts are as well.

    Raises InvalidReadings for one that is no UUID.
    """
    return np.frombuffer(_parsed(cast("pa.StringArray", texts.combine_chunks())).tobytes(), "S16")


def as_texts(uuids: Sequence[bytes]) -> pa.Array[Any]:
    """Return UUIDs of sixteen bytes each as text."""
    bytes_of = np.frombuffer(b"".join(uuids), np.uint8).reshape(len(uuids), 16)
    letters = np.full((len(uuids), _LENGTH), ord("-"), np.uint8)
    letters[:, _DIGITS] = _HEX[bytes_of].reshape(len(uuids), 32)
    offsets = np.arange(0, _LENGTH * len(uuids) + 1, _LENGTH, dtype=np.int32).tobytes()
    return pa.StringArray.from_buffers(len(uuids), pa.py_buffer(offsets), pa.py_buffer(letters.tobytes()))


def _parsed(texts: pa.StringArray) -> npt.NDArray[np.uint8]:
    lengths = pc.binary_length(texts).to_numpy()
    if (lengths != _LENGTH).any():
        raise _no_uuid(texts, int(np.argmax(lengths != _LENGTH)))
    letters = _letters(texts)
    digits = _VALUES[letters[:, _DIGITS]]
    broken = (digits == _NONE).any(axis=1) | (letters[:, _DASHES] != ord("-")).any(axis=1)
    if broken.any():
        raise _no_uuid(texts, int(np.argmax(broken)))
    return (digits[:, 0::2] << 4 | digits[:, 1::2]).astype(np.uint8)


def _letters(texts: pa.StringArray) -> npt.NDArray[np.uint8]:
    """Return a row for each of texts of the same length."""
    _, _, data = texts.buffers()
    first = texts.offset * _LENGTH
    letters = np.frombuffer(memoryview(data or b""), np.uint8)
    return letters[first : first + len(texts) * _LENGTH].reshape(len(texts), _LENGTH)


def _no_uuid(texts: pa.StringArray, place: int) -> InvalidReadings:
    return InvalidReadings(f'"{str(texts[place])[:100]}" is no UUID')
