//! Values that programs mangle, or run, and what `env` makes of them.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use crate::common::{TestEnv, needed};

/// A variable and its value.
pub(crate) type Pair = (String, Vec<u8>);

/// Where the random ones come from; another number is another set.
pub(crate) const SEED: u64 = 20_261_121;

/// Values by themselves, each a known accident of somebody's.
const FIXED: &[&[u8]] = &[
    b"plain", b"sk-live_0123456789abcdefghij", b" ", b"  both ends  ", b"\t", b"\n", b"\n\n", b"\r", b"\r\n", b"a\rb", b"a\r\nb\r\n",
    b"ends with a line feed\n", b"ends with two\n\n", b"\nstarts with one", b"two\nlines", b"a\n\nb", b"'", b"''", b"'''", b"\"", b"\"\"",
    b"it's", b"say \"hello\"", b"'quoted'", b"\"quoted\"", b"`quoted`", b"'\"'\"'", b"\\", b"\\\\", b"\\'", b"'\\", b"'\\''", b"\\\"", b"a\\",
    b"\\a", b"a\\b", b"a\\nb", b"a\\\\nb", b"\\n", b"\\t", b"\\x41", b"\\u0041", b"\\0101", b"\\$HOME", b"\\`", b"\\\n", b"a\\\nb", b"a \\'b",
    b"$", b"$$", b"$HOME", b"${HOME}", b"${HOME:-x}", b"${", b"$(touch pwned)", b"`touch pwned`", b"$((1+1))", b"$'\\n'", b"$\"x\"", b"$env:PATH",
    b"'; touch pwned; '", b"\"; touch pwned; \"", b"; touch pwned", b"\ntouch pwned\n", b"'\ntouch pwned\n'", b"$(touch pwned)'$(touch pwned)",
    b"x[$(touch pwned)]", b"(touch pwned)", b"| touch pwned", b"& touch pwned &", b"> pwned", b"<(touch pwned)", b"{a,b}", b"!", b"!!", b"!-1", b"!touch",
    b"%", b"%s%n", b"%0A", b"%25", b"100%25 sure%0Aof it", b"#", b"# comment", b"a #b", b"a#b", b"=", b"==", b"A=B", b"=ls", b"-", b"--", b"-n", b"-e", b"--reveal", b"~", b"~root", b"a:~:~root",
    b"*", b"?", b"[a-z]*", b"/*", b"^", b"&", b"|", b";", b"<", b">", b"(", b")", b"{", b"}", b"EOF", b"<<EOF", b"A<<B\nx\nB", b"::add-mask::x", b"::stop-commands::x",
    b"a\n::set-env name=PATH::x", b"KEYWRIGHT_", b"\x01", b"\x1b[31mred\x1b[0m", b"\x7f", b"\x08\x0b\x0c", b"\x1e", b"a\x1eb", b"\xff", b"\xfe\xff", b"\xc3", b"\xc3\x28",
    b"\xe2\x80", b"abc\xf0\x9f'", b"\xe2'", b"'\xe2", b"\x80\x81\x82\x83\x84\x85\x86\x87\x88\x89", b"\xed\xa0\x80", b"\xc0\x80", b"\x83\\", b"\x81'",
    "é".as_bytes(), "🔑".as_bytes(), "a🔑b\n鍵".as_bytes(), "\u{2028}".as_bytes(), "a\u{2028}b\u{2029}c\u{85}d".as_bytes(), "\u{feff}bom".as_bytes(),
    "‘curly’ ‚quotes‛ “too”".as_bytes(), "\u{fdd0}\u{fdef}".as_bytes(), "\u{f600}\u{f6ff}\u{f641}".as_bytes(), "\u{e000}\u{ffff}\u{10ffff}".as_bytes(), "\u{301}mark".as_bytes(),
    "\u{a0}no break\u{a0}".as_bytes(), "\u{202e}evil".as_bytes(), b"{\n  \"type\": \"service_account\",\n  \"key\": \"-----BEGIN-----\\nabc\\n\"\n}\n",
    b"-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSj\nAgEAAoIBAQC7\n-----END PRIVATE KEY-----\n",
];

/// What random values are made of.
const PIECES: &[&[u8]] = &[
    b"a",
    b"B",
    b"7",
    b"'",
    b"\"",
    b"\\",
    b"$",
    b"`",
    b"\n",
    b"\r",
    b"\t",
    b" ",
    b"!",
    b"%",
    b"#",
    b"=",
    b"-",
    b"~",
    b"(",
    b")",
    b"{",
    b"}",
    b"[",
    b"]",
    b";",
    b"&",
    b"|",
    b"<",
    b">",
    b"*",
    b"?",
    b"^",
    b":",
    b",",
    b"$(touch pwned)",
    b"`touch pwned`",
    b"\\n",
    b"''",
    b"\\'",
    b"\\\\",
    b"${A}",
    b"\n#",
    b"\x01",
    b"\x1b",
    b"\x7f",
    b"\xff",
    b"\x81",
    b"\xe2",
    "é".as_bytes(),
    "🔑".as_bytes(),
    "\u{2028}".as_bytes(),
    "’".as_bytes(),
    "\u{f641}".as_bytes(),
    "\u{301}".as_bytes(),
];

/// The pieces that are printable ASCII, of which more formats can carry the whole.
const EASY: std::ops::Range<usize> = 0..8;

/// All of them, in variables of names that mean nothing to anybody.
pub(crate) fn pairs() -> Vec<Pair> {
    let mut values: Vec<Vec<u8>> = FIXED.iter().map(|value| value.to_vec()).collect();
    // A backslash, a quote and a line feed in every position of a short text.
    for special in [&b"\\"[..], b"'", b"\"", b"\n", b"\\'", b"\xff"] {
        for at in 0..=4 {
            values.push([&b"abcd"[..at], special, &b"abcd"[at..]].concat());
        }
    }
    let mut random = Random(SEED);
    for round in 0..400 {
        let count = 1 + random.below(12);
        let range = if round % 2 == 0 {
            0..PIECES.len()
        } else {
            EASY
        };
        let pieces = (0..count).map(|_| PIECES[range.start + random.below(range.len())]);
        values.push(pieces.collect::<Vec<_>>().concat());
    }
    values.extend(long(&mut random));
    let named = values.into_iter().enumerate();
    named
        .map(|(at, value)| (format!("T_{at}"), value))
        .collect()
}

/// Values of the largest size that a key can have, and around the size of a line that docker reads.
fn long(random: &mut Random) -> Vec<Vec<u8>> {
    const LIMIT: usize = 64 * 1024;
    let mixed = std::iter::repeat_with(|| PIECES[random.below(PIECES.len())])
        .flatten()
        .copied();
    vec![
        vec![b'x'; LIMIT],
        vec![b'\''; LIMIT],
        vec![b'\n'; LIMIT],
        vec![b'x'; LIMIT - 7],
        vec![b'x'; LIMIT - 6],
        vec![b'x'; LIMIT - 5],
        mixed.take(LIMIT).collect(),
    ]
}

/// SplitMix64: the same numbers on every machine.
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) % limit as u64) as usize
    }
}

/// What `env` printed in a format.
pub(crate) struct Written {
    pub(crate) env: TestEnv,
    pub(crate) text: Vec<u8>,
    /// Those in the text.
    pub(crate) carried: BTreeMap<String, Vec<u8>>,
    /// Why others are not.
    pub(crate) refused: BTreeMap<String, String>,
}

/// Stores the values and has those printed that can be: the rest is left out as soon as it is refused, by name.
#[track_caller]
pub(crate) fn written(format: &str, pairs: &[Pair]) -> Written {
    let env = TestEnv::new();
    let keys: Vec<Value> = pairs.iter().enumerate().map(key).collect();
    let document = json!({
        "schema": 1, "exported_at": "2026-01-01T00:00:00Z", "roles": [], "keys": keys,
    });
    let imported = env.run_with_stdin(["import", "--format", "json"], document.to_string());
    assert!(imported.success(), "{imported}");
    let names = pairs.iter().map(|(name, _)| name.as_str());
    let allowed: Vec<&str> = names.flat_map(|name| ["--allow-name", name]).collect();
    let github_env = env.write("github-env", "EARLIER=1");
    let github_env = github_env.to_str().expect("a path");
    let print = |more: &[&str]| {
        let args = [&["env", "--format", format], &allowed[..], more].concat();
        env.run_with_env(args, [("GITHUB_ENV", github_env)])
    };
    let mut outcome = print(&[]);
    let mut refused = BTreeMap::new();
    if outcome.code() == Some(8) {
        assert!(outcome.stdout().is_empty(), "something was printed");
        refused = refusals(&outcome.stderr());
        let except: Vec<&str> = refused.keys().map(String::as_str).collect();
        outcome = print(&["--except", &except.join(",")]);
    }
    assert!(outcome.success(), "{}", outcome.stderr());
    let text = outcome.stdout().to_vec();
    let mut carried: BTreeMap<_, _> = pairs.iter().cloned().collect();
    carried.retain(|name, _| !refused.contains_key(name));
    Written {
        env,
        text,
        carried,
        refused,
    }
}

/// A provider key as `export` writes it.
fn key((at, (name, value)): (usize, &Pair)) -> Value {
    let mut key = json!({
        "kind": "provider", "name": format!("key {name}"), "key_id": format!("{at:012}"),
        "project": "default", "environment": "development", "default": false,
        "providers": [], "models": [], "variable": name, "tags": [], "note": null,
        "created_at": "2026-01-01T00:00:00Z", "created_by": "tester",
        "present_since": "2026-01-01T00:00:00Z", "expires_at": null,
        "revoked_at": null, "revoked_by": null,
    });
    let (field, text) = match str::from_utf8(value) {
        Ok(text) => ("value", text.to_owned()),
        Err(_) => ("value_base64", base64(value)),
    };
    key[field] = json!(text);
    key
}

fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let group = |chunk: &[u8]| {
        let number = (0..3).fold(0, |sum, at| {
            sum << 8 | usize::from(*chunk.get(at).unwrap_or(&0))
        });
        let digit = |at: usize| match at <= chunk.len() {
            true => char::from(DIGITS[number >> (18 - 6 * at) & 63]),
            false => '=',
        };
        (0..4).map(digit).collect::<String>()
    };
    bytes.chunks(3).map(group).collect()
}

/// From "… cannot carry `key A` (reason), `key B` (reason)".
fn refusals(message: &str) -> BTreeMap<String, String> {
    let line = message.lines().find(|line| line.starts_with("error: "));
    let parts = line.expect("an error").split("`key ").skip(1);
    let refusal = |part: &str| {
        let (name, reason) = part.split_once("` (").expect("a name and a reason");
        let reason = reason.trim_end_matches(", ").trim_end_matches(')');
        (name.to_owned(), reason.to_owned())
    };
    parts.map(refusal).collect()
}

/// A program in an environment of next to nothing; `None` when it is not here.
#[track_caller]
pub(crate) fn clean(program: &str, args: &[&str]) -> Option<Command> {
    let mut command = Command::new(needed(program)?);
    command
        .args(args)
        .env_clear()
        .env("PATH", "/usr/local/bin:/usr/bin:/bin")
        .env("HOME", "/nowhere")
        .stderr(Stdio::null());
    Some(command)
}

/// Runs a program to its end, with the text on its standard input.
#[track_caller]
pub(crate) fn output(command: &mut Command, input: &[u8]) -> Vec<u8> {
    let piped = command.stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = piped.spawn().expect("it starts");
    let mut stdin = child.stdin.take().expect("piped");
    let input = input.to_vec();
    let writer = std::thread::spawn(move || stdin.write_all(&input));
    let output = child.wait_with_output().expect("it ends");
    // A shell that ended early is noticed by what it did not print.
    let _ = writer.join();
    assert!(output.status.success(), "{command:?}: {}", output.status);
    output.stdout
}

/// What `env -0` printed.
pub(crate) fn environment(printed: &[u8]) -> BTreeMap<String, Vec<u8>> {
    let lines = printed.split(|&byte| byte == 0);
    let pair = |line: &[u8]| {
        let at = line.iter().position(|&byte| byte == b'=');
        let at = at.expect("a name and a value");
        (
            String::from_utf8_lossy(&line[..at]).into_owned(),
            line[at + 1..].to_vec(),
        )
    };
    lines.filter(|line| !line.is_empty()).map(pair).collect()
}

/// Each carried value came out as it went in.
#[track_caller]
pub(crate) fn assert_carried(
    who: &str,
    carried: &BTreeMap<String, Vec<u8>>,
    found: &BTreeMap<String, Vec<u8>>,
) {
    for (name, value) in carried {
        let got = found.get(name);
        assert!(
            got == Some(value),
            "{who}: {name} (seed {SEED}): {:?} became {:?}",
            String::from_utf8_lossy(value),
            got.map(|got| String::from_utf8_lossy(got).into_owned()),
        );
    }
}
