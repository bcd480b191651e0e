# SPDX-License-Identifier: Apache-2.0
"""One replica of a service: 2 000 rows of two features and a score. Arguments: the mean of the features, a seed."""

import sys

import numpy as np

import inferspan

mean, seed = float(sys.argv[1]), int(sys.argv[2])
generator = np.random.default_rng(seed)
for _ in range(100):
    rows = generator.normal(mean, 1, size=(20, 2))
    rows[0, 1] = np.nan
    with inferspan.inference("scorer", version="7") as call:
        call.inputs({"x": rows})
        call.outputs({"score": rows[:, 0] / 100})
