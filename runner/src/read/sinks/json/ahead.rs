//! Rows that are written before their order is known.
//!
//! While the kernel looks up the next entries of a large map there is time to write rows of those that came. In the
//! end they are only copied, in their order.

use std::io;

use memmap2::{Advice, MmapMut};

use crate::read::decoders::Lookups;
use crate::read::sinks::json::rows::RowWriter;
use crate::read::table::Table;

/// How many bytes are written ahead: what a table has beyond that is written when it is in order.
const LIMIT: usize = 6 << 20;

/// Rows of the settled entries of a table, by their places.
#[derive(Default)]
pub(super) struct Ahead {
    /// In large pages where the kernel has them: to be given small ones, and to give them back, took a twentieth of all
    /// the time that a map of 65,536 entries took on processors.
    text: Option<MmapMut>,
    /// Where each row begins, and where the last one ends.
    bounds: Vec<u32>,
    row: Vec<u8>,
}

impl Ahead {
    /// Writes the rows that it hasn't yet.
    pub fn write(
        &mut self,
        writer: &RowWriter,
        table: &Table,
        lookups: &mut Lookups,
    ) -> io::Result<()> {
        let text = match &mut self.text {
            Some(text) => text,
            None => self.text.insert(large_pages()?),
        };
        if self.bounds.is_empty() {
            self.bounds.push(0);
        }
        let mut begin = self.bounds.last().map_or(0, |&begin| begin as usize);
        for entry in table.settled_from(self.bounds.len() - 1) {
            self.row.clear();
            writer.write(&table.columns, entry, lookups, &mut self.row)?;
            let end = begin + self.row.len();
            let Some(room) = text.get_mut(begin..end) else { break };
            room.copy_from_slice(&self.row);
            self.bounds.push(end as u32);
            begin = end;
        }
        Ok(())
    }

    /// The row of the entry at a place, if it was written and the entry is still there.
    pub fn get(&self, table: &Table, place: u32) -> Option<&[u8]> {
        let place = place as usize;
        let bounds = self.bounds.get(place..place + 2).filter(|_| place < table.settled())?;
        self.text.as_ref()?.get(bounds[0] as usize..bounds[1] as usize)
    }

    /// Forgets all rows and keeps their memory, for the next table.
    pub fn clear(&mut self) {
        self.bounds.clear();
    }
}

fn large_pages() -> io::Result<MmapMut> {
    let memory = MmapMut::map_anon(LIMIT)?;
    // Without it the pages are small, and all else is the same.
    let _ = memory.advise(Advice::HugePage);
    Ok(memory)
}

#[cfg(test)]
mod tests {
    use crate::read::sample::{column, unsigned, view};
    use crate::read::sinks::Sheets;
    use crate::read::sinks::json::{Document, Style};
    use crate::read::{Columns, Lookups, Table, Zeros};

    /// A document of one view: parts of `counts` entries, whose columns have names as long as `name`. Whether it looks
    /// at what is settled, and at what then is no longer, is up to the caller.
    fn document(counts: &[u32], name: usize, is_ahead: bool, is_added_to: bool) -> String {
        let mut view = view("counts");
        view.columns = vec![column("value", Some(&"n".repeat(name)), None)];
        let columns = Columns::new(Some(&unsigned(4)), &unsigned(8), Some(&view)).expect("it fits");
        let mut table = Table::new("counts", columns, Zeros::Kept);
        let mut lookups = Lookups::default();
        let mut out = Vec::new();
        let mut document = Document::new(&mut out, "test", Style::Lines).expect("memory");
        document.begin("counts", &table.columns).expect("memory");
        for &count in counts {
            table.clear();
            for n in 0..count {
                // Odd: each key comes once.
                let key = n.wrapping_mul(2_654_435_761);
                table.push(&key.to_le_bytes(), [u64::from(n).to_le_bytes()]);
                if is_ahead {
                    document.ahead(&table, &mut lookups).expect("memory");
                }
            }
            table.arrange(&mut lookups);
            if is_added_to {
                table.push(&7_u32.to_le_bytes(), [7_u64.to_le_bytes()]);
                table.arrange(&mut lookups);
            }
            document.part(&table, &mut lookups).expect("memory");
        }
        document.end().expect("memory");
        document.finish(&[], &[]).expect("memory");
        String::from_utf8(out).expect("text")
    }

    #[test]
    fn what_is_written_ahead_changes_nothing() {
        for counts in [&[0][..], &[10], &[4096], &[10_000, 0, 20_000, 5000]] {
            let [late, ahead] = [false, true].map(|ahead| document(counts, 5, ahead, false));
            assert!(late == ahead, "{counts:?}");
            assert_eq!(late.matches("nnnnn").count(), 1 + counts.iter().sum::<u32>() as usize);
        }
    }

    #[test]
    fn more_than_is_written_ahead_is_written_later() {
        let [late, ahead] = [false, true].map(|ahead| document(&[12_500], 1000, ahead, false));
        assert!(ahead.len() > super::LIMIT + 4096 * 1000);
        assert!(late == ahead);
    }

    #[test]
    fn entries_that_moved_after_all_are_written_anew() {
        let [late, ahead] = [false, true].map(|ahead| document(&[9000], 5, ahead, true));
        assert!(late == ahead);
    }
}
