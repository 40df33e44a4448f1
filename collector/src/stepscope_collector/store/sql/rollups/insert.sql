-- Stores the rows of `merged_rollups`.
insert into stored.rollups by name
from merged_rollups
