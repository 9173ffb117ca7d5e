"""What every page knows of the paper: its name, language, sections and rules."""
