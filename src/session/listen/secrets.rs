//! The secrets that a listener takes: one, or several by name.

use crate::crypto::Secret;
use crate::protocol::DiallerName;
use std::sync::Arc;

/// What diallers may prove.
#[derive(Clone)]
pub enum Secrets {
    /// One secret, by no name.
    One(Arc<Secret>),
    /// Several, each by its name; who dials without a name proves none of them.
    Named(Arc<dyn NamedSecrets>),
}

/// A list of named secrets that may change while it is in use. Asked from several threads.
pub trait NamedSecrets: Send + Sync {
    /// The list as it is now. Asked for each dialler, so a change counts from the next one on.
    fn current(&self) -> CurrentSecrets;
}

/// What counts at the moment.
pub struct CurrentSecrets {
    /// The names and their secrets. Each name should be there once.
    pub list: Arc<[NamedSecret]>,
    /// What the operator should know of the list, such as that it was read again; told once.
    pub news: Option<String>,
}

/// A secret and the name that it goes by.
pub struct NamedSecret {
    /// The name, as the dialler gives it.
    pub name: String,
    /// What proves it.
    pub secret: Secret,
    /// How much may come with it.
    pub limits: NameLimits,
}

/// How much may come with one name, where that is not what holds for everybody.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct NameLimits {
    /// In place of [`crate::session::ReceiveOptions::max_bytes`].
    pub max_bytes: Option<u64>,
    /// In place of [`crate::session::ReceiveOptions::max_files`].
    pub max_files: Option<u64>,
}

/// By which name a peer has proven itself, and what that allows.
#[derive(Clone, Debug)]
pub(crate) struct Name {
    pub(crate) text: String,
    pub(crate) limits: NameLimits,
}

impl Name {
    /// That of an entry.
    pub(crate) fn of(named: &NamedSecret) -> Self {
        Name {
            text: named.name.clone(),
            limits: named.limits,
        }
    }
}

/// The secrets as they are for one dialler.
pub(crate) enum Snapshot {
    One(Arc<Secret>),
    Named(Arc<[NamedSecret]>),
}

impl Secrets {
    /// The secrets as they are now, and what there is to say about them.
    pub(crate) fn snapshot(&self) -> (Snapshot, Option<String>) {
        match self {
            Secrets::One(secret) => (Snapshot::One(Arc::clone(secret)), None),
            Secrets::Named(named) => {
                let CurrentSecrets { list, news } = named.current();
                (Snapshot::Named(list), news)
            }
        }
    }
}

impl Snapshot {
    /// The secret of who goes by this name, and its entry in the list where there is one. Every name is
    /// compared, whichever matches.
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
