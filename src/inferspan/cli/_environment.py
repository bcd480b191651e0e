# SPDX-License-Identifier: Apache-2.0
"""The environment of a program under ``inferspan run``: all its telemetry to the receiver, and soon."""

from __future__ import annotations

import os
import re
import sys
from typing import TYPE_CHECKING

from inferspan.cli._probe import STATUS_VARIABLE
from inferspan.config import PREFIX

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_SIGNALS = ("TRACES", "METRICS", "LOGS")

# Meant for another endpoint: a certificate, a header with a key or a session with credentials does not belong
# in a request to this machine. And a configuration file would replace the variables that are set here.
_OF_ANOTHER_ENDPOINT = re.compile(
    r"OTEL_EXPORTER_OTLP_(?:(?:TRACES|METRICS|LOGS)_)?"
    r"(?:HEADERS|CERTIFICATE|CLIENT_KEY|CLIENT_CERTIFICATE|INSECURE)$"
    r"|OTEL_PYTHON_EXPORTER_OTLP_\w*CREDENTIAL_PROVIDER$"
    r"|OTEL_CONFIG_FILE$"
    r"|OTEL_EXPERIMENTAL_CONFIG_FILE$"
)

#: Milliseconds: twice a second spans and events, once a second metrics, since collecting them costs more.
_INTERVALS = {
    "OTEL_BSP_SCHEDULE_DELAY": "500",
    "OTEL_BLRP_SCHEDULE_DELAY": "500",
    "OTEL_METRIC_EXPORT_INTERVAL": "1000",
}

_LOOPBACK = ("127.0.0.1", "localhost")


def program_environment(
    environment: Mapping[str, str], *, command: Sequence[str], receiver: str, status_path: str, profiles_all: bool
) -> dict[str, str]:
    """Makes the environment of the program.

    What the user has set stays, but for where telemetry goes: samplers, limits, temporality, compression,
    service name.

    Args:
        environment: of this process.
        command: the program, for a service name where there is none.
        receiver: URL of the receiver, without a path.
        status_path: where on it processes report; see ``_probe``.
        profiles_all: whether all data are profiled, unless a budget is set.
    """
    made = {name: value for name, value in environment.items() if not _OF_ANOTHER_ENDPOINT.match(name)}
    for signal in _SIGNALS:
        made[f"OTEL_{signal}_EXPORTER"] = "otlp"
        made[f"OTEL_EXPORTER_OTLP_{signal}_ENDPOINT"] = f"{receiver}/v1/{signal.lower()}"
        made[f"OTEL_EXPORTER_OTLP_{signal}_PROTOCOL"] = "http/protobuf"
    made.update(_INTERVALS)
    if profiles_all:
        made.setdefault(PREFIX + "PROFILE_BUDGET", "inf")
    made[STATUS_VARIABLE] = receiver + status_path
    # Exporters honour proxies even for this machine. Of the two spellings the lower one wins where it is set,
    # so setting it must not hide what the other one says.
    for name, other in (("no_proxy", "NO_PROXY"), ("NO_PROXY", "no_proxy")):
        exceptions = environment.get(name) or environment.get(other) or ""
        made[name] = ",".join(filter(None, (exceptions, *_LOOPBACK)))
    # `python` is then the one that inferspan is installed for, whether its environment was activated or not.
    made["PATH"] = search_path(environment)
    if not environment.get("OTEL_SERVICE_NAME") and "service.name=" not in environment.get(
        "OTEL_RESOURCE_ATTRIBUTES", ""
    ):
        made["OTEL_SERVICE_NAME"] = program_name(command)
    return made


def search_path(environment: Mapping[str, str]) -> str:
    """The program's ``PATH``: the directory of this interpreter, then what the user has."""
    return os.pathsep.join((os.path.dirname(sys.executable), environment.get("PATH") or os.defpath))


def program_name(command: Sequence[str]) -> str:
    """What a command is called: ``app`` for ``python -u app.py``, ``serve`` for ``python -m serve``."""
    name = os.path.basename(command[0])
    if re.match(r"(python|pypy)[0-9.]*t?$", name):
        arguments = list(command[1:])
        while arguments and arguments[0].startswith("-"):
            option = arguments.pop(0)
            if option == "-m" and arguments:
                return arguments[0]
            if option == "-c":
                return name
            if option in ("-X", "-W") and arguments:
                arguments.pop(0)
        if arguments:
            name = os.path.basename(arguments[0])
    return name.removesuffix(".py")
