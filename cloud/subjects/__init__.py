"""One person's data (GDPR: a data subject's): what is held of it, to be given out."""
