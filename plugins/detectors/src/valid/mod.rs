//! Check digits. Each function takes the digits, or the letters and digits, of one number.

pub(crate) mod ean13;
pub(crate) mod iso7064;
pub(crate) mod luhn;
pub(crate) mod mod97;
pub(crate) mod verhoeff;
