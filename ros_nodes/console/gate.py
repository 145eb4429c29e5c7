"""The page's server on 127.0.0.1: whoever does not know the token gets nothing from it."""

from __future__ import annotations

import hmac
import http.client
import io
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from http import HTTPStatus
from typing import Any

import viser
from websockets.asyncio import server as websockets_server
from websockets.datastructures import Headers
from websockets.http11 import Request, Response

from robot_wm.errors import RobotWmError

HOST = "127.0.0.1"
PROTECTION = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "frame-ancestors 'none'; connect-src 'self' ws: data: blob:",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
"""Headers of every answer: the token is in the address, so the page is not stored, framed or named as a referrer."""


class ConsoleError(RobotWmError):
    """The page cannot be served safely, or what was asked of it cannot be done."""


class PageServer(viser.ViserServer):
    """A viser server that is never shared through a tunnel to the outside, whoever asks for it."""

    def request_share_url(self, verbose: bool = True) -> str | None:
        """Refuses."""
        return None


def open_page(port: int, token: str, label: str) -> PageServer:
    """Serves the page at `address_of`; nothing else is answered.

    Args:
        port: TCP port, the next free one where it is taken; 0 lets the system choose.
        token: First part of the path of every request.
        label: Title of the page's main panel.

    Raises:
        ConsoleError: A request without the token is answered after all, or no port is free.
    """
    with _every_request_checked(token), redirect_stdout(io.StringIO()):  # viser prints an address without the token
        page = PageServer(HOST, port, label=label, verbose=False)
    _prove_closed(page)
    return page


def address_of(page: PageServer, token: str) -> str:
    """What to open in a browser."""
    return f"http://{HOST}:{page.get_port()}/{token}/"


@contextmanager
def _every_request_checked(token: str) -> Iterator[None]:
    """While it lasts, servers that `websockets` starts ask `refusal` first: viser has no such place of its own."""
    original = websockets_server.serve

    def serve(*arguments: Any, process_request: Any = None, **options: Any) -> Any:
        def checked(connection: Any, request: Request) -> Response | None:
            refused = refusal(request, token, connection.local_address[1])
            if refused:
                return _answer(HTTPStatus.FORBIDDEN, refused)
            request.path = "/" + request.path.lstrip("/").removeprefix(token).lstrip("/")
            response = process_request(connection, request)
            if response is not None:
                response.headers.update(PROTECTION)
            return response

        return original(*arguments, process_request=checked, **options)

    websockets_server.serve = serve  # type: ignore[assignment,misc]
    try:
        yield
    finally:
        websockets_server.serve = original  # type: ignore[misc]


def refusal(request: Request, token: str, port: int) -> str:
    """Why a request is refused; empty where it may pass.

    A request needs the token as the first part of its path and must be addressed to this computer by its own name (so
    that no foreign host name can be made to point here). A websocket must come from a page of this server.
    """
    names = (f"{HOST}:{port}", f"localhost:{port}")
    given = request.path.partition("?")[0].lstrip("/").partition("/")[0]
    if not hmac.compare_digest(given.encode(), token.encode()):
        return "open the address that console_node printed; it holds a token that this request lacks"
    if request.headers.get("Host") not in names:
        return f"open the address that console_node printed; this server is {names[0]} only"
    if request.headers.get("Upgrade", "").lower() == "websocket":
        origin = request.headers.get("Origin", "")
        if origin.removeprefix("http://") not in names:
            return f"pages of '{origin}' may not connect"
    return ""


def _answer(status: HTTPStatus, words: str) -> Response:
    body = (words + "\n").encode()
    headers = Headers(PROTECTION | {"Content-Type": "text/plain; charset=utf-8", "Content-Length": str(len(body))})
    return Response(status, status.phrase, headers, body)


def _prove_closed(page: PageServer) -> None:
    """Asks for the page without the token; ConsoleError, with the server ended, when it is given."""
    connection = http.client.HTTPConnection(HOST, page.get_port(), timeout=10.0)
    try:
        connection.request("GET", "/")
        status = connection.getresponse().status
    finally:
        connection.close()
    if status != HTTPStatus.FORBIDDEN:
        page.stop()
        raise ConsoleError(
            f"viser {viser.__version__} answered a request without the token with {status}; install viser 1.1, with "
            "which the check of requests is tested"
        )
