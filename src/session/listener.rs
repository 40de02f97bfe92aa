//! Waiting for peers: the accept loop, a thread for each connection that has not proven itself, and
//! the gates through which further streams reach their sessions.

use super::authenticate::{Caller, answer, refuse};
use super::clock::Deadline;
use super::established::{Established, Origin};
use super::heartbeat::lock;
use super::network;
use super::ping;
use super::streams::{JoinedStream, Shared, StreamQueue};
use super::transport::Connection;
use super::{ListenAddress, SessionError};
use crate::crypto::Secret;
use crate::model::limits;
use crate::protocol::{
    DiallerName, DiallerRole, FrameKind, HandshakeError, JoinRequest, Role, StreamNumber, frame,
};
use std::collections::{HashMap, HashSet};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{self, Receiver, SyncSender, TrySendError};
use std::sync::{Arc, Mutex, Weak};
use std::time::Duration;

/// Stack of a thread that serves somebody unproven.
const UNPROVEN_STACK: usize = 512 * 1024;

/// Pause when the system has no descriptors or threads left.
const EXHAUSTED_PAUSE: Duration = Duration::from_millis(100);

/// How long the accept loop may take to notice that it is to end.
const WAKE_UP: Duration = Duration::from_millis(500);

/// Peers that have come and wait to be taken.
const ARRIVALS: usize = 64;

/// Sockets that listen, and everybody who came through them.
pub(super) struct Listener {
    addresses: Vec<SocketAddr>,
    arrivals: Receiver<Arrival>,
    door: Arc<Door>,
    threads: Vec<std::thread::JoinHandle<()>>,
}

/// Somebody came.
pub(super) enum Arrival {
    /// A peer that has proven itself and wants the transfer that this side waits for. It gets heartbeats
    /// already, however long it has to wait for its turn.
    Peer(Box<Established>),
    /// A proof failed, or was not even tried once the Hello was answered.
    ProofFailed { peer: SocketAddr },
    /// Somebody was turned away before a secret was tried.
    TurnedAway {
        peer: SocketAddr,
        error: SessionError,
    },
    /// Somebody proved itself and only wanted to know that.
    Pinged { peer: SocketAddr },
}

/// What the threads of a listener share.
struct Door {
    role: Role,
    secret: Arc<Secret>,
    idle_limit: Duration,
    arrivals: SyncSender<Arrival>,
    gates: Mutex<HashMap<[u8; 16], Weak<JoinGate>>>,
    unproven: AtomicUsize,
    /// Peers among the arrivals.
    waiting: Arc<AtomicUsize>,
    closed: AtomicBool,
}

impl Listener {
    /// Listens, and takes in whoever comes from now on.
    ///
    /// # Errors
    /// [`SessionError::CannotListen`], or [`SessionError::System`] without threads.
    pub(super) fn open(
        address: &ListenAddress,
        role: Role,
        secret: Arc<Secret>,
        idle_limit: Duration,
    ) -> Result<Self, SessionError> {
        let sockets = network::listen(address)?;
        let system = |source| SessionError::System { source };
        let addresses: Result<Vec<_>, _> = sockets.iter().map(TcpListener::local_addr).collect();
        let (sender, arrivals) = mpsc::sync_channel(ARRIVALS);
        let door = Arc::new(Door {
            role,
            secret,
            idle_limit,
            arrivals: sender,
            gates: Mutex::default(),
            unproven: AtomicUsize::new(0),
            waiting: Arc::default(),
            closed: AtomicBool::new(false),
        });
        let mut listener = Listener {
            addresses: addresses.map_err(system)?,
            arrivals,
            door,
            threads: Vec::new(),
        };
        for socket in sockets {
            let door = Arc::clone(&listener.door);
            let thread = std::thread::Builder::new().name("accept".into());
            let thread = thread.stack_size(UNPROVEN_STACK);
            let handle = thread
                .spawn(move || accept(&socket, &door))
                .map_err(system)?;
            listener.threads.push(handle);
        }
        Ok(listener)
    }

    /// Where it listens, with the real port.
    pub(super) fn addresses(&self) -> &[SocketAddr] {
        &self.addresses
    }

    /// The next that comes; `None` when nobody does until the deadline.
    pub(super) fn wait(&self, deadline: Option<Deadline>) -> Option<Arrival> {
        let arrival = match deadline {
            None => self.arrivals.recv().ok(),
            Some(deadline) => {
                let left = deadline.remaining().unwrap_or(Duration::ZERO);
                self.arrivals.recv_timeout(left).ok()
            }
        };
        if let Some(Arrival::Peer(_)) = arrival {
            self.door.waiting.fetch_sub(1, Ordering::Relaxed);
        }
        arrival
    }

    /// How many peers have proven themselves and wait to be taken.
    pub(super) fn waiting(&self) -> &Arc<AtomicUsize> {
        &self.door.waiting
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.door.closed.store(true, Ordering::SeqCst);
        // A blocked accept only comes back for a connection, so each socket gets one.
        let mut woken = true;
        for address in &self.addresses {
            let reachable = SocketAddr::new(loopback_of(address.ip()), address.port());
            woken &= TcpStream::connect_timeout(&reachable, WAKE_UP).is_ok();
        }
        for thread in self.threads.drain(..).filter(|_| woken) {
            // It can only have panicked, and is over then as well.
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

/// The accept loop only hands over: it counts, spawns, and goes on.
fn accept(socket: &TcpListener, door: &Arc<Door>) {
    loop {
        let accepted = socket.accept();
        if door.closed.load(Ordering::SeqCst) {
            return;
        }
        let Ok((stream, peer)) = accepted else {
            std::thread::sleep(EXHAUSTED_PAUSE);
            continue;
        };
        let Some(place) = Place::take(door) else {
            continue;
        };
        let thread = std::thread::Builder::new().name("handshake".into());
        let serve = {
            let door = Arc::clone(door);
            move || serve(stream, peer, &door, place)
        };
        if thread.stack_size(UNPROVEN_STACK).spawn(serve).is_err() {
            std::thread::sleep(EXHAUSTED_PAUSE);
        }
    }
}

/// One of the places for connections that have not proven themselves; given back when dropped.
struct Place(Arc<Door>);

impl Place {
    fn take(door: &Arc<Door>) -> Option<Place> {
        let place = Place(Arc::clone(door));
        let taken = door.unproven.fetch_add(1, Ordering::SeqCst);
        (taken < limits::UNPROVEN_CONNECTIONS).then_some(place)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.0.unproven.fetch_sub(1, Ordering::SeqCst);
    }
}

/// A connection from accept to where it belongs.
fn serve(stream: TcpStream, peer: SocketAddr, door: &Arc<Door>, place: Place) {
    let find = |name: &DiallerName| name.is_absent().then_some(&*door.secret);
    let arrival = match answer(stream, door.role, door.idle_limit, find) {
        Ok(Caller::Join(request, connection)) => {
            // A stream that cannot join is the dialler's to miss.
            let _ = join(request, connection, door);
            return;
        }
        Ok(Caller::Session(DiallerRole::Ping, mut authenticated)) => {
            drop(place);
            match ping::answer(&mut authenticated) {
                Ok(()) => Arrival::Pinged { peer },
                Err(error) => Arrival::TurnedAway { peer, error },
            }
        }
        Ok(Caller::Session(DiallerRole::Transfer(_), authenticated)) => {
            let gate = Arc::new(JoinGate::new(authenticated.shared.clone()));
            door.open_gate(&gate);
            match Established::new(peer, *authenticated, Origin::Accepted(gate)) {
                Ok(session) => {
                    door.waiting.fetch_add(1, Ordering::Relaxed);
                    Arrival::Peer(Box::new(session))
                }
                Err(error) => Arrival::TurnedAway { peer, error },
            }
        }
        Err(turned) if turned.spent_a_guess => Arrival::ProofFailed { peer },
        Err(turned) => Arrival::TurnedAway {
            peer,
            error: turned.error,
        },
    };
    match door.arrivals.try_send(arrival) {
        Ok(()) | Err(TrySendError::Disconnected(_)) => {}
        // Proofs must be counted and peers be served, whatever noise there is besides.
        Err(TrySendError::Full(Arrival::TurnedAway { .. } | Arrival::Pinged { .. })) => {}
        Err(TrySendError::Full(arrival)) => {
            let _ = door.arrivals.send(arrival);
        }
    }
}

fn join(request: JoinRequest, mut connection: Connection, door: &Door) -> Result<(), SessionError> {
    let gate = lock(&door.gates)
        .get(&request.session_id())
        .and_then(Weak::upgrade);
    let Some(gate) = gate else {
        refuse(&mut connection, &HandshakeError::NoSession);
        return Ok(());
    };
    let (number, body) = request.accept(&gate.shared.keys)?;
    let Some(queue) = gate.admit(number) else {
        refuse(&mut connection, &HandshakeError::NoSession);
        return Ok(());
    };
    connection.write_all(&frame(FrameKind::Join, &body), &[])?;
    queue.push(JoinedStream { number, connection });
    Ok(())
}

impl Door {
    fn open_gate(&self, gate: &Arc<JoinGate>) {
        let mut gates = lock(&self.gates);
        gates.retain(|_, gate| gate.strong_count() > 0);
        gates.insert(gate.shared.keys.session_id(), Arc::downgrade(gate));
    }
}

/// Where the further streams of one session come in: only while a transfer waits for some, no more
/// than it waits for, and each number once.
pub(super) struct JoinGate {
    shared: Shared,
    state: Mutex<GateState>,
}

#[derive(Default)]
struct GateState {
    used: HashSet<StreamNumber>,
    open: Option<(Arc<StreamQueue>, u16)>,
}

impl JoinGate {
    fn new(shared: Shared) -> Self {
        JoinGate {
            shared,
            state: Mutex::default(),
        }
    }

    /// Lets `count` streams into `queue`, until this is called again.
    pub(super) fn open(&self, queue: Arc<StreamQueue>, count: u16) {
        lock(&self.state).open = Some((queue, count));
    }

    fn admit(&self, number: StreamNumber) -> Option<Arc<StreamQueue>> {
        let mut state = lock(&self.state);
        if state.used.contains(&number) {
            return None;
        }
        let (queue, left) = state.open.as_mut()?;
        *left = left.checked_sub(1)?;
        let queue = Arc::clone(queue);
        state.used.insert(number);
        Some(queue)
    }
}
