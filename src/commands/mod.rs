//! One file a command: its arguments, whose doc comment is the help, and its function.

mod args;
mod completions;
mod create;
mod delete;
mod fields;
mod get;
mod init;
mod list;
mod listing;
mod man;
mod revoke;
mod rotate;
mod search;
mod set;
mod show;
mod status;
mod usage;
mod verify;

pub(crate) use self::completions::{CompletionsArgs, completions};
pub(crate) use self::create::{CreateArgs, create};
pub(crate) use self::delete::{DeleteArgs, delete};
pub(crate) use self::get::{GetArgs, get};
pub(crate) use self::init::{InitArgs, init};
pub(crate) use self::list::{ListArgs, list};
pub(crate) use self::man::{ManArgs, man};
pub(crate) use self::revoke::{RevokeArgs, revoke};
pub(crate) use self::rotate::{RotateArgs, rotate};
pub(crate) use self::search::{SearchArgs, search};
pub(crate) use self::set::{SetArgs, set};
pub(crate) use self::show::{ShowArgs, show};
pub(crate) use self::status::{StatusArgs, status};
pub(crate) use self::usage::{UsageArgs, usage};
pub(crate) use self::verify::{VerifyArgs, verify};
