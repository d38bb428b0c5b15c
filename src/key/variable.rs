//! Environment variables: their names, and which key goes into which.

use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::{KeyRef, ParseError, text_type};

/// An environment variable's name: `[A-Za-z_][A-Za-z0-9_]*`, at most 128 characters (POSIX.1-2024, section 8.1).
#[derive(Clone, Debug, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(try_from = "String", into = "String")]
pub struct VariableName(String);

text_type!(VariableName);

impl VariableName {
    /// Whether a value in it changes which code the program, its loader or a shell runs, where keywright looks, or what
    /// the person at the terminal is asked by: nothing that a key should be able to do.
    pub fn is_dangerous(&self) -> bool {
        DANGEROUS.contains(&self.0.as_str())
            || DANGEROUS_PREFIXES
                .iter()
                .any(|prefix| self.0.starts_with(prefix))
            || self
                .0
                .to_ascii_lowercase()
                .starts_with(DANGEROUS_PREFIX_OF_NPM)
    }
}

/// Names that are refused as they stand.
const DANGEROUS: &[&str] = &[
    "AWKLIBPATH",
    "AWKPATH",
    "AWS_CONFIG_FILE",
    "AWS_SHARED_CREDENTIALS_FILE",
    "BASHOPTS",
    "BASH_ENV",
    "BROWSER",
    "CARGO_ENCODED_RUSTFLAGS",
    "CARGO_HOME",
    "CC",
    "CDPATH",
    "CLASSPATH",
    "CORECLR_PROFILER",
    "CORECLR_PROFILER_PATH",
    "CXX",
    "DOCKER_CONFIG",
    "DOTNET_STARTUP_HOOKS",
    "EDITOR",
    "ENV",
    "ERL_AFLAGS",
    "ERL_FLAGS",
    "ERL_LIBS",
    "EXINIT",
    "FPATH",
    "GCONV_PATH",
    "GEM_HOME",
    "GEM_PATH",
    "GLIBC_TUNABLES",
    "GNUMAKEFLAGS",
    "GOENV",
    "GOFLAGS",
    "GOROOT",
    "GOTOOLCHAIN",
    "GRADLE_OPTS",
    "GRADLE_USER_HOME",
    "GTK_MODULES",
    "GTK_PATH",
    "HOME",
    "HOSTALIASES",
    "IFS",
    "JAVA_OPTS",
    "JAVA_TOOL_OPTIONS",
    "JDK_JAVA_OPTIONS",
    "JULIA_LOAD_PATH",
    "KUBECONFIG",
    "LESSCLOSE",
    "LESSOPEN",
    "LOCPATH",
    "LUA_CPATH",
    "LUA_INIT",
    "LUA_PATH",
    "MAKEFILES",
    "MAKEFLAGS",
    "MANPAGER",
    "MAVEN_ARGS",
    "MAVEN_OPTS",
    "NLSPATH",
    "NODE_EXTRA_CA_CERTS",
    "NODE_OPTIONS",
    "NODE_PATH",
    "NULLCMD",
    "OPENSSL_CONF",
    "OPENSSL_ENGINES",
    "OPENSSL_MODULES",
    "PAGER",
    "PATH",
    "PERL5DB",
    "PERL5LIB",
    "PERL5OPT",
    "PERLLIB",
    "PHPRC",
    "PHP_INI_SCAN_DIR",
    "PIP_CONFIG_FILE",
    "PROMPT_COMMAND",
    "PS0",
    "PS1",
    "PS2",
    "PS3",
    "PS4",
    "PYTHONBREAKPOINT",
    "PYTHONEXECUTABLE",
    "PYTHONHOME",
    "PYTHONINSPECT",
    "PYTHONPATH",
    "PYTHONPLATLIBDIR",
    "PYTHONSTARTUP",
    "PYTHONUSERBASE",
    "PYTHONWARNINGS",
    "QT_PLUGIN_PATH",
    "READNULLCMD",
    "RES_OPTIONS",
    "RUBYLIB",
    "RUBYOPT",
    "RUSTC",
    "RUSTC_WORKSPACE_WRAPPER",
    "RUSTC_WRAPPER",
    "RUSTDOCFLAGS",
    "RUSTFLAGS",
    "RUSTUP_HOME",
    "RUSTUP_TOOLCHAIN",
    "R_ENVIRON_USER",
    "R_LIBS",
    "R_PROFILE",
    "R_PROFILE_USER",
    "SBT_OPTS",
    "SHELL",
    "SHELLOPTS",
    "SSH_ASKPASS",
    "SUDO_ASKPASS",
    "TCLLIBPATH",
    "TMPDIR",
    "VIMINIT",
    "VISUAL",
    "XDG_CONFIG_DIRS",
    "XDG_CONFIG_HOME",
    "XDG_DATA_DIRS",
    "XDG_DATA_HOME",
    "XDG_RUNTIME_DIR",
    "XDG_STATE_HOME",
    "ZDOTDIR",
    "_JAVA_OPTIONS",
];

/// Beginnings of names that are refused.
const DANGEROUS_PREFIXES: &[&str] = &[
    "BASH_FUNC_",
    "CARGO_BUILD_",
    "CARGO_TARGET_",
    "DYLD_",
    "GIT_",
    "KEYWRIGHT_",
    "LD_",
    "MALLOC_",
];

/// The same, in whatever case: npm takes its settings so.
const DANGEROUS_PREFIX_OF_NPM: &str = "npm_config_";

impl FromStr for VariableName {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        let starts = text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
        let continues = text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
        if !starts || !continues || text.len() > 128 {
            return Err(ParseError::new(
                "a variable is 1 to 128 letters, digits and `_`, and does not begin with a digit",
            ));
        }
        Ok(Self(text.to_owned()))
    }
}

/// A variable and the key whose value it gets.
#[derive(Clone, Debug)]
pub struct Assignment {
    pub variable: VariableName,
    pub key: KeyRef,
    /// Whether nothing may start without it.
    pub required: bool,
}

/// `VARIABLE=NAME`; required.
impl FromStr for Assignment {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        let (variable, key) = text.split_once('=').ok_or_else(|| {
            ParseError::new("a variable and the name of its key, such as OPENAI_API_KEY=openai")
        })?;
        Ok(Self {
            variable: variable.parse()?,
            key: key.parse()?,
            required: true,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_are_what_every_shell_takes() {
        for good in ["A", "_", "OPENAI_API_KEY", "x1", &"A".repeat(128)] {
            assert!(good.parse::<VariableName>().is_ok(), "{good:?}");
        }
        for bad in ["", "1A", "A-B", "A=B", "é", "A B", &"A".repeat(129)] {
            assert!(bad.parse::<VariableName>().is_err(), "{bad:?}");
        }
    }

    #[test]
    fn what_decides_which_code_runs_is_dangerous() {
        let dangerous = |name: &str| {
            let name: VariableName = name.parse().expect("a name");
            name.is_dangerous()
        };
        for bad in [
            "LD_PRELOAD",
            "LD_",
            "DYLD_INSERT_LIBRARIES",
            "PATH",
            "HOME",
            "IFS",
            "ENV",
            "BASH_ENV",
            "SHELLOPTS",
            "PS4",
            "PROMPT_COMMAND",
            "PYTHONSTARTUP",
            "PYTHONPATH",
            "PYTHONHOME",
            "NODE_OPTIONS",
            "NODE_PATH",
            "PERL5OPT",
            "PERL5LIB",
            "RUBYOPT",
            "RUBYLIB",
            "JAVA_TOOL_OPTIONS",
            "GIT_SSH_COMMAND",
            "EDITOR",
            "PAGER",
            "GCONV_PATH",
            "MALLOC_CHECK_",
            "KEYWRIGHT_ENV",
            "_JAVA_OPTIONS",
            "GLIBC_TUNABLES",
            "MAKEFLAGS",
            "OPENSSL_CONF",
            "XDG_CONFIG_HOME",
            "npm_config_script_shell",
            "NPM_CONFIG_SHELL",
            "CARGO_BUILD_RUSTC",
            "GOFLAGS",
        ] {
            assert!(dangerous(bad), "{bad}");
        }
        for good in [
            "OPENAI_API_KEY",
            "CARGO_REGISTRY_TOKEN",
            "GOOGLE_API_KEY",
            "NPM_TOKEN",
            "PATHS",
            "XLD_PRELOAD",
            "GITHUB_TOKEN",
            "path",
            "ENVIRONMENT",
        ] {
            assert!(!dangerous(good), "{good}");
        }
    }

    #[test]
    fn an_assignment_is_a_variable_and_a_name() {
        let read: Assignment = "A=CI/CD = x".parse().expect("an assignment");
        assert_eq!(read.variable.as_str(), "A");
        assert_eq!(read.key.to_string(), "CI/CD = x");
        for bad in ["", "A", "=x", "A=", "1=x", "A= x"] {
            assert!(bad.parse::<Assignment>().is_err(), "{bad:?}");
        }
    }
}
