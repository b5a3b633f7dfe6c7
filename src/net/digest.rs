//! Secrets become proofs here, before anything is kept of them.

use std::io;

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use crate::hub::Digest;
use crate::id::{Name, Proof, Secret};

/// HMAC-SHA256 (RFC 2104) of name and secret, under a key that lives and dies with the
/// server: a proof that leaks says nothing about the secret, and is of no use to
/// another server.
#[derive(Clone)]
pub(super) struct KeyedDigest(Hmac<Sha256>);

impl KeyedDigest {
    /// # Errors
    ///
    /// If the system has no randomness.
    pub(super) fn random() -> io::Result<Self> {
        let mut key = [0; 32];
        getrandom::fill(&mut key).map_err(io::Error::other)?;
        Ok(Self::with_key(&key))
    }

    pub(super) fn with_key(key: &[u8; 32]) -> Self {
        Self(Hmac::new_from_slice(key).expect("HMAC takes a key of any length"))
    }
}

impl Digest for KeyedDigest {
    fn proof(&self, name: &Name, secret: Secret<'_>) -> Proof {
        let mut mac = self.0.clone();
        // A name has no byte 0, so no two pairs are written alike.
        mac.update(name.as_str().to_ascii_lowercase().as_bytes());
        mac.update(&[0]);
        mac.update(secret.expose().as_bytes());
        Proof::new(mac.finalize().into_bytes().into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn proof(key: u8, name: &str, secret: &str) -> Proof {
        let digest = KeyedDigest::with_key(&[key; 32]);
        digest.proof(&Name::parse(name).unwrap(), Secret::parse(secret).unwrap())
    }

    #[test]
    fn a_proof_depends_on_key_name_and_secret_but_not_on_the_case_of_the_name() {
        let alice = proof(1, "alice", "correct-horse");
        assert_eq!(alice, proof(1, "ALICE", "correct-horse"));
        assert_ne!(alice, proof(2, "alice", "correct-horse"));
        assert_ne!(alice, proof(1, "alicf", "correct-horse"));
        assert_ne!(alice, proof(1, "alice", "correct-horsf"));
        assert_ne!(alice, proof(1, "alice", "Correct-horse"));
    }

    #[test]
    fn two_servers_do_not_share_a_key() {
        let name = Name::parse("alice").unwrap();
        let secret = Secret::parse("correct-horse").unwrap();
        let proofs = [(); 2].map(|()| KeyedDigest::random().unwrap().proof(&name, secret));
        assert_ne!(proofs[0], proofs[1]);
    }
}
