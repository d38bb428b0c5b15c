//! What others have pinned: the algorithms against published vectors, and the file format against files of its own past.

mod algorithms;
mod golden;
