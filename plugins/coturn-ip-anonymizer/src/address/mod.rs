//! IP addresses in text: finding them, and writing what takes their place.

pub mod host_name;
pub mod policy;
pub mod v4;
pub mod v6;
