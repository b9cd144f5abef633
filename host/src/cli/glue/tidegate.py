"""What a function written in Python is given, and what it answers with."""

from dataclasses import dataclass, field
from urllib.parse import unquote

from wit_world.imports import config as _config


@dataclass
class Request:
    """An HTTP request. Headers' names are in lower case."""

    method: str
    path: str
    query: str
    headers: dict[str, str]
    body: bytes

    def param(self, name: str) -> str | None:
        """What the route's `{name}` stands for."""
        value = self.headers.get(f"tidegate-param-{name}")
        return None if value is None else unquote(value)


@dataclass
class Response:
    """The answer to an HTTP request."""

    body: str | bytes = ""
    status: int = 200
    headers: dict[str, str] = field(default_factory=lambda: {"content-type": "text/plain; charset=utf-8"})


def config() -> dict[str, str]:
    """The table `[config]` of the manifest."""
    return dict(_config.get_all())
