//! In place of proxies, where they are not built in (feature `proxy`): none can be started.

use crate::chooser::RealChooser;
use crate::world::Board;
use shakedown_core::ids::{OpId, UnitId};
use shakedown_core::vocab::Request;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Instant;

#[derive(Default)]
pub(super) struct Proxies {}

impl Proxies {
    pub(super) fn take(&mut self, _: &Rc<Board>, _: Instant, _: RealChooser, _: OpId, _: UnitId, _: &Request) -> bool {
        false
    }

    pub(super) fn withdraw(&self, _: OpId, _: UnitId) {}

    pub(super) fn address(&self, _: &str) -> Option<SocketAddr> {
        None
    }

    pub(super) fn environment(&self, _: &str) -> Option<[(&'static str, String); 6]> {
        None
    }

    pub(super) fn abandon(&mut self, _: UnitId) -> bool {
        false
    }
}
