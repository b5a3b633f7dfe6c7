//! Secrets become proofs here, before anything is kept of them.

use std::fmt;
use std::io;

use argon2::{Algorithm, Argon2, Params, PasswordHash, PasswordHasher, PasswordVerifier, Version};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use crate::hub::{Digest, PasswordCheck};
use crate::id::{Proof, Secret};

/// HMAC-SHA256 (RFC 2104) of a secret, under a key that lives and dies with the
/// server: a proof that leaks says nothing about the secret, and is of no use to
/// another server.
#[derive(Clone)]
pub struct KeyedDigest(Hmac<Sha256>);

impl fmt::Debug for KeyedDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("KeyedDigest(..)")
    }
}

impl KeyedDigest {
    /// Creates a digest under a key that nobody knows.
    ///
    /// # Errors
    ///
    /// If the system has no randomness.
    pub fn random() -> io::Result<Self> {
        Ok(Self::with_key(&random()?))
    }

    /// Creates a digest under this key. Proofs made under a key that others know tell them the
    /// secret, if it is easy to guess.
    pub fn with_key(key: &[u8; 32]) -> Self {
        Self(Hmac::new_from_slice(key).expect("HMAC takes a key of any length"))
    }
}

impl Digest for KeyedDigest {
    fn proof(&self, secret: Secret<'_>) -> Proof {
        let mut mac = self.0.clone();
        mac.update(secret.expose().as_bytes());
        Proof::new(mac.finalize().into_bytes().into())
    }
}

/// Whether a password is the one of which this is the [hash](hash_password). It takes some
/// milliseconds of a core.
pub(super) fn verify(check: &PasswordCheck) -> bool {
    let password = check.password().as_bytes();
    let hash = PasswordHash::new(check.hash());
    hash.is_ok_and(|hash| hasher().verify_password(password, &hash).is_ok())
}

/// The hash of a password, as [`Identity::operators`](crate::hub::Identity::operators) has it:
/// Argon2id (RFC 9106) in the PHC string format.
///
/// # Errors
///
/// If the system has no randomness.
pub fn hash_password(password: &str) -> io::Result<String> {
    let salt: [u8; 16] = random()?;
    let hash = hasher().hash_password_with_salt(password.as_bytes(), &salt);
    Ok(hash.map_err(io::Error::other)?.to_string())
}

/// Bytes that nobody knows.
///
/// # Errors
///
/// If the system has no randomness.
pub(super) fn random<const N: usize>() -> io::Result<[u8; N]> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(io::Error::other)?;
    Ok(bytes)
}

fn hasher() -> Argon2<'static> {
    let params = Params::new(4096, 2, 1, None).expect("these are valid");
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn proof(key: u8, secret: &str) -> Proof {
        KeyedDigest::with_key(&[key; 32]).proof(Secret::parse(secret).unwrap())
    }

    #[test]
    fn a_proof_depends_on_key_and_secret() {
        let alice = proof(1, "correct-horse");
        assert_eq!(alice, proof(1, "correct-horse"));
        assert_ne!(alice, proof(2, "correct-horse"));
        assert_ne!(alice, proof(1, "correct-horsf"));
        assert_ne!(alice, proof(1, "Correct-horse"));
    }

    #[test]
    fn two_servers_do_not_share_a_key() {
        let secret = Secret::parse("correct-horse").unwrap();
        let proofs = [(); 2].map(|()| KeyedDigest::random().unwrap().proof(secret));
        assert_ne!(proofs[0], proofs[1]);
    }
}
