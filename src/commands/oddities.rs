//! What a person is told of a value that is likely not the one that was meant. It is a warning and nothing more: what a
//! provider's keys look like is the provider's to say.

use crate::crypto::{Oddity, SecretValue};
use crate::key::{Key, KeyName, Provider};
use crate::output::{Printer, escape};

/// Warns of what is odd about a new value of a key of these providers.
pub(super) fn warn_of_oddities(
    value: &SecretValue,
    name: &KeyName,
    providers: &[Provider],
    out: &mut Printer,
) {
    for oddity in value.oddities(providers) {
        out.warn(format_args!("{}", escape(&words(oddity, name, providers))));
    }
}

/// Warns of what is odd about a value that replaces a key's.
pub(super) fn warn_of_replacement(value: &SecretValue, key: &Key, out: &mut Printer) {
    let providers = key.provider().map_or(&[][..], |details| &details.providers);
    warn_of_oddities(value, &key.name, providers, out);
}

fn words(oddity: Oddity, name: &KeyName, providers: &[Provider]) -> String {
    match oddity {
        Oddity::IssuedToken => {
            format!("the value of `{name}` is the token of an issued key, not a provider's key")
        }
        Oddity::OtherProvider(other) => {
            let own: Vec<String> = providers.iter().map(|own| format!("`{own}`")).collect();
            let own = own.join(", ");
            format!("the value looks like a key of `{other}`, and `{name}` is of {own}")
        }
        Oddity::Placeholder => {
            format!("the value of `{name}` looks like a placeholder or a part of a key")
        }
        Oddity::WhiteSpace => {
            format!("the value of `{name}` begins or ends with white space, which is kept")
        }
    }
}
