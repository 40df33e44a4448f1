//! What hangs on a span: its events, its links, and values that stand apart.

use std::sync::Arc;

use arrow_array::{Array, ArrayRef, BooleanArray, RecordBatch};
use arrow_schema::{Field, Schema};

use super::Spans;
use crate::attributes::{find, push_row};
use crate::columns::{Blobs, Maps, filled, lists, u32s, u64s};
use crate::wire::{BYTES, FIXED32, FIXED64, Odd, Reader, Result, VARINT, check_utf8, set_text};

#[derive(Default)]
pub(super) struct Payloads {
    pub(super) row: Vec<u64>,
    pub(super) kind: Blobs,
    pub(super) key: Blobs,
    pub(super) media_type: Blobs,
    pub(super) body: Blobs,
    pub(super) size_bytes: Vec<u64>,
    pub(super) sha256: Vec<Option<Vec<u8>>>,
    pub(super) is_truncated: Vec<bool>,
}

#[derive(Default)]
pub(super) struct Events {
    pub(super) time: Vec<u64>,
    pub(super) name: Blobs,
    pub(super) attributes: Maps,
    pub(super) dropped: Vec<u32>,
    pub(super) offsets: Vec<i32>,
}

#[derive(Default)]
pub(super) struct Links {
    pub(super) trace_id: Blobs,
    pub(super) span_id: Blobs,
    pub(super) trace_state: Blobs,
    pub(super) attributes: Maps,
    pub(super) dropped: Vec<u32>,
    pub(super) flags: Vec<u32>,
    pub(super) offsets: Vec<i32>,
}

impl Events {
    /// Whether the texts of spans from a row on are UTF-8.
    pub(super) fn check_text(&self, row: usize) -> Result<()> {
        let event = self.offsets[row] as usize;
        self.name.check_text(event)?;
        self.attributes.check_text(event)
    }

    /// Drop those of spans from a row on.
    pub(super) fn truncate(&mut self, rows: usize) {
        let events = self.offsets[rows] as usize;
        self.offsets.truncate(rows + 1);
        self.time.truncate(events);
        self.name.truncate(events);
        self.dropped.truncate(events);
        self.attributes.truncate(events);
    }

    pub(super) fn array(self) -> Result<ArrayRef> {
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
    /// Whether the texts of spans from a row on are UTF-8.
    pub(super) fn check_text(&self, row: usize) -> Result<()> {
        let link = self.offsets[row] as usize;
        self.trace_state.check_text(link)?;
        self.attributes.check_text(link)
    }

    /// Drop those of spans from a row on.
    pub(super) fn truncate(&mut self, rows: usize) {
        let links = self.offsets[rows] as usize;
        self.offsets.truncate(rows + 1);
        self.trace_id.truncate(links);
        self.span_id.truncate(links);
        self.trace_state.truncate(links);
        self.dropped.truncate(links);
        self.flags.truncate(links);
        self.attributes.truncate(links);
    }

    pub(super) fn array(self) -> Result<ArrayRef> {
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
    /// Whether the texts from a place on are UTF-8.
    pub(super) fn check_text(&self, first: usize) -> Result<()> {
        for column in [&self.kind, &self.key, &self.media_type, &self.body] {
            column.check_text(first)?;
        }
        let hashes = self.sha256.get(first..).unwrap_or_default();
        hashes
            .iter()
            .flatten()
            .try_for_each(|each| check_utf8(each))
    }

    /// Drop those from a place on.
    pub(super) fn truncate(&mut self, first: usize) {
        self.row.truncate(first);
        for column in [
            &mut self.kind,
            &mut self.key,
            &mut self.media_type,
            &mut self.body,
        ] {
            column.truncate(first);
        }
        self.size_bytes.truncate(first);
        self.sha256.truncate(first);
        self.is_truncated.truncate(first);
    }

    pub(super) fn batch(self) -> Result<Option<RecordBatch>> {
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

impl Spans<'_, '_> {
    pub(super) fn events(&mut self, row: usize) -> Result<bool> {
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
            let events = &mut self.columns.events;
            let first = events.attributes.keys.len();
            is_exact &= push_row(&self.inner, &mut events.attributes, &mut self.scratch)?;
            events.time.push(time);
            events.name.push(name);
            events.dropped.push(dropped);
            if name == b"exception" {
                let kind = find(&events.attributes, first, b"exception.type");
                let message = find(&events.attributes, first, b"exception.message");
                self.columns.exception_type.put(row, self.expected, kind)?;
                self.columns
                    .exception_message
                    .put(row, self.expected, message)?;
            }
        }
        Ok(is_exact)
    }

    pub(super) fn links(&mut self) -> Result<bool> {
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
            let links = &mut self.columns.links;
            is_exact &= push_row(&self.inner, &mut links.attributes, &mut self.scratch)?;
            links.trace_id.push(trace_id);
            links.span_id.push(span_id);
            links.trace_state.push(trace_state);
            links.dropped.push(dropped);
            links.flags.push(flags);
        }
        Ok(is_exact)
    }
}
