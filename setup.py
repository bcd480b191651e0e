# SPDX-License-Identifier: Apache-2.0
"""Builds the native kernel where there is a compiler; everything else is in pyproject.toml.

Without one, or where compiling fails, the distribution is pure Python: numpy then does the same, and the installed
package says so. ``INFERSPAN_NATIVE=0`` builds none; with ``INFERSPAN_NATIVE=1`` it is an error if none can be built.
"""

from __future__ import annotations

import logging
import os
import sys
import sysconfig
from pathlib import Path

from setuptools import Extension, setup
from setuptools.command.bdist_wheel import bdist_wheel
from setuptools.command.build_ext import build_ext

NATIVE = os.environ.get("INFERSPAN_NATIVE", "").strip()
SOURCES = Path("src/inferspan/profiling/_native")
#: A free-threaded interpreter before 3.15 has no limited API: what is built there is for its version only.
LIMITED = not sysconfig.get_config_var("Py_GIL_DISABLED")


def extension() -> Extension:
    return Extension(
        "inferspan.profiling._compiled",
        sources=sorted(path.as_posix() for path in SOURCES.glob("*.c")),
        depends=sorted(path.as_posix() for path in [*SOURCES.glob("*.h"), *SOURCES.glob("*.inc")]),
        define_macros=[("Py_LIMITED_API", "0x030A0000")] if LIMITED else [],
        py_limited_api=LIMITED,
        # Nothing that changes arithmetic: what is not finite has to stay visible. Vectors stay within functions.
        extra_compile_args=["-std=gnu11", "-O3", "-g0", "-fno-math-errno", "-fvisibility=hidden", "-Wno-psabi"],
        libraries=[] if sys.platform in ("win32", "darwin") else ["m"],
    )


class BuildKernel(build_ext):
    """Builds the kernel, or takes it out of the distribution."""

    def run(self) -> None:
        try:
            super().run()
        except Exception as error:
            if NATIVE == "1":
                raise
            self.announce(f"inferspan: no native kernel was built, numpy does its work: {error}", level=logging.WARNING)
            for one in self.extensions:  # of an earlier build
                Path(self.get_ext_fullpath(one.name)).unlink(missing_ok=True)
            self.extensions = self.distribution.ext_modules = []


class BuildWheel(bdist_wheel):
    """Builds the kernel first: whether there is one decides whether the wheel is for one platform or for all."""

    def run(self) -> None:
        self.run_command("build_ext")
        self.root_is_pure = not self.distribution.has_ext_modules()
        super().run()


setup(
    ext_modules=[] if NATIVE == "0" else [extension()],
    cmdclass={"build_ext": BuildKernel, "bdist_wheel": BuildWheel},
    options={"bdist_wheel": {"py_limited_api": "cp310"}} if LIMITED else {},
)
