//! Peers nearby: those that wait with a code, and drop boxes that announce themselves.

use crate::crypto::Channel;
use crate::protocol::{Presence, Role};
use crate::session::cancel::Cancel;
use crate::session::discovery::{Found, Lookout, own_addresses};
use crate::session::error::Error;
use crate::session::options::Discovery;
use std::collections::BTreeSet;
use std::net::{IpAddr, SocketAddr};
use std::num::NonZeroU16;
use std::sync::mpsc;
use std::time::Duration;

/// A peer on a network of this machine. None of its claims are proven.
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

/// Searches the networks of this machine for `time`. Peers that wait with a code are found by their own queries,
/// which they send every second.
///
/// # Errors
/// [`Error::System`] when the system has no port or thread, [`Error::Cancelled`].
pub fn nearby(
    discovery: Discovery,
    time: Duration,
    cancel: &Cancel,
) -> Result<Vec<Neighbour>, Error> {
    let mut seen = look(discovery, time, cancel, |found| neighbour(&found))?;
    cancel.check()?;
    seen.sort_by_key(|neighbour| neighbour.address);
    Ok(seen)
}

/// How long a query of this machine may take to come back to it.
const RETURN_TIME: Duration = Duration::from_millis(1500);

/// The port in this machine's answer. It is never dialled.
const NO_PORT: NonZeroU16 = NonZeroU16::MIN;

/// Sends queries to the networks of this machine, and answers them itself. Returns the addresses of this machine
/// at which a query came back.
///
/// # Errors
/// [`Error::System`] when the system has no port or thread, [`Error::Cancelled`].
pub(crate) fn returns(discovery: Discovery, cancel: &Cancel) -> Result<Vec<IpAddr>, Error> {
    let presence = Presence::Serving { port: NO_PORT };
    let answers = Lookout::start(discovery, presence, |_| {}).map_err(Error::system)?;
    let own: BTreeSet<IpAddr> = own_addresses().into_iter().collect();
    let seen = look(discovery, RETURN_TIME, cancel, move |found| {
        let ip = found.address.ip();
        let is_own = ip.is_loopback() || own.contains(&ip);
        (is_own && found.address.port() == NO_PORT.get()).then_some(ip)
    })?;
    drop(answers);
    let seen: BTreeSet<IpAddr> = seen.into_iter().collect();
    Ok(seen.into_iter().collect())
}

/// Searches for `time`, and picks from what is found.
fn look<T: Send + 'static>(
    discovery: Discovery,
    time: Duration,
    cancel: &Cancel,
    pick: impl Fn(Found) -> Option<T> + Send + Sync + 'static,
) -> Result<Vec<T>, Error> {
    let (picked, seen) = mpsc::channel();
    let lookout = Lookout::start(discovery, Presence::Looking, move |found| {
        // The receiving end takes all until the search ends.
        let _ = pick(found).map(|found| picked.send(found));
    });
    let lookout = lookout.map_err(Error::system)?;
    cancel.sleep(time);
    drop(lookout);
    Ok(seen.try_iter().collect())
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
