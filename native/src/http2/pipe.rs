//! What stands in for the socket: bytes that came, and bytes to be sent.

use std::collections::VecDeque;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use bytes::{Buf, Bytes};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

#[derive(Default)]
struct Held {
    came: VecDeque<Bytes>,
    to_send: Vec<u8>,
}

/// Shared by a connection and the crate `h2`, which never has to wait to write. Nobody is woken: whoever puts bytes
/// in polls the connection.
#[derive(Clone, Default)]
pub struct Pipe(Arc<Mutex<Held>>);

impl Pipe {
    /// Bytes of the socket.
    pub fn put(&self, bytes: &[u8]) {
        self.lock().came.push_back(Bytes::copy_from_slice(bytes));
    }

    /// All that is to be sent.
    pub fn take(&self) -> Vec<u8> {
        std::mem::take(&mut self.lock().to_send)
    }

    fn lock(&self) -> MutexGuard<'_, Held> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl AsyncRead for Pipe {
    fn poll_read(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let mut held = self.lock();
        let mut is_ready = false;
        while into.remaining() > 0
            && let Some(first) = held.came.front_mut()
        {
            let size = first.len().min(into.remaining());
            into.put_slice(&first[..size]);
            first.advance(size);
            is_ready = true;
            if first.is_empty() {
                held.came.pop_front();
            }
        }
        if is_ready {
            Poll::Ready(Ok(()))
        } else {
            Poll::Pending
        }
    }
}

impl AsyncWrite for Pipe {
    fn poll_write(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.lock().to_send.extend_from_slice(bytes);
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}
