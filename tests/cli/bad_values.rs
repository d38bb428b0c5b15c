//! Values of arguments that cannot be: each is told with what can.

use crate::common::TestEnv;

#[test]
fn values_that_cannot_be_are_told_with_what_can() {
    let env = TestEnv::new();
    let long = "é".repeat(101);
    let told = env.refusals([
        &["create", ""] as &[&str],
        &["create", " a"],
        &["create", "a\nb"],
        &["create", "\u{1b}[31mred"],
        &["create", &long],
        &["show", &long],
        &["create", "x", "--brand", "sk"],
        &["create", "x", "--brand", "test"],
        &["create", "x", "--brand", "Acme"],
        &["create", "x", "--permission", "Read"],
        &["create", "x", "--permission", "read,"],
        &["create", "x", "--permission", ""],
        &["create", "x", "--context", "team"],
        &["create", "x", "--context", "te am=blue"],
        &[
            "create",
            "x",
            "--context",
            "team=blue",
            "--context",
            "team=red",
        ],
        &["create", "x", "--expires", "soon"],
        &["create", "x", "--expires", "3"],
        &["create", "x", "--expires", "101y"],
        &["create", "x", "--expires", "36526d"],
        &["create", "x", "--expires", "2020-01-01"],
        &["create", "x", "--expires", "2020-01-01T00:00:00Z"],
        &["create", "x", "--expires", "2027-02-30"],
        &["create", "x", "--expires", "0s"],
        &["create", "x", "--expires", "-1d"],
        &["create", "x", "--tag", ""],
        &["create", "x", "--note", ""],
        &["create", "x", "--note", "bell \u{7}"],
        &["set", "x", "--var", "1ST"],
        &["set", "x", "--var", "A-B"],
        &["set", "x", "--provider", ""],
        &["rotate", "x", "--overlap", "1 day"],
        &["list", "--expiring", "soon"],
        &["list", "-p", "a b"],
        &["list", "-e", ""],
        &["list", "--actor", ""],
        &["usage", "--since", "soon"],
        &["usage", "--since", "2027-02-30"],
        &["usage", "--since", "9999-01-01"],
        &["usage", "--since", "9999-01-01T00:00:00Z"],
        &["usage", "--since", "101y"],
        &["usage", "--since", "100w", "--by", "year"],
        &["usage", "x", "--since", "3662d"],
        &["usage", "--since", "0001-01-01", "--by", "month"],
    ]);
    insta::assert_snapshot!(told, @r#"
    $ keywright create ""
    error: invalid value '' for '<NAME>': a name cannot be empty

    For more information, try '--help'.
    [exit 2]
    $ keywright create " a"
    error: invalid value ' a' for '<NAME>': a name has no white space at its ends

    For more information, try '--help'.
    [exit 2]
    $ keywright create "a\nb"
    error: invalid value 'a\u{a}b' for '<NAME>': a name has no control characters

    For more information, try '--help'.
    [exit 2]
    $ keywright create "\u{1b}[31mred"
    error: invalid value '\u{1b}[31mred' for '<NAME>': a name has no control characters

    For more information, try '--help'.
    [exit 2]
    $ keywright create éééééééé…
    error: invalid value '…' for '<NAME>': a name has at most 100 characters, not 101

    For more information, try '--help'.
    [exit 2]
    $ keywright show éééééééé…
    error: invalid value '…' for '[NAME]': a name has at most 100 characters, not 101

    For more information, try '--help'.
    [exit 2]
    $ keywright create x --brand sk
    error: invalid value 'sk' for '--brand <WORD>': this brand is another vendor's, whose scanners would claim your tokens

    For more information, try '--help'.
    [exit 2]
    $ keywright create x --brand test
    error: invalid value 'test' for '--brand <WORD>': leak scanners skip tokens with this brand; choose a word of your own

    For more information, try '--help'.
    [exit 2]
    $ keywright create x --brand Acme
    error: invalid value 'Acme' for '--brand <WORD>': a brand is 2 to 12 lower-case letters and digits, and begins with a letter

    For more information, try '--help'.
    [exit 2]
    $ keywright create x --permission Read
    error: invalid value 'Read' for '--permission <ACTION>': a permission is `read`, `write`, `admin` or an action of your own, alone or as `action:resource`, in lower-case letters, digits, `.`, `_` and `-`

    For more information, try '--help'.
    [exit 2]
    $ keywright create x --permission read,
    error: invalid value '' for '--permission <ACTION>': a permission is `read`, `write`, `admin` or an action of your own, alone or as `action:resource`, in lower-case letters, digits, `.`, `_` and `-`

    For more information, try '--help'.
    [exit 2]
    $ keywright create x --permission ""
    error: invalid value '' for '--permission <ACTION>': a permission is `read`, `write`, `admin` or an action of your own, alone or as `action:resource`, in lower-case letters, digits, `.`, `_` and `-`

    For more information, try '--help'.
    [exit 2]
    $ keywright create x --context team
    error: invalid value 'team' for '--context <KEY=VALUE>': a context pair is written as `key=value`

    For more information, try '--help'.
    [exit 2]
    $ keywright create x --context "te am=blue"
    error: invalid value 'te am=blue' for '--context <KEY=VALUE>': a context key is 1 to 64 letters, digits, `.`, `_` and `-`

    For more information, try '--help'.
    [exit 2]
    $ keywright create x --context team=blue --context team=red
    error: the context key `team` is given twice
    [exit 2]
    $ keywright create x --expires soon
    error: invalid value 'soon' for '--expires <WHEN>': an expiry is a duration such as `90d`, a date such as `[--DATE--]`, an RFC 3339 time, or `never`

    For more information, try '--help'.
    [exit 2]
    $ keywright create x --expires 3
    error: invalid value '3' for '--expires <WHEN>': an expiry is a duration such as `90d`, a date such as `[--DATE--]`, an RFC 3339 time, or `never`

    For more information, try '--help'.
    [exit 2]
    $ keywright create x --expires 101y
    error: invalid value '101y' for '--expires <WHEN>': a duration is a whole number and one of s, m, h, d, w, such as `30m` or `90d`

    For more information, try '--help'.
    [exit 2]
    $ keywright create x --expires 36526d
    error: invalid value '36526d' for '--expires <WHEN>': a duration is at most 100 years

    For more information, try '--help'.
    [exit 2]
    $ keywright create x --expires 2020-01-01
    error: the expiry `[-------TIME-------]` is not in the future
    [exit 2]
    $ keywright create x --expires 2020-01-01T00:00:00Z
    error: the expiry `[-------TIME-------]` is not in the future
    [exit 2]
    $ keywright create x --expires 2027-02-30
    error: invalid value '[--DATE--]' for '--expires <WHEN>': there is no day `[--DATE--]`

    For more information, try '--help'.
    [exit 2]
    $ keywright create x --expires 0s
    error: the expiry `[-------TIME-------]` is not in the future
    [exit 2]
    $ keywright create x --expires -1d
    error: an unknown option; it is not repeated here, because it may be a secret
    hint: a value or token comes from standard input or --file, a passphrase from --passphrase-file; see --help
    [exit 2]
    $ keywright create x --tag ""
    error: invalid value '' for '--tag <TAG>': a tag cannot be empty

    For more information, try '--help'.
    [exit 2]
    $ keywright create x --note ""
    error: invalid value '' for '--note <TEXT>': a note cannot be empty

    For more information, try '--help'.
    [exit 2]
    $ keywright create x --note "bell \u{7}"
    error: invalid value 'bell \u{7}' for '--note <TEXT>': a note has no control characters but tabs and line feeds

    For more information, try '--help'.
    [exit 2]
    $ keywright set x --var 1ST
    error: invalid value '1ST' for '--var <VARIABLE>': a variable is 1 to 128 letters, digits and `_`, and does not begin with a digit

    For more information, try '--help'.
    [exit 2]
    $ keywright set x --var A-B
    error: invalid value 'A-B' for '--var <VARIABLE>': a variable is 1 to 128 letters, digits and `_`, and does not begin with a digit

    For more information, try '--help'.
    [exit 2]
    $ keywright set x --provider ""
    error: invalid value '' for '--provider <PROVIDER>': a provider cannot be empty

    For more information, try '--help'.
    [exit 2]
    $ keywright rotate x --overlap "1 day"
    error: invalid value '1 day' for '--overlap <DURATION>': a duration is a whole number and one of s, m, h, d, w, such as `30m` or `90d`

    For more information, try '--help'.
    [exit 2]
    $ keywright list --expiring soon
    error: invalid value 'soon' for '--expiring <DURATION>': a duration is a whole number and one of s, m, h, d, w, such as `30m` or `90d`

    For more information, try '--help'.
    [exit 2]
    $ keywright list -p "a b"
    error: invalid value 'a b' for '--project <PROJECT>': a project is 1 to 64 letters, digits, `.`, `_` and `-`, and begins with a letter or digit

    For more information, try '--help'.
    [exit 2]
    $ keywright list -e ""
    error: invalid value '' for '--env <ENVIRONMENT>': an environment is 1 to 64 letters, digits, `.`, `_` and `-`, and begins with a letter or digit

    For more information, try '--help'.
    [exit 2]
    $ keywright list --actor ""
    error: invalid value '' for '--actor <NAME>': an actor cannot be empty

    For more information, try '--help'.
    [exit 2]
    $ keywright usage --since soon
    error: invalid value 'soon' for '--since <WHEN>': a time is a duration before now such as `24h`, a date such as `[--DATE--]`, or an RFC 3339 time

    For more information, try '--help'.
    [exit 2]
    $ keywright usage --since 2027-02-30
    error: invalid value '[--DATE--]' for '--since <WHEN>': there is no day `[--DATE--]`

    For more information, try '--help'.
    [exit 2]
    $ keywright usage --since 9999-01-01
    error: the time `[-------TIME-------]` is in the future
    hint: --since takes a duration such as 30d, or a time in the past
    [exit 2]
    $ keywright usage --since 9999-01-01T00:00:00Z
    error: the time `[-------TIME-------]` is in the future
    hint: --since takes a duration such as 30d, or a time in the past
    [exit 2]
    $ keywright usage --since 101y
    error: invalid value '101y' for '--since <WHEN>': a duration is a whole number and one of s, m, h, d, w, such as `30m` or `90d`

    For more information, try '--help'.
    [exit 2]
    $ keywright usage --since 100w --by year
    error: invalid value 'year' for '--by <PERIOD>'
      [possible values: day, week, month]

    For more information, try '--help'.
    [exit 2]
    $ keywright usage x --since 3662d
    error: --since reaches back at most 10 years
    hint: counts are kept for 400 days, unless `usage_days` in the settings says otherwise
    [exit 2]
    $ keywright usage --since 0001-01-01 --by month
    error: --since reaches back at most 10 years
    hint: counts are kept for 400 days, unless `usage_days` in the settings says otherwise
    [exit 2]
    "#);
    assert_eq!(env.names(), [""; 0]);
}
