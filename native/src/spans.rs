//! Spans: `decode/spans.py` in Rust. One walk over the bytes appends to flat columns.

use std::sync::Arc;

use arrow_array::{
    Array, ArrayRef, BooleanArray, FixedSizeBinaryArray, Int32Array, RecordBatch, StringArray,
};
use arrow_buffer::Buffer;
use arrow_schema::{Field, Schema};

use crate::attributes::{Scratch, check_attributes, find, push_row};
use crate::columns::{Blobs, MAX_RESERVED, Maps, Sparse, filled, lists, u32s, u64s};
use crate::decoded::{Column, Decoded};
use crate::envelope::{self, Items, range};
use crate::plan::{Home, Plan};
use crate::value::{key_value, to_text};
use crate::wire::{BYTES, FIXED32, FIXED64, Odd, Reader, Result, VARINT, set_text};

/// Strings of more characters go to the payloads (`WHOLE_VALUE_BYTES` of the reference).
const WHOLE_VALUE_CHARS: usize = 8192;
/// Characters of such a string that stay in the map.
const PREVIEW_CHARS: usize = 256;
/// Characters of a scope's name that stand in every row.
pub const SHARED_CHARS: usize = 256;
/// Of 2**64.
const MAX_DIGITS: usize = 20;
/// Payloads times attributes of a span up to which sizes before cutting are looked for one by one.
const MAX_LOOKED_AT: usize = 1 << 16;

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

/// Keys that the last span had, place by place: spans of one program come in few shapes, and comparing
/// is cheaper than looking up.
#[derive(Default)]
struct Shape<'a> {
    keys: Vec<(&'a [u8], Option<usize>)>,
    /// So many keys from the start are known to be different from each other.
    distinct: usize,
}

#[derive(Default)]
struct Payloads {
    row: Vec<u64>,
    kind: Blobs,
    key: Blobs,
    media_type: Blobs,
    body: Blobs,
    size_bytes: Vec<u64>,
    sha256: Vec<Option<Vec<u8>>>,
    is_truncated: Vec<bool>,
}

#[derive(Default)]
struct Events {
    time: Vec<u64>,
    name: Blobs,
    attributes: Maps,
    dropped: Vec<u32>,
    offsets: Vec<i32>,
}

#[derive(Default)]
struct Links {
    trace_id: Blobs,
    span_id: Blobs,
    trace_state: Blobs,
    attributes: Maps,
    dropped: Vec<u32>,
    flags: Vec<u32>,
    offsets: Vec<i32>,
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

    /// The attributes of a span to their columns; false when those do not hold all of them.
    fn attributes(&mut self, row: usize, is_own: bool) -> Result<bool> {
        let plan = self.plan;
        let first = self.attributes.keys.len();
        let mut text_scratch = std::mem::take(&mut self.scratch.text);
        let mut codes = std::mem::take(&mut self.scratch.codes);
        codes.clear();
        let (mut bits, mut misfits) = (0u64, 0u64);
        let mut is_exact = true;
        let mut is_same_shape = self.own_attributes.len() <= self.shape.distinct;
        for place in 0..self.own_attributes.len() {
            let (key, value) = key_value(self.own_attributes[place])?;
            let (text, code) = to_text(value, &mut text_scratch)?;
            let found = match self.shape.keys.get(place) {
                Some(&(known, found)) if known == key => found,
                _ => {
                    is_same_shape = false;
                    self.learn(place, key)
                }
            };
            if let Some(slot) = found.map(|found| &plan.slots[found]) {
                match &slot.home {
                    Some(home) if is_own => {
                        if let Some(text) = text.filter(|text| fits(home, text, code)) {
                            is_exact &= bits & home.rivals == 0;
                            bits |= home.bit;
                            match &home.payload {
                                None => {
                                    self.wanted[slot.column].put(row, self.expected, Some(text))?;
                                }
                                Some(kind) => {
                                    self.payload(
                                        row,
                                        kind.as_bytes(),
                                        key,
                                        b"application/json",
                                        text,
                                    );
                                }
                            }
                            continue;
                        }
                        misfits |= home.bit;
                    }
                    _ if slot.is_planned => {
                        self.wanted[slot.column].put(row, self.expected, text)?;
                    }
                    _ => {}
                }
            }
            self.attributes.keys.push(key);
            match text {
                Some(text) if code == b's' && is_fat(text) => {
                    self.payload(row, b"attribute", key, b"text/plain", text);
                    self.attributes
                        .values
                        .push(&text[..prefix(text, PREVIEW_CHARS)]);
                    codes.push(b'p');
                }
                _ => {
                    self.attributes.values.push_option(text);
                    codes.push(code);
                }
            }
        }
        if bits & plan.cuttable_bits != 0 {
            self.note_cuts(row, first)?;
        }
        if !is_same_shape {
            self.shape.distinct = 0;
            if self.attributes.last_wins(first, &mut codes)? {
                is_exact = false;
            } else {
                self.learn_distinct();
            }
        }
        self.attributes.end_row(&codes);
        self.home_bits.push(bits);
        self.scratch.text = text_scratch;
        self.scratch.codes = codes;
        Ok(is_exact && bits & misfits == 0)
    }

    #[cold]
    fn learn(&mut self, place: usize, key: &'a [u8]) -> Option<usize> {
        let found = self.plan.find(key);
        match self.shape.keys.get_mut(place) {
            Some(known) => *known = (key, found),
            None => self.shape.keys.push((key, found)),
        }
        found
    }

    /// Note the shape of a span whose keys are all different, those with a home included.
    #[cold]
    fn learn_distinct(&mut self) {
        let count = self.own_attributes.len();
        let keys = &self.shape.keys[..count.min(self.shape.keys.len())];
        let mut all: Vec<&[u8]> = keys.iter().map(|(key, _)| *key).collect();
        all.sort_unstable();
        if all.windows(2).all(|pair| pair[0] != pair[1]) {
            self.shape.distinct = count;
        }
    }

    fn payload(&mut self, row: usize, kind: &[u8], key: &[u8], media_type: &[u8], body: &[u8]) {
        let payloads = &mut self.payloads;
        payloads.row.push(self.first_row + row as u64);
        payloads.kind.push(kind);
        payloads.key.push(key);
        payloads.media_type.push(media_type);
        payloads.body.push(body);
        payloads.size_bytes.push(body.len() as u64);
        payloads.sha256.push(None);
        payloads.is_truncated.push(false);
    }

    /// Give the payloads of this row the size and hash their sender had before it cut them.
    fn note_cuts(&mut self, row: usize, first: usize) -> Result<()> {
        let row = self.first_row + row as u64;
        let of_row = self
            .payloads
            .row
            .iter()
            .rev()
            .take_while(|&&other| other == row)
            .count();
        if of_row * (self.attributes.keys.len() - first) > MAX_LOOKED_AT {
            return Err(Odd("very many payloads in one span"));
        }
        self.attributes.keys.check_size()?;
        self.attributes.values.check_size()?;
        self.payloads.key.check_size()?;
        let last = self.payloads.row.len();
        for index in last - of_row..last {
            let key = self.payloads.key.get(index);
            let Some(size) = self.said(first, key, b".size") else {
                continue;
            };
            if !size.is_ascii() {
                return Err(Odd("size in digits that are not ASCII"));
            }
            if size.is_empty() || size.len() > MAX_DIGITS || !size.iter().all(u8::is_ascii_digit) {
                continue;
            }
            let bytes = size.iter().fold(0u64, |sum, digit| {
                sum.saturating_mul(10)
                    .saturating_add(u64::from(digit - b'0'))
            });
            let sha256 = self.said(first, key, b".sha256").map(<[u8]>::to_vec);
            self.payloads.size_bytes[index] = bytes;
            self.payloads.sha256[index] = sha256;
            self.payloads.is_truncated[index] = true;
        }
        Ok(())
    }

    /// The last value in the map at hand of the key that begins and ends so; None for null.
    fn said(&self, first: usize, start: &[u8], end: &[u8]) -> Option<&[u8]> {
        let Maps { keys, values, .. } = &self.attributes;
        (first..keys.len())
            .rev()
            .find(|&entry| keys.get(entry).strip_prefix(start) == Some(end))
            .filter(|&entry| !values.is_null(entry))
            .map(|entry| values.get(entry))
    }

    fn events(&mut self, row: usize) -> Result<bool> {
        let mut is_exact = true;
        for place in 0..self.own_events.len() {
            let (mut time, mut name, mut dropped) = (0, &b""[..], 0);
            self.inner.clear();
            let mut reader = Reader::new(self.own_events[place]);
            while let Some(tag) = reader.tag()? {
                match (tag.number, tag.wire) {
                    (1, FIXED64) => time = reader.fixed64()?,
                    (2, BYTES) => set_text(&mut name, reader.bytes()?)?,
                    (3, BYTES) => self.inner.push(reader.bytes()?),
                    (4, VARINT) => dropped = reader.varint()? as u32,
                    (1..=4, _) => return Err(Odd("field of another type")),
                    _ => reader.skip(tag)?,
                }
            }
            let events = &mut self.events;
            let first = events.attributes.keys.len();
            is_exact &= push_row(&self.inner, &mut events.attributes, &mut self.scratch)?;
            events.time.push(time);
            events.name.push(name);
            events.dropped.push(dropped);
            if name == b"exception" {
                let kind = find(&events.attributes, first, b"exception.type");
                let message = find(&events.attributes, first, b"exception.message");
                self.exception_type.put(row, self.expected, kind)?;
                self.exception_message.put(row, self.expected, message)?;
            }
        }
        Ok(is_exact)
    }

    fn links(&mut self) -> Result<bool> {
        let mut is_exact = true;
        for place in 0..self.own_links.len() {
            let (mut trace_id, mut span_id, mut trace_state) = (&b""[..], &b""[..], &b""[..]);
            let (mut dropped, mut flags) = (0, 0);
            self.inner.clear();
            let mut reader = Reader::new(self.own_links[place]);
            while let Some(tag) = reader.tag()? {
                match (tag.number, tag.wire) {
                    (1, BYTES) => trace_id = reader.bytes()?,
                    (2, BYTES) => span_id = reader.bytes()?,
                    (3, BYTES) => set_text(&mut trace_state, reader.bytes()?)?,
                    (4, BYTES) => self.inner.push(reader.bytes()?),
                    (5, VARINT) => dropped = reader.varint()? as u32,
                    (6, FIXED32) => flags = reader.fixed32()?,
                    (1..=6, _) => return Err(Odd("field of another type")),
                    _ => reader.skip(tag)?,
                }
            }
            let links = &mut self.links;
            is_exact &= push_row(&self.inner, &mut links.attributes, &mut self.scratch)?;
            links.trace_id.push(trace_id);
            links.span_id.push(span_id);
            links.trace_state.push(trace_state);
            links.dropped.push(dropped);
            links.flags.push(flags);
        }
        Ok(is_exact)
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

impl Events {
    fn array(self) -> Result<ArrayRef> {
        let [maps, types] = self.attributes.arrays()?;
        let columns = vec![
            ("time_unix_nano", u64s(self.time)),
            ("name", self.name.strings()?),
            ("attributes", maps),
            ("attribute_types", types),
            ("dropped_attributes_count", u32s(self.dropped)),
        ];
        let nulls = filled(&self.offsets);
        lists(self.offsets, nulls, columns)
    }
}

impl Links {
    fn array(self) -> Result<ArrayRef> {
        let [maps, types] = self.attributes.arrays()?;
        let columns = vec![
            ("trace_id", self.trace_id.binaries()?),
            ("span_id", self.span_id.binaries()?),
            ("trace_state", self.trace_state.strings()?),
            ("attributes", maps),
            ("attribute_types", types),
            ("dropped_attributes_count", u32s(self.dropped)),
            ("flags", u32s(self.flags)),
        ];
        let nulls = filled(&self.offsets);
        lists(self.offsets, nulls, columns)
    }
}

impl Payloads {
    fn batch(self) -> Result<Option<RecordBatch>> {
        if self.row.is_empty() {
            return Ok(None);
        }
        let mut sha256 = Blobs::default();
        for text in self.sha256 {
            sha256.push_option(text.as_deref());
        }
        let columns: Vec<(&str, ArrayRef)> = vec![
            ("span_row", u64s(self.row)),
            ("kind", self.kind.strings()?),
            ("key", self.key.strings()?),
            ("media_type", self.media_type.strings()?),
            ("body", self.body.strings()?),
            ("size_bytes", u64s(self.size_bytes)),
            ("sha256", sha256.strings()?),
            (
                "is_truncated",
                Arc::new(BooleanArray::from(self.is_truncated)),
            ),
        ];
        let fields: Vec<Field> = columns
            .iter()
            .map(|(name, column)| Field::new(*name, column.data_type().clone(), true))
            .collect();
        let columns = columns.into_iter().map(|(_, column)| column).collect();
        let batch = RecordBatch::try_new(Arc::new(Schema::new(fields)), columns);
        batch.map(Some).map_err(|_| Odd("payloads"))
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

/// Eight bytes as a number, most significant first; 0 for none.
pub fn big_endian(id: &[u8]) -> u64 {
    id.try_into().map_or(0, u64::from_be_bytes)
}

/// Whether a value may live in its key's own column.
#[inline]
fn fits(home: &Home, text: &[u8], code: u8) -> bool {
    home.code == code && !text.is_empty() && (code != b'i' || fits_int32(text))
}

fn fits_int32(digits: &[u8]) -> bool {
    // the digits are ours: those of an i64
    digits.len() < 10 || std::str::from_utf8(digits).is_ok_and(|text| text.parse::<i32>().is_ok())
}

#[inline]
fn is_fat(text: &[u8]) -> bool {
    text.len() > WHOLE_VALUE_CHARS && characters(text) > WHOLE_VALUE_CHARS
}

/// Characters in UTF-8 text: bytes that continue none.
fn characters(text: &[u8]) -> usize {
    text.iter().filter(|&&byte| byte & 0xc0 != 0x80).count()
}

/// How many bytes the first characters of UTF-8 text take.
pub fn prefix(text: &[u8], characters: usize) -> usize {
    if text.len() <= characters {
        return text.len();
    }
    let mut starts = text
        .iter()
        .enumerate()
        .filter(|(_, byte)| **byte & 0xc0 != 0x80);
    starts.nth(characters).map_or(text.len(), |(at, _)| at)
}
