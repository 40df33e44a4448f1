//! Log records: `decode/logs.py` in Rust.

use std::sync::Arc;

use arrow_array::{ArrayRef, FixedSizeBinaryArray, Int32Array, Int64Array, UInt64Array};
use arrow_buffer::{Buffer, NullBufferBuilder};

use crate::attributes::{Scratch, entry, push_row, set_once};
use crate::columns::{Blobs, MAX_RESERVED, Maps, u32s, u64s};
use crate::decoded::{Column, Decoded};
use crate::envelope::{self, Items, range};
use crate::value::{any_value, to_text};
use crate::wire::{
    BYTES, FIXED32, FIXED64, NOT_UTF8, Odd, Reader, Result, VARINT, big_endian, set_text,
};

/// Columns in the order of the reference.
pub const COLUMNS: [&str; 18] = [
    "time_unix_nano",
    "observed_time_unix_nano",
    "severity_number",
    "severity_text",
    "event_name",
    "body",
    "body_type",
    "attributes",
    "attribute_types",
    "dropped_attributes_count",
    "flags",
    "trace_id",
    "span_id",
    "raw",
    "resource_id",
    "scope_id",
    "execution_id",
    "sequence",
];

/// W3C trace flag: the span of the record will be sent.
const SAMPLED: u32 = 1;

/// The records in the bytes of an ExportLogsServiceRequest.
pub fn decode(payload: &[u8], max_items: usize) -> Result<Decoded> {
    let mut logs = Logs {
        payload,
        trace_nulls: NullBufferBuilder::new((payload.len() / 128).min(MAX_RESERVED)),
        out: Decoded::default(),
        time: Vec::new(),
        observed: Vec::new(),
        severity: Vec::new(),
        severity_text: Blobs::default(),
        event_name: Blobs::default(),
        body: Blobs::default(),
        body_type: Blobs::default(),
        attributes: Maps::default(),
        dropped: Vec::new(),
        flags: Vec::new(),
        trace_ids: Vec::new(),
        span_ids: Vec::new(),
        execution_id: Blobs::default(),
        sequence: Vec::new(),
        scratch: Scratch::default(),
        own_attributes: Vec::new(),
        last_event: b"",
    };
    let envelope = envelope::walk(payload, max_items, &mut logs)?;
    Ok(Decoded {
        envelope,
        ..logs.finish()?
    })
}

struct Logs<'a> {
    payload: &'a [u8],
    out: Decoded,
    time: Vec<u64>,
    observed: Vec<u64>,
    severity: Vec<i32>,
    severity_text: Blobs,
    event_name: Blobs,
    body: Blobs,
    body_type: Blobs,
    attributes: Maps,
    dropped: Vec<u32>,
    flags: Vec<u32>,
    trace_ids: Vec<u8>,
    trace_nulls: NullBufferBuilder,
    span_ids: Vec<Option<u64>>,
    execution_id: Blobs,
    sequence: Vec<Option<i64>>,
    scratch: Scratch,
    own_attributes: Vec<&'a [u8]>,
    /// Event that was noted last; most requests repeat few.
    last_event: &'a [u8],
}

impl<'a> Items<'a> for Logs<'a> {
    const KEEPS_EMPTY: bool = false;

    fn weight(_: &'a [u8]) -> Result<usize> {
        Ok(1)
    }

    fn rows(&self) -> usize {
        self.out.rows
    }

    fn take(&mut self, _: &'a [u8], items: &[&'a [u8]]) -> Result<()> {
        items.iter().try_for_each(|item| self.record(item))
    }
}

impl<'a> Logs<'a> {
    fn record(&mut self, message: &'a [u8]) -> Result<()> {
        self.own_attributes.clear();
        let (mut time, mut observed, mut severity, mut dropped, mut flags) = (0, 0, 0, 0, 0);
        let (mut severity_text, mut event_name, mut body) = (&b""[..], &b""[..], None);
        let (mut trace_id, mut span_id) = (&b""[..], &b""[..]);
        let mut reader = Reader::new(message);
        while let Some(tag) = reader.tag()? {
            match (tag.number, tag.wire) {
                (1, FIXED64) => time = reader.fixed64()?,
                (2, VARINT) => severity = reader.varint()? as i32,
                (3, BYTES) => set_text(&mut severity_text, reader.bytes()?)?,
                (5, BYTES) => set_once(&mut body, reader.bytes()?)?,
                (6, BYTES) => self.own_attributes.push(reader.bytes()?),
                (7, VARINT) => dropped = reader.varint()? as u32,
                (8, FIXED32) => flags = reader.fixed32()?,
                (9, BYTES) => trace_id = reader.bytes()?,
                (10, BYTES) => span_id = reader.bytes()?,
                (11, FIXED64) => observed = reader.fixed64()?,
                (12, BYTES) => set_text(&mut event_name, reader.bytes()?)?,
                (1..=3 | 5..=12, _) => return Err(Odd("field of another type")),
                _ => reader.skip(tag)?,
            }
        }
        let is_exact = self.attributes()?;
        self.body(body)?;
        let has_trace = trace_id.len() == 16 && trace_id != [0; 16];
        let has_span = span_id.len() == 8 && span_id != [0; 8];
        self.trace_ids
            .extend_from_slice(if has_trace { trace_id } else { &[0; 16] });
        self.trace_nulls.append(has_trace);
        self.span_ids.push(has_span.then(|| big_endian(span_id)));
        if !is_exact || trace_id.is_empty() == has_trace || span_id.is_empty() == has_span {
            self.out
                .inexact
                .push((self.out.rows, range(self.payload, message)));
        }
        if !event_name.is_empty()
            && flags & SAMPLED != 0
            && trace_id.len() == 16
            && span_id.len() == 8
            && event_name != self.last_event
        {
            let name = std::str::from_utf8(event_name).map_err(|_| NOT_UTF8)?;
            self.out.event_names.push(name.to_owned());
            self.last_event = event_name;
        }
        self.time.push(time);
        self.observed.push(observed);
        self.severity.push(severity);
        self.severity_text.push_filled(severity_text);
        self.event_name.push_filled(event_name);
        self.dropped.push(dropped);
        self.flags.push(flags);
        self.out.rows += 1;
        Ok(())
    }

    fn attributes(&mut self) -> Result<bool> {
        let first = self.attributes.keys.len();
        let is_exact = push_row(
            &self.own_attributes,
            &mut self.attributes,
            &mut self.scratch,
        )?;
        let text = |key: &[u8]| {
            let place = entry(&self.attributes, first, key)?;
            Some((
                self.attributes.values.get(place),
                self.scratch.codes[place - first],
            ))
        };
        if text(b"partial.event").is_some_and(|(text, _)| text == b"heartbeat") {
            return Err(Odd("record that tells of a span"));
        }
        let execution_id = text(b"workflow.execution.id").map_or(&b""[..], |(text, _)| text);
        let sequence = text(b"stepscope.log.sequence")
            .filter(|(_, code)| *code == b'i')
            .and_then(|(text, _)| std::str::from_utf8(text).ok()?.parse().ok());
        self.execution_id.push_filled(execution_id);
        self.sequence.push(sequence);
        Ok(is_exact)
    }

    fn body(&mut self, message: Option<&'a [u8]>) -> Result<()> {
        let Some(message) = message else {
            self.body.push_null();
            self.body_type.push_null();
            return Ok(());
        };
        let (text, code) = to_text(any_value(message)?, &mut self.scratch.text)?;
        self.body.push_option(text);
        match code {
            b's' | b'n' => self.body_type.push_null(),
            _ => self.body_type.push(&[code]),
        }
        Ok(())
    }

    fn finish(mut self) -> Result<Decoded> {
        if self.out.rows == 0 {
            return Ok(self.out);
        }
        let nulls = self.trace_nulls.finish();
        let trace_ids = FixedSizeBinaryArray::try_new(16, Buffer::from_vec(self.trace_ids), nulls);
        let [maps, types] = self.attributes.arrays()?;
        let before: [ArrayRef; 13] = [
            u64s(self.time),
            u64s(self.observed),
            Arc::new(Int32Array::from(self.severity)),
            self.severity_text.strings()?,
            self.event_name.strings()?,
            self.body.strings()?,
            self.body_type.strings()?,
            maps,
            types,
            u32s(self.dropped),
            u32s(self.flags),
            Arc::new(trace_ids.map_err(|_| Odd("trace ids"))?),
            Arc::new(UInt64Array::from(self.span_ids)),
        ];
        let mut columns: Vec<Column> = before.map(Column::Ready).into();
        columns.extend([Column::Raw, Column::ResourceId, Column::ScopeId]);
        columns.push(Column::Ready(self.execution_id.strings()?));
        columns.push(Column::Ready(Arc::new(Int64Array::from(self.sequence))));
        self.out.columns = columns;
        Ok(self.out)
    }
}
