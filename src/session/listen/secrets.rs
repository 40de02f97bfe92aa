//! The secrets that a listener accepts: one, or several with names.

use crate::crypto::{Secret, TotpKey};
use crate::protocol::DiallerName;
use std::sync::Arc;

/// The secrets that a listener accepts.
#[derive(Clone)]
pub enum Secrets {
    /// One secret for all peers.
    One(Arc<Secret>),
    /// One secret for each name. A peer must give its name ([`Connect::name`](crate::Connect::name)).
    Named(Arc<dyn NamedSecrets>),
}

/// A list of named secrets that may change while a listener uses it. Several threads call it at once.
///
/// ```
/// use peerbridge::{NamedSecret, NamedSecrets, Secret, Secrets};
/// use std::sync::Arc;
///
/// struct Fixed(Arc<[NamedSecret]>);
///
/// impl NamedSecrets for Fixed {
///     fn current(&self) -> Arc<[NamedSecret]> {
///         Arc::clone(&self.0)
///     }
/// }
///
/// let alice = NamedSecret {
///     name: "alice".into(),
///     secret: Secret::from_text("correct horse battery")?,
///     second_factor: None,
///     max_bytes: Some(1 << 30),
///     max_files: None,
/// };
/// let secrets = Secrets::Named(Arc::new(Fixed(Arc::new([alice]))));
/// # Ok::<(), peerbridge::CredentialError>(())
/// ```
pub trait NamedSecrets: Send + Sync {
    /// The current list. Called for each connection, so a change takes effect with the next one.
    fn current(&self) -> Arc<[NamedSecret]>;

    /// A message for the operator, such as that the list was read again. Called after each
    /// [`NamedSecrets::current`]. Return each message once.
    fn news(&self) -> Option<String> {
        None
    }
}

/// A secret, its name, and limits for what is sent with it.
pub struct NamedSecret {
    /// The name that a peer gives.
    pub name: String,
    /// The secret that a peer of this name must know.
    pub secret: Secret,
    /// The key of the one-time codes that a peer of this name must also give. `None`: the secret is enough.
    pub second_factor: Option<Arc<TotpKey>>,
    /// Replaces [`crate::session::ReceiveOptions::max_bytes`] for this name.
    pub max_bytes: Option<u64>,
    /// Replaces [`crate::session::ReceiveOptions::max_files`] for this name.
    pub max_files: Option<u64>,
}

/// The name whose secret a peer has proven, and its limits.
#[derive(Clone, Debug)]
pub(crate) struct Name {
    pub(crate) text: String,
    pub(crate) max_bytes: Option<u64>,
    pub(crate) max_files: Option<u64>,
}

impl Name {
    /// The name and limits of an entry.
    pub(crate) fn of(named: &NamedSecret) -> Self {
        Name {
            text: named.name.clone(),
            max_bytes: named.max_bytes,
            max_files: named.max_files,
        }
    }
}

/// The secrets as they were when one dialler came.
#[derive(Clone)]
pub(crate) enum Snapshot {
    One(Arc<Secret>),
    Named(Arc<[NamedSecret]>),
}

impl Secrets {
    /// The current secrets, and a message for the operator, if there is one.
    pub(crate) fn snapshot(&self) -> (Snapshot, Option<String>) {
        match self {
            Secrets::One(secret) => (Snapshot::One(Arc::clone(secret)), None),
            Secrets::Named(named) => {
                let list = named.current();
                (Snapshot::Named(list), named.news())
            }
        }
    }
}

impl Snapshot {
    /// The secret of this name.
    pub(crate) fn secret_of(&self, name: &str) -> Option<&Secret> {
        match self {
            Snapshot::One(_) => None,
            Snapshot::Named(list) => {
                let named = list.iter().find(|named| named.name == name);
                named.map(|named| &named.secret)
            }
        }
    }

    /// The secret for this dialler, and its entry in the list, if there is a list. Compares all names, so that the
    /// time does not depend on which one matches.
    pub(crate) fn find(&self, dialler: &DiallerName) -> Option<(&Secret, Option<&NamedSecret>)> {
        match self {
            Snapshot::One(secret) => dialler.is_absent().then_some((&**secret, None)),
            Snapshot::Named(list) => {
                let mut found = None;
                for named in list.iter() {
                    if dialler.is(&named.name) {
                        found = Some((&named.secret, Some(named)));
                    }
                }
                found
            }
        }
    }
}
