"""The sampling process of an attribution: it knows the combinations of the ideas instead of the ladder.

Run as ``python -m matbench.measure.attribution_worker``; all else is as in `matbench.measure.worker`.
"""

from __future__ import annotations

from matbench.kernels.gemm.variants import variants
from matbench.measure.worker import main

if __name__ == "__main__":
    main(variants())
