"""The user guide in the languages of people: its chapters, their reading, and finding in them."""
