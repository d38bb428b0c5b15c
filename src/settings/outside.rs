//! What is in our environment and is no setting of ours.

use std::path::PathBuf;

use directories::BaseDirs;

use super::{path_variable, variable_value};
use crate::crypto::Secret;
use crate::key::VariableName;

/// The folder of the `pass` store, as `pass` finds it.
pub(crate) fn pass_store() -> Option<PathBuf> {
    path_variable("PASSWORD_STORE_DIR").or_else(|| {
        let folders = BaseDirs::new()?;
        Some(folders.home_dir().join(".password-store"))
    })
}

/// What a variable is set to; `None` where it is not, or to nothing.
pub(crate) fn variable_to_import(name: &VariableName) -> Option<Secret> {
    let value = variable_value(name.as_str())?;
    Some(Secret::new(value.into_encoded_bytes()))
}
