"""Consumers of every kind, as a service declares them; read by the tests, and never run."""

from fastlambda import EventRouter, FastLambda

events = EventRouter()

PAYMENTS = "arn:aws:sns:eu-central-1:123456789012:payments"
ORDERS = "arn:aws:sns:eu-west-1:123456789012:orders"

imports = events.queue("book-imports", dict)
returned = events.queue("returns", dict)
prices = events.topic("price-changes", dict)
newsletter = events.topic("newsletter", str)
moves = events.topic("stock-moves.fifo", dict)
bus = events.bus(source="books")
stock_bus = events.bus(source="books.stock")
partner = events.bus("arn:aws:events:eu-west-1:210987654321:event-bus/partner", source="books")


@events.sqs(
    "book-imports",
    batch_size=100,
    window=5,
    maximum_concurrency=5,
    filters=[{"body": {"kind": ["book"]}}],
    idempotent="isbn",
)
async def import_book(book: dict) -> None: ...


@events.sqs("stock.fifo", max_receive_count=5)
async def count_stock(count: dict) -> None: ...


@events.sqs("returns")
async def take_back(book: dict) -> None: ...


@events.sqs("stock-moves.fifo", topic="stock-moves.fifo")
async def move_stock(move: dict) -> None: ...


@events.sqs("payments", topic=PAYMENTS)
async def take_payment(payment: dict) -> None: ...


@events.sns("price-changes", filter_policy={"currency": ["EUR"]})
async def change_price(price: dict) -> None: ...


@events.sns(ORDERS)
async def take_order(order: dict) -> None: ...


@events.eventbridge(source="books", detail_type="BookCreated", detail={"language": ["de"]})
async def book_created(book: dict) -> None: ...


@events.eventbridge(source="billing", bus="company")
async def billed(bill: dict) -> None: ...


@events.schedule("cron(0 3 * * ? *)", timezone="Europe/Berlin", name="nightly-report")
async def report() -> None: ...


@events.schedule("rate(1 hour)")
async def tidy_up() -> None: ...


handler = FastLambda(print, events=events)
