-- Names of the dialects in `evidence`.
select distinct dialect
from evidence
order by dialect
