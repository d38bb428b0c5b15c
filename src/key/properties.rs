//! What every word of the vocabulary has in common: no text makes its parser panic, and what is accepted has a text that is
//! read as the same.

use std::fmt::{Debug, Display};
use std::str::FromStr;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

use super::*;

/// Texts of what the parsers look at, and any others.
fn text() -> impl Strategy<Value = String> {
    let words = select(vec![
        "read",
        "write",
        "admin",
        ":",
        "/",
        "=",
        "*",
        "?",
        "[",
        "]",
        "-",
        "_",
        ".",
        " ",
        "0",
        "1",
        "9",
        "s",
        "m",
        "h",
        "d",
        "w",
        "never",
        "2027-01-31",
        "T00:00:00",
        "Z",
        "+01:00",
        "kwt",
        "prod1",
        "0123456789AB",
        "é",
        "e\u{301}",
        "鍵",
        "\n",
        "\u{9b}",
        "shop",
        "production",
        "A",
        "a",
        "2147483648",
        "18446744073709551616",
    ]);
    let part = prop_oneof![words.prop_map(str::to_owned), ".{0,3}", "[0-9]{1,9}"];
    let parts = vec(part, 0..6).prop_map(|parts| parts.concat());
    // Chance seldom makes one of these.
    let shaped = prop_oneof![
        "[0-9]{1,5}[smhdw]",
        "[0-9]{1,5}/[smhd]",
        "[a-z]{1,6}(:[a-z]{1,6})?",
        "[0-9A-Za-z]{12}",
        "20[0-9]{2}-[01][0-9]-[0-3][0-9](T[012][0-9]:[0-6][0-9]:[0-6][0-9](Z|[+-]0[0-9]:30))?",
    ];
    prop_oneof![parts, shaped]
}

#[track_caller]
fn reads_back<T>(text: &str) -> Option<T>
where
    T: FromStr<Err = ParseError> + Display + Debug + PartialEq,
{
    let read: T = text.parse().ok()?;
    let shown = read.to_string();
    let again = shown
        .parse()
        .unwrap_or_else(|err| panic!("{text:?} is {shown:?}: {err}"));
    assert_eq!(read, again, "{text:?} is {shown:?}");
    Some(read)
}

proptest! {
    #[test]
    fn what_is_accepted_is_read_back_from_its_text(text in text()) {
        reads_back::<Brand>(&text);
        reads_back::<Environment>(&text);
        reads_back::<KeyId>(&text);
        reads_back::<KeyName>(&text);
        reads_back::<Note>(&text);
        reads_back::<Permission>(&text);
        reads_back::<Project>(&text);
        reads_back::<Rate>(&text);
        reads_back::<RoleName>(&text);
        reads_back::<Span>(&text);
        reads_back::<Tag>(&text);
        reads_back::<Timestamp>(&text);
        reads_back::<VariableName>(&text);
        reads_back::<When>(&text);
        // These have no text of their own.
        let _ = text.parse::<Assignment>();
        let _ = text.parse::<ContextPair>();
        if let Ok(pattern) = text.parse::<KeyPattern>() {
            let variable: VariableName = "NAME".parse().expect("a variable");
            let _ = pattern.takes(&text, &variable);
        }
        if let Ok(search) = text.parse::<SearchText>() {
            prop_assert!(search.is_in(&text.nfc_trimmed()));
        }
    }

    #[test]
    fn names_are_one_line_in_their_normal_form(text in text()) {
        if let Ok(name) = text.parse::<KeyName>() {
            let name = name.as_str();
            prop_assert!((1..=100).contains(&name.chars().count()));
            prop_assert!(!name.contains(char::is_control) && name.trim() == name);
            prop_assert!(unicode_normalization::is_nfc(name));
        }
    }

    #[test]
    fn a_duration_is_as_long_as_it_says(count in 0..=36_525_i64, unit in select(vec![('s', 1), ('m', 60), ('h', 3_600), ('d', 86_400)])) {
        let (letter, seconds) = unit;
        let span = reads_back::<Span>(&format!("{count}{letter}")).expect("a duration");
        prop_assert_eq!(span.as_seconds(), count * seconds);
    }

    #[test]
    fn no_duration_goes_past_a_hundred_years(digits in "[0-9]{1,25}", unit in select(vec!['s', 'm', 'h', 'd', 'w'])) {
        if let Some(span) = reads_back::<Span>(&format!("{digits}{unit}")) {
            prop_assert!((0..=36_525 * 86_400).contains(&span.as_seconds()));
        }
    }

    #[test]
    fn every_second_is_read_back(seconds in 0..=253_402_300_799_i64) {
        let at = Timestamp(seconds);
        prop_assert_eq!(reads_back(&at.to_string()), Some(at));
        prop_assert_eq!(Timestamp::of_day(at.day()).date(), at.date());
    }

    #[test]
    fn an_expiry_is_in_the_future_or_none(text in text(), now in 0..=253_402_300_799_i64) {
        let now = Timestamp(now);
        if let Ok(Some(at)) = text.parse().and_then(|expiry: Expiry| expiry.resolve(now)) {
            prop_assert!(at > now);
        }
        if let Ok(when) = text.parse::<When>() {
            prop_assert!(when.resolve(now) <= when.resolve_end(now));
            let _ = when.first_day(now);
        }
    }

    #[test]
    fn no_time_that_a_file_says_is_too_far(seconds: i64, now: i64) {
        let (at, now) = (Timestamp(seconds), Timestamp(now));
        prop_assert!(!at.to_string().is_empty() && !at.date().is_empty());
        prop_assert!(!at.relative(now).is_empty());
        prop_assert!(Span::between(at, now) >= Span::ZERO);
        let _ = (at.after(Span::DAY), at.before(Span::DAY), at.day());
    }

    #[test]
    fn pairs_and_assignments_say_their_two_sides(name in "[A-Za-z_][A-Za-z0-9_]{0,20}", value in "[!-~]([ -~]{0,20}[!-~])?") {
        let whole = format!("{name}={value}");
        let pair: ContextPair = whole.parse().expect("a pair");
        let context = Context::from_pairs(&[pair]).expect("one is not too much");
        prop_assert_eq!(context.get(&name), Some(value.as_str()));
        let assignment: Assignment = whole.parse().expect("an assignment");
        prop_assert_eq!(assignment.variable.as_str(), name);
        prop_assert_eq!(Ok(assignment.key), value.parse());
    }
}

trait Normal {
    fn nfc_trimmed(&self) -> String;
}

impl Normal for String {
    fn nfc_trimmed(&self) -> String {
        use unicode_normalization::UnicodeNormalization;
        self.trim().nfc().collect()
    }
}
