"""What a component built with spin-sdk 5 for Python does, one path for each interface."""

from urllib.parse import urlsplit

from spin_sdk import http, key_value, mqtt, sqlite, variables
from spin_sdk.http import Request, Response
from spin_sdk.sqlite import Value_Integer


class HttpHandler(http.Handler):
    async def handle_request(self, request: Request) -> Response:
        try:
            return Response(200, {"content-type": "text/plain"}, await answer(request))
        except Exception as error:
            return Response(500, {"content-type": "text/plain"}, repr(error).encode())


async def answer(request: Request) -> bytes:
    url = urlsplit(request.uri)
    match url.path.rsplit("/", 1)[-1]:
        case "kv":
            with await key_value.open(url.query) as store:
                was = await store.exists("one")
                await store.set("one", request.body)
                value = await store.get("one")
                stream, end = await store.get_keys()
                keys = await everything(stream, end)
                return f"{was} {value.decode()} {keys}\n".encode()
        case "variables":
            return (await variables.get(url.query)).encode()
        case "sqlite":
            with await sqlite.Connection.open(url.query) as database:
                await execute(database, "CREATE TABLE IF NOT EXISTS calls (i)", [])
                await execute(database, "INSERT INTO calls VALUES (?)", [Value_Integer(7)])
                columns, rows = await execute(database, "SELECT count(*) AS calls, max(i) AS i FROM calls", [])
                return f"{columns} {[value.value for value in rows[0].values]}\n".encode()
        case "mqtt":
            with await mqtt.open(request.headers["broker"], "", "", 30) as broker:
                await broker.publish(url.query, request.body, mqtt.Qos.AT_LEAST_ONCE)
                return b"published\n"
        case "outbound":
            response = await http.send(Request("GET", url.query, {}, None))
            return f"{response.status} {response.body.decode()}".encode()
        case "headers":
            lines = sorted(f"{name}: {value}\n" for name, value in request.headers.items())
            return "".join(lines).encode()
        case "echo":
            return request.body
        case _:
            return f"{request.method} {request.uri}\n".encode()


async def execute(database, statement, parameters):
    columns, rows, end = await database.execute(statement, parameters)
    return columns, await everything(rows, end)


async def everything(stream, end):
    """All that a stream has, where its end is a good one."""
    items = []
    with stream:
        while not stream.writer_dropped:
            items += await stream.read(100)
    with end:
        await end.read()
    return items
