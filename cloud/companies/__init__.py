"""Companies, their divisions and their sites."""
