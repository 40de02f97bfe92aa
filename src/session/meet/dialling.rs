//! Dials peers that were found, each on a thread, and collects the news of all threads in one place.

use crate::crypto::{ReturnTicket, Secret};
use crate::model::limits;
use crate::protocol::{DiallerRole, Instance, Message, Role};
use crate::session::connection::clock::Deadline;
use crate::session::connection::handshake::{DiallerCredential, dial, handshake_deadline};
use crate::session::connection::session::{Origin, Session};
use crate::session::connection::socket::dial_address;
use crate::session::discovery::Found;
use crate::session::error::Error;
use crate::session::listen::admission::{Admission, Pass};
use crate::session::listen::guest_book::{Claim, Subject};
use crate::session::sync::lock;
use std::collections::{HashSet, VecDeque};
use std::io;
use std::net::{SocketAddr, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread::Builder;
use std::time::Duration;

/// How long a TCP connection may take on a network of this machine.
const CONNECT_WAIT: Duration = Duration::from_secs(3);

/// Stack size of a thread that dials or waits for a first message, in bytes.
const STACK: usize = 512 * 1024;

/// The most unread news. A find beyond that is dropped, and found again with the peer's next query.
const NEWS: usize = 256;

/// News from other threads during a search.
pub(super) enum News {
    /// A peer was found.
    Found(Found),
    /// A connection to this instance was made, and it gets the Hello.
    HasHello(Instance),
    /// A dial has ended.
    Dialled(Dialled),
    /// The first message of a session has come and can be read from it, or the session has failed.
    Spoke(Box<Result<Session, Error>>),
}

/// A dial that has ended.
pub(super) struct Dialled {
    pub(super) instance: Instance,
    pub(super) address: SocketAddr,
    /// Whether a Hello was sent.
    pub(super) with_hello: bool,
    pub(super) result: Result<Box<Session>, Error>,
}

/// Where threads leave their news for the searching thread.
pub(super) struct Mailbox {
    state: Mutex<MailState>,
    wake: Box<dyn Fn() + Send + Sync>,
}

#[derive(Default)]
struct MailState {
    news: VecDeque<News>,
    /// Instances that have received a Hello and not proven the secret.
    greeted: HashSet<Instance>,
    is_closed: bool,
}

impl Mailbox {
    /// An empty mailbox. `wake` wakes the searching thread.
    pub(super) fn new(wake: impl Fn() + Send + Sync + 'static) -> Arc<Self> {
        Arc::new(Mailbox {
            state: Mutex::default(),
            wake: Box::new(wake),
        })
    }

    /// Leaves news. If the mailbox is closed, they are dropped, including a session.
    pub(super) fn put(&self, news: News) {
        let mut state = lock(&self.state);
        let is_full = state.news.len() >= NEWS && matches!(news, News::Found(_));
        if state.is_closed || is_full {
            return;
        }
        state.news.push_back(news);
        drop(state);
        (self.wake)();
    }

    /// The oldest news.
    pub(super) fn take(&self) -> Option<News> {
        lock(&self.state).news.pop_front()
    }

    /// Closes the mailbox. Dials that have sent no Hello end.
    pub(super) fn close(&self) {
        let mut state = lock(&self.state);
        state.is_closed = true;
        state.news.clear();
    }

    /// Whether a handshake of this side is under way.
    pub(super) fn is_greeting(&self) -> bool {
        !lock(&self.state).greeted.is_empty()
    }

    /// Whether this instance may get a Hello. Not while it has one at another address.
    fn greet(&self, instance: Instance) -> bool {
        let mut state = lock(&self.state);
        !state.is_closed
            && state.greeted.len() < limits::FAILED_PROOFS as usize
            && state.greeted.insert(instance)
    }

    fn has_answered(&self, instance: Instance) {
        lock(&self.state).greeted.remove(&instance);
    }
}

/// What all dials of a search have in common.
#[derive(Clone)]
pub(super) struct Dialler {
    pub(super) mailbox: Arc<Mailbox>,
    /// That of the listener, so that both directions charge wrong secrets to one budget.
    pub(super) admission: Arc<Admission>,
    pub(super) secret: Arc<Secret>,
    /// With this, this side can return to a lost session.
    pub(super) ticket: Option<Arc<ReturnTicket>>,
    pub(super) role: Role,
    pub(super) idle_limit: Duration,
}

impl Dialler {
    /// Dials on a thread of its own, where both sides then prove the secret.
    ///
    /// # Errors
    /// The system has no thread to give.
    pub(super) fn start(&self, instance: Instance, address: SocketAddr) -> io::Result<()> {
        let dialler = self.clone();
        spawn("dial", move || {
            let dialled = dialler.dial(instance, address);
            dialler.mailbox.put(News::Dialled(dialled));
        })
    }

    fn dial(&self, instance: Instance, address: SocketAddr) -> Dialled {
        let ended = |with_hello, result| Dialled {
            instance,
            address,
            with_hello,
            result,
        };
        let stream = match connect(address) {
            Ok(stream) => stream,
            Err(error) => return ended(false, Err(error)),
        };
        if !self.mailbox.greet(instance) {
            return ended(false, Err(Error::Busy));
        }
        let result = self.meet(instance, stream, address);
        self.mailbox.has_answered(instance);
        ended(true, result)
    }

    /// Proves the key of a lost session, if there was one, or else the code.
    fn meet(
        &self,
        instance: Instance,
        stream: Arc<TcpStream>,
        address: SocketAddr,
    ) -> Result<Box<Session>, Error> {
        let Some(ticket) = &self.ticket else {
            return self.prove_code(instance, stream, address);
        };
        self.mailbox.put(News::HasHello(instance));
        // Nobody can guess the key, so it is not charged as a guess.
        match self.prove(stream, address, DiallerCredential::Return(ticket)) {
            // The peer was restarted, or it is another one.
            Err(Error::WrongSecret { .. } | Error::Unconfirmed { .. }) => {
                self.prove_code(instance, connect(address)?, address)
            }
            returned => returned,
        }
    }

    fn prove_code(
        &self,
        instance: Instance,
        stream: Arc<TcpStream>,
        address: SocketAddr,
    ) -> Result<Box<Session>, Error> {
        match self.admission.enter(&stream, address.ip()) {
            Some(pass) if pass.claim(Claim::Word(Subject::Sole)).is_ok() => {
                self.mailbox.put(News::HasHello(instance));
                let credential = DiallerCredential::Word {
                    secret: &self.secret,
                    name: None,
                };
                let result = self.prove(stream, address, credential);
                settle(&pass, &result);
                result
            }
            _ => Err(Error::Busy),
        }
    }

    fn prove(
        &self,
        stream: Arc<TcpStream>,
        address: SocketAddr,
        credential: DiallerCredential<'_>,
    ) -> Result<Box<Session>, Error> {
        let role = DiallerRole::Transfer(self.role);
        let nothing = |_: &mut _| Ok(());
        let answer_by = handshake_deadline();
        let (authenticated, ()) = dial(
            stream,
            credential,
            role,
            answer_by,
            self.idle_limit,
            nothing,
        )?;
        let session = Session::new(address, authenticated, Origin::Dialled)?;
        if self.role == Role::Receive {
            session.say(&Message::Ready)?;
        }
        Ok(Box::new(session))
    }
}

fn connect(address: SocketAddr) -> Result<Arc<TcpStream>, Error> {
    match dial_address(address, Deadline::after(CONNECT_WAIT)) {
        Ok(stream) => Ok(Arc::new(stream)),
        Err(source) => {
            let address = address.to_string();
            Err(Error::NoConnection { address, source })
        }
    }
}

/// Charges a dial to the budget of guesses: a listener that received this side's proof and gave none had one
/// guess.
fn settle(pass: &Pass, result: &Result<Box<Session>, Error>) {
    match result {
        Ok(_) => pass.prove(),
        Err(Error::WrongSecret { .. } | Error::Unconfirmed { .. }) => pass.spend(),
        Err(_) => pass.give_back(),
    }
}

/// Waits for the first message of a session on a thread of its own. The message stays in the session, to be read
/// again.
///
/// # Errors
/// The system has no thread to give.
pub(super) fn hear_first(mut session: Session, mailbox: &Arc<Mailbox>) -> io::Result<()> {
    let mailbox = Arc::clone(mailbox);
    spawn("first", move || {
        let heard = session.hear();
        let spoke = heard.map(|message| {
            session.put_back(message);
            session
        });
        mailbox.put(News::Spoke(Box::new(spoke)));
    })
}

fn spawn(name: &str, work: impl FnOnce() + Send + 'static) -> io::Result<()> {
    let thread = Builder::new().name(name.into()).stack_size(STACK);
    thread.spawn(work).map(drop)
}
