-- An attribute of the last exception event of a span, such as exception.stacktrace; null: there is none.
-- Without the case DuckDB 2.0 copies a text of another row for each span that has no such event, a large one over and over.
create or replace macro last_exception(events, key) as
    case when len(list_filter(events, lambda e: e.name = 'exception')) > 0
        then list_filter(events, lambda e: e.name = 'exception')[-1].attributes[key] end
