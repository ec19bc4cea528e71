"""Ladders of the operations beside the product: a module each, whose kernels write their result into their last array.

All are bound by memory but those of `solve`, `eigenvalues` and `svd`. Rungs that differ in a word, such as `range` and
`prange`, are written out each: what is read is what is timed.
"""
