"""The languages of people: French, Dutch, German, English."""
