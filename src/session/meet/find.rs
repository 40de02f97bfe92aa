//! Meeting a peer that has the same code, on any network of this machine: both sides listen, search and dial.
//!
//! More than one connection may be proven. The sender chooses: a connection that it dialled, or one that it
//! accepted while no dial of its own was in its handshake. The receiver waits on all its connections for the first
//! message, and so follows. The other connections are closed silently and cost no guess.

use crate::crypto::ReturnTicket;
use crate::protocol::{Presence, Role};
use crate::session::connection::clock::Deadline;
use crate::session::connection::join_gate::SessionEnd;
use crate::session::connection::session::{Origin, Session};
use crate::session::discovery::{Found, Lookout};
use crate::session::error::Error;
use crate::session::events::{Event, Operator, StillLooking};
use crate::session::listen::listener::Listener;
use crate::session::listen::listener_state::{Arrival, ProvenGuest, Terms};
use crate::session::listen::slots::{Holder, SessionSlots, Slot};
use crate::session::meet::dial_plan::{DialEnd, DialPlan};
use crate::session::meet::dialling::{Dialled, Dialler, Mailbox, News, hear_first};
use crate::session::meet::waiting::{LAST_WORDS, Occasion};
use crate::session::options::{Connect, Discovery, FindOptions, ListenAddress};
use std::io::ErrorKind;
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::num::NonZeroU16;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How long a sender that was dialled waits for its own dial that has sent a Hello.
const OWN_DIAL: Duration = Duration::from_secs(1);

/// After this long, the operator is told what may be wrong.
const PATIENCE: Duration = Duration::from_secs(10);

/// The most addresses of one kind to report to the operator.
const TOLD_ADDRESSES: usize = 8;

/// The state that stays between two searches for the peer.
pub(super) struct CodeSearch<'a> {
    options: &'a FindOptions,
    listener: Listener,
    port: NonZeroU16,
    /// Set when a session that this side dialled has ended.
    ended: SessionEnd,
}

impl<'a> CodeSearch<'a> {
    /// Listens on the port of `options`, or on any if that is taken.
    ///
    /// # Errors
    /// [`Error::CannotListen`] and [`Error::System`].
    pub(super) fn open(
        options: &'a FindOptions,
        connect: &Connect,
        role: Role,
        operator: &dyn Operator,
    ) -> Result<Self, Error> {
        let listen = |address: &ListenAddress| {
            let terms = Terms::of(connect, role, SessionSlots::at_once(1));
            Listener::open(address, terms)
        };
        let listener = match listen(&options.listen) {
            Err(Error::CannotListen { source, .. }) if source.kind() == ErrorKind::AddrInUse => {
                listen(&ListenAddress {
                    port: 0,
                    ..options.listen.clone()
                })?
            }
            opened => opened?,
        };
        if options.discovery == Discovery::Off {
            // Discovery is off, so a person must tell the other side this address.
            listener.announce(operator);
        }
        let port = listener.addresses().first().map(SocketAddr::port);
        let port = port.and_then(NonZeroU16::new);
        Ok(CodeSearch {
            options,
            port: port.ok_or(Error::nobody_came(None))?,
            listener,
            ended: SessionEnd::default(),
        })
    }

    /// Searches for the peer. With a `ticket`, returns to a lost session.
    ///
    /// # Errors
    /// [`Error`]: nobody came, wrong secret, cancelled, and others.
    pub(super) fn find(
        &mut self,
        connect: &Connect,
        operator: &dyn Operator,
        role: Role,
        occasion: Occasion,
        ticket: Option<&Arc<ReturnTicket>>,
    ) -> Result<Chosen, Error> {
        // Already set if the peer dialled: then the listener sets it.
        let _ = self.ended.set(Instant::now());
        let listener = &self.listener;
        let mailbox = Mailbox::new(listener.waker());
        let presence = Presence::Meeting {
            role,
            channel: self.options.channel,
            port: self.port,
        };
        let news = Arc::clone(&mailbox);
        let on_found = move |found| news.put(News::Found(found));
        let lookout = Lookout::start(self.options.discovery, presence, on_found);
        // A peer that knows the address can still dial.
        let lookout = lookout.inspect_err(|error| {
            operator.warn(&format!("this network cannot be searched: {error}"));
        });
        let mut search = Search {
            connect,
            operator,
            listener,
            role,
            occasion,
            plan: DialPlan::new(role),
            dialler: Dialler {
                mailbox,
                admission: Arc::clone(listener.admission()),
                secret: Arc::clone(&connect.secret),
                ticket: ticket.map(Arc::clone),
                role,
                idle_limit: connect.idle_timeout,
            },
            lookout: lookout.ok(),
            accepted: None,
            waiting: Vec::new(),
            unreachable: Vec::new(),
            same_role: Vec::new(),
            told_proofs: listener.admission().failed(),
            spent: None,
            tell_at: Some(Instant::now() + PATIENCE),
        };
        let found = search.run();
        drop(search);
        let mut chosen = found?;
        self.expect_back(&mut chosen.session);
        let slots = self.listener.slots();
        let peer = Holder::of(None, chosen.session.peer);
        chosen.slot = chosen.slot.or_else(|| slots.take(peer, false));
        Ok(chosen)
    }

    /// If the session is lost, either side may dial again. So the side that dialled must accept a return, too; the
    /// other side always does.
    fn expect_back(&mut self, session: &mut Session) {
        self.ended = SessionEnd::default();
        if let Origin::Dialled = session.origin {
            let ticket = session.shared.keys.return_ticket();
            let socket = session.reader.connection().socket();
            let ended = Arc::clone(&self.ended);
            self.listener.expect_back(ticket, ended, socket);
        }
    }
}

/// One search for the peer. When it ends, nothing more is sent or answered.
struct Search<'a> {
    connect: &'a Connect,
    operator: &'a dyn Operator,
    listener: &'a Listener,
    role: Role,
    occasion: Occasion,
    plan: DialPlan,
    dialler: Dialler,
    lookout: Option<Lookout>,
    /// A connection that a sender has accepted, and until when it waits for one that it dialled.
    accepted: Option<(Box<ProvenGuest>, Instant)>,
    /// Connections on which a receiver waits for the first message.
    waiting: Vec<WaitingPeer>,
    unreachable: Vec<SocketAddr>,
    same_role: Vec<SocketAddr>,
    /// How many failed proofs were reported to the operator.
    told_proofs: u32,
    /// Since when no more proofs are allowed.
    spent: Option<Instant>,
    tell_at: Option<Instant>,
}

/// A connection whose session belongs to the thread that waits for its first message.
struct WaitingPeer {
    socket: Arc<TcpStream>,
    slot: Option<Slot>,
}

/// The connection that is used.
pub(super) struct Chosen {
    pub(super) session: Session,
    /// The listener's slot for it.
    pub(super) slot: Option<Slot>,
    /// Whether the sender dialled and has yet to make its offer.
    pub(super) offer_is_due: bool,
}

impl Search<'_> {
    /// Waits until a connection is proven and chosen, or time is up.
    ///
    /// # Errors
    /// [`Error`]: nobody came, wrong secret, cancelled, and others.
    fn run(&mut self) -> Result<Chosen, Error> {
        let wait = self.occasion.wait(self.connect);
        let end = wait.map(|wait| Instant::now() + wait);
        loop {
            self.connect.cancel.check()?;
            while let Some(news) = self.dialler.mailbox.take() {
                if let Some(chosen) = self.on_news(news)? {
                    return Ok(chosen);
                }
            }
            let now = Instant::now();
            self.check_budget(now)?;
            if let Some(chosen) = self.on_time(now) {
                return Ok(chosen);
            }
            if end.is_some_and(|end| now >= end) {
                return Err(self.occasion.nobody_came(self.listener, self.connect));
            }
            let own_dial = self.accepted.as_ref().map(|(_, until)| *until);
            let last_words = self.spent.map(|spent| spent + LAST_WORDS);
            let times = [end, self.plan.next(), own_dial, self.tell_at, last_words];
            let next = times.into_iter().flatten().min();
            let deadline = next.map(|next| Deadline::after(next.saturating_duration_since(now)));
            if let Some(arrival) = self.listener.wait(deadline)
                && let Some(chosen) = self.on_arrival(arrival)?
            {
                return Ok(chosen);
            }
        }
    }

    fn on_news(&mut self, news: News) -> Result<Option<Chosen>, Error> {
        match news {
            News::Found(found) => self.on_found(&found),
            News::HasHello(instance) => self.plan.has_hello(instance),
            News::Dialled(dialled) => return self.on_dialled(dialled),
            News::Spoke(spoke) => return self.on_spoke(*spoke),
        }
        Ok(None)
    }

    fn on_found(&mut self, found: &Found) {
        match found.presence {
            Presence::Meeting { role, .. } if role != self.role => {
                self.plan
                    .found(found.instance, found.address, Instant::now());
            }
            Presence::Meeting { .. } => note(&mut self.same_role, found.address),
            Presence::Looking | Presence::Serving { .. } => {}
        }
    }

    fn on_dialled(&mut self, dialled: Dialled) -> Result<Option<Chosen>, Error> {
        let Dialled {
            instance,
            address,
            with_hello,
            result,
        } = dialled;
        let error = match result {
            Ok(session) if self.role == Role::Send => {
                return Ok(Some(self.choose(*session, None, true)));
            }
            Ok(session) => {
                self.wait_for_message(*session, None)?;
                return Ok(None);
            }
            Err(error) => error,
        };
        let end = match &error {
            Error::WrongSecret { .. } | Error::Unconfirmed { .. } => {
                self.proof_failed(address);
                DialEnd::Out
            }
            Error::NotPeerbridge { cause: None, .. }
            | Error::Version { .. }
            | Error::SameRole { .. }
            | Error::NotVerified { .. } => DialEnd::Out,
            _ => DialEnd::Unreachable,
        };
        if !with_hello {
            note(&mut self.unreachable, address);
        }
        self.plan
            .ended(instance, address, with_hello, end, Instant::now());
        Ok(None)
    }

    fn on_spoke(&mut self, spoke: Result<Session, Error>) -> Result<Option<Chosen>, Error> {
        match spoke {
            Ok(mut session) => {
                let socket = Arc::clone(session.reader.connection().socket());
                let position = self
                    .waiting
                    .iter()
                    .position(|one| Arc::ptr_eq(&one.socket, &socket));
                let slot = position.and_then(|position| self.waiting.swap_remove(position).slot);
                Ok(Some(self.choose(session, slot, false)))
            }
            // A proven peer says that it is in a session with another one.
            Err(Error::Busy) if self.occasion == Occasion::First => Err(Error::Busy),
            Err(_) => {
                // The thread that failed has dropped its session, so nothing else holds that socket any more.
                self.waiting
                    .retain(|one| Arc::strong_count(&one.socket) > 1);
                Ok(None)
            }
        }
    }

    fn on_arrival(&mut self, arrival: Arrival) -> Result<Option<Chosen>, Error> {
        match arrival {
            Arrival::Peer(guest) if self.role == Role::Receive => {
                let ProvenGuest { session, slot, .. } = *guest;
                self.wait_for_message(session, Some(slot))?;
            }
            Arrival::Peer(guest) if self.dialler.mailbox.is_greeting() => {
                self.accepted = Some((guest, Instant::now() + OWN_DIAL));
            }
            Arrival::Peer(guest) => {
                let ProvenGuest { session, slot, .. } = *guest;
                return Ok(Some(self.choose(session, Some(slot), false)));
            }
            Arrival::ProofFailed { peer } => {
                if self.role == Role::Receive {
                    self.plan.was_dialled_from(peer.ip());
                }
                self.proof_failed(peer);
            }
            other => self.listener.mention(&other, self.operator),
        }
        Ok(None)
    }

    /// Does what is due at this moment.
    fn on_time(&mut self, now: Instant) -> Option<Chosen> {
        let has_waited = |(_, until): &mut (Box<ProvenGuest>, Instant)| *until <= now;
        let is_alone = !self.dialler.mailbox.is_greeting();
        if let Some((guest, _)) = self.accepted.take_if(|own| is_alone || has_waited(own)) {
            let ProvenGuest { session, slot, .. } = *guest;
            return Some(self.choose(session, Some(slot), false));
        }
        while let Some((instance, address)) = self.plan.due(now) {
            if let Err(error) = self.dialler.start(instance, address) {
                self.operator
                    .warn(&format!("no thread to dial {address}: {error}"));
                self.plan
                    .ended(instance, address, false, DialEnd::Unreachable, now);
            }
        }
        if self.tell_at.take_if(|at| *at <= now).is_some() {
            self.tell();
        }
        None
    }

    fn wait_for_message(&mut self, mut session: Session, slot: Option<Slot>) -> Result<(), Error> {
        self.waiting.push(WaitingPeer {
            socket: Arc::clone(session.reader.connection().socket()),
            slot,
        });
        hear_first(session, &self.dialler.mailbox).map_err(Error::system)
    }

    fn choose(&self, session: Session, slot: Option<Slot>, offer_is_due: bool) -> Chosen {
        let peer = session.peer;
        self.operator.welcome(peer);
        Chosen {
            session,
            slot,
            offer_is_due,
        }
    }

    /// The other side of this dial does not know the secret.
    fn proof_failed(&mut self, peer: SocketAddr) {
        let count = self.listener.admission().failed();
        self.told_proofs = count;
        self.operator.event(&Event::ProofFailed { peer, count });
    }

    /// # Errors
    /// [`Error::WrongSecret`] once no more proofs are allowed and all failures were reported. The peer of an
    /// earlier session may still come back.
    fn check_budget(&mut self, now: Instant) -> Result<(), Error> {
        if self.occasion == Occasion::Again || !self.listener.admission().is_spent() {
            return Ok(());
        }
        let spent = *self.spent.get_or_insert(now);
        let attempts = self.listener.admission().failed();
        match self.told_proofs >= attempts || now >= spent + LAST_WORDS {
            true => Err(Error::WrongSecret { attempts }),
            false => Ok(()),
        }
    }

    /// Reports what was seen so far, so that a person can find out what is wrong.
    fn tell(&self) {
        let sights = self.lookout.as_ref().map(Lookout::sights);
        self.operator.event(&Event::StillLooking(&StillLooking {
            listening: self.listener.addresses().to_vec(),
            unreachable: self.unreachable.clone(),
            same_role: self.same_role.clone(),
            ..sights.unwrap_or_default()
        }));
    }
}

fn note(addresses: &mut Vec<SocketAddr>, address: SocketAddr) {
    if !addresses.contains(&address) && addresses.len() < TOLD_ADDRESSES {
        addresses.push(address);
    }
}

impl Drop for Search<'_> {
    fn drop(&mut self) {
        self.dialler.mailbox.close();
        for waiting in &self.waiting {
            // The connection may be lost already.
            let _ = waiting.socket.shutdown(Shutdown::Both);
        }
    }
}
