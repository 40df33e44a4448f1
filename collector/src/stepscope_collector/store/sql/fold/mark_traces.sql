-- Notes that the spans of the traces in `folding` are folded together.
update stored.traces
set has_folded = true
where not has_folded and trace_id in (select trace_id from folding)
