"""Column types that several nouns share."""

from datetime import datetime
from typing import Annotated

from sqlalchemy import ForeignKey, String
from sqlalchemy.orm import mapped_column

from core.clock import now

Id = Annotated[int, mapped_column(primary_key=True)]
CreatedAt = Annotated[datetime, mapped_column(default=now)]
UserId = Annotated[int, mapped_column(ForeignKey("user.id"))]
Slug = Annotated[str, mapped_column(String(120))]
AudienceRule = Annotated[str, mapped_column(String(120))]
