//! Keys as text that another program reads as variables. Each format has a file, which says what its readers would change
//! and therefore is refused, by the key's name. All but `github` are pure functions.

mod docker;
mod dotenv;
mod fish;
pub(crate) mod github;
mod json;
mod names;
mod powershell;
#[cfg(test)]
mod properties;
mod shell;

use std::borrow::Cow;
use std::fmt;

use zeroize::Zeroizing;

use crate::crypto::{Secret, SecretValue};
use crate::key::{KeyName, VariableName};

/// A key and the variable that is to have its value.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Variable<'a> {
    pub(crate) name: &'a VariableName,
    pub(crate) key: &'a KeyName,
    pub(crate) value: &'a SecretValue,
}

impl<'a> Variable<'a> {
    fn bytes(&self) -> &'a [u8] {
        self.value.expose() // the one way into every format
    }

    fn text(&self) -> Option<&'a str> {
        str::from_utf8(self.bytes()).ok()
    }
}

/// Who reads the text. What GitHub Actions reads comes in two parts: [`github`].
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Format {
    Docker,
    Dotenv,
    Fish,
    Json,
    Powershell,
    Shell,
}

impl Format {
    /// All variables as one text; nothing for none of them, but `{}` in JSON.
    ///
    /// # Errors
    /// [`Uncarried`], with every key that this format cannot carry.
    pub(crate) fn write(self, variables: &[Variable<'_>]) -> Result<Secret, Uncarried> {
        let (refusal, put): (Refusal, Put) = match self {
            Self::Docker => (docker::refusal, docker::put),
            Self::Dotenv => (dotenv::refusal, dotenv::put),
            Self::Fish => (fish::refusal, fish::put),
            Self::Json => (json::refusal, json::put),
            Self::Powershell => (powershell::refusal, powershell::put),
            Self::Shell => (shell::refusal, shell::put),
        };
        check(self.name(), variables, refusal)?;
        Ok(assembled(|part| put(variables, part)))
    }

    fn name(self) -> &'static str {
        match self {
            Self::Docker => "docker",
            Self::Dotenv => "dotenv",
            Self::Fish => "fish",
            Self::Json => "json",
            Self::Powershell => "powershell",
            Self::Shell => "shell",
        }
    }
}

/// Why a variable, one of several, cannot be carried; nothing of its value.
type Refusal = fn(&Variable<'_>, &[Variable<'_>]) -> Option<Reason>;
type Reason = Cow<'static, str>;

/// Gives the text of all variables in parts.
type Put = fn(&[Variable<'_>], Part<'_>);
type Part<'a> = &'a mut dyn FnMut(&[u8]);

const NOT_TEXT: Reason = Cow::Borrowed("its value is not UTF-8");

/// Keys that a format cannot carry to its readers as they are, and why.
#[derive(Debug)]
pub(crate) struct Uncarried {
    format: &'static str,
    keys: Vec<(KeyName, Reason)>,
}

impl std::error::Error for Uncarried {}

impl fmt::Display for Uncarried {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the format `{}` cannot carry ", self.format)?;
        for (at, (key, reason)) in self.keys.iter().enumerate() {
            let separator = if at == 0 { "" } else { ", " };
            write!(f, "{separator}`{key}` ({reason})")?;
        }
        Ok(())
    }
}

fn check(
    format: &'static str,
    variables: &[Variable<'_>],
    refusal: Refusal,
) -> Result<(), Uncarried> {
    let keys: Vec<_> = variables
        .iter()
        .filter_map(|variable| Some((variable.key.clone(), refusal(variable, variables)?)))
        .collect();
    if keys.is_empty() {
        return Ok(());
    }
    Err(Uncarried { format, keys })
}

/// A text that is put together twice: to be measured, and into a buffer of just that size, which never grows.
fn assembled(text: impl Fn(Part<'_>)) -> Secret {
    let mut length = 0;
    text(&mut |part| length += part.len());
    let mut buffer = Zeroizing::new(Vec::with_capacity(length));
    text(&mut |part| buffer.extend_from_slice(part));
    Secret::new(std::mem::take(&mut *buffer))
}

/// The bytes, with `escaped` in the place of each `special` one.
fn put_escaped(bytes: &[u8], special: u8, escaped: &[u8], part: Part<'_>) {
    for (at, piece) in bytes.split(|&byte| byte == special).enumerate() {
        if at > 0 {
            part(escaped);
        }
        part(piece);
    }
}
