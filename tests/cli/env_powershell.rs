//! A reader of the little of PowerShell's language that the format may use, from its documents: about_Quoting_Rules (in
//! single quotes `''` is a quote, and nothing else means anything), about_Join (unary `-join` of a list in parentheses),
//! about_Operator_Precedence (a cast binds closer than `,`), and the language specification's 2.3.5.1 (hexadecimal integers)
//! and 2.2.1 (a new line ends a statement).

use std::collections::BTreeMap;

use crate::env_values::{Pair, assert_carried, pairs, written};

#[test]
fn powershell_has_the_same_text() {
    let written = written("powershell", &pairs());
    assert!(
        written
            .text
            .iter()
            .all(|byte| matches!(byte, b'\n' | b' '..=b'~'))
    );
    assert!(
        written
            .refused
            .values()
            .all(|reason| reason == "its value is not UTF-8")
    );
    let text = str::from_utf8(&written.text).expect("ASCII");
    let statements = text
        .lines()
        .map(|line| statement(line).unwrap_or_else(|| panic!("no statement: {line}")));
    let found: BTreeMap<String, Vec<u8>> = statements.collect();
    assert_carried("powershell", &written.carried, &found);
    assert_eq!(found.len(), written.carried.len());
}

#[test]
fn it_looks_like_this() {
    for (value, line) in [
        ("it's $5", "$env:A = 'it''s $5'\n"),
        ("a\nb", "$env:A = -join ('a',[char]0x000A,'b')\n"),
        ("\u{2019}", "$env:A = -join ('',[char]0x2019)\n"),
        ("🔑x", "$env:A = -join ('',[char]0xD83D,[char]0xDD11,'x')\n"),
    ] {
        let pairs = [("A".to_owned(), value.as_bytes().to_vec())];
        assert_eq!(written("powershell", &pairs).text, line.as_bytes());
    }
}

#[test]
fn names_are_refused_in_any_case() {
    let names = ["Path", "PSModulePath", "Token", "TOKEN", "OTHER"];
    let pairs: Vec<Pair> = names.map(|name| (name.to_owned(), b"x".to_vec())).into();
    let written = written("powershell", &pairs);
    assert_eq!(written.carried.into_keys().collect::<Vec<_>>(), ["OTHER"]);
    assert_eq!(
        written.refused["Token"],
        "`Token` and `TOKEN` are one variable on Windows"
    );
}

/// The twin: what means something else is no statement here.
#[test]
fn the_reader_can_fail() {
    for line in [
        "$env:A = \"x\"",
        "$env:A = 'x",
        "$env:A = 'x' 'y'",
        "$env:A = 'x'y'",
        "$env:A = 'x'; touch pwned",
        "$env:A = -join ('x',[char]0x12345)",
        "$env:A = -join 'x',[char]0x0041",
        "$env:A = -join ('x',)",
        "$env:A = -join ('x',[char]0xD83D)",
        "$env:A-B = 'x'",
    ] {
        assert!(statement(line).is_none(), "{line}");
    }
}

/// `$env:NAME = 'text'` or `$env:NAME = -join (operand,operand…)`.
fn statement(line: &str) -> Option<(String, Vec<u8>)> {
    let (name, expression) = line.strip_prefix("$env:")?.split_once(" = ")?;
    let mut units = Vec::new();
    let rest = match expression.strip_prefix("-join (") {
        Some(list) => {
            let mut rest = operand(list, &mut units)?;
            while let Some(next) = rest.strip_prefix(',') {
                rest = operand(next, &mut units)?;
            }
            rest.strip_prefix(')')?
        }
        None => quoted(expression, &mut units)?,
    };
    let named = name
        .bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    let value = String::from_utf16(&units).ok()?.into_bytes();
    (rest.is_empty() && named).then(|| (name.to_owned(), value))
}

fn operand<'a>(text: &'a str, units: &mut Vec<u16>) -> Option<&'a str> {
    let Some(number) = text.strip_prefix("[char]0x") else {
        return quoted(text, units);
    };
    let digits = number.bytes().take_while(u8::is_ascii_hexdigit).count();
    // A larger number is no `char`.
    units.push(u16::from_str_radix(&number[..digits], 16).ok()?);
    Some(&number[digits..])
}

/// 2.3.5.2.2 of the specification: a verbatim string; the curly quotes U+2018 to U+201B end it as well.
fn quoted<'a>(text: &'a str, units: &mut Vec<u16>) -> Option<&'a str> {
    let quotes = ['\'', '\u{2018}', '\u{2019}', '\u{201a}', '\u{201b}'];
    let mut rest = text.strip_prefix(quotes)?;
    loop {
        let end = rest.find(quotes)?;
        units.extend(rest[..end].encode_utf16());
        rest = &rest[end..];
        let quote = rest.chars().next()?;
        rest = &rest[quote.len_utf8()..];
        let Some(next) = rest.strip_prefix(quotes) else {
            return Some(rest);
        };
        units.extend(quote.encode_utf16(&mut [0; 2]).iter());
        rest = next;
    }
}
