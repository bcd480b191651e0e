# SPDX-License-Identifier: Apache-2.0
"""Requests that wait to be served together, and the batch that serves them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from opentelemetry import context as context_api
from opentelemetry.context import Context
from opentelemetry.trace import Link, Span, get_current_span

from inferspan import clock, config
from inferspan.recording import drops
from inferspan.semconv import attributes as names
from inferspan.semconv.attributes import SelfDropReason

_BATCH = context_api.create_key("inferspan-batch")


class Token:
    """A request that waits: its context, and since when."""

    __slots__ = ("context", "since")

    def __init__(self) -> None:
        self.context = context_api.get_current()
        #: In nanoseconds of the monotonic clock.
        self.since = clock.monotonic()


class Batch:
    """What a context says of the batch that the next inference executes.

    Attributes:
        links: to the spans of the requests, up to the limit.
        attributes: for the span of the inference.
    """

    def __init__(self, tokens: Sequence[Token]) -> None:
        limit = config.in_force.max_links
        spans = [get_current_span(token.context) for token in tokens]
        linked = [span for span in spans if span.get_span_context().is_valid]
        self.links = [Link(span.get_span_context()) for span in linked[:limit]]
        self.attributes: dict[str, Any] = {names.INFERSPAN_BATCH_REQUEST_COUNT: len(tokens)}
        if len(linked) > limit:
            drops.count(SelfDropReason.LINK_LIMIT, len(linked) - limit)
            self.attributes[names.INFERSPAN_BATCH_OMITTED_LINK_COUNT] = len(linked) - limit
        self._requests = linked[:limit]
        self._tokens: Sequence[Token] = tokens

    def executed_by(self, span: Span, now: int) -> list[tuple[int, Context]]:
        """Ends the waiting, and links the requests to the batch as it is linked to them.

        Backends show the links of a span, and not those to it: whoever looks at a request finds its batch so.

        Args:
            span: of the inference.
            now: in nanoseconds of the monotonic clock.

        Returns:
            For how long each request has waited, in nanoseconds, with its context. Only the first inference of a batch
            has let them wait.
        """
        waits = [(max(0, now - token.since), token.context) for token in self._tokens]
        self._tokens = ()
        context = span.get_span_context()
        if context.is_valid:
            for request in self._requests:
                if request.is_recording() and hasattr(request, "add_link"):
                    request.add_link(context)
        return waits


def of(context: Context) -> Batch | None:
    """Returns the batch that a context says is executed in it."""
    found: Any = context.get(_BATCH)
    return found


def executing(tokens: Sequence[Token], batch: Batch) -> Context:
    """Returns the context to execute a batch in.

    A single request is the parent of its inference. Several are linked: the parent is the span that was started for
    the batch, if there is one. The current context may be that of any request, as in a task that was created while it
    was served; such a span is told by its trace, or by having ended.
    """
    if len(tokens) == 1:
        parent = tokens[0].context
    else:
        parent = context_api.get_current()
        span = get_current_span(parent)
        traces = {get_current_span(token.context).get_span_context().trace_id for token in tokens}
        if not span.is_recording() or span.get_span_context().trace_id in traces:
            parent = _common(tokens)
    return context_api.set_value(_BATCH, batch, parent)


def _common(tokens: Sequence[Token]) -> Context:
    """Returns what all requests say alike, such as labels and baggage, and nothing that is one request's own."""
    if not tokens:
        return Context()
    first, *others = (token.context for token in tokens)
    return Context({key: value for key, value in first.items() if all(other.get(key) is value for other in others)})
