//! Waiting for peers: the accept loop, a thread for each connection that has not proven itself, and
//! the gates through which further streams reach their sessions.

use crate::crypto::{Secret, TotpKey};
use crate::model::{limits, quoted};
use crate::protocol::{
    DiallerName, DiallerRole, FrameKind, HandshakeError, JoinRequest, Message, Ping, Role, frame,
};
use crate::session::connection::clock::Deadline;
use crate::session::connection::handshake::{
    Authenticated, Caller, HandshakePolicy, answer, refuse,
};
use crate::session::connection::join::JoinedStream;
use crate::session::connection::join_gate::JoinGate;
use crate::session::connection::session::{Origin, Session};
use crate::session::connection::socket;
use crate::session::connection::transport::Connection;
use crate::session::error::Error;
use crate::session::listen::admission::{Admission, Pass};
use crate::session::listen::guest_book::{Budget, Claim, Network, Subject};
use crate::session::listen::ping_answer;
use crate::session::listen::secrets::{Name, Secrets, Snapshot};
use crate::session::listen::slots::{Holder, SessionSlots, Slot};
use crate::session::listen::tickets::{FoundTicket, Tickets};
use crate::session::options::ListenAddress;
use crate::session::second_factor::UsedCodes;
use crate::session::sync::lock;
use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{self, Receiver, SyncSender};
use std::sync::{Arc, Mutex, Weak};
use std::time::Duration;

/// Stack of a thread that serves somebody unproven.
const UNPROVEN_STACK: usize = 512 * 1024;

/// Pause when the system has no descriptors or threads left, and nothing to be given up for them.
const EXHAUSTED_PAUSE: Duration = Duration::from_millis(100);

/// Pause for a connection that was given up to be closed.
const CLOSING_PAUSE: Duration = Duration::from_millis(5);

/// How long the accept loop may take to notice that it is to end.
const WAKE_UP: Duration = Duration::from_millis(500);

/// Peers that have come and wait to be taken.
const ARRIVALS: usize = 64;

/// Sockets that listen, and the peers that came through them.
pub(crate) struct Listener {
    addresses: Vec<SocketAddr>,
    arrivals: Receiver<Arrival>,
    door: Arc<Door>,
    threads: Vec<std::thread::JoinHandle<()>>,
}

/// Whom a listener lets in.
pub(crate) struct Terms {
    pub(crate) role: Role,
    pub(crate) secrets: Secrets,
    /// Room for proven peers; a peer that finds none is told so.
    pub(crate) slots: Arc<SessionSlots>,
    pub(crate) idle_limit: Duration,
    pub(crate) guesses: Budget,
}

/// Somebody came.
pub(crate) enum Arrival {
    /// A peer that has proven itself and wants the transfer that this side waits for. It gets heartbeats
    /// already, however long it has to wait for its turn.
    Peer(Box<ProvenGuest>),
    /// A proof failed, or was not even tried once the Hello was answered. [`Listener::failed_proofs`] counts
    /// them all, also those that nobody is told of because too much happens at once.
    ProofFailed { peer: SocketAddr },
    /// Somebody was turned away before a secret was tried.
    TurnedAway { peer: SocketAddr, error: Error },
    /// Somebody proved itself and only wanted to know that.
    Pinged { peer: SocketAddr },
    /// There is something to say about the secrets.
    News { message: String },
    /// Nobody: the thread that waits should look whether anything has changed.
    Woken,
}

/// A proven peer.
pub(crate) struct ProvenGuest {
    pub(crate) session: Session,
    /// The name of its secret, where the secrets have names.
    pub(crate) name: Option<Name>,
    pub(crate) slot: Slot,
}

/// What the threads of a listener share.
struct Door {
    terms: Terms,
    arrivals: SyncSender<Arrival>,
    gates: Mutex<HashMap<[u8; 16], Weak<JoinGate>>>,
    admission: Arc<Admission>,
    tickets: Tickets,
    codes: UsedCodes,
    ping_slots: Arc<SessionSlots>,
    /// Peers among the arrivals.
    waiting: Arc<AtomicUsize>,
    closed: AtomicBool,
}

impl Listener {
    /// Listens, and lets peers in from now on.
    ///
    /// # Errors
    /// [`Error::CannotListen`], or [`Error::System`] without threads.
    pub(crate) fn open(address: &ListenAddress, terms: Terms) -> Result<Self, Error> {
        let sockets = socket::listen(address)?;
        let system = |source| Error::System { source };
        let addresses: Result<Vec<_>, _> = sockets.iter().map(TcpListener::local_addr).collect();
        let (sender, arrivals) = mpsc::sync_channel(ARRIVALS);
        let descriptors = socket::descriptor_limit();
        let admission = Admission::new(terms.guesses, descriptors);
        let door = Arc::new(Door {
            terms,
            arrivals: sender,
            gates: Mutex::default(),
            admission,
            tickets: Tickets::default(),
            codes: UsedCodes::none_yet(),
            ping_slots: SessionSlots::at_once(limits::PING_SESSIONS),
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
    pub(crate) fn addresses(&self) -> &[SocketAddr] {
        &self.addresses
    }

    /// A call that wakes the thread in [`Listener::wait`] with an [`Arrival::Woken`]. With a full queue it does
    /// nothing: that thread is awake.
    pub(crate) fn waker(&self) -> impl Fn() + Send + 'static + use<> {
        let arrivals = self.door.arrivals.clone();
        move || {
            let _ = arrivals.try_send(Arrival::Woken);
        }
    }

    /// The next that comes; `None` when nobody does until the deadline.
    pub(crate) fn wait(&self, deadline: Option<Deadline>) -> Option<Arrival> {
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

    /// Whether a peer is here that only pings.
    pub(crate) fn is_pinged(&self) -> bool {
        self.door.ping_slots.taken() > 0
    }

    /// The book of guesses, for a side that dials as well.
    pub(crate) fn admission(&self) -> Arc<Admission> {
        Arc::clone(&self.door.admission)
    }

    /// Proofs that have failed so far.
    pub(crate) fn failed_proofs(&self) -> u32 {
        self.door.admission.failed()
    }

    /// Whether no secret can be tried here any more.
    pub(crate) fn is_spent(&self) -> bool {
        self.door.admission.is_spent()
    }

    /// How many peers have proven themselves and wait to be taken.
    pub(crate) fn waiting(&self) -> &Arc<AtomicUsize> {
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
            door.make_room();
            continue;
        };
        let stream = Arc::new(stream);
        let Some(pass) = door.admission.enter(&stream, peer.ip()) else {
            continue;
        };
        let thread = std::thread::Builder::new().name("handshake".into());
        let serve = {
            let door = Arc::clone(door);
            move || serve(stream, peer, &door, pass)
        };
        if thread.stack_size(UNPROVEN_STACK).spawn(serve).is_err() {
            door.make_room();
        }
    }
}

/// A connection from accept to where it belongs.
fn serve(stream: Arc<TcpStream>, peer: SocketAddr, door: &Arc<Door>, pass: Pass) {
    let (secrets, news) = door.terms.secrets.snapshot();
    if let Some(message) = news {
        door.tell(Arrival::News { message });
    }
    let mut visit = Visit {
        door,
        peer,
        pass,
        secrets,
        name: None,
        ticket: None,
        second_factor: None,
        slot: None,
    };
    let mut answered = answer(stream, door.terms.role, door.terms.idle_limit, &mut visit);
    if let Ok(Caller::Session(role, authenticated)) = &mut answered
        && let Err(arrival) = visit.take_code(*role, authenticated)
    {
        door.tell(*arrival);
        return;
    }
    let Visit {
        pass,
        secrets,
        name,
        slot,
        ..
    } = visit;
    let arrival = match answered {
        Ok(Caller::Join(request, connection)) => {
            // A stream that cannot join is the dialler's to miss.
            let _ = join(request, *connection, door);
            return;
        }
        Ok(Caller::Session(DiallerRole::Ping, mut authenticated)) => {
            drop(pass);
            let answered = ping_answer::answer(&mut authenticated);
            drop(slot);
            match answered {
                Ok(()) => Arrival::Pinged { peer },
                Err(error) => Arrival::TurnedAway { peer, error },
            }
        }
        Ok(Caller::Session(DiallerRole::Transfer(_), mut authenticated)) => {
            let Some(slot) = slot else {
                return;
            };
            let gate = Arc::new(JoinGate::new(authenticated.shared.clone()));
            door.open_gate(&gate);
            slot.begun(&authenticated.shared.liveness);
            let proven_by = name.clone().map(|name| (name, secrets));
            let key = authenticated.shared.keys.return_ticket();
            let socket = authenticated.reader.connection().socket();
            door.tickets.issue(key, proven_by, gate.ended(), socket);
            match Session::new(peer, *authenticated, Origin::Accepted(gate)) {
                Ok(session) => Arrival::Peer(Box::new(ProvenGuest {
                    session,
                    name,
                    slot,
                })),
                Err(error) => Arrival::TurnedAway { peer, error },
            }
        }
        Err(rejected) if rejected.spent_a_guess => Arrival::ProofFailed { peer },
        Err(rejected) => Arrival::TurnedAway {
            peer,
            error: rejected.error,
        },
    };
    door.tell(arrival);
}

/// What the listener decides about one connection.
struct Visit<'a> {
    door: &'a Door,
    peer: SocketAddr,
    pass: Pass,
    secrets: Snapshot,
    name: Option<Name>,
    /// The ticket of the session that it comes back to.
    ticket: Option<FoundTicket>,
    /// What makes the codes of that name, where it owes one.
    second_factor: Option<Arc<TotpKey>>,
    slot: Option<Slot>,
}

impl HandshakePolicy for Visit<'_> {
    fn reserve(&mut self, name: &DiallerName) -> Result<Option<&Secret>, HandshakeError> {
        if let Some(ticket) = self.door.tickets.find(name, &self.secrets) {
            self.pass.claim(Claim::Return(ticket.id))?;
            self.name = ticket.name.clone();
            let ticket = self.ticket.insert(ticket);
            return Ok(Some(ticket.key.secret()));
        }
        let found = self.secrets.find(name);
        let subject = match (&self.secrets, &found) {
            // Nothing is hidden by an answer where there are no names.
            (Snapshot::One(_), None) => return Err(HandshakeError::Unproven),
            (Snapshot::One(_), Some(_)) => Subject::Sole,
            (Snapshot::Named(_), Some((_, Some(named)))) => {
                Subject::Named(named.name.as_str().into())
            }
            (Snapshot::Named(_), _) => Subject::Unknown,
        };
        self.pass.claim(Claim::Word(subject))?;
        let named = found.and_then(|(_, named)| named);
        self.name = named.map(Name::of);
        self.second_factor = named.and_then(|named| named.second_factor.clone());
        Ok(found.map(|(secret, _)| secret))
    }

    fn give_back(&mut self) {
        self.pass.give_back();
    }

    fn spend(&mut self) {
        self.pass.spend();
    }

    fn admit(&mut self, role: DiallerRole) -> Result<(), HandshakeError> {
        self.pass.prove();
        if let Some(ticket) = &self.ticket
            && !self.door.tickets.redeem(ticket.id)
        {
            return Err(HandshakeError::Busy);
        }
        match (&self.name, &self.second_factor) {
            (Some(name), Some(_)) => {
                let subject = Subject::Code(name.text.as_str().into());
                self.pass.claim(Claim::Word(subject))
            }
            _ => self.take_seat(role),
        }
    }

    fn greeting(&self) -> Option<Message> {
        match (&self.secrets, &self.second_factor) {
            // Who comes back by a key of its session owes none.
            _ if self.ticket.is_some() => None,
            (Snapshot::One(_), _) => None,
            (Snapshot::Named(_), None) => Some(Message::Ping(Ping::default())),
            (Snapshot::Named(_), Some(_)) => Some(Message::CodeWanted),
        }
    }
}

impl Visit<'_> {
    fn take_seat(&mut self, role: DiallerRole) -> Result<(), HandshakeError> {
        let holder = match &self.name {
            Some(name) => Holder::Name(name.text.clone()),
            None => Holder::Network(Network::of(self.peer.ip())),
        };
        let slots = match role {
            DiallerRole::Ping => &self.door.ping_slots,
            DiallerRole::Transfer(_) => &self.door.terms.slots,
        };
        self.slot = Some(slots.take(holder).ok_or(HandshakeError::Busy)?);
        Ok(())
    }

    /// Takes the code of a peer that owes one, and then a slot. What came of it where that fails.
    fn take_code(
        &mut self,
        role: DiallerRole,
        session: &mut Authenticated,
    ) -> Result<(), Box<Arrival>> {
        let (Some(name), Some(key)) = (&self.name, &self.second_factor) else {
            return Ok(());
        };
        let peer = self.peer;
        if let Err(error) = self.door.codes.expect(session, &name.text, key) {
            self.pass.spend();
            session.writer.abort(&error);
            let (name, peer) = (quoted(name.text.as_bytes()), peer.ip().to_canonical());
            let message = format!("{name} at {peer} gave no right one-time code: {error}");
            return Err(Box::new(Arrival::News { message }));
        }
        self.pass.prove();
        self.take_seat(role).map_err(|busy| {
            let error = Error::from(busy);
            session.writer.abort(&error);
            Box::new(Arrival::TurnedAway { peer, error })
        })
    }
}

fn join(request: JoinRequest, mut connection: Connection, door: &Door) -> Result<(), Error> {
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
    /// Something is used up, descriptors or threads: an unproven connection is given up for it, and
    /// without one the others are waited for.
    fn make_room(&self) {
        std::thread::sleep(match self.admission.make_room() {
            true => CLOSING_PAUSE,
            false => EXHAUSTED_PAUSE,
        });
    }

    /// Hands an arrival over, and never blocks: while nobody takes arrivals and the queue is full, news are
    /// dropped and peers hung up on.
    fn tell(&self, arrival: Arrival) {
        let is_peer = matches!(arrival, Arrival::Peer(_));
        if is_peer {
            self.waiting.fetch_add(1, Ordering::Relaxed);
        }
        if self.arrivals.try_send(arrival).is_err() && is_peer {
            self.waiting.fetch_sub(1, Ordering::Relaxed);
        }
    }

    fn open_gate(&self, gate: &Arc<JoinGate>) {
        let mut gates = lock(&self.gates);
        gates.retain(|_, gate| gate.strong_count() > 0);
        gates.insert(gate.shared.keys.session_id(), Arc::downgrade(gate));
    }
}
