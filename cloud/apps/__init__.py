"""Apps on workers' telephones: paired by a code, known by technical accounts, never logged in."""
