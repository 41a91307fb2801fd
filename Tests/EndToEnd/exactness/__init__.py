"""Proofs that what Weir puts together is what the provider would have said: real servers, the emulator, seeded random questions.

- ``merging``: batches of 2 to 12 questions to Cost Explorer, all of a batch at the same time;
- ``prices``: the same for look-ups in the price list;
- ``days``: overlapping ranges of a few shapes while the days pass; needs a debug build, which takes its time from a file.

By hand, from Tests/EndToEnd: ``../../.venv/e2e/bin/python -m exactness merging --batches 10000 --server kept --state FOLDER``. It prints how far it
is, goes on where it was when it is started again with the same folder, and ends with a table and, where answers differ, with where they part.
"""
