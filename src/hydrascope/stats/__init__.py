"""Pure mathematics: no input, no output, no clock, no global randomness."""
