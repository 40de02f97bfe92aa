//! A drop box: every peer that knows a secret may send files to it.

use crate::disk::RunLedger;
use crate::protocol::{Presence, Role};
use crate::session::connection::socket::streams_of_each;
use crate::session::discovery::Lookout;
use crate::session::error::Error;
use crate::session::events::{Operator, PeerOperator};
use crate::session::listen::guest_book::Budget;
use crate::session::listen::hosting::{Closing, Hosting};
use crate::session::listen::listener::Listener;
use crate::session::listen::listener_state::{ProvenGuest, Terms};
use crate::session::listen::slots::SessionSlots;
use crate::session::receive::Intake;
use crate::session::receive::options::{ReceiveOptions, ServeOptions};
use crate::session::receive::retention::Retention;
use std::io;
use std::net::SocketAddr;
use std::num::NonZeroU16;
use std::sync::atomic::{AtomicBool, Ordering};

/// Receives from many peers at once until [`ServeOptions::cancel`] is called, or until nobody came for
/// [`ServeOptions::wait`]. Each peer has its own thread, and an error of one peer does not stop the
/// others. [`Operator::received`] tells how each transfer ended. Peers with a wrong secret are answered
/// ever more slowly.
///
/// ```no_run
/// # fn example(options: &peerbridge::ServeOptions) -> Result<(), peerbridge::Error> {
/// use peerbridge::{Operator, Reception};
///
/// struct Inbox;
///
/// impl Operator for Inbox {
///     fn received(&self, reception: &Reception<'_>) {
///         match reception.outcome {
///             Ok(summary) => println!("{:?}", summary.delivered),
///             Err(error) => println!("nothing from {}: {error}", reception.peer),
///         }
///     }
/// }
///
/// peerbridge::serve(options, &Inbox)
/// # }
/// ```
///
/// # Errors
/// [`Error::CannotListen`], [`Error::System`], or [`Error::NobodyCame`] if no peer
/// came at all within [`ServeOptions::wait`].
pub fn serve(options: &ServeOptions, operator: &dyn Operator) -> Result<(), Error> {
    let retention = Retention::new(options, operator);
    retention.look();
    let terms = Terms {
        role: Role::Receive,
        secrets: options.secrets.clone(),
        slots: SessionSlots::at_once(options.max_peers),
        idle_limit: options.idle_timeout,
        guesses: Budget::Slowed,
        cancel: options.cancel.clone(),
    };
    let listener = Listener::open(&options.listen, terms)?;
    listener.announce(operator);
    let _lookout = announce(options, &listener, operator);
    let hosting = Hosting {
        wait: options.wait,
        cancel: &options.cancel,
        operator,
    };
    let streams = streams_of_each(options.max_peers);
    let ledger = RunLedger::default();
    let somebody_came = AtomicBool::new(false);
    let closing = hosting.run(&listener, &|mut guest| {
        somebody_came.store(true, Ordering::Relaxed);
        let session = &mut guest.session;
        session.shared.liveness.limit_stalls(options.stall_timeout);
        session.most_streams = streams;
        take(guest, &options.receive, &ledger, operator);
        retention.look();
    });
    match closing {
        Closing::Quiet if !somebody_came.load(Ordering::Relaxed) => {
            Err(Error::nobody_came(options.wait))
        }
        Closing::Quiet | Closing::Full | Closing::Cancelled => Ok(()),
    }
}

/// Answers peers that search the network, if that is enabled. If it fails, peers can still come by address.
fn announce(
    options: &ServeOptions,
    listener: &Listener,
    operator: &dyn Operator,
) -> Option<Lookout> {
    let port = listener.addresses().first().map(SocketAddr::port);
    let port = port.and_then(NonZeroU16::new)?;
    let lookout = Lookout::start(options.announce, Presence::Serving { port }, drop);
    let warn = |error: &io::Error| {
        operator.warn(&format!("the service cannot be announced: {error}"));
    };
    lookout.inspect_err(warn).ok()
}

/// One peer's session.
fn take(guest: ProvenGuest, options: &ReceiveOptions, ledger: &RunLedger, operator: &dyn Operator) {
    let ProvenGuest {
        mut session,
        name,
        slot,
    } = guest;
    let mut options = options.clone();
    if let Some(name) = &name {
        options.destination.push(&name.text);
        options.max_bytes = name.max_bytes.or(options.max_bytes);
        options.max_files = name.max_files.or(options.max_files);
    }
    let name = name.as_ref().map(|name| name.text.as_str());
    let operator = PeerOperator {
        operator,
        peer: session.peer,
        name,
    };
    let mut intake = Intake::new(name, &options, ledger, &operator);
    match intake.session(&mut session) {
        // A sender that leaves after its last transfer without saying so has interrupted nothing.
        Err(error) if error.is_connection_gone() && intake.is_settled() => {}
        Err(error) => intake.broke_off(&error),
        // Each transfer was reported already.
        Ok(_) => {}
    }
    drop(session);
    drop(slot);
}
