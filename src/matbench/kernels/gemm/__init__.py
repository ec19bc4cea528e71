"""A matrix product at the speed of BLAS, generated in Python: each of its ideas is a switch of a `Recipe`.

The modules need Numba and are imported where a product is made, so that the ladder can be listed without it.
"""
