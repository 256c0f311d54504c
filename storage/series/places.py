"""Where the rows of each series lie in a row group of a file that is sorted by `id`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from storage.series.pages import Block
from storage.series.uuids import packed


@dataclass(frozen=True, slots=True)
class Places:
    """The series of a row group as sixteen bytes each, and the first row of each; then how many rows there are."""

    series: npt.NDArray[np.bytes_]
    rows: npt.NDArray[np.int32]

    @classmethod
    def read(cls, path: Path, metadata: pq.FileMetaData, group: int) -> Places:
        """Read the ids of a row group. Raises OSError, ValueError, ArrowException or InvalidReadings."""
        with pq.ParquetFile(path, metadata=metadata, read_dictionary=["id"], pre_buffer=False) as file:
            ids = file.read_row_group(group, columns=["id"], use_threads=False).column("id")
        firsts, texts, done = [], [], 0
        for chunk in ids.chunks:
            encoded = cast("pa.DictionaryArray[Any, Any]", chunk)
            codes = encoded.indices.to_numpy()
            at = np.flatnonzero(np.append(True, codes[1:] != codes[:-1]))
            firsts.append(at + done)
            texts.append(encoded.dictionary.take(pa.array(codes[at])))
            done += len(codes)
        series = packed(pa.chunked_array(texts, pa.string()))
        other = np.append(True, series[1:] != series[:-1])  # a series may go on in the next chunk
        return cls(series[other], np.append(np.concatenate(firsts)[other], done).astype(np.int32))

    def of(self, series: bytes) -> Block | None:
        """Return the rows of a series, if it has any."""
        at = int(np.searchsorted(self.series, np.array(series, "S16")))
        if at == len(self.series) or self.series[at] != series.rstrip(b"\0"):  # as numpy gives it
            return None
        return int(self.rows[at]), int(self.rows[at + 1])

    def __len__(self) -> int:
        return len(self.series)
