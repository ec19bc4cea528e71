"""Ladders of the operations beside the product: a module each, whose kernels write their result into their last array.

All are bound by memory but those of `solve`, `eigenvalues` and `svd`.
"""
