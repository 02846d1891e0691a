"""The checker about itself: what it could not see, and what was said to it in vain."""
