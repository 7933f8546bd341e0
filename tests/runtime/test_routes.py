"""The template of the route that takes a request, whatever stands between the runtime and the router."""

from __future__ import annotations

import asyncio

import pytest
from fastapi import APIRouter, FastAPI
from starlette.applications import Starlette
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.responses import PlainTextResponse
from starlette.routing import Host, Mount, Route

from fastlambda.routes import Routes


async def plain(scope, receive, send):
    await PlainTextResponse("plain")(scope, receive, send)


def shop():
    books = APIRouter(prefix="/books")
    books.add_api_route("/{book_id}", lambda book_id: book_id, methods=["GET"])
    books.add_api_route("/{book_id}", lambda book_id: book_id, methods=["DELETE"])
    books.add_api_route("", lambda: "books", methods=["GET"])
    books.mount("/covers", plain)
    api = APIRouter(prefix="/api")
    api.include_router(books)
    app = FastAPI()
    app.include_router(api)
    app.include_router(books, prefix="/v2")
    app.add_route("/plain/{name}", lambda _: PlainTextResponse("plain"))
    app.mount("/pages/{tenant}", Starlette(routes=[Route("/{page}", lambda _: PlainTextResponse("page"))]))
    app.mount("/other", FastAPI())
    return app


class Copying:
    """A middleware that hands on a copy of the scope, as the ASGI specification asks of those that change it."""

    def __init__(self, app):
        self.app = app

    async def __call__(self, scope, receive, send):
        await self.app(dict(scope), receive, send)


def wrapped_by_a_function(app):
    async def wrapper(scope, receive, send):
        await app(scope, receive, send)

    return wrapper


def scope_of(path, method="GET", root_path=""):
    return {
        "type": "http",
        "method": method,
        "path": path,
        "root_path": root_path,
        "query_string": b"",
        "headers": [(b"host", b"localhost")],
    }


def served(app, scope):
    """Let the app serve the scope."""

    async def receive():
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(_):
        pass

    asyncio.run(app(scope, receive, send))


TEMPLATES = {
    "/api/books": "/api/books",
    "/api/books/7": "/api/books/{book_id}",
    "/v2/books/7": "/v2/books/{book_id}",
    "/v2/covers/7.png": "/v2/covers/{path}",
    "/plain/x": "/plain/{name}",
    "/pages/acme/index": "/pages/{tenant}/{path}",
    "/pages/acme/none/such": "/pages/{tenant}/{path}",
    "/other/docs": "/other/{path}",
    "/docs": "/docs",
    "/api/books/7/none": "unmatched",
    "//api/books/7": "unmatched",
    "/books/7": "unmatched",
}


@pytest.mark.parametrize("wrapper", [lambda app: app, Copying, TrustedHostMiddleware, wrapped_by_a_function])
@pytest.mark.parametrize(("path", "template"), TEMPLATES.items())
@pytest.mark.parametrize("root_path", ["", "/prod"])
def test_the_template_has_the_prefixes_of_all_routers_and_is_the_same_behind_wrappers(
    wrapper, path, template, root_path
):
    app = wrapper(shop())
    routes, scope = Routes(app), scope_of(root_path + path, root_path=root_path)
    served(app, scope)
    assert routes.template(scope) == template


@pytest.mark.parametrize(("path", "template"), TEMPLATES.items())
def test_the_template_is_foreseen_before_routing(path, template):
    assert Routes(shop()).template(scope_of(path)) == template


@pytest.mark.parametrize(("method", "template"), [("DELETE", "/api/books/{book_id}"), ("PUT", "/api/books/{book_id}")])
def test_a_route_takes_its_path_with_any_method_when_no_other_takes_both(method, template):
    assert Routes(shop()).template(scope_of("/api/books/7", method)) == template


def test_an_app_mounted_at_the_root_is_one_template_behind_the_routes_before_it():
    app = shop()
    app.mount("/", plain)
    routes = Routes(app)
    assert routes.template(scope_of("/v2/books/7")) == "/v2/books/{book_id}"
    assert routes.template(scope_of("/wp-login.php")) == routes.template(scope_of("/")) == "/{path}"


def test_an_app_of_starlette_has_templates_too():
    app = Starlette(routes=[Route("/{page}", plain), Mount("/m", plain), Host("other", plain)])
    routes = Routes(app)
    assert [routes.template(scope_of(path)) for path in ("/x", "/m/x", "/x/y")] == ["/{page}", "/m/{path}", "unmatched"]


def test_a_router_that_is_included_while_the_app_serves_is_found():
    app = shop()
    routes = Routes(app)
    routes.template(scope_of("/docs"))
    late = APIRouter()
    late.add_api_route("/{x}", lambda x: x)
    app.include_router(late, prefix="/late")
    scope = scope_of("/late/1")
    served(app, scope)
    assert routes.template(scope) == "/late/{x}"


def test_an_app_without_routes_is_one_bucket():
    scope = scope_of("/x")
    served(plain, scope)
    assert Routes(plain).template(scope) == "unmatched"
