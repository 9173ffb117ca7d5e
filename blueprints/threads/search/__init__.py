"""Finding comments by their words, on SQLite (FTS5) and PostgreSQL (tsvector) in the same way.

`words` says what a word is and what a query means; `index` keeps the words of published comments; `finding` looks
them up for a viewer; `snippets` shows the places. Both databases store the words as they were folded here, so both find
the same. Whether a comment may be found is asked of its row each time, never of the index.
"""
