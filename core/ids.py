"""Numbers of rows, as they come from addresses and forms."""

MAX_ID = 2**31 - 1  # what both databases take for a key; anything larger names nothing


def row_id(text: str) -> int:
    """A number that can name a row, for `request.args.get("after", type=row_id)`. Raises ValueError for any other."""
    number = int(text)
    if not 0 <= number <= MAX_ID:
        raise ValueError("no row has this number")
    return number
