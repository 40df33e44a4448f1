//! What a request becomes before Python has said what its resources and scopes are.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;

use arrow_array::{Array, ArrayRef, RecordBatch, StringArray};
use arrow_schema::{Field, Schema};

use crate::columns::{Blobs, u64s};
use crate::envelope::{Envelope, Shared};
use crate::plan::Plan;
use crate::text::{SHARED_CHARS, prefix};
use crate::wire::{Odd, Result};

/// A column, or what it will be made of.
pub enum Column {
    Ready(ArrayRef),
    /// Messages kept whole.
    Raw,
    Exemplars,
    ResourceId,
    ScopeId,
    /// The wanted attribute of this number of the resource.
    ResourceText(usize),
}

#[derive(Default)]
pub struct Decoded {
    pub rows: usize,
    /// Signs of life, and spans without an end.
    pub open_count: usize,
    pub envelope: Envelope,
    /// Items that are refused, in their order.
    pub refused: Vec<Range<usize>>,
    /// Rows whose columns do not hold all of their item.
    pub inexact: Vec<(usize, Range<usize>)>,
    /// Rows with exemplars, as a NumberDataPoint that has nothing else.
    pub exemplars: Vec<(usize, Vec<u8>)>,
    /// Metrics of no type that is known.
    pub without_data: usize,
    /// Names of events that may say that a span has started.
    pub event_names: Vec<String>,
    pub columns: Vec<Column>,
    pub payloads: Option<RecordBatch>,
}

/// What Python says of a request.
pub struct Answers {
    pub resource_ids: Vec<u64>,
    pub resource_texts: Vec<Vec<Option<String>>>,
    pub scope_ids: Vec<u64>,
    pub raws: Vec<(usize, Vec<u8>)>,
    pub exemplars: Vec<(usize, Vec<u8>)>,
}

impl Decoded {
    /// Whether there is an answer for each question.
    pub fn fits(&self, answers: &Answers, wanted: usize) -> bool {
        answers.resource_ids.len() == self.envelope.resources.len()
            && answers.resource_texts.len() == self.envelope.resources.len()
            && answers
                .resource_texts
                .iter()
                .all(|texts| texts.len() == wanted)
            && answers.scope_ids.len() == self.envelope.scopes.len()
    }

    /// All columns.
    pub fn complete(&self, answers: Answers) -> Result<Vec<ArrayRef>> {
        let Answers {
            resource_ids,
            resource_texts,
            scope_ids,
            mut raws,
            mut exemplars,
        } = answers;
        let Envelope { resources, scopes } = &self.envelope;
        self.columns
            .iter()
            .map(|column| match column {
                Column::Ready(column) => Ok(Arc::clone(column)),
                Column::Raw => by_row(&mut raws, self.rows),
                Column::Exemplars => by_row(&mut exemplars, self.rows),
                Column::ResourceId => Ok(spread(&resource_ids, resources, self.rows)),
                Column::ScopeId => Ok(spread(&scope_ids, scopes, self.rows)),
                Column::ResourceText(place) => {
                    let texts = resource_texts.iter().map(|texts| texts[*place].as_deref());
                    spread_texts(texts.collect(), resources, self.rows)
                }
            })
            .collect()
    }
}

fn by_row(values: &mut [(usize, Vec<u8>)], rows: usize) -> Result<ArrayRef> {
    values.sort_by_key(|(row, _)| *row);
    let mut column = Blobs::with_capacity(rows, 0);
    for (row, value) in values {
        if *row >= column.len() && *row < rows {
            column.push_nulls(*row - column.len());
            column.push(value);
        }
    }
    column.push_nulls(rows - column.len());
    column.binaries()
}

fn spread(ids: &[u64], shared: &[Shared], rows: usize) -> ArrayRef {
    let mut column = Vec::with_capacity(rows);
    for (id, each) in ids.iter().zip(shared) {
        column.resize(column.len() + each.rows, *id);
    }
    u64s(column)
}

fn spread_texts(texts: Vec<Option<&str>>, shared: &[Shared], rows: usize) -> Result<ArrayRef> {
    if texts.iter().all(Option::is_none) {
        return Ok(Arc::new(StringArray::new_null(rows)));
    }
    let mut column = Blobs::with_capacity(rows, rows * 8);
    for (text, each) in texts.iter().zip(shared) {
        let text = text.map(str::as_bytes).filter(|text| !text.is_empty());
        let shown = text.map(|text| &text[..prefix(text, SHARED_CHARS)]);
        for _ in 0..each.rows {
            column.push_option(shown);
        }
    }
    column.strings()
}

/// The rows: columns of these names, and those of the plan that some row has.
pub fn record_batch(
    decoded: &Decoded,
    answers: Answers,
    plan: &Plan,
    names: &[&str],
) -> Result<RecordBatch> {
    let columns = decoded.complete(answers)?;
    let planned = [&plan.attribute_columns, &plan.resource_columns];
    let planned = planned.into_iter().flatten().map(String::as_str);
    // each column of an attribute that nobody has would cost every statement of the commit
    let (fields, columns): (Vec<Field>, Vec<ArrayRef>) = names
        .iter()
        .copied()
        .chain(planned)
        .zip(columns)
        .enumerate()
        .filter(|(place, (_, column))| *place < names.len() || column.null_count() < decoded.rows)
        .map(|(_, (name, column))| (field_of(name, &column), column))
        .unzip();
    RecordBatch::try_new(Arc::new(Schema::new(fields)), columns).map_err(|_| Odd("columns"))
}

fn field_of(name: &str, column: &ArrayRef) -> Field {
    let field = Field::new(name, column.data_type().clone(), true);
    if name == "trace_id" {
        as_uuid(field)
    } else {
        field
    }
}

/// Marks 16 fixed bytes as what DuckDB reads as UUID.
fn as_uuid(field: Field) -> Field {
    let marks = [
        ("ARROW:extension:name", "arrow.uuid"),
        ("ARROW:extension:metadata", ""),
    ]
    .map(|(key, value)| (key.to_owned(), value.to_owned()));
    field.with_metadata(HashMap::from(marks))
}
