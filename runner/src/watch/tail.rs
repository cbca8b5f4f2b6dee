//! Takes records out of a probe's buffer and keeps the last of them.

use std::collections::VecDeque;
use std::os::fd::BorrowedFd;

use crate::desired::View;
use crate::kernel::PinDir;
use crate::kernel::records::Records;
use crate::read::{Lookups, record};
use crate::readout::{self, EventStream};
use crate::text::template::Filter;
use crate::watch::sample::Taken;

/// Records that are taken before keys are looked at again.
const BATCH: usize = 1 << 16;
/// Records of a batch that are shown.
const SHOWN: usize = 1000;

/// An open buffer.
pub struct Tail {
    /// The map's symbol.
    pub map: String,
    /// Its id.
    pub id: u32,
    records: Records,
    stream: EventStream,
    /// Bytes of the last records.
    last: VecDeque<Vec<u8>>,
}

impl Tail {
    /// Opens the buffer of a view. From now on records that are shown here are shown nowhere else.
    ///
    /// # Errors
    /// It can't be opened, or the type of its records can't be read.
    pub fn open(probe: &str, view: &View, id: u32) -> anyhow::Result<Tail> {
        let pins = PinDir::persistent(probe);
        let stream = readout::event_streams(&pins, std::slice::from_ref(view))?.pop();
        let stream = stream.ok_or_else(|| anyhow::anyhow!("`{}` has no records", view.map))?;
        let records = Records::open(&pins, &view.map)?;
        Ok(Tail { map: view.map.clone(), id, records, stream, last: VecDeque::new() })
    }

    /// The names that a filter can use.
    pub fn names(&self) -> Vec<String> {
        self.stream.columns.json_names()
    }

    /// What becomes readable when there are records.
    pub fn descriptors(&self) -> Vec<BorrowedFd<'_>> {
        self.records.descriptors()
    }

    /// Takes what is there. Only the last ones that a filter lets through are decoded.
    pub fn take(&mut self, filter: Option<&Filter>) -> Taken {
        let mut count = 0;
        let (last, stream) = (&mut self.last, &self.stream);
        let mut lookups = Lookups::default();
        self.records.drain(BATCH, |bytes| {
            count += 1;
            // Where it can't be used it doesn't hold.
            let is_wanted = filter
                .is_none_or(|filter| stream.keeps(filter, bytes, &mut lookups).unwrap_or(false));
            if !is_wanted {
                return;
            }
            // The memory of the oldest is used again.
            let mut kept =
                if last.len() < SHOWN { Vec::new() } else { last.pop_front().unwrap_or_default() };
            kept.clear();
            kept.extend_from_slice(bytes);
            last.push_back(kept);
        });
        let lines = last.drain(..).map(|bytes| {
            let row = record(&stream.columns, &bytes, &mut lookups);
            stream.line(&row)
        });
        Taken { count, lines: lines.collect(), lost: self.records.lost() }
    }
}
