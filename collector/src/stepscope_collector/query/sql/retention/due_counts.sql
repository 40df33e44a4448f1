-- What each limit and rule removes. In the braces: retention/due or retention/stripped.
-- Columns: reason (null: only payloads), rule (null: none), executions, bytes (estimated), turn (of the last).
select
    reason, rule, count(*) as executions, sum(bytes) as bytes, max(turn) as turn
from ({due})
group by reason, rule
