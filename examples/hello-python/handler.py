"""Greets whoever the path names. What is printed is shown by `tidegate logs`."""

from tidegate import Request, Response, config


def handle(request: Request) -> Response:
    who = request.param("who") or "world"
    print(f"greeting {who}")
    return Response(f"{config()['greeting']} {who}\n")
