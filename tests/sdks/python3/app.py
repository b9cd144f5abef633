"""What a component built with spin-sdk 3 for Python does, one path for each interface."""

from urllib.parse import urlsplit

from spin_sdk import http, key_value, mqtt, variables
from spin_sdk.http import Request, Response


class IncomingHandler(http.IncomingHandler):
    def handle_request(self, request: Request) -> Response:
        try:
            return Response(200, {"content-type": "text/plain"}, answer(request))
        except Exception as error:
            return Response(500, {"content-type": "text/plain"}, repr(error).encode())


def answer(request: Request) -> bytes:
    url = urlsplit(request.uri)
    match url.path.rsplit("/", 1)[-1]:
        case "kv":
            with key_value.open(url.query) as store:
                was = store.exists("one")
                store.set("one", request.body)
                return f"{was} {store.get('one').decode()} {store.get_keys()}\n".encode()
        case "variables":
            return variables.get(url.query).encode()
        case "mqtt":
            with mqtt.open(request.headers["broker"], "", "", 30) as broker:
                broker.publish(url.query, request.body, mqtt.Qos.AT_LEAST_ONCE)
                return b"published\n"
        case "outbound":
            response = http.send(Request("GET", url.query, {}, None))
            return f"{response.status} {response.body.decode()}".encode()
        case "headers":
            lines = sorted(f"{name}: {value}\n" for name, value in request.headers.items())
            return "".join(lines).encode()
        case "echo":
            return request.body
        case _:
            return f"{request.method} {request.uri}\n".encode()
