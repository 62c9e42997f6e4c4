"""Small inputs of the kinds that people reported as going wrong: each has a test of its name.

`cases.json` says of each where it was reported, what goes wrong and what is right. A case that is not right yet stands
in `open.txt`; its test must fail until its line is taken out.
"""
