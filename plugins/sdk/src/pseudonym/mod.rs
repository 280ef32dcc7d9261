//! Keyed, versioned pseudonyms. There is no unkeyed mode: SHA-256 over all of IPv4 takes
//! minutes, so an unkeyed hash of an address is the address.

mod address;
mod token;

pub use address::{AddressCipher, CipherError, CipherKind, KeyUse};
pub use token::Tokenizer;
