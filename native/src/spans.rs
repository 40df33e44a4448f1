//! Spans: `decode/spans.py` in Rust. One walk over the bytes appends to flat columns.

mod attributes;
mod parts;

use std::sync::Arc;

use arrow_array::{ArrayRef, FixedSizeBinaryArray, Int32Array, StringArray};
use arrow_buffer::Buffer;

use self::attributes::Shape;
use self::parts::{Events, Links, Payloads};
use crate::attributes::{Scratch, check_attributes};
use crate::columns::{Blobs, MAX_RESERVED, Maps, Sparse, u32s, u64s};
use crate::decoded::{Column, Decoded};
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
    let mut spans = Spans::new(payload, plan, first_row);
    let envelope = envelope::walk(payload, plan.max_items, &mut spans)?;
    Ok(Decoded {
        envelope,
        ..spans.finish()?
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

struct Spans<'a> {
    payload: &'a [u8],
    plan: &'a Plan,
    first_row: u64,
    /// As many spans as the request can hold.
    expected: usize,
    out: Decoded,
    span_ids: Vec<u64>,
    trace_ids: Vec<u8>,
    parent_ids: Vec<u64>,
    trace_state: Blobs,
    flags: Vec<u32>,
    name: Blobs,
    kind: Vec<i32>,
    start: Vec<u64>,
    end: Vec<u64>,
    status_code: Vec<i32>,
    status_message: Blobs,
    attributes: Maps,
    home_bits: Vec<u64>,
    dropped_attributes: Vec<u32>,
    dropped_events: Vec<u32>,
    dropped_links: Vec<u32>,
    events: Events,
    links: Links,
    payloads: Payloads,
    scope_name: Blobs,
    exception_type: Sparse,
    exception_message: Sparse,
    wanted: Vec<Sparse>,
    shape: Shape<'a>,
    scratch: Scratch,
    /// Messages of the span at hand.
    own_attributes: Vec<&'a [u8]>,
    own_events: Vec<&'a [u8]>,
    own_links: Vec<&'a [u8]>,
    inner: Vec<&'a [u8]>,
}

impl<'a> Spans<'a> {
    fn new(payload: &'a [u8], plan: &'a Plan, first_row: u64) -> Self {
        let expected = (payload.len() / 128).min(MAX_RESERVED);
        Self {
            payload,
            plan,
            first_row,
            expected,
            out: Decoded::default(),
            span_ids: Vec::with_capacity(expected),
            trace_ids: Vec::with_capacity(expected * 16),
            parent_ids: Vec::with_capacity(expected),
            trace_state: Blobs::with_capacity(expected, 0),
            flags: Vec::with_capacity(expected),
            name: Blobs::with_capacity(expected, expected * 16),
            kind: Vec::with_capacity(expected),
            start: Vec::with_capacity(expected),
            end: Vec::with_capacity(expected),
            status_code: Vec::with_capacity(expected),
            status_message: Blobs::with_capacity(expected, 0),
            attributes: Maps::with_capacity(expected, expected * 4),
            home_bits: Vec::with_capacity(expected),
            dropped_attributes: Vec::with_capacity(expected),
            dropped_events: Vec::with_capacity(expected),
            dropped_links: Vec::with_capacity(expected),
            events: Events {
                offsets: vec![0],
                ..Events::default()
            },
            links: Links {
                offsets: vec![0],
                ..Links::default()
            },
            payloads: Payloads::default(),
            scope_name: Blobs::with_capacity(expected, expected * 16),
            exception_type: Sparse::default(),
            exception_message: Sparse::default(),
            wanted: plan
                .attribute_columns
                .iter()
                .map(|_| Sparse::default())
                .collect(),
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
        let row = self.out.rows;
        self.out.rows += 1;
        self.trace_ids.extend_from_slice(span.trace_id);
        self.span_ids.push(big_endian(span.span_id));
        self.parent_ids.push(big_endian(span.parent_span_id));
        self.trace_state.push_filled(span.trace_state);
        self.flags.push(span.flags);
        self.name.push(span.name);
        self.kind.push(span.kind);
        self.start.push(span.start);
        self.end.push(span.end);
        self.status_code.push(span.status_code);
        self.status_message.push_filled(span.status_message);
        self.dropped_attributes.push(span.dropped_attributes);
        self.dropped_events.push(span.dropped_events);
        self.dropped_links.push(span.dropped_links);
        let mut is_exact = self.attributes(row, is_own)?;
        if !self.own_events.is_empty() {
            is_exact &= self.events(row)?;
        }
        self.events.offsets.push(self.events.time.len() as i32);
        if !self.own_links.is_empty() {
            is_exact &= self.links()?;
        }
        self.links.offsets.push(self.links.flags.len() as i32);
        let bits = self.home_bits.last().copied().unwrap_or(0);
        if span.end == 0 || bits & self.plan.live_bit != 0 {
            self.out.open_count += 1;
        }
        if !is_exact {
            let range = range(self.payload, message);
            self.out.inexact.push((row, range));
        }
        Ok(())
    }

    fn finish(mut self) -> Result<Decoded> {
        let rows = self.out.rows;
        if rows == 0 {
            return Ok(self.out);
        }
        let numbers = (self.first_row..self.first_row + rows as u64).collect();
        let trace_ids = FixedSizeBinaryArray::try_new(16, Buffer::from_vec(self.trace_ids), None);
        let [maps, types] = self.attributes.arrays()?;
        let mut columns: Vec<Column> = [
            u64s(numbers),
            Arc::new(trace_ids.map_err(|_| Odd("trace ids"))?),
            u64s(self.span_ids),
            u64s(self.parent_ids),
            self.trace_state.strings()?,
            u32s(self.flags),
            self.name.strings()?,
            Arc::new(Int32Array::from(self.kind)),
            u64s(self.start),
            u64s(self.end),
            Arc::new(Int32Array::from(self.status_code)),
            self.status_message.strings()?,
            maps,
            types,
            u64s(self.home_bits),
            u32s(self.dropped_attributes),
            self.events.array()?,
            u32s(self.dropped_events),
            self.links.array()?,
            u32s(self.dropped_links),
        ]
        .map(Column::Ready)
        .into();
        columns.extend([Column::Raw, Column::ResourceId, Column::ScopeId]);
        columns.push(Column::Ready(self.scope_name.strings()?));
        let nothing: ArrayRef = Arc::new(StringArray::new_null(rows));
        let sparse = [self.exception_type, self.exception_message]
            .into_iter()
            .chain(self.wanted);
        for column in sparse {
            let column = column.finish(rows)?.unwrap_or_else(|| Arc::clone(&nothing));
            columns.push(Column::Ready(column));
        }
        columns.extend((0..self.plan.resource_columns.len()).map(Column::ResourceText));
        self.out.columns = columns;
        self.out.payloads = self.payloads.batch()?;
        Ok(self.out)
    }
}

impl<'a> Items<'a> for Spans<'a> {
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
            self.scope_name.push(shown);
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
