"""A run: its folder, its description, what it resumes from, and how it talks to the terminal."""
