-- Which of the log and metric requests were committed before. $hashes: their content hashes.
select request_hash
from stored.requests
where request_hash in (select unnest($hashes))
order by request_hash
