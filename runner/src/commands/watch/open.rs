//! The buffers whose records are watched: opened when somebody looks, and anew when another map takes one's place.

use crate::desired::View;
use crate::watch::{State, Tail};
use std::os::fd::BorrowedFd;

/// The open buffers.
#[derive(Default)]
pub struct Tails {
    open: Vec<Tail>,
    views: Vec<View>,
    undrawn: bool,
}

impl Tails {
    /// How the probe shows its maps.
    pub fn know(&mut self, views: Vec<View>) {
        self.views = views;
    }

    /// Opens what is looked at and closes what is gone.
    pub fn arrange(&mut self, state: &mut State) {
        self.undrawn = false;
        let streams = state.sample.as_ref().map_or(&[][..], |sample| &sample.streams).to_vec();
        self.open.retain(|tail| {
            streams.iter().any(|stream| stream.map == tail.map && stream.id == tail.id)
        });
        let wanted: Vec<String> = state.wants_records().map(str::to_owned).collect();
        for stream in streams.iter().filter(|stream| wanted.contains(&stream.map)) {
            if self.open.iter().any(|tail| tail.map == stream.map) {
                continue;
            }
            let Some(view) = self.views.iter().find(|view| view.map == stream.map) else {
                continue;
            };
            match Tail::open(&state.probe, view, stream.id) {
                Ok(tail) => {
                    state.opened_records(&stream.map, tail.names());
                    self.open.push(tail);
                }
                Err(error) => state.refuse_records(&stream.map, &format!("{error:#}")),
            }
        }
    }

    /// What becomes readable when there are records; nothing while nobody wants any.
    pub fn descriptors(&self, state: &State) -> Vec<BorrowedFd<'_>> {
        if state.paused {
            return Vec::new();
        }
        self.open.iter().flat_map(Tail::descriptors).collect()
    }

    /// Takes what came.
    pub fn take(&mut self, state: &mut State) {
        if state.paused {
            return;
        }
        for tail in &mut self.open {
            let filter = state.filter_of_records(&tail.map);
            let taken = tail.take(filter.as_deref());
            if taken.count > 0 {
                self.undrawn = true;
                state.take_records(&tail.map, taken);
            }
        }
    }

    /// Whether records came since the last picture.
    pub fn are_undrawn(&self) -> bool {
        self.undrawn
    }
}
