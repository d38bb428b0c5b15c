use std::collections::hash_map::Entry;
use std::collections::{BTreeSet, HashMap};
use std::io::{self, IsTerminal};
use std::os::fd::AsFd;

use clap::Args;
use rustix::event::{PollFd, PollFlags, Timespec, poll};

use super::args::{read_start, stdin, unreadable};
use crate::crypto::{CREDENTIAL_LIMIT, SecretLines};
use crate::error::{CommandError, Exit};
use crate::key::{IssuedDetails, KeyId, Permission, Timestamp};
use crate::output::{escape, json_text};
use crate::session::Session;
use crate::vault::{
    Code, KnownKey, KnownKeys, Requirements, UseCounts, Vault, VaultError, Verdict,
};
use crate::view::AnswerView;

/// How many bytes of answers are put together before they are written.
const OUTPUT_SIZE: usize = 64 * 1024;

/// Check a token that is read from standard input
///
/// Takes a bare token or an `Authorization: Bearer` line. Exits 0 when it is good, 10 when it is not, and 11 when it is
/// good but not for what is required. -p and -e are requirements when they are given as options. The use is recorded.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  keywright verify < token.txt
  keywright verify --require write:orders -e production --json <<< \"$AUTHORIZATION\"
  keywright verify --batch < tokens.txt | jq -c 'select(.valid | not)'")]
pub(crate) struct VerifyArgs {
    /// A permission that the key has to have
    #[arg(long, value_name = "PERMISSION", value_delimiter = ',')]
    require: Vec<Permission>,

    /// Check a token a line, and answer each with a JSON object on a line
    ///
    /// The order is kept, an empty line is answered too, and the exit code is 0 when every line was answered, whatever
    /// the answers. A line is answered as soon as there is nothing more to read. What is changed in the vault meanwhile
    /// holds for the next line that is read. Uses are counted once a second and at the end, by day, key and answer; they
    /// are not listed one by one.
    #[arg(long)]
    batch: bool,

    /// Do not record this use
    #[arg(long)]
    no_record: bool,
}

pub(crate) fn verify(args: &VerifyArgs, session: &mut Session) -> Result<Exit, CommandError> {
    if io::stdin().is_terminal() {
        return Err(CommandError::message(
            Exit::Usage,
            "standard input is a terminal; a token is read from it",
        )
        .hint("keywright verify < token.txt"));
    }
    let requirements = Requirements {
        environment: session.settings.environment_option.clone(),
        project: session.settings.project_option.clone(),
        permissions: args.require.clone(),
    };
    if args.batch {
        return session
            .with_vault(|vault, session| answer_batch(args, requirements, vault, session));
    }
    session.with_vault(|vault, session| {
        let presented = read_start(CREDENTIAL_LIMIT)?;
        let (now, record) = (session.now, !args.no_record);
        let actor = &session.settings.actor;
        let verdict = vault
            .verify(&presented, &requirements, record, actor, now)
            .map_err(for_issued_keys)?;
        let exit = match verdict.code {
            Code::Valid => Exit::Done,
            code if code.is_authenticated() => Exit::NotAllowed,
            _ => Exit::NotAuthenticated,
        };
        let told = if session.out.is_json() {
            session.out.json(&AnswerView::of(&verdict))
        } else {
            let sentence = sentence(&verdict, &requirements);
            session.out.data(format_args!("{}", escape(&sentence)))
        };
        // Whoever asked by the exit code gets it, even when nobody reads the words.
        told.map_or_else(|err| CommandError::from(err).or_exit(exit), |()| Ok(exit))
    })
}

/// Where access tokens open nothing that a token could be of.
fn for_issued_keys(err: VaultError) -> CommandError {
    let is_closed = matches!(err, VaultError::ScopeClosed { .. });
    let err = CommandError::from(err);
    if is_closed {
        err.hint("`keywright access create --kind issued` makes an access token that tokens are checked with")
    } else {
        err
    }
}

/// The answer in one line.
fn sentence(verdict: &Verdict, requirements: &Requirements) -> String {
    let code = verdict.code.text();
    let Some(key) = &verdict.key else {
        return match verdict.code {
            Code::Missing => format!("{code}: there is no token on standard input"),
            Code::Malformed => format!("{code}: this is not a whole, correctly typed token"),
            _ => format!("{code}: no open scope has a key with this token"),
        };
    };
    let (name, in_scope) = (key.name(), key.scope());
    match verdict.code {
        Code::Valid => {
            let granted = key.issued().map(IssuedDetails::granted_permissions);
            let permissions = match granted {
                Some(granted) if !granted.is_empty() => granted.to_string(),
                _ => "do nothing".to_owned(),
            };
            let superseded = if verdict.superseded {
                "; a newer token is out"
            } else {
                ""
            };
            format!("{code}: `{name}` in {in_scope} may {permissions}{superseded}")
        }
        Code::InsufficientPermission => {
            let wanted: Vec<&str> = requirements
                .permissions
                .iter()
                .map(|wanted| wanted.as_str())
                .collect();
            format!("{code}: `{name}` may not {}", wanted.join(", "))
        }
        Code::WrongEnvironment | Code::WrongProject => format!("{code}: `{name}` is in {in_scope}"),
        _ => format!("{code}: `{name}` in {in_scope}"),
    }
}

/// Answers each line of standard input with a line.
fn answer_batch(
    args: &VerifyArgs,
    requirements: Requirements,
    vault: &mut Vault,
    session: &mut Session,
) -> Result<Exit, CommandError> {
    let mut batch = Batch {
        record: !args.no_record,
        audit_required: session.settings.location.audit_required,
        requirements,
        answers: Answers::default(),
        counts: UseCounts::default(),
        output: Vec::with_capacity(2 * OUTPUT_SIZE),
        recorded_at: session.now,
        told: BTreeSet::new(),
        vault,
        session,
    };
    let outcome = batch.answer_input();
    // Whatever ended it: what was answered is said and counted.
    let said = batch.write();
    let recorded = batch.record();
    outcome.and(said).and(recorded).map(|()| Exit::Done)
}

/// A run of many verifications.
struct Batch<'a> {
    record: bool,
    audit_required: bool,
    requirements: Requirements,
    vault: &'a mut Vault,
    session: &'a mut Session,
    answers: Answers,
    /// What was answered and is not recorded yet.
    counts: UseCounts,
    /// What was answered and is not written yet.
    output: Vec<u8>,
    recorded_at: Timestamp,
    /// Warnings that need no repetition.
    told: BTreeSet<String>,
}

impl Batch<'_> {
    fn answer_input(&mut self) -> Result<(), CommandError> {
        let unreadable = |err| unreadable(err, "standard input");
        let input = stdin().map_err(unreadable)?;
        let mut lines = SecretLines::new(CREDENTIAL_LIMIT);
        let mut known = self.vault.known_keys(None).map_err(for_issued_keys)?;
        loop {
            // Whoever waits for these answers before they go on gets them now.
            if !is_ready(&input) {
                self.write()?;
                self.record()?;
            }
            let more = lines.read_more(&input).map_err(unreadable)?;
            // Only now: what was changed before a line was sent holds for it.
            if !known.is_current((self.session.clock)()) {
                known = self.vault.known_keys(Some(&known))?;
                self.answers = Answers::default();
            }
            self.answer_lines(&mut lines, &known)?;
            if !more {
                return Ok(());
            }
        }
    }

    /// Answers the lines that are whole, and records what was counted when a second has passed.
    fn answer_lines(
        &mut self,
        lines: &mut SecretLines,
        known: &KnownKeys,
    ) -> Result<(), CommandError> {
        let now = (self.session.clock)();
        let checked_at = now.to_string();
        while let Some(line) = lines.next_line() {
            let checked = known.check(line, &self.requirements, now);
            self.answers
                .write(&checked.verdict, &checked_at, &mut self.output)?;
            if self.record {
                self.counts.add(&checked);
            }
            if self.output.len() >= OUTPUT_SIZE {
                self.write()?;
            }
        }
        if self.recorded_at != now {
            self.recorded_at = now;
            self.record()?;
        }
        Ok(())
    }

    /// Writes the answers there are. Where uses have to be recorded they are before that, or nothing is said.
    fn write(&mut self) -> Result<(), CommandError> {
        let recorded = match self.audit_required {
            true => self.record(),
            false => Ok(()),
        };
        let written = recorded.and_then(|()| Ok(self.session.out.lines(&self.output)?));
        self.output.clear();
        written
    }

    fn record(&mut self) -> Result<(), CommandError> {
        let recorded = self.vault.record_counts(&mut self.counts);
        for warning in self.vault.take_warnings() {
            if !self.told.contains(&warning) {
                self.session.out.warn(format_args!("{}", escape(&warning)));
                self.told.insert(warning);
            }
        }
        Ok(recorded?)
    }
}

/// Whether a read would not wait. Where the system cannot say, it may.
fn is_ready(input: impl AsFd) -> bool {
    let at_once = Timespec::default();
    poll(&mut [PollFd::new(&input, PollFlags::IN)], Some(&at_once)).is_ok_and(|ready| ready > 0)
}

/// Answers as lines of JSON. Each is put into words once; after that only the time is another.
#[derive(Default)]
struct Answers(HashMap<Answer, Vec<u8>>);

/// All that an answer depends on while the vault is the same, but the time.
#[derive(Eq, Hash, PartialEq)]
struct Answer {
    code: Code,
    key: Option<KeyId>,
    generation: Option<u32>,
    superseded: bool,
}

impl Answers {
    /// Adds a line with what [`AnswerView`] says of the verdict.
    fn write(
        &mut self,
        verdict: &Verdict,
        checked_at: &str,
        output: &mut Vec<u8>,
    ) -> io::Result<()> {
        let answer = Answer {
            code: verdict.code,
            key: verdict.key.as_ref().map(KnownKey::id),
            generation: verdict.generation,
            superseded: verdict.superseded,
        };
        let text = match self.0.entry(answer) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(new) => new.insert(undated(verdict)?),
        };
        output.extend_from_slice(text);
        if verdict.code == Code::Valid {
            output.extend_from_slice(b",\"checked_at\":\"");
            output.extend_from_slice(checked_at.as_bytes());
            output.push(b'"');
        }
        output.extend_from_slice(b"}\n");
        Ok(())
    }
}

/// The document without its time and without the closing brace.
fn undated(verdict: &Verdict) -> io::Result<Vec<u8>> {
    let mut text = json_text(&AnswerView::of(verdict).undated())?;
    text.pop();
    Ok(text)
}
