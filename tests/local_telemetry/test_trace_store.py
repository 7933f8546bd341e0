"""What is kept of traces is bounded, whatever functions send."""

from __future__ import annotations

from fastlambda_cli.local.telemetry.traces import MAX_TRACE_BYTES, TraceStore


def document(number, **fields):
    ids = {"trace_id": f"1-67891233-{number:024x}", "id": f"{number:016x}"}
    return {**ids, "name": "shop", "start_time": 1.0, "end_time": 2.0} | fields


def test_the_oldest_traces_are_forgotten_when_there_are_too_many():
    store = TraceStore(max_traces=3)
    for number in range(5):
        assert store.put(document(number)) is None

    assert store.ids() == [document(number)["trace_id"] for number in (4, 3, 2)]


def test_the_oldest_traces_are_forgotten_when_all_together_are_too_large():
    store = TraceStore(max_bytes=10_000)
    for number in range(5):
        store.put(document(number, metadata={"text": "x" * 4_000}))

    assert store.ids() == [document(number)["trace_id"] for number in (4, 3)]


def test_a_trace_that_is_too_large_takes_no_more_segments_and_says_so():
    store = TraceStore()
    large = document(1, metadata={"text": "x" * (MAX_TRACE_BYTES - 1_000)})
    store.put(large)
    store.put(document(1, id="f" * 16, metadata={"text": "x" * 2_000}))

    trace = store.get(large["trace_id"])

    assert trace is not None
    assert trace.limit_exceeded
    assert [segment["id"] for segment in trace.segments] == [large["id"]]


def test_a_segment_that_is_nested_without_end_is_refused_and_does_no_harm():
    store = TraceStore()
    sound, deep, metadata = document(1), document(2), {}
    for _ in range(200):
        deep = document(2, subsegments=[deep])
    for _ in range(100_000):
        metadata = {"inner": metadata}

    assert [store.put(sound), store.put(deep), store.put(document(3, metadata=metadata))] == [None, *["ParseError"] * 2]
    assert store.ids() == [sound["trace_id"]]
