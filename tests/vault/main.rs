//! The rules of a vault, tested below the binary, where they are a hundred times faster.

mod access;
mod activity_altered;
mod audit;
mod audit_pages;
mod backup;
mod concurrency;
mod doctor;
mod ends;
mod files;
mod find;
mod fixture;
mod hand_out;
mod import;
mod issue;
mod model;
mod provider;
mod purpose;
mod recovery;
mod rekey;
mod restore;
mod rollback;
mod rotate;
mod slice;
mod slice_altered;
mod usage;
mod verify;
