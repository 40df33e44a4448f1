//! Spans: `decode/spans.py` in Rust. One walk over the bytes appends to flat columns.

mod attributes;
mod columns;
mod parts;

pub use self::columns::SpanColumns;

use self::attributes::Shape;
use crate::attributes::{Scratch, check_attributes};
use crate::columns::MAX_RESERVED;
use crate::decoded::Decoded;
use crate::envelope::{self, Items, range};
use crate::plan::Plan;
use crate::text::{SHARED_CHARS, prefix};
use crate::wire::{BYTES, FIXED32, FIXED64, Odd, Reader, Result, VARINT, big_endian, set_text};

/// Columns up to those of attributes, in the order of the reference.
pub const COLUMNS: [&str; 26] = [
    "span_row",
    "trace_id",
    "span_id",
    "parent_span_id",
    "trace_state",
    "flags",
    "name",
    "kind",
    "start_time_unix_nano",
    "end_time_unix_nano",
    "status_code",
    "status_message",
    "attributes",
    "attribute_types",
    "home_bits",
    "dropped_attributes_count",
    "events",
    "dropped_events_count",
    "links",
    "dropped_links_count",
    "raw",
    "resource_id",
    "scope_id",
    "scope_name",
    "exception_type",
    "exception_message",
];

/// The spans in the bytes of an ExportTraceServiceRequest; `first_row` is the number of the first.
pub fn decode(payload: &[u8], plan: &Plan, first_row: u64) -> Result<Decoded> {
    let mut columns = SpanColumns::new(plan, expected_in(payload.len()));
    let decoded = append(payload, plan, first_row, &mut columns)?;
    let (columns, payloads) = columns.finish(plan)?;
    Ok(Decoded {
        columns,
        payloads,
        ..decoded
    })
}

/// Append the spans of a request to columns; what comes back has none of its own.
///
/// Strings are not checked yet. After an error the columns have to be cut.
pub fn append(
    payload: &[u8],
    plan: &Plan,
    first_row: u64,
    columns: &mut SpanColumns,
) -> Result<Decoded> {
    let mut spans = Spans::new(payload, plan, first_row, columns);
    let envelope = envelope::walk(payload, plan.max_items, &mut spans)?;
    Ok(Decoded {
        envelope,
        ..spans.out
    })
}

/// The fields of one span; strings are checked where they get into a column.
#[derive(Default)]
struct Fields<'a> {
    trace_id: &'a [u8],
    span_id: &'a [u8],
    parent_span_id: &'a [u8],
    trace_state: &'a [u8],
    name: &'a [u8],
    kind: i32,
    start: u64,
    end: u64,
    dropped_attributes: u32,
    dropped_events: u32,
    dropped_links: u32,
    status_code: i32,
    status_message: &'a [u8],
    flags: u32,
}

struct Spans<'a, 'c> {
    payload: &'a [u8],
    plan: &'a Plan,
    first_row: u64,
    /// As many spans as the request can hold.
    expected: usize,
    /// Rows that were there before.
    base: usize,
    columns: &'c mut SpanColumns,
    out: Decoded,
    shape: Shape<'a>,
    scratch: Scratch,
    /// Messages of the span at hand.
    own_attributes: Vec<&'a [u8]>,
    own_events: Vec<&'a [u8]>,
    own_links: Vec<&'a [u8]>,
    inner: Vec<&'a [u8]>,
}

/// As many spans as so many bytes hold, for making room.
pub fn expected_in(bytes: usize) -> usize {
    (bytes / 128).min(MAX_RESERVED)
}

impl<'a, 'c> Spans<'a, 'c> {
    fn new(
        payload: &'a [u8],
        plan: &'a Plan,
        first_row: u64,
        columns: &'c mut SpanColumns,
    ) -> Self {
        Self {
            payload,
            plan,
            first_row,
            expected: expected_in(payload.len()),
            base: columns.rows(),
            columns,
            out: Decoded::default(),
            shape: Shape::default(),
            scratch: Scratch::default(),
            own_attributes: Vec::new(),
            own_events: Vec::new(),
            own_links: Vec::new(),
            inner: Vec::new(),
        }
    }

    fn span(&mut self, message: &'a [u8], is_own: bool) -> Result<()> {
        self.own_attributes.clear();
        self.own_events.clear();
        self.own_links.clear();
        let mut span = Fields::default();
        let mut reader = Reader::new(message);
        while let Some(tag) = reader.tag()? {
            match (tag.number, tag.wire) {
                (9, BYTES) => self.own_attributes.push(reader.bytes()?),
                (1, BYTES) => span.trace_id = reader.bytes()?,
                (2, BYTES) => span.span_id = reader.bytes()?,
                (3, BYTES) => set_text(&mut span.trace_state, reader.bytes()?)?,
                (4, BYTES) => span.parent_span_id = reader.bytes()?,
                (5, BYTES) => set_text(&mut span.name, reader.bytes()?)?,
                (6, VARINT) => span.kind = reader.varint()? as i32,
                (7, FIXED64) => span.start = reader.fixed64()?,
                (8, FIXED64) => span.end = reader.fixed64()?,
                (10, VARINT) => span.dropped_attributes = reader.varint()? as u32,
                (11, BYTES) => self.own_events.push(reader.bytes()?),
                (12, VARINT) => span.dropped_events = reader.varint()? as u32,
                (13, BYTES) => self.own_links.push(reader.bytes()?),
                (14, VARINT) => span.dropped_links = reader.varint()? as u32,
                (15, BYTES) => status(reader.bytes()?, &mut span)?,
                (16, FIXED32) => span.flags = reader.fixed32()?,
                (1..=16, _) => return Err(Odd("field of another type")),
                _ => reader.skip(tag)?,
            }
        }
        let is_refused = span.trace_id.len() != 16
            || span.span_id.len() != 8
            || !matches!(span.parent_span_id.len(), 0 | 8)
            || span.trace_id == [0; 16]
            || span.span_id == [0; 8]
            || (self.plan.max_attributes > 0
                && self.own_attributes.len() > self.plan.max_attributes);
        if is_refused {
            check_attributes(message, 9, &[(11, 3), (13, 4)])?;
            let range = range(self.payload, message);
            self.out.refused.push(range);
            return Ok(());
        }
        self.store(message, &span, is_own)
    }

    fn store(&mut self, message: &'a [u8], span: &Fields<'a>, is_own: bool) -> Result<()> {
        let row = self.base + self.out.rows;
        let columns = &mut *self.columns;
        columns.span_row.push(self.first_row + self.out.rows as u64);
        self.out.rows += 1;
        columns.trace_ids.extend_from_slice(span.trace_id);
        columns.span_ids.push(big_endian(span.span_id));
        columns.parent_ids.push(big_endian(span.parent_span_id));
        columns.trace_state.push_filled(span.trace_state);
        columns.flags.push(span.flags);
        columns.name.push(span.name);
        columns.kind.push(span.kind);
        columns.start.push(span.start);
        columns.end.push(span.end);
        columns.status_code.push(span.status_code);
        columns.status_message.push_filled(span.status_message);
        columns.dropped_attributes.push(span.dropped_attributes);
        columns.dropped_events.push(span.dropped_events);
        columns.dropped_links.push(span.dropped_links);
        let mut is_exact = self.attributes(row, is_own)?;
        if !self.own_events.is_empty() {
            is_exact &= self.events(row)?;
        }
        let events = &mut self.columns.events;
        events.offsets.push(events.time.len() as i32);
        if !self.own_links.is_empty() {
            is_exact &= self.links()?;
        }
        let links = &mut self.columns.links;
        links.offsets.push(links.flags.len() as i32);
        let bits = self.columns.home_bits.last().copied().unwrap_or(0);
        if span.end == 0 || bits & self.plan.live_bit != 0 {
            self.out.open_count += 1;
        }
        if !is_exact {
            let range = range(self.payload, message);
            self.out.inexact.push((row - self.base, range));
        }
        Ok(())
    }
}

impl<'a> Items<'a> for Spans<'a, '_> {
    const KEEPS_EMPTY: bool = true;

    fn weight(_: &'a [u8]) -> Result<usize> {
        Ok(1)
    }

    fn rows(&self) -> usize {
        self.out.rows
    }

    fn take(&mut self, scope: &'a [u8], items: &[&'a [u8]]) -> Result<()> {
        let before = self.out.rows;
        let is_own = scope == self.plan.own_scope;
        for item in items {
            self.span(item, is_own)?;
        }
        let shown = &scope[..prefix(scope, SHARED_CHARS)];
        for _ in before..self.out.rows {
            self.columns.scope_name.push(shown);
        }
        Ok(())
    }
}

fn status<'a>(message: &'a [u8], span: &mut Fields<'a>) -> Result<()> {
    let mut reader = Reader::new(message);
    while let Some(tag) = reader.tag()? {
        match (tag.number, tag.wire) {
            (2, BYTES) => set_text(&mut span.status_message, reader.bytes()?)?,
            (3, VARINT) => span.status_code = reader.varint()? as i32,
            (2 | 3, _) => return Err(Odd("field of another type")),
            _ => reader.skip(tag)?,
        }
    }
    Ok(())
}
