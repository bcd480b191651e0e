# SPDX-License-Identifier: Apache-2.0
"""Infers, and then in a pool of two processes, until it is told to stop."""

from __future__ import annotations

import multiprocessing
import signal
import sys

from classifier import predict

stopped = False


def stop(*_: object) -> None:
    global stopped
    stopped = True


def main() -> None:
    signal.signal(signal.SIGTERM, stop)
    for number in range(30):
        predict(number)
    pool = multiprocessing.get_context(sys.argv[1]).Pool(2)
    while not stopped:
        pool.map(predict, range(50), chunksize=5)
    # Not terminate(), nor the end of a `with` block, which is the same: they kill the workers.
    pool.close()
    pool.join()


if __name__ == "__main__":
    main()
