//! Connections: how many, for how long, and how they end.

use std::convert::Infallible;
use std::io::{self, ErrorKind};
use std::iter;
use std::net::IpAddr;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use hyper::header::{CONNECTION, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, UnixListener};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::task::JoinSet;
use tokio::time::{Sleep, sleep, timeout};

use super::address::Listener;
use super::routes::answer;
use super::shared::Shared;

/// How long a request's headers may take, and how long a connection may wait for the next request.
const HEADER_TIME: Duration = Duration::from_secs(10);

/// How long a client may take none of what it is answered.
const WRITE_TIME: Duration = Duration::from_secs(10);

/// Most bytes of a request's line and headers.
const HEADER_LIMIT: usize = 16 * 1024;

/// Most bytes of a connection's requests that are read ahead.
const BUFFER: usize = 32 * 1024;

/// How long a connection may still send the request that it has begun when the server stops, and how long those are accepted
/// that have connected before.
const GRACE: Duration = Duration::from_millis(500);

/// How long all answers together may take then.
const STOP_TIME: Duration = Duration::from_secs(10);

/// After a failure to accept, most likely for want of descriptors.
const PAUSE: Duration = Duration::from_millis(50);

/// A listener that the runtime knows.
pub(super) enum Listening {
    Tcp(TcpListener),
    Unix(UnixListener),
}

/// One end of a connection.
enum Stream {
    Tcp(tokio::net::TcpStream),
    Unix(tokio::net::UnixStream),
}

impl Listening {
    pub(super) fn new(listener: Listener) -> io::Result<Self> {
        match listener {
            Listener::Tcp(listener) => {
                listener.set_nonblocking(true)?;
                TcpListener::from_std(listener).map(Self::Tcp)
            }
            Listener::Unix(listener) => {
                listener.set_nonblocking(true)?;
                UnixListener::from_std(listener).map(Self::Unix)
            }
        }
    }

    async fn accept(&self) -> io::Result<(Stream, Option<IpAddr>)> {
        match self {
            Self::Tcp(listener) => {
                let (stream, peer) = listener.accept().await?;
                // It is slower without, and no reason to wait before the next is accepted.
                let _ = stream.set_nodelay(true);
                Ok((Stream::Tcp(stream), Some(peer.ip())))
            }
            Self::Unix(listener) => Ok((Stream::Unix(listener.accept().await?.0), None)),
        }
    }

    /// Those that the system has accepted by now; with the last of them it listens no more.
    fn into_waiting(self) -> impl Iterator<Item = (Stream, Option<IpAddr>)> {
        // One that cannot be had has gone, and so has its listener.
        let (tcp, unix) = match self {
            Self::Tcp(listener) => (listener.into_std().ok(), None),
            Self::Unix(listener) => (None, listener.into_std().ok()),
        };
        let tcp = iter::from_fn(move || {
            let (stream, peer) = tcp.as_ref()?.accept().ok()?;
            stream.set_nonblocking(true).ok()?;
            stream.set_nodelay(true).ok()?;
            let stream = tokio::net::TcpStream::from_std(stream).ok()?;
            Some((Stream::Tcp(stream), Some(peer.ip())))
        });
        let unix = iter::from_fn(move || {
            let (stream, _) = unix.as_ref()?.accept().ok()?;
            stream.set_nonblocking(true).ok()?;
            let stream = tokio::net::UnixStream::from_std(stream).ok()?;
            Some((Stream::Unix(stream), None))
        });
        tcp.chain(unix)
    }
}

/// A stream whose writes fail once the other end has taken nothing for [`WRITE_TIME`].
struct Timed<S> {
    stream: S,
    /// Runs while a write waits.
    waiting: Option<Pin<Box<Sleep>>>,
}

impl<S> Timed<S> {
    fn new(stream: S) -> Self {
        let waiting = None;
        Self { stream, waiting }
    }

    fn in_time<T>(
        &mut self,
        context: &mut Context<'_>,
        written: Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        if written.is_ready() {
            self.waiting = None;
            return written;
        }
        let waiting = &mut self.waiting;
        let waiting = waiting.get_or_insert_with(|| Box::pin(sleep(WRITE_TIME)));
        ready!(waiting.as_mut().poll(context));
        Poll::Ready(Err(ErrorKind::TimedOut.into()))
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Timed<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, into)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Timed<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.in_time(context, written)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let written = Pin::new(&mut self.stream).poll_flush(context);
        self.in_time(context, written)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let written = Pin::new(&mut self.stream).poll_shutdown(context);
        self.in_time(context, written)
    }
}

/// Accepts connections and answers their requests until it is told to stop; then until what was asked is answered.
pub(super) async fn serve(
    listening: Listening,
    shared: Arc<Shared>,
    room: Arc<Semaphore>,
    stop: watch::Receiver<bool>,
) {
    let mut connections = JoinSet::new();
    let begin = |connections: &mut JoinSet<()>, (stream, peer), permit| {
        let (shared, stop) = (Arc::clone(&shared), stop.clone());
        connections.spawn(async move {
            match stream {
                Stream::Tcp(stream) => converse(stream, peer, shared, stop, permit).await,
                Stream::Unix(stream) => converse(stream, peer, shared, stop, permit).await,
            }
        });
    };
    let mut stopped = stop.clone();
    loop {
        // Where there is no room, who comes waits in the system's own queue.
        let accepted = async {
            let permit = Arc::clone(&room).acquire_owned().await;
            let permit = permit.map_err(io::Error::other)?;
            Ok::<_, io::Error>((listening.accept().await?, permit))
        };
        tokio::select! {
            biased;
            _ = stopped.changed() => break,
            Some(_) = connections.join_next() => {}
            accepted = accepted => match accepted {
                Ok((accepted, permit)) => begin(&mut connections, accepted, permit),
                Err(err) => {
                    shared.log.warn_once("not-accepted", &[("why", err.to_string())]);
                    sleep(PAUSE).await;
                }
            },
        }
    }
    // Who has connected before is answered, too. The system is asked, for the runtime may not have heard of all of them yet.
    let (mut waiting, end) = (listening.into_waiting(), Instant::now() + GRACE);
    while Instant::now() < end
        && let Ok(permit) = Arc::clone(&room).try_acquire_owned()
        && let Some(accepted) = waiting.next()
    {
        begin(&mut connections, accepted, permit);
    }
    drop(waiting);
    let all = async { while connections.join_next().await.is_some() {} };
    if timeout(STOP_TIME, all).await.is_err() {
        let fields = [("connections", connections.len().to_string())];
        shared.log.warn("cut-off", &fields);
        connections.shutdown().await;
    }
}

/// Answers the requests of one connection.
pub(super) async fn converse(
    stream: impl AsyncRead + AsyncWrite + Unpin,
    peer: Option<IpAddr>,
    shared: Arc<Shared>,
    mut stop: watch::Receiver<bool>,
    _permit: OwnedSemaphorePermit,
) {
    shared.metrics.connections.inc();
    let peer = peer.map(|peer| peer.to_canonical().to_string());
    let (shared, peer) = (&*shared, peer.as_deref());
    let service = service_fn(|request| async move {
        let mut response = answer(shared, peer, request).await;
        if shared.is_stopping() {
            let close = HeaderValue::from_static("close");
            response.headers_mut().insert(CONNECTION, close);
        }
        Ok::<_, Infallible>(response)
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER_TIME)
        .max_header_size(HEADER_LIMIT)
        .max_buf_size(BUFFER)
        // Answers are short: one piece costs less than a list of pieces.
        .writev(false)
        .serve_connection(TokioIo::new(Timed::new(stream)), service);
    let mut connection = pin!(connection);
    // How it ended is the client's business: what could be answered was.
    let is_over = tokio::select! {
        _ = connection.as_mut() => true,
        _ = stop.wait_for(|stop| *stop) => false,
    };
    if !is_over && timeout(GRACE, connection.as_mut()).await.is_err() {
        connection.as_mut().graceful_shutdown();
        let _ = connection.await;
    }
    shared.metrics.connections.dec();
}
