"""The lab's tenant as Microsoft Graph shows it: v1.0 and beta routes of what a sync monitor and the sync read.

Shapes: the reference pages of Graph; traps: facts/domain.md 2. Faults are not made here: wrap the application.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp

from tui.lab import graph_filter, graph_shapes
from tui.lab.graph_answers import (
    Answer,
    GraphError,
    Handler,
    async_endpoint,
    bad_request,
    endpoint,
    is_eventual,
    json_response,
    link,
    not_found,
    text_response,
    unsupported,
)
from tui.lab.graph_batch import answer_batch
from tui.lab.graph_filter import Filter, UnsupportedFilter
from tui.lab.graph_shapes import ORGANIZATION, SHAPES, Shape
from tui.lab.tenant import Tenant
from tui.lab.tenant_delta import CREDENTIALS, GRAPH_TYPES, ExpiredToken, InvalidToken
from tui.lab.tenant_store import holds

VERSIONS = ("v1.0", "beta")
LARGEST_PAGE = 999
DEFAULT_PAGE = 100
MOST_DELETED = 10_000
_IN_RECYCLE_BIN = ("user", "group", "device")
_ONLY_IN_DELTA = {"group": ("members",), "user": ("manager", CREDENTIALS)}
_NOT_IN_DELTA = ("$filter", "$top", "$orderby", "$expand", "$search", "$count", "$skip")
_PAGE_PREFERENCE = re.compile(r"odata\.maxpagesize\s*=\s*(\d{1,6})", re.IGNORECASE)


def graph_routes(tenant: Tenant, batch_app: Callable[[], ASGIApp] | None = None) -> list[Route]:
    """The routes of one tenant. `batch_app` gives the application that runs what is inside a `$batch` (so that faults
    meet those too); by default the Starlette application that holds the routes."""
    return [route for version in VERSIONS for route in _version_routes(tenant, version, batch_app)]


def unknown_segment_routes(tenant: Tenant) -> list[Route]:
    """Answer every other path under v1.0 and beta as Graph does; put them last."""

    def handle(request: Request) -> Answer:
        raise GraphError(400, "BadRequest", f"Resource not found for the segment '{request.path_params['rest']}'.")

    unknown = endpoint(handle, tenant.now)
    return [Route(f"/{version}/{{rest:path}}", unknown, methods=["GET"]) for version in VERSIONS]


def _version_routes(tenant: Tenant, version: str, batch_app: Callable[[], ASGIApp] | None) -> list[Route]:
    root = f"/{version}"

    def get(path: str, handler: Handler) -> Route:
        return Route(root + path, endpoint(handler, tenant.now), methods=["GET"])

    routes = [
        Route(
            f"{root}/$batch",
            async_endpoint(partial(answer_batch, app=batch_app), tenant.now),
            methods=["POST"],
        ),
        get("/organization", partial(_organizations, tenant, ORGANIZATION[version])),
        get("/organization/{id}", partial(_organization, tenant, ORGANIZATION[version])),
        get("/directory/onPremisesSynchronization", partial(_synchronization, tenant)),
        get("/groups/{id}/members", partial(_members, tenant)),
    ]
    for shape in SHAPES:
        routes += _collection_routes(tenant, shape, get)
    return routes


def _collection_routes(tenant: Tenant, shape: Shape, get: Callable[[str, Handler], Route]) -> list[Route]:
    path = f"/{shape.collection}"
    routes = [
        get(path, partial(_list, tenant, shape)),
        get(f"{path}/$count", partial(_count, tenant, shape)),
        *(
            get(path + name, partial(_delta, tenant, shape))
            for name in ("/delta", "/delta()", "/microsoft.graph.delta", "/microsoft.graph.delta()")
        ),
        get(path + "/{id}", partial(_one, tenant, shape)),
    ]
    if shape.kind in _IN_RECYCLE_BIN:
        bin_path = f"/directory/deletedItems/microsoft.graph.{shape.kind}"
        routes.append(get(bin_path, partial(_deleted, tenant, shape)))
        routes.append(get(f"{bin_path}/$count", lambda _: text_response(str(tenant.deleted_count(shape.kind)))))
    return routes


# The tenant itself


def _organizations(tenant: Tenant, shape: Shape, request: Request) -> Answer:
    select = _selected(request, shape)
    return {"@odata.context": _context(request, shape, select), "value": [shape.show(tenant.organization(), select)]}


def _organization(tenant: Tenant, shape: Shape, request: Request) -> Answer:
    if request.path_params["id"] != tenant.tenant_id:
        raise not_found(request.path_params["id"])
    return shape.show(tenant.organization(), _selected(request, shape))


def _synchronization(tenant: Tenant, request: Request) -> Answer:
    shown = graph_shapes.synchronization(tenant.tenant_id, tenant.synchronization_settings())
    return {"@odata.context": _metadata(request, "directory/onPremisesSynchronization"), "value": [shown]}


# Lists and counts


def _list(tenant: Tenant, shape: Shape, request: Request) -> Answer:
    select, wanted, top = _selected(request, shape), _filter(request, shape), _top(request)
    after = _skip(request)
    objects = _matching(tenant, shape.kind, wanted, after, top + 1)
    answer: dict[str, Any] = {"@odata.context": _context(request, shape, select)}
    if after is None and _wants_count(request):
        answer["@odata.count"] = _counted(tenant, shape.kind, wanted)
    if len(objects) > top:
        answer["@odata.nextLink"] = link(request, skiptoken=_skip_token(objects[top - 1]["id"]))
    answer["value"] = [shape.show(item, select) for item in objects[:top] if _has_category(item, wanted.category)]
    return answer


def _count(tenant: Tenant, shape: Shape, request: Request) -> Answer:
    if not is_eventual(request):
        raise bad_request("$count is not currently supported.")
    return text_response(str(_counted(tenant, shape.kind, _filter(request, shape))))


def _deleted(tenant: Tenant, shape: Shape, request: Request) -> Answer:
    select, top = _selected(request, shape), _top(request)
    select = select or ("deletedDateTime", *shape.default)
    wanted = _filter(request, shape).equals
    objects = tenant.page(shape.kind, after=_skip(request), limit=MOST_DELETED if wanted else top + 1, deleted=True)
    if wanted:
        objects = [item for item in objects if any(holds(item, *each) for each in wanted)]
    answer: dict[str, Any] = {"@odata.context": _metadata(request, "directoryObjects")}
    if len(objects) > top:
        answer["@odata.nextLink"] = link(request, skiptoken=_skip_token(objects[top - 1]["id"]))
    return {**answer, "value": [shape.show(item, select) for item in objects[:top]]}


def _one(tenant: Tenant, shape: Shape, request: Request) -> Answer:
    id = request.path_params["id"]
    found = tenant.get(shape.kind, id)
    if found is None and shape.kind == "user" and "@" in id:
        found = next(iter(tenant.find("user", "userPrincipalName", id)), None)
    if found is None:
        raise not_found(id)
    return shape.show(found, _selected(request, shape))


def _members(tenant: Tenant, request: Request) -> Answer:
    id = request.path_params["id"]
    if tenant.get("group", id) is None:
        raise not_found(id)
    refs = [ref for ref in tenant.member_refs(id) if ref[1] > (_skip(request) or "")]
    top = _top(request)
    answer: dict[str, Any] = {"@odata.context": _metadata(request, "directoryObjects")}
    if len(refs) > top:
        answer["@odata.nextLink"] = link(request, skiptoken=_skip_token(refs[top - 1][1]))
    shown = [{"@odata.type": f"#microsoft.graph.{GRAPH_TYPES[kind]}", "id": id} for kind, id in refs[:top]]
    return {**answer, "value": shown}


def _matching(tenant: Tenant, kind: str, wanted: Filter, after: str | None, limit: int) -> list[dict[str, Any]]:
    if wanted.equals:
        return [item for item in _found(tenant, kind, wanted) if item["id"] > (after or "")][:limit]
    return tenant.page(
        kind,
        after=after,
        limit=limit,
        synced=wanted.synced,
        failing=wanted.category is not None,
        service_failing=wanted.service_failing,
    )


def _found(tenant: Tenant, kind: str, wanted: Filter) -> list[dict[str, Any]]:
    """Whatever has any of the wanted values, in order of id."""
    found: dict[str, dict[str, Any]] = {}
    for name, value in wanted.equals:
        some = [tenant.get(kind, value)] if name == "id" else tenant.find(kind, name, value)
        found |= {item["id"]: item for item in some if item}
    return [found[id] for id in sorted(found)]


def _counted(tenant: Tenant, kind: str, wanted: Filter) -> int:
    if wanted.equals:
        return len(_found(tenant, kind, wanted))
    failing = wanted.category is not None
    return tenant.count(kind, wanted.synced, failing=failing, service_failing=wanted.service_failing)


def _has_category(item: dict[str, Any], category: str | None) -> bool:
    if category is None:
        return True
    return any(error.get("category") == category for error in item["onPremisesProvisioningErrors"])


# Delta


def _delta(tenant: Tenant, shape: Shape, request: Request) -> Answer:
    refused = next((name for name in _NOT_IN_DELTA if name in request.query_params), None)
    if refused:
        raise unsupported(f"The query parameter {refused} is not supported with change tracking.")
    token = request.query_params.get("$deltatoken") or request.query_params.get("$skiptoken")
    select = _delta_select(request, shape)
    size = _preferred_page(request)
    try:
        page = tenant.delta([shape.kind], token, page_size=size or DEFAULT_PAGE, select=select)
    except InvalidToken as error:
        raise bad_request(f"Badly formed token: {error}.") from error
    except ExpiredToken as error:
        fresh = str(request.url.replace(query=""))
        raise GraphError(410, "syncStateNotFound", f"Start over: {error}.", {"Location": fresh}) from error
    answer: dict[str, Any] = {"@odata.context": _context(request, shape, select)}
    if page.next_token is not None:
        answer["@odata.nextLink"] = link(request, skiptoken=page.next_token)
    else:
        answer["@odata.deltaLink"] = link(request, deltatoken=page.delta_token or "")
    response: Response = json_response({**answer, "value": page.items})
    if size:
        response.headers["Preference-Applied"] = f"odata.maxpagesize={size}"
    return response


def _delta_select(request: Request, shape: Shape) -> Sequence[str] | None:
    select = _names(request)
    if select and shape.unknown([name for name in select if name not in _ONLY_IN_DELTA.get(shape.kind, ())]):
        raise GraphError(501, "NotImplemented", "This operation target is not yet supported.")
    return select


def _preferred_page(request: Request) -> int | None:
    match = _PAGE_PREFERENCE.search(request.headers.get("Prefer", ""))
    return min(LARGEST_PAGE, max(1, int(match.group(1)))) if match else None


# Query options


def _names(request: Request) -> tuple[str, ...] | None:
    text = request.query_params.get("$select")
    return tuple(name.strip() for name in text.split(",") if name.strip()) if text else None


def _selected(request: Request, shape: Shape) -> tuple[str, ...] | None:
    select = _names(request)
    unknown = shape.unknown(select or ())
    if unknown is not None:
        raise bad_request(f"Could not find a property named '{unknown}' on type 'microsoft.graph.{shape.kind}'.")
    return select


def _filter(request: Request, shape: Shape) -> Filter:
    text = request.query_params.get("$filter")
    if not text:
        return Filter()
    try:
        wanted = graph_filter.parse(text, shape.kind)
    except UnsupportedFilter as error:
        raise unsupported(str(error)) from error
    if wanted.is_advanced and not _wants_count(request):
        raise unsupported("Unsupported or invalid query filter clause: it needs ConsistencyLevel and $count.")
    return wanted


def _top(request: Request) -> int:
    text = request.query_params.get("$top", str(DEFAULT_PAGE))
    if not re.fullmatch(r"\d{1,4}", text) or not 1 <= int(text) <= LARGEST_PAGE:
        raise bad_request(f"Invalid page size specified: '{text}'. Must be between 1 and {LARGEST_PAGE} inclusive.")
    return int(text)


def _wants_count(request: Request) -> bool:
    return is_eventual(request) and request.query_params.get("$count", "").lower() == "true"


def _skip_token(id: str) -> str:
    return base64.urlsafe_b64encode(id.encode()).decode().rstrip("=")


def _skip(request: Request) -> str | None:
    token = request.query_params.get("$skiptoken")
    if token is None:
        return None
    try:
        return base64.b64decode(token + "=" * (-len(token) % 4), altchars=b"-_", validate=True).decode()
    except (binascii.Error, ValueError) as error:
        raise bad_request("The specified page token value is invalid.") from error


def _context(request: Request, shape: Shape, select: Sequence[str] | None) -> str:
    return _metadata(request, shape.collection + (f"({','.join(select)})" if select else ""))


def _metadata(request: Request, what: str) -> str:
    version = request.url.path.split("/", 2)[1]
    return f"{request.url.replace(path=f'/{version}/$metadata', query='')}#{what}"
