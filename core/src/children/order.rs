//! The order among siblings: whom a start waits for, and whom a stop waits for. Made once a session, and only where there is one.

use super::Child;
use crate::ids::WorkerId;
use crate::vocab::{SessionSpec, StopOrder};
use alloc::vec::Vec;

/// Edges between siblings, by their places in the list of children.
#[derive(Clone, Debug, Default)]
pub(super) struct Order {
    nodes: Vec<Node>,
}

#[derive(Clone, Debug, Default)]
struct Node {
    /// Who waits for this one to start.
    dependents: Vec<u32>,
    /// Who must be over before this one is asked to stop.
    stops_after: Vec<u32>,
    /// Whose stop waits for this one.
    stops_before: Vec<u32>,
}

impl Order {
    /// The order that the plan asks for among these; `None` where there is none.
    pub(super) fn of(plan: &SessionSpec, children: &[Child]) -> Option<Order> {
        let ordered = |child: &Child| {
            let spec = &plan.workers[child.worker.index()];
            !spec.after.is_empty() || !spec.stop_after.is_empty()
        };
        if !children.iter().any(ordered) {
            return None;
        }
        let mut order = Order { nodes: Vec::new() };
        order.nodes.resize_with(children.len(), Node::default);
        let place =
            |worker: WorkerId| children.iter().position(|child| child.worker == worker).map(|place| place as u32);
        for (at, child) in children.iter().enumerate() {
            let spec = &plan.workers[child.worker.index()];
            for on in spec.after.iter().filter_map(|dependency| place(dependency.on)) {
                order.nodes[on as usize].dependents.push(at as u32);
                if plan.order == StopOrder::ReverseDependency {
                    order.stop_edge(at as u32, on);
                }
            }
            for first in spec.stop_after.iter().filter_map(|other| place(*other)) {
                order.stop_edge(first, at as u32);
            }
        }
        Some(order)
    }

    fn stop_edge(&mut self, first: u32, then: u32) {
        self.nodes[first as usize].stops_before.push(then);
        self.nodes[then as usize].stops_after.push(first);
    }

    // Who has joined later stands in no order, and so has no node.

    pub(super) fn dependents(&self, of: usize) -> &[u32] {
        self.nodes.get(of).map_or(&[], |node| &node.dependents)
    }

    pub(super) fn stops_after(&self, of: usize) -> &[u32] {
        self.nodes.get(of).map_or(&[], |node| &node.stops_after)
    }

    pub(super) fn stops_before(&self, of: usize) -> &[u32] {
        self.nodes.get(of).map_or(&[], |node| &node.stops_before)
    }
}
