//! Decides what happens to each entry under a policy. Asks the operator if names are taken.

use crate::disk::{Destination, Plan, PlanError, PlanRules};
use crate::model::{Existing, Manifest};
use crate::session::error::Error;
use crate::session::events::{Conflicts, Operator};

/// Decides for the whole manifest. If the policy is to fail, the operator may choose another.
///
/// # Errors
/// [`Error::InTheWay`], [`Error::UnsafeOffer`] if there is no free name, or the disk's error. Nothing was created.
pub(crate) fn decide(
    manifest: &Manifest,
    destination: &Destination,
    mut rules: PlanRules,
    operator: &dyn Operator,
) -> Result<Plan, Error> {
    loop {
        match Plan::decide(manifest, destination, rules) {
            Ok(plan) => return Ok(plan),
            Err(PlanError::InTheWay { first, count }) => {
                let names = first
                    .iter()
                    .map(|path| path.as_os_str().as_encoded_bytes().to_vec());
                let conflicts = Conflicts {
                    names: names.collect(),
                    count,
                };
                let instead = match rules.existing {
                    Existing::Fail => operator.resolve(&conflicts),
                    _ => None,
                };
                match instead {
                    Some(other) if other != Existing::Fail => rules.existing = other,
                    _ => {
                        let Conflicts { names, count } = conflicts;
                        return Err(Error::InTheWay {
                            names,
                            count,
                            never_replaced: rules.existing != Existing::Fail,
                        });
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
