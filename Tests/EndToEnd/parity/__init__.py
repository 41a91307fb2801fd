"""The same scenarios, played by every client against the same server, directly and through Weir. Only sdk2.py and fast.py need an SDK."""
