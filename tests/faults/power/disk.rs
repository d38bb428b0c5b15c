//! A model of a disk: what is on it for good, what is not yet, and what it may hold when the power goes.
//!
//! Until a file is synced, each sector of it may be as it was, or as any write since has left it, whatever becomes of the
//! others and in whatever order; its length likewise. A length that is kept without the bytes shows zeros, or noise. Until
//! a folder is synced, each change of its names may be kept or lost, whatever becomes of the others; a rename is one change.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::hash::{Hash, Hasher};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::rc::Rc;

use sha2::{Digest, Sha256};

use crate::power::random::Random;
use crate::power::trace::Step;

/// The smallest part of a file that a disk writes whole.
const SECTOR: usize = 512;

/// A file or a folder, by its place in a [`Tree`].
pub(crate) type Node = usize;

#[derive(Clone, Debug, Hash)]
pub(crate) enum Kind {
    File(Bytes),
    Folder(BTreeMap<String, Node>),
}

/// Of a file, with their digest: most files of most disks are the same.
#[derive(Clone, Debug)]
pub(crate) struct Bytes(Rc<Vec<u8>>, [u8; 32]);

impl Hash for Bytes {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.1.hash(state);
    }
}

impl Kind {
    pub(crate) fn file(bytes: Vec<u8>) -> Self {
        let digest = Sha256::digest(&bytes).into();
        Self::File(Bytes(Rc::new(bytes), digest))
    }

    pub(crate) fn folder() -> Self {
        Self::Folder(BTreeMap::new())
    }
}

/// Files and folders. The first is the home; one that no name leads to is not there.
#[derive(Clone, Debug, Hash)]
pub(crate) struct Tree(Vec<Kind>);

impl Tree {
    /// What is in a folder now. The same file under two names is one.
    pub(crate) fn read(folder: &Path) -> Self {
        let mut tree = Self(Vec::new());
        tree.read_folder(folder, &mut BTreeMap::new());
        tree
    }

    fn read_folder(&mut self, folder: &Path, known: &mut BTreeMap<u64, Node>) -> Node {
        let node = self.add(Kind::folder());
        for entry in fs::read_dir(folder).expect("a folder") {
            let entry = entry.expect("an entry");
            let name = entry.file_name().into_string().expect("UTF-8");
            let metadata = entry.metadata().expect("an entry");
            let place = if metadata.is_dir() {
                self.read_folder(&entry.path(), known)
            } else {
                *known.entry(metadata.ino()).or_insert_with(|| {
                    let bytes = fs::read(entry.path()).expect("readable");
                    self.add(Kind::file(bytes))
                })
            };
            self.rename(node, &[(name, Some(place))]);
        }
        node
    }

    pub(crate) fn add(&mut self, kind: Kind) -> Node {
        self.0.push(kind);
        self.0.len() - 1
    }

    pub(crate) fn find(&self, path: &Path) -> Option<Node> {
        path.components()
            .try_fold(0, |node, part| match &self.0[node] {
                Kind::Folder(names) => names.get(part.as_os_str().to_str()?).copied(),
                Kind::File(_) => None,
            })
    }

    /// From the home on.
    pub(crate) fn paths(&self) -> BTreeMap<Node, PathBuf> {
        let mut paths = BTreeMap::from([(0, PathBuf::new())]);
        let mut left = vec![0];
        while let Some(node) = left.pop() {
            if let Kind::Folder(names) = &self.0[node] {
                for (name, inside) in names {
                    paths.insert(*inside, paths[&node].join(name));
                    left.push(*inside);
                }
            }
        }
        paths
    }

    pub(crate) fn rename(&mut self, folder: Node, changed: &[(String, Option<Node>)]) {
        let Kind::Folder(names) = &mut self.0[folder] else {
            panic!("a name in a file");
        };
        for (name, node) in changed {
            match node {
                Some(node) => names.insert(name.clone(), *node),
                None => names.remove(name),
            };
        }
    }

    /// Puts it in the place of `folder`.
    pub(crate) fn write(&self, folder: &Path) {
        fs::remove_dir_all(folder).expect("removed");
        self.write_folder(0, folder, &mut BTreeMap::new());
    }

    fn write_folder(&self, node: Node, path: &Path, written: &mut BTreeMap<Node, PathBuf>) {
        let Kind::Folder(names) = &self.0[node] else {
            panic!("a file is no folder");
        };
        fs::DirBuilder::new()
            .mode(0o700)
            .create(path)
            .expect("made");
        for (name, node) in names {
            let path = path.join(name);
            let Kind::File(bytes) = &self.0[*node] else {
                self.write_folder(*node, &path, written);
                continue;
            };
            if let Some(other) = written.get(node) {
                fs::hard_link(other, &path).expect("a second name");
                continue;
            }
            let mut options = fs::OpenOptions::new();
            let made = options.write(true).create_new(true).mode(0o600).open(&path);
            std::io::Write::write_all(&mut made.expect("made"), &bytes.0).expect("written");
            written.insert(*node, path);
        }
    }

    /// Without what no name leads to, so that equal disks are equal.
    fn without_nameless(mut self) -> Self {
        let mut named = vec![false; self.0.len()];
        let mut left = vec![0];
        while let Some(node) = left.pop() {
            named[node] = true;
            if let Kind::Folder(names) = &self.0[node] {
                left.extend(names.values());
            }
        }
        for (kind, named) in self.0.iter_mut().zip(named) {
            if !named {
                *kind = Kind::folder();
            }
        }
        self
    }
}

/// What is on the disk, and what has been done since.
#[derive(Clone)]
pub(crate) struct Disk {
    tree: Tree,
    /// Of each file and folder.
    since: BTreeMap<Node, Vec<Step>>,
}

impl Disk {
    pub(crate) fn new(tree: &Tree) -> Self {
        Self {
            tree: tree.clone(),
            since: BTreeMap::new(),
        }
    }

    pub(crate) fn apply(&mut self, step: &Step) {
        match step {
            Step::Names { folder: node, .. }
            | Step::Resize { file: node, .. }
            | Step::Write { file: node, .. } => {
                self.since.entry(*node).or_default().push(step.clone());
            }
            Step::Said { .. } => {}
            Step::Sync(node) => {
                for step in self.since.remove(node).unwrap_or_default() {
                    self.keep(&step);
                }
            }
        }
    }

    fn keep(&mut self, step: &Step) {
        match step {
            Step::Names { folder, changed } => self.tree.rename(*folder, changed),
            Step::Resize { file, .. } | Step::Write { file, .. } => {
                let Kind::File(bytes) = &self.tree.0[*file] else {
                    panic!("bytes in a folder");
                };
                let mut bytes = bytes.0.to_vec();
                change(&mut bytes, step);
                self.tree.0[*file] = Kind::file(bytes);
            }
            Step::Said { .. } | Step::Sync(_) => {}
        }
    }

    /// All that the power may keep or lose, each by itself.
    pub(crate) fn parts(&self) -> Vec<Part> {
        let mut parts = Vec::new();
        for (&node, steps) in &self.since {
            let Kind::File(bytes) = &self.tree.0[node] else {
                let bits = u32::try_from(steps.len()).expect("few changes");
                let all = 1_usize.checked_shl(bits).expect("fewer than 64 changes") - 1;
                parts.push(Part {
                    node,
                    at: At::Names,
                    latest: all,
                });
                continue;
            };
            let History { lengths, sectors } = History::of(&bytes.0, steps);
            let latest = lengths.len() - 1;
            if latest > 0 {
                parts.push(Part {
                    node,
                    at: At::Length,
                    latest,
                });
            }
            parts.extend(sectors.iter().map(|(&sector, versions)| Part {
                node,
                at: At::Sector(sector),
                latest: versions.len(),
            }));
        }
        parts
    }

    /// The disk with the given version of each of [`Disk::parts`]: 0 is as it was.
    pub(crate) fn with(&self, parts: &[Part], versions: &[usize], noise: Option<u64>) -> Tree {
        let mut tree = self.tree.clone();
        let chosen: BTreeMap<(Node, At), usize> = parts
            .iter()
            .zip(versions)
            .map(|(part, version)| ((part.node, part.at), *version))
            .collect();
        let version = |node, at| chosen.get(&(node, at)).copied().unwrap_or(0);
        for (&node, steps) in &self.since {
            match &self.tree.0[node] {
                Kind::Folder(_) => {
                    let kept = version(node, At::Names);
                    for (number, step) in steps.iter().enumerate() {
                        if let Step::Names { folder, changed } = step
                            && kept >> number & 1 == 1
                        {
                            tree.rename(*folder, changed);
                        }
                    }
                }
                Kind::File(durable) => {
                    let history = History::of(&durable.0, steps);
                    let length = history.lengths[version(node, At::Length)];
                    let mut bytes = durable.0.to_vec();
                    fill(&mut bytes, length, noise);
                    for (&sector, versions) in &history.sectors {
                        let start = sector * SECTOR;
                        if let Some(kept) = version(node, At::Sector(sector)).checked_sub(1)
                            && start < length
                        {
                            let end = length.min(start + SECTOR);
                            bytes[start..end].copy_from_slice(&versions[kept][..end - start]);
                        }
                    }
                    tree.0[node] = Kind::file(bytes);
                }
            }
        }
        tree.without_nameless()
    }
}

/// Something that is kept or lost by itself, and the last of its versions; 0 is the one that was.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Part {
    pub(crate) node: Node,
    pub(crate) at: At,
    pub(crate) latest: usize,
}

impl Part {
    /// Those of the versions between the first and the last that are no matter of chance: of names the first changes
    /// alone, all but one of them, and each alone.
    pub(crate) fn between(&self) -> Vec<usize> {
        if self.at != At::Names {
            return (1..self.latest).collect();
        }
        let all = self.latest;
        let each = (0..usize::BITS - all.leading_zeros()).map(|number| 1 << number);
        let found: BTreeSet<usize> = each
            .flat_map(|one: usize| [one - 1, all ^ one, one])
            .filter(|kept| *kept != 0 && *kept != all)
            .collect();
        found.into_iter().collect()
    }
}

#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) enum At {
    Length,
    /// Of a folder: each bit of a version says whether that change is kept, the first the oldest.
    Names,
    /// By its number in the file.
    Sector(usize),
}

/// All that a file has been since it was synced.
struct History {
    /// The first is the one on the disk.
    lengths: Vec<usize>,
    /// What each change has made of a sector, with zeros behind the end of the file.
    sectors: BTreeMap<usize, Vec<[u8; SECTOR]>>,
}

impl History {
    fn of(durable: &[u8], steps: &[Step]) -> Self {
        let mut bytes = durable.to_vec();
        let mut lengths = vec![bytes.len()];
        let mut sectors: BTreeMap<usize, Vec<[u8; SECTOR]>> = BTreeMap::new();
        for step in steps {
            let before = bytes.len();
            change(&mut bytes, step);
            if bytes.len() != before {
                lengths.push(bytes.len());
            }
            let (start, end) = match step {
                Step::Write { offset, bytes, .. } => (*offset, offset + bytes.len()),
                _ => (before.min(bytes.len()), before),
            };
            for sector in start / SECTOR..end.div_ceil(SECTOR) {
                let version = sector_of(&bytes, sector);
                let versions = sectors.entry(sector).or_default();
                let is_there = sector * SECTOR < durable.len();
                let last = versions.last().copied();
                let last = last.or_else(|| is_there.then(|| sector_of(durable, sector)));
                if last != Some(version) {
                    versions.push(version);
                }
            }
        }
        sectors.retain(|_, versions| !versions.is_empty());
        Self { lengths, sectors }
    }
}

fn sector_of(bytes: &[u8], sector: usize) -> [u8; SECTOR] {
    let mut found = [0; SECTOR];
    let from = bytes.len().min(sector * SECTOR);
    let there = &bytes[from..bytes.len().min(from + SECTOR)];
    found[..there.len()].copy_from_slice(there);
    found
}

fn change(bytes: &mut Vec<u8>, step: &Step) {
    match step {
        Step::Resize { length, .. } => bytes.resize(*length, 0),
        Step::Write {
            offset,
            bytes: written,
            ..
        } => {
            let end = offset + written.len();
            bytes.resize(bytes.len().max(end), 0);
            bytes[*offset..end].copy_from_slice(written);
        }
        _ => {}
    }
}

/// What a file system shows of a file whose length is on the disk before its bytes are.
fn fill(bytes: &mut Vec<u8>, length: usize, noise: Option<u64>) {
    let before = bytes.len();
    bytes.resize(length, 0);
    if let Some(seed) = noise {
        let mut random = Random::new(seed);
        let unwritten = bytes.iter_mut().skip(before);
        unwritten.for_each(|byte| *byte = random.below(256).to_le_bytes()[0]);
    }
}
