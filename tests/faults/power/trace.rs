//! What a command did to the files of its home, from strace: every write with its bytes, every sync, every name.

use std::collections::HashMap;
use std::path::{Component, Path, PathBuf};

use crate::power::disk::{Kind, Node, Tree};

/// The system calls that are understood. A question mark for what not every architecture has.
const CALLS: &str = "openat,?open,write,pwrite64,fsync,fdatasync,ftruncate,?rename,?renameat,renameat2,?unlink,unlinkat,\
                     ?link,linkat,?mkdir,mkdirat,close,dup,?dup2,dup3,fcntl";

/// Those that would change files in a way that is not: where one of them meets the home, the trace is not all.
const FOREIGN: &str = "?creat,writev,pwritev,pwritev2,truncate,fallocate,sync_file_range,?rmdir,?symlink,symlinkat,\
                       copy_file_range,sendfile,splice,lseek,mmap";

/// One thing that was done, or said.
#[derive(Clone, Debug)]
pub(crate) enum Step {
    /// Names of one folder, changed at once; nothing is what a name leads to that was taken away.
    Names {
        folder: Node,
        changed: Vec<(String, Option<Node>)>,
    },
    Resize {
        file: Node,
        length: usize,
    },
    /// To standard output or standard error.
    Said {
        stream: Stream,
        text: String,
    },
    /// All that was done to a file, or to the names in a folder, is on the disk.
    Sync(Node),
    Write {
        file: Node,
        offset: usize,
        bytes: Vec<u8>,
    },
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Stream {
    Error,
    Output,
}

/// What strace is asked for: whole strings, every byte as `\xNN`, so that no name and no content looks like syntax.
pub(crate) fn options(trace: &Path) -> Vec<String> {
    let calls = format!("trace={CALLS},{FOREIGN}").replace(' ', "");
    let fixed = ["-f", "-qq", "-y", "-xx", "-s", "4194304"];
    let mut options: Vec<String> = fixed.map(str::to_owned).to_vec();
    let path = trace.to_string_lossy().into_owned();
    options.extend(["-e".to_owned(), calls, "-o".to_owned(), path]);
    options
}

/// Reads a trace of what began with the files of `tree`, in the folder `home`. New files get their places in the tree, and
/// no names: a tree says how the disk was before.
pub(crate) fn parse(trace: &str, home: &Path, tree: &mut Tree) -> Vec<Step> {
    let mut reader = Reader {
        home,
        now: tree.clone(),
        tree,
        open: HashMap::new(),
        steps: Vec::new(),
    };
    for line in whole_lines(trace) {
        reader.line(&line);
    }
    reader.steps
}

/// Calls that another thread's interrupted are put together again.
fn whole_lines(trace: &str) -> Vec<String> {
    let mut begun: HashMap<&str, &str> = HashMap::new();
    let mut lines = Vec::new();
    for line in trace.lines() {
        let Some((thread, text)) = line.split_once(' ') else {
            continue;
        };
        let text = text.trim_start();
        if let Some(first) = text.strip_suffix("<unfinished ...>") {
            begun.insert(thread, first);
        } else if let Some((_, rest)) = text.split_once("resumed>") {
            let first = begun.remove(thread).expect("a call that was begun");
            lines.push(format!("{first}{rest}"));
        } else {
            lines.push(text.to_owned());
        }
    }
    lines
}

/// An open descriptor of a file in the home.
#[derive(Clone, Copy)]
struct Descriptor {
    node: Node,
    position: usize,
}

struct Reader<'a> {
    home: &'a Path,
    /// How the disk was before, and new files without names.
    tree: &'a mut Tree,
    /// As the command sees it.
    now: Tree,
    open: HashMap<i64, Descriptor>,
    steps: Vec<Step>,
}

impl Reader<'_> {
    fn line(&mut self, line: &str) {
        let Some((name, rest)) = line.split_once('(') else {
            return;
        };
        let Some((arguments, result)) = rest.rsplit_once(" = ") else {
            return;
        };
        let arguments = arguments.trim_end().trim_end_matches(')');
        let arguments: Vec<&str> = arguments.split(", ").collect();
        let result = number(result);
        if result.is_some_and(|result| result >= 0) {
            let result = result.expect("just looked at");
            self.call(name, &arguments, result);
        }
    }

    fn call(&mut self, name: &str, arguments: &[&str], result: i64) {
        let descriptor = || number(arguments[0]).expect("a descriptor");
        match name {
            "open" => self.opened(home_of(self.home, arguments, 0), arguments[1], result),
            "openat" => self.opened(at(self.home, arguments, 0), arguments[2], result),
            "write" => self.wrote(descriptor(), None, arguments[1], result),
            "pwrite64" => {
                let offset = arguments.last().and_then(|text| number(text));
                self.wrote(descriptor(), offset, arguments[1], result);
            }
            "fsync" | "fdatasync" => {
                if let Some(descriptor) = self.open.get(&descriptor()) {
                    self.steps.push(Step::Sync(descriptor.node));
                }
            }
            "ftruncate" => {
                let length = number(arguments[1]).expect("a length");
                if let Some(descriptor) = self.open.get(&descriptor()).copied() {
                    let length = usize::try_from(length).expect("a length");
                    let file = descriptor.node;
                    self.steps.push(Step::Resize { file, length });
                }
            }
            "rename" => {
                let from = home_of(self.home, arguments, 0);
                self.renamed(from, home_of(self.home, arguments, 1));
            }
            "renameat" | "renameat2" => {
                assert!(
                    arguments.get(4).is_none_or(|flags| *flags == "0"),
                    "a rename with flags is not understood"
                );
                self.renamed(at(self.home, arguments, 0), at(self.home, arguments, 2));
            }
            "unlink" => self.unlinked(home_of(self.home, arguments, 0)),
            "unlinkat" => self.unlinked(at(self.home, arguments, 0)),
            "link" => {
                let from = home_of(self.home, arguments, 0);
                self.linked(from, home_of(self.home, arguments, 1));
            }
            "linkat" => self.linked(at(self.home, arguments, 0), at(self.home, arguments, 2)),
            "mkdir" => self.made_folder(home_of(self.home, arguments, 0)),
            "mkdirat" => self.made_folder(at(self.home, arguments, 0)),
            "dup" | "dup2" | "dup3" => self.duplicated(descriptor(), result),
            "fcntl" if arguments[1].starts_with("F_DUPFD") => {
                self.duplicated(descriptor(), result);
            }
            "fcntl" => {}
            "close" => {
                self.open.remove(&descriptor());
            }
            "mmap" if !arguments[3].contains("MAP_SHARED") => {}
            other => self.refuse_foreign(other, arguments),
        }
    }

    fn opened(&mut self, path: Option<PathBuf>, flags: &str, descriptor: i64) {
        let Some(path) = path else {
            self.open.remove(&descriptor);
            return;
        };
        let node = match self.now.find(&path) {
            Some(node) => {
                if flags.contains("O_TRUNC") {
                    let (file, length) = (node, 0);
                    self.steps.push(Step::Resize { file, length });
                }
                node
            }
            None => self.made(&path, Kind::file(Vec::new())),
        };
        assert!(
            !flags.contains("O_APPEND"),
            "who appends to {} is not understood",
            path.display()
        );
        let position = 0;
        self.open.insert(descriptor, Descriptor { node, position });
    }

    fn duplicated(&mut self, from: i64, to: i64) {
        match self.open.get(&from).copied() {
            Some(descriptor) => self.open.insert(to, descriptor),
            None => self.open.remove(&to),
        };
    }

    fn wrote(&mut self, descriptor: i64, offset: Option<i64>, text: &str, result: i64) {
        let mut bytes = unescape(text);
        bytes.truncate(usize::try_from(result).expect("a count"));
        let Some(open) = self.open.get_mut(&descriptor) else {
            let stream = match descriptor {
                1 => Stream::Output,
                2 => Stream::Error,
                _ => return,
            };
            let text = String::from_utf8(bytes).expect("UTF-8");
            self.steps.push(Step::Said { stream, text });
            return;
        };
        let offset = match offset {
            Some(offset) => usize::try_from(offset).expect("an offset"),
            None => {
                open.position += bytes.len();
                open.position - bytes.len()
            }
        };
        let file = open.node;
        self.steps.push(Step::Write {
            file,
            offset,
            bytes,
        });
    }

    fn made(&mut self, path: &Path, kind: Kind) -> Node {
        let node = self.tree.add(kind.clone());
        assert_eq!(self.now.add(kind), node, "one place in both trees");
        self.name(path, vec![(name_of(path), Some(node))]);
        node
    }

    fn made_folder(&mut self, path: Option<PathBuf>) {
        if let Some(path) = path {
            self.made(&path, Kind::folder());
        }
    }

    fn linked(&mut self, from: Option<PathBuf>, to: Option<PathBuf>) {
        let (Some(from), Some(to)) = (from, to) else {
            return;
        };
        let node = self.now.find(&from).expect("a file that was linked");
        self.name(&to, vec![(name_of(&to), Some(node))]);
    }

    fn unlinked(&mut self, path: Option<PathBuf>) {
        if let Some(path) = path {
            self.name(&path, vec![(name_of(&path), None)]);
        }
    }

    fn renamed(&mut self, from: Option<PathBuf>, to: Option<PathBuf>) {
        let (Some(from), Some(to)) = (from, to) else {
            return;
        };
        assert_eq!(from.parent(), to.parent(), "renamed to another folder");
        let node = self.now.find(&from).expect("a file that was renamed");
        let changed = vec![(name_of(&from), None), (name_of(&to), Some(node))];
        self.name(&to, changed);
    }

    fn name(&mut self, path: &Path, changed: Vec<(String, Option<Node>)>) {
        let folder = path.parent().and_then(|folder| self.now.find(folder));
        let folder = folder.expect("a folder in the home");
        self.now.rename(folder, &changed);
        self.steps.push(Step::Names { folder, changed });
    }

    fn refuse_foreign(&self, name: &str, arguments: &[&str]) {
        let home = self.home.as_os_str().as_encoded_bytes();
        for text in arguments {
            let bytes = unescape(text);
            let is_ours = bytes.windows(home.len()).any(|part| part == home);
            assert!(
                !is_ours || bytes.ends_with(b"-shm"),
                "{name} of a file of ours is not understood"
            );
        }
    }
}

fn name_of(path: &Path) -> String {
    let name = path.file_name().and_then(|name| name.to_str());
    name.expect("a name").to_owned()
}

/// The path in the argument `index`, from the home on; nothing for one that leads elsewhere.
fn home_of(home: &Path, arguments: &[&str], index: usize) -> Option<PathBuf> {
    inside(home, home, arguments[index])
}

/// The same for a path in the argument after that of the folder it begins in.
fn at(home: &Path, arguments: &[&str], index: usize) -> Option<PathBuf> {
    // Older versions of strace tell nothing of the working directory, which is the home.
    let folder = match arguments[index].split_once('<') {
        Some((_, path)) => PathBuf::from(text_of(path)),
        None => home.to_owned(),
    };
    inside(home, &folder, arguments[index + 1])
}

fn inside(home: &Path, folder: &Path, text: &str) -> Option<PathBuf> {
    let path = folder.join(text_of(text));
    let path = path
        .strip_prefix(home)
        .ok()
        .filter(|path| !is_index(path))?;
    let parts = path.components();
    Some(
        parts
            .filter(|part| *part != Component::CurDir)
            .inspect(|part| assert!(matches!(part, Component::Normal(_)), "{path:?}"))
            .collect(),
    )
}

/// SQLite's index of a write-ahead log. It is mapped, so that not every change of it is a call, and SQLite makes it anew
/// when it is the first to open the log.
fn is_index(path: &Path) -> bool {
    path.as_os_str().as_encoded_bytes().ends_with(b"-shm")
}

fn text_of(text: &str) -> String {
    String::from_utf8(unescape(text)).expect("UTF-8")
}

/// The bytes of `"\x6b\x77"`, or of a path in angle brackets.
fn unescape(text: &str) -> Vec<u8> {
    assert!(!text.ends_with("..."), "strace has cut a string");
    let bytes = text.split("\\x").skip(1);
    bytes
        .map(|byte| u8::from_str_radix(&byte[..2], 16).expect("two digits"))
        .collect()
}

/// The number that a text begins with.
fn number(text: &str) -> Option<i64> {
    let end = text
        .find(|c: char| c != '-' && !c.is_ascii_digit())
        .unwrap_or(text.len());
    text[..end].parse().ok()
}
