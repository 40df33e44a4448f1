-- Removes from stored.{table} the rows that no span, log record or data point refers to by {column}.
delete from stored.{table} d
where not exists (from stored.spans s where s.{column} = d.{column})
    and not exists (from stored.log_records l where l.{column} = d.{column})
    and not exists (from stored.metric_points p where p.{column} = d.{column})
