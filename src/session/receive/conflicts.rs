//! What becomes of each entry under a policy, with the operator's help where names are taken.

use crate::disk::{Destination, Plan, PlanError, SameFiles};
use crate::model::{Existing, Manifest};
use crate::session::error::Error;
use crate::session::events::{Conflicts, Operator};

/// Decides about the whole manifest; where the policy is to fail, the operator may choose another.
///
/// # Errors
/// [`Error::InTheWay`], [`Error::UnsafeOffer`] for want of a free name, or what the disk
/// refused. Nothing was created.
pub(crate) fn decide(
    manifest: &Manifest,
    destination: &Destination,
    (existing, same_files): (Existing, SameFiles),
    operator: &dyn Operator,
) -> Result<Plan, Error> {
    let mut policy = existing;
    loop {
        match Plan::decide(manifest, destination, policy, same_files) {
            Ok(plan) => return Ok(plan),
            Err(PlanError::InTheWay { first, count }) => {
                let names = first
                    .iter()
                    .map(|path| path.as_os_str().as_encoded_bytes().to_vec());
                let conflicts = Conflicts {
                    names: names.collect(),
                    count,
                };
                let instead = match policy {
                    Existing::Fail => operator.resolve(&conflicts),
                    _ => None,
                };
                match instead {
                    Some(other) if other != Existing::Fail => policy = other,
                    _ => {
                        let Conflicts { names, count } = conflicts;
                        return Err(Error::InTheWay { names, count });
                    }
                }
            }
            Err(error @ PlanError::NoFreeName(_)) => {
                let reason = error.to_string();
                return Err(Error::UnsafeOffer { reason });
            }
            Err(PlanError::Disk(error)) => return Err(Error::Disk(error)),
        }
    }
}
