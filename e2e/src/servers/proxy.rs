//! A TCP proxy that is a network: it passes, cuts, stalls, delays or throttles, as told meanwhile.

use std::{
    io,
    net::SocketAddr,
    sync::{
        Arc, LazyLock, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering},
    },
    time::Duration,
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{
        TcpListener, TcpStream,
        tcp::{ReadHalf, WriteHalf},
    },
    runtime::{Builder, Runtime},
    sync::{mpsc, watch},
    time::{Instant, sleep_until},
};

use super::port::Port;
use crate::wait;

/// Bytes that are read at once.
const CHUNK: usize = 64 << 10;
/// Chunks on their way in one direction of a connection, beyond which its sender has to wait.
const CHUNKS_MAX: usize = 64;
/// Throttled bytes go in so many pieces a second.
const PIECES_PER_SECOND: u32 = 50;
const SWITCH_MAX: Duration = Duration::from_secs(10);
/// Between tries to listen again.
const LISTEN_PAUSE: Duration = Duration::from_millis(5);

/// What happens to bytes on their way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Traffic {
    /// They arrive.
    Pass,
    /// Connections are reset and new ones refused.
    Cut,
    /// Connections stay and new ones are accepted, but nothing arrives until this is over.
    Stall(Way),
    /// Each byte arrives so much later, in either direction.
    Delay(Duration),
    /// So many bytes a second arrive, in either direction, of all connections together.
    Throttle(u32),
}

/// A direction, seen from the client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// What the client sends.
    Up,
    /// What the server answers.
    Down,
    /// Both.
    Both,
}

/// A proxy before one server, passing at first. Its connections end when it is dropped.
pub struct Proxy {
    link: Arc<Link>,
    traffic: watch::Sender<Traffic>,
    port: Port,
}

struct Link {
    server: SocketAddr,
    is_listening: AtomicBool,
    open: AtomicUsize,
    accepted: AtomicU64,
    /// When the next throttled byte may go up and down.
    free: [Mutex<Instant>; 2],
}

/// All proxies of the process; never dropped, for tests may be async.
static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| {
    let mut builder = Builder::new_multi_thread();
    builder.worker_threads(1).thread_name("proxy").enable_all();
    builder.build().expect("a process may have one more thread")
});

impl Proxy {
    /// Listens on a port of its own before `server`, which need not run yet.
    ///
    /// # Panics
    /// When no port is free.
    pub fn to(server: SocketAddr) -> Self {
        let port = Port::free();
        let now = Instant::now();
        let link = Arc::new(Link {
            server,
            is_listening: AtomicBool::new(false),
            open: AtomicUsize::new(0),
            accepted: AtomicU64::new(0),
            free: [Mutex::new(now), Mutex::new(now)],
        });
        let (traffic, told) = watch::channel(Traffic::Pass);
        RUNTIME.spawn(serve(Arc::clone(&link), port.address, told));
        let proxy = Self { link, traffic, port };
        proxy.set(Traffic::Pass);
        proxy
    }

    /// Where clients connect to.
    pub fn address(&self) -> SocketAddr {
        self.port.address
    }

    /// Switches, and returns when it is so: when cut, no connection is left.
    /// Bytes that are delayed already keep their delay; what a stall held goes on.
    ///
    /// # Panics
    /// When that takes over 10 s.
    pub fn set(&self, traffic: Traffic) {
        self.traffic.send_replace(traffic);
        let is_cut = traffic == Traffic::Cut;
        wait::until(&format!("a proxy to become {traffic:?}"), SWITCH_MAX, || {
            let is_listening = self.link.is_listening.load(Ordering::SeqCst);
            is_listening != is_cut && (!is_cut || self.open() == 0)
        });
    }

    /// Connections that are open now.
    pub fn open(&self) -> usize {
        self.link.open.load(Ordering::SeqCst)
    }

    /// Connections that were ever accepted.
    pub fn accepted(&self) -> u64 {
        self.link.accepted.load(Ordering::SeqCst)
    }
}

async fn serve(link: Arc<Link>, address: SocketAddr, mut told: watch::Receiver<Traffic>) {
    while told.wait_for(|traffic| *traffic != Traffic::Cut).await.is_ok() {
        let Ok(listener) = TcpListener::bind(address).await else {
            tokio::time::sleep(LISTEN_PAUSE).await;
            continue;
        };
        link.is_listening.store(true, Ordering::SeqCst);
        accept(&link, &listener, &told).await;
        drop(listener);
        link.is_listening.store(false, Ordering::SeqCst);
    }
}

/// Until the network is cut or the proxy dropped.
async fn accept(link: &Arc<Link>, listener: &TcpListener, told: &watch::Receiver<Traffic>) {
    let mut end = told.clone();
    loop {
        let client = tokio::select! {
            biased;
            _ = end.wait_for(|traffic| *traffic == Traffic::Cut) => return,
            client = listener.accept() => client,
        };
        if let Ok((client, _)) = client {
            link.accepted.fetch_add(1, Ordering::SeqCst);
            link.open.fetch_add(1, Ordering::SeqCst);
            tokio::spawn(connect(Arc::clone(link), client, told.clone()));
        }
    }
}

/// Carries both directions until both have ended in order; anything else resets both sides.
async fn connect(link: Arc<Link>, mut client: TcpStream, told: watch::Receiver<Traffic>) {
    let mut end = told.clone();
    let mut server = None;
    let in_order = tokio::select! {
        biased;
        _ = end.wait_for(|traffic| *traffic == Traffic::Cut) => false,
        relayed = relay(&link, &mut client, &mut server, told) => relayed.is_ok(),
    };
    if !in_order {
        for stream in [Some(client), server].into_iter().flatten() {
            // One that is reset already needs no other reset.
            let _ = stream.set_zero_linger();
        }
    }
    link.open.fetch_sub(1, Ordering::SeqCst);
}

async fn relay(
    link: &Link,
    client: &mut TcpStream,
    server: &mut Option<TcpStream>,
    told: watch::Receiver<Traffic>,
) -> io::Result<()> {
    let server = server.insert(TcpStream::connect(link.server).await?);
    client.set_nodelay(true)?;
    server.set_nodelay(true)?;
    let (from_client, to_client) = client.split();
    let (from_server, to_server) = server.split();
    tokio::try_join!(
        carry(link, Way::Up, from_client, to_server, told.clone()),
        carry(link, Way::Down, from_server, to_client, told),
    )?;
    Ok(())
}

async fn carry(
    link: &Link,
    way: Way,
    from: ReadHalf<'_>,
    to: WriteHalf<'_>,
    told: watch::Receiver<Traffic>,
) -> io::Result<()> {
    let (sender, chunks) = mpsc::channel(CHUNKS_MAX);
    tokio::try_join!(take(from, sender, told.clone()), give(link, way, chunks, to, told))?;
    Ok(())
}

type Chunk = (Instant, Vec<u8>);

async fn take(
    mut from: ReadHalf<'_>,
    chunks: mpsc::Sender<Chunk>,
    told: watch::Receiver<Traffic>,
) -> io::Result<()> {
    let mut buffer = vec![0; CHUNK];
    loop {
        let length = from.read(&mut buffer).await?;
        if length == 0 {
            return Ok(());
        }
        let delay = match *told.borrow() {
            Traffic::Delay(delay) => delay,
            Traffic::Pass | Traffic::Cut | Traffic::Stall(_) | Traffic::Throttle(_) => {
                Duration::ZERO
            }
        };
        let chunk = (Instant::now() + delay, buffer[..length].to_vec());
        chunks.send(chunk).await.map_err(io::Error::other)?;
    }
}

async fn give(
    link: &Link,
    way: Way,
    mut chunks: mpsc::Receiver<Chunk>,
    mut to: WriteHalf<'_>,
    mut told: watch::Receiver<Traffic>,
) -> io::Result<()> {
    while let Some((due, bytes)) = chunks.recv().await {
        sleep_until(due).await;
        let mut left = &bytes[..];
        while !left.is_empty() {
            let passes = |traffic: &Traffic| !traffic.stalls(way);
            let traffic = *told.wait_for(passes).await.map_err(io::Error::other)?;
            let piece = traffic.piece(left.len());
            if let Traffic::Throttle(rate) = traffic {
                sleep_until(link.reserve(way, piece, rate)).await;
            }
            to.write_all(&left[..piece]).await?;
            left = &left[piece..];
        }
    }
    told.wait_for(|traffic| !traffic.stalls(way)).await.map_err(io::Error::other)?;
    to.shutdown().await
}

impl Traffic {
    fn stalls(self, way: Way) -> bool {
        matches!(self, Self::Stall(stalled) if stalled == way || stalled == Way::Both)
    }

    /// How many of so many bytes go at once.
    fn piece(self, length: usize) -> usize {
        match self {
            Self::Throttle(rate) => {
                let piece = usize::try_from(rate / PIECES_PER_SECOND).unwrap_or(usize::MAX);
                length.min(piece.max(1))
            }
            Self::Pass | Self::Cut | Self::Stall(_) | Self::Delay(_) => length,
        }
    }
}

impl Link {
    /// When so many bytes, sent at this rate after all earlier ones, have arrived.
    fn reserve(&self, way: Way, bytes: usize, rate: u32) -> Instant {
        let free = &self.free[usize::from(way == Way::Down)];
        let mut free = free.lock().unwrap_or_else(PoisonError::into_inner);
        let bytes = u32::try_from(bytes).unwrap_or(u32::MAX);
        *free = (*free).max(Instant::now()) + Duration::from_secs(1) * bytes / rate.max(1);
        *free
    }
}
