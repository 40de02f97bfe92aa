//! Pings cost a listener little.

use crate::peer::Peer;
use crate::real::{SECRET, Side};
use crate::tree::Ground;
use peerbridge::internals::{DiallerRole, limits};
use peerbridge::{Connect, Error, PeerAddress, Rendezvous, Secret, Unattended, ping};

#[test]
fn pings_are_limited_and_leave_room_for_transfers() {
    let ground = Ground::small();
    let receiver = Side::default().receive_listening(&ground.destination);
    let port = receiver.port;
    let pinging: Vec<_> = (0..limits::PING_SESSIONS)
        .map(|_| Peer::dial_as(port, DiallerRole::Ping))
        .collect();
    let host = "127.0.0.1".to_owned();
    let secret = Secret::from_text(SECRET).expect("a secret");
    let connect = Connect::new(Rendezvous::Dial(PeerAddress { host, port }), secret);
    let one_more = ping(&connect, &Unattended);
    assert!(matches!(one_more, Err(Error::Busy)), "{one_more:?}");
    let sent = Side::default().send_dialling(&ground.source, port);
    sent.end().expect("there is room for a transfer");
    receiver.end().expect("there is room for a transfer");
    drop(pinging);
}
