//! Random bytes from the operating system.

use std::fmt;

/// `N` random bytes from the operating system, fit for keys and nonces.
///
/// # Errors
///
/// [`RandomError`] if the operating system has none.
pub fn random_bytes<const N: usize>() -> Result<[u8; N], RandomError> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(RandomError)?;
    Ok(bytes)
}

/// The operating system gave no random bytes, without which nothing can be sealed or proven.
#[derive(Debug)]
pub struct RandomError(getrandom::Error);

impl fmt::Display for RandomError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the operating system gave no random bytes: {}", self.0)
    }
}

impl std::error::Error for RandomError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_draws_differ() {
        let one: [u8; 32] = random_bytes().unwrap();
        let other: [u8; 32] = random_bytes().unwrap();
        assert_ne!(one, other);
    }
}
