//! One call of gRPC: its messages, each behind a byte that says whether it is compressed and four of its length.

use std::task::Context;
use std::task::Poll;

use bytes::{Buf, Bytes, BytesMut};
use h2::server::SendResponse;
use h2::{RecvStream, SendStream};
use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderValue, Response};
use pyo3::prelude::*;
use pyo3::types::PyBytes;

const PREFIX_BYTES: usize = 5;
const GRPC: HeaderValue = HeaderValue::from_static("application/grpc");
const ENCODINGS: HeaderValue = HeaderValue::from_static("identity,deflate,gzip");

/// What a call has for whoever reads it.
pub enum Next {
    /// A message, and whether it is compressed.
    Message(bool, Py<PyBytes>),
    /// One of this length is to come, which is over the limit.
    TooLarge(usize),
    /// No more messages.
    End,
    /// Not yet.
    Nothing,
}

pub struct Call {
    body: RecvStream,
    respond: SendResponse<Bytes>,
    send: Option<SendStream<Bytes>>,
    /// What has come of the next message, in one piece: frames may be as small as a byte.
    came: BytesMut,
    /// The client may not send so much again before somebody wants a message.
    held_bytes: usize,
    /// The limit of the message that is waited for.
    wanted: Option<usize>,
    is_whole: bool,
}

impl Call {
    pub fn new(body: RecvStream, respond: SendResponse<Bytes>) -> Self {
        Self {
            body,
            respond,
            send: None,
            came: BytesMut::new(),
            held_bytes: 0,
            wanted: None,
            is_whole: false,
        }
    }

    /// From now on the client may send until a message of at most `limit` bytes is whole.
    pub fn want(&mut self, limit: usize) {
        self.wanted = Some(limit);
        let held = std::mem::take(&mut self.held_bytes);
        self.release(held);
    }

    /// Take what has come; an error: the client has ended the call.
    pub fn receive(&mut self, context: &mut Context<'_>) -> Result<(), h2::Error> {
        while !self.is_whole {
            match self.body.poll_data(context) {
                Poll::Pending => break,
                Poll::Ready(None) => self.is_whole = true,
                Poll::Ready(Some(part)) => {
                    let part = part?;
                    self.came.extend_from_slice(&part);
                    if self.wanted.is_some() {
                        self.release(part.len());
                    } else {
                        self.held_bytes += part.len();
                    }
                }
            }
        }
        Ok(())
    }

    /// Whether the client has ended the call.
    pub fn is_reset(&mut self, context: &mut Context<'_>) -> bool {
        let polled = match &mut self.send {
            Some(send) => send.poll_reset(context),
            None => self.respond.poll_reset(context),
        };
        polled.is_ready()
    }

    /// What is there for whoever wants a message.
    pub fn next(&mut self, py: Python<'_>) -> Next {
        let Some(limit) = self.wanted else {
            return Next::Nothing;
        };
        let next = self.look(py, limit);
        if !matches!(next, Next::Nothing) {
            self.wanted = None;
        }
        next
    }

    fn look(&mut self, py: Python<'_>, limit: usize) -> Next {
        if let Some((&[flag, ref length @ ..], rest)) =
            self.came.split_first_chunk::<PREFIX_BYTES>()
        {
            let length = u32::from_be_bytes(*length) as usize;
            if length > limit {
                return Next::TooLarge(length);
            }
            if let Some(message) = rest.get(..length) {
                let message = PyBytes::new(py, message).unbind();
                self.came.advance(PREFIX_BYTES + length);
                if self.came.is_empty() {
                    self.came = BytesMut::new(); // what was read is held once, by who reads it
                }
                return Next::Message(flag != 0, message);
            }
        }
        if self.is_whole {
            Next::End
        } else {
            Next::Nothing
        }
    }

    /// Send a message; false: the client takes no more for now, and nothing was sent. The last one waits in `h2`
    /// until the client takes it.
    pub fn write(&mut self, message: &[u8], is_last: bool) -> Result<bool, h2::Error> {
        if self.send.is_none() {
            let mut response = Response::new(());
            response.headers_mut().insert(CONTENT_TYPE, GRPC);
            response
                .headers_mut()
                .insert("grpc-accept-encoding", ENCODINGS);
            self.send = Some(self.respond.send_response(response, false)?);
        }
        let Some(send) = &mut self.send else {
            return Ok(false);
        };
        let size = PREFIX_BYTES + message.len();
        send.reserve_capacity(size);
        if send.capacity() == 0 && !is_last {
            return Ok(false);
        }
        let mut framed = Vec::with_capacity(size);
        framed.push(0);
        framed.extend_from_slice(&(message.len() as u32).to_be_bytes());
        framed.extend_from_slice(message);
        send.send_data(framed.into(), false)?;
        Ok(true)
    }

    /// End the call. What the client has not sent yet it need not: `h2` says so for a stream that nobody has any more.
    pub fn end(mut self, mut trailers: HeaderMap) -> Result<(), h2::Error> {
        if let Some(mut send) = self.send.take() {
            send.send_trailers(trailers)?;
        } else {
            trailers.insert(CONTENT_TYPE, GRPC);
            trailers.insert("grpc-accept-encoding", ENCODINGS);
            let mut response = Response::new(());
            *response.headers_mut() = trailers;
            self.respond.send_response(response, true)?;
        }
        Ok(())
    }

    fn release(&mut self, count: usize) {
        // fails only where more is given back than was taken
        let _ = self.body.flow_control().release_capacity(count);
    }
}
