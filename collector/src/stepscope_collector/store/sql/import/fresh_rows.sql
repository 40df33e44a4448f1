-- The places of the rows in `fresh`, in their order.
-- Columns: place.
select place
from fresh
order by place
