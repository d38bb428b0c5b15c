//! Values that programs mangle, or run.

use super::Pair;

/// Where the random ones come from; another number is another set.
pub(super) const SEED: u64 = 20_261_121;

/// Values by themselves, each a known accident of somebody's.
const FIXED: &[&[u8]] = &[
    b"plain", b"sk-live_0123456789abcdefghij", b" ", b"  both ends  ", b"\t", b"\n", b"\n\n", b"\r", b"\r\n", b"a\rb", b"a\r\nb\r\n",
    b"ends with a line feed\n", b"ends with two\n\n", b"\nstarts with one", b"two\nlines", b"a\n\nb", b"'", b"''", b"'''", b"\"", b"\"\"",
    b"it's", b"say \"hello\"", b"'quoted'", b"\"quoted\"", b"`quoted`", b"'\"'\"'", b"\\", b"\\\\", b"\\'", b"'\\", b"'\\''", b"\\\"", b"a\\",
    b"\\a", b"a\\b", b"a\\nb", b"a\\\\nb", b"\\n", b"\\t", b"\\x41", b"\\u0041", b"\\0101", b"\\$HOME", b"\\`", b"\\\n", b"a\\\nb", b"a \\'b",
    b"$", b"$$", b"$HOME", b"${HOME}", b"${HOME:-x}", b"${", b"$(touch pwned)", b"`touch pwned`", b"$((1+1))", b"$'\\n'", b"$\"x\"", b"$env:PATH",
    b"'; touch pwned; '", b"\"; touch pwned; \"", b"; touch pwned", b"\ntouch pwned\n", b"'\ntouch pwned\n'", b"$(touch pwned)'$(touch pwned)",
    b"x[$(touch pwned)]", b"(touch pwned)", b"| touch pwned", b"& touch pwned &", b"> pwned", b"<(touch pwned)", b"{a,b}", b"!", b"!!", b"!-1", b"!touch",
    b"%", b"%s%n", b"%0A", b"%25", b"#", b"# comment", b"a #b", b"a#b", b"=", b"==", b"A=B", b"=ls", b"-", b"--", b"-n", b"-e", b"--reveal", b"~", b"~root", b"a:~:~root",
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
pub(super) fn pairs() -> Vec<Pair> {
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
pub(super) struct Random(pub(super) u64);

impl Random {
    pub(super) fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) % limit as u64) as usize
    }
}
