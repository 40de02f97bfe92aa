//! Peers nearby: those that wait to meet, and drop boxes that announce themselves.

use crate::crypto::Channel;
use crate::protocol::{Presence, Role};
use crate::session::cancel::Cancel;
use crate::session::discovery::{Found, Lookout};
use crate::session::error::Error;
use crate::session::options::Discovery;
use crate::session::sync::lock;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// A peer on a network of this machine. None of this is proven.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Neighbour {
    /// Where it listens.
    pub address: SocketAddr,
    /// What it waits for.
    pub activity: Activity,
}

/// What a peer that was seen on a network waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Activity {
    /// To send to a peer with the code of this channel.
    Sends(Channel),
    /// To receive from a peer with the code of this channel.
    Receives(Channel),
    /// To receive from every peer that knows its secret.
    Serves,
}

/// Looks around on the networks of this machine for `time`. Peers that wait to meet are seen by their own
/// queries, which come each second.
///
/// # Errors
/// [`Error::System`] when the system has no port or thread, [`Error::Cancelled`].
pub fn nearby(
    discovery: Discovery,
    time: Duration,
    cancel: &Cancel,
) -> Result<Vec<Neighbour>, Error> {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let lookout = {
        let seen = Arc::clone(&seen);
        Lookout::start(discovery, Presence::Looking, move |found| {
            lock(&seen).extend(neighbour(&found));
        })
    };
    let lookout = lookout.map_err(|source| Error::System { source })?;
    cancel.sleep(time);
    drop(lookout);
    if cancel.is_cancelled() {
        return Err(Error::Cancelled);
    }
    let mut seen = std::mem::take(&mut *lock(&seen));
    seen.sort_by_key(|neighbour: &Neighbour| neighbour.address);
    Ok(seen)
}

fn neighbour(found: &Found) -> Option<Neighbour> {
    let activity = match found.presence {
        Presence::Meeting { role, channel, .. } => match role {
            Role::Send => Activity::Sends(channel),
            Role::Receive => Activity::Receives(channel),
        },
        Presence::Serving { .. } => Activity::Serves,
        Presence::Looking => return None,
    };
    Some(Neighbour {
        address: found.address,
        activity,
    })
}
