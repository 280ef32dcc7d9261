//! Pseudonyms of IP addresses that are IP addresses: ipcrypt (draft-denis-ipcrypt).
//!
//! `deterministic` maps every address, IPv4 too, to an address of IPv6's shape;
//! `prefix-preserving` (`pfx`) keeps the family, and addresses that share a prefix share it
//! afterwards. Both can be undone with the key. A v4-mapped address is encrypted as the
//! IPv4 address it is, as the draft has it; who prints it restores the mapped form.

use std::net::{IpAddr, Ipv6Addr};

use ipcrypt_rs::{Ipcrypt, IpcryptPfx};

use crate::key::Key;

/// Which of the two.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CipherKind {
    /// One AES block: 16-byte key, IPv6-shaped output.
    Deterministic,
    /// Bit by bit: 32-byte key, output of the same family.
    PrefixPreserving,
}

/// How the cipher's key comes from the configured one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyUse {
    /// [`Key::derive`], so that one secret serves all pseudonyms.
    Derived,
    /// The configured bytes as they are, for exchange with other ipcrypt tools.
    Raw,
}

/// Why there is no cipher with this key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CipherError(pub String);

/// A cipher over addresses.
pub struct AddressCipher(Cipher);

enum Cipher {
    Deterministic(Box<Ipcrypt>),
    PrefixPreserving(Box<IpcryptPfx>),
}

impl std::fmt::Debug for AddressCipher {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self.0 {
            Cipher::Deterministic(_) => "AddressCipher(deterministic)",
            Cipher::PrefixPreserving(_) => "AddressCipher(prefix-preserving)",
        })
    }
}

impl AddressCipher {
    /// A cipher of this kind under this key.
    ///
    /// # Errors
    /// When a raw key has the wrong length, or two equal halves.
    pub fn new(kind: CipherKind, key: &Key, key_use: KeyUse) -> Result<Self, CipherError> {
        let wrong_length = |n: usize| {
            CipherError(format!(
                "the raw ipcrypt key must have {n} bytes, this one has {}",
                key.bytes().len()
            ))
        };
        Ok(Self(match kind {
            CipherKind::Deterministic => {
                let mut bytes = [0; 16];
                match key_use {
                    KeyUse::Raw => bytes = key.bytes().try_into().map_err(|_| wrong_length(16))?,
                    KeyUse::Derived => bytes.copy_from_slice(&key.derive("ipcrypt/deterministic")[..16]),
                }
                Cipher::Deterministic(Box::new(Ipcrypt::new(bytes)))
            }
            CipherKind::PrefixPreserving => {
                let bytes: [u8; 32] = match key_use {
                    KeyUse::Raw => key.bytes().try_into().map_err(|_| wrong_length(32))?,
                    KeyUse::Derived => key.derive("ipcrypt/pfx"),
                };
                // The library panics on equal halves, which would also void the cipher.
                if bytes[..16] == bytes[16..] {
                    return Err(CipherError("the two halves of an ipcrypt-pfx key must differ".into()));
                }
                Cipher::PrefixPreserving(Box::new(IpcryptPfx::new(bytes)))
            }
        }))
    }

    /// The pseudonym of `address`.
    pub fn encrypt(&self, address: IpAddr) -> IpAddr {
        let address = address.to_canonical();
        match &self.0 {
            Cipher::Deterministic(cipher) => as_v6(cipher.encrypt_ipaddr(address)),
            Cipher::PrefixPreserving(cipher) => cipher.encrypt_ipaddr(address),
        }
    }

    /// The address behind a pseudonym.
    pub fn decrypt(&self, pseudonym: IpAddr) -> IpAddr {
        match &self.0 {
            Cipher::Deterministic(cipher) => cipher.decrypt_ipaddr(pseudonym),
            Cipher::PrefixPreserving(cipher) => cipher.decrypt_ipaddr(pseudonym),
        }
    }
}

/// The deterministic cipher is one over 16 bytes: whichever family the library reads
/// into its result, what is printed has the shape of IPv6 so that the form says the mode.
fn as_v6(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(v4) => IpAddr::V6(Ipv6Addr::from(v4.to_ipv6_mapped().octets())),
        v6 => v6,
    }
}
