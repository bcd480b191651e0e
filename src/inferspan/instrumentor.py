# SPDX-License-Identifier: Apache-2.0
"""The base of all instrumentors: patch when the application imports the library, undo completely, break nothing."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any, ClassVar, cast

import wrapt
from opentelemetry.instrumentation.instrumentor import BaseInstrumentor

from inferspan import faults, pipeline
from inferspan.recorder import Recorder

_log = logging.getLogger("inferspan")
_MISSING = object()


@dataclass
class Target:
    """One module that was to be patched.

    Attributes:
        module: its name.
        instrumentor: the module of the instrumentor that patches it.
        error_type: of the exception that patching it has raised; None where it is patched.
        remarks: what is special about it, for who asks why there is no span.
    """

    module: str
    instrumentor: str
    error_type: str | None = None
    remarks: list[str] = field(default_factory=list[str])


#: What was patched in this process, or was to be, by module and instrumentor.
targets: dict[tuple[str, str], Target] = {}


class Patches:
    """Attributes replaced, and what they were."""

    def __init__(self) -> None:
        self._done: list[tuple[Any, str, Any, Any]] = []
        #: The module that is being patched.
        self.target: Target | None = None

    def remark(self, text: str) -> None:
        """Says what is special about the module that is being patched: a version that is not known, above all."""
        _log.info(text)
        if self.target is not None:
            self.target.remarks.append(text)

    def replace(self, owner: Any, name: str, replacement: Any) -> None:
        """Sets an attribute of a class or module."""
        before = _own(owner).get(name, _MISSING)
        setattr(owner, name, replacement)
        self._done.append((owner, name, before, _own(owner)[name]))

    def wrap(self, owner: Any, name: str, wrapper: Callable[..., Any], *, when: Callable[[], bool]) -> None:
        """Replaces a method by a function that calls ``wrapper(original, self, args, kwargs)``.

        A plain function costs a third of what a wrapt proxy does, and stays one for whoever looks.

        Args:
            owner: class or module.
            name: of the method.
            wrapper: what is called instead of it.
            when: asked at each call; where it says no, the original is called as if we were not there.
        """
        original = getattr(owner, name)

        def patched(self: Any, /, *args: Any, **kwargs: Any) -> Any:
            if not when():
                return original(self, *args, **kwargs)
            return wrapper(original, self, args, kwargs)

        imitate(patched, original)
        self.replace(owner, name, patched)

    def undo(self) -> None:
        """Puts back what was there, last first, except where somebody has patched over it since."""
        while self._done:
            owner, name, before, ours = self._done.pop()
            if _own(owner).get(name) is not ours:
                _log.info("%s was patched again by another; it stays, and records nothing", name)
            elif before is _MISSING:
                delattr(owner, name)
            else:
                setattr(owner, name, before)


def _own(owner: Any) -> Mapping[str, Any]:
    """Returns what a class or module defines itself, not what it inherits."""
    return cast("Mapping[str, Any]", vars(owner))


def imitate(function: Any, original: Any) -> None:
    """Gives a function the names and documentation of the one it replaces."""
    for attribute in ("__module__", "__name__", "__qualname__", "__doc__", "__annotations__"):
        value = getattr(original, attribute, _MISSING)
        if value is not _MISSING:
            setattr(function, attribute, value)
    function.__wrapped__ = original


class InferspanInstrumentor(BaseInstrumentor):
    """Base class of the instrumentors.

    A subclass says which modules it patches and how. Nothing is imported: each function runs when the application
    imports its module, or at once where it has. Whatever fails is counted and logged, and leaves the library as it
    was: an exception in an import hook would make the application's own ``import`` fail, and one out of
    ``instrument()`` would end the launcher's loading of all others.

    Attributes:
        system: the runtime or server, one of ``semconv.attributes.SystemName``.
    """

    system: ClassVar[str]

    # BaseInstrumentor makes one object a class and runs __init__ at every construction: state lives in the class.
    _patches: ClassVar[Patches]
    _recorder: ClassVar[Recorder]

    def targets(self) -> Iterable[tuple[str, Callable[[ModuleType, Recorder, Patches], None]]]:
        """Returns which modules to patch, each with the function that does."""
        raise NotImplementedError

    def instrumentation_dependencies(self) -> Collection[str]:
        """Returns nothing: each patch looks at its library when the application imports it."""
        return ()

    def _instrument(self, **kwargs: Any) -> None:
        cls = type(self)
        if os.environ.get("OTEL_SDK_DISABLED", "").strip().lower() == "true":
            return
        try:
            for known in [one for one in targets if one[1] == cls.__module__]:
                del targets[known]
            cls._patches = patches = Patches()
            cls._recorder = recorder = pipeline.recorder(
                cls.__module__,
                system=self.system,
                tracer_provider=kwargs.get("tracer_provider"),
                meter_provider=kwargs.get("meter_provider"),
                logger_provider=kwargs.get("logger_provider"),
            )
            for name, patch in self.targets():
                _when_imported(name, patch, recorder, patches, instrumentor=cls.__module__)
        except Exception:
            faults.caught("patch")

    def _uninstrument(self, **kwargs: Any) -> None:  # noqa: ARG002 (the signature is OpenTelemetry's)
        cls = type(self)
        try:
            if "_recorder" in vars(cls):
                cls._recorder.close()
                cls._patches.undo()
        except Exception:
            faults.caught("patch")


def _when_imported(
    name: str,
    patch: Callable[[ModuleType, Recorder, Patches], None],
    recorder: Recorder,
    patches: Patches,
    *,
    instrumentor: str,
) -> None:
    def hook(module: Any) -> None:
        # wrapt keeps a hook for good: one that belongs to an instrumentation since undone does nothing.
        if recorder.closed:
            return
        # A module may be patched in several steps.
        target = patches.target = targets.setdefault((name, instrumentor), Target(name, instrumentor))
        try:
            patch(module, recorder, patches)
        except Exception as error:
            target.error_type = type(error).__name__
            faults.caught("patch")

    if name in sys.modules:
        hook(sys.modules[name])
    else:
        wrapt.register_post_import_hook(hook, name)
