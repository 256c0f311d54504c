"""Documents that come as a form (RFC 7578): each part is a file, and all of them have to be there."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager

from starlette.datastructures import Headers, UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import Request

from server.edge.bodies import require_utf_8
from server.errors import bad_request


class _Parser(MultiPartParser):
    """Starlette's, which also takes a form for whole that ends in the midst of a part."""

    def __init__(self, headers: Headers, stream: AsyncGenerator[bytes, None]) -> None:
        super().__init__(headers, self._whole(stream))
        self.has_ended = False

    async def _whole(self, stream: AsyncGenerator[bytes, None]) -> AsyncGenerator[bytes, None]:
        async for chunk in stream:
            yield chunk
        if not self.has_ended:
            raise MultiPartException("it ends before its last boundary")

    def on_end(self) -> None:
        """Note the last boundary."""
        self.has_ended = True


@asynccontextmanager
async def documents(request: Request) -> AsyncIterator[list[UploadFile]]:
    """Lend the documents of a form. Raises a 400 problem for other parts, and where not all of them came."""
    parser = _Parser(request.headers, request.stream())
    try:
        form = await parser.parse()
    except MultiPartException as error:
        raise bad_request(f"the body is no whole form: {error.message}") from None
    try:
        found = [_document(name, value) for name, value in form.multi_items()]
        if not found:
            raise bad_request("the form has no documents")
        yield found
    finally:
        await form.close()


def _document(name: str, value: UploadFile | str) -> UploadFile:
    if isinstance(value, str):
        raise bad_request(
            f'the part "{name[:100]}" is no document', hint="give it a file name (RFC 7578, section 4.2)"
        )
    require_utf_8(value.content_type)
    return value
