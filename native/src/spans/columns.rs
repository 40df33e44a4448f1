//! The columns of spans while they are filled, by one request or by several.

use std::sync::Arc;

use arrow_array::{ArrayRef, FixedSizeBinaryArray, Int32Array, RecordBatch, StringArray};
use arrow_buffer::Buffer;

use super::parts::{Events, Links, Payloads};
use crate::columns::{Blobs, Maps, Sparse, u32s, u64s};
use crate::decoded::Column;
use crate::plan::Plan;
use crate::wire::{Odd, Result};

/// One value per span in each of them, but for those of events, links and payloads.
pub struct SpanColumns {
    pub(super) span_row: Vec<u64>,
    pub(super) span_ids: Vec<u64>,
    pub(super) trace_ids: Vec<u8>,
    pub(super) parent_ids: Vec<u64>,
    pub(super) trace_state: Blobs,
    pub(super) flags: Vec<u32>,
    pub(super) name: Blobs,
    pub(super) kind: Vec<i32>,
    pub(super) start: Vec<u64>,
    pub(super) end: Vec<u64>,
    pub(super) status_code: Vec<i32>,
    pub(super) status_message: Blobs,
    pub(super) attributes: Maps,
    pub(super) home_bits: Vec<u64>,
    pub(super) dropped_attributes: Vec<u32>,
    pub(super) dropped_events: Vec<u32>,
    pub(super) dropped_links: Vec<u32>,
    pub(super) events: Events,
    pub(super) links: Links,
    pub(super) payloads: Payloads,
    pub(super) scope_name: Blobs,
    pub(super) exception_type: Sparse,
    pub(super) exception_message: Sparse,
    pub(super) wanted: Vec<Sparse>,
}

/// How much there is at one moment.
#[derive(Clone, Copy)]
pub struct Mark {
    pub rows: usize,
    pub payloads: usize,
}

impl SpanColumns {
    /// With room for so many spans.
    pub fn new(plan: &Plan, expected: usize) -> Self {
        Self {
            span_row: Vec::with_capacity(expected),
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
        }
    }

    /// Spans so far.
    pub fn rows(&self) -> usize {
        self.span_row.len()
    }

    /// How much there is now.
    pub fn mark(&self) -> Mark {
        Mark {
            rows: self.rows(),
            payloads: self.payloads.row.len(),
        }
    }

    /// Whether all strings since a mark are UTF-8; those before are not looked at.
    pub fn check(&self, mark: Mark) -> Result<()> {
        let row = mark.rows;
        for column in [
            &self.trace_state,
            &self.name,
            &self.status_message,
            &self.scope_name,
        ] {
            column.check_text(row)?;
        }
        let sparse = [&self.exception_type, &self.exception_message];
        for column in sparse.into_iter().chain(&self.wanted) {
            column.check_text(row)?;
        }
        self.attributes.check_text(row)?;
        self.events.check_text(row)?;
        self.links.check_text(row)?;
        self.payloads.check_text(mark.payloads)
    }

    /// Forget what came since a mark, be it complete or not.
    pub fn cut(&mut self, mark: Mark) {
        let rows = mark.rows;
        for column in [
            &mut self.span_row,
            &mut self.span_ids,
            &mut self.parent_ids,
            &mut self.start,
            &mut self.end,
            &mut self.home_bits,
        ] {
            column.truncate(rows);
        }
        for column in [
            &mut self.flags,
            &mut self.dropped_attributes,
            &mut self.dropped_events,
            &mut self.dropped_links,
        ] {
            column.truncate(rows);
        }
        self.trace_ids.truncate(rows * 16);
        self.kind.truncate(rows);
        self.status_code.truncate(rows);
        for column in [
            &mut self.trace_state,
            &mut self.name,
            &mut self.status_message,
            &mut self.scope_name,
        ] {
            column.truncate(rows);
        }
        let sparse = [&mut self.exception_type, &mut self.exception_message];
        for column in sparse.into_iter().chain(&mut self.wanted) {
            column.truncate(rows);
        }
        self.attributes.truncate(rows);
        self.events.truncate(rows);
        self.links.truncate(rows);
        self.payloads.truncate(mark.payloads);
    }

    /// The columns in the order of their names, and the payloads.
    pub fn finish(self, plan: &Plan) -> Result<(Vec<Column>, Option<RecordBatch>)> {
        let rows = self.rows();
        if rows == 0 {
            return Ok((Vec::new(), None));
        }
        let trace_ids = FixedSizeBinaryArray::try_new(16, Buffer::from_vec(self.trace_ids), None);
        let [maps, types] = self.attributes.arrays()?;
        let mut columns: Vec<Column> = [
            u64s(self.span_row),
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
        columns.extend((0..plan.resource_columns.len()).map(Column::ResourceText));
        Ok((columns, self.payloads.batch()?))
    }
}
