# SPDX-License-Identifier: Apache-2.0
"""A decorated function is of the kind that it was, with its names, its signature and its place in a class."""

from __future__ import annotations

import asyncio
import functools
import inspect
import pickle
from collections.abc import AsyncGenerator, Callable, Generator
from typing import Any, get_type_hints

import numpy as np
import pytest
from opentelemetry import trace
from support.telemetry import Telemetry

import inferspan
from inferspan.semconv import attributes as names

X = np.linspace(0, 1, 16, dtype=np.float32)

infer = inferspan.inference("model", version="2")


def plain(x: int, /, y: str = "y", *rest: float, z: bool = False) -> str:
    """Says what it does."""
    return f"{x} {y} {rest} {z}"


def generator(x: int) -> Generator[int]:
    """Says what it does."""
    yield x


async def coroutine(x: int) -> int:
    """Says what it does."""
    return x


async def asynchronous_generator(x: int) -> AsyncGenerator[int]:
    """Says what it does."""
    yield x


KINDS = [plain, generator, coroutine, asynchronous_generator]


@pytest.mark.parametrize("function", KINDS)
def test_what_a_framework_asks_has_the_same_answer(function: Callable[..., Any]) -> None:
    decorated = infer(function)
    assert decorated is not function
    for question in (
        inspect.isfunction,
        inspect.isroutine,
        inspect.isgeneratorfunction,
        inspect.iscoroutinefunction,
        inspect.isasyncgenfunction,
        inspect.signature,
        inspect.getdoc,
        inspect.getsource,
        get_type_hints,
    ):
        assert question(decorated) == question(function), question
    for name in ("__name__", "__qualname__", "__module__", "__doc__", "__annotations__"):
        assert getattr(decorated, name) == getattr(function, name)
    assert inspect.unwrap(decorated) is function


@pytest.mark.parametrize("function", KINDS)
def test_what_it_returns_is_of_the_same_kind(manual: Telemetry, function: Callable[..., Any]) -> None:
    theirs, ours = function(1), infer(function)(1)
    assert type(ours) is type(theirs)
    for one in (theirs, ours):
        if inspect.iscoroutine(one):
            one.close()


@pytest.mark.parametrize("function", KINDS)
def test_wrong_arguments_raise_what_they_raise(manual: Telemetry, function: Callable[..., Any]) -> None:
    async def drive(call: Callable[..., Any]) -> None:
        made = call(1, 2, 3, "4", unknown=5)
        if inspect.isgenerator(made):
            next(made)
        elif inspect.isasyncgen(made):
            await anext(made)
        elif inspect.iscoroutine(made):
            await made

    raised = []
    for one in (function, infer(function)):
        with pytest.raises(TypeError) as caught:
            asyncio.run(drive(one))
        raised.append(str(caught.value))
    assert raised[0] == raised[1]


@pytest.mark.parametrize("recorded", [True, False])
def test_results_are_the_functions_own(telemetry: Telemetry, request: pytest.FixtureRequest, recorded: bool) -> None:
    if recorded:
        request.getfixturevalue("manual")
    result = object()
    assert infer(lambda: result)() is result
    assert plain(1, "a", 2.0, z=True) == infer(plain)(1, "a", 2.0, z=True)
    assert list(infer(generator)(3)) == [3]
    assert asyncio.run(infer(coroutine)(4)) == 4

    async def collect() -> list[int]:
        return [item async for item in infer(asynchronous_generator)(5)]

    assert asyncio.run(collect()) == [5]
    assert len(telemetry.spans()) == 5 * recorded


def test_arguments_are_inputs_and_the_result_is_the_output(manual: Telemetry) -> None:
    @infer
    def score(features: np.ndarray, *more: np.ndarray, scale: np.ndarray) -> dict[str, np.ndarray]:
        return {"scores": features[:14] * scale, "more": more[0]}

    score(X, X[:12], scale=X[:14])
    (span,) = manual.spans()
    assert span.name == "infer model"
    assert span.attributes[names.INFERSPAN_MODEL_VERSION] == "2"
    assert span.attributes[names.INPUT.names] == ("features", "input.1", "scale")
    assert span.attributes[names.INPUT.counts] == (16, 12, 14)
    assert span.attributes[names.OUTPUT.names] == ("scores", "more")


# -- in a class ------------------------------------------------------------------------------------------------------


class Model:
    """Decorates in every order."""

    @infer
    def method(self, x: Any) -> Any:
        return type(self), x

    @infer
    @classmethod
    def outside_class(cls, x: Any) -> Any:
        return cls, x

    @classmethod
    @infer
    def inside_class(cls, x: Any) -> Any:
        return cls, x

    @infer
    @staticmethod
    def outside_static(x: Any) -> Any:
        return Model, x

    @staticmethod
    @infer
    def inside_static(x: Any) -> Any:
        return Model, x

    @property
    @infer
    def value(self) -> Any:
        return type(self), X

    @infer
    async def wait(self, x: Any) -> Any:
        return type(self), x

    @infer
    def stream(self, x: Any) -> Generator[Any]:
        yield type(self), x


CALLS: dict[str, Callable[[Model], Any]] = {
    "method": lambda model: model.method(X),
    "method of the class": lambda model: Model.method(model, X),
    "method by keyword": lambda model: model.method(x=X),
    "class method, outside": lambda model: model.outside_class(X),
    "class method, inside": lambda model: model.inside_class(X),
    "class method of the class": lambda _: Model.outside_class(X),
    "static method, outside": lambda model: model.outside_static(X),
    "static method, inside": lambda model: model.inside_static(X),
    "static method of the class": lambda _: Model.outside_static(X),
    "property": lambda model: model.value,
    "coroutine": lambda model: asyncio.run(model.wait(X)),
    "generator": lambda model: next(iter(list(model.stream(X)))),
}


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
def test_a_method_is_bound_and_its_object_is_no_input(
    manual: Telemetry, call: Callable[[Model], Any], request: pytest.FixtureRequest
) -> None:
    found, x = call(Model())
    assert found is Model
    assert x is X
    (span,) = manual.spans()
    expected = None if "property" in request.node.callspec.id else ("x",)
    assert span.attributes.get(names.INPUT.names) == expected


def test_the_first_argument_of_a_function_is_an_input(manual: Telemetry) -> None:
    @infer
    def score(model: Any, self: Any = None) -> None: ...

    score(X, X)
    (span,) = manual.spans()
    assert span.attributes[names.INPUT.names] == ("model", "self")


@infer
def at_module_level(x: int) -> int:
    return x + 1


def test_what_else_is_done_with_functions(manual: Telemetry) -> None:
    assert pickle.loads(pickle.dumps(at_module_level)) is at_module_level
    assert list(map(functools.partial(at_module_level), [1, 2])) == [2, 3]
    assert functools.lru_cache(at_module_level)(1) == 2
    assert infer(functools.partial(plain, 1))("b") == "1 b () False"
    assert infer(len)([1, 2]) == 2

    class Scorer:
        def __call__(self, x: int) -> int:
            return x

    assert infer(Scorer())(3) == 3
    assert len(manual.spans()) == 6


def test_decorated_twice_is_one_call(manual: Telemetry) -> None:
    assert infer(infer(plain))(1) == plain(1)
    assert len(manual.spans()) == 1


def test_the_span_is_current_in_the_body(manual: Telemetry) -> None:
    @infer
    def body() -> Any:
        return trace.get_current_span().get_span_context()

    found = body()
    (span,) = manual.spans()
    assert found == span.context
