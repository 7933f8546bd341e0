"""Consumers in a function of their own, beside one in the function that answers HTTP; read, and never run."""

from fastlambda import EventRouter, FastLambda

events = EventRouter()

imports = events.queue("book-imports", dict)


@events.sqs("book-imports", function="worker", idempotent="isbn")
async def import_book(book: dict) -> None: ...


@events.sqs("covers", maximum_concurrency=2, function="worker")
async def draw_cover(book: dict) -> None: ...


@events.sns("price-changes", function="worker")
async def change_price(price: dict) -> None: ...


@events.eventbridge(source="billing", function="worker")
async def billed(bill: dict) -> None: ...


@events.schedule("rate(1 hour)", function="worker")
async def tidy_up() -> None: ...


@events.sqs("stock")
async def count_stock(count: dict) -> None: ...


handler = FastLambda(print, events=events)
