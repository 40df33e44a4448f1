-- An attribute of the last exception event of a span, such as exception.stacktrace; null: there is none.
-- Without the case DuckDB 2.0 copies a text of another row for each span that has no such event: 4 s instead
-- of 40 ms for 5,000 spans of which one has a stack of 1 MB.
create or replace macro last_exception(events, key) as
    case when len(list_filter(events, lambda e: e.name = 'exception')) > 0
        then list_filter(events, lambda e: e.name = 'exception')[-1].attributes[key] end
