//! The status of a job is written over what stood there: for a moment there is less than a status, and after a crash there may be for ever.
//! toolhive#3590 (L113): a reader at the wrong moment finds no job, and whoever recovers starts another beside it.

use crate::stage::*;
use shakedown_core::files::{FileError, Fs};
use shakedown_core::oracle::OracleName;
use shakedown_core::snapshot::{Kind, Snapshot};
use shakedown_core::status::render;
use shakedown_core::task::TaskCx;
use shakedown_core::vocab::{SessionSpec, WorkerState};

pub(super) fn case() -> Case {
    Case::new("status_is_written_in_place", "L113", OracleName::StatusNeverTorn)
        .plan(|| SessionSpec { status: Some("/status".into()), ..SessionSpec::new("shop") })
        .broken(|host| drop(host.spawn("run", |cx| run(cx, false))))
        .twin(|host| drop(host.spawn("run", |cx| run(cx, true))))
}

async fn run(cx: TaskCx, is_atomic: bool) {
    let fs = cx.files().unrestricted();
    for state in [WorkerState::Starting, WorkerState::Running, WorkerState::Finished] {
        let text = render(&Snapshot::new("shop", Kind::Session, state));
        let written = if is_atomic { fs.write_atomic("/status", text).await } else { in_place(&fs, text).await };
        written.expect("nothing is wrong with this disk");
        cx.sleep(ms(1)).await;
    }
}

async fn in_place(fs: &Fs, text: String) -> Result<(), FileError> {
    let file = fs.open_append("/status", 0o644).await?;
    file.truncate(0).await?;
    file.append(text).await?;
    file.sync().await?;
    fs.sync_folder("/").await
}
