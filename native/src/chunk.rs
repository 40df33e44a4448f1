//! Columns that the spans of several requests share, so that a small request makes none of its own.
//!
//! A request's rows are appended, checked, and from then on its own: a range of the chunk. The first who
//! reads any of them closes the chunk, and the next request begins another one.

use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, TryLockError, Weak};

use arrow_array::RecordBatch;
use pyo3::prelude::*;

use crate::decoded::{Answers, Decoded, record_batch};
use crate::envelope::{Envelope, Shared};
use crate::known::{Answer, Known, Recent};
use crate::plan::Plan;
use crate::spans::{self, COLUMNS, SpanColumns, expected_in};
use crate::wire::{Odd, Result};

/// Requests share a chunk up to so many bytes: a request that waits holds all of it in memory.
const MAX_BYTES: usize = 16 << 20;

/// Rows that a chunk has room for from the start, at most: two commits at full load.
const MAX_ROWS: usize = 1 << 16;

/// The chunk that the next request is appended to. It belongs to the rows in it: when they are gone, so is it.
#[pyclass(frozen, module = "stepscope_native")]
#[derive(Default)]
pub struct Gathering {
    open: Mutex<Weak<Chunk>>,
    /// Rows of the chunk that was appended to last: the next one has room for as many, and need not grow again and again.
    rows: AtomicUsize,
}

#[pymethods]
impl Gathering {
    #[new]
    fn new() -> Self {
        Self::default()
    }

    /// Bytes of the requests that share the open chunk.
    #[getter]
    fn bytes(&self, py: Python<'_>) -> usize {
        let chunk = lock(&self.open).upgrade();
        py.detach(|| match chunk.as_deref().map(|chunk| lock(&chunk.state)) {
            Some(state) => match &*state {
                State::Open(open) => open.bytes,
                State::Closed(_) => 0,
            },
            None => 0,
        })
    }
}

pub struct Chunk {
    plan: Arc<Plan>,
    state: Mutex<State>,
}

enum State {
    Open(Box<Open>),
    Closed(Result<Tables>),
}

/// Rows of spans, and of payloads.
pub type Tables = (RecordBatch, Option<RecordBatch>);

struct Open {
    columns: SpanColumns,
    bytes: usize,
    resources: Vec<Run>,
    scopes: Vec<Run>,
}

/// Rows one after the other that have a resource, or scope, in common.
struct Run {
    rows: usize,
    answer: Arc<Answer>,
}

/// Where the rows of a request are.
pub struct Place {
    pub chunk: Arc<Chunk>,
    pub rows: Range<usize>,
    pub payloads: Range<usize>,
    pub open_count: usize,
    /// Those of the request, in their order.
    pub resources: Vec<Arc<Known>>,
    pub scopes: Vec<Arc<Known>>,
}

impl Gathering {
    /// Append a request; None: it has to be decoded alone, for whatever reason.
    pub fn append(
        &self,
        payload: &[u8],
        plan: &Arc<Plan>,
        first_row: u64,
        known: (&Recent, &Recent),
    ) -> Option<Place> {
        if payload.len() > MAX_BYTES {
            return None;
        }
        let last = std::mem::take(&mut *lock(&self.open)).upgrade();
        let chunk = last
            .filter(|chunk| Arc::ptr_eq(&chunk.plan, plan) && chunk.has_room(payload.len()))
            .unwrap_or_else(|| {
                let expected = self.rows.load(Relaxed).min(MAX_ROWS);
                Arc::new(Chunk::new(plan, expected.max(expected_in(payload.len()))))
            });
        let place = chunk.append(payload, first_row, known);
        *lock(&self.open) = Arc::downgrade(&chunk);
        let (decoded, rows, payloads, resources, scopes) = place?;
        self.rows.store(rows.end, Relaxed);
        Some(Place {
            chunk,
            rows,
            payloads,
            open_count: decoded.open_count,
            resources,
            scopes,
        })
    }
}

type Appended = (
    Decoded,
    Range<usize>,
    Range<usize>,
    Vec<Arc<Known>>,
    Vec<Arc<Known>>,
);

impl Chunk {
    fn new(plan: &Arc<Plan>, expected: usize) -> Self {
        let open = Open {
            columns: SpanColumns::new(plan, expected),
            bytes: 0,
            resources: Vec::new(),
            scopes: Vec::new(),
        };
        Self {
            plan: Arc::clone(plan),
            state: Mutex::new(State::Open(Box::new(open))),
        }
    }

    /// Whether it takes so many bytes more; not while somebody else is at it.
    fn has_room(&self, bytes: usize) -> bool {
        let state = match self.state.try_lock() {
            Ok(state) => state,
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
            Err(TryLockError::WouldBlock) => return false,
        };
        matches!(&*state, State::Open(open) if open.bytes + bytes <= MAX_BYTES)
    }

    fn append(
        &self,
        payload: &[u8],
        first_row: u64,
        (resources, scopes): (&Recent, &Recent),
    ) -> Option<Appended> {
        let mut state = lock(&self.state);
        let State::Open(open) = &mut *state else {
            return None;
        };
        let mark = open.columns.mark();
        // a panic would be a bug of the kernel; the rows before must not suffer from it
        let caught = catch_unwind(AssertUnwindSafe(|| {
            let decoded = spans::append(payload, &self.plan, first_row, &mut open.columns).ok()?;
            let of = |shared: &[Shared], recent: &Recent| {
                recent.find(shared.iter().map(|each| {
                    let message = payload.get(each.bytes.clone()).unwrap_or_default();
                    (message, each.schema_url.as_str())
                }))
            };
            if !decoded.refused.is_empty() || !decoded.inexact.is_empty() {
                return None;
            }
            let resources = of(&decoded.envelope.resources, resources)?;
            let scopes = of(&decoded.envelope.scopes, scopes)?;
            open.columns.check(mark).ok()?;
            Some((decoded, resources, scopes))
        }));
        let Ok(Some((decoded, resources, scopes))) = caught else {
            open.columns.cut(mark);
            return None;
        };
        open.bytes += payload.len();
        add_runs(&mut open.resources, &decoded.envelope.resources, &resources);
        add_runs(&mut open.scopes, &decoded.envelope.scopes, &scopes);
        let now = open.columns.mark();
        let (rows, payloads) = (mark.rows..now.rows, mark.payloads..now.payloads);
        Some((decoded, rows, payloads, resources, scopes))
    }

    /// All rows; from now on none is added.
    pub fn closed(&self) -> Result<Tables> {
        let mut state = lock(&self.state);
        if let State::Open(_) = &*state {
            let before = std::mem::replace(&mut *state, State::Closed(Err(Odd("closed twice"))));
            if let State::Open(open) = before {
                *state = State::Closed(open.close(&self.plan));
            }
        }
        match &*state {
            State::Closed(tables) => tables.clone(),
            State::Open(_) => Err(Odd("still open")),
        }
    }
}

impl Open {
    fn close(self, plan: &Plan) -> Result<Tables> {
        let rows = self.columns.rows();
        let (columns, payloads) = self.columns.finish(plan)?;
        let resource_ids = self.resources.iter().map(|run| run.answer.id).collect();
        let scope_ids = self.scopes.iter().map(|run| run.answer.id).collect();
        let texts = self.resources.iter().map(|run| run.answer.texts.clone());
        let answers = Answers {
            resource_ids,
            resource_texts: texts.collect(),
            scope_ids,
            raws: Vec::new(),
            exemplars: Vec::new(),
        };
        let decoded = Decoded {
            rows,
            columns,
            envelope: Envelope {
                resources: shared(&self.resources),
                scopes: shared(&self.scopes),
            },
            ..Decoded::default()
        };
        let table = record_batch(&decoded, answers, plan, &COLUMNS)?;
        Ok((table, payloads))
    }
}

fn add_runs(runs: &mut Vec<Run>, shared: &[Shared], known: &[Arc<Known>]) {
    for (each, known) in shared.iter().zip(known).filter(|(each, _)| each.rows > 0) {
        match runs.last_mut() {
            Some(run) if *run.answer == *known.answer => run.rows += each.rows,
            _ => runs.push(Run {
                rows: each.rows,
                answer: Arc::clone(&known.answer),
            }),
        }
    }
}

fn shared(runs: &[Run]) -> Vec<Shared> {
    runs.iter()
        .map(|run| Shared {
            bytes: 0..0,
            schema_url: String::new(),
            rows: run.rows,
        })
        .collect()
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
