"""What a token of a user may ask: executions one by one and in lists, and nothing that tells of others.

Who sees a part is denied by default: a route that is not named here is refused, and so is one that is
added later.
"""

from collections.abc import Callable
from typing import Any, Final
from urllib.parse import urlencode

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from stepscope_collector.access.guard import TOKEN_USER
from stepscope_collector.errors import PermissionDenied
from stepscope_collector.present.rest.route import Route
from stepscope_collector.query.visible import Viewer, visible_id
from stepscope_collector.store import Database

__all__ = ["NotForOwners", "not_for_owners", "seen_by_owner"]

_OPEN: Final = frozenset({"get_openapi", "get_health", "get_ready"})
"""They tell nothing of the history."""
_OF_ONE: Final = frozenset(
    {
        "get_execution",
        "get_logs",
        "follow_logs",
        "get_payloads",
        "get_waits",
        "get_critical_path",
        "get_graph",
        "get_tree",
    }
)
"""They tell of the execution in their path and of those below it, which are visible with it."""
_WITH_VIEWER: Final = frozenset({"list_executions", "get_tree"})
"""Their functions are told who asks."""


def not_for_owners() -> PermissionDenied:
    """The refusal of all that tells of more than the executions of a user."""
    return PermissionDenied(
        "a token of a user shows executions one by one and in lists, and not this",
        hint="a token that was made without --user sees the whole store",
    )


def seen_by_owner(
    ask: Callable[[Request], Any],
    route: Route,
    database: Database,
    public_workflows: tuple[str, ...],
) -> Callable[[Request], Any]:
    """The function of a route for everybody: a token of a user asks it for what the user sees.

    Args:
        ask: the function for those who see all.
        route: what it answers.
        database: says what the user sees.
        public_workflows: ids of the workflows that every user sees.
    """

    async def asked(request: Request) -> Response:
        response: Response = await ask(await _as_owner(database, route, request, public_workflows))
        return response

    return asked


async def _as_owner(
    database: Database, route: Route, request: Request, public_workflows: tuple[str, ...]
) -> Request:
    """The request itself; or, with a token of a user, the same for executions that the user sees.

    Raises:
        PermissionDenied: the route tells of others, too.
        NotFound: the execution is none that the user sees.
    """
    user = request.scope.get(TOKEN_USER)
    if user is None or route.name in _OPEN:
        return request
    viewer = Viewer(user, public_workflows)

    async def seen(written: str) -> str:
        return await run_in_threadpool(visible_id, database, written, viewer)

    scope = dict(request.scope)
    given = dict(request.path_params)
    if route.name in _OF_ONE:
        given["id"] = await seen(given["id"])
    elif route.name == "compare_executions":
        pairs = request.query_params.multi_items()
        if {"left", "right"} - {name for name, _ in pairs}:
            raise not_for_owners()  # what it would be compared with is anybody's
        names = {"left", "right"}
        asked = [(name, await seen(text) if name in names else text) for name, text in pairs]
        scope["query_string"] = urlencode(asked).encode()
    elif route.name != "list_executions":
        raise not_for_owners()
    if route.name in _WITH_VIEWER:
        given["viewer"] = viewer
    return Request({**scope, "path_params": given}, request.receive)


class NotForOwners:
    """An ASGI app around another that answers no token of a user."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on.

        Raises:
            PermissionDenied: it came with a token of a user.
        """
        if scope.get(TOKEN_USER) is not None:
            raise not_for_owners()
        await self._app(scope, receive, send)
