//! What a person is told of a value that is likely not the one that was meant. It is a warning and nothing more: what a
//! provider's keys look like is the provider's to say.

use crate::crypto::{Oddity, SecretValue};
use crate::key::{Key, KeyName, Provider, VariableName};
use crate::output::{Printer, escape};
use crate::vault::ImportedValue;

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

/// Warns of a variable that no program gets unasked.
pub(super) fn warn_of_variable(variable: Option<&VariableName>, out: &mut Printer) {
    if let Some(variable) = variable.filter(|variable| variable.is_dangerous()) {
        out.warn(format_args!(
            "`run` and `env` refuse to set {variable} without --allow-name {variable}: it could change which code runs"
        ));
    }
}

/// Warns of the first odd values of an import, and says how many more there are.
pub(super) fn warn_of_import(values: &[ImportedValue], out: &mut Printer) {
    const SHOWN: usize = 10;
    let odd = |new: &&ImportedValue| !new.value.oddities(&new.providers).is_empty();
    let odd: Vec<&ImportedValue> = values.iter().filter(odd).collect();
    let variables = values.iter().filter_map(|new| new.variable.as_ref());
    for variable in variables.filter(|name| name.is_dangerous()).take(SHOWN) {
        warn_of_variable(Some(variable), out);
    }
    for new in odd.iter().take(SHOWN) {
        warn_of_oddities(&new.value, &new.name, &new.providers, out);
    }
    match odd.len().saturating_sub(SHOWN) {
        0 => {}
        more => out.warn(format_args!("{more} more values look odd, too")),
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
