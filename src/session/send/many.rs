//! One offer to many receivers.

use crate::protocol::{Message, Role};
use crate::session::error::Error;
use crate::session::events::{Operator, PeerOperator, Summary};
use crate::session::listen::guest_book::Budget;
use crate::session::listen::hosting::{Closing, Hosting};
use crate::session::listen::listener::Listener;
use crate::session::listen::listener_state::{ProvenGuest, Terms};
use crate::session::listen::slots::SessionSlots;
use crate::session::options::{Connect, Rendezvous};
use crate::session::send::offer::SendTransfer;
use crate::session::send::options::SendOptions;
use crate::session::send::outgoing::Outgoing;
use crate::session::send::payload::Payload;
use crate::session::stats::TransferStats;
use crate::session::sync::lock;
use std::sync::{Mutex, PoisonError};

/// Receivers at once. Others are told that the sender is busy.
const AT_ONCE: usize = 16;

/// Listens and sends the same files to `count` receivers, at most 16 at a time, each in its own session.
/// A receiver whose connection was lost may come again and counts once. Returns one result for each
/// receiver, in the order in which they finished.
///
/// ```no_run
/// # fn example(connect: &peerbridge::Connect) -> Result<(), peerbridge::Error> {
/// use peerbridge::{SendOptions, Unattended};
///
/// let options = SendOptions::new(vec!["handout.pdf".into()]);
/// for result in peerbridge::send_to_many(connect, &options, 20, &Unattended)? {
///     println!("{result:?}");
/// }
/// # Ok(())
/// # }
/// ```
///
/// # Errors
/// An [`Error`] that stops the call as a whole: there is nothing to send, the port cannot be
/// listened on, nobody came, or `connect` dials instead of listening.
pub fn send_to_many(
    connect: &Connect,
    options: &SendOptions,
    count: usize,
    operator: &dyn Operator,
) -> Result<Vec<Result<Summary, Error>>, Error> {
    let Rendezvous::Listen(address) = &connect.rendezvous else {
        let reason = "several receivers are only possible if this side listens".into();
        return Err(Error::DeclinedHere { reason });
    };
    if let (Payload::Stream(_), 2..) = (&options.payload, count) {
        let reason = "contents that are read once can go to only one receiver".into();
        return Err(Error::DeclinedHere { reason });
    }
    let outgoing = Outgoing::scan(options, operator)?;
    let terms = Terms {
        guesses: Budget::Slowed,
        ..Terms::of(connect, Role::Send, SessionSlots::limited(AT_ONCE, count))
    };
    let listener = Listener::open(address, terms)?;
    listener.announce(operator);
    let hosting = Hosting {
        wait: connect.wait,
        cancel: &connect.cancel,
        operator,
    };
    let results = Mutex::new(Vec::new());
    let closing = hosting.run(&listener, &|guest| {
        give(guest, &outgoing, operator, &results)
    });
    match closing {
        Closing::Full => Ok(results.into_inner().unwrap_or_else(PoisonError::into_inner)),
        Closing::Cancelled => Err(Error::Cancelled),
        Closing::Quiet => Err(Error::nobody_came(connect.wait)),
    }
}

/// One receiver's session.
fn give(
    guest: ProvenGuest,
    outgoing: &Outgoing<'_>,
    operator: &dyn Operator,
    results: &Mutex<Vec<Result<Summary, Error>>>,
) {
    let ProvenGuest {
        mut session, slot, ..
    } = guest;
    let operator: &dyn Operator = &PeerOperator {
        operator,
        peer: session.peer,
        name: None,
    };
    let transfer = SendTransfer {
        session: &mut session,
        outgoing,
        operator,
    };
    let result = transfer.run(None, &mut TransferStats::begin(0));
    match &result {
        Ok(_) | Err(Error::PeerDeclined { .. }) => {
            // The transfer is complete, whether this arrives or not.
            let _ = session.say(&Message::Bye);
        }
        Err(error) => session.abort(error),
    }
    if let Err(error) = &result
        && !matches!(error, Error::PeerDeclined { .. })
    {
        operator.warn(&format!("{}: {error}", session.peer.ip().to_canonical()));
    }
    // A lost receiver may come back, so it does not count yet.
    if result.as_ref().is_err_and(Error::is_connection_gone) {
        return;
    }
    lock(results).push(result);
    slot.use_up();
}
