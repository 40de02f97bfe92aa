//! Waiting for peers: the sockets, the accept loop, and a thread for each connection.

use crate::crypto::ReturnTicket;
use crate::session::connection::clock::Deadline;
use crate::session::connection::join_gate::SessionEnd;
use crate::session::connection::socket;
use crate::session::error::Error;
use crate::session::events::{Event, Operator};
use crate::session::listen::admission::Admission;
use crate::session::listen::connection_handler;
use crate::session::listen::listener_state::{Arrival, ListenerState, Terms};
use crate::session::listen::slots::SessionSlots;
use crate::session::options::ListenAddress;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{self, Receiver};
use std::time::Duration;

/// Stack size of a thread that serves an unproven peer, in bytes.
const UNPROVEN_STACK: usize = 512 * 1024;

/// How long to wait for the connection that wakes the accept loop at its end.
const WAKE_UP: Duration = Duration::from_millis(500);

/// How many arrivals may wait.
const ARRIVALS: usize = 64;

/// Listening sockets, and the arrivals from them.
pub(crate) struct Listener {
    addresses: Vec<SocketAddr>,
    arrivals: Receiver<Arrival>,
    state: Arc<ListenerState>,
    threads: Vec<std::thread::JoinHandle<()>>,
}

impl Listener {
    /// Listens. From now on peers can connect.
    ///
    /// # Errors
    /// [`Error::CannotListen`], or [`Error::System`] without threads.
    pub(crate) fn open(address: &ListenAddress, terms: Terms) -> Result<Self, Error> {
        Listener::of_sockets(socket::listen(address)?, terms)
    }

    /// A listener for an existing connection: it serves only the peer at its other end.
    ///
    /// # Errors
    /// [`Error::System`] without threads.
    pub(crate) fn of_connection(
        stream: TcpStream,
        peer: SocketAddr,
        terms: Terms,
    ) -> Result<Self, Error> {
        let listener = Listener::of_sockets(Vec::new(), terms)?;
        let_in(stream, peer, &listener.state).map_err(Error::system)?;
        Ok(listener)
    }

    fn of_sockets(sockets: Vec<TcpListener>, terms: Terms) -> Result<Self, Error> {
        let addresses: Result<Vec<_>, _> = sockets.iter().map(TcpListener::local_addr).collect();
        let (sender, arrivals) = mpsc::sync_channel(ARRIVALS);
        let state = Arc::new(ListenerState::new(terms, sender));
        let mut listener = Listener {
            addresses: addresses.map_err(Error::system)?,
            arrivals,
            state,
            threads: Vec::new(),
        };
        for socket in sockets {
            let state = Arc::clone(&listener.state);
            let thread = std::thread::Builder::new().name("accept".into());
            let thread = thread.stack_size(UNPROVEN_STACK);
            let handle = thread.spawn(move || accept(&socket, &state));
            listener.threads.push(handle.map_err(Error::system)?);
        }
        listener.state.terms.cancel.wake(listener.waker());
        Ok(listener)
    }

    /// Where it listens, with the actual port.
    pub(crate) fn addresses(&self) -> &[SocketAddr] {
        &self.addresses
    }

    /// Reports to the operator where it listens.
    pub(crate) fn announce(&self, operator: &dyn Operator) {
        let addresses = &self.addresses;
        operator.event(&Event::Listening { addresses });
    }

    /// Reports an arrival that is not a session to the operator.
    pub(crate) fn mention(&self, arrival: &Arrival, operator: &dyn Operator) {
        match arrival {
            Arrival::TurnedAway { peer, error } if error.is_worth_telling() => {
                let peer = peer.ip().to_canonical();
                operator.warn(&format!("turned {peer} away: {error}"));
            }
            Arrival::ProofFailed { peer } => {
                let (peer, count) = (*peer, self.admission().failed());
                operator.event(&Event::ProofFailed { peer, count });
            }
            Arrival::Pinged { peer } => operator.event(&Event::Pinged { peer: *peer }),
            Arrival::News { message } => operator.warn(message),
            Arrival::TurnedAway { .. } | Arrival::Peer(_) | Arrival::Woken => {}
        }
    }

    /// The slots for proven peers.
    pub(crate) fn slots(&self) -> &Arc<SessionSlots> {
        &self.state.terms.slots
    }

    /// A function that wakes the thread in [`Listener::wait`] with an [`Arrival::Woken`]. With a full queue it
    /// does nothing, because that thread is awake then.
    pub(crate) fn waker(&self) -> impl Fn() + Send + 'static + use<> {
        let arrivals = self.state.arrivals.clone();
        move || {
            let _ = arrivals.try_send(Arrival::Woken);
        }
    }

    /// The next arrival; `None` if there is none before the deadline.
    pub(crate) fn wait(&self, deadline: Option<Deadline>) -> Option<Arrival> {
        let arrival = match deadline {
            None => self.arrivals.recv().ok(),
            Some(deadline) => {
                let left = deadline.remaining().unwrap_or(Duration::ZERO);
                self.arrivals.recv_timeout(left).ok()
            }
        };
        if let Some(Arrival::Peer(_)) = arrival {
            self.state.waiting.fetch_sub(1, Ordering::Relaxed);
        }
        arrival
    }

    /// Whether a peer is pinging now.
    pub(crate) fn is_pinged(&self) -> bool {
        self.state.ping_slots.taken() > 0
    }

    /// The budget of guesses, shared with a side that also dials.
    pub(crate) fn admission(&self) -> &Arc<Admission> {
        &self.state.admission
    }

    /// Lets the peer of a session that this side dialled return with `ticket`. `ended` is set when the session
    /// ends.
    pub(crate) fn expect_back(
        &self,
        ticket: Arc<ReturnTicket>,
        ended: SessionEnd,
        socket: &Arc<TcpStream>,
    ) {
        self.state.tickets.issue(ticket, None, ended, socket);
    }

    /// How many proven peers wait for a thread to serve them.
    pub(crate) fn waiting(&self) -> &Arc<AtomicUsize> {
        &self.state.waiting
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.state.closed.store(true, Ordering::SeqCst);
        // A blocked accept only returns for a connection, so each socket gets one.
        let mut woken = true;
        for address in &self.addresses {
            let reachable = SocketAddr::new(loopback_of(address.ip()), address.port());
            woken &= TcpStream::connect_timeout(&reachable, WAKE_UP).is_ok();
        }
        for thread in self.threads.drain(..).filter(|_| woken) {
            // Only a panic makes this fail, and then the thread is over, too.
            let _ = thread.join();
        }
    }
}

fn loopback_of(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(v4) if v4.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(v6) if v6.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        given => given,
    }
}

/// The accept loop. It only counts connections and starts a thread for each.
fn accept(socket: &TcpListener, state: &Arc<ListenerState>) {
    loop {
        let accepted = socket.accept();
        if state.closed.load(Ordering::SeqCst) {
            return;
        }
        let Ok((stream, peer)) = accepted else {
            state.make_room();
            continue;
        };
        if let_in(stream, peer, state).is_err() {
            state.make_room();
        }
    }
}

/// Handles a connection on a thread of its own, if there is room for it.
///
/// # Errors
/// The system has no thread to give.
fn let_in(stream: TcpStream, peer: SocketAddr, state: &Arc<ListenerState>) -> io::Result<()> {
    let stream = Arc::new(stream);
    let Some(pass) = state.admission.enter(&stream, peer.ip()) else {
        return Ok(());
    };
    let thread = std::thread::Builder::new().name("handshake".into());
    let state = Arc::clone(state);
    let handle = move || connection_handler::handle(stream, peer, &state, pass);
    thread.stack_size(UNPROVEN_STACK).spawn(handle).map(drop)
}
