"""Writes docs/experiments: a page per technique, the pictures, and the table of effects on real data (`make experiments`)."""
