"""Features: call records and accounts in, one row of features per line out.

One definition for every runner: a family module holds its features (documented entries of the catalogue) and its
keyed stages (pure `LazyFrame -> LazyFrame`); `build` runs the same stages whole, in buckets, or on a request.
"""
