
import tidegate
from componentize_py_types import Err, Ok
from wit_world.imports import streams, types

# The most that one write to a stream takes.
CHUNK_BYTES = 4096


class IncomingHandler(exports.IncomingHandler):
    """Runs `handle(request)` for an HTTP request."""

    def handle(self, request, response_out):
        response = module.handle(_request(request))
        body = response.body.encode() if isinstance(response.body, str) else response.body
        headers = [(name.lower(), value.encode()) for name, value in response.headers.items()]
        outgoing = types.OutgoingResponse(types.Fields.from_list(headers))
        outgoing.set_status_code(response.status)
        outgoing_body = outgoing.body()
        types.ResponseOutparam.set(response_out, Ok(outgoing))
        with outgoing_body.write() as stream:
            for start in range(0, len(body), CHUNK_BYTES):
                stream.blocking_write_and_flush(body[start : start + CHUNK_BYTES])
        types.OutgoingBody.finish(outgoing_body, None)


def _request(incoming):
    method = incoming.method()
    # `Method_Get` has no value, `Method_Other` has the method itself.
    named = type(method).__name__.removeprefix("Method_").upper()
    path, _, query = (incoming.path_with_query() or "/").partition("?")
    headers = {name: value.decode("latin-1") for name, value in incoming.headers().entries()}
    return tidegate.Request(getattr(method, "value", named), path, query, headers, _body(incoming))


def _body(incoming):
    parts = []
    with incoming.consume() as body, body.stream() as stream:
        while True:
            try:
                parts.append(stream.blocking_read(65536))
            except Err as end:
                if isinstance(end.value, streams.StreamError_Closed):
                    return b"".join(parts)
                raise
