//! One HTTP/2 connection of gRPC: bytes of a socket in, calls and their messages out, and the other way round.
//!
//! The protocol is that of the crate `h2`; nothing here waits, reads a socket or keeps a thread. Whoever has the
//! socket (`receive/http2` of the collector) gives to `receive` what came and sends what `output` gives.

mod call;
mod pipe;

use std::collections::BTreeMap;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use bytes::Bytes;
use h2::server::{Builder, Connection, Handshake, SendResponse};
use h2::{Ping, PingPong, RecvStream};
use http::header::{ALLOW, CONTENT_TYPE};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode};
use pyo3::exceptions::{PyRuntimeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::PyBytes;

use call::{Call, Next};
use pipe::Pipe;

/// What others see of a value of metadata.
#[derive(IntoPyObject)]
enum Text {
    Ascii(String),
    Other(Vec<u8>),
}

/// (kind, stream, path, metadata), (kind, stream, is compressed, message), (kind, stream, bytes)
#[derive(IntoPyObject)]
enum Event {
    Call((u8, u32, String, Vec<(String, Text)>)),
    Message((u8, u32, bool, Py<PyBytes>)),
    Sign((u8, u32, usize)),
}

/// Calls that were refused in the last second, and whose bodies may be on their way.
const MAX_RESETS: usize = 1024;

const CALL: u8 = 0;
const MESSAGE: u8 = 1;
const END: u8 = 2;
const TOO_LARGE: u8 = 3;
const RESET: u8 = 4;

enum State {
    Greeting(Box<Handshake<Pipe, Bytes>>),
    Open(Box<Connection<Pipe, Bytes>>, Option<PingPong>),
    Closed,
}

/// One connection of a client; for one thread at a time.
#[pyclass(module = "stepscope_native")]
pub struct Http2 {
    pipe: Pipe,
    state: State,
    calls: BTreeMap<u32, Call>,
}

#[pymethods]
impl Http2 {
    #[new]
    fn new(
        max_streams: u32,
        window_bytes: u32,
        frame_bytes: u32,
        head_bytes: u32,
    ) -> PyResult<Self> {
        // Streams are never kept from sending by those that nobody reads yet.
        let whole = window_bytes
            .checked_mul(max_streams)
            .filter(|&bytes| bytes < 1 << 31);
        if window_bytes == 0 || whole.is_none() || !(1 << 14..1 << 24).contains(&frame_bytes) {
            return Err(PyValueError::new_err("sizes that HTTP/2 does not know"));
        }
        let pipe = Pipe::default();
        let handshake = Builder::new()
            .initial_window_size(window_bytes)
            .initial_connection_window_size(whole.unwrap_or(window_bytes))
            .max_concurrent_streams(max_streams)
            .max_frame_size(frame_bytes)
            .max_header_list_size(head_bytes)
            .reset_stream_duration(Duration::from_secs(1))
            .max_concurrent_reset_streams(MAX_RESETS)
            .handshake(pipe.clone());
        let state = State::Greeting(Box::new(handshake));
        Ok(Self {
            pipe,
            state,
            calls: BTreeMap::new(),
        })
    }

    /// What bytes of the socket mean.
    fn receive(&mut self, py: Python<'_>, data: &[u8]) -> PyResult<Vec<Event>> {
        self.pipe.put(data);
        let mut events = Vec::new();
        self.drive(py, &mut events)?;
        Ok(events)
    }

    /// Ask for the next message of a call, of at most `limit` bytes; it is among the events if it is there already.
    fn want(&mut self, py: Python<'_>, stream: u32, limit: usize) -> PyResult<Vec<Event>> {
        let mut events = Vec::new();
        if let Some(call) = self.calls.get_mut(&stream) {
            call.want(limit);
            tell(py, stream, call, &mut events);
            if events.is_empty() {
                self.drive(py, &mut events)?;
            }
        }
        Ok(events)
    }

    /// Send a message of a call; false: the client takes no more for now, and nothing was sent.
    fn write(&mut self, stream: u32, message: &[u8]) -> bool {
        match self.calls.get_mut(&stream) {
            Some(call) => call.write(message, false).unwrap_or(true), // the client is gone, as is told elsewhere
            None => true,
        }
    }

    /// End a call, with a message before if there is one.
    fn end(
        &mut self,
        stream: u32,
        message: Option<&[u8]>,
        trailers: Vec<(String, String)>,
    ) -> PyResult<()> {
        let call = self.calls.remove(&stream); // ended whatever becomes of the trailers
        let mut map = HeaderMap::with_capacity(trailers.len() + 2);
        for (name, value) in trailers {
            map.insert(
                HeaderName::from_bytes(name.as_bytes()).map_err(not_a_header)?,
                HeaderValue::from_str(&value).map_err(not_a_header)?,
            );
        }
        if let Some(mut call) = call {
            // errors: the client is gone
            let written = message.map_or(Ok(true), |message| call.write(message, true));
            let _ = written.and_then(|_| call.end(map));
        }
        Ok(())
    }

    /// Ask the client whether it is there; its answer is among the bytes it sends.
    fn ping(&mut self) {
        if let State::Open(_, Some(pings)) = &mut self.state {
            let _ = pings.send_ping(Ping::opaque()); // one is under way already
        }
    }

    /// Take no new calls; the connection is closed after the last of those that are there.
    fn go_away(&mut self) {
        match &mut self.state {
            State::Open(connection, _) => connection.graceful_shutdown(),
            _ => self.state = State::Closed,
        }
    }

    /// What is to be sent; none: nothing.
    fn output<'py>(&mut self, py: Python<'py>) -> PyResult<(Bound<'py, PyBytes>, Vec<Event>)> {
        let mut events = Vec::new();
        self.drive(py, &mut events)?;
        Ok((PyBytes::new(py, &self.pipe.take()), events))
    }

    /// Whether the client has not said yet that it speaks HTTP/2.
    #[getter]
    fn is_greeting(&self) -> bool {
        matches!(self.state, State::Greeting(_))
    }

    /// Whether nothing more is to come or to be sent, beside what `output` gives.
    #[getter]
    fn is_closed(&self) -> bool {
        matches!(self.state, State::Closed)
    }
}

impl Http2 {
    fn drive(&mut self, py: Python<'_>, events: &mut Vec<Event>) -> PyResult<()> {
        // a panic would be a bug; the connection ends, and nothing else
        catch_unwind(AssertUnwindSafe(|| self.go_on(py, events))).map_err(|_| {
            self.state = State::Closed;
            PyRuntimeError::new_err("a bug of HTTP/2")
        })
    }

    fn go_on(&mut self, py: Python<'_>, events: &mut Vec<Event>) {
        let mut context = Context::from_waker(Waker::noop());
        if let State::Greeting(handshake) = &mut self.state {
            match Pin::new(handshake).poll(&mut context) {
                Poll::Pending => return,
                Poll::Ready(Ok(mut connection)) => {
                    let pings = connection.ping_pong();
                    self.state = State::Open(Box::new(connection), pings);
                }
                Poll::Ready(Err(_)) => self.state = State::Closed,
            }
        }
        if let State::Open(connection, pings) = &mut self.state {
            loop {
                match connection.poll_accept(&mut context) {
                    Poll::Pending => {
                        if let Some(pings) = pings {
                            let _ = pings.poll_pong(&mut context); // so that the next can be sent
                        }
                        break;
                    }
                    Poll::Ready(Some(Ok((request, respond)))) => {
                        if let Some((stream, event, call)) = begun(request, respond) {
                            events.push(event);
                            self.calls.insert(stream, call);
                        }
                    }
                    Poll::Ready(_) => {
                        self.state = State::Closed;
                        break;
                    }
                }
            }
        }
        let mut gone = Vec::new();
        for (&stream, call) in &mut self.calls {
            if call.receive(&mut context).is_err() || call.is_reset(&mut context) {
                gone.push(stream);
            } else {
                tell(py, stream, call, events);
            }
        }
        for stream in gone {
            self.calls.remove(&stream);
            events.push(Event::Sign((RESET, stream, 0)));
        }
    }
}

/// A call that begins; None: it is no call of gRPC, and has its answer.
fn begun(
    request: Request<RecvStream>,
    mut respond: SendResponse<Bytes>,
) -> Option<(u32, Event, Call)> {
    let (head, body) = request.into_parts();
    let kind = head.headers.get(CONTENT_TYPE).map(HeaderValue::as_bytes);
    let is_grpc = kind
        .and_then(|kind| kind.strip_prefix(b"application/grpc"))
        .is_some_and(|rest| matches!(rest.first(), None | Some(b'+' | b';')));
    if head.method != Method::POST || !is_grpc {
        let mut refusal = Response::new(());
        if is_grpc {
            *refusal.status_mut() = StatusCode::METHOD_NOT_ALLOWED;
            let post = HeaderValue::from_static("POST");
            refusal.headers_mut().insert(ALLOW, post);
        } else {
            *refusal.status_mut() = StatusCode::UNSUPPORTED_MEDIA_TYPE;
        }
        let _ = respond.send_response(refusal, true); // the client is gone
        return None;
    }
    let stream = respond.stream_id().as_u32();
    let metadata = head.headers.iter().map(|(name, value)| {
        let value = match value.to_str() {
            Ok(text) => Text::Ascii(text.to_owned()),
            Err(_) => Text::Other(value.as_bytes().to_owned()),
        };
        (name.as_str().to_owned(), value)
    });
    let path = head.uri.path().to_owned();
    let event = Event::Call((CALL, stream, path, metadata.collect()));
    Some((stream, event, Call::new(body, respond)))
}

/// What there is for whoever waits for a message.
fn tell(py: Python<'_>, stream: u32, call: &mut Call, events: &mut Vec<Event>) {
    events.push(match call.next(py) {
        Next::Message(is_compressed, bytes) => {
            Event::Message((MESSAGE, stream, is_compressed, bytes))
        }
        Next::TooLarge(bytes) => Event::Sign((TOO_LARGE, stream, bytes)),
        Next::End => Event::Sign((END, stream, 0)),
        Next::Nothing => return,
    });
}

fn not_a_header(error: impl std::fmt::Display) -> PyErr {
    PyValueError::new_err(error.to_string())
}
