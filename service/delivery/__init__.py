"""Answers and follow-up events go out, until the sink has signed for them."""
