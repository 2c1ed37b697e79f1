//! The stop algorithms of supervisors that many use, each in less than a hundred lines, rebuilt from what they document and from their
//! open bugs. Nothing of their code is here. Each twin does what their bug report asks for.

use crate::case::Case;

mod bazel_process_wrapper;
mod dumb_init;
mod process_compose;

pub(crate) fn cases() -> Vec<Case> {
    vec![process_compose::case(), bazel_process_wrapper::case(), dumb_init::case()]
}
