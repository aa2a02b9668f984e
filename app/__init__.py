"""The dashboard over the questions of `sql/app`, read through `accounting`'s public functions."""
