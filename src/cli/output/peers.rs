//! Transfers with several peers at the same time: a line for each on a terminal, one a minute in a log, and
//! events that name the peer.

use crate::cli::output::colour::Colour;
use crate::cli::output::json::Object;
use crate::cli::output::progress::meter::Meter;
use crate::cli::output::progress::{self, ProgressStyle, Throttle, line};
use crate::cli::output::side::SideOutput;
use crate::cli::output::wording::Perspective;
use crate::cli::output::{width, wording};
use crate::cli::platform;
use crate::model::escaped;
use crate::session::sync::lock;
use crate::session::{Event, Progress};
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Mutex;
use std::time::{Duration, Instant};

/// Pause between two lines of a transfer in a log.
const LOG_GAP: Duration = Duration::from_secs(60);

/// The most lines on a terminal; further peers are counted.
const LINES: usize = 8;

/// The progress of each peer.
pub(crate) struct PeerProgress<'a> {
    side: SideOutput<'a>,
    progress: ProgressStyle,
    colour: Colour,
    /// The side that a stalled transfer waits for.
    other: &'static str,
    peers: Mutex<Peers>,
}

struct Peers {
    drawing: Throttle,
    transfers: BTreeMap<SocketAddr, PeerTransfer>,
}

/// The transfer of one peer.
struct PeerTransfer {
    /// The name of its secret; empty if secrets have no names.
    name: String,
    total: Option<u64>,
    current: String,
    /// Its progress, once it is accepted.
    moving: Option<Moving>,
}

struct Moving {
    meter: Meter,
    logging: Throttle,
    telling: Throttle,
}

impl Moving {
    fn begin(bytes: u64, total: Option<u64>) -> Moving {
        let now = Instant::now();
        Moving {
            meter: Meter::new(now, bytes, total),
            logging: Throttle::every(now, LOG_GAP),
            telling: Throttle::seconds(now),
        }
    }
}

impl<'a> PeerProgress<'a> {
    pub(crate) fn new(
        side: SideOutput<'a>,
        progress: ProgressStyle,
        colour: Colour,
        perspective: Perspective,
    ) -> PeerProgress<'a> {
        PeerProgress {
            side,
            progress,
            colour,
            other: perspective.other(),
            peers: Mutex::new(Peers {
                drawing: Throttle::bar(Instant::now()),
                transfers: BTreeMap::new(),
            }),
        }
    }

    /// Runs sessions, and shows the progress of each peer on a terminal.
    pub(crate) fn watch<R>(&self, sessions: impl FnOnce() -> R) -> R {
        match self.progress {
            ProgressStyle::Bar => progress::watch(|| self.draw(), sessions),
            ProgressStyle::Lines | ProgressStyle::Off => sessions(),
        }
    }

    /// Records an event of a peer.
    pub(crate) fn note(&self, peer: SocketAddr, name: Option<&str>, event: &Event<'_>) {
        match event {
            Event::Offer(offer) => {
                let transfer = PeerTransfer {
                    name: name.unwrap_or_default().to_owned(),
                    total: offer.bytes,
                    current: String::new(),
                    moving: None,
                };
                lock(&self.peers).transfers.insert(peer, transfer);
            }
            Event::Accepted { present_bytes, .. } => {
                if let Some(transfer) = lock(&self.peers).transfers.get_mut(&peer) {
                    transfer.moving = Some(Moving::begin(*present_bytes, transfer.total));
                }
            }
            Event::Moving { path } if self.progress == ProgressStyle::Bar => {
                if let Ok(mut peers) = self.peers.try_lock()
                    && let Some(transfer) = peers.transfers.get_mut(&peer)
                {
                    transfer.current = escaped(path);
                }
            }
            Event::Progress(progress) => self.progress(peer, *progress),
            Event::Finished(_) => self.forget(peer),
            _ => {}
        }
    }

    /// A peer's transfer has ended.
    pub(crate) fn forget(&self, peer: SocketAddr) {
        let mut peers = lock(&self.peers);
        peers.transfers.remove(&peer);
        let is_last = peers.transfers.is_empty();
        drop(peers);
        if is_last && self.progress == ProgressStyle::Bar {
            self.side.console.erase();
        }
    }

    /// Called by every connection for every part. If another thread is here already, it returns at once.
    fn progress(&self, peer: SocketAddr, progress: Progress) {
        let Ok(mut peers) = self.peers.try_lock() else {
            return;
        };
        let Some(transfer) = peers.transfers.get_mut(&peer) else {
            return;
        };
        let Some(moving) = &mut transfer.moving else {
            return;
        };
        let now = Instant::now();
        moving.meter.note(now, progress);
        let is_logged = self.progress == ProgressStyle::Lines && moving.logging.passes(now);
        let is_told = moving.telling.passes(now);
        if !is_logged && !is_told {
            return;
        }
        let reading = moving.meter.read(now);
        let name = transfer.name.clone();
        drop(peers);
        if is_logged {
            let who = wording::named_peer(peer, &name);
            let how_far = line::words(&reading, self.other);
            self.side.say(&format!("{who}: {how_far}"));
        }
        if is_told {
            self.side.tell(|| {
                Object::event("progress")
                    .text("peer", &wording::peer(Some(peer)))
                    .text("name", &name)
                    .number("bytes", progress.bytes)
                    .number_or_null("total", progress.total)
                    .number("rate", reading.rate)
            });
        }
    }

    /// Draws a line for each transfer, if it is time.
    fn draw(&self) {
        let now = Instant::now();
        let columns = platform::columns().unwrap_or(80).saturating_sub(1);
        let mut peers = lock(&self.peers);
        if !peers.drawing.passes(now) {
            return;
        }
        let moving = peers.transfers.iter_mut();
        let moving = moving.filter(|(_, transfer)| transfer.moving.is_some());
        let mut lines: Vec<String> = Vec::new();
        let mut more = 0;
        for (peer, transfer) in moving {
            match lines.len() < LINES {
                true => lines.push(self.line(*peer, transfer, now, columns)),
                false => more += 1,
            }
        }
        drop(peers);
        if more > 0 {
            lines.push(width::tail(&format!("and {more} more"), columns));
        }
        if !lines.is_empty() {
            self.side.console.draw(&lines);
        }
    }

    fn line(
        &self,
        peer: SocketAddr,
        transfer: &mut PeerTransfer,
        now: Instant,
        columns: usize,
    ) -> String {
        let who = match transfer.name.as_str() {
            "" => wording::peer(Some(peer)),
            name => escaped(name.as_bytes()),
        };
        // Half of the line is for the progress.
        let who = width::tail(&who, columns / 2);
        let Some(moving) = &mut transfer.moving else {
            return who;
        };
        let room = columns.saturating_sub(width::of_text(&who) + 2);
        let reading = moving.meter.read(now);
        let drawn = line::draw(&reading, &transfer.current, self.other, room, self.colour);
        format!("{who}  {drawn}")
    }
}
