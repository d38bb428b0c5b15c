//! Signals that have to wait for something to be put right first: the terminal's modes after a prompt, a token that
//! could not be handed over.

use std::fs;
use std::io::{self, PipeReader, Read};
use std::os::fd::{AsFd, BorrowedFd};
use std::process::{Child, ExitStatus};
use std::sync::LazyLock;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::process::{Pid, Signal, kill_process};
use signal_hook::consts::{SIGCHLD, SIGHUP, SIGINT, SIGQUIT, SIGTERM};
use signal_hook::low_level::{emulate_default_handler, pipe, unregister};

/// The first in this order counts where several came.
const SIGNALS: [i32; 4] = [SIGTERM, SIGHUP, SIGQUIT, SIGINT];

/// How long whoever was interrupted has to restore the terminal itself; two at once could leave it half restored.
const GRACE: Timespec = Timespec {
    tv_sec: 0,
    tv_nsec: 50_000_000,
};

static CAUGHT: [AtomicBool; 4] = [const { AtomicBool::new(false) }; 4];

/// True while nobody listens: a signal then does at once what it does by default.
static IDLE: AtomicBool = AtomicBool::new(true);

/// Readable once a signal arrived while somebody listened. Installed once and for all, because signal-hook does not give a
/// signal its default meaning back when its handler is taken out.
static WAKE: LazyLock<io::Result<PipeReader>> = LazyLock::new(install);

/// While this lives, signals wait. Dropping it ends the process if one arrived.
pub(crate) struct Listening {
    wake: &'static PipeReader,
}

impl Listening {
    /// Starts to listen.
    ///
    /// # Errors
    /// What the system says when the handlers or their pipe cannot be installed.
    pub(crate) fn start() -> io::Result<Self> {
        let wake = WAKE.as_ref().map_err(|err| io::Error::from(err.kind()))?;
        IDLE.store(false, Ordering::SeqCst);
        Ok(Self { wake })
    }

    /// Waits until `input` can be read; true means that a signal arrived instead.
    pub(crate) fn wait_for(&self, input: impl AsFd) -> io::Result<bool> {
        // macOS cannot poll /dev/tty and says so with NVAL: there the read waits, and a signal for the next key.
        let mut fds = [
            PollFd::new(&input, PollFlags::IN),
            PollFd::new(self.wake, PollFlags::IN),
        ];
        loop {
            match poll(&mut fds, None) {
                Ok(_) => return Ok(!fds[1].revents().is_empty()),
                Err(Errno::INTR) => {}
                Err(err) => return Err(err.into()),
            }
        }
    }

    /// Waits for a child, and passes SIGTERM and SIGHUP on to it. SIGINT and SIGQUIT it gets from the terminal itself,
    /// and a second one might tell it to give up what it does about the first.
    pub(crate) fn wait_for_child(&self, child: &mut Child) -> io::Result<ExitStatus> {
        let (ended, tell) = io::pipe()?;
        let told = pipe::register(SIGCHLD, tell)?;
        let status = self.wait_until_ended(child, &ended);
        unregister(told);
        status
    }

    fn wait_until_ended(&self, child: &mut Child, ended: &PipeReader) -> io::Result<ExitStatus> {
        loop {
            // Asked first: it may have ended before anybody listened to its end.
            if let Some(status) = child.try_wait()? {
                return Ok(status);
            }
            if self.wait_for(ended)? {
                // One byte a signal, so that the next one is noticed, too.
                let mut wake = self.wake;
                let _ = wake.read(&mut [0])?;
                pass_on(child);
            } else {
                let mut ended = ended;
                let _ = ended.read(&mut [0; 64])?;
            }
        }
    }

    /// Whether a signal arrived.
    pub(crate) fn is_interrupted(&self) -> bool {
        CAUGHT.iter().any(|caught| caught.load(Ordering::SeqCst))
    }

    /// Ends it without ending the process: whoever listened has told what the signal came to.
    pub(crate) fn dismiss(self) {
        for caught in &CAUGHT {
            caught.store(false, Ordering::SeqCst);
        }
    }

    /// Does `work`, which should return soon after a signal; if it does not, a second thread restores and ends it all.
    pub(crate) fn during<T>(
        &self,
        restore: impl Fn() + Send,
        work: impl FnOnce() -> T,
    ) -> io::Result<T> {
        let (done, working) = io::pipe()?;
        thread::scope(|scope| {
            let watch = move || {
                if self.wait_for(&done).unwrap_or(false) && !is_ready_within(&done, &GRACE) {
                    restore();
                    end_by_caught_signal();
                }
            };
            thread::Builder::new().spawn_scoped(scope, watch)?;
            let outcome = work();
            drop(working);
            Ok(outcome)
        })
    }
}

/// Can be read once a signal arrived.
impl AsFd for Listening {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.wake.as_fd()
    }
}

impl Drop for Listening {
    fn drop(&mut self) {
        // In this order: a signal between the two lines is either caught already or does its default.
        IDLE.store(true, Ordering::SeqCst);
        end_by_caught_signal();
    }
}

fn pass_on(child: &Child) {
    for (&signal, caught) in SIGNALS.iter().zip(&CAUGHT) {
        let passed = match signal {
            SIGTERM => Signal::TERM,
            SIGHUP => Signal::HUP,
            _ => continue,
        };
        if caught.load(Ordering::SeqCst) {
            // It was not waited for yet, so that the number is still its own.
            let _ = kill_process(Pid::from_child(child), passed);
        }
    }
}

fn end_by_caught_signal() {
    let caught = SIGNALS
        .iter()
        .zip(&CAUGHT)
        .find(|(_, caught)| caught.load(Ordering::SeqCst));
    if let Some((&signal, _)) = caught {
        // It returns only for numbers it does not know.
        let _ = emulate_default_handler(signal);
    }
}

/// Whether something can be read from `input` before that time is over; not where it cannot be told.
pub(crate) fn is_ready_within(input: impl AsFd, time: &Timespec) -> bool {
    poll(&mut [PollFd::new(&input, PollFlags::IN)], Some(time)).is_ok_and(|ready| ready > 0)
}

fn install() -> io::Result<PipeReader> {
    let (reader, writer) = io::pipe()?;
    let ignored = ignored_signals();
    for (&signal, caught) in SIGNALS.iter().zip(&CAUGHT) {
        // `nohup`, and a shell that puts a job in the background, mean it.
        if ignored & (1 << (signal - 1)) != 0 {
            continue;
        }
        // They run in this order: whoever is woken finds the flag set.
        signal_hook::flag::register(signal, caught)?;
        pipe::register(signal, writer.try_clone()?)?;
        signal_hook::flag::register_conditional_default(signal, &IDLE)?;
    }
    Ok(reader)
}

/// The signals that were ignored when the process started, as a bit mask; none where the system does not say.
fn ignored_signals() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok())
        .unwrap_or(0)
}
