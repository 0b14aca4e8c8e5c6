"""Fuzzing: programs that run for as long as one likes; a few hundred rounds of each are a test."""
