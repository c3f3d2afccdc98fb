//! Connections of a venue, each one or more calls or a socket.

use std::{sync::Arc, time::Duration};

use tokio::{
    net::{TcpListener, TcpStream},
    task::JoinSet,
};
use tokio_tungstenite::{
    WebSocketStream,
    tungstenite::protocol::{Role, WebSocketConfig},
};

use super::{
    VenueKind, binance,
    checks::{Door, Verdict},
    coin_gecko, coinbase,
    http::{Request, Response},
    kraken, refusal,
    script::Script,
    socket::{Dialect, Session, reset},
    state::Venue,
};

/// Before the next try when no connection can be accepted.
const ACCEPT_PAUSE: Duration = Duration::from_millis(5);
/// A client says nothing that is longer.
const MESSAGE_MAX: usize = 1 << 20;

/// Until it is dropped, and all its connections with it.
pub(super) async fn serve(
    venue: Arc<Venue>,
    listener: TcpListener,
    schedule: Vec<(Duration, Script)>,
) {
    let mut tasks = JoinSet::new();
    tasks.spawn(play(Arc::clone(&venue), schedule));
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => {
                    tasks.spawn(connection(Arc::clone(&venue), stream));
                }
                Err(_) => tokio::time::sleep(ACCEPT_PAUSE).await,
            },
            Some(_) = tasks.join_next() => {}
        }
    }
}

async fn play(venue: Arc<Venue>, mut schedule: Vec<(Duration, Script)>) {
    schedule.sort_by_key(|entry| entry.0);
    let begin_ns = venue.clock.now_ns();
    for (after, script) in schedule {
        let passed_ns = venue.clock.now_ns() - begin_ns;
        venue.clock.sleep(after.saturating_sub(super::clock::span(passed_ns))).await;
        venue.play(script);
    }
}

async fn connection(venue: Arc<Venue>, mut stream: TcpStream) {
    // A connection that is slow is not wrong.
    let _ = stream.set_nodelay(true);
    let mut left = Vec::new();
    if venue.plays(Script::Unreachable) {
        return reset(&stream);
    }
    while let Some(request) = Request::read(&mut stream, &mut left).await {
        if venue.plays(Script::Unreachable) {
            return reset(&stream);
        }
        if let Some(upgrade) = request.upgrade() {
            return socket(venue, stream, &request, upgrade).await;
        }
        let response = called(&venue, &request);
        let is_last = request.header("connection") == Some("close");
        if !write(&venue, &response, &mut stream).await || is_last {
            return;
        }
    }
}

/// Whether the connection may go on.
async fn write(venue: &Venue, response: &Response, stream: &mut TcpStream) -> bool {
    let stamp_ns = venue.stamp_ns();
    if venue.plays(Script::SlowBody) {
        let drips = || venue.plays(Script::SlowBody);
        return response.drip(stream, stamp_ns, venue.clock, drips).await.is_ok();
    }
    response.write(stream, stamp_ns).await.unwrap_or(false)
}

/// What a call is answered.
fn called(venue: &Venue, request: &Request) -> Response {
    let now_ns = venue.clock.now_ns();
    let weight = if venue.kind == VenueKind::Binance { binance::weight(&request.path) } else { 0 };
    let verdict = venue.checks.call(&request.path, weight, now_ns);
    let mut response = match verdict {
        Verdict::TooMany(seconds) => refusal::too_many_calls(venue.kind, seconds),
        Verdict::Banned(seconds) => refusal::banned(seconds, now_ns),
        Verdict::Served(_) => match venue.kind {
            VenueKind::Binance => binance::answer(venue, request),
            VenueKind::Coinbase => coinbase::answer(venue, request),
            VenueKind::Kraken => kraken::answer(venue, request),
            VenueKind::CoinGecko => coin_gecko::answer(venue, request),
        },
    };
    if let (Verdict::Served(used), VenueKind::Binance) = (verdict, venue.kind) {
        response = response.with("X-MBX-USED-WEIGHT-1M", used);
    }
    if let Some(seconds) = response.retry_after() {
        venue.checks.tell_to_wait(Door::Rest, seconds, venue.clock.now_ns());
    }
    response
}

async fn socket(venue: Arc<Venue>, mut stream: TcpStream, request: &Request, upgrade: Response) {
    let now_ns = venue.clock.now_ns();
    let is_too_many = venue.checks.attempt(now_ns);
    let refused = match venue.faults.refusal(now_ns) {
        _ if venue.kind == VenueKind::CoinGecko => Some(Response::page(404, "no sockets")),
        Some((how, until_ns)) => Some(refusal::scripted(venue.kind, how, until_ns, now_ns)),
        None => is_too_many.then(|| refusal::too_many(venue.kind, None)),
    };
    if let Some(response) = refused {
        if let Some(seconds) = response.retry_after() {
            venue.checks.tell_to_wait(Door::Socket, seconds, venue.clock.now_ns());
        }
        // Who has left need not know.
        let _ = response.with("Connection", "close").write(&mut stream, venue.stamp_ns()).await;
        return;
    }
    let number = venue.checks.count_socket();
    if upgrade.write(&mut stream, venue.stamp_ns()).await.is_err() {
        return;
    }
    let dialect: Box<dyn Dialect> = match venue.kind {
        VenueKind::Binance => Box::new(binance::Binance::new(Arc::clone(&venue), request)),
        VenueKind::Coinbase => Box::new(coinbase::Coinbase::new(Arc::clone(&venue))),
        VenueKind::Kraken | VenueKind::CoinGecko => {
            Box::new(kraken::Kraken::new(Arc::clone(&venue), number))
        }
    };
    let config = WebSocketConfig::default().max_message_size(Some(MESSAGE_MAX));
    let stream = WebSocketStream::from_raw_socket(stream, Role::Server, Some(config)).await;
    Session::new(venue, stream, dialect).run().await;
}
