//! The texts of the dialogue: its questions, and the explanation that `?` shows for each.

pub(super) const GREETING: &str = "\
peerbridge moves files straight to another machine, encrypted all the way.
Run it on both, and type the same code. ? explains a question, Tab completes, Ctrl-D leaves.

";
pub(super) const FAREWELL: &str = "Goodbye.\n";

/// A question, and the explanation that `?` shows.
pub(super) struct Question {
    pub(super) text: &'static str,
    pub(super) help: &'static str,
}

pub(super) const START: Question = Question {
    text: "Do you want to (s)end or (r)eceive? [s/r] ",
    help: "s sends a file or folder to another machine, r receives what it sends.\n  \
           i (initiate) and w (wait) ask in the order of the first PeerBridge: who dials, then the \
           address, the port and the secret.",
};
pub(super) const DIRECTION_OF_DIALLER: Question = Question {
    text: "Do you (s)end or (r)eceive? [s] ",
    help: "Who dials and who sends are independent.",
};
pub(super) const DIRECTION_OF_LISTENER: Question = Question {
    text: "Do you (s)end or (r)eceive? [r] ",
    help: DIRECTION_OF_DIALLER.help,
};
pub(super) const ADDRESS_OR_WAIT: Question = Question {
    text: "Address of the other side (Enter: wait until it dials): ",
    help: "One side waits and the other one dials; either may send. The waiting side shows its \
           addresses.\n  Type that name or address here, such as 192.0.2.7, with :PORT if the port \
           is not 8080.\n  If neither side knows an address, press Enter on one of them.",
};
pub(super) const CODE: Question = Question {
    text: "Code (Enter makes one): ",
    help: "Both sides need the same code, for this meeting only. Press Enter on one side, and type on the \
           other side\n  what it shows. Case does not matter, and blanks do for dashes.",
};
pub(super) const ADDRESS_WHILE_LOOKING: Question = Question {
    text: "Address of the other side (Enter: go on looking): ",
    help: "If you know a name or an address of the other machine, type it here, with :PORT if the port is not \
           8080.\n  The search goes on meanwhile.",
};
pub(super) const ADDRESS: Question = Question {
    text: "Address of the other side (a name or an IP address): ",
    help: "The other side shows it when it waits. Add :PORT if the port is not 8080.",
};
pub(super) const PEER_PORT: Question = Question {
    text: "Its port [8080]: ",
    help: "The other side shows it when it waits.",
};
pub(super) const OWN_PORT: Question = Question {
    text: "Port to wait on (0: any free one) [8080]: ",
    help: "A number from 1 to 65535 that the other side can reach, also through a firewall.",
};
pub(super) const SOURCE: Question = Question {
    text: "What to send (a file or a folder): ",
    help: "Type a path, or drag files here from a file manager. Tab completes; quotes, ~ and spaces are understood.",
};
pub(super) const AS_ARCHIVE: Question = Question {
    text: "As one encrypted archive? [y/N] ",
    help: "y sends one zip archive with a password of its own, which the other side keeps as it is.\n  \
           n sends the files themselves.",
};
pub(super) const FOLDER: Question = Question {
    text: "Folder to save it in [the current one]: ",
    help: "It is created if it does not exist. Nothing in it is replaced without a question.",
};
pub(super) const MORE: Question = Question {
    text: "Send one more? [y/N] ",
    help: "The connection stays open, so the secret is not needed again.",
};
