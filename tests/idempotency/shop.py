"""The service of this room: consumers and routes whose effect is a line of the log."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from typing import Annotated

from fastapi import APIRouter, BackgroundTasks, Depends, FastAPI, File, Header, HTTPException, Response
from fastapi.responses import StreamingResponse
from pydantic import BaseModel

from fastlambda import EventRouter, FastLambda, IdempotentRoute, logger
from fastlambda.events import ScheduledEvent, SqsMessage

app = FastAPI()
events = EventRouter()


class Order(BaseModel):
    order_id: str
    does: str = ""


def work(order: Order) -> None:
    logger.info("effect", extra={"order": order.order_id})
    match order.does.split():
        case ["fail"]:
            raise ValueError("no stock")
        case ["exit"]:
            raise SystemExit("no")
        case ["wait", begun, until]:
            Path(begun).touch()
            while not Path(until).exists():
                time.sleep(0.01)


@events.sqs("orders", idempotent="order_id")
def in_a_thread(order: Order) -> None:
    work(order)


@events.sqs("refunds", idempotent=lambda order, message: [order.order_id, message.message_attributes.get("shop")])
async def in_the_loop(order: Order, message: SqsMessage) -> None:
    logger.info("refund", extra={"delivery": message.receive_count})
    work(order)
    if order.does == "hang":
        await asyncio.sleep(60)


class Parcel(BaseModel):
    lines: list[str]


@events.sqs("parcels", idempotent=lambda parcel: parcel.lines)
async def packed(parcel: Parcel) -> None:
    logger.info("effect", extra={"order": "-".join(parcel.lines)})
    parcel.lines.append("invoice")


@events.sqs("labels", idempotent=lambda order: {order.order_id})
async def labelled(order: Order) -> None:
    logger.info("effect", extra={"order": order.order_id})


@events.eventbridge(source="shop", idempotent="order.id")
async def sold(detail: dict) -> None:
    logger.info("effect", extra={"order": detail["order"]["id"]})


@events.schedule("rate(1 hour)", idempotent=lambda event: event.time)
def hourly(event: ScheduledEvent) -> None:
    logger.info("effect", extra={"order": event.id})


def user(authorization: Annotated[str, Header()] = "") -> str:
    """Who it is, whatever token says so."""
    if not authorization.startswith("token"):
        raise HTTPException(401)
    return authorization.split()[1]


class UserRoute(IdempotentRoute):
    required = True
    caller = Depends(user)


users = APIRouter(prefix="/users", route_class=UserRoute, dependencies=[Depends(user)])
orders = APIRouter(route_class=IdempotentRoute)


@users.post("/orders")
def order_as_a_user(order: Order) -> Order:
    work(order)
    return order


@orders.post("/orders", status_code=201)
async def order(order: Order, response: Response, tasks: BackgroundTasks) -> Order:
    await asyncio.to_thread(work, order)
    response.headers["location"] = f"/orders/{order.order_id}"
    tasks.add_task(logger.info, "mailed")
    return order


@orders.patch("/orders/{order_id}")
async def refused(order_id: str) -> None:
    logger.info("effect", extra={"order": order_id})
    raise HTTPException(402, "no money")


@orders.get("/orders")
async def listed() -> list[str]:
    logger.info("effect", extra={"order": "listed"})
    return []


@orders.post("/streams")
async def streamed() -> StreamingResponse:
    logger.info("effect", extra={"order": "stream"})
    return StreamingResponse(iter(["one, ", "two"]), 202, {"x-parts": "2"})


@orders.post("/reports")
async def large() -> Response:
    logger.info("effect", extra={"order": "report"})
    return Response(bytes(300_000))


@orders.post("/covers")
async def uploaded(cover: Annotated[bytes, File()]) -> int:
    logger.info("effect", extra={"order": "cover"})
    return len(cover)


app.include_router(users)
app.include_router(orders, prefix="/v1")

handler = FastLambda(app, events=events)
