-- How many spans are open.
select count(*) as open_count
from stored.open_spans
