# SPDX-License-Identifier: Apache-2.0
"""Settings: one frozen dataclass; code over environment over default.

Every field is read from ``OTEL_PYTHON_INFERSPAN_<FIELD>``. The module of variable names that the launcher
turns into command-line flags, and the reference in ``docs/configuration.md``, are generated from this class.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Mapping
from dataclasses import Field, dataclass, field, fields
from typing import Any, cast

PREFIX = "OTEL_PYTHON_INFERSPAN_"

_log = logging.getLogger("inferspan")

#: What Python says of text that is no number, which it quotes.
_NOT_NUMBERS = {
    "invalid literal for int() with base 10": "not a whole number",
    "could not convert string to float": "not a number",
}


def _boolean(text: str) -> bool:
    value = text.strip().lower()
    if value in ("true", "1", "yes", "on"):
        return True
    if value in ("false", "0", "no", "off"):
        return False
    raise ValueError("expected true or false")


def _at_least(minimum: int) -> Callable[[str], int]:
    def parse(text: str) -> int:
        value = int(text)
        if value < minimum:
            raise ValueError(f"expected a whole number of at least {minimum}")
        return value

    return parse


def _share(text: str) -> float:
    value = float(text)
    if not value >= 0:
        raise ValueError("expected a share of at least 0, such as 0.01, or inf")
    return value


EXCEPTION_DETAILS = ("type", "message", "stacktrace", "full")


def _exception_detail(text: str) -> str:
    value = text.strip().lower()
    if value not in EXCEPTION_DETAILS:
        raise ValueError(f"expected one of {', '.join(EXCEPTION_DETAILS)}")
    return value


KERNELS = ("auto", "native", "numpy")


def _kernel(text: str) -> str:
    value = text.strip().lower()
    if value not in KERNELS:
        raise ValueError(f"expected one of {', '.join(KERNELS)}")
    return value


def _models(text: str) -> Mapping[str, str]:
    mapping: dict[str, str] = {}
    for item in filter(None, (part.strip() for part in text.split(","))):
        found, separator, said = item.partition("=")
        if not separator or not found.strip() or not said.strip():
            raise ValueError("expected found=name or found=name:version, separated by commas")
        mapping[found.strip()] = said.strip()
    return mapping


def _words(text: str) -> tuple[str, ...]:
    return tuple(filter(None, (part.strip() for part in text.split(","))))


def _setting(default: Any, parse: Callable[[str], Any], help: str, *, internal: bool = False) -> Any:
    metadata = {"parse": parse, "help": help, "internal": internal}
    if isinstance(default, dict):
        return field(default_factory=lambda: cast(Any, default), metadata=metadata)
    return field(default=default, metadata=metadata)


@dataclass(frozen=True, kw_only=True)
class Config:
    """Every setting of inferspan, with the value in force."""

    enabled: bool = _setting(
        True, _boolean, "Whether inferences are recorded. Off, a patched call costs one look at this setting."
    )
    defer: bool = _setting(
        True,
        _boolean,
        "Whether a worker thread finishes spans and metrics. Off, they are finished on the calling thread before "
        "the call returns, for span processors that flush when the local root span ends.",
    )
    queue_size: int = _setting(
        2048,
        _at_least(1),
        "Finished inferences that may wait for the worker. Beyond it the caller finishes its own, and that "
        "inference's data profile is dropped and counted.",
    )
    profile: bool = _setting(
        True,
        _boolean,
        "Whether the inputs and outputs of sampled inferences are profiled. Off, spans do not describe data.",
    )
    profile_budget: float = _setting(
        0.01,
        _share,
        "CPU time that profiling may take, as a share of the time that inferences take, or a thousandth of one "
        "processor where that is more; what failed calls and findings need may take as much again. Beyond it "
        "inferences are not profiled, which is counted and said on the span. inf for no bound.",
    )
    profile_kernel: str = _setting(
        "auto",
        _kernel,
        "What computes data profiles: auto (the native kernel where it is installed, else numpy), native or numpy. "
        "Both give the same results; numpy takes longer. It is read at the first profile of a process.",
    )
    profile_min_count: int = _setting(
        10,
        _at_least(1),
        "Fewest values that a statistic on a span may summarise; below it only counts are shown. Lower values "
        "reveal data: at 1, the minimum of a single value is that value.",
    )
    profile_max_elements: int = _setting(
        4_194_304,
        _at_least(1024),
        "Largest array, in elements, that is profiled in full; a larger one is profiled from a sample, and says so.",
    )
    profile_token_ids: bool = _setting(
        False,
        _boolean,
        "Whether token ids (whole numbers named input_ids, decoder_input_ids, sequences or the like) are profiled. "
        "Off, their type and shape are shown: statistics of ids mean nothing, and can reveal words of a text.",
    )
    profile_text: bool = _setting(
        False,
        _boolean,
        "Whether text is profiled: which values are how frequent, at most 64 characters of each. It reveals data: "
        "those values leave the process as they are. Off, texts are counted, and those that are missing.",
    )
    profile_span_bytes: int = _setting(
        4096,
        _at_least(256),
        "Most bytes of data profile on one span. Beyond it the fields with most missing or infinite values stay, "
        "and those cut are counted.",
    )
    profilers: tuple[str, ...] = _setting(
        (),
        _words,
        "Profilers that look at the fields that they say, separated by commas: embedding_norm, image_brightness, "
        "text_length, and those that installed packages have under the entry point group inferspan_profilers. "
        "inferspan.register_profiler() says of others, and of other fields: see docs/profilers.md.",
    )
    window_inferences: int = _setting(
        10_000,
        _at_least(1),
        "Inferences after which a window of data profiles is closed, 131072 at most: it is exported, and the next one "
        "begins.",
    )
    window_seconds: int = _setting(
        60,
        _at_least(1),
        "Seconds after which a window is closed where it has had fewer inferences.",
    )
    window_fields: int = _setting(
        10_000,
        _at_least(1),
        "Most fields (tensors, features and columns of all models) that windows keep; the values of others are not "
        "accumulated, and counted as dropped. A field takes up to 4 KiB.",
    )
    window_events: int = _setting(
        50,
        _at_least(0),
        "Most inferspan.data.profile events for a closed window: one for each field, those with most missing or "
        "infinite values first; the rest is counted.",
    )
    field_series: int = _setting(
        22,
        _at_least(0),
        "Most fields (tensors, features and columns of inputs and outputs together) that a model may have for each to "
        "have counters of its own. Of a model with more, fields have them once they have had missing or infinite "
        "values; the others are summed up as _OTHER.",
    )
    faulty_field_series: int = _setting(
        40,
        _at_least(0),
        "Fields of a model with more than field_series that may have counters of their own since they have had missing "
        "or infinite values; later ones stay in _OTHER.",
    )
    field_distributions: int = _setting(
        1,
        _at_least(0),
        "Fields of the input, and as many of the output, of each model whose values leave as the metric "
        "inferspan.field.distribution: the first ones.",
    )
    distribution_fields: tuple[str, ...] = _setting(
        (),
        _words,
        "Further fields with that metric: names separated by commas, in which * stands for any characters. At most 100 "
        "fields of a model have it.",
    )
    quantile_fields: tuple[str, ...] = _setting(
        (),
        _words,
        "Fields whose quantiles leave as the metric inferspan.field.quantile, likewise; for backends without native "
        "histograms. At most 100 fields have it.",
    )
    exception_detail: str = _setting(
        "stacktrace",
        _exception_detail,
        "What leaves of an exception: type; message (quoted literals, long numbers and identifiers elided: a plain "
        "word without quotes cannot be told from a name, and stays); stacktrace (that, and the stack); full (the "
        "message as raised: reveals whatever data it quotes).",
    )
    models: Mapping[str, str] = _setting(
        {},
        _models,
        "Names for models whose code cannot be changed: found=name or found=name:version, separated by commas, "
        "where found is the name that inferspan found by itself.",
    )
    models_file: str = _setting(
        "",
        str.strip,
        "Path of a JSON file that says of models, by the names that inferspan found or by path, what the code cannot "
        "be changed to say: see docs/identity.md. What describe() or OTEL_PYTHON_INFERSPAN_MODELS says comes first.",
    )
    model_info_digests: bool = _setting(
        False,
        _boolean,
        "Whether the digests of artifact and configuration are attributes of the metric inferspan.model.info as well. "
        "They are on spans and events in any case.",
    )
    max_models: int = _setting(
        200,
        _at_least(1),
        "Models, and entities, with metric series of their own; later ones are reported as _OTHER, and counted.",
    )
    labels: tuple[str, ...] = _setting(
        (),
        _words,
        "Keys that inferspan.labels() may use, separated by commas. Each is an attribute of spans and metrics, and "
        "multiplies the series of a model by the number of its values.",
    )
    max_label_values: int = _setting(
        20, _at_least(1), "Values of a label's key; later ones are reported as _OTHER, and counted."
    )
    max_links: int = _setting(
        128, _at_least(0), "Most links from the span of a batch to the requests that it serves; the rest is counted."
    )
    automatic_stages: bool = _setting(
        True,
        _boolean,
        "Whether transforms of torchvision, torchaudio and kornia, and processors and tokenizers of transformers, are "
        "stages. Those in the worker processes of a DataLoader never are.",
    )
    stall_seconds: int = _setting(
        30,
        _at_least(0),
        "An inference in progress for longer gives an inferspan.inference.stalled event, with the stack of its thread. "
        "0 turns that off.",
    )
    crash_folder: str = _setting(
        "",
        str.strip,
        "Folder of small files in which each process notes the inferences in progress, so that the next start can tell "
        "which of them a killed or crashed process was running. Costs some microseconds a call; off while empty.",
    )
    anomaly_events_per_minute: int = _setting(
        60,
        _at_least(0),
        "Most inferspan.inference.anomaly events a minute, for failing inferences whose span is not recorded.",
    )
    max_faults: int = _setting(
        100,
        _at_least(1),
        "Faults of one instrumentor after which it switches itself off, with one warning; the application is not "
        "affected by any of them.",
    )
    warn_after_seconds: int = _setting(
        60,
        _at_least(0),
        "Seconds after the first call that made no span, at which one warning says why, where no call has made one. "
        "0 for no warning.",
    )
    raise_faults: bool = _setting(
        False, _boolean, "Raise inferspan's own faults instead of counting them.", internal=True
    )

    @classmethod
    def from_environment(cls, environ: Mapping[str, str] | None = None, **overrides: Any) -> Config:
        """Reads the settings.

        Args:
            environ: variables to read, by default the process's.
            **overrides: settings given in code, which win over the environment.

        Raises:
            TypeError: an override is no setting. A bad value in the environment is never an error: it is
                one warning that names the variable, and the default.
        """
        environ = os.environ if environ is None else environ
        values: dict[str, Any] = {}
        for setting in fields(cls):
            text = environ.get(PREFIX + setting.name.upper(), "")
            if setting.name in overrides or not text.strip():
                continue
            try:
                values[setting.name] = setting.metadata["parse"](text)
            except ValueError as error:
                # The text may be anything, a secret pasted on the wrong line included: it is not repeated.
                problem = _NOT_NUMBERS.get(str(error).partition(":")[0], error)
                _log.warning("%s%s is ignored: %s", PREFIX, setting.name.upper(), problem)
        return cls(**{**values, **overrides})


#: The settings in force. Read as ``config.in_force`` each time: ``load`` replaces it.
in_force = Config()
_loaded = False
#: What code has set so far: one call sets some, and leaves those of earlier calls.
_overrides: dict[str, Any] = {}


def load(**overrides: Any) -> Config:
    """Reads the environment, and puts the settings in force.

    Args:
        **overrides: settings given in code, which win over the environment, beside those given earlier.

    Raises:
        TypeError: an override is no setting.
    """
    global in_force, _loaded, _overrides
    merged = {**_overrides, **overrides}
    in_force = Config.from_environment(**merged)
    _overrides = merged
    _loaded = True
    return in_force


def load_once() -> Config:
    """Reads the environment unless that was done, so that what code has set stays in force."""
    return in_force if _loaded else load()


def origins(environ: Mapping[str, str] | None = None) -> dict[str, str]:
    """Returns where the value of each setting is from: ``code``, ``environment`` or ``default``.

    Args:
        environ: variables to look at, by default the process's.
    """
    environ = os.environ if environ is None else environ
    return {setting.name: _origin(setting, environ) for setting in fields(Config)}


def _origin(setting: Field[Any], environ: Mapping[str, str]) -> str:
    if setting.name in _overrides:
        return "code"
    text = environ.get(PREFIX + setting.name.upper(), "")
    if not text.strip():
        return "default"
    try:
        setting.metadata["parse"](text)
    except ValueError:
        return "default"
    return "environment"
