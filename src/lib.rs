pub mod crypto;
mod hardening;
pub mod key;
pub mod store;
pub mod vault;
