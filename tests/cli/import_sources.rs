//! Files that `import` cannot read, and options that do not go together.

use std::fs;

use crate::common::TestEnv;

#[test]
fn sources_that_cannot_be_read_are_refused() {
    let env = TestEnv::new();
    let big = env.path("big.json");
    let file = fs::File::create(&big).expect("made");
    file.set_len(16 * 1024 * 1024 + 1).expect("sparse");
    env.write("binary.json", [0u8, 159, 146, 150]);
    let told = env.refused_lines(&[
        "import --format json no-such-file",
        "import --format json big.json",
        "import --format json binary.json",
        "import --format yaml",
        "import no-such-file",
        "import big.json",
        "import .",
        "import .env --from-env A",
        "import --format dotenv --from-env A",
        "import --from-env A,",
    ]);
    insta::assert_snapshot!(told, @"
    $ keywright import --format json no-such-file
    error: cannot read `no-such-file`
      caused by: No such file or directory (os error 2)
    [exit 1]
    $ keywright import --format json big.json
    error: `big.json` has more than 16777216 bytes, the most that is read
    [exit 2]
    $ keywright import --format json binary.json
    error: cannot import `binary.json`
      caused by: line 1, column 1: expected value
    hint: nothing was imported; `keywright export --reveal` makes such a document
    [exit 2]
    $ keywright import --format yaml
    error: invalid value 'yaml' for '--format <FORMAT>'
      [possible values: dotenv, json, pass]

    For more information, try '--help'.
    [exit 2]
    $ keywright import no-such-file
    error: cannot read `no-such-file`
      caused by: No such file or directory (os error 2)
    [exit 1]
    $ keywright import big.json
    error: `big.json` has more than 16777216 bytes, the most that is read
    [exit 2]
    $ keywright import .
    error: cannot read `.`
      caused by: Is a directory (os error 21)
    hint: a file is read; --format pass imports a pass store
    [exit 1]
    $ keywright import .env --from-env A
    error: the argument '[FILE]' cannot be used with '--from-env <VARIABLES>'

    Usage: keywright import <FILE>

    For more information, try '--help'.
    [exit 2]
    $ keywright import --format dotenv --from-env A
    error: the argument '--format <FORMAT>' cannot be used with '--from-env <VARIABLES>'

    Usage: keywright import --format <FORMAT> [FILE]

    For more information, try '--help'.
    [exit 2]
    $ keywright import --from-env A,
    error: invalid value '' for '--from-env <VARIABLES>': a variable is 1 to 128 letters, digits and `_`, and does not begin with a digit

    For more information, try '--help'.
    [exit 2]
    ");
}
